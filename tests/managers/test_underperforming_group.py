"""Groups of similar examples that the model predicts badly."""

from typing import Any

import numpy as np
import pytest

from datalab import Datalab
from datalab._check import labels_and_probs
from datalab.exceptions import InputError, NotApplicable
from datalab.managers import UnderperformingGroup
from datalab.neighbors import KNNGraph, knn_graph

CENTRES = np.array([[0.0, 0.0], [6.0, 6.0], [0.0, 6.0], [6.0, 0.0]])


@pytest.fixture
def made() -> Any:
    """Four groups of points; in the last one the model gives the labels almost nothing."""
    rng = np.random.default_rng(0)
    group = rng.integers(4, size=240)
    features = CENTRES[group] + 0.3 * rng.normal(size=(240, 2))
    labels = rng.integers(3, size=240)
    given = np.array([0.95, 0.9, 0.6, 0.03])[group]
    probs = np.repeat((1 - given[:, None]) / 2, 3, axis=1)
    probs[np.arange(240), labels] = given
    return group, features, *labels_and_probs(labels, probs)


def test_finds_the_planted_group(made: Any) -> None:
    group, features, labels, probs = made
    found = UnderperformingGroup().find_issues(labels, probs, knn_graph(features, k=10))
    assert found.is_issue[group == 3].mean() > 0.9
    assert not found.is_issue[group != 3].any()
    stats = found.info["clustering"]["stats"]
    assert stats["n_clusters"] == 4
    worst = stats["underperforming_cluster_id"]
    assert np.array_equal(stats["cluster_ids"] == worst, found.is_issue)
    assert found.summary == found.score.min() < 0.1
    assert found.info["clustering"]["algorithm"] == "DBSCAN"
    params = found.info["clustering"]["params"]
    assert set(params) == {"metric", "eps"}
    fixed = UnderperformingGroup(scale="fixed").find_issues(labels, probs, knn_graph(features, 10))
    assert fixed.info["clustering"]["params"] == {"metric": "precomputed", "eps": 0.5}
    assert found.info["nearest_neighbor"].shape == (240,)


def test_given_groups(made: Any) -> None:
    group, _, labels, probs = made
    found = UnderperformingGroup().find_issues(labels, probs, cluster_ids=group)
    means = np.array([0.95, 0.9, 0.6, 0.03])
    ratio = np.minimum(means / means[group].mean(), 1)
    np.testing.assert_allclose(found.score, ratio[group])
    assert np.array_equal(found.is_issue, group == 3)
    assert found.columns["group_size"][group == 3][0] == (group == 3).sum()
    assert found.info["clustering"]["algorithm"] is None
    assert found.info["metric"] is None
    floats = UnderperformingGroup().find_issues(labels, probs, cluster_ids=group * 1.0)
    assert np.array_equal(floats.score, found.score)


def test_rows_without_a_group_and_small_groups_do_not_count(made: Any) -> None:
    group, _, labels, probs = made
    ids = np.where(group == 3, -1, group)
    ids[:4] = 9
    found = UnderperformingGroup(threshold=0.9).find_issues(labels, probs, cluster_ids=ids)
    alone = (ids == -1) | (ids == 9)
    assert set(found.score[alone]) == {1.0}
    assert set(found.columns["group"][alone]) == {-1}
    counted = np.array([0.95, 0.9, 0.6])[group[~alone]]
    assert found.summary == pytest.approx(0.6 / counted.mean())
    assert np.array_equal(found.is_issue, (ids == 2))
    mild = UnderperformingGroup(threshold=0.5).find_issues(labels, probs, cluster_ids=ids)
    assert mild.num_issues == 0
    assert mild.info["clustering"]["stats"]["underperforming_cluster_id"] == -2


def test_no_groups(made: Any) -> None:
    group, features, labels, probs = made
    fixed = UnderperformingGroup(scale="fixed")
    with pytest.raises(NotApplicable, match=r"within the distance 0\.5.*'eps'.*within 3"):
        fixed.find_issues(labels, probs, knn_graph(features * 20, k=10))
    with pytest.raises(NotApplicable, match="none of the groups in cluster_ids has 500 rows"):
        UnderperformingGroup(min_cluster_samples=500).find_issues(labels, probs, cluster_ids=group)
    with pytest.raises(NotApplicable, match="cluster_ids"):
        UnderperformingGroup().find_issues(labels, probs)
    wider = UnderperformingGroup(clustering_kwargs={"eps": 10})
    assert wider.find_issues(labels, probs, knn_graph(features * 20, k=10)).flagged


def test_a_given_graph_is_used_whole(made: Any) -> None:
    _, features, labels, probs = made
    graph = KNNGraph.from_csr(knn_graph(features, k=20).to_csr())
    found = UnderperformingGroup().find_issues(labels, probs, graph)
    assert (found.info["k"], found.info["metric"]) == (20, "given")


