"""Numeric labels: scores, flags and models equal cleanlab's, with the same seed."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from datalab.regression.learn import CleanLearning
from datalab.regression.rank import get_label_quality_scores

theirs_rank = pytest.importorskip("cleanlab.regression.rank")
theirs_learn = pytest.importorskip("cleanlab.regression.learn")


def data(seed, n=60, n_features=3, share=0.08, ties=False):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_features))
    y = X @ rng.normal(size=n_features) + 0.3 * rng.normal(size=n)
    wrong = rng.random(n) < share
    y[wrong] += rng.choice([-4, 4], wrong.sum())
    return X, np.round(y) if ties else y


@pytest.mark.parametrize("method", ["outre", "residual"])
@pytest.mark.parametrize("kind", ["plain", "ties", "float32", "constant", "perfect", "memmap"])
@pytest.mark.parametrize("n", [2, 3, 17, 100, 101, 400])
def test_scores(method, kind, n, tmp_path):
    rng = np.random.default_rng(n)
    labels = rng.normal(size=n)
    predictions = labels + 0.3 * rng.normal(size=n)
    if kind == "ties":
        labels, predictions = np.round(labels), np.round(predictions)
    elif kind == "float32":
        labels, predictions = labels.astype(np.float32), predictions.astype(np.float32)
    elif kind == "constant":
        labels[:] = 1.0
    elif kind == "perfect":
        predictions = labels
    elif kind == "memmap":
        np.save(tmp_path / "labels.npy", labels)
        labels = np.load(tmp_path / "labels.npy", mmap_mode="r")
    expected = theirs_rank.get_label_quality_scores(labels, predictions, method=method)
    got = get_label_quality_scores(labels, predictions, method=method)
    tolerance = 1e-4 if kind == "float32" else 1e-6
    np.testing.assert_allclose(got, expected, atol=tolerance)


MODELS = {
    "default": None,
    "neighbors": KNeighborsRegressor(3),
    "tree": DecisionTreeRegressor(max_depth=3, random_state=0),
    "open_forest": RandomForestRegressor(n_estimators=3),
    "pipeline": make_pipeline(StandardScaler(), DecisionTreeRegressor(max_features=1)),
}
OPTIONS = {
    "defaults": ({}, {}),
    "folds": ({"cv_n_folds": 3, "n_boot": 2}, {}),
    "no_boot": ({"n_boot": 0}, {}),
    "one_boot": ({"n_boot": 1}, {}),
    "epistemic": ({"include_aleatoric_uncertainty": False}, {}),
    "constant": ({"n_boot": 0, "include_aleatoric_uncertainty": False}, {}),
    "given_uncertainty": ({}, {"uncertainty": 0.3}),
    "uncertainty_per_row": ({}, {"uncertainty": np.linspace(0.1, 2, 60)}),
    "coarse": ({}, {"coarse_search_range": [0.3, 0.0, 0.1]}),
    "one_coarse": ({}, {"coarse_search_range": [0.1]}),
    "coarse_too_large": ({}, {"coarse_search_range": [0.1, 0.99]}),
    "fine": ({}, {"fine_search_size": 1}),
    "no_fine": ({}, {"fine_search_size": 0}),
}


def assert_same_issues(got, expected):
    assert list(got.columns) == list(expected.columns)
    assert got.dtypes.tolist() == expected.dtypes.tolist()
    for column in ("label_quality", "given_label", "predicted_label"):
        np.testing.assert_allclose(got[column], expected[column], atol=1e-6)
    assert got["is_label_issue"].sum() == expected["is_label_issue"].sum()
    # Rows tied at the cut may be chosen either way.
    cut = expected.loc[expected["is_label_issue"], "label_quality"].max()
    clear = ~np.isclose(expected["label_quality"], cut, atol=1e-9)
    np.testing.assert_array_equal(got["is_label_issue"][clear], expected["is_label_issue"][clear])


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("model", MODELS)
def test_find_label_issues(model, options):
    X, y = data(seed=len(options))
    init, arguments = OPTIONS[options]
    expected_cl = theirs_learn.CleanLearning(MODELS[model], seed=3, **init)
    expected = expected_cl.find_label_issues(X, y, **arguments)
    cl = CleanLearning(MODELS[model], seed=3, **init)
    assert_same_issues(cl.find_label_issues(X, y, **arguments), expected)
    assert cl.k == pytest.approx(expected_cl.k)
    np.testing.assert_array_equal(cl.label_issues_mask, expected_cl.label_issues_mask)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("ties", [False, True])
def test_find_label_issues_on_other_data(seed, ties):
    X, y = data(seed, n=20 + 7 * seed, share=0.03 * (seed % 4), ties=ties)
    init = {"cv_n_folds": 2 + seed % 4, "n_boot": 2, "seed": seed}
    model = KNeighborsRegressor(3) if seed % 2 else None
    expected = theirs_learn.CleanLearning(model, **init).find_label_issues(X, y)
    assert_same_issues(CleanLearning(model, **init).find_label_issues(X, y), expected)


@pytest.mark.parametrize("model", MODELS)
def test_fit_predict_score(model):
    X, y = data(seed=5)
    expected = theirs_learn.CleanLearning(MODELS[model], seed=1, cv_n_folds=3).fit(X, y)
    cl = CleanLearning(MODELS[model], seed=1, cv_n_folds=3).fit(X, y)
    assert_same_issues(cl.get_label_issues(), expected.get_label_issues())
    np.testing.assert_allclose(cl.predict(X), expected.predict(X), atol=1e-6)
    assert cl.score(X, y) == pytest.approx(expected.score(X, y))


def test_fit_with_weights_and_given_issues():
    X, y = data(seed=6)
    weights = np.linspace(0.1, 1, len(y))
    mask = np.arange(len(y)) % 9 == 0
    for issues in (None, mask, pd.Series(mask), pd.DataFrame({"is_label_issue": mask})):
        arguments = {"label_issues": issues, "sample_weight": weights}
        expected = theirs_learn.CleanLearning(seed=1, cv_n_folds=3).fit(X, y, **arguments)
        cl = CleanLearning(seed=1, cv_n_folds=3).fit(X, y, **arguments)
        np.testing.assert_allclose(cl.predict(X), expected.predict(X), atol=1e-6)
        assert set(expected.label_issues_df) <= set(cl.label_issues_df)
        assert cl.score(X, y, sample_weight=weights) == pytest.approx(
            expected.score(X, y, sample_weight=weights)
        )


def test_uncertainties():
    X, y = data(seed=7)
    expected = theirs_learn.CleanLearning(LinearRegression(), seed=2)
    epistemic = expected.get_epistemic_uncertainty(X, y, predictions=y)
    cl = CleanLearning(seed=2)
    np.testing.assert_allclose(cl.get_epistemic_uncertainty(X, y, predictions=y), epistemic)
    expected = theirs_learn.CleanLearning(LinearRegression(), seed=2)
    aleatoric = expected.get_aleatoric_uncertainty(X, y)
    assert cl.get_aleatoric_uncertainty(X, y) == pytest.approx(aleatoric)


def test_frames_and_lists():
    X, y = data(seed=8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs_learn.CleanLearning(seed=0).find_label_issues(pd.DataFrame(X), y.tolist())
    for rows in (pd.DataFrame(X, index=range(3, 63)), X.tolist(), np.asfortranarray(X)):
        assert_same_issues(CleanLearning(seed=0).find_label_issues(rows, pd.Series(y)), expected)
