import numpy as np
import pytest
from scipy.sparse import coo_matrix, csr_array, csr_matrix

from datalab.exceptions import InputError, InputTypeError, NotApplicable
from datalab.neighbors import KNNGraph, knn_graph


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)


def test_first_keeps_the_nearest(features):
    graph = knn_graph(features, k=9)
    assert graph.first(9) is graph
    assert graph.first(20) is graph
    fewer = knn_graph(features, k=4)
    assert np.array_equal(graph.first(4).indices, fewer.indices)
    assert np.array_equal(graph.first(4).distances, fewer.distances)
    assert (graph.n_rows, graph.k, len(graph)) == (60, 9, 60)
    assert repr(graph) == "KNNGraph(n_rows=60, k=9, metric='euclidean')"


def test_restrict_is_a_new_search_among_fewer_rows(features):
    rows = np.flatnonzero(np.random.default_rng(1).random(60) < 0.85)
    small = knn_graph(features, k=20).restrict(rows)
    again = knn_graph(features[rows], k=small.k)
    assert small.k >= 5
    assert np.array_equal(small.indices, again.indices)
    assert np.array_equal(small.distances, again.distances)


@pytest.mark.parametrize("k", [0, -1, 2.0, True])
def test_first_refuses_what_is_no_number(features, k):
    with pytest.raises(InputError, match="`k` must be an integer >= 1"):
        knn_graph(features, k=5).first(k)


def test_restrict_takes_a_mask(features):
    stays = np.random.default_rng(1).random(60) < 0.85
    graph = knn_graph(features, k=20)
    by_mask, by_rows = graph.restrict(stays), graph.restrict(np.flatnonzero(stays))
    assert by_mask.fingerprint() == by_rows.fingerprint()


@pytest.mark.parametrize(
    "rows", [[3, 3, 4], [4, 3], [-1, 2], [2, 60], [0.0, 1.0], [[0, 1]], [True, False]]
)
def test_restrict_refuses_what_are_no_rows(features, rows):
    with pytest.raises(InputError, match="`rows` must be"):
        knn_graph(features, k=5).restrict(rows)


def test_restrict_keeps_ties_in_order():
    features = np.random.default_rng(2).integers(0, 3, size=(80, 3)).astype(float)
    rows = np.arange(0, 80, 2)
    small = knn_graph(features, k=30).restrict(rows)
    again = knn_graph(features[rows], k=small.k)
    assert np.array_equal(small.indices, again.indices)


def test_restrict_says_when_too_few_neighbours_remain(features):
    graph = knn_graph(features, k=3)
    with pytest.raises(NotApplicable, match="give features="):
        graph.restrict(np.arange(6))
    with pytest.raises(NotApplicable, match="give features="):
        knn_graph(features, k=10).restrict(np.arange(50), k=10)
    # In a handful of rows nobody can have k neighbours; all the others are enough.
    assert knn_graph(features[:6], k=5).restrict(np.array([0, 2, 5]), k=10).k == 2


def test_csr_round_trip(features):
    graph = knn_graph(np.r_[features, features[:3]], k=7)
    csr = graph.to_csr()
    assert csr.shape == (63, 63)
    assert csr.nnz == 63 * 7  # explicit zeros of the copies stay
    assert csr.dtype == np.float64
    back = KNNGraph.from_csr(csr, n_rows=63, metric="euclidean")
    assert np.array_equal(back.indices, graph.indices)
    assert np.array_equal(back.distances, graph.distances)
    assert back.distances.dtype == np.float32
    assert KNNGraph.from_csr(back) is back


def test_from_csr_reads_what_scikit_learn_makes(features):
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=4).fit(features)
    made = search.kneighbors_graph(mode="distance")
    assert np.array_equal(KNNGraph.from_csr(made).indices, knn_graph(features, k=4).indices)
    assert KNNGraph.from_csr(csr_array(made)).metric == "given"


