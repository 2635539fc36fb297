"""Consensus without a model: Dawid-Skene with confusions shrunk to one coin per annotator.

Dawid, Skene: Maximum likelihood estimation of observer error-rates using the EM algorithm, JRSS C
28 (1979). Few answers per annotator and class do not support a full confusion matrix, so each row
of it is drawn towards a coin (one accuracy per annotator, errors spread evenly), and the coins
towards the accuracy of all. How strongly rows are drawn is read from the data: the concentration
that maximises the Dirichlet-multinomial likelihood of the expected counts (Minka: Estimating a
Dirichlet distribution, 2000, section 4). It goes from one coin per annotator (rows all alike) to
the original model (rows that follow no coin).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.special import digamma

from datalab._core.multiannotator import Answers, sums
from datalab._typing import FloatArray, IndexArray

__all__ = ["Consensus", "dawid_skene"]

# Imagined answers of mean accuracy that every annotator starts with.
COIN_STRENGTH = 4.0
# Imagined answers, shaped like the coin, in every row of a confusion matrix: start and limits.
FIRST_CONCENTRATION = 5.0
CONCENTRATIONS = 0.1, 1e4
# The concentration is fitted once the first rounds have left the plain vote shares.
FITTED_FROM = 3
ROUNDS = 50
TOLERANCE = 1e-4  # largest change of a posterior after which EM stops


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the answers alone say.

    Parameters
    ----------
    posterior : ndarray of shape (n_items, n_classes)
        Probability of each class; items without answers have the prior.
    accuracy : ndarray of shape (n_annotators,)
        How likely the next answer of each annotator is right.
    concentration : float
        How strongly confusions were drawn to the annotator's coin, in answers per class.
    rounds : int
        Rounds of EM.
    """

    posterior: FloatArray
    accuracy: FloatArray
    concentration: float
    rounds: int


def dawid_skene(answers: Answers, rounds: int = ROUNDS) -> Consensus:
    """Maximum a posteriori consensus by EM, from the vote shares.

    Time and memory are of the order of (number of answers × n_classes) per round.
    """
    given = _Given(answers)
    answered = answers.per_item > 0
    belief: FloatArray = answers.votes / np.maximum(answers.per_item, 1)[:, None]
    concentration = FIRST_CONCENTRATION
    for done in range(1, rounds + 1):
        counts = given.by_pair @ belief
        totals = given.by_annotator @ counts
        coin, prior = _coins(given, counts, answers), _prior(belief[answered])
        shape = _coin_rows(given, coin, answers.n_classes)
        if done > FITTED_FROM:
            concentration = _fitted(concentration, counts, totals, shape)
        rows = (counts + concentration * shape) / (totals + concentration)[given.annotator]
        before = belief
        belief = _normalised(given.by_item @ np.log(rows) + np.log(prior))
        if np.abs(belief - before)[answered].max(initial=0.0) < TOLERANCE:
            break
    return Consensus(belief, coin, concentration, done)


class _Given:
    """The distinct pairs (annotator, label) and the sparse sums over answers they need."""

    def __init__(self, answers: Answers) -> None:
        def marks(row: IndexArray, column: IndexArray, shape: tuple[int, int]) -> Any:
            return csr_array((np.ones(len(row)), (row, column)), shape=shape)

        pairs, pair = np.unique(
            answers.annotator * answers.n_classes + answers.label, return_inverse=True
        )
        self.annotator, self.label = np.divmod(pairs, answers.n_classes)
        self.own = np.arange(len(pairs)), self.label
        self.by_item = marks(answers.item, pair, (answers.n_items, len(pairs)))
        self.by_pair = self.by_item.T.tocsr()
        self.by_annotator = marks(
            self.annotator, np.arange(len(pairs)), (answers.n_annotators, len(pairs))
        )


def _coins(given: _Given, counts: FloatArray, answers: Answers) -> FloatArray:
    """Accuracy of each annotator, drawn to the accuracy of all."""
    right = sums(given.annotator, counts[given.own], answers.n_annotators)
    asked = answers.sum_by_annotator()
    overall = (right.sum() + 1) / (asked.sum() + 2)
    coin: FloatArray = (right + COIN_STRENGTH * overall) / (asked + COIN_STRENGTH)
    return coin


def _prior(belief: FloatArray) -> FloatArray:
    """Share of each class, with one imagined item more in each."""
    n_items, n_classes = belief.shape
    prior: FloatArray = (belief.sum(axis=0) + 1) / (n_items + n_classes)
    return prior


def _coin_rows(given: _Given, coin: FloatArray, n_classes: int) -> FloatArray:
    """P(label | class) under the coins, for every pair (annotator, label), by class."""
    error = (1 - coin[given.annotator]) / max(n_classes - 1, 1)
    rows = np.repeat(error[:, None], n_classes, axis=1)
    rows[given.own] = coin[given.annotator]
    return rows


def _fitted(
    concentration: float, counts: FloatArray, totals: FloatArray, shape: FloatArray
) -> float:
    """One step of Minka's fixed point towards the concentration of highest likelihood."""
    # Nothing was counted in most cells when there are many classes, and they add nothing.
    seen = counts > 1e-9
    expected = concentration * shape[seen]
    gain = shape[seen] @ (digamma(counts[seen] + expected) - digamma(expected))
    cost = (digamma(totals[totals > 0] + concentration) - digamma(concentration)).sum()
    return float(np.clip(concentration * gain / max(cost, 1e-12), *CONCENTRATIONS))


def _normalised(logs: FloatArray) -> FloatArray:
    powers: FloatArray = np.exp(logs - logs.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers
