"""Rows named by labels, masks and tables."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from datalab._data.rows import positions_of
from datalab.exceptions import InputError, InputTypeError, NotFound

INDEX = pd.Index(["a", "b", "c", "d"])


@pytest.mark.parametrize(
    "rows",
    [
        ["b", "d"],
        np.array(["b", "d"]),
        pd.Index(["b", "d"]),
        pd.DataFrame({"x": [1, 2]}, index=["b", "d"]),
        [False, True, False, True],
        np.array([False, True, False, True]),
        pd.Series([False, True, False, True]),
        pd.array([None, True, False, True], dtype="boolean"),
        pl.Series([False, True, False, True]),
        [np.bool_(False), np.bool_(True), None, np.bool_(True)],
        np.array([None, True, False, True], dtype=object),
        pa.array([None, True, False, True]),
        pa.chunked_array([["b"], ["d"]]),
        pd.Series([True, False, True, False], index=["d", "c", "b", "a"]),
        pd.Series(["b", "d"]),
        pd.Series([0.1, 0.2], index=["b", "d"]),
        ("b", "d"),
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_every_way_to_name_rows(rows: object) -> None:
    assert positions_of(rows, INDEX, 4).tolist() == [1, 3]


def test_a_condition_on_the_whole_table_serves_for_the_rows_that_are_left() -> None:
    mask = pd.Series([True, False, True, False, True], index=["d", "x", "c", "b", "a"])
    assert positions_of(mask, INDEX, 4).tolist() == [0, 2, 3]
    with pytest.raises(InputError, match="mask of shape"):
        positions_of(mask.to_numpy(), INDEX, 4)
    with pytest.raises(InputError, match="mask of shape"):
        positions_of(mask.rename({"a": "y"}), INDEX, 4)


def test_one_label_and_the_order_of_labels() -> None:
    assert positions_of("c", INDEX, 4).tolist() == [2]
    assert positions_of(["d", "a", "d"], INDEX, 4).tolist() == [3, 0]
    assert positions_of(2, None, 3).tolist() == [2]
    assert positions_of(np.int64(2), None, 3).tolist() == [2]
    assert positions_of([], None, 3).tolist() == []
    assert positions_of((0, 1), None, 3).tolist() == [0, 1]


def test_repeated_and_nested_labels() -> None:
    assert positions_of(["a"], pd.Index(["a", "b", "a"]), 3).tolist() == [0, 2]
    assert positions_of(["b"], pd.Index(["a", "b", "a"]), 3).tolist() == [1]
    nested = pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)])
    assert positions_of(("y", 1), nested, 3).tolist() == [2]
    assert positions_of([("x", 2), ("y", 1)], nested, 3).tolist() == [1, 2]


def test_a_label_may_name_several_rows() -> None:
    nested = pd.MultiIndex.from_product([["u", "v"], [1, 2]])
    assert positions_of("v", nested, 4).tolist() == [2, 3]
    assert positions_of(["v", "u"], nested, 4).tolist() == [2, 3, 0, 1]
    days = pd.date_range("2020-01-30", periods=4)
    assert positions_of("2020-02", days, 4).tolist() == [2, 3]
    assert positions_of(["2020-01-31"], days, 4).tolist() == [1]
    assert positions_of(days[2:].to_numpy(), days, 4).tolist() == [2, 3]


def test_many_labels_of_an_index_that_repeats_some() -> None:
    index = pd.Index(np.tile(np.arange(50_000), 2))
    found = positions_of(np.arange(20_000), index, 100_000)
    assert found[:4].tolist() == [0, 50_000, 1, 50_001]
    assert len(found) == 40_000


@pytest.mark.parametrize(
    ("rows", "index", "error", "told"),
    [
        (["z"], INDEX, NotFound, "'z'"),
        (["z"], pd.Index(["a", "a"]), NotFound, "'z'"),
        ([4], None, NotFound, "0..3"),
        ([-1], None, NotFound, "0..3"),
        (["a"], None, NotFound, "0..3"),
        ([1.5], None, NotFound, "0..3"),
        ([True, False], INDEX, InputError, r"shape \(2,\), but there are 4 rows"),
        (np.ones((4, 1), dtype=bool), INDEX, InputError, r"shape \(4, 1\)"),
        (np.array([["a"]]), INDEX, InputError, "one dimension"),
        (pd.Series([True] * 4, index=list("efgh")), INDEX, InputError, "to_numpy"),
        (pd.Series([True] * 4, index=list("abcc")), INDEX, InputError, "to_numpy"),
        (pd.Series([True] * 4), pd.Index([3, 2, 1, 0]), InputError, "to_numpy"),
        (pd.Series([3, 2]), None, InputError, "in two ways|whose index and whose values"),
        (slice(2), INDEX, InputTypeError, "slice"),
        (None, None, InputTypeError, "None"),
        ({"a": 1}, INDEX, InputTypeError, "mask or index labels"),
        ([{"a": 1}], INDEX, NotFound, "called"),
        (True, pd.RangeIndex(4), NotFound, "True"),
        (("u", 9), pd.MultiIndex.from_product([["u", "v"], [1, 2]]), NotFound, r"\('u', 9\)"),
    ],
)
def test_rows_that_are_not_there(
    rows: object, index: pd.Index | None, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        positions_of(rows, index, 4)
