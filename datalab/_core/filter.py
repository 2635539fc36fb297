"""Which labels are wrong: the rules of confident learning that turn counts into flags.

Northcutt, Jiang, Chuang: Confident learning, JAIR 70 (2021), section 3.2 (prune by class, prune
by noise rate, both, and the baselines). All rows tied at a cut are flagged alike, except where a
fixed number is asked for: then the lower row number goes first. A row whose label is its most
probable class is never flagged, except by the rules called low_….
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._check import (
    choice,
    finite_number,
    in_words,
    removals_per_class,
    warn,
    whole_number,
)
from datalab._core.blocks import each_block, row_blocks
from datalab._core.count import (
    EPS,
    NARROW,
    Guesses,
    calibrate,
    confident_joint,
    guesses_and_agreement,
    label_counts,
    label_is_argmax,
    num_label_issues,
    off_diagonal_issues,
    round_keeping_sums,
)
from datalab._core.label_flags import adaptive_flags
from datalab._core.rank import ascending, label_quality
from datalab._stack import at_cells
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray, Probs
from datalab.exceptions import InputError, OptionError

__all__ = [
    "COUNTING",
    "PRUNING",
    "label_issues",
    "lowest",
    "removals",
    "rule_options",
    "warn_of_small",
]


def label_issues(
    labels: Codes,
    pred_probs: Probs,
    *,
    filter_by: str = "prune_by_noise_rate",
    frac_noise: float = 1.0,
    num_to_remove_per_class: IndexArray | None = None,
    min_examples_per_class: int = 1,
    joint: NDArray[Any] | None = None,
    guesses: Guesses | None = None,
) -> BoolArray:
    """Mask of the rows whose label is probably wrong, shape (N,).

    Parameters
    ----------
    labels, pred_probs : Codes of shape (N,), Probs of shape (N, K)
    filter_by : str
        A key of `PRUNING` (the number to flag comes from the calibrated joint) or of `COUNTING`
        (it comes from the rows themselves).
    frac_noise, num_to_remove_per_class, min_examples_per_class
        See `datalab.filter.find_label_issues`; they concern pruning only.
    joint : ndarray of shape (K, K), optional
        Calibrated joint when it is known.
    guesses : ndarray of shape (N,), optional
        `confident_guesses` when they are known.
    """
    if filter_by in COUNTING:
        return COUNTING[filter_by](labels, pred_probs, guesses)
    counts = label_counts(labels, pred_probs.shape[1])
    if joint is None and guesses is None:
        joint, agrees = _joint_and_agreement(labels, pred_probs, counts)
    else:
        agrees = label_is_argmax(labels, pred_probs)
    if joint is None:
        joint = calibrate(confident_joint(labels, pred_probs, guesses=guesses), counts)
    return PRUNING[filter_by](
        labels,
        pred_probs,
        ~agrees,
        removals(joint, min_examples_per_class, frac_noise),
        counts <= max(1, min_examples_per_class),  # a lone example of a class is never flagged
        num_to_remove_per_class,
    )


def _joint_and_agreement(
    labels: Codes, pred_probs: Probs, counts: IndexArray
) -> tuple[NDArray[np.int64], BoolArray]:
    """The calibrated joint, and where the label is the most probable class."""
    guesses, agrees = guesses_and_agreement(labels, pred_probs)
    return calibrate(confident_joint(labels, pred_probs, guesses=guesses), counts), agrees


def rule_options(
    n_classes: int,
    *,
    filter_by: str = "prune_by_noise_rate",
    frac_noise: float = 1.0,
    num_to_remove_per_class: Any = None,
    min_examples_per_class: int = 1,
    joint: FloatArray | None = None,
) -> dict[str, Any]:
    """The options of a rule as `label_issues` takes them, checked; warns of those it ignores."""
    choice(filter_by, [*PRUNING, *COUNTING], name="filter_by", error=OptionError)
    if finite_number(frac_noise, name="frac_noise") < 0:
        raise InputError(f"`frac_noise` is {in_words(frac_noise)}; give a share >= 0 of the issues")
    if filter_by in COUNTING:
        if num_to_remove_per_class is not None:
            raise InputError(
                f"`num_to_remove_per_class` cannot be used with filter_by={filter_by!r}; use one "
                f"of {', '.join(PRUNING)}"
            )
        if frac_noise != 1.0:
            warn(
                f"`frac_noise` is ignored with filter_by={filter_by!r}; it concerns "
                f"{', '.join(PRUNING)}"
            )
        if joint is not None and filter_by == "confident_learning":
            warn(
                "`confident_joint` is ignored with filter_by='confident_learning', which needs "
                "the rows it was counted from"
            )
    return {
        "filter_by": filter_by,
        "frac_noise": frac_noise,
        "num_to_remove_per_class": removals_per_class(num_to_remove_per_class, n_classes),
        "min_examples_per_class": whole_number(
            min_examples_per_class, name="min_examples_per_class", least=0
        ),
        "joint": joint,
    }


def warn_of_small(counts: IndexArray, min_examples: int) -> None:
    """Warn of classes with 1 to `min_examples` examples: pruning leaves them alone."""
    small = np.flatnonzero((counts > 0) & (counts <= min_examples))
    if small.size:
        warn(
            f"classes {small.tolist()} have no more than min_examples_per_class={min_examples} "
            "examples and are left alone"
        )


def removals(joint: NDArray[Any], min_examples: int, frac_noise: float) -> NDArray[np.int64]:
    """How many examples of class i to take for class j, shape (K, K); the diagonal stays.

    The diagonal is raised to `min_examples` at the expense of the row's other entries, in equal
    parts; then `frac_noise` of each off-diagonal entry is kept, and the rest goes back.
    """
    kept = np.maximum(joint.diagonal(), min_examples).astype(np.float64)
    moved = np.array(joint, dtype=np.float64, order="C")
    np.fill_diagonal(moved, 0.0)
    low = np.flatnonzero(kept > joint.diagonal())
    # As in the reference, the number of parts takes the diagonal for one that is not 0.
    parts = np.maximum(np.count_nonzero(joint[low], axis=1) - 1, 1)
    raised = (kept - joint.diagonal())[low] / parts
    moved[low] = np.where(moved[low] > 0, np.maximum(moved[low] - raised[:, np.newaxis], 0), 0)
    taken = moved
    if frac_noise != 1.0:
        taken = moved * frac_noise
        kept += (moved - taken).sum(axis=1)
    np.fill_diagonal(taken, kept)
    return taken.astype(np.int64)


def _fixed_pairs(plan: NDArray[np.int64], fixed: IndexArray) -> NDArray[np.int64]:
    """Off-diagonal numbers whose column j adds up to `fixed[j]`.

    Shared out in proportion to count (i, j) over the number of examples whose true class is i.
    """
    rates = np.ascontiguousarray(plan.T) / np.maximum(plan.sum(axis=0), 1)
    total = (rates.sum(axis=1) - rates.diagonal())[:, np.newaxis]
    np.fill_diagonal(rates, 0.0)
    return round_keeping_sums(rates * fixed[:, np.newaxis] / np.where(total > 0, total, 1)).T


def lowest(values: FloatArray, n: int, fixed: bool = False) -> BoolArray:
    """Mask of the `n` lowest values and all tied with them; with `fixed` of exactly n."""
    mask: BoolArray
    if n >= len(values) or n <= 0:
        return np.full(len(values), n > 0)
    cut = np.partition(values, n - 1)[n - 1]
    if not fixed:
        mask = values <= cut
        return mask
    mask = values < cut
    mask[np.flatnonzero(values == cut)[: n - np.count_nonzero(mask)]] = True
    return mask


def _stable_order(codes: NDArray[Any], n_codes: int) -> IndexArray:
    """Positions sorted by code, equal ones in order; numpy sorts 16-bit integers in linear time."""
    narrow = codes.astype(np.uint16) if n_codes <= 1 << 16 else codes
    return np.argsort(narrow, kind="stable")


def _members(labels: Codes, n_classes: int, chosen: BoolArray | None = None) -> list[IndexArray]:
    """The rows of each class, in order; only `chosen` ones if a mask is given."""
    if n_classes <= NARROW:  # no copy of labels, no sort
        everyone = (labels == k for k in range(n_classes))
        return [np.flatnonzero(mine if chosen is None else mine & chosen) for mine in everyone]
    rows = np.arange(len(labels)) if chosen is None else np.flatnonzero(chosen)
    sizes = np.bincount(labels[rows], minlength=n_classes)
    return np.split(rows[_stable_order(labels[rows], n_classes)], np.cumsum(sizes)[:-1])


def _prune_by_noise_rate(
    labels: Codes,
    pred_probs: Probs,
    suspects: BoolArray,
    plan: NDArray[np.int64],
    spared: BoolArray,
    fixed: IndexArray | None,
) -> BoolArray:
    """For each pair of classes the rows of largest p[other] - p[given]."""
    n_classes = len(plan)
    pairs = (plan if fixed is None else _fixed_pairs(plan, fixed)).copy()
    np.fill_diagonal(pairs, 0)
    # A margin p[given] - p[other] that is clearly negative makes a suspect, so the cut lies among
    # the suspects of the class unless fewer of them than are to be pruned have one.
    members = _members(labels, n_classes, suspects)
    sizes = np.array([len(rows) for rows in members])
    pairs[spared | (sizes == 0)] = 0
    flags = np.zeros(len(labels), dtype=bool)
    given, other = np.nonzero(pairs)
    if not len(given):
        return flags
    number = pairs[given, other]

    def prune(part: slice) -> IndexArray:
        k, j, n = given[part], other[part], number[part]
        if k[0] == k[-1]:
            mine = members[k[0]]
            chosen, found = _prune_class(pred_probs, mine, k[0], j, n, fixed is not None)
        else:
            mine = np.concatenate([members[one] for one in k])
            pair = np.repeat(np.arange(len(k)), sizes[k])
            margin = at_cells(pred_probs, mine, k[pair]) - at_cells(pred_probs, mine, j[pair])
            chosen, found = _prune_pairs(margin, pair, n, fixed is not None)
        flags[mine[chosen]] = True
        short: IndexArray = part.start + np.flatnonzero(n > found)
        return short

    short = np.concatenate(each_block(prune, _parts(given, sizes)))
    everyone = _members(labels, n_classes) if len(short) else []
    for pair in short:
        whole = everyone[given[pair]]
        margin = pred_probs[whole, given[pair]] - pred_probs[whole, other[pair]]
        flags[whole[lowest(margin, int(number[pair]), fixed is not None)]] = True
    return flags & suspects


# Well below the tolerance within which a label counts as the most probable class.
NEGATIVE = -2 * EPS
# A class with so many suspects is looked at on its own, `TABLE` margins at a time; smaller ones
# together, about `PART` at a time: enough to be worth a call, few enough for the cache.
LARGE = 200
TABLE = 1 << 17
PART = 1 << 16


def _parts(given: IndexArray, sizes: IndexArray) -> list[slice]:
    """Slices of the pairs, which are sorted by class: one large class each, or small ones."""
    large = sizes[given] >= LARGE
    margins = sizes[given]
    before = np.cumsum(margins) - margins
    part = before[np.searchsorted(given, given)] // PART
    apart = large[1:] | large[:-1] | (part[1:] != part[:-1])
    ends = np.flatnonzero((given[1:] != given[:-1]) & apart) + 1
    edges = [0, *ends.tolist(), len(given)]
    return [slice(start, end) for start, end in itertools.pairwise(edges)]


def _prune_class(
    pred_probs: Probs,
    rows: IndexArray,
    given: np.intp,
    others: IndexArray,
    number: IndexArray,
    fixed: bool,
) -> tuple[BoolArray, IndexArray]:
    """Mask of the rows of one (large) class to prune, and how many there are for each pair."""
    own = at_cells(pred_probs, rows, given)
    chosen = np.zeros(len(rows), dtype=bool)
    found = np.empty(len(others), dtype=np.intp)
    for part in row_blocks(len(others), len(rows), TABLE):
        margin = own - at_cells(pred_probs, rows, others[part, np.newaxis])
        below = margin < NEGATIVE
        found[part] = np.count_nonzero(below, axis=1)
        cut = np.flatnonzero(number[part] < found[part])
        if len(cut):
            below[cut] = _lowest_of_each(margin[cut], number[part][cut], fixed)
        chosen |= below.any(axis=0)
    return chosen, found


def _lowest_of_each(margin: FloatArray, number: IndexArray, fixed: bool) -> BoolArray:
    """`lowest` for every row of a matrix, each with a number of its own."""
    most = int(number.max())
    ranked = np.partition(margin, most - 1, axis=1)[:, :most]
    if number.min() < most:
        ranked.sort(axis=1)
    cuts = at_cells(ranked, np.arange(len(number)), number - 1)[:, np.newaxis]
    mask: BoolArray = margin <= cuts
    if fixed:
        tied = margin == cuts
        # The tied ones that come last are too many.
        spare = np.count_nonzero(mask, axis=1) - number
        mask &= ~tied | (np.cumsum(tied[:, ::-1], axis=1)[:, ::-1] > spare[:, np.newaxis])
    return mask


def _prune_pairs(
    margin: FloatArray, pair: IndexArray, number: IndexArray, fixed: bool
) -> tuple[BoolArray, IndexArray]:
    """The same for many (small) classes at once: `margin` and `pair` have one value per entry."""
    below = margin < NEGATIVE
    found = np.bincount(pair[below], minlength=len(number))
    too_many = found > number
    judged = np.flatnonzero(below & too_many[pair])
    order = judged[ascending(margin[judged])]
    order = order[_stable_order(pair[order], len(number))]
    counts = np.where(too_many, found, 0)
    start = np.cumsum(counts) - counts
    if fixed:
        below[order] = np.arange(len(order)) - start[pair[order]] < number[pair[order]]
        return below, found
    cuts = np.zeros(len(number), dtype=margin.dtype)
    cuts[too_many] = margin[order[(start + number - 1)[too_many]]]
    return below & (margin <= cuts[pair]), found


def _prune_by_class(
    labels: Codes,
    pred_probs: Probs,
    suspects: BoolArray,
    plan: NDArray[np.int64],
    spared: BoolArray,
    fixed: IndexArray | None,
) -> BoolArray:
    """For each class the rows of lowest p[given]."""
    members = _members(labels, len(plan))
    sizes = np.array([len(rows) for rows in members])
    numbers = np.where(spared, 0, sizes - plan.diagonal() if fixed is None else fixed)
    flags = np.zeros(len(labels), dtype=bool)
    for k in np.flatnonzero(numbers > 0):
        given = at_cells(pred_probs, members[k], k)
        flags[members[k]] = lowest(given, int(numbers[k]), fixed is not None)
    return flags & suspects


def _both(
    labels: Codes,
    pred_probs: Probs,
    suspects: BoolArray,
    plan: NDArray[np.int64],
    spared: BoolArray,
    fixed: IndexArray | None,
) -> BoolArray:
    by_rate = _prune_by_noise_rate(labels, pred_probs, suspects, plan, spared, fixed)
    return by_rate & _prune_by_class(labels, pred_probs, suspects, plan, spared, fixed)


PRUNING: dict[str, Callable[..., BoolArray]] = {
    "prune_by_noise_rate": _prune_by_noise_rate,
    "prune_by_class": _prune_by_class,
    "both": _both,
}


def _adaptive(labels: Codes, pred_probs: Probs, guesses: Guesses | None) -> BoolArray:
    usual = int(np.count_nonzero(label_issues(labels, pred_probs, guesses=guesses)))
    return adaptive_flags(labels, pred_probs, usual).is_issue


def _confident_learning(labels: Codes, pred_probs: Probs, guesses: Guesses | None) -> BoolArray:
    flags = np.zeros(len(labels), dtype=bool)
    flags[off_diagonal_issues(labels, pred_probs, guesses)] = True
    return flags


def _predicted_neq_given(labels: Codes, pred_probs: Probs, _guesses: Guesses | None) -> BoolArray:
    return ~label_is_argmax(labels, pred_probs)


def _low_normalized_margin(labels: Codes, pred_probs: Probs, guesses: Guesses | None) -> BoolArray:
    number = num_label_issues(labels, pred_probs, guesses)
    return lowest(label_quality(labels, pred_probs, "normalized_margin"), number, fixed=True)


def _low_self_confidence(labels: Codes, pred_probs: Probs, guesses: Guesses | None) -> BoolArray:
    number = num_label_issues(labels, pred_probs, guesses)
    return lowest(label_quality(labels, pred_probs, "self_confidence"), number, fixed=True)


COUNTING: dict[str, Callable[[Codes, Probs, Guesses | None], BoolArray]] = {
    "adaptive": _adaptive,
    "confident_learning": _confident_learning,
    "predicted_neq_given": _predicted_neq_given,
    "low_normalized_margin": _low_normalized_margin,
    "low_self_confidence": _low_self_confidence,
}
