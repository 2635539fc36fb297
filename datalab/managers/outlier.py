"""Examples unlike all others."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab._check import (
    as_array,
    choice,
    did_you_mean,
    some_rows,
    unit_number,
    whole_number,
)
from datalab._core.count import confident_thresholds
from datalab._core.outlier import (
    METHODS,
    Tail,
    class_scales,
    distance_cut,
    distance_scores,
    mean_distances,
    pooled_remoteness,
    probability_cut,
    probability_scores,
    rounding_noise,
    scale_of,
)
from datalab._typing import BoolArray, Codes, FloatArray, Probs
from datalab.exceptions import InputError, NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind, percent
from datalab.managers.odd_values import odd_values
from datalab.managers.remoteness import Columns, forest_remoteness, sample_remoteness
from datalab.neighbors.graph import KNNGraph
from datalab.neighbors.search import filled_columns

__all__ = ["Outlier"]

# Tukey's usual fence, 1.7 IQR; and the share of the median certainty (cleanlab's defaults).
DISTANCE_THRESHOLD, PROBABILITY_THRESHOLD = 0.37037, 0.13
# Expected share of clean rows that are flagged, at most.
FALSE_ALARMS = 0.05
OOD_KEYS = ("method", "adjust_pred_probs", "confident_thresholds", "M", "gamma", "k", "t")


@dataclass(frozen=True)
class Outlier:
    """Examples far from their neighbours, or of which a classifier is unsure of everything.

    From the nearest neighbours when there are features or a graph, otherwise from pred_probs.

    Parameters
    ----------
    k : int
        Number of neighbours; a graph that is given is used whole.
    t : float
        The score is ``exp(-t * mean distance / scaling_factor)``.
    metric : str, optional
        How features are compared; by default chosen from the data.
    scaling_factor : float, optional
        By default the median of the mean distances.
    threshold : float, optional
        With neighbours, in [0, 1], default 0.37: flagged beyond ``Q3 + (1 / threshold - 1) * IQR``
        of the mean distances. With pred_probs, at least 0, default 0.13: flagged when the score is
        below ``threshold`` times the median score.
    false_alarms : float, optional
        With neighbours, in [0, 1]: at most this share of clean rows is expected to be flagged, as
        the tail of the data tells (`datalab._core.outlier.Tail`). By default 0.05 where there are
        features and no `threshold` is given; a graph alone is judged by the fence alone, as in
        cleanlab. With a `threshold` as well the flag needs both.
    ood_kwargs : mapping, optional
        Parameters of `datalab.outlier.OutOfDistribution`; they win over the others.
    isolation : bool, optional
        Whether an isolation forest has a say beside the distances. By default it has where
        features are a table: fewer than 32 columns, or columns that repeat their values (codes,
        counts, pixels), or whose units differ.
    samples : bool, optional
        Whether the distances to small samples of the data have a say beside those to neighbours
        (`datalab._core.subsamples`). By default they have where there are features: in the metric
        of the graph, and from 32 columns on, unless `metric` is given, also by Euclidean distance
        or direction where the other may be right (`datalab.managers.remoteness`).
    by_class : bool
        Whether distances are told in units of what is typical of the example's class, where there
        are labels and the class has twenty examples. Finds a little more where classes are
        unequally dense (area under the ROC curve .952 to .959 on three sets with noisy rows), and
        hides outliers that are a class of their own (.90 to .50); so it is not the default.
    seed : int
        Of the forest and the samples.
    method, adjust_pred_probs, confident_thresholds, M, gamma
        Of the score from pred_probs, as in `datalab.outlier.OutOfDistribution`. Without labels
        probabilities are not adjusted.

    Notes
    -----
    With samples and forest, the mean distance is corrected by how far an example is from small
    samples of the data, and by how soon random cuts isolate it
    (`datalab._core.outlier.pooled_remoteness`). On three tables with known outliers this raises
    the area under the ROC curve from .813 to .895 (with the forest alone .884); on 23 kinds of
    tables and representations from .748 to .814 as shipped and from .762 to .812 with standardised
    columns (cleanlab .694 and .696). On representations of many tight classes neighbours alone are
    a little better (.778, .754). All figures, and what did not help:
    ``tests/benchmarks/quality/bench_outliers.py``. Beside the neighbour search it takes three
    seconds for 100,000 rows of 64 columns.

    False alarms: of clean data in eleven shapes from uniform to Cauchy, in 2 to 40 columns, the
    fence alone flags 5.0 % of the rows (up to 17); with ``false_alarms=0.05`` it is 2.9 %, and at
    most 3.6 in any shape; with 0.01 it is 0.3 % and 0.8.

    `odd_value` names, for flagged rows of a table, the number farthest outside its column.

    References
    ----------
    J. Kuan, J. Mueller: Back to the basics: revisiting out-of-distribution detection baselines,
    ICML workshop 2022. F. Liu, K. Ting, Z. Zhou: Isolation forest, ICDM 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.neighbors import knn_graph
    >>> features = np.random.default_rng(0).normal(size=(100, 2))
    >>> features[7] = 9
    >>> found = Outlier().find_issues(knn_graph=knn_graph(features, k=10))
    >>> int(found.score.argmin()), bool(found.is_issue[7])
    (7, True)
    """

    k: int = 10
    t: float = 1
    metric: Any = None
    scaling_factor: float | None = None
    threshold: float | None = None
    ood_kwargs: Mapping[str, Any] | None = None
    method: str = "entropy"
    adjust_pred_probs: bool = True
    confident_thresholds: Any = None
    M: int = 100
    gamma: float = 0.1
    isolation: bool | None = None
    samples: bool | None = None
    false_alarms: float | None = None
    by_class: bool = False
    seed: int = 0

    name: ClassVar[str] = "outlier"
    any_of: ClassVar[tuple[str, ...]] = ("knn_graph", "pred_probs")
    reference: ClassVar[dict[str, Any]] = {
        "isolation": False,
        "samples": False,
        "false_alarms": 1.0,
    }
    not_made_beside: ClassVar[dict[str, tuple[str, ...]]] = {"features": ("knn_graph",)}
    description: ClassVar[str] = "Examples unlike all others."
    advice: ClassVar[str] = "Look at them: drop what does not belong, keep what is merely rare."
    produces: ClassVar[dict[str, Kind]] = {
        "nearest_neighbor": "row",
        "distance_to_nearest_neighbor": "number",
        "times_typical_distance": "number",
        "tail_probability": "number",
        "odd_value": "text",
    }
    extras: ClassVar[tuple[str, ...]] = (
        "times_typical_distance",
        "typical_distance",
        "isolation_forest",
        "samples",
        "tail_probability",
        "false_alarm_rate",
        "odd_value",
    )

    def __post_init__(self) -> None:
        """Check the options; those in `ood_kwargs` take their places."""
        options = dict(self.ood_kwargs or {})
        options |= options.pop("params", {})
        for key, value in options.items():
            if key not in OOD_KEYS:
                raise InputError(f"`ood_kwargs` has {key!r}: {did_you_mean(key, OOD_KEYS)}")
            object.__setattr__(self, key, value)
        whole_number(self.k, name="k", least=1)
        whole_number(self.M, name="M", least=1)
        whole_number(self.seed, name="seed", least=0)
        choice(self.method, METHODS, name="method")
        for name in ("t", "scaling_factor", "threshold"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, str) or not value >= 0):
                raise InputError(f"`{name}` must be a number >= 0, got {value!r}")
        if self.false_alarms is not None:
            unit_number(self.false_alarms, name="false_alarms")

    def find_issues(
        self,
        knn_graph: KNNGraph | None = None,
        pred_probs: Probs | None = None,
        labels: Codes | None = None,
        features: FloatArray | None = None,
        table: Any = None,
    ) -> Findings:
        """Flag and score examples."""
        if knn_graph is not None:
            found = self._by_distance(knn_graph, features, labels)
            if table is not None:
                told = odd_values(table, found.is_issue)
                found = replace(found, columns={**found.columns, "odd_value": told})
            return found
        if pred_probs is None:
            raise NotApplicable("needs knn_graph or pred_probs: give features= or pred_probs=")
        if labels is not None and not _are_classes(labels):
            raise NotApplicable(
                "pred_probs tell outliers only where every example has one class: give features="
            )
        return self._by_probability(pred_probs, labels)

    @property
    def unused(self) -> tuple[str, ...]:
        """Features are looked at by forest and samples only."""
        return ("features",) if self.isolation is False and self.samples is False else ()

    def _by_distance(
        self, knn_graph: KNNGraph, features: FloatArray | None, labels: Codes | None
    ) -> Findings:
        graph = knn_graph.nearest(self.k)
        threshold = DISTANCE_THRESHOLD if self.threshold is None else self.threshold
        cut_share = unit_number(threshold, name="threshold")
        means = mean_distances(graph.distances)
        sampled, forest = self._witnesses(graph, features)
        means = pooled_remoteness(means, *sampled, *forest)
        if self.by_class:
            if labels is None or not _are_classes(labels):
                raise NotApplicable("by_class=True needs class labels: give label_name=")
            means = means / class_scales(means, labels)
        scale = scale_of(means) if self.scaling_factor is None else float(self.scaling_factor)
        score = distance_scores(means, scale=scale, t=self.t, noise=rounding_noise(graph.metric))
        tail = Tail.of(means)
        rate = self._rate(by_default=features is not None)
        cut = tail.cut(rate)
        if rate >= 1 or self.threshold is not None:
            cut = max(cut, distance_cut(means, cut_share))
        nearest = graph.indices[:, 0].astype(np.intp)
        return self._found(
            means > cut,
            score,
            columns={
                "times_typical_distance": means / scale_of(means),
                "tail_probability": tail.probability(means),
            },
            false_alarm_rate=min(rate, tail.rate(cut)),
            threshold=threshold,
            issue_threshold=cut,
            k=graph.k,
            scaling_factor=scale,
            metric=graph.metric,
            typical_distance=scale_of(means),
            isolation_forest=bool(forest),
            samples=bool(sampled),
            nearest_neighbor=nearest,
            distance_to_nearest_neighbor=graph.distances[:, 0].astype(np.float64),
        )

    def _rate(self, *, by_default: bool) -> float:
        """At most this share of clean rows may be flagged; 1 where nothing is promised."""
        if self.false_alarms is not None:
            return self.false_alarms
        return FALSE_ALARMS if by_default and self.threshold is None else 1.0

    def _witnesses(
        self, graph: KNNGraph, features: FloatArray | None
    ) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        """What samples and forest say about how remote rows are; nothing where they have no say."""
        features = filled_columns(features)
        if not isinstance(features, np.ndarray) or not features.shape[1]:
            return [], []
        columns, one_metric = Columns.of(features), self.metric is not None
        sampled: list[NDArray[np.float64]] = []
        if self.samples is not False:
            sampled = sample_remoteness(graph, features, columns, self.seed, one_metric=one_metric)
        grown = columns.is_table if self.isolation is None else self.isolation
        return sampled, [forest_remoteness(features, self.seed)] if grown else []

    def _by_probability(self, pred_probs: Probs, labels: Codes | None) -> Findings:
        threshold = PROBABILITY_THRESHOLD if self.threshold is None else self.threshold
        thresholds = self._confident_thresholds(pred_probs, labels)
        score = probability_scores(
            pred_probs, self.method, thresholds=thresholds, m=self.M, gamma=self.gamma
        )
        score = np.clip(score, 0.0, 1.0)  # rounding
        cut = probability_cut(score, threshold)
        return self._found(
            score < cut,
            score,
            columns={},
            threshold=threshold,
            issue_threshold=cut,
            k=self.k,
            scaling_factor=None,
            adjust_pred_probs=thresholds is not None,
            confident_thresholds=thresholds,
        )

    def find_new(
        self, found: Findings, knn_graph: KNNGraph | None = None, pred_probs: Probs | None = None
    ) -> Findings:
        """Judge new rows by the typical distance, or the thresholds, of those that are known."""
        info = found.info
        by_distance = "times_typical_distance" in found.columns or "metric" in info
        if by_distance and knn_graph is not None and "typical_distance" in info:
            graph = knn_graph.first(info["k"])
            means = mean_distances(graph.distances)
            noise = rounding_noise(graph.metric)
            score = distance_scores(means, scale=info["scaling_factor"], t=self.t, noise=noise)
            times = {"times_typical_distance": means / info["typical_distance"]}
            return Findings(self.name, means > info["issue_threshold"], score, times)
        if by_distance or pred_probs is None:
            raise NotApplicable("needs features of the new rows, as they were given for the others")
        thresholds = info["confident_thresholds"]
        score = probability_scores(
            pred_probs, self.method, thresholds=thresholds, m=self.M, gamma=self.gamma
        )
        score = np.clip(score, 0.0, 1.0)
        return Findings(self.name, score < info["issue_threshold"], score)

    def _confident_thresholds(self, pred_probs: Probs, labels: Codes | None) -> FloatArray | None:
        """What to adjust by; None to leave the probabilities as they are."""
        if not self.adjust_pred_probs:
            return None
        if self.confident_thresholds is not None:
            given = as_array(self.confident_thresholds, name="confident_thresholds")
            if given.shape != (pred_probs.shape[1],):
                raise InputError(
                    f"`confident_thresholds` has shape {given.shape}; give one number for each of "
                    f"the {pred_probs.shape[1]} classes"
                )
            return given.astype(np.float64)
        if labels is None:
            return None
        known = np.flatnonzero(labels >= 0)
        if len(known) < len(labels):
            labels, pred_probs = some_rows(labels, known), some_rows(pred_probs, known)
        return confident_thresholds(labels, pred_probs)

    def _found(
        self,
        is_issue: BoolArray,
        score: NDArray[np.float64],
        *,
        columns: Mapping[str, Any],
        **told: Any,
    ) -> Findings:
        """Findings with everything in `info` that readers of cleanlab's expect there."""
        by_distance = "metric" in told
        ood = {
            "k": told["k"],
            "t": self.t,
            "knn": None if told.get("metric", "given") == "given" else "exact",
            "method": self.method,
            "adjust_pred_probs": self.adjust_pred_probs,
            "confident_thresholds": self.confident_thresholds,
            "M": self.M,
            "gamma": self.gamma,
        }
        ood |= {key: value for key, value in told.items() if key in ood}
        info = {
            "average_ood_score": float(score.mean()),
            **told,
            **ood,
            "ood": ood,
            "find_issues_inputs": {
                "features": False,
                "pred_probs": not by_distance,
                "knn_graph": by_distance,
            },
        }
        return Findings(self.name, is_issue=is_issue, score=score, columns=columns, info=info)

    def sum_up(self, found: Findings) -> str:
        """How many false alarms to expect."""
        if "false_alarm_rate" not in found.info or found.info["false_alarm_rate"] >= 1:
            return ""
        rate = percent(found.info["false_alarm_rate"])
        bound = f"less than {rate[1:]}" if rate.startswith("<") else f"at most {rate}"
        return f"expected false alarms: {bound} of the rows that are no outliers"

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        if "times_typical_distance" in row:
            told = f"{row['times_typical_distance']:.1f} times as far from its neighbours as usual"
            return f"{row['odd_value']}; {told}" if isinstance(row.get("odd_value"), str) else told
        if self.method == "least_confidence":
            return "the model is sure of no class"
        return "the model is about equally unsure of all classes"


def _are_classes(labels: Any) -> bool:
    """Whether these are codes of classes, not targets or lists of classes."""
    return isinstance(labels, np.ndarray) and labels.dtype.kind in "iu" and labels.ndim == 1
