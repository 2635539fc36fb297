"""Columns of a table as numbers and codes, whatever they hold."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._data.columns import looks_like_identifier
from datalab._data.content import without_copies
from datalab._data.source import open_source
from datalab._data.table import Table
from datalab._data.values import as_floats, is_missing
from datalab._data.written import is_dense, read_written
from datalab._typing import BoolArray, FloatArray, IndexArray
from datalab.recipes.from_audio import encode_audio
from datalab.recipes.from_images import encode_images, reduce_columns
from datalab.recipes.from_text import encode_texts, reduce_terms

__all__ = ["ENCODERS", "Column", "Options", "fields_of"]

# Names that are codes in so many cases are codes.
NEARLY_ALL = 0.95
# Texts with blanks in so many cases, or so long on average, are text to read.
BLANKS, LONG = 0.5, 40
# Names of which so few repeat, and that hold digits or nothing but hexadecimal, number the rows.
DISTINCT = 0.98
# What long vectors and names of many levels are reduced to.
VECTOR_COMPONENTS, NAME_COMPONENTS = 256, 30
# A category with more levels than this is told by the spelling of its names as well.
MANY_LEVELS = 30
MAX_ITEMS = 20_000
# Records of more fields than this are no records, but sets of names.
MAX_FIELDS = 100
# Components of equal texts differ by rounding only.
EQUAL = 1e-6

_CODE = re.compile(r"[0-9a-fA-F-]+|.*\d.*")


@dataclass(frozen=True)
class Options:
    """What encoders may need beside the values."""

    random_state: int
    progress: bool


@dataclass(frozen=True)
class Column:
    """What one column of N rows becomes.

    Parameters
    ----------
    kind : str
        What it was taken for.
    numbers : ndarray of shape (N, p), optional
        NaN where missing.
    codes : ndarray of shape (N,), optional
        Levels by falling frequency, -1 where missing.
    vectors : mapping of str to ndarray of shape (N, d)
        Blocks of columns that belong together, by what they tell; 0 where missing.
    terms : scipy.sparse.csr_array of shape (N, T), optional
    missing : ndarray of bool, shape (N,)
    """

    kind: str
    missing: BoolArray
    numbers: FloatArray | None = None
    codes: NDArray[np.int32] | None = None
    vectors: Mapping[str, FloatArray] = field(default_factory=dict)
    terms: Any = None


def fields_of(table: Table, name: str) -> Table | None:
    """The fields of a column of records (dictionaries) as a table; None for any other column."""
    if table.kind(name) != "other":
        return None
    values = table.column(name)
    missing = is_missing(values)
    if missing.all() or not all(isinstance(value, Mapping) for value in values[~missing]):
        return None
    records = [{} if gone else value for value, gone in zip(values, missing, strict=True)]
    if not 0 < len(set().union(*records)) <= MAX_FIELDS:
        return None
    source = open_source(records)
    return Table(source, source.columns)


# An encoder returns a reason (str) when the column says nothing about an example.
Encoder = Callable[[Table, str, Options], Column | str]


def _number(table: Table, name: str, options: Options) -> Column | str:  # noqa: ARG001
    values = as_floats(table.column(name))
    if values is None:
        return "mixed"
    judged = without_copies(table, values) if table.kind(name) == "number" else None
    return _numbers(values, name, "number", judged)


def _numbers(
    values: NDArray[np.float64], name: str, kind: str, judged: BoolArray | None = None
) -> Column | str:
    """Numbers; none when those of the rows `judged`, if any are, look like an identifier."""
    values = np.where(np.isfinite(values), values, np.nan)
    missing = np.isnan(values)
    present = values[~missing]
    if not len(present):
        return "all values are missing"
    if present.min() == present.max():
        return "constant"
    if judged is not None and looks_like_identifier(name, values[judged & ~missing]):
        return "looks like an identifier"
    # Beyond the range of float32 only the order of magnitude could be told.
    largest = float(np.finfo(np.float32).max) / 1e6
    numbers = np.clip(values, -largest, largest).astype(np.float32)[:, None]
    return Column(kind, missing, numbers=numbers)


def _date(table: Table, name: str, options: Options) -> Column | str:  # noqa: ARG001
    return _dates(table.column(name).astype("datetime64[s]"))


def _dates(moments: NDArray[np.datetime64]) -> Column | str:
    """Days since 1970, year, month, day of the month and of the week, hour; constant ones not."""
    missing = np.isnat(moments)
    if missing.all():
        return "all values are missing"
    days = moments.astype("datetime64[D]")
    number = days.astype(np.int64).astype(np.float64)
    months = days.astype("datetime64[M]")
    parts = np.column_stack(
        [
            number + (moments - days).astype(np.float64) / 86_400,
            moments.astype("datetime64[Y]").astype(np.int64) + 1970,
            months.astype(np.int64) % 12 + 1,
            (days - months.astype("datetime64[D]")).astype(np.float64) + 1,
            (number + 3) % 7,
            (moments - days).astype(np.float64) / 3600,
        ]
    )
    parts[missing] = np.nan
    varying = np.nanmax(parts, axis=0) > np.nanmin(parts, axis=0)
    if not varying.any():
        return "constant"
    return Column("date", missing, numbers=parts[:, varying].astype(np.float32))


def _category(table: Table, name: str, options: Options) -> Column | str:
    values = table.column(name)
    read = _read_as(table, name)
    if read is not None:
        return read
    missing = is_missing(values)
    distinct = np.array(sorted({str(value) for value in values[~missing]}), dtype=object)
    if len(distinct) > MANY_LEVELS and _is_prose(distinct):
        return _prose(values, missing, options)
    return _levels(values, missing, options)


def _levels(values: NDArray[Any], missing: BoolArray, options: Options) -> Column | str:
    """Codes by falling frequency; names of many levels are also told by their spelling."""
    names = np.array([str(value) for value in values[~missing]], dtype=object)
    if not len(names):
        return "all values are missing"
    levels, coded, counts = np.unique(names, return_inverse=True, return_counts=True)
    if len(levels) == 1 and not missing.any():
        return "constant"
    rank = np.empty(len(levels), dtype=np.int32)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(levels), dtype=np.int32)
    codes = np.full(len(values), -1, dtype=np.int32)
    codes[~missing] = rank[coded]
    if len(levels) <= MANY_LEVELS:
        return Column("category", missing, codes=codes)
    spelled = encode_texts(levels.tolist(), options.random_state)
    if spelled is None:
        return Column("category", missing, codes=codes)
    vector = np.zeros((len(values), min(NAME_COMPONENTS, spelled.vector.shape[1])), np.float32)
    vector[~missing] = spelled.vector[coded, :NAME_COMPONENTS]
    return Column("category", missing, codes=codes, vectors={"": vector})


def _text(table: Table, name: str, options: Options) -> Column | str:
    """Texts to read; or what else a column of strings turns out to hold."""
    values = table.column(name)
    missing = is_missing(values)
    if missing.all():
        return "all values are missing"
    if name not in table.named:
        read = _read_as(table, name)
        if read is not None:
            return read
        if not _is_prose(values[~missing]):
            if _numbers_rows(values[~missing & without_copies(table, values)]):
                return "looks like an identifier"
            return _levels(values, missing, options)
    return _prose(values, missing, options)


def _prose(values: NDArray[Any], missing: BoolArray, options: Options) -> Column | str:
    texts = ["" if gone else str(value) for value, gone in zip(values, missing, strict=True)]
    blocks = encode_texts(texts, options.random_state)
    if blocks is None:
        return "no words to compare"
    if np.ptp(blocks.vector, axis=0).max(initial=0.0) < EQUAL:
        return "constant"
    wordless = np.diff(blocks.terms.indptr) == 0
    return Column("text", wordless, vectors={"": blocks.vector}, terms=blocks.terms)


def _read_as(table: Table, name: str) -> Column | str | None:
    """Numbers or dates that are written in another way; None when the values are neither."""
    values = table.column(name)
    if is_missing(values).all():
        return "all values are missing"
    measured = _measures(values)
    if measured is not None:
        return _numbers(measured, name, "number")
    written = read_written(values)
    if written is None:
        return None
    if written.kind == "date":
        return _dates(written.values)
    return _numbers(written.values, name, "number", without_copies(table, written.values))


def _measures(values: NDArray[Any]) -> NDArray[np.float64] | None:
    """Spans of time in seconds, times of a day in hours, periods by number, intervals by middle."""
    if values.dtype.kind == "m":
        return np.where(np.isnat(values), np.nan, values / np.timedelta64(1, "s"))
    if values.dtype != object:
        return None
    missing = is_missing(values)
    kinds = {type(value).__name__ for value in values[~missing]}
    if not kinds or not kinds <= _MEASURES.keys():
        return None
    measured = np.full(len(values), np.nan)
    try:
        measured[~missing] = [_MEASURES[type(v).__name__](v) for v in values[~missing]]
    except (TypeError, ValueError):  # intervals of dates; a type that only bears the name
        return None
    return measured


_MEASURES: dict[str, Callable[[Any], float]] = {
    "timedelta": lambda value: value.total_seconds(),
    "Timedelta": lambda value: value.total_seconds(),
    "time": lambda value: value.hour + value.minute / 60 + value.second / 3600,
    "Period": lambda value: value.ordinal,
    "Interval": lambda value: value.mid,
}


def _is_prose(texts: NDArray[Any]) -> bool:
    """Texts to read: most have several words, or they are long; names and codes are not."""
    sample = [
        str(t) for t in texts[np.linspace(0, len(texts) - 1, min(len(texts), 1000)).astype(int)]
    ]
    words = np.array([len(text.split()) for text in sample])
    lengths = np.array([len(text) for text in sample])
    dense = np.mean([is_dense(text) for text in sample])
    return bool((words > 1).mean() > BLANKS or lengths.mean() > LONG or dense > BLANKS)


def _numbers_rows(texts: NDArray[Any]) -> bool:
    """Whether hardly any value repeats and each is a code."""
    return bool(
        len(set(texts)) >= DISTINCT * len(texts)
        and np.mean([bool(_CODE.fullmatch(str(text))) for text in texts[:1000]]) >= NEARLY_ALL
    )


def _vector(table: Table, name: str, options: Options) -> Column | str:
    values = table.column(name)
    missing = is_missing(values)
    if missing.all():
        return "all values are missing"
    rows: IndexArray = np.flatnonzero(~missing)
    try:
        table_of = np.array([np.asarray(values[row], dtype=np.float32) for row in rows])
    except (TypeError, ValueError):
        return "vectors of several lengths"
    if table_of.ndim != 2:
        return "other"
    table_of = np.where(np.isfinite(table_of), table_of, 0.0).astype(np.float32)
    if table_of.shape[1] > VECTOR_COMPONENTS:
        table_of = reduce_columns(table_of, VECTOR_COMPONENTS, options.random_state)
    whole = np.zeros((len(values), table_of.shape[1]), dtype=np.float32)
    whole[~missing] = table_of
    return _of_blocks({"": whole}, ~missing, "vector")


def _of_blocks(blocks: Mapping[str, FloatArray], present: BoolArray, kind: str) -> Column | str:
    """Those blocks that tell the rows where there is something apart."""
    telling = {
        part: block
        for part, block in blocks.items()
        if block.shape[1] and np.ptp(block[present], axis=0).max() > 0
    }
    return Column(kind, ~present, vectors=telling) if telling else "constant"


def _list(table: Table, name: str, options: Options) -> Column | str:
    """Sets of items, such as tags: which of them each row has."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    values = table.column(name)
    missing = is_missing(values)
    bags = [() if gone else value for value, gone in zip(values, missing, strict=True)]
    counter = TfidfVectorizer(
        analyzer=lambda items: [str(item) for item in items],
        max_features=MAX_ITEMS,
        dtype=np.float32,
    )
    try:
        terms = counter.fit_transform(bags)
    except (ValueError, TypeError):
        return "no items to compare"
    fitted = np.unique(np.linspace(0, len(bags) - 1, min(len(bags), 50_000)).astype(np.intp))
    vector = reduce_terms(terms, fitted, options.random_state)
    if vector is None:
        return "constant"
    return Column("list", missing, vectors={"": vector}, terms=terms)


