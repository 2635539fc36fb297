"""How labels are confused, as told by the rows of which a model is sure.

Where a model is surest of a class, that class is true, so the labels given there show how the class
is confused (anchor points: Liu, Tao: Classification with noisy labels by importance reweighting,
IEEE TPAMI 38 (2016), theorem 3). Everything here depends on the order of the probabilities or on a
fitted power of them, so over-confident networks and cautious forests are judged alike.
"""

import numpy as np
from numpy.typing import NDArray

from datalab._core.blocks import each_block, row_blocks
from datalab._core.count import at_columns, row_argmax, row_max
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray, Probs

__all__ = [
    "POWERS",
    "explained",
    "glance",
    "least_probability",
    "logs_of",
    "losses_of",
    "one_way",
    "powers_of",
    "spread",
    "steadiness",
    "sure_confusion",
    "surest",
]

# Share of the rows of each predicted class that count as sure.
SURE = 0.25
# Share of a class that may be mislabelled.
MOST = 0.5
# The confusion of a class is drawn towards that of all classes as if by so many examples.
SHRINK = 10.0
# Probabilities below are not told apart. Naive Bayes, and products with the shares of neighbours,
# are often below 1e-6, where ties would cost them their order.
LEAST = 1e-12
# Powers of the probabilities that are tried: inverse temperatures.
POWERS = np.geomspace(0.05, 12.0, 24)
# What is fitted looks at about so many values, and at no more and no fewer rows than these.
FIT_VALUES, MOST_ROWS, FEWEST_ROWS = 1_000_000, 3_000, 500


def least_probability(pred_probs: Probs) -> float:
    """The least probability to reckon with: half a vote, where probabilities are votes."""
    blocks = row_blocks(len(pred_probs), pred_probs.dtype.itemsize * pred_probs.shape[1])
    if min(each_block(lambda rows: float(pred_probs[rows].min()), blocks)) > 0:
        return LEAST

    def positive(rows: slice) -> float:
        block = pred_probs[rows]
        return float(np.where(block > 0, block, 1.0).min())

    return max(LEAST, min(each_block(positive, blocks)) / 2)


def logs_of(block: FloatArray, least: float) -> FloatArray:
    """Logarithms, float64, of probabilities of at least `least`."""
    values = np.maximum(block, least, dtype=np.float64)
    return np.log(values, out=values)


def powers_of(logs: FloatArray, power: float) -> FloatArray:
    """Powers of probabilities, the largest of each row scaled to 1."""
    values = logs - row_max(logs)[:, None]
    values *= power
    return np.exp(values, out=values)


def glance(
    labels: Codes, pred_probs: Probs, least: float
) -> tuple[IndexArray, FloatArray, FloatArray]:
    """Most probable class, its log lead over the second, and the log odds against the label."""
    n_rows = len(labels)
    top = np.empty(n_rows, dtype=np.intp)
    lead, gap = np.empty(n_rows), np.empty(n_rows)

    def look(rows: slice) -> None:
        block = pred_probs[rows].copy()
        own = labels[rows]
        given = at_columns(block, own)
        top[rows] = best = row_argmax(block)
        first = at_columns(block, best)
        block[np.arange(len(own)), best] = -1.0
        second = row_max(block)
        other = np.where(best == own, second, first)
        lead[rows] = logs_of(first, least) - logs_of(second, least)
        gap[rows] = logs_of(other, least) - logs_of(given, least)

    each_block(look, row_blocks(n_rows, 2 * pred_probs.dtype.itemsize * pred_probs.shape[1]))
    return top, lead, gap


