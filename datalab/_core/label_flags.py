"""Which labels are wrong: a cut-off that follows the data.

A label that the model does not expect has two explanations: somebody gave the wrong label, or the
model is wrong. The rows of which the model is sure show how labels are confused (see
`datalab._core.label_noise`). How the doubtful rows are to be read, the probabilities alone cannot
tell, so two readings are kept:

- *chance*: labels are confused everywhere as among the sure rows, and what the model doubts is
  really open. Bayes' rule then gives each row's probability that its label is wrong.
- *look-alikes*: rows that are hard to tell apart are also mislabelled more often, as people do.
  The class that the model prefers is then more surely the true one than it says: the third
  powers of its probabilities count.

The flags maximise the F1 that is expected under both (Lipton, Elkan, Naryanaswamy: Optimal
thresholding of classifiers to maximize F1 measure, ECML 2014), the first one weighing as much as
it can tell errors from other rows by itself, the second one as much as it can and the neighbours of
the suspects, where there are some, do not have their labels. Where they weigh alike, many cut-offs
promise about the same; the number of flags of confident learning then decides, as a third opinion
of up to a fifth. On clean data nothing bounds the second reading, so the flags are bound to that
number as well, all the more where the sure rows have no odd labels: then labels are odd because the
model is wrong. How much of the oddness stands at the sure rows also tells how much the confusion of
the classes counts for the order of the rows, beside the plain log odds.

F1 against the default of the reference, on 399 settings in which the parts were chosen: planted
noise .744 against .706 (.711 by the rule that came before), of people's kind .626 against .527; on
164 that were held back .787 against .747 (.765) and .666 against .615. Average precision on planted
noise .811 against .787, held back .870 against .842. A part of the settings, and what did not work:
``tests/benchmarks/quality/bench_label_flags.py``. What neighbours tell of the readings came later:
F1 on planted noise .745 instead of .706 on 188 other settings with features and .830 instead of
.800 on 88 held back (reference .622 and .703); on people's .658 instead of .651 and .709 instead of
.723 (.576 and .655).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datalab._core.blocks import each_block, row_blocks
from datalab._core.count import Guesses, at_columns, label_is_argmax, off_diagonal, row_max
from datalab._core.label_noise import (
    POWERS,
    explained,
    glance,
    least_probability,
    logs_of,
    losses_of,
    one_way,
    powers_of,
    spread,
    steadiness,
    sure_confusion,
    surest,
)
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray, Probs

__all__ = [
    "Estimate",
    "LabelFlags",
    "Learnt",
    "adaptive_flags",
    "flags_of_new",
]

# Shares of the confusion that are tried (there is always a little); those count that explain
# labels about as well as the best (nats per label).
SHARES = np.append(0.01, np.linspace(0.1, 1.0, 10))
AS_WELL = 0.02
# Flags for each one of confident learning, at most: where the sure rows have no odd labels at all,
# and so many more where they have as many as all rows.
AT_LEAST, MORE = 1.5, 12.0
# What the number of flags of confident learning counts beside two readings of the same weight.
USUAL = 0.2
TINY = np.finfo(np.float64).tiny  # keeps logarithms finite
# So many rows can show that a model is no better than chance, within so many standard errors.
ENOUGH, ERRORS = 50, 1.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number between the least and the most that the readings allow."""

    low: float
    value: float
    high: float


@dataclass(frozen=True, slots=True)
class Learnt:
    """How labels are confused, and what follows for the reading of probabilities."""

    noise: FloatArray  # probability of the given label (column) for each true class (row)
    power: float  # makes probabilities calibrated
    least: float  # probabilities below are not told apart
    weight: float  # of the first reading
    even: float  # how much the score follows the confusion
    cut: float  # suspects with a score up to this one are flagged; NaN: nothing can be told
    likely: float  # half of the F1 to expect: from this probability on, a flag pays


@dataclass(frozen=True, slots=True)
class LabelFlags:
    """What `adaptive_flags` found.

    Parameters
    ----------
    is_issue : ndarray of bool, shape (N,)
    score : ndarray of float64, shape (N,)
        Probability of the label, against the best other class, as sharp as the model states it. The
        flags are the suspects (rows whose label is not their most probable class) up to some score.
    second : ndarray of float64, shape (N,)
        Calibrated probability of the second most probable class.
    precision, errors : Estimate
        Share of the flags that are wrong labels, and number of wrong labels in the data.
    learnt : Learnt
        What new rows can be judged by.
    better_than_chance : bool
        Whether the model knows more about the labels than chance; nothing is flagged otherwise.
    """

    is_issue: BoolArray
    score: FloatArray
    second: FloatArray
    precision: Estimate
    errors: Estimate
    learnt: Learnt
    better_than_chance: bool


