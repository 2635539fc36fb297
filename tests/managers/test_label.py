"""Wrong labels."""

from typing import Any

import numpy as np
import pytest

from datalab import Datalab
from datalab._check import labels_and_probs
from datalab.exceptions import InputError, ManagerFailed, NotApplicable
from datalab.managers import Label
from datalab.neighbors import KNNGraph, knn_graph


@pytest.fixture
def problem() -> tuple[np.ndarray, np.ndarray]:
    """Two classes of 30 rows; the model is sure, and three labels of class 0 say 1."""
    true = np.repeat([0, 1], 30)
    probs = np.where(np.eye(2)[true] == 1, 0.9, 0.1)
    labels = true.copy()
    labels[[4, 9, 20]] = 1
    probs[[4, 9, 20]] = [[0.95, 0.05], [0.94, 0.06], [0.93, 0.07]]
    return labels, probs


def test_hand_computed(problem: Any) -> None:
    found = Label(filter_by="prune_by_noise_rate").find_issues(*labels_and_probs(*problem))
    assert np.flatnonzero(found.is_issue).tolist() == [4, 9, 20]
    labels, probs = problem
    np.testing.assert_array_equal(found.score, probs[np.arange(60), labels])
    assert found.summary == 1 - 3 / 60
    assert found.info["num_label_issues"] == 3
    assert found.info["confident_joint"].tolist() == [[27, 0], [3, 30]]
    np.testing.assert_allclose(found.info["py"].sum(), 1)
    table = found.info["classes_by_label_quality"]
    assert table["Label Issues"].tolist() == [3, 0]
    np.testing.assert_allclose(found.info["confident_thresholds"][0], probs[labels == 0, 0].mean())


def test_class_names_stand_in_the_tables(problem: Any) -> None:
    labels, probs = problem
    lab = Datalab({"y": np.array(["cat", "dog"])[labels]}, label_name="y", verbosity=0)
    lab.find_issues(["label"], pred_probs=probs)
    info = lab.get_info("label")
    assert info["classes_by_label_quality"]["Class Name"].tolist() == ["dog", "cat"]
    assert info["find_issues_inputs"] == {"features": False, "pred_probs": True}
    assert lab.worst(1)["reason"].iloc[0].startswith("model gives dog only")


def test_parameters(problem: Any) -> None:
    arrays = labels_and_probs(*problem)
    assert Label(frac_noise=0.5).find_issues(*arrays).num_issues < 3
    assert Label(filter_by="predicted_neq_given").find_issues(*arrays).num_issues == 3
    margin = Label(
        clean_learning_kwargs={"label_quality_scores_kwargs": {"method": "normalized_margin"}}
    ).find_issues(*arrays)
    p = arrays[1][4, 1]
    assert margin.score[4] == pytest.approx((p - (1 - p) + 1) / 2)
    strict = Label(thresholds=[0.99, 0.99]).find_issues(*arrays)
    assert strict.num_issues == 0
    wide = Label(health_summary_parameters={"asymmetric": True}).find_issues(*arrays)
    assert len(wide.info["overlapping_classes"]) == 2


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"filter_by": "prune_by_noise"}, "`filter_by` is 'prune_by_noise'; did you mean 'prune_"),
        ({"clean_learning_kwargs": {"seed": 1}}, "`clean_learning_kwargs` has 'seed'"),
    ],
)
def test_wrong_parameters(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Label(**parameters)


def test_wrong_thresholds_fail_with_the_reason(problem: Any) -> None:
    labels, probs = problem
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    with pytest.warns(ManagerFailed, match=r"`thresholds` has shape \(3,\); give one number"):
        lab.find_issues({"label": {"thresholds": [0.1, 0.2, 0.3]}}, pred_probs=probs)


def test_one_class_is_not_applicable() -> None:
    labels, probs = labels_and_probs([0] * 20, np.tile([0.9, 0.1], (20, 1)))
    with pytest.raises(NotApplicable, match="at least two classes, found 1"):
        Label().find_issues(labels, probs)


def test_a_class_that_no_label_uses(problem: Any) -> None:
    labels, probs = problem
    padded = np.column_stack([probs * 0.99, np.full(60, 0.01)])
    found = Label().find_issues(*labels_and_probs(labels, padded))
    assert np.flatnonzero(found.is_issue).tolist() == [4, 9, 20]
    assert all(np.isfinite(found.info[key]).all() for key in ("py", "noise_matrix"))


def test_the_adaptive_rule(problem: Any) -> None:
    labels, probs = problem
    found = Label().find_issues(*labels_and_probs(labels, probs))
    assert np.flatnonzero(found.is_issue).tolist() == [4, 9, 20]
    assert np.argsort(found.score)[:3].tolist() == [4, 9, 20]
    assert found.info["rule"] == "adaptive"
    low, high = found.info["errors_interval"]
    assert low <= found.info["errors"] <= high
    assert 3 <= high < 5
    low, high = found.info["precision_interval"]
    assert 0 <= low <= found.info["precision"] <= high <= 1
    assert Label().sum_up(found).startswith("Estimated number of wrong labels: 3 (")


def test_an_interval_that_says_nothing_is_not_told(problem: Any) -> None:
    found = Label().find_issues(*labels_and_probs(*problem))
    found.info["precision"], found.info["precision_interval"] = 0.8, (0.5, 0.97)
    assert "of those flagged about 80 % (50 % to 97 %)" in Label().sum_up(found)
    found.info["precision"], found.info["precision_interval"] = 0.5, (0.01, 1.0)
    told = Label().sum_up(found)
    assert "50 %" not in told
    assert "only a look at some of them can tell" in told


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ({}, "adaptive"),
        ({"filter_by": "both"}, "both"),
        ({"frac_noise": 0.5}, "prune_by_noise_rate"),
        ({"thresholds": [0.5, 0.5]}, "prune_by_noise_rate"),
        (
            {"clean_learning_kwargs": {"find_label_issues_kwargs": {"filter_by": "both"}}},
            "both",
        ),
        (
            {"clean_learning_kwargs": {"find_label_issues_kwargs": {"frac_noise": 0.5}}},
            "prune_by_noise_rate",
        ),
        (
            {"clean_learning_kwargs": {"label_quality_scores_kwargs": {"adjust_pred_probs": True}}},
            "adaptive",
        ),
    ],
)
def test_a_named_method_rules(problem: Any, parameters: dict[str, Any], rule: str) -> None:
    found = Label(**parameters).find_issues(*labels_and_probs(*problem))
    assert found.info["rule"] == rule
    assert ("precision" in found.info) == (rule == "adaptive")


