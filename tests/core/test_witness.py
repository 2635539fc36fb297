"""Neighbours as a second witness."""

import numpy as np
import pytest

from datalab._check import labels_and_probs
from datalab._core.label_flags import adaptive_flags
from datalab._core.witness import (
    TRUST,
    agreement,
    contradicted,
    flags_beside_neighbors,
    pooled,
    trust,
)


def test_agreement_by_hand() -> None:
    codes = labels_and_probs([0, 1, 1, 2], np.eye(3)[[0, 1, 1, 2]])[0]
    seen = agreement(codes, np.array([[1, 2, 3], [0, 3, 2], [1, 0, 3], [3, 3, 3]]))
    assert seen.label.tolist() == [1, 0, 0, -1]  # of equal counts the lowest code
    np.testing.assert_allclose(seen.with_label, [2 / 3, 1 / 3, 1 / 3, np.nan])
    np.testing.assert_allclose(seen.with_given, [0, 1 / 3, 1 / 3, np.nan])


def test_contradicted_by_hand() -> None:
    labels = [0, 0, 0, 1, 1, 1, 1, 0]
    expected = np.array([0, 0, 0, 1, 1, 1, 0, 1])  # the last two are not what the model expects
    codes, probs = labels_and_probs(labels, np.where(np.eye(2)[expected] > 0, 0.9, 0.1))
    neighbors = np.array(
        [[1, 2, 3], [0, 2, 3], [0, 1, 3], [4, 5, 0], [3, 5, 0], [3, 4, 0]] + 2 * [[0] * 3]
    )
    neighbors[6], neighbors[7] = [0, 1, 3], [3, 4, 0]
    # As expected: 2 of 3 have the label, so 1 of 3 by chance; of the two others 1 of 3.
    assert contradicted(codes, probs, neighbors) == pytest.approx(1.0)
    neighbors[6] = [3, 4, 0]  # as usual around its label
    assert contradicted(codes, probs, neighbors) == pytest.approx(0.5)
    neighbors[7] = [0, 1, 3]
    assert contradicted(codes, probs, neighbors) == pytest.approx(0.0)
    neighbors[6:] = [[6] * 3, [7] * 3]  # without neighbours
    assert contradicted(codes, probs, neighbors) == 1.0
    nobody = np.array([[3, 4, 5]] * 3 + [[0, 1, 2]] * 3 + [[0, 1, 3]] * 2)
    assert contradicted(codes, probs, nobody) == 1.0


def test_contradicted_is_the_share_of_wrong_labels() -> None:
    true, _, probs, neighbors = clusters(4, 3000)
    rng = np.random.default_rng(5)
    for noise in (0.05, 0.3):
        flips = rng.random(len(true)) < noise
        labels = np.where(flips, (true + rng.integers(1, 3, len(true))) % 3, true)
        codes, checked = labels_and_probs(labels, probs)
        share = flips[probs.argmax(axis=1) != labels].mean()
        assert contradicted(codes, checked, neighbors) == pytest.approx(share, abs=0.06)


def clusters(seed: int, n: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """True classes, noisy labels, a middling model, and neighbours mostly of the true class."""
    rng = np.random.default_rng(seed)
    true = rng.integers(3, size=n)
    labels = np.where(rng.random(n) < 0.2, (true + 1) % 3, true)
    logits = rng.normal(size=(n, 3))
    logits[np.arange(n), true] += 1.5
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    neighbors = rng.integers(n, size=(n, 10))
    for k in range(3):
        mine = np.flatnonzero(true == k)
        neighbors[mine, :9] = rng.choice(mine, size=(len(mine), 9))
    return true, labels, probs, neighbors


def test_a_good_witness_is_heard_a_poor_one_is_not() -> None:
    _, labels, probs, neighbors = clusters(0)
    codes, checked = labels_and_probs(labels, probs)
    assert trust(codes, checked, neighbors) > 0
    anybody = np.random.default_rng(1).integers(600, size=(600, 10))
    assert trust(codes, checked, anybody) == 0
    assert trust(codes, checked, anybody) in TRUST


def test_pooled_by_hand() -> None:
    codes, probs = labels_and_probs([0, 0, 1], [[0.8, 0.2], [0.5, 0.5], [0.3, 0.7]])
    neighbors = np.array([[1, 2], [0, 2], [2, 2]])
    prior = np.array([3 / 5, 2 / 5])
    shares = np.array([[1, 1], [1, 1], [0, 0]]) + prior
    shares /= shares.sum(axis=1, keepdims=True)
    expected = probs * shares**2
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(pooled(codes, probs, neighbors, 2.0), expected)


def test_votes_by_hand() -> None:
    """A neighbour whose label is doubtful counts less."""
    codes, probs = labels_and_probs([0, 0, 1], [[0.5, 0.5]] * 3)
    neighbors = np.array([[1, 2], [0, 2], [0, 1]])
    together = pooled(codes, probs, neighbors, 1.0, np.array([1.0, 0.25, 0.75]))
    shares = np.array([[0.25, 0.75], [1, 0.75], [1.25, 0]]) + np.array([3 / 5, 2 / 5])
    np.testing.assert_allclose(together, shares / shares.sum(axis=1, keepdims=True))


def test_neighbours_that_are_judged_themselves_tell_more() -> None:
    true, labels, probs, neighbors = clusters(3)
    codes, checked = labels_and_probs(labels, probs)
    wrong = labels != true
    alone = adaptive_flags(codes, checked, 150)
    whole = pooled(codes, checked, neighbors, trust(codes, checked, neighbors))
    found, power = flags_beside_neighbors(codes, checked, 150, neighbors)

    def told(score: np.ndarray) -> float:
        return float((score[wrong][:, None] < score[~wrong]).mean())

    scores = (alone.score, adaptive_flags(codes, checked, 150, whole).score, found.score)
    assert told(scores[0]) < told(scores[1]) < told(scores[2])
    assert power > 0
    anybody = np.random.default_rng(1).integers(600, size=(600, 10))
    ignored, power = flags_beside_neighbors(codes, checked, 150, anybody)
    assert power == 0
    np.testing.assert_array_equal(ignored.score, alone.score)


@pytest.mark.parametrize("power", [0.25, 2.0])
def test_the_pool_is_a_distribution_and_helps(power: float) -> None:
    true, labels, probs, neighbors = clusters(2)
    codes, checked = labels_and_probs(labels, probs)
    together = pooled(codes, checked, neighbors, power)
    np.testing.assert_allclose(together.sum(axis=1), 1)
    assert (together.argmax(axis=1) == true).mean() > (probs.argmax(axis=1) == true).mean()
