import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core import duplicate
from datalab._core.duplicate import (
    Pairs,
    centrality,
    copy_scores,
    duplicate_pairs,
    equal_neighbours,
    kept_rows,
    pairs_of,
    set_ids,
    sets_of,
    typical,
)
from datalab.neighbors import knn_graph


def found(features, k=10, threshold=0.13, metric="euclidean"):
    graph = knn_graph(np.asarray(features, dtype=float), k=k, metric=metric)
    median = typical(graph.distances[:, 0])
    pairs = duplicate_pairs(graph.indices, graph.distances, graph.distances < threshold * median)
    return pairs, sets_of(pairs, len(graph))


def test_scores_by_hand():
    nearest = np.array([0.0, 1e-9, 1.0, 2.0, 4.0], dtype=np.float32)
    assert typical(nearest) == 1.0
    scores = copy_scores(nearest, 1.0)
    assert scores[:2].tolist() == [0, 0]
    np.testing.assert_allclose(scores[2:], 1 - np.exp([-1, -2, -4]))
    assert typical(np.zeros(4)) == 1e-6


def test_sets_by_hand():
    # Neighbours of each row with distances; the radius is 1. Row 3 has row 0 among its nearest,
    # but row 0 has not row 3.
    indices = np.array([[1, 2], [0, 2], [1, 0], [0, 1], [3, 0]])
    distances = np.array([[0.5, 2], [0.5, 0.9], [0.9, 2], [0.2, 3], [3, 4]])
    pairs = duplicate_pairs(indices, distances, distances < 1)
    sets = [one.tolist() for one in sets_of(pairs, 5)]
    assert sets == [[3, 1], [0, 2], [1], [0], []]
    assert set_ids(pairs, 5).tolist() == [0, 0, 0, 0, -1]
    assert kept_rows(set_ids(pairs, 5)).tolist() == [True, False, False, False, True]


def test_radius_is_not_reached():
    indices, distances = np.array([[1], [0]]), np.array([[1.0], [1.0]])
    assert len(duplicate_pairs(indices, distances, distances < 1)[0]) == 0
    assert len(duplicate_pairs(indices, distances, distances < 0)[0]) == 0
    assert set_ids(duplicate_pairs(indices, distances, distances < 0), 2).tolist() == [-1, -1]
    assert kept_rows(np.array([-1, -1])).tolist() == [True, True]


def test_sets_are_numbered_by_their_first_row():
    features = np.array([[0.0], [10], [20], [30], [10.001], [0.001], [10.002], [50]])
    pairs, sets = found(np.r_[features, np.arange(100, 500, 10)[:, None]], k=3)
    assert [one.tolist() for one in sets[:8]] == [[5], [4, 6], [], [], [1, 6], [0], [4, 1], []]
    pairs = Pairs(*(one[:8] for one in pairs))
    ids = set_ids(pairs, 8)
    assert ids.tolist() == [0, 1, -1, -1, 1, 0, 1, -1]
    assert np.flatnonzero(kept_rows(ids)).tolist() == [0, 1, 2, 3, 7]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_more_copies_than_neighbours(metric):
    rng = np.random.default_rng(0)
    features = np.r_[rng.normal(size=(100, 5)), np.ones((50, 5)), rng.normal(size=(40, 5))]
    pairs, sets = found(features, k=4, metric=metric)
    copies = np.arange(100, 150)
    for row in copies:
        assert sets[row][:49].tolist() == [other for other in copies.tolist() if other != row]
    ids = set_ids(pairs, len(features))
    assert len(set(ids[copies])) == 1
    assert kept_rows(ids)[ids == ids[100]].sum() == 1


def test_huge_sets_of_copies_stay_small(monkeypatch):
    monkeypatch.setattr(duplicate, "MIN_PAIRS", 100)
    monkeypatch.setattr(duplicate, "PAIRS_PER_ROW", 1)
    rng = np.random.default_rng(0)
    features = np.r_[rng.normal(size=(100, 3)), np.ones((30, 3)), np.zeros((9, 3))]
    pairs, sets = found(features, k=4)
    assert len(sets[-1]) == 8  # 81 pairs are affordable, 900 are not
    assert len(sets[129]) == 4
    ids = set_ids(pairs, len(features))
    assert len(set(ids[100:130])) == 1