def test_reference_rules_set_the_rule(problem: Any) -> None:
    labels, probs = problem
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    lab.find_issues(["label"], pred_probs=probs, rules="reference")
    assert "rule" not in lab.get_info("label")
    columns = ["is_label_issue", "label_score", "given_label", "predicted_label"]
    assert lab.get_issues("label").columns.tolist() == columns
    np.testing.assert_array_equal(lab.issues["label_score"], probs[np.arange(60), labels])
    assert lab.outcomes["label"].notes == ()


def test_ambiguous_rows_are_not_issues(problem: Any) -> None:
    labels, probs = problem
    probs[50] = [0.45, 0.55]
    found = Label().find_issues(*labels_and_probs(labels, probs))
    assert np.flatnonzero(found.columns["is_ambiguous"]).tolist() == [50]
    assert not found.is_issue[50]
    assert found.info["num_ambiguous"] == 1
    assert Label().sum_up(found).endswith("; ambiguous (two plausible classes): 1")


def test_neighbours_are_a_second_witness() -> None:
    """Doubtful rows, some of them mislabelled: only their neighbours tell which."""
    rng = np.random.default_rng(0)
    true = np.tile([0, 1], 200)
    features = np.column_stack([true * 10.0, np.zeros(400)]) + rng.normal(size=(400, 2))
    labels = true.copy()
    labels[:30] = 1 - labels[:30]
    probs = np.where(np.eye(2)[true] == 1, 0.7, 0.3)
    probs[20:120] = [0.5, 0.5]
    probs[20:120, 0] += rng.normal(size=100) / 100
    probs[:, 1] = 1 - probs[:, 0]
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    alone = lab.find_issues(["label"], pred_probs=probs).issues["label_score"].to_numpy()
    lab.find_issues(["label"], pred_probs=probs, features=features)
    both = lab.issues["label_score"].to_numpy()
    assert lab.get_info("label")["trust_in_neighbors"] > 0
    assert alone[20:30].mean() > 0.3
    assert both[20:30].max() < both[30:].min()
    row = lab.get_issues("label").iloc[0]
    assert row["neighbor_label"] == true[0]
    assert row["neighbor_given_share"] == pytest.approx(1 - row["neighbor_share"])
    assert "of its neighbours are 0" in lab.worst(1)["reason"].iloc[0]


