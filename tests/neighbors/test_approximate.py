import numpy as np
import pytest
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from datalab.exceptions import MissingDependency
from datalab.neighbors import approximate, in_words, knn_graph, search


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def clustered(rng, n_rows, n_columns):
    centres = rng.normal(size=(30, n_columns))
    return centres[rng.integers(30, size=n_rows)] + 0.5 * rng.normal(size=(n_rows, n_columns))


def true_share(graph, exact):
    return float((graph.distances <= exact.distances[:, -1:]).mean())


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_promise_is_kept_where_the_first_setting_fails(rng, metric):
    features = rng.normal(size=(4000, 24)).astype(np.float32)  # no clusters: cells say little
    exact = knn_graph(features, k=10, metric=metric, engine="exact")
    graph = knn_graph(features, k=10, metric=metric, engine="approximate")
    told = graph.search
    assert told["first_recall"] < 0.9
    assert told["cells_searched"] > approximate.FIRST_PROBES
    share = true_share(graph, exact)
    assert share >= 0.99
    assert abs(told["recall"] - share) < 0.01
    assert told["recall_rows"] == 500
    found = graph.indices == exact.indices
    assert np.array_equal(graph.distances[found], exact.distances[found])


def test_ties_do_not_stand_for_nearer_neighbours():
    sample = approximate._Sample(np.arange(5), np.tile([1.0, 2, 3, 3], (5, 1)))
    found = np.array([[1, 2, 3, 3], [1, 3, 3, 3], [3, 3, 3, 3], [1, 2, 3, 4], [4, 5, 6, 7]])
    assert sample.recall(found.astype(float)).tolist() == [1, 0.75, 0.5, 0.75, 0]


def test_all_neighbours_are_found_where_that_is_promised():
    rows = (np.random.default_rng(3).normal(size=(300, 20)) > 0).astype(np.uint8)  # many ties
    exact = knn_graph(rows, k=5, engine="exact")
    graph = knn_graph(rows, k=5, engine="approximate", recall=1.0)
    assert np.array_equal(graph.distances, exact.distances)


def test_a_lower_promise_is_cheaper(rng):
    features = rng.normal(size=(4000, 24)).astype(np.float32)
    exact = knn_graph(features, k=10, engine="exact")
    graph = knn_graph(features, k=10, engine="approximate", recall=0.5)
    share = true_share(graph, exact)
    assert 0.5 <= share < 0.98
    assert abs(graph.search["recall"] - share) < 0.02
    assert graph.search["cells_searched"] < graph.search["cells"] / 2


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_near_copies_are_never_lost(rng, metric, monkeypatch):
    features = rng.normal(size=(6000, 20)) + 3
    step = rng.normal(size=(400, 20))
    features[5000:5400] = features[:400] + 1e-4 * step / np.linalg.norm(step, axis=1)[:, None]
    features[1000:2000] = features[999]
    features = features.astype(np.float32)
    # Only the own cell of a point is looked at, and nothing is promised.
    monkeypatch.setattr(approximate, "FIRST_PROBES", 1)
    graph = knn_graph(features, k=10, metric=metric, engine="approximate", recall=0.0)
    assert graph.search["cells_searched"] == 1
    exact = knn_graph(features, k=10, metric=metric, engine="exact")
    assert np.array_equal(graph.indices[:400, 0], np.arange(5000, 5400))
    assert np.array_equal(graph.indices[5000:5400, 0], np.arange(400))
    assert np.array_equal(graph.distances[:400, 0], exact.distances[:400, 0])
    # All copies are there, and what they hide.
    assert np.array_equal(graph.indices[999:2000], exact.indices[999:2000])
    assert set(graph.hidden.rows) == {999}
    assert graph.search["complete_radius"] > 0


def test_pairs_within_the_radius_are_complete(rng, monkeypatch):
    monkeypatch.setattr(approximate, "FIRST_PROBES", 1)
    features = clustered(rng, 3000, 12)
    step = rng.normal(size=(300, 12)) * np.geomspace(1e-6, 1, 300)[:, None]
    features[2000:2300] = features[:300] + step
    graph = knn_graph(features, k=10, engine="approximate", recall=0.0)
    exact = knn_graph(features, k=10, engine="exact")
    sure = exact.distances[:, 0] <= graph.search["complete_radius"]
    assert 100 < sure.sum() < 600
    assert np.array_equal(graph.distances[sure, 0], exact.distances[sure, 0])


def test_real_vectors():
    pixels = load_digits().data
    pixels = np.concatenate([pixels + 0.01 * i for i in range(3)]).astype(np.float32)
    exact = knn_graph(pixels, k=5, metric="cosine", engine="exact")
    graph = knn_graph(pixels, k=5, metric="cosine", engine="approximate")
    assert true_share(graph, exact) >= 0.99


def test_same_seed_same_graph(rng):
    features = clustered(rng, 1500, 16)
    first = knn_graph(features, k=5, engine="approximate", random_state=3)
    again = knn_graph(features, k=5, engine="approximate", random_state=3)
    assert first.fingerprint() == again.fingerprint()
    assert first.search == again.search


def test_threads_do_not_matter(rng):
    import faiss

    features = clustered(rng, 5000, 24)
    threads, found = faiss.omp_get_max_threads(), set()
    try:
        for some in (1, 3):
            faiss.omp_set_num_threads(some)
            with threadpool_limits(some):
                found.add(knn_graph(features, k=5, engine="approximate").fingerprint())
    finally:
        faiss.omp_set_num_threads(threads)
    assert len(found) == 1


def test_few_rows_and_small_cells(rng):
    features = clustered(rng, 40, 16)
    graph = knn_graph(features, k=38, engine="approximate")
    exact = knn_graph(features, k=38, engine="exact")
    np.testing.assert_array_equal(graph.distances, exact.distances)


def test_from_a_size_on_it_is_used_where_it_pays(rng, monkeypatch):
    monkeypatch.setattr(search, "APPROXIMATE_FROM", 2000)
    monkeypatch.setattr(approximate, "FIRST_PROBES", 4)
    graph = knn_graph(clustered(rng, 2500, 16), k=5)
    assert graph.search["engine"] == "faiss IVFFlat"
    assert in_words(graph.search).startswith("approximate search (faiss IVFFlat, ")
    assert "as estimated on 500 rows" in in_words(graph.search)
    assert knn_graph(clustered(rng, 2500, 16), k=5, engine="exact").search["engine"] == "exact"
    assert knn_graph(clustered(rng, 2500, 8), k=5).search["engine"] == "exact"
    # 1,500 different rows are few.
    few = clustered(rng, 1500, 16)
    assert knn_graph(np.concatenate([few, few]), k=5).search["engine"] == "exact"
    # Points without clusters are compared faster one by one.
    hard = knn_graph(rng.normal(size=(2500, 40)), k=5)
    assert hard.search["engine"] == "exact"
    assert "more than 8% of the data" in in_words(hard.search)


def test_the_extra_is_named(rng, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingDependency, match=r'pip install "datalab-explore\[fast\]"'):
        knn_graph(rng.normal(size=(100, 20)), k=5, engine="approximate")
