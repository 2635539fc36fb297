"""Predictions of rows by models that were not trained on them: one way for all kinds of labels.

What is to be predicted is a `Target` (classes, sets of classes, numbers); who predicts it, and what
must not stand on both sides of a fold, is an `Order`.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from datalab._data.encoded import Encoded
from datalab._data.table import Table
from datalab._models.folds import Folds, plan_folds
from datalab._models.given_model import as_estimator, model_name, rows_for
from datalab._models.members import Done, Fitted
from datalab._typing import FloatArray, IndexArray
from datalab.artefacts import Made
from datalab.neighbors.graph import KNNGraph

__all__ = ["FOLDS", "Order", "Target", "details", "held_out", "told"]

FOLDS = 5
# So many models are named in a note, those that count most; those of next to no weight are not.
NAMED, NO_WEIGHT = 4, 0.01


@dataclass(frozen=True)
class Order:
    """Who predicts, and which rows are kept together.

    Parameters
    ----------
    model : estimator or callable, optional
        The user's own; by default the portfolio that suits the data.
    seed : int
    progress : bool
    groups, time, graph
        See `datalab._models.folds.plan_folds`.
    done : dict
        See `datalab._models.members.fit_each`.
    """

    model: Any
    seed: int
    progress: bool
    groups: IndexArray | None = None
    time: FloatArray | None = None
    graph: KNNGraph | None = None
    done: Done = field(default_factory=dict)


class Target(Protocol):
    """What is to be predicted."""

    @property
    def strata(self) -> IndexArray:
        """Classes (or the like) that every fold shall have its share of, shape (N,)."""

    @property
    def n_folds(self) -> int:
        """How many folds there can be."""

    def by_portfolio(self, encoded: Encoded, folds: Folds, order: Order) -> Fitted:
        """What the models that suit the data say."""

    def by_model(
        self, X: Any, model: Any, folds: Folds, seed: int, on_fold: Callable[[], None]
    ) -> FloatArray:
        """What one model says."""

    def judged(self, fitted: Fitted, folds: Folds, note: str) -> Made:
        """The value with what there is to say of it, or `NotApplicable`."""


def held_out(
    target: Target, order: Order, encoded: Encoded, table: Table | None = None, given: Any = None
) -> Made:
    """Out-of-sample predictions, by the user's model or by the portfolio.

    Parameters
    ----------
    target : Target
    order : Order
    encoded : Encoded of N rows
        What the portfolio is fitted on.
    table : Table, optional
        For models that take columns or texts.
    given : ndarray of shape (N, M), optional
        Features that the user gave, for the user's model.
    """
    folds = plan_folds(
        target.strata,
        target.n_folds,
        seed=order.seed,
        groups=order.groups,
        time=order.time,
        graph=order.graph,
    )
    if order.model is None:
        fitted = target.by_portfolio(encoded, folds, order)
        return target.judged(fitted, folds, f"{told(folds)} of {_named(fitted.members)}")
    from tqdm.auto import tqdm

    X = given if given is not None else rows_for(order.model, table, encoded)
    name = model_name(order.model)
    total, quiet = len(folds.pairs), not order.progress
    with (
        warnings.catch_warnings(),
        tqdm(total=total, desc=name, disable=quiet, delay=1, leave=False, unit="fit") as bar,
    ):
        # Slow convergence and rare classes are told in the note; they are no news to the user.
        warnings.simplefilter("ignore")
        model = as_estimator(order.model)
        value = target.by_model(X, model, folds, order.seed, bar.update)
    fitted = Fitted(value, [{"model": name, "setting": "", "weight": 1.0}])
    return target.judged(fitted, folds, f"{told(folds)} of {name}")


def told(folds: Folds) -> str:
    """How rows were held out, in words."""
    how = f" ({folds.note})" if folds.note else ""
    return f"{len(folds.pairs)}-fold cross-validation{how}"


def details(fitted: Fitted, folds: Folds) -> dict[str, Any]:
    """What ran, in figures."""
    return {"models": fitted.members, "folds": len(folds.pairs), "how": folds.note}


def _named(members: Sequence[Mapping[str, Any]]) -> str:
    """The models that count most, with their weights by held-out loss."""
    counting = [m for m in members if m["weight"] >= NO_WEIGHT] or list(members)
    counting = sorted(counting, key=lambda m: -m["weight"])
    named = ", ".join(f"{m['model']} {m['weight']:.2f}" for m in counting[:NAMED])
    more = len(counting) - NAMED
    return f"{named} and {more} more" if more > 0 else named
