"""Tokens inside and outside of spans."""

import numpy as np
import pytest

from datalab.exceptions import InputError
from datalab.experimental import span_classification as span

LABELS = [[0, 0, 1], [1, 0]]
INSIDE = [[0.1, 0.9, 0.8], [0.9, 0.2]]


def test_one_probability_per_token():
    assert span.find_label_issues(LABELS, INSIDE) == [(0, 1)]
    assert span.find_label_issues(LABELS, [np.array(part) for part in INSIDE]) == [(0, 1)]
    scores, tokens = span.get_label_quality_scores(LABELS, INSIDE, tokens=[list("abc"), list("de")])
    assert scores == pytest.approx([0.1, 0.8])
    assert tokens[1].to_dict() == pytest.approx({"d": 0.9, "e": 0.8})


def test_display_says_which_side():
    shown = span.display_issues(
        [(0, 1)],
        [list("abc"), list("de")],
        labels=LABELS,
        pred_probs=INSIDE,
        class_names=["out", "in"],
    )
    assert shown[0].note == "given label: out, predicted label: in"


def test_probabilities_of_classes_are_refused():
    with pytest.raises(InputError, match="one probability per token"):
        span.find_label_issues(LABELS, [[[0.9, 0.1]] * 3, [[0.9, 0.1]] * 2])
    with pytest.raises(InputError, match="sentence 0 has"):
        span.find_label_issues(LABELS, [[0.1], [0.9, 0.2]])
    with pytest.raises(InputError, match="goes up to 2"):
        span.find_label_issues([[0, 0, 2], [1, 0]], INSIDE)
    with pytest.raises(InputError, match="at least 2 different classes"):
        span.find_label_issues([[1, 1, 1], [1, 1]], INSIDE)
    with pytest.raises(AssertionError, match="`sentence_score_method`"):
        span.get_label_quality_scores(LABELS, INSIDE, sentence_score_method="mean")
