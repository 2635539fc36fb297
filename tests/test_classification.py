"""CleanLearning for classes: a scikit-learn classifier that leaves wrong labels out."""

import logging

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from datalab.classification import CleanLearning
from datalab.exceptions import InputError, InputTypeError, InputWarning, OptionError

CODES_ONLY = (
    "section 0: Class labels must be integers 0..K-1 … Strings, negative or fractional labels -> "
    "`ValueError`"
)
ANY_SHAPE = "section 7: 1-D / N-D X is reshaped to 2-D only for the default clf."
LAST_FIT_ONLY = (
    "section 7: Finds issues …, drops them, fits clf once on the rest: `sample_weight` is for that "
    "fit, folds and counts of examples know no weights"
)
# Checks that the contract rules out, with the line of API.md that does.
EXPECTED_FAILED_CHECKS = {
    "check_fit_score_takes_y": "section 7: `fit(X, labels=None, *, pred_probs=None, … y=None)`",
    "check_do_not_raise_errors_in_init_or_set_params": (
        "section 7: clf … must have fit, predict, predict_proba (`ValueError`)."
    ),
    "check_classifiers_classes": CODES_ONLY,
    "check_classifiers_regression_target": CODES_ONLY + ": the message speaks of codes",
    "check_complex_data": CODES_ONLY + ": the message speaks of codes",
    "check_supervised_y_2d": (
        "section 0: labels (list, ndarray, Series, one-column DataFrame) are taken as they are, "
        "without a warning"
    ),
    "check_fit1d": ANY_SHAPE,
    "check_fit2d_predict1d": ANY_SHAPE,
}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [CleanLearning(seed=0, cv_n_folds=3)],
    expected_failed_checks=lambda _: EXPECTED_FAILED_CHECKS,
)
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [CleanLearning(GaussianNB(), seed=0)],
    expected_failed_checks=lambda _: (
        {name: reason for name, reason in EXPECTED_FAILED_CHECKS.items() if reason != ANY_SHAPE}
        | {"check_sample_weight_equivalence_on_dense_data": LAST_FIT_ONLY}
    ),
)
def test_scikit_learn_with_a_classifier_given(estimator, check):
    check(estimator)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 40)
    X = rng.normal(size=(120, 2)) * 0.3 + np.array([[0, 0], [4, 0], [0, 4]])[labels]
    labels[[3, 50, 100]] = [1, 2, 0]
    return X, labels


@pytest.fixture
def pred_probs(data):
    X, labels = data
    model = LogisticRegression().fit(X, labels)
    return model.predict_proba(X)


class Recorder(LogisticRegression):
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
    assert np.flatnonzero(issues["is_label_issue"]).tolist() == [3, 50, 100]
    assert issues.loc[[3, 50, 100], "predicted_label"].tolist() == [0, 1, 2]
    assert cl.label_issues_df is issues
    with pytest.raises(NotFittedError):
        cl.predict(data[0])


def test_attributes_before_and_after_fit(data):
    cl = CleanLearning(seed=0)
    names = [
        "label_issues_df",
        "label_issues_mask",
        "confident_joint",
        "noise_matrix",
        "inverse_noise_matrix",
        "py",
        "ps",
        "num_classes",
        "sample_weight",
    ]
    assert all(getattr(cl, name) is None for name in names)
    cl.fit(*data)
    shapes = [np.shape(getattr(cl, name)) for name in names]
    assert shapes == [(120, 5), (120,), (3, 3), (3, 3), (3, 3), (3,), (3,), (), (120,)]
    assert cl.num_classes == 3
    assert cl.confident_joint.sum() == 120
    np.testing.assert_allclose(cl.noise_matrix.sum(axis=0), 1)
    np.testing.assert_allclose(cl.inverse_noise_matrix.sum(axis=0), 1)
    assert cl.sample_weight[cl.label_issues_mask].eq(0).all()
    kept = ~cl.label_issues_mask
    expected = 1 / cl.noise_matrix.diagonal()[data[1][kept]]
    np.testing.assert_allclose(cl.sample_weight[kept], expected)
    assert cl.classes_.tolist() == [0, 1, 2]
    assert cl.n_features_in_ == 2
    cl.save_space()
    assert all(getattr(cl, name) is None for name in names)
    cl.predict(data[0])


