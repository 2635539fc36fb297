"""Errors in the annotated boxes of object detection: overlooked, badly placed, wrong class.

Tkachenko, Thyagarajan, Mueller: ObjectLab: automated diagnosis of mislabeled images in object
detection data, ICML workshop on data-centric machine learning research, 2023 (arXiv:2309.00832);
the constants are theirs. Average precision as in Everingham et al.: The PASCAL visual object
classes challenge, IJCV 88 (2010), section 4.2 (area under the interpolated curve), averaged over
the overlaps of Lin et al.: Microsoft COCO, ECCV 2014.

Boxes of all images are flat arrays (`datalab._ragged.Boxes`). Pairs of boxes of one image are made
for some images at a time, so memory stays bounded.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._core.pooling import softmin
from datalab._ragged import Boxes, group_of
from datalab._typing import BoolArray, FloatArray, IndexArray

__all__ = [
    "ALPHA",
    "EQUAL_WEIGHTS",
    "HIGH_PROBABILITY",
    "LOW_PROBABILITY",
    "TEMPERATURE",
    "BoxScores",
    "Confusion",
    "Matches",
    "areas",
    "average_precision",
    "badloc_scores",
    "box_scores",
    "class_counts",
    "confusion",
    "first_seen",
    "flagged_images",
    "image_scores",
    "match",
    "overlooked_scores",
    "pooled",
    "swap_scores",
]

ALPHA = 0.9  # share of the overlap (IoU) in the similarity of two boxes
NEARNESS_RATE = 0.1  # per pixel between the centres
LOW_PROBABILITY = 0.5  # a prediction below it says nothing about the place of a box
HIGH_PROBABILITY = 0.95  # a prediction below it does not accuse an annotation
TEMPERATURE = 0.1
SAME_PLACE = 0.95  # overlap from which two annotations are one object
AP_SCALE = 0.25  # the better the model on a class, the more its accusations count
ISSUE_FACTOR = 0.8
EQUAL_WEIGHTS = MappingProxyType({"overlooked": 1 / 3, "badloc": 1 / 3, "swap": 1 / 3})
OVERLAPS = np.linspace(0.5, 0.95, 10)

# Pairs of boxes worked on at once: ten temporary columns of 8 bytes each.
PAIRS_PER_BLOCK = 1 << 18


# --- pairs of boxes --------------------------------------------------------------------------


def areas(bboxes: FloatArray) -> FloatArray:
    """Width × height, shape (n,)."""
    size: FloatArray = (bboxes[:, 2] - bboxes[:, 0]) * (bboxes[:, 3] - bboxes[:, 1])
    return size


def _pairs(first: IndexArray, second: IndexArray) -> Iterator[tuple[IndexArray, IndexArray]]:
    """All pairs (box of `first`, box of `second`) of the same image, some images at a time.

    Both arguments are offsets. Pairs come in the order of the first, then of the second box.
    """
    n_first, n_second = np.diff(first), np.diff(second)
    block = np.cumsum(n_first * n_second) // PAIRS_PER_BLOCK
    ends = [*np.flatnonzero(np.diff(block)) + 1, len(block)]
    for begin, end in pairwise([0, *ends]):
        one = np.arange(first[begin], first[end])
        partners = np.repeat(n_second[begin:end], n_first[begin:end])
        starts = np.repeat(second[begin:end], n_first[begin:end])
        nth = np.arange(partners.sum()) - np.repeat(np.cumsum(partners) - partners, partners)
        yield np.repeat(one, partners), np.repeat(starts, partners) + nth


def _overlap(one: FloatArray, two: FloatArray) -> FloatArray:
    """Intersection over union (IoU), pair by pair; 0 for boxes without area."""
    sides = np.minimum(one[:, 2:], two[:, 2:]) - np.maximum(one[:, :2], two[:, :2])
    shared = sides.clip(min=0).prod(axis=1)
    union = areas(one) + areas(two) - shared
    overlap = np.zeros(len(union))
    np.divide(shared, union, out=overlap, where=union != 0)
    return overlap


def _nearness(one: FloatArray, two: FloatArray) -> FloatArray:
    """exp(-distance of the centres / 10 pixels), pair by pair."""
    between = (one[:, :2] + one[:, 2:] - two[:, :2] - two[:, 2:]) / 2
    away = 1.0 - np.exp(-NEARNESS_RATE * np.hypot(between[:, 0], between[:, 1]))
    # From 1 - away and not directly: what is below machine precision is 0, and does not count
    # as the smallest similarity of the data set.
    return 1.0 - away


# --- box scores ------------------------------------------------------------------------------


class Matches(NamedTuple):
    """How predicted and annotated boxes lie to each other; NaN where there is no such box."""

    touched: BoolArray  # (P,) the prediction overlaps an annotation
    expected: FloatArray  # (P,) highest similarity to an annotation of its class
    located: FloatArray  # (L,) … to an overlapping prediction of its class
    accused: FloatArray  # (L,) … to a confident prediction of another class
    lowest: float  # smallest similarity of the data set that is not 0; 1 if there is none


def match(
    labels: Boxes,
    predictions: Boxes,
    *,
    alpha: float = ALPHA,
    low: float = LOW_PROBABILITY,
    high: float = HIGH_PROBABILITY,
) -> Matches:
    """Compare each annotated box with each predicted box of its image.

    Time O(pairs of boxes in an image), memory O(boxes).
    """
    touched = np.zeros(len(predictions.classes), dtype=bool)
    expected = np.full(len(predictions.classes), np.nan)
    located = np.full(len(labels.classes), np.nan)
    accused = np.full(len(labels.classes), np.nan)
    lowest = 1.0
    for given, found in _pairs(labels.offsets, predictions.offsets):
        one, two = labels.bboxes[given], predictions.bboxes[found]
        overlap = _overlap(one, two)
        similar = alpha * overlap + (1.0 - alpha) * _nearness(one, two)
        lowest = min(lowest, similar.min(where=similar > 0, initial=lowest))
        touched[found[overlap > 0]] = True
        same = labels.classes[given] == predictions.classes[found]
        prob = predictions.probs[found]
        near = same & (prob > low) & (overlap > 0)
        swapped = ~same & (prob > high)
        np.fmax.at(expected, found[same], similar[same])
        np.fmax.at(located, given[near], similar[near])
        np.fmax.at(accused, given[swapped], similar[swapped])
    return Matches(touched, expected, located, accused, lowest)


def overlooked_scores(
    matches: Matches, predictions: Boxes, high: float = HIGH_PROBABILITY
) -> FloatArray:
    """Low where the model is sure of an object that nobody annotated, shape (P,); else NaN."""
    alone = (predictions.probs >= high) & ~matches.touched
    unseen = matches.lowest * (1.0 - predictions.probs)
    scores = np.where(np.isnan(matches.expected), unseen, matches.expected)
    return np.where(alone, scores, np.nan)


def badloc_scores(matches: Matches) -> FloatArray:
    """Low where the model puts the same object elsewhere, shape (L,)."""
    return np.where(np.isnan(matches.located), 1.0, matches.located)


def swap_scores(matches: Matches, labels: Boxes, *, overlapping_label_check: bool) -> FloatArray:
    """Low where the model sees another class in the same place, shape (L,)."""
    agreement = np.maximum(1.0 - matches.accused, matches.lowest)
    scores = np.where(np.isnan(agreement), 1.0, agreement)
    if overlapping_label_check:
        scores[_contradicted(labels)] = matches.lowest
    return scores


def _contradicted(labels: Boxes) -> BoolArray:
    """Annotations that share their place with one of another class, shape (L,)."""
    found = np.zeros(len(labels.classes), dtype=bool)
    for one, two in _pairs(labels.offsets, labels.offsets):
        differ = np.flatnonzero(labels.classes[one] != labels.classes[two])
        one, two = one[differ], two[differ]
        found[one[_overlap(labels.bboxes[one], labels.bboxes[two]) >= SAME_PLACE]] = True
    return found


class BoxScores(NamedTuple):
    """The three scores of all images, flat."""

    overlooked: FloatArray  # (P,), NaN where the question does not arise
    badloc: FloatArray  # (L,)
    swap: FloatArray  # (L,)


def box_scores(labels: Boxes, predictions: Boxes, *, overlapping_label_check: bool) -> BoxScores:
    """All box scores, with the constants of the paper."""
    matches = match(labels, predictions)
    return BoxScores(
        overlooked_scores(matches, predictions),
        badloc_scores(matches),
        swap_scores(matches, labels, overlapping_label_check=overlapping_label_check),
    )


# --- images ----------------------------------------------------------------------------------


def pooled(scores: FloatArray, offsets: IndexArray, temperature: float = TEMPERATURE) -> FloatArray:
    """Softmin over the boxes of each image that have a score; 1 if none has. Shape (N,)."""
    known = ~np.isnan(scores)
    return softmin(scores[known], group_of(offsets)[known], len(offsets) - 1, temperature)


def image_scores(
    scores: BoxScores,
    labels: Boxes,
    predictions: Boxes,
    weights: Mapping[str, float] = EQUAL_WEIGHTS,
) -> FloatArray:
    """Weighted geometric mean of the three pooled scores, shape (N,)."""
    mean: FloatArray = (
        pooled(scores.overlooked, predictions.offsets) ** weights["overlooked"]
        * pooled(scores.badloc, labels.offsets) ** weights["badloc"]
        * pooled(scores.swap, labels.offsets) ** weights["swap"]
    )
    return mean


def flagged_images(
    scores: BoxScores, labels: Boxes, predictions: Boxes, n_classes: int
) -> BoolArray:
    """Images with a box whose score is at most the cut of its class, shape (N,)."""
    cuts = ISSUE_FACTOR * AP_SCALE * average_precision(labels, predictions, n_classes)
    flagged = np.zeros(len(labels.offsets) - 1, dtype=bool)
    flagged[group_of(predictions.offsets)[scores.overlooked <= cuts[predictions.classes]]] = True
    wrong = np.minimum(scores.badloc, scores.swap) <= cuts[labels.classes]
    flagged[group_of(labels.offsets)[wrong]] = True
    return flagged


# --- how good the model is -------------------------------------------------------------------


def _true_positives(labels: Boxes, predictions: Boxes) -> tuple[IndexArray, BoolArray]:
    """Predictions by class and falling probability, and which of them are right.

    A prediction belongs to the annotation of its class that it overlaps most. At each overlap the
    most probable prediction of an annotation that reaches it is right, any other one is wrong.

    Returns
    -------
    order : ndarray of shape (P,), int
    right : ndarray of shape (P, 10), bool
        In that order, one column per overlap.
    """
    best = np.zeros(len(predictions.classes))
    target = np.full(len(predictions.classes), -1)
    for found, given in _pairs(predictions.offsets, labels.offsets):
        same = np.flatnonzero(predictions.classes[found] == labels.classes[given])
        found, given = found[same], given[same]
        overlap = _overlap(predictions.bboxes[found], labels.bboxes[given])
        np.maximum.at(best, found, overlap)
        highest = np.flatnonzero((overlap > 0) & (overlap == best[found]))[::-1]
        target[found[highest]] = given[highest]  # backwards: of equal overlaps the first one stays
    order = np.lexsort((-predictions.probs, predictions.classes))
    best, target = best[order], target[order]
    by_target = np.argsort(target, kind="stable")
    right = np.zeros((len(order), len(OVERLAPS)), dtype=bool)
    for column, overlap in enumerate(OVERLAPS):
        reaching = by_target[best[by_target] >= overlap]
        _, first = np.unique(target[reaching], return_index=True)
        right[reaching[first], column] = True
    return order, right


def class_counts(boxes: Boxes, n_classes: int) -> IndexArray:
    """Number of boxes of each class, shape (K,)."""
    return np.bincount(boxes.classes, minlength=n_classes)


def average_precision(labels: Boxes, predictions: Boxes, n_classes: int) -> FloatArray:
    """Mean over the overlaps .5, .55, … .95 of the average precision of each class, shape (K,).

    0 for a class that is never annotated. Equal probabilities are taken in the order of the boxes.
    """
    _, right = _true_positives(labels, predictions)
    annotated = class_counts(labels, n_classes)
    ends = np.cumsum(class_counts(predictions, n_classes))
    average = np.zeros(n_classes)
    for k in np.flatnonzero(annotated):
        hits = right[: ends[k]] if k == 0 else right[ends[k - 1] : ends[k]]
        precision = np.cumsum(hits, axis=0) / np.arange(1, len(hits) + 1)[:, None]
        reachable = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        average[k] = (reachable * hits).sum() / annotated[k] / len(OVERLAPS)
    return average


class Confusion(NamedTuple):
    """Right, wrong and missing predictions of each class, mean over the overlaps; each (K,)."""

    tp: FloatArray
    fp: FloatArray
    fn: FloatArray


def confusion(labels: Boxes, predictions: Boxes, n_classes: int) -> Confusion:
    """Counts of the whole data set, mean over the overlaps .5, .55, … .95."""
    order, right = _true_positives(labels, predictions)
    tp = np.zeros(n_classes)
    np.add.at(tp, predictions.classes[order], right.mean(axis=1))
    n_predicted, n_annotated = class_counts(predictions, n_classes), class_counts(labels, n_classes)
    return Confusion(tp, n_predicted - tp, n_annotated - tp)


def first_seen(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The classes that occur, in the order of their first box."""
    values, first = np.unique(classes, return_index=True)
    return values[np.argsort(first)]
