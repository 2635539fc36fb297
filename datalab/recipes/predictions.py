"""Out-of-sample predictions of numbers, made from the columns of the data or from features."""

import warnings
from typing import Any

import numpy as np

from datalab._data.encoded import Encoded, as_encoded
from datalab._data.table import Table
from datalab._models.folds import Folds, plan_folds
from datalab._models.given_model import as_estimator, model_name, rows_for
from datalab._models.regressors import (
    Predicted,
    cross_val_predictions,
    held_out_predictions,
    strata_of,
)
from datalab._typing import FloatArray, IndexArray
from datalab.artefacts import Made, recipe
from datalab.exceptions import NotApplicable
from datalab.neighbors.graph import KNNGraph

__all__: list[str] = []

FOLDS = 5


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
) -> Made:
    """Out-of-sample predictions from the features that the user gave."""
    folds = _folds(labels, groups, time, knn_graph, random_state)
    if model is not None:
        return _by_model(features, labels, model, folds, random_state)
    return _by_portfolio(as_encoded(features), labels, folds, random_state, progress)


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
) -> Made:
    """Out-of-sample predictions from all columns of the data."""
    folds = _folds(labels, groups, time, knn_graph, random_state)
    if model is not None:
        X = rows_for(model, table, encoded)
        return _by_model(X, labels, model, folds, random_state)
    return _by_portfolio(encoded, labels, folds, random_state, progress)


def _folds(
    labels: FloatArray,
    groups: IndexArray | None,
    time: FloatArray | None,
    graph: KNNGraph | None,
    seed: int,
) -> Folds:
    if not isinstance(labels, np.ndarray) or labels.dtype.kind != "f":
        raise NotApplicable("needs predictions: give pred_probs=")
    if len(labels) < FOLDS:
        raise NotApplicable(f"needs at least {FOLDS} rows to predict labels, found {len(labels)}")
    return plan_folds(strata_of(labels), FOLDS, seed=seed, groups=groups, time=time, graph=graph)


def _by_portfolio(
    encoded: Encoded, labels: FloatArray, folds: Folds, seed: int, progress: bool
) -> Made:
    found = held_out_predictions(encoded, labels, folds, seed=seed, progress=progress)
    used = [m for m in found.members if m["weight"] >= 0.01]
    named = ", ".join(f"{m['model']} {m['weight']:.2f}" for m in used)
    return _made(found, labels, folds, f"{named} (shares by held-out error)")


def _by_model(X: Any, labels: FloatArray, model: Any, folds: Folds, seed: int) -> Made:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = cross_val_predictions(X, labels, as_estimator(model), folds, seed)
    about = {"model": model_name(model), "setting": "", "weight": 1.0}
    return _made(Predicted(said, [about]), labels, folds, model_name(model))


def _made(found: Predicted, labels: FloatArray, folds: Folds, named: str) -> Made:
    error = float(np.median(np.abs(found.predictions - labels)))
    how = f" ({folds.note})" if folds.note else ""
    note = f"{len(folds.pairs)}-fold cross-validation{how} of {named}, median error {error:.3g}"
    if found.sampled:
        note += "; each model is fitted on 50,000 rows drawn at random, every row is predicted"
    details = {"models": found.members, "folds": len(folds.pairs), "how": folds.note}
    return Made(found.predictions, note, details=details)
