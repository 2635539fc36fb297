"""Out-of-sample probabilities of classes, made from features and labels."""

import warnings
from typing import Any

import numpy as np

from datalab._check import probabilities
from datalab._models import cross_val_pred_probs
from datalab._typing import Codes, FloatArray, IndexArray
from datalab.artefacts import Made, recipe
from datalab.exceptions import NotApplicable
from datalab.given import chance_agreement, clearly_above
from datalab.neighbors.search import knn_graph

__all__: list[str] = []

FOLDS = 5


@recipe("pred_probs", rules=("datalab",))
def pred_probs_by_cross_validation(
    features: FloatArray,
    labels: Codes,
    class_names: tuple[Any, ...] | None = None,
    *,
    model: Any,
    random_state: int,
) -> Made:
    """Out-of-sample probabilities of a classifier, by stratified cross-validation.

    The classifier is logistic regression on standardised features unless one is given.
    """
    counts = _class_counts(labels, class_names)
    folds = min(FOLDS, int(counts.max()))
    classifier = model if model is not None else _default_classifier()
    with warnings.catch_warnings():
        # Slow convergence and rare classes are told in the note; they are no news to the user.
        warnings.simplefilter("ignore")
        probs = cross_val_pred_probs(
            features,
            labels,
            classifier,
            n_classes=len(counts),
            cv_n_folds=folds,
            seed=random_state,
        )
    predicted = probs.argmax(axis=1)
    agreement = float((predicted == labels).mean())
    chance = chance_agreement(labels, predicted, len(counts))
    if agreement <= clearly_above(chance, len(labels)):
        raise NotApplicable(
            f"a model of the features agrees with {agreement:.0%} of the labels, not clearly more "
            f"than chance ({chance:.0%}), so it cannot judge them: give pred_probs= or better "
            "features="
        )
    name = type(model).__name__ if model is not None else "logistic regression"
    note = f"{folds}-fold cross-validation of {name}, {agreement:.0%} agreement with the labels"
    rare = int((counts == 1).sum())
    if rare:
        note += f"; classes with a single example, which cannot be judged: {rare}"
    return Made(probabilities(probs), note)


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


def _default_classifier() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))


@recipe("pred_probs", rules=("reference",))
def pred_probs_by_vote(
    features: FloatArray,
    labels: Codes,
    class_names: tuple[Any, ...] | None = None,
    *,
    k: int,
    progress: bool,
) -> Made:
    """Share of each class among the Euclidean neighbours of an example, itself left out."""
    n_classes = len(_class_counts(labels, class_names))
    graph = knn_graph(features, min(k, len(features) - 1), progress=progress)
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
