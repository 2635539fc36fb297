"""One example, large: why it is flagged, what it resembles, what people said about it."""

from typing import Any, ClassVar

import numpy as np

from datalab.neighbors.graph import KNNGraph
from datalab.results import explained, masking, shown_rows
from datalab.session import Session
from datalab.views.cells import (
    NAME_LIMIT,
    clean_text,
    count,
    heading,
    score,
    share,
    show,
)
from datalab.views.collect import _given_labels, row_name
from datalab.views.compare import differences
from datalab.views.excerpt import excerpt, fragments, marked
from datalab.views.review import Reviewing, suggestion_of
from datalab.views.rows import audio_of, picture, reason_of, verdict_of

__all__ = ["Inspector"]

PICTURE_SIZE = 288
TEXT_LIMIT = 4_000  # characters; more of a text is not read here
NEIGHBOUR_TEXT = 160
FIELDS = 12
MOST_PROBABLE = 5
NEIGHBOURS = 6
MEMBERS = 4
VOTES = 20


class Inspector(Reviewing):
    """The example that is looked at, with everything that is known about it."""

    modules: ClassVar[tuple[str, ...]] = ("review", "sound", "inspector")
    watches: ClassVar[frozenset[str]] = frozenset(
        {"focus", "rows", "issue", "selection", "decisions", "findings"}
    )

    def drawn(self) -> dict[str, Any]:
        """The example; without one, only what the review bar says."""
        session, row = self.session, self.session.focus
        if row is None:
            return {**self.decision(), "example": None}
        lab = session.lab
        given, reasons = _label_of(session, row), _reasons(session, row)
        return {
            **self.decision(),
            "example": {
                "row": row,
                "place": f"{count(session.place() + 1)} of {count(len(session.rows))}",
                **_content(session, row, reasons),
                "given": given,
                "suggested": _suggestion(session, row, given),
                "verdict": verdict_of(session, row, session.facts.verdicts()[row]),
                "reasons": reasons,
                "probabilities": _probabilities(session, row),
                "neighbours": _neighbours(session, row),
                "duplicates": _duplicates(session, row),
                "votes": _votes(session, row),
                "sound": audio_of(lab) is not None,
            },
        }


