"""The nearest neighbours of every row, made from features."""

from typing import Any

from datalab._typing import FloatArray
from datalab.artefacts import Made, Rules, recipe
from datalab.exceptions import NotApplicable
from datalab.neighbors.exact import knn_graph, metric_name
from datalab.neighbors.metric import MetricChoice, choose_metric, reference_metric

__all__: list[str] = []


@recipe("knn_graph")
def knn_graph_by_search(
    features: FloatArray, *, k: int, metric: Any, rules: Rules, progress: bool
) -> Made:
    """The nearest neighbours of every row, by exact search.

    The metric is the given one, the reference's rule, or chosen from the data.
    """
    n_rows = len(features)
    if n_rows < 2:
        raise NotApplicable(f"needs at least two rows to compare, found {n_rows}")
    if metric is not None:
        chosen = MetricChoice(metric, None, f"{metric_name(metric)} distance, as asked for")
    elif rules == "reference":
        name = reference_metric(features)
        chosen = MetricChoice(name, None, f"{name} distance, the reference's rule")
    else:
        chosen = choose_metric(features)
    graph = knn_graph(
        chosen.apply(features), min(k, n_rows - 1), metric=chosen.metric, progress=progress
    )
    fewer = f"; k lowered to {graph.k}, as there are {n_rows} rows" if graph.k < k else ""
    return Made(graph, f"exact search, {chosen.reason}{fewer}")
