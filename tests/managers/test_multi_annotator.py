"""The multi_annotator check: consensus, doubt, and labels that the annotators contradict."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from datalab import Datalab
from datalab._data.annotations import Annotations, read_annotations
from datalab.exceptions import InputError, NotApplicable
from datalab.managers.multi_annotator import MultiAnnotator

ACCURACY = {"ann": 0.95, "bob": 0.85, "cleo": 0.7}


def simulated(truth: np.ndarray, asked: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """Answers of three annotators of known accuracy; everybody skips some rows."""
    rng = np.random.default_rng(seed)
    n_classes = truth.max() + 1
    columns = {}
    for name, accuracy in ACCURACY.items():
        wrong = (truth + rng.integers(1, n_classes, len(truth))) % n_classes
        answer = np.where(rng.random(len(truth)) < accuracy, truth, wrong).astype(float)
        answer[rng.random(len(truth)) >= asked] = np.nan
        columns[name] = answer
    return pd.DataFrame(columns)


def read(table: Any, **options: Any) -> Annotations:
    return read_annotations(table, n_rows=len(table), **options)[0]


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Truth, out-of-sample probabilities of a model trained on the majority, and answers."""
    features, truth = load_digits(return_X_y=True)
    features, truth = features[:900], truth[:900]
    answers = simulated(truth, asked=0.8)
    answers.loc[answers.isna().all(axis=1), "ann"] = 0
    majority = answers.mode(axis=1)[0].astype(int)
    model = LogisticRegression(C=0.01, max_iter=200)
    probs = cross_val_predict(model, features / 16, majority, cv=3, method="predict_proba")
    return truth, probs, answers


def test_flags_without_a_model_hold_most_of_the_wrong_labels(digits: Any) -> None:
    truth, _, answers = digits
    found = MultiAnnotator().find_issues(read(answers))
    wrong = found.columns["consensus_label"] != truth
    flagged = found.is_issue
    assert 0 < flagged.mean() < 0.2  # not half of the data
    assert wrong[flagged].mean() > 5 * wrong[~flagged].mean()
    assert found.info["method"] == "Dawid-Skene"


def test_flags_with_a_model(digits: Any) -> None:
    truth, probs, answers = digits
    without = MultiAnnotator().find_issues(read(answers))
    found = MultiAnnotator().find_issues(read(answers), probs)
    wrong = found.columns["consensus_label"] != truth
    assert wrong.mean() < 0.6 * (without.columns["consensus_label"] != truth).mean()
    assert 0 < found.is_issue.mean() < 0.1
    assert wrong[found.is_issue].mean() > 10 * wrong[~found.is_issue].mean()
    # The score is a probability: it says how many are wrong.
    assert found.score.mean() == pytest.approx(1 - wrong.mean(), abs=0.02)
    assert found.info["method"] == "Dawid-Skene with the model"
    assert found.info["weights"]["model"] > 1  # the model is less sure than it could be


def test_crowdlab_on_request(digits: Any) -> None:
    truth, probs, answers = digits
    found = MultiAnnotator(method="crowdlab").find_issues(read(answers), probs)
    assert found.info["method"] == "CROWDLAB"
    assert set(found.info["weights"]) == {"model", "annotators"}
    wrong = found.columns["consensus_label"] != truth
    assert 0 < found.is_issue.mean() < 0.2
    assert wrong[found.is_issue].mean() > 10 * wrong[~found.is_issue].mean()
    with pytest.raises(NotApplicable, match="needs pred_probs"):
        MultiAnnotator(method="crowdlab").find_issues(read(answers))


def test_annotators_in_order_of_reliability(digits: Any) -> None:
    _, probs, answers = digits
    for given in (None, probs):
        stats = MultiAnnotator().find_issues(read(answers), given).info["annotator_stats"]
        assert stats.index.tolist() == ["cleo", "bob", "ann"]
        assert stats.index.name == "annotator"
        assert stats["annotator_quality"].tolist() == pytest.approx([0.7, 0.85, 0.95], abs=0.04)
        assert stats["num_examples_labeled"].tolist() == [
            int(answers[name].notna().sum()) for name in stats.index
        ]
        assert stats["agreement_with_consensus"].between(0, 1).all()
        assert stats["worst_class"].isin(range(10)).all()


