"""The Arrow family: pyarrow tables and batches, polars DataFrames, datasets of Hugging Face."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._data.base import Source, column_names
from datalab._data.images import Unreadable
from datalab._data.values import EXACT, column_array, objects
from datalab._typing import IndexArray

__all__ = [
    "ArrowSource",
    "DatasetSource",
    "PolarsSource",
    "arrow_array",
    "arrow_with",
    "polars_array",
    "polars_with",
    "replaced",
    "without_bars",
]


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep the bars of ``datasets`` from showing; how long we take is ours to tell."""
    from datasets import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()


class ArrowSource(Source):
    """A ``pyarrow.Table`` or ``RecordBatch``."""

    def __init__(self, table: Any) -> None:
        super().__init__()
        self._table = table
        self.n_rows = table.num_rows
        self.columns = tuple(column_names(table.schema.names))

    def _read(self, name: str, rows: IndexArray | None) -> NDArray[Any]:
        column = self._table.column(name)
        return arrow_array(column if rows is None else _without_views(column).take(rows))

    def native(self, rows: ArrayLike) -> Any:
        """Rows as a table (or batch)."""
        table = self._table
        for place, field in enumerate(table.schema):
            column = _without_views(table.column(place))
            if column.type != field.type:
                table = table.set_column(place, field.with_type(column.type), column)
        return table.take(np.asarray(rows, dtype=np.intp))

    def with_values(self, name: str, at: IndexArray, values: Sequence[Any]) -> Any:
        """A table that shares the other columns."""
        place = self.columns.index(name)
        column = arrow_with(self._table.column(name), at, values)
        field = self._table.schema.field(place).with_type(column.type)
        return self._table.set_column(place, field, column)

    def joined(self, more: Source) -> Any:
        """A table."""
        import pyarrow as pa

        self._same_kind(more)
        tables = [pa.table(self._table), pa.table(more.native(np.arange(more.n_rows)))]
        names = tables[0].schema.names
        return pa.concat_tables([tables[0], tables[1].select(names)], promote_options="permissive")

    def class_names(self, name: str) -> tuple[Any, ...] | None:
        """The values of an ordered dictionary column, when all chunks share one dictionary."""
        self.check(name)
        column = self._table.column(name)
        if not getattr(column.type, "ordered", False) or not len(column):
            return None
        chunks = getattr(column, "chunks", [column])
        first = chunks[0].dictionary
        same = all(chunk.dictionary.equals(first) for chunk in chunks)
        return tuple(first.to_pylist()) if same else None

    def _declared_kind(self, name: str) -> str | None:
        is_dictionary = hasattr(self._table.schema.field(name).type, "index_type")
        return "category" if is_dictionary else None


def _without_views(column: Any) -> Any:
    """The column; views of texts or bytes, which Arrow cannot take rows from, as texts or bytes."""
    import pyarrow as pa

    plain = {"string_view": pa.large_string(), "binary_view": pa.large_binary()}.get(
        str(column.type)
    )
    return column if plain is None else column.cast(plain)


class PolarsSource(Source):
    """A polars DataFrame."""

    def __init__(self, frame: Any) -> None:
        super().__init__()
        self._frame = frame
        self.n_rows = frame.height
        self.columns = tuple(frame.columns)

    def _read(self, name: str, rows: IndexArray | None) -> NDArray[Any]:
        series = self._frame.get_column(name)
        return polars_array(series if rows is None else series.gather(rows))

    def native(self, rows: ArrayLike) -> Any:
        """Rows as a polars DataFrame."""
        return self._frame[np.asarray(rows, dtype=np.intp)]

    def with_values(self, name: str, at: IndexArray, values: Sequence[Any]) -> Any:
        """A polars DataFrame that shares the other columns."""
        return self._frame.with_columns(polars_with(self._frame.get_column(name), at, values))

    def joined(self, more: Source) -> Any:
        """A polars DataFrame."""
        self._same_kind(more)
        rows = more.native(np.arange(more.n_rows)).select(self._frame.columns)
        return self._frame.vstack(rows.cast(dict(self._frame.schema)))

    def class_names(self, name: str) -> tuple[Any, ...] | None:
        """The categories of an ``Enum``, which is ordered by definition."""
        self.check(name)
        dtype = self._frame.schema[name]
        return tuple(dtype.categories.to_list()) if str(dtype).startswith("Enum") else None

    def _declared_kind(self, name: str) -> str | None:
        dtype = str(self._frame.schema[name])
        return "category" if dtype.startswith(("Enum", "Categorical")) else None


