"""Nearest neighbours: the graph, the choice of metric and the search engines."""

from datalab.neighbors.graph import KNNGraph
from datalab.neighbors.metric import MetricChoice, choose_metric, reference_metric
from datalab.neighbors.search import (
    complete_rows,
    exact_groups,
    filled_columns,
    in_words,
    knn_graph,
)

__all__ = [
    "KNNGraph",
    "MetricChoice",
    "choose_metric",
    "complete_rows",
    "exact_groups",
    "filled_columns",
    "in_words",
    "knn_graph",
    "reference_metric",
]
