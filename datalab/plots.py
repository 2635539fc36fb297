"""Pictures of what was found, drawn with matplotlib and made of arrays.

Each function takes arrays and returns a `Plot`: the figure, and the numbers it shows as a frame.
``lab.plot`` calls them with what the lab knows. Nothing here touches ``pyplot``, so nothing is
left open and nothing is shared between threads.

Examples
--------
>>> import numpy as np
>>> from datalab.plots import confusion
>>> plot = confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), ["cat", "dog"])
>>> plot
Plot(confusion: given × suggested, 3 rows in 2 classes; most confused: cat → dog (1))
>>> plot.frame().to_dict("list")
{'given': ['cat', 'dog', 'cat'], 'suggested': ['cat', 'dog', 'dog'], 'rows': [1, 1, 1]}
"""

import functools
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab.exceptions import InputError, NotFound
from datalab.views.cells import clean_text, count

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Plot", "PlotAccessor", "confusion", "embedding", "issues", "scores"]

# The colours of the house, on white: given is amber, suggested is blue, as in every view.
_TEXT, _MUTED, _LINE, _GROUND = "#18181b", "#6b7280", "#d4d4d8", "#ffffff"
_GIVEN, _SUGGESTED, _ACCENT = "#b45309", "#1d4ed8", "#2563eb"
_REST = "#bcc1cb"  # everything that is not meant
# Paul Tol's "muted" scheme: ten colours that people with any colour vision can tell apart.
_CLASSES = (
    "#332288", "#cc6677", "#117733", "#ddcc77", "#88ccee",
    "#882255", "#44aa99", "#999933", "#aa4499", "#661100",
)  # fmt: skip
_NAME_LIMIT = 24  # characters of a class name in a picture
_NUMBERED = 20  # classes up to which every cell of a confusion matrix carries its number
_TICKS = 40  # names that fit on one side of a confusion matrix


