"""Examples that are nearly the same as others."""

from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from datalab import Datalab
from datalab.exceptions import InputError, InputWarning, NotApplicable
from datalab.managers import NearDuplicate
from datalab.neighbors import KNNGraph, knn_graph


@pytest.fixture
def features() -> Any:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(100, 4))
    features[10] = features[3]
    features[20] = features[3]
    features[31] = features[30] + 1e-3
    return features


def test_finds_planted_copies(features: Any) -> None:
    found = NearDuplicate().find_issues(knn_graph(features, k=10))
    assert np.flatnonzero(found.is_issue).tolist() == [3, 10, 20, 30, 31]
    sets = found.columns["near_duplicate_sets"]
    assert [sets[row].tolist() for row in (3, 10, 20, 30, 31, 0)] == [
        [10, 20],
        [3, 20],
        [3, 10],
        [31],
        [30],
        [],
    ]
    assert found.score[[3, 10, 20]].tolist() == [0, 0, 0]
    assert 0 < found.score[30] < 0.01
    assert found.columns["near_duplicate_set"][[3, 10, 20, 30, 31, 0]].tolist() == [
        0,
        0,
        0,
        1,
        1,
        -1,
    ]
    info = found.info
    nearest = info["distance_to_nearest_neighbor"]
    assert nearest.dtype == np.float64
    median = info["median_distance_to_nearest_neighbor"]
    assert median == np.median(nearest)
    np.testing.assert_allclose(found.score[30:], 1 - np.exp(-nearest[30:] / median))
    assert info["nearest_neighbor"][[3, 10, 30]].tolist() == [10, 3, 31]
    assert (info["k"], info["metric"], info["threshold"]) == (10, "euclidean", 0.13)
    assert info["average_near_duplicate_score"] == found.summary


def test_threshold(features: Any) -> None:
    graph = knn_graph(features, k=10)
    counts = [NearDuplicate(threshold=t).find_issues(graph).num_issues for t in (0, 1e-4, 0.13, 2)]
    assert counts[:3] == [0, 3, 5]
    assert counts[3] > 50
    with pytest.warns(InputWarning, match="`threshold` is -1; 0 is used"):
        manager = NearDuplicate(threshold=-1)
    assert manager.threshold == 0


def test_more_copies_than_neighbours() -> None:
    rng = np.random.default_rng(0)
    features = np.r_[rng.normal(size=(300, 6)), np.ones((200, 6))]
    found = NearDuplicate(k=5).find_issues(knn_graph(features, k=5))
    assert np.flatnonzero(found.is_issue).tolist() == list(range(300, 500))
    assert {len(one) for one in found.columns["near_duplicate_sets"][300:]} == {199}
    assert set(found.columns["near_duplicate_set"][300:].tolist()) == {0}


def test_a_given_graph_is_used_whole(features: Any) -> None:
    graph = knn_graph(features, k=20)
    given = NearDuplicate(threshold=3).find_issues(KNNGraph.from_csr(graph.to_csr()))
    ten = NearDuplicate(threshold=3).find_issues(graph)
    assert (given.info["k"], ten.info["k"]) == (20, 10)
    assert max(map(len, given.info["near_duplicate_sets"])) >= 20


def test_row_order_does_not_matter(features: Any) -> None:
    order = np.random.default_rng(1).permutation(100)
    found = NearDuplicate().find_issues(knn_graph(features, k=10))
    moved = NearDuplicate().find_issues(knn_graph(features[order], k=10))
    assert np.array_equal(moved.is_issue, found.is_issue[order])
    np.testing.assert_allclose(moved.score, found.score[order], rtol=1e-6)


def test_only_copies() -> None:
    found = NearDuplicate().find_issues(knn_graph(np.ones((12, 3)), k=10))
    assert found.is_issue.all()
    assert (found.score == 0).all()


def test_reasons(features: Any) -> None:
    found = NearDuplicate().find_issues(knn_graph(features, k=10))

    def told(row: int) -> str:
        return NearDuplicate().explain({name: c[row] for name, c in found.columns.items()})

    assert told(3) == "equal to rows 10, 20"
    assert told(30) == "nearly the same as row 31"
    assert told(0) == "no other row is nearly the same"


