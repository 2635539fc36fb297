"""Texts that say nothing, are much shorter or longer than the others, or are no language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab._check import finite_number
from datalab._core.text import (
    DIGIT,
    EMOJI,
    LETTER,
    WIDE,
    Usual,
    departure,
    kind_counts,
    usual,
    visible_length,
)
from datalab._typing import BoolArray, FloatArray
from datalab.exceptions import InputError, NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind, percent
from datalab.managers.text_encoding import damage_of

__all__ = ["EmptyText", "NonLanguageText", "OddLengthText"]

# What programs write for a missing value, as pandas reads it.
PLACEHOLDERS = frozenset(
    (
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    )
)
# Fewer texts have no usual length.
MIN_TEXTS = 8
# A spread of lengths is never taken for less: texts of one length may be 1.8 times as long.
MIN_LOG_SPREAD = 0.15
# Texts that are letters through and through still vary by a percent.
MIN_SHARE_SPREAD = 0.01
UNUSUAL = 3.5


@dataclass(frozen=True)
class EmptyText:
    r"""Texts without any visible character, or with a placeholder for a missing value.

    Examples
    --------
    >>> EmptyText().find_issues(["a text", " \n", "", "\u200b", "N/A"]).is_issue.tolist()
    [False, True, True, True, True]
    """

    name: ClassVar[str] = "empty_text"
    by_row: ClassVar[bool] = True
    modality: ClassVar[str] = "text"
    beyond_reference: ClassVar[bool] = True
    description: ClassVar[str] = "Texts that are empty, blank, or stand for a missing value."
    advice: ClassVar[str] = "Drop these rows, or find out where their text was lost."
    produces: ClassVar[dict[str, Kind]] = {"emptiness": "text"}

    def find_issues(self, text: list[str]) -> Findings:
        """Find texts that say nothing."""
        blank = visible_length(kind_counts(text)) == 0
        placeholder = np.fromiter((t.strip() in PLACEHOLDERS for t in text), bool, len(text))
        nothing = np.fromiter((not t for t in text), bool, len(text))
        what = np.full(len(text), None, dtype=object)
        what[placeholder], what[blank], what[nothing] = "placeholder", "blank", "empty"
        empty = blank | placeholder
        return Findings(self.name, is_issue=empty, score=1.0 - empty, columns={"emptiness": what})

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        return {
            "empty": "the text is empty or missing",
            "blank": "only spaces or invisible characters",
            "placeholder": "only a placeholder for a missing value",
        }.get(row["emptiness"], "has text")


@dataclass(frozen=True)
class OddLengthText:
    """Texts that are far shorter or longer than is usual in the data set.

    Parameters
    ----------
    threshold : float
        How many standard deviations of the logarithm of the length a text must lie away.

    Notes
    -----
    The length counts visible characters, wide ones (ideographs, kana, Hangul) twice, so it needs
    no spaces between words. Its logarithm is compared with the median, on a scale that each side
    takes from its quartile: half of all texts may be of any length. The score is
    ``1 / (1 + (z / threshold)²)``: below 0.5 is flagged. Empty texts are left to ``empty_text``.

    References
    ----------
    B. Iglewicz, D. Hoaglin: How to detect and handle outliers, ASQC (1993), for the robust z.

    Examples
    --------
    >>> texts = ["a text of an ordinary length"] * 20 + ["?", "very long " * 50]
    >>> OddLengthText().find_issues(texts).is_issue.nonzero()[0].tolist()
    [20, 21]
    """

    threshold: float = 4.5

    name: ClassVar[str] = "odd_length_text"
    title: ClassVar[str] = "odd text length"
    modality: ClassVar[str] = "text"
    beyond_reference: ClassVar[bool] = True
    description: ClassVar[str] = "Texts far shorter or longer than is usual in this data set."
    advice: ClassVar[str] = "Look whether short ones were cut off, and long ones run together."
    produces: ClassVar[dict[str, Kind]] = {"text_length": "number", "length_ratio": "number"}

    def __post_init__(self) -> None:
        """Check the options."""
        if finite_number(self.threshold, name="threshold") <= 0:
            raise InputError(f"odd_length_text: `threshold` must be above 0, got {self.threshold}")

    def find_issues(self, text: list[str]) -> Findings:
        """Find texts of unusual length."""
        length = visible_length(kind_counts(text))
        there = length > 0
        if there.sum() < MIN_TEXTS:
            raise NotApplicable(
                f"needs at least {MIN_TEXTS} texts to tell what length is usual, found "
                f"{int(there.sum())}"
            )
        return self._judged(length, usual(np.log(length[there]), MIN_LOG_SPREAD))

    def find_new(self, found: Findings, text: list[str]) -> Findings:
        """Judge new texts by the lengths that were usual before."""
        return self._judged(visible_length(kind_counts(text)), Usual(*found.info["usual_log"]))

    def _judged(self, length: NDArray[np.int64], scale: Usual) -> Findings:
        log = np.log(np.maximum(length, 1))
        away = np.where(length > 0, departure(log, scale) / self.threshold, 0.0)
        median, reach = np.exp(scale.middle), self.threshold * np.array(scale[1:])
        return Findings(
            self.name,
            is_issue=np.abs(away) > 1.0,
            score=1.0 / (1.0 + away**2),
            columns={"text_length": length, "length_ratio": length / median},
            info={
                "median_length": float(median),
                "shortest_usual": float(median / np.exp(reach[0])),
                "longest_usual": float(median * np.exp(reach[1])),
                "threshold": self.threshold,
                "usual_log": list(scale),
            },
        )

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        length, ratio = int(row["text_length"]), float(row["length_ratio"])
        told = f"{length:,} character{'' if length == 1 else 's'}"
        usual = f"half of the texts have {length / ratio:,.0f} or more" if ratio else "no text"
        if ratio >= 1:
            return f"{told}, {ratio:,.1f} times the median"
        return f"only {told}; {usual}"


@dataclass(frozen=True)
class NonLanguageText:
    """Texts that are mostly signs and digits, not letters of any script.

    Parameters
    ----------
    threshold : float
        Texts with a smaller share of letters are flagged, if that is unusual in the data set:
        code, formulas and tables among their like are not.

    Notes
    -----
    Letters are those of all scripts, with their marks; spaces do not count, nor do emoji beside
    letters. Texts whose encoding is damaged are left to ``encoding_damage``. The score is the share
    of letters; unusual is 3.5 standard deviations below the median (Iglewicz and Hoaglin 1993), on
    the scale of the lower quartile.

    Examples
    --------
    >>> texts = ["words, and more words", "слова и слова", "很多很多的话"] * 5 + ["%$# 12 !!"]
    >>> NonLanguageText().find_issues(texts).is_issue.nonzero()[0].tolist()
    [15]
    """

    threshold: float = 0.5

    name: ClassVar[str] = "non_language_text"
    title: ClassVar[str] = "non-language text"
    modality: ClassVar[str] = "text"
    beyond_reference: ClassVar[bool] = True
    description: ClassVar[str] = (
        "Texts that are mostly signs and digits, not letters of any script."
    )
    advice: ClassVar[str] = "Drop them, or look where in the making of the data they arose."
    produces: ClassVar[dict[str, Kind]] = {
        "share_of_letters": "number",
        "share_of_digits": "number",
    }

    def __post_init__(self) -> None:
        """Check the options."""
        finite_number(self.threshold, name="threshold")

    def find_issues(self, text: list[str]) -> Findings:
        """Find texts that are no language."""
        share, digits, there = _shares(text)
        scale = usual(share[there] if there.any() else np.ones(1), MIN_SHARE_SPREAD)
        return self._judged(text, share, digits, scale)

    def find_new(self, found: Findings, text: list[str]) -> Findings:
        """Judge new texts by the shares that were usual before."""
        share, digits, _ = _shares(text)
        return self._judged(text, share, digits, Usual(*found.info["usual_share"]))

    def _judged(
        self, text: list[str], share: FloatArray, digits: FloatArray, scale: Usual
    ) -> Findings:
        flagged = (share < self.threshold) & (departure(share, scale) < -UNUSUAL)
        for row in np.flatnonzero(flagged):
            # Question marks may be either: both checks say so.
            flagged[row] = text[row].isascii() or damage_of(text[row]) is None
        return Findings(
            self.name,
            is_issue=flagged,
            score=share,
            columns={"share_of_letters": share, "share_of_digits": digits},
            info={"threshold": self.threshold, "usual_share": list(scale)},
        )

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        share, digits = float(row["share_of_letters"]), float(row["share_of_digits"])
        if share:
            return f"only {percent(share)} of its characters are letters"
        return "only digits and signs, no letter" if digits else "only signs, no letter"


def _shares(text: list[str]) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Shares of letters and of digits in what is visible, and where anything is."""
    counts = kind_counts(text)
    letters = counts[:, LETTER] + counts[:, WIDE]
    shown = visible_length(counts) - counts[:, WIDE]
    shown -= np.where(letters > 0, counts[:, EMOJI], 0)
    there = shown > 0
    shown = np.maximum(shown, 1)
    return np.where(there, letters / shown, 1.0), counts[:, DIGIT] / shown, there
