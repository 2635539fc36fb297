"""Confident learning: how many labels are wrong, and which class is given for which.

Northcutt, Jiang, Chuang: Confident learning: estimating uncertainty in dataset labels,
JAIR 70 (2021), sections 3.1 (confident joint, its calibration) and 3.3; latent quantities after
Northcutt, Wu, Chuang: Learning with confident examples (rank pruning), UAI 2017.

`joint[i, j]` stands for label i given, class j true. Labels are codes 0..K-1 (no -1).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._core.blocks import BLOCK_BYTES, WIDE_BYTES, each_block, fold_blocks, row_blocks
from datalab._stack import at_cells
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray, Probs

__all__ = [
    "EPS",
    "Guesses",
    "argmaxes",
    "at_columns",
    "blocks_of",
    "calibrate",
    "class_sums",
    "confident_argmaxes",
    "confident_guesses",
    "confident_joint",
    "confident_thresholds",
    "estimate_joint",
    "given_probs",
    "guesses_and_agreement",
    "joint_counts",
    "label_counts",
    "label_is_argmax",
    "num_label_issues",
    "off_diagonal",
    "off_diagonal_issues",
    "round_keeping_sums",
    "row_argmax",
    "row_max",
    "thresholds_of",
]

EPS = 1e-6  # tolerance of comparisons between probabilities
NEVER_REACHED = 2.0  # threshold of a class that no label names: above every probability
THRESHOLD_FLOOR = 2 * EPS  # so that a probability of 0 is never confident
TINY = 1e-100  # keeps the confident joint free of division by zero
NARROW = 32  # up to so many classes a block is faster looked at column by column

# Class codes as they come out of a pass over the probabilities; -1 for none.
Guesses = NDArray[np.int32]

# Probabilities are summed in units of 2**-53, as two integers of 26 and 27 bits: float64 adds
# integers below 2**53 exactly, so the sums depend neither on blocks nor on the order of rows.
HIGH, LOW = 2.0**26, 2.0**27


def blocks_of(pred_probs: FloatArray, n_rows: int | None = None) -> list[slice]:
    """Blocks to walk through probabilities by, or through `n_rows` of their rows."""
    n_classes = pred_probs.shape[1]
    block_bytes = BLOCK_BYTES if n_classes <= NARROW else WIDE_BYTES
    n_rows = len(pred_probs) if n_rows is None else n_rows
    return row_blocks(n_rows, pred_probs.dtype.itemsize * n_classes, block_bytes)


def label_counts(labels: Codes, n_classes: int) -> IndexArray:
    """Number of examples given each label, shape (K,)."""
    return np.bincount(labels, minlength=n_classes)


def given_probs(labels: NDArray[np.int64], pred_probs: FloatArray) -> FloatArray:
    """The probability of each example's given label, shape (N,)."""
    return at_columns(pred_probs, labels)


def at_columns(block: FloatArray, columns: IndexArray) -> FloatArray:
    """One value of each row: ``block[i, columns[i]]``, shape (N,)."""
    return at_cells(block, np.arange(len(columns)), columns)


def row_max(block: FloatArray) -> FloatArray:
    """The largest value of each row, shape (N,)."""
    if block.shape[1] > NARROW:
        return at_columns(block, block.argmax(axis=1))  # numpy's argmax is faster than its max
    # Classes become rows: long vectors instead of many short ones.
    largest: FloatArray = np.ascontiguousarray(block.T).max(axis=0)
    return largest


def row_argmax(block: FloatArray) -> IndexArray:
    """The column of the largest value of each row, the first of equal ones; shape (N,)."""
    if block.shape[1] > NARROW:
        first: IndexArray = block.argmax(axis=1)
        return first
    columns = np.ascontiguousarray(block.T)
    is_largest = (columns == columns.max(axis=0)).view(np.uint8)
    # The sum of the columns that hold the largest value is the column where there is one.
    index = np.arange(len(columns), dtype=np.uint8)[:, np.newaxis]
    best: IndexArray = np.add.reduce(is_largest * index, axis=0, dtype=np.uint8).astype(np.intp)
    tied = np.flatnonzero(np.add.reduce(is_largest, axis=0, dtype=np.uint8) > 1)
    best[tied] = block[tied].argmax(axis=1)
    return best


