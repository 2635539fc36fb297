import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._check import probabilities
from datalab._core.outlier import (
    METHODS,
    Tail,
    distance_cut,
    distance_scores,
    mean_distances,
    pooled_remoteness,
    probability_cut,
    probability_scores,
    rounding_noise,
    scale_of,
)

EPS = np.finfo(np.float64).eps


def test_distances_by_hand():
    means = mean_distances(np.array([[1, 3], [0, 2], [4, 8]], dtype=np.float32))
    assert (means.tolist(), means.dtype) == ([2.0, 1.0, 6.0], np.float64)
    assert scale_of(means) == 2.0
    np.testing.assert_allclose(distance_scores(means, scale=2.0), np.exp([-1, -0.5, -3]))
    np.testing.assert_allclose(distance_scores(means, scale=2.0, t=2), np.exp([-2, -1, -6]))


def test_data_of_copies_has_a_scale():
    means = np.zeros(5)
    assert scale_of(means) == 100 * EPS
    assert (distance_scores(means, scale=scale_of(means)) == 1).all()


def test_rounding_noise_scores_exactly_one():
    assert rounding_noise("cosine") == 50 * EPS
    assert rounding_noise("euclidean") == (100 * EPS) ** 0.5
    assert rounding_noise("minkowski", 3) == (100 * EPS) ** (1 / 3)
    assert rounding_noise("minkowski", np.inf) == rounding_noise("manhattan") == 0
    noise = rounding_noise("cosine")
    means = np.array([0, 0.9 * noise, 1e-9])
    scores = distance_scores(means, scale=100 * EPS, noise=noise)
    assert scores[:2].tolist() == [1, 1]
    np.testing.assert_allclose(scores[2], np.exp(-1e-3))  # no scale is below 1e-6


def test_fence_by_hand():
    means = np.arange(1.0, 10.0)  # quartiles 3 and 7
    assert distance_cut(means, 0.5) == 11
    assert distance_cut(means, 1.0) == 7
    assert distance_cut(means, 0.0) == np.inf


def test_measures_are_pooled_in_their_spreads():
    means = np.exp([0.0, 1, 2, 3, 4])  # on the logarithmic scale quartiles 1 and 3, median 2
    assert pooled_remoteness(means) is means
    other = np.array([0.0, 10, 20, 30, 90])  # in interquartile ranges -1, -.5, 0, .5, 3.5
    pooled = np.log(pooled_remoteness(means, other))
    np.testing.assert_allclose(pooled, 2 + 2 * np.array([-1, -0.5, 0, 0.5, 2.25]))
    np.testing.assert_allclose(pooled_remoteness(means, 5 * other - 3), np.exp(pooled))
    for says_nothing in (np.zeros(5), np.array([0.0, 0, 0, 0, 9])):
        assert pooled_remoteness(means, says_nothing) is means


def test_near_rows_are_no_evidence_beyond_the_whisker():
    means = np.exp([-25.0, 0, 1, 2, 3, 4])
    other = np.array([90.0, 0, 10, 20, 30, 40])
    one, two = (pooled_remoteness(np.r_[first, means[1:]], other) for first in (means[0], 1e-10))
    np.testing.assert_allclose(one, two)  # both are nearer than the whisker
    assert one[0] > np.median(one)


def test_copies_are_as_near_as_the_nearest_row():
    means, other = np.exp([-np.inf, 0.0, 1, 2, 3, 4]), np.array([50.0, 10, 20, 30, 40, 50])
    pooled = np.log(pooled_remoteness(means, other))
    np.testing.assert_allclose(pooled, [(0 + 4) / 2, 0, 1, 2, 3, 4], atol=1e-12)
    assert (pooled_remoteness(np.zeros(6), other) == 0).all()
    apart = np.array([0.0, 0, 0, 2, 2, 2])
    assert pooled_remoteness(apart, other) is apart


def test_a_tail_of_copies_has_no_outliers():
    tail = Tail.of(np.zeros(9))
    assert (tail.cut(0.05), tail.cut(1)) == (0.0, -np.inf)
    assert tail.probability(np.zeros(2)).tolist() == [0, 0]


def test_probabilities_by_hand():
    probs = probabilities([[0.5, 0.25, 0.25], [1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])
    entropy = probability_scores(probs)
    np.testing.assert_allclose(entropy, [1 - 1.5 * np.log(2) / np.log(3), 1, 0], atol=1e-15)
    assert probability_scores(probs, "least_confidence").tolist() == [0.5, 1, 1 / 3]
    softmax = np.exp(probs) / np.exp(probs).sum(axis=1, keepdims=True)
    top = np.sort(softmax, axis=1)[:, 1:]
    expected = 1 - ((top * (1 - top)) ** 0.3).sum(axis=1) / 2
    np.testing.assert_allclose(probability_scores(probs, "gen", m=2, gamma=0.3), expected)
    thresholds = np.array([0.6, 0.3, 0.4])
    lifted = probs - thresholds + 0.6
    lifted /= lifted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        probability_scores(probs, "least_confidence", thresholds=thresholds), lifted.max(axis=1)
    )


def test_one_class_is_certain():
    assert probability_scores(probabilities(np.ones((3, 1)))).tolist() == [1, 1, 1]
    assert probability_scores(probabilities(np.ones((0, 3)))).shape == (0,)


def test_cut_is_a_share_of_the_median():
    assert probability_cut(np.array([0.1, 0.4, 0.5, 0.6, 0.2]), 0.5) == 0.2


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.integers(1, 60),
    st.integers(2, 30),
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(METHODS)),
    st.booleans(),
)
def test_any_probabilities(n_rows, n_classes, seed, method, adjust):
    rng = np.random.default_rng(seed)
    probs = probabilities(rng.dirichlet(np.full(n_classes, 0.3), n_rows))
    thresholds = rng.uniform(0.05, 1, n_classes) if adjust else None
    options = {"thresholds": thresholds, "m": 5, "gamma": 0.1}
    scores = probability_scores(probs, method, **options)
    if method != "gen" or n_classes >= 5:
        assert ((scores >= -1e-12) & (scores <= 1 + 1e-12)).all()
    order = rng.permutation(n_rows)
    moved = probability_scores(probs[order], method, **options)
    np.testing.assert_allclose(moved, scores[order], rtol=1e-12, atol=1e-14)
    classes = rng.permutation(n_classes)
    options["thresholds"] = None if thresholds is None else thresholds[classes]
    renamed = probability_scores(probs[:, classes], method, **options)
    np.testing.assert_allclose(renamed, scores, rtol=1e-9, atol=1e-12)
    single = probability_scores(
        probs.astype(np.float32), method, **options | {"thresholds": thresholds}
    )
    np.testing.assert_allclose(single, scores, atol=1e-4)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_blocks_do_not_matter(monkeypatch, method):
    from datalab._core import outlier

    rng = np.random.default_rng(0)
    probs = probabilities(rng.dirichlet(np.ones(6), 500))
    whole = probability_scores(probs, method, m=6)
    monkeypatch.setattr(outlier, "blocks_of", lambda _: [slice(0, 7), slice(7, 500)])
    assert np.array_equal(probability_scores(probs, method, m=6), whole)
