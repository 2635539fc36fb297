"""Exact nearest neighbours in bounded memory.

Every distance that is returned comes from differences of coordinates in float64. Which pairs are
worth that is decided by lower bounds of the squared distance, one matrix product in float32: a
pair is passed over only when its bound exceeds the k-th smallest distance, so the neighbours are
exact, whatever the rounding of the product. Cosine distance is half the squared Euclidean distance
of unit vectors, so one search serves both. In few dimensions a k-d tree is faster.
"""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._check import choice, whole_number
from datalab._typing import FloatArray, IndexArray
from datalab.exceptions import InputError
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
from datalab.neighbors.sparse import SparsePoints, by_sparse_product, sparse_points_of

__all__ = [
    "SPARE",
    "TREE_DIMENSIONS",
    "Comparison",
    "Metric",
    "by_sklearn",
    "check_k",
    "compared",
    "exactly",
    "metric_name",
    "nearest",
    "over_all",
]

Metric = str | Callable[..., Any]

# In so few dimensions a k-d tree looks at far fewer pairs than the matrix product.
TREE_DIMENSIONS = 8
# Candidates beyond k, so that ties at the k-th place are seen.
SPARE = 8


def metric_name(metric: Metric) -> str:
    """The name under which a metric is shown; scipy's functions are known by their names."""
    return metric if isinstance(metric, str) else getattr(metric, "__name__", repr(metric))


