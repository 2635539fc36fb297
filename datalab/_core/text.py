"""Arithmetic of texts: kinds of characters, what is left after normalisation, usual lengths."""

import functools
import unicodedata
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._typing import FloatArray

__all__ = [
    "KINDS",
    "Usual",
    "band_pairs",
    "departure",
    "jaccard",
    "kind_counts",
    "normalised",
    "shingles",
    "usual",
    "visible_length",
]

# Kinds of characters, in the order of the columns of `kind_counts`.
KINDS = ("letter", "wide", "digit", "sign", "emoji", "space", "invisible", "unassigned")
LETTER, WIDE, DIGIT, SIGN, EMOJI, SPACE, INVISIBLE, UNASSIGNED = range(len(KINDS))

# Ideographs, kana, Hangul: one of them says about as much as two letters of an alphabet, and they
# are as wide as two (Unicode Standard Annex 11).
_WIDE = (
    (0x2E80, 0x3164),  # Hangul filler, which is blank, comes next
    (0x3165, 0xA4D0),
    (0xAC00, 0xD7B0),
    (0xF900, 0xFB00),
    (0xFF66, 0xFFA0),
    (0x1B000, 0x1B170),
    (0x20000, 0x32000),
)
_EMOJI = (
    (0x1F000, 0x1FB00),
    (0x2600, 0x27C0),
    (0x2B00, 0x2C00),
    (0x2300, 0x2400),
    (0xFE00, 0xFE10),  # variation selectors
    (0xE0020, 0xE0080),  # tags, of flags
)
# Letters and signs by category that nobody sees: fillers, the blank of braille.
_BLANK = (0x115F, 0x1160, 0x3164, 0xFFA0, 0x2800)
_OF_CATEGORY = {"L": LETTER, "M": LETTER, "N": DIGIT, "P": SIGN, "S": SIGN, "Z": SPACE}
_REPLACEMENT = 0xFFFD
# Texts are looked at so many characters at a time.
BLOCK_CHARACTERS = 1_000_000
# The standard deviation of a normal distribution, from its median to a quartile.
QUARTILE = 0.6745
# Share of wide characters from which on a text is compared by pairs of characters.
MOSTLY_WIDE = 0.5


@functools.cache
def _kind_of_code() -> NDArray[np.uint8]:
    """The kind of every code point."""
    category = unicodedata.category
    special = {"Cc": INVISIBLE, "Cf": INVISIBLE, "Cs": UNASSIGNED, "Co": SIGN, "Cn": UNASSIGNED}
    kinds = np.fromiter(
        (
            special[c] if (c := category(chr(code)))[0] == "C" else _OF_CATEGORY[c[0]]
            for code in range(0x110000)
        ),
        dtype=np.uint8,
        count=0x110000,
    )
    for start, end in _WIDE:
        kinds[start:end][kinds[start:end] == LETTER] = WIDE
    for start, end in _EMOJI:
        kinds[start:end] = EMOJI
    kinds[[0x200D, 0x20E3]] = EMOJI  # the joiner and the keycap
    kinds[list(_BLANK)] = INVISIBLE
    kinds[[*range(0x09, 0x0E), 0x85]] = SPACE
    kinds[_REPLACEMENT] = UNASSIGNED
    kinds.flags.writeable = False
    return kinds


def kind_counts(texts: Sequence[str]) -> NDArray[np.int64]:
    r"""How many characters of each kind each text has.

    Parameters
    ----------
    texts : sequence of N str

    Returns
    -------
    ndarray of shape (N, 8), int64
        One column for each of `KINDS`: letters with their marks, wide letters (ideographs, kana,
        Hangul), digits, signs, emoji, white space, invisible characters, and what is no character
        (unassigned, lone halves, the replacement character).

    Notes
    -----
    O(characters) time; memory for a million characters at a time.

    Examples
    --------
    >>> kind_counts(["No 7!", "你好"]).tolist()
    [[2, 0, 1, 1, 0, 1, 0, 0], [0, 2, 0, 0, 0, 0, 0, 0]]
    """
    counts = np.zeros((len(texts), len(KINDS)), dtype=np.int64)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    ends = np.cumsum(lengths)
    start = 0
    while start < len(texts):
        before = ends[start] - lengths[start]
        stop = max(start + 1, int(np.searchsorted(ends, before + BLOCK_CHARACTERS, side="right")))
        whole = "".join(texts[start:stop]).encode("utf-32-le", "surrogatepass")
        kinds = _kind_of_code()[np.frombuffer(whole, dtype="<u4")]
        row = np.repeat(np.arange(stop - start), lengths[start:stop])
        cells = np.bincount(row * len(KINDS) + kinds, minlength=(stop - start) * len(KINDS))
        counts[start:stop] = cells.reshape(stop - start, len(KINDS))
        start = stop
    return counts


