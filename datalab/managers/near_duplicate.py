"""Examples that are nearly the same as others."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab._check import choice, finite_number, label_sets, whole_number
from datalab._core.count import given_probs
from datalab._core.duplicate import (
    EQUAL,
    Pairs,
    centrality,
    components,
    copy_scores,
    duplicate_pairs,
    equal_neighbours,
    kept_rows,
    set_ids,
    sets_of,
    typical,
)
from datalab._typing import BoolArray, FloatArray, IndexArray, Probs
from datalab.exceptions import InputError, InputWarning, NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind
from datalab.neighbors.graph import KNNGraph

__all__ = ["NearDuplicate"]

MODES = ("near", "exact")
KEEP = ("first", "medoid", "label_quality")


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
    absolute_threshold : float, optional
        Two examples are near duplicates up to this distance, measured by `metric`; takes the place
        of `threshold`.
    mode : {"near", "exact"}
        "exact" counts only equal examples: with equal features where there are any, otherwise at
        distance 0.
    keep : {"first", "medoid", "label_quality"}
        Which member of each set is kept: the first row, the one nearest to all others of the set,
        or the one whose label the model finds most likely (needs labels and pred_probs). Of
        equally good ones the first.

    Notes
    -----
    The score is ``1 - exp(-d / median d)`` of the distance d to the nearest neighbour. The column
    ``near_duplicate_sets`` has the near duplicates of each row; ``near_duplicate_set`` numbers the
    sets of rows that belong together, directly or through others (-1: none). ``is_kept`` is True
    for the rows that stay when one of each set is kept.

    O(N k log N) time and O(N k) memory, beside the graph.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.neighbors import knn_graph
    >>> features = np.array([[0.0], [10.0], [20.0], [0.0], [30.0], [10.01], [40.0], [51.0]])
    >>> found = NearDuplicate(k=2).find_issues(knn_graph(features, k=2))
    >>> found.columns["near_duplicate_set"].tolist()
    [0, 1, -1, 0, -1, 1, -1, -1]
    >>> found.columns["is_kept"].tolist()
    [True, True, True, False, True, False, True, True]
    """

    metric: Any = None
    threshold: float = 0.13
    k: int = 10
    absolute_threshold: float | None = None
    mode: str = "near"
    keep: str = "first"

    name: ClassVar[str] = "near_duplicate"
    description: ClassVar[str] = "Examples that are nearly, or exactly, the same as others."
    advice: ClassVar[str] = "Keep one of each set; between training and test data keep none."
    produces: ClassVar[dict[str, Kind]] = {
        "near_duplicate_sets": "rows",
        "distance_to_nearest_neighbor": "number",
        "near_duplicate_set": "number",
        "is_kept": "bool",
        "nearest_neighbor": "row",
    }
    # What the reference does not have.
    extras: ClassVar[tuple[str, ...]] = (
        "near_duplicate_set",
        "is_kept",
        "absolute_threshold",
        "mode",
        "keep",
        "num_sets",
    )

    def __post_init__(self) -> None:
        """Check the options."""
        whole_number(self.k, name="k", least=1)
        choice(self.mode, MODES, name="mode")
        choice(self.keep, KEEP, name="keep")
        finite_number(self.threshold, name="threshold")
        if self.threshold < 0:
            warnings.warn(
                f"near_duplicate: `threshold` is {self.threshold}; 0 is used, which flags nothing",
                InputWarning,
                stacklevel=3,
            )
            object.__setattr__(self, "threshold", 0)
        if self.absolute_threshold is not None:
            finite_number(self.absolute_threshold, name="absolute_threshold")
            if self.absolute_threshold < 0:
                raise InputError(
                    f"`absolute_threshold` is a distance and must be >= 0, got "
                    f"{self.absolute_threshold}"
                )

    @property
    def unused(self) -> tuple[str, ...]:
        """The inputs that these options make no use of, so that they are not made for it."""
        compared = ("features",) if self.mode != "exact" else ()
        judged = ("labels", "pred_probs", "predictions") if self.keep != "label_quality" else ()
        return compared + judged

    def find_issues(
        self,
        knn_graph: KNNGraph,
        features: FloatArray | None = None,
        labels: Any = None,
        pred_probs: Probs | None = None,
        predictions: FloatArray | None = None,
    ) -> Findings:
        """Find the sets of near duplicates."""
        graph = knn_graph.nearest(self.k)
        nearest = graph.distances[:, 0].astype(np.float64)
        median = typical(nearest)
        close = self._close(graph, median, features)
        pairs = duplicate_pairs(graph.indices, graph.distances, close, self._hidden(graph, median))
        ids = set_ids(pairs, graph.n_rows)
        goodness: FloatArray | None = None
        if self.keep == "medoid":
            goodness = centrality(pairs, ids, self._radius(median))
        elif self.keep == "label_quality":
            goodness = _label_quality(labels, pred_probs, predictions)
        score = copy_scores(nearest, median)
        sets = sets_of(pairs, graph.n_rows)
        return Findings(
            self.name,
            is_issue=ids >= 0,
            score=score,
            columns={
                "near_duplicate_sets": sets,
                "distance_to_nearest_neighbor": nearest,
                "near_duplicate_set": ids,
                "is_kept": kept_rows(ids, goodness),
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
                "absolute_threshold": self.absolute_threshold,
                "mode": self.mode,
                "keep": self.keep,
                "num_sets": int(ids.max(initial=-1)) + 1,
            },
        )

    def find_new(self, found: Findings, knn_graph: KNNGraph) -> Findings:
        """Judge new rows: those that are near to another one join its set, or make a new one."""
        if self.mode == "exact":
            raise NotApplicable("equal rows are told by their values")
        graph = knn_graph.first(found.info["k"])
        n_new, n_old = graph.n_rows, len(found.is_issue)
        nearest = graph.distances[:, 0].astype(np.float64)
        median = found.info["median_distance_to_nearest_neighbor"]
        close = self._close(graph, median, None)
        # The neighbours of the known rows are not looked at again: what is said of them stands.
        row, place = np.nonzero(close)
        left, right = row + n_old, graph.indices[row, place].astype(np.intp)
        pairs = _both_ways(left, right, graph.distances[row, place])
        old_ids = np.asarray(found.columns["near_duplicate_set"])
        ids = _new_ids(pairs, old_ids, n_new)
        sets = sets_of(pairs, n_old + n_new)[n_old:]
        near_known = np.array([bool((one < n_old).any()) for one in sets])
        joined = near_known | ((ids >= 0) & (ids <= old_ids.max(initial=-1)))
        kept = kept_rows(ids, None) & ~joined
        return Findings(
            self.name,
            is_issue=ids >= 0,
            score=copy_scores(nearest, median),
            columns={
                "near_duplicate_sets": sets,
                "distance_to_nearest_neighbor": nearest,
                "near_duplicate_set": ids,
                "is_kept": kept,
            },
        )

    def _radius(self, median: float) -> float:
        """The distance within which two examples are near duplicates."""
        if self.absolute_threshold is not None:
            return self.absolute_threshold
        return self.threshold * median

    def _hidden(self, graph: KNNGraph, median: float) -> Pairs | None:
        """Near duplicates behind more copies of a row than it has neighbours."""
        if graph.hidden is None or self.mode == "exact":
            return None
        rows, others, distances = graph.hidden
        near = distances < self._radius(median)
        return Pairs(rows[near], others[near], distances[near])

    def _close(self, graph: KNNGraph, median: float, features: FloatArray | None) -> BoolArray:
        """Which neighbours are duplicates, shape (N, k)."""
        radius = self._radius(median)
        near = graph.distances < radius
        if self.absolute_threshold is not None:
            near |= graph.distances == np.float32(radius)
        if self.mode == "near":
            return near
        if features is None:
            return graph.distances < EQUAL
        # Rounding can set equal rows a little apart; that they are equal decides.
        return equal_neighbours(features, graph.indices, near | (graph.distances < EQUAL))

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        others = list(row["near_duplicate_sets"])
        names = ", ".join(str(other) for other in others[:5]) + (", …" if len(others) > 5 else "")
        told = f"row {names}" if len(others) == 1 else f"rows {names}"
        equal = row["distance_to_nearest_neighbor"] < EQUAL
        alike = "equal to" if equal else "nearly the same as"
        return f"{alike} {told}" if others else "no other row is nearly the same"


