import datetime as dt
import re
from decimal import Decimal
from enum import Enum
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._data.labels import align_columns, encode, read_labels
from datalab._data.source import open_source
from datalab._data.values import objects
from datalab.exceptions import InputError, InputTypeError, InputWarning, NotFound


class Animal(Enum):
    DOG = "d"
    CAT = "c"


def classes_of(values: Any) -> tuple[list[int], tuple[Any, ...]]:
    labels = read_labels(open_source({"y": values}), "y", "classification")
    assert labels.codes.dtype == np.int64
    return labels.codes.tolist(), labels.classes


@pytest.mark.parametrize(
    ("values", "codes", "classes"),
    [
        (["b", "a", "3", "b"], [2, 1, 0, 2], ("3", "a", "b")),
        ([10, 9, 2], [2, 1, 0], (2, 9, 10)),
        (["10", "9", "2"], [0, 2, 1], ("10", "2", "9")),
        ([True, False, True], [1, 0, 1], (False, True)),
        ([2.0, 1.0, None], [1, 0, -1], (1, 2)),
        ([0.5, 1.5, 0.5, None], [0, 1, 0, -1], (0.5, 1.5)),
        ([("b", 1), ("a", 2), ("a", 1)], [2, 1, 0], (("a", 1), ("a", 2), ("b", 1))),
        ([b"x", b"a"], [1, 0], (b"a", b"x")),
        ([np.int32(7), np.str_("a")], [0, 1], (7, "a")),
        (["a", 2, "b", 1.5, None], [2, 1, 3, 0, -1], (1.5, 2, "a", "b")),
        ([Animal.DOG, Animal.CAT], [1, 0], (Animal.CAT, Animal.DOG)),
        ([Decimal(10), Decimal(9)], [1, 0], (Decimal(9), Decimal(10))),
        ([dt.date(2020, 2, 1), dt.date(1999, 1, 1)] * 2, [1, 0] * 2, (dt.date(1999, 1, 1), dt.date(2020, 2, 1))),  # noqa: E501
        (["a", float("nan"), pd.NA, None, pd.NaT], [0, -1, -1, -1, -1], ("a",)),
        ([2**70, 1], [1, 0], (1, 2**70)),
        ([-1, 3], [0, 1], (-1, 3)),
        (["", "a"], [0, 1], ("", "a")),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:label column 'y' has the class ''")
def test_labels_of_any_hashable_kind(values: Any, codes: list[int], classes: Any) -> None:
    found = classes_of(values)
    assert found == (codes, classes)
    assert [type(label) for label in found[1]] == [type(label) for label in classes]


def test_frozensets_sort_alike_in_every_process() -> None:
    sets = [frozenset("ab"), frozenset("c"), frozenset("a")]
    assert classes_of(sets) == ([1, 2, 0], (sets[2], sets[0], sets[1]))


def test_declared_orders_are_kept_with_their_unused_classes() -> None:
    names = ["zebra", "ant", "cat"]
    ordered = pd.DataFrame({"y": pd.Categorical(["cat", None], categories=names, ordered=True)})
    plain = pd.DataFrame({"y": pd.Categorical(["cat", "ant"], categories=names)})
    feature = datasets.Features({"y": datasets.ClassLabel(names=names)})
    hub = datasets.Dataset.from_dict({"y": [2, -1]}, features=feature)
    enum = pl.DataFrame({"y": pl.Series(["cat", None], dtype=pl.Enum(names))})
    for data in (ordered, hub, enum):
        labels = read_labels(open_source(data), "y", "classification")
        assert labels.classes == tuple(names)
        assert labels.codes.tolist() == [2, -1]
    assert read_labels(open_source(plain), "y", "classification").classes == ("ant", "cat")


def test_an_unknown_label_column() -> None:
    source = open_source({"label": [1, 2], "text": ["a", "b"]})
    with pytest.raises(NotFound, match=r"`label_name` is 'lable'.*did you mean 'label'\?.*text"):
        read_labels(source, "lable", "classification")
    frame = pd.DataFrame({0: ["a", "b"]})
    assert read_labels(open_source(frame), 0, "classification").classes == ("a", "b")  # type: ignore[call-overload]


def test_an_unknown_task() -> None:
    with pytest.raises(InputError, match="`task` is 'clasification'; did you mean"):
        read_labels(open_source({"y": [1]}), "y", "clasification")


@pytest.mark.parametrize("task", ["classification", "regression", "multilabel"])
def test_no_label_at_all(task: str) -> None:
    data = {"y": [None, None]} if task != "regression" else {"y": [np.nan, np.nan]}
    with pytest.raises(InputError, match="label column 'y' has no label in any of the 2 rows"):
        read_labels(open_source(data), "y", task)


@pytest.mark.parametrize("bad", [[1], {"a": 1}, {1}, np.zeros(2), ([1],)])
def test_labels_that_cannot_be_hashed(bad: Any) -> None:
    with pytest.raises(InputTypeError, match=f"type {type(bad).__name__}.*hashable.*multilabel"):
        classes_of(["a", bad, "b"])


def test_measurements_are_no_classes() -> None:
    values = np.random.default_rng(0).normal(size=100)
    with pytest.raises(InputError, match=r"100 distinct numbers in 100 rows.*regression"):
        classes_of(values)
    with pytest.warns(InputWarning, match=r"100 distinct numbers in 100 rows.*regression"):
        assert len(classes_of(range(100))[1]) == 100
    with pytest.raises(InputError, match="infinite"):
        classes_of([1.0, np.inf])
    assert classes_of(np.arange(10) % 3 + 0.5)[1] == (0.5, 1.5, 2.5)
    amounts = [f"{euros},50 €" for euros in range(60)]
    with pytest.warns(InputWarning, match=r"60 distinct values in 60 rows.*regression"):
        assert len(classes_of(amounts)[1]) == 60
    assert len(classes_of(amounts * 2)[1]) == 60  # each has two rows


def test_regression_labels() -> None:
    def values(column: Any) -> Any:
        return read_labels(open_source({"y": column}), "y", "regression").values

    np.testing.assert_array_equal(values([1, None, 2.5]), [1, np.nan, 2.5])
    np.testing.assert_array_equal(values([True, False]), [1, 0])
    np.testing.assert_array_equal(values([Decimal("1.5"), None]), [1.5, np.nan])
    assert values(np.array([1, 2], dtype=np.float32)).dtype == np.float64
    with pytest.raises(InputError, match=r"'y', whose values are text \['a', 'b'\].*needs numbers"):
        values(["a", "b"])
    with pytest.raises(InputError, match="inf in row 1"):
        values([0.0, np.inf])


def test_multilabel_labels() -> None:
    def sets(column: Any) -> Any:
        labels = read_labels(open_source({"y": column}), "y", "multilabel")
        return [codes.tolist() for codes in labels.codes], labels.classes

    cells = [["b", "a"], [], None, ("c",), {"a"}, np.array(["c", "c"])]
    assert sets(cells) == ([[0, 1], [], [-1], [2], [0], [2]], ("a", "b", "c"))
    assert sets([[3, 1], [1]]) == ([[0, 1], [0]], (1, 3))
    assert sets([[0], [1], [0]]) == ([[0], [1], [0]], (0, 1))
    with pytest.raises(InputError, match=r"str 'a,b' in row 1.*needs a list.*split"):
        sets([["a"], "a,b"])
    with pytest.raises(InputError, match=r"rows of 3 zeros and ones.*np\.flatnonzero"):
        sets(np.array([[0, 1, 0], [1, 1, 0]]))
    with pytest.raises(InputError, match="missing value inside a list"):
        sets([["a", None]])
    with pytest.raises(InputTypeError, match="hashable"):
        sets([[["a"]]])
    names = datasets.Features({"y": datasets.Sequence(datasets.ClassLabel(names=["z", "b", "a"]))})
    data = datasets.Dataset.from_dict({"y": [[2, 0], [], None]}, features=names)
    labels = read_labels(open_source(data), "y", "multilabel")
    assert labels.classes == ("z", "b", "a")
    assert [codes.tolist() for codes in labels.codes] == [[0, 2], [], [-1]]


def test_multilabel_with_only_empty_cells() -> None:
    labels = read_labels(open_source({"y": [[], []]}), "y", "multilabel")
    assert labels.classes == ()
    assert [codes.tolist() for codes in labels.codes] == [[], []]


def test_encode() -> None:
    for values in (["b", None, "a"], pd.Series(["b", None, "a"]), pl.Series(["b", None, "a"])):
        assert encode(values, ["b", "a"]).tolist() == [0, -1, 1]
    assert encode(np.array([1.0, 2.0, np.nan]), [2, 1]).tolist() == [1, 0, -1]
    assert encode([0, 1], [False, True]).tolist() == [0, 1]
    assert encode([], ["a"]).tolist() == []
    with pytest.raises(
        InputError,
        match=r"`annotations` has values.*2 classes: \['c'\]; the classes are \['a', 'b'\]",
    ):
        encode(["a", "c"], ["a", "b"], name="annotations")


def test_align_columns_by_name() -> None:
    probs = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    for make in (
        lambda: pd.DataFrame(probs, columns=["b", "c", "a"]),
        lambda: pl.DataFrame(probs, schema=["b", "c", "a"]),
    ):
        np.testing.assert_array_equal(align_columns(make(), ["a", "b", "c"]), probs[:, [2, 0, 1]])
    by_text = pd.DataFrame(probs, columns=["10", "2", "3"])
    np.testing.assert_array_equal(align_columns(by_text, [2, 3, 10]), probs[:, [1, 2, 0]])
    numbers = pd.DataFrame(probs, columns=[2, 0, 1])
    np.testing.assert_array_equal(align_columns(numbers, [0, 1, 2]), probs[:, [1, 2, 0]])
    flags = pd.DataFrame(probs[:, :2], columns=["True", "False"])
    np.testing.assert_array_equal(align_columns(flags, (False, True)), probs[:, [1, 0]])


def test_align_columns_in_order() -> None:
    probs = np.array([[0.7, 0.3]])
    for given_probs in (probs, probs.tolist(), pd.DataFrame(probs), pl.DataFrame(probs)):
        np.testing.assert_array_equal(align_columns(given_probs, ["x", "y"]), probs)
    assert align_columns(probs, ["x", "y"]) is probs


def test_align_columns_tells_the_order_of_the_classes() -> None:
    probs = np.full((2, 3), 1 / 3)
    with pytest.raises(
        InputError, match=r"`pred_probs` has 3 columns but there are 2 .*\['a', 'b'\]"
    ):
        align_columns(probs, ["a", "b"])
    named = pd.DataFrame(probs, columns=["a", "b", "d"])
    with pytest.raises(
        InputError, match=r"no column for \['c'\], .*no class \['d'\].*order: \['a', 'b', 'c'\]"
    ):
        align_columns(named, ["a", "b", "c"])
    with pytest.raises(InputError, match="do not match"):
        align_columns(pd.DataFrame(probs, columns=["a", "a", "b"]), ["a", "b", "c"])
    with pytest.raises(InputError, match=r"shape \(N, K\)"):
        align_columns([0.5, 0.5], ["a", "b"])


labels = st.one_of(
    st.none(),
    st.text(max_size=2),
    st.integers(-3, 3),
    st.booleans(),
    st.tuples(st.integers(0, 2), st.text(max_size=1)),
    st.sampled_from(Animal),
)


@pytest.mark.filterwarnings("ignore::datalab.exceptions.InputWarning")
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(labels, min_size=1, max_size=12).filter(lambda v: any(x is not None for x in v)))
def test_codes_name_the_labels_whatever_the_order_of_rows(values: list[Any]) -> None:
    read = read_labels(open_source({"y": values}), "y", "classification")
    for value, code in zip(values, read.codes, strict=True):
        assert (value is None) == (code == -1)
        assert value is None or read.classes[code] == value
    np.testing.assert_array_equal(encode(values, read.classes), read.codes)
    order = np.random.default_rng(0).permutation(len(values))
    again = read_labels(open_source({"y": objects(values)[order]}), "y", "classification")
    assert again.classes == read.classes
    np.testing.assert_array_equal(again.codes, read.codes[order])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ["Cat", "dog", "cat ", "CAT"],
            "differ only in case, blanks or type: ['Cat', 'cat ', 'CAT'];",
        ),
        (["a  b", "a b", "c"], "differ only in case"),
        ([1, "1", 2], "differ only in case, blanks or type: [1, '1']"),
        (["a", "", "b"], "has the class ''; where that stands for a missing label, make it None"),
        (["a", "NaN", "b"], "has the class 'NaN'"),
    ],
)
def test_classes_that_may_be_one_or_none(values: list[object], message: str) -> None:
    with pytest.warns(InputWarning, match=re.escape(message)):
        labels = read_labels(open_source({"y": values}), "y", "classification")
    assert len(labels.classes) == len(set(values))


def test_targets_that_are_classes_or_too_large() -> None:
    with pytest.warns(InputWarning, match=r"two distinct values, \[0.0, 1.0\]; for classes"):
        read_labels(open_source({"y": [0, 1] * 9}), "y", "regression")
    with pytest.raises(InputError, match="has values up to 1.0e\\+200, too large"):
        read_labels(open_source({"y": [1.0, 1e200, 2.0]}), "y", "regression")
