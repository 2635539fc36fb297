"""Rows whose order says something about them."""

from typing import Any

import numpy as np
import pytest

from datalab import Datalab
from datalab.exceptions import InputError, NotApplicable
from datalab.findings import Findings
from datalab.managers import NonIID
from datalab.neighbors import KNNGraph, knn_graph


@pytest.fixture
def drifting() -> Any:
    return np.cumsum(np.random.default_rng(0).normal(size=(200, 2)), axis=0)


def test_drift_is_found_and_shuffling_cures_it(drifting: Any) -> None:
    found = NonIID().find_issues(knn_graph(drifting, k=10))
    assert found.flagged
    assert found.num_issues == 1
    assert found.is_issue[found.score.argmin()]
    assert found.summary == found.info["p-value"] < 1e-6
    assert found.info["average_index_distance"] < found.info["random_index_distance"]
    shuffled = np.random.default_rng(1).permutation(drifting)
    found = NonIID().find_issues(knn_graph(shuffled, k=10))
    assert not found.flagged
    assert found.summary > 0.05


def test_columns_and_info(drifting: Any) -> None:
    graph = knn_graph(drifting, k=15)
    found = NonIID(k=5).find_issues(graph)
    away = np.abs(graph.indices[:, :5] - np.arange(200)[:, None])
    assert np.array_equal(found.columns["neighbor_index_distance"], away.mean(axis=1))
    assert (found.info["k"], found.info["metric"]) == (5, "euclidean")
    assert found.info["random_index_distance"] == 67.0


def test_a_given_graph_is_used_whole(drifting: Any) -> None:
    graph = knn_graph(drifting, k=20)
    whole = NonIID().find_issues(KNNGraph.from_csr(graph.to_csr()))
    assert (whole.info["k"], whole.info["metric"]) == (20, "given")


@pytest.mark.parametrize("seed", range(4))
def test_ties_are_no_order(seed: int) -> None:
    # Neighbours among many equal rows are listed by row number: that is no property of the data.
    values = np.random.default_rng(seed).integers(3, size=(300, 2)).astype(float)
    found = NonIID().find_issues(knn_graph(values, k=10))
    assert not found.flagged
    assert not NonIID().find_issues(knn_graph(np.ones((50, 2)), k=10)).flagged


def test_order_of_integers_is_found() -> None:
    values = np.sort(np.random.default_rng(0).integers(1000, size=(300, 1)), axis=0).astype(float)
    assert NonIID().find_issues(knn_graph(values, k=10)).flagged


def test_from_probabilities() -> None:
    rng = np.random.default_rng(0)
    labels = np.sort(rng.integers(3, size=150))
    probs = 0.5 * np.eye(3)[labels] + 0.5 * rng.dirichlet(np.ones(3), 150)
    probs[:5] = probs[:5, ::-1]
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    lab.find_issues(["non_iid"], pred_probs=probs)
    assert lab.get_info("non_iid")["metric"] == "euclidean"
    assert lab.issues["is_non_iid_issue"].sum() == 1
    with pytest.raises(NotApplicable, match="features="):
        NonIID().find_issues(pred_probs=probs, labels=[[0]] * 150)  # type: ignore[arg-type]
    with pytest.raises(NotApplicable, match="features="):
        NonIID().find_issues()


@pytest.mark.parametrize("n_rows", [2, 3, 12])
def test_a_dozen_rows_are_too_few(drifting: Any, n_rows: int) -> None:
    lab = Datalab({"y": np.arange(n_rows) % 2}, label_name="y", verbosity=0)
    lab.find_issues(["non_iid"], features=drifting[:n_rows])
    assert lab.outcomes["non_iid"].status == "not applicable"
    assert f"needs at least 13 rows to tell an order from chance, found {n_rows}" in (
        lab.outcomes["non_iid"].reason
    )


