"""Which distance: the reference's rule, and ours, which looks at the data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._check import feature_matrix
from datalab._typing import BoolArray, FloatArray
from datalab.exceptions import InputError

__all__ = [
    "MetricChoice",
    "choose_metric",
    "column_spread",
    "inner_deviation",
    "reference_metric",
    "share_range",
]

# Learned representations have seldom fewer dimensions, tables of measurements seldom more.
MIN_EMBEDDING_DIMENSIONS = 32
# Units differ when the spread of columns does by more than an order of magnitude.
MAX_SPREAD_RATIO = 10.0
# Means below this share of the spread, and spreads this close to each other, come from
# standardising the columns.
STANDARDISED = 0.01
# Lengths this close to each other, relative to the distance from the mean, come from normalising
# the rows.
UNIT_NORM = 1e-3
# Quantiles of the standard normal distribution: 75 % and 95 %.
NORMAL_75, NORMAL_95 = 0.6744897501960817, 1.6448536269514722
# Heavy tails stretch the outer range, relative to the inner one, about this much.
HEAVY_TAIL = 3.0
# Rows whose columns tell whether they have comparable spreads.
SAMPLE = 4000
# The share of a column's values, at each end, that count as if they were less extreme.
EXTREME = 0.01
# Numbers worked on at a time.
BLOCK = 2**21


@dataclass(frozen=True, slots=True, eq=False)
class MetricChoice:
    """How rows are compared.

    Parameters
    ----------
    metric : str
        ``"cosine"`` or ``"euclidean"``.
    scale : ndarray of float64, shape (M,), optional
        Columns are divided by these before they are compared.
    reason : str
        Why, in words.
    """

    metric: str
    scale: NDArray[np.float64] | None
    reason: str

    def apply(self, features: FloatArray) -> FloatArray:
        """The features as they are compared (a copy when columns are scaled)."""
        if self.scale is None:
            return features
        scaled: FloatArray = features / self.scale.astype(np.result_type(features, np.float32))
        return scaled


def reference_metric(features: FloatArray) -> str:
    """Cosine above three columns, else Euclidean: cleanlab's rule.

    Parameters
    ----------
    features : ndarray of float, shape (N, M)

    Examples
    --------
    >>> import numpy as np
    >>> reference_metric(np.zeros((5, 4))), reference_metric(np.zeros((5, 3)))
    ('cosine', 'euclidean')
    """
    return "cosine" if features.shape[1] > 3 else "euclidean"


def choose_metric(features: Any) -> MetricChoice:
    """Decide from the data whether rows are measurements in a table or learned representations.

    Parameters
    ----------
    features : ndarray of numbers or scipy sparse matrix, shape (N, M)
        Finite.

    Returns
    -------
    MetricChoice
        Sparse rows, which are mostly counts or weights of words, are compared by cosine distance.
        Representations (rows of length one, or many columns with comparable spreads) are compared
        as they are by cosine distance; tables by Euclidean distance after dividing each column by
        its spread: a robust one (`column_spread`), or from 32 columns on the standard deviation
        without the most extreme values (`inner_deviation`), because then what matters is that no
        few columns make up the sum.

    Notes
    -----
    The direction of a row means something only when its zero does. A table's zero is arbitrary
    (degrees Celsius, a standardised column), and its columns have units of their own; so the
    angle between two of its rows depends on the choice of units, and rows far from the middle can
    have the direction of rows near it. In a representation all columns share one unit, the
    direction carries the meaning and the length often only says how much there was to represent.

    One pass over the data, and for tables a partition of each column: O(N M).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> choose_metric(rng.normal(size=(100, 4)) * [1, 10, 100, 1000]).metric
    'euclidean'
    >>> choose_metric(rng.normal(size=(100, 64)) + 1).metric
    'cosine'
    """
    if hasattr(features, "tocsr"):
        return MetricChoice("cosine", None, "cosine distance: sparse rows")
    if not isinstance(features, np.ndarray):
        features = feature_matrix(features)
    if not len(features):
        raise InputError(f"`features` has no rows (shape {features.shape}); give at least one")
    look = _Look.at(features)
    reason = _why_representation(look, features[:: max(1, len(features) // SAMPLE)])
    if reason:
        return MetricChoice("cosine", None, f"cosine distance: {reason}")
    n_columns = features.shape[1]
    if n_columns < MIN_EMBEDDING_DIMENSIONS:
        spread = column_spread(features)
    else:
        spread = inner_deviation(features)
    reason = f"Euclidean distance of {n_columns} columns, each divided by its spread"
    return MetricChoice("euclidean", spread, reason)


def _why_representation(look: "_Look", some: FloatArray) -> str:
    """In words, why these rows look like learned representations; empty when they do not.

    Parameters
    ----------
    look : _Look
    some : ndarray of float, shape (n, M)
        A part of the rows, to see how far columns spread without their outliers.
    """
    n_columns = len(look.std)
    around_mean = float(np.sqrt(np.sum(look.std**2)))
    if n_columns > 1 and around_mean > 0 and look.longest - look.shortest < UNIT_NORM * around_mean:
        return "all rows have the same length"
    varies = look.varies
    if n_columns < MIN_EMBEDDING_DIMENSIONS or not varies.any():
        return ""
    std, mean = look.std[varies], look.mean[varies]
    spread = inner_deviation(some)[varies]
    lowest, highest = look.lowest[varies], look.highest[varies]
    if share_range(lowest, highest):
        return f"{n_columns} columns share the range {lowest.min():g} to {highest.max():g}"
    low, high = np.quantile(spread, [0.1, 0.9])
    if high > MAX_SPREAD_RATIO * low:
        return ""
    if np.abs(mean / std).max() < STANDARDISED and std.max() - std.min() < STANDARDISED * std.max():
        return ""
    return f"{n_columns} columns of comparable spread"


def share_range(lowest: NDArray[np.float64], highest: NDArray[np.float64]) -> bool:
    """Whether most columns end at the same two numbers: pixels do, and what was scaled to them.

    Parameters
    ----------
    lowest, highest : ndarray of float, shape (M,)
        The ends of each column.
    """
    return bool(np.mean((lowest == lowest.min()) & (highest == highest.max())) >= 0.5)


@dataclass(frozen=True, slots=True)
class _Look:
    """What one pass over the features shows."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    shortest: float
    longest: float

    @property
    def varies(self) -> BoolArray:
        return (self.highest > self.lowest) & (self.std > 0)

    @classmethod
    def at(cls, features: FloatArray) -> "_Look":
        n_rows, n_columns = features.shape
        origin = features[0].astype(np.float64)
        total, squares = np.zeros(n_columns), np.zeros(n_columns)
        lowest, highest = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
        shortest, longest = np.inf, 0.0
        step = max(1, BLOCK // n_columns)
        for start in range(0, n_rows, step):
            block = features[start : start + step].astype(np.float64)
            lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
            # A row of zeros stands for "nothing there": normalising cannot give it a length.
            shortest = min(shortest, lengths[lengths > 0].min(initial=np.inf))
            longest = max(longest, lengths.max())
            lowest = np.minimum(lowest, block.min(axis=0))
            highest = np.maximum(highest, block.max(axis=0))
            block -= origin
            total += block.sum(axis=0)
            squares += np.einsum("ij,ij->j", block, block)
        mean = total / n_rows
        variance = np.maximum(squares / n_rows - mean**2, 0.0)
        return cls(mean + origin, np.sqrt(variance), lowest, highest, shortest, longest)


def column_spread(features: FloatArray) -> NDArray[np.float64]:
    """A spread of each column that outliers do not change, in units of a standard deviation.

    Parameters
    ----------
    features : ndarray of float, shape (N, M)
        Finite.

    Returns
    -------
    ndarray of float64, shape (M,)
        The interquartile range over that of a standard normal distribution. Where most values
        coincide that says nothing, so it is at least a third of what the range of the inner 90 %
        says, and in columns where nearly all values coincide it is the standard deviation. 1 for
        constant columns.

    Examples
    --------
    >>> import numpy as np
    >>> column = np.append(np.arange(100.0), 1e6)
    >>> column_spread(np.column_stack([column, np.full(101, 7.0)])).round(2).tolist()
    [37.07, 1.0]
    """
    n_rows, n_columns = features.shape
    spread = np.empty(n_columns)
    step = max(1, BLOCK // max(n_rows, 1))
    for start in range(0, n_columns, step):
        block = features[:, start : start + step].astype(np.float64)
        q05, q25, q75, q95 = np.quantile(block, [0.05, 0.25, 0.75, 0.95], axis=0)
        inner = (q75 - q25) / (2 * NORMAL_75)
        outer = (q95 - q05) / (2 * NORMAL_95)
        robust = np.maximum(inner, outer / HEAVY_TAIL)
        robust = np.where(robust > 0, robust, block.std(axis=0))
        constant = block.max(axis=0) == block.min(axis=0)
        spread[start : start + step] = np.where(constant | (robust <= 0), 1.0, robust)
    return spread


def inner_deviation(features: FloatArray) -> NDArray[np.float64]:
    """The standard deviation of each column, with its most extreme values drawn in.

    Parameters
    ----------
    features : ndarray of float, shape (N, M)
        Finite.

    Returns
    -------
    ndarray of float64, shape (M,)
        What lies outside the inner 98 % counts as if it lay at its edge. Where nearly all values
        coincide, the plain standard deviation; 1 for constant columns.

    Examples
    --------
    >>> import numpy as np
    >>> column = np.append(np.tile([-1.0, 1.0], 500), 1e6)
    >>> inner_deviation(np.column_stack([column, np.full(1001, 7.0)])).round(2).tolist()
    [1.0, 1.0]
    """
    n_rows, n_columns = features.shape
    deviation = np.empty(n_columns)
    step = max(1, BLOCK // max(n_rows, 1))
    for start in range(0, n_columns, step):
        block = features[:, start : start + step].astype(np.float64)
        low, high = np.quantile(block, [EXTREME, 1 - EXTREME], axis=0)
        inner = np.clip(block, low, high).std(axis=0)  # of equal numbers not 0, but rounding
        plain = np.where(high > low, inner, block.std(axis=0))
        constant = block.max(axis=0) == block.min(axis=0)
        deviation[start : start + step] = np.where(constant | (plain <= 0), 1.0, plain)
    return deviation
