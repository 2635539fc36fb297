"""What is measured of images, and the scores and comparisons made of it.

Every score lies in [0, 1] and low means severe. The scores of darkness, brightness, aspect ratio
and information are those of cleanvision; sharpness and size are measured anew, see
`edge_sharpness` and `size_scores`.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from datalab._core.blocks import each_block, row_blocks
from datalab._core.duplicate import Pairs, sets_of
from datalab._typing import BoolArray, FloatArray

__all__ = [
    "IMAGE_PROPERTIES",
    "IMAGE_SCORES",
    "PERCENTILES",
    "edge_sharpness",
    "edge_widths",
    "equal_pairs",
    "flag_below",
    "image_sizes",
    "is_plain",
    "measured",
    "members_of",
    "similar_pairs",
    "size_scores",
]

PERCENTILES = (1, 5, 10, 15, 90, 95, 99)

# One record per image.
IMAGE_PROPERTIES = np.dtype(
    [
        ("width", np.int32),
        ("height", np.int32),
        ("mode", "U8"),  # Pillow's name of the colour space
        ("is_grey", np.bool_),
        ("brightness", np.float64),  # mean; 0 is black, 1 is white
        *((f"brightness_perc_{p}", np.float64) for p in PERCENTILES),
        ("entropy", np.float64),  # bits per pixel
        ("sharpness", np.float64),  # see `edge_sharpness`; NaN without any edge
        ("grey_std", np.float64),  # of the counts of 256 grey levels among 4096 pixels
        ("pixels", np.uint64, (2,)),  # digest of all pixels: equal for equal pictures only
        ("coarse_hash", np.uint64),  # perceptual hashes of 64 and of 256 bits
        ("fine_hash", np.uint64, (4,)),
        ("mean_hash", np.uint64, (4,)),  # what is brighter than the mean, 256 bits
    ]
)

# Share of red, green and blue in the brightness a person sees (HSP colour model).
PERCEIVED = np.array([0.241, 0.691, 0.068], dtype=np.float32)
# Channels that differ by less carry no colour: rounding, and what JPEG leaves of grey.
GREY_LEVELS = 4
# The counts of grey levels are told for an image of 64 x 64 pixels.
STANDARD_PIXELS = 4096

# An edge is looked at within so many pixels; steps of fewer grey levels are rounding.
EDGE_WINDOW, LEAST_LEVELS = 10, 3
# The contrast of an edge, at least so large a part of the strongest in the image.
STRONG_EDGE = 0.5
# The sharpest edges are those in the highest hundredth (the very highest is one pixel).
SHARPEST = 99

# Where more images are flagged than is plausible, an image must have less than this share of the
# typical (median) score.
RELATIVE = 0.6
# Sizes are told apart when they differ by more than a fifth, whatever their spread is.
LEAST_SPREAD = math.log(1.2)
# The members of larger sets of copies do not all list each other.
LISTED_SET = 100

Score = Callable[[NDArray[np.void]], FloatArray]


# --- one image ------------------------------------------------------------------------------------


def measured(pixels: NDArray[np.uint8]) -> dict[str, float | bool]:
    """What is measured of the pixels of one image.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W) or (H, W, 3)
        Grey, or red, green and blue.

    Returns
    -------
    dict
        Fields of `IMAGE_PROPERTIES`: brightness, entropy, sharpness and whether there is colour.

    Notes
    -----
    O(H W) time, some ten times the memory of the pixels.
    """
    planes = pixels.reshape(pixels.shape[0] * pixels.shape[1], -1)
    if planes.shape[1] == 1:
        is_grey, brightness = True, planes[:, 0] / np.float32(255)
    else:
        red, green, blue = planes.T
        most = np.maximum(np.maximum(red, green), blue)
        is_grey = bool((most - np.minimum(np.minimum(red, green), blue)).max() <= GREY_LEVELS)
        brightness = np.sqrt(planes.astype(np.float32) ** 2 @ PERCEIVED) / np.float32(255)
    levels = np.rint(brightness * 255)
    counts = np.bincount(levels.astype(np.intp), minlength=256)
    percentiles = np.interp(
        np.array(PERCENTILES) / 100 * (len(planes) - 1), np.arange(len(planes)), np.sort(brightness)
    )
    return {
        "is_grey": is_grey,
        "brightness": float(brightness.mean(dtype=np.float64)),
        **{f"brightness_perc_{p}": float(v) for p, v in zip(PERCENTILES, percentiles, strict=True)},
        "entropy": max(_entropy(channel) for channel in planes.T),
        "sharpness": edge_sharpness(levels.reshape(pixels.shape[:2])),
        "grey_std": float((counts * (STANDARD_PIXELS / len(planes))).std()),
    }


def _entropy(levels: NDArray[np.uint8]) -> float:
    """Bits per pixel of a channel: 0 when all are equal, at most 8."""
    counts = np.bincount(levels)
    shares = counts[counts > 0] / len(levels)
    return float(max(0.0, -(shares * np.log2(shares)).sum()))


def edge_sharpness(grey: FloatArray) -> float:
    """How sharp the sharpest of the strong edges are: 1 is a step from one pixel to the next.

    The step between two neighbours as a share of the contrast within ten pixels, over all places
    whose contrast is at least half of the strongest in the image; of these steps the 99th
    percentile. Its inverse is the width of the sharpest edges in pixels.

    Parameters
    ----------
    grey : ndarray of float, shape (H, W)
        Grey levels from 0 to 255.

    Returns
    -------
    float
        From 0 to 1; NaN without any edge (a uniform image). Blurring by a Gaussian of sigma pixels
        leaves about 1 / (sigma sqrt(2 pi)), and not less than a ninth, whatever the image shows;
        contrast and a smooth background do not count.

    Notes
    -----
    Edge width as measure of blur is due to [1]_. Three pixels along an edge are averaged, so that
    noise is no edge. O(H W).

    References
    ----------
    .. [1] P. Marziliano et al.: A no-reference perceptual blur metric, ICIP 2002.

    Examples
    --------
    >>> step = np.repeat([[0.0, 200.0]], 8, axis=1).repeat(8, axis=0)
    >>> ramp = np.tile(np.arange(24) * 8.0, (8, 1))
    >>> round(edge_sharpness(step), 2), round(edge_sharpness(ramp), 2)
    (1.0, 0.11)
    """
    step, contrast = (
        np.concatenate(part) for part in zip(_edges(grey), _edges(grey.T), strict=True)
    )
    if not len(contrast):
        return math.nan
    strong = contrast >= max(LEAST_LEVELS, STRONG_EDGE * _sharpest(contrast))
    return _sharpest(step[strong] / contrast[strong]) if strong.any() else math.nan


def _edges(grey: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Steps between neighbours in a column, and the contrast of the ten pixels around each.

    Where an image has room, only places whose window lies inside count.
    """
    padded = np.pad(grey, ((0, 0), (1, 1)), mode="edge")
    along = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3
    half = EDGE_WINDOW // 2 - 1
    step = np.abs(np.diff(along, axis=0))
    if len(grey) >= 2 * EDGE_WINDOW:
        step = step[half:-half]
    else:
        along = np.pad(along, ((half, half), (0, 0)), mode="edge")
    if not len(step):
        return step.ravel(), step.ravel()
    contrast = _running(np.maximum, along) - _running(np.minimum, along)
    return step.ravel(), contrast.ravel()