def test_through_the_lab(made: Any) -> None:
    group, features, labels, probs = made
    given = [None if i < 5 else int(k) for i, k in enumerate(labels)]
    lab = Datalab({"y": given}, label_name="y", verbosity=0)
    ids = {"underperforming_group": {"cluster_ids": group}}
    lab.find_issues(ids, pred_probs=probs, features=features)
    flagged = lab.issues["is_underperforming_group_issue"]
    assert flagged.isna().sum() == 5
    assert np.array_equal(flagged[5:].to_numpy(dtype=bool), group[5:] == 3)
    reason = lab.worst(1)["reason"].iloc[0]
    assert reason.startswith(f"group 3 of {(group[5:] == 3).sum()} rows: the model gives")
    assert "3 %, only 5 % of what it gives to all" in reason
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    lab.find_issues(["underperforming_group"], pred_probs=probs, features=features)
    assert lab.issues["is_underperforming_group_issue"].sum() > 30
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    lab.find_issues(ids, pred_probs=probs, rules="reference")
    assert lab.get_issues("underperforming_group").columns.tolist() == [
        "is_underperforming_group_issue",
        "underperforming_group_score",
    ]
    assert "5 % as likely" in lab.worst(1)["reason"].iloc[0]


def test_bad_parameters(made: Any) -> None:
    group, features, labels, probs = made
    with pytest.raises(InputError, match="`threshold` must be a number in"):
        UnderperformingGroup(threshold=2)
    with pytest.raises(InputError, match="`min_cluster_samples` must be an integer >= 1"):
        UnderperformingGroup(min_cluster_samples=0)
    with pytest.raises(InputError, match="`clustering_kwargs` has 'epps': did you mean 'eps'"):
        UnderperformingGroup(clustering_kwargs={"epps": 1}).find_issues(
            labels, probs, knn_graph(features, k=10)
        )
    with pytest.raises(InputError, match="`cluster_ids` must be whole numbers.* 3.5 in row 0"):
        UnderperformingGroup().find_issues(labels, probs, cluster_ids=group + 0.5)  # type: ignore[arg-type]


# The scale of the data ----------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_units_do_not_matter(made: Any, unit: float) -> None:
    group, features, labels, probs = made
    found = UnderperformingGroup().find_issues(labels, probs, knn_graph(features * unit, k=10))
    assert found.is_issue[group == 3].mean() > 0.9
    assert not found.is_issue[group != 3].any()
    assert found.info["clustering"]["params"]["eps"] == pytest.approx(
        UnderperformingGroup()
        .find_issues(labels, probs, knn_graph(features, k=10))
        .info["clustering"]["params"]["eps"]
        * unit,
        rel=1e-5,
    )


def test_the_distance_is_that_of_the_neighbour_that_makes_min_samples(made: Any) -> None:
    _, features, labels, probs = made
    graph = knn_graph(features, k=10)
    for least, place in ((5, 3), (3, 1), (1, 0), (11, 9), (40, 9)):
        manager = UnderperformingGroup(clustering_kwargs={"min_samples": least})
        widest = manager._distances(graph)[0]
        assert 0.95 <= (graph.distances[:, place] <= widest).mean() < 0.96
    with pytest.raises(InputError, match="min_samples"):
        UnderperformingGroup(clustering_kwargs={"min_samples": 0}).find_issues(labels, probs, graph)


def test_smaller_groups_are_looked_at_where_no_large_one_is_bad() -> None:
    # Two dense groups of which one is bad, inside of a sparse one that reaches both.
    rng = np.random.default_rng(0)
    features = np.concatenate(
        [
            rng.normal(size=(300, 2)) * 4,
            rng.normal(size=(200, 2)) * 0.1 + 1,
            rng.normal(size=(200, 2)) * 0.1,
        ]
    )
    bad = np.repeat([False, True], [500, 200])
    given = np.where(bad, 0.02, 0.9)
    labels, probs = labels_and_probs(np.zeros(700, dtype=int), np.column_stack([given, 1 - given]))
    found = UnderperformingGroup().find_issues(labels, probs, knn_graph(features, k=10))
    assert found.is_issue[bad].mean() > 0.8
    assert found.is_issue[~bad].mean() < 0.02


def test_groups_of_copies() -> None:
    features = np.repeat(np.arange(6.0), 20)[:, None]
    given = np.where(features[:, 0] == 2, 0.01, 0.9)
    labels, probs = labels_and_probs(np.zeros(120, dtype=int), np.column_stack([given, 1 - given]))
    found = UnderperformingGroup().find_issues(labels, probs, knn_graph(features, k=10))
    assert np.array_equal(found.is_issue, features[:, 0] == 2)


def test_rules_of_the_reference_keep_its_distance(made: Any) -> None:
    _, features, labels, probs = made
    asked: dict[str, dict[str, Any]] = {"underperforming_group": {}}
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    lab.find_issues(asked, pred_probs=probs, features=features * 20, rules="reference")
    assert lab.outcomes["underperforming_group"].status == "not applicable"
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    lab.find_issues(asked, pred_probs=probs, features=features * 20)
    assert lab.issues["is_underperforming_group_issue"].sum() > 30
    with pytest.raises(InputError, match="scale"):
        UnderperformingGroup(scale="auto")


def test_order_of_rows_does_not_matter(made: Any) -> None:
    _, features, labels, probs = made
    order = np.random.default_rng(1).permutation(240)
    found = UnderperformingGroup().find_issues(labels, probs, knn_graph(features, k=10))
    moved = UnderperformingGroup().find_issues(
        labels[order], probs[order], knn_graph(features[order], k=10)
    )
    assert np.array_equal(moved.is_issue, found.is_issue[order])


@pytest.mark.parametrize("eps", [0, -1.0, np.nan, "wide"])
def test_a_distance_that_is_none(made: Any, eps: Any) -> None:
    _, features, labels, probs = made
    manager = UnderperformingGroup(clustering_kwargs={"eps": eps})
    with pytest.raises(InputError, match="eps"):
        manager.find_issues(labels, probs, knn_graph(features, k=10))