def adaptive_flags(
    labels: Codes,
    pred_probs: Probs,
    usual: int,
    pooled: Probs | None = None,
    contradicted: float = 1.0,
) -> LabelFlags:
    """Flags whose number follows the noise, the strength of the model and the classes.

    Parameters
    ----------
    labels, pred_probs : Codes of shape (N,), Probs of shape (N, K)
    usual : int
        How many rows confident learning flags (``"prune_by_noise_rate"``).
    pooled : ndarray of shape (N, K), optional
        Probabilities to judge by, when more than the model is known (`datalab._core.witness`).
        Only labels that are not the most probable class of `pred_probs` are flagged.
    contradicted : float in [0, 1]
        Share of these suspects that another witness takes for wrong, at most.

    Notes
    -----
    A few passes over the probabilities, O(N K) time, and O(K^2) memory for the confusion.
    """
    probs = pred_probs if pooled is None else pooled
    n_rows, n_classes = probs.shape
    least = least_probability(probs)
    top, lead, gap = glance(labels, probs, least)
    sure = surest(top, lead, n_classes)
    confusion = one_way(sure_confusion(labels, top, sure, n_classes))
    sample = spread(gap, n_classes)
    shares, power = _fit(labels[sample], logs_of(probs[sample], least), confusion)
    noise = _part_of(confusion, shares[1])
    judged = _judge(labels, probs, noise, power, least)
    agrees = label_is_argmax(labels, pred_probs)
    suspects = np.flatnonzero(~agrees)
    wrong, totals = judged.wrong[:, suspects], judged.wrong.sum(axis=1)
    odd = labels != top
    even = _evenness(odd, sure)
    weight = _weight(wrong, totals, n_rows, power, contradicted)
    score = _right(even * judged.odds / power + (1.0 - even) * gap)
    known = _better_than_chance(labels, pred_probs)
    flags = np.zeros(n_rows, dtype=bool)
    cut, expected = (-1.0 if known else np.nan), 1.0
    limit = int(usual * (AT_LEAST + MORE * even))
    if known and min(limit, len(suspects)):
        cut, expected = _best_cut(score[suspects], wrong, totals, weight, usual, limit)
        flags[suspects] = score[suspects] <= cut
    steady = steadiness(odd[sure], surest(top[sure], lead[sure], n_classes, 0.5))
    cautious = _part_of(confusion, shares[0] * steady)
    surely = _judge(labels, probs, cautious, power, least, rows=suspects).wrong[0]
    seen = max(1, int(np.count_nonzero(odd[sure])))
    return LabelFlags(
        is_issue=flags,
        score=score,
        second=judged.first * np.exp(-power * lead),
        precision=_precision(surely, wrong, flags[suspects], weight, seen),
        errors=_errors(surely, totals, weight, seen, float(judged.doubt[agrees].sum()))
        if known
        else Estimate(0, np.nan, n_rows),
        learnt=Learnt(noise, power, least, weight, even, cut, expected / 2),
        better_than_chance=known,
    )


def flags_of_new(
    labels: Codes,
    pred_probs: Probs,
    guesses: Guesses,
    learnt: Learnt,
    pooled: Probs | None = None,
) -> tuple[BoolArray, FloatArray, FloatArray]:
    """Flags, scores and calibrated second probabilities of further rows, by what was learnt.

    A kind of error that the known rows do not have is flagged where the model is sure (`guesses`)
    and both readings together find it likely enough (Lipton et al.: half of the best F1).
    """
    probs = pred_probs if pooled is None else pooled
    _, lead, gap = glance(labels, probs, learnt.least)
    judged = _judge(labels, probs, learnt.noise, learnt.power, learnt.least)
    score = _right(learnt.even * judged.odds / learnt.power + (1.0 - learnt.even) * gap)
    wrong = np.array([learnt.weight, 1.0 - learnt.weight]) @ judged.wrong
    bad = (score <= learnt.cut) | (off_diagonal(labels, guesses) & (wrong > learnt.likely))
    flags = ~label_is_argmax(labels, pred_probs) & bad & np.isfinite(learnt.cut)
    return flags, score, judged.first * np.exp(-learnt.power * lead)


def _part_of(confusion: FloatArray, share: float) -> FloatArray:
    """Noise of which so much happens as the confusion has."""
    part: FloatArray = share * confusion + (1.0 - share) * np.eye(len(confusion))
    return part


