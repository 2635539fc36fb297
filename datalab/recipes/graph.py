"""The nearest neighbours of every row, made from features."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from datalab._typing import FloatArray, IndexArray
from datalab.artefacts import Made, Rules, recipe
from datalab.exceptions import NotApplicable
from datalab.neighbors.exact import metric_name
from datalab.neighbors.graph import KNNGraph
from datalab.neighbors.metric import MetricChoice, choose_metric, reference_metric
from datalab.neighbors.search import in_words, knn_graph

__all__: list[str] = []

# Squared lengths of normalised float32 rows differ by less.
ROUNDING = 1e-4


def graph_of_survivors(
    graph: KNNGraph,
    rows: IndexArray,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Made:
    """The graph among the rows that stay, where a new search would give the same.

    That is so when rows are compared in the same way (the metric is not chosen anew, columns are
    not scaled by the rows) and no row loses more neighbours than there are to spare.
    """
    if options["metric"] is None and options["rules"] != "reference":
        old, new = choose_metric(before["features"]), choose_metric(after["features"])
        if old.metric != new.metric or old.scale is not None or new.scale is not None:
            raise NotApplicable("rows are compared in another way when some are left out")
    left = graph.restrict(rows)
    return Made(left, f"restricted to the {len(rows)} rows that stay, which is exact")


def graph_with_more(
    graph: KNNGraph, known: FloatArray, features: FloatArray, options: Mapping[str, Any]
) -> KNNGraph:
    """The graph with further rows, compared in the way that was chosen for the `known` ones."""
    chosen = options["metric"] is None and options["rules"] != "reference"
    return graph.append(features, scale=choose_metric(known).scale if chosen else None)


@recipe("knn_graph", narrowed=graph_of_survivors, held=("features",))
def knn_graph_by_search(
    features: FloatArray,
    *,
    k: int,
    spare: int | None,
    metric: Any,
    rules: Rules,
    engine: str | None,
    device: str | None,
    random_state: int,
    progress: bool,
) -> Made:
    """The nearest neighbours of every row.

    The metric is the given one, the reference's rule, or chosen from the data. Neighbours to spare
    allow to leave out rows later without searching again.
    """
    if len(features) < 2:
        raise NotApplicable(f"needs at least two rows to compare, found {len(features)}")
    if metric is not None:
        chosen = MetricChoice(metric, None, f"{metric_name(metric)} distance, as asked for")
    elif rules == "reference":
        name = reference_metric(features)
        chosen = MetricChoice(name, None, f"{name} distance, the reference's rule")
    else:
        chosen = choose_metric(features)
    engine = engine or ("exact" if rules == "reference" else "auto")
    how = {"engine": engine, "device": device, "progress": progress}
    return _searched(features, chosen, k, spare, random_state=random_state, **how)


@recipe("knn_graph", rules=("datalab",))
def knn_graph_of_made_features(
    features: FloatArray,
    *,
    k: int,
    spare: int | None,
    metric: Any,
    engine: str | None,
    device: str | None,
    random_state: int,
    progress: bool,
) -> Made:
    """The nearest neighbours by features that a recipe has put in comparable units already."""
    length = np.einsum("ij,ij->i", features, features)
    if len(features) < 2:
        raise NotApplicable(f"needs at least two rows to compare, found {len(features)}")
    if metric is not None:
        chosen = MetricChoice(metric, None, f"{metric_name(metric)} distance, as asked for")
    elif np.ptp(length) < ROUNDING:
        chosen = MetricChoice("cosine", None, "cosine distance: directions of vectors")
    else:
        chosen = MetricChoice("euclidean", None, "Euclidean distance of columns in their spreads")
    how = {"engine": engine or "auto", "device": device, "progress": progress}
    return _searched(features, chosen, k, spare, random_state=random_state, **how)


def _searched(
    features: FloatArray, chosen: MetricChoice, k: int, spare: int | None, **how: Any
) -> Made:
    n_rows = len(features)
    wanted = min(k + (spare or 0), n_rows - 1)
    graph = knn_graph(features, wanted, metric=chosen.metric, scale=chosen.scale, **how)
    fewer = f"; k lowered to {graph.k}, as there are {n_rows} rows" if graph.k < k else ""
    return Made(graph, f"{in_words(graph.search)}, {chosen.reason}{fewer}")
