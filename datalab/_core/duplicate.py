"""Examples that are nearly the same as others.

Two examples are near duplicates when their distance is below a share of the median distance to
the nearest neighbour.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._typing import BoolArray, FloatArray, IndexArray

__all__ = [
    "EQUAL",
    "Pairs",
    "centrality",
    "components",
    "copy_scores",
    "duplicate_pairs",
    "equal_neighbours",
    "kept_rows",
    "pairs_of",
    "set_ids",
    "sets_of",
    "typical",
]

# Distances below this are those of equal examples; the median distance is never taken for less
# than MIN_MEDIAN, so that a data set of copies has one scale.
EQUAL = 1e-8
MIN_MEDIAN = 1e-6
# Sets of copies list each other completely up to this many pairs for each example of the data.
PAIRS_PER_ROW, MIN_PAIRS = 20, 2_000_000
# Features are compared so many numbers at a time.
BLOCK_VALUES = 4_000_000


class Pairs(NamedTuple):
    """Pairs of rows that are near duplicates, in both directions; each of shape (number,)."""

    left: IndexArray
    right: IndexArray
    length: FloatArray


def typical(nearest: FloatArray) -> float:
    """The median distance to the nearest neighbour, at least 1e-6."""
    return max(float(np.median(nearest.astype(np.float64))), MIN_MEDIAN)


def copy_scores(nearest: FloatArray, median: float) -> NDArray[np.float64]:
    """1 - exp(-distance / median) of the nearest neighbour, shape (N,); 0 for exact copies."""
    distances = nearest.astype(np.float64)
    scores = -np.expm1(-distances / median)
    scores[distances < EQUAL] = 0.0
    return scores


def duplicate_pairs(
    indices: NDArray[np.signedinteger],
    distances: FloatArray,
    close: BoolArray,
    more: Pairs | None = None,
) -> Pairs:
    """All pairs (row, near duplicate), in both directions, by row and then from near to far.

    Parameters
    ----------
    indices, distances : ndarray of shape (N, k)
        The nearest neighbours of each example, near to far.
    close : ndarray of bool, shape (N, k)
        Which of them are near duplicates.
    more : Pairs, optional
        Near duplicates that stand in no list of neighbours, each pair once.

    Notes
    -----
    O(N k log N). Exact copies of an example, however many, all stand in its set although only k
    of them are its neighbours; in huge sets of copies (see `PAIRS_PER_ROW`) only the neighbours
    do. `set_ids` is complete in either case.
    """
    n_rows = len(indices)
    row, column = np.nonzero(close)
    other = indices[row, column].astype(np.intp)
    length = distances[row, column]
    copies = _copies(row[length == 0], other[length == 0], n_rows, indices.shape[1])
    if more is not None:
        row, other = np.append(row, more.left), np.append(other, more.right)
        length = np.append(length, more.length.astype(length.dtype))
    left = np.concatenate([row, other, copies[0]])
    right = np.concatenate([other, row, copies[1]])
    length = np.concatenate([length, length, np.zeros(len(copies[0]), dtype=length.dtype)])
    _, first = np.unique(left * n_rows + right, return_index=True)
    order = first[np.lexsort((right[first], length[first], left[first]))]
    return Pairs(left[order], right[order], length[order])


def equal_neighbours(
    features: FloatArray, indices: NDArray[np.signedinteger], close: BoolArray
) -> BoolArray:
    """Which of the close neighbours have exactly the features of the row, shape (N, k).

    Parameters
    ----------
    features : ndarray of shape (N, M)
    indices : ndarray of int, shape (N, k)
    close : ndarray of bool, shape (N, k)
        Neighbours that come into question.

    Notes
    -----
    O(P M) time and O(N k) memory for P close neighbours.
    """
    row, column = np.nonzero(close)
    equal = np.zeros(close.shape, dtype=bool)
    block = max(1, BLOCK_VALUES // max(features.shape[1], 1))
    for start in range(0, len(row), block):
        mine = row[start : start + block], column[start : start + block]
        equal[mine] = (features[mine[0]] == features[indices[mine]]).all(axis=1)
    return equal


def _copies(
    row: IndexArray, other: IndexArray, n_rows: int, k: int
) -> tuple[IndexArray, IndexArray]:
    """All pairs among exact copies where there are more of them than neighbours."""
    group = components(row, other, n_rows)
    sizes = np.bincount(group)
    many = np.flatnonzero(sizes > k + 1)
    many = many[np.argsort(sizes[many], kind="stable")]
    affordable = np.cumsum(sizes[many] ** 2) <= max(MIN_PAIRS, PAIRS_PER_ROW * n_rows)
    many = many[affordable]
    if not len(many):
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    members = np.argsort(group, kind="stable")
    ends = np.cumsum(sizes)
    lists = [members[ends[g] - sizes[g] : ends[g]] for g in many]
    left = np.concatenate([np.repeat(rows, len(rows)) for rows in lists])
    right = np.concatenate([np.tile(rows, len(rows)) for rows in lists])
    return left[left != right], right[left != right]


def components(left: IndexArray, right: IndexArray, n_rows: int) -> IndexArray:
    """Which connected component each row belongs to."""
    # Only here, and slow to import.
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    edges = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(n_rows, n_rows))
    component: IndexArray = connected_components(edges, directed=False)[1].astype(np.intp)
    return component


def sets_of(pairs: Pairs, n_rows: int) -> list[IndexArray]:
    """The near duplicates of each row, near to far: a list of N arrays, empty where none."""
    rows, starts = np.unique(pairs.left, return_index=True)
    sets: list[IndexArray] = [np.empty(0, dtype=np.intp)] * n_rows
    for row, members in zip(rows.tolist(), np.split(pairs.right, starts[1:]), strict=False):
        sets[row] = members
    return sets


def set_ids(pairs: Pairs, n_rows: int) -> IndexArray:
    """Number of the set each row belongs to, by first row; -1 for rows without near duplicates.

    A set is a connected component: near duplicates of near duplicates belong to it.
    """
    component = components(pairs.left, pairs.right, n_rows)
    in_set = np.zeros(n_rows, dtype=bool)
    in_set[pairs.left] = True
    ids = np.full(n_rows, -1, dtype=np.intp)
    _, first, which = np.unique(component[in_set], return_index=True, return_inverse=True)
    ids[in_set] = np.argsort(np.argsort(first))[which]
    return ids


def pairs_of(sets: Sequence[IndexArray], rows: IndexArray) -> Pairs:
    """The pairs that `sets_of` laid out, with unknown distances.

    Parameters
    ----------
    sets : sequence of N arrays of int
        The near duplicates of each row, by position.
    rows : ndarray of int, shape (N,)
        The position of each row, ascending.
    """
    sizes = [len(one) for one in sets]
    left = np.repeat(np.arange(len(sets)), sizes)
    others = np.concatenate([np.asarray(one, dtype=np.intp) for one in sets]) if len(left) else left
    return Pairs(left, np.searchsorted(rows, others), np.full(len(left), np.nan))


def centrality(pairs: Pairs, ids: IndexArray, radius: float) -> NDArray[np.float64]:
    """How central each row is to its set, shape (N,): minus the sum of distances to its members.

    The most central one is the medoid. Members that are not linked count as `radius` away, the
    least they can be apart unless more of them are close than there are neighbours.
    """
    n_rows = len(ids)
    total = np.bincount(pairs.left, weights=pairs.length, minlength=n_rows)
    linked = np.bincount(pairs.left, minlength=n_rows)
    sizes = np.bincount(ids + 1)
    sizes[0] = 1  # rows in no set stand alone
    central: NDArray[np.float64] = -(total + radius * (sizes[ids + 1] - 1 - linked))
    return central


def kept_rows(ids: IndexArray, goodness: FloatArray | None = None) -> BoolArray:
    """Which rows stay when one of each set is kept, shape (N,): all rows in no set do.

    Parameters
    ----------
    ids : ndarray of int, shape (N,)
        Set of each row, -1 for none.
    goodness : ndarray of float, shape (N,), optional
        The best member of each set is kept, of equally good ones the first; by default the first.
    """
    order = np.argsort(ids, kind="stable") if goodness is None else np.lexsort((-goodness, ids))
    keep = ids < 0
    _, first = np.unique(ids[order], return_index=True)
    keep[order[first]] = True
    return keep