def test_fitting_changes_nothing_that_was_given(data):
    X, labels = data
    clf = LogisticRegression(C=2.0)
    options = {"min_examples_per_class": 5}
    noise = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    cl = CleanLearning(clf, seed=0, find_label_issues_kwargs=options)
    before = cl.get_params()
    given = [X.copy(), labels.copy(), noise.copy()]
    cl.fit(X, labels, noise_matrix=noise)
    assert cl.get_params() == before
    assert cl.get_params()["find_label_issues_kwargs"] is options
    assert options == {"min_examples_per_class": 5}
    assert not hasattr(clf, "coef_")
    for now, then in zip([X, labels, noise], given, strict=True):
        np.testing.assert_array_equal(now, then)
    assert clone(cl).get_params()["clf"].get_params() == clf.get_params()


def test_the_classifier_in_use_is_shown(data):
    cl = CleanLearning(seed=0)
    assert cl.get_params()["clf"] is None
    assert isinstance(cl.clf, LogisticRegression)
    cl.fit(*data)
    assert cl.clf is cl.clf_
    np.testing.assert_array_equal(cl.clf.predict_proba(data[0]), cl.predict_proba(data[0]))
    assert cl.get_params()["clf"] is None


def test_every_fit_starts_fresh(data):
    X, labels = data
    cl = CleanLearning(seed=0).fit(X[:80], labels[:80] % 2)
    cl.fit(X, labels)
    fresh = CleanLearning(seed=0).fit(X, labels)
    pd.testing.assert_frame_equal(cl.get_label_issues(), fresh.get_label_issues())
    np.testing.assert_array_equal(cl.confident_joint, fresh.confident_joint)
    np.testing.assert_array_equal(cl.predict_proba(X), fresh.predict_proba(X))
    cl.fit(X[:80], labels[:80] % 2, label_issues=np.arange(3))
    assert cl.noise_matrix is cl.sample_weight is None


