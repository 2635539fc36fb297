import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from datalab._data.digest import Digest
from datalab._data.values import objects


def column_hash(values: Any) -> str:
    digest = Digest()
    digest.add_column(values if isinstance(values, np.ndarray) else objects(values))
    return digest.hexdigest()


def test_known_values_stay_known() -> None:
    """A hash that is kept in files must never change."""
    assert column_hash(["a", None, "b"]) == "83716054aa0a1e99158376a3fc089a09"
    assert column_hash(np.array([1.5, np.nan])) == "973fb0617a071ab97e81d0bea95cd94e"
    assert column_hash([{"k": (1, "x")}, [1, 2], b"z"]) == "b0663d27003f937f80c5f25eae0a8fb6"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.array([1, 2], dtype=np.int32), np.array([1, 2])),
        (np.array([1, 2], dtype=np.float32), np.array([1.0, 2.0])),
        (np.array([0.0]), np.array([-0.0])),
        (np.array([np.nan]), -np.array([np.nan])),
        ([[1.0, 2.0]], [np.array([1, 2], dtype=np.float32)]),
        ([{"a": 1, "b": 2}], [{"b": 2, "a": 1}]),
        ([np.str_("a"), 1], ["a", 1]),
        ([{"bytes": b"x", "path": "here"}], [{"bytes": b"x", "path": "there"}]),
        ([{1, 2, 3}], [{3, 2, 1}]),
    ],
)
def test_equal_content_gives_equal_hashes(one: Any, other: Any) -> None:
    assert column_hash(one) == column_hash(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["ab", "c"], ["a", "bc"]),
        (["a", None], ["a", ""]),
        ([None, "a"], ["a", None]),
        (["1"], [1]),
        ([True, "x"], [1, "x"]),
        ([[1, 2], [3]], [[1], [2, 3]]),
        ([{"bytes": None, "path": "a"}], [{"bytes": None, "path": "b"}]),
        ([np.zeros(2000)], [np.concatenate([np.zeros(1000), [1], np.zeros(999)])]),
        ([np.zeros((2, 3))], [np.zeros((3, 2))]),
        ([Image.new("L", (2, 2), 0)], [Image.new("L", (2, 2), 1)]),
        ([Image.new("L", (2, 2))], [Image.new("L", (4, 1))]),
        ([dt.date(2020, 1, 1), "x"], [dt.date(2020, 1, 2), "x"]),
        ([pd.Interval(0, 1)], [pd.Interval(0, 2)]),
    ],
)
def test_different_content_gives_different_hashes(one: Any, other: Any) -> None:
    assert column_hash(one) != column_hash(other)


def test_plain_objects_do_not_bring_their_address() -> None:
    class Thing:
        pass

    assert column_hash([Thing(), "x"]) == column_hash([Thing(), "x"])
