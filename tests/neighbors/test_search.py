import numpy as np
import pytest
from scipy.sparse import coo_matrix, csr_array, csr_matrix
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import NearestNeighbors

from datalab.exceptions import InputError, MissingDependency
from datalab.neighbors import (
    complete_rows,
    exact_groups,
    filled_columns,
    in_words,
    knn_graph,
    search,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def same(graph, other):
    assert np.array_equal(graph.indices, other.indices)
    assert np.array_equal(graph.distances, other.distances)


# Inputs that are not what one thinks of ----------------------------------------------------------


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("shape", [(40, 1), (40, 5), (40, 300)])
@pytest.mark.parametrize("value", [0.0, 1.0, -3.7, 1e30])
def test_all_rows_equal(metric, shape, value):
    graph = knn_graph(np.full(shape, value), k=10, metric=metric)
    assert (graph.distances == 0).all()
    assert graph.indices[0].tolist() == list(range(1, 11))
    assert graph.indices[39].tolist() == list(range(10))
    assert graph.hidden is None
    same(graph, knn_graph(np.full(shape, value), k=10, metric=metric, engine="approximate"))


@pytest.mark.parametrize("dtype", ["float16", "float32", "uint8", "int16", "int64", "bool"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
def test_kinds_of_numbers(rng, dtype, metric):
    features = rng.integers(0, 2 if dtype == "bool" else 100, size=(120, 15))
    before = features.astype(dtype)
    graph = knn_graph(before, k=5, metric=metric)
    same(graph, knn_graph(features.astype(np.float64), k=5, metric=metric))
    assert np.array_equal(before, features.astype(dtype))


@pytest.mark.parametrize("dtype", ["uint8", "float16", "int32"])
def test_scaled_columns(rng, dtype):
    features = rng.integers(0, 200, size=(100, 12)).astype(dtype)
    scale = rng.uniform(0.1, 9, size=12)
    for metric in ("euclidean", "cosine", "chebyshev"):
        graph = knn_graph(features, k=4, metric=metric, scale=scale)
        same(graph, knn_graph(features.astype(np.float64) / scale, k=4, metric=metric))


def test_one_column(rng):
    features = rng.permutation(300).astype(float)[:, None] ** 2
    graph = knn_graph(features, k=3)
    expected = NearestNeighbors(n_neighbors=3).fit(features).kneighbors()[0]
    np.testing.assert_allclose(graph.distances, expected)
    assert set(np.unique(knn_graph(features, k=3, metric="cosine").distances)) <= {0.0, 1.0}


def test_memory_maps_and_views(rng, tmp_path):
    features = rng.normal(size=(200, 30)).astype(np.float32)
    np.save(tmp_path / "x.npy", features)
    wide = np.zeros((400, 60), dtype=np.float32)
    wide[::2, ::2] = features
    for other in (
        np.load(tmp_path / "x.npy", mmap_mode="r"),
        wide[::2, ::2],
        features[::-1][::-1],
        features.T.copy().T,
        features.tolist(),
    ):
        same(knn_graph(other, k=5, metric="cosine"), knn_graph(features, k=5, metric="cosine"))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("convert", [np.asarray, csr_matrix])
def test_missing_values_are_refused(rng, metric, bad, convert):
    features = rng.normal(size=(30, 9))
    features[4, 2] = bad
    with pytest.raises(InputError, match="NaN or infinite"):
        knn_graph(convert(features), k=3, metric=metric)


def test_masked_values_are_refused(rng):
    features = np.ma.masked_less(rng.normal(size=(30, 9)), -2)
    with pytest.raises(InputError, match="`features` has masked values; pass features.filled"):
        knn_graph(features, k=3)
    whole = np.ma.masked_less(features.data, -100)
    same(knn_graph(whole, k=3), knn_graph(features.data, k=3))


def test_fewer_rows_than_neighbours():
    with pytest.raises(InputError, match="`k` is 10 but there are 5 rows"):
        knn_graph(np.eye(5), k=10)
    assert knn_graph(np.eye(5), k=4).indices[2].tolist() == [0, 1, 3, 4]


def test_unknown_options():
    for option, value in (("engine", "fast"), ("device", "gpu"), ("memory", 0), ("recall", 2)):
        with pytest.raises(InputError, match=f"`{option}`"):
            knn_graph(np.eye(5), k=2, **{option: value})


@pytest.mark.parametrize("k", [2.5, "3", True, None])
def test_numbers_of_neighbours_that_are_none(k):
    with pytest.raises(InputError, match="`k`"):
        knn_graph(np.eye(5), k=k)


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (np.ones(4), r"one number for each of the 5 columns, got shape \(4,\)"),
        ([1, 1, 0, 1, 1], "0.0 in column 2"),
        ([1, -1, 1, 1, 1], "-1.0 in column 1"),
        ([1, 1, 1, 1, np.nan], "nan in column 4"),
    ],
)
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_scales_that_are_none(scale, message, metric):
    with pytest.raises(InputError, match=f"`scale`.*{message}"):
        knn_graph(np.eye(5), k=2, scale=scale, metric=metric)


@pytest.mark.parametrize(
    "metric",
    [
        *("braycurtis", "canberra", "chebyshev", "cityblock", "correlation", "cosine", "dice"),
        *("euclidean", "hamming", "jaccard", "jensenshannon", "mahalanobis", "minkowski"),
        *("rogerstanimoto", "russellrao", "seuclidean", "sokalsneath", "sqeuclidean", "yule"),
    ],
)
def test_metrics_of_scipy(rng, metric):
    features = rng.random((60, 6)) + 0.1
    if metric in {"dice", "jaccard", "rogerstanimoto", "russellrao", "sokalsneath", "yule"}:
        features = rng.random((60, 16)) < 0.5
    distances = squareform(pdist(features, metric))
    np.fill_diagonal(distances, np.inf)
    graph = knn_graph(features, k=5, metric=metric)
    np.testing.assert_allclose(graph.distances, np.sort(distances)[:, :5], rtol=1e-5, atol=1e-7)
    assert graph.metric == metric


def test_own_functions_need_not_be_metrics(rng):
    features = rng.normal(size=(200, 3))

    def dissimilarity(x, y):
        return float(np.abs(x - y).max() ** 3 - x @ y)

    graph = knn_graph(features, k=4, metric=dissimilarity)
    distances = cdist(features, features, dissimilarity)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_allclose(graph.distances, np.sort(distances)[:, :4], rtol=1e-5, atol=1e-6)
    assert graph.metric == "dissimilarity"


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("correlation", "'correlation' gives no distance .NaN. from row 7 to others"),
        (lambda x, y: np.nan, "gives no distance"),
        (lambda x: 0.0, "cannot be used: .*takes 1 positional argument"),
        ("Euclidean", "is 'Euclidean'; did you mean 'euclidean'"),
        ("precomputed", "is 'precomputed'; known: .*braycurtis"),
        (3, "is 3; known: "),
    ],
)
def test_metrics_that_cannot_be_used(rng, metric, message):
    features = rng.normal(size=(30, 6))
    features[7] = 1.0
    with pytest.raises(InputError, match=f"`metric`.*{message}"):
        knn_graph(features, k=29 if metric == "correlation" else 3, metric=metric)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("convert", [np.asarray, csr_matrix])
