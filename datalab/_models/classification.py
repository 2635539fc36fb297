"""Out-of-sample predicted probabilities of a classifier."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from datalab._models.fitting import fresh_copy, take_rows
from datalab._models.folds import stratified_folds
from datalab._models.given_model import model_name
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray
from datalab.exceptions import InputError, InputTypeError, InputWarning

__all__ = ["cross_val_pred_probs", "judged_rows", "thinned"]

# Rows are predicted so many at a time.
BLOCK = 20_000


def cross_val_pred_probs(
    X: Any,
    codes: Codes,
    clf: Any,
    *,
    n_classes: int,
    cv_n_folds: int = 5,
    seed: int | None = None,
    stream: np.random.RandomState | None = None,
    clf_kwargs: Mapping[str, Any] | None = None,
    validation_func: Callable[[Any, Any], Mapping[str, Any]] | None = None,
    folds: Sequence[tuple[IndexArray, IndexArray]] | None = None,
    sample_weight: FloatArray | None = None,
    max_rows: int | None = None,
    on_fold: Callable[[], None] = lambda: None,
) -> FloatArray:
    """Out-of-sample predicted probabilities by stratified, shuffled K-fold cross-validation.

    Parameters
    ----------
    X : array-like, DataFrame, sparse matrix, list, … of N examples
        What `clf` is fitted on.
    codes : Codes of shape (N,)
        Class codes 0..n_classes-1; classes without examples are allowed.
    clf : classifier
        Anything with ``fit`` and ``predict_proba`` (or ``decision_function``) that scikit-learn can
        clone; it stays unfitted.
    n_classes : int
        Number of columns of the result.
    cv_n_folds : int
        Number of folds, at least 2.
    seed : int, optional
        Seed of the shuffling, and of random states that `clf` leaves open.
    stream : RandomState, optional
        Stream for those open random states, when the caller goes on drawing from it.
    clf_kwargs : mapping, optional
        Extra arguments of ``clf.fit``.
    validation_func : callable, optional
        ``validation_func(X_held_out, labels_held_out)`` returns further arguments of ``clf.fit``.
    folds : sequence of (train, held out), optional
        Positions; by default stratified and shuffled.
    sample_weight : ndarray of shape (N,), optional
        Given to ``clf.fit``, cut to the rows of each fold.
    max_rows : int, optional
        Each model is fitted on at most so many rows, drawn from each class by its share.
    on_fold : callable
        Called after each fold.

    Returns
    -------
    ndarray of shape (N, n_classes), float64
        Columns of classes without examples are 0.

    Raises
    ------
    InputTypeError
        `validation_func` is not callable; `X` cannot be cut into rows.
    InputError
        `clf` cannot be cloned; the folds do not fit the data; ``predict_proba`` returns a shape
        that does not match the classes.

    Notes
    -----
    A class whose examples all fall into one fold would be unknown to the model of that fold: one
    of them is copied into the training rows (with a warning), and its own row of the result says
    "this class" with certainty.
    """
    if validation_func is not None and not callable(validation_func):
        raise InputTypeError(
            "`validation_func` must be a function (X_held_out, labels_held_out) -> dict of "
            f"arguments for fit, got {type(validation_func).__name__}"
        )
    if stream is None and seed is not None:
        stream = np.random.RandomState(seed)
    everyone = np.unique(codes)
    pred_probs = np.zeros((len(codes), n_classes))
    copied_classes: set[int] = set()
    for train, held_out in folds or stratified_folds(codes, cv_n_folds, seed):
        copied = _first_of_each(codes, held_out, np.setdiff1d(everyone, codes[train]))
        copied_classes.update(codes[copied].tolist())
        if max_rows is not None:
            train = thinned(train, codes, max_rows, seed)
        train = np.concatenate([train, copied])
        extra: Mapping[str, Any] = {}
        if validation_func is not None:
            extra = validation_func(take_rows(X, held_out), codes[held_out])
        if sample_weight is not None:
            extra = {**extra, "sample_weight": sample_weight[train]}
        model = fresh_copy(clf, stream)
        model.fit(take_rows(X, train), codes[train], **{**(clf_kwargs or {}), **extra})
        for start in range(0, len(held_out), BLOCK):
            rows = held_out[start : start + BLOCK]
            predicted = _probabilities(model, take_rows(X, rows))
            columns = _class_columns(model, predicted, np.unique(codes[train]), n_classes)
            pred_probs[rows[:, None], columns] = predicted
        on_fold()
        pred_probs[copied] = np.eye(n_classes)[codes[copied]]
    if copied_classes:
        warnings.warn(
            f"classes {sorted(copied_classes)} have too few examples for cv_n_folds={cv_n_folds}: "
            "one example of each was used for training and prediction alike",
            InputWarning,
            stacklevel=3,
        )
    return pred_probs


def judged_rows(codes: IndexArray, folds: Sequence[tuple[IndexArray, IndexArray]]) -> BoolArray:
    """Rows whose class the model that predicts them has seen in other rows, shape (N,)."""
    judged = np.zeros(len(codes), dtype=bool)
    for train, held_out in folds:
        judged[held_out] = np.isin(codes[held_out], codes[train])
    return judged


def thinned(rows: IndexArray, codes: IndexArray, size: int, seed: int | None) -> IndexArray:
    """At most `size` of the rows, drawn at random from each class by its share, in order."""
    if len(rows) <= size:
        return rows
    drawn = np.random.default_rng(seed).permutation(rows)
    order = np.argsort(codes[drawn], kind="stable")
    counts = np.bincount(codes[drawn])
    start = np.repeat(np.cumsum(counts) - counts, counts)
    place = (np.arange(len(drawn)) - start) / np.repeat(counts, counts)
    chosen: IndexArray = np.sort(drawn[order[np.argsort(place, kind="stable")[:size]]])
    return chosen


def _probabilities(model: Any, X: Any) -> FloatArray:
    """``predict_proba``, or the softmax of a decision function."""
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(X))
    if not hasattr(model, "decision_function"):
        raise InputError(
            f"{type(model).__name__} has neither predict_proba nor decision_function; give a "
            "classifier that says how sure it is"
        )
    scores = np.asarray(model.decision_function(X), dtype=np.float64)
    if scores.ndim == 1:
        scores = np.column_stack([np.zeros(len(scores)), scores])
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs: FloatArray = odds / odds.sum(axis=1, keepdims=True)
    return probs


def _first_of_each(codes: Codes, rows: IndexArray, classes: IndexArray) -> IndexArray:
    """The first of `rows` for each of `classes`; all of them occur there."""
    of_class = codes[rows][None, :] == classes[:, None]
    return rows[of_class.argmax(axis=1)] if len(classes) else rows[:0]


def _class_columns(
    model: Any, predicted: FloatArray, trained: IndexArray, n_classes: int
) -> IndexArray:
    """The class of each column that ``predict_proba`` returned."""
    width = predicted.shape[1] if predicted.ndim == 2 else -1
    told = np.asarray(getattr(model, "classes_", ()))
    if told.shape == (width,) and told.dtype.kind in "iuf" and np.isin(told, trained).all():
        return told.astype(np.intp)
    if width == n_classes:
        return np.arange(n_classes)
    if width == len(trained):
        return trained
    raise InputError(
        f"predict_proba of {model_name(model)} returned shape {predicted.shape} after training on "
        f"{len(trained)} classes; it must have one column per class"
    )