def test_labels_that_the_annotators_contradict(digits: Any) -> None:
    truth, _, answers = digits
    rng = np.random.default_rng(1)
    planted = rng.random(len(truth)) < 0.05
    labels = np.where(planted, (truth + 1) % 10, truth)
    labels[:20] = -1  # not labelled: judged by the consensus alone
    found = MultiAnnotator().find_issues(read(answers), labels=labels)
    columns = found.columns
    assert columns["given_label"].tolist() == labels.tolist()
    sure = columns["consensus_quality"] >= 0.7
    differs = (labels >= 0) & (columns["consensus_label"] != labels)
    assert found.is_issue[differs].all()
    assert not found.is_issue[sure & ~differs].any()
    assert found.is_issue[planted & (labels >= 0)].mean() > 0.9
    assert (found.score[differs & sure] <= 0.3 + 1e-12).all()
    np.testing.assert_array_equal(found.score[:20], columns["consensus_quality"][:20])


def test_rows_without_annotations_are_left_out() -> None:
    table = [[0, 0], [None, None], [1, 1], [0, 1], [None, 0]]
    found = MultiAnnotator().find_issues(read(table), labels=np.array([0, 1, 1, 0, 0]))
    assert found.rows is not None
    assert found.rows.tolist() == [0, 2, 3, 4]
    assert found.columns["num_annotations"].tolist() == [2, 2, 2, 1]
    assert found.columns["given_label"].tolist() == [0, 1, 0, 0]


def test_everybody_agrees() -> None:
    truth = np.tile([0, 1, 2], 20)
    table = np.stack([truth] * 3, axis=1)
    for labels in (None, truth):
        found = MultiAnnotator().find_issues(read(table), labels=labels)
        assert found.num_issues == 0
        assert found.columns["consensus_label"].tolist() == truth.tolist()
        assert (found.columns["annotator_agreement"] == 1).all()


def test_one_answer_per_row_says_nothing() -> None:
    table = np.full((6, 3), -1)
    table[np.arange(6), np.arange(6) % 3] = [0, 1, 0, 1, 1, 0]
    with pytest.raises(NotApplicable, match="every row has a single answer"):
        MultiAnnotator().find_issues(read(table))
    with pytest.raises(NotApplicable, match="every row has a single answer"):
        MultiAnnotator(method="crowdlab").find_issues(read(table), np.full((6, 2), 0.5))
    with pytest.raises(NotApplicable, match="single answer"):
        MultiAnnotator().find_issues(read([[0], [1]]))


def test_an_annotator_with_a_single_label() -> None:
    table = np.stack([np.tile([0.0, 1.0], 15)] * 3, axis=1)
    table[1:, 2] = np.nan
    table[0, 2] = 1  # and it is wrong
    found = MultiAnnotator().find_issues(read(table))
    stats = found.info["annotator_stats"]
    assert stats.index.tolist()[0] == 2
    assert 0.5 < stats["annotator_quality"].iloc[0] < 0.95  # one mistake is no verdict
    assert found.columns["consensus_label"][0] == 0


def test_a_class_that_nobody_gave_and_a_row_the_model_has_not_seen() -> None:
    table = np.tile([[0, 0, 1], [1, 1, 1], [0, 0, 0]], (10, 1))
    probs = np.tile([[0.6, 0.2, 0.2], [0.1, 0.8, 0.1], [0.9, 0.05, 0.05]], (10, 1))
    probs[4] = np.nan
    for method in ("dawid_skene", "crowdlab"):
        found = MultiAnnotator(method=method).find_issues(read(table, classes=(0, 1, 2)), probs)
        assert np.isfinite(found.score).all()
        assert found.columns["consensus_label"][:3].tolist() == [0, 1, 0]
    with pytest.raises(InputError, match="`pred_probs` has 1 columns but there are 2 classes"):
        MultiAnnotator().find_issues(read(table), probs[:, :1])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"min_quality": 2}, "`min_quality` must be a number in"),
        ({"method": "crowd_lab"}, "did you mean 'crowdlab'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        MultiAnnotator(**options)


def test_min_quality_is_the_cut(digits: Any) -> None:
    _, _, answers = digits
    counts = [
        MultiAnnotator(min_quality=cut).find_issues(read(answers)).num_issues
        for cut in (0.0, 0.5, 0.7, 0.9)
    ]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] > counts[1]


