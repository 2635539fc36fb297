"""Noise that is known in part, classes that are never wrong, issues found without any of it."""

from typing import Any, NamedTuple

from numpy.typing import NDArray

from datalab._core.latent import PRIORS, divided, estimate_latent, noise_rates
from datalab._typing import FloatArray, IndexArray

__all__ = ["Noise", "estimate_noise", "with_error_free_class"]


class Noise(NamedTuple):
    """What is known about the noise of labels; K classes.

    The joint counts (given, true); `noise_matrix[i, j]` is P(given i | true j) and
    `inverse_noise_matrix[i, j]` is P(true i | given j).
    """

    confident_joint: NDArray[Any]
    py: FloatArray
    noise_matrix: FloatArray
    inverse_noise_matrix: FloatArray


def estimate_noise(
    joint: NDArray[Any],
    counts: IndexArray,
    *,
    noise: FloatArray | None = None,
    inverse: FloatArray | None = None,
    joint_is_known: bool = False,
    converge: bool = False,
) -> Noise:
    """The class prior and both noise matrices.

    Parameters
    ----------
    joint : ndarray of shape (K, K)
        Confident joint, calibrated or not.
    counts : ndarray of shape (K,)
        Label counts.
    noise, inverse : ndarray of shape (K, K), optional
        Noise matrices that are known. From one of them the prior and the other one follow by
        Bayes' rule; without any all three are estimated from the joint.
    joint_is_known : bool
        Whether the joint is no estimate, so that it tells the noise matrix.
    converge : bool
        Whether estimates are made to agree with each other.
    """
    given = counts / counts.sum()
    if joint_is_known and noise is None:
        noise = divided(joint, joint.sum(axis=0))
    if noise is not None and inverse is not None:
        return Noise(joint, PRIORS["cnt"](given, noise, inverse, joint), noise, inverse)
    if noise is not None:
        prior = PRIORS["eqn"](given, noise, noise, joint)
        return Noise(joint, prior, noise, noise_rates(divided((noise * prior).T, given)))
    if inverse is not None:
        prior = PRIORS["marginal_ps"](given, inverse, inverse, joint)
        return Noise(joint, prior, noise_rates(divided((inverse * given).T, prior)), inverse)
    return Noise(joint, *estimate_latent(joint, counts, converge=converge))


def with_error_free_class(estimates: Noise, sure: int) -> Noise:
    """The same for two classes of which the labels `sure` are known to be right.

    The diagonal of the other class becomes 1, in the joint as well, as in the reference.
    """
    joint, noise, inverse = (
        matrix.copy()
        for matrix in (
            estimates.confident_joint,
            estimates.noise_matrix,
            estimates.inverse_noise_matrix,
        )
    )
    other = 1 - sure
    for matrix in (joint, noise):
        matrix[sure, other], matrix[other, other] = 0, 1
    inverse[other, sure], inverse[sure, sure] = 0, 1
    return Noise(joint, estimates.py, noise, inverse)