def _running(extreme: Callable[..., FloatArray], values: FloatArray) -> FloatArray:
    """The extreme of every ten consecutive rows: of two, of four, of eight, and two more."""
    two = extreme(values[:-1], values[1:])
    four = extreme(two[:-2], two[2:])
    eight = extreme(four[:-4], four[4:])
    return extreme(eight[:-2], two[8:])


def _sharpest(values: FloatArray) -> float:
    """The 99th percentile."""
    at = (len(values) - 1) * SHARPEST // 100
    return float(np.partition(values, at)[at])


# --- all images -----------------------------------------------------------------------------------


def darkness_scores(properties: NDArray[np.void]) -> FloatArray:
    """Brightness of the brightest hundredth of the pixels."""
    return _unit(properties["brightness_perc_99"])


def lightness_scores(properties: NDArray[np.void]) -> FloatArray:
    """How far the darkest twentieth of the pixels is from white."""
    return _unit(1.0 - properties["brightness_perc_5"])


def information_scores(properties: NDArray[np.void], normalizing_factor: float = 0.1) -> FloatArray:
    """Bits per pixel times a factor."""
    return _unit(properties["entropy"] * normalizing_factor)


def aspect_scores(properties: NDArray[np.void]) -> FloatArray:
    """The shorter side divided by the longer one."""
    width, height = properties["width"], properties["height"]
    return _unit(np.minimum(width, height) / np.maximum(np.maximum(width, height), 1))


