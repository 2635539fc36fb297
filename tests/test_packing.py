"""Values come back as they went in, and nothing else is written."""

import datetime as dt
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from datalab._data.annotations import Annotations
from datalab.exceptions import InputError, NotFound
from datalab.neighbors import KNNGraph
from datalab.packing import Packer, Unpacker


def through(value: Any, folder: Path, **options: Any) -> Any:
    packed = json.loads(json.dumps(Packer(folder).pack(value, "it"), allow_nan=False))
    return Unpacker(folder, **options).unpack(packed)


RAGGED = [np.arange(i % 4) for i in range(40)]
VALUES: list[Any] = [
    None,
    True,
    3,
    0.1,
    float("nan"),
    float("inf"),
    "text \ud800",
    b"\x00\xff",
    (1, ("a", 2.5)),
    {"a": [1, 2], "b": {"c": None}},
    {1: "a", (2, 3): "b"},
    {"$strange": 1},
    frozenset({"a", "b"}),
    dt.date(2026, 1, 2),
    dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
    Decimal("1.10"),
    dt.time(9, 30),
    dt.timedelta(days=-1, seconds=5),
    Fraction(2, 3),
    complex(1, -2),
    pd.Period("2026-03", freq="M"),
    pd.Interval(0.5, 2.0, closed="left"),
    np.float32(0.1),
    np.arange(3),
    np.arange(30, dtype=np.float32).reshape(5, 6),
    np.array([np.nan, 1.0]),
    np.array(["a", "bcd"]),
    np.array(["2026-01-01", "NaT"], dtype="datetime64[us]"),
    np.array([], dtype=np.int32),
    np.array([None, "a", 3, (1, 2)], dtype=object),
    RAGGED,
    [np.array([1]), np.array([2, 3])],
]


def same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        for a, b in zip(one.ravel().tolist(), other.ravel().tolist(), strict=True):
            assert repr(a) == repr(b)
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif isinstance(one, float):
        assert repr(one) == repr(other)
    else:
        assert one == other


@pytest.mark.parametrize("value", VALUES, ids=lambda v: f"{type(v).__name__}")
def test_values_come_back(value: Any, tmp_path: Path) -> None:
    same(through(value, tmp_path), value)


def test_ragged_objects_come_back(tmp_path: Path) -> None:
    array = np.empty(40, dtype=object)
    array[:] = RAGGED
    back = through(array, tmp_path)
    assert back.dtype == object
    same(list(back), RAGGED)
    assert len(list(tmp_path.iterdir())) == 2  # not one file for each


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(json_like)
def test_nested_values_come_back(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    assert repr(through(value, tmp_path_factory.mktemp("arrays"))) == repr(value)


def test_tables_graphs_and_answers_come_back(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None, 3], dtype="Int64"),
            "f": [0.5, np.nan, 1.0],
            "s": ["a", None, "c"],
            "b": pd.array([True, None, False], dtype="boolean"),
        },
        index=["x", "y", "z"],
    )
    value = {"frame": frame, "series": frame["f"], "empty": pd.DataFrame()}
    back = through(value, tmp_path)
    pd.testing.assert_frame_equal(back["frame"], frame)
    pd.testing.assert_series_equal(back["series"], frame["f"])
    assert back["empty"].empty
    matrix = csr_matrix(np.array([[0.0, 1.0], [2.0, 0.0]]))
    graph = KNNGraph(np.array([[1], [0]]), np.array([[0.5], [0.5]], dtype=np.float32), "cosine")
    answers = Annotations(np.array([0]), np.array([1]), np.array([2]), ("a", "b"), 1)
    back = through([matrix, graph, answers], tmp_path)
    assert (back[0] != matrix).nnz == 0
    assert back[1].metric == "cosine"
    np.testing.assert_array_equal(back[1].distances, graph.distances)
    assert back[2].names == ("a", "b")


def a_function() -> None:
    """Nothing."""


def test_functions_are_kept_by_name_and_asked_for(tmp_path: Path) -> None:
    name = f"{a_function.__module__}.a_function"
    packed = Packer(tmp_path).pack({"metric": a_function}, "it")
    assert packed == {"metric": {"$callable": name}}
    with pytest.raises(NotFound, match="give callables="):
        Unpacker(tmp_path).unpack(packed)
    assert Unpacker(tmp_path, {name: a_function}).unpack(packed) == {"metric": a_function}


@pytest.mark.parametrize("value", [object(), {"model": object()}, [object()], iter([])])
def test_live_objects_are_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot save it"):
        Packer(tmp_path).pack(value, "it")


def test_references_stay_inside_the_folder(tmp_path: Path) -> None:
    np.save(tmp_path / "outside.npy", np.arange(3))
    inside = tmp_path / "arrays"
    inside.mkdir()
    with pytest.raises(FileNotFoundError):
        Unpacker(inside).unpack({"$array": "../outside.npy"})
    with pytest.raises(InputError, match="unknown kind"):
        Unpacker(inside).unpack({"$eval": "1"})
    with pytest.raises(InputError, match="unknown 'Path'"):
        Unpacker(inside).unpack({"$object": "Path", "fields": {}})


def test_missing_values_of_pandas_are_none(tmp_path: Path) -> None:
    assert through([pd.NA, pd.NaT, 1], tmp_path) == [None, None, 1]
    frame = pd.DataFrame({"cost": [Decimal("1.5"), Decimal("sNaN"), None]})
    assert through(frame, tmp_path)["cost"].tolist() == [Decimal("1.5"), None, None]
