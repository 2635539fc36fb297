"""Numeric labels that are probably wrong."""

from typing import Any

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from datalab import Datalab
from datalab.exceptions import InputError, InputTypeError, InputWarning, NotApplicable
from datalab.managers import RegressionLabel
from datalab.managers import regression_label as room
from datalab.regression.learn import CleanLearning
from datalab.regression.rank import get_label_quality_scores


@pytest.fixture
def made() -> Any:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 2))
    predictions = features @ [3.0, -2.0]
    target = predictions + 0.3 * rng.normal(size=120)
    target[[5, 50]] += 20
    return target, predictions, features


@pytest.mark.parametrize("method", ["outre", "residual"])
@pytest.mark.parametrize("threshold", [0.05, 0.7])
def test_by_predictions(made: Any, method: str, threshold: float) -> None:
    target, predictions, _ = made
    found = RegressionLabel(method=method, threshold=threshold).find_issues(target, predictions)
    scores = get_label_quality_scores(target, predictions, method=method)
    np.testing.assert_array_equal(found.score, scores)
    assert np.array_equal(found.is_issue, scores < threshold * np.median(scores))
    assert found.is_issue[[5, 50]].all()
    assert found.summary == pytest.approx(scores.mean())
    assert found.info["num_label_issues"] == found.num_issues
    np.testing.assert_array_equal(found.columns["given_label"], target)
    np.testing.assert_array_equal(found.info["predicted_label"], predictions)
    ratio = found.columns["times_typical_error"]
    assert np.median(ratio) == pytest.approx(1)
    assert ratio[5] > 20


def test_by_a_model(made: Any) -> None:
    target, _, features = made
    options = {"seed": 3, "cv_n_folds": 3, "model": DecisionTreeRegressor(max_depth=4)}
    manager = RegressionLabel(clean_learning_kwargs=options, coarse_search_range=[0.02, 0.1])
    found = manager.find_issues(target, features=features)
    expected = CleanLearning(**options).find_label_issues(
        features, target, coarse_search_range=[0.02, 0.1]
    )
    assert np.array_equal(found.is_issue, expected["is_label_issue"])
    np.testing.assert_array_equal(found.score, expected["label_quality"])
    np.testing.assert_array_equal(found.columns["predicted_label"], expected["predicted_label"])
    assert found.is_issue[[5, 50]].all()


def test_audits_repeat(made: Any) -> None:
    target, _, features = made
    once, again = (RegressionLabel().find_issues(target, features=features) for _ in range(2))
    np.testing.assert_array_equal(once.score, again.score)


def test_predictions_come_before_features(made: Any) -> None:
    target, predictions, features = made
    lab = Datalab({"y": target}, task="regression", label_name="y", verbosity=0)
    lab.find_issues(["label"], pred_probs=predictions, features=features)
    assert np.array_equal(lab.get_issues("label")["predicted_label"], predictions)
    reason = lab.worst(1)["reason"].iloc[0]
    assert reason.startswith("labelled 1")
    assert "times the usual error" in reason
    lab = Datalab({"y": target}, task="regression", label_name="y", verbosity=0)
    lab.find_issues(["label"], pred_probs=predictions, rules="reference")
    columns = ["is_label_issue", "label_score", "given_label", "predicted_label"]
    assert lab.get_issues("label").columns.tolist() == columns
    assert "but the model predicts" in lab.worst(1)["reason"].iloc[0]


def test_predictions_are_made_from_features(made: Any) -> None:
    target, _, features = made
    lab = Datalab({"y": target}, task="regression", label_name="y", verbosity=0)
    lab.find_issues(["label"], features=features)
    assert np.flatnonzero(lab.issues["is_label_issue"]).tolist() == [5, 50]
    note = lab.outcomes["label"].notes[-1]
    assert note.startswith("predictions: 5-fold cross-validation")
    assert "linear regression 0." in note
    curved = np.sin(3 * features[:, 0])
    curved[[5, 50]] += 3
    lab = Datalab({"y": np.r_[curved, curved]}, task="regression", label_name="y", verbosity=0)
    lab.find_issues(["label"], features=np.r_[features, features + 0.01])
    assert "boosted trees" in lab.outcomes["label"].notes[-1]
    lab = Datalab({"y": target}, task="regression", label_name="y", verbosity=0)
    lab.find_issues(["label"], features=features, model=DecisionTreeRegressor())
    assert "DecisionTreeRegressor" in lab.outcomes["label"].notes[-1]


