"""What the user gives by hand: every message names the argument, what came and the remedy."""

import importlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab
from datalab.exceptions import InputError, InputTypeError, InputWarning

N, CLASSES = 120, ("bird", "cat", "dog")


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(3, size=N)


@pytest.fixture
def pred_probs(labels: np.ndarray) -> np.ndarray:
    """Probabilities of a model that is right in about 80 % of the rows."""
    rng = np.random.default_rng(1)
    told = np.where(rng.random(N) < 0.8, labels, rng.integers(3, size=N))
    probs = rng.dirichlet([1, 1, 1], size=N) * 0.5
    probs[np.arange(N), told] += 0.5
    return probs


@pytest.fixture
def lab(labels: np.ndarray) -> Datalab:
    return Datalab({"y": np.array(CLASSES)[labels]}, label_name="y", verbosity=0)


def with_value(array: np.ndarray, at: tuple[int, int], value: float) -> np.ndarray:
    changed = array.copy()
    changed[at] = value
    return changed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda p: p[:100], "`pred_probs` has 100 rows but the dataset has 120; give one row per"),
        (lambda p: p[:, :2], r"`pred_probs` has 2 columns but there are 3 classes.*'bird', 'cat'"),
        (lambda p: p[:, 0], r"`pred_probs` must have shape \(N, K\).*got shape \(120,\)"),
        (
            lambda p: with_value(p, (4, 1), np.nan),
            r"`pred_probs` must be probabilities.*nan in row 4",
        ),
        (
            lambda p: with_value(p, (4, 1), np.inf),
            r"`pred_probs` must be probabilities.*inf in row 4",
        ),
        (lambda p: p * 3 - 1, r"`pred_probs` must be probabilities in \[0, 1\].*softmax"),
        (lambda p: p * 0.9, r"`pred_probs` row \d+ sums to 0.9 \(120 rows.*predict_proba"),
        (lambda p: p.astype(str), "`pred_probs` must be numeric"),
        (
            lambda p: pd.DataFrame(p, columns=["bird", "cat", "horse"]),
            r"`pred_probs`.*'horse'",
        ),
    ],
)
def test_wrong_pred_probs(lab: Datalab, pred_probs: np.ndarray, change: Any, told: str) -> None:
    given = change(pred_probs)
    before = given.copy()
    with pytest.raises(InputError, match=told):
        lab.find_issues(pred_probs=given)
    assert (
        given.equals(before)
        if isinstance(given, pd.DataFrame)
        else (given.tobytes() == before.tobytes())
    )
    assert len(lab.outcomes) == 0


def test_not_arrays(lab: Datalab) -> None:
    with pytest.raises(InputTypeError, match="`pred_probs` must be array-like.*got str"):
        lab.give(pred_probs="p.npy")
    with pytest.raises(InputTypeError, match="`features` must be array-like.*got int"):
        lab.give(features=3)


def test_rows_off_by_rounding_are_renormalised(lab: Datalab, pred_probs: np.ndarray) -> None:
    lab.give(pred_probs=pred_probs * (1 + 1e-6))  # silent
    given = pred_probs * (1 - 5e-4)
    before = given.copy()
    with pytest.warns(InputWarning, match="`pred_probs` row .* sums to 0.9995; rows are renorm"):
        lab.give(pred_probs=given)
    np.testing.assert_array_equal(given, before)
    held = lab._artefacts.held("pred_probs")
    assert held is not None
    np.testing.assert_allclose(held.value.sum(axis=1), 1.0)


def test_named_columns_are_matched(lab: Datalab, pred_probs: np.ndarray) -> None:
    frame = pd.DataFrame(pred_probs, columns=list(CLASSES))[["dog", "bird", "cat"]]
    lab.give(pred_probs=frame)
    held = lab._artefacts.held("pred_probs")
    assert held is not None
    np.testing.assert_array_equal(held.value, pred_probs)


def test_array_interface(lab: Datalab, pred_probs: np.ndarray) -> None:
    class Tensor:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return pred_probs

    lab.give(pred_probs=Tensor())
    lab.give(pred_probs=pred_probs.tolist())


