"""The arithmetic of artificial label noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core import noise
from datalab.exceptions import InputError

quick = settings(max_examples=60, deadline=None, derandomize=True)


@quick
@given(st.integers(1, 8), st.floats(0.1, 3), st.floats(0, 1), st.floats(1, 2), st.integers(0, 99))
def test_simplex_sample_keeps_sum_and_bounds(n, total, low, high, seed):
    lowest, highest = low * total / n, high * total / n
    stream = np.random.RandomState(seed)
    values = noise.simplex_sample(n, total, lowest=lowest, highest=highest, stream=stream)
    assert values.sum() == pytest.approx(total)
    assert values.min() >= lowest - 2e-6
    assert values.max() <= highest + 2e-6


@quick
@given(st.integers(0, 30), st.integers(1, 6), st.integers(0, 3), st.integers(0, 99))
def test_balls_are_all_there(n_balls, n_bins, slack, seed):
    fewest = max(n_balls // n_bins - slack, 0)
    most = -(-n_balls // n_bins) + slack
    stream = np.random.RandomState(seed)
    balls = noise.balls_in_bins(n_balls, n_bins, fewest=fewest, most=most, stream=stream)
    assert balls.sum() == n_balls
    if n_balls:
        assert balls.min() >= fewest
        assert balls.max() <= most


def test_impossible_bounds():
    with pytest.raises(InputError, match="cannot sum to 1"):
        noise.simplex_sample(2, 1, lowest=0.0, highest=0.4, stream=np.random.default_rng(0))


def test_learnable_by_hand():
    even = np.array([0.5, 0.5])
    assert noise.learnable(np.array([[0.8, 0.3], [0.2, 0.7]]), even)
    assert not noise.learnable(np.array([[0.5, 0.5], [0.5, 0.5]]), even)
    assert not noise.learnable(np.array([[0.8, 0.3], [0.2, 0.7]]), even / 2)


def test_flip_labels_by_hand():
    codes = np.array([0] * 8 + [2] * 4)
    matrix = np.array([[0.5, 0, 0.25], [0.25, 1, 0], [0.25, 0, 0.75]])
    noisy = noise.flip_labels(codes, matrix, np.random.default_rng(0))
    assert np.bincount(noisy[:8]).tolist() == [4, 2, 2]
    assert np.bincount(noisy[8:], minlength=3).tolist() == [1, 0, 3]
    assert codes.tolist() == [0] * 8 + [2] * 4
