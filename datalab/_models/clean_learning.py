"""What both `CleanLearning` have in common: a model given, issues found, a copy fitted."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import as_array, listing, numeric_labels, same_length, warn, whole_number
from datalab._models.fitting import count_rows
from datalab._typing import BoolArray, FloatArray
from datalab.exceptions import InputError, InputTypeError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CleanLearner", "also_known_as", "issues_table", "paired", "takes_weights"]

logger = logging.getLogger("datalab")


def also_known_as(attribute: str) -> property:
    """Cleanlab's name for a fitted attribute; None while it is not known."""
    return property(
        lambda estimator: vars(estimator).get(attribute), doc=f"`{attribute}`, or None before it."
    )


class CleanLearner:
    """A model given, label issues found, and a copy of the model fitted without them.

    The constructor argument named by `_model_name` is never fitted or replaced, so `get_params`
    and ``clone`` see what was given. The attribute of that name shows the model in use, as
    cleanlab's does: the fitted copy (also ``<name>_``) once there is one, before that the model
    that was given or, for None, an unfitted default.

    Stands before scikit-learn's classes in the bases, so that importing this loads none of them.
    """

    _model_name: str
    _methods: tuple[str, ...]  # what a model must have
    _found: tuple[str, ...]  # attributes that are found out about the labels

    verbose: bool
    seed: int | None
    label_issues_df = also_known_as("label_issues_")

    @property
    def label_issues_mask(self) -> BoolArray | None:
        """Which examples have a label issue, or None before it is known."""
        issues = self.label_issues_df
        return None if issues is None else issues["is_label_issue"].to_numpy()

    @property
    def n_features_in_(self) -> int:
        """Number of features that the model was fitted on."""
        return int(self._fitted_model().n_features_in_)

    def _default_model(self) -> Any:
        raise NotImplementedError

    def _default_score(self, y: ArrayLike, predicted: Any, **weights: Any) -> float:
        raise NotImplementedError

    def _rows_for_model(self, X: Any) -> Any:
        """`X` in the shape that the model takes."""
        return X

    def _set_model(self, model: Any) -> None:
        self.__dict__[self._model_name] = model

    def _given_model(self) -> Any:
        given = vars(self)[self._model_name]
        return self._default_model() if given is None else given

    def _model_in_use(self) -> Any:
        fitted = f"{self._model_name}_"
        return vars(self)[fitted] if fitted in vars(self) else self._given_model()

    def _fitted_model(self) -> Any:
        """The fitted copy; NotFittedError without one."""
        from sklearn.utils.validation import check_is_fitted  # noqa: PLC0415

        check_is_fitted(self, f"{self._model_name}_")
        return vars(self)[f"{self._model_name}_"]

    def _checked_seed(self) -> int | None:
        return None if self.seed is None else whole_number(self.seed, name="seed", least=0)

    def _require_methods(self) -> None:
        """Refuse a model that is none."""
        model = self._given_model()
        for method in self._methods:
            if not hasattr(model, method):
                raise InputError(
                    f"`{self._model_name}` ({type(model).__name__}) must have a method "
                    f"{method}(), like scikit-learn's estimators"
                )

    def _given_weights(
        self, sample_weight: ArrayLike | None, n_rows: int, *kwargs: Mapping[str, Any] | None
    ) -> FloatArray | None:
        """Weights for the last fit; `kwargs` are those of ``fit`` that must hold none."""
        if any("sample_weight" in (each or ()) for each in kwargs):
            raise InputError(
                f"sample_weight stands among the extra arguments of {self._model_name}.fit; pass "
                "it as fit(X, y, sample_weight=…), where it is cut to the rows that are trained on"
            )
        if sample_weight is None:
            return None
        model = self._given_model()
        if not takes_weights(model):
            raise InputError(
                f"`sample_weight` is given, but fit() of {type(model).__name__} does not take it"
            )
        weights = numeric_labels(sample_weight, name="sample_weight")
        same_length(y=range(n_rows), sample_weight=weights)
        return weights

    def _log(self, message: str, *values: Any) -> None:
        if self.verbose:
            logger.info(message, *values)

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

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn wants to know: the model decides which `X` it takes."""
        from sklearn.utils import get_tags  # noqa: PLC0415

        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags = get_tags(self._given_model()).input_tags
        return tags

    def predict(self, X: Any, *args: Any, **kwargs: Any) -> Any:
        """Predict with the fitted model.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, list, … of M examples
            What to predict for.
        *args, **kwargs
            Further arguments of the model's ``predict``.

        Returns
        -------
        ndarray of shape (M,)
            What the model's ``predict`` returns.
        """
        return self._fitted_model().predict(self._rows_for_model(X), *args, **kwargs)

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Score the fitted model on other data.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, list, … of M examples
            What to predict for.
        y : array-like of shape (M,)
            True labels.
        sample_weight : array-like of shape (M,), optional
            Weights of the examples.

        Returns
        -------
        float
            What the model's ``score`` returns; accuracy or R² when it has none.
        """
        model, X = self._fitted_model(), self._rows_for_model(X)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        if not hasattr(model, "score"):
            return self._default_score(y, model.predict(X), **weights)
        score: float = model.score(X, y, **weights)
        return score

    def get_label_issues(self) -> "pd.DataFrame | None":
        """The result of the last `find_label_issues` or `fit`.

        Returns
        -------
        DataFrame or None
            None, with a warning, when there is none.
        """
        issues: pd.DataFrame | None = self.label_issues_df
        if issues is None:
            warn("no label issues are known yet; call find_label_issues() or fit() first")
        return issues

    def save_space(self) -> None:
        """Drop what was found out about the labels; the fitted model stays."""
        for attribute in self._found:
            self.__dict__.pop(attribute, None)


