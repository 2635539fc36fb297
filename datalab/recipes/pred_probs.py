"""Out-of-sample probabilities of classes, made from the columns of the data or from features."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._check import probabilities
from datalab._data.encoded import Encoded, as_encoded
from datalab._data.table import Table
from datalab._models import cross_val_pred_probs
from datalab._models.folds import Folds, plan_folds
from datalab._models.given_model import as_estimator, model_name, rows_for
from datalab._models.portfolio import Fitted, held_out_probs
from datalab._typing import Codes, FloatArray, IndexArray
from datalab.artefacts import Made, recipe
from datalab.exceptions import NotApplicable
from datalab.given import chance_agreement, clearly_above
from datalab.neighbors.graph import KNNGraph
from datalab.neighbors.search import knn_graph as search
from datalab.recipes.class_sets import FOLDS, planned_sets, sets_by_model, sets_by_portfolio, told

__all__: list[str] = []

# So many rows can show by likelihood that a model knows something, by so many standard errors.
ENOUGH_ROWS, CLEAR = 500, 4.0
# A category that names the classes in other words repeats the labels.
REPEATS = 0.999


@recipe("pred_probs", rules=("datalab",), held=("features",))
def pred_probs_of_features(
    features: FloatArray,
    labels: Any,
    class_names: tuple[Any, ...] | None = None,
    knn_graph: KNNGraph | None = None,
    groups: IndexArray | None = None,
    time: FloatArray | None = None,
    *,
    model: Any,
    random_state: int,
    progress: bool,
) -> Made:
    """Out-of-sample probabilities from the features that the user gave."""
    if isinstance(labels, list):
        held, folds = planned_sets(labels, class_names, groups, time, knn_graph, random_state)
        if model is not None:
            return sets_by_model(features, held, model, folds, random_state)
        return sets_by_portfolio(
            as_encoded(features), held, folds, knn_graph, random_state, progress
        )
    counts = _class_counts(labels, class_names)
    folds = _folds(labels, counts, groups, time, knn_graph, random_state)
    if model is not None:
        return _by_model(features, labels, len(counts), model, folds, random_state)
    return _by_portfolio(
        as_encoded(features), labels, counts, folds, knn_graph, random_state, progress
    )


@recipe("pred_probs", rules=("datalab",))
def pred_probs_of_columns(
    encoded: Encoded,
    labels: Any,
    table: Table | None = None,
    class_names: tuple[Any, ...] | None = None,
    knn_graph: KNNGraph | None = None,
    groups: IndexArray | None = None,
    time: FloatArray | None = None,
    *,
    model: Any,
    random_state: int,
    progress: bool,
) -> Made:
    """Out-of-sample probabilities from all columns of the data."""
    if isinstance(labels, list):
        held, folds = planned_sets(labels, class_names, groups, time, knn_graph, random_state)
        if model is not None:
            X = rows_for(model, table, encoded)
            return sets_by_model(X, held, model, folds, random_state)
        return sets_by_portfolio(encoded, held, folds, knn_graph, random_state, progress)
    counts = _class_counts(labels, class_names)
    folds = _folds(labels, counts, groups, time, knn_graph, random_state)
    encoded, copies = _without_the_answer(encoded, labels, len(counts))
    if model is not None:
        X = rows_for(model, table, encoded)
        return _by_model(X, labels, len(counts), model, folds, random_state)
    made = _by_portfolio(encoded, labels, counts, folds, knn_graph, random_state, progress)
    note = f"{made.note}; left out, as they repeat the label: {', '.join(copies)}"
    return Made(made.value, note, details=made.details) if copies else made


def _folds(
    labels: Codes,
    counts: IndexArray,
    groups: IndexArray | None,
    time: FloatArray | None,
    graph: KNNGraph | None,
    seed: int,
) -> Folds:
    n_folds = max(2, min(FOLDS, int(counts.max())))
    return plan_folds(labels, n_folds, seed=seed, groups=groups, time=time, graph=graph)


def _without_the_answer(
    encoded: Encoded, labels: Codes, n_classes: int
) -> tuple[Encoded, list[str]]:
    """The columns less those categories that name the classes in other words, and their names."""
    first = encoded.numbers.shape[1]
    copies = [
        encoded.names[first + at]
        for at in range(encoded.categories.shape[1])
        if _repeats(encoded.categories[:, at], labels, n_classes)
    ]
    if not copies:
        return encoded, copies
    rest = encoded.only(set(encoded.names) - set(copies))
    return Encoded(**{**vars(rest), "terms": encoded.terms}), copies


def _repeats(codes: NDArray[np.int32], labels: Codes, n_classes: int) -> bool:
    """Whether each level goes with one class and each class with one level."""
    if codes.min(initial=0) < 0 or codes.max(initial=0) >= 2 * n_classes:
        return False
    joint = np.zeros((int(codes.max()) + 1, n_classes), dtype=np.int64)
    np.add.at(joint, (codes, labels), 1)
    least = REPEATS * len(labels)
    return bool(joint.max(axis=0).sum() >= least and joint.max(axis=1).sum() >= least)


def _by_portfolio(
    encoded: Encoded,
    labels: Codes,
    counts: IndexArray,
    folds: Folds,
    graph: KNNGraph | None,
    seed: int,
    progress: bool,
) -> Made:
    fitted = held_out_probs(
        encoded, labels, len(counts), folds, graph=graph, seed=seed, progress=progress
    )
    used = [m for m in fitted.members if m["weight"] >= 0.01] or fitted.members
    named = ", ".join(f"{m['model']} {m['weight']:.2f}" for m in used)
    note = f"{told(folds)} of {named} (weights by held-out likelihood)"
    return _judged(fitted, labels, counts, folds, note)


def _by_model(X: Any, labels: Codes, n_classes: int, model: Any, folds: Folds, seed: int) -> Made:
    counts = np.bincount(labels, minlength=n_classes)
    with warnings.catch_warnings():
        # Slow convergence and rare classes are told in the note; they are no news to the user.
        warnings.simplefilter("ignore")
        probs = cross_val_pred_probs(
            X,
            labels,
            as_estimator(model),
            n_classes=n_classes,
            seed=seed,
            folds=folds.pairs,
        )
    fitted = Fitted(probs, [{"model": model_name(model), "setting": "", "weight": 1.0}])
    return _judged(fitted, labels, counts, folds, f"{told(folds)} of {model_name(model)}")


def _judged(fitted: Fitted, labels: Codes, counts: IndexArray, folds: Folds, note: str) -> Made:
    """The probabilities, unless the models agree with the labels by chance."""
    predicted = fitted.pred_probs.argmax(axis=1)
    agreement = float((predicted == labels).mean())
    chance = chance_agreement(labels, predicted, len(counts))
    by_chance = agreement <= clearly_above(chance, len(labels))
    if by_chance and not _tells_labels(fitted.pred_probs, labels, counts):
        raise NotApplicable(
            f"a model of the features agrees with {agreement:.0%} of the labels, not clearly more "
            f"than chance ({chance:.0%}), so it cannot judge them: give pred_probs= or better "
            "features="
        )
    note += f", {agreement:.0%} agreement with the labels"
    if fitted.sampled:
        note += "; each model is fitted on 50,000 rows drawn by class, every row is predicted"
    rare = int((counts == 1).sum())
    if rare:
        note += f"; classes with a single example, which cannot be judged: {rare}"
    details = {"models": fitted.members, "folds": len(folds.pairs), "how": folds.note}
    return Made(probabilities(fitted.pred_probs), note, details=details)


def _tells_labels(probs: FloatArray, labels: Codes, counts: IndexArray) -> bool:
    """Whether the labels are clearly likelier by the model than by the shares of their classes.

    With many wrong labels a model may agree with few of them and still tell them apart.
    """
    n_rows = len(labels)
    given = np.maximum(probs[np.arange(n_rows), labels], 1e-6)
    gain = np.log(given) - np.log(counts[labels] / n_rows)
    error = gain.std(ddof=1) / np.sqrt(n_rows)
    return n_rows >= ENOUGH_ROWS and bool(gain.mean() > CLEAR * error)


def _class_counts(labels: Any, class_names: tuple[Any, ...] | None) -> IndexArray:
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


@recipe("pred_probs", rules=("reference",))
def pred_probs_by_vote(
    features: FloatArray,
    labels: Any,
    class_names: tuple[Any, ...] | None = None,
    *,
    k: int,
    progress: bool,
) -> Made:
    """Share of each class among the Euclidean neighbours of an example, itself left out."""
    n_classes = len(_class_counts(labels, class_names))
    graph = search(features, min(k, len(features) - 1), engine="exact", progress=progress)
    neighbors = labels[graph.indices]
    k = neighbors.shape[1]
    cells = np.arange(len(labels))[:, None] * n_classes + neighbors
    votes = np.bincount(cells.ravel(), minlength=len(labels) * n_classes).astype(np.float64)
    votes = votes.reshape(len(labels), n_classes)
    # Votes with the example among its own neighbours, less its own vote: the same shares, but the
    # rounding that decides between equal votes is the reference's.
    itself = np.arange(len(labels)), labels
    votes[itself] += 1
    shares = votes / (k + 1)
    shares[itself] -= 1 / (k + 1)
    return Made(probabilities(shares * ((k + 1) / k)), f"vote of {k} nearest neighbours")
