"""Models by kind of data: which there are, what they say, and that they repeat."""

import numpy as np
import pytest
import scipy.sparse as sp

from datalab._data.encoded import Encoded, as_encoded
from datalab._models import portfolio, regressors, sets
from datalab._models.classification import judged_rows, thinned
from datalab._models.folds import plan_folds
from datalab._models.members import Fitted
from datalab._models.portfolio import held_out_probs, vote_of_neighbours
from datalab._models.regressors import held_out_predictions, strata_of
from datalab._models.sets import held_out_set_probs, membership, strata_of_sets
from datalab.neighbors import knn_graph


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forests of ten trees and small kernels say enough about small data."""
    monkeypatch.setattr(portfolio, "TREES", 10)
    monkeypatch.setattr(portfolio, "KERNEL_SIZE", 20)
    monkeypatch.setattr(regressors, "TREES", 10)
    monkeypatch.setattr(sets, "TREES", 10)


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    """A table of four numbers, two of which tell three classes apart."""
    rng = np.random.default_rng(0)
    codes = np.arange(150) % 3
    X = rng.normal(size=(150, 4)) * [1, 10, 100, 1000]
    X[:, 0] += 4 * codes
    return X, codes


def test_every_kind_of_data_has_its_models(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = data

    def names(encoded: Encoded, n_classes: int = 3) -> list[str]:
        return [member.name for member in portfolio._portfolio(encoded, n_classes, 0)]

    table = Encoded(np.tile(X, (5, 1)).astype(np.float32), np.empty((750, 0), np.int32))
    assert names(table) == [
        "logistic regression",
        "kernel logistic regression",
        "support vectors",
        "calibrated support vectors",
        "extra trees",
        "extra trees of half the columns",
        "boosted trees of 3 leaves",
        "boosted trees of 15 leaves",
    ]
    none = np.empty((150, 0), dtype=np.float32)
    vector = X.astype(np.float32)
    text = Encoded(none, none.astype(np.int32), (vector,), sp.csr_array(abs(vector)))
    assert names(text)[:2] == ["naive Bayes of words", "logistic regression"]
    assert "extra trees" not in names(text)
    image = Encoded(none, none.astype(np.int32), (np.tile(vector, 30),))
    assert names(image)[-1] == "extra trees"
    assert "kernel logistic regression" not in names(image, n_classes=100_000)
    assert "calibrated support vectors" in names(table, n_classes=100)
    assert "calibrated support vectors" not in names(table, n_classes=1000)


def test_held_out_probabilities_and_that_they_repeat(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, codes = data
    folds, graph = plan_folds(codes, 5, seed=0), knn_graph(X / X.std(axis=0), k=5)

    def fitted() -> Fitted:
        return held_out_probs(as_encoded(X), codes, 3, folds, graph=graph, seed=0, progress=False)

    found = fitted()
    assert found.value.shape == (150, 3)
    assert found.value.sum(axis=1) == pytest.approx(1)
    assert (found.value.argmax(axis=1) == codes).mean() > 0.9
    assert [m["model"] for m in found.members][-1] == "vote of neighbours"
    np.testing.assert_array_equal(found.value, fitted().value)


def test_classes_with_one_example_or_none(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, codes = data
    codes = codes.copy()
    codes[7] = 5  # a class of its own; 3 and 4 have no examples
    folds = plan_folds(codes, 5, seed=0)
    assert np.flatnonzero(~judged_rows(codes, folds.pairs)).tolist() == [7]
    found = held_out_probs(as_encoded(X), codes, 6, folds, graph=None, seed=0, progress=False)
    assert found.value[7].tolist() == [0, 0, 0, 0, 0, 1]
    assert np.delete(found.value, 7, axis=0)[:, 3:].max() < 0.1


def test_neighbours_of_the_same_fold_do_not_vote() -> None:
    codes = np.array([0, 0, 1, 1])
    graph = knn_graph(np.array([[0.0], [1.0], [10.0], [11.0]]), k=1)
    apart = plan_folds(codes, 2, seed=0, groups=np.array([0, 1, 0, 1]))
    votes = vote_of_neighbours(graph, codes, 2, apart)
    assert votes.argmax(axis=1).tolist() == codes.tolist()
    together = plan_folds(codes, 2, seed=0, groups=np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(vote_of_neighbours(graph, codes, 2, together), 0.5)


def test_thinning_keeps_every_class_in_its_share() -> None:
    codes = np.repeat([0, 1, 2], [900, 90, 10])
    kept = thinned(np.arange(1000), codes, 100, seed=0)
    assert len(kept) == 100
    assert np.bincount(codes[kept]).tolist() == [90, 9, 1]
    assert (np.diff(kept) > 0).all()


def test_large_data_is_fitted_on_some_rows(
    data: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    X, codes = data
    monkeypatch.setattr(portfolio, "MAX_ROWS", 60)
    found = held_out_probs(
        as_encoded(X), codes, 3, plan_folds(codes, 5, seed=0), graph=None, seed=0, progress=False
    )
    assert found.sampled
    assert (found.value.argmax(axis=1) == codes).mean() > 0.9


def test_numbers(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = data
    target = 3 * X[:, 0] + 0.1 * X[:, 1] + 1000
    folds = plan_folds(strata_of(target), 5, seed=0)
    found = held_out_predictions(as_encoded(X), target, folds, seed=0, progress=False)
    assert np.median(np.abs(found.value - target)) < 0.2
    assert sum(m["weight"] for m in found.members) == pytest.approx(1)


def test_sets_of_classes(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, codes = data
    labels = [[int(code), 3] if code else [3] for code in codes]
    held = membership(labels, 5)
    assert held[:2].tolist() == [[False] * 3 + [True, False], [False, True, False, True, False]]
    assert len(np.unique(strata_of_sets(held))) == 3
    folds = plan_folds(strata_of_sets(held), 5, seed=0)
    graph = knn_graph(X[:, :1], k=5)
    found = held_out_set_probs(
        as_encoded(X), held, folds, graph=graph, seed=0, progress=False
    ).value
    assert ((found > 0.5) == held).mean() > 0.9
    assert found[:, 3].min() > 0.9  # every row has it
    assert found[:, 4].max() < 0.1  # no row has it
