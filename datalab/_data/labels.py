"""Labels of any hashable kind, as integer codes of known classes."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from datalab._check import as_array, choice, class_codes, did_you_mean, listing
from datalab._data.base import Source
from datalab._data.values import (
    as_floats,
    column_array,
    is_missing,
    objects,
    python_values,
    whole_numbers,
)
from datalab._typing import Codes
from datalab.exceptions import InputError, InputTypeError, InputWarning, NotFound

__all__ = [
    "Labels",
    "MultilabelLabels",
    "RegressionLabels",
    "align_columns",
    "encode",
    "read_labels",
]

# Fractions with more distinct values than this, or that hardly repeat, are measurements.
MANY = 50
# The square of a larger target, summed over many rows, is no number any more.
MAX_TARGET = 1e140
# Two values in fewer rows than this may well be measurements.
MIN_ROWS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """One class per example: codes (-1 = missing) into classes."""

    codes: Codes
    classes: tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RegressionLabels:
    """One number per example, NaN where missing."""

    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MultilabelLabels:
    """A set of classes per example: sorted codes; none = empty, missing = ``[-1]``."""

    codes: tuple[Codes, ...]
    classes: tuple[Any, ...]


AnyLabels = Labels | RegressionLabels | MultilabelLabels


@overload
def read_labels(source: Source, label_name: str, task: Literal["classification"]) -> Labels: ...
@overload
def read_labels(
    source: Source, label_name: str, task: Literal["regression"]
) -> RegressionLabels: ...
@overload
def read_labels(
    source: Source, label_name: str, task: Literal["multilabel"]
) -> MultilabelLabels: ...
@overload
def read_labels(source: Source, label_name: str, task: str) -> AnyLabels: ...


def read_labels(source: Source, label_name: str, task: str) -> AnyLabels:
    """The labels of a data set, encoded.

    Parameters
    ----------
    source : Source
    label_name : str
        The column that holds the labels.
    task : {"classification", "regression", "multilabel"}

    Returns
    -------
    Labels, RegressionLabels or MultilabelLabels
        Classes stand in the order that the data declares (ClassLabel, ordered categorical, Enum;
        unused ones stay), otherwise sorted: numbers by value, texts by code point, mixed kinds by
        (name of the type, value), where every number is a "number" and what is neither number nor
        text counts by its text. Whole floats count as integers, so that a column of integers
        with gaps, which pandas keeps as floats, has integer classes.

    Raises
    ------
    NotFound
        `label_name` is no column.
    InputError
        All labels are missing, or they are not of the kind that the task needs.

    Examples
    --------
    >>> from datalab._data.source import open_source
    >>> labels = read_labels(open_source({"y": ["dog", None, "cat"]}), "y", "classification")
    >>> labels.codes, labels.classes
    (array([ 1, -1,  0]), ('cat', 'dog'))
    """
    readers: dict[str, Callable[[Source, str], AnyLabels]] = {
        "classification": _read_classes,
        "regression": _read_numbers,
        "multilabel": _read_sets,
    }
    choice(task, readers, name="task")
    label_name = str(label_name)
    if label_name not in source.columns:
        raise NotFound(
            f"`label_name` is {label_name!r}, but the data has no such column; "
            f"{did_you_mean(label_name, source.columns)}"
        )
    return readers[task](source, label_name)


def _read_classes(source: Source, name: str) -> Labels:
    stored = source.column(name)
    values = whole_numbers(stored)
    missing = is_missing(values)
    if missing.all():
        raise InputError(_all_missing(source, name))
    declared = source.class_names(name)
    if declared is not None:
        _judge_names(declared, name)
        return Labels(encode(values, declared, name=name), declared)
    codes, distinct = _factorized(values, name)
    _judge_names(distinct, name)
    if stored.dtype.kind in "iuf":
        _judge_measurements(values[~missing], len(distinct), name)
    else:
        _judge_repetition(values[~missing], len(distinct), name)
    classes, rank = _sorted_classes(distinct)
    codes = np.where(codes < 0, -1, rank[codes])
    return Labels(class_codes(codes, name=name, missing=True), classes)


def _read_numbers(source: Source, name: str) -> RegressionLabels:
    values = source.column(name)
    numbers = as_floats(values)
    if numbers is None:
        kind = source.kind(name)
        raise InputError(
            f"`label_name` is {name!r}, whose values are {kind} {listing(_present(values))}; "
            'task="regression" needs numbers (for classes use task="classification")'
        )
    if np.isnan(numbers).all():
        raise InputError(_all_missing(source, name))
    if np.isinf(numbers).any():
        row = int(np.flatnonzero(np.isinf(numbers))[0])
        raise InputError(
            f"label column {name!r} has {numbers[row]} in row {row}; replace it, or leave it "
            "missing (NaN)"
        )
    _judge_targets(numbers[~np.isnan(numbers)], name)
    return RegressionLabels(numbers)


def _judge_targets(present: NDArray[np.float64], name: str) -> None:
    """Refuse numbers whose squares overflow; warn of two classes that are written as numbers."""
    largest = float(np.abs(present).max())
    if largest > MAX_TARGET:
        raise InputError(
            f"label column {name!r} has values up to {largest:.1e}, too large to calculate with; "
            "divide them all by a number, or take their logarithms"
        )
    if len(present) >= MIN_ROWS and len(np.unique(present)) == 2:
        warnings.warn(
            f"label column {name!r} has two distinct values, {listing(np.unique(present).tolist())}"
            '; for classes use task="classification"',
            InputWarning,
            stacklevel=2,
        )


def _read_sets(source: Source, name: str) -> MultilabelLabels:
    values = source.column(name)
    cells = [_cell(value, row, name) for row, value in enumerate(values)]
    lengths = np.array([0 if cell is None else len(cell) for cell in cells])
    if all(cell is None for cell in cells):
        raise InputError(_all_missing(source, name))
    given = chain.from_iterable(cell for cell in cells if cell is not None)
    flat = whole_numbers(column_array(objects(given)))
    _refuse_indicators(cells, lengths, flat, name)
    if is_missing(flat).any():
        raise InputError(
            f"label column {name!r} has a missing value inside a list; leave it out of the list, "
            "or make the whole cell None when the labels are unknown"
        )
    declared = source.class_names(name)
    if declared is not None:
        codes, classes = np.asarray(encode(flat, declared, name=name)), declared
    else:
        found, distinct = _factorized(flat, name)
        classes, rank = _sorted_classes(distinct)
        codes = rank[found] if len(found) else found
    pieces = np.split(codes, np.cumsum(lengths)[:-1])
    gap = np.array([-1])
    return MultilabelLabels(
        tuple(
            class_codes(gap if cell is None else np.unique(piece), name=name, missing=True)
            for cell, piece in zip(cells, pieces, strict=True)
        ),
        classes,
    )


def _cell(value: Any, row: int, name: str) -> Any:
    """The labels in one cell of a multilabel column."""
    if value is None or isinstance(value, (list, tuple, set, frozenset)):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value.tolist()
    raise InputError(
        f"label column {name!r} has {type(value).__name__} {value!r:.60} in row {row}; "
        'task="multilabel" needs a list of labels in every row (a text of several labels: '
        'split it first, for example df[name].str.split(","))'
    )


def _refuse_indicators(
    cells: list[Any], lengths: NDArray[Any], flat: NDArray[Any], name: str
) -> None:
    """Rows such as [0, 1, 0, 0] are indicators, not lists of classes."""
    if flat.dtype.kind not in "biu" or not len(flat) or not set(flat.tolist()) <= {0, 1}:
        return
    if (
        len(set(lengths.tolist())) == 1
        and lengths[0] > 1
        and any(len(set(cell)) < len(cell) for cell in cells)
    ):
        raise InputError(
            f"label column {name!r} holds rows of {int(lengths[0])} zeros and ones, for example "
            f'{list(cells[0])!r:.60}; task="multilabel" needs the classes of every row: '
            "[list(np.flatnonzero(row)) for row in rows]"
        )


def encode(values: Any, classes: Sequence[Any], *, name: str = "labels") -> Codes:
    """Values as codes of known classes; missing values are -1.

    Parameters
    ----------
    values : array-like of shape (N,)
    classes : sequence of K hashable values
    name : str
        Where the values come from, for messages.

    Returns
    -------
    Codes
        int64 array of shape (N,), -1..K-1.

    Raises
    ------
    InputError
        A value that is none of the classes.

    Examples
    --------
    >>> encode(["b", "a", None], ["a", "b"])
    array([ 1,  0, -1])
    """
    array = values if isinstance(values, np.ndarray) else objects(values)
    codes, distinct = _factorized(whole_numbers(column_array(array)), name)
    known = {value: code for code, value in enumerate(classes)}
    unknown = [value for value in distinct if value not in known]
    if unknown:
        raise InputError(
            f"`{name}` has values that are none of the {len(classes)} classes: {listing(unknown)}; "
            f"the classes are {listing(classes, 20)}"
        )
    table = np.array([*(known[value] for value in distinct), -1])  # -1 reads the last entry
    return class_codes(table[codes], name=name, missing=True)


def align_columns(
    pred_probs: Any, classes: Sequence[Any], *, name: str = "pred_probs"
) -> NDArray[Any]:
    """Predicted probabilities with one column per class, in the order of the classes.

    Parameters
    ----------
    pred_probs : array-like of shape (N, K)
        Columns with names (DataFrame) are matched to the classes, by value or else by their text;
        without names, or named 0..K-1 by default, they are taken in order.
    classes : sequence of K values
    name : str
        Name of the argument, for messages.

    Returns
    -------
    ndarray of shape (N, K)

    Raises
    ------
    InputError
        Columns and classes do not match; the message prints the order of the classes.

    Examples
    --------
    >>> import pandas as pd
    >>> align_columns(pd.DataFrame({"dog": [0.9], "cat": [0.1]}), ["cat", "dog"])
    array([[0.1, 0.9]])
    """
    names = _names_of_columns(pred_probs)
    array = as_array(pred_probs, name=name)
    if array.ndim != 2:
        raise InputError(
            f"`{name}` must have shape (N, K), one column per class, got shape {array.shape}"
        )
    if names is not None:
        return array[:, _matched(names, classes, name)]
    if array.shape[1] != len(classes):
        raise InputError(
            f"`{name}` has {array.shape[1]} columns but there are {len(classes)} classes; give one "
            f"column per class, in this order: {listing(classes, 20)}"
        )
    return array


def _names_of_columns(table: Any) -> list[Any] | None:
    """The names of the columns, unless they only count them."""
    names = getattr(table, "column_names", None) or getattr(table, "columns", None)
    if names is None or callable(names):
        return None
    names = list(names)
    counting = (list(range(len(names))), [f"column_{i}" for i in range(len(names))])
    return None if names in counting else names


def _matched(names: list[Any], classes: Sequence[Any], argument: str) -> list[int]:
    """For each class the position of its column."""
    by_value = {value: at for at, value in enumerate(names)}
    by_text = {str(value): at for at, value in enumerate(names)}
    exact = all(value in by_value for value in classes)
    places = [by_value.get(c) if exact else by_text.get(str(c)) for c in classes]
    lacking = [c for c, at in zip(classes, places, strict=True) if at is None]
    unknown = [n for at, n in enumerate(names) if at not in places]
    if lacking or unknown or len(by_text) < len(names):
        raise InputError(
            f"the columns of `{argument}` do not match the classes: "
            f"no column for {listing(lacking)}, columns that are no class {listing(unknown)}; "
            f"give one column per class, named or in this order: {listing(classes, 20)}"
        )
    return [at for at in places if at is not None]


def _factorized(values: NDArray[Any], name: str) -> tuple[NDArray[np.intp], list[Any]]:
    """Codes in order of appearance (-1 = missing) and the distinct values as Python objects."""
    import pandas as pd

    try:
        codes, distinct = pd.factorize(values)
    except TypeError as error:
        bad = next(value for value in values if not _hashable(value))
        raise InputTypeError(
            f"`{name}` has labels of type {type(bad).__name__}, for example {bad!r:.60}; a label "
            "must be hashable (text, number, bool, tuple, …); for lists of labels use "
            'task="multilabel"'
        ) from error
    listed = python_values(np.asarray(distinct))
    return codes, [v.item() if isinstance(v, np.generic) else v for v in listed]


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _sorted_classes(distinct: list[Any]) -> tuple[tuple[Any, ...], NDArray[np.int64]]:
    """The classes in order, and for each of the distinct values its place in that order."""
    order = sorted(range(len(distinct)), key=lambda at: _sort_key(distinct[at]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return tuple(distinct[at] for at in order), rank


def _sort_key(value: Any) -> tuple[str, Any]:
    """Numbers by value; otherwise by name of the type, then by value or else by text."""
    if isinstance(value, (bool, int, float, Decimal)):
        return "number", value
    if isinstance(value, (str, bytes)):
        return type(value).__name__, value
    if isinstance(value, tuple):
        return "tuple", [_sort_key(part) for part in value]
    if isinstance(value, frozenset):  # whose text depends on the process
        return "frozenset", sorted(_sort_key(part) for part in value)
    return type(value).__name__, str(value)


def _judge_names(classes: Sequence[Any], name: str) -> None:
    """Warn of classes that may be one, or none."""
    alike: dict[str, list[Any]] = {}
    for value in classes:
        alike.setdefault(" ".join(str(value).casefold().split()), []).append(value)
    same = [values for values in alike.values() if len(values) > 1]
    if same:
        warnings.warn(
            f"label column {name!r} has classes that differ only in case, blanks or type: "
            f"{'; '.join(listing(values) for values in same[:3])}; if they are one class, write "
            "them alike, for example by .str.strip().str.lower()",
            InputWarning,
            stacklevel=2,
        )
    blank = [value for value in classes if isinstance(value, str) and _says_nothing(value)]
    if blank:
        warnings.warn(
            f"label column {name!r} has the class {', '.join(map(repr, blank))}; where that stands "
            "for a missing label, make it None",
            InputWarning,
            stacklevel=2,
        )


def _says_nothing(label: str) -> bool:
    return label.strip().lower() in ("", "nan", "null", "n/a", "#n/a", "?", "<na>")


def _judge_measurements(present: NDArray[Any], distinct: int, name: str) -> None:
    """Refuse fractions that hardly repeat as classes; warn of such whole numbers."""
    if present.dtype.kind == "f" and np.isinf(present).any():
        raise InputError(f"label column {name!r} has infinite values; replace or remove them")
    hardly_repeat = 2 * distinct > len(present)
    told = (
        f"label column {name!r} has {distinct} distinct numbers in {len(present)} rows, for "
        f'example {listing(present[:3].tolist())}; for measurements use task="regression"'
    )
    if present.dtype.kind == "f" and (distinct > MANY or (distinct > 5 and hardly_repeat)):
        raise InputError(f"{told}, for classes give texts or whole numbers")
    if distinct > MANY and hardly_repeat:
        warnings.warn(told, InputWarning, stacklevel=2)


def _judge_repetition(present: NDArray[Any], distinct: int, name: str) -> None:
    """Warn of many classes that hardly repeat: names of rows, or numbers written as text."""
    if distinct > MANY and 2 * distinct > len(present):
        warnings.warn(
            f"label column {name!r} has {distinct} distinct values in {len(present)} rows, for "
            f"example {listing(present[:3].tolist())}; classes have several rows each. If these "
            'are amounts, make them numbers and use task="regression"; else name another column',
            InputWarning,
            stacklevel=2,
        )


def _present(values: NDArray[Any]) -> list[Any]:
    return list(values[~is_missing(values)][:5])


def _all_missing(source: Source, name: str) -> str:
    return (
        f"label column {name!r} has no label in any of the {source.n_rows} rows; name another "
        "column, or leave out `label_name` to audit unlabelled data"
    )
