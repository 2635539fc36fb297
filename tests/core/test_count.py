"""Thresholds, confident joint and its calibration: by hand, and what must never change them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core import blocks, count

KNOWN = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 400)
    probs = 0.7 * rng.dirichlet(np.ones(5), 400)
    probs[np.arange(400), labels] += 0.3
    labels[:60] = rng.integers(0, 5, 60)
    return labels, probs


def test_thresholds_by_hand():
    labels = np.array([0, 0, 1])
    probs = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.3, 0.7, 0.0]])
    np.testing.assert_allclose(count.confident_thresholds(labels, probs), [0.75, 0.7, 2.0])
    nothing = np.array([[0.0, 1.0]])
    np.testing.assert_allclose(count.confident_thresholds(np.array([0]), nothing), [2e-6, 2.0])


@KNOWN
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_thresholds_are_exact_sums(values):
    p = np.array(values)
    labels = np.zeros(len(p), dtype=np.int64)
    threshold = count.confident_thresholds(labels, np.stack([p, 1 - p], axis=1))[0]
    assert threshold == pytest.approx(max(math.fsum(values) / len(values), 2e-6), abs=3e-16)


@KNOWN
@given(st.integers(0, 10**6), st.integers(1, 64))
def test_sums_depend_neither_on_order_nor_on_blocks(seed, size):
    rng = np.random.default_rng(seed)
    labels, probs = rng.integers(0, 3, 200), rng.random((200, 3))
    whole = count.class_sums(labels, probs)
    parts = [
        count.class_sums(labels[start : start + size], probs[start : start + size])
        for start in range(0, 200, size)
    ]
    np.testing.assert_array_equal(sum(parts), whole)
    order = rng.permutation(200)
    np.testing.assert_array_equal(count.class_sums(labels[order], probs[order]), whole)


def test_guesses_by_hand():
    thresholds = np.array([0.5, 0.3, 0.3])
    probs = np.array(
        [
            [0.6, 0.2, 0.2],  # only class 0
            [0.4, 0.35, 0.25],  # the most probable class is not confident, class 1 is
            [0.49, 0.31, 0.3],  # two are: the most probable class, although it is not
            [0.45, 0.28, 0.27],  # none
            [0.2, 0.3 - 5e-7, 0.1],  # within the tolerance
        ]
    )
    expected = [0, 1, 0, -1, 1]
    for dtype in (np.float64, np.float32):
        np.testing.assert_array_equal(
            count.confident_guesses(probs.astype(dtype), thresholds), expected
        )
    labels = np.array([0, 0, 1, 2, 1])
    joint = count.confident_joint(labels, probs, thresholds)
    np.testing.assert_array_equal(joint, [[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    guesses = count.confident_guesses(probs, thresholds)
    np.testing.assert_array_equal(
        count.off_diagonal(labels, guesses), [False, True, True, False, False]
    )
    # Row 2 is labelled 1 and most probably 0; row 1 is labelled with its most probable class.
    np.testing.assert_array_equal(count.off_diagonal_issues(labels, probs, guesses), [2])
    assert count.num_label_issues(labels, probs, guesses) == 1


@KNOWN
@given(st.integers(0, 10**6), st.integers(2, 32), st.booleans())
def test_both_ways_to_guess_agree(seed, n_classes, coarse):
    rng = np.random.default_rng(seed)
    block = rng.dirichlet(np.full(n_classes, 0.5), 50)
    thresholds = rng.uniform(0, 2 / n_classes, n_classes)
    if coarse:
        block, thresholds = block.round(1), thresholds.round(1)
    by_column, top = count._guess_by_column(block, count._cuts(thresholds, block.dtype))
    best, top_by_row, _ = count._tops(block)
    by_row = count._guesses_of(block, best, top_by_row, thresholds)
    np.testing.assert_array_equal(by_column, by_row)
    np.testing.assert_array_equal(top, top_by_row)
    np.testing.assert_array_equal(count.row_max(block), block.max(axis=1))
    np.testing.assert_array_equal(count.row_argmax(block), block.argmax(axis=1))


@pytest.mark.parametrize("n_classes", [5, 50])
@pytest.mark.parametrize("threads", [1, 3])
def test_blocks_and_threads_change_nothing(monkeypatch, n_classes, threads):
    rng = np.random.default_rng(1)
    labels, probs = rng.integers(0, n_classes, 500), rng.dirichlet(np.ones(n_classes), 500)
    probs = probs.round(2)
    thresholds = count.confident_thresholds(labels, probs)
    expected = count.guesses_and_agreement(labels, probs, thresholds)
    monkeypatch.setattr(blocks, "_cores", lambda: threads)
    monkeypatch.setattr(
        count, "row_blocks", lambda n_rows, *_, **__: blocks.row_blocks(n_rows, 1, block_bytes=13)
    )
    np.testing.assert_array_equal(count.confident_thresholds(labels, probs), thresholds)
    for known in (thresholds, None):
        guesses, agrees = count.guesses_and_agreement(labels, probs, known)
        np.testing.assert_array_equal(guesses, expected[0])
        np.testing.assert_array_equal(agrees, expected[1])
    np.testing.assert_array_equal(count.confident_guesses(probs, thresholds), expected[0])
    np.testing.assert_array_equal(count.label_is_argmax(labels, probs), expected[1])
    np.testing.assert_array_equal(
        count.joint_counts(labels, expected[0], n_classes).sum(), (expected[0] >= 0).sum()
    )


def test_order_of_rows_and_names_of_classes(data):
    labels, probs = data
    joint = count.confident_joint(labels, probs)
    order = np.random.default_rng(0).permutation(len(labels))
    np.testing.assert_array_equal(count.confident_joint(labels[order], probs[order]), joint)
    renamed = np.array([3, 0, 4, 1, 2])  # class k is now called renamed[k]
    other = np.empty_like(probs)
    other[:, renamed] = probs
    got = count.confident_joint(renamed[labels], other)
    np.testing.assert_array_equal(got[np.ix_(renamed, renamed)], joint)


def test_memory_order_changes_nothing(data):
    labels, probs = data
    expected = count.confident_joint(labels, probs)
    np.testing.assert_array_equal(count.confident_joint(labels, np.asfortranarray(probs)), expected)
    wide = np.zeros((len(probs), 10))
    wide[:, ::2] = probs
    np.testing.assert_array_equal(count.confident_joint(labels, wide[:, ::2]), expected)


def test_a_tie_or_nearly_one_goes_to_the_label():
    labels = np.array([1, 1, 1])
    probs = np.array([[0.5, 0.5], [0.5, 0.5 - 5e-7], [0.5, 0.5 - 5e-6]])
    np.testing.assert_array_equal(count.label_is_argmax(labels, probs), [True, True, False])
    np.testing.assert_array_equal(
        count.label_is_argmax(labels, probs, np.array([2, 0])), [False, True]
    )


def test_calibration_by_hand():
    joint = np.array([[3, 1], [0, 2]])
    np.testing.assert_array_equal(count.calibrate(joint, np.array([8, 2])), [[6, 2], [0, 2]])
    np.testing.assert_allclose(
        count.estimate_joint(joint, np.array([8, 2])), [[0.6, 0.2], [0.0, 0.2]]
    )
    np.testing.assert_allclose(count.estimate_joint(joint), joint / 6)


@KNOWN
@given(st.integers(0, 10**6), st.integers(2, 20))
def test_calibration_keeps_the_label_counts(seed, n_classes):
    rng = np.random.default_rng(seed)
    joint = rng.integers(0, 20, (n_classes, n_classes)) + np.eye(n_classes, dtype=int)
    counts = rng.integers(0, 100, n_classes)
    counts[0] += 1
    calibrated = count.calibrate(joint, counts)
    np.testing.assert_array_equal(calibrated.sum(axis=1), counts)
    given_rows = joint / joint.sum(axis=1, keepdims=True) * counts[:, None]
    assert np.abs(calibrated - given_rows).max() <= 1.5
    assert calibrated.min() >= 0


def test_rows_without_counts_stay_empty():
    joint = np.array([[0, 0, 0], [1, 3, 0], [0, 1, 5]])
    calibrated = count.calibrate(joint, np.array([4, 8, 6]))
    # 18 examples, shared out in proportion to 8 and 6.
    np.testing.assert_array_equal(calibrated.sum(axis=1), [0, 10, 8])


@KNOWN
@given(
    st.lists(st.floats(0, 50), min_size=2, max_size=30),
)
def test_rounding_keeps_sums(values):
    row = np.array(values)
    total = round(row.sum())
    rounded = count.round_keeping_sums(row[None, :])[0]
    assert rounded.sum() == total
    assert np.abs(rounded - row).max() < 1.5


def test_confident_argmaxes_add_up(data):
    labels, probs = data
    thresholds = count.confident_thresholds(labels, probs)
    whole = count.confident_argmaxes(labels, probs, thresholds)
    parts = [
        count.confident_argmaxes(labels[s], probs[s], thresholds)
        for s in (slice(0, 99), slice(99, None))
    ]
    np.testing.assert_array_equal(sum(parts), whole)
    best = probs.argmax(axis=1)
    reached = probs.max(axis=1) >= thresholds[best] - 1e-6
    assert whole[0].sum() == (reached & (best == labels)).sum()
    assert whole[1].sum() == (reached & (best != labels)).sum()
