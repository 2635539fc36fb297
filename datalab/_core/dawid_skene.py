"""Consensus from answers, with or without a model: Dawid-Skene, shrunk and held to account.

Dawid, Skene: Maximum likelihood estimation of observer error-rates using the EM algorithm, JRSS C
28 (1979), with four additions.

Confusions are shrunk. Few answers per annotator and class do not support a full confusion matrix,
so each row of it is drawn towards a coin (one accuracy per annotator, errors spread evenly), and
the coins towards the accuracy of all. How strongly rows are drawn is read from the data: the
concentration that maximises the Dirichlet-multinomial likelihood of the expected counts (Minka:
Estimating a Dirichlet distribution, 2000, section 4).

A model is a prior. Its probabilities, to a power and with a bias for each class that EM fits like
the rest, take the place of the class shares (after Raykar et al.: Learning from crowds, JMLR 11
(2010), with a model that is given).

Answers to one item are less than independent evidence: hard items mislead everybody alike. The
powers of answers and model in the posterior are those under which each answer is best predicted
by the model and the other answers to its item.

Labelling functions that know one label only ("a question mark: label 1, else abstain") would be
taken for annotators who give that label whatever they see: as far as their answers go, the two are
the same. What tells them apart is which items they answer, so the abstaining of such sources is an
answer like any other (the labelling propensity of Ratner et al.: Data programming, NeurIPS 2016,
section 3, for each class).

Measured in tests/benchmarks/quality/bench_consensus.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.special import digamma

from datalab._core.blocks import each_block, row_blocks
from datalab._core.multiannotator import Answers, sums
from datalab._typing import BoolArray, FloatArray, IndexArray

__all__ = ["Consensus", "dawid_skene"]

# Imagined answers of mean accuracy that every annotator starts with. The likelihood of expected
# counts asks for about half as many, as beliefs that follow an annotator make that one look good.
COIN_STRENGTH = 12.0
# One label only: less probable than this for somebody who gives labels as the others do.
BY_CHANCE = 0.01
# A larger part of the answers than spammers give: labelling functions, which have a point.
FUNCTIONS = 0.25
# Imagined items, with the classes of all, among those that a labelling function answers: start.
FIRST_PROPENSITY = 50.0
RATE_LIMITS = 1e-6, 1 - 1e-3  # of answering an item of some class
# Imagined answers, shaped like the coin, in every row of a confusion matrix: start and limits.
FIRST_CONCENTRATION = 5.0
CONCENTRATIONS = 0.1, 1e4
# The concentration is fitted once the first rounds have left the plain vote shares.
FITTED_FROM = 3
ROUNDS = 50
TOLERANCE = 1e-4  # largest change of a posterior after which EM stops
PROB_FLOOR = 1e-12  # a model is never so sure
POWERS = 0.01, 100.0  # limits of the power of the model
# Shares of their full weight that answers and model are tried with.
ANSWER_SHARES = (1.0, 2 / 3, 1 / 2, 1 / 3, 1 / 4, 1 / 6)
MODEL_SHARES = (1.0, 3 / 4, 1 / 2, 1 / 4)
# A share is changed only for more log likelihood than chance gives (5 %, one degree of freedom).
WORTHWHILE = 1.92


@dataclass(frozen=True, slots=True)
class Consensus:
    """What answers, and the model if there is one, say together.

    Parameters
    ----------
    posterior : ndarray of shape (n_items, n_classes)
        Probability of each class; without answers, the prior; 1 for the known truth.
    accuracy : ndarray of shape (n_annotators,)
        How likely the next answer of each annotator is right.
    concentration : float
        How strongly confusions were drawn to the annotator's coin, in answers per class.
    answer_power, model_power : float
        Powers of answers and model in the posterior; the latter is 0 without a model.
    rounds : int
        Rounds of EM.
    abstaining : bool
        Whether not to answer was taken for an answer, as labelling functions mean it.
    """

    posterior: FloatArray
    accuracy: FloatArray
    concentration: float
    answer_power: float
    model_power: float
    rounds: int
    abstaining: bool = False


def dawid_skene(
    answers: Answers,
    probs: FloatArray | None = None,
    gold: IndexArray | None = None,
    rounds: int = ROUNDS,
) -> Consensus:
    """Maximum a posteriori consensus by EM, from the vote shares.

    Time and memory are of the order of (number of answers × n_classes) per round.

    Parameters
    ----------
    answers : Answers
    probs : ndarray of shape (n_items, n_classes), optional
        Predicted probabilities; a row of NaN stands for an item the model has not seen.
    gold : ndarray of int, shape (n_items,), optional
        True labels where they are known, otherwise -1.
    rounds : int
        At most so many rounds of EM.
    """
    given = _Given(answers)
    known = _Known(gold, answers)
    answered = (answers.per_item > 0) | known.at
    model = None if probs is None else _Model(probs, answered)
    belief = known.settle(_first_belief(answers, probs))
    only = _only_label(answers)
    silence = _Silence(answers, only) if (only >= 0).any() else None
    concentration = FIRST_CONCENTRATION
    for done in range(1, rounds + 1):
        counts = known.first_counts(given, belief) if done == 1 else given.by_pair @ belief
        totals = given.by_annotator @ counts
        coin = _coins(given, counts, totals)
        shape = _coin_rows(given, coin, answers.n_classes)
        if done > FITTED_FROM:
            concentration = _fitted(concentration, counts, totals, shape)
        rows = np.log((counts + concentration * shape) / (totals + concentration)[given.annotator])
        prior = np.log(_shares(belief[answered]))
        if model is not None:
            prior = model.fitted(belief, prior)
        if silence is not None:
            prior = prior + silence.fitted(totals, _shares(belief[answered]), coin, done)
        before = belief
        belief = known.settle(_normalised(given.by_item @ rows + prior))
        if np.abs(belief - before)[answered].max(initial=0.0) < TOLERANCE:
            break
    answer, share = _weight_shares(given, answers, rows, prior, ~known.at[answers.item])
    belief = known.settle(_normalised(answer * (given.by_item @ rows) + share * prior))
    power = 0.0 if model is None else share * model.power
    return Consensus(belief, coin, concentration, answer, power, done, silence is not None)


class _Given:
    """The distinct pairs (annotator, label) and the sparse sums over answers they need."""

    def __init__(self, answers: Answers) -> None:
        def marks(row: IndexArray, column: IndexArray, shape: tuple[int, int]) -> Any:
            return csr_array((np.ones(len(row)), (row, column)), shape=shape)

        pairs, self.pair = np.unique(
            answers.annotator * answers.n_classes + answers.label, return_inverse=True
        )
        self.annotator, self.label = np.divmod(pairs, answers.n_classes)
        self.own = np.arange(len(pairs)), self.label
        self.by_item = marks(answers.item, self.pair, (answers.n_items, len(pairs)))
        self.by_pair = self.by_item.T.tocsr()
        self.by_annotator = marks(
            self.annotator, np.arange(len(pairs)), (answers.n_annotators, len(pairs))
        )


def _first_belief(answers: Answers, probs: FloatArray | None) -> FloatArray:
    """The shares of the votes, where the model has one as well."""
    if probs is None:
        shares: FloatArray = answers.votes / np.maximum(answers.per_item, 1)[:, None]
        return shares
    seen = np.isfinite(probs).all(axis=1, keepdims=True)
    votes = answers.votes + np.where(seen, probs, 0.0)
    return votes / np.maximum(answers.per_item[:, None] + seen, 1)


class _Known:
    """Items whose true label is known."""

    def __init__(self, gold: IndexArray | None, answers: Answers) -> None:
        gold = np.full(answers.n_items, -1) if gold is None else gold
        self.at: BoolArray = gold >= 0
        self.truth = np.flatnonzero(self.at), gold[self.at]

    def settle(self, belief: FloatArray) -> FloatArray:
        """The belief, certain where the truth is known."""
        belief[self.at] = 0.0
        belief[self.truth] = 1.0
        return belief

    def first_counts(self, given: "_Given", belief: FloatArray) -> FloatArray:
        """Labels by class: the more known truths somebody met, the less the votes of others tell.

        So EM starts near the truth where a majority is wrong.
        """
        if not self.at.any():
            counts: FloatArray = given.by_pair @ belief
            return counts
        told = given.by_pair @ (belief * self.at[:, None])
        met = (given.by_annotator @ told).sum(axis=1)[given.annotator, None]
        believed: FloatArray = told + (given.by_pair @ (belief * ~self.at[:, None])) / (1 + met)
        return believed


class _Silence:
    """What it says about an item's class which labelling functions answered it.

    Parameters
    ----------
    answers : Answers
    only : ndarray of int, shape (n_annotators,)
        The only label that each one gives; -1 for annotators of several.
    """

    def __init__(self, answers: Answers, only: IndexArray) -> None:
        self.people = np.flatnonzero(only >= 0)
        self.own = np.arange(len(self.people)), only[self.people]
        place = np.full(answers.n_annotators, -1)
        place[self.people] = self.own[0]
        here = np.flatnonzero(place[answers.annotator] >= 0)
        marks = np.ones(len(here)), (answers.item[here], place[answers.annotator[here]])
        self.by_item = csr_array(marks, shape=(answers.n_items, len(self.people)))
        self.asked = answers.sum_by_annotator()[self.people, None]
        self.n_items = answers.n_items
        self.functions = len(here) > FUNCTIONS * len(answers.item)
        self.strength = FIRST_PROPENSITY

    def fitted(
        self, totals: FloatArray, shares: FloatArray, coin: FloatArray, done: int
    ) -> FloatArray:
        """Log likelihood of answering and abstaining, by item and class.

        Parameters
        ----------
        totals : ndarray of shape (n_annotators, n_classes)
            How many items of each class each one answered.
        shares : ndarray of shape (n_classes,)
            Share of each class in all items.
        coin : ndarray of shape (n_annotators,)
            Accuracy of each annotator.
        done : int
            The round of EM.
        """
        right = float(np.average(coin, weights=totals.sum(axis=1)))
        totals = totals[self.people]
        expected = np.tile(shares, (len(totals), 1))
        if self.functions:  # before anything is known of it, one is as often right as the others
            expected = np.outer((1 - right) / (1 - shares[self.own[1]]), shares)
            expected[self.own] = right
        if done > FITTED_FROM:
            self.strength = _fitted(self.strength, totals, self.asked, expected)
        among = (totals + self.strength * expected) / (self.asked + self.strength)
        rate = np.clip(among / shares * self.asked / self.n_items, *RATE_LIMITS)
        silent = np.log1p(-rate)
        said: FloatArray = self.by_item @ (np.log(rate) - silent) + silent.sum(axis=0)
        return said


def _only_label(answers: Answers) -> IndexArray:
    """The only label that each annotator gives, where that is no chance; otherwise -1."""
    n_classes = answers.n_classes
    asked = answers.sum_by_annotator()
    pair = answers.annotator * n_classes + answers.label
    by_label = sums(pair, None, answers.n_annotators * n_classes).reshape(-1, n_classes)
    only = by_label.argmax(axis=1)
    share = answers.votes.sum(axis=0)[only] / len(answers.item)
    one: BoolArray = by_label.max(axis=1) == asked
    one &= share**asked < BY_CHANCE
    return np.where(one, only, -1)


class _Model:
    """A model as the prior of the classes: a power and a bias for each class, fitted in rounds."""

    def __init__(self, probs: FloatArray, answered: BoolArray) -> None:
        self.seen: BoolArray = np.isfinite(probs.sum(axis=1))
        self.judged = self.seen & answered
        self.logs = np.log(np.maximum(probs, PROB_FLOOR, dtype=np.float64))
        self.power = 1.0
        self.bias: FloatArray = np.zeros(probs.shape[1])

    def fitted(self, belief: FloatArray, unseen: FloatArray) -> FloatArray:
        """The log prior of every item, one step closer to the belief; `unseen` for the others."""
        logs, belief = self.logs[self.judged], belief[self.judged]
        probs = _normalised(self.power * logs + self.bias)
        mean = (probs * logs).sum(axis=1)
        spread = ((probs * logs**2).sum(axis=1) - mean**2).sum()
        step = ((belief * logs).sum(axis=1) - mean).sum() / max(spread, 1e-12)
        # At most doubled or halved in one round: far from the optimum Newton's step goes too far.
        limits = max(POWERS[0], self.power / 2), min(POWERS[1], self.power * 2)
        self.power = float(np.clip(self.power + step, *limits))
        # Iterative scaling: as many items of each class as are believed.
        self.bias = self.bias + np.log(_shares(belief)) - np.log(_shares(probs))
        prior = self.power * self.logs + self.bias
        return np.where(self.seen[:, None], prior, unseen)


def _coins(given: _Given, counts: FloatArray, totals: FloatArray) -> FloatArray:
    """Accuracy of each annotator, drawn to the accuracy of all."""
    right = sums(given.annotator, counts[given.own], len(totals))
    asked = totals.sum(axis=1)
    overall = (right.sum() + 1) / (asked.sum() + 2)
    coin: FloatArray = (right + COIN_STRENGTH * overall) / (asked + COIN_STRENGTH)
    return coin


def _shares(belief: FloatArray) -> FloatArray:
    """Share of each class, with one imagined item more in each."""
    n_items, n_classes = belief.shape
    shares: FloatArray = (belief.sum(axis=0) + 1) / (n_items + n_classes)
    return shares


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


def _weight_shares(
    given: _Given, answers: Answers, rows: FloatArray, prior: FloatArray, counted: BoolArray
) -> tuple[float, float]:
    """Shares of the weight of answers and prior that predict left-out answers best."""
    all_answers = given.by_item @ rows
    blocks = row_blocks(len(answers.item), rows.itemsize * rows.shape[1])
    weight = counted.astype(np.float64)  # answers about known truths say nothing about this

    def likelihood(answer: float, share: float) -> float:
        def part(some: slice) -> float:
            item, own = answers.item[some], rows[given.pair[some]]
            before = prior[item] if prior.ndim == 2 else prior
            belief = _normalised(answer * (all_answers[item] - own) + share * before)
            return float(weight[some] @ np.log((belief * np.exp(own)).sum(axis=1)))

        return sum(each_block(part, blocks))

    answer = _worthwhile(ANSWER_SHARES, lambda share: likelihood(share, 1.0))
    if prior.ndim == 1:  # class shares, which carry no weight worth looking at
        return answer, 1.0
    return answer, _worthwhile(MODEL_SHARES, lambda share: likelihood(answer, share))


def _worthwhile(shares: Sequence[float], likelihood: Callable[[float], float]) -> float:
    """The share of highest likelihood; the first one unless another is clearly better."""
    values = [likelihood(share) for share in shares]
    best = int(np.argmax(values))
    return shares[best if values[best] > values[0] + WORTHWHILE else 0]


def _normalised(logs: FloatArray) -> FloatArray:
    powers: FloatArray = np.exp(logs - logs.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers
