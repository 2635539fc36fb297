"""The door of multi-label health statistics."""

import logging

import numpy as np
import pytest

from datalab.count import compute_confident_joint
from datalab.exceptions import InputError
from datalab.multilabel_classification import dataset as door
from datalab.multilabel_classification.filter import find_multilabel_issues_per_class

LABELS = [[0], [0], [1], [1], [0, 1], []]
PROBS = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.9, 0.1], [0.7, 0.8], [0.2, 0.3]]


def test_tables_count_the_flags():
    flags = find_multilabel_issues_per_class(LABELS, PROBS)
    table = door.common_multilabel_issues(LABELS, PROBS, class_names=["cat", "dog"])
    assert table["Num Examples"].sum() == flags.sum()
    assert table.iloc[0].tolist() == ["cat", 0, False, True, 1, pytest.approx(1 / 6)]
    ranking = door.rank_classes_by_multilabel_quality(LABELS, PROBS)
    np.testing.assert_allclose(ranking["Label Quality Score"], 1 - ranking["Label Noise"])
    assert door.overall_multilabel_health_score(LABELS, PROBS) == pytest.approx(
        1 - flags.any(axis=1).mean()
    )


def test_a_given_joint_is_used():
    joint = compute_confident_joint(LABELS, PROBS, multi_label=True)
    nothing = np.array([np.diag(table.sum(axis=1)) for table in joint])
    for options in ({"confident_joint": nothing}, {"joint": nothing / 6}):
        table = door.rank_classes_by_multilabel_quality(LABELS, PROBS, **options)
        assert table["Label Issues"].sum() == 0
    summary = door.multilabel_health_summary(LABELS, PROBS, confident_joint=nothing)
    assert summary["overall_multilabel_health_score"] == 1
    assert summary["classes_by_multilabel_quality"]["Label Noise"].sum() == 0
    with pytest.raises(InputError, match=r"`joint` must have shape \(2, 2, 2\)"):
        door.rank_classes_by_multilabel_quality(LABELS, PROBS, joint=np.eye(2))


def test_names_and_log(caplog, capsys):
    with caplog.at_level(logging.INFO, logger="datalab"):
        summary = door.multilabel_health_summary(LABELS, PROBS, class_names=iter(["cat", "dog"]))
    assert set(summary["common_multilabel_issues"]["Class Name"]) == {"cat", "dog"}
    assert "common multilabel issues" in caplog.text
    assert capsys.readouterr().out == ""
    with pytest.raises(InputError, match="1 names but there are 2"):
        door.common_multilabel_issues(LABELS, PROBS, class_names=["cat"])
