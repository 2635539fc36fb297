"""Noise that is known in part."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core.classification import (
    estimate_noise,
    with_error_free_class,
)

JOINT = np.array([[6, 2], [1, 3]])
COUNTS = np.array([8, 4])
NOISE = np.array([[0.9, 0.2], [0.1, 0.8]])


def test_everything_from_the_joint():
    estimates = estimate_noise(JOINT, COUNTS)
    np.testing.assert_allclose(estimates.noise_matrix, [[6 / 7, 0.4], [1 / 7, 0.6]])
    np.testing.assert_allclose(estimates.inverse_noise_matrix, [[0.75, 0.25], [0.25, 0.75]])
    np.testing.assert_allclose(estimates.py, [7 / 12, 5 / 12])


def test_bayes_rule_by_hand():
    estimates = estimate_noise(JOINT, COUNTS, noise=NOISE)
    # 2/3 = 0.9 p + 0.2 (1 - p)
    np.testing.assert_allclose(estimates.py, [2 / 3, 1 / 3])
    np.testing.assert_allclose(estimates.inverse_noise_matrix, [[0.9, 0.2], [0.1, 0.8]])
    back = estimate_noise(JOINT, COUNTS, inverse=estimates.inverse_noise_matrix)
    np.testing.assert_allclose(back.noise_matrix, NOISE)
    np.testing.assert_allclose(back.py, estimates.py)
    both = estimate_noise(JOINT, COUNTS, noise=NOISE, inverse=estimates.inverse_noise_matrix)
    np.testing.assert_allclose(both.py, estimates.py)


def test_a_known_joint_tells_the_noise():
    estimates = estimate_noise(JOINT, np.array([4, 8]), joint_is_known=True)
    np.testing.assert_allclose(estimates.noise_matrix, [[6 / 7, 0.4], [1 / 7, 0.6]])
    assert estimates.py.sum() == pytest.approx(1)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(2, 6), st.integers(0, 1000))
def test_a_known_inverse_gives_a_finite_prior(K, seed):
    rng = np.random.default_rng(seed)
    inverse = rng.dirichlet(np.ones(K), size=K).T
    counts = rng.integers(0, 30, K)
    counts[0] += 1
    estimates = estimate_noise(np.eye(K), counts, inverse=inverse)
    assert np.isfinite(estimates.py).all()
    assert estimates.py.sum() == pytest.approx(1)
    sums = estimates.noise_matrix.sum(axis=0)
    np.testing.assert_allclose(sums[sums > 0], 1)


def test_error_free_class():
    before = estimate_noise(JOINT, COUNTS)
    sure = with_error_free_class(before, 1)
    assert sure.confident_joint.tolist() == [[1, 2], [0, 3]]
    np.testing.assert_allclose(sure.noise_matrix, [[1, 0.4], [0, 0.6]])
    np.testing.assert_allclose(sure.inverse_noise_matrix, [[0.75, 0], [0.25, 1]])
    assert JOINT.tolist() == before.confident_joint.tolist() == [[6, 2], [1, 3]]
