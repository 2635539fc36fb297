"""Data valuation side by side with cleanlab 2.9.0."""

import warnings

import numpy as np
import pytest

from datalab.data_valuation import data_shapley_knn
from datalab.neighbors import knn_graph


def reference(*arguments, **options):
    from cleanlab.data_valuation import data_shapley_knn as function

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


@pytest.mark.parametrize("n_classes", [1, 2, 10, 200])
@pytest.mark.parametrize(("n_rows", "n_columns"), [(60, 2), (100, 4), (300, 3), (400, 20)])
def test_features(n_rows, n_columns, n_classes):
    rng = np.random.default_rng(n_rows)
    labels = rng.integers(0, n_classes, n_rows)
    features = rng.normal(size=(n_rows, n_columns)) + labels[:, None] * 0.5
    for k in (1, 2, 10, n_rows - 1):
        ours = data_shapley_knn(labels, features=features, k=k)
        theirs = reference(labels, features=features, k=k)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    for metric in ("euclidean", "cosine", "manhattan"):
        ours = data_shapley_knn(labels, features=features, metric=metric)
        theirs = reference(labels, features=features, metric=metric)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("missing", [False, True])
def test_graph(missing):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 150)
    if missing:
        labels[labels == 2] = 3
    features = rng.normal(size=(150, 5)).astype(np.float32)
    features[:4] = features[4]
    graph = knn_graph(features, k=20).to_csr()
    for k in (1, 5, 10, 20):
        ours = data_shapley_knn(labels, knn_graph=graph, k=k)
        np.testing.assert_allclose(ours, reference(labels, knn_graph=graph, k=k), atol=1e-12)


def test_errors_are_value_errors_in_both():
    labels, features = np.arange(20) % 2, np.random.default_rng(0).normal(size=(20, 2))
    for function in (data_shapley_knn, reference):
        with pytest.raises(ValueError, match="features"):
            function(labels)
        with pytest.raises(ValueError, match="20"):
            function(labels, features=features, k=20)
