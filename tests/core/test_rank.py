"""Scores of label quality: by hand, in blocks, in order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core import blocks, rank
from datalab.exceptions import InputError

LABELS = np.array([0, 1, 2])
PROBS = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.0, 0.0, 1.0]])


def test_by_hand():
    np.testing.assert_allclose(rank.label_quality(LABELS, PROBS), [0.7, 0.2, 1.0])
    np.testing.assert_allclose(
        rank.label_quality(LABELS, PROBS, "normalized_margin"), [0.75, 0.25, 1.0]
    )
    entropy = -(0.7 * np.log(0.7) + 0.2 * np.log(0.2) + 0.1 * np.log(0.1)) / np.log(3)
    expected = [np.log(h + 1) / h for h in (entropy / 0.7, entropy / 0.2)]
    np.testing.assert_allclose(
        rank.label_quality(LABELS, PROBS, "confidence_weighted_entropy"), [*expected, 0.0]
    )


def test_adjusted_by_hand():
    thresholds = np.array([0.7, 0.2, 1.0])
    lifted = np.array([[1.0, 1.0, 0.1], [1.0, 1.0, 0.1], [0.3, 0.8, 1.0]])
    expected = lifted / lifted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rank.adjusted(PROBS, thresholds), expected)
    # Those are the confident thresholds of these labels.
    np.testing.assert_allclose(
        rank.label_quality(LABELS, PROBS, adjust=True), expected[np.arange(3), LABELS]
    )
    np.testing.assert_allclose(
        rank.label_quality(LABELS, PROBS, adjust=True, thresholds=thresholds),
        expected[np.arange(3), LABELS],
    )
    with pytest.raises(InputError, match="confidence_weighted_entropy"):
        rank.label_quality(LABELS, PROBS, "confidence_weighted_entropy", adjust=True)


@pytest.mark.parametrize("method", rank.SCORES)
@pytest.mark.parametrize("n_classes", [1, 2, 10, 60])
def test_range_dtype_rows_and_blocks(monkeypatch, method, n_classes):
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.full(n_classes, 2.0), 200)
    labels = rng.integers(0, n_classes, 200)
    before = probs.copy()
    scores = rank.label_quality(labels, probs, method)
    np.testing.assert_array_equal(probs, before)
    assert 0 <= scores.min() <= scores.max() <= 1
    single = rank.label_quality(labels, probs.astype(np.float32), method)
    if method != "confidence_weighted_entropy":
        assert single.dtype == np.float32
    np.testing.assert_allclose(single, scores, atol=1e-5)
    rows = rng.permutation(200)[:50]
    np.testing.assert_array_equal(
        rank.label_quality(labels, probs, method, rows=rows), scores[rows]
    )
    np.testing.assert_array_equal(
        rank.label_quality(labels, np.asfortranarray(probs), method), scores
    )
    monkeypatch.setattr(
        rank, "blocks_of", lambda _, n_rows: blocks.row_blocks(n_rows, 1, block_bytes=9)
    )
    np.testing.assert_allclose(rank.label_quality(labels, probs, method), scores, rtol=1e-13)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 12), max_size=60))
def test_ascending_is_a_stable_sort(values):
    array = np.array(values, dtype=float) / 10
    np.testing.assert_array_equal(rank.ascending(array), np.argsort(array, kind="stable"))


def test_worst_first():
    np.testing.assert_array_equal(
        rank.worst_first(np.array([3, 5, 8]), np.array([0.2, 0.1, 0.2])), [5, 3, 8]
    )


def test_weights_by_hand():
    good = np.array([[0.9, 0.1], [0.2, 0.8]])
    poor = np.array([[0.6, 0.4], [0.7, 0.3]])
    labels, members = np.array([0, 1]), [good, poor]
    np.testing.assert_allclose(rank.WEIGHTINGS["uniform"](labels, members, ()), [0.5, 0.5])
    np.testing.assert_allclose(rank.WEIGHTINGS["accuracy"](labels, members, ()), [2 / 3, 1 / 3])
    losses = [-np.log([0.9, 0.8]).mean(), -np.log([0.6, 0.3]).mean()]
    weights = np.exp(-100 * np.array(losses))
    np.testing.assert_allclose(
        rank.WEIGHTINGS["log_loss_search"](labels, members, (0.1, 100.0)), weights / weights.sum()
    )


def test_weights_of_models_that_are_all_wrong():
    labels = np.array([0, 1])
    members = [np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.1, 0.9], [0.9, 0.1]])]
    np.testing.assert_allclose(rank.WEIGHTINGS["accuracy"](labels, members, ()), [0.5, 0.5])
    # The losses are so large that exp(-T loss) is 0 for every model.
    np.testing.assert_allclose(
        rank.WEIGHTINGS["log_loss_search"](labels, members, (1000.0,)), [0.0, 1.0]
    )
