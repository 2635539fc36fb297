"""Odds by the margins between pairs of classes."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from datalab._models.margins import SupportVectors, _behind


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
