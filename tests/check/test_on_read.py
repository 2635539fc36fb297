"""Probabilities that are checked when they are read: nothing passes that a check would stop."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab import count, dataset, outlier, rank
from datalab import filter as filter_
from datalab._check import labels_and_probs, probabilities
from datalab._check.on_read import CheckedOnRead
from datalab._stack import Stack
from datalab.exceptions import InputError, InputWarning
from datalab.health import label_health

PROBS = np.random.default_rng(0).dirichlet(np.ones(4), 30)


def test_reads_like_the_array():
    unread = probabilities(PROBS, on_read=True)
    assert isinstance(unread, CheckedOnRead)
    assert (len(unread), unread.shape, unread.dtype, unread.ndim) == (30, (30, 4), PROBS.dtype, 2)
    rows = np.array([3, 0, 29])
    assert np.shares_memory(unread[2:7], PROBS)
    np.testing.assert_array_equal(unread[rows], PROBS[rows])
    np.testing.assert_array_equal(unread[rows, rows % 4], PROBS[rows, rows % 4])
    np.testing.assert_array_equal(unread[rows, np.array([[0], [2]])], PROBS[rows][:, [0, 2]].T)
    np.testing.assert_array_equal(np.asarray(unread), PROBS)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    value=st.one_of(st.floats(width=32), st.floats(-2e-3, 2e-3), st.floats(0.998, 1.002)),
    row=st.integers(0, 29),
    single=st.booleans(),
)
def test_it_is_a_check_beforehand(value, row, single):
    array = PROBS.astype(np.float32 if single else np.float64)
    array[row, 1] = value

    def outcome(on_read):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                read = probabilities(array, on_read=on_read)
                found = np.concatenate([read[at : at + 7] for at in range(0, 30, 7)])
            except InputError as error:
                return str(error), None
        return [(str(one.message), one.filename) for one in told], found.tolist()

    assert outcome(on_read=True) == outcome(on_read=False)


def test_a_warning_points_at_the_caller_even_from_a_thread():
    array = PROBS.copy()
    array[5, 0] = 1.0005
    unread = probabilities(array, on_read=True)
    with (
        pytest.warns(InputWarning, match=r"`pred_probs` leaves \[0, 1\]") as told,
        ThreadPoolExecutor(2) as pool,
    ):
        assert [one.max() for one in pool.map(unread.__getitem__, [slice(9), slice(30)])] == [1, 1]
    assert [one.filename for one in told] == [__file__]


def test_blocks_are_named():
    array = PROBS[10:].copy()
    array[3, 2] = np.nan
    _, stack = labels_and_probs(np.zeros(30, int), [PROBS[:10], array], on_read=True)
    assert isinstance(stack, Stack)
    np.testing.assert_array_equal(stack[:10], PROBS[:10])
    with pytest.raises(InputError, match=r"`block 1 of pred_probs`.* got nan in row 3"):
        stack[8:15]


DOORS = {
    "find_label_issues": filter_.find_label_issues,
    **{
        rule: lambda labels, probs, rule=rule: filter_.find_label_issues(
            labels, probs, filter_by=rule
        )
        for rule in ("both", "confident_learning", "predicted_neq_given", "low_self_confidence")
    },
    "adaptive": lambda labels, probs: filter_.find_label_issues(
        labels, probs, filter_by="adaptive"
    ),
    "given joint": lambda labels, probs: filter_.find_label_issues(
        labels, probs, confident_joint=np.ones((probs.shape[1],) * 2)
    ),
    "predicted_neq_given": filter_.find_predicted_neq_given,
    "argmax": filter_.find_label_issues_using_argmax_confusion_matrix,
    **{
        method: lambda labels, probs, method=method: rank.get_label_quality_scores(
            labels, probs, method=method
        )
        for method in ("self_confidence", "normalized_margin", "log_odds")
    },
    "adjusted": lambda labels, probs: rank.get_label_quality_scores(
        labels, probs, adjust_pred_probs=True
    ),
    "self_confidence_for_each": rank.get_self_confidence_for_each_label,
    "thresholds": count.get_confident_thresholds,
    "joint": count.compute_confident_joint,
    "estimate_joint": count.estimate_joint,
    **{
        method: lambda labels, probs, method=method: count.num_label_issues(
            labels,
            probs,
            estimation_method=method,
            confident_joint=np.eye(probs.shape[1]) if method.endswith("custom") else None,
        )
        for method in ("off_diagonal", "off_diagonal_calibrated", "off_diagonal_custom")
    },
    "noise matrices": count.estimate_py_and_noise_matrices_from_probabilities,
    "health": dataset.overall_label_health_score,
    "health_summary": dataset.health_summary,
    "classes": dataset.rank_classes_by_label_quality,
    "label_health": lambda labels, probs: label_health(labels, probs, n_resamples=2),
    "fit": lambda labels, probs: outlier.OutOfDistribution().fit(labels=labels, pred_probs=probs),
    "fit_score": lambda labels, probs: outlier.OutOfDistribution().fit_score(
        labels=labels, pred_probs=probs
    ),
}


@pytest.mark.parametrize("n_classes", [4, 40], ids=["narrow", "wide"])
@pytest.mark.parametrize("door", DOORS)
def test_every_door_finds_every_bad_value(door, n_classes):
    rng = np.random.default_rng(1)
    probs = rng.dirichlet(np.full(n_classes, 0.2), 120)
    labels = np.arange(120) % n_classes
    DOORS[door](labels, probs)
    for row, column, bad in ((0, 0, np.nan), (31, 3, 1.5), (119, n_classes - 1, -0.1)):
        for at in (column, labels[row]):
            wrong = probs.copy()
            wrong[row, at] = bad
            with pytest.raises(InputError, match=rf"got {bad} in row {row}"):
                DOORS[door](labels, wrong)


def test_a_fit_that_failed_is_forgotten():
    labels, probs = np.arange(30) % 4, PROBS.copy()
    probs[7, (labels[7] + 1) % 4] = np.nan
    ood = outlier.OutOfDistribution()
    with pytest.raises(InputError, match="got nan in row 7"):
        ood.fit_score(pred_probs=probs, labels=labels)
    expected = outlier.OutOfDistribution().fit_score(pred_probs=PROBS, labels=labels)
    np.testing.assert_array_equal(ood.fit_score(pred_probs=PROBS, labels=labels), expected)
