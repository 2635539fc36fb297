"""Numbers and dates that are written as texts, as files and forms hold them."""

import re
import warnings
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._data.values import is_missing

__all__ = ["Written", "is_dense", "read_written"]

# Texts that read as numbers or dates in so many cases are such.
NEARLY_ALL = 0.95
# With fewer distinct values than this, numbers written as text are names of categories.
MIN_DISTINCT = 10
# So many values, spread over the column, decide whether the others are read at all.
SAMPLE = 1000
# Longer texts are neither.
LONGEST = 40
# So many characters of a script without blanks say as much as several words.
DENSE = 5

_NOTHING = frozenset(
    ["", "-", "--", "–", "?", ".", "na", "n/a", "#n/a", "n.a.", "nan", "null", "none", "nil",
     "missing", "unknown"]
)  # fmt: skip
_NUMBER = re.compile(
    r"(?P<open>\()?\s*(?P<sign>[-+−]?)\s*"
    r"(?:[$€£¥₹₩₽₺₴₪฿¢]|R\$|kr\.?|Rs\.?|EUR|USD|GBP|CHF|JPY|CNY|INR)?\s*(?P<sign2>[-+−]?)\s*"
    r"(?P<digits>(?:\d[\d.,'’\s]*)?\d|[.,]\d+|\d+[.,])(?P<power>[eE][-+]?\d+)?"
    r"\s*(?:(?P<unit>[%‰°]?[^\W\d_]{0,7}[²³]?)|[$€£¥₹₩₽₺₴₪฿¢])\s*(?P<close>\))?"
)  # fmt: skip
_BETWEEN_DIGITS = re.compile(r"['’\s]")
_DATE = re.compile(
    r"\d{1,4}[-/.年]\s?\d{1,2}[-/.月]\s?\d{1,4}|\d{4}-\d{2}|"
    r"\d{1,2}:\d{2}|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? .*\d",
    re.IGNORECASE,
)
_DAY_AND_MONTH = re.compile(r"\s*(\d{1,2})([-/.])(\d{1,2})[-/.]\d{2,4}")


def _layout(decimal: str, group: str) -> re.Pattern[str]:
    """Digits with a decimal mark and, or not, marks between thousands (India: hundreds)."""
    thousands = rf"\d{{1,3}}(?:['’\s]\d{{3}})+|\d{{1,3}}(?:{group}\d{{2,3}})*{group}\d{{3}}"
    return re.compile(rf"(?:\d+|{thousands})?(?:{decimal}\d*)?")


_LAYOUTS = {".": _layout("[.]", ","), ",": _layout(",", "[.]")}


class Written(NamedTuple):
    """What a column of texts says.

    Parameters
    ----------
    kind : {"number", "date"}
    values : ndarray of shape (N,)
        float64, NaN where it says nothing; or datetime64[s], NaT.
    """

    kind: Literal["number", "date"]
    values: NDArray[Any]


def read_written(values: NDArray[Any]) -> Written | None:
    """Numbers or dates that are written as texts; None when the values are neither.

    Numbers may have signs of currency, one unit throughout, and marks of thousands. Which of
    point and comma is the decimal mark is told by the whole column; where it is not, the point.

    Parameters
    ----------
    values : ndarray of object, shape (N,)

    Examples
    --------
    >>> prices = [f"€ {n}.{n % 9}00,5" for n in range(1, 20)]
    >>> read_written(np.array([*prices, "n/a"], dtype=object)).values[[0, 1, -1]].tolist()
    [1100.5, 2200.5, nan]
    """
    there = np.flatnonzero(~is_missing(values))
    looked_at = values[there[np.linspace(0, len(there) - 1, min(len(there), SAMPLE)).astype(int)]]
    if not all(isinstance(value, str) or _is_real(value) for value in looked_at):
        return None
    sample = [str(value) for value in looked_at if not _is_nothing(value)]
    if len(set(sample)) < MIN_DISTINCT:
        return None
    if np.isfinite(_numbers(sample)).mean() >= NEARLY_ALL:
        numbers = np.full(len(values), np.nan)
        numbers[there] = _numbers(_said(values[there]))
        return Written("number", numbers)
    like_dates = [len(text) <= LONGEST and bool(_DATE.search(text)) for text in sample]
    if np.mean(like_dates) < NEARLY_ALL:
        return None
    day_first = _day_first(sample)
    if np.isnat(_moments(sample, day_first)).mean() > 1 - NEARLY_ALL:
        return None
    moments = np.full(len(values), "NaT", dtype="datetime64[s]")
    moments[there] = _moments(_said(values[there]), day_first)
    return Written("date", moments)


