"""Blocks cover all rows once, in order, whatever the number of threads."""

import numpy as np
import pytest

from datalab._core import blocks


@pytest.mark.parametrize("n_rows", [0, 1, 7, 100])
@pytest.mark.parametrize("row_bytes", [1, 30, 10**9])
def test_blocks_cover_the_rows(n_rows, row_bytes):
    found = blocks.row_blocks(n_rows, row_bytes, block_bytes=100)
    assert len(found) >= 1
    rows = np.concatenate([np.arange(n_rows)[part] for part in found])
    np.testing.assert_array_equal(rows, np.arange(n_rows))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_order(monkeypatch, threads):
    monkeypatch.setattr(blocks, "_cores", lambda: threads)
    values = np.arange(50)
    parts = blocks.row_blocks(50, 1, block_bytes=7)
    assert blocks.each_block(lambda part: values[part].tolist(), parts) == [
        values[part].tolist() for part in parts
    ]
    total = blocks.fold_blocks(lambda part: values[part].sum(keepdims=True), parts)
    assert total == values.sum()


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_in_a_thread_is_raised(monkeypatch, threads):
    monkeypatch.setattr(blocks, "_cores", lambda: threads)

    def fail(part):
        if part.start >= 4:
            raise ZeroDivisionError("in a block")
        return part.start

    with pytest.raises(ZeroDivisionError, match="in a block"):
        blocks.each_block(fail, blocks.row_blocks(10, 1, block_bytes=2))


def test_cores_are_counted():
    assert 1 <= blocks._cores() <= blocks.MOST_THREADS


def test_scratch_is_used_again():
    scratch, block = blocks.Scratch(), np.ones((3, 4), order="F")
    room = scratch.like(block)
    assert (room.shape, room.dtype, room.flags.c_contiguous) == ((3, 4), block.dtype, True)
    assert np.shares_memory(scratch.like(block[:2]), room)
    assert not np.shares_memory(scratch.like(block, 1), room)
    assert scratch.like(np.ones((5, 5), np.float32)).dtype == np.float32