def _content(session: Session, row: int, reasons: list[dict[str, Any]]) -> dict[str, Any]:
    """The example itself: picture, text and the other columns."""
    lab = session.lab
    named = (lab.image_key, lab.text_key, audio_of(lab), lab.label_name)
    source = lab._source
    others = [name for name in source.columns if name not in (*named, *lab._annotators)]
    shown = [name for name in others if source.kind(name) not in ("image", "audio", "vector")]
    wanted = [*shown[:FIELDS], *([lab.text_key] if lab.text_key is not None else [])]
    [values] = shown_rows(lab.outcomes, source, [row], wanted)
    content: dict[str, Any] = {
        "name": row_name(lab, row),
        "fields": [
            {"name": clean_text(name, NAME_LIMIT), **_cell(values[name])} for name in shown[:FIELDS]
        ],
        "more_fields": max(0, len(shown) - FIELDS),
    }
    if lab.text_key is not None:
        text = values[lab.text_key]
        spans = marked(str(text), [part for one in reasons for part in fragments(one["why"])])
        content["text"] = excerpt(text, spans, TEXT_LIMIT, lead=TEXT_LIMIT // 2)
    if lab.image_key is not None:
        content["image"] = picture(lab, row, PICTURE_SIZE)
    return content


def _cell(value: Any, limit: int = 300) -> dict[str, str]:
    cell = show(value, limit)
    return {"text": cell.text, "kind": cell.kind}


def _label_of(session: Session, row: int) -> str:
    """The given label as people read it, whatever the task."""
    lab = session.lab
    if lab._labels is None:
        return ""
    if lab.task == "classification":
        code = int(session.facts.given[row])
        return session.facts.class_texts()[code] if code >= 0 else "missing"
    [label] = _given_labels(lab, [row])
    return label


def _suggestion(session: Session, row: int, given: str) -> str:
    """The label that an audit suggests, if it is another one than is given."""
    text = suggestion_of(session, row)
    return "" if text == given else text


def _reasons(session: Session, row: int) -> list[dict[str, Any]]:
    """What every check that flags the row says about it, the one that is looked at first."""
    lab, told = session.lab, []
    shown = masking(lab.outcomes)
    for name in sorted(lab._found(), key=lambda one: one != session.issue):
        outcome = lab._outcomes[name]
        [at] = session.facts.places(name, np.array([row]))
        if at < 0 or not (name == session.issue or session.flags(name)[row]):
            continue
        [line] = explained(outcome, np.array([at]), lab.class_names, lab._source.index)
        told.append(
            {
                "title": heading(outcome.spec.title),
                "score": score(line["score"]),
                "why": shown(row, reason_of(line)),
                "flagged": bool(session.flags(name)[row]),
            }
        )
    return told


# --- what a model, other rows and people say ------------------------------------------------------


def _of_row(artefact: Any, row: int) -> int:
    """The place of a row in an artefact, -1 where it has none."""
    if artefact.rows is None:
        return row
    place = int(np.searchsorted(artefact.rows, row))
    covered = place < len(artefact.rows) and artefact.rows[place] == row
    return place if covered else -1


def _probabilities(session: Session, row: int) -> list[dict[str, Any]]:
    """The most probable classes, and the given one wherever it stands."""
    artefact = session.lab._artefacts.current("pred_probs")
    place = -1 if artefact is None else _of_row(artefact, row)
    if artefact is None or place < 0 or not isinstance(artefact.value, np.ndarray):
        return []
    probs = artefact.value[_row_place(artefact, row)]
    given, names = int(session.facts.given[row]), session.facts.class_texts()
    best = np.argsort(-probs, kind="stable")[:MOST_PROBABLE].tolist()
    return [
        {
            "name": names[code],
            "p": round(float(probs[code]), 4),
            "text": share(float(probs[code])),
            "kind": "given" if code == given else "sugg" if code == best[0] else "",
        }
        for code in [*best, *([given] if given >= 0 and given not in best else [])]
    ]


def _row_place(artefact: Any, row: int) -> int:
    """Where the value of a row stands: values of covered rows only are as long as these."""
    covered = artefact.rows is not None and len(artefact.value) == len(artefact.rows)
    return _of_row(artefact, row) if covered else row


def _brief(session: Session, row: int) -> dict[str, Any]:
    """Another row, small enough to stand beside this one."""
    lab = session.lab
    name = row_name(lab, row)
    brief: dict[str, Any] = {"row": row, "name": name, "given": _label_of(session, row)}
    if lab.image_key is not None:
        brief["image"] = picture(lab, row)
    elif lab.text_key is not None:
        [value] = shown_rows(lab.outcomes, lab._source, [row], [lab.text_key])
        brief["text"] = _cell(value[lab.text_key], NEIGHBOUR_TEXT)["text"]
    return brief


def _neighbours(session: Session, row: int) -> list[dict[str, Any]]:
    artefact = session.lab._artefacts.current("knn_graph")
    if artefact is None or not isinstance(artefact.value, KNNGraph):
        return []
    place = _of_row(artefact, row)
    if place < 0:
        return []
    graph = artefact.value
    near = graph.indices[place][:NEIGHBOURS]
    rows = near if artefact.rows is None else artefact.rows[near]
    return [
        {**_brief(session, int(one)), "distance": f"{float(away):.3g}"}
        for one, away in zip(rows, graph.distances[place], strict=False)
    ]


def _duplicates(session: Session, row: int) -> list[dict[str, Any]]:
    """The members of the row's set of near duplicates, with what differs from the row."""
    findings = session.facts.findings("near_duplicate")
    [place] = session.facts.places("near_duplicate", np.array([row]))
    if findings is None or place < 0:
        return []
    others = np.asarray(findings.columns["near_duplicate_sets"][place], dtype=np.intp)[:MEMBERS]
    return [
        {**_brief(session, other), "differs": differences(session.lab, row, other)}
        for other in others.tolist()
    ]


def _votes(session: Session, row: int) -> list[dict[str, Any]]:
    """What each annotator said."""
    artefact = session.lab._artefacts.held("annotations")
    if artefact is None:
        return []
    answers = artefact.value
    here = np.flatnonzero(answers.item == row)[:VOTES]
    given, names = int(session.facts.given[row]), session.facts.class_texts()
    return [
        {
            "who": clean_text(answers.names[answers.annotator[i]], NAME_LIMIT),
            "label": names[answers.label[i]],
            "agrees": int(answers.label[i]) == given,
        }
        for i in here
    ]
