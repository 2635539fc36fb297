"""What rows to list, as one line that people type and programs set: ``broken given:3 score<0.1``.

A plain word is looked for in the text; ``name:value`` and ``name<value`` ask for one thing. All
parts of a line must hold.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datalab._check import did_you_mean
from datalab.exceptions import InputError, InputTypeError

__all__ = ["RESERVED", "TEXT", "Condition", "parse", "written"]

TEXT = "text"
# Names that mean something of ours; any other name is a column of the user's data.
RESERVED = (TEXT, "given", "suggested", "score", "issue", "verdict", "row")

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PART = re.compile(
    rf'(?:(?P<key>{_QUOTED}|[^\s":<>]+)(?P<operator><=|>=|<|>|:))?(?P<value>{_QUOTED}|[^\s"]+|$)'
)
_PLAIN = re.compile(r'[^\s":<>\\]+')
_COMPARED = ("<", ">", "<=", ">=")


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of a line: what is compared, how, and with what."""

    key: str
    operator: str
    value: str

    def __str__(self) -> str:
        value = _quoted(self.value)
        if self.key == TEXT:
            return value
        return f"{_quoted(self.key)}{self.operator}{value}"


def parse(line: str, columns: Iterable[str] = ()) -> tuple[Condition, ...]:
    """Read a line.

    Parameters
    ----------
    line : str
        Words and ``name:value`` parts; quotes keep blanks together.
    columns : iterable of str
        The columns that may be named beside `RESERVED`.

    Returns
    -------
    tuple of Condition
        All of which a row must meet.

    Raises
    ------
    InputError
        An unknown name, a number that is none, or a quote that is not closed.

    Examples
    --------
    >>> [str(part) for part in parse('late "not found" given:3 score<0.1')]
    ['late', '"not found"', 'given:3', 'score<0.1']
    """
    known = (*RESERVED, *columns)
    parts, place = [], 0
    while place < len(line):
        if line[place].isspace():
            place += 1
            continue
        found = _PART.match(line, place)
        if found is None or found.end() == place:
            raise InputError(f"a quote is not closed in the filter {line!r}")
        place = found.end()
        parts.append(_condition(found, known))
    return tuple(parts)


def _condition(found: re.Match[str], known: tuple[str, ...]) -> Condition:
    value = _unquoted(found["value"])
    if found["key"] is None:
        return Condition(TEXT, ":", value)
    key, operator = _unquoted(found["key"]), found["operator"]
    if key not in known:
        raise InputError(
            f"the filter names {key!r}: {did_you_mean(key, known)}; to look for it in the text, "
            f'write "{found[0]}" in quotes'
        )
    if not value:
        raise InputError(f"the filter {found[0]!r} has no value; write {key}{operator}value")
    if operator in _COMPARED and (key in RESERVED and key not in ("score", "row")):
        raise InputError(f"{key!r} is no number; write {key}:{value}")
    if operator in _COMPARED or key == "score":
        _number(key, value)
    return Condition(key, operator, value)


def _number(key: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InputError(f"the filter compares {key} with {value!r}, which is no number") from None


def written(wanted: str | Mapping[str, Any] | None) -> str:
    """A line, from a line or from a mapping of names to values.

    Parameters
    ----------
    wanted : str, mapping or None
        A value is what the name must equal, or a pair (lowest, highest) with None for no limit.

    Examples
    --------
    >>> written({"text": "not found", "given": 3, "score": (None, 0.1)})
    '"not found" given:3 score<=0.1'
    """
    if wanted is None:
        return ""
    if isinstance(wanted, str):
        return wanted
    if not isinstance(wanted, Mapping):
        raise InputTypeError(
            f"`filter` must be text such as 'given:3 score<0.1' or a dict, got {type(wanted)}"
        )
    parts = []
    for key, value in wanted.items():
        if isinstance(value, (tuple, list)):
            if len(value) != 2:
                raise InputError(
                    f"`filter` has {len(value)} limits for {key!r}; give a pair (lowest, highest), "
                    "None for no limit"
                )
            low, high = value
            parts += [Condition(key, ">=", str(low))] if low is not None else []
            parts += [Condition(key, "<=", str(high))] if high is not None else []
        elif value is not None and str(value):
            parts.append(Condition(key, ":", str(value)))
    return " ".join(map(str, parts))


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
