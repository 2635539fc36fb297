"""Rows named by labels, masks and tables."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from datalab._data.rows import positions_of
from datalab.exceptions import InputError, NotFound

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
        ("b", "d"),
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_every_way_to_name_rows(rows: object) -> None:
    assert positions_of(rows, INDEX, 4).tolist() == [1, 3]


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
    ],
)
def test_rows_that_are_not_there(
    rows: object, index: pd.Index | None, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        positions_of(rows, index, 4)
