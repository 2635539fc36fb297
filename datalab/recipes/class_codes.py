"""Out-of-sample probabilities of classes of which every row has one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from datalab._check import probabilities, some_rows
from datalab._data.encoded import Encoded
from datalab._models import cross_val_pred_probs
from datalab._models.folds import Folds
from datalab._models.members import Fitted
from datalab._models.portfolio import held_out_probs
from datalab._typing import Codes, FloatArray, IndexArray
from datalab.artefacts import Made
from datalab.exceptions import NotApplicable
from datalab.given import chance_agreement, clearly_above
from datalab.recipes.held_out import FOLDS, Order, details

__all__ = ["Classes", "class_counts", "classes_of"]

# So many rows can show by likelihood that a model knows something, by so many standard errors.
ENOUGH_ROWS, CLEAR = 500, 4.0
# The best of twenty models is by chance as many standard errors above it as a single one is three.
# Few rows can hardly show so much.
BEST_OF, BEST_OF_FEW, MANY_ROWS = 3.8, 2.5, 50


@dataclass(frozen=True)
class Classes:
    """Labels that are classes.

    Parameters
    ----------
    codes : Codes of shape (N,)
    counts : ndarray of shape (K,)
        Rows of each class.
    """

    codes: Codes
    counts: IndexArray

    @property
    def strata(self) -> IndexArray:
        """The classes."""
        return self.codes

    @property
    def n_folds(self) -> int:
        """No more than the largest class has examples."""
        return max(2, min(FOLDS, int(self.counts.max())))

    def by_portfolio(self, encoded: Encoded, folds: Folds, order: Order) -> Fitted:
        """Probabilities of the models that suit the data, put together."""
        return held_out_probs(
            encoded,
            self.codes,
            len(self.counts),
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
        return cross_val_pred_probs(
            X,
            self.codes,
            model,
            n_classes=len(self.counts),
            seed=seed,
            folds=folds.pairs,
            on_fold=on_fold,
        )

    def judged(self, fitted: Fitted, folds: Folds, note: str) -> Made:
        """The probabilities, unless the models agree with the labels by chance."""
        codes, counts = self.codes, self.counts
        judged = counts[codes] > 1  # of a class of its own an example is told what it is
        predicted = fitted.value.argmax(axis=1)
        agreement = float((predicted == codes)[judged].mean())
        given = some_rows(codes, judged)
        chance = chance_agreement(given, predicted[judged], len(counts))
        errors = BEST_OF if len(given) >= MANY_ROWS else BEST_OF_FEW
        needed = clearly_above(chance, len(given), errors)
        if agreement <= needed and not _tells_labels(fitted.value[judged], given, counts):
            remedy = "so it cannot judge them: give pred_probs= or better features="
            if needed >= 1:  # no model could do better
                remedy = (
                    f"and so few labels ({len(given)}), or so many of one class, cannot show "
                    "more: give pred_probs= or more rows"
                )
            raise NotApplicable(
                f"a model of the features agrees with {_share(agreement)} of the labels, not "
                f"clearly more than chance ({_share(chance)}), {remedy}"
            )
        note += f", {_share(agreement)} agreement with the labels"
        if fitted.sampled:
            note += "; each model is fitted on 50,000 rows drawn by class, every row is predicted"
        rare = int((counts == 1).sum())
        if rare:
            note += f"; classes with a single example, which cannot be judged: {rare}"
        return Made(probabilities(fitted.value), note, details=details(fitted, folds))


def classes_of(labels: Any, class_names: tuple[Any, ...] | None) -> Classes:
    """The labels as a target; not applicable to other kinds of labels or to a single class."""
    return Classes(labels, class_counts(labels, class_names))


def class_counts(labels: Any, class_names: tuple[Any, ...] | None) -> IndexArray:
    """Examples of each class; not applicable to other kinds of labels or to a single class."""
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        raise NotApplicable("needs pred_probs: give pred_probs=")
    counts = np.bincount(labels, minlength=len(class_names or ()))
    present = int((counts > 0).sum())
    if present < 2:
        raise NotApplicable(f"needs at least two classes to compare, but the labels have {present}")
    if counts.max() < 2:
        raise NotApplicable("needs a class with at least two examples; here each has one")
    return counts


def _share(part: float) -> str:
    """Per cent, with a decimal where nearly all would be written as all."""
    return f"{part:.1%}" if 0.99 < part < 1 else f"{part:.0%}"


def _tells_labels(probs: FloatArray, codes: Codes, counts: IndexArray) -> bool:
    """Whether the labels are clearly likelier by the model than by the shares of their classes.

    With many wrong labels a model may agree with few of them and still tell them apart.
    """
    n_rows = len(codes)
    given = np.maximum(probs[np.arange(n_rows), codes], 1e-6)
    gain = np.log(given) - np.log(counts[codes] / n_rows)
    error = gain.std(ddof=1) / np.sqrt(n_rows)
    return n_rows >= ENOUGH_ROWS and bool(gain.mean() > CLEAR * error)