def is_dense(text: str) -> bool:
    """Whether a text says several words in a script that puts no blanks between them.

    Examples
    --------
    >>> is_dense("今天天气很好"), is_dense("你好"), is_dense("weather")
    (True, False, False)
    """
    return sum(c > "\u2e80" or "\u0e00" <= c < "\u1100" for c in text[:LONGEST]) >= DENSE


def _said(values: NDArray[Any]) -> list[str]:
    return ["" if _is_nothing(value) else str(value) for value in values]


def _is_nothing(value: Any) -> bool:
    return isinstance(value, str) and len(value) < 12 and value.strip().lower() in _NOTHING


def _is_real(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _numbers(texts: list[str]) -> NDArray[np.float64]:
    """The number that each text says, NaN where it says none."""
    import pandas as pd

    plain = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(np.float64)
    if np.isfinite(plain).all():
        return plain
    found = [_NUMBER.fullmatch(text.strip()) if len(text) <= LONGEST else None for text in texts]
    units = {(one["unit"] or "").lower() for one in found if one}
    if len(units - {""}) > 1:  # of several units one would have to know how many make another
        return plain
    decimal = _decimal_mark(one["digits"] for one in found if one)
    return np.array([np.nan if one is None else _number(one, decimal) for one in found])


def _number(found: re.Match[str], decimal: str) -> float:
    digits = found["digits"]
    in_brackets = bool(found["open"])  # how accountants write a loss
    if not _LAYOUTS[decimal].fullmatch(digits) or in_brackets != bool(found["close"]):
        return np.nan
    group = "," if decimal == "." else "."
    plain = _BETWEEN_DIGITS.sub("", digits).replace(group, "").replace(decimal, ".")
    sign = "-" if in_brackets or found["sign"] + found["sign2"] in ("-", "−") else ""
    return float(f"{sign}{plain}{found['power'] or ''}")


def _decimal_mark(bodies: Iterable[str]) -> str:
    """Point or comma: the one that stands where only a decimal mark can stand."""
    votes = {".": 0, ",": 0}
    for body in bodies:
        points, commas = body.count("."), body.count(",")
        if points and commas:
            votes["." if body.rfind(".") > body.rfind(",") else ","] += 1
        elif points + commas > 1:  # what repeats parts thousands
            votes["," if points else "."] += 1
        elif points + commas == 1:
            mark = "." if points else ","
            before, _, after = body.partition(mark)
            thousands = len(after) == 3 and 0 < len(before) <= 3 and before[0] != "0"
            votes[mark] += not thousands
    return "," if votes[","] > votes["."] else "."


def _day_first(texts: list[str]) -> bool:
    """Whether 5/4 is the fifth of April: what stands where no month can; points say so as well."""
    found = [one for one in map(_DAY_AND_MONTH.match, texts) if one]
    first = sum(int(one[1]) > 12 for one in found)
    second = sum(int(one[3]) > 12 for one in found)
    return first > second or (first == second and any(one[2] == "." for one in found))


def _moments(texts: list[str], day_first: bool) -> NDArray[np.datetime64]:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about formats that are guessed one by one
        read = pd.to_datetime(
            pd.Series(texts, dtype=object),
            errors="coerce",
            format="mixed",
            dayfirst=day_first,
            utc=True,
        )
    moments: NDArray[np.datetime64] = read.dt.tz_localize(None).to_numpy("datetime64[s]")
    return moments
