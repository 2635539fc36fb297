"""Examples with any number of classes: one yes-no problem per class, pooled."""

import numpy as np
import pytest

from datalab._check import one_vs_rest
from datalab._core import multilabel
from datalab._core.count import confident_thresholds
from datalab._core.filter import label_issues
from datalab.exceptions import InputError


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    true = rng.random((150, 4)) < 0.4
    present = true ^ (rng.random(true.shape) < 0.1)
    return present, 0.5 * true + 0.5 * rng.random(true.shape)


def test_one_problem_per_class(data):
    present, probs = data
    problems = list(multilabel.problems(present, probs))
    assert len(problems) == 4
    codes, binary = problems[2]
    np.testing.assert_array_equal(codes, present[:, 2])
    np.testing.assert_array_equal(binary[:, 1], probs[:, 2])
    np.testing.assert_allclose(binary.sum(axis=1), 1)
    np.testing.assert_allclose(
        multilabel.thresholds(present, probs)[2], confident_thresholds(codes, binary)
    )


def test_flags_are_those_of_the_classes(data):
    present, probs = data
    flags = multilabel.issues_per_class(present, probs)
    for k in range(4):
        np.testing.assert_array_equal(flags[:, k], label_issues(*one_vs_rest(present, probs, k)))
    np.testing.assert_array_equal(multilabel.issues(present, probs), flags.any(axis=1))
    numbers = np.array([1, 2, 3, 4])
    fixed = multilabel.issues_per_class(present, probs, num_to_remove_per_class=numbers)
    np.testing.assert_array_equal(fixed.sum(axis=0), numbers)


@pytest.mark.parametrize("rule", multilabel.LOWEST)
def test_lowest_pooled_scores(data, rule):
    present, probs = data
    number = multilabel.issues(present, probs, filter_by="confident_learning").sum()
    flags = multilabel.issues(present, probs, filter_by=rule)
    scores = multilabel.quality_per_class(present, probs, multilabel.LOWEST[rule])
    pooled = multilabel.pooled(scores, **multilabel.DEFAULT_POOLING)
    assert flags.sum() == number
    assert pooled[flags].max() <= pooled[~flags].min()
    rows = multilabel.ranked(flags, present, probs, multilabel.LOWEST[rule])
    assert (np.diff(pooled[rows]) >= 0).all()


def test_joints_and_their_rows(data):
    present, probs = data
    joints, rows = multilabel.joints(present, probs)
    assert joints.shape == (4, 2, 2)
    for k in range(4):
        assert joints[k, 0, 1] + joints[k, 1, 0] == len(rows[k])


def test_pooling_by_hand():
    scores = np.array([[0.2, 0.8, 0.6]])
    # From the highest down: 0.8, then half 0.6 and half 0.8, then half 0.2.
    np.testing.assert_allclose(multilabel.ema(scores, 0.5), [0.5 * 0.2 + 0.5 * 0.7])
    np.testing.assert_allclose(multilabel.ema(scores), multilabel.ema(scores, 2 / 4))
    np.testing.assert_allclose(multilabel.ema(scores, 1.0), [0.2])
    weights = np.exp((1 - scores) / 0.1)
    np.testing.assert_allclose(multilabel.softmin(scores), (scores * weights).sum() / weights.sum())
    np.testing.assert_allclose(multilabel.softmin(scores, 1e-9), [0.2])
    np.testing.assert_allclose(multilabel.pooled(scores, np.mean), [1.6 / 3])
    with pytest.raises(InputError, match=r"alpha.*1\.5"):
        multilabel.ema(scores, 1.5)
    for wrong in (0, -1, None, "1"):
        with pytest.raises(InputError, match="`temperature` must be"):
            multilabel.softmin(scores, wrong)
