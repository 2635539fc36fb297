"""How healthy the labels of a data set are whose examples may have any number of classes."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import class_name_list, label_sets_and_probs, per_class_matrices
from datalab._core.multilabel import any_class, issues_per_class
from datalab._typing import BoolArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "common_multilabel_issues",
    "multilabel_health_summary",
    "overall_multilabel_health_score",
    "rank_classes_by_multilabel_quality",
]

_log = logging.getLogger("datalab")


def common_multilabel_issues(
    labels: Any,
    pred_probs: ArrayLike,
    *,
    class_names: Iterable[Any] | None = None,
    confident_joint: ArrayLike | None = None,
) -> "pd.DataFrame":
    """The most common kinds of wrong labels: a class too much, or a class too little.

    Parameters
    ----------
    labels : list of N lists of int
        The classes 0..K-1 that each example is labelled with; may be empty.
    pred_probs : array-like of shape (N, K)
        Out-of-sample predicted probabilities in [0, 1] of each class; rows need not sum to 1.
    class_names : sequence of K names, optional
        In the order of the classes.
    confident_joint : array-like of shape (K, 2, 2), optional
        Calibrated counts of (given, true) for each class, by default estimated.

    Returns
    -------
    DataFrame
        Two rows per class, by "Issue Probability" (share of all examples) descending: "Class
        Name" (with `class_names`), "Class Index", "In Given Label", "In Suggested Label", "Num
        Examples", "Issue Probability".

    Raises
    ------
    InputError, InputTypeError
        See `datalab.multilabel_classification.filter.find_label_issues`.

    Examples
    --------
    >>> labels = [[0], [0], [1], [1], [0, 1], []]
    >>> probs = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.9, 0.1], [0.7, 0.8], [0.2, 0.3]]
    >>> table = common_multilabel_issues(labels, probs)
    >>> table[["Class Index", "In Given Label", "Num Examples"]].values.tolist()
    [[0, False, 1], [1, True, 1], [0, True, 0], [1, False, 0]]
    """
    present, flags = _flags(labels, pred_probs, confident_joint=confident_joint)
    return _common_table(present, flags, class_names)


def rank_classes_by_multilabel_quality(
    labels: Any,
    pred_probs: ArrayLike,
    *,
    class_names: Iterable[Any] | None = None,
    joint: ArrayLike | None = None,
    confident_joint: ArrayLike | None = None,
) -> "pd.DataFrame":
    """The classes, those with the noisiest labels first.

    Parameters
    ----------
    labels, pred_probs, class_names, confident_joint
        See `common_multilabel_issues`.
    joint : array-like of shape (K, 2, 2), optional
        Joint distribution of (given, true) for each class, instead of a confident joint.

    Returns
    -------
    DataFrame
        One row per class, by "Label Quality Score" ascending: "Class Name" (with `class_names`),
        "Class Index", "Label Issues" (examples wrongly given the class), "Inverse Label Issues"
        (examples that lack it), "Label Noise" and "Inverse Label Noise" (the same as shares of
        all examples), "Label Quality Score" (1 - noise).

    Raises
    ------
    InputError, InputTypeError
        See `datalab.multilabel_classification.filter.find_label_issues`.

    Examples
    --------
    >>> labels = [[0], [0], [1], [1], [0, 1], []]
    >>> probs = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.9, 0.1], [0.7, 0.8], [0.2, 0.3]]
    >>> table = rank_classes_by_multilabel_quality(labels, probs)
    >>> table[["Class Index", "Label Issues", "Inverse Label Issues"]].values.tolist()
    [[1, 1, 0], [0, 0, 1]]
    """
    present, flags = _flags(labels, pred_probs, joint=joint, confident_joint=confident_joint)
    return _class_table(present, flags, class_names)


def overall_multilabel_health_score(
    labels: Any, pred_probs: ArrayLike, *, confident_joint: ArrayLike | None = None
) -> float:
    """The share of examples whose set of labels is estimated to be right.

    Parameters
    ----------
    labels, pred_probs, confident_joint
        See `common_multilabel_issues`.

    Returns
    -------
    float
        In [0, 1]; 1 means that no example looks wrong.

    Raises
    ------
    InputError, InputTypeError
        See `datalab.multilabel_classification.filter.find_label_issues`.

    Examples
    --------
    >>> labels = [[0], [0], [1], [1]]
    >>> probs = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.9, 0.1]]
    >>> overall_multilabel_health_score(labels, probs)
    0.75
    """
    _, flags = _flags(labels, pred_probs, confident_joint=confident_joint)
    return _health(flags)


def multilabel_health_summary(
    labels: Any,
    pred_probs: ArrayLike,
    *,
    class_names: Iterable[Any] | None = None,
    num_examples: int | None = None,  # noqa: ARG001  (accepted for cleanlab's callers)
    confident_joint: ArrayLike | None = None,
    verbose: bool = True,
) -> dict[str, Any]:
    """All statistics of this module at once.

    Parameters
    ----------
    labels, pred_probs, class_names, confident_joint
        See `common_multilabel_issues`.
    num_examples : int, optional
        Accepted for cleanlab's callers and ignored: it is the length of `labels`.
    verbose : bool
        Whether the tables are logged.

    Returns
    -------
    dict
        ``overall_multilabel_health_score`` (float), ``classes_by_multilabel_quality`` and
        ``common_multilabel_issues`` (DataFrames).

    Raises
    ------
    InputError, InputTypeError
        See `datalab.multilabel_classification.filter.find_label_issues`.

    Examples
    --------
    >>> labels = [[0], [0], [1], [1]]
    >>> probs = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.9, 0.1]]
    >>> multilabel_health_summary(labels, probs)["overall_multilabel_health_score"]
    0.75
    """
    present, flags = _flags(labels, pred_probs, confident_joint=confident_joint)
    names = None if class_names is None else list(class_names)
    summary = {
        "overall_multilabel_health_score": _health(flags),
        "classes_by_multilabel_quality": _class_table(present, flags, names),
        "common_multilabel_issues": _common_table(present, flags, names),
    }
    if verbose:
        for name, value in summary.items():
            _log.info("%s\n%s", name.replace("_", " "), value)
    return summary


def _flags(
    labels: Any,
    pred_probs: ArrayLike,
    *,
    joint: ArrayLike | None = None,
    confident_joint: ArrayLike | None = None,
) -> tuple[BoolArray, BoolArray]:
    """Which classes each example is labelled with, and which of these are probably wrong."""
    present, probs = label_sets_and_probs(labels, pred_probs)
    n_classes = probs.shape[1]
    counts = None
    if joint is not None:
        counts = per_class_matrices(joint, name="joint", n_classes=n_classes) * len(present)
    elif confident_joint is not None:
        counts = per_class_matrices(confident_joint, name="confident_joint", n_classes=n_classes)
    return present, issues_per_class(present, probs, joint=counts)


def _health(flags: BoolArray) -> float:
    return 1 - int(np.count_nonzero(any_class(flags))) / len(flags)


def _class_table(
    present: BoolArray, flags: BoolArray, class_names: Iterable[Any] | None
) -> "pd.DataFrame":
    import pandas as pd

    n_examples, n_classes = present.shape
    too_much = np.count_nonzero(flags & present, axis=0)
    too_little = np.count_nonzero(flags & ~present, axis=0)
    order = np.argsort(-too_much, kind="stable")
    names = class_name_list(class_names, n_classes)
    columns: dict[str, Any] = {}
    if names is not None:
        columns["Class Name"] = [names[k] for k in order]
    return pd.DataFrame(
        {
            **columns,
            "Class Index": order,
            "Label Issues": _truncated(too_much[order], n_examples),
            "Inverse Label Issues": _truncated(too_little[order], n_examples),
            "Label Noise": too_much[order] / n_examples,
            "Inverse Label Noise": too_little[order] / n_examples,
            "Label Quality Score": 1 - too_much[order] / n_examples,
        }
    )


def _truncated(counts: NDArray[np.int64], n_examples: int) -> NDArray[np.int64]:
    """Counts as the reference has them: shares times N, cut off, so now and then one too few."""
    return (counts / n_examples * n_examples).astype(np.int64)


def _common_table(
    present: BoolArray, flags: BoolArray, class_names: Iterable[Any] | None
) -> "pd.DataFrame":
    import pandas as pd

    n_examples, n_classes = present.shape
    given = np.tile([True, False], n_classes)
    index = np.repeat(np.arange(n_classes), 2)
    counts = [(flags & present).sum(axis=0), (flags & ~present).sum(axis=0)]
    examples = np.stack(counts, axis=1).ravel()
    order = np.argsort(-examples, kind="stable")
    names = class_name_list(class_names, n_classes)
    columns: dict[str, Any] = {}
    if names is not None:
        columns["Class Name"] = [names[k] for k in index[order]]
    return pd.DataFrame(
        {
            **columns,
            "Class Index": index[order],
            "In Given Label": given[order],
            "In Suggested Label": ~given[order],
            "Num Examples": examples[order],
            "Issue Probability": examples[order] / n_examples,
        }
    )
