"""What every source offers; the adapters only say how their container gives up its values."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import did_you_mean, listing
from datalab._data.digest import Digest
from datalab._data.images import decode, highest_value, value_range
from datalab._data.values import kind_of, python_values, whole_numbers
from datalab._typing import IndexArray
from datalab.exceptions import InputError, NotFound, UnsupportedData

__all__ = ["Source", "column_names"]

# So many rows, spread evenly over the data, decide what kind of thing a column holds.
SAMPLE = 1000
FIRST_LOOK = 20
# Encoded files are hashed in blocks of so many rows, so that they never all stand in memory.
FILE_BLOCK = 1000


class Source(ABC):
    """One table of the user, read column by column; never copied whole, never changed.

    Attributes
    ----------
    n_rows : int
    columns : tuple of str
        Column names, as text.
    index : pandas.Index or None
        The user's own index; None means 0..N-1.
    split_column : str or None
        The column that says which split a row comes from, for data that was given as splits.
    """

    n_rows: int
    columns: tuple[str, ...]
    index: Any = None
    split_column: str | None = None

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._ranges: dict[str, tuple[float, float] | None] = {}
        self._whites: dict[str, float | None] = {}
        self._like: Source | None = None

    @abstractmethod
    def _read(self, name: str, rows: IndexArray | None) -> NDArray[Any]:
        """The values of an existing column, in the form of `values.column_array`."""

    @abstractmethod
    def native(self, rows: ArrayLike) -> Any:
        """Rows (positions) in the user's own type."""

    @abstractmethod
    def with_values(self, name: str, at: IndexArray, values: Sequence[Any]) -> Any:
        """The whole data set in the user's own type, with other values in some rows of a column.

        A new object: nothing of the user's is changed, columns that stay are not copied where the
        container can share them.
        """

    @abstractmethod
    def joined(self, more: "Source") -> Any:
        """Rows of this data set and of another of the same kind, end to end, as a new object.

        Raises
        ------
        InputError
            The other is kept in another kind of container, or repeats index labels.
        """

    def _same_kind(self, more: "Source") -> None:
        if type(more) is not type(self):
            raise InputError(
                f"`rows` are {type(more).__name__.removesuffix('Source').lower()} data, but the "
                f"data set is {type(self).__name__.removesuffix('Source').lower()} data; give them "
                "in the same kind of container"
            )

    def _declared_kind(self, name: str) -> str | None:  # noqa: ARG002 (adapters use it)
        """The kind of a column where the container's schema says it; None: look at values."""
        return None

    def class_names(self, name: str) -> tuple[Any, ...] | None:
        """The classes of a column in the order the container declares; None: it declares none."""
        self.check(name)
        return None

    def check(self, name: str) -> None:
        """Raise `NotFound` unless `name` is a column."""
        if name not in self.columns:
            raise NotFound(f"the data has no column {name!r}; {did_you_mean(name, self.columns)}")

    def column(self, name: str, rows: ArrayLike | None = None) -> NDArray[Any]:
        """The values of a column as a 1-D array, of all rows or of the given positions.

        Missing numbers are NaN, other missing values None. Class labels are given by name,
        images and audio as they are stored. Read only: it may be the user's own memory.
        """
        self.check(name)
        values = self._read(name, None if rows is None else np.asarray(rows, dtype=np.intp)).view()
        values.flags.writeable = False
        return values

    def texts(self, name: str) -> Any:
        """A column of texts as an Arrow array; None where it holds (also) anything else.

        Where the container keeps it as Arrow does, nothing is copied.
        """
        import pyarrow as pa

        try:
            return pa.array(self.column(name), pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeError):
            return None

    def sample(self, name: str) -> NDArray[Any]:
        """At most 1000 values of a column, spread evenly over the rows."""
        return self._sample(name, SAMPLE)

    def _sample(self, name: str, size: int) -> NDArray[Any]:
        rows = np.linspace(0, self.n_rows - 1, min(size, self.n_rows))
        return self.column(name, rows.astype(np.intp))

    def kind(self, name: str) -> str:
        """What a column holds: one of `values.KINDS`, from its type and a sample of its values."""
        self.check(name)
        if name not in self._kinds:
            self._kinds[name] = self._declared_kind(name) or self._seen_kind(name)
        return self._kinds[name]

    def _seen_kind(self, name: str) -> str:
        first = kind_of(self._sample(name, FIRST_LOOK))
        # Files are large: a thousand of them are not read to learn what twenty have told.
        return first if first in ("image", "audio") else kind_of(self.sample(name))

    def take(self, rows: ArrayLike, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """A few rows to show to a person: one dictionary per row, images decoded.

        Audio stays encoded (a player wants it so). An image that cannot be read is given as an
        `images.Unreadable`, which says why.
        """
        names = self.columns if columns is None else tuple(columns)
        listed = [self._shown(name, rows) for name in names]
        return [dict(zip(names, row, strict=True)) for row in zip(*listed, strict=True)]

    def _shown(self, name: str, rows: ArrayLike) -> list[Any]:
        if self.kind(name) == "image":
            return self.images(name, rows)
        values = self.column(name, rows)
        if values.dtype.kind == "f":
            # Integers with gaps travel as floats; people wrote 3, not 3.0.
            whole = whole_numbers(self.sample(name)).dtype.kind != "f"
            values = whole_numbers(values) if whole else values
        return python_values(values)

    def images(self, name: str, rows: ArrayLike) -> list[Any]:
        """Decoded images (PIL) of the given rows; None where missing, or `images.Unreadable`."""
        return [self._decode(name, value) for value in self.column(name, rows)]

    def _decode(self, name: str, value: Any) -> Any:
        if not hasattr(value, "__array__"):
            return decode(value)
        return decode(value, self._range(name))

    def _range(self, name: str) -> tuple[float, float] | None:
        """What is black and white in a column of arrays."""
        if self._like is not None:
            return self._like._range(name)
        if name not in self._ranges:
            self._ranges[name] = value_range(self.sample(name))
        return self._ranges[name]

    def white(self, name: str) -> float | None:
        """What is white in a column of pictures of more than 8 bits; None when it has none."""
        if self._like is not None:
            return self._like.white(name)
        if name not in self._whites:
            rows = np.linspace(0, self.n_rows - 1, min(FIRST_LOOK, self.n_rows)).astype(np.intp)
            self._whites[name] = highest_value(self.images(name, rows))
        return self._whites[name]

    def show_like(self, other: "Source") -> None:
        """Show images as bright as those of another source, which these rows are added to."""
        self._like = other

    def fingerprint(self) -> str:
        """A hash of names and values: equal for equal content, in every process and container.

        Images and audio count by their stored bytes or path; nothing is decoded.
        """
        digest = Digest()
        digest.add([self.n_rows, *self.columns])
        digest.add_each(self.column_fingerprint(name) for name in self.columns)
        return digest.hexdigest()

    def column_fingerprint(self, name: str) -> str:
        """A hash of the values of one column, in order."""
        digest = Digest()
        if self.kind(name) in ("image", "audio"):
            for start in range(0, self.n_rows, FILE_BLOCK):
                rows = np.arange(start, min(start + FILE_BLOCK, self.n_rows))
                digest.add_each(self.column(name, rows))
        else:
            digest.add_column(self.column(name))
        return digest.hexdigest()


def column_names(names: Iterable[Hashable]) -> dict[str, Any]:
    """Names as text → names as the user wrote them.

    Raises
    ------
    UnsupportedData
        Two columns have the same name.
    """
    mapping: dict[str, Any] = {}
    repeated = []
    for name in names:
        if str(name) in mapping:
            repeated.append(str(name))
        mapping[str(name)] = name
    if repeated:
        raise UnsupportedData(
            f"`data` has several columns of the same name: {listing(dict.fromkeys(repeated))}; "
            "rename them so that every name stands once"
        )
    return mapping
