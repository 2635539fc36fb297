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

__all__ = ["HoldsModel", "also_known_as", "count_rows", "fresh_copy", "take_rows"]


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


def also_known_as(attribute: str) -> property:
    """Cleanlab's name for a fitted attribute; None while it is not known."""
    return property(
        lambda estimator: vars(estimator).get(attribute), doc=f"`{attribute}`, or None before it."
    )


class HoldsModel:
    """What the two `CleanLearning` have in common: a model given, and a copy of it fitted.

    The constructor argument named by `_model_name` is never fitted or replaced, so `get_params`
    and ``clone`` see what was given. The attribute of that name shows the model in use, as
    cleanlab's does: the fitted copy (also ``<name>_``) once there is one, before that the model
    that was given or, for None, an unfitted default.
    """

    _model_name: str

    def _default_model(self) -> Any:
        raise NotImplementedError

    def _set_model(self, model: Any) -> None:
        self.__dict__[self._model_name] = model

    def _given_model(self) -> Any:
        given = vars(self)[self._model_name]
        return self._default_model() if given is None else given

    def _model_in_use(self) -> Any:
        fitted = f"{self._model_name}_"
        return vars(self)[fitted] if fitted in vars(self) else self._given_model()

    def _fitted_model(self) -> Any:
        """The fitted copy.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            ``fit`` has not been called.
        """
        from sklearn.utils.validation import check_is_fitted  # noqa: PLC0415

        check_is_fitted(self, f"{self._model_name}_")
        return vars(self)[f"{self._model_name}_"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor arguments, as they were given.

        Parameters
        ----------
        deep : bool
            Whether those of the model are told as well, as ``<model>__<argument>``.

        Returns
        -------
        dict
        """
        params: dict[str, Any] = super().get_params(deep=False)  # type: ignore[misc]
        model = params[self._model_name] = vars(self)[self._model_name]
        if deep and hasattr(model, "get_params") and not isinstance(model, type):
            nested = model.get_params()
            params.update({f"{self._model_name}__{name}": nested[name] for name in nested})
        return params

    @property
    def n_features_in_(self) -> int:
        """Number of features that the model was fitted on."""
        return int(self._fitted_model().n_features_in_)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn wants to know: the model decides which `X` it takes."""
        from sklearn.utils import get_tags  # noqa: PLC0415

        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags = get_tags(self._given_model()).input_tags
        return tags
