"""Pictures of images whose pixels have a class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from datalab.views.cells import clean_text
from datalab.views.pictures import panels

__all__ = ["issue_panels"]

_LEGEND = 20  # classes up to which every one is named


def issue_panels(
    titles: Sequence[str],
    issues: NDArray[np.bool_],
    classes: Mapping[str, NDArray[Any]],
    names: Mapping[int, Any],
    options: Mapping[str, Any],
) -> Figure:
    """One row per image: its classes, side by side, and its issues in red.

    Parameters
    ----------
    titles : sequence of str
        One per image.
    issues : ndarray of bool, shape (n, H, W)
    classes : mapping of str to ndarray of int, shape (n, H, W)
        What is drawn beside the issues, such as given and predicted classes.
    names : mapping of int to str
        Names of classes; others are shown by their number.
    options : mapping
        Arguments of `matplotlib.figure.Figure`.
    """
    columns = len(classes) + 1
    figure, axes = panels(max(1, len(titles)), columns, size=(3.6, 3.4), **options)
    for ax in axes.flat:
        ax.set_axis_off()
    n_classes = 1 + max((int(codes.max(initial=0)) for codes in classes.values()), default=0)
    colours = _colours(n_classes)
    for at, title in enumerate(titles):
        for ax, (what, codes) in zip(axes[at, :-1], classes.items(), strict=True):
            bounds = BoundaryNorm(np.arange(n_classes + 1) - 0.5, n_classes)
            ax.imshow(codes[at], cmap=colours, norm=bounds, interpolation="nearest")
            ax.set_title(what, fontsize=9, loc="left")
        _issues(axes[at, -1], issues[at], title)
    if classes and n_classes <= _LEGEND:
        patches = [
            Patch(color=colours(k), label=clean_text(names.get(k, k), 24)) for k in range(n_classes)
        ]
        legend = figure.legend(handles=patches, loc="outside lower center", ncols=5, fontsize=8)
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure


def _issues(ax: Axes, issues: NDArray[np.bool_], title: str) -> None:
    ax.imshow(issues, cmap=ListedColormap(["#e5e7eb", "red"]), vmin=0, vmax=1)
    ax.set_title(title, fontsize=9, loc="left")


def _colours(n_classes: int) -> ListedColormap:
    """Colours that differ in hue and lightness, as many as there are classes."""
    from matplotlib import colormaps

    if n_classes <= _LEGEND:
        return ListedColormap([colormaps["tab20"](k) for k in range(n_classes)])
    return ListedColormap(colormaps["turbo"](np.linspace(0, 1, n_classes)))
