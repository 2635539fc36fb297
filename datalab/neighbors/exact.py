"""Exact nearest neighbours in bounded memory.

Every distance that is returned comes from differences of coordinates in float64. Which pairs are
worth that is decided by a cheap lower bound of the squared distance, one matrix product in
float32: a pair is passed over only when its bound exceeds the k-th smallest distance found so far,
so the neighbours are exact, whatever the rounding of the product. Cosine distance is half the
squared Euclidean distance of unit vectors, so one search serves both.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from datalab._typing import FloatArray, IndexArray
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
from datalab.neighbors.product import MEMORY, Bounds, candidates
from datalab.neighbors.settle import settled

__all__ = ["complete_rows", "knn_graph", "nearest"]

Metric = str | Callable[..., Any]

# In so few dimensions a k-d tree looks at far fewer pairs than the matrix product.
TREE_DIMENSIONS = 8
# Candidates beyond k, so that ties at the k-th place are seen.
SPARE = 8


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
    features: FloatArray,
    k: int,
    *,
    metric: Metric = "euclidean",
    memory: int = MEMORY,
    progress: bool = False,
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
    indices, squared = _nearest_points(points, k, memory=memory, progress=progress)
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


def _nearest_points(points: Points, k: int, *, memory: int, progress: bool) -> Neighbours:
    """Neighbours and squared distances; equal points are searched for once."""
    first, which = distinct(points)
    n_distinct = len(first)
    if n_distinct == len(points):
        return _search(points, k, memory=memory, progress=progress)
    fewer = min(k, n_distinct - 1)
    if fewer == 0:
        indices = np.empty((1, 0), dtype=index_type(len(points)))
        squared = np.empty((1, 0))
    else:
        indices, squared = _search(
            replace(points, rows=first), fewer, memory=memory, progress=progress
        )
    return spread(indices, squared, which, k)


def _search(points: Points, k: int, *, memory: int, progress: bool) -> Neighbours:
    if points.n_dimensions <= TREE_DIMENSIONS:
        return _by_tree(points, k)
    bounds = Bounds.of(points)
    told = "nearest neighbours" if progress else ""
    best = candidates(bounds, k + SPARE, memory=memory, progress=told)
    return settled(bounds, best, k)


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