def argmaxes(pred_probs: Probs) -> IndexArray:
    """The most probable class of each example, the first of equal ones; shape (N,)."""
    parts = each_block(lambda rows: row_argmax(pred_probs[rows]), blocks_of(pred_probs))
    return np.concatenate(parts)


def class_sums(labels: NDArray[np.int64], pred_probs: FloatArray) -> FloatArray:
    """What thresholds are made of: count and exact sum (high, low) of p[label] per class, (3, K).

    The sums of several blocks of rows add up to the sums of all of them.
    """
    return _sums_of(labels, given_probs(labels, pred_probs), pred_probs.shape[1])


def _sums_of(labels: NDArray[np.int64], given: FloatArray, n_classes: int) -> FloatArray:
    """`class_sums` from the probabilities of the labels, shape (N,)."""
    scaled = given.astype(np.float64) * HIGH
    high = np.rint(scaled)
    low = np.rint((scaled - high) * LOW)
    return np.stack(
        [
            np.bincount(labels, minlength=n_classes),
            np.bincount(labels, weights=high, minlength=n_classes),
            np.bincount(labels, weights=low, minlength=n_classes),
        ]
    )


def thresholds_of(sums: FloatArray) -> FloatArray:
    """Confident thresholds, shape (K,), from the `class_sums` of a data set."""
    counts, high, low = sums
    total = (high + low / LOW) / HIGH
    mean = np.divide(total, counts, out=np.full(len(counts), NEVER_REACHED), where=counts > 0)
    thresholds: FloatArray = np.maximum(mean, THRESHOLD_FLOOR)
    return thresholds


def confident_thresholds(labels: Codes, pred_probs: Probs) -> FloatArray:
    """Mean probability of class k over the examples labelled k, shape (K,), float64.

    A class without examples gets 2, which no probability reaches. O(N) time.
    """

    def sums(rows: slice) -> FloatArray:
        given = at_cells(pred_probs, np.arange(rows.start, rows.stop), labels[rows])
        return _sums_of(labels[rows], given, pred_probs.shape[1])

    return thresholds_of(fold_blocks(sums, row_blocks(len(labels), row_bytes=64)))


def confident_guesses(pred_probs: Probs, thresholds: FloatArray) -> Guesses:
    """For each example the class it counts for in the confident joint, or -1; shape (N,).

    The class whose probability reaches its threshold; the most probable class when several do.
    """
    if pred_probs.shape[1] > NARROW:
        best, top, _ = _tops(pred_probs)
        return _guesses_of(pred_probs, best, top, thresholds)
    guesses = np.empty(len(pred_probs), dtype=np.int32)
    cuts = _cuts(thresholds, pred_probs.dtype)

    def look(rows: slice) -> None:
        guesses[rows] = _guess_by_column(pred_probs[rows], cuts)[0]

    each_block(look, blocks_of(pred_probs))
    return guesses


def guesses_and_agreement(
    labels: Codes, pred_probs: Probs, thresholds: FloatArray | None = None
) -> tuple[Guesses, BoolArray]:
    """`confident_guesses` and `label_is_argmax`, from as few looks at the memory as possible.

    `thresholds` are the `confident_thresholds` by default.
    """
    if pred_probs.shape[1] > NARROW:
        best, top, given = _tops(pred_probs, labels)
        if thresholds is None:
            n_classes, blocks = pred_probs.shape[1], row_blocks(len(labels), row_bytes=64)
            thresholds = thresholds_of(
                fold_blocks(lambda rows: _sums_of(labels[rows], given[rows], n_classes), blocks)
            )
        return _guesses_of(pred_probs, best, top, thresholds), given >= top - EPS
    if thresholds is None:
        thresholds = confident_thresholds(labels, pred_probs)
    cuts = _cuts(thresholds, pred_probs.dtype)
    guesses = np.empty(len(pred_probs), dtype=np.int32)
    agrees = np.empty(len(pred_probs), dtype=bool)

    def look(rows: slice) -> None:
        block = pred_probs[rows]
        guesses[rows], top = _guess_by_column(block, cuts)
        agrees[rows] = given_probs(labels[rows], block) >= top - EPS

    each_block(look, blocks_of(pred_probs))
    return guesses, agrees


def _cuts(thresholds: FloatArray, dtype: np.dtype[Any]) -> FloatArray:
    """What a probability must reach, in its own dtype, rounded so that no comparison changes."""
    exact = np.asarray(thresholds, dtype=np.float64) - EPS
    cuts = exact.astype(dtype)
    return np.where(cuts < exact, np.nextafter(cuts, dtype.type(np.inf)), cuts)


