import datetime as dt
import decimal
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from datalab._data.values import (
    KINDS,
    as_floats,
    column_array,
    is_missing,
    kind_of,
    objects,
    python_values,
    whole_numbers,
)


class Colour(Enum):
    RED = 1
    BLUE = 2


def test_objects_never_looks_into_its_values() -> None:
    for values in ([[1, 2], [3, 4]], [np.zeros(2), np.ones(2)], ["ab", "cd"], [(1,), [2]]):
        array = objects(values)
        assert array.shape == (2,)
        assert all(a is b for a, b in zip(array, values, strict=True))
    assert objects(iter([])).shape == (0,)


@pytest.mark.parametrize(
    ("values", "expected", "dtype"),
    [
        ([1, 2], [1, 2], "int64"),
        ([1, None], [1, None], "float64"),
        ([1, 2.5, pd.NA], [1, 2.5, None], "float64"),
        ([np.float32(1), np.int8(2)], [1, 2], "float64"),
        ([2**60, None], [2**60, None], "object"),
        ([2**70, 1], [2**70, 1], "object"),
        ([True, False], [True, False], "bool"),
        ([True, None, float("nan")], [True, None, None], "object"),
        ([True, 2], [True, 2], "object"),
        (["a", None], ["a", None], "object"),
        (["a", float("nan"), pd.NaT, pd.NA], ["a", None, None, None], "object"),
        (["a", 1], ["a", 1], "object"),
        ([None, None], [None, None], "object"),
        ([float("nan"), None], [None, None], "float64"),
        ([dt.date(2020, 1, 2), None], [dt.date(2020, 1, 2), None], "datetime64[D]"),
        ([pd.Timestamp("2020-01-02"), pd.NaT], [dt.datetime(2020, 1, 2), None], "datetime64[us]"),  # noqa: DTZ001
        (
            [dt.datetime(2020, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2)))],
            [dt.datetime(2020, 1, 1, 22)],  # noqa: DTZ001
            "datetime64[us]",
        ),
    ],
)
def test_column_array_settles_on_one_form(values: Any, expected: Any, dtype: str) -> None:
    array = column_array(objects(values))
    assert array.dtype == dtype
    assert python_values(array) == expected


def test_column_array_of_arrays() -> None:
    assert column_array(np.array(["a", "b"])).tolist() == ["a", "b"]
    stack = np.arange(12).reshape(3, 2, 2)
    column = column_array(stack)
    assert column.shape == (3,)
    assert all(np.shares_memory(image, stack) for image in column)
    masked = np.ma.masked_array([1, 2, 3], mask=[False, True, False])
    np.testing.assert_array_equal(column_array(masked), [1, np.nan, 3])
    numbers = np.array([1, 2], dtype=np.uint8)
    assert column_array(numbers) is numbers


def test_column_array_leaves_its_input_alone() -> None:
    values = objects(["a", float("nan"), [1]])
    column_array(values)
    assert isinstance(values[1], float)


def test_is_missing() -> None:
    values = objects([None, float("nan"), pd.NA, pd.NaT, "", 0, [None], np.array([np.nan])])
    assert is_missing(values).tolist() == [True] * 4 + [False] * 4
    assert is_missing(np.array(["NaT", "2020"], dtype="datetime64[D]")).tolist() == [True, False]
    assert is_missing(np.array([1, 2])).tolist() == [False, False]


def test_python_values_of_nanoseconds_are_dates() -> None:
    values = np.array(["2020-01-02", "NaT"], dtype="datetime64[ns]")
    assert python_values(values) == [dt.datetime(2020, 1, 2), None]  # noqa: DTZ001


