"""Rows that come in blocks, read as one array."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._stack import Stack, spilled


def cut(array, sizes):
    """`array` in blocks of these sizes, and the rest."""
    return np.split(array, np.minimum(np.cumsum(sizes, dtype=int), len(array)))


@pytest.fixture(scope="module")
def array():
    return np.random.default_rng(0).random((50, 3))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(0, 30), max_size=8),
    ends=st.tuples(st.integers(0, 50), st.integers(0, 50)),
    rows=st.lists(st.integers(0, 49), max_size=20),
    on_disk=st.booleans(),
)
def test_reads_like_one_array(array, sizes, ends, rows, on_disk):
    blocks = cut(array, sizes)
    stack = Stack(spilled(iter(blocks)) if on_disk else blocks)
    assert (len(stack), stack.shape, stack.dtype) == (50, (50, 3), np.float64)
    part = slice(min(ends), max(ends))
    np.testing.assert_array_equal(stack[part], array[part])
    at = np.array(rows, dtype=np.intp)
    np.testing.assert_array_equal(stack[at], array[at])
    np.testing.assert_array_equal(stack[at, at % 3], array[at, at % 3])
    np.testing.assert_array_equal(stack[at, np.intp(1)], array[at, 1])
    np.testing.assert_array_equal(np.asarray(stack), array)


def test_blocks_of_different_types_are_promoted(array):
    blocks = [array[:20].astype(np.float32), array[20:]]
    for stack in (Stack(blocks), Stack(spilled(iter(blocks)))):
        assert stack.dtype == stack[:3].dtype == stack[np.array([1])].dtype == np.float64
        np.testing.assert_array_equal(stack[:], np.concatenate(blocks))


def test_what_lies_in_one_block_is_not_copied(array):
    stack = Stack(cut(array, [20]))
    assert np.shares_memory(stack[3:17], array)


def test_equal_blocks_become_one_map(array):
    (one,) = spilled(iter(cut(array, [0, 7, 0, 20])))
    assert isinstance(one, np.memmap)
    np.testing.assert_array_equal(one, array)
    assert [len(part) for part in spilled(iter([array, array.astype(np.float32)]))] == [50, 50]
    assert spilled(iter([])) == []
    assert spilled(iter([array[:0]]))[0].shape == (0, 3)
