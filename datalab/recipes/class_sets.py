"""Out-of-sample probabilities of classes of which a row may have several."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from datalab._check import listing, probabilities
from datalab._data.encoded import Encoded
from datalab._models.folds import Folds
from datalab._models.members import Fitted
from datalab._models.sets import (
    cross_val_set_probs,
    held_out_set_probs,
    membership,
    strata_of_sets,
)
from datalab._typing import BoolArray, FloatArray, IndexArray
from datalab.artefacts import Made
from datalab.exceptions import NotApplicable
from datalab.recipes.held_out import FOLDS, Order, details

__all__ = ["ClassSets", "sets_of"]


@dataclass(frozen=True)
class ClassSets:
    """Labels that are sets of classes.

    Parameters
    ----------
    held : ndarray of bool, shape (N, K)
        Which classes each row has.
    names : tuple
        Of the K classes.
    """

    held: BoolArray
    names: tuple[Any, ...]
    n_folds: int = FOLDS

    @property
    def strata(self) -> IndexArray:
        """Rows with the same set of classes."""
        return strata_of_sets(self.held)

    def by_portfolio(self, encoded: Encoded, folds: Folds, order: Order) -> Fitted:
        """Probabilities of the models that suit the data, put together."""
        return held_out_set_probs(
            encoded,
            self.held,
            folds,
            graph=order.graph,
            seed=order.seed,
            progress=order.progress,
            done=order.done,
        )

    def by_model(
        self, X: Any, model: Any, folds: Folds, seed: int, on_fold: Callable[[], None]
    ) -> FloatArray:
        """Probabilities of one model."""
        return cross_val_set_probs(X, self.held, model, folds, seed, on_fold)

    def judged(self, fitted: Fitted, folds: Folds, note: str) -> Made:
        """The probabilities; those of classes of which the model knows nothing are what is given.

        Their memberships would else be called in question at random.
        """
        held, said = self.held, fitted.value
        known = _knows(held, said)
        if not known.any():
            raise NotApplicable(
                "a model of the features predicts the classes no better than their shares, so it "
                "cannot judge them: give pred_probs= or better features="
            )
        agreement = float(((said > 0.5) == held)[:, known].mean())
        note += f", {agreement:.0%} of the memberships agree"
        unknown = [self.names[k] for k in np.flatnonzero(~known)]
        if unknown:
            note += f"; classes that cannot be judged: {listing(unknown)}"
        value = probabilities(np.where(known, said, held))
        return Made(value, note, details=details(fitted, folds))


def _knows(held: BoolArray, said: FloatArray) -> BoolArray:
    """Of which classes it is clearly nearer to the truth than their share is (Brier score)."""
    gain = (held - held.mean(axis=0)) ** 2 - (held - said) ** 2
    known: BoolArray = gain.mean(axis=0) > gain.std(axis=0) / np.sqrt(len(held))
    return known


def sets_of(labels: list[list[int]], class_names: tuple[Any, ...] | None) -> ClassSets:
    """The labels as a target; not applicable to very few rows."""
    names = tuple(class_names or ())
    if not names:
        raise NotApplicable("needs classes to predict, but no row has any: give pred_probs=")
    if len(labels) < FOLDS:
        raise NotApplicable(
            f"needs pred_probs, or at least {FOLDS} rows to make them: give pred_probs="
        )
    return ClassSets(membership(labels, len(names)), names)
