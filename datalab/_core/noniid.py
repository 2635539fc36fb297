"""Whether the order of the rows says something about them.

`order_p_value` is the test of Cummings, Snorrason, Mueller: Detecting dataset drift and non-IID
sampling via k-nearest neighbors, ICML workshop on data-centric machine learning research 2023:
near in features, near in order. What is compared is the distance in the order of rows,
``|i - j|``, between rows and their nearest neighbours.

`order_test` looks at more: drift, changing spread and stretches of similar rows each have a
statistic of their own, and the largest of them is compared with that of shuffled rows (P. Westfall,
S. Young: Resampling-based multiple testing, 1993, single-step maxT), so that the rate of false
alarms is the one that is asked for however many statistics there are.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._typing import FloatArray, IndexArray
from datalab.exceptions import NotApplicable

__all__ = ["Order", "index_distances", "order_p_value", "order_scores", "order_test"]

Neighbors = NDArray[np.signedinteger]

# The order is compared with so many random ones: enough for a level of 1 %; with many rows, where
# what is there shows clearly, enough for 2.5 %.
SHUFFLES, FEWER_SHUFFLES, MANY_ROWS = 99, 39, 20_000
# Rows, and pairs of rows, that are worked on at a time.
BLOCK, PAIRS = 8192, 2**18
# Drift and spread are looked for in so many leading components, as waves of so many half periods.
COMPONENTS, WAVES = 6, 3
# Stretches of similar rows are looked for in so many rows to each side.
REACHES = (1, 4, 16)
# What explains the others comes first: where the data moves, rows that follow each other are alike.
PATTERNS = ("drift", "spread", "stretches", "near")


def index_distances(indices: Neighbors) -> IndexArray:
    """How many rows away in order each neighbour stands, shape (N, k)."""
    away: IndexArray = np.abs(indices.astype(np.intp) - np.arange(len(indices))[:, None])
    return away


def order_p_value(
    row: Neighbors, neighbor: Neighbors, n_rows: int, *, num_permutations: int, seed: int
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
    O(P + N) time for each permutation, O(N) memory beside the pairs.
    """
    from scipy.stats import gaussian_kde  # noqa: PLC0415  (scipy is loaded where it is used)

    stream = np.random.RandomState(seed)
    found = _distance_from_random(np.arange(n_rows), row, neighbor)
    shuffled = np.empty(num_permutations)
    for at in range(num_permutations):
        shuffled[at] = _distance_from_random(stream.permutation(n_rows), row, neighbor)
    if np.ptp(shuffled) < 1e-12:
        raise NotApplicable("the neighbours of the rows are the same in every order of the rows")
    return float(np.clip(gaussian_kde(shuffled).integrate_box_1d(found, np.inf), 0.0, 1.0))


def _apart(
    place: IndexArray, row: Neighbors, neighbor: Neighbors
) -> Iterator[tuple[slice, IndexArray]]:
    """How far apart in order pairs are when the rows stand at some places, some at a time."""
    place = place.astype(row.dtype)
    for start in range(0, len(row), PAIRS):
        some = slice(start, start + PAIRS)
        yield some, np.abs(place[row[some]] - place[neighbor[some]])


def _distance_from_random(place: IndexArray, row: Neighbors, neighbor: Neighbors) -> float:
    """Kolmogorov-Smirnov statistic of index distances against those of random pairs of rows.

    Of N (N - 1) / 2 pairs, N - d are d rows apart. With the distances in ascending order, that of
    rank r (from 0) is compared with the share r / P of those before it, as in the reference.
    """
    n_rows = len(place)
    counts = np.zeros(n_rows, dtype=np.intp)
    for _, apart in _apart(place, row, neighbor):
        upto = np.bincount(apart)
        counts[: len(upto)] += upto
    there = np.flatnonzero(counts)
    random = there * (2 * n_rows - there - 1) / (n_rows * (n_rows - 1))
    upto = np.cumsum(counts[there])
    first, last = upto - counts[there], upto - 1  # ranks of equal distances
    below, above = random - first / len(row), last / len(row) - random
    return float(max(below.max(), above.max()))


class Order(NamedTuple):
    """How probable the order of the rows is, and what shows it most.

    Parameters
    ----------
    p_value : float
    pattern : {"near", "stretches", "drift", "spread"}
        Similar rows stand near each other (or far apart); stretches of the data are alike; the
        data moves along the rows; its spread changes along the rows.
    """

    p_value: float
    pattern: str


