"""Wrong labels where an example may have any number of classes: one yes-no problem per class.

Thyagarajan, Snorrason, Northcutt, Mueller: Identifying incorrect annotations in multi-label
classification data, ICLR workshop 2023 (one-vs-rest scores, and how they are pooled).

`present[i, k]` says whether example i is labelled with class k. In the problem of one class 0
stands for absent and 1 for present.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._check import choice, finite_number, multilabel_joint, one_vs_rest, warn
from datalab._core.count import (
    confident_guesses,
    confident_joint,
    confident_thresholds,
    off_diagonal,
)
from datalab._core.filter import PRUNING, label_issues, lowest, rule_options, warn_of_small
from datalab._core.label_issues_batched import issues_by_thresholds
from datalab._core.rank import label_quality, worst_first
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray, Probs
from datalab.exceptions import InputError, InputTypeError

__all__ = [
    "DEFAULT_POOLING",
    "LOWEST",
    "POOLING",
    "any_class",
    "ema",
    "issue_options",
    "issues",
    "issues_per_class",
    "joints",
    "pooled",
    "pooling_options",
    "problems",
    "quality_per_class",
    "ranked",
    "softmin",
    "thresholds",
]

# Rules that flag a fixed number of the lowest pooled scores.
LOWEST = {
    "low_self_confidence": "self_confidence",
    "low_normalized_margin": "normalized_margin",
}

# The lowest scores dominate.
DEFAULT_POOLING: dict[str, Any] = {"method": "exponential_moving_average", "alpha": 0.8}


def problems(present: BoolArray, pred_probs: Probs) -> Iterator[tuple[Codes, Probs]]:
    """Labels (N,) and probabilities (N, 2) of each class in turn."""
    for k in range(pred_probs.shape[1]):
        yield one_vs_rest(present, pred_probs, k)


def thresholds(present: BoolArray, pred_probs: Probs) -> FloatArray:
    """Confident thresholds for (absent, present), shape (K, 2)."""
    return np.stack([confident_thresholds(*problem) for problem in problems(present, pred_probs)])


def joints(
    present: BoolArray, pred_probs: Probs, cuts: FloatArray | None = None
) -> tuple[IndexArray, list[IndexArray]]:
    """Confident joints, not calibrated, (K, 2, 2), and the rows each has off its diagonal.

    `cuts` are the `thresholds`, when they are known.
    """
    cuts = thresholds(present, pred_probs) if cuts is None else cuts
    tables, rows = [], []
    for (codes, probs), cut in zip(problems(present, pred_probs), cuts, strict=True):
        guesses = confident_guesses(probs, cut)
        tables.append(confident_joint(codes, probs, guesses=guesses))
        rows.append(np.flatnonzero(off_diagonal(codes, guesses)))
    return np.stack(tables), rows


def issues_per_class(
    present: BoolArray,
    pred_probs: Probs,
    *,
    num_to_remove_per_class: IndexArray | None = None,
    joint: NDArray[Any] | None = None,
    low_memory: bool = False,
    **options: Any,
) -> BoolArray:
    """Which classes of each example are probably wrong, shape (N, K).

    Parameters
    ----------
    present, pred_probs : BoolArray and Probs of shape (N, K)
    num_to_remove_per_class : ndarray of shape (K,), optional
        Flag so many examples per class.
    joint : ndarray of shape (K, 2, 2), optional
        Calibrated joint of each class.
    low_memory : bool
        Whether to use the rule of `datalab._core.label_issues_batched`, which has no options.
    **options
        Passed on to `datalab._core.filter.label_issues`.
    """
    flags = np.zeros(present.shape, dtype=bool)
    for k, (codes, probs) in enumerate(problems(present, pred_probs)):
        if low_memory:
            flags[:, k] = issues_by_thresholds(codes, probs)
            continue
        number = None
        if num_to_remove_per_class is not None:
            number = np.array([num_to_remove_per_class[k], 0])
        flags[:, k] = label_issues(
            codes,
            probs,
            num_to_remove_per_class=number,
            joint=None if joint is None else joint[k],
            **options,
        )
    return flags


def issues(
    present: BoolArray, pred_probs: Probs, *, filter_by: str = "prune_by_noise_rate", **options: Any
) -> BoolArray:
    """Which examples have a wrong set of labels, shape (N,): any class is wrong.

    The low_… rules flag as many of the lowest pooled scores as confident learning finds.
    """
    if options.get("low_memory", False) or filter_by not in LOWEST:
        return any_class(issues_per_class(present, pred_probs, filter_by=filter_by, **options))
    found = any_class(issues_per_class(present, pred_probs, filter_by="confident_learning"))
    quality = pooled(quality_per_class(present, pred_probs, LOWEST[filter_by]), **DEFAULT_POOLING)
    return lowest(quality, int(np.count_nonzero(found)), fixed=True)


def issue_options(
    present: BoolArray,
    filter_by: str = "prune_by_noise_rate",
    frac_noise: float = 1.0,
    num_to_remove_per_class: Any = None,
    min_examples_per_class: int = 1,
    confident_joint: Any = None,
    low_memory: bool = False,
) -> dict[str, Any]:
    """The options of a rule for `issues` and `issues_per_class`, checked."""
    n_examples, n_classes = present.shape
    if low_memory:
        ignored = {
            "filter_by": filter_by != "prune_by_noise_rate",
            "frac_noise": frac_noise != 1.0,
            "num_to_remove_per_class": num_to_remove_per_class is not None,
            "min_examples_per_class": min_examples_per_class != 1,
            "confident_joint": confident_joint is not None,
        }
        for name in [name for name, given in ignored.items() if given]:
            warn(f"`{name}` is ignored with low_memory=True")
        return {"low_memory": True}
    options = rule_options(
        n_classes,
        filter_by=filter_by,
        frac_noise=frac_noise,
        num_to_remove_per_class=num_to_remove_per_class,
        min_examples_per_class=min_examples_per_class,
        joint=multilabel_joint(confident_joint, n_classes),
    )
    if filter_by in PRUNING:
        having = np.count_nonzero(present, axis=0)
        warn_of_small(np.minimum(having, n_examples - having), min_examples_per_class)
    return options


def ranked(
    flags: BoolArray,
    present: BoolArray,
    pred_probs: Probs,
    method: str,
    adjust: bool = False,
    pooling: Mapping[str, Any] = MappingProxyType(DEFAULT_POOLING),
) -> IndexArray:
    """The flagged examples, lowest pooled score first."""
    rows = np.flatnonzero(flags)
    scores = quality_per_class(present, pred_probs, method, adjust)
    return worst_first(rows, pooled(scores, **pooling)[rows])


def any_class(flags: BoolArray) -> BoolArray:
    """Examples flagged (N,) for any class of (N, K)."""
    flagged: BoolArray = np.logical_or.reduce(flags, axis=1)
    return flagged


def quality_per_class(
    present: BoolArray, pred_probs: Probs, method: str = "self_confidence", adjust: bool = False
) -> FloatArray:
    """Quality of the label "present" or "absent" of every class, shape (N, K)."""
    columns = [
        label_quality(*problem, method, adjust=adjust) for problem in problems(present, pred_probs)
    ]
    return np.stack(columns, axis=1)


def ema(scores: FloatArray, alpha: float | None = None) -> FloatArray:
    """Exponential moving average over the scores of a row, from the highest to the lowest.

    `alpha`, by default 2 / (K + 1), is the weight of the next lower score.
    """
    if alpha is None:
        alpha = 2 / (scores.shape[1] + 1)
    if not 0 <= finite_number(alpha, name="alpha") <= 1:
        raise InputError(f"`alpha` must be in the interval [0, 1], got {alpha!r}")
    falling = np.sort(scores, axis=1)[:, ::-1]
    pooled = falling[:, 0]
    for k in range(1, falling.shape[1]):
        pooled = alpha * falling[:, k] + (1 - alpha) * pooled
    return pooled


def softmin(scores: FloatArray, temperature: float = 0.1) -> FloatArray:
    """Mean of the scores of a row, weighted by ``exp((1 - score) / temperature)``."""
    if finite_number(temperature, name="temperature") <= 0:
        raise InputError(
            f"`temperature` must be positive, got {temperature!r}; for the lowest score give 1e-6"
        )
    lack = (scores.min(axis=1, keepdims=True) - scores) / temperature  # 0 at the lowest score
    weights = np.exp(lack)
    pooled: FloatArray = (scores * weights).sum(axis=1) / weights.sum(axis=1)
    return pooled


POOLING: dict[str, Callable[..., FloatArray]] = {
    "exponential_moving_average": ema,
    "softmin": softmin,
}


def pooled(
    scores: FloatArray, method: str | Callable[..., FloatArray], **options: Any
) -> FloatArray:
    """One score per example from one per class, by a key of `POOLING` or a function of an axis."""
    if callable(method):
        return np.asarray(method(scores, axis=1, **options))
    return POOLING[method](scores, **options)


def pooling_options(aggregator_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """`aggregator_kwargs` checked, with the default where nothing is given."""
    if not aggregator_kwargs:
        return DEFAULT_POOLING
    options = dict(aggregator_kwargs)
    if "method" not in options:
        raise InputTypeError(
            "`aggregator_kwargs` must name its method, for example {'method': 'softmin', "
            "'temperature': 0.1}"
        )
    if not callable(options["method"]):
        choice(options["method"], POOLING, name="aggregator_kwargs['method']")
    return options
