import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from datalab.exceptions import InputError
from datalab.neighbors import complete_rows, knn_graph, product, settle
from datalab.neighbors.exact import nearest


def by_hand(features, k, metric):
    """Every distance in float64, neighbours from near to far."""
    x = np.asarray(features, dtype=np.float64)
    if metric == "cosine":
        norms = np.linalg.norm(x, axis=1, keepdims=True)
        x = np.column_stack([x / np.where(norms > 0, norms, 1), norms == 0])
    squared = np.array([((x - row) ** 2).sum(axis=1) for row in x])
    distances = squared / 2 if metric == "cosine" else np.sqrt(squared)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, axis=1)


def assert_exact(features, k, metric, memory=512):
    indices, distances = nearest(features, k, metric=metric, memory=memory)
    expected, lengths = by_hand(features, k, metric)
    np.testing.assert_allclose(distances, lengths, rtol=1e-9, atol=1e-13)
    assert (np.diff(distances, axis=1) >= 0).all()
    # Where distances are distinct the neighbours are the same ones.
    plain = np.diff(lengths, axis=1, append=np.inf) > 1e-6 * (lengths + 1e-12)
    plain &= np.diff(lengths, axis=1, prepend=-1) > 1e-6 * (lengths + 1e-12)
    plain[:, -1] = False
    assert np.array_equal(indices[plain], expected[plain])
    return indices, distances


def shapes(n_columns):
    rng = np.random.default_rng(n_columns)
    plain = rng.normal(size=(150, n_columns))
    return {
        "plain": plain,
        "float32": plain.astype(np.float32),
        "far from the origin": plain + 1e6,
        "two far clusters": np.r_[plain[:75], plain[75:] + 1e5],
        "gross outliers": np.r_[plain, np.full((1, n_columns), 1e20), plain[:3] * 1e9],
        "near pairs": np.r_[plain, plain + 1e-4 * rng.normal(size=plain.shape)],
        "copies": rng.permutation(np.r_[plain, np.tile(plain[:1], (40, 1)), plain[5:20]]),
        "zeros": np.r_[plain, np.zeros((15, n_columns)), -np.zeros((2, n_columns))],
        "multiples": np.r_[plain, 3 * plain[:30], 0.1 * plain[:30]],
        "integers": rng.integers(0, 4, size=(200, n_columns)).astype(float),
        "binary": (rng.random((200, n_columns)) < 0.3).astype(float),
        "constant": np.ones((30, n_columns)),
        "ordered": np.sort(plain, axis=0),
    }


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("n_columns", [1, 2, 3, 8, 9, 40])
def test_neighbours_are_exact(n_columns, metric):
    for features in shapes(n_columns).values():
        assert_exact(features, 10, metric)


def narrow(monkeypatch):
    """Many small tiles, and stripes of some points each."""
    monkeypatch.setattr(product, "WIDTH", 29)
    monkeypatch.setattr(product, "HEIGHT", 13)
    monkeypatch.setattr(settle, "WIDTH", 7)
    monkeypatch.setattr(settle, "HEIGHT", 11)
    monkeypatch.setattr(settle, "WORK", 2**12)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_results_do_not_depend_on_block_size(monkeypatch, metric):
    features = np.random.default_rng(0).normal(size=(300, 20)).astype(np.float32)
    whole = nearest(features, 7, metric=metric)
    narrow(monkeypatch)
    for got, expected in zip(nearest(features, 7, metric=metric, memory=0), whole, strict=True):
        assert np.array_equal(got, expected)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_results_do_not_depend_on_threads(monkeypatch, metric):
    features = np.random.default_rng(0).normal(size=(400, 20)).astype(np.float32)
    narrow(monkeypatch)
    with threadpool_limits(1, user_api="blas"):
        alone = nearest(features, 7, metric=metric)
    with threadpool_limits(3, user_api="blas"):
        shared = nearest(features, 7, metric=metric)
    for got, expected in zip(shared, alone, strict=True):
        assert np.array_equal(got, expected)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(
    "name", ["copies", "integers", "two far clusters", "near pairs", "ordered"]
)
def test_narrow_tiles_are_exact(monkeypatch, name, metric):
    narrow(monkeypatch)
    assert_exact(shapes(12)[name], 10, metric, memory=0)


