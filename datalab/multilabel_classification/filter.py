"""Find the examples whose set of labels is probably wrong."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import choice, jobs, keywords, label_sets_and_probs, warn
from datalab._core.multilabel import (
    LOWEST,
    issue_options,
    issues,
    issues_per_class,
    pooling_options,
    problems,
    ranked,
)
from datalab._core.rank import SCORES, label_quality, worst_first
from datalab._typing import BoolArray, Codes, IndexArray, Probs

__all__ = ["find_label_issues", "find_multilabel_issues_per_class"]

_log = logging.getLogger("datalab")

Ranked = tuple[list[IndexArray], list[Codes], list[Probs]]


def find_label_issues(
    labels: Any,
    pred_probs: ArrayLike,
    return_indices_ranked_by: str | None = None,
    rank_by_kwargs: Mapping[str, Any] | None = None,
    filter_by: str = "prune_by_noise_rate",
    frac_noise: float = 1.0,
    num_to_remove_per_class: ArrayLike | None = None,
    min_examples_per_class: int = 1,
    confident_joint: ArrayLike | None = None,
    n_jobs: int | None = None,
    verbose: bool = False,
    low_memory: bool = False,
) -> BoolArray | IndexArray:
    """Find the examples whose set of labels is probably wrong.

    Parameters
    ----------
    labels : list of N lists of int
        The classes 0..K-1 that each example is labelled with; may be empty.
    pred_probs : array-like of shape (N, K)
        Out-of-sample predicted probabilities in [0, 1] of each class; rows need not sum to 1.
    return_indices_ranked_by : {"self_confidence", "normalized_margin", \
"confidence_weighted_entropy"}, optional
        Return the flagged rows, worst first by this score, instead of a mask.
    rank_by_kwargs : mapping, optional
        ``adjust_pred_probs`` and ``aggregator_kwargs`` of
        `datalab.multilabel_classification.get_label_quality_scores`.
    filter_by, frac_noise, min_examples_per_class, n_jobs, verbose
        See `datalab.filter.find_label_issues`; applied to each class on its own. The ``low_``
        methods flag the lowest pooled scores, as many as confident learning finds.
    num_to_remove_per_class : array-like of shape (K,), optional
        How many examples to flag for each class.
    confident_joint : array-like of shape (K, 2, 2), optional
        Calibrated counts of (given, true) for each class, from
        ``datalab.count.compute_confident_joint(…, multi_label=True)``.
    low_memory : bool
        Whether to flag, for each class, by the rule of
        `datalab.experimental.label_issues_batched`; options of other rules are ignored with a
        warning.

    Returns
    -------
    ndarray of bool, shape (N,)
        True where the label of any class is probably wrong; or
    ndarray of int
        the rows of these examples, worst first, with `return_indices_ranked_by`.

    Raises
    ------
    InputError, InputTypeError, OptionError
        See `datalab.filter.find_label_issues`; or `labels` is not a list of lists.

    Warns
    -----
    InputWarning
        Options that are ignored, or a class with too few examples to be looked at.

    References
    ----------
    Thyagarajan, Snorrason, Northcutt, Mueller: Identifying incorrect annotations in multi-label
    classification data, ICLR workshop 2023.

    Examples
    --------
    >>> labels = [[0], [0], [1], [1], [0, 1], []]
    >>> probs = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.9, 0.1], [0.7, 0.8], [0.2, 0.3]]
    >>> find_label_issues(labels, probs)
    array([False, False, False,  True, False, False])
    """
    jobs(n_jobs)
    adjust, pooling = _ranking(return_indices_ranked_by, rank_by_kwargs)
    present, probs = label_sets_and_probs(labels, pred_probs)
    if filter_by in LOWEST and num_to_remove_per_class is not None:
        warn(f"`num_to_remove_per_class` is ignored with filter_by={filter_by!r}")
        num_to_remove_per_class = None
    options = issue_options(
        present,
        filter_by,
        frac_noise,
        num_to_remove_per_class,
        min_examples_per_class,
        confident_joint,
        low_memory,
    )
    flags = issues(present, probs, **options)
    if verbose:
        _log.info("examples with label issues: %d", np.count_nonzero(flags))
    if return_indices_ranked_by is None:
        return flags
    return ranked(flags, present, probs, return_indices_ranked_by, adjust, pooling)


def find_multilabel_issues_per_class(
    labels: Any,
    pred_probs: ArrayLike,
    return_indices_ranked_by: str | None = None,
    rank_by_kwargs: Mapping[str, Any] | None = None,
    filter_by: str = "prune_by_noise_rate",
    frac_noise: float = 1.0,
    num_to_remove_per_class: ArrayLike | None = None,
    min_examples_per_class: int = 1,
    confident_joint: ArrayLike | None = None,
    n_jobs: int | None = None,
    verbose: bool = False,
    low_memory: bool = False,
) -> BoolArray | Ranked:
    """Find, for each class, the examples that are probably wrong to have or not to have it.

    Parameters
    ----------
    labels, pred_probs, return_indices_ranked_by, filter_by, frac_noise, \
