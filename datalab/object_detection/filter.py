"""Which images are wrongly annotated."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from datalab._core import object_detection as core
from datalab._ragged import boxes
from datalab._typing import BoolArray, IndexArray

__all__ = ["find_label_issues"]


def find_label_issues(
    labels: Sequence[Mapping[str, Any]],
    predictions: Sequence[Sequence[ArrayLike]],
    *,
    return_indices_ranked_by_score: bool = False,
    overlapping_label_check: bool = True,
) -> BoolArray | IndexArray:
    """Find images in which a box is missing, badly placed or of the wrong class.

    Parameters
    ----------
    labels : sequence of N mappings
        Per image ``{"bboxes": array (L, 4), "labels": array (L,)}``: corners x1, y1, x2, y2 in
        pixels and classes 0..K-1.
    predictions : sequence of N sequences of K arrays
        Per image and class an array (P, 5): x1, y1, x2, y2, probability in [0, 1].
    return_indices_ranked_by_score : bool
        Return positions, worst image first, instead of a mask.
    overlapping_label_check : bool
        Whether two annotations of different classes in the same place count as an error.

    Returns
    -------
    ndarray of bool, shape (N,), or ndarray of int
        The flagged images. The ranking is that of
        `datalab.object_detection.rank.get_label_quality_scores` with its defaults, equal scores by
        position.

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width.

    Notes
    -----
    A box is flagged when one of its scores is at most 0.2 × the average precision of its class
    (mean over the overlaps .5, .55, … .95): the better the model knows a class, the more it is
    believed. Time O(sum over images of L × P), memory O(boxes).

    References
    ----------
    Tkachenko, Thyagarajan, Mueller: ObjectLab, 2023, arXiv:2309.00832.

    Examples
    --------
    >>> from datalab.object_detection.filter import find_label_issues
    >>> cat, dog = [0, 0, 10, 10], [40, 0, 60, 9]
    >>> labels = [{"bboxes": [cat, dog], "labels": [0, 1]}] * 3
    >>> right = [[[*cat, 0.99]], [[*dog, 0.98]]]
    >>> swapped = [[[*dog, 0.98]], [[*cat, 0.99]]]
    >>> find_label_issues(labels, [right, right, swapped])
    array([False, False,  True])
    """
    annotated, predicted, n_classes = boxes(labels, predictions)
    scores = core.box_scores(annotated, predicted, overlapping_label_check=overlapping_label_check)
    flagged = core.flagged_images(scores, annotated, predicted, n_classes)
    if not return_indices_ranked_by_score:
        return flagged
    if not overlapping_label_check:
        scores = core.box_scores(annotated, predicted, overlapping_label_check=True)
    order = np.argsort(core.image_scores(scores, annotated, predicted), kind="stable")
    return order[flagged[order]]
