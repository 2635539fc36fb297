"""Examples unlike all others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab._check import as_array, choice, did_you_mean, unit_number, whole_number
from datalab._core.count import confident_thresholds
from datalab._core.outlier import (
    METHODS,
    distance_cut,
    distance_scores,
    mean_distances,
    probability_cut,
    probability_scores,
    rounding_noise,
    scale_of,
)
from datalab._typing import BoolArray, Codes, FloatArray, Probs
from datalab.exceptions import InputError, NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind
from datalab.neighbors.graph import KNNGraph

__all__ = ["Outlier"]

# Tukey's usual fence, 1.7 IQR; and the share of the median certainty (cleanlab's defaults).
DISTANCE_THRESHOLD, PROBABILITY_THRESHOLD = 0.37037, 0.13
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
    ood_kwargs : mapping, optional
        Parameters of `datalab.outlier.OutOfDistribution`; they win over the others.
    method, adjust_pred_probs, confident_thresholds, M, gamma
        Of the score from pred_probs, as in `datalab.outlier.OutOfDistribution`. Without labels
        probabilities are not adjusted.

    References
    ----------
    J. Kuan, J. Mueller: Back to the basics: revisiting out-of-distribution detection baselines,
    ICML workshop 2022.

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

    name: ClassVar[str] = "outlier"
    any_of: ClassVar[tuple[str, ...]] = ("knn_graph", "pred_probs")
    description: ClassVar[str] = "Examples unlike all others."
    advice: ClassVar[str] = "Look at them: drop what does not belong, keep what is merely rare."
    produces: ClassVar[dict[str, Kind]] = {
        "nearest_neighbor": "row",
        "distance_to_nearest_neighbor": "number",
        "times_typical_distance": "number",
    }
    extras: ClassVar[tuple[str, ...]] = ("times_typical_distance", "typical_distance")

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
        choice(self.method, METHODS, name="method")
        for name in ("t", "scaling_factor", "threshold"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, str) or not value >= 0):
                raise InputError(f"`{name}` must be a number >= 0, got {value!r}")

    def find_issues(
        self,
        knn_graph: KNNGraph | None = None,
        pred_probs: Probs | None = None,
        labels: Codes | None = None,
    ) -> Findings:
        """Flag and score examples."""
        if knn_graph is not None:
            return self._by_distance(knn_graph)
        if pred_probs is None:
            raise NotApplicable("needs knn_graph or pred_probs: give features= or pred_probs=")
        if labels is not None and not _are_classes(labels):
            raise NotApplicable(
                "pred_probs tell outliers only where every example has one class: give features="
            )
        return self._by_probability(pred_probs, labels)

    def _by_distance(self, knn_graph: KNNGraph) -> Findings:
        graph = knn_graph.nearest(self.k)
        threshold = DISTANCE_THRESHOLD if self.threshold is None else self.threshold
        cut_share = unit_number(threshold, name="threshold")
        means = mean_distances(graph.distances)
        scale = scale_of(means) if self.scaling_factor is None else float(self.scaling_factor)
        score = distance_scores(means, scale=scale, t=self.t, noise=rounding_noise(graph.metric))
        cut = distance_cut(means, cut_share)
        nearest = graph.indices[:, 0].astype(np.intp)
        return self._found(
            means > cut,
            score,
            columns={"times_typical_distance": means / scale_of(means)},
            threshold=threshold,
            issue_threshold=cut,
            k=graph.k,
            scaling_factor=scale,
            metric=graph.metric,
            typical_distance=scale_of(means),
            nearest_neighbor=nearest,
            distance_to_nearest_neighbor=graph.distances[:, 0].astype(np.float64),
        )

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
            labels, pred_probs = Codes(labels[known]), Probs(pred_probs[known])
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

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        if "times_typical_distance" in row:
            return f"{row['times_typical_distance']:.1f} times as far from its neighbours as usual"
        if self.method == "least_confidence":
            return "the model is sure of no class"
        return "the model is about equally unsure of all classes"


def _are_classes(labels: Any) -> bool:
    """Whether these are codes of classes, not targets or lists of classes."""
    return isinstance(labels, np.ndarray) and labels.dtype.kind in "iu" and labels.ndim == 1
