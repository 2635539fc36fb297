"""A content hash that is the same in every process, for columns of any kind."""

import datetime as dt
import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Digest", "written"]

# What most cells hold, told at once.
PLAIN = frozenset({str, int, float, bool, type(None)})


class Digest:
    """Hash of a sequence of values and columns (blake2b, 128 bit)."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)

    def hexdigest(self) -> str:
        """The hash as text."""
        return self._hash.hexdigest()

    def add_column(self, values: NDArray[Any]) -> None:
        """Add a column; equal values give equal hashes whatever their width (int32, int64, …)."""
        kind = values.dtype.kind
        if kind == "f":
            numbers = values.astype(np.float64)
            numbers += 0.0  # -0.0 and 0.0 are one value
            numbers[np.isnan(numbers)] = np.nan  # NaN has many bit patterns
            self._bytes(b"f", numbers.tobytes())
        elif kind in "bi":
            self._bytes(b"i", values.astype(np.int64).tobytes())
        elif kind == "M":
            self._bytes(b"M", values.astype("datetime64[us]").astype(np.int64).tobytes())
        elif kind == "O" and {type(value) for value in values} <= {str, type(None)}:
            lengths = np.fromiter((-1 if t is None else len(t) for t in values), np.int64)
            text = "".join(t for t in values if t is not None)
            self._bytes(b"s", lengths.tobytes())
            self._bytes(b"t", text.encode("utf-8", "surrogatepass"))
        else:
            self.add_each(values)

    def add_each(self, values: Iterable[Any]) -> None:
        """Add values one by one."""
        for value in values:
            self.add(value)

    def add(self, value: Any) -> None:
        """Add one value: scalars, texts, dates, arrays, pictures, and containers of these."""
        self._hash.update(written(value))

    def _bytes(self, tag: bytes, content: bytes) -> None:
        self._hash.update(_tagged(tag, content))


def written(value: Any) -> bytes:
    """A value as the bytes that are hashed; no two different ones begin with the same."""
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) in PLAIN:
        told = repr(value).encode("utf-8", "surrogatepass")
        return _tagged(type(value).__name__.encode(), told)
    if isinstance(value, bytes):
        return _tagged(b"b", value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return _array(value)
    if isinstance(value, list) and value and _all_numbers(value):
        return _array(np.array(value))
    if isinstance(value, (dict, list, tuple, np.ndarray, set, frozenset)):
        return _container(value)
    if isinstance(value, (dt.date, dt.time)):
        return _tagged(b"T", value.isoformat().encode())
    if isinstance(value, dt.timedelta):  # of pandas as well
        return _tagged(b"t", f"{value.days} {value.seconds} {value.microseconds}".encode())
    if hasattr(value, "tobytes") and hasattr(value, "mode"):  # a picture
        told = f"{value.mode}{value.size}".encode()
        return _tagged(b"p", told) + _tagged(b"d", value.tobytes())
    told = _told(value).encode("utf-8", "surrogatepass")
    return _tagged(type(value).__name__.encode(), told)


def _container(value: Any) -> bytes:
    if isinstance(value, dict):
        # An encoded file counts by its content, wherever it lies.
        if value.get("bytes") and set(value) == {"bytes", "path"}:
            return _tagged(b"b", value["bytes"])
        keys = sorted(value, key=str)
        tag, parts = b"D", [one for key in keys for one in (key, value[key])]
    elif isinstance(value, (set, frozenset)):
        tag, parts = b"S", sorted(value, key=lambda v: (type(v).__name__, str(v)))
    else:
        tag, parts = b"l", list(value)
    return b"".join([_tagged(tag, str(len(value)).encode()), *map(written, parts)])


def _array(array: NDArray[Any]) -> bytes:
    # A list of numbers and an array of them are one value, as are float32 and float64.
    wide = {"i": np.int64, "f": np.float64}.get(array.dtype.kind, array.dtype)
    told = f"{array.shape}{np.dtype(wide).str}".encode()
    return _tagged(b"a", told) + _tagged(b"d", array.astype(wide).tobytes())


def _tagged(tag: bytes, content: bytes) -> bytes:
    # The length in front keeps neighbours apart: ("ab", "c") is not ("a", "bc").
    return b"%s:%d:%s" % (tag, len(content), content)


def _all_numbers(values: list[Any]) -> bool:
    return set(map(type, values)) in ({int}, {float})


def _told(value: Any) -> str:
    """The value as text; without the memory address that a plain object's text holds."""
    written = any("__repr__" in vars(parent) for parent in type(value).__mro__[:-1])
    return repr(value) if written else ""
