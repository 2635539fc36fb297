"""Several splits (train, test, …) read as one table with a column that names the split."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._data.base import Source
from datalab._data.values import column_array, objects, python_values
from datalab._typing import IndexArray
from datalab.exceptions import UnsupportedData

__all__ = ["SplitsSource"]


class SplitsSource(Source):
    """Splits one after the other; rows come back as splits too."""

    def __init__(self, data: Mapping[Any, Any], parts: Mapping[str, Source]) -> None:
        super().__init__()
        in_library = type(data).__module__.startswith("datasets")
        self._wrap: Callable[[Any], Any] = type(data) if in_library else dict
        self._parts = dict(parts)
        self._starts = np.cumsum([0, *(part.n_rows for part in parts.values())])
        self.n_rows = int(self._starts[-1])
        columns = dict.fromkeys(name for part in parts.values() for name in part.columns)
        self.split_column = "split"
        while self.split_column in columns:
            self.split_column += "_"
        self.columns = (*columns, self.split_column)

    def _read(self, name: str, rows: IndexArray | None) -> NDArray[Any]:
        at = np.arange(self.n_rows) if rows is None else rows
        which = np.searchsorted(self._starts, at, side="right") - 1
        if name == self.split_column:
            named: NDArray[Any] = objects(self._parts)[which]
            return named
        pieces = []
        for number, part in enumerate(self._parts.values()):
            mine = at[which == number] - self._starts[number]
            if name not in part.columns:
                pieces.append(np.full(len(mine), None, dtype=object))
            elif len(mine):
                pieces.append(part.column(name, None if rows is None else mine))
        # Pieces come split by split; put them back in the order that was asked for.
        order = np.argsort(which, kind="stable")
        joined = _joined(pieces)
        if rows is None:
            return joined
        restored = np.empty_like(joined)
        restored[order] = joined
        return restored

    def native(self, rows: ArrayLike) -> Any:
        """Rows split by split: a dictionary (or DatasetDict) of what the user gave."""
        at = np.asarray(rows, dtype=np.intp)
        which = np.searchsorted(self._starts, at, side="right") - 1
        return self._wrap(
            {
                name: part.native(at[which == number] - self._starts[number])
                for number, (name, part) in enumerate(self._parts.items())
            }
        )

    def with_values(self, name: str, at: IndexArray, values: Sequence[Any]) -> Any:
        """The splits, each with its own share of the new values."""
        which = np.searchsorted(self._starts, at, side="right") - 1
        changed = {}
        for number, (split, part) in enumerate(self._parts.items()):
            mine = np.flatnonzero(which == number)
            if not len(mine):
                changed[split] = part.native(np.arange(part.n_rows))
                continue
            new = [values[i] for i in mine.tolist()]
            changed[split] = part.with_values(name, at[mine] - self._starts[number], new)
        return self._wrap(changed)

    def joined(self, more: Source) -> Any:  # noqa: ARG002
        """Refused: rows of several splits would no longer stand behind those that are known."""
        raise UnsupportedData(
            "`data` is a dictionary of splits, to which no rows can be appended; audit one table "
            "with a column for the split, or audit all of it anew"
        )

    def class_names(self, name: str) -> tuple[Any, ...] | None:
        """The classes the splits declare; they have to agree."""
        self.check(name)
        declared = {s: p.class_names(name) for s, p in self._parts.items() if name in p.columns}
        orders = set(declared.values())
        if len(orders) > 1:
            raise UnsupportedData(
                f"the splits of `data` declare different classes for column {name!r}: {declared}; "
                "give them the same classes in the same order"
            )
        return orders.pop() if orders else None

    def _declared_kind(self, name: str) -> str | None:
        if name == self.split_column:
            return "category"
        kinds = {part.kind(name) for part in self._parts.values() if name in part.columns}
        return kinds.pop() if len(kinds) == 1 else None

    def _decode(self, name: str, value: Any) -> Any:
        part = next(part for part in self._parts.values() if name in part.columns)
        return part._decode(name, value)


def _joined(pieces: list[NDArray[Any]]) -> NDArray[Any]:
    """One array; numbers stay numbers, other mixtures become objects."""
    if len({piece.dtype.kind for piece in pieces}) == 1:
        return np.concatenate(pieces)
    return column_array(np.concatenate([objects(python_values(piece)) for piece in pieces]))
