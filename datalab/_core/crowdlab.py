"""Consensus from annotators and models: CROWDLAB, and the temperatures of the models.

Goh, Tkachenko, Mueller: CROWDLAB: supervised learning to infer consensus labels and quality scores
for data with multiple annotators, arXiv:2210.06812, section 3.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from datalab._core.multiannotator import (
    Answers,
    Opinion,
    Weights,
    agreement_with,
    label_agreement,
    peer_agreement,
    ratio,
    sums,
)
from datalab._typing import FloatArray, IndexArray

__all__ = ["annotator_quality", "crowdlab", "fit_temperature", "tempered"]

# Weights are kept above this, so that no answer is counted against what it says.
MIN_WEIGHT = 1e-6
# Temperatures that are tried first; then four steps to either side of the best.
TEMPERATURES = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0, 3.0, 5.0, 8.0)
FINE_STEPS = 4
LOG_FLOOR = 1e-30  # stands for probability 0 where a logarithm is taken


def crowdlab(
    answers: Answers, probs: FloatArray, gold: IndexArray | None = None
) -> Callable[[IndexArray], Opinion]:
    """What annotators and models say together, given a first consensus (equations 2 to 8).

    Weights are one minus the error relative to always giving the commonest class: of annotators
    against each other, of models against the consensus. A model's is multiplied by the root of the
    mean number of answers. The posterior is the weighted mean of the models' probabilities and of
    one distribution per answer, which has P, the mean agreement with the consensus, on its label.

    Parameters
    ----------
    answers : Answers
        At least one for each item, and two for some.
    probs : ndarray of shape (number of models, n_items, n_classes)
    gold : ndarray of int, shape (n_items,), optional
        True labels where they are known, otherwise -1: annotators are judged by them there, and
        the posterior is certain.

    Returns
    -------
    callable
        From a consensus, shape (n_items,), to the opinion.
    """
    predicted, peers = probs.argmax(axis=2), peer_agreement(answers, gold)
    known = np.zeros(answers.n_items, dtype=bool) if gold is None else gold >= 0
    shared = (answers.per_item > 1) | known
    per_item = answers.per_item[answers.per_item > 0].mean()

    def opinion(consensus: IndexArray) -> Opinion:
        agreed = consensus[shared]
        commonest = np.bincount(agreed, minlength=answers.n_classes).max() / len(agreed)
        baseline = max(1 - commonest, MIN_WEIGHT)
        wrong = (predicted[:, shared] != agreed).mean(axis=1)
        model = np.maximum(1 - wrong / baseline, MIN_WEIGHT) * np.sqrt(per_item)
        annotator = np.maximum(1 - (1 - peers) / baseline, MIN_WEIGHT)
        right = float(label_agreement(answers, consensus)[shared].mean())
        posterior = _weighted(answers, probs, model, annotator, right)
        posterior[known] = np.eye(answers.n_classes)[consensus[known]]
        return Opinion(posterior, weights=Weights(model, annotator))

    return opinion


def _weighted(
    answers: Answers,
    probs: FloatArray,
    model: FloatArray,
    annotator: FloatArray,
    right: float,
) -> FloatArray:
    wrong = (1 - right) / max(answers.n_classes - 1, 1)
    weight = annotator[answers.annotator]
    mixed = sums(answers.cell, weight * (right - wrong), answers.votes.size)
    mixed = mixed.reshape(answers.votes.shape)
    for one, member in zip(model, probs, strict=True):
        mixed += one * member
    human = sums(answers.item, weight, answers.n_items)
    mixed += (wrong * human)[:, None]
    mixed /= (human + model.sum())[:, None]
    return mixed


def annotator_quality(
    answers: Answers, consensus: IndexArray, answer_scores: FloatArray, opinion: Opinion
) -> FloatArray:
    """Quality of annotators, shape (n_annotators,) (section 3.3).

    With models, the mean score of their answers and their agreement with the consensus, weighted
    like models and annotators; otherwise what the opinion says, or else the agreement alone.
    """
    if opinion.annotator_quality is not None:
        return opinion.annotator_quality
    agreed = agreement_with(answers, consensus, shared=True)
    if opinion.weights is None:
        return agreed
    score = ratio(answers.sum_by_annotator(answer_scores), answers.sum_by_annotator())
    model, annotator = opinion.weights.model.mean(), opinion.weights.annotator.mean()
    share = model / (model + annotator * answers.per_item.mean())
    quality: FloatArray = share * score + (1 - share) * agreed
    return quality


def fit_temperature(probs: FloatArray, shares: FloatArray) -> float:
    """The temperature at which probabilities (N, K) have the least cross entropy to `shares`.

    Classes of probability 0 are left out of the sum, as in the reference.
    """
    possible = probs > 0
    logs = np.log(probs, out=np.full(probs.shape, -np.inf), where=possible)
    logs -= logs.max(axis=1, keepdims=True)
    linear = float((shares[possible] * logs[possible]).sum())
    told = np.where(possible, shares, 0.0).sum(axis=1)

    def best(temperatures: Sequence[float]) -> int:
        losses = [told @ np.log(np.exp(logs / t).sum(axis=1)) - linear / t for t in temperatures]
        return int(np.argmin(losses))

    at = best(TEMPERATURES)
    around = TEMPERATURES[max(at - 1, 0) : at + 2]
    fine = [
        float(t)
        for low, high in itertools.pairwise(around)
        for t in np.linspace(low, high, FINE_STEPS, endpoint=False)
    ]
    return fine[best(fine)]


def tempered(probs: FloatArray, temperature: float) -> FloatArray:
    """Probabilities (…, K) to the power 1 / temperature, rows summing to 1."""
    logs = np.log(np.maximum(probs, LOG_FLOOR, dtype=np.float64))
    logs -= logs.max(axis=-1, keepdims=True)
    powers: FloatArray = np.exp(logs / temperature)
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers
