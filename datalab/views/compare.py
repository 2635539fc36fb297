"""What differs between two rows that are nearly the same."""

import difflib
import itertools
import re
from collections.abc import Iterable
from typing import Any

from datalab.results import shown_rows
from datalab.views.cells import NAME_LIMIT, clean_text, is_missing, show

__all__ = ["differences", "spans_of_change", "text_parts"]

TEXT_LIMIT = 1_200  # characters that are compared
COLUMNS = 6
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


def differences(lab: Any, row: int, other: int) -> dict[str, Any]:
    """The text of the other row with its changes marked, or the columns in which it differs.

    Parameters
    ----------
    lab : Datalab
    row, other : int
        Positions.
    """
    if lab.text_key is not None:
        texts = shown_rows(lab.outcomes, lab._source, [row, other], [lab.text_key])
        return {"parts": text_parts(*(str(cell[lab.text_key]) for cell in texts))}
    skipped = ("image", "audio", "vector")
    names = [n for n in lab._source.columns if lab._source.kind(n) not in skipped]
    mine, theirs = shown_rows(lab.outcomes, lab._source, [row, other], names)
    changed = [name for name in names if not _same(mine[name], theirs[name])]
    return {
        "columns": [
            {
                "name": clean_text(name, NAME_LIMIT),
                "mine": show(mine[name], 60).text,
                "theirs": show(theirs[name], 60).text,
            }
            for name in changed[:COLUMNS]
        ],
        "more": max(0, len(changed) - COLUMNS),
    }


def _same(mine: Any, theirs: Any) -> bool:
    if hasattr(mine, "__len__") or hasattr(theirs, "__len__"):
        return str(mine) == str(theirs)
    return bool(mine == theirs) or bool(is_missing(mine) and is_missing(theirs))


def text_parts(mine: str, theirs: str) -> list[dict[str, str]]:
    """The other text in parts: ``same``, ``added`` (only there) and ``gone`` (only in mine).

    Examples
    --------
    >>> [(p["kind"], p["text"]) for p in text_parts("a red car", "a blue car")]
    [('same', 'a '), ('gone', 'red'), ('added', 'blue'), ('same', ' car')]
    """
    old, new = _words(mine), _words(theirs)
    parts = []
    for kind, a, b, c, d in _changes(old, new):
        if kind == "equal":
            parts.append(("same", new[c:d]))
            continue
        parts += [("gone", old[a:b]), ("added", new[c:d])]
    return [
        {"kind": kind, "text": clean_text("".join(words), TEXT_LIMIT)}
        for kind, words in parts
        if words
    ]


def spans_of_change(other: str, text: str) -> list[tuple[int, int]]:
    """Where a text says something that the other one does not.

    Examples
    --------
    >>> spans_of_change("a red car", "a dark blue car")
    [(2, 11)]
    """
    old, new = _words(other), _words(text)
    ends = [0, *itertools.accumulate(map(len, new))]
    return [
        (ends[c], ends[d]) for kind, _, _, c, d in _changes(old, new) if kind != "equal" and c < d
    ]


def _words(text: str) -> list[str]:
    return _WORDS.findall(text[:TEXT_LIMIT])


def _changes(old: list[str], new: list[str]) -> Iterable[tuple[str, int, int, int, int]]:
    return difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
