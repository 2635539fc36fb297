"""Recording a training: sums by hand, parts of epochs, what is refused, and the check."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab import Datalab
from datalab.exceptions import InputError, InputTypeError, NotFound
from datalab.managers import TrainingDynamics
from datalab.training import Recorder

LOGITS = np.array([[[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]], [[3.0, 0.0], [0.0, 3.0], [0.0, 1.0]]])


def recorded() -> Recorder:
    recorder = Recorder([0, 1, 1])
    for logits in LOGITS:
        recorder.record(logits)
    return recorder


def test_statistics_by_hand() -> None:
    found = recorded().dynamics
    np.testing.assert_allclose(found.area_under_margin, [2.0, 2.0, -0.5])
    sigmoid = 1 / (1 + np.exp(-np.array([[1, 1, -2], [3, 3, 1]])))
    np.testing.assert_allclose(found.confidence, sigmoid.mean(axis=0))
    np.testing.assert_allclose(found.variability, sigmoid.std(axis=0), atol=1e-9)
    np.testing.assert_allclose(found.correctness, [1.0, 1.0, 0.5])
    assert found.epochs.tolist() == [2, 2, 2]


def test_probabilities_are_logits_up_to_a_constant() -> None:
    plain, softmax = recorded(), Recorder([0, 1, 1])
    for logits in LOGITS:
        odds = np.exp(logits)
        softmax.record(odds / odds.sum(axis=1, keepdims=True))
    for name in ("area_under_margin", "confidence", "variability", "correctness"):
        np.testing.assert_allclose(
            getattr(plain.dynamics, name), getattr(softmax.dynamics, name), atol=1e-7
        )


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 2**20), st.integers(1, 7))
def test_parts_of_an_epoch_are_the_epoch(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=11)
    whole, parts = Recorder(labels), Recorder(labels)
    for epoch in range(3):
        logits = rng.normal(size=(11, 3))
        whole.record(logits)
        order = rng.permutation(11)
        for start in range(0, 11, size):
            rows = order[start : start + size]
            parts.record(logits[rows] + 5.0, rows=rows, epoch=epoch)
    assert parts.num_epochs == whole.num_epochs == 3
    np.testing.assert_allclose(
        parts.dynamics.area_under_margin, whole.dynamics.area_under_margin, atol=1e-9
    )
    assert repr(parts) == "Recorder(11 examples, 3 epochs)"


def test_names_missing_labels_and_rows_that_were_never_seen() -> None:
    recorder = Recorder(np.array(["dog", "cat"]))
    recorder.record([[5.0, 0.0]], rows=[1])
    frame = recorder.frame()
    assert np.isnan(frame.loc[0, "area_under_margin"])
    assert frame.loc[1, "area_under_margin"] == 5.0
    recorder = Recorder([-1, 0])
    recorder.record([[5.0, 0.0], [5.0, 0.0]])
    assert recorder.dynamics.epochs.tolist() == [0, 1]


def test_threshold_samples_give_the_threshold() -> None:
    labels = np.zeros(50, dtype=int)
    recorder = Recorder(labels, threshold_rows=range(10))
    logits = np.column_stack([np.linspace(0, 4, 50), np.ones(50)])
    recorder.record(logits)
    expected = np.percentile(logits[:10, 0] - 1.0, 99)
    assert recorder.dynamics.threshold == pytest.approx(expected)
    found = TrainingDynamics().find_issues(recorder.dynamics)
    assert found.info["threshold"] == pytest.approx(expected)
    assert TrainingDynamics(threshold=10.0).find_issues(recorder.dynamics).is_issue.all()


@pytest.mark.parametrize(
    ("outputs", "rows", "message"),
    [
        (np.zeros((2, 2)), None, "one row for each of the 3 examples"),
        (np.zeros((3, 1)), None, "at least two"),
        (np.full((3, 2), np.nan), None, "diverged"),
        (np.zeros((1, 2)), [3], "positions from 3 to 3"),
        (np.zeros((1, 2)), [0.5], "list of positions"),
    ],
)
def test_what_is_refused(outputs: np.ndarray, rows: list[float] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Recorder([0, 1, 1]).record(outputs, rows=rows)


def test_shapes_that_change_and_labels_without_a_column() -> None:
    recorder = recorded()
    with pytest.raises(InputError, match="earlier ones had 2"):
        recorder.record(np.zeros((3, 4)))
    with pytest.raises(InputError, match="a label with the code 2"):
        Recorder([0, 2]).record(np.zeros((2, 2)))
    with pytest.raises(InputError, match="fractions"):
        Recorder([0.5, 1.0])
    with pytest.raises(NotFound, match="call record"):
        _ = Recorder([0, 1]).dynamics


def trained() -> tuple[np.ndarray, np.ndarray, np.ndarray, Recorder]:
    """Points of two classes, ten labels wrong, and a logistic regression by gradient descent."""
    rng = np.random.default_rng(0)
    true = np.arange(300) % 2
    given = true.copy()
    wrong = rng.choice(300, 10, replace=False)
    given[wrong] = 1 - given[wrong]
    X = np.column_stack([rng.normal(size=300) + 4 * true - 2, np.ones(300)])
    weights, recorder = np.zeros(2), Recorder(given)
    for epoch in range(20):
        probs = 1 / (1 + np.exp(-X @ weights))
        recorder.record(np.column_stack([1 - probs, probs]), epoch=epoch)
        weights -= X.T @ (probs - given) / 300
    return X, given, wrong, recorder


def test_the_check_finds_wrong_labels_is_run_by_default_and_can_be_saved(tmp_path: Path) -> None:
    X, given, wrong, recorder = trained()
    frame = {"x": X[:, 0], "y": given}
    lab = Datalab(frame, label_name="y", verbosity=0).give(training_dynamics=recorder)
    lab.find_issues(["training_dynamics"])
    found = lab.get_issues("training_dynamics")
    flagged = np.flatnonzero(found["is_training_dynamics_issue"])
    assert len(set(flagged) & set(wrong.tolist())) >= 9
    assert set(found["region"]) == {"easy", "ambiguous", "hard"}
    assert "of the epochs; another class was ahead" in lab.worst(1)["reason"].iloc[0]
    lab.save(tmp_path / "lab")
    again = Datalab.load(tmp_path / "lab", frame).find_issues(["training_dynamics"])
    assert again.get_issues("training_dynamics").equals(found)
    assert "training_dynamics" in lab.list_default_issue_types()
    assert "training_dynamics" not in Datalab(frame, label_name="y").list_default_issue_types()
    plot = lab.plot.training()
    assert len(plot.frame()) == 300
    told = repr(plot) + plot.figure.axes[0].get_title(loc="left")
    assert "in the hard region" in told
    assert "hard to learn" not in told


def test_what_was_recorded_must_fit_the_data() -> None:
    _, given, _, recorder = trained()
    lab = Datalab({"y": given}, label_name="y", verbosity=0)
    other = Recorder(1 - given)
    other.record(np.zeros((300, 2)))
    with pytest.raises(InputError, match="other labels than those of the dataset in 300 rows"):
        lab.give(training_dynamics=other)
    with pytest.raises(InputError, match="300 examples but the dataset has 3"):
        Datalab({"y": [0, 1, 0]}, label_name="y").give(training_dynamics=recorder)
    with pytest.raises(InputTypeError, match="must be a datalab.training.Recorder, got dict"):
        lab.give(training_dynamics={})


def test_rows_that_were_not_seen_are_not_judged() -> None:
    recorder = Recorder([0, 1, 1])
    recorder.record([[1.0, 0.0], [3.0, 0.0]], rows=[0, 1])
    lab = Datalab({"y": [0, 1, 1]}, label_name="y", verbosity=0).give(training_dynamics=recorder)
    issues = lab.find_issues(["training_dynamics"]).issues
    assert issues["is_training_dynamics_issue"].isna().tolist() == [False, False, True]


def test_missing_names_are_not_recorded() -> None:
    for labels in (["dog", None, "cat"], np.array(["dog", np.nan, "cat"], dtype=object)):
        assert Recorder(labels).labels.tolist() == [1, -1, 0]
    assert Recorder(np.array([2, 0], dtype=object)).labels.tolist() == [2, 0]
    assert Recorder([True, False]).labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0, -2], "has the code -2"), ([[0, 1]], "one label per example"), ([0, None], "or NaN")],
)
def test_labels_that_are_refused(labels: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Recorder(labels)


def test_what_is_refused_changes_nothing() -> None:
    recorder = recorded()
    before = recorder.frame()
    with pytest.raises(InputTypeError, match="`epoch` must be a number or a name, got list"):
        recorder.record(LOGITS[0], epoch=[1])
    with pytest.raises(InputError, match=r"np\.column_stack"):
        recorder.record([0.2, 0.9, 0.1])
    with pytest.raises(InputError, match="for each of the 2 examples"):
        recorder.record(LOGITS[0], rows=[0, 1])
    assert recorder.num_epochs == 2
    assert recorder.frame().equals(before)


def test_half_precision_and_shuffled_rows() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(5, size=40)
    logits = rng.normal(size=(40, 5))
    odds = np.exp(logits)
    probs = odds / odds.sum(axis=1, keepdims=True)
    whole, half = Recorder(labels), Recorder(labels)
    whole.record(probs)
    order = rng.permutation(40)
    half.record(probs[order].astype(np.float16), rows=order)
    for name in ("area_under_margin", "confidence"):
        np.testing.assert_allclose(
            getattr(half.dynamics, name), getattr(whole.dynamics, name), atol=5e-3
        )


def test_rows_that_miss_epochs_are_averaged_over_those_that_saw_them() -> None:
    recorder = Recorder([0, 0])
    recorder.record([[2.0, 0.0], [4.0, 0.0]])
    recorder.record([[0.0, 6.0]], rows=[1])
    found = recorder.dynamics
    assert found.area_under_margin.tolist() == [2.0, -1.0]
    assert found.correctness.tolist() == [1.0, 0.5]
    assert found.epochs.tolist() == [1, 2]
