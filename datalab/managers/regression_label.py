"""Numeric labels that are probably wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from datalab._check import choice, keywords, numeric_labels, unit_number, warn, whole_number
from datalab._core.regression import SCORES
from datalab._models.regression import COARSE, Refits, find_noisy_targets
from datalab._typing import BoolArray, FloatArray
from datalab.exceptions import InputError, NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind

__all__ = ["RegressionLabel"]

# What stands in `clean_learning_kwargs`, and its defaults; without a seed no two audits agree.
MODEL_OPTIONS: Mapping[str, Any] = {
    "model": None,
    "cv_n_folds": 5,
    "n_boot": 5,
    "include_aleatoric_uncertainty": True,
    "verbose": False,
    "seed": 0,
}
MIN_ROWS = 5
# Up to so many rows all of them are compared with each other, beyond that with a sample.
ALL_PAIRS, SAMPLE = 40_000, 20_000


@dataclass(frozen=True)
class RegressionLabel:
    """Numeric labels far from what a model predicts.

    With predictions (given as ``pred_probs``, or made from features by cross-validation), a label
    is flagged when its quality is below `threshold` times the median quality. With features under
    reference rules, a model is trained again and again without the worst residuals, and as many
    labels are flagged as are best left out.

    Parameters
    ----------
    clean_learning_kwargs : mapping, optional
        Parameters of `datalab.regression.learn.CleanLearning`, used without predictions; by
        default linear regression and seed 0. To have predictions made by another model, pass
        ``model=`` to ``find_issues``.
    threshold : float
        At least 0, used with predictions.
    method : {"outre", "residual"}
        Score of `datalab.regression.rank.get_label_quality_scores`, used with predictions.
    uncertainty, coarse_search_range, fine_search_size, model_kwargs
        As in `datalab.regression.learn.CleanLearning.find_label_issues`, used without predictions.
    save_space : bool
        Accepted for those who come from cleanlab.

    Notes
    -----
    With features about ``cv_n_folds * 14 + 2 * n_boot`` fits of the model. ``"outre"`` compares
    all pairs of up to 40 000 rows, and all rows with a random sample of 20 000 beyond that.

    References
    ----------
    H. Zhou, J. Mueller, M. Kumar, J. Wang, J. Lei: Detecting errors in numerical data via any
    regression model, ICML DataPerf workshop 2023.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.arange(30.0)
    >>> predictions = labels + 0.1 * np.sin(labels)
    >>> labels[7] = 60
    >>> found = RegressionLabel().find_issues(labels, predictions)
    >>> np.flatnonzero(found.is_issue).tolist()
    [7]
    """

    clean_learning_kwargs: Mapping[str, Any] = field(default_factory=dict)
    threshold: float = 0.05
    method: str = "outre"
    uncertainty: Any = None
    coarse_search_range: Sequence[float] = COARSE
    fine_search_size: int = 3
    save_space: bool = False
    model_kwargs: Mapping[str, Any] | None = None

    name: ClassVar[str] = "label"
    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    any_of: ClassVar[tuple[str, ...]] = ("predictions", "features")
    description: ClassVar[str] = "Numbers far from what a model predicts for them."
    advice: ClassVar[str] = "Look at the worst ones first; correct the number or drop the row."
    produces: ClassVar[dict[str, Kind]] = {
        "given_label": "number",
        "predicted_label": "number",
        "times_typical_error": "number",
    }
    # What the reference does not have.
    extras: ClassVar[tuple[str, ...]] = ("times_typical_error",)

    def __post_init__(self) -> None:
        """Check the options."""
        choice(self.method, SCORES, name="method")
        whole_number(self.fine_search_size, name="fine_search_size", least=0)
        for fraction in self.coarse_search_range:
            unit_number(fraction, name="coarse_search_range")
        threshold: Any = self.threshold
        if isinstance(threshold, str) or not threshold >= 0:
            raise InputError(f"`threshold` must be a number >= 0, got {threshold!r}")
        options = self._options()
        whole_number(options["cv_n_folds"], name="cv_n_folds", least=2)
        whole_number(options["n_boot"], name="n_boot", least=0)

    def _options(self) -> dict[str, Any]:
        given = keywords(self.clean_learning_kwargs, MODEL_OPTIONS, name="clean_learning_kwargs")
        return {**MODEL_OPTIONS, **given}

    def find_issues(
        self,
        labels: FloatArray,
        predictions: FloatArray | None = None,
        features: FloatArray | None = None,
    ) -> Findings:
        """Flag and score labels."""
        if len(labels) < MIN_ROWS:
            raise NotApplicable(
                f"needs at least {MIN_ROWS} rows to tell a wrong number, found {len(labels)}"
            )
        target = labels.astype(np.float64)
        if predictions is not None:
            self._tell_unused()
            predicted: FloatArray = predictions.astype(np.float64)
            is_issue, score = self._by_predictions(target, predicted)
        elif features is not None:
            is_issue, score, predicted = self._by_model(target, features)
        else:
            raise NotApplicable("needs predictions or features: give pred_probs= or features=")
        error = np.abs(predicted - target)
        return Findings(
            self.name,
            is_issue=is_issue,
            score=score,
            columns={
                "given_label": target,
                "predicted_label": predicted,
                "times_typical_error": _times_typical(error),
            },
            info={
                "num_label_issues": int(is_issue.sum()),
                "average_label_quality": float(score.mean()),
                "given_label": target,
                "predicted_label": predicted,
            },
        )

    def _tell_unused(self) -> None:
        """Warn of options that only say how a model is trained here."""
        defaults = type(self)()
        unused = [
            one.name
            for one in fields(self)
            if one.name not in ("threshold", "method", "save_space")
            and getattr(self, one.name) is not getattr(defaults, one.name)
            and getattr(self, one.name) != getattr(defaults, one.name)
        ]
        if unused:
            warn(
                f"label: {', '.join(unused)} are not used, as there are predictions; pass model= "
                "to find_issues, or use rules='reference' with features only"
            )

    def _by_predictions(
        self, target: FloatArray, predicted: FloatArray
    ) -> tuple[BoolArray, FloatArray]:
        n_rows = len(target)
        among = None
        if n_rows > ALL_PAIRS:
            among = np.random.default_rng(0).choice(n_rows, SAMPLE, replace=False)
        score = SCORES[self.method](target, predicted, among)
        return score < self.threshold * np.median(score), score

    def _by_model(
        self, target: FloatArray, features: FloatArray
    ) -> tuple[BoolArray, FloatArray, FloatArray]:
        from sklearn.linear_model import LinearRegression

        options = self._options()
        if len(target) < options["cv_n_folds"]:
            raise NotApplicable(
                f"needs at least {options['cv_n_folds']} rows, one for each fold, found "
                f"{len(target)}"
            )
        refits = Refits(
            LinearRegression() if options["model"] is None else options["model"],
            features,
            n_folds=options["cv_n_folds"],
            stream=np.random.RandomState(options["seed"]),
            seeded=options["seed"] is not None,
            fit_kwargs=self.model_kwargs or {},
        )
        found = find_noisy_targets(
            refits,
            target,
            n_boot=options["n_boot"],
            aleatoric=options["include_aleatoric_uncertainty"],
            uncertainty=self._uncertainty(len(target)),
            coarse=self.coarse_search_range,
            fine=self.fine_search_size,
        )
        return found.is_issue, found.quality, found.predictions

    def _uncertainty(self, n_rows: int) -> FloatArray | float | None:
        if self.uncertainty is None or np.ndim(self.uncertainty) == 0:
            return None if self.uncertainty is None else float(self.uncertainty)
        values = numeric_labels(self.uncertainty, name="uncertainty")
        if len(values) != n_rows:
            raise InputError(
                f"`uncertainty` has {len(values)} rows but {n_rows} have labels and features; "
                "give one number for each of them, or one for all"
            )
        return values.astype(np.float64)

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        told = f"labelled {row['given_label']:.4g}, but the model predicts"
        told = f"{told} {row['predicted_label']:.4g}"
        if not np.isfinite(row.get("times_typical_error", np.nan)):
            return told
        return f"{told}: {row['times_typical_error']:.3g} times the usual error"


def _times_typical(error: FloatArray) -> FloatArray:
    """Errors in units of the median error; NaN when that is 0."""
    usual = float(np.median(error))
    times: FloatArray = error / usual if usual > 0 else np.full(len(error), np.nan)
    return times
