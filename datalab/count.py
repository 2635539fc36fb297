"""Estimate thresholds, confident joint, noise rates and the number of label issues."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import (
    choice,
    class_codes,
    class_thresholds,
    codes_within,
    label_sets,
    label_sets_and_probs,
    labels_and_probs,
    per_class_matrices,
    square_matrix,
    two_classes,
    warn,
)
from datalab._core import count as core
from datalab._core import latent, multilabel
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray, Probs
from datalab.exceptions import InputError

__all__ = [
    "calibrate_confident_joint",
    "compute_confident_joint",
    "estimate_confident_joint_and_cv_pred_proba",
    "estimate_cv_predicted_probabilities",
    "estimate_joint",
    "estimate_latent",
    "estimate_noise_matrices",
    "estimate_py_and_noise_matrices_from_probabilities",
    "estimate_py_noise_matrices_and_cv_pred_proba",
    "get_confident_thresholds",
    "num_label_issues",
]

Validation = Callable[[Any, Any], Mapping[str, Any]]
Latent = tuple[FloatArray, FloatArray, FloatArray]


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
    if multi_label:
        return multilabel.thresholds(*label_sets_and_probs(labels, pred_probs))
    return core.confident_thresholds(*labels_and_probs(labels, pred_probs))


def compute_confident_joint(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    thresholds: ArrayLike | None = None,
    calibrate: bool = True,
    multi_label: bool = False,
    return_indices_of_off_diagonals: bool = False,
) -> NDArray[np.int64] | tuple[NDArray[np.int64], IndexArray | list[IndexArray]]:
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
    if multi_label:
        present, sets_probs = label_sets_and_probs(labels, pred_probs)
        cuts = None if thresholds is None else _multilabel_thresholds(thresholds, sets_probs)
        joints, rows = multilabel.joints(present, sets_probs, cuts)
        if calibrate:
            joints = _calibrate_per_class(joints, present)
        return (joints, rows) if return_indices_of_off_diagonals else joints
    codes, probs = labels_and_probs(labels, pred_probs, on_read=True)
    n_classes = probs.shape[1]
    guesses, _ = core.guesses_and_agreement(codes, probs, _thresholds(thresholds, n_classes))
    joint: NDArray[np.int64] = core.confident_joint(codes, probs, guesses=guesses)
    if calibrate:
        joint = core.calibrate(joint, core.label_counts(codes, n_classes))
    if return_indices_of_off_diagonals:
        return joint, np.flatnonzero(core.off_diagonal(codes, guesses))
    return joint


def _multilabel_thresholds(thresholds: ArrayLike, probs: Probs) -> FloatArray:
    cuts = np.asarray(thresholds, dtype=np.float64)
    if cuts.shape != (probs.shape[1], 2) or not np.isfinite(cuts).all():
        raise InputError(
            f"`thresholds` must be finite and of shape ({probs.shape[1]}, 2), for (absent, "
            f"present) of each class, got shape {cuts.shape}"
        )
    return cuts


def _calibrate_per_class(joints: NDArray[Any], present: BoolArray) -> NDArray[np.int64]:
    having = np.count_nonzero(present, axis=0)
    counts = np.stack([len(present) - having, having], axis=1)
    pairs = zip(joints, counts, strict=True)
    return np.stack([core.calibrate(joint, count) for joint, count in pairs])


def _thresholds(thresholds: ArrayLike | None, n_classes: int) -> FloatArray | None:
    """The given thresholds; None for those of the data."""
    return None if thresholds is None else class_thresholds(thresholds, n_classes)


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
    if multi_label:
        joints = per_class_matrices(confident_joint, name="confident_joint")
        return _calibrate_per_class(joints, label_sets(labels, len(joints)))
    joint = square_matrix(confident_joint, name="confident_joint")
    return core.calibrate(joint, _counts(labels, len(joint)))


def _counts(labels: ArrayLike, n_classes: int) -> IndexArray:
    """Label counts for a joint of known size."""
    return core.label_counts(codes_within(labels, n_classes), n_classes)


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
    if multi_label:
        return _estimate_joints(labels, pred_probs, confident_joint)
    if confident_joint is None:
        codes, probs = labels_and_probs(labels, pred_probs, on_read=True)
        counts = core.label_counts(codes, probs.shape[1])
        return core.estimate_joint(core.confident_joint(codes, probs), counts)
    joint = square_matrix(confident_joint, name="confident_joint")
    return core.estimate_joint(joint, None if labels is None else _counts(labels, len(joint)))


def _estimate_joints(
    labels: Any, pred_probs: ArrayLike | None, confident_joint: ArrayLike | None
) -> FloatArray:
    """One joint distribution per class, shape (K, 2, 2)."""
    joints: NDArray[Any]
    if confident_joint is not None:
        joints = per_class_matrices(confident_joint, name="confident_joint")
        if labels is not None:
            joints = _calibrate_per_class(joints, label_sets(labels, len(joints)))
    else:
        present, probs = label_sets_and_probs(labels, pred_probs)
        joints = _calibrate_per_class(multilabel.joints(present, probs)[0], present)
    return np.stack([core.estimate_joint(joint) for joint in joints])


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
        the given `confident_joint`. Multi-label: the examples with any class off the diagonal of
        its confident joint, whatever the method.

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
    if multi_label:
        present, sets_probs = label_sets_and_probs(labels, pred_probs)
        flags = multilabel.issues(present, sets_probs, filter_by="confident_learning")
        return int(np.count_nonzero(flags))
    methods = ["off_diagonal", "off_diagonal_calibrated", "off_diagonal_custom"]
    choice(estimation_method, methods, name="estimation_method")
    custom = estimation_method == "off_diagonal_custom"
    if custom and confident_joint is None:
        raise InputError(
            "`confident_joint` is None; estimation_method='off_diagonal_custom' counts from it"
        )
    if confident_joint is not None and not custom:
        warn(
            f"`confident_joint` is ignored with estimation_method={estimation_method!r}; "
            "'off_diagonal_custom' uses it"
        )
    codes, probs = labels_and_probs(labels, pred_probs, on_read=not custom)
    two_classes(codes)
    if estimation_method == "off_diagonal":
        return core.num_label_issues(codes, probs)
    if custom:
        joint = estimate_joint(codes, None, confident_joint=confident_joint)
    else:
        joint = core.estimate_joint(
            core.confident_joint(codes, probs), core.label_counts(codes, probs.shape[1])
        )
    return round(len(codes) * (1 - float(joint.trace())))


def estimate_latent(
    confident_joint: ArrayLike,
    labels: ArrayLike,
    *,
    py_method: str = "cnt",
    converge_latent_estimates: bool = False,
) -> Latent:
    """Class prior of the true labels and both noise matrices.

    Parameters
    ----------
    confident_joint : array-like of shape (K, K)
        Counts of (given, true).
    labels : array-like of shape (N,)
        Given labels, integers 0..K-1.
    py_method : {"cnt", "eqn", "marginal", "marginal_ps"}
        How the prior is computed: from the diagonals of both matrices, by solving
        ``noise_matrix @ py = ps``, as the column sums of the joint, or as
        ``inverse_noise_matrix @ ps``.
    converge_latent_estimates : bool
        Whether the three are made to agree with each other by alternating Bayes' rule.

    Returns
    -------
    py : ndarray of shape (K,)
        P(true = k).
    noise_matrix : ndarray of shape (K, K)
        P(given = i | true = j); columns sum to 1.
    inverse_noise_matrix : ndarray of shape (K, K)
        P(true = i | given = j); columns sum to 1.

    Raises
    ------
    InputError
        Not a square matrix of counts, unknown `py_method`, or, with "eqn", a noise matrix that
        cannot be inverted.

    References
    ----------
    Northcutt, Wu, Chuang: Rank pruning, UAI 2017, section 3; Northcutt, Jiang, Chuang: Confident
    learning, JAIR 70 (2021), section 3.1.

    Examples
    --------
    >>> py, noise_matrix, inverse = estimate_latent([[6, 2], [0, 2]], [0] * 8 + [1] * 2)
    >>> py
    array([0.6, 0.4])
    >>> noise_matrix
    array([[1. , 0.5],
           [0. , 0.5]])
    """
    choice(py_method, latent.PRIORS, name="py_method")
    joint = square_matrix(confident_joint, name="confident_joint")
    counts = _counts(labels, len(joint))
    return latent.estimate_latent(joint, counts, py_method, converge_latent_estimates)


def estimate_py_and_noise_matrices_from_probabilities(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    thresholds: ArrayLike | None = None,
    converge_latent_estimates: bool = True,
    py_method: str = "cnt",
    calibrate: bool = True,
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.int64]]:
    """Prior, noise matrices and confident joint from predicted probabilities.

    Parameters
    ----------
    labels, pred_probs, thresholds, calibrate
        See `compute_confident_joint`.
    converge_latent_estimates, py_method
        See `estimate_latent`.

    Returns
    -------
    py, noise_matrix, inverse_noise_matrix, confident_joint : ndarray
        Shapes (K,), (K, K), (K, K), (K, K).

    Raises
    ------
    InputError
        Input that is not labels and probabilities, or an unknown `py_method`.

    Examples
    --------
    >>> probs = [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.9, 0.1]]
    >>> py, _, _, joint = estimate_py_and_noise_matrices_from_probabilities([0, 0, 1, 1], probs)
    >>> py.round(3)
    array([0.75, 0.25])
    """
    choice(py_method, latent.PRIORS, name="py_method")
    codes, probs = labels_and_probs(labels, pred_probs, on_read=True)
    joint = _joint(codes, probs, thresholds, calibrate)
    counts = core.label_counts(codes, probs.shape[1])
    return *latent.estimate_latent(joint, counts, py_method, converge_latent_estimates), joint


def _joint(
    codes: Codes, probs: Probs, thresholds: ArrayLike | None, calibrate: bool
) -> NDArray[np.int64]:
    cuts = _thresholds(thresholds, probs.shape[1])
    joint: NDArray[np.int64] = core.confident_joint(codes, probs, cuts)
    return core.calibrate(joint, core.label_counts(codes, len(joint))) if calibrate else joint


def estimate_cv_predicted_probabilities(
    X: Any,
    labels: ArrayLike,
    clf: Any = None,
    *,
    cv_n_folds: int = 5,
    seed: int | None = None,
    clf_kwargs: Mapping[str, Any] | None = None,
    validation_func: Validation | None = None,
) -> FloatArray:
    """Out-of-sample predicted probabilities by cross-validation.

    Parameters
    ----------
    X : array-like, DataFrame, sparse matrix, list, … of N examples
        What `clf` is fitted on.
    labels : array-like of shape (N,)
        Given labels, integers 0..K-1, at least two different ones.
    clf : classifier, optional
        Anything with ``fit`` and ``predict_proba`` that scikit-learn can clone; a fresh copy is
        fitted in each fold. By default ``sklearn.linear_model.LogisticRegression()``.
    cv_n_folds : int
        Number of stratified, shuffled folds.
    seed : int, optional
        Seed of the shuffling.
    clf_kwargs : mapping, optional
        Further arguments of ``clf.fit``.
    validation_func : callable, optional
        ``validation_func(X_held_out, labels_held_out)`` returns further arguments of ``clf.fit``.

    Returns
    -------
    ndarray of float64, shape (N, K)
        K is the largest label + 1; the column of a class without examples is 0.

    Raises
    ------
    InputError
        Lengths differ, one class only, folds that do not fit, or `clf` cannot be cloned.
    InputTypeError
        `X` cannot be cut into rows, or `validation_func` is not callable.

    Warns
    -----
    InputWarning
        A class would be missing from a training fold: one of its held-out examples is trained on
        as well, and its own prediction says "this class" with certainty.

    Examples
    --------
    >>> X = [[0.0], [0.1], [0.2], [1.0], [1.1], [1.2]]
    >>> probs = estimate_cv_predicted_probabilities(X, [0, 0, 0, 1, 1, 1], cv_n_folds=3, seed=0)
    >>> probs.argmax(axis=1)
    array([0, 0, 0, 1, 1, 1])
    """
    from datalab._models import count_rows, cross_val_pred_probs

    codes = class_codes(labels)
    if count_rows(X) != len(codes):
        raise InputError(
            f"`X` has {count_rows(X)} rows but `labels` has {len(codes)}; give one label per row"
        )
    two_classes(codes)
    if clf is None:
        from sklearn.linear_model import LogisticRegression

        clf = LogisticRegression()
    return cross_val_pred_probs(
        X,
        codes,
        clf,
        n_classes=int(codes.max()) + 1,
        cv_n_folds=cv_n_folds,
        seed=seed,
        clf_kwargs=clf_kwargs,
        validation_func=validation_func,
    )


def estimate_confident_joint_and_cv_pred_proba(
    X: Any,
    labels: ArrayLike,
    clf: Any = None,
    *,
    cv_n_folds: int = 5,
    thresholds: ArrayLike | None = None,
    seed: int | None = None,
    calibrate: bool = True,
    clf_kwargs: Mapping[str, Any] | None = None,
    validation_func: Validation | None = None,
) -> tuple[NDArray[np.int64], FloatArray]:
    """Confident joint from probabilities that are predicted by cross-validation.

    Parameters
    ----------
    X, labels, clf, cv_n_folds, seed, clf_kwargs, validation_func
        See `estimate_cv_predicted_probabilities`.
    thresholds, calibrate
        See `compute_confident_joint`.

    Returns
    -------
    confident_joint : ndarray of int, shape (K, K)
    pred_probs : ndarray of float64, shape (N, K)

    Raises
    ------
    InputError, InputTypeError
        See `estimate_cv_predicted_probabilities`.

    Examples
    --------
    >>> X = [[0.0], [0.1], [0.2], [1.0], [1.1], [1.2]]
    >>> joint, _ = estimate_confident_joint_and_cv_pred_proba(
    ...     X, [0, 0, 0, 1, 1, 1], cv_n_folds=3, seed=0)
    >>> joint
    array([[3, 0],
           [0, 3]])
    """
    pred_probs = estimate_cv_predicted_probabilities(
        X,
        labels,
        clf,
        cv_n_folds=cv_n_folds,
        seed=seed,
        clf_kwargs=clf_kwargs,
        validation_func=validation_func,
    )
    codes, probs = labels_and_probs(labels, pred_probs)
    return _joint(codes, probs, thresholds, calibrate), pred_probs


def estimate_py_noise_matrices_and_cv_pred_proba(
    X: Any,
    labels: ArrayLike,
    clf: Any = None,
    *,
    cv_n_folds: int = 5,
    thresholds: ArrayLike | None = None,
    converge_latent_estimates: bool = False,
    py_method: str = "cnt",
    seed: int | None = None,
    clf_kwargs: Mapping[str, Any] | None = None,
    validation_func: Validation | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.int64], FloatArray]:
    """Prior, noise matrices, confident joint and cross-validated probabilities.

    Parameters
    ----------
    X, labels, clf, cv_n_folds, seed, clf_kwargs, validation_func
        See `estimate_cv_predicted_probabilities`.
    thresholds
        See `compute_confident_joint`.
    converge_latent_estimates, py_method
        See `estimate_latent`.

    Returns
    -------
    py, noise_matrix, inverse_noise_matrix, confident_joint, pred_probs : ndarray
        Shapes (K,), (K, K), (K, K), (K, K), (N, K).

    Raises
    ------
    InputError, InputTypeError
        See `estimate_cv_predicted_probabilities`.

    Examples
    --------
    >>> X = [[0.0], [0.1], [0.2], [1.0], [1.1], [1.2]]
    >>> py, *_ = estimate_py_noise_matrices_and_cv_pred_proba(
    ...     X, [0, 0, 0, 1, 1, 1], cv_n_folds=3, seed=0)
    >>> py
    array([0.5, 0.5])
    """
    choice(py_method, latent.PRIORS, name="py_method")
    joint, pred_probs = estimate_confident_joint_and_cv_pred_proba(
        X,
        labels,
        clf,
        cv_n_folds=cv_n_folds,
        thresholds=thresholds,
        seed=seed,
        clf_kwargs=clf_kwargs,
        validation_func=validation_func,
    )
    estimates = latent.estimate_latent(
        joint, _counts(labels, len(joint)), py_method, converge_latent_estimates
    )
    return *estimates, joint, pred_probs


def estimate_noise_matrices(
    X: Any,
    labels: ArrayLike,
    clf: Any = None,
    *,
    cv_n_folds: int = 5,
    thresholds: ArrayLike | None = None,
    converge_latent_estimates: bool = True,
    seed: int | None = None,
    clf_kwargs: Mapping[str, Any] | None = None,
    validation_func: Validation | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Noise matrix and inverse noise matrix, by cross-validation.

    Parameters
    ----------
    X, labels, clf, cv_n_folds, seed, clf_kwargs, validation_func
        See `estimate_cv_predicted_probabilities`.
    thresholds
        See `compute_confident_joint`.
    converge_latent_estimates
        See `estimate_latent`.

    Returns
    -------
    noise_matrix, inverse_noise_matrix : ndarray of shape (K, K)
        P(given = i | true = j) and P(true = i | given = j).

    Raises
    ------
    InputError, InputTypeError
        See `estimate_cv_predicted_probabilities`.

    Examples
    --------
    >>> X = [[0.0], [0.1], [0.2], [1.0], [1.1], [1.2]]
    >>> noise_matrix, _ = estimate_noise_matrices(X, [0, 0, 0, 1, 1, 1], cv_n_folds=3, seed=0)
    >>> noise_matrix
    array([[1., 0.],
           [0., 1.]])
    """
    _, noise_matrix, inverse_noise_matrix, _, _ = estimate_py_noise_matrices_and_cv_pred_proba(
        X,
        labels,
        clf,
        cv_n_folds=cv_n_folds,
        thresholds=thresholds,
        converge_latent_estimates=converge_latent_estimates,
        seed=seed,
        clf_kwargs=clf_kwargs,
        validation_func=validation_func,
    )
    return noise_matrix, inverse_noise_matrix
