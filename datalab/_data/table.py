"""What managers see of a data set: its columns, and its images one by one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._data.base import Source
from datalab._data.values import is_missing
from datalab._typing import IndexArray

__all__ = ["Images", "Table"]


@dataclass(frozen=True)
class Table:
    """Some columns of some rows of a `Source`.

    Parameters
    ----------
    source : Source
    columns : tuple of str
        Names of the columns, in order; labels and annotators are not among them.
    rows : ndarray of int, optional
        Positions in the source; None means all.
    named : mapping of str to str
        Kinds of columns that the user named (text, image, audio), whatever they look like.
    answer : ndarray of int, optional
        The given classes by position in the source, -1 where missing: a column that repeats them
        says nothing of its own.
    """

    source: Source
    columns: tuple[str, ...]
    rows: IndexArray | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    answer: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return self.source.n_rows if self.rows is None else len(self.rows)

    def __getitem__(self, rows: IndexArray) -> "Table":
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def column(self, name: str) -> NDArray[Any]:
        """The values of one column, shape (N,)."""
        values = self.source.column(name)
        return values if self.rows is None else values[self.rows]

    def kind(self, name: str) -> str:
        """What a column holds: as the user says, else as its values look."""
        return self.named.get(name) or self.source.kind(name)

    def positions(self) -> IndexArray:
        """The rows' positions in the source, shape (N,)."""
        return np.arange(self.source.n_rows) if self.rows is None else self.rows

    def missing(self) -> NDArray[np.bool_]:
        """Which values are missing, shape (N, number of columns)."""
        whole = np.zeros((len(self), len(self.columns)), dtype=bool)
        for j, name in enumerate(self.columns):
            whole[:, j] = is_missing(self.column(name))
        return whole


@dataclass(frozen=True)
class Images:
    """The images of some rows, decoded when they are looked at.

    ``images[i]`` is a ``PIL.Image.Image``, None for a missing one, or an `Unreadable` that says
    why it cannot be shown; ``images[rows]`` are the images of some rows.
    """

    source: Source
    column: str
    rows: IndexArray | None = None

    def __len__(self) -> int:
        return self.source.n_rows if self.rows is None else len(self.rows)

    def __getitem__(self, which: Any) -> Any:
        at = np.asarray(which, dtype=np.intp)
        at = at if self.rows is None else self.rows[at]
        if at.ndim:
            return Images(self.source, self.column, at)
        return self.source.images(self.column, at[None])[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def stored(self, row: int) -> Any:
        """What the data set holds for one image: a picture, bytes, a path, an array."""
        at = row if self.rows is None else self.rows[row]
        return self.source.column(self.column, [at])[0]
