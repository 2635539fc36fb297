"""Given × suggested labels, as a heatmap."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab.exceptions import InputError
from datalab.plots import _draw as draw
from datalab.plots._plot import Plot
from datalab.views.cells import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["confusion"]

NUMBERED = 20  # classes up to which every cell carries its number
TICKS = 40  # names that fit on one side


def confusion(
    labels: ArrayLike,
    suggested: ArrayLike,
    class_names: Sequence[Any],
    *,
    top: int | None = None,
    ax: "Axes | None" = None,
) -> Plot:
    """Given label × suggested label, as a heatmap of counts.

    The colour of a cell tells how many rows carry the one label while the model suggests the
    other; the rows where both agree stand on the diagonal, without colour.

    Parameters
    ----------
    labels : array-like of int, shape (N,)
        Given class codes; -1 for a missing label, which is left out.
    suggested : array-like of int, shape (N,)
        Suggested class codes; -1 for none.
    class_names : sequence, length K
        Names in the order of the codes.
    top : int, optional
        Show only the classes that are confused most.
    ax : matplotlib.axes.Axes, optional
        Draw here; by default a new figure is made.

    Returns
    -------
    Plot
        With one row per non-empty cell in its frame: given, suggested, rows.
    """
    names = draw.names_that_fit(class_names)
    counts = _counts(np.asarray(labels), np.asarray(suggested), len(names))
    off = counts - np.diag(np.diag(counts))
    total = int(counts.sum())
    shown = _most_confused(off, top)
    k = len(shown)
    shown_names = [names[code] for code in shown.tolist()]
    ax = ax if ax is not None else draw.axes(*_matrix_size(k, shown_names))
    _draw_matrix(ax, counts[np.ix_(shown, shown)], shown_names)
    title = f"Given × suggested\n{count(total)} rows"
    if k < len(names):
        title += f", the {k} most confused of {len(names)} classes"
    draw.title(ax, title)
    given, sugg = np.nonzero(counts)
    order = np.lexsort((sugg, given, given != sugg))
    given, sugg = given[order], sugg[order]
    cells = counts[given, sugg]
    worst = ""
    if off.any():
        g, s = divmod(int(off.argmax()), len(off))
        worst = f"; most confused: {names[g]} → {names[s]} ({count(off[g, s])})"
    return Plot(
        draw.figure_of(ax),
        "confusion",
        f"given × suggested, {count(total)} rows in {len(names)} classes{worst}",
        {
            "given": [class_names[g] for g in given.tolist()],
            "suggested": [class_names[s] for s in sugg.tolist()],
            "rows": cells,
        },
    )


def _counts(given: NDArray[Any], suggested: NDArray[Any], k: int) -> NDArray[np.int64]:
    if given.shape != suggested.shape:
        raise InputError(
            f"`labels` has {len(given)} values but `suggested` has {len(suggested)}; give one of "
            "each per row"
        )
    known = (given >= 0) & (suggested >= 0)
    pairs = given[known].astype(np.int64) * k + suggested[known].astype(np.int64)
    return np.bincount(pairs, minlength=k * k).reshape(k, k)


def _most_confused(off: NDArray[np.int64], top: int | None) -> NDArray[np.intp]:
    """Codes of the classes to show, in the order of the codes."""
    if top is None or top >= len(off):
        return np.arange(len(off))
    if top < 1:
        raise InputError(f"`top` must be at least 1, got {top}")
    strongest = np.argsort(-(off.sum(axis=0) + off.sum(axis=1)), kind="stable")[:top]
    return np.sort(strongest)


def _matrix_size(k: int, names: Sequence[str]) -> tuple[float, float]:
    """Inches for a square matrix with names on two sides."""
    side = min(max(0.42 * k, 2.2), 7.5)
    margin = 0.6 + 0.075 * max((len(name) for name in names), default=1)
    scale = 0.0 if k <= NUMBERED else 0.8  # room for the colour scale
    return max(side + margin + scale, 3.8), side + margin + 0.4


def _draw_matrix(ax: "Axes", counts: NDArray[np.int64], names: Sequence[str]) -> None:
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm
    from matplotlib.ticker import MaxNLocator

    k = len(names)
    same = np.eye(k, dtype=bool)
    top = max(int(np.where(same, 0, counts).max(initial=0)), 1)
    norm = PowerNorm(0.7, vmin=0, vmax=top)  # small counts remain visible
    ramp = LinearSegmentedColormap.from_list(
        "datalab", ["#f4f7fe", "#c3d5fb", "#7da4f4", draw.ACCENT]
    )
    image = ax.imshow(
        np.ma.masked_where(same, counts),
        cmap=ramp.with_extremes(bad="#f4f4f5"),
        norm=norm,
        aspect="equal",
        interpolation="nearest",
    )
    step = max(1, -(-k // TICKS))
    places = np.arange(0, k, step)
    shown = [names[place] for place in places.tolist()]
    size = 8.5 if k <= NUMBERED else 7 if k <= 60 else 6
    upright = max(map(len, shown), default=1) > 3
    ax.set_xticks(places, shown, rotation=90 if upright else 0, fontsize=size, parse_math=False)
    ax.set_yticks(places, shown, fontsize=size, parse_math=False)
    ax.set_xlabel("suggested", color=draw.SUGGESTED, fontweight="bold", fontsize=9.5)
    ax.set_ylabel("given", color=draw.GIVEN, fontweight="bold", fontsize=9.5)
    ax.tick_params(length=0, colors=draw.TEXT)
    ax.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    if k <= 60:
        ax.grid(which="minor", color=draw.GROUND, linewidth=2 if k <= NUMBERED else 0.6)
    ax.tick_params(which="minor", length=0)
    ax.spines[:].set_visible(False)
    if k <= NUMBERED:
        _number_cells(ax, counts, np.where(same, 0.0, norm(np.minimum(counts, top))))
    else:
        bar = draw.figure_of(ax).colorbar(image, ax=ax, shrink=0.35, aspect=14, anchor=(0.0, 1.0))
        bar.locator = MaxNLocator(nbins=4, integer=True)
        bar.update_ticks()
        bar.ax.tick_params(labelsize=7, colors=draw.MUTED, length=0)
        bar.outline.set_visible(False)
        bar.set_label("rows", color=draw.MUTED, fontsize=8)


def _number_cells(ax: "Axes", counts: NDArray[np.int64], strength: NDArray[np.float64]) -> None:
    widest = len(_short_count(int(counts.max(initial=0))))
    size = {1: 9, 2: 9, 3: 8.5, 4: 7.5}.get(widest, 6.5)
    for row, column in np.argwhere(counts > 0).tolist():
        on_diagonal = row == column
        colour = "white" if strength[row, column] > 0.75 else draw.TEXT
        ax.text(
            column,
            row,
            _short_count(int(counts[row, column])),
            ha="center",
            va="center",
            fontsize=size,
            color=draw.MUTED if on_diagonal else colour,
            parse_math=False,
        )


def _short_count(value: int) -> str:
    """At most four characters: 118, 1797, 12k, 3.4M."""
    if value < 10_000:
        return str(value)
    for unit, size in (("k", 1e3), ("M", 1e6), ("G", 1e9)):
        if value < 999.5 * size:
            return (
                f"{value / size:.1f}{unit}" if value < 9.95 * size else f"{value / size:.0f}{unit}"
            )
    return f"{value:.0e}"
