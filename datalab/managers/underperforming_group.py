"""Groups of similar examples that the model predicts badly."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from datalab._check import choice, did_you_mean, finite_number, unit_number, whole_number
from datalab._core.count import given_probs
from datalab._core.group import Groups, density_groups, group_confidence
from datalab._typing import Codes, FloatArray, IndexArray, Probs
from datalab.exceptions import InputError, NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind, percent
from datalab.neighbors.graph import KNNGraph

__all__ = ["UnderperformingGroup"]

# What cleanlab tells when no group is bad enough.
NO_GROUP = -2
# How far apart neighbours are that belong together: found from the data, or always the same.
DATA, FIXED = "data", "fixed"
# The parameters of DBSCAN where nothing is said.
EPS, MIN_SAMPLES = 0.5, 5
# From coarse to fine: the share of the rows that have `min_samples` rows within the distance.
SHARES = (0.95, 0.85, 0.75, 0.5)


@dataclass(frozen=True)
class UnderperformingGroup:
    """A group of similar examples whose labels the model finds much less likely than others.

    Groups are clusters of the graph of neighbours by DBSCAN, or are given as ``cluster_ids``:
    ``find_issues({"underperforming_group": {"cluster_ids": ids}})``. The score of an example is
    the mean probability of the given labels in its group, relative to that in all groups.

    How near the members of a group are to each other depends on the data and on the metric, so the
    distance comes from the distances of neighbours: the one within which nearly all rows (95 %)
    have enough neighbours to belong to a group, and where no group is bad enough then, fewer of
    them (down to 50 %), which makes smaller groups.

    Parameters
    ----------
    metric : str, optional
        How features are compared; by default chosen from the data.
    threshold : float
        In [0, 1]. The worst group is flagged when it has less than this share of the mean
        probability.
    k : int
        Number of neighbours; a graph that is given is used whole.
    clustering_kwargs : mapping, optional
        Parameters of `sklearn.cluster.DBSCAN`; above all ``eps``, the distance up to which
        neighbours belong together, and ``min_samples`` (5). Of two rows it is enough that one is
        among the neighbours of the other, save under ``scale="fixed"``.
    min_cluster_samples : int
        Smaller groups are left out.
    scale : {"data", "fixed"}, optional
        Where ``eps`` is not given: by default it is found from the data; "fixed" takes 0.5, as
        the reference does.

    Notes
    -----
    Time and memory are linear in rows times neighbours.

    A class of which the model is sure to be wrong is found with a mean F1 (of its rows, over the
    classes) of .54 in the handwritten digits of scikit-learn, .97 in eight clusters in 8 dimensions
    and .99 in two moons; with ``scale="fixed"`` 0, .26 and 1.

    References
    ----------
    M. Ester et al.: A density-based algorithm for discovering clusters, KDD 1996; section 4.2 has
    the distance to the neighbour that makes ``min_samples`` (the "sorted k-dist graph"), from
    which ``eps`` follows when the share of the rows in no group is known.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab._check import labels_and_probs
    >>> pred_probs = np.array([[0.99, 0.01]] * 20 + [[0.05, 0.95]] * 10)
    >>> labels, probs = labels_and_probs(np.zeros(30, dtype=int), pred_probs)
    >>> ids = np.repeat([0, 1], [20, 10])
    >>> found = UnderperformingGroup().find_issues(labels, probs, cluster_ids=ids)
    >>> found.num_issues, found.info["clustering"]["stats"]["underperforming_cluster_id"]
    (10, 1)
    """

    metric: Any = None
    threshold: float = 0.1
    k: int = 10
    clustering_kwargs: Mapping[str, Any] = field(default_factory=dict)
    min_cluster_samples: int = 5
    scale: str | None = None

    name: ClassVar[str] = "underperforming_group"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    any_of: ClassVar[tuple[str, ...]] = ("cluster_ids", "knn_graph")
    description: ClassVar[str] = "A group of similar examples that the model predicts badly."
    advice: ClassVar[str] = (
        "Look at what the group has in common: collect more such examples, or check their labels."
    )
    reference: ClassVar[dict[str, Any]] = {"scale": FIXED}
    produces: ClassVar[dict[str, Kind]] = {
        "nearest_neighbor": "row",
        "group": "number",
        "group_size": "number",
        "group_confidence": "number",
    }
    # What the reference does not have.
    extras: ClassVar[tuple[str, ...]] = ("group", "group_size", "group_confidence", "groups")

    def __post_init__(self) -> None:
        """Check the options."""
        unit_number(self.threshold, name="threshold")
        whole_number(self.k, name="k", least=1)
        whole_number(self.min_cluster_samples, name="min_cluster_samples", least=1)
        if self.scale is not None:
            choice(self.scale, (DATA, FIXED), name="scale")

    def find_issues(
        self,
        labels: Codes,
        pred_probs: Probs,
        knn_graph: KNNGraph | None = None,
        cluster_ids: IndexArray | None = None,
    ) -> Findings:
        """Find the group that the model predicts worst, and flag it if it is bad enough."""
        info: dict[str, Any] = {"k": self.k, "metric": None, "threshold": self.threshold}
        confidence = given_probs(labels, pred_probs)
        if cluster_ids is not None:
            clustering: dict[str, Any] = {"algorithm": None, "params": {}}
            ids = _whole(cluster_ids)
            groups = group_confidence(ids, confidence, min_size=self.min_cluster_samples)
        elif knn_graph is not None:
            graph = knn_graph.nearest(self.k)
            ids, groups, params = self._clustered(graph, confidence)
            clustering = {"algorithm": "DBSCAN", "params": params}
            info |= {
                "k": graph.k,
                "metric": graph.metric,
                "nearest_neighbor": graph.indices[:, 0].astype(np.intp),
                "distance_to_nearest_neighbor": graph.distances[:, 0].astype(np.float64),
            }
        else:
            raise NotApplicable("needs cluster_ids or knn_graph: give features= or knn_graph=")
        if not len(groups.ids):
            raise NotApplicable(
                self._no_groups(params["eps"], graph)
                if cluster_ids is None
                else "none of the groups in cluster_ids has "
                f"{self.min_cluster_samples} rows or more"
            )
        return self._found(ids, groups, clustering, info)

    def _clustered(
        self, graph: KNNGraph, confidence: FloatArray
    ) -> tuple[IndexArray, Groups, dict[str, Any]]:
        """Clusters, what the model makes of them, and the parameters that made them.

        The coarsest clusters with a group that is bad enough; without any, the coarsest ones of
        which there are several.
        """
        least = self.min_cluster_samples
        tried = []
        for eps in self._distances(graph):
            params = {"metric": "precomputed", "eps": eps, **self.clustering_kwargs}
            ids = _clusters(graph, params, both_ways=self.scale != FIXED)
            groups = group_confidence(ids, confidence, min_size=least)
            tried.append((ids, groups, params))
            if groups.ratio.min(initial=1.0) < self.threshold:
                return tried[-1]
        return next((one for one in tried if len(one[1].ids) > 1), tried[0])

    def _distances(self, graph: KNNGraph) -> list[float]:
        """The distances up to which neighbours may belong together, from far to near."""
        if "eps" in self.clustering_kwargs:
            return [self.clustering_kwargs["eps"]]
        if self.scale == FIXED:
            return [EPS]
        # A row is one of its own `min_samples`.
        least = self.clustering_kwargs.get("min_samples", MIN_SAMPLES)
        others = whole_number(least, name="clustering_kwargs['min_samples']", least=1) - 1
        reach = graph.distances[:, min(max(others, 1), graph.k) - 1]
        found = np.quantile(reach, SHARES, method="higher")
        # Copies are at distance 0, but DBSCAN wants a positive one.
        positive = np.maximum(found, np.finfo(np.float32).tiny)
        return sorted({float(eps) for eps in positive}, reverse=True)

    def _found(
        self, ids: IndexArray, groups: Groups, clustering: dict[str, Any], info: dict[str, Any]
    ) -> Findings:
        worst = int(groups.ratio.argmin())
        summary = min(float(groups.ratio[worst]), 1.0)
        bad = summary < self.threshold
        # What stands at the end is for rows without a group, whose place is -1.
        of_row = groups.of_row
        stats = {
            "n_clusters": len(groups.ids),
            "cluster_ids": ids,
            "underperforming_cluster_id": int(groups.ids[worst]) if bad else NO_GROUP,
        }
        return Findings(
            self.name,
            is_issue=(of_row == worst) & bad,
            score=np.minimum(np.append(groups.ratio, 1.0), 1.0)[of_row],
            summary=summary,
            columns={
                "group": np.append(groups.ids, -1)[of_row],
                "group_size": np.append(groups.sizes, 0)[of_row],
                "group_confidence": np.append(groups.confidence, np.nan)[of_row],
            },
            info={
                **info,
                "clustering": {**clustering, "stats": stats},
                "groups": {
                    "id": groups.ids,
                    "size": groups.sizes,
                    "confidence": groups.confidence,
                    "overall_confidence": groups.overall,
                },
            },
        )

    def _no_groups(self, eps: float, graph: KNNGraph) -> str:
        near = float(np.median(graph.distances[:, min(MIN_SAMPLES, graph.k) - 1]))
        return (
            f"there are no groups of {self.min_cluster_samples} rows or more within the distance "
            f"{eps:.3g}: give cluster_ids, or clustering_kwargs={{'eps': …}} (five neighbours are "
            f"typically within {near:.2g})"
        )

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        told = f"the labels of its group are {percent(row['score'])} as likely as the average"
        if "group_size" not in row or row["group"] < 0:
            return told if row["score"] < 1 else "it belongs to no group that is predicted badly"
        return (
            f"group {row['group']} of {row['group_size']} rows: the model gives the labels "
            f"{percent(row['group_confidence'])}, only {percent(row['score'])} of what it gives "
            "to all"
        )


def _whole(cluster_ids: Any) -> IndexArray:
    ids = np.asarray(cluster_ids)
    whole: IndexArray = ids.astype(np.intp)
    if not np.array_equal(whole, ids):
        row = int(np.flatnonzero(whole != ids)[0])
        raise InputError(
            f"`cluster_ids` must be whole numbers, -1 for no group; got {ids[row]} in row {row}"
        )
    return whole


def _clusters(graph: KNNGraph, params: Mapping[str, Any], *, both_ways: bool) -> IndexArray:
    """Cluster of each row by DBSCAN on the graph, -1 for none."""
    from sklearn.cluster import DBSCAN
    from sklearn.exceptions import EfficiencyWarning

    known = DBSCAN().get_params()
    for name in params:
        if name not in known:
            raise InputError(f"`clustering_kwargs` has {name!r}: {did_you_mean(name, known)}")
    eps = params.get("eps", EPS)
    finite_number(eps, name="clustering_kwargs['eps']")
    if eps <= 0:
        raise InputError(f"`clustering_kwargs['eps']` is a distance and must be > 0, got {eps}")
    if both_ways:
        return density_groups(_within(graph, eps), params.get("min_samples", MIN_SAMPLES))
    with warnings.catch_warnings():
        # Older scikit-learn adds the diagonal, and then warns that rows are no longer sorted.
        warnings.simplefilter("ignore", EfficiencyWarning)
        ids: IndexArray = DBSCAN(**params).fit_predict(graph.to_csr()).astype(np.intp)
    return ids


def _within(graph: KNNGraph, eps: float) -> Any:
    """The pairs of neighbours within a distance, in both directions, as a CSR matrix.

    Whom DBSCAN comes upon first would decide about neighbours that are so one way only: of many
    copies, say, which all list the same few ones.
    """
    from scipy.sparse import csr_array

    row, place = np.nonzero(graph.distances <= np.float64(eps))
    pairs = row.astype(graph.indices.dtype), graph.indices[row, place]
    shape = graph.n_rows, graph.n_rows
    near = csr_array((np.ones(len(row), dtype=np.int8), pairs), shape=shape)
    return near + near.T
