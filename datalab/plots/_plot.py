"""The object that every picture is: a figure, and the numbers in it."""

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from datalab.plots._draw import GROUND, give_fonts

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Plot"]


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

    def __post_init__(self) -> None:
        """Let every text be read."""
        give_fonts(self.figure)

    def frame(self) -> "pd.DataFrame":
        """What is drawn, as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(dict(self.data))

    def save(self, path: str | os.PathLike[str], *, dpi: int = 200) -> None:
        """Write the picture to a file; the ending chooses the format (png, svg, pdf, …)."""
        self.figure.savefig(path, dpi=dpi, facecolor=GROUND)

    def __repr__(self) -> str:
        return f"Plot({self.name}: {self.alternative})"

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.figure.savefig(
            file, format="png", dpi=144, facecolor=GROUND, metadata={"Software": None}
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
