"""Softmin: between the lowest score and the mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core.pooling import softmin

scores_lists = st.lists(
    st.lists(st.floats(0, 1, allow_subnormal=False), max_size=6), min_size=1, max_size=5
)


def pooled(lists, temperature):
    flat = np.array([score for scores in lists for score in scores], dtype=float)
    group = np.repeat(np.arange(len(lists)), [len(scores) for scores in lists])
    return softmin(flat, group, len(lists), temperature)


def test_by_hand():
    weights = np.exp([0.9 / 0.1, 0.5 / 0.1])
    expected = (weights * [0.1, 0.5]).sum() / weights.sum()
    assert pooled([[0.1, 0.5], [0.3], []], 0.1) == pytest.approx([expected, 0.3, 1.0])


@pytest.mark.parametrize("temperature", [0.0, -1.0, 1e-300, 1e-9])
def test_cold_is_the_lowest(temperature):
    assert pooled([[0.7, 0.2, 0.9], [0.0, 0.0]], temperature) == pytest.approx([0.2, 0.0], abs=1e-6)


def test_hot_is_the_mean():
    assert pooled([[0.7, 0.2, 0.9]], 1e9) == pytest.approx([0.6])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(lists=scores_lists, temperature=st.floats(1e-3, 1e3))
def test_between_lowest_and_mean(lists, temperature):
    for scores, result in zip(lists, pooled(lists, temperature), strict=True):
        if scores:
            assert min(scores) - 1e-12 <= result <= np.mean(scores) + 1e-12
        else:
            assert result == 1.0