def _guess_by_column(block: FloatArray, cuts: FloatArray) -> tuple[Guesses, FloatArray]:
    """The guesses, and the highest probability of each row; for few classes."""
    columns = np.ascontiguousarray(block.T)
    confident = (columns >= cuts[:, np.newaxis]).view(np.uint8)
    number = np.add.reduce(confident, axis=0, dtype=np.uint8)
    # The sum of the confident classes is the class where there is one; else it does not matter.
    classes = np.arange(len(cuts), dtype=np.uint8)[:, np.newaxis]
    guesses = np.add.reduce(confident * classes, axis=0, dtype=np.uint8).astype(np.int32)
    guesses[number == 0] = -1
    several = np.flatnonzero(number > 1)
    guesses[several] = block[several].argmax(axis=1)
    return guesses, columns.max(axis=0)


def _tops(pred_probs: Probs, labels: Codes | None = None) -> tuple[Guesses, FloatArray, FloatArray]:
    """The most probable class of each row, its probability, and that of its label (if known)."""
    best = np.empty(len(pred_probs), dtype=np.int32)
    top, given = np.empty((2, len(pred_probs)), dtype=pred_probs.dtype)

    def look(rows: slice) -> None:
        block = pred_probs[rows]
        first = block.argmax(axis=1)
        best[rows], top[rows] = first, at_columns(block, first)
        if labels is not None:
            given[rows] = at_columns(block, labels[rows])

    each_block(look, blocks_of(pred_probs))
    return best, top, given


def _guesses_of(
    pred_probs: Probs, best: Guesses, top: FloatArray, thresholds: FloatArray
) -> Guesses:
    """The guesses, where the most probable classes and their probabilities are known."""
    cuts = _cuts(thresholds, pred_probs.dtype)
    guesses = np.where(top >= cuts[best], best, np.int32(-1))
    # Another class can be confident although the most probable one is not.
    rest = np.flatnonzero((guesses < 0) & (top >= cuts.min()))

    def look(part: slice) -> None:
        confident = pred_probs[rest[part]] >= cuts
        some = np.flatnonzero(confident.any(axis=1))
        rows, confident = rest[part][some], confident[some]
        one = np.count_nonzero(confident, axis=1) == 1
        guesses[rows] = np.where(one, confident.argmax(axis=1), best[rows])

    each_block(look, blocks_of(pred_probs, len(rest)))
    return guesses


def joint_counts(labels: Codes, guesses: Guesses | IndexArray, n_classes: int) -> IndexArray:
    """Number of examples for each (given label, guess), shape (K, K); a guess of -1 counts not."""

    def count(rows: slice) -> IndexArray:
        counted = np.flatnonzero(guesses[rows] >= 0)
        cells = guesses[rows][counted] * n_classes + labels[rows][counted]
        return np.bincount(cells, minlength=n_classes**2)

    # Blocks at least as large as the table itself, so that adding up tables costs little.
    blocks = row_blocks(len(labels), 8, max(1 << 19, 8 * n_classes**2))
    # Transposed (column-major): sums over a joint follow its memory, and their last bit decides
    # which of two halves `calibrate` rounds up. The reference counts in this order.
    return fold_blocks(count, blocks).reshape(n_classes, n_classes).T


def confident_joint(
    labels: Codes,
    pred_probs: Probs,
    thresholds: FloatArray | None = None,
    guesses: Guesses | None = None,
) -> IndexArray:
    """Counts of (given label, confident guess), not calibrated, shape (K, K); diagonal >= 1.

    Parameters
    ----------
    labels, pred_probs : Codes of shape (N,), Probs of shape (N, K)
    thresholds : ndarray of shape (K,), optional
        `confident_thresholds` when they are known.
    guesses : ndarray of shape (N,), optional
        `confident_guesses` when they are known; `off_diagonal` tells which rows they accuse.
    """
    if guesses is None:
        guesses, _ = guesses_and_agreement(labels, pred_probs, thresholds)
    joint = joint_counts(labels, guesses, pred_probs.shape[1])
    np.fill_diagonal(joint, joint.diagonal().clip(min=1))
    return joint


