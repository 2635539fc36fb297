"""More rows in a graph of neighbours."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab.exceptions import InputError
from datalab.neighbors.exact import SPARE, TREE_DIMENSIONS, compared
from datalab.neighbors.graph import KNNGraph
from datalab.neighbors.points import ROUNDED, Points
from datalab.neighbors.product import Bounds, Candidates, candidates
from datalab.neighbors.search import knn_graph
from datalab.neighbors.settle import settled

__all__ = ["appended"]

# Distances that are measured again agree with those that the graph has, up to the rounding of
# features in float32.
AGREE, ROUNDING = 1e-3, 1e-6


def appended(
    graph: KNNGraph, features: Any, *, scale: NDArray[np.float64] | None, progress: bool
) -> KNNGraph:
    """See `KNNGraph.append`."""
    n_old, n_rows, k = graph.n_rows, features.shape[0], graph.k
    if n_rows <= n_old:
        raise InputError(
            f"`features` has {n_rows} rows and the graph {n_old}; give the features of all rows, "
            "first those of the graph, then the new ones"
        )
    comparison = compared(features, graph.metric, scale)
    if (
        comparison is None
        or not isinstance(comparison.points, Points)
        or comparison.points.n_dimensions <= TREE_DIMENSIONS
        or graph.hidden is not None
    ):
        return knn_graph(features, k, metric=graph.metric, scale=scale, progress=progress)
    points = comparison.points
    rows = np.repeat(np.arange(n_old), k)
    squared = points.between(rows, graph.indices.ravel()).reshape(n_old, k)
    bounds = Bounds.of(points)
    typical = float(comparison.distances(np.median(bounds.norms, keepdims=True))[0])
    again = comparison.distances(squared)
    if not np.allclose(again, graph.distances, rtol=AGREE, atol=ROUNDING * typical):
        raise InputError(
            "the first rows of `features` are not at the distances that the graph has; give the "
            "features and the scale with which they were compared, in the same order"
        )
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
        return knn_graph(features, k, metric=graph.metric, scale=scale, progress=progress)
    distances = comparison.distances(squared).astype(np.float32)
    return KNNGraph(indices, distances, graph.metric, graph.search)
