"""Predictions put together by held-out likelihood."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._models.pool import BOUNDED, _powers, log_loss, pool_classes, pool_numbers, pool_sets


def softmax(scores: np.ndarray) -> np.ndarray:
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def drawn(n_rows: int = 3000, n_classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and labels drawn from them."""
    rng = np.random.default_rng(0)
    probs = softmax(2 * rng.normal(size=(n_rows, n_classes)))
    codes = (probs.cumsum(axis=1) > rng.random((n_rows, 1))).argmax(axis=1)
    return probs, codes


EVERYONE = np.ones(3000, dtype=bool)


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_one_power_calibrates_a_single_model(power: float) -> None:
    probs, codes = drawn()
    too_sharp = softmax(power * np.log(probs))
    pool = pool_classes([too_sharp], codes, EVERYONE, seed=0)
    assert pool.weights[0] == pytest.approx(1 / power, rel=0.1)
    np.testing.assert_allclose(pool.value, probs, atol=0.05)


def test_noise_gets_no_weight_and_two_witnesses_say_more_than_one() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(3, size=3000)
    first, second = (softmax(2 * np.eye(3)[codes] + rng.normal(size=(3000, 3))) for _ in "ab")
    noise = softmax(rng.normal(size=(3000, 3)))
    pool = pool_classes([first, second, noise], codes, EVERYONE, seed=0)
    assert pool.weights[2] < 0.2
    assert pool.weights[:2] == pytest.approx([2, 2], rel=0.15)  # log-odds of the normal: 2 e / 1
    alone = [pool_classes([p], codes, EVERYONE, seed=0).value for p in (first, second)]
    assert log_loss(pool.value, codes) < min(log_loss(p, codes) for p in alone) - 0.05


def test_plainly_wrong_labels_do_not_choose_the_vaguer_model() -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(3, size=3000)
    sharp = softmax(9 * np.eye(3)[codes] + rng.normal(size=(3000, 3)))
    vague = softmax(1 * np.eye(3)[codes] + rng.normal(size=(3000, 3)))
    wrong = rng.random(3000) < 0.3
    codes[wrong] = (codes[wrong] + 1 + rng.integers(2, size=wrong.sum())) % 3
    pool = pool_classes([sharp, vague], codes, EVERYONE, seed=0)
    assert 9 * pool.weights[0] > 5 * pool.weights[1]
    assert (pool.value.argmax(axis=1) == sharp.argmax(axis=1)).mean() > 0.99


def test_a_model_that_learned_how_labels_go_wrong_counts_less_than_by_likelihood() -> None:
    rng = np.random.default_rng(3)
    true = rng.integers(3, size=3000)
    hard = rng.random(3000) < 0.3
    codes = np.where(hard & (rng.random(3000) < 0.4), (true + 1) % 3, true)
    knows = 5 * np.eye(3)[true] + rng.normal(size=(3000, 3))
    # Of the hard rows it says that the other label may be given, of others it knows less.
    learned = np.eye(3)[true] * np.where(hard, 4, 5)[:, None]
    learned += np.eye(3)[(true + 1) % 3] * np.where(hard, 3, 0)[:, None]
    learned += 2 * rng.normal(size=(3000, 3))
    logs = np.log(np.stack([softmax(knows), softmax(learned)]))
    likeliest = _powers(logs, codes)
    bounded = _powers(logs, codes, BOUNDED)
    assert likeliest[0] < likeliest[1]
    assert bounded[0] > 1.5 * bounded[1]
    pool = pool_classes([softmax(knows), softmax(learned)], codes, EVERYONE, seed=0)
    assert pool.weights[0] / pool.weights[1] == pytest.approx(bounded[0] / bounded[1])


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 2**20))
def test_the_order_of_rows_and_models_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(3, size=200)
    members = [softmax(np.eye(3)[codes] + rng.normal(size=(200, 3))) for _ in range(3)]
    counted = rng.random(200) < 0.9
    pool = pool_classes(members, codes, counted, seed=0)
    order = rng.permutation(200)
    shuffled = pool_classes([m[order] for m in members[::-1]], codes[order], counted[order], 0)
    np.testing.assert_allclose(shuffled.value, pool.value[order], atol=1e-3)
    assert pool.value.sum(axis=1) == pytest.approx(1)


def test_certainty_is_allowed_and_nothing_counted_is_a_plain_product() -> None:
    probs = np.eye(2)[[0, 1, 1]]
    pool = pool_classes([probs, probs], np.array([0, 1, 0]), np.zeros(3, dtype=bool), seed=0)
    assert pool.weights.tolist() == [0.5, 0.5]
    assert np.isfinite(pool.value).all()


def test_sets_of_classes() -> None:
    rng = np.random.default_rng(0)
    odds = 2 * rng.normal(size=(2000, 3))
    probs = 1 / (1 + np.exp(-odds))
    held = rng.random((2000, 3)) < probs
    blurred = 1 / (1 + np.exp(-odds / 2))
    pool = pool_sets([blurred], held, seed=0)
    assert pool.weights[0] == pytest.approx(2, rel=0.1)


def test_numbers_by_shares_that_outliers_do_not_decide() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=1000)
    good, bad = target + 0.1 * rng.normal(size=1000), rng.normal(size=1000)
    given_target = target.copy()
    given_target[:50] += 100
    pool = pool_numbers([good, bad], given_target, seed=0)
    assert pool.weights[0] > 0.95
    assert pool.weights.sum() == pytest.approx(1)
