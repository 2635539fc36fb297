"""Rows as points that are compared by Euclidean distance, and the copies among them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from datalab._typing import BoolArray, FloatArray, IndexArray
from datalab.exceptions import InputError

__all__ = [
    "ROUNDED",
    "WORK",
    "AnyPoints",
    "Neighbours",
    "Points",
    "blocks",
    "distinct",
    "index_type",
    "mixed",
    "points_of",
    "rounded",
    "spread",
]

Neighbours = tuple[NDArray[np.signedinteger[Any]], NDArray[np.float64]]

# Working memory of a search in bytes, on top of the features and of the result.
WORK = 2**25
# Squared distances are rounded by less than this (relative), see `Points.squared`.
ROUNDED = 2.0**-40
# Rows that are looked at to find the middle of the data.
SAMPLE = 1000
# Numbers of float64 that stay in one core's cache while they are worked on.
CACHED = 2**16


def index_type(n_rows: int) -> type[np.signedinteger[Any]]:
    """The smaller integer type that holds every position."""
    return np.int32 if n_rows <= np.iinfo(np.int32).max else np.int64


def blocks(n_rows: int, size: int) -> Iterator[slice]:
    """Slices of `size` consecutive rows that cover `n_rows`."""
    return (slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size))


@dataclass(frozen=True, slots=True)
class Points:
    """The rows as points in float64, made block by block."""

    features: FloatArray
    columns: NDArray[np.float64] | None  # divisors of the columns
    scale: float  # Euclidean: a power of two that keeps squares in range
    norms: FloatArray | None  # cosine: rows are divided by these
    zero: BoolArray | None  # cosine: zero vectors, where there are any
    rows: IndexArray | None  # positions of the points among the features; None = all
    centre: FloatArray

    def __len__(self) -> int:
        return len(self.features) if self.rows is None else len(self.rows)

    @property
    def n_dimensions(self) -> int:
        """Number of coordinates."""
        return int(self.features.shape[1]) + (self.zero is not None)

    @property
    def at_once(self) -> int:
        """How many points can be looked at together, with some room to work."""
        return max(1, WORK // (32 * self.n_dimensions))

    def take(self, at: slice | IndexArray) -> NDArray[np.float64]:
        """The coordinates of some points."""
        where = at if self.rows is None else self.rows[at]
        block = self.features[where].astype(np.float64)
        if self.columns is not None:
            block /= self.columns
        if self.norms is None:
            block *= self.scale
            return block
        block /= self.norms[where][:, None]
        if self.zero is None:
            return block
        # A zero vector stands at right angles to all others: their squared distance is 2.
        return np.column_stack([block, self.zero[where]])

    def between(self, left: IndexArray, right: IndexArray) -> NDArray[np.float64]:
        """Squared distances of pairs of points, given by position."""
        squared = np.empty(len(left))
        for part in blocks(len(left), max(1, CACHED // self.n_dimensions)):
            squared[part] = self.squared(self.take(left[part]), self.take(right[part]))
        return squared

    def same(self, left: IndexArray, right: IndexArray) -> bool:
        """Whether all these pairs of points, given by position, are equal."""
        return all(
            np.array_equal(self.take(left[part]), self.take(right[part]))
            for part in blocks(len(left), self.at_once)
        )

    def keys(self, seed: int) -> NDArray[np.uint64]:
        """A 64-bit key of every point: equal for equal points, almost surely for no others."""
        rng = np.random.default_rng(seed)
        weights = rng.integers(2**63, size=self.n_dimensions, dtype=np.uint64) * np.uint64(2)
        weights += np.uint64(1)
        keys = np.empty(len(self), dtype=np.uint64)
        for rows in blocks(len(self), max(1, CACHED // self.n_dimensions)):
            # Adding 0 makes -0 equal to 0.
            bits = np.add(self.take(rows), 0.0, order="C").view(np.uint64)
            keys[rows] = mixed(bits, weights).sum(axis=1, dtype=np.uint64)
        return keys

    def squared(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Squared distances of pairs of points (rows of `x` and `y`), from differences."""
        difference = x - y
        squared: NDArray[np.float64] = np.einsum("ij,ij->i", difference, difference)
        return rounded(squared, cosine=self.norms is not None)

    def only(self, rows: IndexArray) -> "Points":
        """Some of the points."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])


class AnyPoints(Protocol):
    """What dense and sparse points can do."""

    def __len__(self) -> int: ...

    def only(self, rows: IndexArray) -> Self:
        """Some of the points."""

    def between(self, left: IndexArray, right: IndexArray) -> NDArray[np.float64]:
        """Squared distances of pairs of points, given by position."""

    def same(self, left: IndexArray, right: IndexArray) -> bool:
        """Whether all these pairs of points, given by position, are equal."""

    def keys(self, seed: int) -> NDArray[np.uint64]:
        """A 64-bit key of every point: equal for equal points, almost surely for no others."""


def rounded(squared: NDArray[np.float64], *, cosine: bool) -> NDArray[np.float64]:
    """Squared distances, in place, without what is only rounding."""
    if cosine:
        # Unit vectors are rounded in the last place, so multiples of a vector differ by that.
        squared[squared < (8 * np.finfo(np.float64).eps) ** 2] = 0.0
    # Distances that are equal but for rounding shall be ties: keep 40 bits of the 52.
    bits = squared.view(np.int64)
    bits += 1 << 11
    bits &= -(1 << 12)
    return squared


def points_of(
    features: FloatArray, *, cosine: bool, columns: NDArray[np.float64] | None = None
) -> Points:
    """The rows scaled to a safe range, or to length one; first divided by `columns`."""
    largest, norms = _extent(features, columns)
    exponent = max(int(np.frexp(largest)[1]), -1000)
    zero = norms == 0
    points = Points(
        features,
        columns,
        scale=1.0 if cosine else float(np.ldexp(1.0, -exponent)),
        norms=np.where(zero, 1.0, norms) if cosine else None,
        zero=zero if cosine and zero.any() else None,
        rows=None,
        centre=np.zeros(0),
    )
    step = max(1, len(features) // SAMPLE)
    sample = points.take(np.arange(0, len(features), step))
    return replace(points, centre=np.median(sample, axis=0))


def _extent(
    features: FloatArray, columns: NDArray[np.float64] | None
) -> tuple[float, NDArray[np.float64]]:
    """The largest absolute value, and the norm of every row (safe from overflow)."""
    norms = np.empty(len(features))
    largest = 0.0
    for rows in blocks(len(features), max(1, WORK // (32 * features.shape[1]))):
        block = np.abs(features[rows].astype(np.float64))
        if columns is not None:
            block /= columns
        top = block.max(axis=1)
        if not np.isfinite(top).all():
            row = rows.start + int(np.flatnonzero(~np.isfinite(top))[0])
            raise InputError(
                f"`features` has NaN or infinite values, first in row {row}; leave such rows out "
                "(datalab.neighbors.complete_rows) or replace the values"
            )
        block /= np.where(top > 0, top, 1.0)[:, None]
        norms[rows] = top * np.sqrt(np.einsum("ij,ij->i", block, block))
        largest = max(largest, float(top.max()))
    return largest, norms


def mixed(bits: NDArray[np.uint64], weights: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers in which every bit of a float and of its column counts."""
    half = np.uint64(32)
    # Few digits leave the low bits of a float empty: fold the high ones in before multiplying.
    product = (bits ^ (bits >> half)) * weights
    return product ^ (product >> half)


