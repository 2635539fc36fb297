"""A class with too few examples."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from datalab._check import unit_number
from datalab._typing import Codes
from datalab.exceptions import NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind

__all__ = ["ClassImbalance"]


@dataclass(frozen=True)
class ClassImbalance:
    """The rarest class, when its share is far below an even share.

    Parameters
    ----------
    threshold : float
        In [0, 1]. The rarest class is flagged when its share of the examples is below
        ``threshold / K``, a fraction of the even share ``1 / K``.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.array([0] * 60 + [1] * 2)
    >>> found = ClassImbalance().find_issues(labels)
    >>> found.num_issues, round(found.summary, 3)
    (2, 0.032)
    """

    threshold: float = 0.1

    name: ClassVar[str] = "class_imbalance"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    description: ClassVar[str] = "Examples of a class that is much rarer than the others."
    advice: ClassVar[str] = "Collect more examples of the rare class, or weight it in training."
    produces: ClassVar[dict[str, Kind]] = {"given_label": "class"}
    extras: ClassVar[tuple[str, ...]] = ("class_counts",)

    def __post_init__(self) -> None:
        """Check the threshold."""
        unit_number(self.threshold, name="threshold")

    def find_issues(self, labels: Codes, class_names: tuple[Any, ...] | None = None) -> Findings:
        """Find the rarest class and flag its examples if it is too rare."""
        counts = np.bincount(labels, minlength=len(class_names or ()))
        present = np.flatnonzero(counts)
        if len(present) < 2:
            raise NotApplicable(f"needs at least two classes, found {len(present)}")
        rarest = int(present[counts[present].argmin()])
        share = counts[rarest] / len(labels)
        too_rare = bool(share < self.threshold / len(present))
        rare = labels == rarest
        names = class_names or range(len(counts))
        return Findings(
            self.name,
            is_issue=rare & too_rare,
            score=np.where(rare, share, 1.0),
            columns={"given_label": labels},
            summary=float(share),
            info={
                "threshold": self.threshold,
                "Rarest Class": names[rarest] if too_rare else "NA",
                "given_label": labels,
                "class_counts": {str(names[k]): int(counts[k]) for k in range(len(counts))},
            },
        )

    def explain(self, row: dict[str, Any]) -> str:
        """Why the row was flagged."""
        return f"only {row['score']:.1%} of the examples are {row['given_label']!r}"
