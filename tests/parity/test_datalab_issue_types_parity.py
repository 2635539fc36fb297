"""The further issue types of `Datalab` under ``rules="reference"`` beside cleanlab's."""

import contextlib
import copy
import io
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from datalab import Datalab

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from cleanlab import Datalab as Reference

Asked = dict[str, dict[str, Any]]


def reference(data: Any, asked: Asked, *, task: str = "classification", **inputs: Any) -> Any:
    state = np.random.get_state()  # noqa: NPY002 (the reference changes it)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        lab = Reference(data, label_name="y", task=task, verbosity=0)
        # It writes into the parameters that it is given.
        lab.find_issues(issue_types=copy.deepcopy(asked), **inputs)
    np.random.set_state(state)  # noqa: NPY002
    return lab


def ours(data: Any, asked: Asked, *, task: str = "classification", **inputs: Any) -> Datalab:
    lab = Datalab(data, task=task, label_name="y", verbosity=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lab.find_issues(asked, rules="reference", **inputs)


def beside(data: Any, asked: Asked, **inputs: Any) -> tuple[Datalab, Any]:
    """Both audits, after what they must always have in common was compared."""
    mine, theirs = ours(data, asked, **inputs), reference(data, asked, **inputs)
    summary = theirs.issue_summary.set_index("issue_type")
    assert sorted(mine.issue_summary["issue_type"]) == sorted(summary.index)
    for name in summary.index:
        a, b = mine.get_issues(name), theirs.get_issues(name)
        assert a.columns.tolist() == b.columns.tolist()
        flag, score = f"is_{name}_issue", f"{name}_score"
        np.testing.assert_allclose(a[score], b[score], rtol=1e-4, atol=1e-6, err_msg=name)
        assert np.array_equal(a[flag].to_numpy(), b[flag].to_numpy()), name
        assert a.dtypes[[flag, score]].tolist() == b.dtypes[[flag, score]].tolist()
        row = mine.issue_summary.set_index("issue_type").loc[name]
        assert row["score"] == pytest.approx(summary.loc[name, "score"], rel=1e-4, abs=1e-6)
        assert row["num_issues"] == summary.loc[name, "num_issues"]
        assert set(theirs.get_info(name)) - {"statistics"} == set(mine.get_info(name))
    return mine, theirs


def graph_of(features: Any, k: int) -> Any:
    return NearestNeighbors(n_neighbors=k).fit(features).kneighbors_graph(mode="distance")


def make(seed: int, n: int, n_classes: int, n_features: int) -> dict[str, Any]:
    """Groups of points; in one of them the model finds the labels unlikely."""
    rng = np.random.default_rng(seed)
    group = rng.integers(4, size=n)
    features = 3 * rng.normal(size=(4, n_features))[group] + 0.3 * rng.normal(size=(n, n_features))
    labels = rng.integers(n_classes, size=n)
    probs = rng.dirichlet(np.ones(n_classes), n)
    shift = np.where(group == 2, 1, 0)
    probs = 0.05 * probs + 0.95 * np.eye(n_classes)[(labels + shift) % n_classes]
    return {"group": group, "features": features, "labels": labels, "pred_probs": probs}


# --- non_iid --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_features", [2, 3, 6])
@pytest.mark.parametrize("order", ["random", "sorted", "drifting"])
def test_non_iid(n_features: int, order: str) -> None:
    made = make(seed=n_features, n=150, n_classes=3, n_features=n_features)
    features = made["features"]
    if order == "sorted":
        features = features[np.argsort(made["group"], kind="stable")]
    if order == "drifting":
        features = np.cumsum(features, axis=0)
    mine, theirs = beside({"y": made["labels"]}, {"non_iid": {}}, features=features)
    assert mine.get_info("non_iid") == {
        "p-value": pytest.approx(theirs.get_info("non_iid")["p-value"], rel=1e-6, abs=1e-12),
        "metric": theirs.get_info("non_iid")["metric"],
        "k": 10,
    }
    if order != "random":
        assert mine.issues["is_non_iid_issue"].sum() == 1


@pytest.mark.parametrize(
    "parameters",
    [
        {"k": 3},
        {"num_permutations": 7, "seed": 3},
        {"significance_threshold": 0.9},
        {"metric": "euclidean"},
    ],
    ids=str,
)
def test_non_iid_parameters(parameters: dict[str, Any]) -> None:
    made = make(seed=1, n=90, n_classes=2, n_features=5)
    beside({"y": made["labels"]}, {"non_iid": parameters}, features=made["features"])


@pytest.mark.parametrize("n", [25, 201])
@pytest.mark.parametrize("k", [1, 4, 20])
def test_non_iid_of_a_given_graph(n: int, k: int) -> None:
    made = make(seed=n + k, n=n, n_classes=2, n_features=2)
    beside({"y": made["labels"]}, {"non_iid": {}}, knn_graph=graph_of(made["features"], k))


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_non_iid_of_probabilities(n_classes: int) -> None:
    made = make(seed=n_classes, n=120, n_classes=n_classes, n_features=2)
    beside({"y": made["labels"]}, {"non_iid": {}}, pred_probs=made["pred_probs"])


# --- underperforming_group ------------------------------------------------------------------------


@pytest.mark.parametrize("n_features", [2, 3, 6])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"threshold": 0.6},
        {"k": 5},
        {"clustering_kwargs": {"eps": 0.3, "min_samples": 3}},
        {"clustering_kwargs": {"eps": 0.2}, "min_cluster_samples": 20},
        {"metric": "euclidean"},
    ],
    ids=str,
)
def test_underperforming_group(n_features: int, parameters: dict[str, Any]) -> None:
    made = make(seed=3, n=200, n_classes=3, n_features=n_features)
    mine, theirs = beside(
        {"y": made["labels"]},
        {"underperforming_group": parameters},
        features=made["features"],
        pred_probs=made["pred_probs"],
    )
    if "underperforming_group" in theirs.info:
        a, b = (lab.get_info("underperforming_group") for lab in (mine, theirs))
        assert_same_clustering(a["clustering"], b["clustering"])
        for key in ("k", "metric", "threshold"):
            assert a[key] == b[key]
        np.testing.assert_array_equal(a["nearest_neighbor"], b["nearest_neighbor"])
        name = "distance_to_nearest_neighbor"
        np.testing.assert_allclose(a[name], b[name], rtol=1e-4, atol=1e-6)


