"""Distances to small samples: others only, no matter the order, the block or the place."""

import numpy as np
import pytest

from datalab._core import subsamples
from datalab._core.subsamples import sample_distances


def test_by_hand_when_every_sample_is_alike() -> None:
    # Rows are copies of two points; every sample of 16 of 40 rows has both.
    points = np.repeat([[0.0, 0.0], [3.0, 4.0]], 20, axis=0)
    assert sample_distances(points) == pytest.approx(0, abs=1e-7)
    far = np.vstack([points, [[30.0, 40.0]]])
    assert sample_distances(far)[-1] == pytest.approx(45, rel=1e-6)


def test_order_place_and_blocks_are_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 4))
    found = sample_distances(points)
    order = rng.permutation(300)
    np.testing.assert_allclose(sample_distances(points[order]), found[order], rtol=1e-9)
    monkeypatch.setattr(
        subsamples, "row_blocks", lambda n, _: [slice(i, min(i + 7, n)) for i in range(0, n, 7)]
    )
    np.testing.assert_allclose(sample_distances(points), found, rtol=1e-9)
    assert not np.array_equal(sample_distances(points, seed=1), found)


def test_far_from_the_origin_and_in_single_precision() -> None:
    points = np.random.default_rng(0).normal(size=(200, 3))
    single = (points + 1000).astype(np.float32)
    exact = single.astype(np.float64)
    # Rows are drawn by their content, so both draw the same ones.
    np.testing.assert_allclose(sample_distances(single).mean(), sample_distances(exact).mean(), 0.1)
    assert sample_distances(single).min() > 0


def test_the_middle_is_near_and_a_lump_is_far() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(500, 2))
    points[:10] = 6 + 0.01 * rng.normal(size=(10, 2))
    found = sample_distances(points)
    assert found[:10].min() > np.quantile(found[10:], 0.99)
