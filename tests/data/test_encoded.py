"""Columns as numbers, and their views."""

import numpy as np
import pytest
import scipy.sparse as sp

from datalab._data.encoded import Encoded, as_encoded, dense_view, term_view, tree_view


@pytest.fixture
def encoded() -> Encoded:
    numbers = np.column_stack([np.arange(10.0), np.full(10, 5.0)]).astype(np.float32)
    numbers[2, 0] = np.nan
    numbers[9, 0] = 1e9
    codes = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, -1], dtype=np.int32)[:, None]
    vector = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
    terms = sp.csr_array(np.eye(10, dtype=np.float32))
    return Encoded(numbers, codes, (vector,), terms, names=("a", "b", "c", "v"))


def test_dense_view_by_hand(encoded: Encoded) -> None:
    laid = dense_view(encoded)[np.arange(10)]
    # two numbers, one column of gaps, two levels with three rows (the third has two), a vector
    assert laid.shape == (10, 2 + 1 + 2 + 4)
    assert np.isfinite(laid).all()
    assert laid[2, 0] == 0.0  # at the median
    assert laid[:, 2].tolist() == [0, 0, 1] + [0] * 7
    assert 3 < laid[9, 0] < 30  # an outlier stays one, drawn in
    assert (np.diff(laid[[0, 1, 3, 4, 5, 6, 7, 8], 0]) > 0).all()
    assert (laid[:, 1] == 0).all()
    np.testing.assert_allclose(laid[:4, 3:5], [[np.sqrt(0.5), 0]] * 4)
    assert (laid[[7, 8, 9], 3:5] == 0).all()
    assert laid[:, 5:].var(axis=0).sum() == pytest.approx(2, rel=1e-4)  # root of its four columns


def test_views_of_some_rows_are_rows_of_the_view(encoded: Encoded) -> None:
    rows = np.array([9, 2, 2, 0])
    for view in (dense_view(encoded), tree_view(encoded)):
        np.testing.assert_array_equal(view[rows], view[np.arange(10)][rows])
        assert view.shape == (10, view[rows].shape[1])
    terms = term_view(encoded)
    assert terms is not None
    assert terms[rows].toarray().argmax(axis=1).tolist() == rows.tolist()
    part = encoded[rows]
    assert len(part) == 4
    np.testing.assert_array_equal(part.vectors[0], encoded.vectors[0][rows])


def test_tree_view_keeps_gaps_and_codes(encoded: Encoded) -> None:
    view = tree_view(encoded)
    laid = view[np.arange(10)]
    assert np.isnan(laid[2, 0])
    assert np.isnan(laid[9, 2])
    assert laid[4, 2] == 1
    assert view.categories is not None
    assert view.categories.tolist() == [False, False, True] + [False] * 4


def test_some_columns_only(encoded: Encoded) -> None:
    some = encoded.only({"b", "v"})
    assert some.names == ("b", "v")
    assert some.numbers.tolist() == [[5.0]] * 10
    assert some.categories.shape == (10, 0)
    assert some.terms is None
    assert term_view(some) is None
    assert some.is_table
    assert not encoded.only({"v"}).is_table


def test_given_features_keep_their_proportions_when_they_share_a_unit() -> None:
    rng = np.random.default_rng(0)
    table = as_encoded(rng.normal(size=(50, 3)) * [1, 100, 1e4])
    assert table.numbers.shape == (50, 3)
    unit = rng.normal(size=(50, 40))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    assert as_encoded(unit).vectors[0].shape == (50, 40)
