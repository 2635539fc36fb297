"""Deciding on rows, in whichever view the person is: keys, bulk decisions with a preview, undo."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import traitlets as T

from datalab._typing import IndexArray
from datalab.session import Session
from datalab.views.base import View
from datalab.views.cells import class_name, count, counted
from datalab.views.collect import _given_labels, row_name
from datalab.views.rows import audio_of
from datalab.views.sound import playable

__all__ = ["Reviewing", "progress_of", "suggestion_of"]

MANY_CLASSES = 500  # class names that are offered while typing
CHANGES_SHOWN = 6


class Reviewing(View):
    """A view in which one can decide; `bar` shows the buttons, the keys work always."""

    bar = T.Bool(True).tag(sync=True)
    preview = T.Dict(
        default_value=None, allow_none=True, help="what a decision on many rows would change"
    ).tag(sync=True)

    def actions(self) -> Mapping[str, Callable[..., Any]]:
        """Moving, selecting and deciding."""
        session = self.session
        return {
            "pick": session.pick,
            "move": session.move,
            "all": session.select_listed,
            "none": lambda: setattr(session, "selection", ()),
            "decide": self._decide,
            "undo": lambda: session.lab.review.can_undo and session.lab.review.undo(),
            "redo": lambda: session.lab.review.can_redo and session.lab.review.redo(),
            "play": self._play,
        }

    def _play(self, row: int) -> None:
        """Send a recording, or why there is nothing to hear."""
        lab = self.session.lab
        name = audio_of(lab)
        data, mime, problem = playable(lab._source.column(name, [row])[0] if name else None)
        self.send({"sound": row, "mime": mime, "problem": problem}, buffers=[data])

    def decision(self) -> dict[str, Any]:
        """What the review bar says: on how many rows, what is suggested, what can be undone."""
        session, lab, review = self.session, self.session.lab, self.session.lab.review
        rows = session.acted_on()
        return {
            "acted_on": len(rows),
            "row": int(rows[0]) if len(rows) == 1 else None,
            "name": row_name(lab, int(rows[0])) if len(rows) == 1 else "",
            "sets": lab.task == "multilabel",
            "n_selected": len(session.selection),
            "total": len(session.rows),
            "given": _given(session, rows),
            "suggestion": suggestion_of(session, int(rows[0])) if len(rows) == 1 else "",
            "labelled": session.lab._labels is not None,
            "sounds": audio_of(session.lab) is not None,
            "classes": session.facts.class_texts()[:MANY_CLASSES],
            "undo": bool(review.can_undo),
            "redo": bool(review.can_redo),
            "progress": progress_of(session),
        }

    def _decide(
        self,
        verdict: str,
        value: str | None = None,
        note: str | None = None,
        confirmed: bool = False,
    ) -> None:
        """Decide on one row at once; on many only when what will change has been seen."""
        label = self._label(value)
        rows = self.session.acted_on()
        if len(rows) > 1 and not confirmed:
            self.preview = self._preview(rows, verdict, value, note)
            return
        self.set_trait("preview", None)
        self.session.decide(verdict, label, note=note)

    def _label(self, value: str | None) -> Any:
        return None if value is None else self.session.class_of(value)

    def _preview(
        self, rows: IndexArray, verdict: str, value: str | None, note: str | None
    ) -> dict[str, Any]:
        """What a decision would change, before it is made."""
        nothing: Any = None
        decided = np.count_nonzero(self.session.facts.verdicts()[rows] != nothing)
        relabels = verdict == "relabel"
        return {
            "verdict": verdict,
            "value": value,
            "note": note,
            "rows": counted(len(rows), "row"),
            "changes": self._changes(rows, self._label(value)) if relabels else [],
            "replaced": f"{counted(int(decided), 'earlier decision')} replaced" if decided else "",
        }

    def _changes(self, rows: IndexArray, label: Any) -> list[dict[str, str]]:
        """Given → new label with the number of rows, most frequent first."""
        lab = self.session.lab
        new = lab.review.suggested(rows) if label is None else [label] * len(rows)
        pairs = Counter(zip(_given_labels(lab, rows.tolist()), map(_shown, new), strict=True))
        return [
            {"given": given, "new": "" if given == to else to, "rows": count(n)}
            for (given, to), n in pairs.most_common(CHANGES_SHOWN)
        ] + [{"more": counted(len(pairs) - CHANGES_SHOWN, "other kind")}] * (
            len(pairs) > CHANGES_SHOWN
        )


def _shown(label: Any) -> str:
    return "missing" if label is None else class_name(label)


def _given(session: Session, rows: Any) -> str:
    code = int(session.facts.given[rows[0]]) if len(rows) == 1 else -1
    return session.facts.class_texts()[code] if code >= 0 else ""


def suggestion_of(session: Session, row: int) -> str:
    """The label that an audit suggests for a row; empty where it suggests none."""
    if session.lab._labels is None:
        return ""
    code = int(session.facts.suggested[row])
    if code >= 0:
        return session.facts.class_texts()[code]
    [suggested] = session.lab.review.suggested([row])
    if suggested is None:
        return ""
    return class_name(suggested)


def progress_of(session: Session) -> dict[str, Any]:
    """How far the review of a check has come, in words and as a share."""
    if not session.issue:
        return {}
    told = session.facts.progress(session.issue)
    share = told["reviewed"] / told["flagged"] if told["flagged"] else 0.0
    return {"text": told["hint"], "share": share}
