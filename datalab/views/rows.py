"""Rows of a lab as JSON that a table or an inspector draws: cells, labels, reasons, decisions."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from datalab._typing import IndexArray
from datalab.results import explained, masking, named_index, shown_rows
from datalab.session import Session
from datalab.views.cells import (
    NAME_LIMIT,
    Cell,
    class_name,
    clean_text,
    elide,
    in_line,
    is_missing,
    score,
    share,
    show,
    thumbnail,
)
from datalab.views.collect import _given_labels, _suggested, _user_columns, row_name
from datalab.views.excerpt import excerpt, fragments, marked

__all__ = ["audio_of", "columns_of", "page_of", "picture", "reason_of"]

COLUMN_LIMIT = 80
LABEL_LIMIT = 24  # characters of the name of a class in a sentence
THUMBNAIL_SIZE = 80  # pixels; half of it on screen, for sharp screens


def columns_of(session: Session) -> list[dict[str, Any]]:
    """The columns of the table, in order: name (for sorting), title and kind."""
    lab = session.lab
    columns = [_column("row", "row", "number" if named_index(lab._source) is None else "name")]
    if lab.image_key is not None:
        columns.insert(0, _column("", "", "image"))
    if lab.text_key is not None:
        columns.append(_column(lab.text_key, lab.text_key, "text"))
    if (audio := audio_of(lab)) is not None:
        columns.append(_column("", audio, "sound"))
    if lab._labels is not None:
        columns.append(_column("given", "given", "given"))
    if _suggests(session):
        columns.append(_column("suggested", "suggested", "suggested"))
    if session.issue:
        columns += [_column("score", "score", "score"), _column("", "why", "why")]
    columns += [
        _column(name, name, "extra" if _is_text(lab, name) else "extra number")
        for name in _user_columns(lab)
    ]
    return [*columns, _column("verdict", "verdict", "verdict")]


def _column(name: str, title: str, kind: str) -> dict[str, Any]:
    return {"name": name, "title": clean_text(title, NAME_LIMIT), "kind": kind}


def _is_text(lab: Any, name: str) -> bool:
    return bool(lab._source.kind(name) != "number")


def _suggests(session: Session) -> bool:
    findings = session.findings()
    columns = () if findings is None else findings.columns
    return bool({"predicted_label", "consensus_label"} & set(columns))


def page_of(session: Session, rows: IndexArray, words: Sequence[str]) -> list[dict[str, Any]]:
    """Some rows with everything that a table shows of them.

    Parameters
    ----------
    session : Session
    rows : ndarray of int
        Positions.
    words : sequence of str
        What was looked for in the texts; the first that is found is marked.
    """
    lab, positions = session.lab, rows.tolist()
    theirs = _user_columns(lab)
    wanted = [*theirs, *([lab.text_key] if lab.text_key is not None else [])]
    cells = shown_rows(lab.outcomes, lab._source, positions, wanted)
    shown = masking(lab.outcomes)
    given = _given(session, rows)
    told = _told(session, rows)
    verdicts = session.facts.verdicts()
    selected = set(session.selection[np.isin(session.selection, rows)].tolist())
    page = []
    for place, row in enumerate(positions):
        why = told.get(row)
        line: dict[str, Any] = {
            "row": row,
            "selected": row in selected,
            "name": row_name(lab, row, shown),
            "given": given[place],
            "verdict": verdict_of(session, row, verdicts[row]),
            "extra": [_cell(show(cells[place][name], COLUMN_LIMIT)) for name in theirs],
            **({} if why is None else _reasons(why, given[place])),
            **({} if why is None else {"why": shown(row, reason_of(why))}),
        }
        if lab.text_key is not None:
            text = cells[place][lab.text_key]
            quoted = [] if why is None or not why["is_issue"] else fragments(why["reason"])
            other = _twin(session, why)
            line["text"] = excerpt(text, marked(str(text), [*words, *quoted], other))
        if lab.image_key is not None:
            line["image"] = picture(lab, row)
        page.append(line)
    return page


def _twin(session: Session, told: dict[str, Any] | None) -> str | None:
    """The text that a row is nearly the same as, where the check looks for such."""
    flagged = told if told is not None and told["is_issue"] else {}
    others = flagged.get("near_duplicate_sets", [])
    if not len(others):
        return None
    lab = session.lab
    [cells] = shown_rows(lab.outcomes, lab._source, [int(others[0])], [lab.text_key])
    return str(cells[lab.text_key])


def _given(session: Session, rows: IndexArray) -> list[str]:
    if session.lab.task != "classification" or session.lab._labels is None:
        return _given_labels(session.lab, rows.tolist())
    texts = [*session.facts.class_texts(), "missing"]  # the code of a missing label is -1
    return [texts[code] for code in session.facts.given[rows]]


def _told(session: Session, rows: IndexArray) -> dict[int, dict[str, Any]]:
    """What the check says of rows that it looked at."""
    outcome = session.lab._outcomes.get(session.issue)
    if outcome is None:
        return {}
    at = session.facts.places(session.issue, rows)
    lab = session.lab
    rows_told = explained(outcome, at[at >= 0], lab.class_names, lab._source.index)
    return {row["row"]: row for row in rows_told}


def _reasons(told: dict[str, Any], given: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "score": score(told["score"]),
        "bar": round(float(told["score"]), 3),
        "suggested": _suggested(told, given),
    }
    for name in ("given", "predicted"):
        probability = told.get(f"{name}_probability")
        if probability is not None and not is_missing(probability):
            found["p_given" if name == "given" else "p_suggested"] = share(float(probability))
    return found


def reason_of(told: dict[str, Any]) -> str:
    """Why a row is flagged, fit to be read in a line: long names of classes lose their middle."""
    reason = str(told["reason"])
    for name in ("given_label", "predicted_label"):
        label = told.get(name)
        if isinstance(label, str) and len(label) > LABEL_LIMIT:
            reason = reason.replace(label, elide(label, LABEL_LIMIT))
    return in_line(reason)


def audio_of(lab: Any) -> str | None:
    """The column of recordings, if there is one."""
    name: str | None = lab._named.get("audio_key")
    return name


def _cell(cell: Cell) -> dict[str, str]:
    return {"text": cell.text, "kind": cell.kind}


def verdict_of(session: Session, row: int, verdict: str | None) -> dict[str, str] | None:
    """A decision in a word, as the table shows it."""
    if verdict is None:
        return None
    words = {"keep": "kept", "exclude": "excluded", "needs_review": "later"}
    if verdict == "relabel" and row in session.facts.rulings():
        words["relabel"] = f"→ {class_name(session.facts.rulings()[row].label)}"
    return {"kind": verdict, "text": words.get(verdict, verdict)}


def picture(lab: Any, row: int, size: int = THUMBNAIL_SIZE) -> dict[str, Any]:
    """The picture of a row, decoded and encoded anew; kept for the pages that were seen last."""
    return _pictures(lab._source, lab.image_key, row, size)


@functools.lru_cache(maxsize=512)
def _pictures(source: Any, key: str, row: int, size: int) -> dict[str, Any]:
    drawn = thumbnail(source.images(key, [row])[0], size)
    if drawn.reason:
        return {"reason": drawn.reason}
    return {"data": drawn.data, "mime": drawn.mime, "width": drawn.width, "height": drawn.height}
