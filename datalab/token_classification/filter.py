"""Which tokens have a wrong label."""

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import (
    choice,
    jobs,
    keywords,
    removals_per_class,
    square_matrix,
    two_classes,
)
from datalab._core.filter import COUNTING, PRUNING, label_issues
from datalab._core.label_issues_batched import issues_by_thresholds
from datalab._core.rank import SCORES, label_quality, worst_first
from datalab._core.token import positions
from datalab._ragged import sentences
from datalab._typing import BoolArray, Codes, Probs
from datalab.exceptions import InputError, InputWarning, OptionError

__all__ = ["find_label_issues"]

logger = logging.getLogger("datalab")

OPTIONS = (
    "confident_joint",
    "filter_by",
    "frac_noise",
    "min_examples_per_class",
    "n_jobs",
    "num_to_remove_per_class",
    "rank_by_kwargs",
    "verbose",
)


def find_label_issues(
    labels: Sequence[Sequence[int]],
    pred_probs: Sequence[ArrayLike],
    *,
    return_indices_ranked_by: str = "self_confidence",
    low_memory: bool = False,
    **kwargs: Any,
) -> list[tuple[int, int]]:
    """Find the tokens whose given label is probably wrong.

    Parameters
    ----------
    labels : sequence of N sequences of int
        Given classes 0..K-1 of the T_i tokens of each sentence.
    pred_probs : sequence of N array-likes of shape (T_i, K)
        Out-of-sample predicted probabilities in [0, 1]; column k is class k.
    return_indices_ranked_by : {"self_confidence", "normalized_margin", \
"confidence_weighted_entropy"}
        The score to order by.
    low_memory : bool
        Flag by the rule of `datalab.experimental.label_issues_batched` instead; other options are
        ignored with a warning, and issues come in the order of the tokens.
    **kwargs
        Options of `datalab.filter.find_label_issues`: filter_by, frac_noise,
        num_to_remove_per_class, min_examples_per_class, confident_joint, rank_by_kwargs, n_jobs,
        verbose.

    Returns
    -------
    list of (int, int)
        Positions (sentence, token in it), worst first; equal scores in the order of the tokens.

    Raises
    ------
    InputError
        Something that is not a list per sentence, sentences of different length or width, or
        options that do not go together.
    InputTypeError
        Unknown options.
    OptionError
        Unknown `filter_by`, or `n_jobs` below 1.

    Notes
    -----
    O(tokens × K) time and memory: all tokens are judged as examples of their own.

    References
    ----------
    Wang, Mueller: Detecting label errors in token classification data, 2022, arXiv:2210.03920.

    Examples
    --------
    >>> from datalab.token_classification.filter import find_label_issues
    >>> labels = [[0, 0, 1], [1, 0]]
    >>> pred_probs = [[[0.9, 0.1], [0.1, 0.9], [0.2, 0.8]], [[0.1, 0.9], [0.8, 0.2]]]
    >>> find_label_issues(labels, pred_probs)
    [(0, 1)]
    """
    choice(return_indices_ranked_by, SCORES, name="return_indices_ranked_by")
    options = keywords(kwargs, OPTIONS, name="kwargs")
    jobs(options.get("n_jobs"))
    codes, probs, offsets = sentences(labels, pred_probs)
    if low_memory:
        _warn_of([name for name in options if name not in ("n_jobs", "verbose")], "low_memory=True")
        rows = np.flatnonzero(issues_by_thresholds(codes, probs))
    else:
        flags = _issues(codes, probs, options)
        rank_by = keywords(
            options.get("rank_by_kwargs"), ["adjust_pred_probs"], name="rank_by_kwargs"
        )
        adjust = bool(rank_by.get("adjust_pred_probs", False))
        found = np.flatnonzero(flags)
        quality = label_quality(codes, probs, return_indices_ranked_by, adjust=adjust, rows=found)
        rows = worst_first(found, quality)
    if options.get("verbose", False):
        logger.info("tokens with label issues: %d of %d", len(rows), len(codes))
    return positions(rows, offsets)


def _issues(codes: Codes, probs: Probs, options: dict[str, Any]) -> BoolArray:
    """Mask of the tokens that `datalab.filter.find_label_issues` flags with these options."""
    filter_by = options.get("filter_by", "prune_by_noise_rate")
    choice(filter_by, [*PRUNING, *COUNTING], name="filter_by", error=OptionError)
    if codes[0] > 0:
        two_classes(codes)
    n_classes = probs.shape[1]
    numbers = removals_per_class(options.get("num_to_remove_per_class"), n_classes)
    frac_noise = options.get("frac_noise", 1.0)
    joint = options.get("confident_joint")
    if filter_by in COUNTING:
        if numbers is not None:
            raise InputError(
                f"`num_to_remove_per_class` cannot be used with filter_by={filter_by!r}; use one "
                f"of {list(PRUNING)}"
            )
        ignored = {"frac_noise": frac_noise != 1.0, "confident_joint": joint is not None}
        _warn_of([name for name, given in ignored.items() if given], f"filter_by={filter_by!r}")
    return label_issues(
        codes,
        probs,
        filter_by=filter_by,
        frac_noise=frac_noise,
        num_to_remove_per_class=numbers,
        min_examples_per_class=options.get("min_examples_per_class", 1),
        joint=None
        if joint is None
        else square_matrix(joint, name="confident_joint", size=n_classes),
    )


def _warn_of(ignored: list[str], with_what: str) -> None:
    for name in ignored:
        warnings.warn(f"`{name}` is ignored with {with_what}", InputWarning, stacklevel=4)
