"""What all live views share: they mirror a session, hold no truth, and show a report without one.

A view is one Python file and one ES module. The Python side makes `View.content`, a small value
that the module draws; the page answers with shared traits (``model.set``) and with messages
``{"do": name, "args": {…}}`` that are looked up in `View.actions`.
"""

import functools
import hashlib
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any, ClassVar

import anywidget
import numpy as np
import traitlets as T

from datalab.exceptions import DatalabError
from datalab.session import CHECKED, LOOKED_AT, Line, Positions, Session

__all__ = ["View", "assets", "show_with_report"]

STATIC_CLASS = "dl-static"


@functools.cache
def assets(kind: str, *names: str) -> str:
    """Style sheets or modules of this package, one after the other."""
    files = resources.files("datalab.views")
    folder = {"css": "css", "js": "esm"}[kind]
    return "\n".join((files / folder / f"{name}.{kind}").read_text("utf-8") for name in names)


def _style() -> str:
    # The report's tokens are the views' tokens: one accent, one amber for given, one blue.
    return assets("css", "tokens").replace(".datalab", ".dl") + assets("css", "live")


class View(anywidget.AnyWidget):
    """One linked, live view of a lab.

    Parameters
    ----------
    session : Session
        Views of one session follow each other.

    Notes
    -----
    ``issue``, ``filter``, ``sort``, ``page``, ``threshold``, … are those of the session: they can
    be read, set and observed (``view.observe(callback, "selection")``).
    """

    # The ES modules of the view, one after the other; the last one exports it.
    modules: ClassVar[tuple[str, ...]] = ()
    watches: ClassVar[frozenset[str]] = frozenset({"all"})

    content = T.Dict(help="what is drawn").tag(sync=True)
    problem = T.Unicode(help="what was wrong with the last thing the page asked for").tag(sync=True)
    static_id = T.Unicode(help="the static report that this view replaces").tag(sync=True)
    busy = T.Unicode().tag(sync=True)

    issue = T.Unicode().tag(sync=True)
    flagged_only = T.Bool(True).tag(sync=True)
    filter = Line().tag(sync=True)
    sort = T.Tuple().tag(sync=True)
    page = T.Int(0).tag(sync=True)
    page_size = T.Int(12).tag(sync=True)
    cell = T.Tuple(allow_none=True, default_value=None).tag(sync=True)
    threshold = T.Float(None, allow_none=True).tag(sync=True)
    focus = T.Int(None, allow_none=True).tag(sync=True)
    region = Positions(allow_none=True, default_value=None)
    selection = Positions(default_value=())

    def __init_subclass__(cls, **options: Any) -> None:
        if "modules" in vars(cls):  # traitlets makes further classes of its own
            cls._esm, cls._css = assets("js", "dom", *cls.modules), _style()
        super().__init_subclass__(**options)

    _following = False
    _alone = False  # whether the session is this view's only

    def __init__(self, session: Session) -> None:
        self.session = session
        held = {name: getattr(session, name) for name in LOOKED_AT}
        super().__init__(busy=session.busy, **held)
        self.observe(self._to_session, list(LOOKED_AT))
        session.observe(self._told, ["tick", "busy"])
        self._following = True
        self.on_msg(self._asked)
        with session.lock:
            self.refresh()

    def close(self) -> None:
        """Take the view from the page and stop following the session."""
        if self._following:  # Widget.__del__ closes once more
            self._following = False
            self.session.unobserve(self._told, ["tick", "busy"])
            if self._alone:
                self.session.close()
            self.layout.close()  # a widget of its own, which would stay
        super().close()

    # ------------------------------------------------------------------ what a view says of itself

    def drawn(self) -> dict[str, Any]:
        """What the module draws: JSON and bytes, cut to what is seen."""
        raise NotImplementedError

    def actions(self) -> Mapping[str, Callable[..., Any]]:
        """What the page may ask for, by name."""
        return {}

    # ------------------------------------------------------------------ following the session

    def refresh(self) -> None:
        """Make the content anew."""
        self.content = self.drawn()

    def _told(self, change: Any) -> None:
        with self.hold_sync():  # one message, so that the page draws once
            for name in (*LOOKED_AT, "busy"):
                self.set_trait(name, getattr(self.session, name))
            if change.name == "tick" and self.session.changed & {*self.watches, "all"}:
                self.refresh()

    def _to_session(self, change: Any) -> None:
        with self.session.lock:
            setattr(self.session, change.name, change.new)

    @T.validate(*CHECKED)
    def _accepted(self, proposal: Any) -> Any:
        """What the session refuses is refused here, before anything has changed."""
        return self.session.accepted(proposal.trait.name, proposal.value)

    # ------------------------------------------------------------------ what the page asks for

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """State from the page; what is wrong with it is shown there."""
        state = dict(sync_data)
        line = state.pop("filter", None)
        with self.session.lock:
            self._try(lambda: super(View, self).set_state(state))
            if line is not None:
                self._try(lambda: self.session.look_for(str(line)))

    def _asked(self, _: Any, message: Any, buffers: Any) -> None:
        action = self.actions().get(str(message.get("do"))) if isinstance(message, dict) else None
        if action is not None:
            given = {"buffers": buffers} if buffers else {}
            with self.session.lock:
                self._try(lambda: action(**message.get("args", {}), **given))

    def _try(self, action: Callable[[], Any]) -> None:
        """Do what the page asks; an error is told there: in a handler it would only be logged."""
        try:
            action()
            self.problem = ""
        except (DatalabError, T.TraitError, TypeError, ValueError, LookupError) as error:
            self.problem = str(error)[:500]

    # ------------------------------------------------------------------ selection in Python

    def selected(self) -> Any:
        """The selected rows, in the user's own type."""
        return self.session.selected()

    def select(self, rows: Any) -> None:
        """Select rows: index labels of the data, or a boolean mask of shape (N,)."""
        self.session.select(rows)

    @property
    def rows(self) -> Any:
        """Positions of the rows that are listed, in order."""
        rows = self.session.rows.view()
        rows.flags.writeable = False
        return rows

    # ------------------------------------------------------------------ showing

    def _ipython_display_(self, **_: Any) -> None:
        from datalab.views.static import summary_html

        show_with_report(self, self, summary_html(self.session.lab))

    def __repr__(self) -> str:
        listed = f"{len(self.session.rows)} rows listed"
        return f"{type(self).__name__}({self.issue or 'no check'}, {listed})"


def show_with_report(widget: Any, view: View, report: str) -> None:
    """Show a static report and then the live widget, which hides the report while it is there.

    Two outputs: where no kernel answers (a reopened or converted notebook, a code host) the first
    is what people see.
    """
    from IPython import display

    mark = hashlib.sha256(report.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    view.static_id = f"{STATIC_CLASS}-{mark}"
    html = f'<div class="{view.static_id}">{report}</div>'
    show: Any = display.display  # untyped
    show({"text/html": html, "text/plain": "the report stands here in a notebook"}, raw=True)
    bundle = dict(anywidget_bundle(widget))
    bundle["text/plain"] = "the live view stands here while a kernel runs: run the cell"
    show(bundle, raw=True)


def anywidget_bundle(widget: Any) -> Mapping[str, Any]:
    """What makes a notebook draw a widget."""
    return {
        "application/vnd.jupyter.widget-view+json": {
            "version_major": 2,
            "version_minor": 0,
            "model_id": widget.model_id,
        }
    }


def buffer(values: Any, dtype: str) -> bytes:
    """An array as the bytes that the page reads (little-endian)."""
    return np.ascontiguousarray(values, dtype=dtype).tobytes()
