"""`Datalab` under ``rules="reference"`` beside cleanlab's, on random data."""

import contextlib
import io
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from cleanlab import Datalab as Reference

TYPES = ["null", "label", "outlier", "near_duplicate", "class_imbalance"]


def make(seed: int, n: int, n_classes: int, n_features: int) -> dict[str, Any]:
    """Clustered points, some labels flipped, some rows copied."""
    rng = np.random.default_rng(seed)
    true = rng.integers(n_classes, size=n)
    centres = rng.normal(size=(n_classes, n_features)) * 3
    features = centres[true] + rng.normal(size=(n, n_features))
    features[1], features[3] = features[0] + 1e-6, features[2] + 1e-4
    features[5] += 30.0
    labels = np.where(rng.random(n) < 0.15, rng.integers(n_classes, size=n), true)
    logits = -((features[:, None, :] - centres) ** 2).sum(axis=2) / 4
    probs = np.exp(logits - logits.max(axis=1, keepdims=True)) + 0.01
    return {
        "labels": np.array([f"class {k}" for k in labels]),
        "features": features,
        "pred_probs": probs / probs.sum(axis=1, keepdims=True),
    }


def reference(labels: Any, types: dict[str, Any], **inputs: Any) -> Any:
    state = np.random.get_state()  # noqa: NPY002 (the reference changes it)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        lab = Reference({"y": labels}, label_name="y", verbosity=0)
        lab.find_issues(issue_types=types, **inputs)
    np.random.set_state(state)  # noqa: NPY002
    return lab


def ours(labels: Any, types: dict[str, Any], **inputs: Any) -> Datalab:
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    return lab.find_issues(types, rules="reference", **inputs)


def assert_same_flags(mine: pd.DataFrame, theirs: pd.DataFrame, name: str) -> None:
    """Equal flags, except for labels that the reference cuts out of the middle of a tie.

    Votes of ten neighbours take eleven values, so many labels of a pair of classes are tied at the
    cut; the reference flags some of them, datalab treats them alike (DECISIONS 20).
    """
    flag = f"is_{name}_issue"
    differ = np.flatnonzero(mine[flag].to_numpy() != theirs[flag].to_numpy())
    if name == "label":
        alike = theirs.groupby(["given_label", "predicted_label", "label_score"])[flag]
        torn = (alike.transform("nunique") > 1).to_numpy()
        differ = differ[~torn[differ]]
    assert differ.size == 0, f"{name}: flags differ in rows {differ}"


def assert_same(mine: Datalab, theirs: Any, types: list[str]) -> None:
    """Same columns, dtypes, scores and summary; same flags."""
    assert sorted(mine.issues.columns) == sorted(theirs.issues.columns)
    for name in types:
        a, b = mine.get_issues(name), theirs.get_issues(name)
        assert set(b.columns) <= set(a.columns), name
        assert_same_flags(a, b, name)
        np.testing.assert_allclose(
            a[f"{name}_score"], b[f"{name}_score"], rtol=1e-4, atol=1e-6, err_msg=name
        )
        assert a[f"is_{name}_issue"].dtype == bool
        # The reference leaves a copy of the statistics of the whole data set here.
        missing = set(theirs.get_info(name)) - set(mine.get_info(name)) - {"statistics"}
        assert not missing, f"info of {name} lacks {missing}"
        told = theirs.get_info(name).get("find_issues_inputs", {})
        assert mine.get_info(name).get("find_issues_inputs", {}) == told
    left = mine.issue_summary.set_index("issue_type")
    right = theirs.issue_summary.set_index("issue_type")
    assert sorted(left.index) == sorted(right.index)
    left = left.loc[right.index]
    np.testing.assert_allclose(left["score"], right["score"], rtol=1e-4, atol=1e-6)
    for name in types:
        flags = (mine.issues[f"is_{name}_issue"].sum(), theirs.issues[f"is_{name}_issue"].sum())
        assert (left.loc[name, "num_issues"], right.loc[name, "num_issues"]) == flags
    assert left["num_issues"].dtype == right["num_issues"].dtype


