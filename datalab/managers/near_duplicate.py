"""Examples that are nearly the same as others."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from datalab._check import finite_number, whole_number
from datalab._core.duplicate import copy_scores, duplicate_pairs, set_ids, sets_of, typical
from datalab.exceptions import InputWarning
from datalab.findings import Findings
from datalab.managers.base import Kind
from datalab.neighbors.graph import KNNGraph

__all__ = ["NearDuplicate"]


@dataclass(frozen=True)
class NearDuplicate:
    """Examples that are nearly, or exactly, the same as others.

    Parameters
    ----------
    metric : str, optional
        How features are compared; by default chosen from the data.
    threshold : float
        Two examples are near duplicates when their distance is below `threshold` times the median
        distance to the nearest neighbour.
    k : int
        Number of neighbours that are looked at; a graph that is given is used whole.

    Notes
    -----
    The score is ``1 - exp(-d / median d)`` of the distance d to the nearest neighbour. The column
    ``near_duplicate_sets`` has the near duplicates of each row; ``near_duplicate_set`` numbers the
    sets of rows that belong together, directly or through others (-1: none).

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.neighbors import knn_graph
    >>> features = np.array([[0.0], [10.0], [20.0], [0.0], [30.0], [10.01], [40.0], [51.0]])
    >>> found = NearDuplicate(k=2).find_issues(knn_graph(features, k=2))
    >>> found.is_issue.tolist()
    [True, True, False, True, False, True, False, False]
    >>> found.columns["near_duplicate_set"].tolist()
    [0, 1, -1, 0, -1, 1, -1, -1]
    """

    metric: Any = None
    threshold: float = 0.13
    k: int = 10

    name: ClassVar[str] = "near_duplicate"
    description: ClassVar[str] = "Examples that are nearly, or exactly, the same as others."
    advice: ClassVar[str] = "Keep one of each set; between training and test data keep none."
    produces: ClassVar[dict[str, Kind]] = {
        "near_duplicate_sets": "rows",
        "distance_to_nearest_neighbor": "number",
        "near_duplicate_set": "number",
        "nearest_neighbor": "row",
    }
    extras: ClassVar[tuple[str, ...]] = ("near_duplicate_set",)

    def __post_init__(self) -> None:
        """Check the options."""
        whole_number(self.k, name="k", least=1)
        finite_number(self.threshold, name="threshold")
        if self.threshold < 0:
            warnings.warn(
                f"near_duplicate: `threshold` is {self.threshold}; 0 is used, which flags nothing",
                InputWarning,
                stacklevel=3,
            )
            object.__setattr__(self, "threshold", 0)

    def find_issues(self, knn_graph: KNNGraph) -> Findings:
        """Find the sets of near duplicates."""
        graph = knn_graph.nearest(self.k)
        nearest = graph.distances[:, 0].astype(np.float64)
        median = typical(nearest)
        score = copy_scores(nearest, median)
        pairs = duplicate_pairs(graph.indices, graph.distances, self.threshold * median)
        sets = sets_of(pairs, graph.n_rows)
        ids = set_ids(pairs, graph.n_rows)
        return Findings(
            self.name,
            is_issue=ids >= 0,
            score=score,
            columns={
                "near_duplicate_sets": sets,
                "distance_to_nearest_neighbor": nearest,
                "near_duplicate_set": ids,
            },
            info={
                "average_near_duplicate_score": float(score.mean()),
                "near_duplicate_sets": sets,
                "metric": graph.metric,
                "k": graph.k,
                "threshold": self.threshold,
                "nearest_neighbor": graph.indices[:, 0].astype(np.intp),
                "distance_to_nearest_neighbor": nearest,
                "median_distance_to_nearest_neighbor": median,
            },
        )

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        others = list(row["near_duplicate_sets"])
        names = ", ".join(str(other) for other in others[:5]) + (", …" if len(others) > 5 else "")
        told = f"row {names}" if len(others) == 1 else f"rows {names}"
        alike = "equal to" if row["distance_to_nearest_neighbor"] == 0 else "nearly the same as"
        return f"{alike} {told}" if others else "no other row is nearly the same"
