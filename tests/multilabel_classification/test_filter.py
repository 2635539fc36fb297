"""The door of multi-label issues: kinds of input, options, errors that say what to do."""

import logging

import numpy as np
import pytest

from datalab.exceptions import InputError, InputTypeError, InputWarning, OptionError
from datalab.multilabel_classification import filter as door


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    true = rng.random((80, 3)) < 0.4
    probs = 0.6 * true + 0.4 * rng.random(true.shape)
    true[0] = ~true[0]
    return [np.flatnonzero(row).tolist() for row in true], probs


def test_planted_error_is_found(data):
    labels, probs = data
    flags = door.find_label_issues(labels, probs)
    assert flags[0]
    per_class = door.find_multilabel_issues_per_class(labels, probs)
    assert per_class.shape == (80, 3)
    np.testing.assert_array_equal(per_class.any(axis=1), flags)
    rows = door.find_label_issues(labels, probs, return_indices_ranked_by="self_confidence")
    assert rows[0] == 0
    options = {"aggregator_kwargs": {"method": "softmin"}, "adjust_pred_probs": False}
    rows = door.find_label_issues(labels, probs, "normalized_margin", options)
    assert sorted(rows) == np.flatnonzero(flags).tolist()


def test_kinds_of_label_lists(data):
    labels, probs = data
    expected = door.find_label_issues(labels, probs)
    as_objects = np.empty(len(labels), dtype=object)
    as_objects[:] = labels
    for kind in (
        tuple(labels),
        [tuple(row) for row in labels],
        [set(row) for row in labels],
        [np.array(row, dtype=int) for row in labels],
        [row + row for row in labels],
        as_objects,
    ):
        np.testing.assert_array_equal(door.find_label_issues(kind, probs.tolist()), expected)


def test_classes_that_always_or_never_occur():
    labels = [[0], [0, 1], [0], [0, 1]]
    probs = [[0.9, 0.1, 0.1], [0.8, 0.9, 0.2], [0.9, 0.2, 0.1], [0.7, 0.8, 0.3]]
    for rule in ("prune_by_noise_rate", "confident_learning", "predicted_neq_given"):
        assert not door.find_label_issues(labels, probs, filter_by=rule).any()
    assert not door.find_label_issues([[]] * 4, np.full((4, 2), 0.1)).any()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": [0, 1] * 40}, InputTypeError, r"`labels` has 0 in place of a list"),
        ({"labels": None}, InputTypeError, "NoneType"),
        ({"labels": "text"}, InputTypeError, "str"),
        ({"labels": np.zeros((80, 3))}, InputTypeError, r"\(80, 3\).*np\.flatnonzero"),
        ({"labels": [["a"]] * 80}, InputError, "'a'"),
        ({"labels": [[-1]] * 80}, InputError, "-1"),
        ({"labels": [[3]] * 80}, InputError, "3 columns.*goes up to 3"),
        ({"labels": [[0]] * 79}, InputError, "79 rows.*80 rows"),
        ({"labels": [], "pred_probs": np.zeros((0, 3))}, InputError, "empty"),
        ({"pred_probs": np.full((80, 3), 2.0)}, InputError, r"2\.0 in row 0"),
        ({"filter_by": "x"}, OptionError, "`filter_by` is 'x'"),
        ({"n_jobs": 0}, OptionError, "n_jobs"),
        ({"return_indices_ranked_by": "x"}, InputError, "self_confidence"),
        ({"rank_by_kwargs": {"x": 1}}, InputTypeError, "aggregator_kwargs"),
        ({"rank_by_kwargs": {"aggregator_kwargs": {"method": "x"}}}, InputError, "softmin"),
        ({"rank_by_kwargs": {"aggregator_kwargs": {"alpha": 1}}}, InputTypeError, "method"),
        ({"confident_joint": np.ones((2, 2, 2))}, InputError, r"\(3, 2, 2\).*\(2, 2, 2\)"),
        ({"num_to_remove_per_class": [1]}, InputError, "3 classes"),
        (
            {"num_to_remove_per_class": [1, 1, 1], "filter_by": "predicted_neq_given"},
            InputError,
            "predicted_neq_given",
        ),
    ],
)
def test_errors_say_what_to_do(data, change, error, message):
    labels, probs = data
    arguments = {"labels": labels, "pred_probs": probs, **change}
    for function in (door.find_label_issues, door.find_multilabel_issues_per_class):
        with pytest.raises(error, match=message):
            function(**arguments)


def test_warnings(data):
    labels, probs = data
    expected = door.find_label_issues(labels, probs)
    with pytest.warns(InputWarning, match=r"\(3, 3\) and is ignored"):
        got = door.find_label_issues(labels, probs, confident_joint=np.eye(3))
    np.testing.assert_array_equal(got, expected)
    with pytest.warns(InputWarning, match="`frac_noise` is ignored with low_memory"):
        door.find_label_issues(labels, probs, low_memory=True, frac_noise=0.5)
    lone = [[0] if i == 3 else [1] if i % 2 else [2] for i in range(80)]
    with pytest.warns(InputWarning, match=r"classes \[0\] have no more"):
        door.find_multilabel_issues_per_class(lone, probs)


def test_verbose_is_logged_not_printed(data, caplog, capsys):
    with caplog.at_level(logging.INFO, logger="datalab"):
        door.find_label_issues(*data, verbose=True)
        door.find_multilabel_issues_per_class(*data, verbose=True)
    assert "label issues per class" in caplog.text
    assert capsys.readouterr().out == ""
