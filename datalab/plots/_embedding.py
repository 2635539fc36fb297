"""A map of the rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import seed as checked_seed
from datalab.exceptions import InputError
from datalab.plots import _draw as draw
from datalab.plots._plot import Plot
from datalab.views.cells import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["embedding"]


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
    ax = ax if ax is not None else draw.axes(6.4, 4.8)
    groups = _groups(code[rows], names, emphasis=emphasis)
    _draw_points(ax, xy, groups, emphasis=emphasis)
    draw.quiet(ax)
    ax.set_xticks([])
    ax.set_yticks([])
    axis = "component" if matrix.shape[1] > 2 else "feature"
    ax.set_xlabel(f"{axis} 1", color=draw.MUTED)
    if matrix.shape[1] > 1:
        ax.set_ylabel(f"{axis} 2", color=draw.MUTED)
    headline = draw.text(title, 80) or "Map of the features"
    draw.title(ax, f"{headline}\n{'; '.join(notes)}")
    group = np.empty(len(rows), dtype=object)
    for label, _, where in groups:
        group[where] = label
    return Plot(
        draw.figure_of(ax),
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
    shuffled = np.random.default_rng(checked_seed(seed, name="random_state")).permutation(len(rows))
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
    label = dict(enumerate(draw.names_that_fit(names)))
    if emphasis:
        told = (label.get(0, "other rows"), label.get(1, "flagged"))
        return [(told[0], draw.REST, codes != 1), (told[1], draw.ACCENT, codes == 1)]
    present, sizes = np.unique(codes[codes >= 0], return_counts=True)
    if len(present) <= 1 and not len(names):
        return [("rows", draw.ACCENT, np.ones(len(codes), dtype=bool))]
    largest = np.sort(present[np.argsort(-sizes, kind="stable")][: len(draw.CLASSES)])
    groups: list[_Group] = []
    rest = ~np.isin(codes, largest) & (codes >= 0)
    if rest.any():
        other = f"{len(present) - len(largest)} other classes"
        groups.append((other, draw.REST, rest))
    if (codes < 0).any():
        groups.append(("no label", "none", codes < 0))
    for place, k in enumerate(largest):
        name = label.get(int(k), str(k))
        groups.append((name, draw.CLASSES[place], codes == k))
    return groups


def _draw_points(
    ax: "Axes", xy: NDArray[np.float64], groups: list[_Group], *, emphasis: bool
) -> None:
    size = float(np.clip(16_000 / max(len(xy), 1), 4, 26))
    for place, (label, colour, where) in enumerate(groups):
        if not where.any():
            continue
        on_top = emphasis and place == 1
        edges = draw.GROUND if on_top else draw.MUTED if colour == "none" else "none"
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
        draw.legend(ax, outside=True)
