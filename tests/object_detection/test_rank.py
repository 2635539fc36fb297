"""Scores of annotated images: what is accepted, what is refused, and how it is said."""

import logging

import numpy as np
import pytest

from datalab.exceptions import InputError, InputWarning
from datalab.object_detection import rank

BOX = [0, 0, 10, 10]
LABELS = [{"bboxes": np.array([BOX]), "labels": np.array([0])}]
PREDICTIONS = [[np.array([[5, 0, 15, 10, 0.9]]), np.empty((0, 5))]]


def test_lists_are_as_good_as_arrays():
    lists = [{"bboxes": [BOX], "labels": [0]}], [[[[5, 0, 15, 10, 0.9]], []]]
    stacked = LABELS, [np.array([[[5, 0, 15, 10, 0.9]]])]
    expected = rank.get_label_quality_scores(LABELS, PREDICTIONS)
    assert expected == pytest.approx([(0.3 + 0.1 * np.exp(-0.5)) ** (1 / 3)])
    for given in (lists, stacked, (tuple(LABELS), tuple(PREDICTIONS))):
        np.testing.assert_array_equal(rank.get_label_quality_scores(*given), expected)


def test_inputs_are_not_changed():
    labels = [{"bboxes": np.array([[0.0, 0, 10, 10]]), "labels": np.array([0.0])}]
    predictions = [[np.array([[5.0, 0, 15, 10, 0.9]])]]
    kept = labels[0]["bboxes"].copy(), predictions[0][0].copy()
    rank.get_label_quality_scores(labels, predictions)
    np.testing.assert_array_equal(labels[0]["bboxes"], kept[0])
    np.testing.assert_array_equal(predictions[0][0], kept[1])


@pytest.mark.parametrize(
    ("labels", "predictions", "said"),
    [
        (None, PREDICTIONS, "give both"),
        (LABELS, None, "give both"),
        ("images", PREDICTIONS, "one entry per image, got str"),
        (LABELS * 2, PREDICTIONS, "`labels` has 2 images but `predictions` has 1"),
        ([[BOX]], PREDICTIONS, r"`labels\[0\]` must be a dict"),
        ([{"labels": [0]}], PREDICTIONS, r"keys 'bboxes' and 'labels', got \['labels'\]"),
        ([{"bboxes": [[0, 0, 1]], "labels": [0]}], PREDICTIONS, r"4 columns .*shape \(1, 3\)"),
        ([{"bboxes": [BOX], "labels": [0, 1]}], PREDICTIONS, "one class per box"),
        ([{"bboxes": [BOX], "labels": ["cat"]}], PREDICTIONS, "integers 0..K-1, got"),
        ([{"bboxes": [BOX], "labels": [-1]}], PREDICTIONS, "integers 0..K-1, got -1"),
        ([{"bboxes": [BOX], "labels": [5]}], PREDICTIONS, "names class 5 .* has 2 arrays"),
        ([{"bboxes": [[0, 0, np.nan, 1]], "labels": [0]}], PREDICTIONS, "not finite"),
        (LABELS, [3], r"`predictions\[0\]` must be a list of arrays"),
        (LABELS, [np.array([[0, 0, 1, 1, 0.9]])], r"5 columns .*shape \(5,\)"),
        (LABELS, [[np.zeros((1, 4)), []]], r"5 columns .*shape \(1, 4\)"),
        (LABELS, [[[[*BOX, 1.5]], []]], "probabilities in"),
        (LABELS * 2, [PREDICTIONS[0], [[]]], r"`predictions\[1\]` has 1 arrays"),
    ],
)
def test_wrong_inputs_are_refused(labels, predictions, said):
    with pytest.raises(InputError, match=said):
        rank.get_label_quality_scores(labels, predictions)
    with pytest.raises(ValueError, match=said):
        rank.compute_badloc_box_scores(labels=labels, predictions=predictions)


def test_width_and_height_instead_of_corners_is_noticed():
    labels = [{"bboxes": [[50, 50, 10, 10]], "labels": [0]}]
    with pytest.warns(InputWarning, match="not .*width, height"):
        rank.compute_badloc_box_scores(labels=labels, predictions=PREDICTIONS)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"overlooked": 1.0}, "must be a dict with the keys"),
        ([1, 0, 0], "must be a dict with the keys"),
        ({"overlooked": 0.5, "swap": 0.5, "badloc": 0.5}, "must sum to 1"),
        ({"overlooked": -1, "swap": 1, "badloc": 1}, "must not be negative"),
    ],
)
def test_weights(weights, said):
    with pytest.raises(InputError, match=said):
        rank.get_label_quality_scores(LABELS, PREDICTIONS, aggregation_weights=weights)


@pytest.mark.parametrize("name", ["alpha", "low_probability_threshold"])
@pytest.mark.parametrize("value", [-0.1, 1.1, "a lot"])
def test_options_lie_between_0_and_1(name, value):
    with pytest.raises(InputError, match=f"`{name}`"):
        rank.compute_badloc_box_scores(labels=LABELS, predictions=PREDICTIONS, **{name: value})


def test_verbose_goes_to_the_log(caplog, capsys):
    with caplog.at_level(logging.INFO, logger="datalab"):
        rank.get_label_quality_scores(LABELS, PREDICTIONS, verbose=True)
        assert "1 images with 1 annotated and 1 predicted boxes" in caplog.text
        caplog.clear()
        rank.get_label_quality_scores(LABELS, PREDICTIONS, verbose=False)
        assert not caplog.text
    assert capsys.readouterr() == ("", "")


def test_auxiliary_inputs_stand_for_both():
    auxiliary = [
        {
            "lab_bboxes": [BOX],
            "lab_labels": [0],
            "pred_bboxes": [[5, 0, 15, 10]],
            "pred_labels": [0],
            "pred_label_probs": [0.9],
        }
    ]
    scores = rank.compute_badloc_box_scores(auxiliary_inputs=auxiliary)
    assert scores[0] == pytest.approx([0.3 + 0.1 * np.exp(-0.5)])
    with pytest.raises(InputError, match="'lab_bboxes' and 'lab_labels'"):
        rank.compute_badloc_box_scores(auxiliary_inputs=[{}])


def test_issues_from_scores():
    assert rank.issues_from_scores([0.5, 0.1, 0.05, 0.1]).tolist() == [2, 1, 3]
    assert rank.issues_from_scores([0.5, 0.1], threshold=-1).tolist() == []
    with pytest.raises(ValueError, match="at most 1"):
        rank.issues_from_scores([0.5], threshold=1.5)
    with pytest.raises(InputError, match="one score per image"):
        rank.issues_from_scores([[0.5]])


def test_pooling_takes_lists():
    pooled = rank.pool_box_scores_per_image([[0.1, 0.1], [np.nan], []])
    assert pooled == pytest.approx([0.1, 1.0, 1.0])
    assert rank.pool_box_scores_per_image([]).shape == (0,)
    with pytest.raises(InputError, match="one flat array per image"):
        rank.pool_box_scores_per_image([[[0.1]]])


def test_no_images():
    assert rank.get_label_quality_scores([], []).shape == (0,)
    assert rank.compute_swap_box_scores(labels=[], predictions=[]) == []
