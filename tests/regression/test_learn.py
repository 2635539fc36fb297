"""CleanLearning for numeric labels: a scikit-learn regressor that leaves wrong labels out."""

import logging

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from datalab.exceptions import InputError, InputTypeError, InputWarning
from datalab.regression.learn import CleanLearning

# Checks that the contract rules out, with the line of API.md that does.
EXPECTED_FAILED_CHECKS = {
    "check_do_not_raise_errors_in_init_or_set_params": (
        "section 8: `CleanLearning(model=None, *, cv_n_folds=5, n_boot=5, …)` … n_boot < 0, "
        "cv_n_folds < 2 -> `ValueError`."
    ),
    "check_supervised_y_2d": (
        "section 0: labels (list, ndarray, Series, one-column DataFrame) are taken as they are, "
        "without a warning"
    ),
    "check_sample_weight_equivalence_on_dense_data": (
        "section 8: Chooses the fraction k of worst residuals whose removal from training gives "
        "the best held-out R^2: folds and counts of examples know no weights"
    ),
    "check_sample_weight_equivalence_on_sparse_data": (
        "section 8: Chooses the fraction k of worst residuals whose removal from training gives "
        "the best held-out R^2: folds and counts of examples know no weights"
    ),
}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [CleanLearning(seed=0, n_boot=1, cv_n_folds=3)],
    expected_failed_checks=lambda _: EXPECTED_FAILED_CHECKS,
)
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = X @ [1.0, -2.0] + 0.1 * rng.normal(size=60)
    y[[3, 40]] += 6
    return X, y


class Recorder(LinearRegression):
    """Remembers what all of its copies were fitted with."""

    def __init__(self, log=None):
        super().__init__()
        self.log = log

    def __sklearn_clone__(self):
        return Recorder(self.log)

    def fit(self, X, y, sample_weight=None, extra=None):
        self.log.append((len(y), sample_weight, extra))
        return super().fit(X, y, sample_weight)


def test_planted_errors_are_found(data):
    cl = CleanLearning(seed=0)
    issues = cl.find_label_issues(*data)
    assert issues["label_quality"].argsort()[:2].sort_values().tolist() == [3, 40]
    assert issues["is_label_issue"][[3, 40]].all()
    assert cl.label_issues_df is issues
    assert 0 < cl.k <= 0.2
    with pytest.raises(NotFittedError):
        cl.predict(data[0])


def test_fitting_changes_nothing_that_was_given(data):
    X, y = data
    model = Ridge(alpha=2.0)
    cl = CleanLearning(model, seed=0)
    before = cl.get_params()
    X_before, y_before = X.copy(), y.copy()
    cl.fit(X, y)
    assert cl.get_params() == before
    assert not hasattr(model, "coef_")
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(y, y_before)
    assert clone(cl).get_params()["model"].get_params() == model.get_params()


def test_the_model_in_use_is_shown(data):
    cl = CleanLearning(seed=0)
    assert cl.get_params()["model"] is None
    assert isinstance(cl.model, LinearRegression)
    cl.fit(*data)
    assert cl.model is cl.model_
    np.testing.assert_array_equal(cl.model.predict(data[0]), cl.predict(data[0]))
    assert cl.n_features_in_ == 2
    assert cl.get_params()["model"] is None


def test_every_fit_starts_fresh(data):
    X, y = data
    cl = CleanLearning(seed=0).fit(X[:30], y[:30])
    cl.fit(X, y)
    fresh = CleanLearning(seed=0).fit(X, y)
    pd.testing.assert_frame_equal(cl.get_label_issues(), fresh.get_label_issues())
    np.testing.assert_array_equal(cl.predict(X), fresh.predict(X))