def _csr(indices, distances):
    n, k = np.shape(indices)
    data, columns = np.ravel(distances).astype(float), np.ravel(indices)
    return csr_matrix((data, columns, np.arange(0, n * k + 1, k)), shape=(n, n))


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (csr_matrix(np.ones((3, 4))), r"square.*\(3, 4\)"),
        (csr_matrix((3, 3)), "rows without neighbours"),
        (csr_matrix(np.array([[0, 1, 2], [1, 0, 0], [1, 0, 0]])), "row 0 has 2, row 1 has 1"),
        (_csr([[1, 2], [0, 2], [0, 1]], [[2, 1], [1, 2], [1, 2]]), "sorted by distance.*row 0"),
        (_csr([[1, 2], [0, 1], [0, 1]], [[1, 2], [1, 2], [1, 2]]), "its own neighbours.*row 1"),
        (_csr([[1, 1], [0, 2], [0, 1]], [[1, 2], [1, 2], [1, 2]]), "once.*row 0"),
        (_csr([[1], [0], [0]], [[-0.5], [1], [1]]), "distances >= 0, got -0.5"),
        (_csr([[1], [0], [0]], [[np.nan], [1], [1]]), "finite"),
    ],
)
def test_from_csr_refuses(graph, message):
    before = graph.copy()
    with pytest.raises(InputError, match=f"`knn_graph`.*{message}"):
        KNNGraph.from_csr(graph)
    assert np.array_equal(graph.data, before.data, equal_nan=True)


def test_from_csr_refuses_other_kinds_and_lengths():
    with pytest.raises(InputTypeError, match="`knn_graph` must be a scipy sparse matrix"):
        KNNGraph.from_csr(np.ones((3, 3)))
    good = _csr([[1], [0], [0]], [[1], [1], [1]])
    with pytest.raises(InputError, match="3 rows but the dataset has 5"):
        KNNGraph.from_csr(good, n_rows=5)
    with pytest.raises(InputError, match="3 rows but the dataset has 5"):
        KNNGraph.from_csr(KNNGraph.from_csr(good), n_rows=5)
    assert KNNGraph.from_csr(coo_matrix(good)).k == 1


@pytest.mark.parametrize("unit", [1e300, 1e-60])
def test_from_csr_refuses_what_float32_does_not_hold(unit):
    graph = _csr([[1, 2], [0, 2], [0, 1]], unit * np.array([[0, 1], [1, 2], [1, 2]]))
    with pytest.raises(InputError, match="from 1e.* to 2e.*in another unit"):
        KNNGraph.from_csr(graph)


def test_rounding_below_zero_is_zero():
    graph = KNNGraph.from_csr(_csr([[1], [0], [0]], [[-1e-9], [0], [1]]))
    assert graph.distances.ravel().tolist() == [0.0, 0.0, 1.0]


# More rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
@pytest.mark.parametrize("n_columns", [4, 20])
@pytest.mark.parametrize("n_new", [1, 90])
def test_append_is_a_new_search(metric, n_columns, n_new):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, n_columns)).astype(np.float32)
    features[250] = features[3]
    features[280:284] = features[100]
    n_old = 300 - n_new
    graph = knn_graph(features[:n_old], k=6, metric=metric).append(features)
    again = knn_graph(features, k=6, metric=metric)
    assert graph.fingerprint() == again.fingerprint()
    assert graph.search == again.search


def test_append_of_many_copies():
    features = np.random.default_rng(0).normal(size=(100, 20))
    graph = knn_graph(features, k=5)
    more = np.concatenate([features, np.tile(features[:2], (10, 1))])
    assert graph.append(more).fingerprint() == knn_graph(more, k=5).fingerprint()
    assert set(graph.append(more).hidden.rows) == {0, 1}


def test_append_to_scaled_features():
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(200, 20)) * np.geomspace(1, 1e4, 20)).astype(np.float32)
    features[50:80] = features[:30] * (1 + 1e-6 * rng.normal(size=(30, 20)))
    scale = features.std(axis=0).astype(np.float64)
    graph = knn_graph(features[:150], k=5, scale=scale)
    whole = knn_graph(features, k=5, scale=scale)
    assert graph.append(features, scale=scale).fingerprint() == whole.fingerprint()
    # Scaled by hand in float32, near copies are a little less exact.
    by_hand = graph.append(features / scale.astype(np.float32))
    np.testing.assert_allclose(by_hand.distances, whole.distances, rtol=1e-3, atol=1e-6)
    with pytest.raises(InputError, match="not at the distances"):
        graph.append(features)


