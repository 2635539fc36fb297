"""How the scores of a check are spread, and how many rows each check flagged, as bars."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab.exceptions import InputError
from datalab.plots import _draw as draw
from datalab.plots._plot import Plot
from datalab.views.cells import count

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["issues", "scores"]


def scores(
    score: ArrayLike,
    is_issue: ArrayLike,
    *,
    threshold: float | None = None,
    bins: int = 50,
    name: str = "",
    ax: "Axes | None" = None,
) -> Plot:
    """How the scores of one check are spread, and which rows are flagged.

    Parameters
    ----------
    score : array-like of float, shape (N,)
        In [0, 1], low = severe; NaN where a row was not looked at.
    is_issue : array-like of bool, shape (N,)
        The flags.
    threshold : float, optional
        The cut, drawn as a line when there is one.
    bins : int
        Number of bars between 0 and 1.
    name : str
        The issue type, for the title.
    ax : matplotlib.axes.Axes, optional
        Draw here; by default a new figure is made.

    Returns
    -------
    Plot
        With one row per bar in its frame: low, high, rows, flagged.
    """
    values, flags = np.asarray(score, dtype=np.float64), np.asarray(is_issue)
    if values.shape != flags.shape:
        raise InputError(f"`score` has {values.size} values but `is_issue` has {flags.size}")
    seen = np.isfinite(values)
    values, flags = values[seen], flags[seen].astype(bool)
    edges = np.linspace(0.0, 1.0, bins + 1)
    every, _ = np.histogram(values, edges)
    flagged, _ = np.histogram(values[flags], edges)
    ax = ax if ax is not None else draw.axes(6.4, 3.2)
    width = 1.0 / bins
    heights = (("other rows", every, draw.REST), ("flagged", flagged, draw.ACCENT))
    for label, height, colour in heights:
        ax.bar(edges[:-1], height, width * 0.86, align="edge", color=colour, label=label)
    ax.set_yscale("function", functions=(_root, np.square))  # a handful among thousands shows
    ax.set_ylim(0, max(int(every.max(initial=0)), 1) * 1.08)
    _count_ticks(ax, int(every.max(initial=0)))
    ax.set_xlim(0, 1)
    if threshold is not None:
        ax.axvline(threshold, color=draw.TEXT, linewidth=1.2, label=f"threshold {threshold:.3g}")
    draw.quiet(ax, grid="y")
    ax.set_xlabel("score (low = severe)", color=draw.TEXT)
    ax.set_ylabel("rows (square-root scale)", color=draw.TEXT)
    what = draw.text(name, 60).replace("_", " ")
    found = f"{count(flags.sum())} of {count(len(flags))} rows flagged"
    draw.title(ax, f"{what}: {found}" if what else found[:1].upper() + found[1:])
    draw.legend(ax)
    middle = f", median score {np.median(values):.3f}" if len(values) else ""
    return Plot(
        draw.figure_of(ax),
        "scores",
        f"{what + ', ' if what else ''}{found}{middle}",
        {"low": edges[:-1], "high": edges[1:], "rows": every, "flagged": flagged},
    )


def _root(values: NDArray[Any]) -> NDArray[Any]:
    """The square root; matplotlib also asks for places below the axis."""
    root: NDArray[Any] = np.sqrt(np.maximum(values, 0.0))
    return root


def _count_ticks(ax: "Axes", top: int) -> None:
    """Round numbers of rows, evenly spread on a square-root scale."""
    from matplotlib.ticker import NullLocator

    wanted = top * np.linspace(0, 1, 5) ** 2
    places = sorted({_round_number(value) for value in wanted})
    ax.set_yticks(places, [count(place) for place in places])
    ax.yaxis.set_minor_locator(NullLocator())


def _round_number(value: float) -> int:
    """The nearest of 0, 1, 2, 5, 10, 20, 50, … not above a few per cent over the value."""
    if value < 1:
        return 0
    power = 10 ** int(np.log10(value))
    return int(power * max(step for step in (1, 2, 3, 4, 5, 6, 8) if step * power <= value))


def issues(summary: "pd.DataFrame | Mapping[str, Any]", *, ax: "Axes | None" = None) -> Plot:
    """How many rows each check flagged, as bars.

    Parameters
    ----------
    summary : DataFrame or mapping
        Columns ``issue_type`` and ``num_issues``, one row per check, as ``lab.issue_summary``.
    ax : matplotlib.axes.Axes, optional
        Draw here; by default a new figure is made.

    Returns
    -------
    Plot
        With the columns issue_type and num_issues in its frame.
    """
    names = [draw.text(name, 40).replace("_", " ") for name in summary["issue_type"]]
    numbers = np.asarray(list(summary["num_issues"]), dtype=np.int64)
    ax = ax if ax is not None else draw.axes(6.4, 0.9 + 0.34 * max(len(names), 1))
    places = np.arange(len(names))
    ax.barh(places, numbers, color=draw.ACCENT, height=0.62)
    ax.set_yticks(places, names, parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    top = max(int(numbers.max(initial=0)), 1)
    for place, value in zip(places.tolist(), numbers.tolist(), strict=True):
        colour = draw.TEXT if value else draw.MUTED
        ax.text(value + top * 0.012, place, count(value), va="center", color=colour, fontsize=9)
    ax.set_xlim(0, top * 1.14)
    draw.quiet(ax)
    ax.spines["bottom"].set_visible(False)
    ax.set_xticks([])
    ax.tick_params(axis="y", labelsize=9.5, colors=draw.TEXT)
    draw.title(ax, "Flagged rows per check" if len(names) else "No check has run yet")
    told = ", ".join(f"{name} {count(v)}" for name, v in zip(names, numbers, strict=True))
    return Plot(
        draw.figure_of(ax),
        "issues",
        f"flagged rows per check: {told or 'none has run'}",
        {"issue_type": list(summary["issue_type"]), "num_issues": numbers},
    )
