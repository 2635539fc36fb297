"""Pictures of annotated and predicted boxes."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from datalab._typing import FloatArray
from datalab.exceptions import InputError
from datalab.views.cells import clean_text
from datalab.views.pictures import panels

__all__ = ["boxes_on_image", "share_bars", "size_histograms"]

_GIVEN, _PREDICTED = "#b45309", "#1d4ed8"  # as in every picture of the house
_LABEL_BOX, _PREDICTION_BOX = "red", "blue"

# Boxes (n, 4) and what is written at each of them.
Drawn = tuple[FloatArray, Sequence[str]]


def size_histograms(
    annotated: Mapping[Any, list[float]],
    predicted: Mapping[Any, list[float]],
    top: int,
    options: Mapping[str, Any],
) -> Figure:
    """Areas of boxes, class by class: annotated on the left, predicted on the right.

    Parameters
    ----------
    annotated, predicted : mapping
        Class → areas in square pixels.
    top : int
        Number of classes to show, the first ones of `annotated`.
    options : mapping
        Arguments of `matplotlib.figure.Figure`.
    """
    shown = list(annotated)[: max(0, top)]
    figure, axes = panels(max(1, len(shown)), 2, size=(4.0, 1.8), **_without_block(options))
    for row, name in zip(axes, shown, strict=False):  # no class still leaves empty axes
        _sizes(row[0], name, annotated[name], "annotated", _GIVEN)
        _sizes(row[1], name, predicted.get(name, []), "predicted", _PREDICTED)
    for ax in axes[-1]:
        ax.set_xlabel("area in square pixels", fontsize=9)
    return figure


def _sizes(ax: Axes, name: Any, areas: list[float], kind: str, colour: str) -> None:
    ax.hist(areas, bins=20, color=colour)
    ax.locator_params(axis="y", integer=True)
    title = f"{clean_text(name, 40)}: {len(areas)} {kind}"
    ax.set_title(title, fontsize=9, loc="left", parse_math=False)


def share_bars(
    annotated: Mapping[Any, float], predicted: Mapping[Any, float], options: Mapping[str, Any]
) -> Figure:
    """Share of each class: annotated boxes on the left, predicted boxes on the right.

    Parameters
    ----------
    annotated, predicted : mapping
        Class → share in [0, 1].
    options : mapping
        Arguments of `matplotlib.figure.Figure`.
    """
    classes = sorted({**annotated, **predicted}, key=lambda name: -annotated.get(name, 0.0))
    height = 0.8 + 0.25 * max(1, len(classes))
    figure, axes = panels(1, 2, size=(4.0, height), **_without_block(options))
    names = [clean_text(name, 24) for name in classes]
    kinds = (("annotated", annotated, _GIVEN), ("predicted", predicted, _PREDICTED))
    for ax, (kind, shares, colour) in zip(axes[0], kinds, strict=True):
        ax.set_xlim(0, max([0.01, *annotated.values(), *predicted.values()]) * 1.05)
        places = range(len(classes))
        ax.barh(places, [shares.get(name, 0.0) for name in classes], color=colour)
        ax.set_yticks(places, names, parse_math=False)
        ax.invert_yaxis()
        ax.set_xlabel("share of the boxes", fontsize=9)
        ax.set_title(f"{kind} boxes", fontsize=9, loc="left")
    return figure


def boxes_on_image(
    image: Any,
    annotated: Drawn,
    predicted: Drawn,
    *,
    overlay: bool,
    options: Mapping[str, Any],
) -> Figure:
    """The image with annotated boxes in red and predicted boxes in blue.

    Parameters
    ----------
    image : path, PIL image or array of shape (H, W) or (H, W, 3)
    annotated, predicted : tuple
        Boxes (n, 4) and the n texts that are written at them.
    overlay : bool
        Everything on one picture; otherwise side by side.
    options : mapping
        Arguments of `matplotlib.figure.Figure`.

    Raises
    ------
    InputError
        The image is none.
    """
    pixels = _pixels(image)
    options = _without_block(options)
    figure, axes = panels(1, 1 if overlay else 2, size=(6.4, 4.8), **options)
    titles = ("annotated and predicted",) if overlay else ("annotated", "predicted")
    for ax, title in zip(axes.flat, titles, strict=True):
        ax.imshow(pixels, cmap="gray" if pixels.ndim == 2 else None)
        ax.set_axis_off()
        if not overlay:
            ax.set_title(title, fontsize=9, loc="left")
    # Texts under and over the box, so that those of the same object do not hide each other.
    _draw_boxes(axes.flat[0], annotated, _LABEL_BOX, below=True)
    _draw_boxes(axes.flat[-1], predicted, _PREDICTION_BOX, below=False)
    return figure


def _pixels(image: Any) -> NDArray[Any]:
    """The image as an array that matplotlib can draw."""
    if isinstance(image, (str, os.PathLike)):
        from PIL import Image

        with Image.open(image) as file:
            image = file.convert("RGB")
    pixels = np.asarray(image)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))):
        raise InputError(
            "`image` must be a path, a PIL image or an array of shape (H, W) or (H, W, 3), got "
            f"{type(image).__name__} of shape {pixels.shape}"
        )
    return pixels


def _draw_boxes(ax: Axes, drawn: Drawn, colour: str, *, below: bool) -> None:
    for (x1, y1, x2, y2), text in zip(*drawn, strict=True):
        ax.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour))
        ax.text(
            x1,
            y2 if below else y1,
            clean_text(text, 40),
            color="white",
            fontsize=8,
            va="top" if below else "bottom",
            clip_on=True,
            parse_math=False,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1},
        )


def _without_block(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the figure; `block`, which the reference hands to pyplot.show, means nothing."""
    return {name: value for name, value in options.items() if name != "block"}
