"""Out-of-sample predictions of numbers, made from the columns of the data or from features."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from datalab._data.encoded import Encoded, as_encoded
from datalab._data.table import Table
from datalab._models.folds import Folds
from datalab._models.members import Done, Fitted
from datalab._models.regressors import cross_val_predictions, held_out_predictions, strata_of
from datalab._typing import FloatArray, IndexArray
from datalab.artefacts import Made, recipe
from datalab.exceptions import NotApplicable
from datalab.neighbors.graph import KNNGraph
from datalab.recipes.held_out import FOLDS, Order, details, held_out

__all__: list[str] = []


@dataclass(frozen=True)
class Numbers:
    """Labels that are numbers, shape (N,)."""

    values: FloatArray
    n_folds: int = FOLDS

    @property
    def strata(self) -> IndexArray:
        """Tenths of the numbers, where each tenth has a row for every fold."""
        if len(self.values) < 10 * FOLDS:
            return np.zeros(len(self.values), dtype=np.intp)
        return strata_of(self.values)

    def by_portfolio(self, encoded: Encoded, folds: Folds, order: Order) -> Fitted:
        """Predictions of the models that suit the data, put together."""
        return held_out_predictions(
            encoded,
            self.values,
            folds,
            seed=order.seed,
            progress=order.progress,
            done=order.done,
        )

    def by_model(
        self, X: Any, model: Any, folds: Folds, seed: int, on_fold: Callable[[], None]
    ) -> FloatArray:
        """Predictions of one model."""
        return cross_val_predictions(X, self.values, model, folds, seed, on_fold)

    def judged(self, fitted: Fitted, folds: Folds, note: str) -> Made:
        """The predictions, with their error."""
        error = float(np.median(np.abs(fitted.value - self.values)))
        note += f", median error {error:.3g}"
        if fitted.sampled:
            note += "; each model is fitted on 50,000 rows drawn at random, every row is predicted"
        return Made(fitted.value, note, details=details(fitted, folds))


def numbers_of(labels: Any) -> Numbers:
    """The labels as a target; not applicable to other kinds of labels or to very few rows."""
    if not isinstance(labels, np.ndarray) or labels.dtype.kind != "f":
        raise NotApplicable("needs predictions: give pred_probs=")
    if len(labels) < FOLDS:
        raise NotApplicable(f"needs at least {FOLDS} rows to predict labels, found {len(labels)}")
    if labels.min() == labels.max():
        raise NotApplicable(f"needs labels that differ, but all of them are {labels[0]:g}")
    return Numbers(labels)


@recipe("predictions", rules=("datalab",), held=("features",))
def predictions_of_features(
    features: FloatArray,
    labels: FloatArray,
    knn_graph: KNNGraph | None = None,
    groups: IndexArray | None = None,
    time: FloatArray | None = None,
    *,
    model: Any,
    random_state: int,
    progress: bool,
    begun: Done,
) -> Made:
    """Out-of-sample predictions from the features that the user gave."""
    order = Order(model, random_state, progress, groups, time, knn_graph, begun)
    return held_out(numbers_of(labels), order, as_encoded(features), given=features)


@recipe("predictions", rules=("datalab",))
def predictions_of_columns(
    encoded: Encoded,
    labels: FloatArray,
    table: Table | None = None,
    knn_graph: KNNGraph | None = None,
    groups: IndexArray | None = None,
    time: FloatArray | None = None,
    *,
    model: Any,
    random_state: int,
    progress: bool,
    begun: Done,
) -> Made:
    """Out-of-sample predictions from all columns of the data."""
    order = Order(model, random_state, progress, groups, time, knn_graph, begun)
    return held_out(numbers_of(labels), order, encoded, table)
