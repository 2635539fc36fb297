"""How healthy the labels of a data set are: overall, per class, per pair of classes."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from datalab._check import (
    class_codes,
    codes_within,
    finite_number,
    labels_and_probs,
    square_matrix,
    two_classes,
    warn,
)
from datalab._core import count as core
from datalab._core.dataset import health_score
from datalab._tables import class_table, overlap_table
from datalab._typing import FloatArray
from datalab.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "find_overlapping_classes",
    "health_summary",
    "overall_label_health_score",
    "rank_classes_by_label_quality",
]

_log = logging.getLogger("datalab")

# A joint may be off by that, as one that was rounded.
SUM_TOLERANCE = 1e-3


def rank_classes_by_label_quality(
    labels: ArrayLike | None = None,
    pred_probs: ArrayLike | None = None,
    *,
    class_names: Iterable[Any] | None = None,
    num_examples: int | None = None,
    joint: ArrayLike | None = None,
    confident_joint: ArrayLike | None = None,
    multi_label: bool = False,
) -> "pd.DataFrame":
    """The classes, those with the noisiest labels first.

    Give labels and pred_probs; or joint with num_examples (or labels); or confident_joint.

    Parameters
    ----------
    labels : array-like of shape (N,), optional
        Given labels, integers 0..K-1.
    pred_probs : array-like of shape (N, K), optional
        Out-of-sample predicted probabilities in [0, 1]; column k is class k.
    class_names : sequence of K names, optional
        In the order of the classes.
    num_examples : int, optional
        Size of the data set, by default that of `labels` or the total of `confident_joint`.
    joint : array-like of shape (K, K), optional
        Joint distribution of (given, true), as from `datalab.count.estimate_joint`.
    confident_joint : array-like of shape (K, K), optional
        Counts of (given, true); calibrated to `labels` when these are given.
    multi_label : bool
        Must be False; see `datalab.multilabel_classification.dataset`.

    Returns
    -------
    DataFrame
        One row per class, by "Label Quality Score" ascending: "Class Name" (with `class_names`),
        "Class Index", "Label Issues" (examples given this class that belong elsewhere), "Inverse
        Label Issues" (examples of this class given another one), "Label Noise" and "Inverse Label
        Noise" (the same as shares of the given and of the true class), "Label Quality Score" (1 -
        noise).

    Raises
    ------
    InputError
        Too little is given, shapes do not fit, or `multi_label` is True.

    References
    ----------
    Northcutt, Jiang, Chuang: Confident learning, JAIR 70 (2021), section 3.1.

    Examples
    --------
    >>> table = rank_classes_by_label_quality(joint=[[0.5, 0.1], [0.0, 0.4]], num_examples=100)
    >>> table[["Class Index", "Label Issues", "Inverse Label Issues"]].values.tolist()
    [[0, 10, 0], [1, 0, 10]]
    """
    _single_label(multi_label, "rank_classes_by_multilabel_quality")
    matrix, size = _joint_and_size(labels, pred_probs, num_examples, joint, confident_joint)
    return class_table(matrix, size, class_names)


def find_overlapping_classes(
    labels: ArrayLike | None = None,
    pred_probs: ArrayLike | None = None,
    *,
    asymmetric: bool = False,
    class_names: Iterable[Any] | None = None,
    num_examples: int | None = None,
    joint: ArrayLike | None = None,
    confident_joint: ArrayLike | None = None,
    multi_label: bool = False,
) -> "pd.DataFrame":
    """The pairs of classes, those that are mistaken for each other most often first.

    Parameters
    ----------
    labels, pred_probs, class_names, num_examples, joint, confident_joint
        See `rank_classes_by_label_quality`.
    asymmetric : bool
        Whether "given A, truly B" and "given B, truly A" are separate rows.
    multi_label : bool
        Must be False; see `datalab.multilabel_classification.dataset`.

    Returns
    -------
    DataFrame
        By "Joint Probability" descending: "Class Name A", "Class Name B" (with `class_names`),
        "Class Index A", "Class Index B", "Num Overlapping Examples", "Joint Probability".
        K (K - 1) / 2 rows with A < B, or K (K - 1) rows when asymmetric.

    Raises
    ------
    InputError
        Too little is given, shapes do not fit, or `multi_label` is True.

    References
    ----------
    Northcutt, Jiang, Chuang: Confident learning, JAIR 70 (2021), section 3.1.

    Examples
    --------
    >>> table = find_overlapping_classes(joint=[[0.5, 0.1], [0.05, 0.35]], num_examples=100)
    >>> table[["Class Index A", "Class Index B", "Num Overlapping Examples"]].values.tolist()
    [[0, 1, 15]]
    """
    _single_label(multi_label, "common_multilabel_issues")
    matrix, size = _joint_and_size(labels, pred_probs, num_examples, joint, confident_joint)
    return overlap_table(matrix, size, asymmetric, class_names)


def overall_label_health_score(
    labels: ArrayLike | None = None,
    pred_probs: ArrayLike | None = None,
    *,
    num_examples: int | None = None,
    confident_joint: ArrayLike | None = None,
    joint: ArrayLike | None = None,
    multi_label: bool = False,
    verbose: bool = True,
) -> float:
    """The share of labels that are estimated to be right.

    Parameters
    ----------
    labels, pred_probs, num_examples, joint, confident_joint
        See `rank_classes_by_label_quality`. With labels and pred_probs the score is 1 -
        `datalab.count.num_label_issues` / `num_examples`, and a joint is ignored with a warning;
        otherwise the trace of the joint.
    multi_label : bool
        Must be False; see `datalab.multilabel_classification.dataset`.
    verbose : bool
        Whether the score is logged.

    Returns
    -------
    float
        In [0, 1]; 1 means that no label looks wrong.

    Raises
    ------
    InputError
        Too little is given, shapes do not fit, labels of one class only, or `multi_label`.

    Examples
    --------
    >>> round(overall_label_health_score(joint=[[0.5, 0.1], [0.0, 0.4]], num_examples=100), 3)
    0.9
    """
    _single_label(multi_label, "overall_multilabel_health_score")
    if labels is not None and pred_probs is not None:
        codes, probs = labels_and_probs(labels, pred_probs, on_read=True)
        two_classes(codes)
        if joint is not None or confident_joint is not None:
            warn(
                "`joint` and `confident_joint` are ignored with `labels` and `pred_probs`, whose "
                "label issues are counted; leave these out for the trace of the joint"
            )
        size = _given_size(num_examples) or float(len(codes))
        score = 1 - core.num_label_issues(codes, probs) / size
    else:
        matrix, size = _joint_and_size(labels, pred_probs, num_examples, joint, confident_joint)
        score = health_score(matrix)
    if verbose:
        _log.info("overall label health score: %.3f of %s examples", score, size)
    return score


def health_summary(
    labels: ArrayLike | None = None,
    pred_probs: ArrayLike | None = None,
    *,
    asymmetric: bool = False,
    class_names: Iterable[Any] | None = None,
    num_examples: int | None = None,
    joint: ArrayLike | None = None,
    confident_joint: ArrayLike | None = None,
    multi_label: bool = False,
    verbose: bool = True,
) -> dict[str, Any]:
    """All statistics of this module at once.

    Parameters
    ----------
    labels, pred_probs, class_names, num_examples, joint, confident_joint
        See `rank_classes_by_label_quality`. A joint given beside labels and pred_probs concerns
        the tables, not the score.
    asymmetric
        See `find_overlapping_classes`.
    multi_label : bool
        Must be False; see `datalab.multilabel_classification.dataset`.
    verbose : bool
        Whether the tables are logged.

    Returns
    -------
    dict
        ``overall_label_health_score`` (float), ``joint`` (ndarray of shape (K, K)),
        ``classes_by_label_quality`` and ``overlapping_classes`` (DataFrames).

    Raises
    ------
    InputError
        Too little is given, shapes do not fit, labels of one class only, or `multi_label`.

    Notes
    -----
    O(N K + K^2 log K) time.

    Examples
    --------
    >>> summary = health_summary(joint=[[0.5, 0.1], [0.0, 0.4]], num_examples=100, verbose=False)
    >>> sorted(summary)
    ['classes_by_label_quality', 'joint', 'overall_label_health_score', 'overlapping_classes']
    """
    _single_label(multi_label, "multilabel_health_summary")
    names = None if class_names is None else list(class_names)
    if labels is not None and pred_probs is not None:
        codes, probs = labels_and_probs(labels, pred_probs, on_read=True)
        two_classes(codes)
        guesses, agrees = core.guesses_and_agreement(codes, probs)
        if joint is None and confident_joint is None:
            confident_joint = core.confident_joint(codes, probs, guesses=guesses)
        matrix, size = _joint_and_size(codes, None, num_examples, joint, confident_joint)
        issues = core.off_diagonal(codes, guesses) & ~agrees
        score = 1 - int(issues.sum()) / size
    else:
        matrix, size = _joint_and_size(labels, pred_probs, num_examples, joint, confident_joint)
        score = health_score(matrix)
    summary = {
        "overall_label_health_score": score,
        "joint": matrix,
        "classes_by_label_quality": class_table(matrix, size, names),
        "overlapping_classes": overlap_table(matrix, size, asymmetric, names),
    }
    if verbose:
        _log.info("label health of %s examples: %.3f", size, score)
        _log.info("classes by label quality\n%s", summary["classes_by_label_quality"])
        _log.info("overlapping classes\n%s", summary["overlapping_classes"])
    return summary


def _single_label(multi_label: bool, instead: str) -> None:
    if multi_label:
        raise InputError(
            "`multi_label` is True; for several labels per example use "
            f"datalab.multilabel_classification.dataset.{instead}"
        )


def _given_size(num_examples: float | None) -> float | None:
    if num_examples is not None and finite_number(num_examples, name="num_examples") <= 0:
        raise InputError(f"`num_examples` must be positive, got {num_examples}")
    return num_examples


def _joint_and_size(
    labels: ArrayLike | None,
    pred_probs: ArrayLike | None,
    num_examples: int | None,
    joint: ArrayLike | None,
    confident_joint: ArrayLike | None,
) -> tuple[FloatArray, float]:
    """The joint distribution (K, K), given or estimated, and the number of examples."""
    size = _given_size(num_examples)
    if size is None and labels is not None:
        size = len(class_codes(labels))
    if joint is not None:
        matrix = square_matrix(joint, name="joint")
        total = float(matrix.sum())
        if abs(total - 1) > SUM_TOLERANCE:
            raise InputError(
                f"`joint` sums to {total:.6g}; give probabilities that sum to 1, or give counts as "
                "`confident_joint`"
            )
    elif confident_joint is not None:
        counts = square_matrix(confident_joint, name="confident_joint")
        size = float(counts.sum()) if size is None else size
        codes = None if labels is None else codes_within(labels, len(counts))
        given = None if codes is None else core.label_counts(codes, len(counts))
        matrix = core.estimate_joint(counts, given)
    elif labels is not None and pred_probs is not None:
        codes, probs = labels_and_probs(labels, pred_probs, on_read=True)
        given = core.label_counts(codes, probs.shape[1])
        matrix = core.estimate_joint(core.confident_joint(codes, probs), given)
    else:
        raise InputError(
            "give `labels` and `pred_probs`, or `joint` with `num_examples`, or `confident_joint`"
        )
    if size is None:
        raise InputError("`joint` says nothing about the size of the data set: give num_examples")
    return matrix, size
