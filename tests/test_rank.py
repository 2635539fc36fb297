"""The door of scores: kinds of input, ensembles, errors that say what to do."""

import logging

import numpy as np
import pandas as pd
import pytest

from datalab import rank as door
from datalab.exceptions import InputError, InputTypeError, InputWarning, OptionError

LABELS = [0, 1, 1]
PROBS = [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]
SCORES = ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]


@pytest.mark.parametrize("method", SCORES)
def test_lists_arrays_and_frames(method):
    expected = door.get_label_quality_scores(np.array(LABELS), np.array(PROBS), method=method)
    for labels, probs in ((LABELS, PROBS), (pd.Series(LABELS), pd.DataFrame(PROBS))):
        for function, options in (
            (door.get_label_quality_scores, {"method": method}),
            (getattr(door, f"get_{method}_for_each_label"), {}),
        ):
            np.testing.assert_array_equal(function(labels, probs, **options), expected)


def test_one_class_only_is_allowed():
    np.testing.assert_allclose(
        door.get_label_quality_scores([0, 0], [[0.9, 0.1], [0.2, 0.8]]), [0.9, 0.2]
    )


def test_top_issues():
    scores = [0.3, 0.1, 0.9, 0.1]
    np.testing.assert_array_equal(door.find_top_issues(scores, top=3), [1, 3, 0])
    for everything in (None, 4, 100):
        np.testing.assert_array_equal(door.find_top_issues(scores, top=everything), [1, 3, 0, 2])
    assert len(door.find_top_issues(np.arange(50))) == 10


def test_order_label_issues():
    mask = [True, False, True]
    np.testing.assert_array_equal(door.order_label_issues(mask, LABELS, PROBS), [2, 0])
    with pytest.raises(InputError, match="boolean.*int64"):
        door.order_label_issues([0, 2], LABELS, PROBS)
    with pytest.raises(InputError, match="2 rows.*3 rows"):
        door.order_label_issues([True, False], LABELS, PROBS)
    with pytest.raises(InputError, match="`rank_by` is 'x'"):
        door.order_label_issues(mask, LABELS, PROBS, rank_by="x")
    with pytest.raises(InputTypeError, match="adjust_pred_probs"):
        door.order_label_issues(mask, LABELS, PROBS, rank_by_kwargs={"adjusted": True})


def test_ensembles_by_hand(caplog, capsys):
    other = [[0.5, 0.5], [0.6, 0.4], [0.4, 0.6]]
    uniform = door.get_label_quality_ensemble_scores(
        LABELS, [PROBS, other], weight_ensemble_members_by="uniform", verbose=False
    )
    np.testing.assert_allclose(uniform, [0.7, 0.6, 0.45])
    custom = door.get_label_quality_ensemble_scores(
        LABELS,
        [PROBS, other],
        weight_ensemble_members_by="custom",
        custom_weights=[0.75, 0.25],
        verbose=False,
    )
    np.testing.assert_allclose(custom, [0.8, 0.7, 0.375])
    with caplog.at_level(logging.INFO, logger="datalab"):
        door.get_label_quality_ensemble_scores(LABELS, [PROBS, other])
    assert "accuracy" in caplog.text
    assert capsys.readouterr().out == ""
    with pytest.warns(InputWarning, match="only one model"):
        one = door.get_label_quality_ensemble_scores(LABELS, [PROBS], verbose=False)
    np.testing.assert_allclose(one, [0.9, 0.8, 0.3])


@pytest.mark.parametrize(
    ("members", "options", "error", "message"),
    [
        (np.array([PROBS]), {}, OptionError, "list.*ndarray"),
        ([], {}, OptionError, "empty list"),
        ([PROBS, PROBS], {"weight_ensemble_members_by": "x"}, InputError, "'x'.*log_loss_search"),
        ([PROBS, PROBS], {"method": "x"}, InputError, "`method` is 'x'"),
        ([PROBS, PROBS], {"custom_weights": [1, 1]}, InputError, "set it to 'custom'"),
        ([PROBS, PROBS], {"weight_ensemble_members_by": "custom"}, OptionError, "None"),
        (
            [PROBS, PROBS],
            {"weight_ensemble_members_by": "custom", "custom_weights": [1]},
            OptionError,
            r"shape \(1,\).*2 models",
        ),
        (
            [PROBS, PROBS],
            {"weight_ensemble_members_by": "log_loss_search", "log_loss_search_T_values": []},
            OptionError,
            "log_loss_search_T_values",
        ),
        (
            [PROBS, PROBS],
            {"weight_ensemble_members_by": "custom", "custom_weights": [1, np.nan]},
            InputError,
            r"`custom_weights` must be finite.*nan",
        ),
        (
            [PROBS, PROBS],
            {"weight_ensemble_members_by": "log_loss_search", "log_loss_search_T_values": ["1"]},
            InputError,
            "`log_loss_search_T_values` must be a finite number, got '1'",
        ),
        ([PROBS, [[0.5, 0.3, 0.2]] * 3], {}, InputError, "one shape"),
    ],
)
def test_errors_of_ensembles(members, options, error, message):
    with pytest.raises(error, match=message):
        door.get_label_quality_ensemble_scores(LABELS, members, verbose=False, **options)


def test_errors_say_what_to_do():
    with pytest.raises(InputError, match="`method` is 'margin'.*normalized_margin"):
        door.get_label_quality_scores(LABELS, PROBS, method="margin")
    with pytest.raises(InputError, match="adjust_pred_probs.*confidence_weighted_entropy"):
        door.get_label_quality_scores(
            LABELS, PROBS, method="confidence_weighted_entropy", adjust_pred_probs=True
        )
    with pytest.raises(InputError, match="2 columns.*goes up to 2"):
        door.get_label_quality_scores([0, 1, 2], PROBS)
    with pytest.raises(InputError, match="`top` must be an integer >= 0, got -1"):
        door.find_top_issues([0.1, 0.2], top=-1)
    with pytest.raises(InputError, match=r"`quality_scores`.*one-dimensional.*\(2, 2\)"):
        door.find_top_issues([[0.1, 0.2], [0.3, 0.4]])


def test_log_odds() -> None:
    scores = door.get_label_quality_scores(
        [0, 2, 1], [[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.0, 0.0, 1.0]], method="log_odds"
    )
    np.testing.assert_allclose(scores, [0.6 / 0.9, 0.1 / 0.6, 0.0])
