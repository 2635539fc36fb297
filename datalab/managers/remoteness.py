"""How remote rows are, as seen by others than their neighbours: small samples and random cuts.

Distances to neighbours fail where outliers lie together, cosine distance where the length of rows
tells, Euclidean distance where it does not, forests where columns tell only together. Which of
them have a say follows from what the columns are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datalab._core.subsamples import MIN_ROWS, sample_distances
from datalab._typing import FloatArray
from datalab.neighbors.graph import KNNGraph
from datalab.neighbors.metric import (
    STANDARDISED,
    MetricChoice,
    choose_metric,
    share_range,
)

__all__ = ["Columns", "forest_remoteness", "sample_remoteness"]

ROUNDING = 1e-12  # stands for no distance where a logarithm is taken
# Tables have fewer columns than learned representations; the same number decides the metric.
MAX_TABLE_COLUMNS = 31
TREES = 100
# Rows by which features are recognised as those that a graph was made of.
PROBES, TOLERANCE = 50, 1e-3
# Measurements repeat among so many rows, learned numbers hardly ever do; a column in which fewer
# rows differ from the commonest value tells nothing.
LOOK, REPEATED, MIN_OTHERS = 500, 0.5, 10


@dataclass(frozen=True, slots=True)
class Columns:
    """What columns are like. Most of it is the same for their standardised copies.

    Parameters
    ----------
    narrow : bool
        As few as tables have.
    repeat : bool
        Most hold few different values: codes, counts, pixels, rounded numbers. The commonest value
        does not count, as zeros are common in representations as well.
    one_range : bool
        Most end at the same two numbers.
    standardised : bool
        Their standard deviations are equal: of any units, or learned.
    chosen : MetricChoice
    """

    narrow: bool
    repeat: bool
    one_range: bool
    standardised: bool
    chosen: MetricChoice

    @property
    def is_table(self) -> bool:
        """Whether these are surely measurements, not learned."""
        learned = self.chosen.metric == "cosine" or self.standardised
        return self.narrow or self.repeat or not learned

    @classmethod
    def of(cls, features: FloatArray) -> "Columns":
        """Those of features of shape (N, M); O(N M)."""
        lowest, highest = features.min(axis=0), features.max(axis=0)
        varies = highest > lowest
        std = features.std(axis=0, dtype=np.float64)[varies] if varies.any() else np.ones(1)
        return cls(
            narrow=features.shape[1] <= MAX_TABLE_COLUMNS,
            repeat=_repeat(features),
            one_range=bool(varies.any()) and share_range(lowest[varies], highest[varies]),
            standardised=bool(np.ptp(std) < STANDARDISED * std.max()),
            chosen=choose_metric(features),
        )


def _repeat(features: FloatArray) -> bool:
    direction = np.random.default_rng(0).normal(size=features.shape[1])
    key = np.einsum("ij,j->i", features, direction)
    rows = np.unique(np.linspace(0, len(features) - 1, LOOK).astype(np.intp))
    some = features[np.argsort(key, kind="stable")[rows]]  # no matter the order of rows
    shares = []
    for column in some.T:
        counts = np.unique(column, return_counts=True)[1]
        others = len(column) - counts.max()
        if others >= MIN_OTHERS:
            shares.append((len(counts) - 1) / others)
    return not shares or bool(np.median(shares) <= REPEATED)


def sample_remoteness(
    graph: KNNGraph, features: FloatArray, columns: Columns, seed: int, *, one_metric: bool
) -> list[NDArray[np.float64]]:
    """Logarithms of distances to small samples, in the metric of the graph or two of them.

    Of many columns one cannot always be sure whether the direction of a row tells more than its
    length. So Euclidean distances of columns that may have been standardised are joined by those of
    directions, and directions of columns that may not be learned by Euclidean distances.

    Parameters
    ----------
    graph : KNNGraph
    features : ndarray of float, shape (N, M)
    columns : Columns
    seed : int
    one_metric : bool
        The metric of the graph only.

    Returns
    -------
    list of ndarray of shape (N,)
        Empty when the graph was not made from the features, or of fewer rows than samples need.
    """
    compared = _as_compared(graph, features, columns.chosen) if len(features) >= MIN_ROWS else None
    if compared is None:
        return []
    points, by_direction = compared
    found = [_log_distances(points, seed)]
    if one_metric or columns.narrow:
        return found
    if by_direction and (columns.repeat or columns.one_range):
        found.append(_log_distances(features, seed))  # their spreads are comparable as they are
    if not by_direction and columns.standardised:
        found.append(_log_distances(_directions(points), seed))
    return found


def forest_remoteness(features: FloatArray, seed: int) -> NDArray[np.float64]:
    """How soon random cuts isolate each example, larger is sooner; the order of rows is no matter.

    A forest draws rows by their position, so it is grown on sorted rows.

    Parameters
    ----------
    features : ndarray of float, shape (N, M)
    seed : int

    Returns
    -------
    ndarray of float64, shape (N,)
    """
    from sklearn.ensemble import IsolationForest

    order = np.lexsort(features.T[::-1])
    forest = IsolationForest(n_estimators=TREES, random_state=seed).fit(features[order])
    remote: NDArray[np.float64] = -forest.score_samples(features)
    return remote


def _log_distances(points: FloatArray, seed: int) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.maximum(sample_distances(points, seed), ROUNDING))
    return logs


def _as_compared(
    graph: KNNGraph, features: FloatArray, chosen: MetricChoice
) -> tuple[FloatArray, bool] | None:
    """The features such that Euclidean distances order rows as the graph's; None if they do not.

    And whether they are directions. The graph may be of other features, of another metric, or of
    columns in their spreads: what its distances are is seen from them.
    """
    rows = np.unique(np.linspace(0, len(features) - 1, PROBES).astype(np.intp))
    told = graph.distances[rows, 0]
    for points in (chosen.apply(features), features):
        for directions in (chosen.metric == "cosine", chosen.metric != "cosine"):
            some, others = points[rows], points[graph.indices[rows, 0]]
            if directions:
                some, others = _directions(some), _directions(others)
            squares = ((some - others).astype(np.float64) ** 2).sum(axis=1)
            distances = squares / 2 if directions else np.sqrt(squares)
            if np.allclose(distances, told, rtol=TOLERANCE, atol=TOLERANCE * np.median(told)):
                return (_directions(points) if directions else points), directions
    return None


def _directions(points: FloatArray) -> FloatArray:
    length = np.sqrt(np.einsum("ij,ij->i", points, points))[:, None]
    directions: FloatArray = points / np.where(length > 0, length, 1)
    return directions