num_to_remove_per_class, min_examples_per_class, confident_joint, n_jobs, verbose, low_memory
        See `find_label_issues`.
    rank_by_kwargs : mapping, optional
        ``adjust_pred_probs`` of `datalab.rank.get_label_quality_scores`.

    Returns
    -------
    ndarray of bool, shape (N, K)
        True where the label of the class is probably wrong; or, with `return_indices_ranked_by`,
    list of K ndarrays of int, list of K ndarrays of shape (N,), list of K ndarrays of shape (N, 2)
        the flagged rows of each class, worst first; its labels (0 absent, 1 present); its
        probabilities (1 - p, p).

    Raises
    ------
    InputError, InputTypeError, OptionError
        See `find_label_issues`.

    Warns
    -----
    InputWarning
        Options that are ignored, or a class with too few examples to be looked at.

    Examples
    --------
    >>> labels = [[0], [0], [1], [1], [0, 1], []]
    >>> probs = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.9, 0.1], [0.7, 0.8], [0.2, 0.3]]
    >>> find_multilabel_issues_per_class(labels, probs).nonzero()
    (array([3, 3]), array([0, 1]))
    """
    jobs(n_jobs)
    adjust, _ = _ranking(return_indices_ranked_by, rank_by_kwargs)
    present, probs = label_sets_and_probs(labels, pred_probs)
    options = issue_options(
        present,
        filter_by,
        frac_noise,
        num_to_remove_per_class,
        min_examples_per_class,
        confident_joint,
        low_memory,
    )
    flags = issues_per_class(present, probs, **options)
    if verbose:
        _log.info("label issues per class: %s", np.count_nonzero(flags, axis=0).tolist())
    if return_indices_ranked_by is None:
        return flags
    worst, binary_labels, binary_probs = [], [], []
    for problem, flagged in zip(problems(present, probs), flags.T, strict=True):
        rows = np.flatnonzero(flagged)
        quality = label_quality(*problem, return_indices_ranked_by, adjust=adjust, rows=rows)
        worst.append(worst_first(rows, quality))
        binary_labels.append(problem[0])
        binary_probs.append(problem[1])
    return worst, binary_labels, binary_probs


def _ranking(
    return_indices_ranked_by: str | None, rank_by_kwargs: Mapping[str, Any] | None
) -> tuple[bool, dict[str, Any]]:
    """Whether scores are adjusted, and how they are pooled."""
    if return_indices_ranked_by is not None:
        choice(return_indices_ranked_by, SCORES, name="return_indices_ranked_by")
    known = ["adjust_pred_probs", "aggregator_kwargs"]
    options = keywords(rank_by_kwargs, known, name="rank_by_kwargs")
    pooling = pooling_options(options.get("aggregator_kwargs"))
    return bool(options.get("adjust_pred_probs", False)), pooling
