"""The part of a text that matters: what was looked for, what a check tells of it, what differs."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from datalab.views.cells import clean_text, is_missing, show
from datalab.views.compare import spans_of_change

__all__ = ["excerpt", "fragments", "marked"]

TEXT_LIMIT = 240  # characters of a text in a table
AROUND = 32  # characters that are shown before the first part that matters
MOST_MARKS = 40
_QUOTED = re.compile("“([^”]+)”")
# What a manager with a method ``mask`` has put in place of letters, see `datalab.results.masking`.
# Only so much before it: else a text without blanks would be gone through once for each letter.
_MASKED = re.compile(r"[^\s•]{0,40}•[•\w.@+-]*(?: [\w.+-]*•+[\w.+-]*)*")


def fragments(reason: str) -> list[str]:
    """What a reason quotes of a text.

    Examples
    --------
    >>> fragments("UTF-8 that was read as windows-1252: “Ã©”")
    ['Ã©']
    """
    return [quoted.removesuffix("…") for quoted in _QUOTED.findall(reason)]


def marked(text: str, words: Iterable[str], other: str | None = None) -> list[tuple[int, int]]:
    """Where in a text the parts stand that matter, in order and apart.

    Parameters
    ----------
    text : str
    words : iterable of str
        What was looked for, or what a check quotes; found in any case of letters.
    other : str, optional
        A text that is nearly the same: what differs from it is marked when no word is found, unless
        most of it does.

    Examples
    --------
    >>> marked("call a•••@•••.org today", ["TODAY"])
    [(5, 17), (18, 23)]
    >>> marked("a blue car", [], other="a red car")
    [(2, 6)]
    >>> marked("the bus", [], other="a red car")
    []
    """
    wanted = "|".join(re.escape(word) for word in dict.fromkeys(words) if word)
    found = [m.span() for m in _MASKED.finditer(text)] if "•" in text else []
    found += [m.span() for m in re.finditer(wanted, text, re.IGNORECASE)] if wanted else []
    if not found and other is not None:
        changed = spans_of_change(other, text)
        found = changed if sum(end - start for start, end in changed) < len(text) / 2 else []
    apart: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if not apart or start >= apart[-1][1]:
            apart.append((start, end))
    return apart[:MOST_MARKS]


def excerpt(
    value: Any, spans: Sequence[tuple[int, int]], limit: int = TEXT_LIMIT, lead: int = 2 * AROUND
) -> dict[str, Any]:
    """A text cut to what surrounds its first marked part.

    Parameters
    ----------
    value : object
        A cell of the user's data.
    spans : sequence of (start, end)
        Parts that are marked, see `marked`.
    limit : int
        Characters that are shown.
    lead : int
        Characters in front of the first part that are shown without a cut.

    Returns
    -------
    dict
        ``kind``, and ``parts``: pieces of text, every second one marked.

    Examples
    --------
    >>> excerpt("a blue car", [(2, 6)])
    {'kind': 'text', 'parts': ['a ', 'blue', ' car']}
    """
    if is_missing(value) or not spans:
        cell = show(value, limit)
        return {"kind": cell.kind, "parts": [cell.text]}
    text = str(value)
    begin = 0 if spans[0][0] <= lead else _beginning(text, spans[0][0])
    end = begin + limit
    parts, at = [], begin
    for start, stop in spans:
        if start >= end:
            break
        parts += [text[at:start], text[start : min(stop, end)]]
        at = min(stop, end)
    cleaned = [clean_text(part, limit) for part in [*parts, text[at:end]]]
    if begin:
        cleaned[0] = f"…{cleaned[0]}"
    if end < len(text):
        cleaned[-1] = f"{cleaned[-1]}…"
    return {"kind": "text", "parts": cleaned}


def _beginning(text: str, first: int) -> int:
    """Where to begin, a little before the first part that matters, at a word if there is one."""
    begin = max(0, first - AROUND)
    blank = text.find(" ", begin, first)
    return begin if blank < 0 else blank + 1
