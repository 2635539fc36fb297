"""Health of a data set, by hand."""

import numpy as np
import pytest

from datalab._core.dataset import class_noise, health_score, overlaps

JOINT = np.array([[0.4, 0.1, 0.0], [0.0, 0.3, 0.0], [0.05, 0.05, 0.1]])


def test_class_noise():
    noise = class_noise(JOINT, 100)
    np.testing.assert_array_equal(noise.classes, [2, 0, 1])
    np.testing.assert_array_equal(noise.issues, [10, 10, 0])
    np.testing.assert_array_equal(noise.inverse_issues, [0, 5, 15])
    np.testing.assert_allclose(noise.noise, [0.5, 0.2, 0.0])
    np.testing.assert_allclose(noise.inverse_noise, [0.0, 0.05 / 0.45, 0.15 / 0.45])


def test_a_class_that_does_not_occur():
    noise = class_noise(np.array([[0.7, 0.0], [0.0, 0.0]]), 10)
    np.testing.assert_allclose(noise.noise, 0)
    np.testing.assert_array_equal(noise.classes, [0, 1])


def test_overlaps():
    both_ways = overlaps(JOINT, 200)
    np.testing.assert_array_equal(both_ways.first, [0, 0, 1])
    np.testing.assert_array_equal(both_ways.second, [1, 2, 2])
    np.testing.assert_array_equal(both_ways.examples, [20, 10, 10])
    np.testing.assert_allclose(both_ways.probability, [0.1, 0.05, 0.05])
    one_way = overlaps(JOINT, 200, asymmetric=True)
    pairs = list(zip(one_way.first.tolist(), one_way.second.tolist(), strict=True))
    assert pairs == [(0, 1), (2, 0), (2, 1), (0, 2), (1, 0), (1, 2)]
    np.testing.assert_array_equal(one_way.examples, [20, 10, 10, 0, 0, 0])


def test_health():
    assert health_score(JOINT) == pytest.approx(0.8)