@pytest.mark.parametrize("n_columns", [4, 30])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_row_order_does_not_matter(n_columns, metric):
    rng = np.random.default_rng(3)
    features = rng.normal(size=(200, n_columns))
    order = rng.permutation(200)
    indices, distances = nearest(features, 6, metric=metric)
    moved, again = nearest(features[order], 6, metric=metric)
    np.testing.assert_allclose(again, distances[order], rtol=1e-12)
    assert np.array_equal(order[moved], indices[order])


@pytest.mark.parametrize("n_columns", [2, 30])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_thousand_copies(n_columns, metric):
    rng = np.random.default_rng(0)
    features = np.r_[rng.normal(size=(50, n_columns)), np.ones((1000, n_columns))]
    place = rng.permutation(1050)
    features = features[place]
    graph = knn_graph(features, k=10, metric=metric)
    copies = np.flatnonzero(place >= 50)
    for row in (copies[0], copies[4], copies[500], copies[-1]):
        lowest = copies[copies != row][:10]
        assert np.array_equal(graph.indices[row], lowest)
        assert (graph.distances[row] == 0).all()
    # Everybody else sees the copies in order of their row numbers.
    other = int(np.flatnonzero(place < 50)[0])
    seen = np.intersect1d(graph.indices[other], copies)
    assert np.array_equal(seen, copies[: len(seen)])


@pytest.mark.parametrize("n_columns", [3, 100])
def test_planted_pairs_keep_their_distance(n_columns):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, n_columns)) * 20 + 300
    step = rng.normal(size=(50, n_columns))
    step *= 1e-4 / np.linalg.norm(step, axis=1, keepdims=True)
    both = np.r_[features, features[:50] + step]
    graph = knn_graph(both, k=5)
    assert graph.indices[:50, 0].tolist() == list(range(400, 450))
    np.testing.assert_allclose(graph.distances[:50, 0], 1e-4, rtol=1e-4)
    cosine = knn_graph(both, k=5, metric="cosine")
    _, expected = by_hand(both, 5, "cosine")
    np.testing.assert_allclose(cosine.distances[:, 0], expected[:, 0], rtol=1e-5)


def test_zero_vectors_under_cosine():
    features = np.array([[0.0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 2, 0], [5, 0, 0]])
    graph = knn_graph(features, k=4, metric="cosine")
    assert graph.indices[0].tolist() == [2, 1, 3, 4]
    assert graph.distances[0].tolist() == [0, 1, 1, 1]
    assert graph.indices[1].tolist() == [4, 0, 2, 3]
    assert graph.distances[1].tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("exponent", [-160, 160])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_tiny_and_huge_numbers(exponent, metric):
    features = np.random.default_rng(0).normal(size=(60, 12))
    scaled = nearest(features * 10.0**exponent, 5, metric=metric)
    plain = nearest(features, 5, metric=metric)
    assert np.array_equal(scaled[0], plain[0])
    unit = 1.0 if metric == "cosine" else 10.0**exponent
    np.testing.assert_allclose(scaled[1] / unit, plain[1], rtol=1e-9)


def test_the_smallest_numbers():
    features = np.arange(20.0).reshape(10, 2) * 1e-310
    indices, distances = nearest(features, 2)
    assert indices[0].tolist() == [1, 2]
    np.testing.assert_allclose(distances[0], [8**0.5 * 1e-310, 32**0.5 * 1e-310], rtol=1e-6)


