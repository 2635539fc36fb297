"""Which labels are wrong, by a rule that needs to see each block of examples only twice.

The first pass makes the confident thresholds, the second one counts the examples whose most
probable class is another one and confident, and keeps the probability of each label. As many
examples as were counted are taken, those with the lowest probability of their label; of these the
ones whose most probable class is another one are the issues.
"""

import numpy as np

from datalab._core.blocks import each_block, fold_blocks, row_blocks
from datalab._core.count import (
    THRESHOLD_FLOOR,
    class_sums,
    confident_argmaxes,
    thresholds_of,
)
from datalab._core.filter import lowest
from datalab._core.rank import label_quality
from datalab._typing import BoolArray, Codes, FloatArray, Probs

__all__ = ["issues_by_thresholds", "thresholds_by_sums"]


def thresholds_by_sums(sums: FloatArray) -> FloatArray:
    """Confident thresholds, shape (K,), of the `class_sums` of a data set.

    Unlike the ones of `datalab._core.count`, any probability will do for a class without examples.
    """
    return np.where(sums[0] > 0, thresholds_of(sums), THRESHOLD_FLOOR)


def issues_by_thresholds(
    labels: Codes, pred_probs: Probs, method: str = "self_confidence"
) -> BoolArray:
    """Mask of the examples whose label is probably wrong, shape (N,).

    `method` is the score (see `datalab._core.rank`) of which the lowest are taken.
    """
    blocks = row_blocks(len(labels), pred_probs.dtype.itemsize * pred_probs.shape[1])
    sums = fold_blocks(lambda rows: class_sums(labels[rows], pred_probs[rows]), blocks)
    thresholds = thresholds_by_sums(sums)
    differs = np.empty(len(labels), dtype=bool)

    def count(rows: slice) -> int:
        differs[rows] = pred_probs[rows].argmax(axis=1) != labels[rows]
        return int(confident_argmaxes(labels[rows], pred_probs[rows], thresholds)[1].sum())

    number = sum(each_block(count, blocks))
    taken = lowest(label_quality(labels, pred_probs, method), number, fixed=True)
    flagged: BoolArray = taken & differs
    return flagged
