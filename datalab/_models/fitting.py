"""Copies of an estimator, and rows of what it is fitted on.

Whatever a model takes as `X` (array, table, sparse matrix, list, torch data set) passes through
unchanged, cut into rows. A seed reaches the copies of an estimator through their own
``random_state``; numpy's global stream is never touched.
"""

import importlib
from typing import Any

import numpy as np

from datalab._typing import IndexArray
from datalab.exceptions import InputError, InputTypeError

__all__ = ["count_rows", "fresh_copy", "take_rows"]


def count_rows(X: Any, *, name: str = "X") -> int:
    """The number of examples in `X`: its ``shape[0]`` or its ``len``.

    Raises
    ------
    InputTypeError
        `X` has neither.
    """
    try:
        if hasattr(X, "shape"):
            return int(X.shape[0])
        return len(np.asarray(X)) if _only_converts(X) else len(X)
    except (TypeError, IndexError) as error:
        raise InputTypeError(
            f"`{name}` must hold one example per row (array, DataFrame, sparse matrix, list, …), "
            f"got {type(X).__name__}"
        ) from error


def _only_converts(X: Any) -> bool:
    """Whether `X` can become an array but has no rows itself."""
    return hasattr(X, "__array__") and not hasattr(X, "__getitem__")


def take_rows(X: Any, rows: IndexArray, *, name: str = "X") -> Any:
    """The given rows of `X`, in its own type (sparse matrices as CSR, tuples as lists).

    Parameters
    ----------
    X : array-like, DataFrame, Series, sparse matrix, list or torch data set of N examples
    rows : integer array
        Positions.
    name : str
        Name of the argument, for messages.

    Raises
    ------
    InputTypeError
        `X` cannot be indexed by a list of rows.
    """
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if isinstance(X, (list, tuple)):
        return [X[row] for row in rows]
    if hasattr(X, "tocsr"):
        return X.tocsr()[rows]
    if any(kind.__module__.startswith("torch.utils.data") for kind in type(X).__mro__):
        return importlib.import_module("torch.utils.data").Subset(X, rows.tolist())
    try:
        return np.asarray(X)[rows] if _only_converts(X) else X[rows]
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise InputTypeError(
            f"`{name}` ({type(X).__name__}) must support {name}[list of rows] or "
            f"{name}.iloc[list of rows]; np.asarray({name}) usually does"
        ) from error


def fresh_copy(model: Any, stream: np.random.RandomState | None = None) -> Any:
    """An unfitted copy of `model`; random states that are left open are tied to `stream`.

    Several copies tied to one stream draw from it one after the other, as they would from numpy's
    global stream if that had been seeded.

    Raises
    ------
    InputError
        scikit-learn cannot clone `model`.
    """
    from sklearn.base import clone  # noqa: PLC0415  (whoever trains nothing does not load it)

    try:
        copy = clone(model)
    except (TypeError, RuntimeError) as error:
        raise InputError(
            f"{type(model).__name__} cannot be cloned by sklearn.base.clone ({error}); give it "
            "get_params() and a constructor that stores its arguments, or make out-of-sample "
            "predictions yourself and pass pred_probs="
        ) from error
    if stream is not None:
        unset = {
            name: stream
            for name, value in copy.get_params(deep=True).items()
            if value is None and name.split("__")[-1] == "random_state"
        }
        if unset:
            copy.set_params(**unset)
    return copy