def test_the_best_of_each_set_by_hand():
    ids = np.array([0, 1, -1, 0, 1, 0])
    assert kept_rows(ids).tolist() == [True, True, True, False, False, False]
    goodness = np.array([0.1, 0.5, 0.0, 0.9, 0.5, 0.9])  # of equally good ones the first
    assert kept_rows(ids, goodness).tolist() == [False, True, True, True, False, False]


def test_sets_tell_their_pairs():
    sets = [np.array([20, 40]), np.array([10]), np.array([10]), np.array([], dtype=int)]
    left, right, length = pairs_of(sets, np.array([10, 20, 40, 70]))
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 0), (2, 0)]
    assert np.isnan(length).all()
    assert len(pairs_of([np.array([], dtype=int)] * 3, np.arange(3)).left) == 0


def test_the_medoid_by_hand():
    # 0, 1 and 3 on a line, all linked; 7 stands alone
    place = np.array([0.0, 1.0, 3.0, 7.0])
    indices = np.array([[1, 2], [0, 2], [1, 0], [2, 1]])
    distances = np.abs(place[indices] - place[:, None])
    pairs = duplicate_pairs(indices, distances, distances < 3.5)
    ids = set_ids(pairs, 4)
    central = centrality(pairs, ids, 3.5)
    assert central.tolist() == [-4.0, -3.0, -5.0, 0.0]
    assert kept_rows(ids, central).tolist() == [False, True, False, True]
    # Where the ends are not linked, they count as far apart as the radius.
    pairs = duplicate_pairs(indices, distances, distances < 2.5)
    assert centrality(pairs, ids, 2.5).tolist() == [-3.5, -3.0, -4.5, 0.0]


def test_equal_neighbours_by_hand(monkeypatch):
    features = np.array([[1.0, 1.0], [2.0, 2.0], [1.0, 1.0], [-0.0, 1.0], [0.0, 1.0]])
    indices = np.array([[1, 2], [0, 2], [1, 0], [4, 0], [3, 0]])
    close = np.ones((5, 2), dtype=bool)
    wanted = [[False, True], [False, False], [False, True], [True, False], [True, False]]
    assert equal_neighbours(features, indices, close).tolist() == wanted
    monkeypatch.setattr(duplicate, "BLOCK_VALUES", 3)
    assert equal_neighbours(features, indices, close).tolist() == wanted
    assert not equal_neighbours(features, indices, ~close).any()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(3, 40), st.integers(0, 2**32 - 1), st.floats(0.05, 2))
def test_sets_are_symmetric(n_rows, seed, threshold):
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 5, size=(n_rows, 2)) + 0.01 * rng.integers(0, 2, size=(n_rows, 2))
    k = int(rng.integers(1, n_rows))
    (left, right, length), sets = found(features, k=k, threshold=threshold)
    pairs = set(zip(left.tolist(), right.tolist(), strict=True))
    assert len(pairs) == len(left)
    assert all((j, i) in pairs and i != j for i, j in pairs)
    assert sum(map(len, sets)) == len(left)
    ids = set_ids(Pairs(left, right, length), n_rows)
    assert np.array_equal(ids >= 0, np.array([len(one) > 0 for one in sets]))
    assert (ids[left] == ids[right]).all()
    keep = kept_rows(ids)
    assert np.bincount(ids[ids >= 0], weights=keep[ids >= 0]).tolist() == [1.0] * (ids.max() + 1)
    order = rng.permutation(n_rows)
    _, moved = found(features[order], k=n_rows - 1, threshold=threshold)
    _, whole = found(features, k=n_rows - 1, threshold=threshold)
    assert all(set(order[moved[i]]) == set(whole[order[i]]) for i in range(n_rows))
