"""Label noise made to measure: noise matrices with a given trace, and labels flipped by them.

Only here does datalab draw from numpy's global stream, because callers of these functions seed
``np.random`` themselves; pass `random_state` to draw from a stream of your own.
"""

import functools
import logging
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab import _check
from datalab._core import noise
from datalab.exceptions import InputError

__all__ = [
    "generate_n_rand_probabilities_that_sum_to_m",
    "generate_noise_matrix_from_trace",
    "generate_noisy_labels",
    "noise_matrix_is_valid",
    "randomly_distribute_N_balls_into_K_bins",
]

logger = logging.getLogger("datalab")


def noise_matrix_is_valid(noise_matrix: ArrayLike, py: ArrayLike, *, verbose: bool = False) -> bool:
    """Whether learning from labels with this noise is possible.

    Parameters
    ----------
    noise_matrix : array-like of shape (K, K)
        P(given = i | true = j) in row i, column j; columns sum to 1.
    py : array-like of shape (K,)
        P(true = j); sums to 1.
    verbose : bool, default=False
        Log both sides of the condition.

    Returns
    -------
    bool
        Whether the joint distribution sums to 1 and ``ps[i] * py[i] < joint[i, i]`` for every
        class i, with ``ps`` the distribution of the given labels.

    Raises
    ------
    InputError
        Wrong shapes or values.

    Notes
    -----
    Takes O(K²) time.

    References
    ----------
    Northcutt, Jiang, Chuang (2021), "Confident Learning", JAIR 70, section 2.

    Examples
    --------
    >>> noise_matrix_is_valid([[0.8, 0.3], [0.2, 0.7]], py=[0.5, 0.5])
    True
    >>> noise_matrix_is_valid([[0.2, 0.7], [0.8, 0.3]], py=[0.5, 0.5])
    False
    """
    matrix = _check.square_matrix(noise_matrix, name="noise_matrix").astype(np.float64)
    prior = _class_prior(py, len(matrix))
    valid = noise.learnable(matrix, prior)
    if verbose:
        joint = matrix * prior
        logger.info(
            "joint[i, i] %s, ps[i] * py[i] %s, sum of joint %s: %s",
            joint.diagonal(),
            joint.sum(axis=1) * prior,
            joint.sum(),
            "valid" if valid else "not valid",
        )
    return valid


def generate_noisy_labels(
    true_labels: ArrayLike, noise_matrix: ArrayLike, *, random_state: Any = None
) -> NDArray[np.int64]:
    """Flip labels as a noise matrix says, in exact numbers.

    Parameters
    ----------
    true_labels : array-like of shape (N,)
        Class codes 0..K-1.
    noise_matrix : array-like of shape (K, K)
        P(given = i | true = j) in row i, column j; columns sum to 1.
    random_state : int, RandomState or Generator, optional
        Where the choice of examples is drawn from; None is numpy's global stream.

    Returns
    -------
    ndarray of shape (N,), int64
        Of the labels k, ``int(noise_matrix[i, k] * count_k)`` have become i.

    Raises
    ------
    InputError
        Labels without a column in `noise_matrix`, or a column that flips more than there is.

    Notes
    -----
    Takes O(N K) time.

    Examples
    --------
    >>> labels = generate_noisy_labels([0] * 8 + [1] * 8, [[0.75, 0], [0.25, 1]], random_state=0)
    >>> int((labels[:8] == 1).sum())
    2
    """
    codes = _check.class_codes(true_labels, name="true_labels")
    matrix = _check.square_matrix(noise_matrix, name="noise_matrix").astype(np.float64)
    if codes.size and codes.max() >= len(matrix):
        raise InputError(
            f"`noise_matrix` has {len(matrix)} classes but `true_labels` goes up to "
            f"{codes.max()}; give one row and one column per class"
        )
    flipped = matrix.sum(axis=0) - matrix.diagonal()
    if (flipped > 1.0 + noise.TOLERANCE).any():
        worst = int(flipped.argmax())
        raise InputError(
            f"`noise_matrix` flips {flipped[worst]:.3g} of class {worst}; its columns must sum to 1"
        )
    return noise.flip_labels(codes, matrix, _check.random_stream(random_state))