def sure_confusion(labels: Codes, top: IndexArray, sure: BoolArray, n_classes: int) -> FloatArray:
    """Share of each given label (column) for each predicted class (row), among the `surest` rows.

    The share of other labels is drawn towards that of all classes, and their kind towards any
    class alike, so that rare and absent classes are not judged by a handful of rows. Of no class
    more than `MOST` is taken for mislabelled: a model that is seldom right even where it is surest
    is more likely weak than right about labels of which most are wrong.
    """
    cells = top[sure] * n_classes + labels[sure]
    counts = np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)
    others = counts.astype(np.float64)
    np.fill_diagonal(others, 0.0)
    total, moved = counts.sum(axis=1), others.sum(axis=1)
    overall = (moved.sum() + 0.5) / (total.sum() + 1.0)
    rate = np.minimum((moved + SHRINK * overall) / (total + SHRINK), MOST)
    prior = max(1.0, SHRINK * overall)
    anywhere = (1.0 - np.eye(n_classes)) / max(1, n_classes - 1)
    kind = (others + prior * anywhere) / (moved + prior)[:, None]
    confusion: FloatArray = rate[:, None] * kind
    np.fill_diagonal(confusion, 1.0 - rate)
    return confusion


def one_way(confusion: FloatArray) -> FloatArray:
    """The confusion, of which only what goes from one class to another, and not back, stays there.

    Classes that are taken for each other look alike, to the model as well; what is mutual is
    therefore spread over all other classes.
    """
    n_classes = len(confusion)
    others = confusion - np.diag(confusion.diagonal())
    further = np.maximum(others - others.T, 0.0)
    mutual = others.sum(axis=1) - further.sum(axis=1)
    further += (mutual / max(1, n_classes - 1))[:, None]
    np.fill_diagonal(further, confusion.diagonal())
    return further


def surest(top: IndexArray, lead: FloatArray, n_classes: int, share: float = SURE) -> BoolArray:
    """Of the rows of each predicted class the share with the largest lead, and what is tied."""
    sure = np.zeros(len(top), dtype=bool)
    order = np.argsort(top.astype(np.int32), kind="stable")
    sizes = np.bincount(top, minlength=n_classes)
    for end, size in zip(np.cumsum(sizes), sizes, strict=True):
        if size:
            rows = order[end - size : end]
            rest = size - int(np.ceil(share * size))
            sure[rows] = lead[rows] >= np.partition(lead[rows], rest)[rest]
    return sure


def steadiness(odd: BoolArray, surer: BoolArray) -> float:
    """What is left of the share of odd labels among sure rows where a model is surer still.

    Noise stays, and mistakes of the model wane. From the sure rows to half of them their share
    changes by a factor; it is taken to change by the same once more.
    """
    rate, rest = ((some.sum() + 0.5) / (len(some) + 1.0) for some in (odd, odd[surer]))
    return min(1.0, float(rest / rate)) ** 2


def spread(gap: FloatArray, n_classes: int) -> IndexArray:
    """Rows to fit on, at equal steps through the order of `gap`: no order of rows changes them."""
    size = min(MOST_ROWS, max(FIT_VALUES // n_classes, FEWEST_ROWS))
    if len(gap) <= size:
        return np.arange(len(gap))
    return np.argsort(gap)[np.linspace(0, len(gap) - 1, size).astype(np.intp)]


def explained(
    labels: NDArray[np.int64], logs: FloatArray, confusion: FloatArray, power: float
) -> tuple[FloatArray, FloatArray]:
    """Probability of each given label from a power of the probabilities: as it is, and confused."""
    probs = powers_of(logs, power)
    probs /= probs.sum(axis=1, keepdims=True)
    return at_columns(probs, labels), np.einsum("ij,ij->i", probs, confusion.T[labels])


def losses_of(told: FloatArray, power: float) -> FloatArray:
    """Negative log-likelihood of labels that have the probabilities `told`.

    With a weak preference for probabilities as they are (as if the logarithm of their power was
    seen once, within 1), so that few rows that fit well do not make them certainties.
    """
    preference = 0.5 * float(np.log(power)) ** 2 / told.shape[-1]
    losses: FloatArray = preference - np.log(np.maximum(told, np.finfo(np.float64).tiny))
    return losses
