"""Which examples one more label would teach most: ActiveLab.

Goh, Mueller: ActiveLab: active learning with re-labeling by multiple annotators, arXiv:2301.11856,
section 3. A label's quality is averaged with 1 / K, the quality of an uninformative answer, which
weighs as much as an average annotator: what already rests on much evidence stays as sure as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datalab._core.consensus import verdicts
from datalab._core.crowdlab import fit_temperature, tempered
from datalab._core.multiannotator import (
    Answers,
    Weights,
    answers_from,
    majority_vote,
    ranked_shares,
    sums,
)
from datalab._typing import FloatArray, IndexArray

__all__ = ["Judge", "calibrated", "equal_judge", "labelled_scores", "unlabelled_scores"]


@dataclass(frozen=True, slots=True)
class Judge:
    """What is learned from labelled examples about models and annotators.

    Parameters
    ----------
    weights : Weights
    temperatures : sequence of float
        One for each model.
    """

    weights: Weights
    temperatures: Sequence[float]


def equal_judge(n_models: int) -> Judge:
    """All models and annotators weigh the same."""
    return Judge(Weights(np.ones(n_models), np.ones(1)), [1.0] * n_models)


def labelled_scores(answers: Answers, probs: FloatArray) -> tuple[FloatArray, Judge]:
    """Scores of labelled items, shape (n_items,), low = ask again; and what was learned.

    Parameters
    ----------
    answers : Answers
        At least one for each item.
    probs : ndarray of shape (number of models, n_items, n_classes)
    """
    if answers.per_item.max() < 2:  # nobody can be compared with anybody
        quality = np.empty(answers.n_items)
        quality[answers.item] = probs[:, answers.item, answers.label].mean(axis=0)
        judge = equal_judge(len(probs))
        return _scores(quality, len(probs) + 1.0, judge, answers.n_classes), judge
    probs, temperatures = calibrated(answers, probs)
    found = verdicts(answers, probs, ["best_quality"])[0]
    weights = found.opinion.weights or equal_judge(len(probs)).weights
    human = sums(answers.item, weights.annotator[answers.annotator], answers.n_items)
    judge = Judge(weights, temperatures)
    evidence = human + weights.model.sum()
    return _scores(found.quality, evidence, judge, answers.n_classes), judge


def unlabelled_scores(probs: FloatArray, judge: Judge) -> FloatArray:
    """Scores of unlabelled items, shape (N,), from probabilities (number of models, N, K)."""
    probs = _at(probs, judge.temperatures)
    predicted = probs[:, np.arange(probs.shape[1]), _model_votes(probs)]
    model = judge.weights.model
    return _scores(model @ predicted / model.sum(), float(model.sum()), judge, probs.shape[2])


def calibrated(answers: Answers, probs: FloatArray) -> tuple[FloatArray, list[float]]:
    """Probabilities at the temperatures that fit the answers, and these, one for each model."""
    shares = ranked_shares(answers)
    temperatures = [fit_temperature(member, shares) for member in probs]
    return _at(probs, temperatures), temperatures


def _at(probs: FloatArray, temperatures: Sequence[float]) -> FloatArray:
    return np.stack([tempered(p, t) for p, t in zip(probs, temperatures, strict=True)])


def _scores(
    quality: FloatArray, evidence: FloatArray | float, judge: Judge, n_classes: int
) -> FloatArray:
    answer = judge.weights.annotator.mean()
    scores: FloatArray = (quality * evidence + answer / n_classes) / (evidence + answer)
    return scores


def _model_votes(probs: FloatArray) -> IndexArray:
    """The class that most models predict; ties like those of annotators."""
    n_models, n_items, n_classes = probs.shape
    predictions = answers_from(
        np.repeat(np.arange(n_items), n_models),
        np.tile(np.arange(n_models), n_items),
        probs.argmax(axis=2).T.reshape(-1),
        n_items=n_items,
        n_annotators=n_models,
        n_classes=n_classes,
    )
    return majority_vote(predictions, probs.mean(axis=0))
