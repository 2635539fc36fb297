"""One cell of the user's data, made safe and small enough to look at: text, numbers, pictures.

Everything that comes from a data set is untrusted. Text is cut and its invisible characters are
made visible; pictures are decoded and encoded anew, so no byte that was given is passed on.
Escaping is left to the templates.
"""

import base64
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from datalab._data.images import Unreadable, decode

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "NAME_LIMIT",
    "NO_CLASS",
    "TEXT_LIMIT",
    "Cell",
    "Thumbnail",
    "class_name",
    "clean_text",
    "count",
    "counted",
    "distinct",
    "elide",
    "heading",
    "in_line",
    "is_missing",
    "number",
    "score",
    "share",
    "show",
    "thumbnail",
]

TEXT_LIMIT = 300  # characters of a cell
NAME_LIMIT = 60  # characters of the name of a class, column or row
NO_CLASS = "(none)"  # an empty set of classes
SET_LIMIT = 120  # characters of the names of a set of classes
THUMBNAIL_SIZE = 96

_PNG_LIMIT = 6_000  # bytes; a larger PNG with transparency goes on a white ground as JPEG


# --- text ------------------------------------------------------------------------------------


def _marks() -> dict[int, str]:
    """Invisible or harmful characters and the visible mark that stands for each."""
    marks = {code: chr(0x2400 + code) for code in range(0x20)}  # Unicode's control pictures
    marks |= {0x0A: "↵ ", 0x0D: "␍", 0x09: "⇥", 0x7F: "␡", 0x2028: "↵ ", 0x2029: "↵ "}
    hidden = [*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF]
    return marks | {code: f"⟨U+{code:04X}⟩" for code in hidden}


_MARKS = _marks()
_SURROGATES = re.compile("[\ud800-\udfff]")  # halves of a character: cannot be written as UTF-8


def clean_text(value: Any, limit: int = TEXT_LIMIT) -> str:
    r"""Text of any value, cut at `limit` characters, with control characters made visible.

    Examples
    --------
    >>> clean_text("two\nlines")
    'two↵ lines'
    >>> clean_text("abc\u202e\x00", limit=10)
    'abc⟨U+202E⟩␀'
    >>> clean_text("x" * 10_000, limit=5)
    'xxxxx…'
    """
    text = value if isinstance(value, str) else _text_of(value)
    cut = text[:limit].replace("\r\n", "\n").translate(_MARKS)
    cut = _SURROGATES.sub(lambda half: f"⟨U+{ord(half[0]):04X}⟩", cut)
    return cut.rstrip() + "…" if len(text) > limit else cut


def elide(value: Any, limit: int = NAME_LIMIT) -> str:
    """A name of at most `limit` characters: a long one loses its middle, as names begin alike.

    Examples
    --------
    >>> elide("customer_complaint_about_delivery_late", 21)
    'customer_c…ivery_late'
    """
    text = value if isinstance(value, str) else _text_of(value)
    if len(text) <= limit:
        return clean_text(text, limit)
    tail = (limit - 1) // 2
    head = limit - 1 - tail
    return f"{clean_text(text[:head]).rstrip()}…{clean_text(text[len(text) - tail :]).lstrip()}"


def heading(title: str) -> str:
    """A title as it stands at the head of something: ``"Near duplicate"``."""
    return title[:1].upper() + title[1:]


def in_line(sentence: str, limit: int = TEXT_LIMIT) -> str:
    """A sentence of a check as it is shown: no line ends between a number and its per cent."""
    return clean_text(sentence, limit).replace(" %", "\xa0%")


def distinct(names: Sequence[str]) -> list[str]:
    """The same names, those that read alike followed by their place.

    Examples
    --------
    >>> distinct(["a", "b", "a"])
    ['a (0)', 'b', 'a (2)']
    """
    number_of = Counter(names)
    return [f"{name} ({k})" if number_of[name] > 1 else name for k, name in enumerate(names)]