# --- the object that is returned -----------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)
class Plot:
    """A picture and the numbers in it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        For further work: ``plot.figure.axes[0].set_title(…)``.
    name : str
        Which picture this is.
    alternative : str
        What it shows, in one sentence: the text alternative.
    data : mapping of str to array-like
        What is drawn, as columns.
    """

    figure: "Figure"
    name: str
    alternative: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def frame(self) -> "pd.DataFrame":
        """What is drawn, as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(dict(self.data))

    def save(self, path: str | os.PathLike[str], *, dpi: int = 200) -> None:
        """Write the picture to a file; the ending chooses the format (png, svg, pdf, …)."""
        self.figure.savefig(path, dpi=dpi, facecolor=_GROUND)

    def __repr__(self) -> str:
        return f"Plot({self.name}: {self.alternative})"

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.figure.savefig(
            file, format="png", dpi=144, facecolor=_GROUND, metadata={"Software": None}
        )
        return _small_png(file)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:  # noqa: ARG002
        width, height = (round(72 * inches) for inches in self.figure.get_size_inches())
        data = {"image/png": self._repr_png_(), "text/plain": repr(self)}
        return data, {"image/png": {"width": width, "height": height}}


def _small_png(file: io.BytesIO) -> bytes:
    """The same picture in 256 colours: a third of the bytes in every saved notebook."""
    from PIL import Image

    with Image.open(file) as image:
        few = image.convert("RGB").quantize(
            256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )  # keeps the colours that mean something; the default mixes them
    small = io.BytesIO()
    few.save(small, "PNG", optimize=True)
    return small.getvalue()


# --- confusion ------------------------------------------------------------------------------------


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
    names = [_text(name) for name in class_names]
    counts = _counts(np.asarray(labels), np.asarray(suggested), len(names))
    off = counts - np.diag(np.diag(counts))
    total = int(counts.sum())
    shown = _most_confused(off, top)
    k = len(shown)
    shown_names = [names[code] for code in shown.tolist()]
    ax = ax if ax is not None else _axes(*_matrix_size(k, shown_names))
    _draw_matrix(ax, counts[np.ix_(shown, shown)], shown_names)
    title = f"Given × suggested\n{count(total)} rows"
    if k < len(names):
        title += f", the {k} most confused of {len(names)} classes"
    _title(ax, title)
    given, sugg = np.nonzero(counts)
    order = np.lexsort((sugg, given, given != sugg))
    given, sugg = given[order], sugg[order]
    cells = counts[given, sugg]
    worst = ""
    if off.any():
        g, s = divmod(int(off.argmax()), len(off))
        worst = f"; most confused: {names[g]} → {names[s]} ({count(off[g, s])})"
    return Plot(
        _figure_of(ax),
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
    scale = 0.0 if k <= _NUMBERED else 0.8  # room for the colour scale
    return max(side + margin + scale, 3.8), side + margin + 0.4


def _draw_matrix(ax: "Axes", counts: NDArray[np.int64], names: Sequence[str]) -> None:
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm
    from matplotlib.ticker import MaxNLocator

    k = len(names)
    same = np.eye(k, dtype=bool)
    top = max(int(np.where(same, 0, counts).max(initial=0)), 1)
    norm = PowerNorm(0.7, vmin=0, vmax=top)  # small counts remain visible
    ramp = LinearSegmentedColormap.from_list("datalab", ["#f4f7fe", "#c3d5fb", "#7da4f4", _ACCENT])
    image = ax.imshow(
        np.ma.masked_where(same, counts),
        cmap=ramp.with_extremes(bad="#f4f4f5"),
        norm=norm,
        aspect="equal",
        interpolation="nearest",
    )
    step = max(1, -(-k // _TICKS))
    places = np.arange(0, k, step)
    shown = [names[place] for place in places.tolist()]
    size = 8.5 if k <= _NUMBERED else 7 if k <= 60 else 6
    upright = max(map(len, shown), default=1) > 3
    ax.set_xticks(places, shown, rotation=90 if upright else 0, fontsize=size, parse_math=False)
    ax.set_yticks(places, shown, fontsize=size, parse_math=False)
    ax.set_xlabel("suggested", color=_SUGGESTED, fontweight="bold", fontsize=9.5)
    ax.set_ylabel("given", color=_GIVEN, fontweight="bold", fontsize=9.5)
    ax.tick_params(length=0, colors=_TEXT)
    ax.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    if k <= 60:
        ax.grid(which="minor", color=_GROUND, linewidth=2 if k <= _NUMBERED else 0.6)
    ax.tick_params(which="minor", length=0)
    ax.spines[:].set_visible(False)
    if k <= _NUMBERED:
        _number_cells(ax, counts, np.where(same, 0.0, norm(np.minimum(counts, top))))
    else:
        bar = _figure_of(ax).colorbar(image, ax=ax, shrink=0.35, aspect=14, anchor=(0.0, 1.0))
        bar.locator = MaxNLocator(nbins=4, integer=True)
        bar.update_ticks()
        bar.ax.tick_params(labelsize=7, colors=_MUTED, length=0)
        bar.outline.set_visible(False)
        bar.set_label("rows", color=_MUTED, fontsize=8)


def _number_cells(ax: "Axes", counts: NDArray[np.int64], strength: NDArray[np.float64]) -> None:
    widest = len(_short_count(int(counts.max(initial=0))))
    size = {1: 9, 2: 9, 3: 8.5, 4: 7.5}.get(widest, 6.5)
    for row, column in np.argwhere(counts > 0).tolist():
        on_diagonal = row == column
        colour = "white" if strength[row, column] > 0.75 else _TEXT
        ax.text(
            column,
            row,
            _short_count(int(counts[row, column])),
            ha="center",
            va="center",
            fontsize=size,
            color=_MUTED if on_diagonal else colour,
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


# --- scores ---------------------------------------------------------------------------------------


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
    ax = ax if ax is not None else _axes(6.4, 3.2)
    width = 1.0 / bins
    heights = (("other rows", every, _REST), ("flagged", flagged, _ACCENT))
    for label, height, colour in heights:
        ax.bar(edges[:-1], height, width * 0.86, align="edge", color=colour, label=label)
    ax.set_yscale("function", functions=(_root, np.square))  # a handful among thousands shows
    ax.set_ylim(0, max(int(every.max(initial=0)), 1) * 1.08)
    _count_ticks(ax, int(every.max(initial=0)))
    ax.set_xlim(0, 1)
    if threshold is not None:
        ax.axvline(threshold, color=_TEXT, linewidth=1.2, label=f"threshold {threshold:.3g}")
    _quiet(ax, grid="y")
    ax.set_xlabel("score (low = severe)", color=_TEXT)
    ax.set_ylabel("rows (square-root scale)", color=_TEXT)
    what = _text(name, 60).replace("_", " ")
    found = f"{count(flags.sum())} of {count(len(flags))} rows flagged"
    _title(ax, f"{what}: {found}" if what else found[:1].upper() + found[1:])
    _legend(ax)
    middle = f", median score {np.median(values):.3f}" if len(values) else ""
    return Plot(
        _figure_of(ax),
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


# --- issues ---------------------------------------------------------------------------------------


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
    names = [_text(name, 40).replace("_", " ") for name in summary["issue_type"]]
    numbers = np.asarray(list(summary["num_issues"]), dtype=np.int64)
    ax = ax if ax is not None else _axes(6.4, 0.9 + 0.34 * max(len(names), 1))
    places = np.arange(len(names))
    ax.barh(places, numbers, color=_ACCENT, height=0.62)
    ax.set_yticks(places, names, parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    top = max(int(numbers.max(initial=0)), 1)
    for place, value in zip(places.tolist(), numbers.tolist(), strict=True):
        colour = _TEXT if value else _MUTED
        ax.text(value + top * 0.012, place, count(value), va="center", color=colour, fontsize=9)
    ax.set_xlim(0, top * 1.14)
    _quiet(ax)
    ax.spines["bottom"].set_visible(False)
    ax.set_xticks([])
    ax.tick_params(axis="y", labelsize=9.5, colors=_TEXT)
    _title(ax, "Flagged rows per check" if len(names) else "No check has run yet")
    told = ", ".join(f"{name} {count(v)}" for name, v in zip(names, numbers, strict=True))
    return Plot(
        _figure_of(ax),
        "issues",
        f"flagged rows per check: {told or 'none has run'}",
        {"issue_type": list(summary["issue_type"]), "num_issues": numbers},
    )


# --- embedding ------------------------------------------------------------------------------------


def embedding(
    features: ArrayLike,
    codes: ArrayLike | None = None,
    names: Sequence[Any] = (),
    *,
    title: str = "",
    emphasis: bool = False,
    sample: int = 20_000,
    random_state: int = 0,
    ax: "Axes | None" = None,
) -> Plot:
    """A map of the rows: the two directions in which the features differ most.

    Parameters
    ----------
    features : array-like of float, shape (N, M)
        Two columns are drawn as they are, more are projected on their first two principal
        components. Rows with missing values are left out, and the title says so.
    codes : array-like of int, shape (N,), optional
        What colours the points: class codes, or 1 for flagged rows. -1 = none.
    names : sequence, optional
        Names of the codes.
    title : str
        What the colours mean.
    emphasis : bool
        Draw code 1 in the accent colour, large and on top, and everything else in grey.
    sample : int
        Draw at most that many rows, chosen by `random_state`; the title says so. With `emphasis`,
        rows with code 1 are chosen first.
    random_state : int
        Seed of the choice.
    ax : matplotlib.axes.Axes, optional
        Draw here; by default a new figure is made.

    Returns
    -------
    Plot
        With one row per drawn point in its frame: row, x, y, group.
    """
    matrix = np.asarray(features)
    if matrix.ndim != 2 or matrix.shape[1] < 1:
        raise InputError(f"`features` must have shape (N, M), got {matrix.shape}")
    code = np.zeros(len(matrix), np.int64) if codes is None else np.asarray(codes)
    if code.shape != (len(matrix),):
        raise InputError(f"`codes` has shape {code.shape}, but there are {len(matrix)} rows")
    whole = np.flatnonzero(np.isfinite(matrix).all(axis=1))
    rows = _sampled(whole, code[whole] == 1 if emphasis else None, sample, random_state)
    xy = _principal(np.asarray(matrix[rows], dtype=np.float64))
    notes = [f"{count(len(rows))} rows"]
    if len(rows) < len(whole):
        notes = [f"a sample of {count(len(rows))} of {count(len(whole))} rows"]
    if len(whole) < len(matrix):
        notes.append(f"{count(len(matrix) - len(whole))} rows with missing values left out")
    ax = ax if ax is not None else _axes(6.4, 4.8)
    groups = _groups(code[rows], names, emphasis=emphasis)
    _draw_points(ax, xy, groups, emphasis=emphasis)
    _quiet(ax)
    ax.set_xticks([])
    ax.set_yticks([])
    axis = "component" if matrix.shape[1] > 2 else "feature"
    ax.set_xlabel(f"{axis} 1", color=_MUTED)
    if matrix.shape[1] > 1:
        ax.set_ylabel(f"{axis} 2", color=_MUTED)
    headline = _text(title, 80) or "Map of the features"
    _title(ax, f"{headline}\n{'; '.join(notes)}")
    group = np.empty(len(rows), dtype=object)
    for label, _, where in groups:
        group[where] = label
    return Plot(
        _figure_of(ax),
        "embedding",
        f"{headline}: {'; '.join(notes)}",
        {"row": rows, "x": xy[:, 0], "y": xy[:, 1], "group": group},
    )


def _sampled(
    rows: NDArray[np.intp], first: NDArray[np.bool_] | None, sample: int, seed: int
) -> NDArray[np.intp]:
    """At most `sample` of the rows, those in `first` before the others, in order."""
    if len(rows) <= sample:
        return rows
    shuffled = np.random.default_rng(seed).permutation(len(rows))
    if first is not None:
        shuffled = shuffled[np.argsort(~first[shuffled], kind="stable")]
    return np.sort(rows[shuffled[:sample]])


def _principal(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates on the first two principal components, with a fixed sign."""
    if matrix.shape[1] == 2 or not len(matrix):
        return matrix[:, :2] if matrix.shape[1] >= 2 else np.zeros((len(matrix), 2))
    centred = matrix - matrix.mean(axis=0)
    fitted = centred[:: max(1, len(centred) // 5_000)]  # directions are known from a few thousand
    _, _, axes = np.linalg.svd(fitted, full_matrices=False)
    axes = axes[:2]
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    xy = centred @ axes.T
    return np.pad(xy, ((0, 0), (0, 2 - xy.shape[1])))


_Group = tuple[str, str, NDArray[np.bool_]]  # name, colour ("none" = hollow), which points


def _groups(codes: NDArray[Any], names: Sequence[Any], *, emphasis: bool) -> list[_Group]:
    """Which points share a colour: the ten largest classes, all others, and no class."""
    label = {k: _text(name) for k, name in enumerate(names)}
    if emphasis:
        told = (label.get(0, "other rows"), label.get(1, "flagged"))
        return [(told[0], _REST, codes != 1), (told[1], _ACCENT, codes == 1)]
    present, sizes = np.unique(codes[codes >= 0], return_counts=True)
    if len(present) <= 1 and not len(names):
        return [("rows", _ACCENT, np.ones(len(codes), dtype=bool))]
    largest = np.sort(present[np.argsort(-sizes, kind="stable")][: len(_CLASSES)])
    groups: list[_Group] = []
    rest = ~np.isin(codes, largest) & (codes >= 0)
    if rest.any():
        other = f"{len(present) - len(largest)} other classes"
        groups.append((other, _REST, rest))
    if (codes < 0).any():
        groups.append(("no label", "none", codes < 0))
    for place, k in enumerate(largest):
        name = label.get(int(k), str(k))
        groups.append((name, _CLASSES[place], codes == k))
    return groups


def _draw_points(
    ax: "Axes", xy: NDArray[np.float64], groups: list[_Group], *, emphasis: bool
) -> None:
    size = float(np.clip(16_000 / max(len(xy), 1), 4, 26))
    for place, (label, colour, where) in enumerate(groups):
        if not where.any():
            continue
        on_top = emphasis and place == 1
        edges = _GROUND if on_top else _MUTED if colour == "none" else "none"
        ax.scatter(
            xy[where, 0],
            xy[where, 1],
            s=max(size, 20) if on_top else size,
            c=colour,
            alpha=0.95 if on_top else 0.7,
            edgecolors=edges,
            linewidths=0.0 if edges == "none" else 0.6,
            label=f"{label} ({count(where.sum())})",
        )
    if len(groups) > 1:
        _legend(ax, outside=True)


# --- what all pictures share ----------------------------------------------------------------------


def _text(value: Any, limit: int = _NAME_LIMIT) -> str:
    """Text that the fonts at hand can draw; a box stands for each character that they cannot."""
    text = clean_text(value, limit)
    if text.isascii():
        return text
    known = _characters()
    return "".join(c if ord(c) in known else "\N{WHITE VERTICAL RECTANGLE}" for c in text)


@functools.cache
def _characters() -> frozenset[int]:
    """Characters that matplotlib's own font has."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    return frozenset(font.get_charmap())


def _axes(width: float, height: float) -> "Axes":
    """Axes of a new figure that no global state knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="compressed", facecolor=_GROUND)
    FigureCanvasAgg(figure)
    axes: Axes = figure.add_subplot(facecolor=_GROUND)
    return axes


def _figure_of(ax: "Axes") -> "Figure":
    figure = ax.get_figure(root=True)
    if figure is None:
        raise InputError("`ax` does not belong to a figure any more; give axes of a figure")
    return figure


def _title(ax: "Axes", text: str) -> None:
    first, _, rest = text.partition("\n")
    ax.set_title(text if rest else first, loc="left", fontsize=10.5, color=_TEXT, parse_math=False)


def _quiet(ax: "Axes", grid: str | None = None) -> None:
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(_LINE)
    ax.tick_params(colors=_MUTED, labelsize=8.5, length=0)
    ax.set_axisbelow(True)
    if grid:
        ax.grid(axis="y", color="#ececef", linewidth=0.8)


def _legend(ax: "Axes", *, outside: bool = False) -> None:
    from matplotlib.collections import PathCollection

    place: dict[str, Any] = {"loc": "best"}
    if outside:
        place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2}
    legend = ax.legend(frameon=False, fontsize=8.5, labelcolor=_TEXT, markerscale=1.4, **place)
    for text in legend.get_texts():
        text.set_parse_math(False)
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):  # the points of a map, at one legible size
            handle.set_sizes([28])
            handle.set_alpha(1.0)


