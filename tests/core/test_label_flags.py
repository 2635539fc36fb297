"""The cut-off that follows the data."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._check import labels_and_probs
from datalab._core.count import confident_guesses, label_is_argmax
from datalab._core.filter import label_issues
from datalab._core.label_flags import LabelFlags, Learnt, adaptive_flags, flags_of_new


def network(
    seed: int, n: int, n_classes: int, *, strength: float = 4.0, noise: float = 0.1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True classes, labels of which a share is wrong, and a model's probabilities."""
    rng = np.random.default_rng(seed)
    true = rng.integers(n_classes, size=n)
    logits = rng.normal(size=(n, n_classes))
    logits[np.arange(n), true] += strength * rng.gamma(4, 0.25, size=n)
    probs = np.exp(logits)
    probs /= probs.sum(axis=1, keepdims=True)
    labels = true.copy()
    wrong = rng.random(n) < noise
    labels[wrong] = (true[wrong] + rng.integers(1, n_classes, size=wrong.sum())) % n_classes
    return true, labels, probs


def judged(labels: Any, probs: Any) -> LabelFlags:
    """The adaptive flags, as the audit asks for them."""
    codes, checked = labels_and_probs(labels, probs)
    return adaptive_flags(codes, checked, np.count_nonzero(label_issues(codes, checked)))


def f1(flags: np.ndarray, wrong: np.ndarray) -> float:
    return float(2 * (flags & wrong).sum() / max(1, flags.sum() + wrong.sum()))


@pytest.mark.parametrize("n_classes", [2, 5, 40])
@pytest.mark.parametrize("noise", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 3.0])
def test_planted_noise_at_any_temperature(n_classes: int, noise: float, temperature: float) -> None:
    true, labels, probs = network(1, 2000, n_classes, noise=noise)
    sharp = probs ** (1 / temperature)
    sharp /= sharp.sum(axis=1, keepdims=True)
    codes, checked = labels_and_probs(labels, sharp)
    wrong = labels != true
    flags = label_issues(codes, checked, filter_by="adaptive")
    assert f1(flags, wrong) >= f1(label_issues(codes, checked), wrong) - 0.01


@pytest.mark.parametrize("strength", [3.0, 5.0])
def test_a_cap_keeps_clean_data_clean(strength: float) -> None:
    """No errors: hardly anything of what the model doubts (16 and 5 % of the rows) is flagged."""
    _, labels, probs = network(2, 3000, 5, strength=strength, noise=0.0)
    found = judged(labels, probs)
    assert found.is_issue.mean() < 0.03
    assert found.errors.low < 3
    assert not found.precision.low > 0.01


def test_estimates_hold_the_truth() -> None:
    true, labels, probs = network(3, 4000, 8, noise=0.15)
    found = judged(labels, probs)
    wrong = labels != true
    assert found.errors.low <= wrong.sum() <= found.errors.high
    assert found.errors.low <= found.errors.value <= found.errors.high
    assert found.precision.low - 0.03 <= wrong[found.is_issue].mean() <= found.precision.high + 0.03


def test_the_score_orders_the_suspects_by_the_flags() -> None:
    _, labels, probs = network(4, 1000, 6)
    codes, checked = labels_and_probs(labels, probs)
    found = judged(codes, checked)
    suspects = ~label_is_argmax(codes, checked)
    assert not (found.is_issue & ~suspects).any()
    spared = suspects & ~found.is_issue
    assert found.score[found.is_issue].max() <= found.score[spared].min()
    assert ((found.score >= 0) & (found.score <= 1)).all()


def test_structured_noise_is_learnt() -> None:
    """Labels of class 0 often say 1: rows like 0 labelled 1 are worse than rows labelled 2."""
    rng = np.random.default_rng(0)
    true = rng.integers(3, size=3000)
    labels = np.where((true == 0) & (rng.random(3000) < 0.3), 1, true)
    probs = np.full((3000, 3), 0.05)
    probs[np.arange(3000), true] = 0.9
    unsure = rng.random(3000) < 0.3
    probs[unsure] = rng.dirichlet(np.ones(3) * 5, size=int(unsure.sum()))
    probs[:2] = [[0.6, 0.2, 0.2], [0.6, 0.2, 0.2]]
    labels[:2] = [1, 2]
    found = judged(labels, probs)
    assert found.score[0] < found.score[1]


