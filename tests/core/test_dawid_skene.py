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
