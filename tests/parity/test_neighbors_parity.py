"""Neighbours, and the issue types made of them, side by side with cleanlab 2.9.0's Datalab."""

import contextlib
import copy
import io
import warnings
from typing import Any

import numpy as np
import pytest

from datalab._check import labels_and_probs
from datalab.exceptions import InputWarning
from datalab.managers import NearDuplicate, Outlier
from datalab.neighbors import KNNGraph, knn_graph, reference_metric

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from cleanlab import Datalab as Reference


def reference(n_rows: int, labels: Any = None, *, types: dict[str, Any], **inputs: Any) -> Any:
    given = [k % 2 for k in range(n_rows)] if labels is None else labels.tolist()
    types = copy.deepcopy(types)  # the reference writes into it
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        lab = Reference({"y": given}, label_name="y", verbosity=0)
        lab.find_issues(issue_types=types, **inputs)
    return lab


def table(n_rows: int, n_columns: int, kind: str) -> Any:
    rng = np.random.default_rng(n_rows * 100 + n_columns)
    features = rng.normal(size=(n_rows, n_columns)) + 0.3
    if kind == "pairs":
        features[1] = features[0] + 1e-4
        features[3] = features[2] + 1e-7
        features[5] = features[4]
        features[7:10] = features[6]
        features[10] *= 40
    if kind == "float32":
        features = features.astype(np.float32)
    if kind == "clusters":
        features += rng.integers(0, 3, size=(n_rows, 1)) * 8
    return features


def graph_of(features: Any, k: int, metric: str | None = None) -> KNNGraph:
    return knn_graph(features, k, metric=metric or reference_metric(features))


def assert_same(
    found: Any, lab: Any, name: str, graph: KNNGraph | None = None, noise: float = 3e-8
) -> None:
    """Flags, scores, summary and what info says, to 1e-4; distances also to within `noise`."""
    issues, info = lab.get_issues(name), lab.get_info(name)
    assert np.array_equal(found.is_issue, issues[f"is_{name}_issue"])
    score = issues[f"{name}_score"]
    assert found.score.dtype == np.float64
    np.testing.assert_allclose(found.score, score, rtol=1e-4, atol=100 * noise)
    summary = lab.get_issue_summary(name)
    np.testing.assert_allclose(found.summary, summary["score"][0], rtol=1e-4, atol=100 * noise)
    assert found.num_issues == summary["num_issues"][0]
    assert set(info) - {"statistics", "class_names"} <= set(found.info)
    for key, value in info.items():
        if isinstance(value, (float, np.floating)):
            tolerance = {"rtol": 1e-4, "atol": 100 * noise}
            np.testing.assert_allclose(found.info[key], value, **tolerance, err_msg=key)
    if graph is not None:
        second = graph.distances[:, 1] if graph.k > 1 else np.full(graph.n_rows, np.inf)
        distances = found.info["distance_to_nearest_neighbor"]
        np.testing.assert_allclose(
            distances, info["distance_to_nearest_neighbor"], rtol=1e-4, atol=noise
        )
        theirs = np.array(info["nearest_neighbor"])
        clear = second > distances * 1.0001 + 1e-6  # ties may be told either way
        assert np.array_equal(found.info["nearest_neighbor"][clear], theirs[clear])
    # In sets of more than k copies datalab names all of them, the reference some.
    if name == "near_duplicate" and distances.any():
        mine, theirs = found.info["near_duplicate_sets"], info["near_duplicate_sets"]
        assert [set(one.tolist()) for one in mine] == [set(map(int, one)) for one in theirs]
        assert list(issues["near_duplicate_sets"].map(len)) == list(map(len, mine))


@pytest.mark.parametrize("kind", ["plain", "pairs", "float32", "clusters"])
@pytest.mark.parametrize("n_columns", [1, 2, 3, 4, 20])
def test_defaults(n_columns: int, kind: str) -> None:
    for n_rows in (12, 60, 100, 101, 300):
        features = table(n_rows, n_columns, kind)
        types: dict[str, Any] = {"outlier": {}, "near_duplicate": {}}
        lab = reference(n_rows, types=types, features=features)
        graph = graph_of(features, 10)
        theirs = lab.get_info("statistics")["weighted_knn_graph"]
        # Single precision is all that scikit-learn has for float32.
        noise = 1e-6 if kind == "float32" else 3e-8
        np.testing.assert_allclose(graph.distances.ravel(), theirs.data, rtol=1e-4, atol=noise)
        assert theirs.nnz == graph.to_csr().nnz
        assert_same(Outlier().find_issues(knn_graph=graph), lab, "outlier", graph, noise)
        assert_same(NearDuplicate().find_issues(graph), lab, "near_duplicate", graph, noise)


