"""ActiveLab scores, by hand."""

import numpy as np
import pytest

from datalab._core.active_learning import (
    Judge,
    calibrated,
    equal_judge,
    labelled_scores,
    unlabelled_scores,
)
from datalab._core.multiannotator import Weights, answers_from

PROBS = np.array([[[0.9, 0.1], [0.5, 0.5]], [[0.7, 0.3], [0.2, 0.8]]])


def test_unlabelled_by_hand() -> None:
    judge = Judge(Weights(np.array([2.0, 1.0]), np.array([0.4, 0.6])), [1.0, 1.0])
    # the models disagree about the second: the mean, (.35, .65), decides
    quality = np.array([(2 * 0.9 + 0.7) / 3, (2 * 0.5 + 0.8) / 3])
    expected = (quality * 3 + 0.5 / 2) / 3.5
    assert unlabelled_scores(PROBS, judge) == pytest.approx(expected)


def test_single_labels_by_hand() -> None:
    answers = answers_from(
        np.array([1, 0]), np.array([0, 1]), np.array([1, 0]),
        n_items=2, n_annotators=2, n_classes=2,
    )  # fmt: skip
    scores, judge = labelled_scores(answers, PROBS)
    assert scores == pytest.approx([(0.8 * 3 + 0.5) / 4, (0.65 * 3 + 0.5) / 4])
    assert judge.weights.model.tolist() == [1, 1]


def test_more_answers_are_more_evidence() -> None:
    label = np.zeros(8, dtype=int)
    label[-1] = 1
    answers = answers_from(
        np.array([0, 0, 1, 1, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 2, 3, 2, 3]), label,
        n_items=3, n_annotators=4, n_classes=2,
    )  # fmt: skip
    probs = np.array([[[0.7, 0.3]] * 3])
    scores, _ = labelled_scores(answers, probs)
    assert scores[1] > scores[0] > scores[2]


def test_calibration_leaves_the_probabilities_alone() -> None:
    answers = answers_from(
        np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1]),
        n_items=2, n_annotators=2, n_classes=2,
    )  # fmt: skip
    before = PROBS.copy()
    warm, temperatures = calibrated(answers, PROBS)
    np.testing.assert_array_equal(PROBS, before)
    assert warm.shape == PROBS.shape
    assert len(temperatures) == 2
    assert equal_judge(3).temperatures == [1.0, 1.0, 1.0]
