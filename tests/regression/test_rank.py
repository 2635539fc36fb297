"""Scores of numeric labels."""

import numpy as np
import pandas as pd
import pytest

from datalab.exceptions import InputError
from datalab.regression.rank import get_label_quality_scores

LABELS = [1.0, 2.0, 3.0, 40.0, 5.0]
PREDICTIONS = [1.1, 1.9, 3.2, 4.1, 5.0]


def test_residual_by_hand():
    got = get_label_quality_scores([0.0, 1.0], [0.0, 3.0], method="residual")
    np.testing.assert_allclose(got, [1.0, np.exp(-2)])


@pytest.mark.parametrize("method", ["outre", "residual"])
def test_the_wrong_label_is_worst(method):
    assert get_label_quality_scores(LABELS, PREDICTIONS, method=method).argmin() == 3


@pytest.mark.parametrize(
    "kind", [list, tuple, pd.Series, pd.DataFrame, lambda v: np.array(v, dtype=np.float32)]
)
def test_any_array_like(kind):
    expected = get_label_quality_scores(LABELS, PREDICTIONS)
    got = get_label_quality_scores(kind(LABELS), kind(PREDICTIONS))
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_rows_may_be_permuted():
    rng = np.random.default_rng(0)
    labels, predictions = rng.normal(size=(2, 300))
    order = rng.permutation(300)
    expected = get_label_quality_scores(labels, predictions)[order]
    got = get_label_quality_scores(labels[order], predictions[order])
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_a_single_row_and_equal_rows_are_fine():
    assert get_label_quality_scores([1.0], [2.0]).tolist() == [1.0]
    assert get_label_quality_scores([1, 1, 1], [1, 1, 1]).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("labels", "predictions", "told"),
    [
        ([1.0, np.nan], [1, 2], "`labels` has nan in row 1"),
        ([1.0, 2.0], [1, np.inf], "`predictions` has inf"),
        (["a", "b"], [1, 2], "numeric"),
        ([True, False], [1, 2], "booleans"),
        ("ab", [1, 2], "array-like"),
        (None, [1, 2], "array-like"),
        ([[1, 2], [3, 4]], [1, 2], "one-dimensional"),
        ([], [], "one-dimensional"),
    ],
)
def test_refused(labels, predictions, told):
    with pytest.raises(InputError, match=told):
        get_label_quality_scores(labels, predictions)


def test_other_errors():
    with pytest.raises(AssertionError, match="same order"):
        get_label_quality_scores([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="did you mean 'outre'"):
        get_label_quality_scores([1, 2], [1, 2], method="outer")