def test_absolute_threshold() -> None:
    points = np.array([[0.0], [0.5], [10.0], [10.25], [30.0], [40.0]])
    graph = knn_graph(points, k=2)

    def flagged(**options: Any) -> list[int]:
        found = NearDuplicate(**options).find_issues(graph)
        return np.flatnonzero(found.is_issue).tolist()

    assert flagged(threshold=0, absolute_threshold=0.5) == [0, 1, 2, 3]  # up to this distance
    assert flagged(absolute_threshold=0.3) == [2, 3]
    assert flagged(absolute_threshold=0) == []
    assert flagged(absolute_threshold=0, mode="exact") == []
    copies = NearDuplicate(absolute_threshold=0).find_issues(knn_graph(points.repeat(2, 0), k=2))
    assert copies.is_issue.all()
    with pytest.raises(InputError, match="`absolute_threshold` is a distance"):
        NearDuplicate(absolute_threshold=-1)


def test_exact_counts_only_equal_examples(features: Any) -> None:
    graph = knn_graph(features, k=10)
    exact = NearDuplicate(mode="exact")
    assert np.flatnonzero(exact.find_issues(graph).is_issue).tolist() == [3, 10, 20]
    # Multiples have the same direction, but they are not equal: features tell them apart.
    features[50] = 2 * features[40]
    features[60] = features[40]
    graph = knn_graph(features, k=10, metric="cosine")
    found = exact.find_issues(graph, features=features)
    assert np.flatnonzero(found.is_issue).tolist() == [3, 10, 20, 40, 60]
    # A graph whose equal rows are apart by rounding.
    apart = KNNGraph(graph.indices, np.maximum(graph.distances, np.float32(1e-7)), "cosine")
    rounded = exact.find_issues(apart, features=features)
    assert np.flatnonzero(rounded.is_issue).tolist() == [3, 10, 20, 40, 60]


@pytest.mark.parametrize(
    ("keep", "kept"), [("first", 0), ("medoid", 1), ("label_quality", 2)], ids=lambda one: str(one)
)
def test_which_member_is_kept(keep: str, kept: int) -> None:
    points = np.r_[[0.0, 1.0, 3.0], np.arange(100.0, 2000.0, 100.0)][:, None]
    probs = np.full((len(points), 2), 0.5)
    probs[:3] = [[0.2, 0.8], [0.4, 0.6], [0.9, 0.1]]  # of the labels a, b, a: 0.2, 0.6, 0.9
    lab = Datalab({"y": ["a", "b"] + ["a"] * (len(points) - 2)}, label_name="y", verbosity=0)
    asked = {"near_duplicate": {"keep": keep, "absolute_threshold": 5, "metric": "euclidean"}}
    lab.find_issues(asked, features=points, pred_probs=probs)
    stays = lab.get_issues("near_duplicate")["is_kept"]
    assert np.flatnonzero(~stays).tolist() == [row for row in range(3) if row != kept]
    assert lab.get_info("near_duplicate")["num_sets"] == 1


def test_the_best_label_for_every_task() -> None:
    copies = np.r_[np.zeros((2, 3)), np.random.default_rng(0).normal(size=(30, 3)) + 9]
    graph = knn_graph(copies, k=5)
    manager = NearDuplicate(keep="label_quality")

    def kept(**inputs: Any) -> list[bool]:
        return manager.find_issues(graph, **inputs).columns["is_kept"][:2].tolist()

    far = np.r_[[5.0, 1.0], np.zeros(30)]
    assert kept(labels=np.zeros(32), predictions=far) == [False, True]
    probs = np.full((32, 2), 0.5)
    probs[:2] = [[0.9, 0.9], [0.9, 0.1]]
    assert kept(labels=[[0], [0], *([[1]] * 30)], pred_probs=probs) == [False, True]
    assert kept(labels=[[0], [-1], *([[1]] * 30)], pred_probs=probs) == [True, False]
    codes = np.r_[-1, 0, np.ones(30, dtype=np.int64)]
    assert kept(labels=codes, pred_probs=probs) == [False, True]
    with pytest.raises(NotApplicable, match="keep='label_quality' needs labels"):
        manager.find_issues(graph)


