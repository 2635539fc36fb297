"""Seeded label noise equals cleanlab's, draw by draw."""

import numpy as np
import pytest

from datalab.benchmarking import noise_generation as ours

theirs = pytest.importorskip("cleanlab.benchmarking.noise_generation")


def drawn(module, function, seed, *args, **kwargs):
    """The result, and the next number of the global stream."""
    np.random.seed(seed)  # noqa: NPY002
    return getattr(module, function)(*args, **kwargs), np.random.random()  # noqa: NPY002


def assert_same_draws(function, seed, *args, **kwargs):
    expected, next_expected = drawn(theirs, function, seed, *args, **kwargs)
    got, next_got = drawn(ours, function, seed, *args, **kwargs)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert next_got == next_expected


@pytest.mark.parametrize("seed", range(100))
def test_noise_matrix_from_trace(seed):
    rng = np.random.default_rng(seed)
    K = int(rng.integers(2, 7))
    trace = rng.uniform(1.05, K - 0.05)
    options = {
        "py": rng.dirichlet(np.full(K, 5.0)),
        "seed": seed,
        "max_iter": int(rng.integers(1, 60)),
        "valid_noise_matrix": bool(rng.random() < 0.7),
    }
    if rng.random() < 0.6:
        options["frac_zero_noise_rates"] = rng.random()
    if rng.random() < 0.4:
        options["max_trace_prob"] = rng.uniform(trace / K, 1)
    if rng.random() < 0.4:
        options["min_trace_prob"] = rng.uniform(0, trace / K)
    if rng.random() < 0.3:
        options["min_noise_rate"] = rng.uniform(0, 0.03)
    try:
        expected = theirs.generate_noise_matrix_from_trace(K, trace, **options)
    except ValueError:
        with pytest.raises(ValueError, match="cannot sum"):
            ours.generate_noise_matrix_from_trace(K, trace, **options)
        return
    got = ours.generate_noise_matrix_from_trace(K, trace, **options)
    if expected is None:
        assert got is None
    else:
        np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("seed", range(60))
def test_noisy_labels(seed):
    rng = np.random.default_rng(seed)
    K = int(rng.choice([2, 3, 10]))
    labels = rng.permutation(np.repeat(np.arange(K), rng.integers(1, 40, K)))
    matrix = 0.5 * np.eye(K) + 0.5 * rng.dirichlet(np.ones(K), size=K).T
    assert_same_draws("generate_noisy_labels", seed, labels, matrix)


@pytest.mark.parametrize("seed", range(60))
def test_probabilities_and_balls(seed):
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(0, 7)), rng.uniform(0.2, 2)
    bounds = {
        "min_prob": rng.uniform(0, 1) * m / max(n, 1),
        "max_prob": rng.uniform(1, 2) * m / max(n, 1),
    }
    assert_same_draws("generate_n_rand_probabilities_that_sum_to_m", seed, n, m, **bounds)
    bins, balls = int(rng.integers(1, 7)), int(rng.integers(0, 30))
    limits = {
        "min_balls_per_bin": int(rng.integers(0, balls // bins + 1)),
        "max_balls_per_bin": -(-balls // bins) + int(rng.integers(0, 4)),
    }
    assert_same_draws("randomly_distribute_N_balls_into_K_bins", seed, balls, bins, **limits)
    assert_same_draws("randomly_distribute_N_balls_into_K_bins", seed, balls, bins)


@pytest.mark.parametrize("seed", range(60))
def test_validity(seed):
    rng = np.random.default_rng(seed)
    K = int(rng.integers(2, 6))
    matrix = rng.dirichlet(np.ones(K), size=K).T
    py = rng.dirichlet(np.ones(K)) * (1 + rng.choice([0, 5e-7, 2e-6, 1e-2]))
    assert ours.noise_matrix_is_valid(matrix, py) == theirs.noise_matrix_is_valid(matrix, py)
