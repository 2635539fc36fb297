"""Which tokens have a wrong label."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import choice, jobs, keywords, square_matrix, two_classes, warn
from datalab._core.filter import label_issues, rule_options
from datalab._core.label_issues_batched import issues_by_thresholds
from datalab._core.rank import SCORES, adjusts, label_quality, worst_first
from datalab._core.token import positions
from datalab._ragged import sentences
from datalab._typing import BoolArray, Codes, Probs

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
        Flag by the rule of `datalab.experimental.label_issues_batched` instead, with the score of
        `return_indices_ranked_by`; other options are ignored with a warning, and issues come in
        the order of the tokens.
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
    jobs(options.pop("n_jobs", None))
    verbose = options.pop("verbose", False)
    codes, probs, offsets = sentences(labels, pred_probs)
    if low_memory:
        for name in options:
            warn(f"`{name}` is ignored with low_memory=True")
        rows = np.flatnonzero(issues_by_thresholds(codes, probs, return_indices_ranked_by))
    else:
        adjust = adjusts(options.pop("rank_by_kwargs", None))
        found = np.flatnonzero(_issues(codes, probs, **options))
        quality = label_quality(codes, probs, return_indices_ranked_by, adjust=adjust, rows=found)
        rows = worst_first(found, quality)
    if verbose:
        logger.info("tokens with label issues: %d of %d", len(rows), len(codes))
    return positions(rows, offsets)


def _issues(
    codes: Codes, probs: Probs, *, confident_joint: ArrayLike | None = None, **options: Any
) -> BoolArray:
    """Mask of the tokens that `datalab.filter.find_label_issues` flags with these options."""
    if codes[0] > 0:
        two_classes(codes)
    n_classes = probs.shape[1]
    joint = None
    if confident_joint is not None:
        joint = square_matrix(confident_joint, name="confident_joint", size=n_classes)
    return label_issues(codes, probs, **rule_options(n_classes, **options, joint=joint))
