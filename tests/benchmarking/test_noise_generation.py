"""The doors of label noise: what they refuse, and where they draw from."""

import logging

import numpy as np
import pytest

from datalab.benchmarking import noise_generation as ng
from datalab.exceptions import InputError, InputTypeError

TRACED = {"K": 4, "trace": 2.5, "py": [0.1, 0.2, 0.3, 0.4]}


def test_trace_zeros_and_columns():
    matrix = ng.generate_noise_matrix_from_trace(**TRACED, frac_zero_noise_rates=0.5)
    assert matrix.trace() == pytest.approx(2.5)
    np.testing.assert_allclose(matrix.sum(axis=0), 1)
    assert (matrix == 0).sum() == 6
    assert ng.noise_matrix_is_valid(matrix, TRACED["py"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"K": 1, "trace": 1.5}, "`K`"),
        ({"K": 3, "trace": 1.0, "py": [0.3, 0.3, 0.4]}, "`trace`"),
        ({"K": 3, "trace": 2.0}, "`py`"),
        ({"K": 3, "trace": 2.0, "py": [0.5, 0.5]}, "`py`"),
        ({"K": 3, "trace": 3.5, "py": [0.3, 0.3, 0.4]}, "cannot sum"),
        ({**TRACED, "max_noise_rate": 0.01}, "cannot sum"),
        ({**TRACED, "frac_zero_noise_rates": 2}, "frac_zero_noise_rates"),
        ({"K": 2, "trace": 0.5, "valid_noise_matrix": False, "frac_zero_noise_rates": 1}, "trace"),
    ],
)
def test_what_trace_refuses(arguments, told):
    with pytest.raises(ValueError, match=told):
        ng.generate_noise_matrix_from_trace(**arguments)


def test_none_when_nothing_is_found():
    assert ng.generate_noise_matrix_from_trace(**TRACED, max_iter=0) is None
    hopeless = {"K": 3, "trace": 1.05, "py": [0.98, 0.01, 0.01], "max_iter": 1}
    assert ng.generate_noise_matrix_from_trace(**hopeless) is None
    assert ng.generate_noise_matrix_from_trace(2, 1.5, max_iter=0) is None


def test_seeded_functions_leave_the_global_stream_alone():
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.random(2)  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    ng.generate_noise_matrix_from_trace(**TRACED, seed=0)
    ng.generate_noisy_labels([0, 1] * 10, np.full((2, 2), 0.5), random_state=0)
    ng.generate_n_rand_probabilities_that_sum_to_m(4, 1, random_state=np.random.RandomState(0))
    ng.randomly_distribute_N_balls_into_K_bins(9, 3, random_state=np.random.default_rng(0))
    np.testing.assert_array_equal(np.random.random(2), expected)  # noqa: NPY002


def test_without_random_state_the_global_stream_decides():
    matrix = np.full((2, 2), 0.5)
    drawn = []
    for seed in (0, 0, 1):
        np.random.seed(seed)  # noqa: NPY002
        drawn.append(ng.generate_noisy_labels([0, 1] * 20, matrix))
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_noisy_labels_refuse():
    with pytest.raises(InputError, match="goes up to 2"):
        ng.generate_noisy_labels([0, 1, 2], np.eye(2))
    with pytest.raises(InputError, match="columns must sum to 1"):
        ng.generate_noisy_labels([0, 1], np.ones((2, 2)) * 2)
    with pytest.raises(InputError, match="must be integers"):
        ng.generate_noisy_labels(["a", "b"], np.eye(2))
    with pytest.raises(InputTypeError, match="random_state"):
        ng.generate_noisy_labels([0, 1], np.eye(2), random_state="now")


def test_probabilities_and_balls_refuse():
    assert ng.generate_n_rand_probabilities_that_sum_to_m(0, 1).shape == (0,)
    with pytest.raises(ValueError, match="cannot sum"):
        ng.generate_n_rand_probabilities_that_sum_to_m(2, 1, min_prob=0.6)
    with pytest.raises(ValueError, match="do not fit"):
        ng.randomly_distribute_N_balls_into_K_bins(5, 3, max_balls_per_bin=1)
    with pytest.raises(ValueError, match="`N`"):
        ng.randomly_distribute_N_balls_into_K_bins(2.5, 3)
    assert ng.randomly_distribute_N_balls_into_K_bins(0, 2).tolist() == [0, 0]


def test_validity_is_logged(caplog):
    with caplog.at_level(logging.INFO, logger="datalab"):
        assert ng.noise_matrix_is_valid(np.eye(2), [0.5, 0.5], verbose=True)
    assert "valid" in caplog.text
