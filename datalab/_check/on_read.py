"""Probabilities that are checked when they are read, while they lie in the cache."""

from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._check.arrays import surely_in_unit_interval, unit_interval
from datalab._check.messages import caller
from datalab._stack import at_cells
from datalab._typing import FloatArray

__all__ = ["CheckedOnRead"]


class CheckedOnRead:
    """A matrix that hands out only values in [0, 1], and looks at them when it does.

    Most functions walk through all rows once, block by block. A check beforehand would make them
    wait for the memory twice, which at many classes is most of their time. What is never read is
    never checked, so this is for functions that read every row by slices.

    The first value outside [0, 1] has the whole matrix checked by `unit_interval`, so that errors,
    warnings and clipped values are those of a check beforehand.

    Parameters
    ----------
    rows : ndarray of float32 or float64, shape (N, K)
    name : str
        Name of the argument, for messages.
    """

    ndim = 2

    def __init__(self, rows: FloatArray, *, name: str) -> None:
        self.shape: tuple[int, ...] = rows.shape
        self.dtype, self.itemsize = rows.dtype, rows.itemsize
        self._rows, self._name = rows, name
        self._judged, self._lock = False, Lock()
        self._place = caller()  # for warnings: a thread that reads has no caller

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All rows."""
        return np.array(self[:], dtype=dtype, copy=copy)

    def __getitem__(self, key: Any) -> FloatArray:
        """Rows by a slice or by an index array, or cells by (rows, columns)."""
        part = self._read(key)
        if self._judged or surely_in_unit_interval(part):
            return part
        with self._lock:
            if not self._judged:
                self._rows = unit_interval(self._rows, name=self._name, place=self._place)
                self._judged = True
        return self._read(key)

    def _read(self, key: Any) -> FloatArray:
        return at_cells(self._rows, *key) if isinstance(key, tuple) else self._rows[key]
