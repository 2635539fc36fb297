"""Which columns serve for what, when the user did not say."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._data.base import Source
from datalab._data.values import as_floats, is_missing, objects
from datalab._data.written import is_dense, read_written
from datalab.exceptions import InputError

__all__ = [
    "default_image_key",
    "default_text_key",
    "identifies",
    "looks_like_identifier",
    "numeric_columns",
    "numeric_table",
]

# Texts shorter than this on average, and without blanks, are names or codes, not text to read.
MIN_TEXT_LENGTH = 20
# With fewer rows than this, whole numbers may well be in order by chance.
MIN_ROWS_FOR_ORDER = 8

_ID_NAMES = ("id", "index", "idx", "key", "row", "uid", "uuid", "guid")
_ID_ENDINGS = ("_id", " id", "_idx", "-id")


def numeric_columns(
    source: Source, leave_out: Collection[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """The columns of numbers that say something about an example.

    Parameters
    ----------
    source : Source
    leave_out : collection of str
        Columns that have another role: label, annotators, split, groups, time.

    Returns
    -------
    columns : list of str
    reasons : dict of str to str
        For every other column, why it is left out.

    Examples
    --------
    >>> from datalab._data.source import open_source
    >>> data = {"id": [7, 8, 9], "age": [31, 25, 40], "name": ["Ann", "Bo", "Cy"], "one": [1, 1, 1]}
    >>> numeric_columns(open_source(data))
    (['age'], {'id': 'looks like an identifier', 'name': 'text', 'one': 'constant'})
    """
    columns, reasons = [], {}
    for name in source.columns:
        reason = _reason_against(source, name, leave_out)
        if reason:
            reasons[name] = reason
        else:
            columns.append(name)
    return columns, reasons


def _reason_against(source: Source, name: str, leave_out: Collection[str]) -> str:
    if name in leave_out or name == source.split_column:
        return "has another role"
    kind = source.kind(name)
    if kind not in ("number", "bool"):
        return kind
    values = as_floats(source.column(name))
    if values is None:
        return "mixed"
    present = values[~np.isnan(values)]
    if not len(present):
        return "all values are missing"
    if not np.isfinite(present).all():
        return "has infinite values"
    if (present == present[0]).all():
        return "constant"
    return (
        "looks like an identifier"
        if kind == "number" and looks_like_identifier(name, present)
        else ""
    )


def looks_like_identifier(name: str, values: NDArray[np.float64]) -> bool:
    """Whether a column numbers its rows instead of describing them.

    Whole numbers that never repeat and are named as identifiers, or count without a gap, or only
    rise or fall.

    Parameters
    ----------
    name : str
        Of the column; empty if it has none.
    values : ndarray of float, shape (n,)
        Those that are there, in the order of the rows.
    """
    if np.any(values != np.floor(values)):
        return False
    ordered = np.sort(values)
    if np.any(ordered[1:] == ordered[:-1]):
        return False
    if _named_as_identifier(name):
        return True
    if len(values) < MIN_ROWS_FOR_ORDER:
        return False
    counts = ordered[-1] - ordered[0] == len(ordered) - 1
    return bool(counts or np.array_equal(values, ordered) or np.array_equal(values[::-1], ordered))


def _named_as_identifier(name: str) -> bool:
    lowered = name.lower()
    named = lowered in _ID_NAMES or lowered.startswith("unnamed:")
    return named or lowered.endswith(_ID_ENDINGS)


def identifies(name: str, values: NDArray[Any]) -> bool:
    """Whether a column of any kind, or a part of it, numbers or names its rows.

    Numbers as `looks_like_identifier` tells; others when the name says so and nothing repeats.
    """
    numbers = as_floats(values)
    if numbers is not None:
        present = numbers[np.isfinite(numbers)]
        return len(present) > 1 and looks_like_identifier(name, present)
    present = values[~is_missing(values)].astype(str)
    return _named_as_identifier(name) and len(np.unique(present)) == len(present)


def numeric_table(source: Source, columns: Sequence[str]) -> NDArray[np.float64]:
    """Columns of numbers as one matrix, NaN where missing.

    Returns
    -------
    ndarray of shape (n_rows, len(columns)), float64

    Raises
    ------
    InputError
        A column is not numeric, or has infinite values.
    """
    table = np.empty((source.n_rows, len(columns)))
    for at, name in enumerate(columns):
        values = as_floats(source.column(name))
        if values is None:
            raise InputError(f"column {name!r} holds {source.kind(name)}, not numbers")
        table[:, at] = values
        if np.isinf(table[:, at]).any():
            row = int(np.flatnonzero(np.isinf(table[:, at]))[0])
            raise InputError(
                f"column {name!r} has {table[row, at]} in row {row}; replace it, or leave it "
                "missing (NaN)"
            )
    return table


def default_image_key(source: Source) -> str | None:
    """The first column of images; None when there is none."""
    return next((name for name in source.columns if source.kind(name) == "image"), None)


def default_text_key(source: Source, leave_out: Collection[str] = ()) -> str | None:
    """The column of the longest texts to read; None when there is none.

    Names, codes and categories are not text to read, nor are numbers and dates: it has blanks in
    most rows, or is long and of varying length.
    """
    best, longest = None, 0.0
    for name in source.columns:
        if name in leave_out or source.kind(name) != "text":
            continue
        texts = [text for text in source.sample(name) if isinstance(text, str)]
        if read_written(objects(texts)) is not None:
            continue
        lengths = np.array([len(text) for text in texts])
        blanks = np.mean([" " in text.strip() for text in texts])
        dense = np.mean([is_dense(text) for text in texts])
        varied = lengths.mean() >= MIN_TEXT_LENGTH and lengths.min() < lengths.max()
        if (blanks > 0.5 or dense > 0.5 or varied) and lengths.mean() > longest:
            best, longest = name, float(lengths.mean())
    return best
