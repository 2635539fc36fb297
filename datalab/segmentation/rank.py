"""How good the labels of each image and of each pixel are."""

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import (
    as_array,
    choice,
    finite_number,
    floats,
    jobs,
    pixel_arrays,
    unit_number,
    warn,
    whole_number,
)
from datalab._core.segmentation import TEMPERATURE, Images, image_softmin, pixel_scores
from datalab._typing import BoolArray, FloatArray, IndexArray
from datalab.exceptions import InputError, OptionError
from datalab.segmentation.filter import find_label_issues

__all__ = ["get_label_quality_scores", "issues_from_scores"]


def get_label_quality_scores(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    method: str = "softmin",
    batch_size: int | None = None,
    n_jobs: int | None = None,
    verbose: bool = True,
    temperature: float = TEMPERATURE,
    downsample: int = 1,
) -> tuple[FloatArray, FloatArray]:
    """How likely the labels of each image and of each pixel are right.

    Parameters
    ----------
    labels, pred_probs
        See `datalab.segmentation.filter.find_label_issues`.
    method : {"softmin", "num_pixel_issues"}
        Score of an image: a mean of its pixel scores that leans to the lowest, or the share of its
        pixels that `datalab.segmentation.filter.find_label_issues` does not flag.
    batch_size, n_jobs, verbose
        See `datalab.segmentation.filter.find_label_issues`.
    temperature : float
        For "softmin": towards 0 the result is the lowest score, towards infinity the mean.
    downsample : int
        For "num_pixel_issues"; see `datalab.segmentation.filter.find_label_issues`.

    Returns
    -------
    image_scores : ndarray of shape (N,)
        Scores in [0, 1], low = probably wrong.
    pixel_scores : ndarray of shape (N, H, W)
        Probability of the given label.

    Raises
    ------
    InputError
        Shapes that do not fit, values that are no classes or no probabilities, a temperature of 0.
    OptionError
        Unknown method.

    Notes
    -----
    O(N K H W) time; the pixel scores take one number per pixel.

    References
    ----------
    Lad, Mueller: Estimating label quality and errors in semantic segmentation data via any model,
    2023, arXiv:2307.05080.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.segmentation.rank import get_label_quality_scores
    >>> labels = np.array([[[0, 0], [1, 1]]])
    >>> p = np.array([[[0.9, 0.1], [0.2, 0.1]]])
    >>> image_scores, pixel_scores = get_label_quality_scores(labels, np.stack([p, 1 - p], axis=1))
    >>> image_scores.round(3), pixel_scores[0]
    (array([0.101]), array([[0.9, 0.1],
           [0.8, 0.9]]))
    """
    choice(method, ["softmin", "num_pixel_issues"], name="method", error=OptionError)
    if finite_number(temperature, name="temperature") == 0:
        raise InputError(
            f"`temperature` must not be 0, got {temperature!r}; for the lowest score give 1e-6"
        )
    jobs(n_jobs)
    given, found = pixel_arrays(labels, pred_probs)
    pixels = None if batch_size is None else whole_number(batch_size, name="batch_size", least=1)
    scores = pixel_scores(Images(given, found, pixels))
    if method == "softmin":
        if downsample != 1:
            warn("`downsample` is ignored with method='softmin', which scores every pixel")
        return image_softmin(scores, temperature), scores
    flags = find_label_issues(
        given, found, batch_size=batch_size, verbose=verbose, downsample=downsample
    )
    return 1.0 - flags.mean(axis=(1, 2)), scores


def issues_from_scores(
    image_scores: ArrayLike, pixel_scores: ArrayLike | None = None, threshold: float = 0.1
) -> IndexArray | BoolArray:
    """Images, or pixels, whose score is below `threshold`.

    Parameters
    ----------
    image_scores : array-like of shape (N,)
        Scores of the images.
    pixel_scores : array-like of shape (N, H, W), optional
        Scores of the pixels; if given, pixels are returned and not images.
    threshold : float
        In [0, 1]; scores below it are issues.

    Returns
    -------
    ndarray of int
        Positions of images, worst first, equal scores in order; or
    ndarray of bool, shape (N, H, W)
        True for pixels below the threshold, if `pixel_scores` are given.

    Raises
    ------
    InputError
        No scores, or a threshold outside [0, 1].

    Examples
    --------
    >>> from datalab.segmentation.rank import issues_from_scores
    >>> issues_from_scores([0.05, 0.3, 0.01])
    array([2, 0])
    >>> issues_from_scores([0.05], [[[0.05, 0.9]]])
    array([[[ True, False]]])
    """
    if image_scores is None:
        raise InputError("`image_scores` is None; give what get_label_quality_scores returns")
    cut = unit_number(threshold, name="threshold")
    if pixel_scores is not None:
        below: BoolArray = as_array(pixel_scores, name="pixel_scores") < cut
        return below
    scores = floats(as_array(image_scores, name="image_scores"), name="image_scores")
    order = np.argsort(scores, kind="stable")
    return order[scores[order] < cut]