@pytest.mark.parametrize("given", ["both", "pred_probs", "features"])
@pytest.mark.parametrize(("n_classes", "n_features", "n"), [(2, 2, 80), (3, 8, 200), (10, 5, 400)])
def test_every_type(given: str, n_classes: int, n_features: int, n: int) -> None:
    made = make(seed=n + n_features, n=n, n_classes=n_classes, n_features=n_features)
    labels = made.pop("labels")
    inputs = made if given == "both" else {given: made[given]}
    types = [t for t in TYPES if given != "pred_probs" or t not in ("null", "near_duplicate")]
    asked: dict[str, Any] = {name: {} for name in types}
    assert_same(ours(labels, asked, **inputs), reference(labels, asked, **inputs), types)


@pytest.mark.parametrize(
    "asked",
    [
        {"label": {"clean_learning_kwargs": {"find_label_issues_kwargs": {"filter_by": "both"}}}},
        {
            "label": {
                "clean_learning_kwargs": {
                    "label_quality_scores_kwargs": {"method": "normalized_margin"}
                }
            }
        },
        {"class_imbalance": {"threshold": 0.9}},
        {"outlier": {"k": 5, "threshold": 0.6}},
        {"outlier": {"t": 2}},
        {"near_duplicate": {"threshold": 0.5, "k": 4}},
        {"near_duplicate": {"metric": "euclidean"}, "outlier": {"metric": "euclidean"}},
    ],
    ids=str,
)
def test_parameters(asked: dict[str, Any]) -> None:
    made = make(seed=5, n=150, n_classes=3, n_features=6)
    labels = made.pop("labels")
    assert_same(ours(labels, asked, **made), reference(labels, asked, **made), list(asked))


def test_details_of_the_label_check() -> None:
    made = make(seed=9, n=300, n_classes=4, n_features=3)
    labels, probs = made["labels"], made["pred_probs"]
    mine = ours(labels, {"label": {}}, pred_probs=probs)
    theirs = reference(labels, {"label": {}}, pred_probs=probs)
    a, b = mine.get_issues("label"), theirs.get_issues("label")
    assert a.columns.tolist() == b.columns.tolist()
    pd.testing.assert_series_equal(a["given_label"], b["given_label"])
    pd.testing.assert_series_equal(a["predicted_label"], b["predicted_label"])
    left, right = mine.get_info("label"), theirs.get_info("label")
    for key in ("py", "noise_matrix", "inverse_noise_matrix", "confident_joint"):
        np.testing.assert_allclose(left[key], right[key], atol=1e-6, err_msg=key)
    np.testing.assert_allclose(left["confident_thresholds"], right["confident_thresholds"])
    for key in ("classes_by_label_quality", "overlapping_classes"):
        # Equal pairs come in any order in the reference.
        a, b = (table.sort_values(table.columns.tolist()) for table in (left[key], right[key]))
        pd.testing.assert_frame_equal(a.reset_index(drop=True), b.reset_index(drop=True))
    assert left["find_issues_inputs"] == right["find_issues_inputs"]
    assert left["num_label_issues"] == right["num_label_issues"]
    assert left["class_names"] == right["class_names"]


def test_statistics() -> None:
    made = make(seed=2, n=100, n_classes=3, n_features=4)
    labels = made.pop("labels")
    asked: dict[str, Any] = {"outlier": {}}
    mine = ours(labels, asked, features=made["features"]).info["statistics"]
    theirs = reference(labels, asked, features=made["features"]).info["statistics"]
    for key in ("num_examples", "class_names", "num_classes", "multi_label", "knn_metric"):
        assert mine[key] == theirs[key], key
    np.testing.assert_allclose(mine["health_score"], theirs["health_score"], rtol=1e-4)
    graph, other = mine["weighted_knn_graph"], theirs["weighted_knn_graph"]
    assert graph.shape == other.shape
    np.testing.assert_allclose(graph.data, other.data, rtol=1e-4, atol=1e-7)


def test_the_default_audit_has_the_same_checks() -> None:
    made = make(seed=4, n=120, n_classes=3, n_features=3)
    labels = made.pop("labels")
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    mine = lab.find_issues(rules="reference", **made)
    state = np.random.get_state()  # noqa: NPY002 (the reference changes it)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        theirs = Reference({"y": labels}, label_name="y", verbosity=0)
        theirs.find_issues(**made)
    np.random.set_state(state)  # noqa: NPY002
    assert [o.name for o in mine.outcomes] == theirs.list_default_issue_types()
    assert set(theirs.issue_summary["issue_type"]) <= set(mine.issue_summary["issue_type"])
    assert mine.issues.columns.tolist() == theirs.issues.columns.tolist()