def test_new_rows_are_judged_by_what_was_learnt(problem: Any) -> None:
    """The same rows again get the same flags and scores, at the cost of the new ones only."""
    labels, probs = labels_and_probs(*problem)
    found = Label().find_issues(labels, probs)
    again = Label().find_new(found, labels, probs)
    np.testing.assert_array_equal(again.is_issue, found.is_issue)
    np.testing.assert_array_equal(again.score, found.score)
    assert again.columns.keys() == found.columns.keys()
    for name, values in found.columns.items():
        np.testing.assert_array_equal(again.columns[name], values)
    named = Label(filter_by="both").find_issues(labels, probs)
    with pytest.raises(NotApplicable, match="a named method counts all rows together"):
        Label(filter_by="both").find_new(named, labels, probs)


def test_new_rows_and_their_neighbours(problem: Any) -> None:
    labels, probs = labels_and_probs(*problem)
    places = np.arange(60.0)[:, None] + 1000 * (problem[0][:, None] == 1)
    found = Label().find_issues(labels, probs, knn_graph=knn_graph(places, 5))
    new_labels, new_probs = labels_and_probs([0, 1], [[0.1, 0.9], [0.1, 0.9]])
    around = KNNGraph(np.tile(np.arange(40, 45), (2, 1)), np.ones((2, 5), np.float32), "euclidean")
    judged = Label().find_new(found, new_labels, new_probs, around)
    assert judged.is_issue.tolist() == [True, False]
    assert judged.columns["neighbor_label"].tolist() == [1, 1]
    assert judged.columns["neighbor_given_share"].tolist() == [0, 1]
    with pytest.raises(NotApplicable, match="needs the neighbours of the new rows"):
        Label().find_new(found, new_labels, new_probs)


def test_a_model_that_knows_nothing_flags_nothing() -> None:
    rng = np.random.default_rng(0)
    labels, probs = rng.integers(3, size=300), rng.dirichlet(np.ones(3), size=300)
    found = Label().find_issues(*labels_and_probs(labels, probs))
    assert found.num_issues == 0
    assert Label().sum_up(found).startswith("The probabilities agree with the labels no more often")


def test_a_weak_model_does_not_promise_that_its_many_flags_are_right() -> None:
    rng = np.random.default_rng(0)
    labels, probs = rng.integers(30, size=400), rng.dirichlet(np.ones(30), size=400)
    known = rng.random(400) < 0.1
    probs[known, labels[known]] += 2
    probs /= probs.sum(axis=1, keepdims=True)
    found = Label().find_issues(*labels_and_probs(labels, probs))
    assert found.num_issues > 200
    told = Label().sum_up(found)
    assert told.startswith("More than half of the labels are flagged: the model is too weak")
    assert "of those flagged" not in told


def test_order_of_rows_and_of_classes_does_not_matter(problem: Any) -> None:
    labels, probs = problem
    flags = Label().find_issues(*labels_and_probs(labels, probs)).is_issue
    order = np.random.default_rng(0).permutation(60)
    shuffled = Label().find_issues(*labels_and_probs(labels[order], probs[order])).is_issue
    np.testing.assert_array_equal(shuffled, flags[order])
    renamed = Label().find_issues(*labels_and_probs(1 - labels, probs[:, ::-1])).is_issue
    np.testing.assert_array_equal(renamed, flags)


def test_explains_in_words() -> None:
    row = {"score": 0.012, "given_label": "cat", "predicted_label": "dog"}
    full = {**row, "given_probability": 0.012, "predicted_probability": 0.62}
    assert Label().explain(full) == "model gives cat only 1 %; dog has 62 %"
    assert Label().explain(row) == "model gives cat only 1 %; it suggests dog"
    assert Label().explain({**row, "predicted_label": "cat"}) == "model gives cat only 1 %"
    around = {"neighbor_label": "dog", "neighbor_share": 0.9, "neighbor_given_share": 0.1}
    assert Label().explain({**full, **around, "given_threshold": 0.8}) == (
        "model gives cat only 1 % (usually 80 %); dog has 62 %; 90 % of its neighbours are dog, "
        "10 % cat"
    )
    alike = {"neighbor_label": "cat", "neighbor_share": 0.6, "neighbor_given_share": 0.6}
    assert Label().explain({**full, **alike}).endswith("; 60 % of its neighbours are cat")
    alone = {"neighbor_label": None, "neighbor_share": np.nan, "neighbor_given_share": np.nan}
    assert Label().explain({**full, **alone}).endswith("dog has 62 %")


def test_known_rules_are_listed_once() -> None:
    with pytest.raises(InputError, match="known: ") as told:
        Label(filter_by="x")
    assert str(told.value).count("adaptive") == 1
    Label(filter_by="adaptive")
