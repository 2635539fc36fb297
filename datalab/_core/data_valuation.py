"""How much each example contributes to a k-nearest-neighbour classifier.

Jia et al.: Efficient task-specific data valuation for nearest neighbor algorithms, PVLDB 12 (2019)
section 3, theorem 1 (KNN-Shapley), here leave-one-out: every example is a test point of all others.
"""

import numpy as np
from numpy.typing import NDArray

from datalab._typing import Codes

__all__ = ["knn_shapley"]


def knn_shapley(labels: Codes, indices: NDArray[np.signedinteger]) -> NDArray[np.float64]:
    """Mean Shapley value of each example, mapped to [0, 1]; 0.5 contributes nothing.

    Parameters
    ----------
    labels : Codes of shape (N,)
    indices : ndarray of int, shape (N, k)
        The nearest neighbours of each example, near to far.

    Notes
    -----
    The recursion s(j) = s(j+1) + (match(j) - match(j+1)) / k with s(k) = 0 telescopes to
    s(j) = (match(j) - match(k)) / k, where match(j) says whether the j-th neighbour of a test
    point has its label. The sums are of integers, so they do not depend on the order of rows.
    O(N k) time and memory.
    """
    n_rows, k = indices.shape
    match = (labels[indices] == labels[:, None]).astype(np.int8)
    gain = match - match[:, -1:]
    total = np.bincount(indices.ravel(), weights=gain.ravel(), minlength=n_rows)
    value: NDArray[np.float64] = 0.5 * (total / (k * n_rows) + 1.0)
    return value
