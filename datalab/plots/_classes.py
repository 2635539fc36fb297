"""How noisy the labels of each class are, both ways, with intervals."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datalab.exceptions import InputError
from datalab.plots import _draw as draw
from datalab.plots._plot import Plot
from datalab.views.cells import count, share

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["classes"]

SHOWN = 40  # classes that are drawn unless more are asked for
NAME_LIMIT = 36
# Column of the table, what it means, colour, and where in its class it stands.
SERIES = (
    ("Label Noise", "labelled so, but wrong", draw.GIVEN, -0.17),
    ("Inverse Label Noise", "is so, but labelled otherwise", draw.SUGGESTED, 0.17),
)


def classes(
    table: "pd.DataFrame | Mapping[str, Any]",
    *,
    top: int | None = None,
    ax: "Axes | None" = None,
) -> Plot:
    """How noisy the labels of each class are: a dot for the estimate, a line for its interval.

    Parameters
    ----------
    table : DataFrame or mapping
        ``lab.health().frame("classes")``: one row per class, the noisiest first.
    top : int, optional
        Show only so many of the noisiest classes, by default at most 40.
    ax : matplotlib.axes.Axes, optional
        Draw here; by default a new figure is made.

    Returns
    -------
    Plot
        With one row per class in its frame: class, labels, noise and inverse_noise with their
        intervals.
    """
    if top is not None and top < 1:
        raise InputError(f"`top` must be at least 1, got {top}")
    data = _columns(table)
    k = len(data["class"])
    shown = min(k, SHOWN if top is None else top)
    names = draw.names_that_fit(list(data["class"]), NAME_LIMIT)[:shown]
    step = 0.28 if shown > 12 else 0.36
    ax = ax if ax is not None else draw.axes(7.2, 1.35 + step * max(shown, 2))
    _draw_intervals(ax, data, shown)
    _name_classes(ax, names, data["labels"][:shown])
    what = f"the {shown} noisiest of {k} classes" if shown < k else f"{k} classes"
    ax.set_title(
        f"Label noise by class, {what}", loc="left", fontsize=10.5, color=draw.TEXT, pad=24
    )
    worst = f"; noisiest: {names[0]} ({share(data['noise'][0])})" if k else ""
    return Plot(draw.figure_of(ax), "classes", f"label noise of {k} classes{worst}", data)


def _columns(table: Any) -> dict[str, NDArray[Any]]:
    """The columns that are drawn, under plain names."""
    wanted = {"class": "Class Name", "labels": "Examples"}
    for name, of in (("noise", "Label Noise"), ("inverse_noise", "Inverse Label Noise")):
        wanted |= {name: of, f"{name}_low": f"{of} Low", f"{name}_high": f"{of} High"}
    missing = [of for of in wanted.values() if of not in table]
    if missing:
        raise InputError(
            f"`table` has no column {missing[0]!r}; give lab.health().frame('classes')"
        )
    return {name: np.asarray(table[of]) for name, of in wanted.items()}


def _draw_intervals(ax: "Axes", data: Mapping[str, NDArray[Any]], shown: int) -> None:
    places = np.arange(shown)
    for name, (_, label, colour, shift) in zip(("noise", "inverse_noise"), SERIES, strict=True):
        estimate, low, high = (
            data[column][:shown] for column in (name, f"{name}_low", f"{name}_high")
        )
        at = places + shift
        ax.hlines(at, low, high, color=colour, linewidth=2.2, alpha=0.35)
        ax.plot(
            estimate,
            at,
            "o",
            color=colour,
            markersize=4.5,
            label=label,
            linestyle="none",
            clip_on=False,
        )
    ends = np.concatenate([data["noise_high"][:shown], data["inverse_noise_high"][:shown]])
    ax.set_xlim(0, min(max(float(ends.max(initial=0.0)) * 1.04, 0.01), 1.02))
    ax.xaxis.set_major_formatter(lambda part, _: f"{100 * part:.4g}\N{NO-BREAK SPACE}%")
    draw.quiet(ax, grid="x")
    ax.legend(
        frameon=False,
        fontsize=8.5,
        labelcolor=draw.TEXT,
        ncols=2,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.1,
        borderpad=0.2,
        handletextpad=0.2,
        columnspacing=1.2,
    )


def _name_classes(ax: "Axes", names: list[str], sizes: NDArray[Any]) -> None:
    """Names at the left, numbers of labels at the right, a faint band behind every other class."""
    places = np.arange(len(names))
    ax.set_yticks(places, names, parse_math=False)
    ax.tick_params(axis="y", labelsize=9 if len(names) <= 12 else 8, colors=draw.TEXT)
    ax.set_ylim(len(names) - 0.5, -0.5)
    for place in places[1::2].tolist():
        ax.axhspan(place - 0.5, place + 0.5, color="#f7f7f8", linewidth=0, zorder=0)
    above = ("labels", -0.5, "bottom")
    for told, place, side in (above, *((count(n), at, "center") for at, n in enumerate(sizes))):
        ax.annotate(
            told,
            (1.0, place),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va=side,
            fontsize=8,
            color=draw.MUTED,
        )