def test_single_answers_are_judged_by_a_model() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 600)
    asked, probs = rng.integers(0, 4, 600), np.full((600, 3), 0.1)
    probs[np.arange(600), truth] = 0.8
    spammer = asked == 3
    answer = np.where(spammer, rng.integers(0, 3, 600), truth)
    table = np.full((600, 4), -1)
    table[np.arange(600), asked] = answer
    found = MultiAnnotator().find_issues(read(table), probs)
    assert (found.columns["consensus_label"] == truth).mean() > 0.97
    assert found.info["annotator_stats"].index[0] == 3


def test_known_truths_are_the_consensus_and_judge_annotators() -> None:
    # Two of three always say 1; only the known truths tell that the third one is right.
    truth = np.tile([0, 0, 0, 1], 50)
    table = np.column_stack([np.where(np.arange(200) % 5, 1, truth)] * 2 + [truth])
    gold = np.where(np.arange(200) % 2, -1, truth)
    blind = MultiAnnotator().find_issues(read(table))
    found = MultiAnnotator(gold=gold).find_issues(read(table))
    at = gold >= 0
    assert (found.columns["consensus_label"][at] == truth[at]).all()
    assert (found.columns["consensus_quality"][at] == 1).all()
    assert (found.columns["consensus_label"] == truth).mean() == 1
    assert (blind.columns["consensus_label"] == truth).mean() < 0.5
    assert found.info["annotator_stats"].index[-1] == 2
    assert found.info["num_known"] == 100
    assert "100 known truths" in MultiAnnotator().sum_up(found)


def test_known_truths_contradict_given_labels() -> None:
    truth = np.tile([0, 1], 20)
    table = np.stack([truth] * 3, axis=1)
    gold: list[Any] = [None] * 40
    gold[3] = 0  # although everybody said 1
    found = MultiAnnotator(gold=gold).find_issues(read(table), labels=truth)
    assert found.columns["consensus_label"][3] == 0
    assert np.flatnonzero(found.is_issue).tolist() == [3]
    assert found.score[3] == 0


@pytest.mark.parametrize(
    ("gold", "told"),
    [
        ([0, 1], "`gold` has 2 entries but there are 40 rows"),
        (["cat"] * 40, "`gold` has values that are none of the 2 classes"),
    ],
)
def test_known_truths_that_do_not_fit(gold: list[Any], told: str) -> None:
    table = np.stack([np.tile([0, 1], 20)] * 2, axis=1)
    with pytest.raises(InputError, match=told):
        MultiAnnotator(gold=gold).find_issues(read(table), class_names=(0, 1))
    with pytest.raises(InputError, match="one label per row"):
        MultiAnnotator(gold=3)


def test_rows_that_everybody_abstained_from() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 300)
    answers = simulated(truth, asked=0.5)
    silent = np.flatnonzero(answers.isna().all(axis=1))
    assert silent.size > 10
    without = MultiAnnotator().find_issues(read(answers))
    assert without.rows is not None
    assert not np.isin(silent, without.rows).any()
    assert f"{silent.size} rows that nobody labelled" in MultiAnnotator().sum_up(without)
    probs = np.where(np.eye(2)[truth] == 1, 0.9, 0.1)
    for method in ("dawid_skene", "crowdlab"):
        found = MultiAnnotator(method=method).find_issues(read(answers), probs)
        assert found.rows is None
        assert (found.columns["consensus_label"][silent] == truth[silent]).all()
        assert (found.columns["num_annotations"][silent] == 0).all()
        assert found.info["num_labels_of_the_model"] == silent.size
        assert "the model's label" in MultiAnnotator().sum_up(found)
    labelled = MultiAnnotator().find_issues(read(answers), probs, labels=truth)
    assert labelled.rows is not None  # the label check judges what only the model has seen
    assert not np.isin(silent, labelled.rows).any()


def test_labelling_functions_that_know_one_label_only() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 2000)
    table = np.full((2000, 4), -1)
    for at, (label, hit, false) in enumerate(
        [(0, 0.7, 0.2), (0, 0.5, 0.05), (1, 0.6, 0.1), (1, 0.3, 0.1)]
    ):
        fires = rng.random(2000) < np.where(truth == label, hit, false)
        table[fires, at] = label
    found = MultiAnnotator().find_issues(read(table))
    assert found.info["abstaining"]
    some = found.rows
    votes = np.stack([(table == k).sum(axis=1) for k in (0, 1)], axis=1)[some]
    majority = votes.argmax(axis=1)
    right = (found.columns["consensus_label"] == truth[some]).mean()
    assert right > (majority == truth[some]).mean() + 0.02
    stats = found.info["annotator_stats"]
    assert stats["annotator_quality"][1] > stats["annotator_quality"][0]