def order_test(
    row: Neighbors,
    neighbor: Neighbors,
    remoteness: FloatArray,
    features: FloatArray | None,
    *,
    seed: int,
) -> Order:
    """Compare the order of the rows with random orders, in several ways at once.

    Parameters
    ----------
    row, neighbor : ndarray of int, shape (P,)
        Pairs of a row and one of its nearest neighbours.
    remoteness : ndarray of float, shape (N,)
        Mean distance of each row to its neighbours.
    features : ndarray of float, shape (N, M), optional
        Finite.
    seed : int
        Seed of the shuffling.

    Returns
    -------
    Order
        Below 1 / 100 (1 / 40 from 20,000 rows on) the p-value is that of a t distribution,
        corrected for the number of statistics (Bonferroni).

    Raises
    ------
    NotApplicable
        Shuffling changes nothing, as when everybody is everybody's neighbour.

    Notes
    -----
    Statistics of the graph: the mean distance in the order of neighbours; how many stand next to
    each other, or within sqrt(N) / 2 rows; the product of their centred places; the
    products of remoteness with the place and its square (changing spread). Of the leading
    components of the features, as normal scores: low cosine frequencies of values and of absolute
    values along the rows, and products with the sums of 1, 4 and 16 rows to each side. 100 times
    (40 times from 20,000 rows on) O(P + N M'), with M' <= 6 components, and O(N M²) once.

    On normal data of 300 rows in 4 columns and of 1000 rows in 8, at a level of 5 %, with false
    alarms in 4 % of the cases: a spread that grows by 30 % is found in .20 and 1.0 of the cases
    (.15 and .25 by `order_p_value`), a shift of one standard deviation in one column from begin to
    end in .70 and .95 (.45 and .90), a sorted block of a fifth of the rows in .90 and .99 (.25 and
    .29).
    """
    from scipy.stats import t  # noqa: PLC0415

    n_rows = len(remoteness)
    looks = [_graph_look(row, neighbor, remoteness)]
    if features is not None and features.shape[1]:
        looks.append(_feature_look(_normal_scores(features)))
    stream = np.random.default_rng(seed)
    shuffles = SHUFFLES if n_rows <= MANY_ROWS else FEWER_SHUFFLES
    real = np.arange(n_rows)
    patterns = [name for look in looks for name in look(real)[1]]
    told = np.empty((shuffles + 1, len(patterns)))
    for at in range(shuffles + 1):
        order = stream.permutation(n_rows) if at else real
        told[at] = np.concatenate([look(order)[0] for look in looks])
    spread = told.std(axis=0, ddof=1)
    telling = spread > 1e-9 * (np.abs(told).max(axis=0) + 1e-300)
    if not telling.any() and not len(row):
        return Order(1.0, "near")  # all rows are equal, or tied
    if not telling.any():
        raise NotApplicable("the neighbours of the rows are the same in every order of the rows")
    # Standardised with the real order among the others, so that all of them are treated alike.
    z = np.abs(told - told.mean(axis=0))[:, telling] / spread[telling]
    largest = z.max(axis=1)
    p_value = float(np.count_nonzero(largest >= largest[0]) / len(largest))
    most = int(np.flatnonzero(telling)[z[0].argmax()])
    named = [patterns[i] for i in np.flatnonzero(telling)]
    shown = {name for name, far in zip(named, z[0], strict=True) if far >= 0.72 * largest[0]}
    pattern = next(name for name in PATTERNS if name in shown)
    if p_value <= 1 / len(largest):
        others = told[1:, most]
        far = abs(told[0, most] - others.mean()) / others.std(ddof=1)
        tail = 2 * t.sf(far / np.sqrt(1 + 1 / shuffles), shuffles - 1)
        p_value = min(p_value, float(tail) * int(telling.sum()))
    return Order(p_value, pattern)


Look = Callable[[IndexArray], tuple[FloatArray, list[str]]]


