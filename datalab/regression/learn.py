"""Train any regression model on the examples whose label can be trusted."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin

from datalab import _check
from datalab._models.clean_learning import CleanLearner, also_known_as, issues_table, paired
from datalab._models.fitting import count_rows, fresh_copy, take_rows
from datalab._models.regression import COARSE, Refits, find_noisy_targets
from datalab._typing import FloatArray
from datalab.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CleanLearning"]


class CleanLearning(CleanLearner, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Train any regression model on the examples whose label can be trusted.

    Parameters
    ----------
    model : regressor, optional
        Anything with ``fit`` and ``predict`` that scikit-learn can clone; by default
        ``LinearRegression()``. It is copied, never fitted itself.
    cv_n_folds : int, default=5
        Folds of cross-validation, at least 2.
    n_boot : int, default=5
        Number of refits on halves of the data that measure the uncertainty of predictions; 0 takes
        it as constant.
    include_aleatoric_uncertainty : bool, default=True
        Whether the part of the residuals that can be predicted counts as uncertainty too.
    verbose : bool, default=False
        Log what is done, at INFO.
    seed : int, optional
        Seed of the folds, and of random states that `model` leaves open.

    Attributes
    ----------
    label_issues_ : DataFrame
        Result of `find_label_issues`, also known as ``label_issues_df``; its column
        ``is_label_issue`` is ``label_issues_mask``.
    k_ : float
        Fraction of the examples that was left out, also known as ``k``; not there when the issues
        were given.
    model_ : regressor
        The model fitted on what is left; ``model`` shows it as well once it is fitted.

    Notes
    -----
    `find_label_issues` fits about ``cv_n_folds * 14 + 2 * n_boot`` copies of the model, `fit` one
    more.

    References
    ----------
    Zhou, Mueller, Kumar, Wang, Lei: Detecting errors in numerical data via any regression model,
    ICML DataPerf workshop 2023.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(40.0).reshape(-1, 1)
    >>> y = 2 * X[:, 0] + np.sin(X[:, 0])
    >>> y[7] = 300
    >>> cl = CleanLearning(seed=0).fit(X, y)
    >>> int(cl.get_label_issues()["label_quality"].argmin())
    7
    >>> bool(abs(cl.predict([[100.0]])[0] - 200) < 2)
    True
    """

    _model_name = "model"
    _methods = ("fit", "predict")
    _found = ("label_issues_", "k_")
    k = also_known_as("k_")

    def __init__(
        self,
        model: Any = None,
        *,
        cv_n_folds: int = 5,
        n_boot: int = 5,
        include_aleatoric_uncertainty: bool = True,
        verbose: bool = False,
        seed: int | None = None,
    ) -> None:
        self.model = model
        self.cv_n_folds = cv_n_folds
        self.n_boot = n_boot
        self.include_aleatoric_uncertainty = include_aleatoric_uncertainty
        self.verbose = verbose
        self.seed = seed
        self._check_parameters()

    @property
    def model(self) -> Any:
        """The model in use: the fitted copy, once there is one."""
        return self._model_in_use()

    @model.setter
    def model(self, model: Any) -> None:
        self._set_model(model)

    def _default_model(self) -> Any:
        from sklearn.linear_model import LinearRegression

        return LinearRegression()

    def _default_score(self, y: ArrayLike, predicted: Any, **weights: Any) -> float:
        from sklearn.metrics import r2_score

        return float(r2_score(y, predicted, **weights))

    def _check_parameters(self) -> None:
        """The contract wants wrong arguments refused at once; `set_params` can bring new ones."""
        _check.whole_number(self.cv_n_folds, name="cv_n_folds", least=2)
        _check.whole_number(self.n_boot, name="n_boot", least=0)
        self._require_methods()

    def find_label_issues(
        self,
        X: Any,
        y: ArrayLike,
        *,
        uncertainty: ArrayLike | float | None = None,
        coarse_search_range: Sequence[float] | None = None,
        fine_search_size: int = 3,
        save_space: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
    ) -> "pd.DataFrame":
        """Find the examples whose numeric label is probably wrong.

        The fraction k of worst residuals is chosen whose removal from training gives the best
        R² of out-of-sample predictions (0 when none helps). Residuals in units of their
        uncertainty are the score; the worst fraction k is flagged.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, list, … of N examples
            What the model is fitted on.
        y : array-like of shape (N,)
            Given labels, finite numbers.
        uncertainty : float or array-like of shape (N,), optional
            Uncertainty of the predictions in units of `y`; by default measured by refits.
        coarse_search_range : sequence of float, optional
            Fractions in [0, 1] to try first, by default 0.01, 0.05, 0.1, 0.15, 0.2. Those that
            leave fewer examples than folds are passed over.
        fine_search_size : int, default=3
            Number of fractions tried between the best one and each of its neighbours.
        save_space : bool, default=False
            Do not keep the result in `label_issues_df`.
        model_kwargs : mapping, optional
            Extra arguments of ``model.fit``.

        Returns
        -------
        DataFrame
            One row per example: ``is_label_issue`` (bool), ``label_quality`` (float in [0, 1], low
            means wrong), ``given_label``, ``predicted_label`` (out-of-sample).

        Raises
        ------
        InputError
            Wrong values or lengths, fewer examples than folds, a model that cannot be cloned.
        InputTypeError
            `X` cannot be cut into rows.
        """
        stream = np.random.RandomState(self._checked_seed())
        issues = self._find_label_issues(
            X,
            y,
            stream,
            uncertainty=uncertainty,
            coarse_search_range=coarse_search_range,
            fine_search_size=fine_search_size,
            model_kwargs=model_kwargs,
        )
        if save_space:
            self.save_space()
        else:
            self.label_issues_ = issues
        return issues

    def _find_label_issues(
        self,
        X: Any,
        y: ArrayLike,
        stream: np.random.RandomState,
        *,
        uncertainty: ArrayLike | float | None = None,
        coarse_search_range: Sequence[float] | None = None,
        fine_search_size: int = 3,
        model_kwargs: Mapping[str, Any] | None = None,
    ) -> "pd.DataFrame":
        import pandas as pd

        self._check_parameters()
        target = self._target_of(X, y)
        self._given_weights(None, len(target), model_kwargs)
        fractions = COARSE if coarse_search_range is None else _fractions(coarse_search_range)
        if len(target) < self.cv_n_folds:
            raise InputError(
                f"cv_n_folds={self.cv_n_folds} needs at least as many examples, got n_samples="
                f"{len(target)}; choose fewer folds"
            )
        found = find_noisy_targets(
            self._refits(X, stream, model_kwargs),
            target,
            n_boot=self.n_boot,
            aleatoric=self.include_aleatoric_uncertainty,
            uncertainty=_uncertainty(uncertainty, len(target)),
            coarse=fractions,
            fine=_check.whole_number(fine_search_size, name="fine_search_size", least=0),
        )
        self.k_ = found.fraction
        self._log(
            "%d label issues: the model does best without %.3g of the examples",
            found.is_issue.sum(),
            found.fraction,
        )
        return pd.DataFrame(
            {
                "is_label_issue": found.is_issue,
                "label_quality": found.quality,
                "given_label": target,
                "predicted_label": found.predictions,
            }
        )

    def _target_of(self, X: Any, y: ArrayLike) -> FloatArray:
        """`y` as numbers, one per row of `X`."""
        if y is None:
            raise InputError("CleanLearning requires y to be passed, but the target y is None")
        target = _check.numeric_labels(y, name="y")
        paired(X, len(target))
        return target

    def _refits(
        self,
        X: Any,
        stream: np.random.RandomState,
        model_kwargs: Mapping[str, Any] | None = None,
    ) -> Refits:
        return Refits(
            self._given_model(),
            X,
            n_folds=self.cv_n_folds,
            stream=stream,
            seeded=self.seed is not None,
            fit_kwargs=model_kwargs or {},
        )

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        *,
        label_issues: Any = None,
        sample_weight: ArrayLike | None = None,
        find_label_issues_kwargs: Mapping[str, Any] | None = None,
        model_kwargs: Mapping[str, Any] | None = None,
        model_final_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Find label issues, and train the model on the other examples.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, list, … of N examples
            What the model is fitted on.
        y : array-like of shape (N,)
            Given labels, finite numbers.
        label_issues : DataFrame, Series or array-like of bool, optional
            Known issues: the result of `find_label_issues`, or a mask. By default they are found.
        sample_weight : array-like of shape (N,), optional
            Weights for the last fit.
        find_label_issues_kwargs : mapping, optional
            Arguments of `find_label_issues`.
        model_kwargs : mapping, optional
            Extra arguments of every ``model.fit``.
        model_final_kwargs : mapping, optional
            Extra arguments of the last one.

        Returns
        -------
        CleanLearning
            Itself.

        Raises
        ------
        InputError
            Wrong values or lengths, or a model that does not take `sample_weight`.
        InputTypeError
            `X` cannot be cut into rows, or an unknown argument in `find_label_issues_kwargs`.
        """
        options = _check.keywords(
            find_label_issues_kwargs,
            ("uncertainty", "coarse_search_range", "fine_search_size", "save_space"),
            name="find_label_issues_kwargs",
        )
        self._check_parameters()
        target = self._target_of(X, y)
        weights = self._given_weights(sample_weight, len(target), model_kwargs, model_final_kwargs)
        stream = np.random.RandomState(self._checked_seed())
        if label_issues is None:
            options.pop("save_space", None)
            issues = self._find_label_issues(
                X, target, stream, model_kwargs=model_kwargs, **options
            )
        else:
            self.save_space()
            issues = issues_table(label_issues, target, row_numbers=False)
            if "given_label" not in issues:
                issues["given_label"] = target
        self.label_issues_ = issues
        kept = np.flatnonzero(~issues["is_label_issue"].to_numpy())
        if not len(kept):
            raise InputError("`label_issues` flags every example: none is left to train on")
        model = fresh_copy(self._given_model(), stream if self.seed is not None else None)
        extra = {**(model_kwargs or {}), **(model_final_kwargs or {})}
        if weights is not None:
            extra["sample_weight"] = weights[kept]
        self._log("fitting %s on %d examples", type(model).__name__, len(kept))
        self.model_ = model.fit(take_rows(X, kept), target[kept], **extra)
        return self

    def get_epistemic_uncertainty(
        self, X: Any, y: ArrayLike, predictions: ArrayLike | None = None
    ) -> FloatArray:
        """How much predictions depend on the sample: their spread over refits on halves of it.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, list, … of N examples
            What the model is fitted on.
        y : array-like of shape (N,)
            Given labels.
        predictions : array-like of shape (N,), optional
            Out-of-sample predictions that count as one more refit.

        Returns
        -------
        ndarray of shape (N,)
            Standard deviation over `n_boot` refits; 0 for ``n_boot=0``.
        """
        target = self._target_of(X, y)
        known = None
        if predictions is not None:
            known = _check.numeric_labels(predictions, name="predictions")
            _check.same_length(y=target, predictions=known)
        refits = self._refits(X, np.random.RandomState(self._checked_seed()))
        return refits.epistemic_uncertainty(target, self.n_boot, known)

    def get_aleatoric_uncertainty(self, X: Any, residual: ArrayLike) -> float:
        """Spread of the part of the residuals that the model can predict from `X`.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, list, … of N examples
            What the model is fitted on.
        residual : array-like of shape (N,)
            Prediction minus label of each example.

        Returns
        -------
        float
            Standard deviation of out-of-sample predictions of the residuals.
        """
        residuals = _check.numeric_labels(residual, name="residual")
        _check.same_length(X=range(count_rows(X)), residual=residuals)
        refits = self._refits(X, np.random.RandomState(self._checked_seed()))
        return refits.aleatoric_uncertainty(residuals)


def _fractions(values: Sequence[float]) -> list[float]:
    fractions = _check.numeric_labels(values, name="coarse_search_range").tolist()
    return [_check.unit_number(fraction, name="coarse_search_range") for fraction in fractions]


def _uncertainty(uncertainty: ArrayLike | float | None, n_rows: int) -> FloatArray | float | None:
    if uncertainty is None:
        return None
    values = np.asarray(uncertainty)
    if values.shape not in ((), (n_rows,)) or values.dtype.kind not in "iuf":
        raise InputError(
            f"`uncertainty` must be a number or have shape ({n_rows},), got {values.dtype} of "
            f"shape {values.shape}"
        )
    if not ((values >= 0) & np.isfinite(values)).all():
        raise InputError("`uncertainty` must be finite and not negative, in units of y")
    return values.astype(np.float64)