def test_only_what_the_options_use_is_made(features: Any) -> None:
    class Counting(LogisticRegression):  # type: ignore[misc]
        fitted: ClassVar[list[int]] = []

        def fit(self, *args: Any) -> Any:
            self.fitted.append(1)
            return super().fit(*args)

    labels = (features[:, 0] > 0).astype(int)
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    lab.find_issues(["near_duplicate"], features=features, model=Counting())
    assert Counting.fitted == []
    other = Datalab({"y": labels}, label_name="y", verbosity=0)
    asked = {"near_duplicate": {"keep": "label_quality"}}
    other.find_issues(asked, features=features, model=Counting())
    assert len(Counting.fitted) == 5


def test_the_reference_has_no_further_columns(features: Any) -> None:
    lab = Datalab({"y": np.arange(100) % 2}, label_name="y", verbosity=0)
    lab.find_issues(["near_duplicate"], features=features, rules="reference")
    assert lab.get_issues("near_duplicate").columns.tolist() == [
        "is_near_duplicate_issue",
        "near_duplicate_score",
        "near_duplicate_sets",
        "distance_to_nearest_neighbor",
    ]
    assert set(lab.get_info("near_duplicate")) == {
        "average_near_duplicate_score",
        "near_duplicate_sets",
        "metric",
        "k",
        "threshold",
        "nearest_neighbor",
        "distance_to_nearest_neighbor",
        "median_distance_to_nearest_neighbor",
    }


def test_bad_parameters() -> None:
    with pytest.raises(InputError, match="`keep`"):
        NearDuplicate(keep="last")
    with pytest.raises(InputError, match="`mode`"):
        NearDuplicate(mode="exactly")
    with pytest.raises(InputError, match="`k` must be an integer >= 1"):
        NearDuplicate(k=0)


@pytest.mark.parametrize("n_rows", [2, 3, 8, 11])
def test_hardly_any_rows(features: Any, n_rows: int) -> None:
    lab = Datalab({"y": [k % 2 for k in range(n_rows)]}, label_name="y", verbosity=0)
    lab.find_issues(["near_duplicate"], features=np.r_[features[: n_rows - 1], features[:1]])
    assert lab.get_info("near_duplicate")["k"] == min(10, n_rows - 1)
    flags = lab.issues["is_near_duplicate_issue"]
    assert flags[0]
    assert flags[n_rows - 1]


def test_positions_are_those_of_the_whole_data_set(features: Any) -> None:
    features[5, 1] = np.nan
    lab = Datalab({"y": np.arange(100) % 2}, label_name="y", verbosity=0)
    lab.find_issues(["near_duplicate"], features=features)
    sets = lab.get_issues("near_duplicate")["near_duplicate_sets"]
    assert sets[10].tolist() == [3, 20]
    assert sets[31].tolist() == [30]


@pytest.mark.parametrize("rules", ["datalab", "reference"])
def test_one_of_each_set_stays_when_they_are_dropped(features: Any, rules: Any) -> None:
    lab = Datalab({"y": np.arange(100) % 2}, label_name="y", verbosity=0, ledger=False)
    lab.find_issues(["near_duplicate"], features=features, rules=rules)
    left = lab.drop("near_duplicate")
    assert {10, 20, 31}.isdisjoint(left.rows.tolist())
    assert {3, 30} <= set(left.rows.tolist())
    assert len(lab) - len(left) < lab.outcomes["near_duplicate"].findings.num_issues


def test_copies_do_not_hide_the_rest_of_their_set() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 20))
    features[:30] = features[0]
    features[30:60] = features[0]
    features[30:60, 0] += 1e-4  # so near that both are one set, but no row lists the other ones
    graph = knn_graph(features, k=10, metric="euclidean")
    found = NearDuplicate().find_issues(graph)
    ids = found.columns["near_duplicate_set"]
    assert set(ids[:60].tolist()) == {0}
    assert found.is_issue.tolist() == [i < 60 for i in range(300)]
    assert found.columns["is_kept"][:60].sum() == 1
    exact = NearDuplicate(mode="exact").find_issues(graph, features=features)
    assert len(set(exact.columns["near_duplicate_set"][:60].tolist())) == 2
