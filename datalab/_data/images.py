"""From what a cell holds (path, bytes, array, picture) to a picture that can be shown."""

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Unreadable", "decode", "highest_value", "plain", "value_range"]

# Plain pictures only: a decoder that starts another program (EPS) or fetches more is no place to
# send what stands in a data set.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "ICO", "JPEG2000", "TGA", "AVIF")

# Pillow's modes of more than 8 bits, and what may be white in them.
DEEP_MODES = ("I", "F")
WHITES = (255, 1023, 4095, 16383, 65535, 2**31 - 1)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in the place of an image that could not be read."""

    reason: str


def value_range(values: Iterable[Any]) -> tuple[float, float] | None:
    """What is black and what is white in a column of arrays; None when there are no arrays.

    uint8 images range from 0 to 255. Others from 0 (or their lowest value, when that is negative)
    to 1, or to their highest value when that is above 1. One range for the column, so that
    dark images stay darker than bright ones.
    """
    arrays = [v for v in values if isinstance(v, np.ndarray) and v.size and v.dtype.kind in "biuf"]
    if not arrays:
        return None
    if all(array.dtype == np.uint8 for array in arrays):
        return 0.0, 255.0
    finite = [array[np.isfinite(array)] for array in arrays]
    lowest = min(float(array.min(initial=0.0)) for array in finite)
    highest = max(float(array.max(initial=1.0)) for array in finite)
    return lowest, highest


def decode(value: Any, limits: tuple[float, float] | None = None) -> Any:
    """A picture (PIL) from a path, encoded bytes, a dictionary of these, an array or a picture.

    Parameters
    ----------
    value : path, bytes, dict, ndarray or PIL.Image.Image
    limits : tuple of float, optional
        Values shown as black and as white, for arrays; see `value_range`.

    Returns
    -------
    PIL.Image.Image, Unreadable or None
        None for a missing value.
    """
    if value is None or (isinstance(value, float) and value != value):
        return None
    from PIL import Image, ImageOps

    if isinstance(value, Image.Image):
        return value
    if isinstance(value, dict) and not any(value.get(key) for key in ("bytes", "path")):
        return None
    try:
        if hasattr(value, "__array__"):
            return Image.fromarray(_pixels(np.asarray(value), limits))
        file = _file(value)
        if file is None:
            return Unreadable(f"not an image: {type(value).__name__}")
        with Image.open(file, formats=[one for one in FORMATS if one in _known()]) as picture:
            picture.load()
            return ImageOps.exif_transpose(picture)
    except Exception as error:  # noqa: BLE001 (whatever a decoder raises, the row stays visible)
        return Unreadable(f"{type(error).__name__}: {error}"[:300])


def _file(value: Any) -> Any:
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return io.BytesIO(value)
    if not isinstance(value, (str, os.PathLike)):
        return None
    if Path(value).exists() and not Path(value).is_file():
        raise OSError(f"{str(value)!r} is not a regular file")  # reading a pipe would wait forever
    return value


def _known() -> Iterable[str]:
    """The formats that this Pillow can read."""
    from PIL import Image

    Image.init()
    return Image.OPEN


def _pixels(array: NDArray[Any], limits: tuple[float, float] | None) -> NDArray[np.uint8]:
    """An array as (H, W), or (H, W, 2 to 4) of uint8: grey and alpha, colour, colour and alpha."""
    if array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4) and array.shape[0] in (1, 3, 4):
        array = np.moveaxis(array, 0, 2)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (2, 3, 4)):
        raise ValueError(f"an image has shape (H, W) or (H, W, 3), this one has {array.shape}")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    black, white = limits or value_range([array]) or (0.0, 1.0)
    known = np.nan_to_num(array.astype(np.float64), nan=black, posinf=white, neginf=black)
    scaled = np.rint((known - black) * (255.0 / (white - black)))
    return np.clip(scaled, 0, 255).astype(np.uint8)


def highest_value(pictures: Iterable[Any]) -> float | None:
    """What is white in pictures of more than 8 bits; None when none of these has more.

    The highest value that the bits in use can hold: 4095 for pictures of 12 bits in files of 16.
    """
    deep = [np.asarray(p) for p in pictures if getattr(p, "mode", "").startswith(DEEP_MODES)]
    if not deep:
        return None
    highest = max(float(values[np.isfinite(values)].max(initial=0)) for values in deep)
    if all(values.dtype.kind == "f" for values in deep) and highest <= 1:
        return 1.0
    return next((float(white) for white in WHITES if highest <= white), highest)


def plain(picture: Any, white: float | None = None) -> Any:
    """The picture as a person sees it, in mode L or RGB: palettes looked up, on white ground.

    Parameters
    ----------
    picture : PIL.Image.Image
        Of any mode; it is not changed.
    white : float, optional
        The value that is white in pictures of more than 8 bits; see `highest_value`.

    Returns
    -------
    PIL.Image.Image
    """
    from PIL import Image

    if picture.mode.startswith(DEEP_MODES):
        return Image.fromarray(_pixels(np.asarray(picture), (0.0, white) if white else None))
    if not picture.has_transparency_data:
        return picture.convert("L" if picture.mode in ("1", "L") else "RGB")
    # Premultiplied grey cannot be converted but to its own kind.
    whole = (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(whole)
    return ground.convert("L" if picture.mode in ("LA", "La") else "RGB")
