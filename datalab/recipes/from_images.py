"""Images as short descriptions: what is bright where, edges, textures and colours.

Nothing is downloaded. Each description is a block of its own, as which of them tells the classes
apart is up to the data.

N. Dalal, B. Triggs: Histograms of oriented gradients for human detection, CVPR 2005 (edges).
A. Coates, H. Lee, A. Ng: An analysis of single-layer networks in unsupervised feature learning,
AISTATS 2011 (textures). M. Swain, D. Ballard: Color indexing, IJCV 7 (1991) (colours).
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import BoolArray, FloatArray, IndexArray

__all__ = ["encode_images", "reduce_columns"]

SIDE, DIRECTIONS = 32, 9
# Edges are counted in cells of so many pixels.
COARSE, FINE = 8, 4
PIXELS = 16
GRID, SHADES = 4, 4
# Textures are told by so many typical patches of so many pixels, looked for at every other pixel
# and counted in the four quarters of the image; they are learned from so many patches, at most so
# many of each image.
WORDS, PATCH, STRIDE, SEEN_PATCHES, PATCHES_EACH = 200, 6, 2, 40_000, 100
# Contrasts below this are noise (in grey values of 255); whitening does not blow up what is weak.
LEAST_CONTRAST, WHITENING = 10.0, 0.1
# Each kind of description keeps so many leading components.
COMPONENTS = 96
# What differs by less in a description is rounding.
EQUAL = 1e-3
# Images are described so many at a time.
BATCH = 256
# Components are learned from so many rows.
MAX_FITTED = 20_000
# Descriptions are long: fewer images do for their components.
MAX_DESCRIBED = 6_000

Describe = Callable[[FloatArray], FloatArray]


def encode_images(
    images: Any, random_state: int, progress: bool = False
) -> tuple[dict[str, FloatArray], BoolArray]:
    """Descriptions of each image, and which could be read.

    Parameters
    ----------
    images : sequence of N PIL images; others (None, unreadable) are missing
    random_state : int
    progress : bool

    Returns
    -------
    blocks : dict of ndarray of shape (N, d), float32
        Brightness, coarse and fine edges, textures and colours, each of a total variance of 1; 0
        for missing images. What says nothing (colours of grey images) is not there.
    readable : ndarray of bool, shape (N,)

    Notes
    -----
    Mixed sizes and modes are served: every image is laid on white where it is transparent,
    scaled to 32 x 32 pixels and described by 16 x 16 contrast-normalised grey pixels,
    histograms of edge directions in overlapping blocks, similarity of small patches to typical
    ones, and means and shares of colours. About 2 ms and 5 KB for each image.
    """
    pixels, readable = _all_small(images, progress)
    blocks: dict[str, FloatArray] = {}
    if not len(pixels):
        return blocks, readable
    describers: dict[str, Describe] = {
        "brightness": _brightness,
        "coarse edges": lambda some: _edges(some, COARSE),
        "fine edges": lambda some: _edges(some, FINE),
        "textures": _textures(pixels, random_state),
        "colours": _colours,
    }
    for name, describe in describers.items():
        described = _even(_leading(pixels, describe, random_state))
        if described.shape[1]:
            blocks[name] = np.zeros((len(readable), described.shape[1]), dtype=np.float32)
            blocks[name][readable] = described
    return blocks, readable


def _all_small(images: Any, progress: bool) -> tuple[NDArray[np.uint8], BoolArray]:
    """The readable images, (n, 32, 32, 3), and which these are."""
    from tqdm.auto import tqdm

    readable = np.zeros(len(images), dtype=bool)
    pixels: list[NDArray[np.uint8]] = []
    rows = tqdm(range(len(images)), desc="images", disable=not progress, delay=1, leave=False)
    for row in rows:
        image = images[row]
        if hasattr(image, "convert"):
            readable[row] = True
            pixels.append(_small(image))
    return np.array(pixels, dtype=np.uint8).reshape(-1, SIDE, SIDE, 3), readable


def _described(pixels: NDArray[np.uint8], describe: Describe) -> FloatArray:
    """Descriptions of some images, which are looked at in batches."""
    starts = range(0, len(pixels), BATCH)
    return np.concatenate([describe(_scaled(pixels[at : at + BATCH])) for at in starts])


def _scaled(pixels: NDArray[np.uint8]) -> FloatArray:
    scaled: FloatArray = pixels.astype(np.float32) / np.float32(255.0)
    return scaled


def _leading(pixels: NDArray[np.uint8], describe: Describe, random_state: int) -> FloatArray:
    """The leading components of a description; what is constant says nothing."""
    n_images = len(pixels)
    some = np.linspace(0, n_images - 1, min(n_images, MAX_DESCRIBED)).astype(np.intp)
    seen = _described(pixels[np.unique(some)], describe)
    varying = np.flatnonzero(np.ptp(seen, axis=0) > EQUAL)
    size = min(COMPONENTS, len(seen) - 1, len(varying))
    if size < 1:
        return np.zeros((n_images, 0), dtype=np.float32)
    model = _components(seen[:, varying], size, random_state)
    del seen

    def reduced(batch: FloatArray) -> FloatArray:
        components: FloatArray = model.transform(describe(batch)[:, varying]).astype(np.float32)
        return components

    return _described(pixels, reduced)


def _small(image: Any) -> NDArray[np.uint8]:
    """The image in colour, 32 x 32 x 3; transparent parts are white."""
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
    return np.asarray(coloured, dtype=np.uint8)


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


def _edges(pixels: FloatArray, cell: int) -> FloatArray:
    """Histograms of gradient directions in square cells, normalised in blocks of four."""
    grey = np.pad(np.sqrt(_grey(pixels)), ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    down = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    strength = np.hypot(across, down)
    angle = (np.arctan2(down, across) % np.pi) / np.pi * DIRECTIONS
    lower = np.floor(angle).astype(np.intp)
    share = angle - lower
    n_images, cells = len(pixels), SIDE // cell
    histogram = np.zeros((n_images, cells, cells, DIRECTIONS), dtype=np.float32)
    for direction in range(DIRECTIONS):
        votes = strength * (
            (1 - share) * (lower % DIRECTIONS == direction)
            + share * ((lower + 1) % DIRECTIONS == direction)
        )
        tiles = votes.reshape(n_images, cells, cell, cells, cell)
        histogram[..., direction] = tiles.sum(axis=(2, 4))
    blocks = np.concatenate(
        [histogram[:, i : cells - 1 + i, j : cells - 1 + j] for i in (0, 1) for j in (0, 1)],
        axis=-1,
    )
    # A block without edges is noise: what is little for a cell grows with its area.
    little = 0.01 * (cell / COARSE) ** 4
    length = np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + little)
    flat: FloatArray = (blocks / length).reshape(n_images, -1)
    return flat


def _textures(pixels: NDArray[np.uint8], random_state: int) -> Describe:
    """How much of which typical patch each quarter of an image has, by Coates et al. (section 3).

    Patches are normalised in contrast and whitened; typical ones are the centres of k-means. A
    patch counts for the centres that are nearer than the mean one ("triangle" activation).
    """
    from sklearn.cluster import MiniBatchKMeans

    rng = np.random.default_rng(random_state)
    places, size = SIDE - PATCH + 1, min(SEEN_PATCHES, PATCHES_EACH * len(pixels) + WORDS)
    which = (rng.integers(0, n, size) for n in (len(pixels), places, places))
    seen = _contrast(_scaled(_patches(pixels)[tuple(which)].reshape(size, -1)))
    middle = seen.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(seen, rowvar=False))
    whiten = (axes / np.sqrt(np.maximum(spread, 0.0) + WHITENING) @ axes.T).astype(np.float32)
    model = MiniBatchKMeans(
        WORDS, n_init=1, batch_size=4096, max_iter=20, random_state=random_state
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # equal images have fewer patches than words
        learned = model.fit((seen - middle) @ whiten)
    words = learned.cluster_centers_.astype(np.float32)
    lengths = (words**2).sum(axis=1)

    def describe(some: FloatArray) -> FloatArray:
        patches = _patches(some)[:, ::STRIDE, ::STRIDE]
        n_images, rows, columns = patches.shape[:3]
        flat = (_contrast(patches.reshape(n_images * rows * columns, -1)) - middle) @ whiten
        squares = (flat**2).sum(axis=1, keepdims=True) - 2 * flat @ words.T + lengths
        far = np.sqrt(np.maximum(squares, 0.0))
        near = np.maximum(far.mean(axis=1, keepdims=True) - far, 0.0)
        near = near.reshape(n_images, rows, columns, WORDS)
        halves = [(slice(None, rows // 2), slice(rows // 2, None)) for _ in (0, 1)]
        quarters = [near[:, i, j].mean(axis=(1, 2)) for i in halves[0] for j in halves[1]]
        return np.hstack(quarters).astype(np.float32)

    return describe


def _patches(pixels: NDArray[Any]) -> NDArray[Any]:
    """Views of all squares of 6 x 6 pixels, (n, 27, 27, 3, 6, 6)."""
    return np.lib.stride_tricks.sliding_window_view(pixels, (PATCH, PATCH), axis=(1, 2))


def _contrast(patches: FloatArray) -> FloatArray:
    """Patches of the same mean and contrast, unless there is next to none."""
    level = patches - patches.mean(axis=1, keepdims=True)
    strength = np.sqrt((level**2).mean(axis=1, keepdims=True) + (LEAST_CONTRAST / 255.0) ** 2)
    normalised: FloatArray = level / strength
    return normalised


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
    block = block[:, block.max(axis=0) > block.min(axis=0)] if len(block) else block[:, :0]
    size = min(size, len(block) - 1, block.shape[1])
    if size < 1:
        return np.zeros((len(block), 0), dtype=np.float32)
    rows: IndexArray = np.unique(
        np.linspace(0, len(block) - 1, min(len(block), MAX_FITTED)).astype(np.intp)
    )
    model = _components(block[rows], size, random_state)
    reduced: FloatArray = model.transform(block).astype(np.float32)
    return reduced


def _components(rows: FloatArray, size: int, random_state: int) -> Any:
    from sklearn.decomposition import PCA

    return PCA(size, random_state=random_state).fit(rows)


def _even(block: FloatArray) -> FloatArray:
    """The block scaled to a total variance of 1."""
    around = float(block.var(axis=0).sum()) if block.shape[1] else 0.0
    return block / np.float32(np.sqrt(around)) if around > 0 else block