def _text_of(value: Any) -> str:
    """A short text for a value that is not a string; never fails, never walks a large value."""
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{count(len(value))} bytes"
    try:
        if isinstance(value, np.ndarray) and value.ndim:
            return f"array {' × '.join(map(str, value.shape))}"
        if isinstance(value, list | tuple | set | frozenset) and len(value) > 8:
            first = ", ".join(str(item)[:40] for item in list(value)[:6])
            return f"{count(len(value))} values: {first}, …"
        return str(value)
    except Exception as error:  # noqa: BLE001 -- the user's own __str__ may raise anything
        return f"⟨cannot be shown: {type(error).__name__}⟩"


# --- numbers -----------------------------------------------------------------------------------


def count(value: int) -> str:
    """A whole number with separators: ``1,797``."""
    return f"{int(value):,}"


def score(value: float) -> str:
    """A score or probability in [0, 1] with three decimals; tiny ones are not shown as nothing."""
    if not np.isfinite(value):
        return "–"
    return "<0.001" if 0 < value < 0.0005 else f"{value:.3f}"


def share(part: float, whole: float = 1.0) -> str:
    r"""A part as per cent, in as few digits as inform.

    Examples
    --------
    >>> [share(*one).replace("\xa0", " ") for one in ((118, 1797), (1, 10**5), (999_999, 10**6))]
    ['6.6 %', '<0.1 %', '>99.9 %']
    """
    percent = 100.0 * part / whole if whole else 0.0
    if 0 < percent < 0.1:
        return "<0.1\xa0%"
    if 99.9 < percent < 100:
        return ">99.9\xa0%"
    text = f"{percent:.1f}"
    return f"{text.removesuffix('.0')}\xa0%"


def number(value: Any) -> str:
    """A number of the user's data: whole numbers as they are, others with four digits.

    Without separators: years and identifiers are numbers too.

    Examples
    --------
    >>> number(2019), number(2019.0), number(33824.7123), number(0.123456)
    ('2019', '2019', '33824.7', '0.1235')
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        digits = int(value)
        return str(digits) if abs(digits) < 10**20 else f"{Decimal(digits):.4e}"
    if not np.isfinite(value):
        return "–" if np.isnan(value) else ("∞" if value > 0 else "-∞")
    size = abs(float(value))
    if float(value).is_integer() and size < 1e15:
        return str(int(value))
    if 1e-4 <= size < 1e6:
        return f"{value:.4g}" if size < 1e3 else f"{value:.1f}".removesuffix(".0")
    return f"{value:.3e}"


def counted(number_of: int, word: str) -> str:
    """A number and what is counted: ``1 row``, ``1,797 rows``, ``10 classes``."""
    ending = "" if number_of == 1 else "es" if word.endswith("s") else "s"
    return f"{count(number_of)} {word}{ending}"


def class_name(value: Any) -> str:
    """The name of a class, of a set of classes, or a target, as people read it.

    Examples
    --------
    >>> class_name("sea"), class_name(["sea", "sky"]), class_name([]), class_name(0.5)
    ('sea', 'sea, sky', '(none)', '0.5')
    """
    if isinstance(value, list):  # a class itself is hashable
        return elide(", ".join(map(class_name, value)), SET_LIMIT) or NO_CLASS
    if isinstance(value, float | np.floating):
        return number(value)
    return elide(value) or "(empty)"


def is_missing(value: Any) -> bool:
    """Whether a cell is empty: None, NaN, NaT or pandas' NA."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


@dataclass(frozen=True, slots=True)
class Cell:
    """Text of a cell and how to set it: ``"text"``, ``"number"`` or ``"missing"``."""

    text: str
    kind: str


