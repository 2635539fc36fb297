"""Groups of rows whose labels a model predicts worse than those of the others."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from sklearn.cluster import DBSCAN

from datalab._core.group import density_groups, group_confidence


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


@pytest.mark.parametrize("min_samples", [1, 2, 4, 6])
@pytest.mark.parametrize("eps", [0.05, 0.2, 0.4, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_density_groups_are_those_of_dbscan(seed: int, eps: float, min_samples: int) -> None:
    points = np.random.default_rng(seed).normal(size=(80, 2)).round(1)
    far = cdist(points, points)
    near = csr_array((far <= eps) & ~np.eye(80, dtype=bool))
    expected = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit_predict(far)
    assert np.array_equal(density_groups(near, min_samples), expected)


def test_density_groups_by_hand() -> None:
    # 0-1-2 and 4-5-6 are chains of cores; 3 is near to the ends of both, 7 is near to nobody.
    near = np.zeros((8, 8), dtype=int)
    for left, right in ((0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (5, 6), (4, 6)):
        near[left, right] = near[right, left] = 1
    assert density_groups(csr_array(near), 4).tolist() == [0, 0, 0, 0, 1, 1, 1, -1]
    assert density_groups(csr_array(near), 3).tolist() == [0, 0, 0, 0, 0, 0, 0, -1]
    assert density_groups(csr_array(near), 9).tolist() == [-1] * 8
    assert density_groups(csr_array(near), 1).tolist() == [0, 0, 0, 0, 0, 0, 0, 1]