@pytest.mark.parametrize("k", [1, 3, 15, 79])
@pytest.mark.parametrize("n_columns", [2, 6])
def test_number_of_neighbours(n_columns: int, k: int) -> None:
    # Which of several copies is the last neighbour may be told either way.
    features = table(80, n_columns, "plain" if k == 1 else "pairs")
    types = {"outlier": {"k": k}, "near_duplicate": {"k": k}}
    lab = reference(80, types=types, features=features)
    graph = graph_of(features, k)
    assert_same(Outlier(k=k).find_issues(knn_graph=graph), lab, "outlier", graph)
    assert_same(NearDuplicate(k=k).find_issues(graph), lab, "near_duplicate", graph)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
def test_metrics(metric: str) -> None:
    features = table(120, 5, "pairs")
    types = {"outlier": {"metric": metric}, "near_duplicate": {"metric": metric}}
    lab = reference(120, types=types, features=features)
    graph = graph_of(features, 10, metric)
    assert_same(Outlier(metric=metric).find_issues(knn_graph=graph), lab, "outlier", graph)
    assert_same(NearDuplicate(metric=metric).find_issues(graph), lab, "near_duplicate", graph)


@pytest.mark.parametrize(
    "parameters",
    [
        {"threshold": 0},
        {"threshold": 0.1},
        {"threshold": 0.8},
        {"threshold": 1},
        {"t": 4},
        {"scaling_factor": 0.05},
        {"k": 4, "t": 0.5, "threshold": 0.6},
    ],
    ids=str,
)
@pytest.mark.parametrize("n_columns", [2, 8])
def test_outlier_parameters(n_columns: int, parameters: dict[str, Any]) -> None:
    features = table(150, n_columns, "clusters")
    lab = reference(150, types={"outlier": parameters}, features=features)
    graph = graph_of(features, parameters.get("k", 10))
    fenced = Outlier(**parameters, false_alarms=1)  # no cut-off but the reference's
    assert_same(fenced.find_issues(knn_graph=graph), lab, "outlier", graph)


@pytest.mark.parametrize("threshold", [-0.5, 0, 0.05, 0.5, 1, 3])
@pytest.mark.parametrize("n_columns", [2, 8])
def test_near_duplicate_threshold(n_columns: int, threshold: float) -> None:
    features = table(150, n_columns, "pairs" if threshold < 1 else "plain")
    parameters = {"threshold": threshold}
    lab = reference(150, types={"near_duplicate": parameters}, features=features)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        manager = NearDuplicate(**parameters)
    graph = graph_of(features, 10)
    assert_same(manager.find_issues(graph), lab, "near_duplicate", graph)


@pytest.mark.parametrize("k", [4, 10, 25])
@pytest.mark.parametrize("unit", [1.0, 1e-7, 1e-12, 0.0])
def test_given_graph(k: int, unit: float) -> None:
    graph = knn_graph(table(90, 3, "plain"), k).to_csr()
    graph.data *= unit
    types: dict[str, Any] = {"outlier": {}, "near_duplicate": {}}
    lab = reference(90, types=types, knn_graph=graph)
    given = KNNGraph.from_csr(graph)
    assert_same(Outlier().find_issues(knn_graph=given), lab, "outlier", given)
    assert_same(NearDuplicate().find_issues(given), lab, "near_duplicate", given)


@pytest.mark.parametrize("threshold", [None, 0, 0.5, 2])
@pytest.mark.parametrize("kind", ["plain", "missing class", "ties", "float32"])
@pytest.mark.parametrize("n_classes", [2, 10, 60])
def test_outliers_from_probabilities(n_classes: int, kind: str, threshold: float | None) -> None:
    rng = np.random.default_rng(n_classes)
    given = np.r_[np.arange(n_classes), rng.integers(0, n_classes, 300 - n_classes)]
    probs = rng.dirichlet(np.full(n_classes, 0.4), 300)
    if kind == "missing class" and n_classes > 2:
        given[given == n_classes - 1] = 0
    if kind == "ties":
        probs = probs.round(2) + 0.01
        probs /= probs.sum(axis=1, keepdims=True)
    if kind == "float32":
        probs = probs.astype(np.float32)
    parameters = {} if threshold is None else {"threshold": threshold}
    if kind == "missing class" and n_classes > 2:
        probs = probs[:, :-1] / probs[:, :-1].sum(axis=1, keepdims=True)
    lab = reference(300, given, types={"outlier": parameters}, pred_probs=probs)
    labels, checked = labels_and_probs(given, probs)
    found = Outlier(**parameters).find_issues(pred_probs=checked, labels=labels)
    assert_same(found, lab, "outlier")
