"""Which numeric labels are wrong: refit the model without the worst residuals.

Zhou, Mueller, Kumar, Wang, Lei: Detecting errors in numerical data via any regression model,
ICML DataPerf workshop 2023.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from datalab._core.regression import finer, num_worst, residual_quality
from datalab._models.fitting import fresh_copy, take_rows
from datalab._typing import BoolArray, FloatArray, IndexArray

__all__ = ["COARSE", "NoisyTargets", "Refits", "find_noisy_targets"]

logger = logging.getLogger("datalab")

# Fractions of the data that may be wrong, searched first.
COARSE = (0.01, 0.05, 0.1, 0.15, 0.2)


@dataclass(frozen=True)
class Refits:
    """A regression model and the rows it is refitted on, again and again.

    Parameters
    ----------
    model : regressor
        Anything with ``fit`` and ``predict`` that scikit-learn can clone; it stays unfitted.
    X : array-like, DataFrame, sparse matrix, list, … of N examples
    n_folds : int
        Folds of cross-validation.
    stream : RandomState
        Shuffles the folds.
    seeded : bool
        Whether random states that `model` leaves open draw from `stream` as well.
    fit_kwargs : mapping
        Extra arguments of ``model.fit``.
    """

    model: Any
    X: Any
    n_folds: int
    stream: np.random.RandomState
    seeded: bool = False
    fit_kwargs: Mapping[str, Any] = field(default_factory=dict)

    def trained(self, rows: IndexArray, target: FloatArray, **fit_kwargs: Any) -> Any:
        """A copy of the model fitted on some rows."""
        model = fresh_copy(self.model, self.stream if self.seeded else None)
        model.fit(take_rows(self.X, rows), target[rows], **{**self.fit_kwargs, **fit_kwargs})
        return model

    def predicted(self, model: Any, rows: IndexArray) -> FloatArray:
        """What a fitted copy predicts for some rows."""
        prediction: FloatArray = np.asarray(model.predict(take_rows(self.X, rows)))
        return prediction.reshape(len(rows))

    def folds(self, rows: IndexArray, n_folds: int) -> Iterator[tuple[IndexArray, IndexArray]]:
        """Rows to train on and rows held out, shuffled."""
        from sklearn.model_selection import KFold  # noqa: PLC0415

        splits = KFold(n_folds, shuffle=True, random_state=self.stream).split(rows)
        return ((rows[train], rows[held_out]) for train, held_out in splits)

    def held_out(
        self, target: FloatArray, order: IndexArray | None = None, n_left_out: int = 0
    ) -> FloatArray:
        """Out-of-sample predictions for all rows, shape (N,).

        The last `n_left_out` rows of `order` are never trained on: they get the mean of what the
        models of all folds predict.
        """
        order = np.arange(len(target)) if order is None else order
        kept, left_out = np.split(order, [len(order) - n_left_out])
        predictions = np.empty(len(target))
        of_left_out = []
        for train, held_out in self.folds(kept, self.n_folds):
            model = self.trained(train, target)
            predictions[held_out] = self.predicted(model, held_out)
            if n_left_out:
                of_left_out.append(self.predicted(model, left_out))
        if n_left_out:
            predictions[left_out] = np.mean(of_left_out, axis=0)
        return predictions

    def epistemic_uncertainty(
        self, target: FloatArray, n_boot: int, predictions: FloatArray | None = None
    ) -> FloatArray:
        """Standard deviation of predictions over `n_boot` refits on halves of the data, (N,).

        `predictions` are counted as one more refit; without any refit it is 0.
        """
        if n_boot == 0:
            return np.zeros(len(target))
        runs = [] if predictions is None else [predictions]
        for _ in range(n_boot):
            run = np.empty(len(target))
            for train, held_out in self.folds(np.arange(len(target)), 2):
                run[held_out] = self.predicted(self.trained(train, target), held_out)
            runs.append(run)
        deviation: FloatArray = np.sqrt(np.var(runs, axis=0))
        return deviation

    def aleatoric_uncertainty(self, residual: FloatArray) -> float:
        """Standard deviation of the part of the residuals that the model can predict."""
        return float(np.sqrt(np.var(self.held_out(residual))))


class NoisyTargets(NamedTuple):
    """What `find_noisy_targets` found."""

    is_issue: BoolArray
    quality: FloatArray
    predictions: FloatArray
    fraction: float


def find_noisy_targets(
    refits: Refits,
    target: FloatArray,
    *,
    n_boot: int,
    aleatoric: bool,
    uncertainty: FloatArray | float | None = None,
    coarse: Sequence[float] = COARSE,
    fine: int = 3,
) -> NoisyTargets:
    """Flag and score numeric labels.

    Parameters
    ----------
    refits : Refits
        The model and its data.
    target : ndarray of shape (N,)
        Given labels.
    n_boot, aleatoric
        How uncertainty is measured when it is not given: refits on halves of the data, and whether
        the predictable part of the residuals counts as well.
    uncertainty : ndarray of shape (N,) or float, optional
        Uncertainty of the predictions, in units of the target.
    coarse : sequence of float
        Fractions of the data to leave out, in [0, 1].
    fine : int
        Number of fractions tried between the best one and each of its neighbours.

    Returns
    -------
    NoisyTargets
        Flags, scores and out-of-sample predictions of shape (N,), and the fraction flagged.

    Notes
    -----
    About ``n_folds * (len(coarse) + 2 * fine + 3) + 2 * n_boot`` fits.
    """
    order, fraction = _fraction_to_leave_out(refits, target, sorted(set(coarse)), fine)
    worst = num_worst(fraction, len(target))
    predictions = refits.held_out(target, order, worst)
    residuals = predictions - target
    if uncertainty is None:
        uncertainty = refits.epistemic_uncertainty(target, n_boot, predictions)
        if aleatoric:
            uncertainty = uncertainty + refits.aleatoric_uncertainty(residuals)
    quality = residual_quality(residuals, uncertainty)
    is_issue = np.zeros(len(target), dtype=np.bool_)
    is_issue[np.argsort(quality, kind="stable")[:worst]] = True
    return NoisyTargets(is_issue, quality, predictions, fraction)


def _fraction_to_leave_out(
    refits: Refits, target: FloatArray, coarse: list[float], steps: int
) -> tuple[IndexArray, float]:
    """Rows by rising residual, and the fraction of worst ones to leave out of training.

    The fraction is the one with the best R² over all rows, 0 if none is better than that.
    """
    from sklearn.metrics import r2_score  # noqa: PLC0415

    predictions = refits.held_out(target)
    r2_of_all = r2_score(target, predictions)
    # Equal residuals in the order of numpy's default argsort, as in the reference.
    order = np.argsort(np.abs(predictions - target))
    r2: dict[float, float] = {}

    def search(fractions: list[float]) -> None:
        for fraction in fractions:
            worst = num_worst(fraction, len(target))
            if len(target) - worst >= refits.n_folds:
                r2[fraction] = r2_score(target, refits.held_out(target, order, worst))

    search(coarse)
    if r2:
        search(finer(coarse, max(r2, key=r2.__getitem__), steps))
    best = max(r2, key=r2.__getitem__, default=0.0)
    logger.debug("R² %s with all rows, %s by fraction left out", r2_of_all, r2)
    return order, best if r2 and r2[best] > r2_of_all else 0.0
