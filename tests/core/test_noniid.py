"""Order of rows: index distances between neighbours against those in random order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core.noniid import index_distances, order_p_value, order_scores
from datalab.exceptions import NotApplicable


def p_value(indices: np.ndarray, seed: int = 0) -> float:
    n_rows, k = indices.shape
    row = np.repeat(np.arange(n_rows), k)
    return order_p_value(row, indices.ravel(), n_rows, num_permutations=25, seed=seed)


def random_neighbours(n_rows: int, k: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    others = rng.random((n_rows, n_rows))
    np.fill_diagonal(others, 2)
    return np.argsort(others, axis=1)[:, :k]


def area_by_grid(row: int, distances: np.ndarray, n_rows: int) -> float:
    """The same area, integrated on a fine grid between one neighbour and the next."""
    near, far = sorted((row, n_rows - 1 - row))
    ends = [0, *sorted(distances), far]
    area = 0.0
    for j in range(len(ends) - 1):
        t = np.linspace(ends[j], ends[j + 1], 20001)
        others = np.where(t <= near, 2 * t, near + t) / (n_rows - 1)
        area += abs(np.trapezoid(j / len(distances) - others, t))
    return area


def test_hand_computed_score() -> None:
    # Row 0 of 20, neighbour 1: up to distance 1 the background gains 0.5 / 19, from there the
    # neighbours are ahead by 162 / 19; reach is 20.
    scores = order_scores(np.array([[1]] + [[1]] * 19))
    assert scores[0] == pytest.approx(1 - np.tanh(162.5 / 19 / 20))
    # Row 10: 9 rows on both sides, one more on the left.
    assert scores[10] == pytest.approx(1 - np.tanh(73.5 / 19 / 10))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(n_rows=st.integers(4, 30), seed=st.integers(0, 999), data=st.data())
def test_scores_against_a_grid(n_rows: int, seed: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, min(5, n_rows - 1)))
    distances = index_distances(random_neighbours(n_rows, k, seed))
    scores = order_scores(distances)
    row = data.draw(st.integers(0, n_rows - 1))
    expected = 1 - np.tanh(area_by_grid(row, distances[row], n_rows) / max(row, n_rows - row))
    assert scores[row] == pytest.approx(expected, abs=1e-6)
    assert (scores > 0).all()
    assert (scores <= 1).all()


def test_sorted_rows_are_improbable_and_random_ones_are_not() -> None:
    ring = (np.arange(200)[:, None] + np.arange(1, 4)) % 200
    assert p_value(ring) < 1e-6
    place = np.random.default_rng(1).permutation(200)
    shuffled = np.empty_like(ring)
    shuffled[place] = place[ring]
    assert p_value(shuffled) > 0.05


def test_seeds_repeat_and_differ() -> None:
    indices = random_neighbours(60, 3, seed=0)
    assert p_value(indices, seed=1) == p_value(indices, seed=1)
    assert p_value(indices, seed=1) != p_value(indices, seed=2)


def test_p_values_of_random_data_are_spread_evenly() -> None:
    values = [p_value(random_neighbours(80, 3, seed)) for seed in range(100)]
    assert 0.4 < np.mean(values) < 0.6
    assert np.mean(np.array(values) < 0.05) < 0.12


def test_everybody_is_everybodys_neighbour() -> None:
    everybody = np.array([[j for j in range(5) if j != i] for i in range(5)])
    with pytest.raises(NotApplicable, match="in every order"):
        p_value(everybody)
