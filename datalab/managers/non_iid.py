"""Rows whose order says something about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from datalab._check import choice, unit_number, whole_number
from datalab._core.noniid import (
    Neighbors,
    index_distances,
    order_p_value,
    order_scores,
    order_test,
)
from datalab._data.columns import looks_like_identifier
from datalab._data.values import as_floats
from datalab._typing import BoolArray, Codes, FloatArray, Probs
from datalab.exceptions import NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind
from datalab.neighbors.graph import KNNGraph
from datalab.neighbors.metric import reference_metric
from datalab.neighbors.search import knn_graph as search

__all__ = ["NonIID"]

# The order of a dozen rows says nothing.
MIN_ROWS = 13
# Columns that go with the rows: their rank correlation is at least so much, and so many standard
# errors from none; so many are named.
STEADY, ERRORS, MOST_TOLD = 0.3, 4.0, 3
SEVERAL, NEIGHBORS = "several", "index_distance"
IN_WORDS = {
    "near": "similar rows stand nearer to each other, or farther apart, than by chance",
    "stretches": "rows that follow each other are alike",
    "drift": "the data moves along the rows",
    "spread": "the spread of the data changes along the rows",
}


@dataclass(frozen=True)
class NonIID:
    """Rows that do not stand in random order: similar ones stand near each other, or far apart.

    Data that was collected in runs, drifted over time or is sorted must not be split by position,
    and rows that belong together must not come into training and test data. The summary is the
    probability of such an order by chance; the row that gives it away most is flagged.

    Parameters
    ----------
    metric : str, optional
        How features are compared; by default chosen from the data.
    k : int
        Number of neighbours; a graph that is given is used whole.
    num_permutations : int
        How many random orders the order of the rows is compared with, at least 2, under
        ``method="index_distance"``; 99 under the default method.
    seed : int
        Seed of these orders.
    significance_threshold : float
        In [0, 1]. A less probable order is an issue: the rate of false alarms.
    method : {"several", "index_distance"}, optional
        By default look for similar rows near each other, drift, changing spread and stretches of
        similar rows at once (`datalab._core.noniid.order_test`), or at the index distances of
        neighbours only, as in the reference.

    Notes
    -----
    Time and memory are linear in rows times neighbours. With pred_probs only, neighbours are
    searched among them.

    Neighbours at equal distance are listed by row number, which says nothing about the order of
    rows. So an order is an issue only when it shows without those that are tied with the last
    neighbour of their row.

    References
    ----------
    J. Cummings, E. Snorrason, J. Mueller: Detecting dataset drift and non-IID sampling via
    k-nearest neighbors, ICML workshop 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.neighbors import knn_graph
    >>> rng = np.random.default_rng(0)
    >>> drifting = np.cumsum(rng.normal(size=(200, 2)), axis=0)
    >>> found = NonIID().find_issues(knn_graph(drifting, k=10))
    >>> found.flagged, found.num_issues, found.summary < 0.01
    (True, 1, True)
    >>> NonIID().find_issues(knn_graph(rng.permutation(drifting), k=10)).flagged
    False
    """

    metric: Any = None
    k: int = 10
    num_permutations: int = 25
    seed: int = 0
    significance_threshold: float = 0.05
    method: str | None = None

    name: ClassVar[str] = "non_iid"
    title: ClassVar[str] = "non-iid order"
    any_of: ClassVar[tuple[str, ...]] = ("knn_graph", "pred_probs")
    description: ClassVar[str] = "Rows that are sorted, drift, or stand in another telling order."
    advice: ClassVar[str] = (
        "Find out how the rows were collected; shuffle before splitting by position, or split by "
        "time or group where those explain the order."
    )
    reference: ClassVar[dict[str, Any]] = {"method": NEIGHBORS}
    produces: ClassVar[dict[str, Kind]] = {"neighbor_index_distance": "number"}
    # What the reference does not have.
    extras: ClassVar[tuple[str, ...]] = (
        "neighbor_index_distance",
        "average_index_distance",
        "random_index_distance",
        "pattern",
        "columns_along_rows",
        "method",
    )

    def __post_init__(self) -> None:
        """Check the options."""
        whole_number(self.k, name="k", least=1)
        whole_number(self.num_permutations, name="num_permutations", least=2)
        whole_number(self.seed, name="seed", least=0)
        unit_number(self.significance_threshold, name="significance_threshold")
        if self.method is not None:
            choice(self.method, (SEVERAL, NEIGHBORS), name="method")

    @property
    def unused(self) -> tuple[str, ...]:
        """The features are looked at by the default method only."""
        return ("features",) if self.method == NEIGHBORS else ()

    def find_issues(
        self,
        knn_graph: KNNGraph | None = None,
        pred_probs: Probs | None = None,
        labels: Codes | None = None,
        features: FloatArray | None = None,
        table: Any = None,
    ) -> Findings:
        """Compare the order of the rows with random orders."""
        graph = self._graph(knn_graph, pred_probs, labels)
        if graph.n_rows < MIN_ROWS:
            raise NotApplicable(
                f"needs at least {MIN_ROWS} rows to tell an order from chance, found {graph.n_rows}"
            )
        distances = index_distances(graph.indices)
        score = order_scores(distances)
        p_value, pattern = self._judged(graph, features)
        found = p_value < self.significance_threshold
        is_issue = np.zeros(graph.n_rows, dtype=bool)
        is_issue[score.argmin()] = found
        return Findings(
            self.name,
            is_issue=is_issue,
            score=score,
            summary=p_value,
            columns={"neighbor_index_distance": distances.mean(axis=1)},
            info={
                "p-value": p_value,
                "metric": graph.metric,
                "k": graph.k,
                "average_index_distance": float(distances.mean()),
                "random_index_distance": (graph.n_rows + 1) / 3,
                "pattern": IN_WORDS[pattern] if found else None,
                "columns_along_rows": _along_rows(table) if found and table is not None else [],
                "method": self.method or SEVERAL,
            },
        )

    def _graph(
        self, knn_graph: KNNGraph | None, pred_probs: Probs | None, labels: Codes | None
    ) -> KNNGraph:
        if knn_graph is not None:
            return knn_graph.nearest(self.k)
        if pred_probs is None:
            raise NotApplicable("needs knn_graph or pred_probs: give features= or pred_probs=")
        if labels is not None and not isinstance(labels, np.ndarray):
            raise NotApplicable(
                "pred_probs tell neighbours only where every example has one class: give features="
            )
        k = min(self.k, len(pred_probs) - 1)
        return search(pred_probs, k, metric=self.metric or reference_metric(pred_probs))

    def _judged(self, graph: KNNGraph, features: FloatArray | None) -> tuple[float, str]:
        """How probable the order is, and what gives it away."""
        if self.method == NEIGHBORS:
            return self._p_value(graph), "near"
        if not isinstance(features, np.ndarray) or len(features) != graph.n_rows:
            features = None
        return order_test(
            *_pairs(graph, _without_ties(graph)),
            graph.distances.mean(axis=1, dtype=np.float64),
            features,
            seed=self.seed,
        )

    def _p_value(self, graph: KNNGraph) -> float:
        """How probable the order is; the neighbours that are not tied must agree that it is not."""
        p_value = self._p_of(graph, np.ones(graph.indices.shape, dtype=bool))
        if p_value >= self.significance_threshold or graph.k == 1:
            return p_value
        sure = _without_ties(graph)
        if sure.all():
            return p_value
        among_sure = self._p_of(graph, sure) if np.count_nonzero(sure) > 1 else 1.0
        return p_value if among_sure < self.significance_threshold else among_sure

    def _p_of(self, graph: KNNGraph, counted: BoolArray) -> float:
        """From those neighbours, marked in an array of shape (N, k), that count."""
        return order_p_value(
            *_pairs(graph, counted),
            graph.n_rows,
            num_permutations=self.num_permutations,
            seed=self.seed,
        )

    def sum_up(self, found: Findings) -> str:
        """What gives the order away, and how rarely chance makes such an order."""
        pattern = found.info.get("pattern")
        if not pattern:
            return ""
        p_value = found.info["p-value"]
        rarity = "<0.001" if p_value < 0.001 else f"{p_value:.3f}"
        told = f"{pattern[0].upper()}{pattern[1:]} (p-value {rarity})"
        along = found.info.get("columns_along_rows")
        return f"{told}; along the rows {', '.join(along)}" if along else told

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        told = (
            "the rows are not in random order; where the nearest neighbours of this one stand is "
            "least like chance"
        )
        if "neighbor_index_distance" not in row:
            return told
        return f"{told}: {row['neighbor_index_distance']:.0f} rows away on average"


def _along_rows(table: Any) -> list[str]:
    """The numbers and dates that rise or fall most steadily with the row, in words."""
    from scipy.stats import rankdata

    steady: list[tuple[float, str]] = []
    for name in table.columns:
        values = table.column(name)
        if values.dtype.kind != "M":
            values = as_floats(values) if table.kind(name) == "number" else None
        if values is None:
            continue
        known = values[~np.isnan(values)]
        if len(known) < MIN_ROWS or (known == known[0]).all():
            continue
        if known.dtype.kind == "f" and looks_like_identifier(name, known):
            continue
        rho = float(np.corrcoef(rankdata(known), np.arange(len(known)))[0, 1])
        if abs(rho) > max(STEADY, ERRORS / np.sqrt(len(known))):
            steady.append((abs(rho), f"{name} {'rises' if rho > 0 else 'falls'}"))
    steady.sort(key=lambda one: -one[0])
    return [told for _, told in steady[:MOST_TOLD]]


def _pairs(graph: KNNGraph, counted: BoolArray) -> tuple[Neighbors, Neighbors]:
    """Rows and those of their neighbours that count, marked in an array of shape (N, k)."""
    rows = np.arange(graph.n_rows, dtype=graph.indices.dtype)
    return np.repeat(rows, counted.sum(axis=1)), graph.indices[counted]


def _without_ties(graph: KNNGraph) -> BoolArray:
    """Neighbours that are not tied with the last one of their row, shape (N, k)."""
    if graph.k == 1:
        return np.ones(graph.indices.shape, dtype=bool)
    last = graph.distances[:, -1:]
    return (graph.distances < last) | (graph.distances[:, -2:-1] < last)
