"""Candidates for the nearest neighbours of every point, from tiles of a matrix product.

A tile holds lower bounds of the squared distances between two blocks of points: one product in
float32, less what rounding may have added. Every pair is looked at once and serves both of its
points. For each point the `m` smallest bounds are kept, so everything that was passed over is known
to be at least as far as the largest of them; `datalab.neighbors.settle` turns that into neighbours.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import IndexArray
from datalab.neighbors.points import Points, blocks, index_type

__all__ = ["MEMORY", "Bounds", "Candidates", "candidates", "candidates_of", "watched"]

# Working memory of a search in MiB, on top of the features and of the result.
MEMORY = 512
# Points on the right and on the left of a tile: its bounds stay in the cache of a core.
WIDTH, HEIGHT = 1024, 512
# The points on the left of a tile are compared in groups that grow up to this many tiles, because
# the first ones make clear what is far.
LARGEST_GROUP = 32
# Marked pairs of a tile are looked at one by one when there are more than m times this for a row.
CROWDED = 4
# A search of fewer seconds needs no progress bar.
SHORT = 1.0
# With norms that differ more than this, float32 would lose the small ones.
MAX_RANGE = 1e6

Tile = NDArray[np.floating[Any]]
# Positions of a row and of what was found for it, and the lower bound of their squared distance.
Pairs = tuple[IndexArray, IndexArray, NDArray[np.float32]]


class Candidates:
    """For every row the `m` points with the smallest lower bounds so far.

    Parameters
    ----------
    n_rows, m : int
    n_points : int
        How many points there are to find.

    Attributes
    ----------
    indices, lower : ndarray of shape (n_rows, m)
        Positions (-1 for none yet) and lower bounds of squared distances, ascending.
    limit : ndarray of float32, shape (n_rows,)
        No pair that was passed over has a smaller lower bound.
    """

    def __init__(self, n_rows: int, m: int, n_points: int) -> None:
        self.indices = np.full((n_rows, m), -1, dtype=index_type(n_points))
        self.lower = np.full((n_rows, m), np.inf, dtype=np.float32)
        self.limit = np.full(n_rows, np.inf, dtype=np.float32)

    @property
    def m(self) -> int:
        """How many are kept for each row."""
        return int(self.indices.shape[1])

    def add(self, rows: IndexArray, found: IndexArray, lower: NDArray[np.float32]) -> None:
        """Take in pairs that were not seen before."""
        near = lower <= self.limit[rows]
        if not near.all():
            rows, found, lower = rows[near], found[near], lower[near]
        if not len(rows):
            return
        start = int(rows.min())
        counts = np.bincount(rows - start)
        touched = np.flatnonzero(counts)
        rank = np.cumsum(counts > 0) - 1
        counts, m = counts[touched] + self.m, self.m
        touched += start
        # Bounds are not negative, so their bits are ordered like integers: one sort does.
        key = np.concatenate([np.repeat(np.arange(len(touched)), m), rank[rows - start]])
        key = (key.astype(np.uint64) << np.uint64(32)) | np.concatenate(
            [self.lower[touched].ravel(), lower]
        ).view(np.uint32)
        order = np.argsort(key)
        take = order[(np.cumsum(counts) - counts)[:, None] + np.arange(m)]
        self.indices[touched] = np.concatenate([self.indices[touched].ravel(), found])[take]
        self.lower[touched] = np.concatenate([self.lower[touched].ravel(), lower])[take]
        self.limit[touched] = np.minimum(self.limit[touched], self.lower[touched, -1])


@dataclass(frozen=True, slots=True)
class Bounds:
    """How lower bounds of squared distances are computed.

    With the points x and y around the middle of the data, |x|² + |y|² - 2 x·y is the product of
    the rows (-2x, |x|², 1) and (y, 1, |y|²). Rounding may add to it a share of |x|² + |y|², which
    is taken off in advance.
    """

    points: Points
    norms: NDArray[np.float64]  # squared distances from the middle
    dtype: type[np.floating[Any]]

    @classmethod
    def of(cls, points: Points, dtype: type[np.floating[Any]] | None = None) -> "Bounds":
        """For all these points; the type of number is chosen by the range of their norms."""
        norms = np.empty(len(points))
        for rows in blocks(len(points), _cached(points)):
            block = points.take(rows) - points.centre
            norms[rows] = np.einsum("ij,ij->i", block, block)
        if dtype is None:
            fits = norms.max() <= MAX_RANGE**2 * np.median(norms)
            dtype = np.float32 if fits else np.float64
        return cls(points, norms, dtype)

    @property
    def slack(self) -> float:
        """Rounding error of a bound, as a share of |x|² + |y|².

        A product of length n is off by at most n·u times the sum of the absolute values of its
        terms (Higham, Accuracy and Stability of Numerical Algorithms, 2002, eq. 3.5), and that sum
        is at most 2 (|x|² + |y|²); 16 covers the rounding of the points themselves.
        """
        return (2 * (self.points.n_dimensions + 2) + 16) * float(np.finfo(self.dtype).eps) / 2

    @property
    def underflow(self) -> float:
        """What products of tiny numbers may lose."""
        return 4.0 * (self.points.n_dimensions + 2) * float(np.finfo(self.dtype).tiny)

    def right(self, at: slice | IndexArray) -> Tile:
        """Rows (y, 1, |y|²) for some points."""
        norms = self.norms[at]
        made = np.empty((len(norms), self.points.n_dimensions + 2), dtype=self.dtype)
        made[:, -2] = 1.0
        made[:, -1] = norms * (1.0 - self.slack) - self.underflow
        for part in blocks(len(norms), _cached(self.points)):
            if isinstance(at, slice):
                some: slice | IndexArray = slice(at.start + part.start, at.start + part.stop)
            else:
                some = at[part]
            np.subtract(
                self.points.take(some),
                self.points.centre,
                out=made[part, :-2],
                casting="same_kind",
            )
        return made

    @staticmethod
    def left(right: Tile) -> Tile:
        """Rows (-2x, |x|², 1), of the rows that stand on the right."""
        made = np.empty_like(right)
        np.multiply(right[:, :-2], -2.0, out=made[:, :-2])
        made[:, -2] = right[:, -1]
        made[:, -1] = 1.0
        return made

    def width(self, rows: IndexArray, others: IndexArray) -> NDArray[np.float64]:
        """How far at most a squared distance lies above its lower bound."""
        return 2.5 * self.slack * (self.norms[rows] + self.norms[others]) + 3 * self.underflow


def _cached(points: Points) -> int:
    return max(1, 2**15 // points.n_dimensions)


def candidates(
    bounds: Bounds,
    m: int,
    *,
    first: int = 0,
    known: Candidates | None = None,
    memory: int = MEMORY,
    progress: str = "",
) -> Candidates:
    """For every point the `m` others with the smallest lower bounds.

    Parameters
    ----------
    bounds : Bounds
    m : int
    first : int
        Pairs of points before this one are not compared.
    known : Candidates, optional
        What is known of the points before `first`; it is brought up to date.
    memory : int
        MiB of working memory.
    progress : str
        What the progress bar says; empty for none.

    Notes
    -----
    N² M / 2 multiplications when `first` is 0.
    """
    n_points = len(bounds.points)
    best = Candidates(n_points, m, n_points) if known is None else known
    row_bytes = np.dtype(bounds.dtype).itemsize * (bounds.points.n_dimensions + 2)
    held = max(WIDTH, (memory << 19) // row_bytes)  # half of the memory
    total = (n_points - first) * (n_points + first) // 2
    with _workers() as each, watched(total, progress) as told:
        for stripe in blocks(n_points, held):
            right = bounds.right(stripe)
            waiting: list[Pairs] = []
            for columns in _columns(stripe, first, n_points):
                waiting += _Comparison.of(bounds, best, stripe, right, columns).run(each)
                if sum(len(rows) for rows, _, _ in waiting) > m * (stripe.stop - stripe.start) // 2:
                    best.add(*_joined(waiting))
                    waiting = []
                before = min(columns.stop, stripe.stop) - stripe.start
                told(before * (columns.stop - columns.start))
            best.add(*_joined(waiting))
    return best


def _columns(stripe: slice, first: int, n_points: int) -> Iterator[slice]:
    """Blocks of points that are compared with a stripe: inside of it, then behind it."""
    for start, stop in ((stripe.start, stripe.stop), (stripe.stop, n_points)):
        start = max(start, first)
        for part in blocks(max(stop - start, 0), WIDTH):
            yield slice(start + part.start, start + part.stop)


def _groups(start: int, stop: int) -> Iterator[list[slice]]:
    """Blocks of rows from back to front, in groups that grow."""
    size = 1
    while stop > start:
        group: list[slice] = []
        while stop > start and len(group) < size:
            group.append(slice(max(start, stop - HEIGHT), stop))
            stop = group[-1].start
        yield group
        size = min(2 * size, LARGEST_GROUP)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A block of points (the columns) against points of the stripe that stand before it."""

    best: Candidates
    stripe: slice
    right: Tile  # of the stripe
    columns: slice
    block: Tile  # of the columns

    @classmethod
    def of(
        cls, bounds: Bounds, best: Candidates, stripe: slice, right: Tile, columns: slice
    ) -> "_Comparison":
        inside = slice(columns.start - stripe.start, columns.stop - stripe.start)
        block = right[inside] if columns.start < stripe.stop else bounds.right(columns)
        return cls(best, stripe, right, columns, block)

    def run(self, each: Callable[..., list[Any]]) -> list[Pairs]:
        """Keep what the columns find; what the rows before them find is returned, to wait."""
        waiting = []
        if self.columns.start < self.stripe.stop:
            self.best.add(*_joined(each(self.itself, self.pieces())))
        for group in _groups(self.stripe.start, min(self.columns.start, self.stripe.stop)):
            found = each(self.pairs, group)
            self.best.add(*_joined([of_columns for _, of_columns in found]))
            waiting += [of_rows for of_rows, _ in found]
        return waiting

    def pieces(self) -> list[slice]:
        """The columns as a few blocks of rows."""
        start, stop = self.columns.start, self.columns.stop
        return [slice(at, min(at + WIDTH // 8, stop)) for at in range(start, stop, WIDTH // 8)]

    def _lower(self, rows: slice) -> Tile:
        mine = self.right[rows.start - self.stripe.start : rows.stop - self.stripe.start]
        lower: Tile = Bounds.left(mine) @ self.block.T
        return lower

    def itself(self, rows: slice) -> Pairs:
        """What some of the columns find among the columns."""
        lower = self._lower(rows)
        own = np.arange(rows.start, rows.stop)
        lower[own - rows.start, own - self.columns.start] = np.inf
        row, column, value = marked(lower, self.best.limit[rows], self.best.m)
        return row + rows.start, column + self.columns.start, value

    def pairs(self, rows: slice) -> tuple[Pairs, Pairs]:
        """What rows before the columns find there, and what the columns find among these rows."""
        lower, best = self._lower(rows), self.best
        row, column, value = marked(lower, best.limit[rows], best.m)
        of_rows = row + rows.start, column + self.columns.start, value
        column, row, value = marked(lower, best.limit[self.columns], best.m, by_column=True)
        return of_rows, (column + self.columns.start, row + rows.start, value)


def marked(lower: Tile, limit: NDArray[np.float32], m: int, *, by_column: bool = False) -> Pairs:
    """Pairs of a tile up to the limits of its rows (or columns), whose place comes first."""
    near = lower <= (limit if by_column else limit[:, None])
    if np.count_nonzero(near) > CROWDED * m * len(limit):
        # Nothing is known yet, or the points come in an order that brings nearer and nearer ones.
        turned = np.ascontiguousarray(lower.T) if by_column else lower
        of, other = np.nonzero(_nearest_of_tile(turned, limit, m))
        value = turned[of, other]
    else:
        row, column = np.divmod(np.flatnonzero(near), near.shape[1])
        value = lower[row, column]
        of, other = (column, row) if by_column else (row, column)
    np.maximum(value, 0, out=value)
    if value.dtype != np.float32:
        value = np.nextafter(value.astype(np.float32), np.float32(0))
    return of, other, value


def _nearest_of_tile(lower: Tile, limit: NDArray[np.float32], m: int) -> NDArray[np.bool_]:
    """Marks about m of the least bounds of every row, never too few."""
    near: NDArray[np.bool_] = lower <= np.minimum(limit, _kth_at_most(lower, m))[:, None]
    crowded = np.flatnonzero(np.count_nonzero(near, axis=1) > CROWDED * m)
    if len(crowded):
        least = np.argpartition(lower[crowded], m - 1, axis=1)[:, :m]
        near[crowded] = False
        near[crowded[:, None], least] = True
    return near


def _kth_at_most(bounds: Tile, k: int) -> Tile:
    """For each row a value that at least k of its bounds do not exceed, close to the k-th least.

    It is the k-th least of the minima of many small groups of columns: a tenth of the work of a
    partition of all.
    """
    minima = bounds
    while minima.shape[1] >= 16 * k:
        half = minima.shape[1] // 2
        rest = minima[:, 2 * half :]
        minima = np.concatenate([np.minimum(minima[:, :half], minima[:, half : 2 * half]), rest], 1)
    if minima.shape[1] < k:
        return np.full(len(bounds), np.inf, dtype=bounds.dtype)
    return np.partition(minima, k - 1, axis=1)[:, k - 1]


def _joined(pairs: list[Pairs]) -> Pairs:
    if not pairs:
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32)
    rows, found, lower = zip(*pairs, strict=True)
    return np.concatenate(rows), np.concatenate(found), np.concatenate(lower)


def candidates_of(bounds: Bounds, rows: IndexArray, m: int) -> Candidates:
    """For some points the `m` others with the smallest lower bounds; N M multiplications each."""
    n_points = len(bounds.points)
    best = Candidates(len(rows), m, n_points)
    left = Bounds.left(bounds.right(rows))
    with _workers() as each:
        pieces = list(blocks(len(rows), HEIGHT // 4))
        for columns in blocks(n_points, 4 * WIDTH):
            block = bounds.right(columns)

            def pairs(part: slice, columns: slice = columns, block: Tile = block) -> Pairs:
                lower = left[part] @ block.T
                mine = rows[part] - columns.start
                here = np.flatnonzero((mine >= 0) & (mine < len(block)))
                lower[here, mine[here]] = np.inf
                row, column, value = marked(lower, best.limit[part], m)
                return row + part.start, column + columns.start, value

            best.add(*_joined(each(pairs, pieces)))
    return best


@contextmanager
def _workers() -> Iterator[Callable[..., list[Any]]]:
    """Calls a function for each of a list; as many at a time as the matrix product has threads."""
    from threadpoolctl import threadpool_info, threadpool_limits

    threads = max(
        (i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"), default=1
    )
    if threads == 1:
        yield lambda function, parts: [function(part) for part in parts]
        return
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        yield lambda function, parts: list(pool.map(function, parts))


@contextmanager
def watched(total: int, text: str) -> Iterator[Callable[[int], Any]]:
    """What tells a progress bar how much more is done; the bar shows when it takes a while."""
    if not text:
        yield lambda _done: None
        return
    from tqdm.auto import tqdm

    form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
    with tqdm(total=total, desc=text, delay=SHORT, leave=False, bar_format=form) as bar:
        yield bar.update
