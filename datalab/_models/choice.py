"""Which strategy against suspected labels suits a classifier and its data best."""

import logging
from collections.abc import Callable, Mapping

import numpy as np

from datalab._models.folds import stratified_folds
from datalab._models.strategies import Training, Trial
from datalab._typing import BoolArray, IndexArray

__all__ = ["choose", "compare"]

logger = logging.getLogger("datalab")

# Standard errors by which another strategy has to beat the one that is preferred.
CLEARLY = 2.0
# Labels are judged anew for each fold, which takes most of the time.
FOLDS = 3


def compare(
    trial: Trial,
    plain: Training,
    treated: Callable[[Trial, Training, IndexArray], Mapping[str, Training]],
) -> dict[str, BoolArray]:
    """For each strategy, whether it predicts the given label of held-out rows, shape (N,).

    Labels are judged anew among the rows that are trained on. A held-out label that has helped to
    decide which rows are left out seems to be better predicted by what is left: with one judgement
    for all, strategies looked better than a plain fit by .01 on clean data, where they were worse.

    Parameters
    ----------
    trial : Trial
    plain : Training
        On all rows.
    treated : callable
        What each strategy trains on: called with the part of the trial that is trained on, the
        same part of `plain`, and its rows.

    Returns
    -------
    dict of str to ndarray
        Without strategies that empty a class; empty where rows are too few to hold some out.
    """
    labels = plain.labels
    agrees: dict[str, BoolArray] = {}
    emptied: set[str] = set()
    for train, rows in stratified_folds(labels, min(FOLDS, len(trial.folds)), trial.seed):
        n_classes = len(np.unique(labels[train]))
        if n_classes < 2 or len(train) == n_classes:
            return {}
        for name, training in treated(trial.part(train), plain.part(train), train).items():
            if len(np.unique(training.labels[training.kept])) < n_classes:
                emptied.add(name)
                continue
            right = agrees.setdefault(name, np.zeros(len(labels), dtype=np.bool_))
            right[rows] = trial.predicted(training, train, rows) == labels[rows]
    return {name: right for name, right in agrees.items() if name not in emptied}


def choose(agrees: Mapping[str, BoolArray]) -> tuple[str, dict[str, float]]:
    """The strategy to use, and the share of held-out rows each predicts as labelled.

    The first one is preferred, unless a plain fit agrees more often with the given labels of the
    held-out rows. Another takes the place of either if it agrees more often by two standard errors.

    Held-out labels are as noisy as the others. Agreement with them is the measure all the same:
    where a wrong label is no better guessed by one strategy than by another, noise takes from each
    the same share of its advantage and changes no order. Judging on unsuspected rows instead
    favours the model that raised the suspicions. What noise does is to widen the error, which
    is why a strategy that is preferred beforehand is not given up for a small difference: to take
    the highest figure loses a part of what there is to gain.

    Parameters
    ----------
    agrees : mapping of str to ndarray of bool, shape (N,)
        See `compare`; "keep" is a plain fit.
    """
    scores = {name: float(right.mean()) for name, right in agrees.items()}
    chosen = next(iter(scores), "keep")
    if scores and scores[chosen] < scores["keep"]:
        chosen = "keep"
    for name, right in agrees.items():
        gain = right.astype(np.float64) - agrees[chosen]
        if name != "keep" and gain.mean() > CLEARLY * gain.std() / np.sqrt(len(gain)):
            chosen = name
    if scores:
        logger.info(
            "strategy %r: %.4f of held-out labels are predicted, %.4f by a plain fit; tried %s",
            chosen,
            scores[chosen],
            scores["keep"],
            ", ".join(f"{name} {score:.4f}" for name, score in scores.items()),
        )
    else:
        logger.info("strategy 'keep': too few rows to hold some out and compare strategies")
    return chosen, scores
