from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab._data.frame import FrameSource, series_array


def test_the_index_is_kept_even_when_it_repeats() -> None:
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=["x", "y", "x"])
    source = FrameSource(frame)
    assert source.index.equals(frame.index)
    pd.testing.assert_frame_equal(source.native([2, 0]), frame.iloc[[2, 0]])
    assert source.column("a", [2]).tolist() == [3]


def test_names_that_are_no_text() -> None:
    frame = pd.DataFrame({0: [1, 2], ("a", "b"): ["x", "y"]})
    source = FrameSource(frame)
    assert source.columns == ("0", "('a', 'b')")
    assert source.column("0").tolist() == [1, 2]
    assert list(source.native([0]).columns) == [0, ("a", "b")]


def test_numbers_are_not_copied() -> None:
    frame = pd.DataFrame({"a": np.arange(5.0)})
    assert np.shares_memory(FrameSource(frame).column("a"), frame["a"].to_numpy())


def test_only_an_ordered_categorical_declares_classes() -> None:
    sizes = pd.Categorical(["L", None, "S"], categories=["S", "M", "L"], ordered=True)
    plain = pd.Categorical(["b", "a", "b"], categories=["b", "a"])
    source = FrameSource(pd.DataFrame({"size": sizes, "plain": plain, "text": list("abc")}))
    assert source.class_names("size") == ("S", "M", "L")
    assert source.class_names("plain") is None
    assert source.class_names("text") is None
    assert source.kind("size") == source.kind("plain") == "category"
    assert source.column("size").tolist() == ["L", None, "S"]


@pytest.mark.parametrize(
    ("series", "expected", "dtype"),
    [
        (pd.Series([1, None], dtype="Int8"), [1, None], "float64"),
        (pd.Series([1, 2], dtype="Int8"), [1, 2], "int8"),
        (pd.Series([2**60, None], dtype="Int64"), [2**60, None], "object"),
        (pd.Series([None, None], dtype="Int64"), [None, None], "float64"),
        (pd.Series([1.5, None], dtype="Float32"), [1.5, None], "float64"),
        (pd.Series([1, None], dtype="int64[pyarrow]"), [1, None], "float64"),
        (pd.Series([1, 2], dtype="int16[pyarrow]"), [1, 2], "int16"),
        (pd.Series([True, None], dtype="boolean"), [True, None], "object"),
        (pd.Series([True, False], dtype="boolean"), [True, False], "bool"),
        (pd.Series([True, False], dtype="bool[pyarrow]"), [True, False], "bool"),
        (pd.Series(["a", None], dtype="string"), ["a", None], "object"),
        (pd.Series(["a", None]), ["a", None], "object"),
        (pd.Series(["a", None], dtype=object), ["a", None], "object"),
        (pd.Series([1, 2, None], dtype="category"), [1, 2, None], "float64"),
        (pd.Series(pd.arrays.SparseArray([0, 0, 1])), [0, 0, 1], "int64"),
        (pd.Series([1, 2], dtype=object), [1, 2], "int64"),
        (
            pd.Series(pd.to_datetime(["2020-01-01 12:00", None])).dt.tz_localize("Europe/Berlin"),
            [pd.Timestamp("2020-01-01 11:00").to_pydatetime(), None],
            None,
        ),
    ],
)
def test_series_of_every_dtype(series: pd.Series, expected: list[Any], dtype: str | None) -> None:
    array = series_array(series)
    if dtype:
        assert array.dtype == dtype
    listed = array.astype("datetime64[us]").tolist() if array.dtype.kind == "M" else array.tolist()
    assert [None if v is None or v != v else v for v in listed] == expected