def test_whole_numbers_and_floats() -> None:
    assert whole_numbers(np.array([1.0, 2.0])).dtype == np.int64
    assert whole_numbers(np.array([1.0, np.nan])).tolist() == [1, None]
    for same in (np.array([1.5, 2.0]), np.array([np.inf, 1.0]), np.array([np.nan])):
        assert whole_numbers(same) is same
    floats = as_floats(objects([1, None, True, decimal.Decimal("2.5")]))
    assert floats is not None
    np.testing.assert_array_equal(floats, [1, np.nan, 1, 2.5])
    assert as_floats(objects([1, "2"])) is None
    assert as_floats(np.array(["2020"], dtype="datetime64[D]")) is None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["cat", "dog"] * 5, "category"),
        ([f"text number {i}" for i in range(10)], "text"),
        (["x" * 200] * 10, "text"),
        ([1, 2**70], "number"),
        ([decimal.Decimal(1), decimal.Decimal(2)], "number"),
        ([True, None], "bool"),
        ([1, "a", 1, "a"], "category"),
        ([1, "a"], "other"),
        ([Colour.RED, Colour.RED, Colour.BLUE, Colour.BLUE], "category"),
        ([None, None], "other"),
        ([[1.0, 2.0], [3.0, 4.0]], "vector"),
        ([[1.0, 2.0], [3.0]], "list"),
        ([["a"], ["b"]], "list"),
        ([{"a"}, {"b"}], "list"),
        ([[], []], "list"),
        ([np.zeros(3), np.ones(3)], "vector"),
        ([np.zeros(3), np.ones(2)], "list"),
        ([np.zeros((8, 8))] * 2, "image"),
        ([np.zeros((8, 9, 3)), np.zeros((3, 8, 9))], "image"),
        ([np.zeros((8, 9, 3)), np.zeros((5, 6))], "image"),
        ([np.zeros((8, 9)), np.zeros(9)], "other"),
        ([np.zeros((8, 9, 7))] * 2, "other"),
        ([np.array(["a", "b"])] * 2, "list"),
        ([Image.new("L", (2, 2))], "image"),
        ([b"RIFF....WAVEfmt"], "audio"),
        ([b"RIFF....WEBPVP8"], "image"),
        ([{"bytes": None, "path": "a/b.JPG"}], "image"),
        ([{"bytes": None, "path": "b.mp3"}, None], "audio"),
        ([{"bytes": b"fLaC", "path": None}, {"bytes": b"\x89PNG", "path": None}], "other"),
        ([b"plain"], "other"),
        ([{"a": 1}], "other"),
        ([1j, 2j], "other"),
    ],
)
def test_kind_of(values: Any, kind: str) -> None:
    assert kind in KINDS
    assert kind_of(column_array(objects(values))) == kind


def test_kind_of_paths_needs_a_file_that_is_there(tmp_path: Path) -> None:
    there = tmp_path / "a.png"
    there.write_bytes(b"")
    paths = [str(there), str(tmp_path / "b.PNG")]
    assert kind_of(objects(paths)) == "image"
    assert kind_of(objects(map(Path, paths))) == "image"
    assert kind_of(objects(["x/a.png", "x/b.png"])) == "text"
    assert kind_of(objects([Path("x/a.png"), Path("x/b.png")])) == "other"


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.dates(),
    st.datetimes(),
    st.tuples(st.integers()),
    st.lists(st.integers(), max_size=2),
    st.just(pd.NA),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(scalars, max_size=6))
def test_column_array_keeps_every_value(values: list[Any]) -> None:
    column = column_array(objects(values))
    assert column.shape == (len(values),)
    assert kind_of(column) in KINDS
    missing = is_missing(objects(values))
    assert is_missing(column).tolist() == missing.tolist()
    for value, kept, gone in zip(values, python_values(column), missing, strict=True):
        if gone:
            assert kept is None
        elif isinstance(value, dt.date):
            assert str(kept).startswith(str(value))
        else:
            assert kept == value


def test_a_signalling_nan_is_missing() -> None:
    values = objects([decimal.Decimal("1.5"), decimal.Decimal("sNaN"), None])
    assert is_missing(values).tolist() == [False, True, True]
    assert column_array(values).tolist() == [decimal.Decimal("1.5"), None, None]


def test_whole_numbers_of_every_size() -> None:
    for kind in (np.float16, np.float32, np.float64, np.longdouble):
        assert whole_numbers(np.array([1, 2], dtype=kind)).tolist() == [1, 2]
    assert whole_numbers(np.array([1e300, 2.0])).dtype == np.float64
    assert whole_numbers(np.array([np.inf, 2.0])).dtype == np.float64
