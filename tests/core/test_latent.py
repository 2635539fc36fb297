"""Priors and noise rates: by hand, and what they must always satisfy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core.latent import PRIORS, estimate_latent
from datalab.exceptions import InputError

JOINT = np.array([[6, 2], [0, 2]])
COUNTS = np.array([8, 2])


def test_by_hand():
    prior, noise, inverse = estimate_latent(JOINT, COUNTS)
    np.testing.assert_allclose(noise, [[1.0, 0.5], [0.0, 0.5]])
    np.testing.assert_allclose(inverse, [[0.75, 0.0], [0.25, 1.0]])
    # P(true k) = P(true k | given k) P(given k) / P(given k | true k), for both classes.
    np.testing.assert_allclose(prior, [0.6, 0.4])
    np.testing.assert_allclose(estimate_latent(JOINT, COUNTS, "eqn")[0], [0.6, 0.4])
    np.testing.assert_allclose(estimate_latent(JOINT, COUNTS, "marginal")[0], [0.6, 0.4])
    np.testing.assert_allclose(estimate_latent(JOINT, COUNTS, "marginal_ps")[0], [0.6, 0.4])


@pytest.mark.parametrize("converge", [False, True])
@pytest.mark.parametrize("py_method", PRIORS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_they_are_distributions(seed, py_method, converge):
    rng = np.random.default_rng(seed)
    n_classes = int(rng.integers(2, 8))
    joint = rng.integers(0, 5, (n_classes, n_classes)) + np.diag(rng.integers(20, 40, n_classes))
    prior, noise, inverse = estimate_latent(joint, joint.sum(axis=1), py_method, converge)
    for probabilities in (prior, noise, inverse):
        assert probabilities.min() >= 0
        np.testing.assert_allclose(probabilities.sum(axis=0), 1.0)


def test_converged_estimates_agree_with_each_other():
    rng = np.random.default_rng(0)
    joint = rng.integers(0, 5, (4, 4)) + np.diag([30, 40, 50, 60])
    counts = np.array([50, 40, 70, 60])
    given_prior = counts / counts.sum()
    prior, noise, inverse = estimate_latent(joint, counts, converge=True)
    np.testing.assert_allclose(noise @ prior, given_prior, atol=1e-4)
    np.testing.assert_allclose(inverse @ given_prior, prior, atol=1e-4)


def test_a_class_that_does_not_occur():
    joint = np.array([[5, 0, 1], [0, 0, 0], [1, 0, 5]])
    prior, noise, inverse = estimate_latent(joint, np.array([6, 0, 6]))
    assert prior[1] == pytest.approx(1e-6)
    assert not noise[:, 1].any()
    assert not inverse[:, 1].any()


def test_a_noise_matrix_that_cannot_be_inverted():
    with pytest.raises(InputError, match="another `py_method`"):
        estimate_latent(np.array([[1, 1], [1, 1]]), np.array([2, 2]), "eqn")
