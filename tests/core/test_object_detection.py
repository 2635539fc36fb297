"""Arithmetic of boxes: hand-computed cases, and what must not change the result."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core import object_detection as core
from datalab._ragged import boxes


def one_image(annotated, predicted, n_classes=2):
    """Lists of (class, box) and of (class, box, probability)."""
    label = {"bboxes": [box for _, box in annotated], "labels": [k for k, _ in annotated]}
    prediction = [[[*box, p] for c, box, p in predicted if c == k] for k in range(n_classes)]
    return boxes([label], [prediction])


def random_images(seed, n_images=6, n_classes=3, size=80):
    rng = np.random.default_rng(seed)

    def corners(n):
        start = rng.uniform(0, size, (n, 2))
        return np.hstack([start, start + rng.uniform(2, 40, (n, 2))])

    labels, predictions = [], []
    for _ in range(n_images):
        box, classes = corners(n := rng.integers(0, 6)), rng.integers(0, n_classes, n)
        labels.append({"bboxes": box, "labels": classes})
        found, kinds = corners(m := rng.integers(0, 6)), rng.integers(0, n_classes, m)
        near = box[rng.random(n) < 0.8] + rng.normal(0, 1, 4)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        found = np.vstack([found, near])
        kinds = np.concatenate([kinds, rng.integers(0, n_classes, len(near))])
        rows = np.column_stack([found, rng.beta(5, 0.4, len(found))])
        predictions.append([rows[kinds == k] for k in range(n_classes)])
    return labels, predictions


def test_similarity_is_overlap_and_nearness():
    annotated, predicted, _ = one_image([(0, [0, 0, 10, 10])], [(0, [5, 0, 15, 10], 0.9)])
    for alpha, expected in [(1.0, 1 / 3), (0.0, np.exp(-0.5)), (0.9, 0.3 + 0.1 * np.exp(-0.5))]:
        matches = core.match(annotated, predicted, alpha=alpha)
        assert core.badloc_scores(matches) == pytest.approx([expected])
        assert matches.lowest == pytest.approx(expected)


def test_overlooked_is_asked_only_of_confident_predictions_that_touch_nothing():
    far, near = [100, 0, 110, 10], [5, 0, 15, 10]
    annotated, predicted, _ = one_image(
        [(0, [0, 0, 10, 10])], [(0, far, 0.99), (0, far, 0.5), (0, near, 0.99), (1, far, 0.96)]
    )
    matches = core.match(annotated, predicted)
    scores = core.overlooked_scores(matches, predicted)
    far_similarity = 0.1 * np.exp(-10)
    expected = [far_similarity, np.nan, np.nan, far_similarity * 0.04]
    np.testing.assert_allclose(scores, expected, rtol=1e-9)


def test_swap_looks_at_other_classes_only():
    annotated, predicted, _ = one_image(
        [(0, [0, 0, 10, 10]), (1, [50, 0, 60, 10])],
        [(1, [5, 0, 15, 10], 0.99), (1, [50, 0, 60, 10], 0.99)],
    )
    scores = core.swap_scores(
        core.match(annotated, predicted), annotated, overlapping_label_check=True
    )
    assert scores == pytest.approx([1 - (0.3 + 0.1 * np.exp(-0.5)), 1.0])


@pytest.mark.parametrize(("width", "contradicts"), [(94, False), (95, True), (100, True)])
def test_two_annotations_of_one_place_contradict_each_other(width, contradicts):
    annotated, predicted, _ = one_image(
        [(0, [0, 0, 100, 10]), (1, [0, 0, width, 10])], [(0, [0, 20, 100, 30], 0.3)]
    )
    matches = core.match(annotated, predicted)
    on = core.swap_scores(matches, annotated, overlapping_label_check=True)
    off = core.swap_scores(matches, annotated, overlapping_label_check=False)
    assert (on == matches.lowest).all() == contradicts
    assert (off == 1).all()


def test_images_without_boxes_are_fine():
    annotated, predicted, n_classes = one_image([], [])
    scores = core.box_scores(annotated, predicted, overlapping_label_check=True)
    assert core.image_scores(scores, annotated, predicted) == pytest.approx([1.0])
    assert not core.flagged_images(scores, annotated, predicted, n_classes).any()
    annotated, predicted, n_classes = boxes([], [])
    scores = core.box_scores(annotated, predicted, overlapping_label_check=True)
    assert core.image_scores(scores, annotated, predicted).shape == (0,)
    assert core.flagged_images(scores, annotated, predicted, n_classes).shape == (0,)


def test_boxes_without_area_overlap_nothing():
    annotated, predicted, _ = one_image([(0, [5, 5, 5, 5])], [(0, [5, 5, 5, 5], 0.99)])
    matches = core.match(annotated, predicted)
    assert not matches.touched.any()
    assert core.badloc_scores(matches) == pytest.approx([1.0])


def test_average_precision_by_hand():
    # Class 0: two annotations; right at .9, wrong at .8, right at .7, all with overlap 1.
    a, b, elsewhere = [0, 0, 10, 10], [50, 0, 60, 10], [100, 0, 110, 10]
    annotated, predicted, n_classes = one_image(
        [(0, a), (0, b)], [(0, a, 0.9), (0, elsewhere, 0.8), (0, b, 0.7), (1, elsewhere, 0.9)]
    )
    average = core.average_precision(annotated, predicted, n_classes)
    assert average == pytest.approx([0.5 * 1 + 0.5 * 2 / 3, 0.0])


def test_one_annotation_makes_one_prediction_right():
    a = [0, 0, 10, 10]
    annotated, predicted, _ = one_image([(0, a)], [(0, a, 0.7), (0, a, 0.9), (0, a, 0.8)])
    counts = core.confusion(annotated, predicted, 1)
    assert (counts.tp[0], counts.fp[0], counts.fn[0]) == (1, 2, 0)


def test_a_place_that_is_only_half_right_counts_at_the_lower_overlaps():
    annotated, predicted, _ = one_image([(0, [0, 0, 10, 10])], [(0, [0, 0, 10, 7], 0.7)])
    counts = core.confusion(annotated, predicted, 1)  # IoU .7: reaches .5, .55, .6, .65, .7
    assert (counts.tp[0], counts.fp[0], counts.fn[0]) == pytest.approx((0.5, 0.5, 0.5))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_scores_do_not_depend_on_blocks(seed):
    labels, predictions = random_images(seed)
    annotated, predicted, n_classes = boxes(labels, predictions)

    def everything():
        scores = core.box_scores(annotated, predicted, overlapping_label_check=True)
        return [*scores, core.average_precision(annotated, predicted, n_classes)]

    whole = everything()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "PAIRS_PER_BLOCK", 2)
        for one, other in zip(whole, everything(), strict=True):
            np.testing.assert_array_equal(one, other)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_order_of_images_does_not_matter(seed):
    labels, predictions = random_images(seed)
    order = np.random.default_rng(seed).permutation(len(labels))

    def scores(labels, predictions):
        annotated, predicted, n_classes = boxes(labels, predictions)
        found = core.box_scores(annotated, predicted, overlapping_label_check=True)
        flags = core.flagged_images(found, annotated, predicted, n_classes)
        return core.image_scores(found, annotated, predicted), flags

    quality, flags = scores(labels, predictions)
    assert ((quality >= 0) & (quality <= 1)).all()
    turned = scores([labels[i] for i in order], [predictions[i] for i in order])
    np.testing.assert_allclose(turned[0], quality[order], rtol=1e-12)
    np.testing.assert_array_equal(turned[1], flags[order])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), shift=st.floats(-500, 500))
def test_scores_do_not_depend_on_the_place_of_the_origin(seed, shift):
    labels, predictions = random_images(seed)
    moved = [{**label, "bboxes": label["bboxes"] + shift} for label in labels]
    step = np.array([shift] * 4 + [0])
    moved_predictions = [[part + step for part in image] for image in predictions]
    one = core.box_scores(*boxes(labels, predictions)[:2], overlapping_label_check=True)
    other = core.box_scores(*boxes(moved, moved_predictions)[:2], overlapping_label_check=True)
    for scores, again in zip(one, other, strict=True):
        np.testing.assert_allclose(again, scores, atol=1e-9)
