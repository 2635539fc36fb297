import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core.leakage import (
    Links,
    equal_links,
    near_links,
    nearest_links,
    nearest_of,
    own_scale,
    pair_counts,
    share_of_its_own,
)


def listed(links: Links) -> list[tuple[int, int]]:
    return list(zip(links.row.tolist(), links.partner.tolist(), strict=True))


def test_equal_links_by_hand():
    ids = np.array([7, 7, 7, 3, 3, -1, -1, 7])
    part = np.array([0, 1, 0, 0, 0, 0, 1, 2])
    links = equal_links(ids, part)
    assert sorted(listed(links)) == [(0, 1), (0, 7), (1, 0), (1, 7), (2, 1), (2, 7), (7, 0), (7, 1)]
    assert links.is_equal.all()
    assert (links.distance == 0).all()
    assert listed(equal_links(np.array([1, 1]), np.array([0, 0]))) == []
    assert listed(equal_links(np.empty(0, dtype=int), np.empty(0, dtype=int))) == []


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_equal_links_are_those_of_a_plain_search(n_rows, n_parts, seed):
    rng = np.random.default_rng(seed)
    ids, part = rng.integers(-1, 6, n_rows), rng.integers(n_parts, size=n_rows)
    wanted = {
        (i, min(j for j in range(n_rows) if ids[j] == ids[i] and part[j] == other))
        for i in range(n_rows)
        for other in range(n_parts)
        if other != part[i] and ids[i] >= 0 and ((ids == ids[i]) & (part == other)).any()
    }
    found = listed(equal_links(ids, part))
    assert set(found) == wanted
    assert len(found) == len(wanted)


def test_nearest_links_take_one_for_each_other_part():
    part = np.array([0, 1, 1, 2])
    links = Links(
        np.array([0, 0, 0, 0]),
        np.array([2, 1, 3, 1]),
        np.array([0.2, 0.3, 0.0, 0.2]),
        np.array([False, False, True, False]),
    )
    nearest = nearest_links(links, part)
    assert listed(nearest) == [(0, 3), (0, 1)]
    assert nearest.is_equal.tolist() == [True, False]
    counts = pair_counts(nearest.row, nearest.partner, part, 3)
    assert counts.tolist() == [[0, 1, 1], [0, 0, 0], [0, 0, 0]]


def test_near_links_go_both_ways():
    indices, distances = np.array([[1], [2], [1]]), np.array([[0.1], [0.5], [0.5]])
    links = near_links(indices, distances, np.array([[True], [False], [False]]))
    assert listed(links) == [(0, 1), (1, 0)]
    assert links.distance.tolist() == [0.1, 0.1]


def test_the_scale_is_that_of_the_own_part():
    distances = np.array([[0.0, 2.0], [0.0, 4.0], [0.0, 6.0], [0.0, 1.0]])
    elsewhere = np.array([[True, False]] * 3 + [[True, True]])
    assert nearest_of(distances, elsewhere).tolist() == [0, 0, 0, 0]
    assert nearest_of(distances, ~elsewhere).tolist() == [2, 4, 6, np.inf]
    assert own_scale(distances, elsewhere) == 4.0
    assert own_scale(distances, np.ones((4, 2), dtype=bool)) == 1e-6


def test_share_of_rows_that_are_the_only_ones_of_their_kind():
    ids, part = np.array([0, 0, 1, 2, 2, -1]), np.array([0, 1, 0, 0, 0, 0])
    assert share_of_its_own(ids, part) == 3 / 5
    assert share_of_its_own(np.array([-1]), np.array([0])) == 0.0
