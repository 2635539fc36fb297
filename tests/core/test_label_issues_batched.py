"""The rule of two passes, by hand."""

import numpy as np
import pytest

from datalab._core import label_issues_batched as core
from datalab._core.count import class_sums


def test_a_class_without_examples_has_the_lowest_threshold():
    probs = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1]])
    sums = class_sums(np.array([0, 0]), probs)
    assert core.thresholds_by_sums(sums) == pytest.approx([0.7, 2e-6, 2e-6])


def test_the_lowest_scores_are_taken_as_many_as_were_counted():
    # Thresholds .6 and .8: only the third example is confidently elsewhere, so one is taken.
    labels = np.array([0, 0, 0, 1, 1])
    p = np.array([0.9, 0.8, 0.1, 0.1, 0.3])
    flags = core.issues_by_thresholds(labels, np.stack([p, 1 - p], axis=1))
    assert np.flatnonzero(flags).tolist() == [2]


def test_nothing_depends_on_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    labels, probs = rng.integers(0, 3, 200), rng.dirichlet(np.ones(3), 200).round(1)
    whole = core.issues_by_thresholds(labels, probs)
    monkeypatch.setattr(
        core, "row_blocks", lambda n, row_bytes: [slice(i, i + 7) for i in range(0, n, 7)]
    )
    np.testing.assert_array_equal(core.issues_by_thresholds(labels, probs), whole)
