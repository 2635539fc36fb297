"""Dawid-Skene: recovers annotators, knows its limits."""

import numpy as np
import pytest

from datalab._core.dawid_skene import dawid_skene
from datalab._core.multiannotator import Answers, answers_from, majority_vote


def crowd(
    confusions: np.ndarray, n_items: int, per_item: int, seed: int = 0
) -> tuple[Answers, np.ndarray]:
    """Answers of annotators with these confusions, shape (A, K, K), and the truth."""
    rng = np.random.default_rng(seed)
    n_annotators, n_classes, _ = confusions.shape
    truth = rng.integers(0, n_classes, n_items)
    asked = rng.random((n_items, n_annotators)).argsort(axis=1)[:, :per_item]
    rows = confusions[asked, truth[:, None]].cumsum(axis=2)
    label = (rng.random((n_items, per_item, 1)) > rows).sum(axis=2)
    answers = answers_from(
        np.repeat(np.arange(n_items), per_item),
        asked.reshape(-1),
        label.reshape(-1),
        n_items=n_items,
        n_annotators=n_annotators,
        n_classes=n_classes,
    )
    return answers, truth


def coin(accuracy: float, n_classes: int) -> np.ndarray:
    wrong = (1 - accuracy) / (n_classes - 1)
    return np.full((n_classes, n_classes), wrong) + np.eye(n_classes) * (accuracy - wrong)


def test_coins_are_found() -> None:
    accuracy = np.array([0.95, 0.9, 0.8, 0.6, 0.4, 0.34])
    answers, truth = crowd(np.stack([coin(a, 3) for a in accuracy]), 1000, 5)
    found = dawid_skene(answers)
    assert found.accuracy == pytest.approx(accuracy, abs=0.05)
    assert found.concentration > 10
    right = (found.posterior.argmax(axis=1) == truth).mean()
    assert right > (majority_vote(answers) == truth).mean() + 0.02


def test_confusions_are_found() -> None:
    # Two annotators call class 2 class 1; the majority is wrong wherever both were asked.
    confused = coin(0.95, 3)
    confused[2] = [0.02, 0.95, 0.03]
    confusions = np.stack([confused, confused, *[coin(0.75, 3)] * 4])
    answers, truth = crowd(confusions, 600, 5)
    found = dawid_skene(answers)
    assert found.concentration < 5
    right = (found.posterior.argmax(axis=1) == truth).mean()
    assert right > (majority_vote(answers) == truth).mean() + 0.05


def test_posterior_is_calibrated_when_the_model_holds() -> None:
    answers, truth = crowd(np.stack([coin(a, 4) for a in np.linspace(0.4, 0.8, 20)]), 2000, 3)
    found = dawid_skene(answers)
    sure = found.posterior.max(axis=1)
    right = found.posterior.argmax(axis=1) == truth
    for low, high in ((0.3, 0.6), (0.6, 0.85), (0.85, 1.0)):
        part = (sure > low) & (sure <= high)
        assert right[part].mean() == pytest.approx(sure[part].mean(), abs=0.06)


def test_relabelling_and_order_are_of_no_matter() -> None:
    answers, _ = crowd(np.stack([coin(a, 3) for a in (0.9, 0.7, 0.6, 0.5)]), 200, 3)
    found = dawid_skene(answers)
    rng = np.random.default_rng(1)
    items, people, classes = rng.permutation(200), rng.permutation(4), rng.permutation(3)
    shuffle = rng.permutation(len(answers.item))
    moved = dawid_skene(
        answers_from(
            items[answers.item][shuffle],
            people[answers.annotator][shuffle],
            classes[answers.label][shuffle],
            n_items=200,
            n_annotators=4,
            n_classes=3,
        )
    )
    np.testing.assert_allclose(moved.posterior[items][:, classes], found.posterior, atol=1e-8)
    np.testing.assert_allclose(moved.accuracy[people], found.accuracy, atol=1e-8)


