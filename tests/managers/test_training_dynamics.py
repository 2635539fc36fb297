"""Labels that a model learned late: flags, scores and regions by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab import Datalab
from datalab._core.training import Dynamics
from datalab.exceptions import InputError
from datalab.managers import TrainingDynamics
from datalab.testing import check_manager
from datalab.training import Recorder


def dynamics(area: list[float], threshold: float | None = None) -> Dynamics:
    n_rows = len(area)
    rest = np.full((3, n_rows), 0.5)
    return Dynamics(np.array(area), *rest, np.full(n_rows, 4), threshold)


def test_flags_and_scores_by_hand() -> None:
    found = TrainingDynamics().find_issues(dynamics([-2.0, 0.0, 1.0, 4.0]))
    assert found.is_issue.tolist() == [True, False, False, False]
    # The median absolute area is 1.5.
    expected = 1 / (1 + np.exp(-np.array([-2.0, 0.0, 1.0, 4.0]) / 1.5))
    np.testing.assert_allclose(found.score, expected)
    assert found.info["threshold"] == 0.0
    assert found.info["num_epochs"] == 4


def test_the_threshold_is_the_option_else_that_of_the_samples() -> None:
    seen = dynamics([-2.0, 0.5, 1.0, 4.0], threshold=0.75)
    assert TrainingDynamics().find_issues(seen).is_issue.tolist() == [True, True, False, False]
    found = TrainingDynamics(threshold=2).find_issues(seen)
    assert found.is_issue.tolist() == [True, True, True, False]
    assert found.info["threshold"] == 2


def test_regions_of_the_data_map() -> None:
    confidence = np.array([0.9, 0.1, 0.6, 0.95, 0.2, 0.55])
    variability = np.array([0.0, 0.1, 0.4, 0.05, 0.0, 0.3])
    seen = Dynamics(np.ones(6), confidence, variability, np.ones(6), np.full(6, 3))
    found = TrainingDynamics().find_issues(seen)
    regions = ["easy", "hard", "ambiguous", "easy", "hard", "ambiguous"]
    assert found.columns["region"].tolist() == regions
    assert found.info["num_in_region"] == {"easy": 2, "ambiguous": 2, "hard": 2}


def test_one_epoch_has_nothing_ambiguous() -> None:
    recorder = Recorder([0, 0, 1])
    recorder.record([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    found = TrainingDynamics().find_issues(recorder.dynamics)
    assert found.columns["region"].tolist() == ["easy", "hard", "easy"]
    assert found.is_issue.tolist() == [False, True, False]


def test_the_reason() -> None:
    row = {"correctness": 0.25, "area_under_margin": -1.5}
    told = TrainingDynamics().explain(row)
    assert told.replace("\u00a0", " ") == (
        "predicted in 25 % of the epochs; another class was ahead by 1.5 on average"
    )


@pytest.mark.parametrize("threshold", [np.nan, np.inf, "0"])
def test_what_is_refused(threshold: object) -> None:
    with pytest.raises((InputError, TypeError), match="threshold"):
        TrainingDynamics(threshold=threshold)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.floats(-50, 50, width=16), min_size=1, max_size=12))
def test_the_order_of_the_rows_says_nothing(areas: list[float]) -> None:
    order = np.random.default_rng(len(areas)).permutation(len(areas))
    plain = TrainingDynamics().find_issues(dynamics(areas))
    moved = TrainingDynamics().find_issues(dynamics([areas[at] for at in order]))
    np.testing.assert_allclose(moved.score, plain.score[order])
    assert (moved.is_issue == plain.is_issue[order]).all()
    assert (plain.score[plain.is_issue] <= 0.5).all()
    assert (plain.score[~plain.is_issue] >= 0.5).all()


def test_the_kit_for_managers_agrees() -> None:
    labels = np.arange(30) % 3
    recorder, rng = Recorder(labels), np.random.default_rng(0)
    for _ in range(3):
        recorder.record(rng.normal(size=(30, 3)))
    lab = Datalab({"x": rng.normal(size=30), "y": labels}, label_name="y", verbosity=0)
    found = check_manager(TrainingDynamics, lab.give(training_dynamics=recorder))
    assert len(found.is_issue) == 30
