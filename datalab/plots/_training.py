"""How examples were learned over the epochs of a training: a data map."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import seed
from datalab.exceptions import InputError
from datalab.plots import _draw as draw
from datalab.plots._plot import Plot
from datalab.views.cells import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["training"]

DRAWN = 20_000  # points; more are drawn as a sample
COLOURS = {"easy": draw.SUGGESTED, "ambiguous": draw.REST, "hard": draw.ACCENT}


def training(
    variability: ArrayLike,
    confidence: ArrayLike,
    region: ArrayLike,
    *,
    random_state: int = 0,
    ax: "Axes | None" = None,
) -> Plot:
    """A data map: how sure a model was of each label over its training, and how that varied.

    Parameters
    ----------
    variability, confidence : array-like of float, shape (N,)
        Standard deviation and mean over epochs of the probability of the given label.
    region : array-like of str, shape (N,)
        "easy", "ambiguous" or "hard".
    random_state : int
        Seed of the sample that is drawn when there are more than 20,000 points.
    ax : matplotlib.axes.Axes, optional
        Draw here; by default a new figure is made.

    Returns
    -------
    Plot
        With one row per point in its frame: variability, confidence, region.

    References
    ----------
    S. Swayamdipta et al.: Dataset cartography: mapping and diagnosing datasets with training
    dynamics, EMNLP 2020, figure 1.
    """
    across, up = np.asarray(variability, float), np.asarray(confidence, float)
    where = np.asarray(region, dtype=object)
    if not across.shape == up.shape == where.shape:
        raise InputError("`variability`, `confidence` and `region` must have one value per example")
    n_rows = len(up)
    if n_rows > DRAWN:
        shown = np.sort(
            np.random.default_rng(seed(random_state)).choice(n_rows, DRAWN, replace=False)
        )
        across, up, where = across[shown], up[shown], where[shown]
    ax = ax if ax is not None else draw.axes(6.4, 4.4)
    for name, colour in COLOURS.items():
        there = where == name
        label = f"{name} ({count(there.sum())})"
        ax.scatter(across[there], up[there], s=9, color=colour, alpha=0.6, lw=0, label=label)
    draw.quiet(ax, grid="y")
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel("variability of the label's probability", color=draw.TEXT)
    ax.set_ylabel("mean probability of the label", color=draw.TEXT)
    # Not "hard to learn": the check of that name flags by the area under the margin.
    hard = int((where == "hard").sum())
    draw.title(ax, f"Data map: {count(hard)} of {count(len(up))} examples in the hard region")
    draw.legend(ax, outside=True)
    return Plot(
        draw.figure_of(ax),
        "training",
        f"data map of {count(n_rows)} examples; {count(hard)} in the hard region",
        {"variability": across, "confidence": up, "region": where},
    )