def _both_ways(left: IndexArray, right: IndexArray, length: FloatArray) -> Pairs:
    """Pairs in both directions, each once, by row and then from near to far."""
    rows, others = np.append(left, right), np.append(right, left)
    both = np.unique(np.column_stack([rows, others]), axis=0, return_index=True)[1]
    lengths = np.append(length, length)[both]
    order = both[np.lexsort((others[both], lengths, rows[both]))]
    return Pairs(rows[order], others[order], np.append(length, length)[order])


def _new_ids(pairs: Pairs, old_ids: IndexArray, n_new: int) -> IndexArray:
    """The set of each new row: that of a known row that it is near to, or a new number."""
    n_old = len(old_ids)
    group = components(pairs.left, pairs.right, n_old + n_new)
    ids = np.full(n_new, -1, dtype=np.intp)
    number = np.full(int(group.max(initial=0)) + 1, -1, dtype=np.intp)
    in_set = np.flatnonzero(old_ids >= 0)[::-1]  # the first of several sets decides
    number[group[in_set]] = old_ids[in_set]
    touched = np.unique(pairs.left[pairs.left >= n_old]) - n_old
    groups = group[touched + n_old]
    free = np.unique(groups[number[groups] < 0])
    number[free] = int(old_ids.max(initial=-1)) + 1 + np.arange(len(free))
    ids[touched] = number[groups]
    return ids


def _label_quality(
    labels: Any, pred_probs: Probs | None, predictions: FloatArray | None
) -> NDArray[np.float64]:
    """How likely each label is right, higher is better; a missing label is worst."""
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "f" and predictions is not None:
        return -np.nan_to_num(np.abs(labels - predictions), nan=np.inf)
    if labels is None or pred_probs is None:
        raise NotApplicable(
            "keep='label_quality' needs labels and probabilities: give label_name= to Datalab, and "
            "pred_probs= or features="
        )
    probs = np.nan_to_num(pred_probs, nan=0.0).astype(np.float64)
    if isinstance(labels, np.ndarray):
        quality = given_probs(np.maximum(labels, 0), probs)
        return np.where(labels >= 0, quality, -1.0)
    labelled = np.array([-1 not in one for one in labels])
    present = label_sets(
        [one if known else [] for one, known in zip(labels, labelled, strict=True)], probs.shape[1]
    )
    return np.where(labelled, np.where(present, probs, 1 - probs).mean(axis=1), -1.0)