def test_kinds_of_arrays(tmp_path):
    features = np.random.default_rng(0).normal(size=(80, 12)).astype(np.float32)
    expected = knn_graph(features, k=4)
    np.save(tmp_path / "x.npy", features)
    wide = np.empty((80, 24), dtype=np.float32)
    wide[:, ::2] = features
    others = [
        np.asfortranarray(features),
        np.load(tmp_path / "x.npy", mmap_mode="r"),
        wide[:, ::2],
        features.astype(np.float64),
    ]
    for other in others:
        before = np.array(other)
        graph = knn_graph(other, k=4)
        assert np.array_equal(graph.indices, expected.indices)
        assert np.array_equal(graph.distances, expected.distances)
        assert np.array_equal(other, before)
    assert (expected.indices.dtype, expected.distances.dtype) == (np.int32, np.float32)


def test_every_other_row_is_a_neighbour():
    features = np.random.default_rng(0).normal(size=(12, 20))
    indices, _ = nearest(features, 11)
    assert all(sorted(row) == [j for j in range(12) if j != i] for i, row in enumerate(indices))
    assert nearest(features[:2], 1)[0].tolist() == [[1], [0]]


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev", "correlation"])
def test_other_metrics(metric):
    from scipy.spatial.distance import cdist

    features = np.random.default_rng(0).integers(0, 3, size=(50, 6)).astype(float)
    features[:, 0] += np.arange(50)
    graph = knn_graph(features, k=5, metric=metric)
    names = {"manhattan": "cityblock"}
    distances = cdist(features, features, names.get(metric, metric))
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_allclose(graph.distances, np.sort(distances)[:, :5], rtol=1e-5, atol=1e-7)
    assert graph.metric == metric


def test_scipy_function_is_the_same_metric():
    from scipy.spatial import distance

    features = np.random.default_rng(0).normal(size=(30, 3))
    graph = knn_graph(features, k=5, metric=distance.euclidean)
    assert graph.metric == "euclidean"
    assert np.array_equal(graph.distances, knn_graph(features, k=5).distances)


def test_bad_requests():
    features = np.random.default_rng(0).normal(size=(8, 3))
    with pytest.raises(InputError, match="`k` is 8 but there are 8 rows"):
        knn_graph(features, k=8)
    with pytest.raises(InputError, match="`k` must be an integer >= 1"):
        knn_graph(features, k=0)
    with pytest.raises(InputError, match="`metric` is 'cosin'; did you mean 'cosine'"):
        knn_graph(features, k=3, metric="cosin")
    with pytest.raises(InputError, match="`features` has no columns"):
        knn_graph(features[:, :0], k=3)


def test_complete_rows():
    features = np.ones((6, 3), dtype=np.float32)
    assert complete_rows(features) is None
    features[2, 1] = features[5, 0] = np.nan
    assert complete_rows(features).tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize("progress", [False, True])
def test_progress_is_shown_only_when_asked(monkeypatch, capsys, progress):
    monkeypatch.setattr(product, "SHORT", 0.0)
    knn_graph(np.random.default_rng(0).normal(size=(100, 20)), k=3, progress=progress)
    assert ("nearest neighbours" in capsys.readouterr().err) is progress


def test_memory_is_bounded():
    features = np.random.default_rng(0).normal(size=(6000, 64)).astype(np.float32)
    tracemalloc.start()
    nearest(features, 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6  # N² distances would be 144 MB


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.integers(2, 40),
    st.integers(1, 12),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["euclidean", "cosine"]),
    st.sampled_from([1, 2, 1000]),
)
def test_any_small_table(n_rows, n_columns, seed, metric, levels):
    rng = np.random.default_rng(seed)
    features = rng.integers(-levels, levels + 1, size=(n_rows, n_columns)) / 7.0
    k = int(rng.integers(1, n_rows))
    indices, distances = assert_exact(features, k, metric)
    assert (indices != np.arange(n_rows)[:, None]).all()
    assert (np.diff(np.sort(indices, axis=1), axis=1) > 0).all()
    tied = np.diff(distances, axis=1) == 0
    assert (np.diff(indices, axis=1)[tied] > 0).all()
