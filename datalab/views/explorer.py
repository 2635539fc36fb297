"""The explorer: several views of one lab, linked by one session; and each of them alone."""

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as W
import traitlets as T

from datalab._check import did_you_mean
from datalab.exceptions import NotFound
from datalab.session import LOOKED_AT, Session
from datalab.views.annotators import Annotators
from datalab.views.base import View, show_with_report
from datalab.views.chain import ChainEditor
from datalab.views.heatmap import Heatmap
from datalab.views.histogram import Histogram
from datalab.views.inspector import Inspector
from datalab.views.overview import Overview
from datalab.views.scatter import Scatter
from datalab.views.table import Table

__all__ = ["VIEWS", "Explorer", "ViewAccessor"]

VIEWS: Mapping[str, Callable[..., View]] = {
    "overview": Overview,
    "confusion": Heatmap,
    "scores": Histogram,
    "table": Table,
    "inspector": Inspector,
    "map": Scatter,
    "annotators": Annotators,
    "chain": ChainEditor,
}
BY_DEFAULT = ("overview", "confusion", "scores", "table", "inspector")
# Views that stand in a column of their own beside the table.
ASIDE = ("confusion", "scores")


def _looked_at(name: str, doc: str) -> property:
    """An attribute of the session."""
    return property(
        lambda self: getattr(self.session, name),
        lambda self, value: setattr(self.session, name, value),
        doc=doc,
    )


class Explorer(W.Box):  # type: ignore[misc]  # ipywidgets has no types
    """Linked views of one lab.

    Parameters
    ----------
    lab : Datalab
    names : sequence of str
        Which views, by their names in `VIEWS`; none means the usual ones.
    issue : str, optional
        The check to begin with.
    """

    def __init__(self, lab: Any, names: tuple[str, ...] = (), *, issue: str | None = None) -> None:
        self.session = Session(lab, issue)
        for name in names:
            _check_drawable(name, lab)
        chosen = names or tuple(name for name in BY_DEFAULT if _has_something(name, self.session))
        ordered = sorted(dict.fromkeys(chosen), key=lambda name: name != "overview")
        self.views = {name: _view_class(name)(self.session) for name in ordered}
        with_example = {"table", "inspector"} <= set(self.views)
        if with_example:  # the buttons stand beside the example; the keys work in both
            self.views["table"].bar = False
        aside = [self.views[name] for name in ASIDE if name in self.views]
        others = [view for name, view in self.views.items() if name not in ASIDE]
        side = W.Box(aside)
        side.add_class("dl-side")
        # The overview heads the page; what stands aside comes before what it narrows.
        place = 1 if others and others[0] is self.views.get("overview") else 0
        grid = W.Box([*others[:place], *([side] if aside else []), *others[place:]])
        grid.add_class("dl-grid")
        if aside and "table" in self.views:
            grid.add_class("with-side")
        if with_example:
            grid.add_class("with-example")
        super().__init__([grid])
        self.add_class("dl").add_class("dl-explorer")

    # ------------------------------------------------------------------ from Python

    selection = _looked_at("selection", "Positions of the selected rows; may be set.")
    filter = _looked_at(
        "filter", 'What listed rows must meet: ``"given:3 score<0.1"``, or a dict; may be set.'
    )
    issue = _looked_at("issue", "The check that is looked at; may be set.")
    sort = _looked_at(
        "sort", "The order: the name of a column, and whether it ascends; may be set."
    )
    flagged_only = _looked_at("flagged_only", "Whether only flagged rows are listed; may be set.")
    focus = _looked_at("focus", "Position of the row that is looked at; may be set.")
    threshold = _looked_at(
        "threshold", "Scores below it are flagged, None: as the check did; may be set."
    )

    def observe(self, handler: Any, names: Any = T.All, type: Any = "change") -> None:  # noqa: A002
        """Call `handler` on changes, also of what the session holds (``names="selection"``)."""
        asked = [names] if isinstance(names, str) else names
        shared = asked is not T.All and set(asked) <= set(LOOKED_AT)
        (self.session.observe if shared else super().observe)(handler, names, type)

    @property
    def rows(self) -> Any:
        """Positions of the rows that are listed, in order."""
        return self.session.rows

    def selected(self) -> Any:
        """The selected rows, in the user's own type."""
        return self.session.selected()

    def select(self, rows: Any) -> None:
        """Select rows: index labels of the data, or a boolean mask of shape (N,)."""
        self.session.select(rows)

    def close(self) -> None:
        """Take everything from the page and stop following the lab."""
        views, self.views = getattr(self, "views", {}), {}
        for view in views.values():
            view.close()
        if views:
            self.session.close()
            for box in _boxes(self):
                box.layout.close()
                if box is not self:
                    box.close()
        super().close()

    def _ipython_display_(self, **_: Any) -> None:
        from datalab.views.static import report_html

        show_with_report(self, next(iter(self.views.values())), report_html(self.session.lab))


def _boxes(box: Any) -> list[Any]:
    """A box and all that stand in it."""
    inner = [one for one in box.children if isinstance(one, W.Box)]
    return [box, *(each for one in inner for each in _boxes(one))]


def _has_something(name: str, session: Session) -> bool:
    """Whether a view that nobody asked for by name would show anything."""
    if name == "confusion":
        return len(session.lab.class_names) > 1 and bool((session.facts.suggested >= 0).any())
    return name != "scores" or bool(session.issue)


def _check_drawable(name: str, lab: Any) -> None:
    """Refuse a view that this kind of data can never fill."""
    if name == "confusion" and lab.task != "classification":
        others = [other for other in BY_DEFAULT if other != name]
        raise NotFound(
            f"the view 'confusion' needs one class per row, but the task is {lab.task!r}; "
            f"there are {', '.join(others)} and map"
        )


class ViewAccessor:
    """One live view of a lab: ``lab.view.table()``, ``lab.view.confusion()``, ….

    Parameters
    ----------
    lab : Datalab
    """

    def __init__(self, lab: Any) -> None:
        self._lab = lab

    def __dir__(self) -> list[str]:
        return [*VIEWS]

    def __getattr__(self, name: str) -> Callable[..., View]:
        if name.startswith("_"):
            raise AttributeError(name)
        made = _view_class(name)

        def show(*, issue: str | None = None, **options: Any) -> View:
            _check_drawable(name, self._lab)
            view = made(Session(self._lab, issue), **options)
            view._alone = True
            return view

        show.__name__, show.__doc__ = name, made.__doc__
        return show

    def __repr__(self) -> str:
        return f"views: {', '.join(VIEWS)}"


def _view_class(name: str) -> Callable[..., View]:
    if name not in VIEWS:
        raise NotFound(f"there is no view {name!r}: {did_you_mean(name, VIEWS)}")
    return VIEWS[name]
