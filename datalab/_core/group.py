"""Groups of rows whose labels a model predicts worse than those of the others."""

from typing import NamedTuple

import numpy as np

from datalab._typing import FloatArray, IndexArray

__all__ = ["Groups", "group_confidence"]


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
