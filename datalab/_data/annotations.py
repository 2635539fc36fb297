"""Labels of several annotators, in any of the forms people keep them in, as one list of answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._check import as_array, listing
from datalab._data.base import Source
from datalab._data.labels import encode, read_labels
from datalab._data.source import open_source
from datalab._data.values import column_array, is_missing, objects, python_values, whole_numbers
from datalab._typing import IndexArray
from datalab.exceptions import InputError, UnsupportedData

__all__ = ["LONG", "Annotations", "read_annotations"]

LONG = ("task", "annotator", "label")
FORMS = (
    "the names of the annotators' columns in the data, a table or array with one column per "
    f"annotator, or a long table with the columns {', '.join(LONG)}"
)


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """Who gave which row which label: one entry per answer.

    Parameters
    ----------
    item : ndarray of int, shape (number of answers,)
        Row of the data set.
    annotator : ndarray of int, shape (number of answers,)
        Position in `names`.
    label : ndarray of int, shape (number of answers,)
        Class code.
    names : tuple
        Ids of the annotators.
    n_items : int
        Rows of the data set; some may have no answer.

    Examples
    --------
    >>> item, annotator, label = np.array([[0, 0, 2], [0, 1, 1], [3, 3, 4]])
    >>> three = Annotations(item, annotator, label, ("a", "b"), 3)
    >>> two = three[[2, 1]]
    >>> len(two), two.item.tolist(), two.label.tolist()
    (2, [0], [4])
    """

    item: IndexArray
    annotator: IndexArray
    label: NDArray[np.int64]
    names: tuple[Any, ...]
    n_items: int

    def __len__(self) -> int:
        return self.n_items

    def __getitem__(self, rows: Any) -> "Annotations":
        """The answers about some rows (positions or a mask), which are numbered anew."""
        chosen = np.arange(self.n_items)[rows]
        place = np.full(self.n_items, -1)
        place[chosen] = np.arange(len(chosen))
        item = place[self.item]
        kept = item >= 0
        return Annotations(
            item[kept], self.annotator[kept], self.label[kept], self.names, len(chosen)
        )


def read_annotations(
    annotations: Any,
    *,
    n_rows: int,
    classes: Sequence[Any] | None = None,
    column: Callable[[str], NDArray[Any]] | None = None,
    index: Any = None,
) -> tuple[Annotations, tuple[Any, ...]]:
    """Labels of several annotators for the rows of a data set.

    Parameters
    ----------
    annotations : list of str, DataFrame, table, mapping, or array-like of shape (n_rows, A)
        Names of the annotators' columns in the data; or one column per annotator; or a long table
        with columns ``task``, ``annotator``, ``label``. Labels are of any hashable kind. None,
        NaN, NA and NaT stand for "not asked", and so does -1 in arrays of integers, which cannot
        hold any of these, unless -1 is a class.
    n_rows : int
    classes : sequence, optional
        The known classes in the order of their codes; None: those that occur, sorted.
    column : callable, optional
        From the name of a column of the data to its values.
    index : pandas.Index, optional
        The labels of the rows, which tasks are matched to; None: tasks are positions 0..n_rows-1.

    Returns
    -------
    annotations : Annotations
    classes : tuple

    Raises
    ------
    InputError
        Wrong number of rows, no label at all, a label that is none of the known classes, tasks
        that are no rows, or two different labels of one annotator for one task.
    NotFound
        A name that is no column of the data.

    Examples
    --------
    >>> table = [["cat", None], ["dog", "cat"], [None, None]]
    >>> read, classes = read_annotations(table, n_rows=3)
    >>> read.item, read.annotator, read.label, classes
    (array([0, 1, 1]), array([0, 0, 1]), array([0, 1, 0]), ('cat', 'dog'))
    """
    item, annotator, names, values = _answers(annotations, n_rows, classes, column, index)
    if not len(values):
        raise InputError("`annotations` holds no label; give at least one, or leave it out")
    if classes is None:
        labels = read_labels(open_source({"annotations": values}), "annotations", "classification")
        codes, classes = labels.codes, labels.classes
    else:
        try:
            codes = encode(values, classes, name="annotations")
        except InputError as error:
            at = _first_unknown(values, classes)
            who = names[annotator[at]]
            raise InputError(
                f"{error}: row {item[at]} has {values[at]!r} by annotator {who!r}; correct it, or "
                "leave it missing"
            ) from error
    found = Annotations(item, annotator, np.asarray(codes), tuple(names), n_rows)
    return _once(found, classes), tuple(classes)


_Answered = tuple[IndexArray, IndexArray, list[Any], NDArray[Any]]


def _answers(
    annotations: Any,
    n_rows: int,
    classes: Sequence[Any] | None,
    column: Callable[[str], NDArray[Any]] | None,
    index: Any,
) -> _Answered:
    """Row, annotator, names of annotators, and label of every answer."""
    if isinstance(annotations, str):
        annotations = [annotations]
    if isinstance(annotations, (list, tuple)) and all(isinstance(a, str) for a in annotations):
        if column is None or not annotations:
            raise InputError(f"`annotations` is {annotations!r}; give {FORMS}")
        return _wide({name: column(name) for name in annotations}, n_rows, classes)
    table = _as_table(annotations)
    if table is None:
        array = as_array(annotations, name="annotations")
        if array.ndim != 2:
            raise InputError(f"`annotations` has shape {array.shape}; give {FORMS}")
        return _matrix(array, n_rows, classes)
    if set(LONG) <= set(table.columns):
        return _long(table, n_rows, index)
    names = _names(annotations, table)
    by_name = zip(names, (table.column(name) for name in table.columns), strict=True)
    return _wide(dict(by_name), n_rows, classes)


def _as_table(annotations: Any) -> Source | None:
    """Tables of every kind that data sets come in; None for what is an array."""
    if isinstance(annotations, np.ndarray):
        return None
    if isinstance(annotations, (list, tuple)) and not all(
        isinstance(row, Mapping) for row in annotations
    ):
        return None
    try:
        return open_source(annotations)
    except UnsupportedData as error:
        if hasattr(annotations, "__array__"):
            return None
        raise InputError(f"`annotations` cannot be read: {error}; give {FORMS}") from error


def _names(annotations: Any, table: Source) -> list[Any]:
    """Ids of annotators as the user wrote them (a source has them as text)."""
    names = annotations if isinstance(annotations, Mapping) else getattr(annotations, "columns", ())
    same = not callable(names) and [str(name) for name in names] == list(table.columns)
    return list(names if same else table.columns)


def _wide(
    columns: Mapping[Any, NDArray[Any]], n_rows: int, classes: Sequence[Any] | None
) -> _Answered:
    parts = [np.asarray(values) for values in columns.values()]
    for name, values in zip(columns, parts, strict=True):
        _refuse_length(len(values), n_rows, f"`annotations` has {len(values)} rows in {name!r}")
    present = [np.flatnonzero(~_not_asked(values, classes)) for values in parts]
    answered = [values[rows] for values, rows in zip(parts, present, strict=True)]
    kinds = {values.dtype.kind for values in answered}
    if len(kinds) > 1 and not kinds <= set("iuf"):
        answered = [objects(python_values(whole_numbers(values))) for values in answered]
    annotator = np.repeat(np.arange(len(parts)), [len(rows) for rows in present])
    return np.concatenate(present), annotator, list(columns), np.concatenate(answered)


def _matrix(array: NDArray[Any], n_rows: int, classes: Sequence[Any] | None) -> _Answered:
    _refuse_length(len(array), n_rows, f"`annotations` has {len(array)} rows")
    cells = array.reshape(-1)
    if cells.dtype.kind not in "iufb":
        cells = column_array(cells)
    at = np.flatnonzero(~_not_asked(cells, classes))
    item, annotator = np.divmod(at, array.shape[1])
    return item, annotator, list(range(array.shape[1])), cells[at]


def _not_asked(values: NDArray[Any], classes: Sequence[Any] | None) -> NDArray[np.bool_]:
    if values.dtype.kind == "i" and -1 not in (classes or ()):
        asked: NDArray[np.bool_] = values == -1
        return asked
    return is_missing(values)


def _long(table: Source, n_rows: int, index: Any) -> _Answered:
    import pandas as pd

    task, by, values = (table.column(name) for name in LONG)
    given = np.flatnonzero(~is_missing(values))
    task, by, values = task[given], by[given], values[given]
    annotator, names = pd.factorize(whole_numbers(by))
    if (annotator < 0).any():
        at = int(given[np.flatnonzero(annotator < 0)[0]])
        raise InputError(f"`annotations` has no annotator in row {at}; give one for every label")
    return _rows_of(task, n_rows, index), annotator, python_values(np.asarray(names)), values


def _rows_of(task: NDArray[Any], n_rows: int, index: Any) -> IndexArray:
    """The row of the data set that each task is."""
    wanted = whole_numbers(task)
    if index is None:
        numeric = wanted.dtype.kind in "iu"
        rows = wanted.astype(np.int64) if numeric else np.full(len(wanted), -1)
        told = f"positions 0..{n_rows - 1}"
    else:
        if not index.is_unique:
            raise InputError(
                "tasks of `annotations` cannot be matched to the rows of the data, whose index has "
                "duplicates; give the data a unique index (reset_index), or annotations in wide "
                "form"
            )
        rows = index.get_indexer(wanted)
        told = f"labels of the index, {listing(index[:3])}"
    wrong = np.flatnonzero((rows < 0) | (rows >= n_rows))
    if wrong.size:
        raise InputError(
            f"`annotations` has tasks that are no rows of the data: "
            f"{listing(dict.fromkeys(task[wrong].tolist()))}; tasks must be {told}"
        )
    return rows


def _refuse_length(length: int, n_rows: int, told: str) -> None:
    if length != n_rows:
        raise InputError(
            f"{told} but the dataset has {n_rows}; give one row per example, in dataset order, or "
            f"a long table with the columns {', '.join(LONG)}"
        )


def _first_unknown(values: NDArray[Any], classes: Sequence[Any]) -> int:
    """Where the first label stands that is none of the classes."""
    known = set(classes)
    return next(at for at, v in enumerate(python_values(values)) if v not in known)


def _once(found: Annotations, classes: Sequence[Any]) -> Annotations:
    """One answer for each pair of row and annotator; repetitions count once."""
    pair = found.item * len(found.names) + found.annotator
    _, first, which = np.unique(pair, return_index=True, return_inverse=True)
    if len(first) == len(pair):
        return found
    differs = np.flatnonzero(found.label != found.label[first][which])
    if differs.size:
        at = int(differs[0])
        both = classes[found.label[first[which[at]]]], classes[found.label[at]]
        raise InputError(
            f"`annotations` has two labels of annotator {found.names[found.annotator[at]]!r} for "
            f"row {found.item[at]}: {both[0]!r} and {both[1]!r}; keep one"
        )
    first.sort()
    return Annotations(
        found.item[first], found.annotator[first], found.label[first], found.names, found.n_items
    )