def test_few_rows_of_features(made: Any) -> None:
    target, _, features = made
    lab = Datalab({"y": target[:3]}, task="regression", label_name="y", verbosity=0)
    lab.find_issues(["label"], features=features[:3])
    assert lab.outcomes["label"].status == "not applicable"
    assert "needs at least 5 rows" in lab.outcomes["label"].reason


def test_options_of_a_model_that_is_not_trained_are_told(made: Any) -> None:
    target, predictions, _ = made
    manager = RegressionLabel(clean_learning_kwargs={"seed": 1}, fine_search_size=1)
    with pytest.warns(InputWarning, match="clean_learning_kwargs, fine_search_size are not used"):
        manager.find_issues(target, predictions)


def test_perfect_predictions() -> None:
    target = np.arange(20.0)
    found = RegressionLabel().find_issues(target, target)
    assert np.isnan(found.columns["times_typical_error"]).all()
    assert found.num_issues == 0
    told = RegressionLabel().explain(
        {"given_label": 3.0, "predicted_label": 2.0, "times_typical_error": np.nan}
    )
    assert told == "labelled 3, but the model predicts 2"


def test_missing_targets_are_left_out(made: Any) -> None:
    target, predictions, _ = made
    target[:7] = np.nan
    lab = Datalab({"y": target}, task="regression", label_name="y", verbosity=0)
    lab.find_issues(["label"], pred_probs=predictions)
    assert lab.issues["is_label_issue"].isna().sum() == 7
    assert lab.issues["is_label_issue"][50]


def test_many_rows_are_compared_with_a_sample(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=3000)
    predictions = target + 0.2 * rng.normal(size=3000)
    target[:10] += 5
    exact = RegressionLabel().find_issues(target, predictions)
    monkeypatch.setattr(room, "ALL_PAIRS", 2000)
    monkeypatch.setattr(room, "SAMPLE", 1000)
    found = RegressionLabel().find_issues(target, predictions)
    np.testing.assert_allclose(found.score, exact.score, atol=0.03)
    assert found.is_issue[:10].all()
    again = RegressionLabel().find_issues(target, predictions)
    np.testing.assert_array_equal(found.score, again.score)


def test_too_few_rows(made: Any) -> None:
    target, predictions, features = made
    with pytest.raises(NotApplicable, match="at least 5 rows to tell a wrong number, found 3"):
        RegressionLabel().find_issues(target[:3], predictions[:3])
    with pytest.raises(NotApplicable, match="at least 10 rows, one for each fold, found 8"):
        RegressionLabel(clean_learning_kwargs={"cv_n_folds": 10}).find_issues(
            target[:8], features=features[:8]
        )
    with pytest.raises(NotApplicable, match="pred_probs= or features="):
        RegressionLabel().find_issues(target)


def test_uncertainty(made: Any) -> None:
    target, _, features = made
    one = RegressionLabel(uncertainty=2.0).find_issues(target, features=features)
    each = RegressionLabel(uncertainty=np.full(120, 2.0)).find_issues(target, features=features)
    np.testing.assert_array_equal(one.score, each.score)
    with pytest.raises(InputError, match="`uncertainty` has 3 rows but 120"):
        RegressionLabel(uncertainty=[1, 2, 3]).find_issues(target, features=features)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"threshold": -1}, InputError, "`threshold` must be a number >= 0, got -1"),
        ({"method": "outer"}, InputError, "did you mean 'outre'"),
        ({"fine_search_size": -1}, InputError, "`fine_search_size` must be an integer >= 0"),
        ({"coarse_search_range": [2]}, InputError, "`coarse_search_range` must be a number in"),
        ({"clean_learning_kwargs": {"sed": 1}}, InputTypeError, "'sed'; did you mean 'seed'"),
        ({"clean_learning_kwargs": {"cv_n_folds": 1}}, InputError, "`cv_n_folds` must be"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        RegressionLabel(**parameters)
