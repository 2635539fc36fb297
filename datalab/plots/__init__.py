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

from datalab.plots._changes import changes
from datalab.plots._classes import classes
from datalab.plots._confusion import confusion
from datalab.plots._embedding import embedding
from datalab.plots._plot import Plot
from datalab.plots._scores import issues, scores
from datalab.plots._training import training
from datalab.plots.accessor import PlotAccessor

__all__ = [
    "Plot",
    "PlotAccessor",
    "changes",
    "classes",
    "confusion",
    "embedding",
    "issues",
    "scores",
    "training",
]
