"""Work on a large matrix block by block: bounded memory, and blocks that stay in the cache.

A statistic of the data set is written as *block → array that can be added up*, and `fold_blocks`
adds; a value per row is written by `each_block` into an array made beforehand. Both take slices,
so arrays and memory maps are served by the same code. What a function returns must not depend on
where the blocks begin: sums are exact (see `datalab._core.count.class_sums`) or they are counts.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scratch", "each_block", "fold_blocks", "row_blocks"]

Result = TypeVar("Result")

# A block and its temporary copies fit into one core's L2 cache (1 to 2 MB); WIDE_BYTES is for
# passes that copy little of a block, where long rows want few blocks.
BLOCK_BYTES = 1 << 19
WIDE_BYTES = 1 << 21
# The passes wait for memory, which a few cores exhaust.
MOST_THREADS = 8
# To start a thread takes as long as a block or two.
WORTH_A_THREAD = 4


def row_blocks(n_rows: int, row_bytes: int, block_bytes: int = BLOCK_BYTES) -> list[slice]:
    """Slices of consecutive rows that cover `n_rows`, each about `block_bytes` large."""
    step = max(1, block_bytes // max(1, row_bytes))
    # No rows are one empty block, so that a fold over nothing has a value of the right shape.
    starts = range(0, max(1, n_rows), step)
    return [slice(start, min(start + step, n_rows)) for start in starts]


def each_block(function: Callable[[slice], Result], blocks: list[slice]) -> list[Result]:
    """Results of `function` for every block, in order; the cores share the blocks."""
    threads = min(_cores(), len(blocks) // WORTH_A_THREAD)
    if threads <= 1:
        return [function(block) for block in blocks]
    results: list[Any] = [None] * len(blocks)

    def work(first: int) -> None:
        for at in range(first, len(blocks), threads):
            results[at] = function(blocks[at])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))  # list: an error of a thread is raised here
    return results


def fold_blocks(function: Callable[[slice], NDArray[Any]], blocks: list[slice]) -> NDArray[Any]:
    """The sum over all blocks of what `function` returns for each."""
    return reduce(add, each_block(function, blocks))


class Scratch(threading.local):
    """Room for copies of a block, which a thread uses again for its next block.

    The system hands out fresh memory page by page, which can take several times as long as the
    arithmetic on it.
    """

    def __init__(self) -> None:
        self._rooms: dict[int, NDArray[Any]] = {}

    def like(self, block: NDArray[Any], number: int = 0) -> NDArray[Any]:
        """Room `number`, of the block's shape and dtype, in C order, with anything in it."""
        room = self._rooms.get(number)
        if room is None or room.size < block.size or room.dtype != block.dtype:
            room = self._rooms[number] = np.empty(block.size, block.dtype)
        return room[: block.size].reshape(block.shape)


def _cores() -> int:
    """The number of cores to use, of those this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return min(MOST_THREADS, len(os.sched_getaffinity(0)))
    return min(MOST_THREADS, os.cpu_count() or 1)
