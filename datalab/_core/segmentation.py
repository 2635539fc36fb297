"""Labels of pixels: every pixel is an example, whole images are scored by their worst pixels.

Lad, Mueller: Estimating label quality and errors in semantic segmentation data via any model,
ICML workshop on data-centric machine learning research, 2023 (arXiv:2307.05080): softmin over the
pixels, and the share of pixels that are flagged.

Images are read in blocks of rows, from arrays or memory maps, and checked when they are read. What
comes out does not depend on where the blocks begin.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from datalab._check import class_codes, labels_and_probs, unit_interval
from datalab._core.blocks import BLOCK_BYTES, each_block, row_blocks
from datalab._core.count import EPS, class_sums, given_probs
from datalab._core.filter import lowest
from datalab._core.label_issues_batched import thresholds_by_sums
from datalab._core.pooling import COLDEST
from datalab._typing import BoolArray, Codes, FloatArray, Probs
from datalab.exceptions import InputError

__all__ = [
    "TEMPERATURE",
    "Images",
    "confusion",
    "image_softmin",
    "label_issues",
    "of_class",
    "pixel_scores",
]

TEMPERATURE = 0.1
# A block of fewer pixels would spend more time on being called than on its numbers.
FEWEST_PIXELS = 1 << 12

Result = TypeVar("Result")


class Images(NamedTuple):
    """Labelled images and how to cut them.

    Parameters
    ----------
    labels : ndarray of shape (N, H, W), int
    pred_probs : ndarray of shape (N, K, H, W)
    pixels_per_block : int, optional
        By default what fits into the cache.
    """

    labels: NDArray[Any]
    pred_probs: NDArray[Any]
    pixels_per_block: int | None = None

    @property
    def score_type(self) -> np.dtype[Any]:
        """Kind of number of a score: float32 or float64."""
        return np.result_type(self.pred_probs.dtype, np.float32)

    def each(self, function: Callable[[int, slice], Result], step: int = 1) -> list[Result]:
        """Results of `function(image, rows)` for every block, in order.

        A block is a band of rows of one image, a multiple of `step` high.
        """
        n_images, n_classes, height, width = self.pred_probs.shape
        fitting = max(FEWEST_PIXELS, BLOCK_BYTES // (n_classes * self.pred_probs.itemsize))
        pixels = self.pixels_per_block or fitting
        bands = row_blocks(height // step, width * step, pixels)
        places = row_blocks(n_images * len(bands), row_bytes=1, block_bytes=1)

        def call(place: slice) -> Result:
            image, band = divmod(place.start, len(bands))
            return function(image, slice(bands[band].start * step, bands[band].stop * step))

        return each_block(call, places) if n_images else []

    def read(self, image: int, rows: slice, step: int = 1) -> tuple[Codes, Probs]:
        """Labels (pixels,) and probabilities (pixels, K) of a block, without a copy if possible.

        With a `step`, of squares of step × step pixels: their mean probabilities, and their mean
        label, rounded (halves to the even number).

        Raises
        ------
        InputError
            Labels that are no classes, or numbers that are no probabilities.
        """
        labels, probs = self.labels[image, rows], self.pred_probs[image, :, rows]
        if step > 1:
            labels = np.rint(_squares(labels, step).mean(axis=(-3, -1)))
            probs = _squares(probs, step).mean(axis=(-3, -1))
        try:
            return labels_and_probs(labels.reshape(-1), probs.reshape(len(probs), -1).T)
        except InputError as error:
            raise InputError(
                f"in image {image}, pixels counted from line {rows.start}: {error}"
            ) from error


def _squares(values: NDArray[Any], step: int) -> NDArray[Any]:
    """The last two axes (H, W) cut into (H / step, step, W / step, step)."""
    *rest, height, width = values.shape
    return values.reshape(*rest, height // step, step, width // step, step)


# --- issues ----------------------------------------------------------------------------------


def label_issues(images: Images, step: int = 1) -> BoolArray:
    """Mask of the pixels whose label is probably wrong, shape (N, H, W).

    The rule is that of `datalab._core.label_issues_batched`: as many pixels are taken as
    have a confident most probable class other than their label, those with the lowest probability
    of their label; the issues are those whose most probable class is not their label. With a
    `step` squares of step × step pixels are taken, and all pixels in them.
    """
    n_images, n_classes, height, width = images.pred_probs.shape
    scores = np.empty((n_images, height // step, width // step), images.score_type)
    differs = np.empty((n_images, height, width), dtype=bool)
    sums = images.each(lambda image, rows: class_sums(*images.read(image, rows, step)), step)
    thresholds = thresholds_by_sums(sum(sums, start=np.zeros((3, n_classes))))

    def judge(image: int, rows: slice) -> int:
        labels, probs = images.read(image, rows, step)
        other, confident = _seen_elsewhere(labels, probs, thresholds)
        part = scores[image, rows.start // step : rows.stop // step]
        part[:] = given_probs(labels, probs).reshape(part.shape)
        if step > 1:
            other, _ = _seen_elsewhere(*images.read(image, rows), thresholds)
        differs[image, rows] = other.reshape(-1, width)
        return confident

    number = sum(images.each(judge, step))
    taken = lowest(scores.reshape(-1), number, fixed=True).reshape(scores.shape)
    return differs & taken.repeat(step, axis=1).repeat(step, axis=2)


def _seen_elsewhere(
    labels: Codes, pred_probs: Probs, thresholds: FloatArray
) -> tuple[BoolArray, int]:
    """Whether the most probable class is another one, shape (pixels,), and how often confidently.

    Of equally probable classes the first one counts, as in `confident_argmaxes`; but channels lie
    one after the other in memory, so that a maximum over them is cheap and an argmax is not.
    """
    top = pred_probs.max(axis=1)
    differs = given_probs(labels, pred_probs) < top
    if np.count_nonzero(pred_probs == top[:, np.newaxis]) > len(top):
        differs = pred_probs.argmax(axis=1) != labels
    at = np.flatnonzero(differs)
    best = pred_probs[at].argmax(axis=1)
    return differs, int(np.count_nonzero(top[at] >= thresholds[best] - EPS))


def of_class(images: Images, issues: BoolArray, k: int) -> BoolArray:
    """The issues whose given or most probable class is k, shape (N, H, W)."""
    kept = np.zeros(issues.shape, dtype=bool)

    def keep(image: int, rows: slice) -> None:
        labels, probs = images.read(image, rows)
        at = np.flatnonzero(issues[image, rows])
        named = (labels[at] == k) | (probs[at].argmax(axis=1) == k)
        kept[image, rows].reshape(-1)[at[named]] = True  # rows of one image: a view

    images.each(keep)
    return kept


def confusion(images: Images, issues: BoolArray) -> NDArray[np.int64]:
    """Number of issues of each (given class, most probable class), shape (K, K)."""
    n_classes = images.pred_probs.shape[1]

    def count(image: int, rows: slice) -> NDArray[np.int64]:
        labels, probs = images.read(image, rows)
        at = np.flatnonzero(issues[image, rows])
        cell: NDArray[np.int64] = labels[at] * n_classes + probs[at].argmax(axis=1)
        return cell

    cells = np.concatenate([np.empty(0, dtype=np.int64), *images.each(count)])
    counts: NDArray[np.int64] = np.bincount(cells, minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes)


# --- scores ----------------------------------------------------------------------------------


def pixel_scores(images: Images) -> FloatArray:
    """Probability of the given label of each pixel, shape (N, H, W)."""
    labels, probs = images.labels, images.pred_probs
    scores = np.empty(labels.shape, images.score_type)

    def score(image: int, rows: slice) -> None:
        given = labels[image, rows]
        codes = class_codes(given.reshape(-1)).reshape(given.shape)
        try:
            found = np.take_along_axis(probs[image, :, rows], codes[np.newaxis], axis=0)
        except IndexError as error:
            raise InputError(
                f"`labels` of image {image} goes up to {int(codes.max())} but `pred_probs` has "
                f"{probs.shape[1]} classes; give one channel per class"
            ) from error
        scores[image, rows] = unit_interval(found[0], name="pred_probs")

    images.each(score)
    return scores


def image_softmin(scores: FloatArray, temperature: float) -> FloatArray:
    """Softmin of the pixel scores of each image, shape (N,); see `datalab._core.pooling`."""
    n_images, height, width = scores.shape
    by_image, pooled = scores.reshape(n_images, height * width), np.empty(n_images)

    def pool(chosen: slice) -> None:
        part = by_image[chosen].astype(np.float64)
        low = part.min(axis=1)
        above = part - low[:, np.newaxis]
        weights = np.exp(-above / max(temperature, COLDEST))
        pooled[chosen] = low + (weights * above).sum(axis=1) / weights.sum(axis=1)

    each_block(pool, row_blocks(n_images, height * width * scores.dtype.itemsize))
    return pooled
