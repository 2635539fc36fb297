"""Side by side with the reference: labelled tokens of random sentences."""

import contextlib
import io
import warnings
from importlib import import_module

import numpy as np
import pytest

from datalab.experimental import span_classification as our_span
from datalab.token_classification import filter as our_filter
from datalab.token_classification import rank as our_rank
from datalab.token_classification import summary as our_summary


@pytest.fixture(scope="module")
def reference():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = ("filter", "rank", "summary")
        modules = {name: import_module(f"cleanlab.token_classification.{name}") for name in names}
        return modules | {"span": import_module("cleanlab.experimental.span_classification")}


def quiet(function, *args, **kwargs):
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


def sentences(
    seed,
    *,
    n_sentences=60,
    n_classes=3,
    missing=False,
    tiny=False,
    weak=False,
    digits=None,
    kind="f8",
):
    rng = np.random.default_rng(seed)
    labels, pred_probs, tokens = [], [], []
    used = n_classes - 1 if missing else n_classes
    share = np.ones(used)
    if tiny:
        share[-1] = 0.01
    for _ in range(n_sentences):
        length = int(rng.integers(1, 9))
        truth = rng.choice(used, length, p=share / share.sum())
        probs = rng.dirichlet(np.full(n_classes, 0.5), length)
        probs[np.arange(length), truth] += 0.2 if weak else 1.2
        probs /= probs.sum(axis=1, keepdims=True)
        wrong = rng.random(length) < 0.2
        labels.append(np.where(wrong, rng.integers(0, used, length), truth).tolist())
        pred_probs.append((probs if digits is None else probs.round(digits)).astype(kind))
        tokens.append([f"w{k}" for k in rng.integers(0, 12, length)])
    return labels, pred_probs, tokens


CASES = [
    {"n_classes": 2},
    {"n_classes": 3, "missing": True},
    {"n_classes": 4, "tiny": True},
    {"n_classes": 10, "weak": True},
    {"n_classes": 10, "kind": "f4"},
    {"n_classes": 200, "n_sentences": 30},
]
cases = pytest.mark.parametrize("case", CASES, ids=str)


def flat_scores(labels, pred_probs, issues):
    return [pred_probs[i][j][labels[i][j]] for i, j in issues]


@cases
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_indices_ranked_by": "normalized_margin"},
        {"return_indices_ranked_by": "confidence_weighted_entropy"},
        {"filter_by": "prune_by_class"},
        {"filter_by": "both", "frac_noise": 0.5},
        {"filter_by": "confident_learning"},
        {"filter_by": "predicted_neq_given"},
        {"filter_by": "low_self_confidence"},
        {"filter_by": "low_normalized_margin"},
        {"min_examples_per_class": 5},
        {"num_to_remove_per_class": 2},
        {"rank_by_kwargs": {"adjust_pred_probs": True}},
        {"low_memory": True},
        {"low_memory": True, "return_indices_ranked_by": "normalized_margin"},
        {"low_memory": True, "return_indices_ranked_by": "confidence_weighted_entropy"},
    ],
    ids=str,
)
def test_issues(reference, case, options):
    if "num_to_remove_per_class" in options:
        options = {"num_to_remove_per_class": [2] * case["n_classes"]}
    labels, pred_probs, _ = sentences(1, **case)
    theirs = quiet(reference["filter"].find_label_issues, labels, pred_probs, n_jobs=1, **options)
    ours = quiet(our_filter.find_label_issues, labels, pred_probs, n_jobs=1, **options)
    assert sorted(ours) == sorted(theirs)
    assert all(type(i) is int and type(j) is int for i, j in ours)
    if case.get("kind") != "f4":
        assert ours == theirs


@pytest.mark.parametrize("low_memory", [False, True])
def test_issues_with_ties(reference, low_memory):
    """The tokens tied at a cut may differ; the others may not."""
    for seed in range(5):
        labels, pred_probs, _ = sentences(seed, digits=2)
        given = labels, pred_probs
        theirs = quiet(reference["filter"].find_label_issues, *given, low_memory=low_memory)
        ours = our_filter.find_label_issues(*given, low_memory=low_memory)
        assert len(set(ours) ^ set(theirs)) <= 0.1 * len(theirs)