def assert_same_clustering(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert mine["algorithm"] == theirs["algorithm"]
    # The reference leaves out what was asked for.
    assert theirs["params"].items() <= mine["params"].items()
    np.testing.assert_array_equal(mine["stats"]["cluster_ids"], theirs["stats"]["cluster_ids"])
    for key in ("n_clusters", "underperforming_cluster_id"):
        assert mine["stats"][key] == theirs["stats"][key]


@pytest.mark.parametrize("k", [4, 20])
def test_underperforming_group_of_a_given_graph(k: int) -> None:
    made = make(seed=4, n=200, n_classes=3, n_features=2)
    mine, theirs = beside(
        {"y": made["labels"]},
        {"underperforming_group": {}},
        knn_graph=graph_of(made["features"], k),
        pred_probs=made["pred_probs"],
    )
    a, b = (lab.get_info("underperforming_group") for lab in (mine, theirs))
    assert_same_clustering(a["clustering"], b["clustering"])


@pytest.mark.parametrize("kind", ["all", "some without", "small", "one"])
@pytest.mark.parametrize("threshold", [0.1, 0.9])
def test_underperforming_group_of_given_groups(kind: str, threshold: float) -> None:
    made = make(seed=5, n=150, n_classes=3, n_features=2)
    ids = {
        "all": made["group"],
        "some without": np.where(made["group"] == 1, -1, made["group"]),
        "small": np.where(np.arange(150) < 4, 11, made["group"]),
        "one": np.zeros(150, dtype=int),
    }[kind]
    asked = {"underperforming_group": {"cluster_ids": ids, "threshold": threshold}}
    mine, theirs = beside({"y": made["labels"]}, asked, pred_probs=made["pred_probs"])
    a, b = (lab.get_info("underperforming_group") for lab in (mine, theirs))
    assert_same_clustering(a["clustering"], b["clustering"])


def test_no_groups_fail_there_and_are_not_applicable_here() -> None:
    made = make(seed=6, n=100, n_classes=3, n_features=2)
    mine, theirs = beside(
        {"y": made["labels"]},
        {"underperforming_group": {}},
        features=100 * made["features"],
        pred_probs=made["pred_probs"],
    )
    assert "underperforming_group" not in theirs.info
    assert mine.outcomes["underperforming_group"].status == "not applicable"


# --- data_valuation -------------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", [{}, {"k": 4}, {"threshold": 0.499}, {"metric": "cosine"}])
@pytest.mark.parametrize("n_features", [2, 6])
def test_data_valuation(parameters: dict[str, Any], n_features: int) -> None:
    made = make(seed=7, n=150, n_classes=4, n_features=n_features)
    mine, theirs = beside(
        {"y": made["labels"]}, {"data_valuation": parameters}, features=made["features"]
    )
    assert mine.get_info("data_valuation") == pytest.approx(
        {k: v for k, v in theirs.get_info("data_valuation").items() if k != "statistics"}
    )


def test_data_valuation_of_a_given_graph() -> None:
    made = make(seed=8, n=150, n_classes=4, n_features=2)
    asked: Asked = {"data_valuation": {}}
    beside({"y": made["labels"]}, asked, knn_graph=graph_of(made["features"], 20))
    mine, _ = beside({"y": made["labels"]}, asked, knn_graph=graph_of(made["features"], 8))
    assert mine.outcomes["data_valuation"].status == "not applicable"


@pytest.mark.parametrize("whole", [True, False])
def test_data_valuation_of_targets(whole: bool) -> None:
    made = make(seed=9, n=100, n_classes=4, n_features=2)
    target = made["features"].sum(axis=1)
    target = np.round(target) if whole else target
    asked: Asked = {"data_valuation": {}}
    beside({"y": target}, asked, task="regression", features=made["features"])


# --- label, for regression ------------------------------------------------------------------------


def make_targets(seed: int, n: int, n_features: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, n_features))
    target = features @ np.arange(1, n_features + 1) + 0.3 * rng.normal(size=n)
    predictions = target + 0.3 * rng.normal(size=n)
    target[:3] += 15
    return {"target": target, "features": features, "pred_probs": predictions}


