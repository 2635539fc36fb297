"""Odds by the margins between pairs of classes."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from datalab._models.margins import PairedVectors, SupportVectors, _behind, _coupled, _odds


def test_behind_the_winner_by_hand() -> None:
    # Pairs (0, 1), (0, 2), (1, 2): class 1 beats both, by 0.5 and by 2.
    said = np.array([[-0.5, 3.0, 2.0]])
    np.testing.assert_allclose(_behind(said, 3), [[-0.5, 0.0, -2.0]])
    # All have one vote; the largest sum of margins decides: 1 - 0.2, 2 - 1, 0.2 - 2. Class 0, which
    # beats the winner, is not behind.
    np.testing.assert_allclose(_behind(np.array([[1.0, -0.2, 2.0]]), 3), [[0.0, 0.0, -2.0]])


def test_two_classes_and_names() -> None:
    X, y = load_iris(return_X_y=True)
    X, y = X[:100], y[:100] * 3 + 1
    machine = clone(SupportVectors(gamma=0.2)).fit(X, y)
    assert machine.classes_.tolist() == [1, 4]
    probs = machine.predict_proba(X)
    margin = SVC(gamma=0.2).fit(X, y).decision_function(X)
    np.testing.assert_allclose(np.log(probs[:, 1] / probs[:, 0]), 2 * margin)


def test_blocks_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = load_iris(return_X_y=True)
    machine = SupportVectors(gamma=0.2).fit(X, y)
    probs = machine.predict_proba(X)
    assert probs.sum(axis=1) == pytest.approx(1)
    assert (probs.argmax(axis=1) == y).mean() > 0.95
    monkeypatch.setattr("datalab._models.margins.MAX_VALUES", 30)
    np.testing.assert_array_equal(machine.predict_proba(X), probs)


def test_pairs_that_agree_are_coupled_to_what_they_come_from() -> None:
    shares = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]])
    first, second = np.triu_indices(3, 1)
    said = np.log(shares[:, first] / shares[:, second])
    np.testing.assert_allclose(_coupled(said, 3), shares)
    odds = np.array([[np.log(3.0)]])
    np.testing.assert_allclose(_coupled(odds, 2), [[0.75, 0.25]])


def test_odds_of_a_pair_are_those_of_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    margins = rng.normal(size=4000)
    won = rng.random(4000) < 1 / (1 + np.exp(-(1.5 * margins - 0.7)))
    pairs = np.arange(4000) % 2
    slope, shift = _odds(margins, pairs, won, 4)
    assert slope[:2] == pytest.approx(1.5, abs=0.2)
    assert shift[:2] == pytest.approx(-0.7, abs=0.2)
    # Pairs of which nothing is known keep the odds of a margin.
    assert slope[2:].tolist() == [2.0, 2.0]
    assert shift[2:].tolist() == [0.0, 0.0]


def test_rows_unlike_all_others_have_the_class_of_such_rows() -> None:
    rng = np.random.default_rng(0)
    X, codes = rng.normal(size=(240, 2)) * 0.3, np.arange(240) % 3
    X[:, 0] += 3.0 * codes
    # The rows of class 2 stand anywhere, far from each other.
    X[codes == 2] = rng.uniform(20, 4000, size=(80, 2))
    machine = PairedVectors(gamma=0.5).fit(X, codes)
    probs = machine.predict_proba(X)
    assert probs.sum(axis=1) == pytest.approx(1)
    assert (probs.argmax(axis=1) == codes).mean() > 0.98
    far = rng.uniform(20, 4000, size=(50, 2))
    assert (machine.predict_proba(far).argmax(axis=1) == 2).all()


@pytest.mark.parametrize("codes", [[3, 3, 5], [0, 1, 2], [0] * 9 + [4], [0, 0, 0, 1, 1, 1, 2]])
def test_classes_of_few_rows(codes: list[int]) -> None:
    X = np.arange(len(codes), dtype=float)[:, None]
    machine = clone(PairedVectors(gamma=0.1, seed=1)).fit(X, np.array(codes))
    probs = machine.predict_proba(X)
    assert machine.classes_.tolist() == sorted(set(codes))
    assert probs.shape == (len(codes), len(set(codes)))
    assert probs.sum(axis=1) == pytest.approx(1)
    assert machine.set_params(gamma=0.2, seed=3).get_params() == {"gamma": 0.2, "seed": 3}
