"""Which rows of a table say the same: equal in every column that describes them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._data.columns import identifies
from datalab._data.digest import Digest
from datalab._data.table import Table
from datalab._data.values import is_missing
from datalab._typing import BoolArray, IndexArray

__all__ = ["describing_columns", "equal_rows", "without_copies"]

# Kinds whose values are hashed by pandas as a whole; the others are looked at one by one.
PLAIN = frozenset({"number", "category", "bool", "text", "date"})
# Files are large: they are read so many rows at a time.
FILE_BLOCK = 1000
# Where fewer values of a column are distinct, its repeats are no copies that slipped in.
DISTINCT = 0.8
# Multiplier that mixes the hashes of columns (Knuth, TAOCP 2, table of section 3.3.4).
MIX = np.uint64(6364136223846793005)


def describing_columns(table: Table, parts: Sequence[IndexArray]) -> list[str]:
    """The columns that say what a row is, without those that only number it.

    Parameters
    ----------
    table : Table
    parts : sequence of ndarray of int
        Rows of each part of the data; a column may number the rows of each part anew.
    """
    return [name for name in table.columns if not _numbers_rows(table, name, parts)]


def _numbers_rows(table: Table, name: str, parts: Sequence[IndexArray]) -> bool:
    if table.source.kind(name) not in PLAIN:
        return False
    values = table.column(name)
    return all(identifies(name, values[rows]) for rows in parts)


def without_copies(table: Table, values: NDArray[Any]) -> BoolArray:
    """By which rows to tell whether a column numbers them: exact copies of a row count once.

    Parameters
    ----------
    table : Table
    values : ndarray of shape (N,)
        Of the column.

    Returns
    -------
    ndarray of bool, shape (N,)
        False for rows that equal an earlier one in every column of the data set.
    """
    kept = np.ones(len(table), dtype=bool)
    present = values[~is_missing(values)].tolist()
    # Rows are compared only where it matters, for that reads the whole data set.
    if not DISTINCT * len(present) <= len(set(present)) < len(present):
        return kept
    whole = Table(table.source, tuple(table.source.columns), table.rows)
    kept[:] = False
    kept[np.unique(equal_rows(whole, whole.columns), return_index=True)[1]] = True
    return kept


def equal_rows(table: Table, columns: Sequence[str]) -> IndexArray:
    """Ids that rows share when they are equal in these columns, -1 for rows without any value.

    Parameters
    ----------
    table : Table
    columns : sequence of str
        What is compared; files and pictures by their bytes.

    Returns
    -------
    ndarray of int, shape (N,)

    Notes
    -----
    Rows are compared by a hash of 64 bits: among a million rows, two different ones share it with
    a probability of 3e-8. O(N) time and memory for each column.
    """
    mixed = np.zeros(len(table), dtype=np.uint64)
    empty = np.ones(len(table), dtype=bool)
    for name in columns:
        for start, values in _pieces(table, name):
            rows = slice(start, start + len(values))
            mixed[rows] = mixed[rows] * MIX + _hashes(values, table.source.kind(name))
            empty[rows] &= is_missing(values)
    ids: IndexArray = np.unique(mixed, return_inverse=True)[1].astype(np.intp)
    ids[empty] = -1
    return ids


def _pieces(table: Table, name: str) -> Iterable[tuple[int, NDArray[Any]]]:
    """The values of a column with the row they start at: at once, or a few files at a time."""
    if table.source.kind(name) in PLAIN:
        yield 0, table.column(name)
        return
    for start in range(0, len(table), FILE_BLOCK):
        rows = np.arange(start, min(start + FILE_BLOCK, len(table)))
        yield start, table.source.column(name, rows if table.rows is None else table.rows[rows])


def _hashes(values: NDArray[Any], kind: str) -> NDArray[np.uint64]:
    """A hash of each value; equal values have equal hashes."""
    from pandas.util import hash_array

    if kind in PLAIN:
        if values.dtype.kind == "f":
            values = values.astype(np.float64) + 0.0  # -0.0 and 0.0 are one value
            values[np.isnan(values)] = np.nan  # NaN has many bit patterns
        try:
            return hash_array(values)
        except (TypeError, ValueError):  # lists or tuples, say, stand among the others
            pass
    return np.fromiter((_digest(value) for value in values), dtype=np.uint64, count=len(values))


def _digest(value: Any) -> int:
    digest = Digest()
    digest.add(value)
    return int(digest.hexdigest()[:16], 16)
