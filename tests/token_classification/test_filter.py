"""Which tokens are flagged, and which inputs are refused."""

import logging

import numpy as np
import pytest

from datalab.exceptions import InputError, InputTypeError, InputWarning, OptionError
from datalab.token_classification.filter import find_label_issues

LABELS = [[0, 0, 1], [], [1, 0]]
PROBS = [
    [[0.9, 0.1], [0.1, 0.9], [0.2, 0.8]],
    [],
    [[0.1, 0.9], [0.8, 0.2]],
]


def test_positions_skip_empty_sentences():
    assert find_label_issues(LABELS, PROBS) == [(0, 1)]
    assert find_label_issues(LABELS, PROBS, low_memory=True) == [(0, 1)]


def test_every_form_of_list():
    arrays = [np.array(part, dtype=int) for part in LABELS]
    probs = [np.array(part, dtype=float).reshape(-1, 2) for part in PROBS]
    for labels in (LABELS, arrays, tuple(arrays)):
        for found in (PROBS, probs, tuple(probs)):
            assert find_label_issues(labels, found) == [(0, 1)]
    square = np.array([[0, 0], [1, 1]]), np.array([[[0.9, 0.1], [0.1, 0.9]]] * 2)
    assert isinstance(find_label_issues(*square), list)


def test_nothing_to_look_at():
    with pytest.raises(InputError, match="are empty"):
        find_label_issues([], [])
    with pytest.raises(InputError, match="are empty"):
        find_label_issues([[]], [np.empty((0, 3))])


@pytest.mark.parametrize(
    ("labels", "pred_probs", "said"),
    [
        (None, PROBS, "one entry per sentence, got NoneType"),
        ("text", PROBS, "one entry per sentence, got str"),
        (LABELS[:2], PROBS, "`labels` has 2 rows, `pred_probs` has 3 rows"),
        ([[0], [], [1, 0]], PROBS, "sentence 0 has `labels` of shape"),
        (LABELS, [PROBS[0], [], [[0.1, 0.9, 0.0], [0.8, 0.2, 0.0]]], r"\[2, 3\] columns"),
        ([[0, 0, 2], [], [1, 0]], PROBS, "2 columns but `labels` goes up to 2"),
        ([["O", "O", "N"], [], ["N", "O"]], PROBS, "must be integers 0..K-1, got"),
        ([[0, 0, -1], [], [1, 0]], PROBS, "got -1"),
    ],
)
def test_wrong_inputs_are_refused(labels, pred_probs, said):
    with pytest.raises(InputError, match=said):
        find_label_issues(labels, pred_probs)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"filter_by": "prune"}, OptionError, "known: prune_by_noise_rate"),
        ({"filter": "both"}, InputTypeError, "did you mean 'filter_by'"),
        ({"multi_label": True}, InputTypeError, "'multi_label'"),
        ({"return_indices_ranked_by": "entropy"}, InputError, "`return_indices_ranked_by`"),
        ({"rank_by_kwargs": {"adjust": True}}, InputTypeError, "`rank_by_kwargs`"),
        ({"confident_joint": np.ones((3, 3))}, InputError, "`confident_joint`"),
        (
            {"filter_by": "confident_learning", "num_to_remove_per_class": [1, 1]},
            InputError,
            "cannot be used",
        ),
    ],
)
def test_wrong_options_are_refused(options, error, said):
    with pytest.raises(error, match=said):
        find_label_issues(LABELS, PROBS, **options)


def test_ignored_options_are_said():
    with pytest.warns(InputWarning, match="`filter_by` is ignored with low_memory=True"):
        find_label_issues(LABELS, PROBS, low_memory=True, filter_by="both")
    with pytest.warns(InputWarning, match="`frac_noise` is ignored"):
        find_label_issues(LABELS, PROBS, filter_by="confident_learning", frac_noise=0.5)


def test_verbose_goes_to_the_log(caplog, capsys):
    with caplog.at_level(logging.INFO, logger="datalab"):
        find_label_issues(LABELS, PROBS, verbose=True)
    assert "tokens with label issues: 1 of 5" in caplog.text
    assert capsys.readouterr() == ("", "")
