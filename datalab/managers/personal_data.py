"""Personal data in texts: e-mail addresses, phone numbers, bank accounts, payment cards."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from datalab._check import choice
from datalab.findings import Findings
from datalab.managers.base import Kind
from datalab.managers.phone_number import phone_numbers

__all__ = ["PersonalData"]

DOT = "•"
# Letters of words that are set apart by spaces; scripts without spaces run on into an address.
_WORD = r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af]"
_EMAIL = re.compile(
    rf"(?<![@.%+\-])(?<!{_WORD})(?:{_WORD}|[.%+'\-]){{1,64}}@(?:(?:{_WORD}|-)+\.)+"
    rf"(?P<end>(?:(?!\d){_WORD}){{2,24}})(?![(@]|\.?{_WORD})"
)
_NO_DOMAINS = frozenset(("png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "html", "py"))
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
# Digits in groups, none of them letters; how cards are printed: in one, in fours, 4-6-5, 4-6-4.
_DIGITS = re.compile(r"(?<![A-Za-z0-9.,+-])\d(?:[ -]?\d){12,22}(?![A-Za-z0-9]|[.,-]\d)")
_CARDS = tuple(
    re.compile(rf"(?=(?<!\d)({groups})(?!\d))")
    for groups in (
        r"\d{13,19}|\d{4}([ -])\d{4}\2\d{4}\2\d{4}|\d{4}([ -])\d{6}\3\d{4,5}",
        r"\d{4}([ -])\d{4}\2\d{4}\2\d{4}\2\d{1,3}",
    )
)
# Issuers by first digits and length (ISO/IEC 7812-1).
_ISSUERS = re.compile(
    r"4(\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|"
    r"3[47]\d{13}|3(0[0-5]|09|[689]\d)\d{11,16}|35(2[89]|[3-8]\d)\d{12,15}|"
    r"(6011|64[4-9]\d|65\d\d|62\d\d|81\d\d|82\d\d|60\d\d|508\d)\d{12,15}|220[0-4]\d{12,15}|"
    r"(50|5[6-8]|6\d)\d{11,17}"
)
# How much of the score each one of a kind leaves.
_LEAVES = {"e-mail": 0.5, "phone": 0.5, "IBAN": 0.2, "card": 0.1}
# Without an at sign, or seven digits not far from each other, there is nothing to find.
_WORTH_A_LOOK = re.compile(r"[@＠]|\d(?:\D{0,5}\d){6}")
SHOWN = 3  # finds that a reason tells


class _Span(NamedTuple):
    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class PersonalData:
    """Texts with e-mail addresses, phone numbers, bank accounts (IBAN) or payment cards.

    Parameters
    ----------
    kinds : tuple of str
        What to look for: ``"e-mail"``, ``"phone"``, ``"IBAN"``, ``"card"``.

    Notes
    -----
    Accounts and cards count only with the right checksum (ISO 7064, Luhn), length and issuer;
    phone numbers by how they are written, in international form or as in the countries whose form
    cannot be mistaken, never order numbers, dates, prices or addresses of machines. What is found
    is nowhere kept or shown in full: columns and reasons have it masked, and so have reports and
    `Datalab.worst` the texts of these rows. The data itself is not changed. The score falls with
    each find, most with cards.

    References
    ----------
    ISO 13616 (IBAN), ISO/IEC 7812-1 (cards), ITU-T E.164 and E.123 (phone numbers).

    Examples
    --------
    >>> texts = ["write to ada@example.org", "4111 1111 1111 1111", "4111 1111 1111 1112"]
    >>> found = PersonalData().find_issues(texts)
    >>> found.is_issue.tolist()
    [True, True, False]
    >>> found.columns["masked"][1]
    'card •••• •••• •••• 1111'
    """

    kinds: tuple[str, ...] = ("e-mail", "phone", "IBAN", "card")

    name: ClassVar[str] = "personal_data"
    by_row: ClassVar[bool] = True
    modality: ClassVar[str] = "text"
    beyond_reference: ClassVar[bool] = True
    description: ClassVar[str] = (
        "Texts with e-mail addresses, phone numbers, bank accounts or payment cards."
    )
    advice: ClassVar[str] = "Remove or replace them before the data is shared or a model learns it."
    produces: ClassVar[dict[str, Kind]] = {"personal_data": "text", "masked": "text"}

    def __post_init__(self) -> None:
        """Check the options."""
        object.__setattr__(self, "kinds", tuple(self.kinds))
        for kind in self.kinds:
            choice(kind, tuple(_LEAVES), name="kinds")

    def find_issues(self, text: list[str]) -> Findings:
        """Find texts with personal data."""
        score = np.ones(len(text))
        kinds, masked = (np.full(len(text), None, dtype=object) for _ in range(2))
        total: Counter[str] = Counter()
        for at, one in enumerate(text):
            spans = _spans(one, self.kinds)
            if spans:
                score[at] = np.prod([_LEAVES[span.kind] for span in spans])
                kinds[at] = ", ".join(dict.fromkeys(span.kind for span in spans))
                masked[at] = _told(one, spans)
                total.update(span.kind for span in spans)
        return Findings(
            self.name,
            is_issue=score < 1.0,
            score=score,
            columns={"personal_data": kinds, "masked": masked},
            info={"finds": dict(total), "kinds": list(self.kinds)},
        )

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        return f"has {row['masked']}" if row["masked"] else "nothing personal seen"

    def mask(self, text: str) -> str:
        """The text with everything personal masked, for showing rows that are flagged.

        Examples
        --------
        >>> PersonalData().mask("call +44 20 7946 0958 or write to ada@example.org")
        'call +•• •• •••• ••58 or write to a•••@•••.org'
        """
        whole, end = [], 0
        spans = _spans(text, self.kinds)
        if not spans:
            return text
        for span in spans:
            whole += [text[end : span.start], _MASKS[span.kind](text[span.start : span.end])]
            end = span.end
        return "".join([*whole, text[end:]])


def _told(text: str, spans: list[_Span]) -> str:
    """What was found, masked, in words."""
    told = [f"{s.kind} {_MASKS[s.kind](text[s.start : s.end])}" for s in spans[:SHOWN]]
    more = len(spans) - SHOWN
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


# --- finding ------------------------------------------------------------------------------------


def _spans(text: str, kinds: tuple[str, ...]) -> list[_Span]:
    """Where personal data stands, in order, without overlaps: the surer kind comes first."""
    if not _WORTH_A_LOOK.search(text):
        return []
    plain = text.translate(_PLAIN)
    spans: list[_Span] = []
    for kind, find in _FINDERS.items():
        if kind in kinds:
            found = [_Span(start, end, kind) for start, end in find(plain)]
            spans += [
                s for s in found if not any(s.start < o.end and o.start < s.end for o in spans)
            ]
    return sorted(spans)


class _Plain(dict[int, int]):
    """A table for `str.translate`: digits, dashes and spaces of all scripts as those of ASCII.

    Every character stays one character, so that places in the text stay where they are.
    """

    def __missing__(self, code: int) -> int:
        plain = code
        if 0xFF01 <= code <= 0xFF5E:  # full width
            plain = code - 0xFEE0
        elif unicodedata.category(chr(code)) == "Nd":
            plain = ord("0") + unicodedata.decimal(chr(code))
        elif unicodedata.category(chr(code)) == "Pd" or code == 0x2212:
            plain = ord("-")
        elif unicodedata.category(chr(code)) == "Zs":
            plain = ord(" ")
        self[code] = plain
        return plain


_PLAIN = _Plain()


def _emails(text: str) -> Iterator[tuple[int, int]]:
    if "@" not in text:
        return
    for match in _EMAIL.finditer(text):
        if match["end"].lower() not in _NO_DOMAINS:
            yield match.span()


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    from stdnum import iban

    for match in _IBAN.finditer(text):
        # Words may follow an account number without anything between but a space.
        for end in range(match.end(), match.start() + 14, -1):
            if text[end : end + 1].isascii() and text[end : end + 1].isalnum():
                continue
            if iban.is_valid(text[match.start() : end]):
                yield match.start(), end
                break


def _cards(text: str) -> Iterator[tuple[int, int]]:
    from stdnum import luhn

    for match in _DIGITS.finditer(text):
        # A year or a date may stand before or after it without anything between but a space.
        for card in (card for way in _CARDS for card in way.finditer(match[0])):
            digits = re.sub(r"\D", "", card[1])
            if _ISSUERS.fullmatch(digits) and len(set(digits)) > 1 and luhn.is_valid(digits):
                yield match.start() + card.start(1), match.start() + card.end(1)
                break


# The surer ones first: what has a checksum is nothing else.
_FINDERS: dict[str, Callable[[str], Iterator[tuple[int, int]]]] = {
    "IBAN": _ibans,
    "card": _cards,
    "e-mail": _emails,
    "phone": phone_numbers,
}


# --- masking ------------------------------------------------------------------------------------


def _mask_email(found: str) -> str:
    first = found[0] if found.replace("＠", "@").index("@") > 1 else ""
    return f"{first}{DOT * 3}@{DOT * 3}.{re.split('[.．]', found)[-1]}"


def _masked_but(kept: int, found: str) -> str:
    """Letters and digits as dots, but for the last few."""
    places = [at for at, c in enumerate(found) if c.isalnum()]
    hidden = set(places[: len(places) - kept])
    return "".join(DOT if at in hidden else c for at, c in enumerate(found))


_MASKS: dict[str, Callable[[str], str]] = {
    "e-mail": _mask_email,
    "phone": lambda found: _masked_but(2, found),
    "IBAN": lambda found: found[:2] + _masked_but(2, found[2:]),
    "card": lambda found: _masked_but(4, found),
}
