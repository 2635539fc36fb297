"""How labels are confused where a model is sure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._check import labels_and_probs
from datalab._core.label_noise import (
    LEAST,
    explained,
    glance,
    least_probability,
    logs_of,
    losses_of,
    one_way,
    powers_of,
    spread,
    steadiness,
    sure_confusion,
    surest,
)


def test_half_a_vote_is_the_least() -> None:
    votes = np.array([[0.0, 1.0], [0.1, 0.9], [0.5, 0.5]])
    assert least_probability(labels_and_probs([0, 1, 1], votes)[1]) == pytest.approx(0.05)
    certain = labels_and_probs([0, 1, 1], np.array([[0.2, 0.8], [0.1, 0.9], [0.5, 0.5]]))[1]
    assert least_probability(certain) == LEAST
    tiny = labels_and_probs([0, 1, 1], np.array([[0.0, 1.0], [1e-30, 1.0], [0.5, 0.5]]))[1]
    assert least_probability(tiny) == LEAST


def test_a_glance_at_each_row() -> None:
    probs = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5], [0.4, 0.4, 0.2]])
    top, lead, gap = glance(*labels_and_probs([0, 0, 2], probs), LEAST)
    assert top.tolist() == [0, 2, 0]
    np.testing.assert_allclose(lead, np.log([2.0, 5 / 3, 1.0]), atol=1e-12)
    np.testing.assert_allclose(gap, np.log([0.5, 2.5, 2.0]))


def test_confusion_among_the_surest_quarter() -> None:
    """100 rows of each of two classes; all odd labels but one are among the sure ones."""
    top = np.repeat([0, 1], 100)
    lead = np.tile(np.arange(100.0), 2)
    labels = top.copy()
    labels[95:100] = 1  # 5 of the 25 surest rows of class 0
    labels[3] = 1  # a doubtful row
    sure = surest(top, lead, 2)
    assert np.flatnonzero(sure).tolist() == [*range(75, 100), *range(175, 200)]
    confusion = sure_confusion(labels, top, sure, 2)  # type: ignore[arg-type]
    overall = 5.5 / 51
    expected = [(5 + 10 * overall) / 35, 10 * overall / 35]
    np.testing.assert_allclose([confusion[0, 1], confusion[1, 0]], expected)
    np.testing.assert_allclose(confusion.sum(axis=1), 1)


def test_confusion_of_absent_classes_is_that_of_all() -> None:
    top, labels = np.zeros(40, dtype=np.intp), np.zeros(40, dtype=np.int64)
    labels[::4] = 1
    sure = surest(top, np.zeros(40), 4)
    assert sure.all()  # all are tied
    confusion = sure_confusion(labels, top, sure, 4)  # type: ignore[arg-type]
    np.testing.assert_allclose(confusion.sum(axis=1), 1)
    assert (confusion > 0).all()
    np.testing.assert_allclose(1 - confusion[2, 2], 10.5 / 41)


def test_at_most_half_of_a_class_is_taken_for_mislabelled() -> None:
    top, labels = np.repeat([0, 1], 100), np.repeat([1, 1], 100)
    labels[80:100] = 0
    confusion = sure_confusion(labels, top, np.ones(200, dtype=bool), 2)  # type: ignore[arg-type]
    np.testing.assert_allclose(confusion[0], [0.5, 0.5])
    assert confusion[1, 1] > 0.9


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.integers(2, 6), st.floats(0.1, 8.0))
def test_powers_and_what_they_explain(seed: int, n_classes: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(n_classes), size=20)
    labels = rng.integers(n_classes, size=20)
    logs = logs_of(probs, LEAST)
    confusion = rng.dirichlet(np.ones(n_classes), size=n_classes)
    clipped = np.maximum(probs, LEAST) ** power
    clipped /= clipped.sum(axis=1, keepdims=True)
    own, confused = explained(labels, logs, confusion, power)
    np.testing.assert_allclose(own, clipped[np.arange(20), labels], rtol=1e-9)
    np.testing.assert_allclose(confused, (clipped @ confusion)[np.arange(20), labels], rtol=1e-9)
    np.testing.assert_allclose(powers_of(logs, power).max(axis=1), 1)
    plain = losses_of(own, 1.0)
    np.testing.assert_allclose(plain, -np.log(own))
    assert (losses_of(own, power) >= plain).all()


def test_rows_to_fit_on_do_not_depend_on_order() -> None:
    gap = np.random.default_rng(0).normal(size=8000)
    order = np.random.default_rng(1).permutation(8000)
    assert len(spread(gap, 10)) == 3000
    assert len(spread(gap, 1000)) == 1000
    assert len(spread(gap, 100_000)) == 500
    assert spread(gap[:7], 10).tolist() == list(range(7))
    chosen = order[spread(gap[order], 10)]
    np.testing.assert_array_equal(chosen, spread(gap, 10))


def test_one_way_confusion_stays_and_mutual_confusion_is_spread() -> None:
    confusion = np.array([[0.7, 0.3, 0.0], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0]])
    expected = [[0.7, 0.2 + 0.05, 0.05], [0.05, 0.9, 0.05], [0.0, 0.0, 1.0]]
    np.testing.assert_allclose(one_way(confusion), expected)
    two = np.array([[0.9, 0.1], [0.3, 0.7]])
    np.testing.assert_allclose(one_way(two), two)


def test_noise_is_steady_and_mistakes_wane() -> None:
    surer = np.arange(400) < 200
    even = np.arange(400) % 10 == 0
    assert steadiness(even, surer) == pytest.approx(1.0, abs=0.05)
    assert steadiness(even & ~surer, surer) < 0.02
    assert steadiness(surer, surer) == 1.0
