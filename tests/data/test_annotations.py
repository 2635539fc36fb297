"""Annotations in every form they come in."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab._data.annotations import Annotations, read_annotations
from datalab._data.source import open_source
from datalab.exceptions import InputError, NotFound

TABLE = [["cat", None, "dog"], ["dog", "dog", None], [None, None, None], [None, "cat", "cat"]]
FRAME = pd.DataFrame(TABLE, columns=["ann", "bob", "cleo"])
LONG = pd.DataFrame(
    [(row, name, label) for name in FRAME for row, label in FRAME[name].items() if pd.notna(label)],
    columns=["task", "annotator", "label"],
)


def triples(read: Annotations, classes: tuple[Any, ...]) -> set[tuple[int, Any, Any]]:
    names = (read.names[a] for a in read.annotator)
    return set(zip(read.item.tolist(), names, (classes[k] for k in read.label), strict=True))


EXPECTED = triples(*read_annotations(FRAME, n_rows=4))


def polars(frame: pd.DataFrame) -> Any:
    return pytest.importorskip("polars").from_pandas(frame)


def arrow(frame: pd.DataFrame) -> Any:
    return pytest.importorskip("pyarrow").Table.from_pandas(frame)


def dataset(frame: pd.DataFrame) -> Any:
    return pytest.importorskip("datasets").Dataset.from_pandas(frame)


def test_expected() -> None:
    assert len(EXPECTED) == 6
    assert (0, "cleo", "dog") in EXPECTED


@pytest.mark.parametrize("frame", [FRAME, LONG], ids=["wide", "long"])
@pytest.mark.parametrize(
    "form",
    [
        lambda frame: frame,
        lambda frame: frame.to_dict("list"),
        lambda frame: frame.to_dict("records"),
        polars,
        arrow,
        dataset,
        lambda frame: frame.convert_dtypes(),
    ],
    ids=["pandas", "dict", "records", "polars", "arrow", "dataset", "nullable"],
)
def test_tables(frame: pd.DataFrame, form: Any) -> None:
    read, classes = read_annotations(form(frame), n_rows=4)
    assert triples(read, classes) == EXPECTED
    assert classes == ("cat", "dog")
    assert set(read.names) == {"ann", "bob", "cleo"}
    assert len(read) == 4


@pytest.mark.parametrize(
    "array",
    [
        TABLE,
        np.array(TABLE, dtype=object),
        FRAME.where(FRAME.notna(), np.nan).to_numpy(),
        FRAME.where(FRAME.notna(), pd.NA).to_numpy(),
        FRAME.where(FRAME.notna(), pd.NaT).to_numpy(),
    ],
    ids=["lists", "None", "NaN", "NA", "NaT"],
)
def test_arrays(array: Any) -> None:
    read, classes = read_annotations(array, n_rows=4)
    assert read.names == (0, 1, 2)
    named = {(row, FRAME.columns[name], label) for row, name, label in triples(read, classes)}
    assert named == EXPECTED


def test_names_of_columns_of_the_data() -> None:
    data = open_source(FRAME.assign(text="hello"))
    read, classes = read_annotations(["bob", "ann"], n_rows=4, column=data.column)
    assert read.names == ("bob", "ann")
    assert triples(read, classes) == {one for one in EXPECTED if one[1] != "cleo"}
    with pytest.raises(NotFound, match="bop"):
        read_annotations(["bop"], n_rows=4, column=data.column)
    with pytest.raises(InputError, match="give the names of the annotators"):
        read_annotations(["bob"], n_rows=4)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.float32])
def test_numbers_without_gaps_or_with_minus_one(dtype: Any) -> None:
    votes = np.array([[2, -1], [0, 2], [-1, -1]], dtype=dtype)
    if dtype is np.float32:
        votes[votes < 0] = np.nan
    read, classes = read_annotations(votes, n_rows=3)
    assert classes == (0, 2)
    assert (read.item.tolist(), read.label.tolist()) == ([0, 1, 1], [1, 0, 1])


def test_minus_one_may_be_a_class() -> None:
    read, classes = read_annotations(np.array([[1, -1], [0, 1]]), n_rows=2, classes=(-1, 0, 1))
    assert classes == (-1, 0, 1)
    assert read.label.tolist() == [2, 0, 1, 2]


def test_known_classes_give_the_codes() -> None:
    read, classes = read_annotations(FRAME, n_rows=4, classes=("eel", "dog", "cat"))
    assert classes == ("eel", "dog", "cat")
    assert triples(read, classes) == EXPECTED
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": [3, 1]})
    read, classes = read_annotations(frame, n_rows=2, classes=(1, 2, 3))
    assert triples(read, classes) == {(0, "a", 1), (0, "b", 3), (1, "b", 1)}


@pytest.mark.filterwarnings("ignore::datalab.exceptions.InputWarning")
def test_kinds_of_labels() -> None:
    for labels in ([True, False], [("a", 1), ("b", 2)], [1.5, 2.5], ["", "x"], [1, "1"]):
        column = np.empty(2, dtype=object)
        column[:] = labels
        table = pd.DataFrame({"a": column, "b": column[::-1]})
        read, classes = read_annotations(table, n_rows=2)
        assert {classes[k] for k in read.label} == set(labels)
        assert len(read.item) == 4


def test_labels_that_are_no_class() -> None:
    with pytest.raises(InputError, match=r"'dog'.*row 1 has 'dog' by annotator 'bob'") as raised:
        read_annotations(FRAME[["bob", "cleo"]], n_rows=4, classes=("cat", "eel"))
    assert "annotations" in str(raised.value)
    with pytest.raises(InputError, match="row 1 has '' by annotator 0"):
        read_annotations([["cat"], [""]], n_rows=2, classes=("cat",))


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        (FRAME[:3], "has 3 rows in 'ann' but the dataset has 4"),
        (np.zeros((5, 2)), "has 5 rows but the dataset has 4"),
        (np.zeros(4), "has shape .* give the names"),
        (np.full((4, 2), np.nan), "holds no label"),
        (np.full((4, 2), -1), "holds no label"),
        (3, "cannot be read"),
        ("ann", "give the names"),
        (LONG.assign(task=LONG["task"] + 2), r"no rows of the data: \[5\].*0\.\.3"),
        (LONG.assign(task="x"), r"no rows of the data: \['x'\]"),
        (LONG.assign(annotator=None), "no annotator in row 0"),
        (
            pd.concat([LONG, LONG[:1].assign(label="dog")]),
            "two labels of annotator 'ann' for row 0: 'cat' and 'dog'",
        ),
    ],
)
def test_refused(annotations: Any, told: str) -> None:
    with pytest.raises((InputError, TypeError), match=told):
        read_annotations(annotations, n_rows=4)


def test_long_tasks_are_matched_to_the_index() -> None:
    index = pd.Index(["r3", "r1", "r2", "r0"])
    names = {0: "r3", 1: "r1", 2: "r2", 3: "r0"}
    long = LONG.assign(task=LONG["task"].map(names)).sample(frac=1, random_state=0)
    read, classes = read_annotations(long, n_rows=4, index=index)
    assert triples(read, classes) == EXPECTED
    shifted, _ = read_annotations(
        LONG.assign(task=LONG["task"] + 10), n_rows=4, index=pd.RangeIndex(10, 14)
    )
    assert sorted(shifted.item) == sorted(read.item)
    with pytest.raises(InputError, match=r"labels of the index, \['r3'"):
        read_annotations(LONG, n_rows=4, index=index)
    with pytest.raises(InputError, match="duplicates"):
        read_annotations(long, n_rows=4, index=pd.Index(["r3", "r1", "r2", "r3"]))


def test_repeated_answers_count_once() -> None:
    read, classes = read_annotations(pd.concat([LONG, LONG[2:4]]), n_rows=4)
    assert triples(read, classes) == EXPECTED
    assert len(read.item) == 6


def test_rows_can_be_chosen() -> None:
    read, classes = read_annotations(FRAME, n_rows=4)
    for rows in ([3, 0], np.array([False, True, True, False]), slice(1, 3)):
        places = np.arange(4)[rows].tolist()
        part = read[rows]
        assert len(part) == len(places)
        back = {(places[row], name, label) for row, name, label in triples(part, classes)}
        assert back == {one for one in EXPECTED if one[0] in places}


def test_the_caller_s_table_stays_as_it_is() -> None:
    before = FRAME.copy()
    read_annotations(FRAME, n_rows=4, classes=("cat", "dog"))
    pd.testing.assert_frame_equal(FRAME, before)
