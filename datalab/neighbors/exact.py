"""Exact nearest neighbours in bounded memory.

Every distance that is returned comes from differences of coordinates in float64. Which pairs are
worth that is decided by a cheap lower bound of the squared distance, one matrix product in
float32: a pair is passed over only when its bound exceeds the k-th smallest distance found so far,
so the neighbours are exact, whatever the rounding of the product. Cosine distance is half the
squared Euclidean distance of unit vectors, so one search serves both.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import BoolArray, FloatArray, IndexArray
from datalab.exceptions import InputError
from datalab.neighbors.graph import KNNGraph
from datalab.neighbors.points import (
    ROUNDED,
    WORK,
    Neighbours,
    Points,
    blocks,
    distinct,
    index_type,
    points_of,
    spread,
)

__all__ = ["complete_rows", "knn_graph", "nearest"]

Metric = str | Callable[..., Any]

# In so few dimensions a k-d tree looks at far fewer pairs than the matrix product.
TREE_DIMENSIONS = 8
# Candidates beyond k, so that ties at the k-th place are seen.
SPARE = 8
# A search of fewer seconds needs no progress bar.
SHORT = 1.0
# A search of fewer blocks than that is over before a progress bar is read.
MIN_BLOCKS_FOR_PROGRESS = 8
# With norms that differ more than this, float32 would lose the small ones.
MAX_RANGE = 1e6


def knn_graph(
    features: FloatArray, k: int = 10, *, metric: Metric = "euclidean", progress: bool = False
) -> KNNGraph:
    """The k nearest neighbours of every row among all the others.

    Parameters
    ----------
    features : ndarray of float, shape (N, M)
        Finite; leave rows with missing values out before (`complete_rows`).
    k : int
        Number of neighbours, from 1 to N - 1.
    metric : str or callable
        ``"euclidean"``, ``"cosine"``, or another metric of `sklearn.neighbors.NearestNeighbors`.
    progress : bool
        Whether a long search shows a progress bar.

    Returns
    -------
    KNNGraph
        Equal distances are ordered by row number, equal rows have distance exactly 0. Under
        ``"cosine"`` two zero vectors have distance 0, a zero vector and another one distance 1.

    Raises
    ------
    InputError
        `k` is out of range, or the metric is unknown.

    Notes
    -----
    O(N² M) time (a k-d tree in up to 8 dimensions) and about 32 MiB of working memory.

    Examples
    --------
    >>> import numpy as np
    >>> graph = knn_graph(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]]), k=1)
    >>> graph.indices.ravel().tolist(), graph.distances.ravel().tolist()
    ([2, 0, 0], [0.0, 5.0, 0.0])
    """
    indices, distances = nearest(features, k, metric=metric, progress=progress)
    return KNNGraph(indices, distances.astype(np.float32), metric_name(metric))


def metric_name(metric: Metric) -> str:
    """The name under which a metric is shown; scipy's functions are known by their names."""
    return metric if isinstance(metric, str) else getattr(metric, "__name__", repr(metric))


def complete_rows(features: FloatArray) -> IndexArray | None:
    """Positions of the rows without missing values; None when that is all of them."""
    if np.isfinite(features.sum(dtype=np.float64)):
        return None
    complete = np.concatenate(
        [~np.isnan(features[rows]).any(axis=1) for rows in blocks(len(features), 4096)]
    )
    return None if complete.all() else np.flatnonzero(complete)


def nearest(
    features: FloatArray, k: int, *, metric: Metric = "euclidean", progress: bool = False
) -> Neighbours:
    """Positions and float64 distances of the k nearest neighbours; see `knn_graph`."""
    n_rows = len(features)
    if not 1 <= k < n_rows:
        raise InputError(
            f"`k` is {k} but there are {n_rows} rows; it must be at least 1 and less than the "
            "number of rows"
        )
    if features.shape[1] == 0:
        raise InputError("`features` has no columns, so rows cannot be compared")
    name = metric_name(metric)
    if name not in ("cosine", "euclidean", "l2"):
        return _by_sklearn(features, k, metric)
    points = points_of(features, cosine=name == "cosine")
    indices, squared = _nearest_points(points, k, progress=progress)
    if name == "cosine":
        return indices, 0.5 * squared
    return indices, np.sqrt(squared) / points.scale


def _by_sklearn(features: FloatArray, k: int, metric: Metric) -> Neighbours:
    """Any other metric."""
    from sklearn.neighbors import NearestNeighbors

    try:
        search = NearestNeighbors(n_neighbors=k, metric=metric).fit(features)
    except ValueError as error:
        raise InputError(f"`metric` {metric!r} cannot be used: {error}") from error
    distances, indices = search.kneighbors()
    order = np.lexsort((indices, distances), axis=1)
    indices = np.take_along_axis(indices, order, axis=1).astype(index_type(len(features)))
    return indices, np.take_along_axis(distances, order, axis=1).astype(np.float64)


