"""Whether the order of the rows says something about them: near in features, near in order.

Cummings, Snorrason, Mueller: Detecting dataset drift and non-IID sampling via k-nearest neighbors,
ICML workshop on data-centric machine learning research 2023. What is compared is the distance in
the order of rows, ``|i - j|``, between rows and their nearest neighbours.
"""

import numpy as np
from numpy.typing import NDArray

from datalab._typing import FloatArray, IndexArray
from datalab.exceptions import NotApplicable

__all__ = ["index_distances", "order_p_value", "order_scores"]

Neighbors = NDArray[np.signedinteger]


def index_distances(indices: Neighbors) -> IndexArray:
    """How many rows away in order each neighbour stands, shape (N, k)."""
    away: IndexArray = np.abs(indices.astype(np.intp) - np.arange(len(indices))[:, None])
    return away


def order_p_value(
    row: IndexArray, neighbor: IndexArray, n_rows: int, *, num_permutations: int, seed: int
) -> float:
    """How probable such neighbours are when the rows stand in random order.

    Parameters
    ----------
    row, neighbor : ndarray of int, shape (P,)
        Pairs of a row and one of its nearest neighbours.
    n_rows : int
    num_permutations : int
        How often the rows are shuffled; the statistic of the shuffled rows is smoothed by a
        Gaussian kernel (Scott's bandwidth).
    seed : int
        Seed of the shuffling.

    Raises
    ------
    NotApplicable
        Shuffling changes nothing, as when everybody is everybody's neighbour.

    Notes
    -----
    O(P + N) time for each permutation.
    """
    from scipy.stats import gaussian_kde  # noqa: PLC0415  (scipy is loaded where it is used)

    stream = np.random.RandomState(seed)
    found = _distance_from_random(np.abs(row - neighbor), n_rows)
    shuffled = np.empty(num_permutations)
    for at in range(num_permutations):
        place = stream.permutation(n_rows)
        shuffled[at] = _distance_from_random(np.abs(place[row] - place[neighbor]), n_rows)
    if np.ptp(shuffled) < 1e-12:
        raise NotApplicable("the neighbours of the rows are the same in every order of the rows")
    return float(np.clip(gaussian_kde(shuffled).integrate_box_1d(found, np.inf), 0.0, 1.0))


def _distance_from_random(distances: IndexArray, n_rows: int) -> float:
    """Kolmogorov-Smirnov statistic of index distances against those of random pairs of rows.

    Of N (N - 1) / 2 pairs, N - d are d rows apart. With the distances in ascending order, that of
    rank r (from 0) is compared with the share r / P of those before it, as in the reference.
    """
    counts = np.bincount(distances, minlength=n_rows)
    there = np.flatnonzero(counts)
    random = there * (2 * n_rows - there - 1) / (n_rows * (n_rows - 1))
    upto = np.cumsum(counts[there])
    first, last = upto - counts[there], upto - 1  # ranks of equal distances
    below, above = random - first / len(distances), last / len(distances) - random
    return float(max(below.max(), above.max()))


def order_scores(distances: IndexArray) -> FloatArray:
    """How ordinary the places of each row's neighbours are, shape (N,), in (0, 1].

    ``1 - tanh(area / reach)`` with the area between the cumulative distribution of the index
    distances of the row's neighbours and that of all other rows. Between one neighbour and the
    next, what lies above and what lies below cancel out, as in the reference.

    Parameters
    ----------
    distances : ndarray of int, shape (N, k)
        See `index_distances`.

    Notes
    -----
    O(N k log k) time, O(N k) memory.
    """
    n_rows, k = distances.shape
    at = np.arange(n_rows)
    # On both sides there are rows up to `near`, on one side up to `far`.
    near, far = np.minimum(at, n_rows - 1 - at), np.maximum(at, n_rows - 1 - at)
    ends = np.concatenate([np.zeros((n_rows, 1)), np.sort(distances, axis=1), far[:, None]], axis=1)
    # Twice the integral of the number of rows within a distance: 2 t up to `near`, then near + t.
    beyond = np.maximum(ends - near[:, None], 0.0)
    within = ends - beyond
    others = 2 * within**2 + beyond * (4 * near[:, None] + beyond)
    share = np.diff(others, axis=1) / (2 * (n_rows - 1))
    steps = np.arange(k + 1) / k * np.diff(ends, axis=1)
    area = np.abs(steps - share).sum(axis=1)
    scores: FloatArray = 1.0 - np.tanh(area / np.maximum(at, n_rows - at))
    return scores