class DatasetSource(Source):
    """A ``datasets.Dataset``: features give names and kinds, images are decoded when looked at."""

    def __init__(self, dataset: Any) -> None:
        super().__init__()
        self._dataset = dataset
        self.n_rows = len(dataset)
        self.columns = tuple(column_names(dataset.column_names))
        self._stored: dict[str, Any] = {}

    def _read(self, name: str, rows: IndexArray | None) -> NDArray[Any]:
        if name not in self._stored:
            # The arrow format gives what is stored, whatever format or transform the user has set.
            self._stored[name] = self._dataset.with_format("arrow", columns=[name])
        table = self._stored[name][slice(None) if rows is None else rows.tolist()]
        values = arrow_array(table.column(name))
        names = self.class_names(name)
        return values if names is None else _named(values, names)

    def native(self, rows: ArrayLike) -> Any:
        """Rows as a Dataset."""
        return self._dataset.select(np.asarray(rows, dtype=np.intp))

    def with_values(self, name: str, at: IndexArray, values: Sequence[Any]) -> Any:
        """A Dataset with the same features in the same order."""
        stored = list(self._dataset.with_format(None)[name])
        names = self.class_names(name)
        if names is not None:
            code = {value: place for place, value in enumerate(names)}
            values = [
                [code[v] for v in value] if _is_list(value) else code[value] for value in values
            ]
        column = replaced(stored, at, values)
        feature = self._dataset.features[name]
        holds_integers = names is None and "int" in str(getattr(feature, "dtype", ""))
        if holds_integers and any(isinstance(value, float) for value in values):
            feature = type(feature)("float64")
        # The new column first, then the old one away: a data set without columns has no rows.
        free = name + "_"
        while free in self._dataset.column_names:
            free += "_"
        changed = self._dataset.add_column(free, column, feature=feature).remove_columns(name)
        return changed.rename_column(free, name).select_columns(list(self._dataset.column_names))

    def joined(self, more: Source) -> Any:
        """A Dataset with the same features."""
        from datasets import concatenate_datasets

        self._same_kind(more)
        rows = more.native(np.arange(more.n_rows)).select_columns(self._dataset.column_names)
        with without_bars():
            return concatenate_datasets([self._dataset, rows.cast(self._dataset.features)])

    def class_names(self, name: str) -> tuple[Any, ...] | None:
        """The names of a ``ClassLabel``, or of the ``ClassLabel`` inside a list."""
        self.check(name)
        feature = self._dataset.features[name]
        feature = getattr(feature, "feature", feature)
        names = getattr(feature, "names", None)
        return tuple(names) if names and type(feature).__name__ == "ClassLabel" else None

    def _declared_kind(self, name: str) -> str | None:
        by_feature = {"Image": "image", "Audio": "audio", "ClassLabel": "category"}
        return by_feature.get(type(self._dataset.features[name]).__name__)

    def _decode(self, name: str, value: Any) -> Any:
        feature = self._dataset.features[name]
        if type(feature).__name__ != "Image" or value is None:
            return super()._decode(name, value)
        try:
            # The library's own decoding knows colour modes, archives and remote files.
            return type(feature)(mode=feature.mode).decode_example(value)
        except Exception as error:  # noqa: BLE001 (whatever a decoder raises, the row stays visible)
            return Unreadable(f"{type(error).__name__}: {error}"[:300])


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))


def replaced(stored: list[Any], at: IndexArray, values: Sequence[Any]) -> list[Any]:
    """A list with other values at some places; the list itself is changed."""
    for place, value in zip(at.tolist(), values, strict=True):
        stored[place] = value
    return stored


