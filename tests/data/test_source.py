"""One table, every container: the same values, kinds, labels and fingerprint."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from datalab._data.columns import default_text_key, numeric_columns
from datalab._data.labels import read_labels
from datalab._data.source import open_source
from datalab.exceptions import DatalabError, InputError, NotFound, UnsupportedData

KINDS = {
    "text": "text",
    "animal": "category",
    "size": "number",
    "grade": "number",
    "fluffy": "bool",
    "born": "date",
    "embedding": "vector",
    "tags": "list",
}


def test_columns_and_values_are_the_same_in_every_container(container: Any, plain: Any) -> None:
    source = open_source(container)
    assert source.n_rows == 40
    assert source.columns == tuple(plain)
    assert {name: source.kind(name) for name in source.columns} == KINDS
    assert source.column("text").tolist() == plain["text"]
    assert source.column("animal").tolist() == plain["animal"]
    np.testing.assert_array_equal(source.column("size"), plain["size"])
    grade = source.column("grade")
    assert grade.dtype == np.float64
    np.testing.assert_array_equal(np.isnan(grade), [g is None for g in plain["grade"]])
    assert source.column("fluffy").dtype == bool
    assert source.column("born").dtype.kind == "M"
    assert source.column("born").astype("datetime64[s]").tolist() == plain["born"]
    assert [list(v) for v in source.column("embedding")] == plain["embedding"]
    assert [list(v) for v in source.column("tags")] == plain["tags"]


def test_every_column_has_one_axis(container: Any) -> None:
    source = open_source(container)
    for name in source.columns:
        assert source.column(name).shape == (40,)
        assert source.column(name, [3, 1]).shape == (2,)
        assert source.column(name, []).shape == (0,)


def test_what_a_column_gives_cannot_be_written_to(container: Any) -> None:
    source = open_source(container)
    for name in source.columns:
        with pytest.raises(ValueError, match="read-only"):
            source.column(name)[0] = source.column(name)[1]


def test_some_rows_are_the_rows_of_the_whole_column(container: Any) -> None:
    source = open_source(container)
    rows = [39, 0, 7, 7]
    for name in ("text", "animal", "size", "fluffy", "born"):
        assert source.column(name, rows).tolist() == source.column(name)[rows].tolist()


def test_labels_are_the_same_in_every_container(container: Any, plain: Any) -> None:
    source = open_source(container)
    animal = read_labels(source, "animal", "classification")
    assert animal.classes == ("cat", "dog")
    assert animal.codes.tolist() == [[1, 0, -1][i % 3] for i in range(40)]
    grade = read_labels(source, "grade", "classification")
    assert grade.classes == (0, 1, 2, 3, 4)
    assert all(type(label) is int for label in grade.classes)
    assert grade.codes.tolist() == [-1 if g is None else g for g in plain["grade"]]
    fluffy = read_labels(source, "fluffy", "classification")
    assert fluffy.classes == (False, True)
    size = read_labels(source, "size", "regression")
    np.testing.assert_array_equal(size.values, plain["size"])
    tags = read_labels(source, "tags", "multilabel")
    assert tags.classes == ("tame", "wild")
    assert [codes.tolist() for codes in tags.codes[:3]] == [[], [1], [0, 1]]


def test_automatic_columns_are_the_same_in_every_container(container: Any) -> None:
    source = open_source(container)
    columns, reasons = numeric_columns(source, ["animal"])
    assert columns == ["size", "grade", "fluffy"]
    assert set(reasons) == {"text", "animal", "born", "embedding", "tags"}
    assert default_text_key(source, ["animal"]) == "text"


def test_fingerprint_tells_content_not_container(container: Any, plain: Any) -> None:
    same = open_source(plain).fingerprint()
    assert open_source(container).fingerprint() == same
    for name, value in {"text": "other", "size": 7.5, "tags": ["wild", "wild"]}.items():
        changed = {**plain, name: [*plain[name][:20], value, *plain[name][21:]]}
        assert open_source(changed).fingerprint() != same
    renamed = {("words" if name == "text" else name): plain[name] for name in plain}
    assert open_source(renamed).fingerprint() != same


def test_fingerprint_is_the_same_in_another_process() -> None:
    code = (
        "from datalab._data.source import open_source\n"
        "data = {'a': ['x', None, 'z'], 'b': [1, 2, None], 'c': [{'q'}, {'p', 'r'}, (1, 'a')]}\n"
        "print(open_source(data).fingerprint())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_take_gives_rows_as_a_person_wants_them(container: Any, plain: Any) -> None:
    shown = open_source(container).take([7, 1])
    assert [row["text"] for row in shown] == [plain["text"][7], plain["text"][1]]
    assert [row["grade"] for row in shown] == [None, 1]
    assert type(shown[1]["grade"]) is int
    assert shown[0]["animal"] == "cat"
    assert shown[0]["born"] == plain["born"][7]
    assert open_source(container).take([2], ["animal"]) == [{"animal": None}]


def test_native_gives_the_users_own_type(container: Any) -> None:
    part = open_source(container).native(np.array([5, 2]))
    assert type(part) is type(container)
    again = open_source(part)
    assert again.n_rows == 2
    assert again.column("text").tolist() == [
        "this is the text of row number 5",
        "this is the text of row number 2",
    ]


def test_nothing_changes_the_users_object(container: Any, content: Callable[[Any], str]) -> None:
    before = content(container)
    source = open_source(container)
    for name in source.columns:
        source.column(name)
        source.kind(name)
        source.class_names(name)
    read_labels(source, "animal", "classification")
    read_labels(source, "tags", "multilabel")
    source.take([0, 1])
    source.native([0, 1])
    source.fingerprint()
    numeric_columns(source)
    assert content(container) == before


def test_an_unknown_column_is_told_with_a_suggestion(container: Any) -> None:
    source = open_source(container)
    for ask in (source.column, source.kind, source.class_names):
        with pytest.raises(NotFound, match=r"no column 'animals'; did you mean 'animal'\?"):
            ask("animals")


def test_opening_imports_no_dataframe_library() -> None:
    code = (
        "import sys\n"
        "from datalab._data.source import open_source\n"
        "import datalab._data.labels, datalab._data.columns\n"
        "open_source({'a': ['x', 'y'], 'b': [1, 2]})\n"
        "print([m for m in ('pandas', 'datasets', 'polars', 'pyarrow', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class DataLoader:
    __module__ = "torch.utils.data.dataloader"


class Bunch(dict):  # type: ignore[type-arg]
    __module__ = "sklearn.utils._bunch"


@pytest.mark.parametrize(
    ("data", "told", "remedy"),
    [
        (np.zeros((4, 2)), r"numpy array of shape \(4, 2\)", "features="),
        (np.zeros(2, dtype=[("a", int)]), "numpy array", r"pandas\.DataFrame\(array\)"),
        (pd.Series([1, 2], name="y"), "pandas.Series", r"to_frame\(\)"),
        (pl.Series([1, 2]), "polars.Series", r"to_frame\(\)"),
        (pl.LazyFrame({"a": [1]}), "polars.LazyFrame", r"\.collect\(\)"),
        (pa.array([1, 2]), "pyarrow.Array", "column"),
        (datasets.Dataset.from_dict({"a": [1]}).to_iterable_dataset(), "Iterable", "streaming"),
        (DataLoader(), "torch.DataLoader", "columns"),
        (Bunch(data=[1], target=[1, 2]), "sklearn.Bunch", r"bunch\.frame"),
        (["a text", "another"], "list of str", '"text": texts'),
        ([[1, 2], [3, 4]], "list of list", "name the columns"),
        (([[1, 2]], [0]), "tuple of list", "name the columns"),
        (iter([{"a": 1}]), "iterator", r"list\(…\)"),
        (None, "NoneType", "accepted are"),
        (7, "int", "accepted are"),
        ({"a": pd.DataFrame({"x": [1]}), "b": [1]}, r"\['a'\] are tables and \['b'\]", "splits"),
        ({"a": "abc", "b": [1, 2, 3]}, "column 'a' of `data` is str", "one value per example"),
        ({"a": 3}, "column 'a' of `data` is int", "one value per example"),
        ({"a": (i for i in range(3))}, "column 'a' of `data` is generator", "list or array"),
        ({"a": {0: 1}}, "column 'a' of `data` is dict", "list or array"),
        ({"a": np.array(3)}, "column 'a'", "one per example"),
        ([{"a": 1}, "b"], "holds str in row 1", "dictionary per example"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), r"same name: \['a'\]", "rename"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), r"same name: \['1'\]", "rename"),
        (pa.table([[1], [2]], names=["a", "a"]), r"same name: \['a'\]", "rename"),
        (pd.DataFrame({"a": []}), "no rows", "at least one example"),
        (pd.DataFrame(index=[1, 2]), "no columns", "at least one example"),
        (pl.DataFrame({"a": []}), "no rows", "at least one example"),
        (pa.table({"a": pa.array([], pa.int64())}), "no rows", "at least one example"),
        (datasets.Dataset.from_dict({"a": []}), "no rows", "at least one example"),
        ({"a": []}, "no rows", "at least one example"),
        ({}, "no rows", "at least one example"),
        ([], "no rows", "at least one example"),
        ({"a": pd.DataFrame({"x": []})}, "no rows", "at least one example"),
    ],
)
def test_what_cannot_be_read_is_told_with_a_remedy(data: Any, told: str, remedy: str) -> None:
    with pytest.raises(UnsupportedData, match=told) as caught:
        open_source(data)
    assert "`data`" in str(caught.value)
    with pytest.raises(DatalabError, match=remedy):
        open_source(data)


def test_unequal_columns_are_told_with_their_lengths() -> None:
    with pytest.raises(InputError, match="'a' has 2, 'b' has 3"):
        open_source({"a": [1, 2], "b": [1, 2, 3]})


def test_other_values_come_in_the_users_own_type(
    container: Any, content: Callable[[Any], str]
) -> None:
    before = content(container)
    source = open_source(container)
    at = np.array([3, 30])
    for name, values in {
        "animal": ["cat", "a much longer name of an animal"],
        "grade": [4, 0],
        "size": [0.5, -0.5],
        "tags": [["wild", "tame"], []],
    }.items():
        changed = source.with_values(name, at, values)
        assert type(changed) is type(container)
        again = open_source(changed)
        assert again.columns == source.columns
        got = [v.tolist() if isinstance(v, np.ndarray) else v for v in again.column(name, at)]
        assert got == values
        every = np.arange(source.n_rows)
        for other in source.columns:
            rows = np.setdiff1d(every, at) if other == name else every
            assert repr(again.take(rows, [other])) == repr(source.take(rows, [other]))
    assert content(container) == before


def test_other_values_of_declared_classes() -> None:
    feature = datasets.ClassLabel(names=["dog", "cat"])
    hf = datasets.Dataset.from_dict(
        {"y": [0, 1, 0], "x": [1, 2, 3]},
        features=datasets.Features({"y": feature, "x": datasets.Value("int32")}),
    )
    changed = open_source(hf).with_values("y", np.array([0]), ["cat"])
    assert changed.features == hf.features
    assert changed["y"][:] == [1, 1, 0]
    frame = pd.DataFrame({"y": pd.Categorical(["a", "b", "a"], ["b", "a"], ordered=True)})
    changed = open_source(frame).with_values("y", np.array([2]), ["b"])
    assert changed["y"].dtype == frame["y"].dtype
    assert changed["y"].tolist() == ["a", "b", "b"]


def test_other_values_in_splits() -> None:
    splits = {"train": pd.DataFrame({"y": [1, 2]}), "test": pd.DataFrame({"y": [3]})}
    changed = open_source(splits).with_values("y", np.array([2, 0]), [9, 8])
    assert changed["train"]["y"].tolist() == [8, 2]
    assert changed["test"]["y"].tolist() == [9]
    assert splits["train"]["y"].tolist() == [1, 2]
