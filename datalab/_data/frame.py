"""pandas DataFrames."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import listing
from datalab._data.base import Source, column_names
from datalab._data.values import EXACT, column_array, objects
from datalab._typing import IndexArray
from datalab.exceptions import InputError

__all__ = ["FrameSource", "series_array", "series_with"]


class FrameSource(Source):
    """A pandas DataFrame; its index is kept."""

    def __init__(self, frame: Any) -> None:
        super().__init__()
        self._frame = frame
        self.n_rows = len(frame)
        self.columns = tuple(column_names(frame.columns))
        self.index = frame.index

    def _series(self, name: str) -> Any:
        return self._frame.iloc[:, self.columns.index(name)]

    def _read(self, name: str, rows: IndexArray | None) -> NDArray[Any]:
        series = self._series(name)
        return series_array(series if rows is None else series.iloc[rows])

    def texts(self, name: str) -> Any:
        """A column of texts as an Arrow array, not copied where pandas keeps it so."""
        series = self._series(name)
        if not hasattr(series.array, "__arrow_array__") or series.dtype != "str":
            return super().texts(name)
        import pyarrow as pa

        return pa.array(series)

    def native(self, rows: ArrayLike) -> Any:
        """Rows as a DataFrame with the user's index."""
        return self._frame.iloc[np.asarray(rows, dtype=np.intp)]

    def with_values(self, name: str, at: IndexArray, values: Sequence[Any]) -> Any:
        """A DataFrame that shares the other columns."""
        frame = self._frame.copy(deep=False)
        frame.isetitem(self.columns.index(name), series_with(self._series(name), at, values))
        return frame

    def joined(self, more: Source) -> Any:
        """A DataFrame; a plain 0..N-1 index goes on counting."""
        import pandas as pd

        self._same_kind(more)
        frames = [self._frame, more.native(np.arange(more.n_rows))[self._frame.columns]]
        counting = all(frame.index.equals(pd.RangeIndex(len(frame))) for frame in frames)
        repeated = [] if counting else self.index.intersection(more.index)
        if len(repeated):
            raise InputError(
                f"`rows` have index labels that the data has already: {listing(list(repeated))}; "
                "give them names of their own"
            )
        return pd.concat(frames, ignore_index=counting)

    def class_names(self, name: str) -> tuple[Any, ...] | None:
        """The categories of an ordered categorical."""
        self.check(name)
        dtype = self._series(name).dtype
        if getattr(dtype, "name", "") == "category" and dtype.ordered:
            return tuple(dtype.categories.tolist())
        return None

    def _declared_kind(self, name: str) -> str | None:
        return "category" if self._series(name).dtype.name == "category" else None


def series_array(series: Any) -> NDArray[Any]:
    """The values of a pandas Series of any dtype, in the form of `values.column_array`."""
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return column_array(series.to_numpy())
    if dtype.name == "category":
        return column_array(np.asarray(series.array))
    if getattr(dtype, "tz", None) is not None:
        plain: NDArray[Any] = series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return plain
    kind = getattr(dtype, "kind", "O")
    if kind in "iuf" or (kind == "b" and not series.hasnans):
        return _numbers(series, kind)
    return column_array(series.to_numpy(dtype=object))


def series_with(series: Any, at: IndexArray, values: Sequence[Any]) -> Any:
    """A copy of a pandas Series with other values at some positions.

    It has the same dtype if that can hold them; whole numbers become fractions where they must.
    """
    import pandas as pd

    if pd.api.types.is_integer_dtype(series.dtype) and any(isinstance(v, float) for v in values):
        nullable = "double[pyarrow]" if "pyarrow" in str(series.dtype) else "Float64"
        series = series.astype("float64" if isinstance(series.dtype, np.dtype) else nullable)
    changed = series.copy()
    try:
        changed.iloc[at] = pd.Series(list(values), dtype=series.dtype).array
    except (TypeError, ValueError):
        changed = series.astype(object)
        changed.iloc[at] = objects(values)
    return changed


def _numbers(series: Any, kind: str) -> NDArray[Any]:
    """A nullable or Arrow column of numbers; NaN where missing, as long as that is exact."""
    if not series.hasnans:
        exact: NDArray[Any] = series.to_numpy(dtype=getattr(series.dtype, "numpy_dtype", None))
        return exact
    present = series.dropna()
    if kind in "iu" and len(present) and max(abs(present.min()), abs(present.max())) > EXACT:
        return column_array(series.to_numpy(dtype=object))
    floats: NDArray[Any] = series.to_numpy(dtype=np.float64, na_value=np.nan)
    return floats
