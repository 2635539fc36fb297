"""Arithmetic of numeric labels."""

import numpy as np
import pytest

from datalab._core import regression


def test_outre_by_hand():
    # Two points far apart: the nearer half of each is itself, at distance 0.
    labels, predictions = np.array([0.0, 1.0]), np.array([0.0, 3.0])
    np.testing.assert_array_equal(regression.SCORES["outre"](labels, predictions), [1, 1])


def test_mean_distance_does_not_depend_on_blocks(monkeypatch):
    points = np.random.default_rng(0).normal(size=(200, 2))
    whole = regression._mean_distance_to_nearer_half(points, points[:60])
    expected = np.sqrt(((points[:, None] - points[:60]) ** 2).sum(axis=2))
    np.testing.assert_allclose(whole, np.sort(expected, axis=1)[:, :30].mean(axis=1))
    rows = regression.row_blocks
    monkeypatch.setattr(
        regression, "row_blocks", lambda n, row_bytes, block_bytes: rows(n, row_bytes, 1)
    )
    np.testing.assert_array_equal(
        regression._mean_distance_to_nearer_half(points, points[:60]), whole
    )


def test_quality_by_hand():
    quality = regression.residual_quality(np.array([1.0, -2.0, 6.0]), 2.0)
    np.testing.assert_allclose(quality, np.exp([-0.5, -1, -3]))
    zero = regression.residual_quality(np.array([0.0, 0.0, 1.0]), 0.0)
    np.testing.assert_array_equal(zero, [1, 1, 0])


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        (0.1, [0.125, 0.15, 0.175]),
        (0.2, [0.125, 0.15, 0.175, 0.25, 0.3, 0.35]),
        (0.4, [0.25, 0.3, 0.35]),
    ],
)
def test_finer(best, expected):
    assert regression.finer([0.1, 0.2, 0.4], best, 3) == pytest.approx(expected)


def test_num_worst_rounds_up():
    assert [regression.num_worst(f, 10) for f in (0, 0.01, 0.1, 0.11, 1)] == [0, 1, 1, 2, 10]
