"""Sets of labels that are probably wrong."""

from typing import Any

import numpy as np
import pytest

from datalab import Datalab
from datalab.exceptions import InputError, InputTypeError
from datalab.managers import MultilabelLabel
from datalab.multilabel_classification import get_label_quality_scores
from datalab.multilabel_classification.filter import find_label_issues


@pytest.fixture
def made() -> Any:
    """Sets of up to three classes; in the first rows one class is missing or too much."""
    rng = np.random.default_rng(0)
    true = rng.random((200, 3)) < 0.5
    probs = np.clip(0.1 + 0.8 * true + 0.05 * rng.normal(size=true.shape), 0, 1)
    given = true.copy()
    given[:6, 1] ^= True
    return [np.flatnonzero(row).tolist() for row in given], probs


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"filter_by": "both"},
        {"filter_by": "low_normalized_margin"},
        {"frac_noise": 0.5},
        {"num_to_remove_per_class": [0, 2, 0]},
        {"low_memory": True},
    ],
    ids=str,
)
def test_flags_are_those_of_the_function(made: Any, options: dict[str, Any]) -> None:
    sets, probs = made
    found = MultilabelLabel(**options).find_issues(sets, probs)
    assert np.array_equal(found.is_issue, find_label_issues(sets, probs, **options))
    assert found.num_issues > 0
    assert found.is_issue[6:].sum() == 0


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": "normalized_margin"},
        {"adjust_pred_probs": True},
        {"aggregator_kwargs": {"method": "softmin", "temperature": 0.2}},
    ],
    ids=str,
)
def test_scores_are_those_of_the_function(made: Any, options: dict[str, Any]) -> None:
    sets, probs = made
    found = MultilabelLabel(**options).find_issues(sets, probs)
    np.testing.assert_allclose(found.score, get_label_quality_scores(sets, probs, **options))
    assert found.summary == pytest.approx(found.score.mean())


def test_columns_through_the_lab(made: Any) -> None:
    sets, probs = made
    names = ["ant", "bee", "cat"]
    named = [[names[k] for k in one] for one in sets]
    lab = Datalab({"y": named}, task="multilabel", label_name="y", verbosity=0)
    lab.find_issues(["label"], pred_probs=probs)
    issues = lab.get_issues("label")
    assert issues["given_label"].tolist() == named
    likely = [[names[k] for k in np.flatnonzero(row > 0.5)] for row in probs]
    assert issues["predicted_label"].tolist() == likely
    flagged = issues[issues["is_label_issue"]]
    assert set(flagged["class_in_doubt"]) == {"bee"}
    assert flagged["is_given"].tolist() == ["bee" in named[row] for row in flagged.index]
    assert lab.get_info("label")["class_names"] == names
    for row, reason in lab.worst(6)["reason"].items():
        told = "bee is given, but has" if "bee" in named[row] else "bee is not given, but has"  # type: ignore[index]
        assert reason.startswith(told)


def test_reference_columns(made: Any) -> None:
    sets, probs = made
    lab = Datalab({"y": sets}, task="multilabel", label_name="y", verbosity=0)
    lab.find_issues(["label"], pred_probs=probs, rules="reference")
    columns = ["is_label_issue", "label_score", "given_label", "predicted_label"]
    assert lab.get_issues("label").columns.tolist() == columns
    assert "but the model predicts" in lab.worst(1)["reason"].iloc[0]
    told = MultilabelLabel().explain({"given_label": [], "predicted_label": ["a", "b"]})
    assert told == "labelled no class, but the model predicts a, b"


def test_missing_sets_are_left_out(made: Any) -> None:
    sets, probs = made
    some = [None if i in (7, 9) else one for i, one in enumerate(sets)]
    lab = Datalab({"y": some}, task="multilabel", label_name="y", verbosity=0)
    lab.find_issues(["label"], pred_probs=probs)
    issues = lab.get_issues("label")
    assert np.flatnonzero(issues["is_label_issue"].isna()).tolist() == [7, 9]
    assert issues["is_label_issue"][:6].all()


def test_without_probabilities(made: Any) -> None:
    lab = Datalab({"y": made[0]}, task="multilabel", label_name="y", verbosity=0)
    lab.find_issues(["label"], features=np.zeros((200, 2)))
    assert lab.outcomes["label"].status == "not applicable"
    assert "pred_probs" in lab.outcomes["label"].reason


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"filter_by": "bot"}, InputError, "did you mean 'both'"),
        ({"method": "self"}, InputError, "`method` is 'self'"),
        ({"aggregator_kwargs": {"alpha": 1}}, InputTypeError, "must name its method"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        MultilabelLabel(**parameters)
