"""All findings of a lab as one table."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from datalab.lab import Datalab

__all__ = ["findings_frame"]


def findings_frame(lab: "Datalab") -> "pd.DataFrame":
    """Flags, scores and further columns of every check, in row order.

    The first column, ``row``, is the position in the data set, the index the user's own. A column
    that two checks produce carries the name of the check in front.
    """
    frame = lab.issues
    frame.insert(0, "row", range(len(frame)))
    for outcome in lab.outcomes:
        if outcome.findings is None or not outcome.findings.columns:
            continue
        further = lab.get_issues(outcome.name)
        for name in outcome.findings.columns:
            free = name if name not in frame.columns else f"{outcome.name}_{name}"
            frame[free] = further[name]
    return frame