def test_in_sample_is_suspected(lab: Datalab, labels: np.ndarray) -> None:
    probs = np.full((N, 3), 0.01)
    probs[np.arange(N), labels] = 0.98
    with pytest.warns(
        InputWarning, match="`pred_probs` agree with 100.0% of the labels.*in-sample"
    ):
        lab.give(pred_probs=probs)


def test_wrong_class_order_is_named(lab: Datalab, pred_probs: np.ndarray) -> None:
    # The columns stand in the order dog, bird, cat.
    with pytest.warns(InputWarning, match=r"columns are permuted.*\[1, 2, 0\]") as caught:
        lab.give(pred_probs=pred_probs[:, [2, 0, 1]])
    assert "column 1 is 'bird'" in str(caught[0].message)


def test_shuffled_rows_are_suspected(lab: Datalab, pred_probs: np.ndarray) -> None:
    shuffled = np.random.default_rng(2).permutation(pred_probs)
    with pytest.warns(InputWarning, match="not clearly more than.*in the order of the dataset"):
        lab.give(pred_probs=shuffled)


def test_constant_columns_are_named(lab: Datalab, pred_probs: np.ndarray) -> None:
    probs = pred_probs.copy()
    probs[:, 2] = 0.2
    probs[:, :2] *= 0.8 / probs[:, :2].sum(axis=1, keepdims=True)
    with pytest.warns(InputWarning, match=r"the same in every row for \['dog'\]"):
        lab.give(pred_probs=probs)


def test_one_class_is_no_reason_for_suspicion() -> None:
    lab = Datalab({"y": ["a"] * 60}, label_name="y", verbosity=0)
    lab.find_issues(["label"], pred_probs=np.ones((60, 1)))  # a warning would be an error here
    assert "at least two classes, found 1" in lab.outcomes["label"].reason


def test_honest_probabilities_raise_no_suspicion(lab: Datalab, pred_probs: np.ndarray) -> None:
    lab.give(pred_probs=pred_probs)  # a warning would be an error here
    lab.give(pred_probs=pred_probs.astype(np.float32))


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (np.ones((100, 2)), "`features` has 100 rows but the dataset has 120; give one row per"),
        (
            np.ones(120),
            r"`features` must have shape \(N, M\).*got shape \(120,\).*reshape\(-1, 1\)",
        ),
        (np.ones((120, 2, 2)), r"got shape \(120, 2, 2\).*flatten"),
        (with_value(np.ones((120, 2)), (7, 1), np.inf), "`features` has inf in row 7, column 1"),
        (np.full((120, 2), "a"), "`features` must be numeric"),
        (pd.DataFrame({"a": range(120), "b": "x"}), r"`features` has columns.*\['b'\]; encode"),
    ],
)
def test_wrong_features(lab: Datalab, features: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        lab.find_issues(features=features)


def test_missing_features_are_allowed(lab: Datalab) -> None:
    lab.give(features=with_value(np.ones((120, 2)), (7, 1), np.nan))
    held = lab._artefacts.held("features")
    assert held is not None
    assert held.rows is not None
    assert 7 not in held.rows
    assert len(held.rows) == N - 1


def test_wrong_graph(lab: Datalab) -> None:
    with pytest.raises(InputTypeError, match="`knn_graph` must be a scipy sparse matrix"):
        lab.give(knn_graph=np.ones((120, 120)))


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_series_is_one_column_of_features(lab: Datalab, package: str) -> None:
    values = np.random.default_rng(0).normal(size=N)
    series = importlib.import_module(package).Series
    lab.find_issues(["outlier"], features=series(values))
    found = lab.get_issues("outlier")["outlier_score"]
    wanted = Datalab({"x": values}, verbosity=0)
    wanted.find_issues(["outlier"], features=values.reshape(-1, 1))
    np.testing.assert_array_equal(found, wanted.get_issues("outlier")["outlier_score"])
    with pytest.raises(InputError, match="columns that are not numbers"):
        lab.give(features=series(["a"] * N))
