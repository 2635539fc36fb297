"""The values of one column: their array, what is missing, what kind of thing they are."""

import datetime as dt
import decimal
import numbers
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import BoolArray

__all__ = [
    "KINDS",
    "as_floats",
    "column_array",
    "is_missing",
    "kind_of",
    "objects",
    "python_values",
    "whole_numbers",
]

KINDS = (
    "number", "category", "bool", "text", "date", "image", "audio", "vector", "list", "other",
)  # fmt: skip
# Whole numbers up to here are exact in float64, so a column of them with gaps may become floats.
EXACT = 2**53
# A column of texts with more distinct values than this, or longer ones, is no set of categories.
MAX_CATEGORIES = 200
MAX_CATEGORY_LENGTH = 100

_MISSING_TYPES = frozenset({"NoneType", "NAType", "NaTType"})
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm")
_AUDIO_SUFFIXES = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac")
_IMAGE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"P5", b"P6")
_AUDIO_STARTS = (b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")


def objects(values: Iterable[Any]) -> NDArray[Any]:
    """A 1-D object array whose elements are the values, whatever these are (lists, arrays, …)."""
    # np.array would look into lists and arrays of one length; an iterator it takes as it comes.
    return np.fromiter(values, dtype=object)


def column_array(values: NDArray[Any]) -> NDArray[Any]:
    """The values of a column in the form every source gives them.

    Numbers without gaps keep their dtype. Objects that are all numbers become numbers, with NaN
    for the missing ones as long as float64 holds them exactly; objects that are all dates become
    datetime64 (UTC), with NaT. Texts, mixed kinds and everything else stay objects, with None for
    the missing ones. More than one axis becomes one object per row (a view).
    """
    if isinstance(values, np.ma.MaskedArray):
        gaps = np.ma.getmaskarray(values)
        values = np.asarray(values.data).astype(object)
        values[gaps] = None
    if values.ndim > 1:
        return objects(values)
    if values.dtype.kind in "US":
        return values.astype(object)
    if values.dtype.kind != "O":
        return values
    types = set(map(type, values))
    present = {t for t in types if t.__name__ not in _MISSING_TYPES}
    if not present:
        return np.full(len(values), None, dtype=object)
    if all(issubclass(t, str) for t in present) and types <= {*present, type(None)}:
        return values
    if all(issubclass(t, (bool, np.bool_)) for t in present):
        return values.astype(bool) if present == types else _without_gaps(values)
    if any(t is bool for t in present):  # True and 2 in one column: objects, True stays True
        return _without_gaps(values)
    if all(issubclass(t, (int, np.integer)) for t in present):
        return _integers(values, gaps=present != types)
    if all(issubclass(t, (int, float, np.integer, np.floating)) for t in present):
        return np.where(is_missing(values), np.nan, values).astype(np.float64)
    if all(issubclass(t, (dt.date, np.datetime64)) for t in present):
        return _dates(values, days=not any(issubclass(t, dt.datetime) for t in present))
    return _without_gaps(values)


def _dates(values: NDArray[Any], days: bool) -> NDArray[Any]:
    def universal(value: Any) -> Any:
        if type(value).__name__ in _MISSING_TYPES:
            return None  # NaT, once the unit is known
        if getattr(value, "tzinfo", None) is not None:
            return value.astimezone(dt.UTC).replace(tzinfo=None)
        return value

    listed = [universal(value) for value in values]
    return np.array(listed, dtype="datetime64[D]" if days else "datetime64[us]")


def _integers(values: NDArray[Any], gaps: bool) -> NDArray[Any]:
    if not gaps:
        try:
            return values.astype(np.int64)
        except OverflowError:
            return values
    missing = is_missing(values)
    present = values[~missing]
    if max(abs(int(present.min())), abs(int(present.max()))) > EXACT:
        return _without_gaps(values)
    return np.where(missing, np.nan, values).astype(np.float64)


def _without_gaps(values: NDArray[Any]) -> NDArray[Any]:
    """NaN, NA and NaT among objects as None; the same array when there are none."""
    missing = is_missing(values)
    if not missing.any():
        return values
    values = values.copy()
    values[missing] = None
    return values


def is_missing(values: NDArray[Any]) -> BoolArray:
    """Which values are missing: None, NaN, NA, NaT."""
    if values.dtype.kind in "biuSU":
        return np.zeros(len(values), dtype=bool)
    missing: BoolArray
    if values.dtype.kind in "mM":
        missing = np.isnat(values)
        return missing
    if values.dtype.kind in "fc":
        missing = np.isnan(values)
        return missing
    import pandas as pd

    try:
        return np.asarray(pd.isna(values), dtype=bool)
    except ArithmeticError:  # a signalling NaN among decimal numbers refuses to be compared
        plain = [None if isinstance(v, decimal.Decimal) and v.is_snan() else v for v in values]
        return np.asarray(pd.isna(objects(plain)), dtype=bool)


def as_floats(values: NDArray[Any]) -> NDArray[np.float64] | None:
    """Numbers and bools as float64, NaN where missing; None when some value is no number."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64, copy=False)
    if values.dtype.kind != "O":
        return None
    numeric = (numbers.Real, decimal.Decimal, type(None))  # a bool is Real
    if not all(issubclass(t, numeric) for t in set(map(type, values))):
        return None
    return values.astype(np.float64)  # None becomes NaN


def whole_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Floats that are all whole as integers (objects where some are missing); others unchanged.

    So are numbers too large to be told from their neighbours.
    """
    if values.dtype.kind != "f":
        return values
    missing = np.isnan(values)
    present = values[~missing]
    if not len(present) or (present != np.floor(present)).any():
        return values
    if float(np.abs(present).max()) > EXACT:
        return values
    if not missing.any():
        return values.astype(np.int64)
    whole = np.full(len(values), None, dtype=object)
    whole[~missing] = present.astype(np.int64).tolist()
    return whole


def python_values(values: NDArray[Any]) -> list[Any]:
    """The values as Python objects, None where a number is missing, dates as datetimes."""
    if values.dtype.kind == "M":
        # Nanoseconds would come back as plain integers.
        unit = np.datetime_data(values.dtype)[0]
        values = values.astype("datetime64[us]") if unit in ("ns", "ps", "fs", "as") else values
    if values.dtype.kind == "m":
        values = values.astype("timedelta64[us]")
    listed: list[Any] = values.tolist()
    if values.dtype.kind == "f":
        return [None if value != value else value for value in listed]
    return listed


def kind_of(values: NDArray[Any]) -> str:
    """What a column holds, judged from (a sample of) its values; one of `KINDS`."""
    by_dtype = {"b": "bool", "i": "number", "u": "number", "f": "number", "M": "date"}
    if values.dtype.kind != "O":
        return by_dtype.get(values.dtype.kind, "other")
    present = values[~is_missing(values)]
    if not len(present):
        return "other"
    for holds, kind in _KIND_RULES:
        if all(holds(value) for value in present):
            return kind(present)
    return "category" if _repeats(present) else "other"


def _kind_of_texts(texts: NDArray[Any]) -> str:
    first = texts[0]
    for kind, suffixes in (("image", _IMAGE_SUFFIXES), ("audio", _AUDIO_SUFFIXES)):
        if all(t.lower().endswith(suffixes) for t in texts) and os.path.exists(first):
            return kind
    short = all(len(text) <= MAX_CATEGORY_LENGTH for text in texts)
    return "category" if short and _repeats(texts) else "text"


def _kind_of_paths(paths: NDArray[Any]) -> str:
    kind = _kind_of_texts(objects(map(str, paths)))
    return kind if kind in ("image", "audio") else "other"


def _repeats(values: NDArray[Any]) -> bool:
    """Few distinct values, each of them several times."""
    try:
        distinct = len(set(values))
    except TypeError:
        return False
    return distinct <= MAX_CATEGORIES and 2 * distinct <= len(values)


def _kind_of_files(values: NDArray[Any]) -> str:
    """Image or audio, from the first bytes or the name of encoded files."""
    kinds = {_kind_of_file(value) for value in values}
    return kinds.pop() if len(kinds) == 1 else "other"


def _kind_of_file(value: Any) -> str:
    start, path = value, ""
    if isinstance(value, dict):
        start, path = value.get("bytes") or b"", str(value.get("path") or "").lower()
    if start[:4] == b"RIFF":
        return "audio" if start[8:12] == b"WAVE" else "image"
    if start.startswith(_IMAGE_STARTS) or path.endswith(_IMAGE_SUFFIXES):
        return "image"
    return "audio" if start.startswith(_AUDIO_STARTS) or path.endswith(_AUDIO_SUFFIXES) else "other"


def _kind_of_sequences(values: NDArray[Any]) -> str:
    """A vector when all are flat, numeric and of one length; otherwise a list."""
    if any(isinstance(value, (set, frozenset)) for value in values):
        return "list"
    if len({len(value) for value in values}) != 1 or not len(values[0]):
        return "list"
    flat = all(_is_number(element) for value in values[:20] for element in value)
    return "vector" if flat else "list"


def _kind_of_arrays(values: NDArray[Any]) -> str:
    shapes = {value.ndim for value in values}
    if values[0].dtype.kind not in "biuf" or (len(shapes) > 1 and shapes != {2, 3}):
        return "list" if shapes == {1} else "other"
    if shapes == {1}:
        return "vector" if len({len(value) for value in values}) == 1 else "list"
    channels = {1, 3, 4}
    coloured = all({v.shape[0], v.shape[2]} & channels for v in values if v.ndim == 3)
    return "image" if shapes <= {2, 3} and coloured else "other"


def _is_number(value: Any) -> bool:
    real = isinstance(value, (numbers.Real, decimal.Decimal))
    return real and not isinstance(value, (bool, np.bool_))


def _is_picture(value: Any) -> bool:
    return any(t.__module__ == "PIL.Image" for t in type(value).__mro__)


def _is_file(value: Any) -> bool:
    return isinstance(value, bytes) or (isinstance(value, dict) and set(value) == {"bytes", "path"})


def _is_recording(value: Any) -> bool:
    """Samples and their rate, as Hugging Face datasets decode audio."""
    decoded = isinstance(value, dict) and {"array", "sampling_rate"} <= set(value)
    return decoded or hasattr(value, "get_all_samples")


# In this order: the first rule that holds for every value of the sample decides.
_KIND_RULES: tuple[tuple[Callable[[Any], bool], Callable[[NDArray[Any]], str]], ...] = (
    (lambda v: isinstance(v, str), _kind_of_texts),
    (lambda v: isinstance(v, os.PathLike), _kind_of_paths),
    (lambda v: isinstance(v, (bool, np.bool_)), lambda _: "bool"),
    (_is_number, lambda _: "number"),
    (_is_picture, lambda _: "image"),
    (_is_file, _kind_of_files),
    (_is_recording, lambda _: "audio"),
    (lambda v: isinstance(v, np.ndarray), _kind_of_arrays),
    (lambda v: isinstance(v, (list, tuple, set, frozenset)), _kind_of_sequences),
)