def distinct(points: AnyPoints) -> tuple[IndexArray, IndexArray]:
    """First position of every distinct point, ascending, and which of them each point is."""
    seed = 0
    while True:
        _, first, which = np.unique(points.keys(seed), return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        first, which = first[order], rank[which]
        copies = np.flatnonzero(first[which] != np.arange(len(points)))
        if points.same(copies, first[which[copies]]):
            return first, which
        seed += 1  # two different points with one 64-bit key: other keys will tell them apart


def spread(
    indices: NDArray[Any], squared: NDArray[np.float64], which: IndexArray, k: int
) -> Neighbours:
    """From neighbours among distinct points to neighbours among all of them.

    A point's neighbours are its copies at distance 0, then all copies of the nearest other point,
    and so on; among equal distances the lower position comes first.
    """
    n_rows, n_distinct = len(which), len(indices)
    members = np.argsort(which, kind="stable")
    sizes = np.bincount(which, minlength=n_distinct)
    starts = np.cumsum(sizes) - sizes
    table = np.column_stack([np.arange(n_distinct), indices])
    lengths = np.column_stack([np.zeros(n_distinct), squared])
    best = np.empty((n_distinct, k + 1), dtype=index_type(n_rows))
    best_squared = np.empty((n_distinct, k + 1))
    for rows in blocks(n_distinct, max(1, WORK // (64 * (k + 1) ** 2))):
        counts = np.minimum(sizes, k + 1)[table[rows]].ravel()
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        position = members[np.repeat(starts[table[rows]].ravel(), counts) + within]
        distance = np.repeat(lengths[rows].ravel(), counts)
        owner = np.repeat(np.repeat(np.arange(len(table[rows])), table.shape[1]), counts)
        order = np.lexsort((position, distance, owner))
        take = np.searchsorted(owner, np.arange(len(table[rows])))[:, None] + np.arange(k + 1)
        best[rows], best_squared[rows] = position[order][take], distance[order][take]
    lists, distances = best[which], best_squared[which]
    keep = lists != np.arange(n_rows)[:, None]
    # A point with more than k copies before it is not on its own list: the last one goes instead.
    keep[keep.all(axis=1), -1] = False
    return lists[keep].reshape(n_rows, k), distances[keep].reshape(n_rows, k)
