"""How sure the health of labels is: bootstrap intervals without going over the rows again.

The confident joint is a sum over rows, so that a resample of the rows is a multinomial resample of
its cells: Efron, Tibshirani: An introduction to the bootstrap (1993), chapter 13 (percentile
intervals). The confident thresholds are held fixed.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._core.count import Guesses
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray

__all__ = ["Cells", "Intervals", "bootstrap", "count_cells"]

# So many numbers of resampled cells are drawn at a time.
BLOCK_VALUES = 4_000_000


class Cells(NamedTuple):
    """Rows with the same part in the confident joint; each of shape (number of cells,)."""

    given: IndexArray
    guess: IndexArray  # -1 for rows that are not counted
    is_issue: BoolArray
    rows: NDArray[np.int64]


class Intervals(NamedTuple):
    """Lower and upper ends, each a pair of rows in an array of shape (2, …)."""

    score: FloatArray  # (2,)
    noise: FloatArray  # (2, K)
    inverse_noise: FloatArray  # (2, K)
    pairs: IndexArray  # (2, P): given class and true class of the pairs that occur
    pair_share: FloatArray  # (2, P): of the joint of both directions where first < second


def count_cells(labels: Codes, guesses: Guesses, is_issue: BoolArray, n_classes: int) -> Cells:
    """Count the rows of each (given label, guess, flag) that occurs; O(N log N) time.

    Parameters
    ----------
    labels : Codes of shape (N,)
    guesses : ndarray of int, shape (N,)
        `count.confident_guesses`; -1 for none.
    is_issue : ndarray of bool, shape (N,)
        `count.off_diagonal_issues`, as flags.
    n_classes : int
    """
    code = (labels * (n_classes + 1) + guesses + 1) * 2 + is_issue
    known, rows = np.unique(code, return_counts=True)
    given, guess = np.divmod(known // 2, n_classes + 1)
    return Cells(given, guess - 1, known % 2 == 1, rows)


def bootstrap(
    cells: Cells, n_classes: int, *, n_resamples: int, level: float, stream: np.random.Generator
) -> Intervals:
    """Percentile intervals of the health score, the noise of classes and the overlap of pairs.

    Parameters
    ----------
    cells : Cells
        Of all rows.
    n_classes : int
    n_resamples : int
    level : float
        In (0, 1): the share of resamples within an interval.
    stream : numpy.random.Generator

    Notes
    -----
    O(B C) time and memory for B resamples of C cells; C is at most the smaller of the number of
    rows and 2 K (K + 1).
    """
    n_rows = int(cells.rows.sum())
    first, second, pair = _pairs(cells, n_classes)
    block = max(1, BLOCK_VALUES // len(cells.rows))
    parts = []
    for start in range(0, n_resamples, block):
        size = min(block, n_resamples - start)
        drawn = stream.multinomial(n_rows, cells.rows / n_rows, size=size).astype(np.float64)
        parts.append(_statistics(cells, drawn, n_classes, pair, len(first)))
    ends = ((1 - level) / 2, (1 + level) / 2)
    score, noise, inverse, share = (
        np.quantile(np.concatenate(one), ends, axis=0) for one in zip(*parts, strict=True)
    )
    return Intervals(score, noise, inverse, np.stack([first, second]), share)


def _pairs(cells: Cells, n_classes: int) -> tuple[IndexArray, IndexArray, IndexArray]:
    """The pairs of classes (first < second) that occur, and the pair of each cell, -1 for none."""
    low = np.minimum(cells.given, cells.guess)
    high = np.maximum(cells.given, cells.guess)
    apart = (cells.guess >= 0) & (low < high)
    known, which = np.unique(low[apart] * n_classes + high[apart], return_inverse=True)
    pair = np.full(len(cells.given), -1, dtype=np.intp)
    pair[apart] = which
    return known // n_classes, known % n_classes, pair


def _statistics(
    cells: Cells, drawn: FloatArray, n_classes: int, pair: IndexArray, n_pairs: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Score (B,), noise (B, K), inverse noise (B, K) and pair shares (B, P) of each resample."""
    n_rows = drawn.sum(axis=1, keepdims=True)
    score = 1 - drawn[:, cells.is_issue].sum(axis=1) / n_rows[:, 0]
    given = _summed(drawn, cells.given, n_classes)
    counted = cells.guess >= 0
    same = cells.guess == cells.given
    diagonal = _summed(drawn[:, same], cells.given[same], n_classes)
    counts = _summed(drawn[:, counted], cells.given[counted], n_classes)
    # The confident joint has at least one on its diagonal.
    others = counts - diagonal
    counts = others + np.maximum(diagonal, 1)
    # Each row of the joint is scaled to the share of its label.
    scale = given / (counts * n_rows)
    joint = drawn * scale[:, cells.given]
    off = counted & ~same
    elsewhere = _summed(joint[:, off], cells.guess[off], n_classes)
    noise = np.where(given > 0, others / counts, 0.0)
    inverse = _share(elsewhere, elsewhere + np.maximum(diagonal, 1) * scale)
    return score, noise, inverse, _summed(joint[:, off], pair[off], n_pairs)


def _summed(values: FloatArray, group: IndexArray, n_groups: int) -> FloatArray:
    """Sums over the columns of each group, shape (B, n_groups)."""
    order = np.argsort(group, kind="stable")
    sums = np.zeros((len(values), n_groups))
    if len(order):
        present, starts = np.unique(group[order], return_index=True)
        sums[:, present] = np.add.reduceat(values[:, order], starts, axis=1)
    return sums


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """`part` of `whole`; 0 for a class that does not occur."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
