"""Texts that were written in one encoding and read in another."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from datalab.findings import Findings
from datalab.managers.base import Kind

__all__ = ["EncodingDamage", "damage_of"]

# What cannot stand in a text that was read as it was written: the replacement character, lone
# halves of a character, control characters that only old terminals knew.
_LOST = re.compile("[\ufffd\ud800-\udfff]")
_CONTROL = re.compile("[\x80-\x84\x86-\x9f]")
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_WESTERN = re.compile("[\x80-\xff]")
# Question marks where letters were: whole words of them side by side, or one inside each of
# several words.
_MARK_WORDS = re.compile(r"(?<!\S)(?:\?{2,}[.,!:;]?(?:\s+\?{2,}[.,!:;]?)+|\?{6,})(?!\S)")
_MARK_INSIDE = re.compile(r"(?<![\w/?&=.])[^\W\d_]+\?{1,2}[^\W\d_A-Z]+(?![\w/?&=])")
# Characters written out as bytes or numbers.
_BYTES = re.compile(r"(?:\\x[0-9a-fA-F]{2}){2,}|(?:=[0-9A-F]{2}){2,}")
_CODES = re.compile(r"(?:\\u[0-9a-fA-F]{4}){3,}")

# Encodings beside the Western ones (which ftfy knows) in which UTF-8 is read by mistake.
CODECS = (
    "cp1251",
    "koi8-r",
    "cp866",
    "cp1256",
    "cp1255",
    "cp1253",
    "cp874",
    "mac-roman",
    "cp437",
    "gb18030",
    "cp932",
    "cp949",
    "big5",
)
# That much must turn out to be UTF-8 before chance is ruled out: in the two-byte encodings of
# East Asia every fifth character is, by its bytes, also a letter in UTF-8.
MIN_BYTES = 12
# Less will do inside a text of Latin letters that turns out to be one with accents or quotes.
MIN_LATIN, MIN_LATIN_WIDE = 2, 4
WIDE_CODECS = frozenset(("gb18030", "cp932", "cp949", "big5"))
# For each character that is not, where some were lost on the way, so many must be.
VALID_PER_INVALID = 8
# Letters with accents are never the greater part of a text in any language.
MIN_WESTERN, WESTERN_SHARE = 6, 0.5
PART = 12  # characters shown of the damage


class _Damage(NamedTuple):
    kind: str
    part: str  # where it begins
    size: int  # how many characters
    encoding: str = ""


@dataclass(frozen=True)
class EncodingDamage:
    r"""Texts that were read in another encoding than they were written in.

    Notes
    -----
    Found are: UTF-8 read as something else ("Ã©" for "é"), by ``ftfy`` for the Western encodings
    and by reading the bytes anew for those of other scripts; letters of another alphabet read as
    Western ones ("Ïðèâåò"); characters that were lost (U+FFFD, "???"), or written out as bytes.
    The score is 1 for sound texts, otherwise half the share of sound characters.

    References
    ----------
    R. Speer: ftfy (2019), Zenodo, https://doi.org/10.5281/zenodo.2591652.

    Examples
    --------
    >>> broken = ["Größe".encode().decode("latin-1"), "привет, мир".encode().decode("gbk")]
    >>> found = EncodingDamage().find_issues(["Größe", "привет, мир", *broken, "ok\ufffd"])
    >>> found.is_issue.tolist()
    [False, False, True, True, True]
    """

    name: ClassVar[str] = "encoding_damage"
    by_row: ClassVar[bool] = True
    title: ClassVar[str] = "damaged encoding"
    modality: ClassVar[str] = "text"
    beyond_reference: ClassVar[bool] = True
    description: ClassVar[str] = "Texts read in another encoding than they were written in."
    advice: ClassVar[str] = (
        "Read the source again with the right encoding; ftfy.fix_text repairs most of the rest."
    )
    produces: ClassVar[dict[str, Kind]] = {
        "damage": "text",
        "damaged_part": "text",
        "read_as": "text",
    }

    def find_issues(self, text: list[str]) -> Findings:
        """Find texts whose encoding was damaged."""
        score = np.ones(len(text))
        damage, part, read_as = (np.full(len(text), None, dtype=object) for _ in range(3))
        for at, one in enumerate(text):
            found = damage_of(one)
            if found is not None:
                score[at] = 0.5 * (1.0 - min(found.size / max(len(one), 1), 1.0))
                damage[at], part[at] = found.kind, _writable(found.part[:PART])
                read_as[at] = found.encoding or None
        kinds = [kind for kind in damage if kind]
        return Findings(
            self.name,
            is_issue=score < 1.0,
            score=score,
            columns={"damage": damage, "damaged_part": part, "read_as": read_as},
            info={"damages": {kind: kinds.count(kind) for kind in sorted(set(kinds))}},
        )

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        if row["damage"] is None:
            return "no damage seen"
        told = {
            "misread": f"UTF-8 that was read as {row['read_as']}",
            "other alphabet": "letters of another alphabet, read as Western ones",
            "lost": "characters that could not be read were replaced",
            "control": "control characters in place of letters",
            "question marks": "question marks in place of letters",
            "written out": "characters written out as their bytes",
        }[row["damage"]]
        return f"{told}: “{row['damaged_part']}”"


def damage_of(text: str) -> _Damage | None:
    r"""The first kind of damage that a text has.

    Parameters
    ----------
    text : str

    Returns
    -------
    tuple or None
        What kind, the part where it begins, how many characters, and the encoding it was read in.

    Examples
    --------
    >>> damage_of("Gr\xc3\xb6\xc3\x9fe").encoding
    'latin-1'
    """
    checks = _ASCII_CHECKS if text.isascii() else _CHECKS
    return next((found for check in checks if (found := check(text)) is not None), None)


def _western(text: str) -> _Damage | None:
    """UTF-8 read as Latin-1, Windows-1252, …, as ftfy can tell."""
    import ftfy

    fixed, plan = ftfy.fix_encoding_and_explain(text)
    if fixed == text:
        return None
    used = [step for step in plan or () if step[0] == "encode"]
    encoding = used[0][1].removeprefix("sloppy-") if used else "another encoding"
    return _Damage("misread", _first(text), _non_ascii(text), encoding)


def _foreign(text: str) -> _Damage | None:
    """UTF-8 read in an encoding of another script: its bytes, read anew, are UTF-8."""
    latin_text = 2 * sum(c.isalpha() for c in text if c <= "\x7f") > len("".join(text.split()))
    for codec in CODECS:
        wide = codec in WIDE_CODECS
        try:
            raw = text.encode(codec, "strict" if wide else "ignore")
        except UnicodeEncodeError:
            continue
        beyond = [c for c in raw.decode("utf-8", "replace") if c > "\x7f"]
        invalid = beyond.count("\ufffd")
        spent = len("".join(beyond).encode()) - 3 * invalid
        least = MIN_BYTES
        if latin_text and all(c < "\u0250" or "\u2010" <= c <= "\u203a" for c in beyond):
            least = MIN_LATIN_WIDE if wide else MIN_LATIN
        if spent >= least and len(beyond) - invalid >= VALID_PER_INVALID * invalid:
            return _Damage("misread", _first(text), _non_ascii(text), codec)
    return None


def _other_alphabet(text: str) -> _Damage | None:
    """Bytes of another alphabet read as Western letters: nearly all of them with accents."""
    western = len(_WESTERN.findall(text))
    if western < MIN_WESTERN or western < WESTERN_SHARE * len("".join(text.split())):
        return None
    return _Damage("other alphabet", _first(text), western)


def _lost(text: str) -> _Damage | None:
    return _matched("lost", _LOST, text)


def _control(text: str) -> _Damage | None:
    return _matched("control", _CONTROL, text)


def _question_marks(text: str) -> _Damage | None:
    if "?" not in text:
        return None
    inside = set(_MARK_INSIDE.findall(text))
    if len(inside) >= 2:
        return _Damage("question marks", min(inside, key=text.index), len(inside))
    return _matched("question marks", _MARK_WORDS, text)


def _written_out(text: str) -> _Damage | None:
    """Bytes or codes of characters beyond ASCII, written out."""
    for match in _BYTES.finditer(text):
        raw = bytes(int(pair, 16) for pair in re.findall(r"[0-9a-fA-F]{2}", match[0]))
        try:
            beyond = not raw.decode("utf-8").isascii()
        except UnicodeDecodeError:
            continue
        if beyond:
            return _Damage("written out", match[0], len(match[0]))
    for match in _CODES.finditer(text):
        if all(int(code, 16) > 0x7F for code in match[0].split("\\u")[1:]):
            return _Damage("written out", match[0], len(match[0]))
    return None


_ASCII_CHECKS: tuple[Callable[[str], _Damage | None], ...] = (_question_marks, _written_out)
_CHECKS = (_western, _foreign, _lost, _other_alphabet, _control, *_ASCII_CHECKS)


def _matched(kind: str, pattern: re.Pattern[str], text: str) -> _Damage | None:
    first = pattern.search(text)
    if first is None:
        return None
    size = sum(len(match[0]) for match in pattern.finditer(text))
    return _Damage(kind, first[0], size)


def _writable(part: str) -> str:
    """Halves of characters by their code: no file and no table of texts can hold them."""
    return part.encode("utf-8", "backslashreplace").decode()


def _first(text: str) -> str:
    """The first run of characters beyond ASCII."""
    match = _NON_ASCII.search(text)
    return match[0] if match else ""


def _non_ascii(text: str) -> int:
    return sum(map(len, _NON_ASCII.findall(text)))
