"""Out-of-sample probabilities of classes of which a row may have several."""

import warnings
from typing import Any

import numpy as np

from datalab._check import probabilities
from datalab._data.encoded import Encoded
from datalab._models.folds import Folds, plan_folds
from datalab._models.given_model import as_estimator, model_name
from datalab._models.portfolio import Fitted
from datalab._models.sets import (
    cross_val_set_probs,
    held_out_set_probs,
    membership,
    strata_of_sets,
)
from datalab._typing import BoolArray, FloatArray, IndexArray
from datalab.artefacts import Made
from datalab.exceptions import NotApplicable
from datalab.neighbors.graph import KNNGraph

__all__ = ["FOLDS", "planned_sets", "sets_by_model", "sets_by_portfolio", "told"]

FOLDS = 5


def told(folds: Folds) -> str:
    """How rows were held out, in words."""
    how = f" ({folds.note})" if folds.note else ""
    return f"{len(folds.pairs)}-fold cross-validation{how}"


def planned_sets(
    labels: list[list[int]],
    class_names: tuple[Any, ...] | None,
    groups: IndexArray | None,
    time: FloatArray | None,
    graph: KNNGraph | None,
    seed: int,
) -> tuple[BoolArray, Folds]:
    """Which classes each row has, and folds."""
    n_classes = len(class_names or ())
    if len(labels) < FOLDS or not n_classes:
        raise NotApplicable(
            f"needs pred_probs, or at least {FOLDS} rows to make them: give pred_probs="
        )
    held = membership(labels, n_classes)
    strata = strata_of_sets(held)
    return held, plan_folds(strata, FOLDS, seed=seed, groups=groups, time=time, graph=graph)


def sets_by_portfolio(
    encoded: Encoded,
    held: BoolArray,
    folds: Folds,
    graph: KNNGraph | None,
    seed: int,
    progress: bool,
) -> Made:
    """Probabilities of the models that suit the data."""
    fitted = held_out_set_probs(encoded, held, folds, graph=graph, seed=seed, progress=progress)
    used = [m for m in fitted.members if m["weight"] >= 0.01] or fitted.members
    named = ", ".join(f"{m['model']} {m['weight']:.2f}" for m in used)
    return _made(fitted, held, folds, f"{named} (weights by held-out likelihood)")


def sets_by_model(X: Any, held: BoolArray, model: Any, folds: Folds, seed: int) -> Made:
    """Probabilities of the user's own model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        probs = cross_val_set_probs(X, held, as_estimator(model), folds, seed)
    fitted = Fitted(probs, [{"model": model_name(model), "setting": "", "weight": 1.0}])
    return _made(fitted, held, folds, model_name(model))


def _made(fitted: Fitted, held: BoolArray, folds: Folds, named: str) -> Made:
    """The probabilities, unless they say no more than the shares of the classes."""
    share = held.mean(axis=0)
    blind = np.abs(held - share).mean()
    loss = np.abs(held - fitted.pred_probs).mean()
    if loss >= blind:
        raise NotApplicable(
            "a model of the features predicts the classes no better than their shares, so it "
            "cannot judge them: give pred_probs= or better features="
        )
    agreement = float(((fitted.pred_probs > 0.5) == held).mean())
    note = f"{told(folds)} of {named}, {agreement:.0%} of the memberships agree"
    details = {"models": fitted.members, "folds": len(folds.pairs), "how": folds.note}
    return Made(probabilities(fitted.pred_probs), note, details=details)
