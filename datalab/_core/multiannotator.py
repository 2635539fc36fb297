"""Several annotators per item: votes, agreement, and the quality of single answers.

Answers are kept in long form (one entry per answer), so that time and memory grow with their
number and not with items × annotators. What the answers say together with models stands in
`datalab._core.crowdlab`, what they say alone in `datalab._core.dawid_skene`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._core.blocks import each_block, row_blocks
from datalab._core.count import NEVER_REACHED, THRESHOLD_FLOOR
from datalab._core.rank import SCORES
from datalab._typing import BoolArray, FloatArray, IndexArray

__all__ = [
    "Answers",
    "Opinion",
    "Weights",
    "agreement_with",
    "answer_quality",
    "answers_from",
    "best_labels",
    "label_agreement",
    "majority_vote",
    "mean_of_known",
    "peer_agreement",
    "ranked_shares",
    "ratio",
    "sums",
    "worst_class",
]

# Values that differ by rounding only are tied.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Answers:
    """Who gave which item which label: one entry per answer.

    Parameters
    ----------
    item, annotator, label : ndarray of int, shape (number of answers,)
    cell : ndarray of int, shape (number of answers,)
        Position of (item, label) in a flattened (n_items, n_classes) array.
    votes : ndarray of int, shape (n_items, n_classes)
        Number of answers for each label.
    per_item : ndarray of int, shape (n_items,)
        Number of answers; may be 0 only where a function says so.
    n_annotators : int
    """

    item: IndexArray
    annotator: IndexArray
    label: IndexArray
    cell: IndexArray
    votes: IndexArray
    per_item: IndexArray
    n_annotators: int

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.votes)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.votes.shape[1])

    def at_label(self, by_class: NDArray[Any]) -> NDArray[Any]:
        """For each answer the entry of an (n_items, n_classes) array at its item and label."""
        return by_class.reshape(-1)[self.cell]

    def sum_by_annotator(self, values: NDArray[Any] | None = None) -> FloatArray:
        """The sum over each annotator's answers of one value per answer; None counts them."""
        return sums(self.annotator, values, self.n_annotators)


def answers_from(
    item: IndexArray,
    annotator: IndexArray,
    label: IndexArray,
    *,
    n_items: int,
    n_annotators: int,
    n_classes: int,
) -> Answers:
    """Answers with their tallies."""
    cell = item * n_classes + label
    votes = np.bincount(cell, minlength=n_items * n_classes).reshape(n_items, n_classes)
    per_item = np.bincount(item, minlength=n_items)
    return Answers(item, annotator, label, cell, votes, per_item, n_annotators)


@dataclass(frozen=True, slots=True)
class Weights:
    """How far CROWDLAB trusts each model, shape (P,), and each annotator, shape (n_annotators,)."""

    model: FloatArray
    annotator: FloatArray


@dataclass(frozen=True, slots=True)
class Opinion:
    """How probable each class of each item is, and how good the annotators are.

    Parameters
    ----------
    posterior : ndarray of shape (n_items, n_classes)
    annotator_quality : ndarray of shape (n_annotators,), optional
        Where it does not depend on the quality of the single answers.
    weights : Weights, optional
        Of models and annotators, where they were weighted.
    """

    posterior: FloatArray
    annotator_quality: FloatArray | None = None
    weights: Weights | None = None


def majority_vote(answers: Answers, probs: FloatArray | None = None) -> IndexArray:
    """The label that most annotators gave each item, shape (n_items,).

    Ties go to the class of higher probability under the model; then to the class that was given
    less often overall; then to the annotators who agree more with the untied majorities; then to
    the lowest class code.
    """
    votes = answers.votes
    winner: IndexArray = votes.argmax(axis=1)
    most = votes[np.arange(len(votes)), winner]
    tied = np.flatnonzero((votes == most[:, None]).sum(axis=1) > 1)
    if not tied.size:
        return winner
    candidates = votes[tied] == most[tied, None]
    if probs is not None:
        candidates = _keep_best(candidates, probs[tied])
    candidates = _keep_best(candidates, -votes.sum(axis=0))
    if (candidates.sum(axis=1) > 1).any():
        candidates = _keep_best(candidates, _support(answers, winner, tied))
    winner[tied] = candidates.argmax(axis=1)
    return winner


def _keep_best(candidates: BoolArray, value: NDArray[Any]) -> BoolArray:
    """Those candidates in each row whose value is the highest."""
    masked = np.where(candidates, value, -np.inf)
    best: BoolArray = masked >= masked.max(axis=1, keepdims=True) - ROUNDING
    return best


def _support(answers: Answers, winner: IndexArray, tied: IndexArray) -> FloatArray:
    """Mean agreement with untied majorities of those who gave each label, (tied items, K)."""
    untied = np.ones(answers.n_items)
    untied[tied] = 0
    judged = untied[answers.item]
    right = answers.sum_by_annotator(judged * (answers.label == winner[answers.item]))
    quality = ratio(right, answers.sum_by_annotator(judged))
    quality = np.where(np.isnan(quality), mean_of_known(quality), quality)
    support = sums(answers.cell, quality[answers.annotator], answers.votes.size)
    return ratio(support.reshape(answers.votes.shape)[tied], answers.votes[tied], empty=0.0)


def best_labels(posterior: FloatArray, vote: IndexArray) -> IndexArray:
    """The class of highest probability in each row; the majority vote where that is tied."""
    highest = posterior.max(axis=1, keepdims=True)
    tied = (posterior >= highest - ROUNDING).sum(axis=1) > 1
    best: IndexArray = np.where(tied, vote, posterior.argmax(axis=1))
    return best


