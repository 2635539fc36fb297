"""Rows that come in blocks, read as if they were one array.

Blocks that lie in memory or in memory maps stay where they are. The blocks of an iterator can be
read only once, but all statistics of labels need the data at least twice: they are kept in a
temporary file, so that memory stays bounded by the size of a block.
"""

import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import IndexArray

__all__ = ["Stack", "at_cells", "spilled"]


class Stack:
    """Blocks of rows on top of each other, read by slices and index arrays like one array.

    Parameters
    ----------
    blocks : sequence of ndarray of shape (n, K)
        At least one; of the same width.
    """

    ndim = 2

    def __init__(self, blocks: Sequence[NDArray[Any]]) -> None:
        self._blocks = blocks
        self._ends = np.cumsum([len(block) for block in blocks])
        self.shape = (int(self._ends[-1]), blocks[0].shape[1])
        self.dtype = np.result_type(*{block.dtype for block in blocks})
        self.itemsize = self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All rows, in memory."""
        return np.array(self[:], dtype=dtype, copy=copy)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Rows by a slice without step or by an index array, or cells by (rows, columns)."""
        if isinstance(key, slice):
            return self._slice(*key.indices(len(self))[:2])
        if isinstance(key, tuple):
            return self._cells(*np.broadcast_arrays(*key))
        found = np.empty((len(key), self.shape[1]), self.dtype)
        for block, first, at in self._by_block(key):
            found[at] = block[key[at] - first]
        return found

    def _cells(self, rows: IndexArray, columns: IndexArray) -> NDArray[Any]:
        found = np.empty(rows.size, self.dtype)
        shape, rows, columns = rows.shape, rows.ravel(), columns.ravel()
        for block, first, at in self._by_block(rows):
            found[at] = at_cells(block, rows[at] - first, columns[at])
        return found.reshape(shape)

    def _slice(self, start: int, stop: int) -> NDArray[Any]:
        first, last = np.searchsorted(self._ends, [start, max(start, stop - 1)], side="right")
        parts = []
        for block, end in zip(
            self._blocks[first : last + 1], self._ends[first : last + 1], strict=True
        ):
            begin = int(end) - len(block)
            parts.append(block[max(0, start - begin) : max(0, stop - begin)])
        if not parts:
            return np.empty((0, self.shape[1]), self.dtype)
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return whole.astype(self.dtype, copy=False)

    def _by_block(self, rows: IndexArray) -> Iterable[tuple[NDArray[Any], int, IndexArray]]:
        """Each block that has some of the rows, its first row, and where in `rows` its own are."""
        owner = np.searchsorted(self._ends, rows, side="right")
        order = np.argsort(owner, kind="stable")
        owners, starts = np.unique(owner[order], return_index=True)
        for block, at in zip(owners, np.split(order, starts)[1:], strict=True):
            mine = self._blocks[block]
            yield mine, int(self._ends[block]) - len(mine), at


def at_cells(matrix: Any, rows: IndexArray, columns: IndexArray | np.intp) -> NDArray[Any]:
    """``matrix[rows, columns]``, three times as fast where the matrix lies row by row."""
    values: NDArray[Any]
    if isinstance(matrix, np.ndarray) and matrix.flags.c_contiguous:
        values = matrix.ravel().take(rows * matrix.shape[1] + columns)
    else:
        values = matrix[rows, columns]
    return values


def spilled(blocks: Iterable[NDArray[Any]]) -> list[NDArray[Any]]:
    """The blocks as memory maps of a temporary file, which goes when nobody reads them any more.

    Consecutive blocks of one type and width become one map.
    """
    runs: list[tuple[np.dtype[Any], int, int, int]] = []  # dtype, width, offset, number of rows
    with tempfile.TemporaryFile(prefix="datalab-") as file:
        for block in blocks:
            n_rows, width = block.shape
            kind = (block.dtype, width)
            if runs and runs[-1][:2] == kind:
                runs[-1] = (*runs[-1][:3], runs[-1][3] + n_rows)
            else:
                runs.append((*kind, file.tell(), n_rows))
            file.write(np.ascontiguousarray(block).data)
        file.flush()
        # The maps keep the content after the file is closed and has lost its name.
        return [
            np.memmap(file, dtype, mode="r", offset=offset, shape=(n_rows, width))
            if n_rows
            else np.empty((0, width), dtype)
            for dtype, width, offset, n_rows in runs
        ]
