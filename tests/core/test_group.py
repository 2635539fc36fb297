"""Groups of rows whose labels a model predicts worse than those of the others."""

import numpy as np
import pytest

from datalab._core.group import group_confidence


def test_hand_computed() -> None:
    ids = np.array([3, 3, 7, 7, 7, -1, 9])
    confidence = np.array([0.8, 0.6, 0.1, 0.2, 0.3, 0.9, 0.5])
    groups = group_confidence(ids, confidence, min_size=2)
    assert groups.ids.tolist() == [3, 7]
    assert groups.sizes.tolist() == [2, 3]
    np.testing.assert_allclose(groups.confidence, [0.7, 0.2])
    assert groups.overall == pytest.approx(0.4)  # of the five rows in these groups
    np.testing.assert_allclose(groups.ratio, [1.75, 0.5])
    assert groups.of_row.tolist() == [0, 0, 1, 1, 1, -1, -1]


def test_no_group_and_no_confidence() -> None:
    groups = group_confidence(np.array([-1, -1, 0]), np.ones(3), min_size=2)
    assert len(groups.ids) == len(groups.ratio) == 0
    assert groups.of_row.tolist() == [-1, -1, -1]
    groups = group_confidence(np.zeros(4, dtype=int), np.zeros(4), min_size=2)
    assert groups.ratio.tolist() == [1.0]
