"""Scores of label quality, and lists of the worst labels."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import (
    as_array,
    choice,
    finite_number,
    floats,
    labels_and_probs,
    listing,
    same_length,
    warn,
    whole_number,
)
from datalab._core.rank import SCORES, WEIGHTINGS, adjusts, ascending, label_quality, worst_first
from datalab._typing import FloatArray, IndexArray
from datalab.exceptions import InputError, OptionError

__all__ = [
    "find_top_issues",
    "get_confidence_weighted_entropy_for_each_label",
    "get_label_quality_ensemble_scores",
    "get_label_quality_scores",
    "get_normalized_margin_for_each_label",
    "get_self_confidence_for_each_label",
    "order_label_issues",
]

_log = logging.getLogger("datalab")

# Searched by weight_ensemble_members_by="log_loss_search".
TEMPERATURES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 200.0)


def get_label_quality_scores(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    method: str = "self_confidence",
    adjust_pred_probs: bool = False,
) -> FloatArray:
    """How likely each given label is right.

    Parameters
    ----------
    labels : array-like of shape (N,)
        Given labels, integers 0..K-1.
    pred_probs : array-like of shape (N, K)
        Out-of-sample predicted probabilities in [0, 1]; column k is class k.
    method : {"self_confidence", "normalized_margin", "confidence_weighted_entropy", "log_odds"}
        ``p[label]``; ``(p[label] - largest other p + 1) / 2``; with h the entropy of the row over
        log(K) and over ``p[label]``, ``log(h + 1) / h``; or ``p[label]`` over the sum of it and the
        largest other p, which orders by log odds (not in cleanlab; mean average precision on 95
        settings .77, self_confidence .76, see ``tests/benchmarks/quality``).
    adjust_pred_probs : bool
        Whether to subtract each class's confident threshold from its probabilities first, which
        allows for classes that the model is unsure of. For self_confidence and normalized_margin.

    Returns
    -------
    ndarray of float, shape (N,)
        Scores in [0, 1]; low means that the label is probably wrong.

    Raises
    ------
    InputError
        Input that is not labels and probabilities, or an unknown method.

    Notes
    -----
    O(N K) time, O(N) extra memory; self_confidence reads only N probabilities.

    References
    ----------
    Kuan, Mueller: Model-agnostic label quality scoring to detect real-world label errors, ICML
    DataPerf workshop 2022, section 3.

    Examples
    --------
    >>> get_label_quality_scores([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    array([0.9, 0.8, 0.3])
    """
    codes, probs = labels_and_probs(labels, pred_probs, on_read=True)
    choice(method, SCORES, name="method")
    return label_quality(codes, probs, method, adjust=adjust_pred_probs)


def get_label_quality_ensemble_scores(
    labels: ArrayLike,
    pred_probs_list: Sequence[ArrayLike],
    *,
    method: str = "self_confidence",
    adjust_pred_probs: bool = False,
    weight_ensemble_members_by: str = "accuracy",
    custom_weights: ArrayLike | None = None,
    log_loss_search_T_values: Sequence[float] | None = None,
    verbose: bool = True,
) -> FloatArray:
    """Label quality from several models: the weighted sum of the scores under each.

    Parameters
    ----------
    labels : array-like of shape (N,)
        Given labels, integers 0..K-1.
    pred_probs_list : list of array-like of shape (N, K)
        Predicted probabilities of each model.
    method, adjust_pred_probs
        See `get_label_quality_scores`.
    weight_ensemble_members_by : {"accuracy", "uniform", "log_loss_search", "custom"}
        Weights in proportion to each model's agreement with the labels; equal; ``exp(-T *
        log loss)`` with the T whose weighted mean prediction has the lowest log loss; or
        `custom_weights`.
    custom_weights : array-like of shape (number of models,), optional
        Taken as they are; scores stay in [0, 1] when they are positive and sum to 1.
    log_loss_search_T_values : sequence of float, optional
        Values of T to try; by default 1e-4 to 200.
    verbose : bool
        Whether the weights are logged.

    Returns
    -------
    ndarray of float, shape (N,)
        Scores in [0, 1]; low means that the label is probably wrong.

    Raises
    ------
    OptionError
        `pred_probs_list` is not a list or is empty; `custom_weights` does not fit it.
    InputError
        Unknown method or weighting, or `custom_weights` without ``"custom"``.

    Examples
    --------
    >>> models = [[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.6, 0.4]]]
    >>> get_label_quality_ensemble_scores([0, 1], models, verbose=False).round(3)
    array([0.8  , 0.667])
    """
    if not isinstance(pred_probs_list, list) or not pred_probs_list:
        empty = isinstance(pred_probs_list, list)
        raise OptionError(
            "`pred_probs_list` must be a list with one array per model, got "
            f"{'an empty list' if empty else type(pred_probs_list).__name__}"
        )
    if len(pred_probs_list) == 1:
        warn("`pred_probs_list` has only one model; get_label_quality_scores does the same")
    choice(method, SCORES, name="method")
    weighting = choice(
        weight_ensemble_members_by, [*WEIGHTINGS, "custom"], name="weight_ensemble_members_by"
    )
    checked = [labels_and_probs(labels, pred_probs) for pred_probs in pred_probs_list]
    codes, members = checked[0][0], [probs for _, probs in checked]
    if len({probs.shape for probs in members}) > 1:
        raise InputError(
            "`pred_probs_list` must hold arrays of one shape, got "
            f"{listing(probs.shape for probs in members)}"
        )
    if weighting == "custom":
        weights = _custom_weights(custom_weights, len(members))
    elif custom_weights is not None:
        raise InputError(
            f"`custom_weights` were given but `weight_ensemble_members_by` is {weighting!r}; "
            "set it to 'custom'"
        )
    else:
        weights = WEIGHTINGS[weighting](codes, members, _temperatures(log_loss_search_T_values))
    if verbose:
        _log.info("ensemble weights (%s): %s", weighting, np.round(weights, 4).tolist())
    scores = [label_quality(codes, probs, method, adjust=adjust_pred_probs) for probs in members]
    total: FloatArray = np.tensordot(weights, np.stack(scores), axes=1)
    return total


def _custom_weights(weights: ArrayLike | None, n_members: int) -> FloatArray:
    if weights is None:
        raise OptionError("`custom_weights` is None; give one weight per model")
    array = floats(as_array(weights, name="custom_weights"), name="custom_weights")
    if array.shape != (n_members,):
        raise OptionError(
            f"`custom_weights` has shape {array.shape} but there are {n_members} models; give "
            "one weight per model"
        )
    if not np.isfinite(array).all():
        raise InputError(
            f"`custom_weights` must be finite numbers, got {listing(array)}; give one weight per "
            "model"
        )
    return array


def _temperatures(values: Sequence[float] | None) -> list[float]:
    if values is None:
        return list(TEMPERATURES)
    if not len(values):
        raise OptionError("`log_loss_search_T_values` is empty; give at least one value")
    return [finite_number(value, name="log_loss_search_T_values") for value in values]


def find_top_issues(quality_scores: ArrayLike, *, top: int | None = 10) -> IndexArray:
    """Positions of the lowest scores, lowest first.

    Parameters
    ----------
    quality_scores : array-like of shape (N,)
        Any scores for which low means severe.
    top : int, optional
        How many; None, or more than there are, means all.

    Returns
    -------
    ndarray of int
        Positions; equal scores in order of position.

    Examples
    --------
    >>> find_top_issues([0.3, 0.1, 0.9, 0.1], top=2)
    array([1, 3])
    """
    scores = floats(as_array(quality_scores, name="quality_scores"), name="quality_scores")
    if scores.ndim != 1:
        raise InputError(
            f"`quality_scores` must be one-dimensional, one score per example, got shape "
            f"{scores.shape}"
        )
    return ascending(scores)[: None if top is None else whole_number(top, name="top", least=0)]


def order_label_issues(
    label_issues_mask: ArrayLike,
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    rank_by: str = "self_confidence",
    rank_by_kwargs: Mapping[str, Any] | None = None,
) -> IndexArray:
    """The flagged examples, worst first.

    Parameters
    ----------
    label_issues_mask : array-like of bool, shape (N,)
        Which examples have a label issue.
    labels, pred_probs
        See `get_label_quality_scores`.
    rank_by : {"self_confidence", "normalized_margin", "confidence_weighted_entropy"}
        The score to order by.
    rank_by_kwargs : mapping, optional
        ``adjust_pred_probs`` for `get_label_quality_scores`.

    Returns
    -------
    ndarray of int
        Row numbers of the flagged examples; equal scores in order of row.

    Raises
    ------
    InputError
        The mask is not boolean or has another length, or `rank_by` is unknown.

    Examples
    --------
    >>> order_label_issues([True, False, True], [0, 1, 1], [[0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    array([2, 0])
    """
    codes, probs = labels_and_probs(labels, pred_probs)
    mask = as_array(label_issues_mask, name="label_issues_mask")
    if mask.dtype != np.bool_:
        raise InputError(f"`label_issues_mask` must be boolean, got {mask.dtype}")
    same_length(label_issues_mask=mask, labels=codes)
    choice(rank_by, SCORES, name="rank_by")
    rows = np.flatnonzero(mask)
    quality = label_quality(codes, probs, rank_by, adjust=adjusts(rank_by_kwargs), rows=rows)
    return worst_first(rows, quality)


def get_self_confidence_for_each_label(labels: ArrayLike, pred_probs: ArrayLike) -> FloatArray:
    """The probability of each given label, ``p[label]``.

    Parameters
    ----------
    labels : array-like of shape (N,)
        Given labels, integers 0..K-1.
    pred_probs : array-like of shape (N, K)
        Predicted probabilities.

    Returns
    -------
    ndarray of float, shape (N,)

    Examples
    --------
    >>> get_self_confidence_for_each_label([0, 1], [[0.9, 0.1], [0.2, 0.8]])
    array([0.9, 0.8])
    """
    return get_label_quality_scores(labels, pred_probs, method="self_confidence")


def get_normalized_margin_for_each_label(labels: ArrayLike, pred_probs: ArrayLike) -> FloatArray:
    """The lead of the given label over the best other one, ``(p[label] - other + 1) / 2``.

    Parameters
    ----------
    labels : array-like of shape (N,)
        Given labels, integers 0..K-1.
    pred_probs : array-like of shape (N, K)
        Predicted probabilities.

    Returns
    -------
    ndarray of float, shape (N,)

    Examples
    --------
    >>> get_normalized_margin_for_each_label([0, 1], [[0.9, 0.1], [0.75, 0.25]])
    array([0.9 , 0.25])
    """
    return get_label_quality_scores(labels, pred_probs, method="normalized_margin")


def get_confidence_weighted_entropy_for_each_label(
    labels: ArrayLike, pred_probs: ArrayLike
) -> FloatArray:
    """``log(h + 1) / h`` with h the normalised entropy of the row over ``p[label]``.

    Parameters
    ----------
    labels : array-like of shape (N,)
        Given labels, integers 0..K-1.
    pred_probs : array-like of shape (N, K)
        Predicted probabilities.

    Returns
    -------
    ndarray of float64, shape (N,)

    Examples
    --------
    >>> scores = get_confidence_weighted_entropy_for_each_label([0, 1], [[0.9, 0.1], [0.6, 0.4]])
    >>> scores.round(3)
    array([0.805, 0.507])
    """
    return get_label_quality_scores(labels, pred_probs, method="confidence_weighted_entropy")