# --- lab.plot -------------------------------------------------------------------------------------


class PlotAccessor:
    """The pictures of a lab: ``lab.plot.confusion()``, ``lab.plot.scores("outlier")``, ….

    Every method takes `ax` to draw into a figure of your own, and returns a `Plot`.
    """

    def __init__(self, lab: Any) -> None:
        self._lab = lab

    def __repr__(self) -> str:
        return "lab.plot: .confusion(), .scores(name), .issues(), .embedding(color)"

    def confusion(self, *, top: int | None = None, ax: "Axes | None" = None) -> Plot:
        """Given × suggested labels; see `datalab.plots.confusion`.

        Raises
        ------
        NotFound
            The labels have not been checked, or the task has no classes.
        """
        columns = self._findings("label").columns
        if self._lab.task != "classification" or "predicted_label" not in columns:
            raise NotFound(
                f"a confusion matrix needs one class per row, but the task is {self._lab.task!r}; "
                'lab.plot.scores("label") shows the scores'
            )
        given, suggested = columns["given_label"], columns["predicted_label"]
        return confusion(given, suggested, self._lab.class_names, top=top, ax=ax)

    def scores(self, name: str = "label", *, ax: "Axes | None" = None) -> Plot:
        """How the scores of one check are spread; see `datalab.plots.scores`."""
        found = self._findings(name)
        if not len(found.score):
            raise NotFound(f"{name!r} is about the data set as a whole and has no scores of rows")
        return scores(
            found.score,
            found.is_issue,
            threshold=_cut(found.score, found.is_issue),
            name=name,
            ax=ax,
        )

    def issues(self, *, ax: "Axes | None" = None) -> Plot:
        """Numbers of flagged rows per check; see `datalab.plots.issues`."""
        return issues(self._lab.issue_summary, ax=ax)

    def embedding(
        self,
        color: str | None = None,
        *,
        sample: int = 20_000,
        random_state: int = 0,
        ax: "Axes | None" = None,
    ) -> Plot:
        """A map of the features; see `datalab.plots.embedding`.

        Parameters
        ----------
        color : str, optional
            ``"class"`` colours by given label (the default for labelled data), the name of a check
            stresses the rows that it flags.
        sample, random_state, ax
            As for `datalab.plots.embedding`.

        Raises
        ------
        NotFound
            There are no features, or no such check.
        """
        features = self._lab._artefacts.current("features")
        if features is None:
            raise NotFound("there are no features to draw: give features= to find_issues")
        n_rows, classes = len(self._lab), self._lab.class_names
        codes: NDArray[Any] | None = None
        names: Sequence[Any] = ()
        title, emphasis = "Map of the features", False
        if color is None:
            color = "class" if self._lab.has_labels and self._lab.task == "classification" else None
        if color == "class":
            codes, names, title = self._classes(), classes, "Map of the features, by given label"
        elif color is not None:
            found = self._findings(color)
            codes = np.zeros(n_rows, dtype=np.int64)
            codes[found.positions()[found.is_issue]] = 1
            title, emphasis = f"Map of the features, flagged by {color.replace('_', ' ')}", True
        return embedding(
            features.value,
            codes,
            names,
            title=title,
            emphasis=emphasis,
            sample=sample,
            random_state=random_state,
            ax=ax,
        )

    def _classes(self) -> NDArray[Any]:
        if self._lab.task != "classification" or self._lab.label_name is None:
            raise NotFound('color="class" needs one class per row: give label_name= to Datalab')
        codes: NDArray[Any] = self._lab.labels
        return codes

    def _findings(self, name: str) -> Any:
        outcome = self._lab.outcomes[name]
        if outcome.findings is None:
            raise NotFound(
                f"{name!r} has nothing to draw, it is {outcome.status}: {outcome.reason}"
            )
        return outcome.findings


def _cut(score: NDArray[Any], flags: NDArray[np.bool_]) -> float | None:
    """The score that separates flagged rows from the others; None when no score does."""
    if flags.all() or not flags.any():
        return None
    high, low = float(score[flags].max()), float(score[~flags].min())
    return (high + low) / 2 if high < low else None