def test_seed_makes_open_models_reproducible_without_the_global_stream(data):
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    forest = RandomForestRegressor(n_estimators=3)
    first, second = (
        CleanLearning(forest, seed=1, cv_n_folds=2, n_boot=1).fit(*data).predict(data[0])
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    CleanLearning().fit(*data)
    assert np.random.random() == expected  # noqa: NPY002


def test_grid_search_and_pipelines(data):
    X, y = data
    search = GridSearchCV(
        CleanLearning(Ridge(), seed=0, cv_n_folds=3, n_boot=1),
        {"model__alpha": [0.01, 1e3], "cv_n_folds": [2, 3]},
        cv=3,
    ).fit(X, y)
    assert search.best_params_["model__alpha"] == 0.01
    assert search.best_estimator_.get_params()["model__alpha"] == 0.01
    assert cross_val_score(make_pipeline(StandardScaler(), CleanLearning(seed=0)), X, y).mean() > 0
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "kind": np.tile(["x", "y"], 30)})
    columns = ColumnTransformer([("kind", OneHotEncoder(), ["kind"])], remainder="passthrough")
    cl = CleanLearning(make_pipeline(columns, LinearRegression()), seed=0).fit(frame, y)
    assert cl.score(frame, y) > 0.3


@pytest.mark.parametrize("kind", [list, pd.DataFrame, sp.csr_array, sp.coo_matrix])
def test_any_kind_of_rows(data, kind):
    X, y = data
    expected = CleanLearning(seed=0).find_label_issues(X, y)
    got = CleanLearning(seed=0).find_label_issues(kind(X), y)
    np.testing.assert_allclose(got["label_quality"], expected["label_quality"], atol=1e-4)


def test_whole_numbers_are_not_cut_off(data):
    X, y = data
    whole = np.round(10 * y).astype(int)
    expected = CleanLearning(seed=0).find_label_issues(X, whole.astype(float))
    got = CleanLearning(seed=0).find_label_issues(X, whole)
    np.testing.assert_allclose(got["predicted_label"], expected["predicted_label"])
    assert got["given_label"].dtype.kind == "i"


def test_weights_and_extra_arguments_reach_the_model(data):
    X, y = data
    log = []
    weights = np.arange(1.0, 61.0)
    mask = np.arange(60) < 5
    cl = CleanLearning(Recorder(log), seed=0, cv_n_folds=2, n_boot=1)
    cl.fit(X, y, label_issues=mask, sample_weight=weights, model_final_kwargs={"extra": 7})
    assert [n for n, _, _ in log] == [55]
    np.testing.assert_array_equal(log[0][1], weights[5:])
    assert log[0][2] == 7
    log.clear()
    cl.fit(X, y, model_kwargs={"extra": 1}, find_label_issues_kwargs={"coarse_search_range": [0.1]})
    assert {extra for _, _, extra in log} == {1}


@pytest.mark.parametrize("wrap", [np.asarray, pd.Series, list])
def test_known_issues(data, wrap):
    X, y = data
    mask = np.arange(60) % 7 == 0
    cl = CleanLearning().fit(X, y, label_issues=wrap(mask.tolist()))
    np.testing.assert_array_equal(cl.label_issues_mask, mask)
    assert list(cl.label_issues_df) == ["is_label_issue", "given_label"]
    assert cl.k is None
    known = pd.DataFrame({"is_label_issue": mask})
    CleanLearning().fit(X, y, label_issues=known)
    assert list(known) == ["is_label_issue"]


@pytest.mark.parametrize(
    ("issues", "told"),
    [
        (np.array([3, 7]), "60 booleans"),
        ([3, 7], "60 booleans"),
        (np.zeros(60, dtype=int), "booleans"),
        (np.zeros(5, dtype=bool), "60 booleans"),
        (np.zeros((60, 1), dtype=bool), "shape"),
        (np.ones(60, dtype=bool), "none is left"),
        ("all", "array-like"),
        (pd.DataFrame({"issue": np.zeros(60, dtype=bool)}), "no column 'is_label_issue'"),
        (
            pd.DataFrame(
                {"is_label_issue": np.zeros(60, dtype=bool), "given_label": np.arange(60)}
            ),
            "other values",
        ),
        (pd.DataFrame({"is_label_issue": np.zeros(5, dtype=bool)}), "60 booleans"),
    ],
)
def test_known_issues_that_are_refused(data, issues, told):
    with pytest.raises(InputError, match=told):
        CleanLearning().fit(*data, label_issues=issues)


