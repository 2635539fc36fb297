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
    NARROW,
    argmaxes,
    blocks_of,
    confident_thresholds,
    given_probs,
    row_max,
)
from datalab._stack import at_cells
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


def _largest_other(labels: NDArray[np.int64], block: FloatArray) -> FloatArray:
    """The largest probability of each row besides that of its label; 0 for a single class."""
    n_rows, n_classes = block.shape
    if n_classes <= NARROW:
        others = block.copy()
        others[np.arange(n_rows), labels] = 0.0  # probabilities of other classes are not below
        return row_max(others)
    # The parts of each row before its label, at it, and after it, without a copy.
    start = np.arange(0, block.size, n_classes)
    ends = np.stack([start, start + labels, np.minimum(start + labels + 1, block.size - 1)], axis=1)
    before, _, after = np.maximum.reduceat(block.ravel(), ends.ravel()).reshape(n_rows, 3).T
    before[labels == 0] = 0.0
    after[labels == n_classes - 1] = 0.0
    largest: FloatArray = np.maximum(before, after)
    return largest


def _normalized_margin(labels: NDArray[np.int64], block: FloatArray) -> FloatArray:
    margin: FloatArray = (given_probs(labels, block) - _largest_other(labels, block) + 1) / 2
    return margin


def _confidence_weighted_entropy(labels: NDArray[np.int64], block: FloatArray) -> FloatArray:
    probs = np.asarray(block, np.float64, order="C")  # sums do not depend on the layout
    logs = probs + np.finfo(np.float64).tiny  # 0 log 0 = 0
    np.log(logs, out=logs)
    entropy = -np.einsum("ij,ij->i", probs, logs)
    entropy /= np.log(max(2, probs.shape[1]))
    weighted = entropy / np.maximum(given_probs(labels, probs), EPS)
    score: FloatArray = np.log1p(weighted) / np.maximum(weighted, EPS)
    return score


def _log_odds(labels: NDArray[np.int64], block: FloatArray) -> FloatArray:
    # The log odds of the label against the best other class, as a probability.
    given = given_probs(labels, block)
    both = given + _largest_other(labels, block)
    share: FloatArray = given / np.maximum(both, np.finfo(block.dtype).tiny)
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
    return np.concatenate(each_block(quality, blocks_of(pred_probs, n_rows)))


def adjusts(rank_by_kwargs: Mapping[str, Any] | None) -> bool:
    """Whether `rank_by_kwargs` ask for adjusted probabilities."""
    options = keywords(rank_by_kwargs, ["adjust_pred_probs"], name="rank_by_kwargs")
    return bool(options.get("adjust_pred_probs", False))


def adjusted(pred_probs: FloatArray, thresholds: FloatArray) -> FloatArray:
    """Probabilities less their class thresholds, lifted to be positive, rows summing to 1."""
    cuts = thresholds.astype(pred_probs.dtype)
    lifted = np.subtract(pred_probs, cuts, order="C")
    lifted += cuts.max()
    lifted /= lifted.sum(axis=1, keepdims=True)
    return lifted


def worst_first(rows: IndexArray, quality: FloatArray) -> IndexArray:
    """`rows` ordered by their `quality` (same shape), equal ones by row number."""
    return rows[ascending(quality)]


def ascending(values: FloatArray) -> IndexArray:
    """Positions in ascending order of value, equal ones by position: a stable argsort.

    numpy's default sort is several times as fast as its stable one; runs of equal values are put
    in order afterwards.
    """
    order = np.argsort(values)
    same = np.empty(max(0, len(values) - 1), dtype=bool)
    for part in row_blocks(len(same), values.itemsize):
        ranked = values[order[part.start : part.stop + 1]]
        same[part] = ranked[1:] == ranked[:-1]
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

    return np.concatenate(each_block(shares, blocks_of(member)))


def _log_loss(given: FloatArray) -> FloatArray:
    eps = np.finfo(given.dtype).eps
    losses: FloatArray = -np.log(np.clip(given, eps, 1 - eps)).mean(axis=1, dtype=np.float64)
    return losses


WEIGHTINGS: dict[str, Callable[[Codes, Sequence[Probs], Sequence[float]], FloatArray]] = {
    "uniform": _uniform,
    "accuracy": _accuracy,
    "log_loss_search": _log_loss_search,
}
