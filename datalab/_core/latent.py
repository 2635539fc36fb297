"""Class priors and noise rates behind a confident joint.

Northcutt, Jiang, Chuang: Confident learning, JAIR 70 (2021), section 3.1; the algebra between
priors and noise rates: Northcutt, Wu, Chuang: Rank pruning, UAI 2017, section 3.

`given` is the prior of the given labels, `prior` that of the true ones; `noise[i, j]` is
P(given i | true j) and `inverse[i, j]` is P(true i | given j), so columns sum to 1.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import FloatArray, IndexArray
from datalab.exceptions import InputError

__all__ = ["PRIORS", "divided", "estimate_latent", "noise_rates"]

# The constants, and the 3 x 5 steps of `_consistent`, are those of the reference.
LEAST_PRIOR = 1e-6
LEAST_CONSISTENT_PRIOR = 1e-5
LARGEST_RATE = 0.9999


def estimate_latent(
    joint: NDArray[Any], counts: IndexArray, py_method: str = "cnt", converge: bool = False
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Prior (K,), noise matrix (K, K) and inverse noise matrix (K, K).

    Parameters
    ----------
    joint : ndarray of shape (K, K)
        Confident joint, calibrated or not.
    counts : ndarray of shape (K,)
        Label counts.
    py_method : str
        How the prior is computed: a key of `PRIORS`.
    converge : bool
        Whether the three are made to agree with each other.
    """
    given = counts / counts.sum()
    noise = divided(joint, joint.sum(axis=0))
    inverse = divided(joint.T, joint.sum(axis=1))
    prior = PRIORS[py_method](given, noise, inverse, joint)
    return _consistent(given, prior, noise) if converge else (prior, noise, inverse)


def divided(values: FloatArray, by: FloatArray) -> FloatArray:
    """`values` / `by`, 0 where `by` is."""
    shape = np.broadcast_shapes(values.shape, by.shape)
    return np.divide(values, by, out=np.zeros(shape), where=by != 0)


def _as_prior(values: FloatArray, least: float = LEAST_PRIOR) -> FloatArray:
    clipped = np.clip(values, least, 1.0)
    prior: FloatArray = clipped / clipped.sum()
    return prior


def _by_counts(
    given: FloatArray, noise: FloatArray, inverse: FloatArray, _joint: NDArray[Any]
) -> FloatArray:
    return _as_prior(divided(inverse.diagonal(), noise.diagonal()) * given)


def _by_equation(
    given: FloatArray, noise: FloatArray, _inverse: FloatArray, _joint: NDArray[Any]
) -> FloatArray:
    try:
        return _as_prior(np.linalg.solve(noise, given))
    except np.linalg.LinAlgError as error:
        raise InputError(
            "`confident_joint` gives a noise matrix that cannot be inverted; use another "
            "`py_method` than 'eqn'"
        ) from error


def _by_marginal(
    _given: FloatArray, _noise: FloatArray, _inverse: FloatArray, joint: NDArray[Any]
) -> FloatArray:
    return _as_prior(joint.sum(axis=0) / joint.sum())


def _by_given_marginal(
    given: FloatArray, _noise: FloatArray, inverse: FloatArray, _joint: NDArray[Any]
) -> FloatArray:
    return _as_prior(inverse @ given)


PRIORS: dict[str, Callable[[FloatArray, FloatArray, FloatArray, NDArray[Any]], FloatArray]] = {
    "cnt": _by_counts,
    "eqn": _by_equation,
    "marginal": _by_marginal,
    "marginal_ps": _by_given_marginal,
}


def _consistent(
    given: FloatArray, prior: FloatArray, noise: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Alternate Bayes' rule between the two noise matrices until they agree with the prior."""
    inverse = noise
    for _ in range(3):
        for _ in range(5):
            inverse = noise_rates(divided((noise * prior).T, given))
            prior = _as_prior(divided(inverse.diagonal(), noise.diagonal()) * given)
        noise = noise_rates(divided((inverse * given).T, prior))
    return _as_prior(prior, LEAST_CONSISTENT_PRIOR), noise, inverse


def noise_rates(matrix: FloatArray) -> FloatArray:
    """Rates off the diagonal kept below 1, columns summing to 1 (or 0)."""
    off_diagonal = ~np.eye(len(matrix), dtype=bool)
    clipped = np.where(off_diagonal, np.clip(matrix, 0.0, LARGEST_RATE), matrix)
    return divided(clipped, clipped.sum(axis=0))