def size_scores(properties: NDArray[np.void], iqr_factor: float = 3.0) -> FloatArray:
    """1 for the typical size, 0.5 at the fences, 0 at twice their distance.

    The size is the square root of the area; sizes are compared by their ratio (in logarithms).
    The fences lie `iqr_factor` times the distance of the quartiles beyond the quartiles, and
    never closer than a factor of 1.2.

    References
    ----------
    J. W. Tukey: Exploratory Data Analysis (1977), outer fences.
    """
    log_size = np.log(np.maximum(image_sizes(properties), 1.0))
    if not len(log_size):
        return log_size
    low, high = np.percentile(log_size, [25, 75])
    reach = np.maximum((0.5 + iqr_factor) * (high - low), LEAST_SPREAD)
    middle = (low + high) / 2
    return _unit(1.0 - 0.5 * np.abs(log_size - middle) / reach)


def sharpness_scores(properties: NDArray[np.void], normalizing_factor: float = 0.01) -> FloatArray:
    """1 - exp(-factor times the sharpness in percent); 1 for images without any edge."""
    sharpness = 100.0 * properties["sharpness"]
    return np.where(np.isnan(sharpness), 1.0, -np.expm1(-normalizing_factor * sharpness))


def edge_widths(properties: NDArray[np.void]) -> NDArray[np.float64]:
    """The width of the sharpest edges in pixels, at most 100; NaN without any edge."""
    widths: NDArray[np.float64] = 1.0 / np.maximum(properties["sharpness"], 0.01)
    return widths


def colour_scores(properties: NDArray[np.void]) -> FloatArray:
    """0 for grey images, 1 for others and for those so plain that nobody could tell.

    A picture stored in grey is grey; one stored in colour is when its channels are equal.
    """
    stored_grey = np.isin(properties["mode"], ("1", "L", "LA", "La", "I", "I;16", "F"))
    return 1.0 - (properties["is_grey"] & (stored_grey | ~is_plain(properties)))


def is_plain(properties: NDArray[np.void]) -> BoolArray:
    """Which images show nothing: all of their pixels within eight grey levels."""
    plain: BoolArray = properties["brightness_perc_99"] - properties["brightness_perc_1"] < 8 / 255
    return plain


def image_sizes(properties: NDArray[np.void]) -> NDArray[np.float64]:
    """The square root of the area in pixels."""
    area = properties["width"].astype(np.float64) * properties["height"]
    size: NDArray[np.float64] = np.sqrt(area)
    return size


def _unit(values: FloatArray) -> FloatArray:
    return np.clip(values, 0.0, 1.0)


# The scores of the image checks with their default parameters.
IMAGE_SCORES: Mapping[str, Score] = {
    "dark": darkness_scores,
    "light": lightness_scores,
    "low_information": information_scores,
    "odd_aspect_ratio": aspect_scores,
    "odd_size": size_scores,
    "grayscale": colour_scores,
    "blurry": sharpness_scores,
}


def flag_below(
    scores: FloatArray, threshold: float, max_prevalence: float
) -> tuple[BoolArray, float]:
    """Images with a score below the threshold, and the cut that was applied.

    When these are more than `max_prevalence` of all images, it is how the images of this data set
    look: then only those are flagged that have less than 0.6 times the typical (median) score as
    well.

    Examples
    --------
    >>> photos = np.array([0.1, *[0.9] * 19])
    >>> flag_below(photos, 0.3, 0.1)[0].sum(), flag_below(photos / 4, 0.3, 0.1)[0].sum()
    (np.int64(1), np.int64(1))
    """
    flags = scores < threshold
    if not len(flags) or flags.mean() <= max_prevalence:
        return flags, threshold
    cut = min(threshold, RELATIVE * float(np.median(scores)))
    return scores < cut, cut


