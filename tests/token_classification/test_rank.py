"""Scores of sentences and tokens, and the issues below a threshold."""

import numpy as np
import pytest

from datalab.exceptions import InputError, InputTypeError
from datalab.token_classification.rank import get_label_quality_scores, issues_from_scores

LABELS = [[0, 0, 1], [], [1, 0]]
PROBS = [
    [[0.9, 0.1], [0.1, 0.9], [0.2, 0.8]],
    [],
    [[0.1, 0.9], [0.8, 0.2]],
]
TOKENS = [["the", "big", "cat"], [], ["cats", "sit"]]


def test_scores_by_hand():
    sentences, tokens = get_label_quality_scores(LABELS, PROBS, tokens=TOKENS)
    assert sentences == pytest.approx([0.1, 1.0, 0.8])
    assert [list(part.index) for part in tokens] == TOKENS
    assert [part.tolist() for part in tokens] == [
        pytest.approx(p) for p in ([0.9, 0.1, 0.8], [], [0.9, 0.8])
    ]
    plain = get_label_quality_scores(LABELS, PROBS)[1]
    assert [list(part.index) for part in plain] == [[0, 1, 2], [], [0, 1]]


def test_softmin_leans_to_the_lowest():
    options = {"sentence_score_method": "softmin"}
    cold, _ = get_label_quality_scores(
        LABELS, PROBS, **options, sentence_score_kwargs={"temperature": 1e-9}
    )
    assert cold == pytest.approx([0.1, 1.0, 0.8], abs=1e-6)
    hot, _ = get_label_quality_scores(
        LABELS, PROBS, **options, sentence_score_kwargs={"temperature": 1e9}
    )
    assert hot == pytest.approx([0.6, 1.0, 0.85])


@pytest.mark.parametrize("name", ["token_score_method", "sentence_score_method"])
def test_unknown_methods(name):
    with pytest.raises(AssertionError, match=f"`{name}`"):
        get_label_quality_scores(LABELS, PROBS, **{name: "mean"})
    with pytest.raises(ValueError, match=f"`{name}`"):
        get_label_quality_scores(LABELS, PROBS, **{name: "mean"})


def test_tokens_must_fit():
    with pytest.raises(InputError, match="`tokens` has 2 rows"):
        get_label_quality_scores(LABELS, PROBS, tokens=TOKENS[:2])
    with pytest.raises(InputError, match="sentence 0 has 3 labels but 1 `tokens`"):
        get_label_quality_scores(LABELS, PROBS, tokens=[["the"], [], ["cats", "sit"]])
    with pytest.raises(InputTypeError, match="'temp'; known: temperature"):
        get_label_quality_scores(LABELS, PROBS, sentence_score_kwargs={"temp": 1})


def test_issues_from_scores():
    scores = [0.05, 0.3, 0.01, 0.1]
    assert issues_from_scores(scores).tolist() == [2, 0]
    assert issues_from_scores(scores, threshold=1).tolist() == [2, 0, 3, 1]  # all of them (Q1)
    tokens = [np.array([0.5, 0.05]), [], [0.01]]
    assert issues_from_scores([0, 0, 0], token_scores=tokens) == [(2, 0), (0, 1)]
    assert issues_from_scores([], token_scores=[]) == []


def test_scores_must_be_flat():
    with pytest.raises(InputError, match="`sentence_scores` must be a flat list"):
        issues_from_scores([[0.1]])
    with pytest.raises(InputError, match=r"`token_scores\[0\]`"):
        issues_from_scores([0.1], token_scores=[[[0.1]]])
