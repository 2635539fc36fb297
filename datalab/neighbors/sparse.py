"""Exact neighbours of the rows of a sparse matrix, which stays sparse.

Only products of rows that share columns are computed; distances come from differences of rows, as
for dense points.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import BoolArray, IndexArray
from datalab.exceptions import InputError
from datalab.neighbors.points import (
    Neighbours,
    blocks,
    index_type,
    mixed,
    rounded,
)
from datalab.neighbors.product import watched
from datalab.neighbors.settle import SHARP, best_of

__all__ = ["SparsePoints", "by_sparse_product", "sparse_points_of"]

# Pairs of sparse rows that are subtracted at a time.
PAIRS = 2**14


@dataclass(frozen=True, slots=True)
class SparsePoints:
    """The rows of a sparse matrix as points."""

    matrix: Any  # CSR of float64, sorted, without explicit zeros
    zero: BoolArray | None  # cosine: rows without any entry
    scale: float

    def __len__(self) -> int:
        return int(self.matrix.shape[0])

    def only(self, rows: IndexArray) -> "SparsePoints":
        """Some of the points."""
        zero = None if self.zero is None else self.zero[rows]
        return replace(self, matrix=self.matrix[rows], zero=zero)

    def between(self, left: IndexArray, right: IndexArray) -> NDArray[np.float64]:
        """Squared distances of pairs of points, given by position."""
        squared = np.empty(len(left))
        for part in blocks(len(left), PAIRS):
            difference = self.matrix[left[part]] - self.matrix[right[part]]
            squared[part] = difference.multiply(difference).sum(axis=1).ravel()
            if self.zero is not None:
                # A zero vector stands at right angles to all others: their squared distance is 2.
                squared[part] += self.zero[left[part]] != self.zero[right[part]]
        return rounded(squared, cosine=self.zero is not None)

    def same(self, left: IndexArray, right: IndexArray) -> bool:
        """Whether all these pairs of points, given by position, are equal."""
        return all(
            (self.matrix[left[part]] != self.matrix[right[part]]).nnz == 0
            for part in blocks(len(left), PAIRS)
        )

    def keys(self, seed: int) -> NDArray[np.uint64]:
        """A 64-bit key of every point: equal for equal points, almost surely for no others."""
        rng = np.random.default_rng(seed)
        weights = rng.integers(2**63, size=self.matrix.shape[1], dtype=np.uint64) * np.uint64(2)
        weights += np.uint64(1)
        entries = mixed(self.matrix.data.view(np.uint64), weights[self.matrix.indices])
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(entries, dtype=np.uint64)])
        ends: NDArray[np.uint64] = sums[self.matrix.indptr]
        return ends[1:] - ends[:-1]


def sparse_points_of(
    features: Any, *, cosine: bool, columns: NDArray[np.float64] | None = None
) -> SparsePoints:
    """The rows of a sparse matrix, of length one for cosine distance."""
    from scipy.sparse import csr_array, diags_array

    matrix = csr_array(features, dtype=np.float64, copy=True)
    if columns is not None:
        matrix = csr_array(matrix @ diags_array(1.0 / columns))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if not np.isfinite(matrix.data).all():
        raise InputError("`features` has NaN or infinite values; replace them")
    largest = float(np.abs(matrix.data).max(initial=0.0))
    scale = float(np.ldexp(1.0, -max(int(np.frexp(largest)[1]), -1000)))
    matrix.data *= scale
    if not cosine:
        return SparsePoints(matrix, None, scale)
    norms = np.sqrt(_square_norms(matrix))
    matrix.data /= np.repeat(norms, np.diff(matrix.indptr))
    return SparsePoints(matrix, norms == 0, 1.0)


def _square_norms(matrix: Any) -> NDArray[np.float64]:
    norms: NDArray[np.float64] = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    return norms


def by_sparse_product(
    points: SparsePoints, k: int, *, memory: int, progress: str = ""
) -> Neighbours:
    """Neighbours and squared distances of distinct points."""
    n_points = len(points)
    norms = _square_norms(points.matrix)
    if points.zero is not None:
        norms += points.zero
    turned = points.matrix.T.tocsr()
    indices = np.empty((n_points, k), dtype=index_type(n_points))
    squared = np.empty((n_points, k))
    # A row of products takes up to 5 arrays of N numbers.
    height = max(1, (memory << 20) // (40 * n_points))
    with watched(n_points, progress) as told:
        for rows in blocks(n_points, height):
            here = np.arange(rows.start, rows.stop)
            estimate = (points.matrix[rows] @ turned).toarray()
            estimate *= -2.0
            estimate += norms
            estimate += norms[rows, None]
            if points.zero is not None:
                estimate[np.ix_(points.zero[rows], points.zero)] = 0.0
            estimate[here - rows.start, here] = np.inf
            worth = _worth(points, estimate, norms, here, k)
            found, mine = _listed(worth, k)
            found = found.astype(indices.dtype)
            indices[rows], squared[rows] = best_of(points, here, found, mine, k)
            told(len(here))
    return indices, squared


def _worth(
    points: SparsePoints,
    estimate: NDArray[np.float64],
    norms: NDArray[np.float64],
    rows: IndexArray,
    k: int,
) -> BoolArray:
    """Which pairs may be among the k nearest; of clear ties only the first k of a row."""
    longest = int(np.diff(points.matrix.indptr).max(initial=0))
    slack = (2 * longest + 16) * float(np.finfo(np.float64).eps)
    width = slack * (norms[rows] + norms.max())
    kth = np.partition(estimate, k - 1, axis=1)[:, k - 1]
    near: BoolArray = estimate <= (kth + 2 * width)[:, None]
    clear = np.flatnonzero(width <= SHARP * kth)
    tied = near[clear] & (estimate[clear] >= (kth - 2 * width)[clear, None])
    near[clear] &= ~tied | (np.cumsum(tied, axis=1) <= k)
    return near


def _listed(marked: BoolArray, least: int) -> tuple[NDArray[np.intp], BoolArray]:
    """Columns that are marked in each row, as a rectangle, and which of its places are taken."""
    counts = np.count_nonzero(marked, axis=1)
    row, column = np.nonzero(marked)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    listed = np.zeros((len(marked), max(least, int(counts.max()))), dtype=np.intp)
    taken = np.zeros(listed.shape, dtype=bool)
    listed[row, place], taken[row, place] = column, True
    return listed, taken