@pytest.mark.parametrize(
    ("init", "told"),
    [
        ({"cv_n_folds": 1}, "cv_n_folds"),
        ({"cv_n_folds": 2.5}, "cv_n_folds"),
        ({"n_boot": -1}, "n_boot"),
        ({"model": "ridge"}, "method fit"),
    ],
)
def test_wrong_constructor_arguments(data, init, told):
    with pytest.raises(ValueError, match=told):
        CleanLearning(**init)
    cl = CleanLearning().set_params(**init)
    with pytest.raises(ValueError, match=told):
        cl.fit(*data)


def test_wrong_input(data):
    X, y = data
    with pytest.raises(InputError, match="`seed` must be an integer >= 0, got 'a'"):
        CleanLearning(seed="a").fit(X, y)
    cl = CleanLearning(cv_n_folds=3, n_boot=0)
    for wrong, told in [
        (y[:5], "`X` has 60 rows but there are 5 labels"),
        (np.where(np.arange(60) == 4, np.nan, y), "nan in row 4"),
        (["a"] * 60, "numeric"),
        (y > 0, "booleans"),
        (None, "requires y"),
    ]:
        with pytest.raises(ValueError, match=told):
            cl.fit(X, wrong)
    with pytest.raises(InputError, match="n_samples=2"):
        cl.fit(X[:2], y[:2])
    with pytest.raises(InputTypeError, match="one example per row"):
        cl.fit(None, y)
    for arguments, told in [
        ({"uncertainty": y[:5]}, "`uncertainty`"),
        ({"uncertainty": -1.0}, "not negative"),
        ({"coarse_search_range": []}, "coarse_search_range"),
        ({"coarse_search_range": [-0.1]}, "coarse_search_range"),
        ({"fine_search_size": -1}, "fine_search_size"),
        ({"model_kwargs": {"sample_weight": y}}, "sample_weight"),
    ]:
        with pytest.raises(InputError, match=told):
            cl.find_label_issues(X, y, **arguments)
    with pytest.raises(InputTypeError, match="did you mean 'uncertainty'"):
        cl.fit(X, y, find_label_issues_kwargs={"uncertanty": 1})
    with pytest.raises(InputError, match="rows"):
        cl.fit(X, y, sample_weight=y[:3])


class Plain(BaseEstimator):
    def fit(self, X, y):
        self.mean_ = y.mean()
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


def test_a_model_with_fit_and_predict_is_enough(data):
    X, y = data
    cl = CleanLearning(Plain(), seed=0).fit(X, y)
    assert cl.score(X, y) == r2_score(y, cl.predict(X))
    with pytest.raises(InputError, match="does not take it"):
        cl.fit(X, y, sample_weight=np.ones(60))


def test_save_space_and_hints(data):
    cl = CleanLearning(seed=0, verbose=True)
    with pytest.warns(InputWarning, match="find_label_issues"):
        assert cl.get_label_issues() is None
    issues = cl.find_label_issues(*data, save_space=True)
    assert len(issues) == 60
    assert cl.label_issues_df is None
    cl.fit(*data)
    cl.save_space()
    assert cl.label_issues_df is cl.label_issues_mask is cl.k is None
    cl.predict(data[0])


def test_verbose_is_logged(data, caplog):
    with caplog.at_level(logging.INFO, logger="datalab"):
        CleanLearning(seed=0, verbose=True).fit(*data)
    assert "label issues" in caplog.text
    assert "fitting LinearRegression" in caplog.text


def test_uncertainty_without_refits_is_zero(data):
    assert not CleanLearning(n_boot=0).get_epistemic_uncertainty(*data).any()