def test_items_and_annotators_without_answers() -> None:
    answers = answers_from(
        np.array([0, 0, 2, 2, 2]),
        np.array([0, 1, 0, 1, 3]),
        np.array([1, 1, 0, 0, 1]),
        n_items=4,
        n_annotators=5,
        n_classes=2,
    )
    found = dawid_skene(answers)
    assert np.isfinite(found.posterior).all()
    assert found.posterior.sum(axis=1) == pytest.approx(1)
    np.testing.assert_array_equal(found.posterior[1], found.posterior[3])
    assert found.posterior.argmax(axis=1)[[0, 2]].tolist() == [1, 0]
    assert found.accuracy[3] < found.accuracy[2] < found.accuracy[0]  # 2 was never asked


def test_one_class_only() -> None:
    answers = answers_from(
        np.array([0, 0]), np.array([0, 1]), np.array([0, 0]),
        n_items=1, n_annotators=2, n_classes=1,
    )  # fmt: skip
    assert dawid_skene(answers).posterior.tolist() == [[1.0]]


def predictions(truth: np.ndarray, n_classes: int, sharp: float, seed: int = 0) -> np.ndarray:
    """Probabilities of a calibrated model, raised to a power."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(len(truth), n_classes))
    logits[np.arange(len(truth)), truth] += 1.5
    powers = np.exp(1.5 * sharp * logits)
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("sharp", [0.3, 1.0, 3.0])
def test_a_model_helps_however_sure_it_is(sharp: float) -> None:
    answers, truth = crowd(np.stack([coin(a, 4) for a in np.linspace(0.4, 0.8, 20)]), 1500, 2)
    probs = predictions(truth, 4, sharp)
    found = dawid_skene(answers, probs)
    right = (found.posterior.argmax(axis=1) == truth).mean()
    alone = (dawid_skene(answers).posterior.argmax(axis=1) == truth).mean()
    assert right > max(alone, (probs.argmax(axis=1) == truth).mean()) + 0.02
    assert found.model_power == pytest.approx(1 / sharp, rel=0.5)
    sure = found.posterior.max(axis=1)
    assert sure.mean() == pytest.approx(right, abs=0.03)


def test_a_model_without_a_clue_does_no_harm() -> None:
    answers, truth = crowd(np.stack([coin(a, 4) for a in np.linspace(0.5, 0.9, 20)]), 800, 3)
    wrong = predictions(np.roll(truth, 1), 4, 1.0)
    alone = dawid_skene(answers)
    found = dawid_skene(answers, wrong)
    assert found.model_power < 0.2
    agree = found.posterior.argmax(axis=1) == alone.posterior.argmax(axis=1)
    assert agree.mean() > 0.98


def test_a_model_that_has_not_seen_some_items() -> None:
    answers, truth = crowd(np.stack([coin(a, 3) for a in (0.9, 0.8, 0.7, 0.6)]), 300, 2)
    probs = predictions(truth, 3, 1.0)
    probs[::2] = np.nan
    found = dawid_skene(answers, probs)
    assert np.isfinite(found.posterior).all()
    right = found.posterior.argmax(axis=1) == truth
    assert right[1::2].mean() > right[::2].mean()


def test_answers_count_less_where_some_items_are_hard_for_everybody() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 500)
    ease = np.where(rng.random(500) < 0.3, 0.4, 0.98)
    right = rng.random((500, 10)) < ease[:, None]
    label = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, 3, (500, 10))) % 3)
    answers = answers_from(
        np.repeat(np.arange(500), 10),
        np.tile(np.arange(10), 500),
        label.reshape(-1),
        n_items=500,
        n_annotators=10,
        n_classes=3,
    )
    found = dawid_skene(answers)
    assert found.answer_power < 0.7
    alike, _ = crowd(np.stack([coin(0.85, 3)] * 10), 500, 10)
    assert dawid_skene(alike).answer_power == 1
