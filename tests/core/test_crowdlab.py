"""CROWDLAB by the formulas of the paper, and temperatures."""

import numpy as np
import pytest

from datalab._core.crowdlab import annotator_quality, crowdlab, fit_temperature, tempered
from datalab._core.multiannotator import agreement_with, answers_from

WIDE = np.array([[0, 0, 1], [1, 1, -1], [0, -1, 1], [1, 1, 1], [-1, 0, -1]])
PROBS = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7], [0.6, 0.4]])


def example():
    item, annotator = np.nonzero(WIDE >= 0)
    return answers_from(
        item, annotator, WIDE[item, annotator], n_items=5, n_annotators=3, n_classes=2
    )


def test_by_hand() -> None:
    answers = example()
    consensus = np.array([0, 1, 1, 1, 0])
    found = crowdlab(answers, PROBS[None])(consensus)
    # four items have several answers; 1 is the commonest class there: an error of 1/4
    baseline = 1 / 4
    peers = np.array([1 + 1 + 0 + 2, 1 + 1 + 2, 0 + 0 + 2]) / np.array([6, 5, 5])
    expected = np.maximum(1 - (1 - peers) / baseline, 1e-6)
    assert found.weights.annotator == pytest.approx(expected)
    model = (1 - 0 / baseline) * np.sqrt(11 / 5)
    assert found.weights.model == pytest.approx([model])
    right = (2 / 3 + 1 + 1 / 2 + 1) / 4
    first = model * PROBS[0] + expected[:2].sum() * np.array([right, 1 - right])
    first += expected[2] * np.array([1 - right, right])
    assert found.posterior[0] == pytest.approx(first / (model + expected.sum()))
    assert found.posterior.sum(axis=1) == pytest.approx(1)
    scores = answers.at_label(found.posterior)
    quality = annotator_quality(answers, consensus, scores, found)
    share = model / (model + expected.mean() * 11 / 5)
    mean_score = [scores[answers.annotator == a].mean() for a in range(3)]
    agreed = agreement_with(answers, consensus, shared=True)
    assert quality == pytest.approx(share * np.array(mean_score) + (1 - share) * agreed)


def test_everybody_agrees_on_one_class() -> None:
    answers = answers_from(
        np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.zeros(4, dtype=int),
        n_items=2, n_annotators=2, n_classes=3,
    )  # fmt: skip
    found = crowdlab(answers, np.full((1, 2, 3), 1 / 3))(np.zeros(2, dtype=int))
    assert np.isfinite(found.posterior).all()
    assert found.posterior.argmax(axis=1).tolist() == [0, 0]


def test_temperature_is_the_best_of_the_grid() -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(4), 500)
    for truth in (0.5, 2.0, 4.0):
        shares = tempered(probs, truth)
        assert fit_temperature(probs, shares) == pytest.approx(truth, rel=0.15)
        assert fit_temperature(probs**2 / (probs**2).sum(1, keepdims=True), shares) == (
            pytest.approx(2 * truth, rel=0.15)
        )


def test_tempered_rows_sum_to_one() -> None:
    probs = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 0.0]])
    for temperature in (0.1, 1.0, 8.0):
        warm = tempered(probs, temperature)
        assert warm.sum(axis=1) == pytest.approx(1)
        assert (warm.argmax(axis=1) == probs.argmax(axis=1)).all()
