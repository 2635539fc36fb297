"""Examples that mislead a classifier of their neighbours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from datalab._check import class_codes, unit_number, whole_number
from datalab._core.data_valuation import knn_shapley
from datalab._typing import Codes
from datalab.exceptions import NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind
from datalab.neighbors.graph import KNNGraph

__all__ = ["DataValuation"]


@dataclass(frozen=True)
class DataValuation:
    """Examples that make predictions of others by their nearest neighbours worse.

    The score is the Shapley value of an example for a classifier by vote of the k nearest
    neighbours, mapped so that 0.5 contributes nothing. Not part of the default audit.

    Parameters
    ----------
    metric : str, optional
        How features are compared; by default chosen from the data.
    threshold : float
        In [0, 1]. A lower score is flagged.
    k : int
        Number of neighbours that vote.

    Notes
    -----
    Sets of labels (several classes for an example) and targets agree when they are equal. Time
    and memory are linear in rows times neighbours.

    References
    ----------
    R. Jia et al.: Efficient task-specific data valuation for nearest neighbor algorithms, PVLDB 12
    (2019), theorem 1.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.neighbors import knn_graph
    >>> labels, features = np.repeat([0, 1], 20), np.repeat([0.0, 9.0], 20) + np.arange(40) / 40
    >>> labels[3] = 1
    >>> found = DataValuation(k=5).find_issues(labels, knn_graph(features[:, None], k=5))
    >>> int(found.score.argmin())
    3
    """

    metric: Any = None
    threshold: float = 0.5
    k: int = 10

    name: ClassVar[str] = "data_valuation"
    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression", "multilabel")
    default: ClassVar[bool] = False
    description: ClassVar[str] = "Examples that mislead a vote of nearest neighbours."
    advice: ClassVar[str] = (
        "Look at the lowest values: wrong labels and odd examples stand there; train without them "
        "and compare."
    )
    produces: ClassVar[dict[str, Kind]] = {}

    def __post_init__(self) -> None:
        """Check the options."""
        whole_number(self.k, name="k", least=1)
        unit_number(self.threshold, name="threshold")

    def find_issues(self, labels: Any, knn_graph: KNNGraph) -> Findings:
        """Value every example."""
        if knn_graph.k < self.k:
            raise NotApplicable(
                f"needs {self.k} neighbours for each row, but there are {knn_graph.k}: give a "
                "graph with more of them, or a smaller k"
            )
        graph = knn_graph.first(self.k)
        score = knn_shapley(_as_classes(labels), graph.indices)
        is_issue = score < self.threshold
        return Findings(
            self.name,
            is_issue=is_issue,
            score=score,
            info={
                "num_low_valuation_issues": int(is_issue.sum()),
                "average_data_valuation": float(score.mean()),
                "metric": graph.metric,
                "k": graph.k,
                "threshold": self.threshold,
            },
        )

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        if row["score"] < 0.5:
            return "it misleads a vote of its neighbours more often than it helps"
        return "it hardly helps a vote of its neighbours"


def _as_classes(labels: Any) -> Codes:
    """Equal labels as equal codes, whatever the task."""
    if isinstance(labels, np.ndarray):
        return class_codes(np.unique(labels, return_inverse=True)[1])
    known: dict[tuple[int, ...], int] = {}
    codes = [known.setdefault(tuple(sorted(set(one))), len(known)) for one in labels]
    return class_codes(np.array(codes, dtype=np.int64))