def _graph_look(row: Neighbors, neighbor: Neighbors, remoteness: FloatArray) -> Look:
    """Statistics of the neighbours when the rows stand at some places."""
    from scipy.stats import rankdata  # noqa: PLC0415

    n_rows = len(remoteness)
    middle, near = (n_rows - 1) / 2, max(2.0, np.sqrt(n_rows) / 2)
    far = rankdata(remoteness) - (n_rows + 1) / 2
    names = ["near", "stretches", "stretches", "near", "spread", "spread"]

    def look(place: IndexArray) -> tuple[FloatArray, list[str]]:
        centred = place - middle
        total = next_to = around = 0
        product = 0.0
        for some, apart in _apart(place, row, neighbor):
            total += int(apart.sum())
            next_to += int(np.count_nonzero(apart == 1))
            around += int(np.count_nonzero(apart <= near))
            product += float(centred[row[some]] @ centred[neighbor[some]])
        mean = total / max(len(row), 1)
        found = [mean, next_to, around, product, centred @ far, centred**2 @ far]
        return np.array(found, dtype=np.float64), names

    return look


def _normal_scores(features: FloatArray) -> FloatArray:
    """Leading principal components, (M', N), each by the normal quantiles of its ranks."""
    from scipy.special import ndtri  # noqa: PLC0415
    from scipy.stats import rankdata  # noqa: PLC0415

    n_rows, n_columns = features.shape
    blocks = [slice(start, start + BLOCK) for start in range(0, n_rows, BLOCK)]
    centre = features.mean(axis=0, dtype=np.float64)
    squares = np.zeros((n_columns, n_columns))
    for rows in blocks:
        block = (features[rows] - centre).astype(np.float32)
        squares += block.T @ block
    spread = np.sqrt(np.diag(squares))
    scale = np.divide(1.0, spread, out=np.zeros(n_columns), where=spread > 0)
    _, directions = np.linalg.eigh(squares * np.outer(scale, scale))
    leading = directions[:, ::-1][:, :COMPONENTS] * scale[:, None]
    values = np.concatenate([(features[rows] - centre) @ leading for rows in blocks])
    scores: FloatArray = ndtri((rankdata(values.T, axis=1) - 0.5) / n_rows)
    return scores


def _feature_look(scores: FloatArray) -> Look:
    """Statistics of components, (M', N), when the rows stand at some places."""
    n_components, n_rows = scores.shape
    at = (np.arange(n_rows) + 0.5) / n_rows
    waves = np.cos(np.pi * np.outer(at, np.arange(1, WAVES + 1)))
    reaches = [reach for reach in REACHES if 4 * reach < n_rows]
    usual = np.abs(scores).mean(axis=1, keepdims=True)
    per_wave = WAVES * n_components
    names = ["drift"] * per_wave + ["spread"] * per_wave
    names += ["stretches"] * (len(reaches) * n_components)

    def look(place: IndexArray) -> tuple[FloatArray, list[str]]:
        row_at = np.empty(n_rows, dtype=np.intp)
        row_at[place] = np.arange(n_rows)
        values = scores[:, row_at]
        found = [(values @ waves).ravel(), ((np.abs(values) - usual) @ waves).ravel()]
        total = np.cumsum(values, axis=1)
        for reach in reaches:
            inner = values[:, reach + 1 : n_rows - reach]
            around = total[:, 2 * reach + 1 :] - total[:, : -2 * reach - 1]
            found.append(np.einsum("mn,mn->m", inner, around - inner))
        return np.concatenate(found), names

    return look


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
    n_rows = len(distances)
    scores: FloatArray = np.empty(n_rows)
    for start in range(0, n_rows, BLOCK):
        at = np.arange(start, min(start + BLOCK, n_rows))
        scores[at] = _order_scores(distances[at], at, n_rows)
    return scores


def _order_scores(distances: IndexArray, at: IndexArray, n_rows: int) -> FloatArray:
    """Those of the rows at some places."""
    k = distances.shape[1]
    # On both sides there are rows up to `near`, on one side up to `far`.
    near, far = np.minimum(at, n_rows - 1 - at), np.maximum(at, n_rows - 1 - at)
    ends = np.concatenate(
        [np.zeros((len(at), 1)), np.sort(distances, axis=1), far[:, None]], axis=1
    )
    # Twice the integral of the number of rows within a distance: 2 t up to `near`, then near + t.
    beyond = np.maximum(ends - near[:, None], 0.0)
    within = ends - beyond
    others = 2 * within**2 + beyond * (4 * near[:, None] + beyond)
    share = np.diff(others, axis=1) / (2 * (n_rows - 1))
    steps = np.arange(k + 1) / k * np.diff(ends, axis=1)
    area = np.abs(steps - share).sum(axis=1)
    scores: FloatArray = 1.0 - np.tanh(area / np.maximum(at, n_rows - at))
    return scores
