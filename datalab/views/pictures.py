"""A matplotlib figure that shows itself in a notebook, without pyplot."""

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["panels"]


class _Picture(Figure):
    """A figure that shows itself: IPython draws a plain one only after pyplot was imported."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", facecolor="white", metadata={"Software": None})
        return file.getvalue()


def panels(
    rows: int, columns: int, *, size: tuple[float, float], **options: Any
) -> tuple[Figure, NDArray[Any]]:
    """An empty picture with axes in rows and columns, which shows itself in a notebook.

    Parameters
    ----------
    rows, columns : int
        Number of axes.
    size : tuple of float
        Width and height of one of them in inches.
    **options
        Arguments of `matplotlib.figure.Figure`, instead of the defaults.

    Returns
    -------
    picture : matplotlib.figure.Figure
    axes : ndarray of matplotlib.axes.Axes, shape (rows, columns)
    """
    options = {"figsize": (size[0] * columns, size[1] * rows), "layout": "constrained"} | options
    picture = _Picture(**options)
    axes: NDArray[Any] = picture.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        _quiet(ax)
    return picture, axes


def _quiet(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(length=0, labelsize=8)
