"""Find the examples whose label is probably wrong."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import (
    choice,
    jobs,
    label_sets_and_probs,
    labels_and_probs,
    square_matrix,
    two_classes,
    warn,
)
from datalab._core import count as core
from datalab._core import multilabel
from datalab._core.filter import COUNTING, PRUNING, label_issues, rule_options, warn_of_small
from datalab._core.rank import SCORES, adjusts, ascending, label_quality
from datalab._typing import BoolArray, IndexArray
from datalab.exceptions import OptionError

__all__ = [
    "find_label_issues",
    "find_label_issues_using_argmax_confusion_matrix",
    "find_predicted_neq_given",
]

_log = logging.getLogger("datalab")


def find_label_issues(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    return_indices_ranked_by: str | None = None,
    rank_by_kwargs: Mapping[str, Any] | None = None,
    filter_by: str = "prune_by_noise_rate",
    frac_noise: float = 1.0,
    num_to_remove_per_class: int | ArrayLike | None = None,
    min_examples_per_class: int = 1,
    confident_joint: ArrayLike | None = None,
    n_jobs: int | None = None,
    verbose: bool = False,
    multi_label: bool = False,
) -> BoolArray | IndexArray:
    """Find the examples whose given label is probably wrong.

    Parameters
    ----------
    labels : array-like of shape (N,)
        Given labels, integers 0..K-1. Classes that no label names are allowed.
    pred_probs : array-like of shape (N, K)
        Out-of-sample predicted probabilities in [0, 1]; column k is class k. A memory map is
        read block by block and never loaded whole. Both may also come in blocks of rows, with the
        same result: as a list of arrays or memory maps, which are read where they are, or as an
        iterator of arrays. An iterator can be read only once and every rule looks twice, so its
        blocks are kept in a temporary file as large as the input, in the folder that
        `tempfile.gettempdir` names; where that folder lies in memory, set the environment
        variable ``TMPDIR`` to one on disk.
    return_indices_ranked_by : {"self_confidence", "normalized_margin", \
"confidence_weighted_entropy"}, optional
        Return the flagged rows, worst first by this score, instead of a mask.
    rank_by_kwargs : mapping, optional
        ``adjust_pred_probs`` for `datalab.rank.get_label_quality_scores`.
    filter_by : str
        - ``"prune_by_noise_rate"``: for each pair of classes the examples given k with the
          largest ``p[j] - p[k]``; as many as the calibrated joint has of (k, j).
        - ``"prune_by_class"``: for each class the examples with the lowest ``p[k]``; as many as
          the calibrated joint has of k off its diagonal.
        - ``"both"``: what the two agree on.
        - ``"confident_learning"``: the examples off the diagonal of the confident joint.
        - ``"predicted_neq_given"``: the most probable class is another one.
        - ``"low_normalized_margin"``, ``"low_self_confidence"``: the
          `datalab.count.num_label_issues` examples with the lowest such score.
        - ``"adaptive"``: as many suspects as promise the best F1, learnt from how labels are
          confused where the model is sure. Not in cleanlab; mean F1 on 95 settings .69 (default
          rule: .67), see ``tests/benchmarks/quality``.
    frac_noise : float
        Share of the estimated issues to flag; for the pruning methods.
    num_to_remove_per_class : int or array-like of shape (K,), optional
        How many examples to flag per class instead; for the pruning methods.
    min_examples_per_class : int
        The pruning methods leave at least so many examples of each class unflagged, and a class
        that has no more is left alone.
    confident_joint : array-like of shape (K, K), optional
        Calibrated counts of (given, true) to prune by, instead of an estimate from the data.
    n_jobs : int, optional
        At least 1. Accepted for cleanlab's callers; results never depend on it.
    verbose : bool
        Whether the number of issues is logged.
    multi_label : bool
        Deprecated; see `datalab.multilabel_classification.filter.find_label_issues`.

    Returns
    -------
    ndarray of bool, shape (N,)
        True where the label is probably wrong; or
    ndarray of int
        the rows of these examples, worst first, with `return_indices_ranked_by`.

    Raises
    ------
    InputError
        Input that is not labels and probabilities, or options that do not go together.
    OptionError
        Unknown `filter_by`, or `n_jobs` below 1.

    Warns
    -----
    InputWarning
        An option that this `filter_by` ignores, or a class too small to be looked at.

    Notes
    -----
    O(N K) time; memory for the suspects (rows whose label is not the most probable class) of one
    class at a time. Except for the ``low_`` methods, a row whose label is its most probable class
    is never flagged. Rows tied at a cut are flagged alike; where the number is fixed (``low_``
    methods, `num_to_remove_per_class`) the lower row number goes first.

    References
    ----------
    Northcutt, Jiang, Chuang: Confident learning: estimating uncertainty in dataset labels, JAIR
    70 (2021), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.array([0, 0, 0, 1, 1, 1])
    >>> p = np.array([0.9, 0.8, 0.1, 0.2, 0.1, 0.3])
    >>> find_label_issues(labels, np.column_stack([p, 1 - p]))
    array([False, False,  True, False, False, False])
    >>> find_label_issues(labels, np.column_stack([p, 1 - p]),
    ...                   return_indices_ranked_by="self_confidence")
    array([2])
    """
    jobs(n_jobs)
    if return_indices_ranked_by is not None:
        choice(return_indices_ranked_by, SCORES, name="return_indices_ranked_by")
    adjust = adjusts(rank_by_kwargs)
    rule: dict[str, Any] = {
        "filter_by": filter_by,
        "frac_noise": frac_noise,
        "num_to_remove_per_class": num_to_remove_per_class,
        "min_examples_per_class": min_examples_per_class,
    }
    if multi_label:
        warn(
            "multi_label=True is deprecated; use "
            "datalab.multilabel_classification.filter.find_label_issues",
            DeprecationWarning,
        )
        present, sets_probs = label_sets_and_probs(labels, pred_probs)
        options = multilabel.issue_options(present, **rule, confident_joint=confident_joint)
        flags = multilabel.issues(present, sets_probs, **options)
        if return_indices_ranked_by is None:
            return flags
        return multilabel.ranked(flags, present, sets_probs, return_indices_ranked_by, adjust)
    codes, probs = labels_and_probs(labels, pred_probs, on_read=True)
    if codes[0] > 0:
        two_classes(codes)
    n_classes = probs.shape[1]
    joint = None
    if confident_joint is not None:
        joint = square_matrix(confident_joint, name="confident_joint", size=n_classes)
    options = rule_options(n_classes, **rule, joint=joint)
    if filter_by in PRUNING:
        warn_of_small(core.label_counts(codes, n_classes), min_examples_per_class)
    flags = label_issues(codes, probs, **options)
    if verbose:
        _log.info("label issues found: %d", np.count_nonzero(flags))
    if return_indices_ranked_by is None:
        return flags
    rows = np.flatnonzero(flags)
    # Without a name of their own the scores are gone when the result takes their room.
    order = ascending(
        label_quality(codes, probs, return_indices_ranked_by, adjust=adjust, rows=rows)
    )
    return rows[order]


def find_predicted_neq_given(
    labels: ArrayLike, pred_probs: ArrayLike, *, multi_label: bool = False
) -> BoolArray:
    """Flag the examples whose most probable class (the first of equal ones) is not the given one.

    Parameters
    ----------
    labels, pred_probs, multi_label
        See `find_label_issues`; multi-label: any class on the wrong side of 0.5.

    Returns
    -------
    ndarray of bool, shape (N,)

    Raises
    ------
    InputError
        Input that is not labels and probabilities, or labels of one class only.

    Examples
    --------
    >>> find_predicted_neq_given([0, 1], [[0.9, 0.1], [0.6, 0.4]])
    array([False,  True])
    """
    if multi_label:
        present, sets_probs = label_sets_and_probs(labels, pred_probs)
        return multilabel.any_class((sets_probs > 1 - sets_probs) != present)
    codes, probs = labels_and_probs(labels, pred_probs, on_read=True)
    two_classes(codes)
    flags: BoolArray = core.argmaxes(probs) != codes
    return flags


def find_label_issues_using_argmax_confusion_matrix(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    calibrate: bool = True,
    filter_by: str = "prune_by_noise_rate",
) -> BoolArray:
    """Baseline: prune by the confusion matrix of labels and most probable classes.

    Parameters
    ----------
    labels, pred_probs, filter_by
        See `find_label_issues`.
    calibrate : bool
        Whether the confusion matrix is scaled to the label counts.

    Returns
    -------
    ndarray of bool, shape (N,)

    Raises
    ------
    InputError
        Input that is not labels and probabilities, or labels of one class only.
    OptionError
        Unknown `filter_by`.

    Examples
    --------
    >>> probs = [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]]
    >>> find_label_issues_using_argmax_confusion_matrix([0, 1, 1, 0], probs)
    array([False, False,  True, False])
    """
    choice(filter_by, [*PRUNING, *COUNTING], name="filter_by", error=OptionError)
    codes, probs = labels_and_probs(labels, pred_probs, on_read=True)
    two_classes(codes)
    n_classes = probs.shape[1]
    joint = core.joint_counts(codes, core.argmaxes(probs), n_classes)
    if calibrate:
        joint = core.calibrate(joint, core.label_counts(codes, n_classes))
    return label_issues(codes, probs, filter_by=filter_by, joint=joint)
