"""Groups of rows whose labels a model predicts worse than those of the others."""

from typing import Any, NamedTuple

import numpy as np

from datalab._typing import FloatArray, IndexArray

__all__ = ["Groups", "density_groups", "group_confidence"]


class Groups(NamedTuple):
    """The groups that are large enough, by rising id."""

    ids: IndexArray
    sizes: IndexArray
    confidence: FloatArray  # mean self-confidence of each group
    overall: float  # mean over the rows of all these groups
    ratio: FloatArray  # confidence / overall
    of_row: IndexArray  # place of each row's group in `ids`, -1 for none, shape (N,)


def group_confidence(
    cluster_ids: IndexArray, self_confidence: FloatArray, *, min_size: int
) -> Groups:
    """Mean self-confidence of every group, and how it compares with that of all groups together.

    Parameters
    ----------
    cluster_ids : ndarray of int, shape (N,)
        Group of each row; negative for none.
    self_confidence : ndarray of float, shape (N,)
        Probability of the given label.
    min_size : int
        Smaller groups do not count, nor do their rows.

    Notes
    -----
    O(N log N) time.
    """
    known, place, counts = np.unique(cluster_ids, return_inverse=True, return_counts=True)
    large = (known >= 0) & (counts >= min_size)
    new = np.where(large, np.cumsum(large) - 1, -1)
    of_row = new[place]
    inside = of_row >= 0
    sizes = counts[large]
    totals = np.bincount(
        of_row[inside], weights=self_confidence[inside].astype(np.float64), minlength=len(sizes)
    )
    overall = float(totals.sum() / max(sizes.sum(), 1))
    confidence = totals / np.maximum(sizes, 1)
    ratio = confidence / overall if overall > 0 else np.ones(len(sizes))
    return Groups(known[large], sizes, confidence, overall, ratio, of_row)


def density_groups(near: Any, min_samples: int) -> IndexArray:
    """Density-connected groups of rows, by first member; -1 for rows in none.

    Parameters
    ----------
    near : scipy CSR matrix, shape (N, N)
        Entries are the pairs of rows that are near each other: symmetric, no row with itself.
    min_samples : int
        A row with so many near rows, itself included, is a core of its group.

    Returns
    -------
    ndarray of int, shape (N,)
        Cores that are near each other are of one group; so is what is near to a core, and where
        that is true of several groups, the first of them: what DBSCAN finds.

    Notes
    -----
    O(N + number of pairs), where `sklearn.cluster.DBSCAN` takes several microseconds for a row.

    References
    ----------
    M. Ester et al.: A density-based algorithm for discovering clusters, KDD 1996, definitions 4
    and 5.
    """
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    core = np.diff(near.indptr) + 1 >= min_samples
    ids = np.full(near.shape[0], -1, dtype=np.intp)
    ids[core] = connected_components(near[core][:, core], directed=False)[1]
    edge = np.flatnonzero(~core)
    reached = near[edge][:, core]
    touches = np.flatnonzero(np.diff(reached.indptr))
    if len(touches):
        groups = ids[core][reached.indices]
        ids[edge[touches]] = np.minimum.reduceat(groups, reached.indptr[touches])
    return ids
