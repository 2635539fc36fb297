"""What to do about suspected labels before a classifier is trained, and the choice between it."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from datalab._check import probabilities, some_rows
from datalab._core.filter import label_issues
from datalab._core.label_flags import adaptive_flags
from datalab._data.encoded import View
from datalab._models.classification import cross_val_pred_probs, judged_rows
from datalab._models.fitting import take_rows
from datalab._models.folds import stratified_folds
from datalab._models.members import Member, fit_each
from datalab._models.pool import pool_classes
from datalab._typing import BoolArray, Codes, FloatArray, IndexArray, Probs
from datalab.exceptions import InputWarning

__all__ = ["STRATEGIES", "Judged", "Training", "Trial", "judge"]

# A weight of 0 would leave a row out, and may leave a class without any.
LEAST_WEIGHT = 1e-3
# Each model of ours is fitted on at most so many rows; each row is predicted all the same.
MAX_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Training:
    """What a classifier is trained on.

    Parameters
    ----------
    labels : ndarray of int, shape (N,)
    kept : ndarray of bool, shape (N,)
        Rows that are trained on.
    weights : ndarray of shape (N,), optional
        Their weights; None: all alike.
    """

    labels: Codes
    kept: BoolArray
    weights: FloatArray | None = None

    def part(self, rows: IndexArray) -> "Training":
        """The same for some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        return Training(some_rows(self.labels, rows), self.kept[rows], weights)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of each label.

    Parameters
    ----------
    suggested : ndarray of int, shape (N,)
        The most probable class.
    is_issue : ndarray of bool, shape (N,)
    right : ndarray of float, shape (N,)
        Probability of the label against the best other class.
    judges : dict of str to float
        The models that were asked, and how much each counts.
    """

    suggested: IndexArray
    is_issue: BoolArray
    right: FloatArray
    judges: dict[str, float]


@dataclass(frozen=True, slots=True)
class Trial:
    """A classifier, the data, and the folds on which every strategy is tried.

    Parameters
    ----------
    X : rows in any container that `take_rows` can cut
    labels : ndarray of int, shape (N,)
        Given labels.
    clf : classifier
    folds : list of (train, held out)
    n_classes : int
    stream : RandomState, optional
        For random states that `clf` leaves open.
    fit_options : mapping
        ``clf_kwargs`` and ``validation_func`` of `cross_val_pred_probs`.
    members : sequence of Member
        Further models that judge labels; they are never what is trained in the end.
    sure_class : int, optional
        Labels of this class are right.
    seed : int
        Of the members.
    """

    X: Any
    labels: Codes
    clf: Any
    folds: list[tuple[IndexArray, IndexArray]]
    n_classes: int
    stream: np.random.RandomState | None
    fit_options: Mapping[str, Any]
    members: Sequence[Member] = ()
    sure_class: int | None = None
    seed: int = 0

    @classmethod
    def prepared(
        cls, X: Any, labels: Codes, clf: Any, cv_n_folds: int, seed: int | None, **rest: Any
    ) -> "Trial":
        """A trial on stratified, shuffled folds of the given labels."""
        folds = stratified_folds(labels, cv_n_folds, seed)
        return cls(X, labels, clf, folds, seed=seed or 0, **rest)

    def empties_a_class(self, training: Training) -> bool:
        """Whether a fold loses a class by what is done to the labels."""
        pairs = zip(self.folds, self._folds_of(training), strict=True)
        return any(
            len(np.unique(training.labels[after])) < len(np.unique(self.labels[before]))
            for (before, _), (after, _) in pairs
        )

    def held_out(self, training: Training) -> Probs:
        """Probabilities for each row from a model that did not see it, shape (N, n_classes)."""
        probs = self._fitted(training.labels, training.weights, self._folds_of(training))
        return probabilities(probs, name="predict_proba of clf")

    def _fitted(
        self,
        labels: Codes,
        weights: FloatArray | None,
        folds: list[tuple[IndexArray, IndexArray]],
    ) -> FloatArray:
        with warnings.catch_warnings():
            # What there is to say of rare classes was said when issues were looked for.
            warnings.simplefilter("ignore", InputWarning)
            return cross_val_pred_probs(
                self.X,
                labels,
                self.clf,
                n_classes=self.n_classes,
                folds=folds,
                stream=self.stream,
                sample_weight=weights,
                **self.fit_options,
            )

    def together(self, training: Training, probs: Probs) -> tuple[Probs, dict[str, float]]:
        """The held-out `probs` of the classifier put together with those of the members.

        They are weighted by the held-out likelihood of the labels, so that a member that knows
        nothing beside the others is not heard. Also returns the weights.
        """
        name = type(self.clf).__name__
        if not self.members:
            return probs, {name: 1.0}
        folds = self._folds_of(training)

        def fit(member: Member, on_fold: Callable[[], None]) -> tuple[str, FloatArray]:
            (setting, model), *_ = member.candidates.items()
            return setting, cross_val_pred_probs(
                member.X,
                training.labels,
                model,
                n_classes=self.n_classes,
                seed=self.seed,
                folds=folds,
                max_rows=MAX_ROWS,
                on_fold=on_fold,
            )

        n_rows = len(self.labels)
        found, told = fit_each(
            self.members, fit, lambda _: len(folds), n_rows=n_rows, progress=False
        )
        counted = judged_rows(self.labels, self.folds)
        pool = pool_classes([probs, *found], self.labels, counted, self.seed)
        names = [name, *(str(about["model"]) for about in told)]
        judges = dict(zip(names, pool.weights.tolist(), strict=True))
        return probabilities(pool.value), judges

    def part(self, rows: IndexArray) -> "Trial":
        """The same on some of the rows, in folds of their own."""
        labels = some_rows(self.labels, rows)
        n_folds = min(len(self.folds), int(np.bincount(labels).max()))
        return replace(
            self,
            X=take_rows(self.X, rows),
            labels=labels,
            folds=stratified_folds(labels, n_folds, self.seed),
            members=[replace(member, X=_part_of(member.X, rows)) for member in self.members],
        )

    def predicted(self, training: Training, train: IndexArray, rows: IndexArray) -> IndexArray:
        """Classes of some `rows`, by a classifier with the `training` of the rows `train`."""
        labels, weights = self.labels.copy(), None
        labels[train] = training.labels
        if training.weights is not None:
            weights = np.ones(len(labels))
            weights[train] = training.weights
        probs = self._fitted(labels, weights, [(train[training.kept], rows)])
        classes: IndexArray = probs[rows].argmax(axis=1)
        return classes

    def _folds_of(self, training: Training) -> list[tuple[IndexArray, IndexArray]]:
        return [(train[training.kept[train]], rows) for train, rows in self.folds]


def _part_of(X: Any, rows: IndexArray) -> View:
    return View((len(rows), X.shape[1]), lambda places: X[rows[places]])


def judge(trial: Trial, plain: Training, probs: Probs) -> Judged:
    """What models think of the labels that were trained without the doubtful rows.

    A model that was trained on wrong labels is unsure of the rows that are labelled wrongly in
    the same way. So what it flags is left out, and all rows are judged anew, those as well.

    Parameters
    ----------
    trial : Trial
    plain : Training
        On all rows.
    probs : Probs of shape (N, K)
        Held-out probabilities of the classifier, trained on all rows.
    """
    first = _judged(trial, plain, probs)
    again = replace(plain, kept=~first.is_issue)
    if not first.is_issue.any() or trial.empties_a_class(again):
        return first
    return _judged(trial, again, trial.held_out(again))


def _judged(trial: Trial, training: Training, probs: Probs) -> Judged:
    together, judges = trial.together(training, probs)
    labels = trial.labels
    usual = int(np.count_nonzero(label_issues(labels, together)))
    found = adaptive_flags(labels, together, usual)
    is_issue = found.is_issue & (labels != trial.sure_class)
    right = np.where(labels == trial.sure_class, 1.0, found.score)
    _keep_some(is_issue, right, labels, len(trial.folds))
    return Judged(together.argmax(axis=1), is_issue, right, judges)


def _keep_some(is_issue: BoolArray, right: FloatArray, labels: Codes, least: int) -> None:
    """Take back flags so that each class stays with as many rows as there are folds."""
    flagged = np.bincount(labels[is_issue], minlength=int(labels.max()) + 1)
    for code in np.flatnonzero(np.bincount(labels) - flagged < least):
        best = np.flatnonzero(labels == code)
        best = best[np.argsort(-right[best], kind="stable")[:least]]
        is_issue[best] = False


def _prune_twice(plain: Training, judged: Judged) -> Training:
    return replace(plain, kept=~judged.is_issue)


def _relabel(plain: Training, judged: Judged) -> Training:
    """Another class where it is as sure as labels are that nobody suspects; else left out."""
    usual = judged.right[~judged.is_issue].mean()
    sure = judged.is_issue & (1.0 - judged.right >= usual)
    labels = plain.labels.copy()
    labels[sure] = judged.suggested[sure]
    return replace(plain, labels=labels, kept=~judged.is_issue | sure)


def _weight(plain: Training, judged: Judged) -> Training:
    weights = np.maximum(judged.right, LEAST_WEIGHT)
    return replace(plain, weights=weights if plain.weights is None else weights * plain.weights)


# From the given labels and what is known of them; the first is preferred.
STRATEGIES: dict[str, Callable[[Training, Judged], Training]] = {
    "prune_twice": _prune_twice,
    "relabel": _relabel,
    "weight": _weight,
    "keep": lambda plain, _judged: plain,
}