def test_append_refuses_other_features():
    features = np.random.default_rng(0).normal(size=(100, 20))
    graph = knn_graph(features[:80], k=5)
    with pytest.raises(InputError, match="80 rows and the graph 80"):
        graph.append(features[:80])
    with pytest.raises(InputError, match="not at the distances"):
        graph.append(features * 2)
    with pytest.raises(InputError, match="not at the distances"):
        graph.append(features[::-1])
    few = knn_graph(features[:80, :5], k=5)
    with pytest.raises(InputError, match="not at the distances"):
        few.append(features[:, :4])
    with pytest.raises(InputError, match="NaN or infinite"):
        few.append(np.where(np.arange(100)[:, None] == 90, np.nan, features[:, :5]))
    with pytest.raises(InputError, match="graph that was given does not say"):
        KNNGraph.from_csr(graph.to_csr()).append(features)


def test_append_takes_lists_and_tables():
    import pandas as pd

    features = np.random.default_rng(0).normal(size=(60, 12))
    graph, whole = knn_graph(features[:50], k=5), knn_graph(features, k=5)
    for like in (features.tolist(), pd.DataFrame(features)):
        assert graph.append(like).fingerprint() == whole.fingerprint()


# Copies ------------------------------------------------------------------------------------------


def with_copies():
    features = np.random.default_rng(0).normal(size=(60, 9))
    features[10:18], features[18:26] = features[10], features[10] + 1e-4
    return features


def near_pairs(hidden):
    near = hidden.distances < 1e-2
    return sorted(zip(hidden.rows[near].tolist(), hidden.neighbours[near].tolist(), strict=True))


def test_first_keeps_what_copies_hide():
    graph = knn_graph(with_copies(), k=9)
    assert graph.hidden is None
    assert near_pairs(graph.first(5).hidden)[0] == (10, 18)
    assert near_pairs(knn_graph(with_copies(), k=5).hidden) == [(10, 18), (18, 10)]
    assert near_pairs(knn_graph(with_copies(), k=7).first(4).hidden) == [(10, 18), (18, 10)]


def test_restrict_keeps_what_copies_hide():
    graph = knn_graph(with_copies(), k=6)
    rows = np.delete(np.arange(60), [10, 18, 19])
    small = graph.restrict(rows)
    assert near_pairs(small.hidden) == [(10, 17), (17, 10)]


# Plain arrays ------------------------------------------------------------------------------------


def test_arrays_round_trip(tmp_path, features):
    for graph in (knn_graph(features, k=4), knn_graph(with_copies(), k=5)):
        np.savez(tmp_path / "graph.npz", **graph.to_arrays())
        with np.load(tmp_path / "graph.npz") as arrays:  # refuses pickles
            back = KNNGraph.from_arrays(arrays)
        assert back.fingerprint() == graph.fingerprint()
        assert (back.metric, back.search) == (graph.metric, graph.search)
        assert (back.hidden is None) == (graph.hidden is None)
        assert back.indices.dtype == graph.indices.dtype
    assert near_pairs(back.hidden) == near_pairs(graph.hidden)
    # As a list of fields, without the names of what is hidden.
    plain = KNNGraph(graph.indices, graph.distances, graph.metric, {}, tuple(graph.hidden))
    assert near_pairs(plain.hidden) == near_pairs(graph.hidden)


def test_broken_arrays_are_refused(features):
    arrays = knn_graph(features, k=4).to_arrays()
    with pytest.raises(InputError, match="no graph"):
        KNNGraph.from_arrays({"indices": arrays["indices"]})
    with pytest.raises(InputError, match="no graph"):
        KNNGraph.from_arrays({**arrays, "about": np.array("{")})
    with pytest.raises(InputError, match="not among the 60 rows"):
        KNNGraph.from_arrays({**arrays, "indices": arrays["indices"] + 40})
    with pytest.raises(InputError, match="one shape"):
        KNNGraph.from_arrays({**arrays, "distances": arrays["distances"][:, :2]})
    with pytest.raises(InputError, match="sorted"):
        KNNGraph.from_arrays({**arrays, "distances": arrays["distances"][:, ::-1]})


def test_fingerprint_is_of_the_content(features):
    graph = knn_graph(features, k=4)
    assert graph.fingerprint() == knn_graph(features, k=4).fingerprint()
    others = [
        graph.first(3),
        knn_graph(features[::-1], k=4),
        knn_graph(features, 4, metric="cosine"),
    ]
    assert len({graph.fingerprint(), *(other.fingerprint() for other in others)}) == 4
    wide = KNNGraph(graph.indices.astype(np.int64), graph.distances, graph.metric)
    assert wide.fingerprint() == graph.fingerprint()
