"""How untypical an example is: far from its neighbours, or uncertain to the model.

Kuan, Mueller: Back to the basics: revisiting out-of-distribution detection baselines, ICML
workshop 2022 (mean distance to the k nearest neighbours; entropy and maximum of adjusted
probabilities). Liu, Lochman, Zach: GEN: pushing the limits of softmax-based out-of-distribution
detection, CVPR 2023, eq. 2 (generalised entropy).

Scores lie in [0, 1]; low means outlier.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datalab._core.blocks import Scratch, each_block
from datalab._core.count import NARROW, blocks_of, row_max
from datalab._typing import BoolArray, Codes, FloatArray, Probs

__all__ = [
    "METHODS",
    "Tail",
    "class_scales",
    "distance_cut",
    "distance_scores",
    "mean_distances",
    "pooled_remoteness",
    "probability_cut",
    "probability_scores",
    "rounding_noise",
    "scale_of",
]

# Sums of squares of equal rows come out as large as that instead of 0.
ROUNDING = 100 * float(np.finfo(np.float64).eps)
# Distances are never divided by less, so that a data set of near copies has no outliers.
MIN_SCALE = 1e-6
# Tukey's whiskers end so many interquartile ranges beyond the quartiles.
WHISKER = 1.5
# Of fewer examples of a class one cannot tell what is typical of it.
CLASS_ROWS = 20
# From this quantile on the tail of remoteness is extrapolated.
OUTER = 0.9
# How steep it is is read between this quantile and each of these; the steeper one counts.
INNER = 0.5, 0.75
# The quantiles are estimates themselves, which adds about a quarter to the false alarms.
CAUTION = 0.8


def mean_distances(distances: FloatArray) -> NDArray[np.float64]:
    """Mean distance of each example to its neighbours; (N, k) to (N,)."""
    means: NDArray[np.float64] = distances.mean(axis=1, dtype=np.float64)
    return means


def scale_of(means: NDArray[np.float64]) -> float:
    """The scaling factor of a data set: the median of its mean distances, never quite 0."""
    return max(float(np.median(means)), ROUNDING)


def class_scales(means: NDArray[np.float64], labels: Codes) -> NDArray[np.float64]:
    """What is typical of each example's class relative to all, shape (N,).

    1 for missing labels and for classes of fewer than `CLASS_ROWS` examples.
    """
    scales = np.ones(len(means))
    for label in np.flatnonzero(np.bincount(labels[labels >= 0]) >= CLASS_ROWS):
        own = labels == label
        scales[own] = scale_of(means[own]) / scale_of(means)
    return scales


def pooled_remoteness(
    means: NDArray[np.float64], *others: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean distances, corrected by what other measures say about how remote an example is.

    All are standardised by median and interquartile range, the distances on a logarithmic scale;
    their mean is told on the scale of the distances, so that what is typical stays so. None tells
    less than its lower whisker: to be very near to a few rows, or a copy of them, is no evidence
    against the others, as rows of a lump are near to each other wherever it lies.

    Parameters
    ----------
    means : ndarray of shape (N,)
        Mean distances to the neighbours.
    *others : ndarray of shape (N,)
        Larger is more remote, in any unit.
    """
    apart = means > ROUNDING
    if not apart.any():
        return means
    logs = np.log(np.maximum(means, means[apart].min()))
    q1, centre, q3 = np.percentile(logs[apart], [25, 50, 75])
    told = [one for one in others if np.ptp(np.percentile(one[apart], [25, 75])) > 0]
    if q1 == q3 or not told:
        return means
    remote = np.mean([_standardised(one, apart) for one in (logs, *told)], axis=0)
    pooled: NDArray[np.float64] = np.exp(centre + (q3 - q1) * remote)
    return pooled


def _standardised(values: NDArray[np.float64], some: BoolArray) -> NDArray[np.float64]:
    """In interquartile ranges of some from their median, and no less than their whisker."""
    q1, centre, q3 = np.percentile(values[some], [25, 50, 75])
    whisker = q1 - WHISKER * (q3 - q1)
    scaled: NDArray[np.float64] = (np.maximum(values, whisker) - centre) / (q3 - q1)
    return scaled