def _fit(
    labels: NDArray[np.int64], logs: FloatArray, confusion: FloatArray
) -> tuple[tuple[float, float], float]:
    """Least and largest share of the confusion, and the power of the probabilities.

    They are those that explain the given labels by their likelihood; the power is the inverse of a
    temperature (Guo et al.: On calibration of modern neural networks, ICML 2017). A model that
    doubts explains odd labels by itself, so the share tells a weak model from noisy labels.
    """
    loss = np.empty((len(SHARES), len(POWERS)))
    for at, power in enumerate(POWERS):
        own, confused = explained(labels, logs, confusion, power)
        told = own + SHARES[:, None] * (confused - own)
        loss[:, at] = losses_of(told, power).mean(axis=1)
    best = loss.min(axis=1)
    good = np.flatnonzero(best <= best.min() + AS_WELL)
    shares = float(SHARES[good[0]]), float(SHARES[good[-1]])
    return shares, float(POWERS[loss[good[-1]].argmin()])


def _right(evidence: FloatArray) -> FloatArray:
    """Probability of a label, from the log odds against it."""
    with np.errstate(over="ignore"):
        right: FloatArray = 1.0 / (1.0 + np.exp(evidence))
    return right


@dataclass(frozen=True, slots=True)
class _Judged:
    """What Bayes' rule says of each row."""

    wrong: FloatArray  # probability that the label is wrong, under both readings, (2, N)
    odds: FloatArray  # log odds of the first reading
    first: FloatArray  # calibrated probability of the most probable class
    doubt: FloatArray  # calibrated probability of all classes but the given one


def _judge(
    labels: Codes,
    pred_probs: Probs,
    noise: FloatArray,
    power: float,
    least: float,
    rows: IndexArray | None = None,
) -> _Judged:
    """Bayes' rule for every label, or for those of some rows.

    With q the calibrated probabilities and n the noise, the label g of a row comes from its class
    with n[g, g] q[g] and from others with the sum of n[j, g] q[j]. In the second reading q[g] is
    replaced by its share of the third powers, against the same probability of the label.
    """
    n_rows = len(labels) if rows is None else len(rows)
    reached = np.ascontiguousarray(noise.T)
    wrong, (odds, first, doubt) = np.empty((2, n_rows)), np.empty((3, n_rows))

    def look(part: slice) -> None:
        chosen = part if rows is None else rows[part]
        own = labels[chosen]
        logs = logs_of(pred_probs[chosen], least)
        logs -= row_max(logs)[:, None]
        given = power * at_columns(logs, own)
        probs = powers_of(logs, power)
        total = probs.sum(axis=1)
        cubes = np.einsum("ij,ij->i", probs, probs * probs)
        probs[np.arange(len(own)), own] = 0.0
        flips = np.einsum("ij,ij->i", probs, reached[own])
        stay = noise.diagonal()[own]
        kept = stay * np.exp(given)
        odds[part] = np.log(np.maximum(flips, TINY)) - np.log(stay) - given
        wrong[0, part] = flips / (flips + kept)
        sharp = stay * np.exp(3.0 * given) / cubes * total / (flips + kept)
        wrong[1, part] = 1.0 - np.minimum(sharp, 1.0)
        first[part] = 1.0 / total
        doubt[part] = probs.sum(axis=1) / total

    each_block(look, row_blocks(n_rows, 4 * 8 * pred_probs.shape[1]))
    return _Judged(wrong, odds, first, doubt)


def _expected_f1(wrong: FloatArray, totals: FloatArray) -> FloatArray:
    """Expected F1 of flagging the first 1, 2, … rows, per reading; (readings, m)."""
    flagged = np.arange(1, wrong.shape[1] + 1)
    expected: FloatArray = 2 * np.cumsum(wrong, axis=1) / (flagged + totals[:, None])
    return expected


def _weight(
    wrong: FloatArray, totals: FloatArray, n_rows: int, power: float, contradicted: float
) -> float:
    """Weight of the first reading, in [0, 1].

    How clear it is: its own best expected F1, from 1/2 (which tells nothing: as many mistakes as
    hits) to 1. The rest is the second one's, as far as that is clear too and another witness
    contradicts the labels; these count by their third power, as third powers make anything clear.
    It is more likely where the model is surer than the labels agree with (a `power` below 1): they
    may be wrong. And a reading is less likely, the more labels it takes for wrong.
    """
    if not wrong.shape[1]:
        return 0.5
    best = _expected_f1(-np.sort(-wrong, axis=1), totals).max(axis=1)
    clear, sharp = np.maximum(0.0, 2.0 * best - 1.0)
    rest = (1.0 - clear) * (sharp * contradicted) ** 3 / min(1.0, power)
    first, second = np.array([clear, rest]) * (1.0 - totals / n_rows)
    return float(first / (first + second)) if first + second > 0 else 0.5


