"""Which value of a row is unlike those of its column, in words."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._data.columns import looks_like_identifier
from datalab._data.values import as_floats
from datalab._typing import BoolArray

__all__ = ["odd_values"]

# What lies beyond the quartiles by so many times their distance is odd: the outer fence of
# J. Tukey, Exploratory data analysis (1977), section 2D.
ODD = 3.0
# What nine of ten values lie between.
USUAL = (0.05, 0.95)


def odd_values(table: Any, chosen: BoolArray) -> NDArray[Any]:
    """For each chosen row the number that lies farthest outside its column.

    Parameters
    ----------
    table : Table of N rows
    chosen : ndarray of bool, shape (N,)

    Returns
    -------
    ndarray of object, shape (N,)
        ``"pressure is -40 (usually 95 to 104)"``; None where no number is odd, and for other rows.
    """
    told = np.full(len(chosen), None, dtype=object)
    rows = np.flatnonzero(chosen)
    farthest = np.full(len(rows), ODD)
    for name in table.columns if len(rows) else ():
        if table.kind(name) != "number":
            continue
        values = as_floats(table.column(name))
        finite = np.empty(0) if values is None else values[np.isfinite(values)]
        if values is None or not finite.size or looks_like_identifier(name, finite):
            continue
        low, first, third, high = np.quantile(finite, [USUAL[0], 0.25, 0.75, USUAL[1]])
        spread = third - first if third > first else high - low
        if not spread > 0:
            continue
        some = values[rows]
        beyond = np.maximum(some - third, first - some) / spread
        for place in np.flatnonzero(beyond > farthest).tolist():
            farthest[place] = beyond[place]
            usual = f"(usually {_written(low)} to {_written(high)})"
            told[rows[place]] = f"{name} is {_written(some[place])} {usual}"
    return told


def _written(number: float) -> str:
    """Whole numbers, else four digits, without an exponent where people would write none."""
    if float(number).is_integer() and abs(number) < 1e12:
        return f"{number:.0f}"
    if not 1e-4 <= abs(number) < 1e12:
        return f"{number:.4g}"
    return np.format_float_positional(number, precision=4, fractional=False, trim="-")
