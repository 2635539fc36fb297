"""Images as a short description: what is bright where, edges, and colours; nothing is downloaded.

N. Dalal, B. Triggs: Histograms of oriented gradients for human detection, CVPR 2005 (edges).
M. Swain, D. Ballard: Color indexing, IJCV 7 (1991) (colours).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from datalab._typing import BoolArray, FloatArray, IndexArray

__all__ = ["encode_images", "reduce_columns"]

SIDE, CELL, DIRECTIONS = 32, 8, 9
PIXELS = 16
GRID, SHADES = 4, 4
# Each kind of description keeps so many leading components.
COMPONENTS = 96
# Images are described so many at a time.
BATCH = 512
# Components are learned from so many rows.
MAX_FITTED = 20_000


def encode_images(
    images: Any, random_state: int, progress: bool = False
) -> tuple[FloatArray, BoolArray]:
    """A description of each image, and which could be read.

    Parameters
    ----------
    images : sequence of N PIL images; others (None, unreadable) are missing
    random_state : int
    progress : bool

    Returns
    -------
    vector : ndarray of shape (N, d), float32
        0 for missing images; brightness, edges and colour have the same weight.
    readable : ndarray of bool, shape (N,)

    Notes
    -----
    Mixed sizes and modes are served: every image is laid on white where it is transparent,
    scaled to 32 x 32 pixels and described by 16 x 16 contrast-normalised grey pixels,
    histograms of edge directions in overlapping blocks, and means and shares of colours.
    """
    described, readable = [], np.zeros(len(images), dtype=bool)
    for rows, pixels in _batches(images, progress):
        readable[rows] = True
        described.append((_brightness(pixels), _edges(pixels), _colours(pixels)))
    if not described:
        return np.zeros((len(images), 0), dtype=np.float32), readable
    kinds = [np.concatenate(kind) for kind in zip(*described, strict=True)]
    reduced = [_even(reduce_columns(kind, COMPONENTS, random_state)) for kind in kinds]
    whole = np.hstack([block for block in reduced if block.shape[1]] or [reduced[0]])
    vector = np.zeros((len(images), whole.shape[1]), dtype=np.float32)
    vector[readable] = whole
    return vector, readable


def _batches(images: Any, progress: bool) -> Iterator[tuple[list[int], FloatArray]]:
    from tqdm.auto import tqdm

    rows: list[int] = []
    pixels: list[FloatArray] = []
    with tqdm(total=len(images), desc="images", disable=not progress, delay=1, leave=False) as bar:
        for row in range(len(images)):
            image = images[row]
            if hasattr(image, "convert"):
                rows.append(row)
                pixels.append(_small(image))
            if len(rows) == BATCH:
                yield rows, np.stack(pixels)
                rows, pixels = [], []
            bar.update()
    if rows:
        yield rows, np.stack(pixels)


def _small(image: Any) -> FloatArray:
    """The image in colour, 32 x 32 x 3, from 0 to 1; transparent parts are white."""
    from PIL import Image

    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        deep = np.asarray(image, dtype=np.float32)
        low, high = float(deep.min()), float(deep.max())
        grey = (deep - low) / (high - low) * 255 if high > low else np.zeros_like(deep)
        image = Image.fromarray(grey.astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    coloured = image.convert("RGB").resize(
        (SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0
    )
    return np.asarray(coloured, dtype=np.float32) / 255.0


def _grey(pixels: FloatArray) -> FloatArray:
    grey: FloatArray = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return grey


def _brightness(pixels: FloatArray) -> FloatArray:
    """16 x 16 grey pixels of the same mean and contrast in every image, and their mean."""
    step = SIDE // PIXELS
    small = _grey(pixels).reshape(len(pixels), PIXELS, step, PIXELS, step).mean(axis=(2, 4))
    flat = small.reshape(len(pixels), -1)
    mean = flat.mean(axis=1, keepdims=True)
    contrast = flat.std(axis=1, keepdims=True)
    return np.hstack([(flat - mean) / np.maximum(contrast, 0.02), 4 * mean])


def _edges(pixels: FloatArray) -> FloatArray:
    """Histograms of gradient directions in cells of 8 x 8 pixels, normalised in blocks of four."""
    grey = np.pad(np.sqrt(_grey(pixels)), ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    down = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    strength = np.hypot(across, down)
    angle = (np.arctan2(down, across) % np.pi) / np.pi * DIRECTIONS
    lower = np.floor(angle).astype(np.intp)
    share = angle - lower
    n_images, cells = len(pixels), SIDE // CELL
    histogram = np.zeros((n_images, cells, cells, DIRECTIONS), dtype=np.float32)
    for direction in range(DIRECTIONS):
        votes = strength * (
            (1 - share) * (lower % DIRECTIONS == direction)
            + share * ((lower + 1) % DIRECTIONS == direction)
        )
        tiles = votes.reshape(n_images, cells, CELL, cells, CELL)
        histogram[..., direction] = tiles.sum(axis=(2, 4))
    blocks = np.concatenate(
        [histogram[:, i : cells - 1 + i, j : cells - 1 + j] for i in (0, 1) for j in (0, 1)],
        axis=-1,
    )
    length = np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 0.01)
    flat: FloatArray = (blocks / length).reshape(n_images, -1)
    return flat


def _colours(pixels: FloatArray) -> FloatArray:
    """Colour differences in a grid of 4 x 4, and shares of 64 colours; nothing for grey images."""
    grey = _grey(pixels)[..., None]
    tile = SIDE // GRID
    means = (pixels - grey).reshape(len(pixels), GRID, tile, GRID, tile, 3).mean(axis=(2, 4))
    levels = np.minimum((pixels * SHADES).astype(np.intp), SHADES - 1)
    colour = (levels[..., 0] * SHADES + levels[..., 1]) * SHADES + levels[..., 2]
    cell = colour.reshape(len(pixels), -1) + np.arange(len(pixels))[:, None] * SHADES**3
    shares = np.bincount(cell.ravel(), minlength=len(pixels) * SHADES**3) / SIDE**2
    shares = np.sqrt(shares.reshape(len(pixels), -1))
    coloured = (np.ptp(pixels, axis=3).max(axis=(1, 2)) > 0.02)[:, None]
    means = means.reshape(len(pixels), -1)
    described: FloatArray = (np.hstack([4 * means, shares]) * coloured).astype(np.float32)
    return described


def reduce_columns(block: FloatArray, size: int, random_state: int) -> FloatArray:
    """The leading principal components of a block, (N, at most `size`), float32.

    Constant columns say nothing; the components are learned from at most 20,000 rows.
    """
    from sklearn.decomposition import PCA

    block = block[:, block.max(axis=0) > block.min(axis=0)] if len(block) else block[:, :0]
    size = min(size, len(block) - 1, block.shape[1])
    if size < 1:
        return np.zeros((len(block), 0), dtype=np.float32)
    rows: IndexArray = np.unique(
        np.linspace(0, len(block) - 1, min(len(block), MAX_FITTED)).astype(np.intp)
    )
    model = PCA(size, random_state=random_state).fit(block[rows])
    reduced: FloatArray = model.transform(block).astype(np.float32)
    return reduced


def _even(block: FloatArray) -> FloatArray:
    """The block scaled to a total variance of 1."""
    around = float(block.var(axis=0).sum()) if block.shape[1] else 0.0
    return block / np.float32(np.sqrt(around)) if around > 0 else block
