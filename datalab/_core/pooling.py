"""One score for a group of scores: near the lowest, so that one bad member is seen."""

import numpy as np

from datalab._typing import FloatArray, IndexArray

__all__ = ["softmin"]


def softmin(scores: FloatArray, group: IndexArray, n_groups: int, temperature: float) -> FloatArray:
    """Mean of each group, weighted by softmax((1 - score) / temperature).

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Scores of all members.
    group : ndarray of shape (n,), int
        The group of each member, 0..n_groups-1.
    n_groups : int
    temperature : float
        Towards 0 the result is the lowest score (exactly so for 0 and below), towards infinity
        the mean.

    Returns
    -------
    ndarray of shape (n_groups,)
        1 for a group without members.
    """
    lowest = np.full(n_groups, np.inf)
    np.minimum.at(lowest, group, scores)
    pooled = np.where(np.isinf(lowest), 1.0, lowest)
    if temperature <= 0:
        return pooled
    # Distances to the lowest score: no overflow, and at least one weight is 1.
    above = scores.astype(np.float64) - pooled[group]
    weights = np.exp(-above / temperature)
    total = np.bincount(group, weights=weights, minlength=n_groups)
    excess = np.bincount(group, weights=weights * above, minlength=n_groups)
    return pooled + np.divide(excess, total, out=np.zeros(n_groups), where=total > 0)
