"""Nearest neighbours: the graph, the choice of metric and the search engines."""

from datalab.neighbors.exact import complete_rows, knn_graph
from datalab.neighbors.graph import KNNGraph
from datalab.neighbors.metric import MetricChoice, choose_metric, reference_metric

__all__ = [
    "KNNGraph",
    "MetricChoice",
    "choose_metric",
    "complete_rows",
    "knn_graph",
    "reference_metric",
]