def _best_cut(
    score: FloatArray,
    wrong: FloatArray,
    totals: FloatArray,
    weight: float,
    usual: int,
    limit: int,
) -> tuple[float, float]:
    """The score up to which to flag, for the largest F1 to expect from `limit` flags, and that.

    Where the readings weigh alike, many numbers promise about the same; the number of flags of
    confident learning, as if they were the errors, then decides. One reading alone needs no help.
    """
    order = np.argsort(score)[:limit]
    expected = np.array([weight, 1.0 - weight]) @ _expected_f1(wrong[:, order], totals)
    flagged = np.arange(1, len(order) + 1)
    alike = 2.0 * np.minimum(flagged, usual) / (flagged + usual)
    doubt = USUAL * 4.0 * weight * (1.0 - weight)
    best = int(np.round((1.0 - doubt) * expected + doubt * alike, 12).argmax())
    # What is tied up to rounding is flagged alike.
    return float(score[order[best]]) * (1.0 + 1e-9), float(expected[best])


def _precision(
    surely: FloatArray, wrong: FloatArray, flags: BoolArray, weight: float, seen: int
) -> Estimate:
    """Share of wrong labels among the flags.

    At least what the cautious first reading says, less two standard errors: of a share of the
    flags, and of noise that was learnt from the `seen` odd labels of sure rows. At most what the
    second reading says, were the model as sharp again. By weight the first reading counts, and
    the middle for what nobody can tell: look-alikes, or mistakes of the model?
    """
    if not flags.any():
        return Estimate(np.nan, np.nan, np.nan)
    chance, alike = wrong[:, flags].mean(axis=1)
    least, most = float(surely[flags].mean()), 1.0 - float(1.0 - alike) ** 2
    n_flags = np.count_nonzero(flags)
    spread, above = least * (1.0 - least), most * (1.0 - most)
    low = max(0.0, least - 2.0 * float(np.sqrt(spread / n_flags + spread**2 / seen)))
    high = min(1.0, most + 2.0 * float(np.sqrt(above / n_flags)))
    value = float(weight * chance + (1.0 - weight) * (low + high) / 2.0)
    return Estimate(min(low, value), value, max(value, high))


def _errors(
    surely: FloatArray, totals: FloatArray, weight: float, seen: int, doubt: float
) -> Estimate:
    """Number of wrong labels: cautious first reading, both by weight, and the most.

    The least is less two standard errors, as in `_precision`. The most are all suspects, and of
    the other rows as many as the model doubts: labels that tell nothing beyond the model.
    """
    value = float(weight * totals[0] + (1.0 - weight) * totals[1])
    sure = float(surely.sum())
    low = max(0.0, sure - 2.0 * float(np.sqrt(sure + sure**2 / seen)))
    high = len(surely) + doubt + 2.0 * float(np.sqrt(doubt))
    return Estimate(min(low, value), value, max(value, high))


def _evenness(odd: BoolArray, sure: BoolArray) -> float:
    """How the share of odd labels among the sure rows compares to that among all rows, at most 1.

    Near 0 where labels are odd because the model is wrong.
    """
    overall = float(odd.mean())
    return min(1.0, float(odd[sure].mean()) / overall) if overall > 0 else 0.0


def _better_than_chance(labels: Codes, pred_probs: Probs) -> bool:
    """Whether given labels are more probable than labels drawn without looking at the rows."""
    n_rows, n_classes = pred_probs.shape
    if n_rows < ENOUGH:
        return True
    share = (np.bincount(labels, minlength=n_classes) / n_rows).astype(pred_probs.dtype)

    def look(rows: slice) -> FloatArray:
        block = pred_probs[rows]
        blind = block @ share
        return np.array(
            [
                (at_columns(block, labels[rows]) - blind).sum(dtype=np.float64),
                (np.square(block) @ share - blind**2).sum(dtype=np.float64),
            ]
        )

    blocks = row_blocks(n_rows, 2 * pred_probs.dtype.itemsize * n_classes)
    beyond, variance = np.sum(each_block(look, blocks), axis=0)
    return bool(beyond > ERRORS * np.sqrt(max(0.0, variance)))
