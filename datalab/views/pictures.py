"""A matplotlib figure that shows itself in a notebook, without pyplot."""

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["Picture", "panels"]


class Picture(Figure):
    """A figure with a picture as its representation.

    IPython draws a plain `Figure` only after pyplot was imported, which would register it globally.
    """

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", facecolor="white", metadata={"Software": None})
        return file.getvalue()


def panels(
    rows: int, columns: int, *, size: tuple[float, float], **options: Any
) -> tuple[Picture, NDArray[Any]]:
    """An empty picture with `rows` × `columns` axes, each about `size` inches.

    Returns
    -------
    picture : Picture
    axes : ndarray of matplotlib.axes.Axes, shape (rows, columns)
    """
    options = {"figsize": (size[0] * columns, size[1] * rows), "layout": "constrained"} | options
    picture = Picture(**options)
    axes: NDArray[Any] = picture.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        _quiet(ax)
    return picture, axes


def _quiet(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(length=0, labelsize=8)
