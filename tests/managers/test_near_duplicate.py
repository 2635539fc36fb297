"""Examples that are nearly the same as others."""

from typing import Any

import numpy as np
import pytest

from datalab import Datalab
from datalab.exceptions import InputError, InputWarning
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


def test_bad_parameters() -> None:
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
