"""How likely each given label is right: scores in [0, 1], low means severe.

Kuan, Mueller: Model-agnostic label quality scoring to detect real-world label errors, ICML
DataPerf workshop 2022, section 3 (scores, adjustment) and its ensemble extension.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._check import keywords
from datalab._core.blocks import each_block, row_blocks
from datalab._core.count import (
    EPS,
    argmaxes,
    at_cells,
    confident_thresholds,
    given_probs,
    row_max,
)
from datalab._typing import Codes, FloatArray, IndexArray, Probs
from datalab.exceptions import InputError

__all__ = [
    "ADJUSTABLE",
    "SCORES",
    "WEIGHTINGS",
    "adjusted",
    "adjusts",
    "ascending",
    "label_quality",
    "worst_first",
]


def _self_confidence(labels: NDArray[np.int64], block: FloatArray) -> FloatArray:
    return given_probs(labels, block)


def _normalized_margin(labels: NDArray[np.int64], block: FloatArray) -> FloatArray:
    given = given_probs(labels, block)
    others = block.copy()
    others[np.arange(len(labels)), labels] = 0.0  # probabilities of other classes are not below
    margin: FloatArray = (given - row_max(others) + 1) / 2
    return margin


def _confidence_weighted_entropy(labels: NDArray[np.int64], block: FloatArray) -> FloatArray:
    probs = block.astype(np.float64, order="C")  # sums of a row do not depend on its layout
    entropy = -np.einsum("ij,ij->i", probs, np.log(np.maximum(probs, np.finfo(np.float64).tiny)))
    entropy /= np.log(max(2, probs.shape[1]))
    weighted = entropy / np.maximum(given_probs(labels, probs), EPS)
    score: FloatArray = np.log1p(weighted) / np.maximum(weighted, EPS)
    return score


def _log_odds(labels: NDArray[np.int64], block: FloatArray) -> FloatArray:
    given = given_probs(labels, block)
    others = block.copy()
    others[np.arange(len(labels)), labels] = 0.0
    # The log odds of the label against the best other class, as a probability.
    share: FloatArray = given / np.maximum(given + row_max(others), np.finfo(block.dtype).tiny)
    return share


SCORES: dict[str, Callable[[NDArray[np.int64], FloatArray], FloatArray]] = {
    "self_confidence": _self_confidence,
    "normalized_margin": _normalized_margin,
    "confidence_weighted_entropy": _confidence_weighted_entropy,
    "log_odds": _log_odds,
}

ADJUSTABLE = ("self_confidence", "normalized_margin")


def label_quality(
    labels: Codes,
    pred_probs: Probs,
    method: str = "self_confidence",
    *,
    adjust: bool = False,
    thresholds: FloatArray | None = None,
    rows: IndexArray | None = None,
) -> FloatArray:
    """Quality of each label, shape (N,), in [0, 1].

    Parameters
    ----------
    labels, pred_probs : Codes of shape (N,), Probs of shape (N, K)
    method : {"self_confidence", "normalized_margin", "confidence_weighted_entropy", "log_odds"}
    adjust : bool
        Whether probabilities are `adjusted` by the confident thresholds first.
    thresholds : ndarray of shape (K,), optional
        The confident thresholds, when they are known.
    rows : ndarray of int, shape (m,), optional
        Only these rows, in this order; the result has shape (m,).

    Raises
    ------
    InputError
        Adjusted probabilities have no entropy worth looking at.
    """
    if adjust and method not in ADJUSTABLE:
        raise InputError(
            f"`adjust_pred_probs` cannot be used with {method!r}; use one of {list(ADJUSTABLE)}"
        )
    if adjust and thresholds is None:
        thresholds = confident_thresholds(labels, pred_probs)
    score = SCORES[method]

    def quality(part: slice) -> FloatArray:
        chosen = part if rows is None else rows[part]
        if rows is not None and method == "self_confidence" and not adjust:
            return at_cells(pred_probs, rows[part], labels[chosen])  # no need of whole rows
        block: FloatArray = pred_probs[chosen]
        if adjust and thresholds is not None:
            block = adjusted(block, thresholds)
        return score(labels[chosen], block)

    n_rows = len(labels) if rows is None else len(rows)
    row_bytes = pred_probs.dtype.itemsize * pred_probs.shape[1]
    return np.concatenate(each_block(quality, row_blocks(n_rows, row_bytes)))


def adjusts(rank_by_kwargs: Mapping[str, Any] | None) -> bool:
    """Whether `rank_by_kwargs` ask for adjusted probabilities."""
    options = keywords(rank_by_kwargs, ["adjust_pred_probs"], name="rank_by_kwargs")
    return bool(options.get("adjust_pred_probs", False))


def adjusted(pred_probs: FloatArray, thresholds: FloatArray) -> FloatArray:
    """Probabilities less their class thresholds, lifted to be positive, rows summing to 1."""
    cuts = thresholds.astype(pred_probs.dtype)
    lifted = np.subtract(pred_probs, cuts, order="C")
    lifted += cuts.max()
    normalised: FloatArray = lifted / lifted.sum(axis=1, keepdims=True)
    return normalised


def worst_first(rows: IndexArray, quality: FloatArray) -> IndexArray:
    """`rows` ordered by their `quality` (same shape), equal ones by row number."""
    return rows[ascending(quality)]


def ascending(values: FloatArray) -> IndexArray:
    """Positions in ascending order of value, equal ones by position: a stable argsort.

    numpy's default sort is several times as fast as its stable one; runs of equal values are put
    in order afterwards.
    """
    order = np.argsort(values)
    ranked = values[order]
    same = ranked[1:] == ranked[:-1]
    if same.any():
        in_run = np.append(same, False) | np.insert(same, 0, False)
        at = np.flatnonzero(in_run)
        run = np.insert(np.cumsum(~same), 0, 0)[at]
        order[at] = order[at][np.lexsort((order[at], run))]
    return order


def _uniform(
    _labels: Codes, members: Sequence[Probs], _temperatures: Sequence[float]
) -> FloatArray:
    return np.full(len(members), 1 / len(members))


def _accuracy(
    labels: Codes, members: Sequence[Probs], _temperatures: Sequence[float]
) -> FloatArray:
    right = np.array([(argmaxes(member) == labels).mean() for member in members])
    if not right.any():  # no model is better than another
        right += 1
    shares: FloatArray = right / right.sum()
    return shares


def _log_loss_search(
    labels: Codes, members: Sequence[Probs], temperatures: Sequence[float]
) -> FloatArray:
    given = np.stack([given_probs(labels, member) for member in members])
    losses = _log_loss(np.stack([_given_shares(labels, member) for member in members]))
    # Less the smallest loss, which cancels out: no row of weights underflows to zeros.
    weights = np.exp(-np.outer(temperatures, losses - losses.min()))
    weights /= weights.sum(axis=1, keepdims=True)
    best: NDArray[np.float64] = weights[np.argmin(_log_loss(weights @ given))]
    return best


def _given_shares(labels: Codes, member: Probs) -> FloatArray:
    """p[label] as a share of its row, which need not sum to 1, and never quite 0."""

    def shares(rows: slice) -> FloatArray:
        block = np.maximum(member[rows], EPS)
        share: FloatArray = given_probs(labels[rows], block) / block.sum(axis=1)
        return share

    blocks = row_blocks(len(labels), member.itemsize * member.shape[1])
    return np.concatenate(each_block(shares, blocks))


def _log_loss(given: FloatArray) -> FloatArray:
    eps = np.finfo(given.dtype).eps
    losses: FloatArray = -np.log(np.clip(given, eps, 1 - eps)).mean(axis=1, dtype=np.float64)
    return losses


WEIGHTINGS: dict[str, Callable[[Codes, Sequence[Probs], Sequence[float]], FloatArray]] = {
    "uniform": _uniform,
    "accuracy": _accuracy,
    "log_loss_search": _log_loss_search,
}
