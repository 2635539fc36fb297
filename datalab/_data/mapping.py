"""Mappings of columns and lists of dictionaries."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import listing
from datalab._data.arrow import arrow_array, arrow_with, polars_array, polars_with, replaced
from datalab._data.base import Source, column_names
from datalab._data.frame import series_array, series_with
from datalab._data.values import column_array, objects
from datalab._typing import IndexArray
from datalab.exceptions import InputError, UnsupportedData

__all__ = ["MappingSource", "RecordsSource"]


class MappingSource(Source):
    """A mapping of column names to lists, arrays (stacked images too) or Series."""

    def __init__(self, data: Mapping[Any, Any]) -> None:
        super().__init__()
        names = column_names(data)
        self._data = {name: data[key] for name, key in names.items()}
        self._keys = names
        self.columns = tuple(names)
        lengths = {name: _length(name, values) for name, values in self._data.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
            raise InputError(
                f"the columns of `data` have different lengths: {told}; give one value per example "
                "in every column"
            )
        self.n_rows = next(iter(lengths.values()), 0)

    def _read(self, name: str, rows: IndexArray | None) -> NDArray[Any]:
        values = self._data[name]
        return _array(values if rows is None else _pick(values, rows))

    def native(self, rows: ArrayLike) -> dict[Any, Any]:
        """Rows as a dictionary of columns, each of the type it had."""
        at = np.asarray(rows, dtype=np.intp)
        return {self._keys[name]: _pick(values, at) for name, values in self._data.items()}

    def with_values(self, name: str, at: IndexArray, values: Sequence[Any]) -> dict[Any, Any]:
        """A dictionary that shares the other columns."""
        changed = _with(self._data[name], at, values)
        return {
            key: changed if text == name else self._data[text] for text, key in self._keys.items()
        }

    def joined(self, more: Source) -> dict[Any, Any]:
        """A dictionary of columns of the types they had."""
        self._same_kind(more)
        rows = more.native(np.arange(more.n_rows))
        new = {str(key): values for key, values in rows.items()}
        return {key: _joined(self._data[name], new[name]) for name, key in self._keys.items()}


class RecordsSource(Source):
    """A list of dictionaries; a key that a row does not have is a missing value."""

    def __init__(self, data: Sequence[Mapping[Any, Any]]) -> None:
        super().__init__()
        for row, record in enumerate(data):
            if not isinstance(record, Mapping):
                raise UnsupportedData(
                    f"`data` is a list that holds {type(record).__name__} in row {row}; give one "
                    'dictionary per example, or a dictionary of columns such as {"text": texts}'
                )
        self._data = data
        self._keys = column_names(dict.fromkeys(chain.from_iterable(data)))
        self.n_rows = len(data)
        self.columns = tuple(self._keys)

    def _read(self, name: str, rows: IndexArray | None) -> NDArray[Any]:
        key = self._keys[name]
        records: Iterator[Mapping[Any, Any]] = iter(self._data)
        if rows is not None:
            records = (self._data[row] for row in rows)
        return column_array(objects(record.get(key) for record in records))

    def native(self, rows: ArrayLike) -> list[Mapping[Any, Any]]:
        """The user's own dictionaries."""
        return [self._data[row] for row in np.asarray(rows, dtype=np.intp)]

    def joined(self, more: Source) -> list[Mapping[Any, Any]]:
        """A list of the same dictionaries."""
        self._same_kind(more)
        return [*self._data, *more.native(np.arange(more.n_rows))]

    def with_values(
        self, name: str, at: IndexArray, values: Sequence[Any]
    ) -> list[Mapping[Any, Any]]:
        """A list of the same dictionaries, copied where a value changes."""
        changed = list(self._data)
        for row, value in zip(at.tolist(), values, strict=True):
            changed[row] = {**changed[row], self._keys[name]: value}
        return changed


def _length(name: str, values: Any) -> int:
    if isinstance(values, (str, bytes, Mapping, set, frozenset)) or not (
        hasattr(values, "__len__") and hasattr(values, "__getitem__")
    ):
        raise UnsupportedData(
            f"column {name!r} of `data` is {type(values).__name__} {listing([values])}; give a "
            "list or array with one value per example"
        )
    if getattr(values, "ndim", 1) == 0:
        raise UnsupportedData(f"column {name!r} of `data` is a single value; give one per example")
    return len(values)


def _origin(values: Any) -> str:
    return type(values).__module__.partition(".")[0]


def _array(values: Any) -> NDArray[Any]:
    origin = _origin(values)
    if origin == "pandas":
        import pandas as pd

        return series_array(pd.Series(values))
    if origin == "polars":
        return polars_array(values)
    if origin == "pyarrow":
        return arrow_array(values)
    if hasattr(values, "__array__"):
        return column_array(np.asanyarray(values))
    return column_array(objects(values))


def _with(values: Any, at: IndexArray, new: Sequence[Any]) -> Any:
    """A column of the same type with other values at some places."""
    origin = _origin(values)
    if origin == "pandas":
        import pandas as pd

        changed = series_with(pd.Series(values), at, new)
        return changed if isinstance(values, pd.Series) else type(values)(changed)
    if origin in ("polars", "pyarrow"):
        return polars_with(values, at, new) if origin == "polars" else arrow_with(values, at, new)
    if hasattr(values, "__array__"):
        array = np.asanyarray(values)
        put = objects(new) if array.dtype == object else np.asarray(new)
        # Wide enough for the new values: a longer text would be cut in silence.
        changed = array.astype(np.result_type(array, put))
        changed[at] = put
        return changed
    listed = replaced(list(values), at, new)
    return tuple(listed) if isinstance(values, tuple) else listed


def _joined(old: Any, new: Any) -> Any:
    """Two columns end to end, in the type of the first."""
    origin = _origin(old)
    if origin == "pandas":
        import pandas as pd

        series = pd.concat([pd.Series(old), pd.Series(new)], ignore_index=True)
        return series if isinstance(old, pd.Series) else type(old)(series)
    if origin == "polars":
        return old.append(type(old)(old.name, new, dtype=old.dtype))
    if origin == "pyarrow":
        import pyarrow as pa

        return pa.array([*old.to_pylist(), *pa.array(new).to_pylist()], type=old.type)
    if hasattr(old, "__array__"):
        return np.concatenate([np.asanyarray(old), np.asanyarray(new)])
    whole = [*old, *new]
    return tuple(whole) if isinstance(old, tuple) else whole


def _pick(values: Any, rows: IndexArray) -> Any:
    """Some of the values, in the type they came in."""
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    if hasattr(values, "take") and _origin(values) == "pyarrow":
        return values.take(rows)
    if hasattr(values, "__array__"):
        return values[rows]
    picked = [values[row] for row in rows]
    return tuple(picked) if isinstance(values, tuple) else picked
