"""The examples that are listed: sorted, paged, filtered, selected and decided on by keyboard."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from datalab.exceptions import InputError
from datalab.session import Session
from datalab.session.query import TEXT, parse, written
from datalab.views.cells import counted
from datalab.views.review import Reviewing
from datalab.views.rows import columns_of, page_of

__all__ = ["Table"]

SHORT = 16  # characters of a class name that is short enough for a hint


class Table(Reviewing):
    """The rows that are listed, one page at a time, and what can be decided on them."""

    modules: ClassVar[tuple[str, ...]] = ("review", "sound", "table")
    watches: ClassVar[frozenset[str]] = frozenset(
        {"rows", "page", "page_size", "focus", "selection", "decisions", "findings", "issue"}
    )

    def actions(self) -> Mapping[str, Callable[..., Any]]:
        """What reviewing needs, and what narrows the list."""
        return {
            **super().actions(),
            "go": self.session.go,
            "clear": self.session.clear,
            "drop": self._drop,
            "cancel": self.session.cancel,
        }

    def _drop(self, name: str) -> None:
        if name not in ("cell", "region", "threshold"):
            raise InputError(f"{name!r} narrows no list")
        setattr(self.session, name, None)

    def drawn(self) -> dict[str, Any]:
        """One page, and what is said around it."""
        session = self.session
        words = [
            part.value
            for part in parse(session.filter, session.lab._source.columns)
            if part.key == TEXT
        ]
        return {
            **self.decision(),
            "columns": columns_of(session),
            "rows": page_of(session, session.page_rows(), words),
            "pages": max(1, -(-len(session.rows) // session.page_size)),
            "place": session.place(),
            "chips": _chips(session),
            "narrowed": bool({"cell", "region"} & {chip["name"] for chip in _chips(session)}),
            "hint": _hint(session),
            "issue_title": _title(session),
        }


def _title(session: Session) -> str:
    return session.lab._outcomes[session.issue].spec.title if session.issue else ""


def _hint(session: Session) -> str:
    """What can be typed, with a class that this data has."""
    names = session.lab.class_names
    short = [str(name) for name in names if 0 < len(str(name)) <= SHORT and str(name).isprintable()]
    example = written({"given": short[0]}) if short else "row<100"
    return f"Filter: text, {example}" + (", score<0.1" if session.issue else "")


def _chips(session: Session) -> list[dict[str, str]]:
    """What narrows the list beside the filter line; each can be taken away."""
    chips = []
    if session.cell is not None:
        given, suggested = (session.facts.class_texts()[code] for code in session.cell)
        chips.append({"name": "cell", "text": f"given {given}, suggested {suggested}"})
    if session.region is not None:
        chips.append({"name": "region", "text": f"region of {counted(len(session.region), 'row')}"})
    if session.threshold is not None:
        chips.append({"name": "threshold", "text": f"score below {session.threshold:.3g}"})
    return chips