def _nearest_points(points: Points, k: int, *, progress: bool) -> Neighbours:
    """Neighbours and squared distances; equal points are searched for once."""
    first, which = distinct(points)
    n_distinct = len(first)
    if n_distinct == len(points):
        return _search(points, k, progress=progress)
    fewer = min(k, n_distinct - 1)
    if fewer == 0:
        indices = np.empty((1, 0), dtype=index_type(len(points)))
        squared = np.empty((1, 0))
    else:
        indices, squared = _search(replace(points, rows=first), fewer, progress=progress)
    return spread(indices, squared, which, k)


def _search(points: Points, k: int, *, progress: bool) -> Neighbours:
    if points.n_dimensions <= TREE_DIMENSIONS:
        return _by_tree(points, k)
    return _by_product(points, k, progress=progress)


# The k nearest so far --------------------------------------------------------------------------


class _Best:
    """The k nearest points found so far, for a block of rows."""

    def __init__(self, n_rows: int, k: int, dtype: type[np.signedinteger[Any]]) -> None:
        self.squared = np.full((n_rows, k), np.inf)
        self.indices = np.full((n_rows, k), -1, dtype=dtype)

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


# Few dimensions: a k-d tree ---------------------------------------------------------------------


def _by_tree(points: Points, k: int) -> Neighbours:
    from scipy.spatial import cKDTree

    n_points = len(points)
    coordinates = points.take(slice(None))
    tree = cKDTree(coordinates)
    indices = np.empty((n_points, k), dtype=index_type(n_points))
    squared = np.empty((n_points, k))
    for rows in blocks(n_points, max(1, WORK // (256 * (k + 1 + SPARE)))):
        todo = np.arange(rows.start, rows.stop)
        wanted = k + 1 + SPARE
        while len(todo):
            wanted = min(wanted, n_points)
            reach, found = tree.query(coordinates[todo], k=wanted, workers=-1)
            left = np.repeat(coordinates[todo], wanted, axis=0)
            lengths = points.squared(left, coordinates[found.ravel()]).reshape(found.shape)
            lengths[found == todo[:, None]] = np.inf
            order = np.lexsort((found, lengths), axis=1)[:, :k]
            indices[todo] = np.take_along_axis(found, order, axis=1)
            squared[todo] = np.take_along_axis(lengths, order, axis=1)
            # Done when everything that was not returned is farther than the k-th neighbour.
            tied = squared[todo, -1] >= reach[:, -1] ** 2 * (1 - 4 * ROUNDED)
            todo = todo[tied] if wanted < n_points else todo[:0]
            wanted *= 4
    return indices, squared


# Many dimensions: tiles of a matrix product -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Left:
    """A block of rows whose neighbours are looked for."""

    start: int
    points: NDArray[np.float64]  # around the middle of the data
    norms: NDArray[np.float64]  # squared

    def only(self, rows: IndexArray) -> "_Left":
        return _Left(self.start, self.points[rows], self.norms[rows])


def _by_product(points: Points, k: int, *, progress: bool) -> Neighbours:
    n_points = len(points)
    height, width = _tile_shape(points.n_dimensions)
    norms = np.concatenate([_square_norms(points, rows) for rows in blocks(n_points, height)])
    dtype = _working_type(norms)
    indices = np.empty((n_points, k), dtype=index_type(n_points))
    squared = np.empty((n_points, k))
    for rows in _watched(list(blocks(n_points, height)), progress=progress):
        best = _Best(rows.stop - rows.start, k, index_type(n_points))
        left = _Left(rows.start, points.take(rows) - points.centre, norms[rows])
        for columns in blocks(n_points, width):
            _compare(points, left, columns, norms[columns], best, dtype)
        indices[rows], squared[rows] = best.indices, best.squared
    return indices, squared


def _tile_shape(n_dimensions: int) -> tuple[int, int]:
    """Rows and columns of a tile: 8 bytes a pair, 12 a coordinate on the left, 4 on the right.

    The columns are made anew for every block of rows, which costs less the more rows there are;
    wide tiles have fewer merges. The product is slow only in many dimensions.
    """
    height = max(1, min(max(256, 4 * n_dimensions), 2048, WORK // (24 * n_dimensions)))
    width = (WORK - 12 * height * n_dimensions) // (8 * height + 4 * n_dimensions)
    return height, max(1, width)


def _watched(parts: list[slice], *, progress: bool) -> Any:
    if not progress or len(parts) < MIN_BLOCKS_FOR_PROGRESS:
        return parts
    from tqdm.auto import tqdm

    return tqdm(parts, desc="nearest neighbours", delay=SHORT, leave=False)


def _square_norms(points: Points, rows: slice) -> NDArray[np.float64]:
    """Squared distances from the middle of the data."""
    block = points.take(rows) - points.centre
    norms: NDArray[np.float64] = np.einsum("ij,ij->i", block, block)
    return norms


def _working_type(norms: NDArray[np.float64]) -> type[np.floating[Any]]:
    return np.float32 if norms.max() <= MAX_RANGE**2 * np.median(norms) else np.float64


def _compare(
    points: Points,
    left: _Left,
    columns: slice,
    norms: NDArray[np.float64],
    best: _Best,
    dtype: type[np.floating[Any]],
) -> None:
    """Bring `best` up to date with all pairs of a tile."""
    n_rows, k = best.squared.shape
    room = 2 * (k + SPARE)
    bounds = _lower_bounds(points, left, columns, norms, dtype)
    near = bounds <= _limit(left, best.worst, dtype)[:, None]
    _leave_out_self(near, left.start, columns)
    if np.count_nonzero(near) > room * n_rows:
        # Nothing is known yet, or the points come in an order that brings nearer and nearer ones:
        # take the nearest of this tile first, they make the limit a sharp one.
        seen = near & (bounds <= _kth_at_most(bounds, k + 1)[:, None])
        _score(points, left, columns, seen, best)
        near &= bounds <= _limit(left, best.worst, dtype)[:, None]
        near &= ~seen
        crowded = np.flatnonzero(np.count_nonzero(near, axis=1) > room)
        if len(crowded) and dtype is np.float32:
            # Too close together for float32 to tell apart.
            part = left.only(crowded)
            sharper = _lower_bounds(points, part, columns, norms, np.float64)
            near[crowded] &= sharper <= _limit(part, best.worst[crowded], np.float64)[:, None]
    _score(points, left, columns, near, best)


def _leave_out_self(near: BoolArray, start: int, columns: slice) -> None:
    """A point is not its own neighbour."""
    both = np.arange(max(start, columns.start), min(start + len(near), columns.stop))
    near[both - start, both - columns.start] = False


def _score(points: Points, left: _Left, columns: slice, near: BoolArray, best: _Best) -> None:
    """Measure the marked pairs of a tile exactly and keep the best."""
    row, column = np.divmod(np.flatnonzero(near), near.shape[1])
    column += columns.start
    squared = np.empty(len(row))
    for part in blocks(len(row), points.at_once):
        right = points.take(column[part])
        right -= points.centre
        squared[part] = points.squared(left.points[row[part]], right)
    best.add(row, column, squared)


def _lower_bounds(
    points: Points,
    left: _Left,
    columns: slice,
    norms: NDArray[np.float64],
    dtype: type[np.floating[Any]],
) -> NDArray[np.floating[Any]]:
    """|y|² - 2 x·y, less what rounding may add to it and to |x|², for all pairs of a tile.

    A pair can be nearer than `u` (squared) only if this is at most ``_limit(…, u)``.
    """
    n_dimensions = points.n_dimensions
    x = np.empty((len(left.points), n_dimensions + 1), dtype=dtype)
    y = np.empty((len(norms), n_dimensions + 1), dtype=dtype)
    np.multiply(left.points, -2.0, out=x[:, :-1], casting="same_kind")
    x[:, -1] = 1.0
    # Few rows at a time, so that they stay in the cache between the steps.
    for part in blocks(len(norms), max(1, 2**15 // n_dimensions)):
        chunk = points.take(slice(columns.start + part.start, columns.start + part.stop))
        np.subtract(chunk, points.centre, out=y[part, :-1], casting="same_kind")
    y[:, -1] = norms * (1.0 - _slack(n_dimensions, dtype))
    return x @ y.T


def _slack(n_dimensions: int, dtype: type[np.floating[Any]]) -> float:
    """Rounding error of a squared distance, as a share of |x|² + |y|².

    A product of length d is off by at most d·u·|x||y| (Higham, Accuracy and Stability of Numerical
    Algorithms, 2002, eq. 3.5), twice that is at most d·u·(|x|² + |y|²); 16 covers the rounding of
    the points themselves and of the norms.
    """
    return (n_dimensions + 16) * float(np.finfo(dtype).eps) / 2


def _limit(
    left: _Left, worst: NDArray[np.float64], dtype: type[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """The largest lower bound that a pair nearer than `worst` can have, rounded up."""
    n_dimensions = left.points.shape[1]
    limit = worst * (1 + 4 * ROUNDED) - left.norms * (1.0 - _slack(n_dimensions, dtype))
    # Products of tiny numbers underflow: allow for that as well.
    limit += (n_dimensions + 1) * 4.0 * float(np.finfo(dtype).tiny)
    return np.nextafter(limit.astype(dtype), dtype(np.inf))


def _kth_at_most(bounds: NDArray[np.floating[Any]], k: int) -> NDArray[np.floating[Any]]:
    """For each row a value that at least k of its bounds do not exceed, close to the k-th least.

    It is the k-th least of the minima of many small groups of columns: a tenth of the work of a
    partition of all.
    """
    minima = bounds
    while minima.shape[1] >= 16 * k:
        half = minima.shape[1] // 2
        minima = np.minimum(minima[:, :half], minima[:, half : 2 * half])
    if minima.shape[1] < k:
        return np.full(len(bounds), np.inf, dtype=bounds.dtype)
    return np.partition(minima, k - 1, axis=1)[:, k - 1]
