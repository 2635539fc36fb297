"""What to do about suspected labels before a classifier is trained, and the choice between it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from datalab._check import probabilities
from datalab._core.filter import label_issues
from datalab._core.label_flags import LabelFlags, adaptive_flags
from datalab._models.classification import cross_val_pred_probs
from datalab._models.folds import stratified_folds
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray, Probs

__all__ = ["MIN_EXAMPLES_PER_CLASS", "STRATEGIES", "Training", "Trial", "choose"]

logger = logging.getLogger("datalab")

# Classes are not emptied by default: training needs some examples of each.
MIN_EXAMPLES_PER_CLASS = 10
# A weight of 0 would leave a row out, and may leave a class without any.
LEAST_WEIGHT = 1e-3
# Standard errors by which another strategy has to beat the one that is preferred.
CLEARLY = 2.0


@dataclass(frozen=True, slots=True)
class Training:
    """What a classifier is trained on.

    Parameters
    ----------
    labels : ndarray of int, shape (N,)
    kept : ndarray of bool, shape (N,)
        Rows that are trained on.
    weights : ndarray of shape (N,), optional
        Their weights; None: all alike.
    """

    labels: Codes
    kept: BoolArray
    weights: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A classifier, the data, and the folds on which every strategy is tried.

    Parameters
    ----------
    X : rows in any container that `take_rows` can cut
    labels : ndarray of int, shape (N,)
        Given labels.
    clf : classifier
    folds : list of (train, held out)
    n_classes : int
    stream : RandomState, optional
        For random states that `clf` leaves open.
    fit_options : mapping
        ``clf_kwargs`` and ``validation_func`` of `cross_val_pred_probs`.
    """

    X: Any
    labels: Codes
    clf: Any
    folds: list[tuple[IndexArray, IndexArray]]
    n_classes: int
    stream: np.random.RandomState | None
    fit_options: Mapping[str, Any]

    @classmethod
    def prepared(
        cls, X: Any, labels: Codes, clf: Any, cv_n_folds: int, seed: int | None, **rest: Any
    ) -> "Trial":
        """A trial on stratified, shuffled folds of the given labels."""
        return cls(X, labels, clf, stratified_folds(labels, cv_n_folds, seed), **rest)

    def held_out(self, training: Training) -> Probs | None:
        """Probabilities for each row from a model that did not see it, shape (N, n_classes).

        None if a fold loses a class by what is done to the labels.
        """
        folds = [(train[training.kept[train]], rows) for train, rows in self.folds]
        for (before, _), (after, _) in zip(self.folds, folds, strict=True):
            if len(np.unique(training.labels[after])) < len(np.unique(self.labels[before])):
                return None
        probs = cross_val_pred_probs(
            self.X,
            training.labels,
            self.clf,
            n_classes=self.n_classes,
            folds=folds,
            stream=self.stream,
            sample_weight=training.weights,
            **self.fit_options,
        )
        return probabilities(probs, name="predict_proba of clf")


def clearer(trial: Trial, plain: Training, probs: Probs) -> Probs:
    """Out-of-sample probabilities of models that were trained without the doubtful rows.

    A model that was trained on wrong labels is unsure of the rows that are labelled wrongly in
    the same way. So what it flags is left out, and all rows are judged anew, those as well.
    """
    flagged = _adaptive(plain, probs).is_issue
    again = trial.held_out(replace(plain, kept=~flagged)) if flagged.any() else None
    return probs if again is None else again


def _adaptive(plain: Training, probs: Probs) -> LabelFlags:
    usual = int(np.count_nonzero(label_issues(plain.labels, probs)))
    return adaptive_flags(plain.labels, probs, usual)


def _prune_twice(plain: Training, probs: Probs) -> Training:
    """Without what the usual rule flags."""
    flagged = label_issues(plain.labels, probs, min_examples_per_class=MIN_EXAMPLES_PER_CLASS)
    return replace(plain, kept=~flagged)


def _relabel(plain: Training, probs: Probs) -> Training:
    flagged = _adaptive(plain, probs).is_issue
    labels = plain.labels.copy()
    labels[flagged] = probs.argmax(axis=1)[flagged]
    return replace(plain, labels=labels)


def _weight(plain: Training, probs: Probs) -> Training:
    """The probability of the given label against the best other class, as a weight."""
    weights = np.maximum(_adaptive(plain, probs).score, LEAST_WEIGHT)
    return replace(plain, weights=weights if plain.weights is None else weights * plain.weights)


# From the given labels and the clearer probabilities.
STRATEGIES: dict[str, Callable[[Training, Probs], Training]] = {
    "prune_twice": _prune_twice,
    "weight": _weight,
    "relabel": _relabel,
    "keep": lambda plain, _probs: plain,
}


def choose(
    trial: Trial, plain: Training, candidates: Mapping[str, Training]
) -> tuple[str, dict[str, float]]:
    """The strategy to use, and the share of held-out rows each predicts as labelled.

    The first candidate is preferred. Another takes its place if it agrees with the given labels of
    the held-out rows by two standard errors more often, and a plain fit if it does so at all.

    Held-out labels are as noisy as the others. Agreement with them is the measure all the same:
    where a wrong label is no better guessed by one strategy than by another, noise takes from each
    the same share of its advantage and changes no order. Judging on unsuspected rows instead
    favours the model that raised the suspicions. What noise does is to widen the error, which
    is why a strategy that is preferred beforehand is not given up for a small difference: to take
    the highest figure loses half of what there is to gain.
    """
    tried = {"keep": trial.held_out(plain)}
    tried |= {name: trial.held_out(each) for name, each in candidates.items() if name != "keep"}
    agrees = {
        name: (probs.argmax(axis=1) == plain.labels).astype(np.float64)
        for name, probs in tried.items()
        if probs is not None
    }
    scores = {name: float(right.mean()) for name, right in agrees.items()}
    chosen = next(name for name in (*candidates, "keep") if name in agrees)
    for name, right in agrees.items():
        gain = right - agrees[chosen]
        if name != "keep" and gain.mean() > CLEARLY * gain.std() / np.sqrt(len(gain)):
            chosen = name
    if scores[chosen] < scores["keep"]:
        chosen = "keep"
    logger.info(
        "strategy %r: %.4f of held-out labels are predicted, %.4f by a plain fit; tried %s",
        chosen,
        scores[chosen],
        scores["keep"],
        ", ".join(f"{name} {score:.4f}" for name, score in scores.items()),
    )
    return chosen, scores