@cases
@pytest.mark.parametrize(
    "method", ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]
)
@pytest.mark.parametrize(
    "pooling",
    [
        {},
        {"sentence_score_method": "softmin"},
        {"sentence_score_method": "softmin", "sentence_score_kwargs": {"temperature": 0.5}},
        {"sentence_score_method": "softmin", "sentence_score_kwargs": {"temperature": 0}},
    ],
    ids=str,
)
def test_scores(reference, case, method, pooling):
    labels, pred_probs, tokens = sentences(2, **case)
    tolerance = 1e-4 if case.get("kind") == "f4" else 1e-6
    for words in (None, tokens):
        options = {"tokens": words, "token_score_method": method, **pooling}
        ours = our_rank.get_label_quality_scores(labels, pred_probs, **options)
        theirs = quiet(reference["rank"].get_label_quality_scores, labels, pred_probs, **options)
        np.testing.assert_allclose(ours[0], theirs[0], rtol=0, atol=tolerance)
        assert len(ours[1]) == len(theirs[1])
        for one, other in zip(ours[1], theirs[1], strict=True):
            assert one.index.equals(other.index)
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 0.9])
def test_issues_from_scores(reference, threshold):
    rng = np.random.default_rng(0)
    tokens = [rng.random(n).round(2) for n in (3, 1, 5, 2, 4)]
    scores = np.append(rng.random(15).round(2), 0.99)
    for given in (None, tokens):
        options = {"token_scores": given, "threshold": threshold}
        ours = our_rank.issues_from_scores(scores, **options)
        theirs = reference["rank"].issues_from_scores(scores, **options)
        assert np.array_equal(ours, theirs)


@cases
@pytest.mark.parametrize("exclude", [None, [(0, 1), (1, 0)]])
@pytest.mark.parametrize("what", ["tokens", "labels", "both"])
def test_common_issues(reference, case, exclude, what):
    labels, pred_probs, tokens = sentences(3, **case)
    issues = our_filter.find_label_issues(labels, pred_probs, filter_by="predicted_neq_given")
    names = [f"name {k}" for k in range(case["n_classes"])]
    for class_names in (None, names):
        options = {"class_names": class_names, "verbose": False}
        if what != "tokens":
            options["labels"] = labels
        if what == "both":
            options |= {"pred_probs": pred_probs} | ({"exclude": exclude} if exclude else {})
        ours = our_summary.common_label_issues(issues, tokens, **options)
        theirs = quiet(reference["summary"].common_label_issues, issues, tokens, **options)
        assert list(ours) == list(theirs)
        assert ours.to_numpy().tolist() == theirs.to_numpy().tolist()
        if len(ours):
            assert ours.dtypes.tolist() == theirs.dtypes.tolist()


def test_filter_by_token(reference):
    labels, pred_probs, tokens = sentences(4)
    issues = our_filter.find_label_issues(labels, pred_probs, filter_by="predicted_neq_given")
    for word in ("w1", "W2", "nothing"):
        ours = our_summary.filter_by_token(word, issues, tokens)
        assert ours == reference["summary"].filter_by_token(word, issues, tokens)


@pytest.mark.parametrize("seed", range(5))
def test_spans(reference, seed):
    labels, pred_probs, tokens = sentences(seed, n_classes=2)
    inside = [probs[:, 1] for probs in pred_probs]
    ours = our_span.find_label_issues(labels, inside)
    assert ours == quiet(reference["span"].find_label_issues, labels, inside)
    for options in ({}, {"tokens": tokens, "sentence_score_method": "softmin"}):
        ours = our_span.get_label_quality_scores(labels, inside, **options)
        theirs = quiet(reference["span"].get_label_quality_scores, labels, inside, **options)
        np.testing.assert_allclose(ours[0], theirs[0], rtol=0, atol=1e-6)
        for one, other in zip(ours[1], theirs[1], strict=True):
            assert one.index.equals(other.index)
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
