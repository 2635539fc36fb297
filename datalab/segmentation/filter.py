"""Which pixels have a wrong label."""

import logging

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import jobs, pixel_arrays, whole_number
from datalab._core.segmentation import Images, label_issues
from datalab._typing import BoolArray
from datalab.exceptions import InputError

__all__ = ["find_label_issues"]

_log = logging.getLogger("datalab")


def find_label_issues(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    batch_size: int | None = None,
    n_jobs: int | None = None,
    verbose: bool = True,
    downsample: int = 1,
) -> BoolArray:
    """Find the pixels whose given label is probably wrong.

    Parameters
    ----------
    labels : array-like of shape (N, H, W), int
        Given class 0..K-1 of each pixel.
    pred_probs : array-like of shape (N, K, H, W)
        Out-of-sample predicted probabilities in [0, 1]; channel k is class k. A memory map is
        read block by block.
    batch_size : int, optional
        Number of pixels in a block, by default what fits into the cache. The result does not
        depend on it.
    n_jobs : int, optional
        At least 1. Accepted for cleanlab's callers; the result does not depend on it.
    verbose : bool
        Log the number of issues (level INFO, logger ``datalab``).
    downsample : int
        Side of the squares of pixels that are averaged and judged as one; must divide H and W.

    Returns
    -------
    ndarray of bool, shape (N, H, W)
        True where the label is probably wrong.

    Raises
    ------
    InputError
        Shapes that do not fit, values that are no classes or no probabilities, H or W that
        `downsample` does not divide.
    OptionError
        `n_jobs` below 1.

    Notes
    -----
    Two passes over `pred_probs`, O(N K H W) time; memory for one number and two flags per pixel.
    The rule is that of `datalab.experimental.label_issues_batched`: as many pixels as have a
    confident most probable class other than their label, those with the lowest probability of the
    label. Squares get the mean probabilities and the rounded mean label; a pixel of a flagged
    square is flagged when its own most probable class is not its label.

    References
    ----------
    Lad, Mueller: Estimating label quality and errors in semantic segmentation data via any model,
    2023, arXiv:2307.05080.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.segmentation.filter import find_label_issues
    >>> labels = np.array([[[0, 0], [1, 1]]])
    >>> p = np.array([[[0.9, 0.1], [0.2, 0.1]]])
    >>> find_label_issues(labels, np.stack([p, 1 - p], axis=1))
    array([[[False,  True],
            [False, False]]])
    """
    jobs(n_jobs)
    given, found = pixel_arrays(labels, pred_probs)
    step = whole_number(downsample, name="downsample", least=1)
    height, width = given.shape[1:]
    if height % step or width % step:
        raise InputError(
            f"`downsample` is {step}, which does not divide the height {height} and the width "
            f"{width} of the images; downsample=1 always fits"
        )
    pixels = None if batch_size is None else whole_number(batch_size, name="batch_size", least=1)
    flags = label_issues(Images(given, found, pixels), step)
    if verbose:
        _log.info("pixels with label issues: %d of %d", np.count_nonzero(flags), flags.size)
    return flags
