"""How good the annotation of each image is, from its annotated and predicted boxes."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import as_array, floats, listing, unit_number
from datalab._core import object_detection as core
from datalab._ragged import boxes, offsets_of, split
from datalab._typing import FloatArray, IndexArray
from datalab.exceptions import InputError

__all__ = [
    "compute_badloc_box_scores",
    "compute_overlooked_box_scores",
    "compute_swap_box_scores",
    "get_label_quality_scores",
    "issues_from_scores",
    "pool_box_scores_per_image",
]

logger = logging.getLogger("datalab")


def get_label_quality_scores(
    labels: Sequence[Mapping[str, Any]],
    predictions: Sequence[Sequence[ArrayLike]],
    *,
    aggregation_weights: Mapping[str, float] | None = None,
    overlapping_label_check: bool = True,
    verbose: bool = True,
) -> FloatArray:
    """Quality of the annotation of each image, low = probably wrong.

    Parameters
    ----------
    labels : sequence of N mappings
        Per image ``{"bboxes": array (L, 4), "labels": array (L,)}``: corners x1, y1, x2, y2 in
        pixels and classes 0..K-1. L may differ between images and may be 0.
    predictions : sequence of N sequences of K arrays
        Per image and class an array (P, 5): x1, y1, x2, y2, probability in [0, 1]. Give all
        predictions of the model, without a threshold.
    aggregation_weights : mapping of str to float, optional
        Weights of ``"overlooked"``, ``"swap"`` and ``"badloc"``, not negative, sum 1. Default:
        1/3 each.
    overlapping_label_check : bool
        Whether two annotations of different classes in the same place count as an error.
    verbose : bool
        Log what was read (level INFO, logger ``datalab``).

    Returns
    -------
    ndarray of shape (N,)
        Scores in [0, 1]: the weighted geometric mean of the three pooled box scores.

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width, or weights that do not sum to 1.

    See Also
    --------
    datalab.object_detection.filter.find_label_issues : which images to look at.

    Notes
    -----
    Time O(sum over images of L × P), memory O(boxes).

    References
    ----------
    Tkachenko, Thyagarajan, Mueller: ObjectLab, 2023, arXiv:2309.00832, section 3.

    Examples
    --------
    >>> from datalab.object_detection.rank import get_label_quality_scores
    >>> cat, dog = [0, 0, 10, 10], [40, 0, 60, 9]
    >>> labels = [{"bboxes": [cat, dog], "labels": [0, 1]}] * 2
    >>> right = [[[*cat, 0.99]], [[*dog, 0.98]]]
    >>> swapped = [[[*dog, 0.98]], [[*cat, 0.99]]]
    >>> get_label_quality_scores(labels, [right, swapped]).round(2)
    array([1. , 0.1])
    """
    weights = _checked_weights(aggregation_weights)
    annotated, predicted, _ = boxes(labels, predictions)
    if verbose:
        _log_sizes(annotated.offsets, predicted.offsets)
    scores = core.box_scores(annotated, predicted, overlapping_label_check=overlapping_label_check)
    return core.image_scores(scores, annotated, predicted, weights)


def _checked_weights(weights: Mapping[str, float] | None) -> Mapping[str, float]:
    if weights is None:
        return core.EQUAL_WEIGHTS
    if not isinstance(weights, Mapping) or not set(core.EQUAL_WEIGHTS) <= set(weights):
        raise InputError(
            "`aggregation_weights` must be a dict with the keys 'overlooked', 'swap' and 'badloc', "
            f"got {weights!r}"
        )
    values = np.array(list(weights.values()), dtype=np.float64)
    if not (values >= 0).all() or not np.isclose(values.sum(), 1.0):
        raise InputError(
            f"`aggregation_weights` must not be negative and must sum to 1, got {dict(weights)}"
        )
    return weights


def _log_sizes(annotated: IndexArray, predicted: IndexArray) -> None:
    sizes = len(annotated) - 1, int(annotated[-1]), int(predicted[-1])
    logger.info("%d images with %d annotated and %d predicted boxes", *sizes)


def issues_from_scores(label_quality_scores: ArrayLike, *, threshold: float = 0.1) -> IndexArray:
    """Images whose score is at most `threshold`, worst first.

    Parameters
    ----------
    label_quality_scores : array-like of shape (N,)
        What `get_label_quality_scores` returns.
    threshold : float
        At most 1.

    Returns
    -------
    ndarray of int
        Positions of images; of equal scores the lower position comes first.

    Raises
    ------
    InputError
        `threshold` above 1, or scores that are not a flat list of numbers.

    Examples
    --------
    >>> from datalab.object_detection.rank import issues_from_scores
    >>> issues_from_scores([0.9, 0.1, 0.02], threshold=0.1)
    array([2, 1])
    """
    scores = floats(
        as_array(label_quality_scores, name="label_quality_scores"), name="label_quality_scores"
    )
    if scores.ndim != 1:
        raise InputError(
            f"`label_quality_scores` must have shape (N,), one score per image, got {scores.shape}"
        )
    if not threshold <= 1.0:
        raise InputError(f"`threshold` is a score and must be at most 1, got {threshold!r}")
    order = np.argsort(scores, kind="stable")
    return order[scores[order] <= threshold]


def compute_overlooked_box_scores(
    *,
    labels: Sequence[Mapping[str, Any]] | None = None,
    predictions: Sequence[Sequence[ArrayLike]] | None = None,
    alpha: float | None = None,
    high_probability_threshold: float | None = None,
    auxiliary_inputs: Sequence[Mapping[str, Any]] | None = None,
) -> list[FloatArray]:
    """Whether a confidently predicted object was left out by the annotator, per predicted box.

    Parameters
    ----------
    labels, predictions
        As in `get_label_quality_scores`.
    alpha : float, optional
        Share of the overlap (IoU) in the similarity of two boxes, in [0, 1]; the rest is nearness
        of the centres, exp(-distance / 10 pixels). Default: 0.9.
    high_probability_threshold : float, optional
        Predictions below it accuse nobody. Default: 0.95.
    auxiliary_inputs : sequence of N mappings, optional
        In place of `labels` and `predictions`, flat boxes per image: ``lab_bboxes``,
        ``lab_labels``, ``pred_bboxes``, ``pred_labels``, ``pred_label_probs``.

    Returns
    -------
    list of N ndarrays of shape (P,)
        In the order of the predictions, class by class. NaN where the question does not arise: the
        probability is low, or the box overlaps an annotation. Otherwise the similarity to the
        nearest annotation of its class; if the image has none, the smallest similarity of the
        data set times (1 - probability).

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width, or options outside [0, 1].

    References
    ----------
    Tkachenko, Thyagarajan, Mueller: ObjectLab, 2023, arXiv:2309.00832, section 3.1.

    Examples
    --------
    >>> from datalab.object_detection.rank import compute_overlooked_box_scores
    >>> labels = [{"bboxes": [[0, 0, 10, 10]], "labels": [0]}]
    >>> predictions = [[[[0, 0, 10, 10, 0.99], [30, 0, 40, 10, 0.98]]]]
    >>> [scores.round(3) for scores in compute_overlooked_box_scores(
    ...     labels=labels, predictions=predictions)]
    [array([  nan, 0.005])]
    """
    high = _option(high_probability_threshold, core.HIGH_PROBABILITY, "high_probability_threshold")
    annotated, predicted, _ = boxes(labels, predictions, auxiliary_inputs)
    matches = core.match(annotated, predicted, alpha=_option(alpha, core.ALPHA, "alpha"))
    return split(core.overlooked_scores(matches, predicted, high), predicted.offsets)


def compute_badloc_box_scores(
    *,
    labels: Sequence[Mapping[str, Any]] | None = None,
    predictions: Sequence[Sequence[ArrayLike]] | None = None,
    alpha: float | None = None,
    low_probability_threshold: float | None = None,
    auxiliary_inputs: Sequence[Mapping[str, Any]] | None = None,
) -> list[FloatArray]:
    """How well each annotated box is placed.

    Parameters
    ----------
    labels, predictions, alpha
        As in `compute_overlooked_box_scores`.
    low_probability_threshold : float, optional
        Only predictions above it are compared with. Default: 0.5.
    auxiliary_inputs
        As in `compute_overlooked_box_scores`.

    Returns
    -------
    list of N ndarrays of shape (L,)
        Similarity to the most similar overlapping prediction of the same class; 1 if there is
        none.

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width, or options outside [0, 1].

    References
    ----------
    Tkachenko, Thyagarajan, Mueller: ObjectLab, 2023, arXiv:2309.00832, section 3.2.

    Examples
    --------
    >>> from datalab.object_detection.rank import compute_badloc_box_scores
    >>> labels = [{"bboxes": [[0, 0, 10, 10]], "labels": [0]}]
    >>> predictions = [[[[5, 0, 15, 10, 0.9]]]]
    >>> [scores.round(3) for scores in compute_badloc_box_scores(
    ...     labels=labels, predictions=predictions)]
    [array([0.361])]
    """
    low = _option(low_probability_threshold, core.LOW_PROBABILITY, "low_probability_threshold")
    annotated, predicted, _ = boxes(labels, predictions, auxiliary_inputs)
    matches = core.match(annotated, predicted, alpha=_option(alpha, core.ALPHA, "alpha"), low=low)
    return split(core.badloc_scores(matches), annotated.offsets)


def compute_swap_box_scores(
    *,
    labels: Sequence[Mapping[str, Any]] | None = None,
    predictions: Sequence[Sequence[ArrayLike]] | None = None,
    alpha: float | None = None,
    high_probability_threshold: float | None = None,
    overlapping_label_check: bool = True,
    auxiliary_inputs: Sequence[Mapping[str, Any]] | None = None,
) -> list[FloatArray]:
    """Whether each annotated box has the right class.

    Parameters
    ----------
    labels, predictions, alpha
        As in `compute_overlooked_box_scores`.
    high_probability_threshold : float, optional
        Only predictions above it accuse an annotation. Default: 0.95.
    overlapping_label_check : bool
        Whether annotations of different classes in the same place (IoU >= 0.95) get the smallest
        similarity of the data set.
    auxiliary_inputs
        As in `compute_overlooked_box_scores`.

    Returns
    -------
    list of N ndarrays of shape (L,)
        1 - similarity to the most similar confident prediction of another class, at least the
        smallest similarity of the data set; 1 if there is no such prediction.

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width, or options outside [0, 1].

    References
    ----------
    Tkachenko, Thyagarajan, Mueller: ObjectLab, 2023, arXiv:2309.00832, section 3.3.

    Examples
    --------
    >>> from datalab.object_detection.rank import compute_swap_box_scores
    >>> labels = [{"bboxes": [[0, 0, 10, 10]], "labels": [0]}]
    >>> predictions = [[[], [[5, 0, 15, 10, 0.99]]]]
    >>> [scores.round(3) for scores in compute_swap_box_scores(
    ...     labels=labels, predictions=predictions)]
    [array([0.639])]
    """
    high = _option(high_probability_threshold, core.HIGH_PROBABILITY, "high_probability_threshold")
    annotated, predicted, _ = boxes(labels, predictions, auxiliary_inputs)
    matches = core.match(annotated, predicted, alpha=_option(alpha, core.ALPHA, "alpha"), high=high)
    scores = core.swap_scores(matches, annotated, overlapping_label_check=overlapping_label_check)
    return split(scores, annotated.offsets)


def pool_box_scores_per_image(
    box_scores: Sequence[ArrayLike], *, temperature: float | None = None
) -> FloatArray:
    """One score per image: the softmin of the scores of its boxes.

    Parameters
    ----------
    box_scores : sequence of N array-likes of shape (n,)
        Scores of the boxes of each image; NaN is left out.
    temperature : float, optional
        Towards 0 the result is the lowest score, towards infinity the mean. Default: 0.1.

    Returns
    -------
    ndarray of shape (N,)
        1 for an image without scores.

    Raises
    ------
    InputError
        An entry that is not a flat list of numbers.

    Examples
    --------
    >>> from datalab.object_detection.rank import pool_box_scores_per_image
    >>> pool_box_scores_per_image([[0.1, 0.5], [0.3, float("nan")], []]).round(3)
    array([0.107, 0.3 , 1.   ])
    """
    arrays = [as_array(scores, name="box_scores[…]") for scores in box_scores]
    wrong = [array.shape for array in arrays if array.ndim != 1]
    if wrong:
        raise InputError(
            "`box_scores` must be a list with one flat array per image, got arrays of shapes "
            f"{listing(wrong)}"
        )
    flat = np.concatenate([np.empty(0), *arrays])
    offsets = offsets_of(map(len, arrays))
    heat = core.TEMPERATURE if temperature is None else float(temperature)
    return core.pooled(floats(flat, name="box_scores"), offsets, heat)


def _option(value: float | None, default: float, name: str) -> float:
    return default if value is None else unit_number(value, name=name)
