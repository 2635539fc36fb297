"""Arithmetic of tokens: places, pooling and counting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core import token as core
from datalab._ragged import offsets_of


@settings(max_examples=50, deadline=None, derandomize=True)
@given(lengths=st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_positions_undo_the_flattening(lengths):
    offsets = offsets_of(lengths)
    expected = [(i, j) for i, length in enumerate(lengths) for j in range(length)]
    assert core.positions(np.arange(sum(lengths)), offsets) == expected


@pytest.mark.parametrize(
    ("method", "expected"), [("min", [0.2, 1.0, 0.4]), ("softmin", [0.2, 1.0, 0.4])]
)
def test_sentence_scores(method, expected):
    scores = core.SENTENCE_SCORES[method](np.array([0.9, 0.2, 0.4]), offsets_of([2, 0, 1]), 0.05)
    assert scores == pytest.approx(expected, abs=1e-5)


def test_worst_tokens_come_in_order():
    scores = np.array([0.3, 0.1, 0.5, 0.1])
    assert core.worst_tokens(scores, 0.3).tolist() == [1, 3]
    assert core.worst_tokens(scores, 1.0).tolist() == [1, 3, 0, 2]


def test_tally_orders_by_number_then_by_token_and_classes():
    tokens = np.array([0, 1, 1, 0, 2])
    given_, predicted = np.array([0, 1, 1, 2, 0]), np.array([1, 0, 0, 1, 1])
    counts = core.tally(tokens, given_, predicted)
    table = list(zip(*(column.tolist() for column in counts), strict=True))
    assert table == [(1, 1, 0, 2), (0, 0, 1, 1), (0, 2, 1, 1), (2, 0, 1, 1)]
    kept = core.tally(tokens, given_, predicted, [(0, 1), (9, 9)])
    assert list(zip(*(column.tolist() for column in kept), strict=True)) == [
        (1, 1, 0, 2),
        (0, 2, 1, 1),
    ]


def test_nothing_to_count():
    nothing = np.empty(0, dtype=np.int64)
    assert [column.tolist() for column in core.tally(nothing, nothing, nothing)] == [[]] * 4
