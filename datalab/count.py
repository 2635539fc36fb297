"""Estimate thresholds, confident joint, noise rates and the number of label issues."""

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import choice, class_codes, labels_and_probs, square_matrix, two_classes
from datalab._core import count as core
from datalab._typing import FloatArray, IndexArray
from datalab.exceptions import InputError, InputWarning

__all__ = [
    "calibrate_confident_joint",
    "compute_confident_joint",
    "estimate_joint",
    "get_confident_thresholds",
    "num_label_issues",
]


def get_confident_thresholds(
    labels: ArrayLike, pred_probs: ArrayLike, multi_label: bool = False
) -> FloatArray:
    """The model's self-confidence per class: what a probability must reach to count.

    Parameters
    ----------
    labels : array-like of shape (N,)
        Given labels, integers 0..K-1; lists of classes with `multi_label`.
    pred_probs : array-like of shape (N, K)
        Out-of-sample predicted probabilities in [0, 1]; column k is class k.
    multi_label : bool
        Whether an example may have any number of classes.

    Returns
    -------
    ndarray of float64, shape (K,) or, multi-label, (K, 2) for (absent, present)
        Mean probability of class k over the examples labelled k, at least 2e-6; 2 (which is
        never reached) for a class that no label names.

    Raises
    ------
    InputError
        Input that is not labels and probabilities.

    Notes
    -----
    O(N) time. Sums are exact, so the result depends on nothing but the set of rows.

    References
    ----------
    Northcutt, Jiang, Chuang: Confident learning, JAIR 70 (2021), equation 2.

    Examples
    --------
    >>> get_confident_thresholds([0, 0, 1], [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]])
    array([0.8, 0.8])
    """
    return core.confident_thresholds(*labels_and_probs(labels, pred_probs))


def compute_confident_joint(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    thresholds: ArrayLike | None = None,
    calibrate: bool = True,
    multi_label: bool = False,
    return_indices_of_off_diagonals: bool = False,
) -> NDArray[np.int64] | tuple[NDArray[np.int64], IndexArray]:
    """Count the examples that are confidently of class j although their label is i.

    Parameters
    ----------
    labels, pred_probs, multi_label
        See `get_confident_thresholds`.
    thresholds : array-like of shape (K,), optional
        By default `get_confident_thresholds`.
    calibrate : bool
        Whether rows are scaled to the label counts (in integers, total N).
    return_indices_of_off_diagonals : bool
        Whether to return the rows counted off the diagonal as well.

    Returns
    -------
    ndarray of int, shape (K, K) or, multi-label, (K, 2, 2)
        Entry (i, j): given i, confidently j. The diagonal is at least 1 before calibration.
    ndarray of int, only with `return_indices_of_off_diagonals`
        Rows counted off the diagonal, in order; multi-label: a list with one array per class.

    Raises
    ------
    InputError
        Input that is not labels and probabilities, or thresholds of another length.

    Notes
    -----
    An example counts for the class whose probability reaches its threshold (less 1e-6), for its
    most probable class when several do, and not at all when none does. O(N K) time.

    References
    ----------
    Northcutt, Jiang, Chuang: Confident learning, JAIR 70 (2021), equations 1 to 3.

    Examples
    --------
    >>> probs = [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.9, 0.1]]
    >>> compute_confident_joint([0, 0, 1, 1], probs)
    array([[2, 0],
           [1, 1]])
    """
    codes, probs = labels_and_probs(labels, pred_probs)
    n_classes = probs.shape[1]
    if thresholds is None:
        cuts = core.confident_thresholds(codes, probs)
    else:
        cuts = _thresholds(thresholds, n_classes)
    guesses = core.confident_guesses(probs, cuts)
    joint: NDArray[np.int64] = core.confident_joint(codes, probs, guesses=guesses)
    if calibrate:
        joint = core.calibrate(joint, core.label_counts(codes, n_classes))
    if return_indices_of_off_diagonals:
        return joint, np.flatnonzero(core.off_diagonal(codes, guesses))
    return joint


def _thresholds(thresholds: ArrayLike, n_classes: int) -> FloatArray:
    cuts = np.asarray(thresholds, dtype=np.float64)
    if cuts.ndim == 0:
        cuts = np.full(n_classes, cuts)
    if cuts.shape != (n_classes,) or not np.isfinite(cuts).all():
        raise InputError(
            f"`thresholds` must be {n_classes} finite numbers, one per column of `pred_probs`, "
            f"got shape {cuts.shape}"
        )
    return cuts