def off_diagonal(labels: Codes, guesses: Guesses) -> BoolArray:
    """Rows that the confident joint counts for a class other than their label, shape (N,)."""
    accused: BoolArray = (guesses >= 0) & (guesses != labels)
    return accused


def confident_argmaxes(
    labels: NDArray[np.int64], pred_probs: FloatArray, thresholds: FloatArray
) -> IndexArray:
    """Per class the examples whose most probable class reaches its threshold, shape (2, K).

    First those whose label agrees with it, then the others. Counts of several blocks add up.
    """
    best = row_argmax(pred_probs)
    cuts = _cuts(thresholds, pred_probs.dtype)
    confident = at_columns(pred_probs, best) >= cuts[best]
    agrees = best == labels
    n_classes = pred_probs.shape[1]
    return np.stack(
        [
            np.bincount(labels[confident & agrees], minlength=n_classes),
            np.bincount(labels[confident & ~agrees], minlength=n_classes),
        ]
    )


def label_is_argmax(labels: Codes, pred_probs: Probs, rows: IndexArray | None = None) -> BoolArray:
    """Whether no class is more probable than the given label by more than `EPS`.

    So ties go to the label. Shape (N,), or that of `rows` when only these are asked for.
    """

    def compare(part: slice) -> BoolArray:
        chosen = part if rows is None else rows[part]
        block = pred_probs[chosen]
        agrees: BoolArray = given_probs(labels[chosen], block) >= row_max(block) - EPS
        return agrees

    n_rows = len(labels) if rows is None else len(rows)
    return np.concatenate(each_block(compare, blocks_of(pred_probs, n_rows)))


def round_keeping_sums(values: FloatArray) -> NDArray[np.int64]:
    """Round each row to integers that add up to its rounded sum: the largest errors give way.

    Errors of equal size are taken in the order of numpy's default argsort, which is the order of
    the reference on the same machine.
    """
    whole = np.empty(values.shape, dtype=np.int64)

    def settle(part: slice) -> None:
        mine = np.ascontiguousarray(values[part])
        rounded = np.rint(mine)
        lacks = (np.rint(mine.sum(axis=1)) - rounded.sum(axis=1)).astype(np.int64)
        rows = np.flatnonzero(lacks)
        order = np.argsort((mine - rounded)[rows], axis=1)
        lack = lacks[rows]
        number = np.abs(lack)
        row = np.repeat(np.arange(len(rows)), number)
        nth = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
        # The values that lie furthest above their integers go up, the furthest below go down.
        place = np.where(lack[row] > 0, -1 - nth, nth)
        rounded[rows[row], order[row, place]] += np.sign(lack[row])
        whole[part] = rounded

    each_block(settle, row_blocks(len(values), values.itemsize * values.shape[1]))
    return whole


def calibrate(joint: NDArray[Any], counts: IndexArray) -> NDArray[np.int64]:
    """Scale the rows of a confident joint to the label counts, in integers that keep the totals.

    Confident learning, equation 3. A class without confident counts stays a row of zeros; the
    others then share its part of the total.
    """
    given = joint.sum(axis=1)
    scaled = joint.T / np.maximum(given, TINY)
    scaled *= counts
    scaled /= scaled.sum()
    scaled *= counts.sum()
    return round_keeping_sums(scaled.T)


def estimate_joint(joint: NDArray[Any], counts: IndexArray | None = None) -> FloatArray:
    """Joint distribution of given and true labels, shape (K, K), sums to 1.

    `counts` are the label counts to calibrate to; None takes `joint` as calibrated.
    """
    calibrated = joint if counts is None else calibrate(joint, counts)
    return calibrated / float(calibrated.sum())


def off_diagonal_issues(
    labels: Codes, pred_probs: Probs, guesses: Guesses | None = None
) -> IndexArray:
    """Rows off the diagonal of the confident joint whose label is not their argmax, in order."""
    if guesses is None:
        guesses, agrees = guesses_and_agreement(labels, pred_probs)
        return np.flatnonzero(off_diagonal(labels, guesses) & ~agrees)
    rows = np.flatnonzero(off_diagonal(labels, guesses))
    return rows[~label_is_argmax(labels, pred_probs, rows)]


def num_label_issues(labels: Codes, pred_probs: Probs, guesses: Guesses | None = None) -> int:
    """Number of label issues: of rows that `off_diagonal_issues` finds."""
    return len(off_diagonal_issues(labels, pred_probs, guesses))
