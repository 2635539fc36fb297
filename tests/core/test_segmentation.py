"""Arithmetic of pixels: hand-computed cases, and what must not change the result."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core import segmentation as core
from datalab._core.label_issues_batched import issues_by_thresholds
from datalab.exceptions import InputError


def random_images(seed, n_images=3, n_classes=3, height=6, width=8, digits=None):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, (n_images, height, width))
    probs = rng.dirichlet(np.full(n_classes, 0.5), labels.shape)
    probs = np.ascontiguousarray(np.moveaxis(probs, -1, 1))
    return labels, probs if digits is None else probs.round(digits)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    pixels=st.integers(1, 200),
    step=st.sampled_from([1, 2]),
    digits=st.sampled_from([None, 1]),
)
def test_nothing_depends_on_blocks(seed, pixels, step, digits):
    labels, probs = random_images(seed, digits=digits)
    whole, cut = core.Images(labels, probs, 10**6), core.Images(labels, probs, pixels)
    issues = core.label_issues(whole, step)
    np.testing.assert_array_equal(core.label_issues(cut, step), issues)
    np.testing.assert_array_equal(core.pixel_scores(cut), core.pixel_scores(whole))
    np.testing.assert_array_equal(core.confusion(cut, issues), core.confusion(whole, issues))
    np.testing.assert_array_equal(core.of_class(cut, issues, 1), core.of_class(whole, issues, 1))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_order_of_images_does_not_matter(seed):
    labels, probs = random_images(seed)
    order = np.random.default_rng(seed).permutation(len(labels))
    issues = core.label_issues(core.Images(labels, probs))
    turned = core.label_issues(core.Images(labels[order], probs[order]))
    np.testing.assert_array_equal(turned, issues[order])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_names_of_classes_do_not_matter(seed):
    labels, probs = random_images(seed)
    names = np.random.default_rng(seed).permutation(3)
    renamed = np.empty_like(probs)
    renamed[:, names] = probs
    issues = core.label_issues(core.Images(labels, probs))
    again = core.label_issues(core.Images(names[labels], renamed))
    np.testing.assert_array_equal(again, issues)


@pytest.mark.parametrize(("pixels", "step"), [(1, 1), (1, 2), (7, 2), (20, 3), (200, 1)])
def test_blocks_cover_every_pixel_once(pixels, step):
    labels, probs = random_images(0, height=6, width=9)
    seen = np.zeros(labels.shape, dtype=int)

    def see(image, rows):
        assert rows.start % step == 0
        assert rows.stop % step == 0
        seen[image, rows] += 1

    core.Images(labels, probs, pixels).each(see, step)
    assert (seen == 1).all()


def test_issues_by_hand():
    # Thresholds: class 0 (.9 + .8 + .1) / 3 = .6, class 1 (.9 + .7) / 2 = .8; the last pixel
    # given 0 is confidently 1, so one pixel is taken: the lowest probability of its label.
    labels = np.array([[[0, 0, 0, 1, 1]]])
    p = np.array([[[0.9, 0.8, 0.1, 0.1, 0.3]]])
    issues = core.label_issues(core.Images(labels, np.stack([p, 1 - p], axis=1)))
    assert issues.tolist() == [[[False, False, True, False, False]]]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), digits=st.sampled_from([None, 1]))
def test_the_rule_is_that_of_the_batches(seed, digits):
    labels, probs = random_images(seed, digits=digits)
    by_pixel = np.moveaxis(probs, 1, -1).reshape(-1, 3)
    expected = issues_by_thresholds(labels.reshape(-1), by_pixel).reshape(labels.shape)
    np.testing.assert_array_equal(core.label_issues(core.Images(labels, probs)), expected)


def test_of_equal_probabilities_the_first_class_counts():
    probs = np.array([[0.5, 0.5], [0.5, 0.5]])
    differs, confident = core._seen_elsewhere(np.array([0, 1]), probs, np.array([0.1, 0.1]))
    assert differs.tolist() == [False, True]
    assert confident == 1


def test_squares_take_the_mean_and_its_rounding():
    labels = np.array([[[0, 1], [1, 1]]])
    probs = np.array([[[[0.1, 0.2], [0.3, 0.4]]]])
    probs = np.concatenate([probs, 1 - probs], axis=1)
    codes, means = core.Images(labels, probs).read(0, slice(0, 2), step=2)
    assert codes.tolist() == [1]
    assert means == pytest.approx(np.array([[0.25, 0.75]]))


def test_image_softmin_by_hand():
    scores = np.array([[[0.1, 0.5]], [[0.3, 0.3]]])
    weights = np.exp([0.9 / 0.1, 0.5 / 0.1])
    expected = (weights * [0.1, 0.5]).sum() / weights.sum()
    assert core.image_softmin(scores, 0.1) == pytest.approx([expected, 0.3])
    assert core.image_softmin(scores, 1e9) == pytest.approx([0.3, 0.3])
    assert core.image_softmin(scores, 1e-9) == pytest.approx([0.1, 0.3])


def test_values_are_judged_where_they_are_read():
    labels, probs = random_images(0)
    labels[2, 5, 7] = 3
    with pytest.raises(InputError, match="in image 2, pixels counted from line 5: .* goes up to 3"):
        core.label_issues(core.Images(labels, probs, pixels_per_block=8))


def test_no_images():
    empty = core.Images(np.empty((0, 4, 4), int), np.empty((0, 2, 4, 4)))
    assert core.label_issues(empty).shape == (0, 4, 4)
    assert core.pixel_scores(empty).shape == (0, 4, 4)
    assert core.image_softmin(core.pixel_scores(empty), 0.1).shape == (0,)
