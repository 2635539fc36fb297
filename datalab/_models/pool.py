"""Several predictions put together, weighted by how well they predict held-out labels.

G. Hinton: Training products of experts by minimizing contrastive divergence, Neural Computation 14
(2002), section 1 (products of powers); C. Guo, G. Pleiss, Y. Sun, K. Weinberger: On calibration of
modern neural networks, ICML 2017, section 4.2 (a power is an inverse temperature); Z. Zhang, M.
Sabuncu: Generalized cross entropy loss for training deep neural networks with noisy labels, NeurIPS
2018, equation 6.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from datalab._typing import BoolArray, FloatArray, IndexArray

__all__ = ["Pool", "log_loss", "pool_classes", "pool_numbers", "pool_sets"]

# Nothing is thought less likely than this.
FLOOR = 1e-6
# No prediction counts more often than this; many weak agreeing ones need no such weight.
HIGHEST = 6.0
# Between likelihood (0) and agreement with the labels (1): what the paper on this loss uses.
BOUNDED = 0.7
# Weights are found on so many rows, which is plenty for a handful of numbers.
MAX_ROWS = 20_000
# Rows are put together so many at a time.
BLOCK = 20_000


class Pool(NamedTuple):
    """What several predictions say together.

    Parameters
    ----------
    value : ndarray
        Of the shape of each prediction.
    weights : ndarray of shape (number of predictions,)
    """

    value: FloatArray
    weights: FloatArray


def log_loss(probs: FloatArray, codes: IndexArray) -> float:
    """Mean minus log of the probability of the given label."""
    return float(-np.log(np.maximum(probs[np.arange(len(codes)), codes], FLOOR)).mean())


def _logs(probs: FloatArray) -> FloatArray:
    logs: FloatArray = np.log(np.maximum(probs, FLOOR))
    return logs


def _softmax(scores: FloatArray) -> FloatArray:
    scores = scores - scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def pool_classes(
    members: Sequence[FloatArray], codes: IndexArray, counted: BoolArray, seed: int
) -> Pool:
    """The normalised product of powers of several probabilities that makes the labels likeliest.

    Parameters
    ----------
    members : sequence of M ndarrays of shape (N, K)
        Out-of-sample probabilities.
    codes : ndarray of int, shape (N,)
        Given labels.
    counted : ndarray of bool, shape (N,)
        Rows that say how good the members are.
    seed : int
        Draws the rows when there are many.

    Returns
    -------
    Pool
        Probabilities of shape (N, K); powers in [0, 6]. One power calibrates a single member.

    Notes
    -----
    By likelihood alone, a few labels that are plainly wrong would decide between the members, and
    of two members that agree with the labels alike the one that has learned how labels go wrong
    would win, which is of no use to whoever looks for wrong ones. So the proportions of the members
    are those of least generalised cross-entropy ``(1 - p^0.7) / 0.7``, which no label can make
    larger than 1.43. Then one power for all makes the labels likeliest as they are: the
    probabilities are those of the given labels. O(N K M) per step.
    """
    rows = _some(np.flatnonzero(counted), seed)
    weights = np.full(len(members), 1.0 / len(members))
    if len(rows):
        logs = np.stack([_logs(member[rows]) for member in members])
        weights = _powers(logs, codes[rows], BOUNDED)
        product = np.einsum("m,mnk->nk", weights, logs, optimize=True)[None]
        weights = weights * _powers(product - product.max(axis=2, keepdims=True), codes[rows])
    value = np.empty(members[0].shape)
    for start in range(0, len(value), BLOCK):
        block = slice(start, start + BLOCK)
        value[block] = _softmax(
            sum(w * _logs(m[block]) for w, m in zip(weights, members, strict=True))
        )
    return Pool(value, weights)


def _some(rows: IndexArray, seed: int) -> IndexArray:
    if len(rows) <= MAX_ROWS:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, MAX_ROWS, replace=False))


def _powers(logs: FloatArray, codes: IndexArray, bounded: float = 0.0) -> FloatArray:
    """The powers of members, (M, N, K) logarithms, of least loss: by default of most likelihood."""
    n_members, n_rows = len(logs), logs.shape[1]
    start = np.full(n_members, 1.0 / n_members)
    at = np.arange(n_rows)
    given = logs[:, at, codes]

    def loss(powers: FloatArray, bounded: float) -> tuple[float, FloatArray]:
        scores = np.einsum("m,mnk->nk", powers, logs, optimize=True)
        probs = _softmax(scores)
        likely = np.maximum(probs[at, codes], 1e-300)
        # How much a row counts: less, the less likely its label is.
        trust = likely**bounded
        losses = (1 - trust) / bounded if bounded else -np.log(likely)
        pull = powers - start
        value = float(losses.mean()) + 0.5 * float(pull @ pull) / n_rows
        expected = np.einsum("nk,mnk->mn", probs, logs, optimize=True)
        return value, ((expected - given) * trust).mean(axis=1) + pull / n_rows

    # Likelihood is convex; from its answer the other one is begun.
    bounds = [(0.0, HIGHEST)] * n_members
    found = _minimised(lambda powers: loss(powers, 0.0), start, bounds)
    return _minimised(lambda powers: loss(powers, bounded), found, bounds) if bounded else found


def _minimised(loss: object, start: FloatArray, bounds: list[tuple[float, float]]) -> FloatArray:
    from scipy.optimize import minimize  # noqa: PLC0415

    found: FloatArray = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return found


def pool_sets(members: Sequence[FloatArray], held: BoolArray, seed: int) -> Pool:
    """The same for labels that are sets of classes: each class is there or not.

    Parameters
    ----------
    members : sequence of M ndarrays of shape (N, K)
        Out-of-sample probabilities of each class.
    held : ndarray of bool, shape (N, K)
        Which classes each row has.
    seed : int
    """
    rows = _some(np.arange(len(held)), seed)
    both = [np.stack([1.0 - m[rows], m[rows]], axis=-1).reshape(-1, 2) for m in members]
    weights = _powers(np.stack([_logs(b) for b in both]), held[rows].ravel().astype(np.intp))
    odds = sum(w * (_logs(m) - _logs(1.0 - m)) for w, m in zip(weights, members, strict=True))
    return Pool(1.0 / (1.0 + np.exp(-odds)), weights)


def pool_numbers(members: Sequence[FloatArray], target: FloatArray, seed: int) -> Pool:
    """The mean of several predictions, in shares, whose absolute error is least.

    Parameters
    ----------
    members : sequence of M ndarrays of shape (N,)
        Out-of-sample predictions.
    target : ndarray of shape (N,)
        Given numbers; some may be wrong, so squares are not used.
    seed : int
    """
    rows = _some(np.arange(len(target)), seed)
    table = np.column_stack([member[rows] for member in members])
    residual = table - target[rows, None]
    scale = max(float(np.median(np.abs(residual))), np.finfo(float).tiny)

    def loss(shares: FloatArray) -> tuple[float, FloatArray]:
        weights = shares / shares.sum()
        off = residual @ weights / scale
        size = np.sqrt(1.0 + off**2)  # pseudo-Huber
        slope = (off / size) @ residual / scale / len(rows)
        return float(size.mean()), (slope - weights @ slope) / shares.sum()

    start = np.full(len(members), 1.0 / len(members))
    shares = _minimised(loss, start, [(FLOOR, HIGHEST)] * len(members))
    weights = shares / shares.sum()
    value: FloatArray = np.column_stack(members) @ weights
    return Pool(value, weights)