def takes_weights(model: Any) -> bool:
    """Whether ``model.fit`` has an argument `sample_weight`."""
    from sklearn.utils.validation import has_fit_parameter  # noqa: PLC0415

    return bool(has_fit_parameter(model, "sample_weight"))


def paired(X: Any, n_labels: int) -> None:
    """Raise InputError unless `X` has one row per label."""
    n_rows = count_rows(X)
    if n_rows != n_labels:
        raise InputError(f"`X` has {n_rows} rows but there are {n_labels} labels; give one per row")


def issues_table(label_issues: Any, labels: NDArray[Any], *, row_numbers: bool) -> "pd.DataFrame":
    """Known issues as a new table with a column ``is_label_issue``.

    Parameters
    ----------
    label_issues : DataFrame, Series or array-like
        A table with that column, a mask, or row numbers where `row_numbers` allows them.
    labels : ndarray of shape (N,)
        Given labels; a column ``given_label`` must agree with them.

    Raises
    ------
    InputError
        Something else.
    """
    import pandas as pd  # noqa: PLC0415  (whoever has it has loaded it)

    n_rows = len(labels)
    if not isinstance(label_issues, pd.DataFrame):
        try:
            values = as_array(label_issues, name="label_issues")
        except InputTypeError as error:
            raise InputError(str(error)) from error
        index = label_issues.index if isinstance(label_issues, pd.Series) else None
        if row_numbers and values.dtype != np.bool_:
            values, index = _mask_of_rows(values, n_rows), None
        if values.ndim != 1:
            raise InputError(f"`label_issues` must have shape ({n_rows},), got {values.shape}")
        issues = pd.DataFrame({"is_label_issue": values}, index=index)
    elif "is_label_issue" in label_issues:
        issues = label_issues.copy()
    else:
        raise InputError(
            f"`label_issues` has no column 'is_label_issue'; it has {listing(label_issues.columns)}"
        )
    if issues["is_label_issue"].dtype != np.bool_ or len(issues) != n_rows:
        raise InputError(
            f"`label_issues` must have {n_rows} booleans, one per label, got {len(issues)} of "
            f"{issues['is_label_issue'].dtype}"
        )
    given = issues.get("given_label")
    if given is not None and not np.array_equal(given.to_numpy(), labels):
        raise InputError(
            "`label_issues` has other values in 'given_label' than the labels: it belongs to "
            "other data, or to another order of rows"
        )
    return issues


def _mask_of_rows(values: NDArray[Any], n_rows: int) -> BoolArray:
    rows = values if values.size else values.astype(np.intp)
    unique = np.unique(rows)
    if rows.dtype.kind not in "iu" or rows.ndim != 1 or len(unique) != len(rows):
        raise InputError(
            f"`label_issues` must be a DataFrame, {n_rows} booleans, or row numbers without "
            f"repetition, got {values.dtype} of shape {values.shape}"
        )
    outside = unique[(unique < 0) | (unique >= n_rows)]
    if len(outside):
        raise InputError(f"`label_issues` has row {outside[0]}, but there are {n_rows} rows")
    mask = np.zeros(n_rows, dtype=np.bool_)
    mask[rows] = True
    return mask
