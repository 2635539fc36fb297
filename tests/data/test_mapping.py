from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from PIL import Image

from datalab._data.mapping import MappingSource, RecordsSource
from datalab._data.source import open_source


def test_columns_of_every_kind() -> None:
    stack = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
    data = {
        "list": [1, 2, 3],
        "tuple": ("a", "b", "c"),
        "array": np.array([1.5, 2.5, 3.5]),
        "matrix": np.arange(6.0).reshape(3, 2),
        "stack": stack,
        "pictures": [Image.new("L", (4, 4), shade) for shade in (0, 1, 2)],
        "series": pd.Series([1, None, 3], index=[9, 8, 7], dtype="Int64"),
        "categorical": pd.Categorical(["a", "b", "a"]),
        "polars": pl.Series(["x", None, "z"]),
        "arrow": pa.array([1, None, 3]),
        "range": range(3),
    }
    source = MappingSource(data)
    assert source.n_rows == 3
    kinds = {name: source.kind(name) for name in ("matrix", "stack", "pictures", "range")}
    assert kinds == {"matrix": "vector", "stack": "image", "pictures": "image", "range": "number"}
    np.testing.assert_array_equal(source.column("series"), [1, np.nan, 3])
    np.testing.assert_array_equal(source.column("arrow"), [1, np.nan, 3])
    assert source.column("categorical").tolist() == ["a", "b", "a"]
    assert source.column("polars", [2, 1]).tolist() == ["z", None]
    assert np.shares_memory(source.column("stack")[1], stack)
    part = source.native([2, 0])
    assert {name: type(values) for name, values in part.items() if name != "range"} == {
        name: type(values) for name, values in data.items() if name != "range"
    }
    assert part["list"] == [3, 1]
    assert part["tuple"] == ("c", "a")
    assert part["stack"].shape == (2, 4, 4)
    assert open_source(part).column("series").tolist() == [3, 1]


def test_shown_images_share_one_scale() -> None:
    digits = np.zeros((3, 2, 2))
    digits[1] = 8.0
    digits[2] = 16.0
    shown = MappingSource({"image": digits}).take([0, 1, 2])
    assert [row["image"].getpixel((0, 0)) for row in shown] == [0, 128, 255]


def test_other_mappings_and_names_that_are_no_text() -> None:
    for data in (OrderedDict({1: [1, 2]}), MappingProxyType({1: [1, 2]})):
        source = open_source(data)
        assert source.columns == ("1",)
        assert source.native([1]) == {1: [2]}


def test_masked_arrays_have_missing_values() -> None:
    source = MappingSource({"a": np.ma.masked_array([1, 2], mask=[True, False])})
    np.testing.assert_array_equal(source.column("a"), [np.nan, 2])


def test_a_memory_map_is_read_where_it_is(tmp_path: Any) -> None:
    np.save(tmp_path / "x.npy", np.arange(4.0))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(MappingSource({"x": mapped}).column("x"), mapped)


def test_records_keep_the_order_in_which_keys_are_first_seen() -> None:
    records: list[dict[Any, Any]] = [{"b": 1}, {"a": "x", "b": 2}, {"c": None, 3: [1]}]
    source = RecordsSource(records)
    assert source.columns == ("b", "a", "c", "3")
    np.testing.assert_array_equal(source.column("b"), [1, 2, np.nan])
    assert source.column("a").tolist() == [None, "x", None]
    assert source.column("3").tolist() == [None, None, [1]]
    assert source.take([2], ["b", "3"]) == [{"b": None, "3": [1]}]
    assert source.native([2, 0])[0] is records[2]
