"""Similarities to some of the rows."""

import numpy as np
import pytest
from sklearn.base import clone

from datalab._models.landmarks import similarities


def test_they_are_found_in_double_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    decompose = np.linalg.svd

    def noted(matrix: np.ndarray, *args: object, **options: object) -> object:
        seen.append(matrix.dtype)
        return decompose(matrix, *args, **options)

    monkeypatch.setattr(np.linalg, "svd", noted)
    X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    X[20:] = X[np.arange(40) % 20]  # rows that repeat
    found = clone(similarities(0.1, 50, 0)).fit_transform(X)
    assert set(seen) == {np.dtype(np.float64)}
    assert found.dtype == np.float32


def test_they_are_those_of_the_kernel() -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    found = similarities(0.2, 40, 0).fit_transform(X)
    distances = np.square(X[:, None] - X[None]).sum(axis=2)
    np.testing.assert_allclose(found @ found.T, np.exp(-0.2 * distances), atol=1e-5)
