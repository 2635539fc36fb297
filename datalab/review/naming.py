"""How a row is told and found again: by its name, and by a hash of what it holds."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from datalab._data.digest import written
from datalab._data.source import Source
from datalab._typing import BoolArray, IndexArray
from datalab.review.ledger import json_value

__all__ = ["RowNames", "alone", "row_hashes"]

NOWHERE = -1
BLOCK = 4096  # rows whose content stands in memory at a time


class RowNames:
    """What the rows of a data set are called in a ledger, and where a name stands.

    Parameters
    ----------
    index : pandas.Index or None
        The user's index, when it tells rows apart.
    numbers : ndarray of int, shape (N,)
        What rows are called otherwise, ascending: their places in the data set opened first.

    Notes
    -----
    A name is found by the hash table that the index has anyway, and no other row is looked at.
    Only names of an index of mixed kinds (periods, intervals, objects) are looked up in a table of
    all names, which is made once, when a ledger of another process is read.
    """

    def __init__(self, index: Any, numbers: IndexArray) -> None:
        self._index = index
        self._numbers = numbers
        self._told: dict[str, int] = {}
        self._all: dict[str, int] | None = None

    def of(self, at: IndexArray) -> list[Any]:
        """The names of some rows, as JSON values."""
        if self._index is None:
            numbers: list[Any] = self._numbers[at].tolist()
            return numbers
        names = [json_value(one) for one in self._index[at]]
        self._told.update(zip(map(repr, names), at.tolist(), strict=True))
        return names

    def places(self, names: Sequence[Any]) -> IndexArray:
        """Where rows of these names stand; -1: nowhere."""
        if self._index is None:
            return self._numbered(names)
        places = np.array([self._told.get(repr(name), NOWHERE) for name in names], dtype=np.intp)
        new = np.flatnonzero(places < 0)
        if len(new):
            places[new] = self._looked_up([names[i] for i in new.tolist()])
        return places

    def _numbered(self, names: Sequence[Any]) -> IndexArray:
        whole = [type(name) is int and abs(name) < 2**62 for name in names]
        wanted = np.array(
            [name if ok else -1 for name, ok in zip(names, whole, strict=True)], dtype=np.int64
        )
        at = np.minimum(np.searchsorted(self._numbers, wanted), len(self._numbers) - 1)
        return np.where(self._numbers[at] == wanted, at, NOWHERE).astype(np.intp)

    def _looked_up(self, names: Sequence[Any]) -> IndexArray:
        labels, known = _labels_of(names, self._index)
        places = np.full(len(names), NOWHERE, dtype=np.intp)
        if labels is not None and known.any():
            places[known] = self._index.get_indexer(labels)
            found = np.flatnonzero(places >= 0)
            # The same label may be told otherwise: 1 is not True, 0.0 is not -0.0.
            told = [repr(json_value(one)) for one in self._index[places[found]]]
            wrong = [t != repr(names[i]) for t, i in zip(told, found.tolist(), strict=True)]
            places[found[wrong]] = NOWHERE
        if labels is None:
            if self._all is None:
                named = enumerate(self._index)
                self._all = {repr(json_value(one)): place for place, one in named}
            places = np.array([self._all.get(repr(n), NOWHERE) for n in names], dtype=np.intp)
        return places


def _labels_of(names: Sequence[Any], index: Any) -> tuple[Any, BoolArray]:
    """The labels of an index that are told by these names, and which names tell one.

    None where that cannot be known from the name alone.
    """
    import pandas as pd

    kinds = {"integer": int, "floating": float, "string": str, "datetime64": str}
    kind = kinds.get(index.inferred_type) if index.nlevels == 1 else None
    if kind is None:
        return None, np.zeros(len(names), dtype=bool)
    known = np.array([type(name) is kind for name in names], dtype=bool)
    mine = [name for name, ok in zip(names, known.tolist(), strict=True) if ok]
    if index.inferred_type == "datetime64":
        moments = pd.to_datetime(mine, utc=True, format="ISO8601", errors="coerce")
        aware = getattr(index, "tz", None)
        return moments.tz_convert(aware) if aware else moments.tz_localize(None), known
    return pd.Index(mine), known


def row_hashes(source: Source, at: IndexArray, *, leave_out: str | None) -> list[str]:
    """A hash of the content of each of some rows, without the label."""
    names = [name for name in source.columns if name != leave_out]
    hashes: list[str] = []
    for start in range(0, len(at), BLOCK):
        some = at[start : start + BLOCK]
        rows: list[list[bytes]] = [[] for _ in some]
        for name in names:
            told = written(name)
            values: list[Any] = source.column(name, some).tolist()
            for row, value in zip(rows, values, strict=True):
                row += told, written(alone(value))
        hashes += [hashlib.blake2b(b"".join(row), digest_size=16).hexdigest() for row in rows]
    return hashes


def alone(value: Any) -> Any:
    """A value in a form that does not depend on the other rows.

    Integers travel as floats where some are missing, and a missing value is None or NaN.
    """
    if type(value) is not float:
        return value
    return None if value != value else int(value) if value.is_integer() else value
