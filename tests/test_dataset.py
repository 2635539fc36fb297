"""The door of health statistics: what can be given, tables, errors that say what to do."""

import logging

import numpy as np
import pytest

from datalab import dataset as door
from datalab.exceptions import InputError, InputWarning

LABELS = [0, 0, 1, 1]
PROBS = [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.9, 0.1]]
JOINT = [[0.5, 0.0], [0.25, 0.25]]


def test_tables_by_hand():
    table = door.rank_classes_by_label_quality(LABELS, PROBS, class_names=["cat", "dog"])
    assert table.columns.tolist() == [
        "Class Name",
        "Class Index",
        "Label Issues",
        "Inverse Label Issues",
        "Label Noise",
        "Inverse Label Noise",
        "Label Quality Score",
    ]
    assert table["Class Name"].tolist() == ["dog", "cat"]
    assert table["Label Issues"].tolist() == [1, 0]
    assert table["Inverse Label Issues"].tolist() == [0, 1]
    np.testing.assert_allclose(table["Label Quality Score"], [0.5, 1.0])
    overlap = door.find_overlapping_classes(LABELS, PROBS, class_names=["cat", "dog"])
    assert overlap.iloc[0].tolist() == ["cat", "dog", 0, 1, 1, 0.25]
    both = door.find_overlapping_classes(LABELS, PROBS, asymmetric=True)
    assert both[["Class Index A", "Class Index B"]].values.tolist() == [[1, 0], [0, 1]]
    assert both["Num Overlapping Examples"].tolist() == [1, 0]


@pytest.mark.parametrize(
    "given",
    [
        {"labels": LABELS, "pred_probs": PROBS},
        {"joint": JOINT, "num_examples": 4},
        {"joint": JOINT, "labels": LABELS},
        {"confident_joint": [[2, 0], [1, 1]]},
        {"confident_joint": [[4, 0], [3, 3]], "labels": LABELS},
    ],
    ids=lambda given: " and ".join(given),
)
def test_what_can_be_given(given):
    summary = door.health_summary(**given, verbose=False)
    assert summary["overall_label_health_score"] == pytest.approx(0.75)
    assert isinstance(summary["overall_label_health_score"], float)
    np.testing.assert_allclose(summary["joint"], JOINT)
    assert summary["classes_by_label_quality"]["Label Issues"].tolist() == [1, 0]
    assert summary["overlapping_classes"]["Num Overlapping Examples"].tolist() == [1]
    assert door.overall_label_health_score(**given) == pytest.approx(0.75)


def test_verbose_is_logged_not_printed(caplog, capsys):
    with caplog.at_level(logging.INFO, logger="datalab"):
        door.health_summary(LABELS, PROBS)
    assert "Label Quality Score" in caplog.text
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "function",
    [
        door.rank_classes_by_label_quality,
        door.find_overlapping_classes,
        door.overall_label_health_score,
        door.health_summary,
    ],
)
def test_errors_say_what_to_do(function):
    with pytest.raises(InputError, match="datalab.multilabel_classification.dataset"):
        function(LABELS, PROBS, multi_label=True)
    with pytest.raises(InputError, match="`labels` and `pred_probs`, or `joint`"):
        function()
    with pytest.raises(InputError, match="num_examples"):
        function(joint=JOINT)
    with pytest.raises(InputError, match=r"\(K, K\).*\(1, 2\)"):
        function(joint=[[0.5, 0.5]], num_examples=2)
    for size in (0, -5, "a"):
        with pytest.raises(InputError, match="`num_examples` must be"):
            function(joint=JOINT, num_examples=size)
    with pytest.raises(InputError, match="`joint` sums to 4; .*`confident_joint`"):
        function(joint=[[2, 0], [1, 1]], num_examples=4)
    with pytest.raises(InputError, match="`confident_joint` holds nothing but zeros"):
        function(confident_joint=[[0, 0], [0, 0]])
    with pytest.raises(InputError, match="goes up to 1 but the joint has 1"):
        function(labels=LABELS, confident_joint=[[4]])


def test_the_score_of_labels_ignores_a_joint():
    for given in ({"joint": JOINT}, {"confident_joint": [[2, 0], [1, 1]]}):
        with pytest.warns(InputWarning, match="are ignored with `labels` and `pred_probs`"):
            score = door.overall_label_health_score(LABELS, PROBS, **given)
        assert score == door.overall_label_health_score(LABELS, PROBS)


def test_names_must_fit():
    with pytest.raises(InputError, match="`class_names` has 1 names but there are 2"):
        door.rank_classes_by_label_quality(LABELS, PROBS, class_names=["cat"])
    with pytest.raises(InputError, match="2 different classes"):
        door.health_summary([0, 0, 0, 0], PROBS)
