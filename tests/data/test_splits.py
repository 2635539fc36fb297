import numpy as np
import pandas as pd
import polars as pl
import pytest

from datalab._data.labels import read_labels
from datalab._data.source import open_source
from datalab.exceptions import UnsupportedData


def parts() -> dict[str, pd.DataFrame]:
    train = pd.DataFrame({"x": [1, 2, 3], "y": ["a", "b", "a"]}, index=[5, 6, 7])
    test = pd.DataFrame({"x": [4.5, 5.5], "note": ["p", "q"]}, index=[5, 8])
    return {"train": train, "test": test}


def test_splits_are_one_table() -> None:
    source = open_source(parts())
    assert source.n_rows == 5
    assert source.columns == ("x", "y", "note", "split")
    assert source.index is None
    assert source.column("x").tolist() == [1, 2, 3, 4.5, 5.5]
    assert source.column("y").tolist() == ["a", "b", "a", None, None]
    assert source.column("note", [4, 0, 3]).tolist() == ["q", None, "p"]
    assert source.column("split", [4, 0]).tolist() == ["test", "train"]
    assert source.kind("split") == "category"
    assert read_labels(source, "y", "classification").codes.tolist() == [0, 1, 0, -1, -1]
    assert source.take([3]) == [{"x": 4.5, "y": None, "note": "p", "split": "test"}]


def test_rows_come_back_as_splits() -> None:
    data = parts()
    back = open_source(data).native([4, 2, 0])
    pd.testing.assert_frame_equal(back["train"], data["train"].iloc[[2, 0]])
    pd.testing.assert_frame_equal(back["test"], data["test"].iloc[[1]])


def test_a_column_named_split_is_left_alone() -> None:
    data = {"a": pl.DataFrame({"split": [1, 2]}), "b": pl.DataFrame({"split": [3]})}
    source = open_source(data)
    assert source.split_column == "split_"
    assert source.column("split").tolist() == [1, 2, 3]
    assert source.column("split_").tolist() == ["a", "a", "b"]


def test_an_empty_split_is_no_harm() -> None:
    source = open_source({"a": parts()["train"], "b": parts()["train"].iloc[:0]})
    assert source.n_rows == 3
    assert source.column("x").tolist() == [1, 2, 3]
    assert source.kind("y") == "category" or source.kind("y") == "text"


def test_dates_of_two_kinds_stay_dates() -> None:
    frame = pd.DataFrame({"d": np.array(["2020-01-01"], dtype="datetime64[ns]")})
    source = open_source({"a": frame, "b": pd.DataFrame({"d": [None]})})
    assert source.column("d").astype("datetime64[D]").astype(str).tolist() == ["2020-01-01", "NaT"]


def test_splits_with_different_classes_are_refused() -> None:
    def frame(names: list[str]) -> pd.DataFrame:
        return pd.DataFrame({"y": pd.Categorical(names, categories=names, ordered=True)})

    source = open_source({"a": frame(["s", "m"]), "b": frame(["m", "s"])})
    with pytest.raises(UnsupportedData, match=r"different classes for column 'y'.*same order"):
        source.class_names("y")