def test_seed_makes_open_classifiers_reproducible_without_the_global_stream(data):
    X, labels = data
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    forest = RandomForestClassifier(n_estimators=3)
    first, second = (
        CleanLearning(forest, seed=1).fit(X, labels).predict_proba(X) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    CleanLearning().fit(X, labels)
    assert np.random.random() == expected  # noqa: NPY002


def test_grid_search_and_pipelines(data):
    X, labels = data
    search = GridSearchCV(
        CleanLearning(LogisticRegression(), seed=0),
        {"clf__C": [1e-4, 1.0], "cv_n_folds": [3, 5]},
        cv=3,
    ).fit(X, labels)
    assert search.best_params_["clf__C"] == 1.0
    assert search.best_estimator_.get_params()["clf__C"] == 1.0
    steps = make_pipeline(StandardScaler(), CleanLearning(seed=0))
    assert cross_val_score(steps, X, labels).mean() > 0.9
    assert cross_val_score(steps, X, labels, scoring="roc_auc_ovr").mean() > 0.9
    inside = CleanLearning(CalibratedClassifierCV(GaussianNB(), cv=3), seed=0).fit(X, labels)
    assert inside.score(X, labels) > 0.9


def test_text_through_a_pipeline():
    texts = ["good fine nice"] * 30 + ["bad poor awful"] * 30
    labels = np.repeat([0, 1], 30)
    labels[4] = 1
    cl = CleanLearning(make_pipeline(TfidfVectorizer(), LogisticRegression()), seed=0)
    cl.fit(texts, labels)
    assert np.flatnonzero(cl.label_issues_mask).tolist() == [4]
    assert cl.predict(["good", "awful"]).tolist() == [0, 1]
    cl.fit(pd.Series(texts), pd.Series(labels))
    assert np.flatnonzero(cl.label_issues_mask).tolist() == [4]


@pytest.mark.parametrize("kind", [list, pd.DataFrame, sp.csr_array, sp.coo_matrix])
def test_any_kind_of_rows(data, kind):
    X, labels = data
    expected = CleanLearning(seed=0).fit(X, labels)
    got = CleanLearning(seed=0).fit(kind(X), labels.tolist())
    np.testing.assert_array_equal(got.label_issues_mask, expected.label_issues_mask)
    np.testing.assert_allclose(
        got.predict_proba(kind(X)), expected.predict_proba(X), rtol=1e-3, atol=1e-6
    )


def test_examples_of_any_shape_for_the_default_classifier(data):
    X, labels = data
    expected = CleanLearning(seed=0).fit(X, labels).predict(X)
    images = X.reshape(120, 1, 2, 1)
    cl = CleanLearning(seed=0).fit(images, labels)
    np.testing.assert_array_equal(cl.predict(images), expected)
    assert cl.score(images, labels) == accuracy_score(labels, expected)
    line = CleanLearning(seed=0).fit(X[:, 0], labels > 0)
    assert line.predict(X[:, 0]).shape == (120,)
    with pytest.raises(ValueError, match="dim 4"):
        CleanLearning(LogisticRegression()).fit(images, labels)


def test_classes_without_examples(data):
    X, labels = data
    gap = np.array([0, 1, 3])[labels]
    cl = CleanLearning(seed=0).fit(X, gap)
    dense = CleanLearning(seed=0).fit(X, labels)
    np.testing.assert_array_equal(cl.label_issues_mask, dense.label_issues_mask)
    assert cl.num_classes == 4
    assert cl.classes_.tolist() == [0, 1, 3]


def test_known_inverse_noise_gives_a_prior(data, pred_probs):
    _, labels = data
    inverse = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    for known in (
        {"inverse_noise_matrix": inverse},
        {"inverse_noise_matrix": inverse, "noise_matrix": inverse},
    ):
        cl = CleanLearning()
        cl.find_label_issues(labels=labels, pred_probs=pred_probs, **known)
        assert np.isfinite(cl.py).all()
        assert cl.py.sum() == pytest.approx(1)


def test_pulearning_spares_the_sure_class(data):
    X, labels = data
    binary = (labels > 0).astype(int)
    for sure in (0, 1):
        cl = CleanLearning(seed=0, pulearning=sure).fit(X, binary)
        assert not cl.label_issues_mask[binary == sure].any()
    for wrong in (2, "a"):
        with pytest.raises(InputError, match="pulearning"):
            CleanLearning(pulearning=wrong).fit(X, binary)
    with pytest.raises(InputError, match="3 classes"):
        CleanLearning(pulearning=1).fit(X, labels)


def test_weights_and_extra_arguments_reach_the_classifier(data, pred_probs):
    X, labels = data
    log = []
    weights = np.arange(1.0, 121.0)
    cl = CleanLearning(Recorder(log), seed=0, cv_n_folds=2)
    cl.fit(X, labels, label_issues=np.arange(5), sample_weight=weights)
    assert [n for n, _, _ in log] == [115]
    np.testing.assert_array_equal(log[0][1], weights[5:])
    assert cl.sample_weight is None
    log.clear()
    cl.fit(X, labels, clf_kwargs={"extra": 1}, clf_final_kwargs={"extra": 2})
    assert [extra for _, _, extra in log] == [1, 1, 2]
    assert log[0][1] is None
    assert log[-1][1] is not None
    log.clear()
    cl.fit(X, labels, validation_func=lambda _, y: {"extra": len(y)})
    assert [extra for _, _, extra in log] == [60, 60, None]
    log.clear()
    own = np.ones(115)
    final = {"sample_weight": own}
    cl.fit(X, labels, label_issues=np.arange(5), pred_probs=pred_probs, clf_final_kwargs=final)
    assert log[0][1] is own
    assert "label_quality" in cl.label_issues_df


@pytest.mark.parametrize(
    "wrap", [np.asarray, list, pd.Series, np.flatnonzero, lambda m: np.flatnonzero(m).tolist()]
)
def test_known_issues(data, wrap):
    X, labels = data
    mask = np.arange(120) % 7 == 0
    cl = CleanLearning().fit(X, labels, label_issues=wrap(mask))
    np.testing.assert_array_equal(cl.label_issues_mask, mask)
    assert cl.noise_matrix is None
    known = pd.DataFrame({"is_label_issue": mask})
    CleanLearning().fit(X, labels, label_issues=known)
    assert list(known) == ["is_label_issue"]
    none = CleanLearning().fit(X, labels, label_issues=[])
    assert not none.label_issues_mask.any()


@pytest.mark.parametrize(
    ("issues", "told"),
    [
        (np.array([3, 3]), "without repetition"),
        (np.array([3, 500]), "row 500"),
        (np.array([-1, 3]), "row -1"),
        (np.array([3.0, 7.0]), "float64"),
        (np.zeros(5, dtype=bool), "120 booleans"),
        (np.zeros((120, 1), dtype=bool), "shape"),
        (np.ones(120, dtype=bool), "none is left"),
        ("all", "array-like"),
        (3, "array-like"),
        (pd.DataFrame({"issue": np.zeros(120, dtype=bool)}), "no column 'is_label_issue'"),
        (pd.DataFrame({"is_label_issue": np.zeros(120, dtype=int)}), "booleans"),
        (
            pd.DataFrame({"is_label_issue": np.zeros(120, dtype=bool), "given_label": 5}),
            "other values",
        ),
        (pd.DataFrame({"is_label_issue": np.zeros(5, dtype=bool)}), "120 booleans"),
    ],
)
def test_known_issues_that_are_refused(data, issues, told):
    with pytest.raises(InputError, match=told):
        CleanLearning().fit(*data, label_issues=issues)


class NoScore(BaseEstimator):
    def fit(self, X, y):
        self.model_ = LogisticRegression().fit(X, y)
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def test_a_classifier_needs_no_more_than_three_methods(data):
    X, labels = data
    cl = CleanLearning(NoScore(), seed=0).fit(X, labels)
    weights = np.linspace(0, 1, 120)
    expected = accuracy_score(labels, cl.predict(X), sample_weight=weights)
    assert cl.score(X, labels, sample_weight=weights) == expected
    assert cl.sample_weight is None
    with pytest.raises(InputError, match="does not take it"):
        cl.fit(X, labels, sample_weight=weights)


@pytest.mark.parametrize("method", ["fit", "predict", "predict_proba"])
def test_what_is_no_classifier(method):
    methods = {"fit": 1, "predict": 1, "predict_proba": 1}
    del methods[method]
    with pytest.raises(ValueError, match=rf"method {method}\(\)"):
        CleanLearning(type("Half", (), methods)())


def test_wrong_labels(data):
    X, labels = data
    for wrong, error, told in [
        (labels.astype(str), ValueError, "np.unique"),
        (labels - 1, ValueError, "got -1"),
        (labels + 0.5, ValueError, "0.5"),
        (labels * 0, ValueError, "2 different classes"),
        (labels[:50], ValueError, "120 rows but there are 50 labels"),
        (5, TypeError, "array-like"),
    ]:
        with pytest.raises(error, match=told):
            CleanLearning().find_label_issues(X, wrong)
        with pytest.raises(error, match=told):
            CleanLearning().fit(X, wrong)
    with pytest.raises(TypeError, match="array-like"):
        CleanLearning().find_label_issues(X)
    with pytest.raises(InputError, match="requires y"):
        CleanLearning().fit(X)
    with pytest.raises(InputError, match="two names"):
        CleanLearning().fit(X, labels, y=labels)
    np.testing.assert_array_equal(
        CleanLearning(seed=0).fit(X, y=labels).predict(X),
        CleanLearning(seed=0).fit(X, labels).predict(X),
    )


def test_wrong_options(data, pred_probs):
    X, labels = data
    for init, error, told in [
        ({"cv_n_folds": 1}, InputError, "cv_n_folds"),
        ({"cv_n_folds": 80}, InputError, "largest class"),
        ({"find_label_issues_kwargs": {"multi_label": False}}, InputError, "multi_label"),
        (
            {"find_label_issues_kwargs": {"return_indices_ranked_by": "self_confidence"}},
            InputError,
            "return_indices_ranked_by",
        ),
        ({"find_label_issues_kwargs": {"filter_bi": 1}}, InputTypeError, "filter_by"),
        ({"find_label_issues_kwargs": {"filter_by": "x"}}, OptionError, "filter_by"),
        ({"find_label_issues_kwargs": {"n_jobs": 0}}, OptionError, "n_jobs"),
        ({"label_quality_scores_kwargs": {"method": "x"}}, InputError, "method"),
        ({"label_quality_scores_kwargs": {"foo": 1}}, InputTypeError, "foo"),
        ({"clf": LogisticRegression}, InputError, "cannot be cloned"),
    ]:
        with pytest.raises(error, match=told):
            CleanLearning(**init).find_label_issues(X, labels)
    for given, told in [
        ({"noise_matrix": np.eye(3) / 3}, "trace of `noise_matrix` is 1"),
        ({"inverse_noise_matrix": np.eye(3) / 3}, "trace of `inverse_noise_matrix` is 1"),
        ({"noise_matrix": np.eye(2)}, r"shape \(3, 3\)"),
        ({"thresholds": [0.5, 0.5]}, "3 finite numbers"),
    ]:
        with pytest.raises(InputError, match=told):
            CleanLearning().find_label_issues(labels=labels, pred_probs=pred_probs, **given)
    with pytest.raises(InputError, match="`X` is None"):
        CleanLearning().find_label_issues(labels=labels)
    with pytest.raises(InputTypeError, match="one example per row"):
        CleanLearning().fit(None, labels, pred_probs=pred_probs)
    with pytest.raises(InputTypeError, match="validation_func"):
        CleanLearning().fit(X, labels, validation_func=3)
    for seed in ("a", 1.5, -1):
        with pytest.raises(InputError, match="`seed` must be an integer >= 0"):
            CleanLearning(seed=seed).fit(X, labels)
    with pytest.raises(InputError, match="stands among the extra arguments"):
        CleanLearning().fit(X, labels, clf_kwargs={"sample_weight": labels})
    with pytest.raises(InputError, match="rows"):
        CleanLearning().fit(X, labels, sample_weight=labels[:3])


def test_low_memory_says_what_it_ignores(data, pred_probs):
    _, labels = data
    cl = CleanLearning(low_memory=True, find_label_issues_kwargs={"filter_by": "both"})
    with pytest.warns(InputWarning, match="low_memory") as told:
        cl.find_label_issues(
            labels=labels, pred_probs=pred_probs, thresholds=[1, 1, 1], noise_matrix=np.eye(3)
        )
    text = " ".join(str(one.message) for one in told)
    assert all(
        name in text for name in ("thresholds", "`noise_matrix`", "find_label_issues_kwargs")
    )
    assert cl.noise_matrix is None
    assert cl.num_classes == 3


def test_hints(data, pred_probs):
    X, labels = data
    cl = CleanLearning(seed=0)
    with pytest.warns(InputWarning, match="find_label_issues"):
        assert cl.get_label_issues() is None
    with pytest.warns(UserWarning, match="`X` is ignored"):
        issues = cl.find_label_issues(X, labels, pred_probs=pred_probs, save_space=True)
    assert len(issues) == 120
    assert cl.label_issues_df is None
    assert cl.noise_matrix is not None
    assert cl.find_label_issues(labels=labels, pred_probs=pred_probs) is cl.get_label_issues()


def test_verbose_is_logged(data, caplog, capsys):
    with caplog.at_level(logging.INFO, logger="datalab"):
        CleanLearning(seed=0, verbose=True).fit(*data)
    assert "5-fold cross-validation of LogisticRegression" in caplog.text
    assert "3 of 120 examples have a label issue" in caplog.text
    assert capsys.readouterr().out == ""


def test_rows_may_be_permuted(data, pred_probs):
    _, labels = data
    order = np.random.default_rng(0).permutation(120)
    expected = CleanLearning().find_label_issues(labels=labels, pred_probs=pred_probs)
    got = CleanLearning().find_label_issues(labels=labels[order], pred_probs=pred_probs[order])
    pd.testing.assert_frame_equal(got, expected.iloc[order].reset_index(drop=True))