def show(value: Any, limit: int = TEXT_LIMIT) -> Cell:
    """A cell of the user's data as text.

    Examples
    --------
    >>> show(3.14159), show(None), show("a")
    (Cell(text='3.142', kind='number'), Cell(text='missing', kind='missing'),
     Cell(text='a', kind='text'))
    """
    if isinstance(value, np.number | np.bool_):
        value = value.item()
    if is_missing(value):
        return Cell("missing", "missing")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Cell(number(value), "number")
    return Cell(clean_text(value, limit), "text")


# --- pictures ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture, or the reason why there is none.

    Parameters
    ----------
    data : bytes
        The encoded picture; empty when it could not be read.
    mime : str
        ``"image/png"`` or ``"image/jpeg"``.
    width, height : int
        Size in pixels.
    reason : str
        Why there is no picture; empty when there is one.
    """

    data: bytes = b""
    mime: str = ""
    width: int = 0
    height: int = 0
    reason: str = ""

    @property
    def uri(self) -> str:
        """The picture as a ``data:`` address."""
        return f"data:{self.mime};base64,{base64.b64encode(self.data).decode('ascii')}"


def thumbnail(cell: Any, size: int = THUMBNAIL_SIZE, quality: int = 75) -> Thumbnail:
    """A picture of at most `size` × `size` pixels, decoded and encoded anew.

    Parameters
    ----------
    cell : PIL image, array, bytes, path, mapping, Unreadable or None
        What a source gives for an image, decoded or not.
    size : int
        Length of the longer side in pixels. Tiny pictures are enlarged by whole factors.
    quality : int
        JPEG quality, 1 to 95.

    Returns
    -------
    Thumbnail
        With a `reason` in place of a picture when the cell cannot be read; this never raises.
    """
    image = cell if isinstance(cell, Unreadable) else decode(cell)
    if image is None:
        return Thumbnail(reason="no image")
    if isinstance(image, Unreadable):
        return Thumbnail(reason=_reason(image.reason))
    try:
        small, enlarged = _fit(image, size)
        return _encode(small, sharp=enlarged, quality=quality)
    except Exception as error:  # noqa: BLE001 -- a picture may be broken in its last row
        return Thumbnail(reason=_reason(f"{type(error).__name__}: {error}"))


def _reason(told: str) -> str:
    """The decoder's words without names of classes and addresses of objects."""
    kind, _, rest = told.partition(": ")
    if kind == "UnidentifiedImageError":
        return "not an image that can be read"
    if kind == "FileNotFoundError":
        return "the file does not exist"
    plain = rest if kind.isidentifier() and rest else told
    return clean_text(re.sub(r" ?<[^<>]* object at 0x[0-9a-f]+>", "", plain), 120)


def _fit(image: "Image.Image", size: int) -> tuple["Image.Image", bool]:
    """The picture in mode L, RGB or RGBA, at most `size` pixels long; whether it was enlarged."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # 16 or 32 bits: shown over the range of its values
        image = decode(np.asarray(image))
    transparent = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    image = image.convert("RGBA" if transparent else "L" if image.mode in ("1", "L") else "RGB")
    factor = size // max(image.size)
    if factor >= 2:
        wide, high = image.width * factor, image.height * factor
        return image.resize((wide, high), Image.Resampling.NEAREST), True
    image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image, False


def _encode(image: "Image.Image", *, sharp: bool, quality: int) -> Thumbnail:
    """PNG for pictures with sharp edges, few colours or transparency; JPEG for the others."""
    from PIL import Image

    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    if sharp or image.mode == "RGBA" or image.getcolors(64):
        data = _bytes(image, "PNG", optimize=True)
        if len(data) <= _PNG_LIMIT:
            return Thumbnail(data, "image/png", image.width, image.height)
    if image.mode == "RGBA":
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    data = _bytes(image, "JPEG", quality=quality, optimize=True)
    return Thumbnail(data, "image/jpeg", image.width, image.height)


def _bytes(image: "Image.Image", form: str, **options: Any) -> bytes:
    image.info.clear()  # no comment, profile or position of the original travels on
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()
