import numpy as np
import pytest

from datalab.data_valuation import data_shapley_knn
from datalab.exceptions import InputError, InputTypeError
from datalab.neighbors import knn_graph


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 80)
    return labels, rng.normal(size=(80, 4)) + 3 * labels[:, None]


def test_wrong_labels_are_worth_less(data):
    labels, features = data
    given = labels.copy()
    given[:5] = (given[:5] + 1) % 3
    values = data_shapley_knn(given, features=features, metric="euclidean")
    assert values.shape == (80,)
    assert values[:5].max() <= 0.5
    assert values[:5].mean() < values[5:].mean()


def test_graph_and_features_agree(data):
    labels, features = data
    expected = data_shapley_knn(labels, features=features)
    graph = knn_graph(features, k=15, metric="cosine")
    assert np.array_equal(data_shapley_knn(labels, knn_graph=graph.to_csr()), expected)
    assert np.array_equal(data_shapley_knn(labels, knn_graph=graph), expected)
    # The graph wins over features.
    both = data_shapley_knn(labels, knn_graph=graph, features=features[:, :1])
    assert np.array_equal(both, expected)


def test_any_array_like(data):
    labels, features = data
    expected = data_shapley_knn(labels, features=features, k=3)
    got = data_shapley_knn(labels.tolist(), features=features.tolist(), k=3)
    assert np.array_equal(got, expected)


def test_linear_in_the_number_of_rows():
    n_rows, k = 300_000, 3
    rng = np.random.default_rng(0)
    features = np.sort(rng.normal(size=(n_rows, 1)), axis=0)
    values = data_shapley_knn(np.arange(n_rows) // 1000 % 7, features=features, k=k)
    assert values.shape == (n_rows,)


def test_bad_input(data):
    labels, features = data
    with pytest.raises(InputError, match="got neither"):
        data_shapley_knn(labels)
    with pytest.raises(InputError, match="`k` is 80 but there are 80 rows"):
        data_shapley_knn(labels, features=features, k=80)
    with pytest.raises(InputError, match="`knn_graph` has 5 neighbours"):
        data_shapley_knn(labels, knn_graph=knn_graph(features, k=5))
    with pytest.raises(InputError, match="`labels` has 79 rows, `features` has 80 rows"):
        data_shapley_knn(labels[:-1], features=features)
    with pytest.raises(InputError, match="80 rows but the dataset has 79"):
        data_shapley_knn(labels[:-1], knn_graph=knn_graph(features, k=5))
    with pytest.raises(InputError, match=r"integers 0\.\.K-1"):
        data_shapley_knn(np.array(["a", "b"])[labels % 2], features=features)
    with pytest.raises(InputTypeError, match="`knn_graph` must be a scipy sparse matrix"):
        data_shapley_knn(labels, knn_graph=np.ones((80, 80)))
