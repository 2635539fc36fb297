"""Rows as people name them: labels of their index, or a mask; inside the house, positions."""

from typing import Any

import numpy as np

from datalab._check import listing
from datalab._typing import IndexArray
from datalab.exceptions import InputError, NotFound

__all__ = ["positions_of"]


def positions_of(rows: Any, index: Any, n_rows: int, *, name: str = "rows") -> IndexArray:
    """Positions of the rows that a person named.

    Parameters
    ----------
    rows : bool mask of shape (N,), index label, or sequence of index labels
        A pandas object with an index of its own stands for the rows of its index, a boolean
        Series for those where it is true.
    index : pandas.Index or None
        The user's index; None means that rows are named by position.
    n_rows : int
    name : str
        Name of the argument, for messages.

    Returns
    -------
    ndarray of int
        Distinct positions in the order in which they were named (a mask: ascending). A label that
        several rows share means all of them.

    Raises
    ------
    InputError
        A mask of another length, or with missing values.
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
    if _is_mask(rows):
        return _of_mask(rows, n_rows, name)
    if hasattr(rows, "index") and hasattr(rows, "iloc"):
        rows = rows.index
    if isinstance(rows, tuple) and (index is None or rows not in index):
        rows = list(rows)
    labels = _listed(rows)
    if index is None:
        return _of_positions(labels, n_rows, name)
    if index.is_unique:
        found = index.get_indexer(labels)
    else:
        found = np.concatenate(
            [np.empty(0, dtype=np.intp), *(_places(index, one) for one in labels)]
        )
    if (np.asarray(found) < 0).any():
        lacking = [one for one in labels if one not in index]
        raise NotFound(f"`{name}`: no row of the data is called {listing(lacking)}")
    return _distinct(np.asarray(found, dtype=np.intp))


def _is_mask(rows: Any) -> bool:
    dtype = getattr(rows, "dtype", None)
    if dtype is not None:
        return str(dtype) in ("bool", "boolean", "Boolean", "bool[pyarrow]")
    return isinstance(rows, (list, tuple)) and bool(rows) and {type(r) for r in rows} == {bool}


def _of_mask(rows: Any, n_rows: int, name: str) -> IndexArray:
    if hasattr(rows, "isna") and rows.isna().any():
        rows = rows.fillna(value=False)  # what no check looked at was not asked for
    mask = np.asarray(rows, dtype=bool)
    if mask.shape != (n_rows,):
        raise InputError(
            f"`{name}` is a mask of shape {mask.shape}, but there are {n_rows} rows; give one "
            "value per row, or the index labels of the rows"
        )
    return np.flatnonzero(mask)


def _listed(rows: Any) -> list[Any]:
    """The labels one by one; a text, a tuple or a number is one label."""
    if isinstance(rows, (str, bytes, tuple)) or not hasattr(rows, "__iter__"):
        return [rows]
    if isinstance(rows, np.ndarray) and rows.ndim == 0:
        return [rows.item()]
    return list(rows)


def _of_positions(labels: list[Any], n_rows: int, name: str) -> IndexArray:
    wrong = [
        one
        for one in labels
        if isinstance(one, bool)
        or not isinstance(one, (int, np.integer))
        or not 0 <= int(one) < n_rows
    ]
    if wrong:
        raise NotFound(
            f"`{name}`: {listing(wrong)} are no rows of the data; its {n_rows} rows are called "
            f"0..{n_rows - 1}"
        )
    return _distinct(np.array(labels, dtype=np.intp))


def _places(index: Any, label: Any) -> IndexArray:
    """Every position of a label in an index that repeats some."""
    if label not in index:
        return np.array([-1], dtype=np.intp)
    at = index.get_loc(label)
    if isinstance(at, slice):
        return np.arange(at.start, at.stop, at.step, dtype=np.intp)
    return np.flatnonzero(at) if isinstance(at, np.ndarray) else np.array([at], dtype=np.intp)


def _distinct(found: IndexArray) -> IndexArray:
    return np.array(list(dict.fromkeys(found.tolist())), dtype=np.intp)
