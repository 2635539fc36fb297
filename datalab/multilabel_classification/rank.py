"""Scores of label quality for examples with any number of classes."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from datalab._check import choice, label_sets_and_probs
from datalab._core.multilabel import pooled, pooling_options, quality_per_class
from datalab._core.rank import SCORES
from datalab._typing import FloatArray

__all__ = ["get_label_quality_scores", "get_label_quality_scores_per_class"]


def get_label_quality_scores(
    labels: Any,
    pred_probs: ArrayLike,
    *,
    method: str = "self_confidence",
    adjust_pred_probs: bool = False,
    aggregator_kwargs: Mapping[str, Any] | None = None,
) -> FloatArray:
    """How likely the set of labels of each example is right.

    Parameters
    ----------
    labels : list of N lists of int
        The classes 0..K-1 that each example is labelled with; may be empty.
    pred_probs : array-like of shape (N, K)
        Out-of-sample predicted probabilities in [0, 1] of each class; rows need not sum to 1.
    method, adjust_pred_probs
        See `datalab.rank.get_label_quality_scores`; applied to each class on its own.
    aggregator_kwargs : mapping, optional
        How the scores of the classes become one: ``method`` is "exponential_moving_average"
        (with ``alpha`` in [0, 1], by default 2 / (K + 1)), "softmin" (with ``temperature``, by
        default 0.1) or a function ``(scores, axis=1)``. Not given: a moving average with alpha
        0.8, which the lowest scores dominate.

    Returns
    -------
    ndarray of float, shape (N,)
        Scores in [0, 1]; low means that some class is probably wrong.

    Raises
    ------
    InputError
        Unknown method, alpha outside [0, 1], or arrays that do not fit.
    InputTypeError
        `labels` is not a list of lists; `aggregator_kwargs` names no method.

    References
    ----------
    Thyagarajan, Snorrason, Northcutt, Mueller: Identifying incorrect annotations in multi-label
    classification data, ICLR workshop 2023, section 3.

    Examples
    --------
    >>> get_label_quality_scores([[0], [0, 1]], [[0.9, 0.2], [0.8, 0.1]]).round(3)
    array([0.82, 0.24])
    """
    pooling = pooling_options(aggregator_kwargs)
    scores = get_label_quality_scores_per_class(
        labels, pred_probs, method=method, adjust_pred_probs=adjust_pred_probs
    )
    return pooled(scores, **pooling)


def get_label_quality_scores_per_class(
    labels: Any,
    pred_probs: ArrayLike,
    *,
    method: str = "self_confidence",
    adjust_pred_probs: bool = False,
) -> FloatArray:
    """How likely each example is rightly labelled as having, or not having, each class.

    Parameters
    ----------
    labels, pred_probs, method, adjust_pred_probs
        See `get_label_quality_scores`.

    Returns
    -------
    ndarray of float, shape (N, K)
        Scores in [0, 1]; low means that the label is probably wrong.

    Raises
    ------
    InputError
        Unknown method, or arrays that do not fit.
    InputTypeError
        `labels` is not a list of lists.

    Examples
    --------
    >>> get_label_quality_scores_per_class([[0], [0, 1]], [[0.9, 0.2], [0.8, 0.1]])
    array([[0.9, 0.8],
           [0.8, 0.1]])
    """
    choice(method, SCORES, name="method")
    return quality_per_class(*label_sets_and_probs(labels, pred_probs), method, adjust_pred_probs)