def assert_same_labels(mine: Datalab, theirs: Any) -> None:
    a, b = mine.get_issues("label"), theirs.get_issues("label")
    left, right = mine.get_info("label"), theirs.get_info("label")
    for name in ("given_label", "predicted_label"):
        np.testing.assert_allclose(a[name], b[name], rtol=1e-6)
        np.testing.assert_allclose(left[name], right[name], rtol=1e-6)
    assert left["num_label_issues"] == right["num_label_issues"]
    assert left["average_label_quality"] == pytest.approx(right["average_label_quality"])


@pytest.mark.parametrize(
    "parameters",
    [{}, {"threshold": 0.8}, {"method": "residual"}, {"method": "residual", "threshold": 0.9}],
    ids=str,
)
@pytest.mark.parametrize("given", [["pred_probs"], ["features", "pred_probs"]])
def test_targets_by_predictions(parameters: dict[str, Any], given: list[str]) -> None:
    made = make_targets(0, 150, 3)
    inputs = {name: made[name] for name in given}
    asked: Asked = {"label": parameters}
    assert_same_labels(*beside({"y": made["target"]}, asked, task="regression", **inputs))


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"coarse_search_range": [0.02, 0.3]},
        {"fine_search_size": 1},
        {"uncertainty": 0.5},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "model", [{"seed": 0}, {"seed": 5, "cv_n_folds": 3}, {"seed": 1, "n_boot": 0}], ids=str
)
def test_targets_by_model(parameters: dict[str, Any], model: dict[str, Any]) -> None:
    made = make_targets(1, 90, 2)
    asked = {"label": {**parameters, "clean_learning_kwargs": model}}
    inputs = {"task": "regression", "features": made["features"]}
    assert_same_labels(*beside({"y": made["target"]}, asked, **inputs))


# --- label, for sets of classes -------------------------------------------------------------------


def make_sets(seed: int, n: int, n_classes: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    true = rng.random((n, n_classes)) < 0.4
    probs = np.clip(0.15 + 0.7 * true + 0.15 * rng.normal(size=true.shape), 0, 1)
    given = true ^ (rng.random(true.shape) < 0.05)
    return {"sets": [np.flatnonzero(row).tolist() for row in given], "pred_probs": probs}


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"filter_by": "both"},
        {"filter_by": "low_self_confidence"},
        {"frac_noise": 0.5},
        {"min_examples_per_class": 20},
        {"low_memory": True},
        {"method": "normalized_margin"},
        {"adjust_pred_probs": True},
        {"aggregator_kwargs": {"method": "softmin", "temperature": 0.2}},
        {"aggregator_kwargs": {"method": "exponential_moving_average", "alpha": 0.3}},
    ],
    ids=str,
)
def test_sets_of_classes(n_classes: int, parameters: dict[str, Any]) -> None:
    made = make_sets(n_classes, 150, n_classes)
    names = [[f"class {k}" for k in one] for one in made["sets"]]
    mine, theirs = beside(
        {"y": names}, {"label": parameters}, task="multilabel", pred_probs=made["pred_probs"]
    )
    a, b = mine.get_issues("label"), theirs.get_issues("label")
    for name in ("given_label", "predicted_label"):
        assert a[name].tolist() == b[name].tolist()
        assert list(mine.get_info("label")[name]) == theirs.get_info("label")[name]


def test_default_audit_of_sets_of_classes() -> None:
    made = make_sets(3, 100, 3)
    features = np.random.default_rng(0).normal(size=(100, 3))
    asked: Asked = {name: {} for name in ("null", "label", "outlier", "near_duplicate", "non_iid")}
    inputs = {"task": "multilabel", "pred_probs": made["pred_probs"]}
    beside({"y": made["sets"]}, asked, features=features, **inputs)