def rounding_noise(metric: str, p: float = 2) -> float:
    """Distances below this may be those of equal examples: they come from rounding alone.

    Where a distance is a root of a sum, so is its rounding; cosine distance is half the square of
    a Euclidean one.
    """
    if metric == "cosine":
        return ROUNDING / 2
    if metric == "euclidean":
        return float(ROUNDING**0.5)
    return float(ROUNDING ** (1 / p)) if metric == "minkowski" and np.isfinite(p) else 0.0


def distance_scores(
    means: NDArray[np.float64], *, scale: float, t: float = 1.0, noise: float = 0.0
) -> NDArray[np.float64]:
    """Exp(-t · mean distance / scale), shape (N,); exactly 1 below the rounding noise."""
    scores: NDArray[np.float64] = np.exp(-t * means / max(scale, MIN_SCALE))
    scores[means < noise] = 1.0
    return scores


def distance_cut(means: NDArray[np.float64], threshold: float) -> float:
    """Mean distances above this are outliers: Tukey's fence, Q3 + (1 / threshold - 1) · IQR.

    Tukey: Exploratory data analysis, 1977, section 2D. The usual fence of 1.7 IQR is a threshold
    of 0.37; 1 flags the farthest quarter, 0 nothing.
    """
    if threshold == 0:
        return float("inf")
    q1, q3 = np.percentile(means, [25, 75])
    return float(q3 + (1 / threshold - 1) * (q3 - q1))