def test_tiny_probabilities_keep_their_order() -> None:
    """As of naive Bayes, and of a model times its neighbours."""
    _, labels, probs = network(8, 500, 3, strength=5.0, noise=0.1)
    for place, tiny in enumerate((1e-7, 1e-8, 1e-10)):
        labels[place] = 0
        probs[place] = [tiny, 1.0 - 2.0 * tiny, tiny]
    score = judged(labels, probs).score
    assert score[0] > score[1] > score[2]


def test_confident_learning_decides_where_the_readings_weigh_alike() -> None:
    _, labels, probs = network(8, 4000, 10, strength=3.5, noise=0.02)
    codes, checked = labels_and_probs(labels, probs)
    found = [adaptive_flags(codes, checked, usual) for usual in (0, 100, 200, 400)]
    assert [flags.is_issue.sum() for flags in found] == [0, 100, 200, 400]
    assert 0.35 < found[1].learnt.weight < 0.65
    # One reading alone knows better.
    _, labels, probs = network(8, 4000, 10, strength=5.0, noise=0.1)
    codes, checked = labels_and_probs(labels, probs)
    numbers = [adaptive_flags(codes, checked, n).is_issue.sum() for n in (100, 400, 1600)]
    assert max(numbers) < 1.05 * min(numbers)


def test_what_nobody_contradicts_is_the_models_mistake() -> None:
    """A weak model beside few wrong labels: the fewer are contradicted, the fewer are flagged."""
    true, labels, probs = network(8, 4000, 10, strength=3.0, noise=0.03)
    codes, checked = labels_and_probs(labels, probs)
    found = [adaptive_flags(codes, checked, 600, contradicted=share) for share in (1.0, 0.5, 0.0)]
    weights = [flags.learnt.weight for flags in found]
    assert weights == sorted(weights)
    assert weights[2] == 1.0  # nothing speaks for the other reading
    numbers = [flags.is_issue.sum() for flags in found]
    assert numbers[0] > numbers[1] >= numbers[2] > 0
    errors = [flags.errors.value for flags in found]
    assert errors == sorted(errors, reverse=True)
    assert abs(errors[2] - (labels != true).sum()) < abs(errors[0] - (labels != true).sum())
    for flags in found[1:]:
        np.testing.assert_array_equal(flags.score, found[0].score)


@pytest.mark.parametrize("n_classes", [2, 10])
def test_intervals_hold_the_truth(n_classes: int) -> None:
    """Clean to noisy data, weak to strong models, at two temperatures."""
    held = []
    for seed, (noise, strength, sharp) in enumerate(
        itertools.product([0.0, 0.1, 0.4], [3.0, 5.0, 8.0], [1.0, 3.0])
    ):
        true, labels, probs = network(seed, 1500, n_classes, strength=strength, noise=noise)
        found = judged(labels, probs**sharp / (probs**sharp).sum(axis=1, keepdims=True))
        wrong = labels != true
        held.append(found.errors.low - 1 <= wrong.sum() <= found.errors.high)
        if found.is_issue.any():
            right = wrong[found.is_issue].mean()
            held.append(found.precision.low - 0.02 <= right <= found.precision.high + 0.02)
    assert np.mean(held) >= 0.9


def test_noise_that_hides_a_model_is_not_chance() -> None:
    """Two labels in five are wrong: labels and predictions agree little more than by chance."""
    rng = np.random.default_rng(2)
    true = rng.integers(2, size=2000)
    labels = np.where(rng.random(2000) < 0.42, 1 - true, true)
    right = np.where(rng.random(2000) < 0.75, rng.uniform(0.5, 0.7), rng.uniform(0.4, 0.5))
    right = right + rng.normal(0, 0.02, 2000)
    probs = np.where(np.eye(2)[true] == 1, right[:, None], 1 - right[:, None])
    found = judged(labels, probs)
    assert found.better_than_chance
    assert f1(found.is_issue, labels != true) > 0.55


def test_chance_flags_nothing() -> None:
    rng = np.random.default_rng(0)
    labels, probs = rng.integers(4, size=200), rng.dirichlet(np.ones(4), size=200)
    found = judged(labels, probs)
    assert not found.is_issue.any()
    assert not found.better_than_chance
    assert np.isnan(found.precision.value)
    assert np.isnan(found.errors.value)
    assert (found.errors.low, found.errors.high) == (0, 200)
    # A dozen rows cannot show that.
    assert judged(labels[:12], probs[:12]).better_than_chance


