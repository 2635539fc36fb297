"""What changed between two audits, as bars to both sides."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from datalab.plots import _draw as draw
from datalab.plots._plot import Plot
from datalab.views.cells import count

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["changes"]


def changes(counts: "pd.DataFrame | Mapping[str, Any]", *, ax: "Axes | None" = None) -> Plot:
    """Rows that are flagged now and were not (to the right), and the other way round (left).

    Parameters
    ----------
    counts : DataFrame or mapping
        Columns ``issue_type``, ``appeared`` and ``joined``, ``disappeared`` and ``left``, as
        ``lab.compare(other).summary()``.
    ax : matplotlib.axes.Axes, optional
        Draw here; by default a new figure is made.

    Returns
    -------
    Plot
        With the columns issue_type, new and gone in its frame.
    """
    names = [draw.text(name, 40).replace("_", " ") for name in counts["issue_type"]]
    new = np.asarray(counts["appeared"]) + np.asarray(counts["joined"])
    gone = np.asarray(counts["disappeared"]) + np.asarray(counts["left"])
    ax = ax if ax is not None else draw.axes(6.4, 1.1 + 0.34 * max(len(names), 1))
    places = np.arange(len(names))
    ax.barh(places, new, color=draw.GIVEN, height=0.62, label="flagged now, not before")
    ax.barh(places, -gone, color=draw.SUGGESTED, height=0.62, label="flagged before, not now")
    top = max(int(new.max(initial=0)), int(gone.max(initial=0)), 1)
    for place, (plus, minus) in enumerate(zip(new.tolist(), gone.tolist(), strict=True)):
        shared: dict[str, Any] = {"va": "center", "fontsize": 9, "color": draw.TEXT}
        if plus:
            ax.text(plus + top * 0.02, place, count(plus), ha="left", **shared)
        if minus:
            ax.text(-minus - top * 0.02, place, count(minus), ha="right", **shared)
    ax.axvline(0, color=draw.LINE, linewidth=1)
    ax.set_yticks(places, names, parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(-top * 1.2, top * 1.2)
    draw.quiet(ax)
    ax.spines["bottom"].set_visible(False)
    ax.set_xticks([])
    ax.tick_params(axis="y", labelsize=9.5, colors=draw.TEXT)
    draw.title(ax, "What changed between the two audits" if names else "Nothing to compare")
    if names:
        draw.legend(ax)
    told = ", ".join(
        f"{name} +{count(plus)} −{count(minus)}"
        for name, plus, minus in zip(names, new.tolist(), gone.tolist(), strict=True)
    )
    return Plot(
        draw.figure_of(ax),
        "changes",
        f"rows that are flagged now (+) or no longer (−): {told or 'nothing in common'}",
        {"issue_type": list(counts["issue_type"]), "new": new, "gone": gone},
    )
