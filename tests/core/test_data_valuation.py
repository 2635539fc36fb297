import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._check import class_codes
from datalab._core.data_valuation import knn_shapley
from datalab.neighbors import knn_graph


def by_recursion(labels, indices):
    """The recursion of the paper, row by row."""
    n_rows, k = indices.shape
    total = np.zeros(n_rows)
    for row, neighbours in enumerate(indices):
        match = (labels[neighbours] == labels[row]).astype(float)
        value = np.zeros(k)
        for j in range(k - 2, -1, -1):
            value[j] = value[j + 1] + (match[j] - match[j + 1]) / k
        total[neighbours] += value
    return 0.5 * (total / n_rows + 1)


def test_by_hand():
    labels = class_codes([0, 0, 1])
    indices = np.array([[1, 2], [0, 2], [1, 0]])
    # Rows 0 and 1 help each other: (1 - 0) / 2 each; the neighbours of row 2 never match.
    np.testing.assert_allclose(knn_shapley(labels, indices), 0.5 * (np.array([1, 1, 0]) / 6 + 1))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(2, 40), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_equals_the_recursion(n_rows, n_classes, seed):
    rng = np.random.default_rng(seed)
    labels = class_codes(rng.integers(0, n_classes, n_rows))
    features = rng.normal(size=(n_rows, 3))
    k = int(rng.integers(1, n_rows))
    values = knn_shapley(labels, knn_graph(features, k=k).indices)
    np.testing.assert_allclose(values, by_recursion(labels, knn_graph(features, k=k).indices))
    assert ((values >= 0) & (values <= 1)).all()
    order = rng.permutation(n_rows)
    moved = knn_shapley(class_codes(labels[order]), knn_graph(features[order], k=k).indices)
    assert np.array_equal(moved, values[order])
    renamed = class_codes(rng.permutation(n_classes)[labels])
    assert np.array_equal(knn_shapley(renamed, knn_graph(features, k=k).indices), values)
