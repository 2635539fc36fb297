"""Given × suggested classes: how often each pair occurs, as counts, rates or expected errors."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab.views.base import View, buffer

__all__ = ["Heatmap"]

MOST_CLASSES = 400  # of more classes those are shown that are most often in doubt


class Heatmap(View):
    """Rows by given and suggested class; choosing a cell lists its examples."""

    modules: ClassVar[tuple[str, ...]] = ("heatmap",)
    watches: ClassVar[frozenset[str]] = frozenset({"findings"})

    def drawn(self) -> dict[str, Any]:
        """The counts, what the label check expects of each cell, and the orders of the classes."""
        facts = self.session.facts
        k = len(self.session.lab.class_names)
        known = (facts.given >= 0) & (facts.suggested >= 0) if k > 1 else np.zeros(0, dtype=bool)
        if not known.any():
            return {"names": []}
        counts = _counted(facts.given[known], facts.suggested[known], k)
        doubt = _off_diagonal(counts).sum(axis=0) + _off_diagonal(counts).sum(axis=1)
        shown = np.sort(np.argsort(-doubt, kind="stable")[:MOST_CLASSES])
        part = counts[np.ix_(shown, shown)]
        expected = self._expected(k)
        names = facts.class_texts()
        return {
            "names": [names[code] for code in shown],
            "codes": shown.tolist(),
            "hidden": k - len(shown),
            "counts": buffer(part, "<u4"),
            "expected": b"" if expected is None else buffer(expected[np.ix_(shown, shown)], "<f4"),
            "orders": {
                "class": list(range(len(shown))),
                "noise": np.argsort(-doubt[shown], kind="stable").tolist(),
                "similar": clustered(part),
            },
        }

    def _expected(self, k: int) -> NDArray[Any] | None:
        """Rows of each cell by the calibrated confident joint of the label check."""
        findings = self.session.facts.findings("label")
        joint = None if findings is None else findings.info.get("confident_joint")
        return None if joint is None or np.shape(joint) != (k, k) else np.asarray(joint)


def _counted(given: NDArray[Any], suggested: NDArray[Any], k: int) -> NDArray[np.int64]:
    return np.bincount(given * k + suggested, minlength=k * k).reshape(k, k)


def _off_diagonal(counts: NDArray[Any]) -> NDArray[Any]:
    rest: NDArray[Any] = counts - np.diag(np.diag(counts))
    return rest


def clustered(counts: NDArray[Any]) -> list[int]:
    """An order of the classes in which those that are taken for each other stand together.

    Parameters
    ----------
    counts : ndarray of shape (K, K)
        Rows by given and suggested class.

    Notes
    -----
    Average linkage on one minus the mean of the two rates of confusion, leaves ordered so that
    neighbours are as near as the tree allows (Bar-Joseph et al., Bioinformatics 17, 2001).
    O(K³) at worst.

    Examples
    --------
    >>> import numpy as np
    >>> clustered(np.array([[9, 0, 5], [0, 9, 0], [5, 0, 9]])).index(1) != 1
    True
    """
    k = len(counts)
    if k < 3:
        return list(range(k))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    rates = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    away = 1.0 - (rates + rates.T) / 2
    np.fill_diagonal(away, 0.0)
    tree = linkage(squareform(away, checks=False), "average", optimal_ordering=True)
    order: list[int] = leaves_list(tree).tolist()
    return order
