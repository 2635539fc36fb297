"""``lab.plot``: what a lab knows, handed to the functions that draw."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datalab.exceptions import NotFound
from datalab.plots._classes import classes
from datalab.plots._confusion import confusion
from datalab.plots._embedding import embedding
from datalab.plots._plot import Plot
from datalab.plots._scores import issues, scores
from datalab.plots._training import training

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PlotAccessor"]


class PlotAccessor:
    """The pictures of a lab: ``lab.plot.confusion()``, ``lab.plot.scores("outlier")``, ….

    Every method takes `ax` to draw into a figure of your own, and returns a `Plot`.
    """

    def __init__(self, lab: Any) -> None:
        self._lab = lab

    def __repr__(self) -> str:
        return (
            "lab.plot: .confusion(), .classes(), .scores(name), .issues(), "
            ".embedding(color), .training()"
        )

    def confusion(self, *, top: int | None = None, ax: "Axes | None" = None) -> Plot:
        """Given × suggested labels; see `datalab.plots.confusion`.

        Raises
        ------
        NotFound
            The labels have not been checked, or the task has no classes.
        """
        if self._lab.task != "classification":
            raise NotFound(
                f"a confusion matrix needs one class per row, but the task is {self._lab.task!r}; "
                'lab.plot.scores("label") shows the scores'
            )
        columns = self._findings("label").columns
        given, suggested = columns["given_label"], columns["predicted_label"]
        return confusion(given, suggested, self._lab.class_names, top=top, ax=ax)

    def classes(
        self, *, top: int | None = None, random_state: int = 0, ax: "Axes | None" = None
    ) -> Plot:
        """Label noise of every class with intervals; see `datalab.plots.classes`.

        Raises
        ------
        NotFound, NotApplicable
            As for `Datalab.health`.
        """
        table = self._lab.health(random_state=random_state).frame("classes")
        return classes(table, top=top, ax=ax)

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

    def training(self, *, random_state: int = 0, ax: "Axes | None" = None) -> Plot:
        """A data map of a training that was recorded; see `datalab.plots.training`.

        Raises
        ------
        NotFound
            No training was recorded or checked.
        """
        found = self._findings("training_dynamics").columns
        maps = (found["variability"], found["confidence"], found["region"])
        return training(*maps, random_state=random_state, ax=ax)

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
        n_rows, known = len(self._lab), self._lab.class_names
        codes: NDArray[Any] | None = None
        names: Sequence[Any] = ()
        title, emphasis = "Map of the features", False
        if color is None:
            color = "class" if self._lab.has_labels and self._lab.task == "classification" else None
        if color == "class":
            codes, names, title = self._codes(), known, "Map of the features, by given label"
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

    def _codes(self) -> NDArray[Any]:
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