def label_agreement(answers: Answers, consensus: IndexArray) -> FloatArray:
    """The share of each item's annotators who gave the consensus label; NaN without any answer."""
    return ratio(answers.votes[np.arange(answers.n_items), consensus], answers.per_item)


def peer_agreement(answers: Answers, gold: IndexArray | None = None) -> FloatArray:
    """How often each annotator agrees with another one on the same item, shape (n_annotators,).

    Every pair of answers counts once; where the truth is known (`gold`, -1 elsewhere), agreement
    with it counts in place of that with others. Whoever shares no item gets the mean of the others.
    """
    same, others = answers.at_label(answers.votes) - 1, answers.per_item[answers.item] - 1
    if gold is not None:
        truth = gold[answers.item]
        same = np.where(truth < 0, same, answers.label == truth)
        others = np.where(truth < 0, others, 1)
    share = ratio(answers.sum_by_annotator(same), answers.sum_by_annotator(others))
    return np.where(np.isnan(share), mean_of_known(share), share)


def agreement_with(answers: Answers, consensus: IndexArray, *, shared: bool = False) -> FloatArray:
    """How often each annotator gave the consensus label, shape (n_annotators,).

    With `shared`, over the items that somebody else labelled too; NaN for whoever has none.
    """
    counted = answers.per_item[answers.item] > shared
    right = counted & (answers.label == consensus[answers.item])
    return ratio(answers.sum_by_annotator(right), answers.sum_by_annotator(counted))


def worst_class(answers: Answers, consensus: IndexArray, quality: FloatArray) -> IndexArray:
    """The label that each annotator gives least in agreement with the consensus, (n_annotators,).

    Ties go to the label given more often, then to the one whose items have the surer consensus
    (`quality`, shape (n_items,)), then to the lowest code.
    """
    shape = answers.n_annotators, answers.n_classes
    pair = answers.annotator * answers.n_classes + answers.label

    def table(values: NDArray[Any] | None = None) -> FloatArray:
        return sums(pair, values, shape[0] * shape[1]).reshape(shape)

    count = table()
    right = ratio(table(answers.label == consensus[answers.item]), count, empty=0.0)
    sure = ratio(table(quality[answers.item]), count, empty=0.0)
    candidates = _keep_best(count > 0, -right)
    candidates = _keep_best(candidates, count)
    worst: IndexArray = _keep_best(candidates, sure).argmax(axis=1)
    return worst


def answer_quality(
    posterior: FloatArray,
    item: IndexArray,
    label: IndexArray,
    annotator: IndexArray,
    method: str = "self_confidence",
    *,
    adjust: bool = False,
) -> FloatArray:
    """Quality of labels of items under the posterior, one for each entry of the index arrays.

    Parameters
    ----------
    posterior : ndarray of shape (n_items, n_classes)
    item, label, annotator : ndarray of int, shape (m,)
    method : key of `datalab._core.rank.SCORES`
    adjust : bool
        Whether the confident thresholds of each annotator's own labels are taken off first.
    """
    given: FloatArray = posterior[item, label]
    if method == "self_confidence" and not adjust:
        return given
    shift = _shifts(given, label, annotator, posterior.shape[1]) if adjust else None

    def quality(part: slice) -> FloatArray:
        block = posterior[item[part]]
        if shift is not None:
            block = block + shift[annotator[part]]
            block /= block.sum(axis=1, keepdims=True)
        return SCORES[method](label[part], block)

    blocks = row_blocks(len(given), posterior.shape[1] * posterior.itemsize)
    return np.concatenate(each_block(quality, blocks))


def _shifts(
    given: FloatArray, label: IndexArray, annotator: IndexArray, n_classes: int
) -> FloatArray:
    """What is added to probabilities for each annotator and class; see `rank.adjusted`."""
    pair = annotator * n_classes + label
    size = (int(annotator.max()) + 1) * n_classes
    mean = ratio(sums(pair, given, size), sums(pair, None, size), empty=NEVER_REACHED)
    thresholds = np.maximum(mean, THRESHOLD_FLOOR).reshape(-1, n_classes)
    shifts: FloatArray = thresholds.max(axis=1, keepdims=True) - thresholds
    return shifts


def ranked_shares(answers: Answers) -> FloatArray:
    """Shares of the labels that occur on an item, lowest label first, shape (n_items, n_classes).

    Column r holds the share of the r-th lowest label *given to that item*: the share of label r
    only where all lower labels were given as well. This is the distribution with which the
    reference judges ``quality_method="agreement"`` and fits temperatures, and equal numbers need
    it; the shares by label would be ``votes / per_item``.
    """
    item, label = np.nonzero(answers.votes)
    first = np.searchsorted(item, np.arange(answers.n_items))
    rank = np.arange(len(item)) - first[item]
    shares = np.zeros(answers.votes.shape)
    shares[item, rank] = answers.votes[item, label] / answers.per_item[item]
    return shares


def sums(group: IndexArray, values: NDArray[Any] | None, size: int) -> FloatArray:
    """For each of `size` groups the sum of the values of its members; None counts them."""
    if values is None:
        return np.bincount(group, minlength=size).astype(np.float64)
    return np.bincount(group, weights=values, minlength=size).astype(np.float64, copy=False)


def ratio(
    numerator: NDArray[Any], denominator: NDArray[Any], *, empty: float = np.nan
) -> FloatArray:
    """Numerator / denominator; `empty` where the latter is 0."""
    quotient = np.full(numerator.shape, empty)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def mean_of_known(values: FloatArray) -> float:
    """The mean of the values that are not NaN; 1 when there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else 1.0
