"""Strategies against label issues: what each trains on, and how one of them is chosen."""

import logging

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from datalab._models.strategies import STRATEGIES, Training, Trial, choose, clearer
from datalab.classification import STRATEGY_NAMES, CleanLearning
from datalab.exceptions import InputError


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


def trial(X, labels, clf):
    return Trial.prepared(
        X, labels, clf, 3, 0, n_classes=int(labels.max()) + 1, stream=None, fit_options={}
    )


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
    first, second = (CleanLearning(seed=1, strategy=strategy).fit(X, labels) for _ in range(2))
    np.testing.assert_array_equal(first.clf_.coef_, second.clf_.coef_)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(labels, before[1])
    assert first.get_params()["strategy"] == strategy


def test_auto_is_never_below_a_plain_fit_and_says_so(data, caplog):
    X, labels, true = data
    with caplog.at_level(logging.INFO, logger="datalab"):
        learner = CleanLearning(seed=0, strategy="auto").fit(X, labels)
    assert set(learner.strategy_scores_) == set(STRATEGY_NAMES) - {"auto"}
    assert learner.strategy_scores_[learner.strategy_] >= learner.strategy_scores_["keep"]
    assert f"strategy {learner.strategy_!r}" in caplog.text
    assert "by a plain fit" in caplog.text
    assert learner.score(X, true) > LogisticRegression().fit(X, labels).score(X, true)


def test_auto_without_sample_weight_leaves_weights_out(data):
    X, labels, _ = data
    learner = CleanLearning(KNeighborsClassifier(), seed=0, strategy="auto").fit(X, labels)
    assert "weight" not in learner.strategy_scores_
    with pytest.raises(InputError, match="sample_weight"):
        CleanLearning(KNeighborsClassifier(), strategy="weight").fit(X, labels)


def test_an_unknown_strategy(data):
    with pytest.raises(InputError, match="prune_twice"):
        CleanLearning(strategy="drop").fit(*data[:2])


def test_what_was_trained_on_is_told(data):
    X, labels, true = data
    relabelled = CleanLearning(seed=0, strategy="relabel").fit(X, labels).label_issues_
    assert (relabelled["training_label"] == true).mean() > (labels == true).mean()
    weighed = CleanLearning(seed=0, strategy="weight").fit(X, labels)
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
    learner = CleanLearning(seed=0, strategy="prune_twice").fit(X, labels, pred_probs=probs)
    assert learner.score(X, true) > 0.9


def test_each_strategy_by_hand():
    labels = np.tile([0, 1], 50)
    labels[0] = 1
    probs = np.where(np.arange(100)[:, None] % 2 == [0, 1], 0.95, 0.05)
    plain = everything(labels)
    pruned = STRATEGIES["prune_twice"](plain, probs)
    assert np.flatnonzero(~pruned.kept).tolist() == [0]
    assert STRATEGIES["relabel"](plain, probs).labels.tolist() == [0, 1] * 50
    weights = STRATEGIES["weight"](plain, probs).weights
    assert weights.argmin() == 0
    assert STRATEGIES["keep"](plain, probs) is plain


def test_a_class_that_is_emptied_rules_a_strategy_out():
    labels = np.array([0] * 12 + [1] * 12)
    X = labels[:, None].astype(float)
    tried = trial(X, labels, Told())
    assert tried.held_out(Training(labels, labels == 0)) is None
    chosen, scores = choose(tried, everything(labels), {"prune": Training(labels, labels == 0)})
    assert (chosen, scores) == ("keep", {"keep": 1.0})


class MoreIsBetter(Told):
    """Right where it was trained on all rows; on fewer, wrong about the first class."""

    def predict_proba(self, X):
        probs = super().predict_proba(X)
        return probs if self.trained_ >= 16 else probs[:, [1, 0]]


def test_what_is_below_a_plain_fit_is_not_chosen():
    labels = np.array([0] * 12 + [1] * 12)
    fewer = Training(labels, np.arange(24) % 3 > 0)
    tried = trial(labels[:, None].astype(float), labels, MoreIsBetter())
    chosen, scores = choose(tried, everything(labels), {"prune_twice": fewer})
    assert (chosen, scores) == ("keep", {"keep": 1.0, "prune_twice": 0.0})


def test_what_is_clearly_better_takes_the_place_of_the_preferred():
    labels = np.array([0] * 12 + [1] * 12)
    plain = everything(labels)
    fewer = Training(labels, np.arange(24) % 3 > 0)
    tried = trial(labels[:, None].astype(float), labels, MoreIsBetter())
    assert choose(tried, plain, {"prune_twice": fewer, "relabel": plain})[0] == "relabel"
    assert choose(tried, plain, {"prune_twice": plain, "relabel": plain})[0] == "prune_twice"


def test_models_without_the_doubtful_rows_see_clearer(data):
    X, labels, true = data
    tried = trial(X, labels, LogisticRegression())
    plain = everything(labels)
    first = tried.held_out(plain)
    later = clearer(tried, plain, first)
    rows = np.arange(len(labels))
    assert later[rows, true].mean() > first[rows, true].mean()