def calibrate_confident_joint(
    confident_joint: ArrayLike, labels: ArrayLike, *, multi_label: bool = False
) -> NDArray[np.int64]:
    """Scale a confident joint to the label counts, in integers that keep the row totals.

    Parameters
    ----------
    confident_joint : array-like of shape (K, K), or (K, 2, 2) with `multi_label`
        Counts of (given, true).
    labels : array-like of shape (N,), or list of lists of classes
        Given labels.
    multi_label : bool
        Whether an example may have any number of classes.

    Returns
    -------
    ndarray of int64, of the shape of `confident_joint`
        Row i adds up to the number of labels i.

    Raises
    ------
    InputError
        Not a square matrix of counts, or labels beyond its size.

    References
    ----------
    Northcutt, Jiang, Chuang: Confident learning, JAIR 70 (2021), equation 3.

    Examples
    --------
    >>> calibrate_confident_joint([[3, 1], [0, 2]], [0] * 8 + [1] * 2)
    array([[6, 2],
           [0, 2]])
    """
    joint = square_matrix(confident_joint, name="confident_joint")
    return core.calibrate(joint, _counts(labels, len(joint)))


def _counts(labels: ArrayLike, n_classes: int) -> IndexArray:
    """Label counts for a joint of known size."""
    codes = class_codes(labels)
    counts = core.label_counts(codes, n_classes)
    if len(counts) > n_classes:
        raise InputError(
            f"`confident_joint` has {n_classes} classes but `labels` goes up to {len(counts) - 1}"
        )
    return counts


def estimate_joint(
    labels: ArrayLike | None,
    pred_probs: ArrayLike | None,
    *,
    confident_joint: ArrayLike | None = None,
    multi_label: bool = False,
) -> FloatArray:
    """Joint distribution of given and true labels.

    Parameters
    ----------
    labels, pred_probs, multi_label
        See `get_confident_thresholds`. `pred_probs` is not needed with a `confident_joint`;
        without labels the confident joint is taken as calibrated.
    confident_joint : array-like of shape (K, K) or (K, 2, 2), optional
        By default estimated.

    Returns
    -------
    ndarray of float64, shape (K, K) or, multi-label, (K, 2, 2)
        Sums to 1 (per class when multi-label).

    Raises
    ------
    InputError
        Neither labels with probabilities nor a confident joint.

    Examples
    --------
    >>> estimate_joint([0, 0, 1, 1], [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.9, 0.1]])
    array([[0.5 , 0.  ],
           [0.25, 0.25]])
    """
    if confident_joint is None:
        codes, probs = labels_and_probs(labels, pred_probs)
        counts = core.label_counts(codes, probs.shape[1])
        return core.estimate_joint(core.confident_joint(codes, probs), counts)
    joint = square_matrix(confident_joint, name="confident_joint")
    return core.estimate_joint(joint, None if labels is None else _counts(labels, len(joint)))


def num_label_issues(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    confident_joint: ArrayLike | None = None,
    estimation_method: str = "off_diagonal",
    multi_label: bool = False,
) -> int:
    """Estimate how many labels are wrong.

    Parameters
    ----------
    labels, pred_probs, multi_label
        See `get_confident_thresholds`.
    confident_joint : array-like of shape (K, K), optional
        For ``"off_diagonal_custom"``.
    estimation_method : {"off_diagonal", "off_diagonal_calibrated", "off_diagonal_custom"}
        The examples off the diagonal of the confident joint whose label is not their most
        probable class; N times the mass off the diagonal of the estimated joint; the same from
        the given `confident_joint`.

    Returns
    -------
    int

    Raises
    ------
    InputError
        Unknown method, no `confident_joint` where one is needed, or labels of one class only.

    Warns
    -----
    InputWarning
        A `confident_joint` that the method ignores.

    Examples
    --------
    >>> num_label_issues([0, 0, 1, 1], [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.9, 0.1]])
    1
    """
    methods = ["off_diagonal", "off_diagonal_calibrated", "off_diagonal_custom"]
    choice(estimation_method, methods, name="estimation_method")
    custom = estimation_method == "off_diagonal_custom"
    if custom and confident_joint is None:
        raise InputError(
            "`confident_joint` is None; estimation_method='off_diagonal_custom' counts from it"
        )
    if confident_joint is not None and not custom:
        warnings.warn(
            f"`confident_joint` is ignored with estimation_method={estimation_method!r}; "
            "'off_diagonal_custom' uses it",
            InputWarning,
            stacklevel=2,
        )
    codes, probs = labels_and_probs(labels, pred_probs)
    two_classes(codes)
    if estimation_method == "off_diagonal":
        return core.num_label_issues(codes, probs)
    joint = estimate_joint(codes, probs, confident_joint=confident_joint if custom else None)
    return round(len(codes) * (1 - float(joint.trace())))
