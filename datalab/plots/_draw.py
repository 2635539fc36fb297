"""What all pictures share: colours, names that fit, axes without global state."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from datalab.exceptions import InputError
from datalab.views.cells import clean_text, distinct, elide

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "ACCENT", "CLASSES", "GIVEN", "GROUND", "LINE", "MUTED", "NAME_LIMIT", "REST", "SUGGESTED",
    "TEXT", "axes", "figure_of", "give_fonts", "legend", "names_that_fit", "quiet", "text", "title",
]  # fmt: skip

# The colours of the house, on white: given is amber, suggested is blue, as in every view.
TEXT, MUTED, LINE, GROUND = "#18181b", "#6b7280", "#d4d4d8", "#ffffff"
GIVEN, SUGGESTED, ACCENT = "#b45309", "#1d4ed8", "#2563eb"
REST = "#bcc1cb"  # everything that is not meant
# Paul Tol's "muted" scheme: ten colours that people with any colour vision can tell apart.
CLASSES = (
    "#332288", "#cc6677", "#117733", "#ddcc77", "#88ccee",
    "#882255", "#44aa99", "#999933", "#aa4499", "#661100",
)  # fmt: skip
NAME_LIMIT = 24  # characters of a class name in a picture
OWN_FONT = "DejaVu Sans"  # that matplotlib brings along
UNREADABLE = ("Last Resort", "Noto Color")  # stand for every character; cannot be drawn


def text(value: Any, limit: int) -> str:
    """Text that the fonts at hand can draw; a box stands for each character that they cannot."""
    return _drawable(clean_text(value, limit))


def names_that_fit(names: Sequence[Any], limit: int = NAME_LIMIT) -> list[str]:
    """Names short enough for a picture: long ones lose their middle, none reads like another."""
    return distinct([_drawable(elide(name, limit)) or "(empty)" for name in names])


def _drawable(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c if _font_with(c) else "\N{WHITE VERTICAL RECTANGLE}" for c in text)


def give_fonts(figure: "Figure") -> None:
    """Texts that matplotlib's own font cannot draw also get the fonts of the system that can."""
    from matplotlib.text import Text

    for drawn in figure.findobj(Text):
        others = {_font_with(c) for c in drawn.get_text() if not c.isascii()} - {OWN_FONT, None}
        if others:
            drawn.set_fontfamily([*drawn.get_fontfamily(), *sorted(filter(None, others))])


@functools.cache
def _font_with(character: str) -> str | None:
    """The first installed font that has a character, matplotlib's own before all others."""
    fonts = ((family, _characters(path)) for family, path in _installed().items())
    return next((family for family, known in fonts if ord(character) in known), None)


@functools.cache
def _installed() -> dict[str, str]:
    """Families of fonts and their regular faces."""
    from matplotlib import font_manager

    regular = {
        font.name: font.fname
        for font in sorted(font_manager.fontManager.ttflist, key=lambda font: font.name)
        if font.style == "normal" and font.weight == 400 and not font.name.startswith(UNREADABLE)
    }
    return {OWN_FONT: font_manager.findfont(OWN_FONT), **regular}


@functools.cache
def _characters(path: str) -> frozenset[int]:
    """Characters that a font has."""
    from matplotlib import font_manager

    try:
        return frozenset(font_manager.get_font(path).get_charmap())
    except (OSError, RuntimeError):  # a font that cannot be read is none
        return frozenset()


def axes(width: float, height: float) -> "Axes":
    """Axes of a new figure that no global state knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="compressed", facecolor=GROUND)
    FigureCanvasAgg(figure)
    added: Axes = figure.add_subplot(facecolor=GROUND)
    return added


def figure_of(ax: "Axes") -> "Figure":
    """The figure that the axes belong to."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise InputError("`ax` does not belong to a figure any more; give axes of a figure")
    return figure


def title(ax: "Axes", text: str) -> None:
    """A title above the left edge, of one line or two."""
    first, _, rest = text.partition("\n")
    ax.set_title(text if rest else first, loc="left", fontsize=10.5, color=TEXT, parse_math=False)


def quiet(ax: "Axes", grid: Literal["x", "y"] | None = None) -> None:
    """Axes without a frame; with lines along "x" or "y"."""
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(LINE)
    ax.tick_params(colors=MUTED, labelsize=8.5, length=0)
    ax.set_axisbelow(True)
    if grid:
        ax.grid(axis=grid, color="#ececef", linewidth=0.8)


def legend(ax: "Axes", *, outside: bool = False) -> None:
    """What the colours mean; beside the picture, or where it hides least."""
    from matplotlib.collections import PathCollection

    place: dict[str, Any] = {"loc": "best"}
    if outside:
        place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2}
    made = ax.legend(frameon=False, fontsize=8.5, labelcolor=TEXT, markerscale=1.4, **place)
    for entry in made.get_texts():
        entry.set_parse_math(False)
    for handle in made.legend_handles:
        if isinstance(handle, PathCollection):  # the points of a map, at one legible size
            handle.set_sizes([28])
            handle.set_alpha(1.0)
