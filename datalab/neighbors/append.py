"""More rows in a graph of neighbours."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab.exceptions import InputError
from datalab.neighbors.exact import SPARE, TREE_DIMENSIONS, Comparison, compared
from datalab.neighbors.graph import GIVEN, KNNGraph
from datalab.neighbors.points import ROUNDED, Points
from datalab.neighbors.product import Bounds, Candidates, candidates
from datalab.neighbors.search import knn_graph, matrix_of
from datalab.neighbors.settle import settled

__all__ = ["appended"]

# Distances that are measured again agree with those that the graph has, up to the rounding of
# features in float32.
AGREE, ROUNDING = 1e-3, 1e-6


def appended(
    graph: KNNGraph, features: Any, *, scale: NDArray[np.float64] | None, progress: bool
) -> KNNGraph:
    """See `KNNGraph.append`."""
    if graph.metric == GIVEN:
        raise InputError(
            "a graph that was given does not say how rows are compared; give the graph of all rows"
        )
    features = matrix_of(features)
    n_old, n_rows, k = graph.n_rows, features.shape[0], graph.k
    if n_rows <= n_old:
        raise InputError(
            f"`features` has {n_rows} rows and the graph {n_old}; give the features of all rows, "
            "first those of the graph, then the new ones"
        )
    comparison = compared(features, graph.metric, scale)
    again = partial(knn_graph, features, k, metric=graph.metric, scale=scale, progress=progress)
    if comparison is None or not isinstance(comparison.points, Points):
        return again()
    points = comparison.points
    bounds = Bounds.of(points)
    squared = points.between(np.repeat(np.arange(n_old), k), graph.indices.ravel())
    _check_agreement(graph, comparison, squared, bounds)
    if points.n_dimensions <= TREE_DIMENSIONS or graph.hidden is not None:
        return again()
    squared = squared.reshape(n_old, k)
    known = Candidates(n_rows, k + SPARE, n_rows)
    known.indices[:n_old, :k] = graph.indices
    known.lower[:n_old, :k] = np.nextafter(squared.astype(np.float32), np.float32(0))
    # Nothing that is farther than the neighbours so far needs to be looked at.
    limit = (squared[:, -1] * (1 + 8 * ROUNDED)).astype(np.float32)
    known.limit[:n_old] = np.nextafter(limit, np.float32(np.inf))
    text = "nearest neighbours of the new rows" if progress else ""
    best = candidates(bounds, k + SPARE, first=n_old, known=known, progress=text)
    indices, squared = settled(bounds, best, k)
    if (squared[:, -1] == 0).any():
        return again()
    distances = comparison.distances(squared).astype(np.float32)
    return KNNGraph(indices, distances, graph.metric, graph.search)


def _check_agreement(
    graph: KNNGraph, comparison: Comparison, squared: NDArray[np.float64], bounds: Bounds
) -> None:
    """Refuse features that are not at the distances that the graph has."""
    typical = float(comparison.distances(np.median(bounds.norms, keepdims=True))[0])
    found = comparison.distances(squared).reshape(graph.distances.shape)
    if not np.allclose(found, graph.distances, rtol=AGREE, atol=ROUNDING * typical):
        raise InputError(
            "the first rows of `features` are not at the distances that the graph has; give the "
            "features and the scale with which they were compared, in the same order"
        )
