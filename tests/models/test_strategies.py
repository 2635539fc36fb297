"""Strategies against label issues: what each trains on, and how one of them is chosen."""

import logging

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from datalab._core.label_flags import adaptive_flags
from datalab._models.choice import choose, compare
from datalab._models.strategies import STRATEGIES, Judged, Training, Trial, judge
from datalab._models.witnesses import witnesses
from datalab.classification import STRATEGY_NAMES, CleanLearning
from datalab.exceptions import InputError
from datalab.recipes.from_rows import encode_rows


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    true = np.repeat([0, 1, 2], 60)
    X = rng.normal(size=(180, 4)) + 3.0 * np.eye(3, 4)[true]
    labels = true.copy()
    wrong = rng.choice(180, 40, replace=False)
    labels[wrong] = (labels[wrong] + 1) % 3
    return X, labels, true


class Told(ClassifierMixin, BaseEstimator):
    """Predicts what stands in `X`."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.trained_ = len(y)
        return self

    def predict_proba(self, X):
        return np.eye(len(self.classes_))[np.asarray(X)[:, 0].astype(int)]

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


def trial(X, labels, clf, **options):
    n_classes, n_folds = int(labels.max()) + 1, min(3, np.bincount(labels).max())
    return Trial.prepared(
        X, labels, clf, n_folds, 0, n_classes=n_classes, stream=None, fit_options={}, **options
    )


def witnessed(X, labels, clf, **options):
    return trial(X, labels, clf, members=witnesses(encode_rows(X, 0), 3, 0), **options)


def everything(labels):
    return Training(labels, np.ones(len(labels), dtype=bool))


def test_none_and_prune_are_the_same(data):
    X, labels, _ = data
    plain = CleanLearning(seed=0).fit(X, labels)
    named = CleanLearning(seed=0, strategy="prune").fit(X, labels)
    np.testing.assert_array_equal(plain.clf_.coef_, named.clf_.coef_)
    assert plain.label_issues_.equals(named.label_issues_)
    assert plain.strategy_ == named.strategy_ == "prune"
    assert not hasattr(plain, "strategy_scores_")


def test_keep_is_a_plain_fit(data):
    X, labels, _ = data
    kept = CleanLearning(seed=0, strategy="keep").fit(X, labels)
    np.testing.assert_array_equal(kept.clf_.coef_, LogisticRegression().fit(X, labels).coef_)
    assert kept.label_issues_mask.any()


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
def test_every_strategy_is_repeatable_and_changes_nothing_of_the_caller(data, strategy):
    X, labels, _ = data
    before = X.copy(), labels.copy()
    first, second = (
        CleanLearning(seed=1, cv_n_folds=2, strategy=strategy).fit(X, labels) for _ in range(2)
    )
    np.testing.assert_array_equal(first.clf_.coef_, second.clf_.coef_)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(labels, before[1])
    assert first.get_params()["strategy"] == strategy


def test_auto_is_never_below_a_plain_fit_and_says_so(data, caplog):
    X, labels, true = data
    with caplog.at_level(logging.INFO, logger="datalab"):
        learner = CleanLearning(seed=0, cv_n_folds=2, strategy="auto").fit(X, labels)
    assert set(learner.strategy_scores_) == set(STRATEGY_NAMES) - {"auto"}
    assert learner.strategy_scores_[learner.strategy_] >= learner.strategy_scores_["keep"]
    assert f"strategy {learner.strategy_!r}" in caplog.text
    assert "by a plain fit" in caplog.text
    assert learner.score(X, true) > LogisticRegression().fit(X, labels).score(X, true)


def test_auto_without_sample_weight_leaves_weights_out(data):
    X, labels, _ = data
    learner = CleanLearning(KNeighborsClassifier(), seed=0, cv_n_folds=2, strategy="auto").fit(
        X, labels
    )
    assert "weight" not in learner.strategy_scores_
    with pytest.raises(InputError, match="sample_weight"):
        CleanLearning(KNeighborsClassifier(), strategy="weight").fit(X, labels)


def test_an_unknown_strategy(data):
    with pytest.raises(InputError, match="prune_twice"):
        CleanLearning(strategy="drop").fit(*data[:2])


def test_what_was_trained_on_is_told(data):
    X, labels, true = data
    relabelled = (
        CleanLearning(seed=0, cv_n_folds=2, strategy="relabel").fit(X, labels).label_issues_
    )
    assert (relabelled["training_label"] == true).mean() > (labels == true).mean()
    weighed = CleanLearning(seed=0, cv_n_folds=2, strategy="weight").fit(X, labels)
    wrong = labels != true
    assert weighed.sample_weight_[wrong].mean() < 0.5 < weighed.sample_weight_[~wrong].mean()


def test_given_weights_go_to_every_strategy(data):
    X, labels, _ = data
    weights = np.where(np.arange(len(labels)) % 2, 1.0, 3.0)
    kept = CleanLearning(seed=0, strategy="keep").fit(X, labels, sample_weight=weights)
    plain = LogisticRegression().fit(X, labels, sample_weight=weights)
    np.testing.assert_array_equal(kept.clf_.coef_, plain.coef_)


def test_given_pred_probs_spare_a_cross_validation(data):
    X, labels, true = data
    probs = np.full((180, 3), 0.05)
    probs[np.arange(180), true] = 0.9
    learner = CleanLearning(seed=0, cv_n_folds=2, strategy="prune_twice").fit(
        X, labels, pred_probs=probs
    )
    assert learner.score(X, true) > 0.9


def judged_by_hand():
    labels = np.tile([0, 1], 50)
    labels[:2] = 1, 0
    right = np.where(np.arange(100) < 2, [0.01, 0.4] + 98 * [0.0], 0.9)
    return labels, Judged(np.tile([0, 1], 50), np.arange(100) < 2, right, {})


def test_each_strategy_by_hand():
    labels, judged = judged_by_hand()
    plain = everything(labels)
    pruned = STRATEGIES["prune_twice"](plain, judged)
    assert np.flatnonzero(~pruned.kept).tolist() == [0, 1]
    # The first suggestion is as sure as the other labels are (.99 against .9), the second is not.
    relabelled = STRATEGIES["relabel"](plain, judged)
    assert relabelled.labels.tolist() == [0, 0] + [0, 1] * 49
    assert np.flatnonzero(~relabelled.kept).tolist() == [1]
    weights = STRATEGIES["weight"](plain, judged).weights
    np.testing.assert_array_equal(weights, judged.right)
    assert STRATEGIES["keep"](plain, judged) is plain
    np.testing.assert_array_equal(plain.labels, labels)


def choice(labels, **kept):
    """What is chosen among trainings on some of the rows, in order of preference."""

    def treated(part, plain, rows):
        return {name: Training(plain.labels, rows_kept[rows]) for name, rows_kept in kept.items()}

    tried = trial(labels[:, None].astype(float), labels, MoreIsBetter())
    return choose(compare(tried, everything(labels), treated))


ALL = np.ones(24, dtype=bool)
FEWER = np.arange(24) % 3 > 0
TWO_CLASSES = np.array([0] * 12 + [1] * 12)


class MoreIsBetter(Told):
    """Right where it was trained on all rows; on fewer, wrong about the first class."""

    def predict_proba(self, X):
        probs = super().predict_proba(X)
        return probs if self.trained_ >= 16 else probs[:, [1, 0]]


def test_a_class_that_is_emptied_rules_a_strategy_out():
    assert choice(TWO_CLASSES, prune=TWO_CLASSES == 0, keep=ALL) == ("keep", {"keep": 1.0})


def test_what_is_below_a_plain_fit_is_not_chosen():
    chosen, scores = choice(TWO_CLASSES, prune_twice=FEWER, keep=ALL)
    assert (chosen, scores) == ("keep", {"prune_twice": 0.0, "keep": 1.0})


def test_what_is_clearly_better_takes_the_place_of_the_preferred():
    assert choice(TWO_CLASSES, prune_twice=FEWER, relabel=ALL, keep=FEWER)[0] == "relabel"
    assert choice(TWO_CLASSES, prune_twice=FEWER, relabel=ALL, keep=ALL)[0] == "keep"
    assert choice(TWO_CLASSES, prune_twice=ALL, relabel=ALL, keep=ALL)[0] == "prune_twice"


def test_rows_that_are_too_few_to_hold_some_out():
    for labels in ([0, 1, 0, 0], [0, 1, 0, 1]):
        assert choice(np.array(labels), prune_twice=ALL[:4], keep=ALL[:4]) == ("keep", {})


def test_held_out_labels_do_not_judge_those_that_are_trained_on(data):
    X, labels, _ = data
    seen = []

    def treated(part, plain, rows):
        assert part.members[0].X[np.arange(3)].shape[0] == 3
        np.testing.assert_array_equal(part.X, X[rows])
        np.testing.assert_array_equal(part.labels, labels[rows])
        assert max(len(t) + len(h) for t, h in part.folds) == len(rows)
        seen.extend(rows)
        return {"keep": plain}

    tried = witnessed(X, labels, LogisticRegression())
    agrees = compare(tried, everything(labels), treated)
    assert np.bincount(seen).tolist() == [2] * len(labels)
    model = LogisticRegression()
    assert agrees["keep"].mean() == pytest.approx(
        (model.fit(X, labels).predict(X) == labels).mean(), abs=0.1
    )


def test_other_models_help_to_judge(data):
    X, labels, true = data
    alone, together = (
        judge(t, everything(labels), t.held_out(everything(labels)))
        for t in (trial(X, labels, GaussianNB()), witnessed(X, labels, GaussianNB()))
    )
    wrong = labels != true
    assert list(alone.judges) == ["GaussianNB"]
    assert list(together.judges) == [
        "GaussianNB",
        "logistic regression",
        "support vectors",
        "extra trees",
    ]
    assert (together.is_issue == wrong).mean() >= (alone.is_issue == wrong).mean() > 0.85
    assert together.right[wrong].mean() < 0.3 < 0.7 < together.right[~wrong].mean()


class Poor(LogisticRegression):
    """Knows nothing."""

    def predict_proba(self, X):
        return np.full((len(X), 3), 1 / 3)


def test_what_knows_nothing_does_no_harm(data):
    X, labels, true = data
    tried = witnessed(X, labels, Poor())
    judged = judge(tried, everything(labels), tried.held_out(everything(labels)))
    assert (judged.suggested == true).mean() > 0.9


def test_labels_of_a_sure_class_and_the_last_of_a_class_are_left_alone(data):
    X, labels, _ = data
    tried = witnessed(X, labels, LogisticRegression(), sure_class=2)
    judged = judge(tried, everything(labels), tried.held_out(everything(labels)))
    assert not judged.is_issue[labels == 2].any()
    assert (judged.right[labels == 2] == 1).all()
    # A class that is drawn blindly is suspected, but stays with a row for each fold.
    rng = np.random.default_rng(0)
    blind = np.where(rng.permutation(180) < 8, 3, labels)
    tried = trial(X, blind, LogisticRegression())
    judged = judge(tried, everything(blind), tried.held_out(everything(blind)))
    assert 3 <= (~judged.is_issue & (blind == 3)).sum() < 8


def test_models_without_the_doubtful_rows_see_clearer(data):
    X, labels, true = data
    tried = trial(X, labels, LogisticRegression())
    plain = everything(labels)
    judged = judge(tried, plain, tried.held_out(plain))
    flags = adaptive_flags(labels, tried.held_out(plain), 40)
    assert judged.right[labels != true].mean() < flags.score[labels != true].mean()


@pytest.mark.filterwarnings("ignore::datalab.exceptions.InputWarning")
@pytest.mark.parametrize("kind", ["sparse", "texts", "table", "gaps", "images"])
def test_rows_of_every_kind(kind):
    rng = np.random.default_rng(0)
    true = np.repeat([0, 1], 30)
    labels = np.where(rng.permutation(60) < 6, 1 - true, true)
    words = np.array(["good great film", "dull poor book"])
    X = rng.normal(size=(60, 4)) + 2 * true[:, None]
    clf = LogisticRegression()
    if kind == "sparse":
        X = sp.csr_array(X * (X > 0))
    elif kind == "texts":
        X = [f"{words[t]} of {rng.integers(9)} about {rng.integers(9)}" for t in true]
        clf = make_pipeline(TfidfVectorizer(), LogisticRegression())
    elif kind == "table":
        X = pd.DataFrame({"x": X[:, 0], "kind": np.array(["a", "b"])[true]})
        encoder = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
        clf = make_pipeline(encoder, LogisticRegression())
    elif kind == "gaps":
        X[rng.random(X.shape) < 0.1] = np.nan
        clf = HistGradientBoostingClassifier(max_iter=5)
    else:
        X, clf = X.reshape(60, 2, 2), None
    learner = CleanLearning(clf, seed=0, cv_n_folds=2, strategy="auto").fit(X, labels)
    assert encode_rows(X, 0) is not None
    assert learner.score(X, true) > 0.85


def test_rows_that_only_the_classifier_can_read():
    assert encode_rows(object(), 0) is None
    assert encode_rows([{"a": 1}, {"b": 2}], 0) is None
    assert encode_rows([[1.0], [2.0, 3.0]], 0) is None
    assert encode_rows([], 0) is None
    assert encode_rows(np.ones((9, 2), dtype=complex), 0) is None
    assert encode_rows(pd.DataFrame(np.ones((9, 2)), columns=["a", "a"]), 0) is None


def test_rows_as_what_they_hold():
    mixed = np.array([["a", 1.0], ["b", 2.5], ["b", 3.0]] * 9, dtype=object)
    encoded = encode_rows(mixed, 0)
    assert (encoded.numbers.shape, encoded.categories.shape) == ((27, 1), (27, 1))
    gaps = np.where(np.eye(9, 4), np.inf, np.arange(36.0).reshape(9, 4))
    np.testing.assert_array_equal(np.isnan(encode_rows(gaps, 0).numbers), np.eye(9, 4))
    counts = sp.csc_array(np.arange(36).reshape(9, 4) % 3)
    assert encode_rows(counts, 0).terms.shape == (9, 4)
    assert encode_rows(-counts, 0).terms is None
    assert encode_rows(np.arange(18.0).reshape(9, 2, 1), 0).numbers.shape == (9, 2)