# --------------------------------------------------------------------------------- in the lab


def test_listed_only_where_there_are_annotators() -> None:
    truth = np.tile([0, 1], 60)
    frame = simulated(truth).assign(label=truth)
    plain = Datalab(frame[["label"]], label_name="label", verbosity=0)
    assert "multi_annotator" not in plain.list_default_issue_types()
    crowd = Datalab(frame, label_name="label", annotations=list(ACCURACY), verbosity=0)
    assert "multi_annotator" in crowd.list_default_issue_types()
    gold = [None] * 120
    gold[5] = 0
    crowd.find_issues({"multi_annotator": {"gold": gold}})
    assert crowd.get_issues("multi_annotator").loc[5, "consensus_label"] == 0
    assert any("Dawid-Skene" in note for note in crowd.outcomes["multi_annotator"].notes)


def test_in_the_lab_with_names_of_classes() -> None:
    truth = np.tile([0, 1, 2], 40)
    names = np.array(["cat", "dog", "eel"])
    answers = simulated(truth, asked=0.8).map(lambda k: None if np.isnan(k) else names[int(k)])
    labels = names[truth]
    labels[3] = "eel"
    frame = answers.assign(label=labels)
    frame.index = [f"r{i}" for i in range(len(frame))]
    frame.loc["r7", list(ACCURACY)] = None
    lab = Datalab(frame, label_name="label", annotations=list(ACCURACY), verbosity=0)
    lab.find_issues([MultiAnnotator()])
    found = lab.get_issues("multi_annotator")
    assert found.index.tolist() == frame.index.tolist()
    assert found.loc["r3", "consensus_label"] == "cat"
    assert found.loc["r3", "given_label"] == "eel"
    assert found.loc["r3", "is_multi_annotator_issue"]
    assert pd.isna(found.loc["r7", "multi_annotator_score"])
    stats = lab.get_info("multi_annotator")["annotator_stats"]
    assert set(stats["worst_class"]) <= set(names)


def test_in_the_lab_without_labels_from_a_long_table() -> None:
    truth = np.tile([0, 1], 60)
    wide = simulated(truth)
    long = (
        wide.rename_axis("task")
        .reset_index()
        .melt("task", var_name="annotator", value_name="label")
        .replace({"label": {0.0: "no", 1.0: "yes"}})
    )
    lab = Datalab({"text": [f"row {i}" for i in range(120)]}, annotations=long, verbosity=0)
    lab.find_issues([MultiAnnotator()])
    found = lab.get_issues("multi_annotator")
    assert "given_label" not in found
    right = np.array(["no", "yes"])[truth]
    assert (found["consensus_label"].to_numpy() == right).mean() > 0.9


def test_explains_itself() -> None:
    row = {
        "score": 0.02,
        "consensus_label": "cat",
        "consensus_quality": 0.97,
        "annotator_agreement": 2 / 3,
        "num_annotations": 3,
        "given_label": "dog",
    }
    told = MultiAnnotator().explain(row)
    assert told == (
        "labelled dog, but cat is right with a chance of 97 % (2 of 3 annotators say so)"
    )
    row |= {"given_label": "cat", "consensus_quality": 0.55}
    assert MultiAnnotator().explain(row).startswith("cat is right with a chance of 55 %")
    row |= {"num_annotations": 1, "annotator_agreement": 0.0}
    assert MultiAnnotator().explain(row).endswith("(the only annotator says otherwise)")
    row |= {"num_annotations": 0, "annotator_agreement": np.nan}
    assert MultiAnnotator().explain(row).endswith("(nobody labelled it)")


def test_a_single_row_that_nobody_labelled_is_one_row() -> None:
    answers = simulated(np.random.default_rng(0).integers(0, 2, 60), asked=1.0)
    answers.iloc[7] = np.nan
    told = MultiAnnotator().sum_up(MultiAnnotator().find_issues(read(answers)))
    assert "; 1 row that nobody labelled has no consensus" in told
