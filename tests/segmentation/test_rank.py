"""Scores of images and pixels, and the issues below a threshold."""

import numpy as np
import pytest

from datalab.exceptions import InputError
from datalab.segmentation.rank import get_label_quality_scores, issues_from_scores

LABELS = np.array([[[0, 1], [1, 1]], [[0, 0], [0, 1]]])
P = np.array([[[0.9, 0.2], [0.1, 0.3]], [[0.6, 0.9], [0.1, 0.4]]])
PROBS = np.stack([P, 1 - P], axis=1)


def test_pixel_scores_are_the_probabilities_of_the_labels():
    _, pixels = get_label_quality_scores(LABELS, PROBS)
    assert pixels == pytest.approx(np.array([[[0.9, 0.8], [0.9, 0.7]], [[0.6, 0.9], [0.1, 0.6]]]))


def test_float32_stays_float32():
    _, pixels = get_label_quality_scores(LABELS, PROBS.astype(np.float32))
    assert pixels.dtype == np.float32


def test_share_of_pixels_without_issue():
    # Class 0 has the threshold .625, class 1 .75: no pixel is confidently of another class but
    # the third one of the second image.
    scores, _ = get_label_quality_scores(LABELS, PROBS, method="num_pixel_issues")
    assert scores == pytest.approx([1.0, 0.75])


@pytest.mark.parametrize("method", ["mean", None])
def test_unknown_method(method):
    with pytest.raises(ValueError, match="`method`"):
        get_label_quality_scores(LABELS, PROBS, method=method)


@pytest.mark.parametrize("temperature", [0, None, "1"])
def test_temperature_is_a_number_other_than_0(temperature):
    with pytest.raises(InputError, match="`temperature` must"):
        get_label_quality_scores(LABELS, PROBS, temperature=temperature)


def test_labels_beyond_the_channels():
    with pytest.raises(InputError, match="goes up to 2 but `pred_probs` has 2 classes"):
        get_label_quality_scores(LABELS + 1, PROBS)


def test_issues_from_scores_are_exactly_those_below():
    assert issues_from_scores([0.5, 0.1, 0.05, 0.09]).tolist() == [2, 3]
    assert issues_from_scores([0.5, 0.2]).tolist() == []
    assert issues_from_scores([0.05, 0.05]).tolist() == [0, 1]
    mask = issues_from_scores([0.5], [[[0.05, 0.1]]])
    assert mask.tolist() == [[[True, False]]]


@pytest.mark.parametrize("threshold", [-0.1, 1.1, "a lot"])
def test_threshold_lies_between_0_and_1(threshold):
    with pytest.raises(ValueError, match="`threshold`"):
        issues_from_scores([0.5], threshold=threshold)


def test_no_scores():
    with pytest.raises(ValueError, match="`image_scores` is None"):
        issues_from_scores(None)
