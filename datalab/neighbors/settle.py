"""From candidates to neighbours: distances from differences, ties by row number.

A point is settled when everything that was passed over is farther than its k-th neighbour, whatever
the rounding of the bounds. Where float32 cannot tell (many points at nearly the same distance), the
point is compared with all others once more, in float64.
"""

import numpy as np
from numpy.typing import NDArray

from datalab._typing import BoolArray, IndexArray
from datalab.neighbors.points import ROUNDED, WORK, AnyPoints, Neighbours, blocks, index_type
from datalab.neighbors.product import HEIGHT, WIDTH, Bounds, Candidates

__all__ = ["best_of", "settled"]

# Bounds this much sharper than a distance tell ties from neighbours: no need to measure each tie.
SHARP = 1e-9
# In a tile, so many times k neighbours of a point are measured without asking whether they tie.
MANY = 4


def best_of(
    points: AnyPoints,
    rows: IndexArray,
    found: NDArray[np.signedinteger],
    worth: BoolArray,
    k: int,
) -> Neighbours:
    """The k nearest of what was found for each row, where it is worth measuring.

    Parameters
    ----------
    points : Points
    rows : ndarray of int, shape (n,)
    found : ndarray of int, shape (n, m)
    worth : ndarray of bool, shape (n, m)
        At least k in each row.
    k : int
    """
    indices = np.empty((len(rows), k), dtype=found.dtype)
    squared = np.empty((len(rows), k))
    for part in blocks(len(rows), max(1, WORK // (64 * found.shape[1]))):
        at, column = np.nonzero(worth[part])
        lengths = np.full(worth[part].shape, np.inf)
        lengths[at, column] = points.between(rows[part][at], found[part][at, column])
        order = np.lexsort((found[part], lengths), axis=1)[:, :k]
        indices[part] = np.take_along_axis(found[part], order, axis=1)
        squared[part] = np.take_along_axis(lengths, order, axis=1)
    return indices, squared


def settled(bounds: Bounds, best: Candidates, k: int, rows: IndexArray | None = None) -> Neighbours:
    """The k nearest neighbours from candidates; exact.

    Parameters
    ----------
    bounds : Bounds
    best : Candidates
        More than k for each row.
    k : int
    rows : ndarray of int, optional
        The points that the candidates belong to; by default all.
    """
    if rows is None:
        rows = np.arange(len(bounds.points))
    n_rows = len(rows)
    worth = np.empty(best.indices.shape, dtype=bool)
    for part in blocks(n_rows, 4096):
        mine = rows[part, None]
        highest = best.lower[part, :k] + bounds.width(mine, best.indices[part, :k])
        worth[part] = best.lower[part] <= highest.max(axis=1, keepdims=True)
        worth[part] &= best.indices[part] >= 0
    indices, squared = best_of(bounds.points, rows, best.indices, worth, k)
    unsettled = np.flatnonzero(squared[:, -1] * (1 + 4 * ROUNDED) >= best.limit)
    if len(unsettled):
        again = _once_more(bounds, rows[unsettled], squared[unsettled, -1], k)
        indices[unsettled], squared[unsettled] = again
    return indices, squared


def _once_more(bounds: Bounds, rows: IndexArray, reach: NDArray[np.float64], k: int) -> Neighbours:
    """Neighbours of points whose k-th is at most `reach` away, from bounds in float64."""
    sharp = Bounds(bounds.points, bounds.norms, np.float64)
    n_points = len(bounds.points)
    indices = np.empty((len(rows), k), dtype=index_type(n_points))
    squared = np.empty((len(rows), k))
    for part in blocks(len(rows), HEIGHT):
        mine = rows[part]
        best = _Best(len(mine), k, n_points)
        left = Bounds.left(sharp.right(mine))
        for columns in blocks(n_points, 4 * WIDTH):
            limit = np.minimum(reach[part], best.worst) * (1 + 4 * ROUNDED)
            lower = left @ sharp.right(columns).T
            here = np.flatnonzero((mine >= columns.start) & (mine < columns.stop))
            lower[here, mine[here] - columns.start] = np.inf
            row, column = np.nonzero(_worth(sharp, mine, columns, lower, limit, k))
            column += columns.start
            best.add(row, column, bounds.points.between(mine[row], column))
        indices[part], squared[part] = best.indices, best.squared
    return indices, squared


def _worth(
    sharp: Bounds,
    rows: IndexArray,
    columns: slice,
    lower: NDArray[np.float64],
    limit: NDArray[np.float64],
    k: int,
) -> BoolArray:
    """Which pairs of a tile must be measured: those up to the limit, but only k ties with it."""
    near: BoolArray = lower <= limit[:, None]
    crowded = np.flatnonzero(np.count_nonzero(near, axis=1) > MANY * k)
    if not len(crowded):
        return near
    top = sharp.norms[columns].max()
    width = 2.5 * sharp.slack * (sharp.norms[rows[crowded]] + top) + 3 * sharp.underflow
    crowded, width = (
        crowded[width <= SHARP * limit[crowded]],
        width[width <= SHARP * limit[crowded]],
    )
    tied = near[crowded] & (lower[crowded] > (limit[crowded] - width)[:, None])
    near[crowded] &= ~tied | (np.cumsum(tied, axis=1) <= k)
    return near


class _Best:
    """The k nearest points found so far, for a block of rows."""

    def __init__(self, n_rows: int, k: int, n_points: int) -> None:
        self.squared = np.full((n_rows, k), np.inf)
        self.indices = np.full((n_rows, k), -1, dtype=index_type(n_points))

    @property
    def worst(self) -> NDArray[np.float64]:
        """Squared distance of the k-th neighbour: an upper bound of what it will be."""
        return self.squared[:, -1]

    def add(self, rows: IndexArray, found: IndexArray, squared: NDArray[np.float64]) -> None:
        """Merge pairs (row of the block, point, squared distance) that were not seen before."""
        if not len(rows):
            return
        k = self.squared.shape[1]
        touched = np.flatnonzero(np.bincount(rows, minlength=len(self.squared)))
        row = np.concatenate([np.repeat(touched, k), rows])
        index = np.concatenate([self.indices[touched].ravel(), found])
        distance = np.concatenate([self.squared[touched].ravel(), squared])
        order = np.lexsort((index, distance, row))
        take = order[np.searchsorted(row[order], touched)[:, None] + np.arange(k)]
        self.indices[touched], self.squared[touched] = index[take], distance[take]
