"""How rows are named in a ledger and found again."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab._data.source import open_source
from datalab.review.naming import BLOCK, RowNames, row_hashes

INDEXES: dict[str, Any] = {
    "range": pd.RangeIndex(5, 25),
    "integers": pd.Index([7, -3, 0, 2**40], dtype="int64"),
    "small integers": pd.Index([3, 1, 2], dtype="int8"),
    "floats": pd.Index([0.5, 1.0, np.inf, np.nan, -2.0]),
    "narrow floats": pd.Index([0.1, 0.2], dtype="float32"),
    "texts": pd.Index(["b", "a", "ünï", "1", "line\nbreak", ""]),
    "texts as objects": pd.Index(["b", "a", "1"], dtype=object),
    "times": pd.date_range("2020-01-01", periods=4, freq="37min"),
    "zoned times": pd.date_range("2020-10-24 20:00", periods=30, freq="h", tz="Europe/Berlin"),
    "fine times": pd.DatetimeIndex(np.array([1, 10**18], dtype="datetime64[ns]")),
    "times with a gap": pd.DatetimeIndex(["2020-01-01", None, "2020-01-03"]),
    "dates": pd.Index(pd.date_range("2020-01-01", periods=3).date),
    "periods": pd.period_range("2020-01", periods=3, freq="M"),
    "differences": pd.to_timedelta([1, 2], unit="s"),
    "intervals": pd.interval_range(0, 3),
    "categories": pd.CategoricalIndex(["x", "y"]),
    "truth": pd.Index([True, False]),
    "mixed": pd.Index([1, "1", None, 2.5, ("a", 1)], dtype=object),
    "levels": pd.MultiIndex.from_product([["a", "b"], [1, 2], pd.date_range("2020", periods=2)]),
}


@pytest.mark.parametrize("kind", INDEXES)
def test_every_kind_of_label_is_found_again(kind: str) -> None:
    index = INDEXES[kind]
    at = np.arange(len(index))
    names = RowNames(index, at).of(at)
    again = RowNames(index, at)  # of another process: nothing was looked up before
    assert again.places(names).tolist() == at.tolist()
    assert again.places(names[::-1]).tolist() == at[::-1].tolist()
    assert RowNames(index, at).places([names[-1]]).tolist() == [len(index) - 1]
    assert again.places(["no such row", 10**30, 0.123, ["a"], None, True])[0] == -1


def test_names_are_compared_by_kind_and_value() -> None:
    whole = RowNames(pd.Index([0, 1, 2]), np.arange(3))
    assert whole.places([1, 1.0, True, "1", -1, 3]).tolist() == [1, -1, -1, -1, -1, -1]
    zero = RowNames(pd.Index([0.0, 1.0]), np.arange(2))
    assert zero.places([0.0, -0.0, 1]).tolist() == [0, -1, -1]


def test_rows_without_names_are_numbered_as_they_stood_first() -> None:
    names = RowNames(None, np.array([2, 5, 9]))
    assert names.of(np.array([2, 0])) == [9, 2]
    assert names.places([9, 3, 2, 10**30, 2.0, True]).tolist() == [2, -1, 0, -1, -1, -1]


def test_few_rows_are_looked_up_without_a_look_at_the_others() -> None:
    class Guarded(pd.Index):
        def __iter__(self) -> Any:
            assert len(self) < 10, "every row was looked at"
            return super().__iter__()

    plain = pd.Index([f"r{i}" for i in range(1000)], dtype=object)
    guarded = plain.view()
    guarded.__class__ = Guarded
    assert RowNames(guarded, np.arange(1000)).places(["r7", "zzz"]).tolist() == [7, -1]


def test_hashes_tell_content_apart_and_leave_out_the_label() -> None:
    rows = {"a": ["x", "xy", "x", None], "b": ["yz", "z", "yz", ""], "label": [1, 2, 3, 4]}
    source = open_source(rows)
    hashes = row_hashes(source, np.arange(4), leave_out="label")
    assert hashes[0] == hashes[2]
    assert len(set(hashes)) == 3
    assert row_hashes(source, np.array([2]), leave_out="label") == hashes[2:3]
    assert row_hashes(source, np.array([], dtype=int), leave_out=None) == []


def test_hashes_do_not_change_with_the_version() -> None:
    """Ledgers of earlier versions stay readable."""
    source = open_source(pd.DataFrame({"x": [1.5, 2.0], "t": ["a", None], "y": [0, 1]}))
    assert row_hashes(source, np.arange(2), leave_out="y") == [
        "0d3ed108e2474c600accd543e8c9ff7b",
        "dd69ef9360d3ac33264642b7698e50ee",
    ]


def test_many_rows_are_hashed_in_blocks() -> None:
    n = BLOCK + 3
    source = open_source({"x": np.arange(n)})
    hashes = row_hashes(source, np.arange(n), leave_out=None)
    assert len(set(hashes)) == n
    assert row_hashes(source, np.array([n - 1]), leave_out=None) == hashes[-1:]
