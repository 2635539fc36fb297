"""Out-of-sample probabilities of classes, made from the columns of the data or from features."""

from typing import Any

import numpy as np

from datalab._check import probabilities
from datalab._data.encoded import Encoded, as_encoded
from datalab._data.table import Table
from datalab._models.members import Done
from datalab._typing import FloatArray, IndexArray
from datalab.artefacts import Made, recipe
from datalab.neighbors.graph import KNNGraph
from datalab.neighbors.search import knn_graph as search
from datalab.recipes.class_codes import class_counts, classes_of
from datalab.recipes.class_sets import sets_of
from datalab.recipes.held_out import Order, held_out

__all__: list[str] = []


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
    begun: Done,
) -> Made:
    """Out-of-sample probabilities from the features that the user gave."""
    several = isinstance(labels, list)
    target = sets_of(labels, class_names) if several else classes_of(labels, class_names)
    order = Order(model, random_state, progress, groups, time, knn_graph, begun)
    return held_out(target, order, as_encoded(features), given=features)


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
    begun: Done,
) -> Made:
    """Out-of-sample probabilities from all columns of the data."""
    order = Order(model, random_state, progress, groups, time, knn_graph, begun)
    if isinstance(labels, list):
        return held_out(sets_of(labels, class_names), order, encoded, table)
    return held_out(classes_of(labels, class_names), order, encoded, table)


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
    n_classes = len(class_counts(labels, class_names))
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
