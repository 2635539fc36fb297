"""Array-likes as arrays of numbers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from datalab._check import (
    as_array,
    feature_matrix,
    floats,
    numeric_labels,
    same_length,
    unit_interval,
)
from datalab.exceptions import InputError, InputTypeError, InputWarning


def test_array_likes():
    array = np.arange(3)
    assert as_array(array, name="x") is array
    for like in ([0, 1, 2], (0, 1, 2), pd.Series(array), range(3)):
        np.testing.assert_array_equal(as_array(like, name="x"), array)
    for unlike in (None, "abc", b"abc", 3, 1.5, True, {0: 1}, {0}, iter([1]), object()):
        with pytest.raises(InputTypeError, match="`x` must be array-like"):
            as_array(unlike, name="x")
    with pytest.raises(InputTypeError, match="sparse.*toarray"):
        as_array(csr_array((2, 2)), name="x")
    with pytest.raises(InputError, match="`x` cannot be read as one array"):
        as_array([[1, 2], [3]], name="x")


def test_lengths():
    assert same_length(a=[1, 2], b="xy") == 2
    with pytest.raises(InputError, match="`a` has 2 rows, `b` has 1 rows"):
        same_length(a=[1, 2], b=[3])


def test_floats_are_copied_only_where_their_type_changes():
    for dtype in (np.float32, np.float64):
        array = np.ones(3, dtype)
        assert floats(array, name="x") is array
    assert floats(np.ones(3, np.float16), name="x").dtype == np.float32
    for other in (np.ones(3, int), np.ones(3, bool), np.array([1, 2.5], dtype=object)):
        assert floats(other, name="x").dtype == np.float64
    for wrong in (np.array(["a"]), np.array(["a"], dtype=object), np.array([1j])):
        with pytest.raises(InputError, match="`x` must be numeric"):
            floats(wrong, name="x")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    value=st.one_of(st.floats(width=32), st.floats(-2e-3, 2e-3), st.floats(0.998, 1.002)),
    at=st.integers(0, 11),
    single=st.booleans(),
    fortran=st.booleans(),
)
def test_unit_interval_is_its_definition(value, at, single, fortran):
    numbers = np.linspace(0, 1, 12).astype(np.float32 if single else np.float64)
    numbers[at] = value
    array = numbers.reshape(4, 3, order="F" if fortran else "C")
    excess = max(-float(numbers[at]), float(numbers[at]) - 1)
    if not excess <= 1e-3:
        with pytest.raises(InputError, match=r"probabilities in \[0, 1\]"):
            unit_interval(array, name="p")
    elif excess > 1e-6:
        with pytest.warns(InputWarning, match="are clipped"):
            np.testing.assert_array_equal(unit_interval(array, name="p"), array.clip(0, 1))
    else:
        checked = unit_interval(array, name="p")
        np.testing.assert_array_equal(checked, array.clip(0, 1))
        assert np.shares_memory(checked, array) == (excess <= 0)


def test_large_arrays_are_checked_by_several_threads():
    array = np.full((1500, 1000), 0.5)
    for order in ("C", "F"):
        numbers = array.copy(order)
        assert unit_interval(numbers, name="p") is numbers
        numbers[-1, 3] = -1
        with pytest.raises(InputError, match="got -1.0 in row 1499"):
            unit_interval(numbers, name="p")


def test_features():
    array = np.ones((3, 2))
    assert feature_matrix(array) is array
    assert feature_matrix([[1, np.nan]], nan=True).shape == (1, 2)
    refused = {
        r"shape \(3,\).*reshape\(-1, 1\)": array[:, 0],
        r"shape \(1, 3, 2\).*flatten": array[None],
        "has no columns": array[:, :0],
        "has nan in row 0, column 1": [[1, np.nan]],
        "has inf in row 0, column 0": [[np.inf, 1]],
    }
    for told, wrong in refused.items():
        with pytest.raises(InputError, match=told):
            feature_matrix(wrong)
    with pytest.raises(InputError, match="has 3 rows but the dataset has 4"):
        feature_matrix(array, n_rows=4)


def test_numeric_labels():
    for like in ([1, 2.5], np.array([[1], [2.5]]), pd.Series([1, 2.5])):
        np.testing.assert_array_equal(numeric_labels(like, name="y"), [1, 2.5])
    assert numeric_labels([1, 2], name="y").dtype.kind == "i"
    wrong = ([], [[1, 2]], [True, False], [1j], [1, np.nan], ["a"], None, 3)
    for labels in wrong:
        with pytest.raises(InputError, match="y"):
            numeric_labels(labels, name="y")


def test_nan_is_not_taken_for_a_logit():
    with pytest.raises(InputError, match="got nan in row 1; drop or fill the rows with NaN$"):
        unit_interval(np.array([[0.5, 0.5], [np.nan, 1.0]]), name="p")
    with pytest.raises(InputError, match="got 2.0 in row 0.*softmax"):
        unit_interval(np.array([[2.0, 0.5], [np.nan, 1.0]]), name="p")