def generate_noise_matrix_from_trace(
    K: int,
    trace: float,
    *,
    max_trace_prob: float = 1.0,
    min_trace_prob: float = 1e-5,
    max_noise_rate: float = 1 - 1e-5,
    min_noise_rate: float = 0.0,
    valid_noise_matrix: bool = True,
    py: ArrayLike | None = None,
    frac_zero_noise_rates: float = 0.0,
    seed: int | None = 0,
    max_iter: int = 10000,
) -> NDArray[np.float64] | None:
    """A random noise matrix with a given trace.

    Parameters
    ----------
    K : int
        Number of classes, at least 2.
    trace : float
        Sum of the diagonal, up to K: K is no noise.
    max_trace_prob, min_trace_prob : float
        Bounds of each diagonal entry (for K = 2 they are 0 and 1).
    max_noise_rate, min_noise_rate : float
        Bounds of each off-diagonal entry that is not 0 (for K = 2 they follow from the diagonal).
    valid_noise_matrix : bool, default=True
        Draw until `noise_matrix_is_valid`.
    py : array-like of shape (K,), optional
        Class prior; needed for `valid_noise_matrix` with K > 2.
    frac_zero_noise_rates : float in [0, 1]
        Share of the off-diagonal entries that are 0; every column keeps at least one that is not.
    seed : int, optional
        Seed of the random numbers.
    max_iter : int, default=10000
        Number of attempts.

    Returns
    -------
    ndarray of shape (K, K) or None
        P(given = i | true = j) in row i, column j; columns sum to 1. None: no valid matrix found.

    Raises
    ------
    InputError
        K < 2, a trace of at most 1 for a valid matrix, bounds that cannot be met, or no `py`.

    Notes
    -----
    Takes O(K²) time for each attempt.

    Examples
    --------
    >>> import numpy as np
    >>> matrix = generate_noise_matrix_from_trace(3, trace=2.4, py=[0.3, 0.3, 0.4], seed=1)
    >>> bool(np.isclose(matrix.trace(), 2.4)), matrix.sum(axis=0).round(6).tolist()
    (True, [1.0, 1.0, 1.0])
    """
    n_classes = _check.whole_number(K, name="K", least=2)
    if valid_noise_matrix and trace <= 1:
        raise InputError(f"`trace` is {trace}; a valid noise matrix has a trace above 1")
    if valid_noise_matrix and py is None and n_classes > 2:
        raise InputError("give `py`, the class prior: a valid noise matrix depends on it")
    prior = None if py is None else _class_prior(py, n_classes)
    zero_share = _check.unit_number(frac_zero_noise_rates, name="frac_zero_noise_rates")
    stream = np.random.RandomState(seed)
    if n_classes == 2:
        return _two_class_matrix(trace, zero_share, stream) if max_iter >= 1 else None
    zeros = min(int(n_classes * (n_classes - 1) * zero_share), n_classes * (n_classes - 2))
    off_diagonal = functools.partial(
        noise.simplex_sample, lowest=min_noise_rate, highest=max_noise_rate, stream=stream
    )
    for _ in range(max_iter):
        diagonal = noise.simplex_sample(
            n_classes, trace, lowest=min_trace_prob, highest=max_trace_prob, stream=stream
        )
        matrix = noise.noise_matrix_from_diagonal(diagonal, zeros, off_diagonal, stream)
        if not valid_noise_matrix or (prior is not None and noise.learnable(matrix, prior)):
            return matrix
    return None


def _two_class_matrix(
    trace: float, zero_share: float, stream: np.random.RandomState
) -> NDArray[np.float64]:
    """For two classes the diagonal is everything, and a trace above 1 is enough to be valid."""
    if zero_share < 0.5:
        first, second = noise.simplex_sample(2, trace, lowest=0.0, highest=1.0, stream=stream)
    elif trace < 1 or trace > 2:
        raise InputError(f"`trace` is {trace}; with a noise rate of 0 it must be from 1 to 2")
    else:
        first, second = (1.0, trace - 1) if stream.random() >= 0.5 else (trace - 1, 1.0)
    return np.array([[first, 1 - second], [1 - first, second]]).clip(0.0, 1.0)


def generate_n_rand_probabilities_that_sum_to_m(
    n: int, m: float, *, max_prob: float = 1.0, min_prob: float = 0.0, random_state: Any = None
) -> NDArray[np.float64]:
    """Random probabilities with a given sum.

    Parameters
    ----------
    n : int
        How many; 0 gives an empty array.
    m : float
        Their sum.
    max_prob, min_prob : float
        Bounds of each, kept to 1e-6.
    random_state : int, RandomState or Generator, optional
        Where they are drawn from; None is numpy's global stream.

    Returns
    -------
    ndarray of shape (n,), float64
        Uniform on the simplex, then moved inside the bounds.

    Raises
    ------
    InputError
        The bounds leave no such numbers.

    Examples
    --------
    >>> probs = generate_n_rand_probabilities_that_sum_to_m(4, 1.2, max_prob=0.5, random_state=0)
    >>> float(probs.sum().round(9)), bool(probs.max() <= 0.5 + 1e-6)
    (1.2, True)
    """
    return noise.simplex_sample(
        _check.whole_number(n, name="n", least=0),
        m,
        lowest=min_prob,
        highest=max_prob,
        stream=_check.random_stream(random_state),
    )


def randomly_distribute_N_balls_into_K_bins(
    N: int,
    K: int,
    *,
    max_balls_per_bin: int | None = None,
    min_balls_per_bin: int | None = None,
    random_state: Any = None,
) -> NDArray[np.int64]:
    """Random whole numbers with a given sum.

    Parameters
    ----------
    N : int
        Number of balls.
    K : int
        Number of bins.
    max_balls_per_bin, min_balls_per_bin : int, optional
        Bounds of each bin; None is N and 0.
    random_state : int, RandomState or Generator, optional
        Where they are drawn from; None is numpy's global stream.

    Returns
    -------
    ndarray of shape (K,), int64
        Balls in each bin; they sum to N.

    Raises
    ------
    InputError
        The bounds leave no such numbers.

    Examples
    --------
    >>> balls = randomly_distribute_N_balls_into_K_bins(9, 4, max_balls_per_bin=3, random_state=0)
    >>> int(balls.sum()), bool(balls.max() <= 3)
    (9, True)
    """
    balls = _check.whole_number(N, name="N", least=0)
    bins = _check.whole_number(K, name="K", least=1)
    most = balls if max_balls_per_bin is None else max_balls_per_bin
    fewest = 0 if min_balls_per_bin is None else min_balls_per_bin
    if balls and not fewest * bins <= balls <= most * bins:
        raise InputError(
            f"N={balls} balls do not fit into K={bins} bins of {fewest} to {most} balls; change "
            "`min_balls_per_bin` or `max_balls_per_bin`"
        )
    return noise.balls_in_bins(
        balls, bins, fewest=fewest, most=most, stream=_check.random_stream(random_state)
    )


def _class_prior(py: ArrayLike, size: int) -> NDArray[np.float64]:
    prior = _check.floats(_check.as_array(py, name="py"), name="py").astype(np.float64)
    if prior.shape != (size,):
        raise InputError(f"`py` must have shape ({size},), one number per class, got {prior.shape}")
    return prior
