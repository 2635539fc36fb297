"""Artificial label noise with a chosen noise matrix.

A noise matrix holds P(given = i | true = j) in row i, column j: its columns sum to 1. Random
numbers come from the `stream` that the caller hands in, a ``RandomState`` or a ``Generator``.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from datalab._typing import Codes
from datalab.exceptions import InputError

__all__ = [
    "balls_in_bins",
    "flip_labels",
    "learnable",
    "noise_matrix_from_diagonal",
    "simplex_sample",
]

Stream: TypeAlias = np.random.RandomState | np.random.Generator

TOLERANCE = 1e-6  # bounds and sums hold up to this much


def learnable(noise_matrix: NDArray[np.float64], py: NDArray[np.float64]) -> bool:
    """Whether each given class is more often right than independence of the labels would make it.

    That is ``P(given=i) P(true=i) < P(given=i, true=i)`` for every class: the condition under
    which learning with this noise is possible.
    """
    joint = noise_matrix * py
    ps = joint.sum(axis=1)
    return bool(abs(joint.sum() - 1.0) <= TOLERANCE and (ps * py < joint.diagonal()).all())


def flip_labels(
    codes: Codes, noise_matrix: NDArray[np.float64], stream: Stream
) -> NDArray[np.int64]:
    """Flip exactly ``int(noise_matrix[i, k] * count_k)`` labels of class k to each class i."""
    counts = np.bincount(codes, minlength=len(noise_matrix))
    # By way of the class prior, as in cleanlab: where rounding makes 3 into 2.999…, 2 labels flip.
    flips = (noise_matrix * (counts / counts.sum()) * counts.sum()).astype(np.int64)
    np.fill_diagonal(flips, 0)
    noisy = codes.copy()
    for k in np.flatnonzero(flips.any(axis=0)):
        chosen = stream.choice(np.flatnonzero(codes == k), flips[:, k].sum(), replace=False)
        noisy[chosen] = np.repeat(np.arange(len(flips)), flips[:, k])
    return noisy


def simplex_sample(
    n: int, total: float, *, lowest: float, highest: float, stream: Stream
) -> NDArray[np.float64]:
    """`n` random numbers that sum to `total`, each in [lowest, highest].

    Uniform on the simplex; while a bound is broken, a random amount that mends it moves from the
    largest number to the smallest.

    Raises
    ------
    InputError
        No such numbers exist.
    """
    if n == 0:
        return np.zeros(0)
    if not lowest - TOLERANCE <= total / n <= highest + TOLERANCE:
        raise InputError(
            f"{n} numbers from {lowest:g} to {highest:g} cannot sum to {total:g}; widen the bounds "
            "(min_prob and max_prob; of a noise matrix, those of its trace and its noise rates)"
        )
    values = stream.dirichlet(np.ones(n)) * total
    while values.max() > highest + TOLERANCE:
        least, most = values.min(), values.max()
        _move_to_smallest(values, most - highest, highest - least, stream)
    while values.min() < lowest - TOLERANCE:
        least, most = values.min(), values.max()
        _move_to_smallest(values, lowest - least, most - lowest, stream)
    return values


def _move_to_smallest(
    values: NDArray[np.float64], at_least: float, at_most: float, stream: Stream
) -> None:
    amount = at_least + stream.random() * (at_most - at_least)
    smallest, largest = values.argmin(), values.argmax()
    values[smallest] += amount
    values[largest] -= amount


def balls_in_bins(
    n_balls: int, n_bins: int, *, fewest: int, most: int, stream: Stream
) -> NDArray[np.int64]:
    """Random integers that sum to `n_balls`, one per bin, each in [fewest, most]."""
    if n_balls == 0:
        return np.zeros(n_bins, dtype=np.int64)
    shares = simplex_sample(
        n_bins, 1, lowest=fewest / n_balls, highest=most / n_balls, stream=stream
    )
    balls = np.round(shares * n_balls).astype(np.int64)
    while balls.sum() > n_balls:
        balls[balls.argmax()] -= 1
    while balls.sum() < n_balls:
        balls[balls.argmin()] += 1
    return balls


def noise_matrix_from_diagonal(
    diagonal: NDArray[np.float64],
    zeros: int,
    off_diagonal: Callable[[int, float], NDArray[np.float64]],
    stream: Stream,
) -> NDArray[np.float64]:
    """A noise matrix with the given diagonal and number of zeros.

    Parameters
    ----------
    diagonal : array of shape (K,)
        Probability that a label of each class is right.
    zeros : int
        Number of off-diagonal entries that are 0, at most K (K - 2).
    off_diagonal : callable
        ``off_diagonal(n, total)`` makes n random entries that sum to `total`.
    stream : RandomState or Generator
        Places the entries.
    """
    K = len(diagonal)
    matrix = np.diag(diagonal)
    filled = np.full(K, K - 1)
    if zeros:
        filled -= balls_in_bins(zeros, K, fewest=0, most=K - 2, stream=stream)
    for k in range(K):
        entries = off_diagonal(int(filled[k]), 1.0 - diagonal[k])
        rows = stream.choice(np.delete(np.arange(K), k), filled[k], replace=False)
        matrix[rows, k] = entries[::-1]
    return matrix.clip(0.0, 1.0)
