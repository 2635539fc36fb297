"""Noise that is known in part, classes that are never wrong, issues found without any of it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._core.count import (
    THRESHOLD_FLOOR,
    class_sums,
    confident_argmaxes,
    given_probs,
    thresholds_of,
)
from datalab._core.filter import lowest
from datalab._core.latent import PRIORS, _divide, _noise_rates, estimate_latent
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray, Probs

__all__ = ["Noise", "estimate_noise", "issues_by_thresholds", "with_error_free_class"]


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
        noise = _divide(joint, joint.sum(axis=0))
    if noise is not None and inverse is not None:
        return Noise(joint, PRIORS["cnt"](given, noise, inverse, joint), noise, inverse)
    if noise is not None:
        prior = PRIORS["eqn"](given, noise, noise, joint)
        return Noise(joint, prior, noise, _noise_rates(_divide((noise * prior).T, given)))
    if inverse is not None:
        prior = PRIORS["marginal_ps"](given, inverse, inverse, joint)
        return Noise(joint, prior, _noise_rates(_divide((inverse * given).T, prior)), inverse)
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


def issues_by_thresholds(labels: Codes, pred_probs: Probs) -> BoolArray:
    """Mask of the issues that `datalab.experimental.label_issues_batched` finds, shape (N,).

    As many examples as are confidently of another class, by the lowest probability of their label;
    those whose label is their most probable class are then left out.
    """
    sums = class_sums(labels, pred_probs)
    thresholds = np.where(sums[0] > 0, thresholds_of(sums), THRESHOLD_FLOOR)
    number = int(confident_argmaxes(labels, pred_probs, thresholds)[1].sum())
    suspects = lowest(given_probs(labels, pred_probs), number, fixed=True)
    flagged: BoolArray = suspects & (pred_probs.argmax(axis=1) != labels)
    return flagged
