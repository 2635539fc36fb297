"""Rows as people name them: labels of their index, or a mask; inside the house, positions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._check import listing
from datalab._typing import BoolArray, IndexArray
from datalab.exceptions import InputError, InputTypeError, NotFound

__all__ = ["positions_of"]


def positions_of(rows: Any, index: Any, n_rows: int, *, name: str = "rows") -> IndexArray:
    """Positions of the rows that a person named.

    Parameters
    ----------
    rows : bool mask of shape (N,), index label, or sequence of index labels
        A boolean Series with an index of its own is read by its labels, and may tell of more rows
        than there are. A DataFrame, or a Series
        of other values, stands for the rows of its index; a Series of labels, numbered 0, 1, …,
        for those labels.
    index : pandas.Index or None
        The user's index; None means that rows are named by position.
    n_rows : int
    name : str
        Name of the argument, for messages.

    Returns
    -------
    ndarray of int
        Distinct positions in the order in which they were named (a mask: ascending). A label that
        several rows share (also a part of a date, or the first levels of a MultiIndex) means all
        of them.

    Raises
    ------
    InputError
        A mask of another length or about other rows; a Series that can be read in two ways.
    NotFound
        A label that no row has.

    Examples
    --------
    >>> positions_of([True, False, True], None, 3)
    array([0, 2])
    >>> import pandas as pd
    >>> positions_of(["b"], pd.Index(["a", "b"]), 2)
    array([1])
    """
    if hasattr(rows, "to_pylist"):  # Arrow's own arrays
        rows = rows.to_pylist()
    mask = _mask(rows)
    if mask is not None:
        return np.flatnonzero(_aligned(mask, rows, index, n_rows, name))
    if hasattr(rows, "index") and hasattr(rows, "iloc"):
        rows = rows.index if hasattr(rows, "columns") else _of_series(rows, index, n_rows, name)
    labels = _listed(rows, index, name)
    found, lacking = _found(labels, index, n_rows)
    if lacking:
        called = f"; its {n_rows} rows are called 0..{n_rows - 1}" if index is None else ""
        raise NotFound(f"`{name}`: no row of the data is called {listing(lacking)}{called}")
    return _distinct(found)


# --- masks ---------------------------------------------------------------------------------------


def _mask(rows: Any) -> BoolArray | None:
    """The values of a mask, missing ones (what no check looked at) as False; None for labels."""
    dtype = getattr(rows, "dtype", None)
    if str(dtype) in ("bool", "boolean", "Boolean", "bool[pyarrow]"):
        if hasattr(rows, "isna") and rows.isna().any():
            rows = rows.fillna(value=False)
        mask = np.asarray(rows, dtype=bool)
        return mask if mask.ndim else None
    if str(dtype) == "object" or isinstance(rows, (list, tuple)):
        values = list(rows)
        told = {type(value) for value in values}
        if told & {bool, np.bool_} and not told - {bool, np.bool_, type(None)}:
            return np.array([bool(value) for value in values])
    return None


def _aligned(mask: BoolArray, rows: Any, index: Any, n_rows: int, name: str) -> BoolArray:
    """A mask in the order of the data."""
    if len(mask) > n_rows and hasattr(rows, "iloc") and index is not None:
        # A condition on the whole table serves for those of its rows that are left.
        at = rows.index.get_indexer(index) if rows.index.is_unique else np.array([-1])
        if (at >= 0).all():
            left: BoolArray = mask[at]
            return left
    if mask.shape != (n_rows,):
        raise InputError(
            f"`{name}` is a mask of shape {mask.shape}, but there are {n_rows} rows; give one "
            "value per row, or the index labels of the rows"
        )
    if not hasattr(rows, "iloc"):
        return mask
    mine = rows.index
    if (_counting(mine) and index is None) or (index is not None and mine.equals(index)):
        return mask
    labels, lacking = _found(list(mine), index, n_rows)
    same = not lacking and len(labels) == n_rows and len(np.unique(labels)) == n_rows
    if _counting(mine) and not same:
        return mask
    if _counting(mine) or not same:
        raise InputError(
            f"`{name}` is a mask with an index of its own, which is not that of the data; give "
            "mask.to_numpy() if its values stand in the order of the data"
        )
    ordered = np.empty_like(mask)
    ordered[labels] = mask
    return ordered


def _counting(index: Any) -> bool:
    """Whether an index only numbers its rows."""
    return bool(len(index) == 0 or (index.dtype.kind == "i" and _is_range(index.to_numpy())))


def _is_range(values: NDArray[Any]) -> bool:
    return bool(values[0] == 0 and (np.diff(values) == 1).all())


# --- labels --------------------------------------------------------------------------------------


def _of_series(series: Any, index: Any, n_rows: int, name: str) -> Any:
    """The labels that a pandas Series stands for: those of its index, or its values."""
    if not _counting(series.index):
        return series.index
    readings = [list(series.index), series.tolist()]
    known = [labels for labels in readings if not _found(labels, index, n_rows)[1]]
    if len(known) == 2 and known[0] != known[1]:
        raise InputError(
            f"`{name}` is a Series whose index and whose values are both labels of rows; give "
            "series.index or series.tolist()"
        )
    return known[0] if known else series.index


def _listed(rows: Any, index: Any, name: str) -> list[Any]:
    """The labels one by one; a text or a number is one label, a tuple if some row is called so."""
    if isinstance(rows, np.ndarray):
        if rows.ndim > 1:
            raise InputError(f"`{name}` must have one dimension, got shape {rows.shape}")
        return [rows.item()] if rows.ndim == 0 else list(rows)
    if isinstance(rows, tuple):
        levels = 1 if index is None else index.nlevels
        one = levels > 1 and 0 < len(rows) <= levels and not isinstance(rows[0], (tuple, list))
        return [rows] if one or (index is not None and rows in index) else list(rows)
    if isinstance(rows, (slice, Mapping)) or (
        rows is None and (index is None or None not in index)
    ):
        raise InputTypeError(
            f"`{name}` must be a boolean mask or index labels of the data, got {rows!r:.60}"
        )
    if isinstance(rows, (str, bytes)) or not hasattr(rows, "__iter__"):
        return [rows]
    return list(rows)


def _found(labels: list[Any], index: Any, n_rows: int) -> tuple[IndexArray, list[Any]]:
    """Positions of rows of these labels, and the labels that no row has."""
    if index is None:
        known = [_is_position(one, n_rows) for one in labels]
        lacking = [one for one, ok in zip(labels, known, strict=True) if not ok]
        return np.array([] if lacking else labels, dtype=np.intp), lacking
    if _may_name_parts(labels, index):
        places = [_places(index, one) for one in labels]
        found = np.concatenate([np.empty(0, dtype=np.intp), *places])
        return found, [one for one, at in zip(labels, places, strict=True) if not len(at)]
    try:
        if index.is_unique:
            found = np.asarray(index.get_indexer(labels), dtype=np.intp)
            return found, [labels[i] for i in np.flatnonzero(found < 0)]
        found, missing = index.get_indexer_non_unique(labels)
    except TypeError:  # what cannot be a label at all
        return np.empty(0, dtype=np.intp), labels
    return np.asarray(found, dtype=np.intp), [labels[i] for i in np.unique(missing)]


def _is_position(label: Any, n_rows: int) -> bool:
    whole = isinstance(label, (int, np.integer)) and not isinstance(label, bool)
    return whole and 0 <= int(label) < n_rows


def _may_name_parts(labels: Sequence[Any], index: Any) -> bool:
    """Whether some label may name several rows: "2020-01" a month, "u" all rows ("u", …)."""
    if index.nlevels > 1:
        return not all(isinstance(one, tuple) and len(one) == index.nlevels for one in labels)
    return index.inferred_type == "datetime64" and any(isinstance(one, str) for one in labels)


def _places(index: Any, label: Any) -> IndexArray:
    """Every position of a label, none where no row has it."""
    try:
        at = index.get_loc(label)
    except (KeyError, TypeError):
        return np.empty(0, dtype=np.intp)
    if isinstance(at, slice):
        return np.arange(len(index), dtype=np.intp)[at]
    return np.flatnonzero(at) if isinstance(at, np.ndarray) else np.array([at], dtype=np.intp)


def _distinct(found: IndexArray) -> IndexArray:
    if (found[1:] > found[:-1]).all():
        return found
    return np.array(list(dict.fromkeys(found.tolist())), dtype=np.intp)