def arrow_with(column: Any, at: IndexArray, values: Sequence[Any]) -> Any:
    """An Arrow array of the same type with other values at some places.

    Whole numbers become fractions where they must.
    """
    import pyarrow as pa

    kind, fractions = column.type, any(isinstance(value, float) for value in values)
    if fractions and (pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        column, kind = column.cast(pa.float64()), pa.float64()
    return pa.array(replaced(column.to_pylist(), at, values), type=kind)


def polars_with(series: Any, at: IndexArray, values: Sequence[Any]) -> Any:
    """A polars Series of the same dtype with other values at some places.

    Whole numbers become fractions where they must.
    """
    exact = series.dtype.is_integer() or series.dtype.is_decimal()
    if exact and any(isinstance(value, float) for value in values):
        series = series.cast(float)
    listed = replaced(series.to_list(), at, values)
    return type(series)(series.name, listed, dtype=series.dtype)


def _named(values: NDArray[Any], names: tuple[Any, ...]) -> NDArray[Any]:
    """Class numbers, or lists of them, as class names; -1 and missing as None."""
    table = objects([*names, None])  # -1 reads the last entry
    if values.dtype.kind == "O":
        return objects(
            None if cell is None else table[np.asarray(cell, dtype=np.intp)].tolist()
            for cell in values
        )
    numbers = np.maximum(np.nan_to_num(values, nan=-1), -1).astype(np.intp)
    named: NDArray[Any] = table[numbers]
    return named


def polars_array(series: Any) -> NDArray[Any]:
    """The values of a polars Series, in the form of `values.column_array`."""
    if str(series.dtype) == "Object":  # Python objects, which Arrow cannot hold
        return column_array(objects(series.to_list()))
    return arrow_array(series.to_arrow())


def arrow_array(column: Any) -> NDArray[Any]:
    """The values of an Arrow array or chunked array, in the form of `values.column_array`."""
    import pyarrow as pa

    types = pa.types
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _extension_array(column)
    if types.is_dictionary(kind):
        return arrow_array(column.cast(kind.value_type))
    if types.is_decimal(kind):
        return arrow_array(column.cast(pa.float64()))
    if types.is_integer(kind) and column.null_count:
        return _integers_with_gaps(column)
    if types.is_boolean(kind) and column.null_count:
        return objects(column.to_pylist())
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return _numpy(column)
    if types.is_timestamp(kind) or types.is_date(kind):
        return _numpy(column)
    if types.is_string(kind) or types.is_large_string(kind):
        return _numpy(column)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _list_array(column)
    return column_array(objects(column.to_pylist()))


def _numpy(column: Any) -> NDArray[Any]:
    array: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return array


def _integers_with_gaps(column: Any) -> NDArray[Any]:
    import pyarrow.compute as pc

    ends = pc.min_max(column).as_py()
    if ends["min"] is not None and max(abs(ends["min"]), abs(ends["max"])) > EXACT:
        return objects(column.to_pylist())
    return _numpy(column.cast("float64"))


def _list_array(column: Any) -> NDArray[Any]:
    """Lists: one numpy row each where all are numbers of one length, Python lists otherwise."""
    import pyarrow as pa
    import pyarrow.compute as pc

    inner = column.type.value_type
    numeric = pa.types.is_integer(inner) or pa.types.is_floating(inner)
    if numeric and len(column) and not column.null_count:
        lengths = pc.min_max(pc.list_value_length(column)).as_py()
        flat = pc.list_flatten(column)
        if lengths["min"] == lengths["max"] and lengths["min"] and not flat.null_count:
            return objects(_numpy(flat).reshape(len(column), -1))
    return column_array(objects(column.to_pylist()))


def _extension_array(column: Any) -> NDArray[Any]:
    """Tensor columns as one array per row; other extensions by what they store."""
    import pyarrow as pa

    chunks = getattr(column, "chunks", [column])
    if hasattr(chunks[0] if chunks else None, "to_numpy_ndarray"):
        return objects(row for chunk in chunks for row in chunk.to_numpy_ndarray())
    if hasattr(column.type, "shape"):  # the arrays of Hugging Face
        rows = (row for chunk in chunks for row in chunk.to_pylist())
        return objects(None if row is None else np.asarray(row) for row in rows)
    stored = [chunk.storage for chunk in chunks]
    return arrow_array(pa.chunked_array(stored, type=column.type.storage_type))