def _image(table: Table, name: str, options: Options) -> Column | str:
    images = _Images(table, name)
    blocks, readable = encode_images(images, options.random_state, options.progress)
    if not readable.any():
        return "none of the images can be read"
    return _of_blocks(blocks, readable, "image")


@dataclass(frozen=True)
class _Images:
    """The images of a column, decoded one at a time."""

    table: Table
    name: str

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, row: int) -> Any:
        at = self.table.positions()[row : row + 1]
        return self.table.source.images(self.name, at)[0]


def _audio(table: Table, name: str, options: Options) -> Column | str:
    heard = encode_audio(table.column(name), options.random_state, options.progress)
    blocks, readable, reason = heard
    if not readable.any():
        return f"none of the recordings can be read ({reason})" if reason else "no recordings"
    return _of_blocks(blocks, readable, "audio")


def _other(table: Table, name: str, options: Options) -> Column | str:  # noqa: ARG001
    values = table.column(name)
    read = _read_as(table, name)
    if read is not None:
        return read
    missing = is_missing(values)
    kinds = sorted({type(value).__name__ for value in values[~missing][:1000]})
    if kinds == ["bytes"]:
        return "bytes of no image or recording; decode texts, for example by .str.decode('utf-8')"
    return f"values of type {', '.join(kinds[:3])}"


ENCODERS: dict[str, Encoder] = {
    "number": _number,
    "bool": _number,
    "date": _date,
    "category": _category,
    "text": _text,
    "vector": _vector,
    "list": _list,
    "image": _image,
    "audio": _audio,
    "other": _other,
}