def test_thresholds_and_reasons(drifting: Any) -> None:
    shuffled = np.random.default_rng(1).permutation(drifting)
    assert NonIID(significance_threshold=1).find_issues(knn_graph(shuffled, k=10)).flagged
    lab = Datalab({"x": np.arange(200)}, task=None, verbosity=0)
    lab.find_issues(["non_iid"], features=drifting)
    assert "rows away" in lab.worst(1)["reason"].iloc[0]
    lab = Datalab({"x": np.arange(200)}, task=None, verbosity=0)
    lab.find_issues(["non_iid"], features=drifting, rules="reference")
    assert lab.get_issues("non_iid").columns.tolist() == ["is_non_iid_issue", "non_iid_score"]
    assert "not in random order" in lab.worst(1)["reason"].iloc[0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"k": 0}, "`k` must be an integer >= 1"),
        ({"num_permutations": 1}, "`num_permutations` must be an integer >= 2"),
        ({"seed": -1}, "`seed` must be an integer >= 0"),
        ({"significance_threshold": 2}, "`significance_threshold` must be a number in"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        NonIID(**parameters)


def normal(seed: int, n_rows: int = 400, n_columns: int = 5) -> Any:
    return np.random.default_rng(seed).normal(size=(n_rows, n_columns))


def growing(seed: int) -> Any:
    return normal(seed) * np.linspace(0.6, 1.4, 400)[:, None]


def moving(seed: int) -> Any:
    features = normal(seed)
    features[:, 2] += np.linspace(-0.8, 0.8, 400)
    return features


def sorted_in_the_middle(seed: int) -> Any:
    features = normal(seed)
    features[150:250] = features[150:250][np.argsort(features[150:250, 0])]
    return features


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (growing, "the spread of the data changes"),
        (moving, "the data moves"),
        (sorted_in_the_middle, "rows that follow each other are alike"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_order_is_found_and_named(make: Any, pattern: str, seed: int) -> None:
    features = make(seed)
    graph = knn_graph(features, k=10, metric="euclidean")
    found = NonIID().find_issues(graph, features=features)
    assert found.flagged
    assert found.info["pattern"].startswith(pattern)
    assert NonIID().sum_up(found).lower().startswith(pattern)
    assert NonIID().sum_up(found).endswith("(p-value <0.001)")
    mixed = np.random.default_rng(seed).permutation(features)
    graph = knn_graph(mixed, k=10, metric="euclidean")
    assert not NonIID().find_issues(graph, features=mixed).flagged


def test_false_alarms_are_as_rare_as_promised() -> None:
    alarms = 0
    for seed in range(60):
        features = normal(100 + seed, 80, 3)
        graph = knn_graph(features, k=10, metric="euclidean")
        alarms += bool(NonIID(seed=seed).find_issues(graph, features=features).flagged)
    assert alarms <= 8  # of 3 expected; 9 or more have a probability of 0.3 %


def test_the_method_of_the_reference_is_there_by_name() -> None:
    features = moving(0)
    graph = knn_graph(features, k=10, metric="euclidean")
    named = NonIID(method="index_distance").find_issues(graph)
    lab = Datalab({"x": features[:, 0]}, task=None, verbosity=0)
    lab.find_issues(["non_iid"], knn_graph=graph, rules="reference")
    assert lab.get_info("non_iid")["p-value"] == named.summary
    with pytest.raises(InputError, match="method"):
        NonIID(method="order")


def test_columns_that_go_with_the_rows_are_named() -> None:
    rng = np.random.default_rng(0)
    n = 300
    data = {
        "when": np.datetime64("2024-01-01") + np.arange(n),
        "heat": np.where(np.arange(n) == 7, np.nan, rng.normal(size=n) - np.arange(n) / 50),
        "noise": rng.normal(size=n),
        "same": np.ones(n),
        "number": np.arange(n),
        "word": rng.choice(["a", "b"], n),
    }
    lab = Datalab(data, task=None, verbosity=0).find_issues(["non_iid"])
    assert lab.get_info("non_iid")["columns_along_rows"] == ["when rises", "heat falls"]
    info = lab.get_info("non_iid")
    told = NonIID().sum_up(Findings("non_iid", is_issue=[True], score=[0.1], info=info))
    assert told.endswith("; along the rows when rises, heat falls")
    shuffled = {name: np.random.default_rng(1).permutation(data[name]) for name in data}
    lab = Datalab(shuffled, task=None, verbosity=0).find_issues(["non_iid"])
    assert lab.get_info("non_iid")["columns_along_rows"] == []
