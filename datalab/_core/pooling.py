"""One score for a group of scores: near the lowest, so that one bad member is seen."""

import numpy as np

from datalab._typing import FloatArray, IndexArray

__all__ = ["COLDEST", "lowest", "softmin"]

COLDEST = 1e-6  # temperatures below it count as this one


def lowest(scores: FloatArray, group: IndexArray, n_groups: int) -> FloatArray:
    """Lowest score of each group, shape (n_groups,); 1 for a group without members.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Scores of all members, at most 1.
    group : ndarray of shape (n,), int
        The group of each member, 0..n_groups-1.
    n_groups : int
    """
    low = np.ones(n_groups)
    np.minimum.at(low, group, scores)
    return low


def softmin(scores: FloatArray, group: IndexArray, n_groups: int, temperature: float) -> FloatArray:
    """Mean of each group, weighted by softmax((1 - score) / temperature); shape (n_groups,).

    Parameters
    ----------
    scores, group, n_groups
        As in `lowest`.
    temperature : float
        Towards 0 the result is the lowest score, towards infinity the mean.

    Returns
    -------
    ndarray of shape (n_groups,)
        1 for a group without members.
    """
    low = lowest(scores, group, n_groups)
    # Distances to the lowest score: no overflow, and at least one weight is 1.
    above = scores.astype(np.float64) - low[group]
    weights = np.exp(-above / max(temperature, COLDEST))
    total = np.bincount(group, weights=weights, minlength=n_groups)
    excess = np.bincount(group, weights=weights * above, minlength=n_groups)
    mean: FloatArray = low + excess / np.maximum(total, 1.0)  # a group without members has 0 / 1
    return mean