def visible_length(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Visible characters of each text, wide ones counted twice, shape (N,)."""
    visible: NDArray[np.int64] = counts.sum(axis=1) - counts[:, SPACE] - counts[:, INVISIBLE]
    return visible + counts[:, WIDE]


class Usual(NamedTuple):
    """The median of some values, and a standard deviation on either side of it."""

    middle: float
    below: float
    above: float


def usual(values: FloatArray, least: float) -> Usual:
    """What is usual among some values, judged by their quartiles.

    Parameters
    ----------
    values : ndarray of shape (n,), n > 0
    least : float
        A standard deviation is never taken for less, so that equal values have a scale.

    Notes
    -----
    Each side has a scale of its own, from the median to the quartile on that side, so that a
    skewed distribution has no outliers merely for being skewed and a quarter of the values may be
    wrong on either side (a half-space version of the robust z-score of Iglewicz and Hoaglin 1993).
    """
    low, middle, high = np.quantile(values.astype(np.float64), [0.25, 0.5, 0.75])
    return Usual(
        float(middle),
        max(float(middle - low) / QUARTILE, least),
        max(float(high - middle) / QUARTILE, least),
    )


def departure(values: FloatArray, scale: Usual) -> NDArray[np.float64]:
    """How far each value lies from the median, in standard deviations; below it negative.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 3.0, 4.0, 7.0])
    >>> departure(values, usual(values, least=0.1)).round(2).tolist()
    [-1.35, -0.67, 0.0, 0.67, 2.7]
    """
    away = values.astype(np.float64) - scale.middle
    scaled: NDArray[np.float64] = away / np.where(away < 0, scale.below, scale.above)
    return scaled


class _Kept(dict[int, int | None]):
    """A table for `str.translate` that drops punctuation, spaces and control characters."""

    def __missing__(self, code: int) -> int | None:
        kept = None if unicodedata.category(chr(code))[0] in "PZC" else code
        self[code] = kept
        return kept


_KEPT = _Kept()


def _is_seen(character: str) -> bool:
    return unicodedata.category(character)[0] not in "ZC"


def normalised(text: str) -> str:
    """What is left of a text without regard to case, width, spaces and punctuation.

    Unicode's compatibility form (NFKC), folded case, then letters, marks, digits and symbols only.
    A text of punctuation alone keeps it.

    Examples
    --------
    >>> normalised("Ｈello,  World!"), normalised("hello world"), normalised(" ?! ")
    ('helloworld', 'helloworld', '?!')
    """
    plain = functools.partial(unicodedata.normalize, "NFKC")
    folded = plain(plain(text).casefold())
    # What is left may compose anew, once spaces and signs between are gone.
    return plain(folded.translate(_KEPT)) or "".join(filter(_is_seen, folded))


def shingles(key: str) -> NDArray[np.uint32]:
    """Distinct runs of characters of a normalised text, as sorted hashes.

    Runs have four characters; two where most characters are wide, as each of those says more.

    Examples
    --------
    >>> len(shingles("abcdef")), len(shingles("你好世界")), len(shingles("ab"))
    (3, 3, 1)
    """
    wide = sum(0x2E80 <= ord(c) < 0xD7B0 or ord(c) >= 0x20000 for c in key[:200])
    size = 2 if wide > MOSTLY_WIDE * min(len(key), 200) else 4
    raw = key.encode("utf-32-le", "surrogatepass")
    width = 4 * size
    if len(raw) <= width:
        return np.array([zlib.crc32(raw)], dtype=np.uint32)
    runs = {raw[at : at + width] for at in range(0, len(raw) - width + 4, 4)}
    return np.unique(np.fromiter(map(zlib.crc32, runs), dtype=np.uint32, count=len(runs)))


def jaccard(left: NDArray[np.uint32], right: NDArray[np.uint32]) -> float:
    """Share of the shingles of two texts that both have.

    Examples
    --------
    >>> jaccard(shingles("abcdefg"), shingles("abcdefh"))
    0.6
    """
    shared = len(np.intersect1d(left, right, assume_unique=True))
    return shared / (len(left) + len(right) - shared)


def band_pairs(
    signatures: NDArray[np.unsignedinteger], size: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of texts whose MinHash signatures agree in a whole band: candidates for being alike.

    Parameters
    ----------
    signatures : ndarray of shape (N, P)
    size : int
        Width of a band. Texts of Jaccard similarity s share one of the ``P // size`` bands with
        probability ``1 - (1 - s**size)**(P // size)``.

    Returns
    -------
    left, right : ndarray of int
        Distinct pairs, left < right.

    Notes
    -----
    O(N P log N) time. In each band a text is paired with the next two that share it and with the
    first: enough to join them all, and never quadratic, however many are alike.

    References
    ----------
    A. Broder: On the resemblance and containment of documents, SEQUENCES (1997);
    J. Leskovec, A. Rajaraman, J. Ullman: Mining of Massive Datasets, section 3.4.
    """
    n_rows = len(signatures)
    codes = []
    for band in range(signatures.shape[1] // size):
        part = np.ascontiguousarray(signatures[:, band * size : (band + 1) * size])
        key = part.view(np.dtype((np.void, part.dtype.itemsize * size))).ravel()
        _, bucket = np.unique(key, return_inverse=True)
        order = np.argsort(bucket, kind="stable")
        inside = bucket[order]
        start = np.searchsorted(inside, inside)  # where the bucket of each begins
        for first, second in (
            (order[:-1][inside[:-1] == inside[1:]], order[1:][inside[:-1] == inside[1:]]),
            (order[:-2][inside[:-2] == inside[2:]], order[2:][inside[:-2] == inside[2:]]),
            (order[start], order),
        ):
            codes.append(np.minimum(first, second) * n_rows + np.maximum(first, second))
    pairs = np.unique(np.concatenate(codes)) if codes else np.empty(0, dtype=np.intp)
    left, right = pairs // max(n_rows, 1), pairs % max(n_rows, 1)
    return left[left < right], right[left < right]