@dataclass(frozen=True, slots=True)
class Tail:
    """How likely clean rows are as remote as that, if their tail is no heavier than a power law.

    P(remoteness > r) = (1 - OUTER) · (r / outer)^(-1 / index) beyond the quantile `outer`. The
    index is read between this quantile and those inside of it (Pickands: Statistical inference
    using extreme order statistics, Annals of Statistics 3 (1975), here on the logarithmic scale),
    so up to a tenth of outliers does not change it much. Lighter tails, which is what most data
    have, give fewer false alarms.

    Parameters
    ----------
    outer : float
        Quantile from which on the tail is extrapolated.
    index : float
        Of the power law, 1 / exponent.
    rows : ndarray of shape (number of rows that are no copies,)
        Their remoteness, sorted.
    """

    outer: float
    index: float
    rows: NDArray[np.float64]

    @classmethod
    def of(cls, means: NDArray[np.float64]) -> "Tail":
        """The tail of a data set's remoteness, of rows that are no copies."""
        apart = np.sort(means[means > ROUNDING])
        if not apart.size:
            return cls(0.0, 0.0, apart)
        outer, *inner = np.quantile(apart, [OUTER, *INNER])
        shares = (1 - np.array(INNER)) / (1 - OUTER)
        steepest = (np.log(outer / np.array(inner)) / np.log(shares)).max()
        return cls(float(outer), float(steepest), apart)

    def cut(self, rate: float) -> float:
        """Beyond this lies at most the share `rate` of clean rows."""
        if rate >= 1:
            return -np.inf
        if not self.rows.size:
            return 0.0
        rate *= CAUTION
        if self.index == 0 or rate > 1 - OUTER:  # nothing to extrapolate
            return float(np.quantile(self.rows, 1 - rate))
        return float(self.outer * ((1 - OUTER) / max(rate, 1e-300)) ** self.index)

    def rate(self, cut: float) -> float:
        """At most this share of clean rows lies beyond the cut."""
        return min(1.0, float(self.probability(np.array([cut]))[0]) / CAUTION)

    def probability(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share of clean rows that are at least as remote, for each of `means`."""
        beyond = len(self.rows) - np.searchsorted(self.rows, means, side="left")
        share: NDArray[np.float64] = beyond / max(len(self.rows), 1)
        far = means > self.outer
        if self.index > 0 and far.any():
            share[far] = (1 - OUTER) * (means[far] / self.outer) ** (-1 / self.index)
        return np.minimum(share, 1.0)


def _sums(block: FloatArray, axis: int) -> FloatArray:
    sums: FloatArray = np.einsum("ij->i" if axis else "ij->j", block)
    return sums


def _entropy(
    block: FloatArray,
    axis: int,
    totals: FloatArray | None,
    room: FloatArray,
    _m: int,
    _gamma: float,
) -> FloatArray:
    """1 less the entropy, in units of the largest possible one."""
    n_classes = block.shape[axis]
    if n_classes < 2:
        return np.ones(block.shape[1 - axis])
    positive = block  # adjusted values are, others are made so: 0 log 0 = 0
    if totals is None:
        positive = np.add(block, np.finfo(block.dtype).tiny, out=room)
    logs = np.log(positive, out=room)
    sums = np.einsum("ij,ij->i" if axis else "ij,ij->j", block, logs)
    if totals is not None:
        # With q = p / total: sum q log q = (sum p log p) / total - log total.
        sums = sums / totals - np.log(totals)
    score: FloatArray = 1.0 + sums / np.log(n_classes)
    return score


def _least_confidence(
    block: FloatArray,
    axis: int,
    totals: FloatArray | None,
    _room: FloatArray,
    _m: int,
    _gamma: float,
) -> FloatArray:
    top: FloatArray = row_max(block) if axis else block.max(axis=0)
    return top if totals is None else top / totals


def _gen(
    block: FloatArray,
    axis: int,
    totals: FloatArray | None,
    room: FloatArray,
    m: int,
    gamma: float,
) -> FloatArray:
    """1 less the generalised entropy of the m largest values."""
    powers, kept = room, block
    if totals is not None:
        kept = np.divide(block, np.expand_dims(totals, axis), out=room)
    np.exp(kept, out=powers)
    total = np.expand_dims(_sums(powers, axis), axis)
    smallest = powers.shape[axis] - m
    if smallest > 0:
        powers.partition(smallest, axis=axis)
        powers = powers[smallest:] if axis == 0 else powers[:, smallest:]
    softmax = powers / total
    score: FloatArray = 1.0 - _sums((softmax * (1.0 - softmax)) ** gamma, axis) / m
    return score


# Each takes a block of values p, the axis of its classes, a total for each example (the
# probabilities are p / total; None if they are p), room for a copy of the block, M and gamma.
Method = Callable[[FloatArray, int, FloatArray | None, FloatArray, int, float], FloatArray]
METHODS: dict[str, Method] = {
    "entropy": _entropy,
    "least_confidence": _least_confidence,
    "gen": _gen,
}


def probability_scores(
    pred_probs: Probs,
    method: str = "entropy",
    *,
    thresholds: FloatArray | None = None,
    m: int = 100,
    gamma: float = 0.1,
) -> NDArray[np.float64]:
    """How sure the model is of each example, shape (N,).

    Parameters
    ----------
    pred_probs : Probs of shape (N, K)
    method : {"entropy", "least_confidence", "gen"}
        1 - entropy / log K; the largest probability; 1 - Σ (q (1 - q))^γ / m over the m largest
        softmaxed probabilities q.
    thresholds : ndarray of shape (K,), optional
        Confident thresholds, by which probabilities are adjusted first.
    m, gamma : int, float
        Of "gen".
    """
    score, dtype = METHODS[method], pred_probs.dtype
    # Adjusted probabilities: p - threshold, lifted so that all are positive, as shares of the row.
    lift = None
    if thresholds is not None:
        lift = (thresholds.max() - thresholds + np.finfo(dtype).tiny).astype(dtype)

    # Few classes are laid out as rows: long vectors instead of many short ones.
    axis = 0 if pred_probs.shape[1] <= NARROW else 1

    scratch = Scratch()

    def scores(rows: slice) -> NDArray[np.float64]:
        block = pred_probs[rows].T if axis == 0 else pred_probs[rows]
        totals = None
        if lift is not None:
            block = np.add(block, np.expand_dims(lift, 1 - axis), out=scratch.like(block))
            totals = _sums(block, axis)
        block = np.ascontiguousarray(block)
        return score(block, axis, totals, scratch.like(block, 1), m, gamma).astype(np.float64)

    return np.concatenate(each_block(scores, blocks_of(pred_probs)))


def probability_cut(scores: NDArray[np.float64], threshold: float) -> float:
    """Scores below this are outliers: `threshold` times the median score."""
    return float(threshold * np.median(scores))