@pytest.mark.parametrize(
    ("labels", "probs"),
    [
        ([0, 1], [[1.0, 0.0], [0.0, 1.0]]),
        ([0, 1, 1], [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]),
        ([0, 1], [[0.5, 0.5], [0.5, 0.5]]),
        ([0, 0, 0], [[1.0], [1.0], [1.0]]),
        ([0, 0, 3], np.eye(5)[[0, 3, 3]]),
        ([1, 0, 2, 2], [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0, 0, 1]]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_hard_zeros_ties_and_absent_classes(labels: Any, probs: Any, dtype: type) -> None:
    codes, checked = labels_and_probs(labels, np.asarray(probs, dtype=dtype))
    found = judged(codes, checked)
    assert np.isfinite(found.score).all()
    assert np.isfinite(found.second).all()
    assert not (found.is_issue & label_is_argmax(codes, checked)).any()


def new_flags(labels: Any, probs: Any, learnt: Learnt, sure: float) -> list[bool]:
    codes, checked = labels_and_probs(labels, probs)
    guesses = confident_guesses(checked, np.full(checked.shape[1], sure))
    return flags_of_new(codes, checked, guesses, learnt)[0].tolist()


def test_new_rows_are_judged_like_the_known_ones() -> None:
    _, labels, probs = network(6, 3000, 4)
    found = judged(labels, probs)
    codes, checked = labels_and_probs(labels[:500], probs[:500])
    nobody = np.full(500, -1, dtype=np.int32)
    flags, score, second = flags_of_new(codes, checked, nobody, found.learnt)
    np.testing.assert_array_equal(flags, found.is_issue[:500])
    np.testing.assert_allclose(score, found.score[:500])
    np.testing.assert_allclose(second, found.second[:500])


def test_new_rows_beside_clean_ones_and_beside_chance() -> None:
    true = np.tile([0, 1], 100)
    probs = np.where(np.eye(2)[true] == 1, 0.95, 0.05)
    clean = judged(true, probs)
    assert not clean.is_issue.any()
    new = [0, 1, 0], [[0.05, 0.95], [0.05, 0.95], [0.49, 0.51]]
    assert new_flags(*new, clean.learnt, sure=0.9) == [True, False, False]
    assert new_flags(*new, clean.learnt, sure=0.99) == [False, False, False]
    rng = np.random.default_rng(0)
    chance = judged(rng.integers(2, size=200), probs)
    assert new_flags(*new, chance.learnt, sure=0.9) == [False, False, False]


def test_an_obvious_error_among_six_rows() -> None:
    p = np.array([0.9, 0.8, 0.1, 0.2, 0.1, 0.3])
    codes, probs = labels_and_probs([0, 0, 0, 1, 1, 1], np.column_stack([p, 1 - p]))
    assert np.flatnonzero(judged(codes, probs).is_issue).tolist() == [2]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.integers(2, 8), st.sampled_from([20, 200, 4000]))
def test_order_of_rows_and_names_of_classes(seed: int, n_classes: int, n: int) -> None:
    _, labels, probs = network(seed, n, n_classes)
    rng = np.random.default_rng(seed)
    rows, classes = rng.permutation(n), rng.permutation(n_classes)
    codes, checked = labels_and_probs(labels, probs)
    usual = np.count_nonzero(label_issues(codes, checked))
    found = adaptive_flags(codes, checked, usual)
    renamed = np.empty_like(probs)
    renamed[:, classes] = probs
    codes, checked = labels_and_probs(classes[labels][rows], renamed[rows])
    other = adaptive_flags(codes, checked, usual)
    np.testing.assert_array_equal(other.is_issue, found.is_issue[rows])
    np.testing.assert_allclose(other.score, found.score[rows], rtol=1e-6, atol=1e-9)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    _, labels, probs = network(5, 5000, 6)
    codes, checked = labels_and_probs(labels, probs)
    found = judged(codes, checked)
    monkeypatch.setattr("datalab._core.blocks.row_blocks.__defaults__", (1 << 12,))
    again = judged(codes, checked)
    np.testing.assert_array_equal(again.score, found.score)
    np.testing.assert_array_equal(again.is_issue, found.is_issue)