class Comparison(NamedTuple):
    """Rows as points, and the distances that their squared distances stand for."""

    points: Points | SparsePoints
    cosine: bool

    def distances(self, squared: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distances of the rows from squared distances of the points."""
        if self.cosine:
            return 0.5 * squared
        distances: NDArray[np.float64] = np.sqrt(squared) / self.points.scale
        return distances


def compared(
    features: Any, metric: Metric, columns: NDArray[np.float64] | None = None
) -> Comparison | None:
    """The rows as points, divided by `columns`; None under metrics that are not ours."""
    name = metric_name(metric)
    if name not in ("cosine", "euclidean", "l2"):
        return None
    make = sparse_points_of if hasattr(features, "tocsr") else points_of
    points: Any = make(features, cosine=name == "cosine", columns=columns)
    return Comparison(points, name == "cosine")


def nearest(
    features: FloatArray,
    k: int,
    *,
    metric: Metric = "euclidean",
    memory: int = MEMORY,
    progress: bool = False,
) -> Neighbours:
    """Positions and float64 distances of the k nearest neighbours of every row.

    Parameters
    ----------
    features : ndarray or sparse matrix, shape (N, M)
        Finite.
    k : int
        From 1 to N - 1.
    metric : str or callable
        ``"euclidean"``, ``"cosine"``, or another metric of `sklearn.neighbors.NearestNeighbors`.
    memory : int
        MiB of working memory.
    progress : bool
        Whether a long search shows a progress bar.

    Notes
    -----
    Equal distances are ordered by row number.
    """
    check_k(features, k)
    comparison = compared(features, metric)
    if comparison is None:
        return by_sklearn(features, k, metric)
    text = "nearest neighbours" if progress else ""
    first, which = distinct(comparison.points)
    different = comparison.points.only(first) if len(first) < len(which) else comparison.points
    fewer = min(k, len(first) - 1)
    found = exactly(different, fewer, memory=memory, progress=text)
    (indices, squared), _ = over_all(*found, first, which, k)
    return indices, comparison.distances(squared)


def check_k(features: Any, k: int) -> None:
    """There must be more rows than neighbours, and something to compare."""
    n_rows, n_columns = features.shape
    if whole_number(k, name="k", least=1) >= n_rows:
        raise InputError(
            f"`k` is {k} but there are {n_rows} rows; it must be at least 1 and less than the "
            "number of rows"
        )
    if n_columns == 0:
        raise InputError("`features` has no columns, so rows cannot be compared")


def by_sklearn(features: Any, k: int, metric: Metric) -> Neighbours:
    """Neighbours and distances under any other metric."""
    from sklearn.neighbors import VALID_METRICS, NearestNeighbors

    if not callable(metric):
        # A table of distances is no features, and a function is given as itself.
        known = {*OPTIONS, *chain(*VALID_METRICS.values())} - {"precomputed", "pyfunc"}
        choice(metric, sorted(known), name="metric")
    if metric != "nan_euclidean":
        _refuse_missing(features)
    options = {"metric": metric, **OPTIONS.get(metric_name(metric), lambda _: {})(features)}
    if callable(options["metric"]):
        # Trees pass over rows, which is right only for what keeps the triangle inequality.
        options["algorithm"] = "brute"
    try:
        search = NearestNeighbors(n_neighbors=k + 1, **options).fit(features)
        distances, indices = search.kneighbors(features)
    except (ValueError, TypeError) as error:
        raise InputError(f"`metric` {metric!r} cannot be used: {error}") from error
    if np.isnan(distances).any():
        row = int(np.isnan(distances).sum(axis=1).argmax())
        raise InputError(
            f"`metric` {metric_name(metric)!r} gives no distance (NaN) from row {row} to others; "
            "leave such rows out, or take another metric"
        )
    # The row itself stands anywhere among its copies, or in none of the places.
    others = indices != np.arange(len(indices))[:, None]
    others[others.all(axis=1), -1] = False
    shape = len(indices), k
    indices, distances = indices[others].reshape(shape), distances[others].reshape(shape)
    order = np.lexsort((indices, distances), axis=1)
    indices = np.take_along_axis(indices, order, axis=1).astype(index_type(features.shape[0]))
    return indices, np.take_along_axis(distances, order, axis=1).astype(np.float64)


def _refuse_missing(features: Any) -> None:
    numbers = features.data if hasattr(features, "tocsr") else features
    for rows in blocks(len(numbers), 4096):
        if not np.isfinite(numbers[rows]).all():
            raise InputError(
                "`features` has NaN or infinite values; leave such rows out "
                "(datalab.neighbors.complete_rows) or replace the values"
            )


def _standardised(features: Any) -> dict[str, Any]:
    variance = np.var(np.asarray(features, dtype=np.float64), axis=0, ddof=1)
    return {"metric_params": {"V": np.where(variance > 0, variance, 1.0)}}


def _mahalanobis(features: Any) -> dict[str, Any]:
    covariance = np.atleast_2d(np.cov(np.asarray(features, dtype=np.float64), rowvar=False))
    return {"metric_params": {"VI": np.linalg.pinv(covariance)}}


def _jensenshannon(_: Any) -> dict[str, Any]:
    from scipy.spatial.distance import jensenshannon

    return {"metric": jensenshannon}


# What scikit-learn must be told of metrics that scipy knows, from the features.
OPTIONS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "seuclidean": _standardised,
    "mahalanobis": _mahalanobis,
    "jensenshannon": _jensenshannon,
    "matching": lambda _: {"metric": "hamming"},
}


# Positions of first copies, of what is nearest to them and no copy, and the squared distances.
BehindCopies = tuple[IndexArray, IndexArray, NDArray[np.float64]]


def over_all(
    indices: NDArray[Any],
    squared: NDArray[np.float64],
    first: IndexArray,
    which: IndexArray,
    k: int,
) -> tuple[Neighbours, BehindCopies]:
    """From neighbours among distinct points to those among all, and what copies hide.

    Points with k copies or more have no other neighbours; what is nearest to the first of each such
    set, and no copy, is the second part.
    """
    if len(first) == len(which):
        none = np.empty(0, dtype=np.intp)
        return (indices, squared), (none, none, np.empty(0))
    many = np.flatnonzero(np.bincount(which) > k)
    rows = np.repeat(first[many], indices.shape[1])
    behind = rows, first[indices[many]].ravel(), squared[many].ravel()
    return spread(indices, squared, which, k), behind


def exactly(points: Points | SparsePoints, k: int, *, memory: int, progress: str) -> Neighbours:
    """Neighbours and squared distances of distinct points."""
    if k == 0:
        return np.empty((len(points), 0), index_type(len(points))), np.empty((len(points), 0))
    if isinstance(points, SparsePoints):
        return by_sparse_product(points, k, memory=memory, progress=progress)
    if points.n_dimensions <= TREE_DIMENSIONS:
        return _by_tree(points, k)
    bounds = Bounds.of(points)
    return settled(bounds, candidates(bounds, k + SPARE, memory=memory, progress=progress), k)


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
