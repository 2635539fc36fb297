"""The scores of a check, and the cut below which rows are flagged."""

from typing import Any, ClassVar

import numpy as np

from datalab._typing import FloatArray
from datalab.views.base import View, buffer
from datalab.views.cells import counted

__all__ = ["Histogram"]

N_BINS = 256  # places of the slider; bars show four of them together


class Histogram(View):
    """How scores are spread, with a slider: the page counts, and tells the cut when it rests."""

    modules: ClassVar[tuple[str, ...]] = ("histogram",)
    watches: ClassVar[frozenset[str]] = frozenset({"issue", "findings"})

    def drawn(self) -> dict[str, Any]:
        """Rows, and rows that the check flags itself, in equal parts of the scores."""
        session = self.session
        findings = session.findings()
        if findings is None or not len(findings.score):
            return {"title": "", "rows": b"", "flagged": b"", "edges": b""}
        edges = _edges(findings.score)
        bins = np.searchsorted(edges, findings.score, side="right") - 1
        bins = np.minimum(bins, N_BINS - 1)
        rows = np.bincount(bins, minlength=N_BINS)
        flagged = np.bincount(bins[findings.is_issue], minlength=N_BINS)
        return {
            "title": session.lab._outcomes[session.issue].spec.title,
            "checked": counted(len(findings.score), "row"),
            "rows": buffer(rows, "<u4"),
            "flagged": buffer(flagged, "<u4"),
            "edges": buffer(edges, "<f8"),
        }


def _edges(scores: FloatArray) -> FloatArray:
    """From 0 to the highest score: a cut at an edge flags exactly the rows of the bins below."""
    top = float(scores.max())
    edges: FloatArray = np.linspace(0.0, np.nextafter(top, 2.0) if top else 1.0, N_BINS + 1)
    return edges