# --- copies ---------------------------------------------------------------------------------------


def equal_pairs(properties: NDArray[np.void]) -> Pairs:
    """Pairs of images with equal pixels, in both directions: each with the first of its set.

    O(N log N).
    """
    _, first, which = np.unique(
        properties["pixels"], axis=0, return_index=True, return_inverse=True
    )
    original = first[which.ravel()]
    copy = np.flatnonzero(original != np.arange(len(properties)))
    return _both_ways(original[copy], copy, np.zeros(len(copy)))


def similar_pairs(properties: NDArray[np.void], share: float) -> Pairs:
    """Pairs of images that look alike, in both directions: few bits of their hashes differ.

    Equal images are in it where another one looks like them; plain images never are.

    Parameters
    ----------
    properties : structured ndarray, shape (N,)
    share : float
        The share of bits that may differ in either perceptual hash; in the hash of what is brighter
        than the mean half as many again.

    Returns
    -------
    Pairs
        ``length`` is the share of different bits of the finer hash, at most 0.5.

    Notes
    -----
    The perceptual hashes tell which of the lowest frequencies are strong, not where: pictures of
    few frequencies (stripes) are told apart by the third hash. O(N^2) comparisons of 64 bits, some
    10^9 a second on one core, in blocks of bounded memory.
    """
    shown = np.flatnonzero(~is_plain(properties))
    _, first = np.unique(properties["pixels"][shown], axis=0, return_index=True)
    rows = shown[np.sort(first)]
    coarse = properties["coarse_hash"][rows]
    fine, mean = properties["fine_hash"][rows], properties["mean_hash"][rows]

    def compare(block: slice) -> NDArray[np.intp]:
        """Pairs of a row of the block with a later one, and in how many bits they differ."""
        start = block.start
        apart = np.bitwise_count(coarse[block, None] ^ coarse[None, start:])
        left, right = np.nonzero(apart <= 64 * share)
        left, right = left[left < right] + start, right[left < right] + start
        bits = _different_bits(fine[left], fine[right])
        alike = bits <= 256 * share
        alike &= _different_bits(mean[left], mean[right]) <= 1.5 * 256 * share
        return np.stack([left, right, bits])[:, alike]

    found = each_block(compare, row_blocks(len(rows), 9 * len(rows)))
    left, right, bits = np.concatenate(found, axis=1)
    similar = _both_ways(rows[left], rows[right], np.minimum(bits / 256, 0.5))
    return _with_copies(similar, equal_pairs(properties))


def _different_bits(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.intp]:
    bits: NDArray[np.intp] = np.bitwise_count(one ^ other).sum(axis=1, dtype=np.intp)
    return bits


def _with_copies(similar: Pairs, equal: Pairs) -> Pairs:
    """Pairs of similar images, and the copies of these images."""
    known = np.isin(equal.left, similar.left) | np.isin(equal.right, similar.left)
    return Pairs(
        np.concatenate([similar.left, equal.left[known]]),
        np.concatenate([similar.right, equal.right[known]]),
        np.concatenate([similar.length, equal.length[known]]),
    )


def _both_ways(
    left: NDArray[np.intp], right: NDArray[np.intp], length: NDArray[np.float64]
) -> Pairs:
    """Each pair in both directions, by row and then from near to far."""
    one, other = np.concatenate([left, right]), np.concatenate([right, left])
    both = np.concatenate([length, length])
    order = np.lexsort((other, both, one))
    return Pairs(one[order], other[order], both[order])


def members_of(pairs: Pairs, ids: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """The other images of the set of each row; of huge sets only those paired with it."""
    sizes = np.bincount(ids + 1)
    sizes[0] = 0
    sets = sets_of(pairs, len(ids))
    order = np.argsort(ids, kind="stable")
    ends = np.cumsum(np.bincount(ids + 1))
    for number in np.flatnonzero((sizes > 2) & (sizes <= LISTED_SET)):
        members = order[ends[number] - sizes[number] : ends[number]]
        for row in members:
            sets[row] = members[members != row]
    return sets
