"""What is measured of every image, and its hashes, in one pass over the images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._core.image import IMAGE_PROPERTIES, measured
from datalab._data.images import Unreadable, plain
from datalab._data.table import Images
from datalab._typing import IndexArray
from datalab.artefacts import Made, recipe
from datalab.exceptions import NotApplicable

__all__: list[str] = []

# Larger images are measured, and looked at, at about this size.
LONGEST_SIDE = 512
# So many rows tell whether a column holds arrays.
FEW = 20
# Pillow's modes of more than 8 bits.
DEEP = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})


@recipe("image_properties", by_row=True)
def image_properties_by_decoding(images: Images, *, progress: bool) -> Made:
    """Size, brightness, sharpness, entropy, colour and hashes; unreadable images are left out.

    Notes
    -----
    One image is in memory at a time. About 2 ms for each of 64 x 64 pixels on one core.
    """
    from tqdm.auto import tqdm

    made = np.zeros(len(images), dtype=IMAGE_PROPERTIES)
    arrays = any(isinstance(images.stored(row), np.ndarray) for row in range(len(images))[:FEW])
    reasons: dict[int, str] = {}
    shown = tqdm(images, disable=not progress, delay=1.0, leave=False, desc="images", unit="image")
    for row, image in enumerate(shown):
        if isinstance(image, Unreadable) or image is None:
            reasons[row] = image.reason if image is not None else "no image"
            continue
        try:
            white = images.source.white(images.column) if image.mode in DEEP else None
            for name, value in _properties(image, white).items():
                made[name][row] = value
            made["pixels"][row] = _digest(images.stored(row) if arrays else image)
        except Exception as error:  # noqa: BLE001 (a lazily read picture breaks when looked at)
            reasons[row] = f"{type(error).__name__}: {error}"[:300]
    readable: IndexArray = np.delete(np.arange(len(images)), list(reasons))
    if not len(readable):
        raise NotApplicable(f"none of the {len(images)} images can be read: {reasons.get(0)}")
    if not reasons:
        return Made(made)
    row, reason = next(iter(reasons.items()))
    note = f"{len(reasons)} could not be read and are left out (row {row}: {reason})"
    return Made(made[readable], note, readable)


def _properties(image: Any, white: float | None) -> dict[str, Any]:
    """One record of `IMAGE_PROPERTIES`."""
    shown = plain(image, white)
    factor = max(1, round(max(shown.size) / LONGEST_SIDE))
    small = shown.reduce(factor) if factor > 1 else shown
    return {
        "width": image.width,
        "height": image.height,
        "mode": image.mode,
        **measured(np.asarray(small)),
        **_hashes(small.convert("L")),
    }


def _digest(stored: Any) -> NDArray[np.uint64]:
    """A number of 128 bits that is equal for equal pixels only; those of arrays as they are."""
    import hashlib

    if getattr(stored, "mode", "") in ("P", "PA"):  # numbers of colours say nothing by themselves
        stored = stored.convert("RGBA" if stored.has_transparency_data else "RGB")
    if isinstance(stored, np.ndarray):
        form, pixels = f"{stored.dtype} {stored.shape}", np.ascontiguousarray(stored).tobytes()
    else:
        form, pixels = f"{stored.mode} {stored.size}", stored.tobytes()
    digest = hashlib.blake2b(form.encode(), digest_size=16)
    digest.update(pixels)
    return np.frombuffer(digest.digest(), dtype=np.uint64)


def _hashes(grey: Any) -> dict[str, NDArray[np.uint64]]:
    """Perceptual hashes: what the image shows at low resolution.

    References
    ----------
    C. Zauner: Implementation and benchmarking of perceptual image hash functions (2010), by the
    library imagehash.
    """
    import imagehash

    return {
        "coarse_hash": _bits(imagehash.phash(grey, hash_size=8)),
        "fine_hash": _bits(imagehash.phash(grey, hash_size=16)),
        "mean_hash": _bits(imagehash.average_hash(grey, hash_size=16)),
    }


def _bits(hashed: Any) -> NDArray[np.uint64]:
    """The bits of a perceptual hash, 64 in each number."""
    numbers: NDArray[np.uint64] = np.packbits(hashed.hash.ravel()).view(np.uint64)
    return numbers if len(numbers) > 1 else numbers[0]
