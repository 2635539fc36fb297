"""CleanLearning equals cleanlab's, with the same seed: issues, estimates, weights, predictions."""

import copy
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datalab.classification import CleanLearning

theirs = pytest.importorskip("cleanlab.classification")

ESTIMATES = ("confident_joint", "noise_matrix", "inverse_noise_matrix", "py", "ps")


def data(seed, n=240, K=3, noise=0.15):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, K, n)
    true[:K] = np.arange(K)
    X = rng.normal(size=(n, 4)) + 2.0 * rng.normal(size=(K, 4))[true]
    labels = np.where(rng.random(n) < noise, rng.integers(0, K, n), true)
    labels[:K] = np.arange(K)
    return X, labels


def probabilities(seed, labels, K, sharpness=2.0, kind="plain"):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(len(labels), K))
    logits[np.arange(len(labels)), labels] += sharpness * (rng.random(len(labels)) < 0.8)
    probs = np.exp(logits)
    probs /= probs.sum(axis=1, keepdims=True)
    if kind == "ties":
        probs = np.round(probs, 2)
    return probs.astype(np.float32) if kind == "float32" else probs


def run(cls, init, *args, method="find_label_issues", **kwargs):
    """The estimator and what the method returned, without the reference's own warnings.

    The reference writes into noise matrices, so it gets copies.
    """
    cl = cls(**copy.deepcopy(init))
    args, kwargs = copy.deepcopy((args, kwargs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = getattr(cl, method)(*args, **kwargs)
    return cl, result


def assert_same_issues(got, expected, flags=True):
    assert list(got.columns) == list(expected.columns)
    for column in expected.columns[1:]:
        np.testing.assert_allclose(got[column], expected[column], atol=1e-6, err_msg=column)
    if flags:
        np.testing.assert_array_equal(got["is_label_issue"], expected["is_label_issue"])


def assert_same_estimates(got, expected):
    for name in ESTIMATES:
        theirs_, ours = getattr(expected, name), getattr(got, name)
        if theirs_ is None or np.isnan(theirs_).any():
            continue  # section 19, Q23
        assert ours is not None
        # The reference leaves trailing missing classes out of `ps`.
        np.testing.assert_allclose(ours[: len(theirs_)], theirs_, atol=1e-6, err_msg=name)
    assert got.num_classes == expected.num_classes


NOISE = np.array([[0.8, 0.1, 0.05], [0.1, 0.8, 0.15], [0.1, 0.1, 0.8]])
INITS = {
    "default": {},
    "converge": {"converge_latent_estimates": True},
    **{
        f"filter_{rule}": {"find_label_issues_kwargs": {"filter_by": rule}}
        for rule in (
            "prune_by_class",
            "both",
            "confident_learning",
            "predicted_neq_given",
            "low_normalized_margin",
            "low_self_confidence",
        )
    },
    "frac": {"find_label_issues_kwargs": {"frac_noise": 0.5, "n_jobs": 1, "verbose": False}},
    "remove": {"find_label_issues_kwargs": {"num_to_remove_per_class": 3}},
    "min_0": {"find_label_issues_kwargs": {"min_examples_per_class": 0}},
    "min_60": {"find_label_issues_kwargs": {"min_examples_per_class": 60}},
    "joint": {"find_label_issues_kwargs": {"confident_joint": np.eye(3) * 50 + 4}},
    "margin": {"label_quality_scores_kwargs": {"method": "normalized_margin"}},
    "entropy": {"label_quality_scores_kwargs": {"method": "confidence_weighted_entropy"}},
    "adjusted": {"label_quality_scores_kwargs": {"adjust_pred_probs": True}},
    "low_memory": {"low_memory": True},
    "low_memory_margin": {
        "low_memory": True,
        "label_quality_scores_kwargs": {"method": "normalized_margin"},
    },
}
GIVEN = {
    "nothing": {},
    "thresholds": {"thresholds": [0.3, 0.4, 0.5]},
    "noise": {"noise_matrix": NOISE},
    "inverse": {"inverse_noise_matrix": NOISE},
    "both": {"noise_matrix": NOISE, "inverse_noise_matrix": NOISE},
}


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("init", INITS)
def test_find_label_issues_from_probabilities(init, given):
    _, labels = data(seed=len(init))
    probs = probabilities(len(given), labels, 3)
    arguments = {"labels": labels, "pred_probs": probs, **GIVEN[given]}
    expected_cl, expected = run(theirs.CleanLearning, INITS[init], **arguments)
    cl, got = run(CleanLearning, INITS[init], **arguments)
    assert_same_issues(got, expected)
    if init == "joint" and given != "nothing":
        return  # where the two contradict each other, what is given about the noise counts here
    assert_same_estimates(cl, expected_cl)


@pytest.mark.parametrize("kind", ["plain", "ties", "float32"])
@pytest.mark.parametrize("K", [2, 10, 200])
@pytest.mark.parametrize("sharpness", [0.3, 3.0])
@pytest.mark.parametrize("missing", [False, True])
def test_other_shapes(kind, K, sharpness, missing):
    _, labels = data(seed=K, n=60 + 20 * K, K=K)
    probs = probabilities(K, labels, K, sharpness, kind)
    if missing:
        labels = np.where(labels == K // 2, 0, labels)
    if len(np.unique(labels)) < 2:
        labels = labels.copy()
        labels[-5:] = K - 1
    arguments = {"labels": labels, "pred_probs": probs}
    expected_cl, expected = run(theirs.CleanLearning, {}, **arguments)
    cl, got = run(CleanLearning, {}, **arguments)
    assert_same_issues(got, expected, flags=kind != "ties")
    if not missing:
        assert_same_estimates(cl, expected_cl)
    for same in (np.asfortranarray(probs), pd.DataFrame(probs)):
        _, again = run(CleanLearning, {}, labels=labels.tolist(), pred_probs=same)
        pd.testing.assert_frame_equal(again, got)


@pytest.mark.parametrize("given", ["nothing", "noise", "inverse"])
@pytest.mark.parametrize("rule", ["prune_by_noise_rate", "prune_by_class", "both"])
@pytest.mark.parametrize("sure", [0, 1])
def test_positive_unlabelled(sure, rule, given):
    _, labels = data(seed=sure, K=2)
    probs = probabilities(sure, labels, 2, sharpness=1.0)
    known = {name: NOISE[:2, :2] / NOISE[:2, :2].sum(axis=0) for name in GIVEN[given]}
    init = {"pulearning": sure, "find_label_issues_kwargs": {"filter_by": rule}}
    arguments = {"labels": labels, "pred_probs": probs, **known}
    expected_cl, expected = run(theirs.CleanLearning, init, **arguments)
    cl, got = run(CleanLearning, init, **arguments)
    assert_same_issues(got, expected)
    assert_same_estimates(cl, expected_cl)


MODELS = {
    "default": None,
    "bayes": GaussianNB(),
    "open_network": MLPClassifier(hidden_layer_sizes=4, max_iter=20),
    "open_pipeline": make_pipeline(StandardScaler(), MLPClassifier(4, max_iter=20)),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("folds", [2, 5])
@pytest.mark.parametrize("model", MODELS)
def test_fit(model, folds, seed):
    X, labels = data(seed=seed, n=200)
    init = {"clf": MODELS[model], "seed": seed, "cv_n_folds": folds}
    expected, _ = run(theirs.CleanLearning, init, X, labels, method="fit")
    cl, _ = run(CleanLearning, init, X, labels, method="fit")
    assert_same_issues(cl.get_label_issues(), expected.get_label_issues())
    assert_same_estimates(cl, expected)
    np.testing.assert_array_equal(cl.label_issues_mask, expected.label_issues_mask)
    if expected.sample_weight is None:
        assert cl.sample_weight is None
    else:
        np.testing.assert_allclose(cl.sample_weight, expected.sample_weight)
    np.testing.assert_allclose(cl.predict_proba(X), expected.predict_proba(X), atol=1e-6)
    np.testing.assert_array_equal(cl.predict(X), expected.predict(X))
    assert cl.score(X, labels) == pytest.approx(expected.score(X, labels))


def test_fit_with_everything_given():
    X, labels = data(seed=3)
    weights = np.linspace(0.1, 1, len(labels))
    mask = np.arange(len(labels)) % 9 == 0
    table = pd.DataFrame({"is_label_issue": mask})
    probs = probabilities(1, labels, 3)
    for given in (
        {"label_issues": mask},
        {"label_issues": np.flatnonzero(mask)},
        {"label_issues": table},
        {"label_issues": mask, "sample_weight": weights},
        {"label_issues": mask, "pred_probs": probs},
        {"sample_weight": weights},
        {"pred_probs": probs},
        {"pred_probs": probs, "noise_matrix": NOISE},
        {"pred_probs": probs, "inverse_noise_matrix": NOISE},
        {"thresholds": [0.3, 0.4, 0.5]},
    ):
        init = {"clf": LogisticRegression(), "seed": 0}
        expected, _ = run(theirs.CleanLearning, init, X, labels, method="fit", **given)
        cl, _ = run(CleanLearning, init, X, labels, method="fit", **given)
        assert_same_issues(cl.label_issues_df, expected.label_issues_df)
        np.testing.assert_allclose(cl.predict_proba(X), expected.predict_proba(X), atol=1e-6)


def test_find_first_and_fit_then():
    X, labels = data(seed=4)
    init = {"clf": LogisticRegression(), "seed": 0}
    for save_space in (False, True):
        found = {"save_space": save_space}
        expected, issues = run(theirs.CleanLearning, init, X, labels, **found)
        expected.fit(X, labels, label_issues=issues)
        cl, issues = run(CleanLearning, init, X, labels, **found)
        cl.fit(X, labels, label_issues=issues)
        np.testing.assert_allclose(cl.predict_proba(X), expected.predict_proba(X), atol=1e-6)


def test_tiny_classes():
    X, labels = data(seed=5)
    labels[labels == 2] = 1
    labels[[7, 90, 150]] = [2, 2, 3]
    init = {"clf": GaussianNB(var_smoothing=0.1), "seed": 0}
    expected_cl, expected = run(theirs.CleanLearning, init, X, labels)
    cl, got = run(CleanLearning, init, X, labels)
    assert_same_issues(got, expected)
    assert_same_estimates(cl, expected_cl)