def test_missing_values_under_other_metrics(rng, bad, convert):
    features = rng.normal(size=(30, 9))
    features[4, 2] = bad
    with pytest.raises(InputError, match="`features` has NaN or infinite"):
        knn_graph(convert(features), k=3, metric="manhattan")


def test_one_hot_rows_are_all_ties():
    graph = knn_graph(np.eye(300), k=5)
    assert (graph.indices[7] == np.arange(5)).all()
    assert graph.indices[2].tolist() == [0, 1, 3, 4, 5]
    np.testing.assert_allclose(graph.distances, 2**0.5)


# Sparse matrices ---------------------------------------------------------------------------------


def sparse_rows(rng, n_rows=150, n_columns=40):
    dense = np.where(rng.random((n_rows, n_columns)) < 0.15, rng.gamma(1, size=(n_rows, 1)), 0)
    dense[20:35] = dense[3]
    dense[40:45] = 0
    dense[50] = 2 * dense[51]
    return dense


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("kind", [csr_matrix, csr_array, coo_matrix])
def test_sparse_and_dense_agree(rng, metric, kind):
    dense = sparse_rows(rng)
    matrix = kind(dense)
    graph = knn_graph(matrix, k=8, metric=metric)
    expected = knn_graph(dense, k=8, metric=metric)
    np.testing.assert_allclose(graph.distances, expected.distances, rtol=1e-6, atol=1e-12)
    clear = np.diff(expected.distances, axis=1, prepend=-1, append=np.inf) > 1e-6
    clear = clear[:, :-1] & clear[:, 1:]
    assert np.array_equal(graph.indices[clear], expected.indices[clear])
    assert (matrix != kind(dense)).nnz == 0


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_sparse_rows_in_small_blocks_and_scaled(rng, metric, monkeypatch):
    dense = sparse_rows(rng)
    scale = rng.uniform(0.5, 2, size=40)
    graph = knn_graph(csr_matrix(dense), k=8, metric=metric, scale=scale)
    expected = knn_graph(dense, k=8, metric=metric, scale=scale)
    np.testing.assert_allclose(graph.distances, expected.distances, rtol=1e-6, atol=1e-12)
    from datalab.neighbors import sparse

    monkeypatch.setattr(sparse, "PAIRS", 7)
    found = sparse.by_sparse_product
    monkeypatch.setattr(
        "datalab.neighbors.exact.by_sparse_product",
        lambda points, k, memory, progress: found(points, k, memory=0, progress=progress),
    )
    same(graph, knn_graph(csr_matrix(dense), k=8, metric=metric, scale=scale))


