"""How much each example contributes to a classifier."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import class_codes, feature_matrix, same_length
from datalab._core.data_valuation import knn_shapley
from datalab.exceptions import InputError
from datalab.neighbors.exact import Metric, nearest
from datalab.neighbors.graph import KNNGraph
from datalab.neighbors.metric import reference_metric

__all__ = ["data_shapley_knn"]


def data_shapley_knn(
    labels: ArrayLike,
    *,
    features: ArrayLike | None = None,
    knn_graph: Any = None,
    metric: Metric | None = None,
    k: int = 10,
) -> NDArray[np.float64]:
    """Shapley value of each example for a k-nearest-neighbour classifier.

    Parameters
    ----------
    labels : array-like of shape (N,)
        Class labels, integers 0..K-1.
    features : array-like of shape (N, M), optional
        Numeric features; needed without `knn_graph`.
    knn_graph : scipy sparse matrix of shape (N, N), optional
        Distances to at least `k` neighbours in every row, ascending; used instead of features.
    metric : str or callable, optional
        Of `sklearn.neighbors.NearestNeighbors`; by default cosine above three columns, else
        Euclidean.
    k : int
        Number of neighbours, below N.

    Returns
    -------
    ndarray of float64, shape (N,)
        In [0, 1]: above 0.5 the example helps to predict the labels of others, below it misleads.

    Raises
    ------
    InputError
        Neither features nor graph, different lengths, or `k` out of range.

    Notes
    -----
    O(N k) time and memory, after the search for neighbours when features are given.

    References
    ----------
    R. Jia et al.: Efficient task-specific data valuation for nearest neighbor algorithms, PVLDB 12
    (2019), theorem 1.

    Examples
    --------
    >>> data_shapley_knn([0, 1, 0, 1, 0], features=[[0], [1], [2], [3], [4]], k=4)
    array([0.5 , 0.45, 0.5 , 0.45, 0.5 ])
    """
    codes = class_codes(labels)
    if knn_graph is not None:
        graph = KNNGraph.from_csr(knn_graph, n_rows=len(codes))
        if not 1 <= k <= graph.k:
            raise InputError(
                f"`k` is {k}, but `knn_graph` has {graph.k} neighbours in every row; lower k, or "
                "give a graph with more neighbours"
            )
        return knn_shapley(codes, graph.first(k).indices)
    if features is None:
        raise InputError("give `features` or `knn_graph`; got neither")
    checked = feature_matrix(features)
    same_length(labels=codes, features=checked)
    indices, _ = nearest(checked, k, metric=metric or reference_metric(checked))
    return knn_shapley(codes, indices)
