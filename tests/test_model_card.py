"""The model card: scores, intervals and verdicts by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab
from datalab.exceptions import InputError, NotApplicable, NotFound
from datalab.model_card import ModelCard


def card(labels: Any, probs: Any, **options: Any) -> ModelCard:
    lab = Datalab({"y": labels}, label_name="y", verbosity=0, **options)
    return lab.give(pred_probs=probs).model_card()


# Of ten rows eight are right: five of six of class a, three of four of class b.
LABELS = ["a"] * 6 + ["b"] * 4
PROBS = np.array([[0.8, 0.2]] * 5 + [[0.4, 0.6]] + [[0.3, 0.7]] * 3 + [[0.6, 0.4]])


def test_scores_of_classes_by_hand() -> None:
    made = card(LABELS, PROBS)
    assert made.num_examples == 10
    assert made["accuracy"].value == pytest.approx(0.8)
    # Wilson's interval: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)
    assert (made["accuracy"].low, made["accuracy"].high) == pytest.approx(
        (0.4902, 0.9433), abs=1e-4
    )
    assert made["balanced accuracy"].value == pytest.approx((5 / 6 + 3 / 4) / 2)
    losses = -np.log([0.8] * 5 + [0.4] + [0.7] * 3 + [0.4])
    half = 1.959964 * losses.std(ddof=1) / np.sqrt(10)
    score = made["log loss"]
    assert (score.low, score.value, score.high) == pytest.approx(
        (losses.mean() - half, losses.mean(), losses.mean() + half)
    )
    # Labels are a in 6 of 10, predictions in 6 of 10: .6 · .6 + .4 · .4
    assert made["accuracy by chance"].value == pytest.approx(0.52)


def test_calibration_by_hand() -> None:
    # Three rows to a bin at most: here each row is one, and deviates by 1 - its confidence.
    made = card(["a", "b", "a"], [[0.9, 0.1], [0.3, 0.7], [0.4, 0.6]])
    assert made["calibration error"].value == pytest.approx((0.1 + 0.3 + 0.6) / 3)


def test_classes_the_worst_first() -> None:
    frame = card([*LABELS, None], np.vstack([PROBS, [[0.5, 0.5]]])).frame("classes")
    assert frame["class"].tolist() == ["b", "a"]
    assert frame["examples"].tolist() == [4, 6]
    assert frame["recall"].tolist() == pytest.approx([3 / 4, 5 / 6])
    assert frame["precision"].tolist() == pytest.approx([3 / 4, 5 / 6])
    assert frame["mean_probability"].tolist() == pytest.approx([2.5 / 4, 4.4 / 6])
    assert (frame["recall_low"] < frame["recall"]).all()
    assert (frame["recall"] < frame["recall_high"]).all()


def test_classes_of_a_few_rows_are_not_known_for_sure() -> None:
    made = card(["a", "a", "b", "b"], [[0.9, 0.1]] * 2 + [[0.1, 0.9]] * 2)["balanced accuracy"]
    # Both recalls are 1; by Laplace's rule 3/4, with a variance of (3/16) / 2 each.
    assert made.value == made.high == 1.0
    assert made.low == pytest.approx(1 - 1.959964 * np.sqrt(2 * (3 / 16) / 2) / 2)


@pytest.mark.parametrize("classes", [[("x", 1), ("x", 2)], [(1, 2), (3, 4)]])
def test_classes_of_any_kind(classes: list[Any]) -> None:
    made = card([classes[n % 2] for n in range(10)], PROBS)
    assert set(made.frame("classes")["class"]) == set(classes)
    assert str(classes[0][0]) in str(made)
    assert "<table" in made._repr_html_()


def test_a_class_without_examples_has_no_scores() -> None:
    labels = pd.Categorical(LABELS, categories=["a", "b", "never"], ordered=True)
    lab = Datalab(pd.DataFrame({"y": labels}), label_name="y", verbosity=0)
    made = lab.give(pred_probs=np.column_stack([PROBS, np.zeros(10)])).model_card()
    frame = made.frame("classes").set_index("class")
    assert frame.loc["never", "examples"] == 0
    assert np.isnan(frame.loc["never", "recall"])


@pytest.mark.parametrize(
    ("odds", "right", "trust"),
    [
        (0.9, 60, "good"),  # where it contradicts a label, it is sure
        (0.75, 60, "fair"),
        (0.55, 60, "weak"),
        (0.55, 98, "good"),  # it hardly contradicts any
    ],
)
def test_trust(odds: float, right: int, trust: str) -> None:
    codes = np.tile([0, 1, 2, 3], 25)
    said = np.where(np.arange(100) < right, codes, (codes + 1) % 4)
    probs = np.full((100, 4), 0.0)
    probs[np.arange(100), codes] = 1 - odds
    probs[np.arange(100), said] = odds
    hit = said == codes
    probs[hit] = np.eye(4)[codes[hit]]
    made = card(codes, probs)
    assert made.trust == trust
    assert f"accuracy {right / 100:.2f} on 4 classes" in made.verdict
    assert made.trust in repr(made)


def test_examples_of_a_class_of_their_own_do_not_count_as_right() -> None:
    """No model can learn them, so they are given their label; the scores are of the others."""
    rng = np.random.default_rng(0)
    truth = np.arange(80) % 2
    labels = np.array(["even", "odd"], dtype=object)[truth]
    labels[rng.choice(80, 8, replace=False)] = [f"only {n}" for n in range(8)]
    flipped = np.flatnonzero(labels == "even")[:6]
    labels[flipped] = "odd"
    lab = Datalab({"x": truth * 4 + rng.normal(size=80), "y": labels}, label_name="y", verbosity=0)
    made = lab.find_issues(["label"]).model_card()
    assert made.num_examples == 72
    assert "on 2 classes" in made.verdict
    assert made["accuracy"].value == pytest.approx(66 / 72, abs=0.03)
    frame = made.frame("classes").set_index("class")
    assert frame.loc["only 3", "examples"] == 1
    assert np.isnan(frame.loc["only 3", "recall"])


def test_numbers_by_hand() -> None:
    labels = np.array([1.0, 2.0, 3.0, 4.0, 10.0])
    said = np.array([1.5, 2.0, 2.0, 4.0, 9.0])
    made = card(labels, said, task="regression")
    assert made["median absolute error"].value == pytest.approx(0.5)
    assert made["mean absolute error"].value == pytest.approx(0.5)
    # Around the median, 3: 4 + 1 + 0 + 1 + 49 = 55; residuals: 0.25 + 1 + 1 = 2.25
    assert made["R²"].value == pytest.approx(1 - 2.25 / 55)
    assert made["share of the usual deviation explained"].value == pytest.approx(1 - 0.5 / 1)
    assert made.trust == "fair"
    assert made.frame("classes").empty


def test_numbers_that_are_mostly_equal() -> None:
    """Counts of which most are zero: the usual deviation is zero, the mean one is not."""
    labels = np.r_[np.zeros(12), np.arange(1.0, 9.0)]
    made = card(labels, labels + 0.1, task="regression")
    assert made["share of the usual deviation explained"].value == pytest.approx(1 - 0.1 / 1.8)
    assert made.trust == "good"


def test_sets_by_hand() -> None:
    lab = Datalab({"y": [["a"], ["a", "b"], [], ["b"]]}, "multilabel", "y", verbosity=0)
    lab.give(pred_probs=[[0.9, 0.2], [0.8, 0.7], [0.85, 0.6], [0.1, 0.4]])
    made = lab.model_card()
    frame = made.frame("classes").set_index("class")
    assert frame.loc["a", "area"] == pytest.approx(3 / 4)  # .8 stands behind .85
    assert frame.loc["b", "area"] == pytest.approx(3 / 4)
    assert frame["agreement"].tolist() == pytest.approx([3 / 4, 2 / 4])
    assert made["agreement of memberships"].value == pytest.approx(5 / 8)
    assert made["mean area under the ROC curve"].value == pytest.approx(3 / 4)
    assert made.trust == "fair"


def test_what_is_refused() -> None:
    made = card(LABELS, PROBS)
    with pytest.raises(InputError, match="`what`"):
        made.frame("model")
    with pytest.raises(NotFound, match=r"no score 'acc'; there are accuracy, balanced accuracy"):
        made["acc"]
    with pytest.raises(NotFound, match="give label_name="):
        Datalab({"x": [1, 2, 3]}, verbosity=0).model_card()
    with pytest.raises(NotApplicable, match="needs pred_probs: give pred_probs="):
        Datalab({"y": [0, 1, 0, 1]}, label_name="y", verbosity=0).model_card()
    flat = Datalab({"x": np.arange(9.0) % 4, "y": np.ones(9)}, "regression", "y", verbosity=0)
    with pytest.raises(NotApplicable, match="needs labels that differ, but all of them are 1"):
        flat.model_card()
    none = Datalab({"x": np.arange(9.0) % 4, "y": [[]] * 9}, "multilabel", "y", verbosity=0)
    with pytest.raises(NotApplicable, match="no row has any"):
        none.model_card()


def test_weights_of_several_models_are_told_to_be_powers() -> None:
    models = [
        {"model": name, "setting": "", "weight": 0.4, "accuracy": 0.8, "log_loss": 0.5}
        for name in ("trees", "neighbours")
    ]
    made = card(LABELS, PROBS)
    title = "by weight: the power that its probabilities are raised to"
    assert title in str(replace(made, models=tuple(models)))
    assert title not in str(replace(made, models=tuple(models[:1])))


def test_what_was_always_right_may_always_be() -> None:
    frame = card(["a"] * 128 + ["b"] * 9, np.eye(2)[[0] * 128 + [1] * 8 + [0]]).frame("classes")
    assert frame.set_index("class").loc["a", "recall_high"] == 1.0


def test_a_model_that_is_worse_than_none() -> None:
    made = card([1.0, 2.0, 3.0, 4.0], [4.0, 5.0, 0.0, 0.0], task="regression")
    assert "median error 3, 200% more than without a model" in made.verdict