def test_texts_stay_sparse(rng):
    words = np.array([f"word{i}" for i in range(20_000)])
    popular = 1 / np.arange(1, 20_001)
    popular /= popular.sum()
    texts = [" ".join(rng.choice(words, size=12, p=popular)) for _ in range(500)]
    texts[100] = texts[7]
    terms = TfidfVectorizer().fit_transform(texts)
    graph = knn_graph(terms, k=10, metric="cosine")
    assert (graph.indices[7, 0], graph.distances[7, 0]) == (100, 0)
    expected = NearestNeighbors(n_neighbors=10, metric="cosine").fit(terms).kneighbors()[0]
    np.testing.assert_allclose(graph.distances, expected, atol=1e-6)
    assert graph.search["engine"] == "exact"


def test_sparse_metrics_of_scikit_learn(rng):
    dense = sparse_rows(rng)
    graph = knn_graph(csr_matrix(dense), k=4, metric="manhattan")
    np.testing.assert_allclose(
        graph.distances, knn_graph(dense, k=4, metric="manhattan").distances, rtol=1e-6, atol=1e-9
    )
    with pytest.raises(InputError, match="'approximate' is for dense"):
        knn_graph(csr_matrix(dense), k=4, engine="approximate")
    with pytest.raises(InputError, match="'approximate' is for dense"):
        knn_graph(dense, k=4, metric="manhattan", engine="approximate")


# Engines -----------------------------------------------------------------------------------------


def test_what_ran_is_told(rng):
    features = rng.normal(size=(100, 20))
    assert knn_graph(features, k=3).search == {"engine": "exact", "device": "cpu", "recall": 1.0}
    assert in_words(knn_graph(features, k=3).search) == "exact search"
    assert knn_graph(features, k=3, metric="manhattan").search["engine"] == "exact"
    assert knn_graph(features, k=3, device="cpu").search["device"] == "cpu"
    assert in_words({}) == "given"


def test_a_gpu_is_used_when_it_is_there(rng):
    features = rng.normal(size=(100, 20))
    assert knn_graph(features, k=3, device="auto").search["recall"] == 1.0
    if not search.gpu_is_there("auto"):
        with pytest.raises(MissingDependency, match="device='auto' takes the CPU"):
            knn_graph(features, k=3, device="cuda")
    else:
        same(knn_graph(features, k=3, device="cuda"), knn_graph(features, k=3))


def test_without_faiss_the_search_is_exact_and_says_what_it_costs(rng, monkeypatch, capsys):
    monkeypatch.setattr(search, "APPROXIMATE_FROM", 100)
    monkeypatch.setattr(search, "GAIN", 5)
    monkeypatch.setattr(search.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("datalab.neighbors.product.SHORT", 0.0)
    graph = knn_graph(rng.normal(size=(400, 20)), k=3, progress=True)
    advice = 'pip install "datalab-explore[fast]" would take about 1/4 of the time'
    assert in_words(graph.search) == f"exact search ({advice})"
    told = capsys.readouterr().err
    assert advice in told
    assert "left" in told


# Copies ------------------------------------------------------------------------------------------


def test_copies_hide_nothing(rng):
    features = rng.normal(size=(60, 20))
    features[10:25], features[25:45] = features[10], features[10] + 1e-4
    graph = knn_graph(features, k=5)
    assert (graph.distances[10:45] == 0).all()
    rows, others, lengths = graph.hidden
    assert set(rows) == {10, 25}
    nearest = lengths < 1e-3
    assert sorted(zip(rows[nearest], others[nearest], strict=True)) == [(10, 25), (25, 10)]
    np.testing.assert_allclose(lengths[nearest], 1e-4 * 20**0.5, rtol=1e-4)


def test_equal_rows_are_grouped(rng):
    features = rng.normal(size=(50, 7)).astype(np.float32)
    features[[4, 9, 30]] = features[2]
    features[40] = 3 * features[1]
    groups = exact_groups(features)
    assert (groups[[4, 9, 30]] == groups[2]).all()
    assert len(np.unique(groups)) == 47
    assert len(np.unique(exact_groups(csr_matrix(features)))) == 47
    assert exact_groups(features, metric="cosine")[40] in (1, 37)


def test_columns_without_any_value_do_not_count(rng):
    features = rng.normal(size=(6, 4)).astype(np.float32)
    assert filled_columns(features) is features
    features[:, 2] = np.nan
    features[4, 0] = np.nan
    assert complete_rows(features).tolist() == [0, 1, 2, 3, 5]
    assert np.array_equal(filled_columns(features), features[:, [0, 1, 3]], equal_nan=True)
    nothing = np.full((3, 2), np.nan)
    assert complete_rows(nothing).tolist() == []
    assert filled_columns(nothing) is nothing


def test_complete_rows_of_integers():
    assert complete_rows(np.arange(12).reshape(4, 3)) is None
