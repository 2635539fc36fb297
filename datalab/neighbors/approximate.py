"""Approximate nearest neighbours with faiss, as good as promised and never without near copies.

The points are put into cells (inverted lists, IVFFlat), and neighbours are searched for in the
cells nearest to a point only. How many cells that takes is found out on a sample of points whose
true neighbours are known; how good the result is, is measured on the same sample and told.

Pairs that are closer than a small radius are never lost: an orthogonal projection brings points
nearer to each other, never farther apart, so a tree over the projection finds all of them.

References
----------
H. Jégou, M. Douze, C. Schmid: Product quantization for nearest neighbor search, IEEE TPAMI 33
(2011), section IV (inverted lists).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._optional import require
from datalab._typing import IndexArray
from datalab.neighbors.points import Neighbours, Points, blocks, index_type
from datalab.neighbors.product import Bounds, candidates_of, watched
from datalab.neighbors.settle import best_of, settled

__all__ = ["NotWorthwhile", "by_cells"]

# Points whose neighbours are searched for exactly, to know how good the others are.
SAMPLE = 500
# Cells for each square root of the number of points; k-means looks at so many points of each cell
# for so many rounds (more rounds and points hardly improve recall).
CELLS, POINTS_PER_CELL, ROUNDS = 2, 64, 8
# Cells that are looked at first; by this factor more until the promise holds.
FIRST_PROBES, MORE_PROBES = 8, 1.4
# Exact search is as fast as looking at this share of the cells: it measures each pair once, and by
# products of matrices.
LARGEST_SHARE = 0.08
# Candidates beyond k: faiss measures in float32, and may take the point itself for another.
SPARE = 4
# The projection has so many dimensions, found on a sample of so many points.
PROJECTED, PROJECTED_FROM = 8, 2000
# Pairs within the radius are at most about so many for each point, and so many are looked at.
CLOSE, MOST_CLOSE = 4, 8
# Near duplicates are about this share of the typical distance to the nearest neighbour apart.
CLOSE_SHARE = 0.4


class NotWorthwhile(Exception):
    """So many cells would have to be looked at that exact search is faster."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """Points whose true neighbours are known."""

    rows: IndexArray
    squared: NDArray[np.float64]  # to the k neighbours

    @property
    def nearest(self) -> float:
        """Typical distance to the nearest neighbour."""
        return float(np.sqrt(np.median(self.squared[:, 0])))

    def recall(self, squared: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the true neighbours among those that were found, for each point.

        Points that are tied with the k-th neighbour can stand for each other, but for no nearer
        one that is missing.
        """
        last = self.squared[:, -1:]
        tied = np.minimum((squared == last).sum(axis=1), (self.squared == last).sum(axis=1))
        shares: NDArray[np.float64] = ((squared < last).sum(axis=1) + tied) / squared.shape[1]
        return shares


def by_cells(
    points: Points,
    k: int,
    *,
    recall: float,
    random_state: int,
    progress: str = "",
    forced: bool = True,
) -> tuple[Neighbours, dict[str, Any]]:
    """Neighbours and squared distances, and what to tell of how they were found.

    Parameters
    ----------
    points : Points
        Distinct.
    k : int
    recall : float
        The share of the true neighbours that is promised.
    random_state : int
        Seed of the sample and of the cells.
    progress : str
        What the progress bar says; empty for none.
    forced : bool
        Whether to look at however many cells it takes.

    Raises
    ------
    NotWorthwhile
        Not forced, and it takes too many cells.

    Notes
    -----
    About O(N^1.5 M) time; a copy of the points in float32, and some MiB to work.
    """
    rng = np.random.default_rng(random_state)
    n_points = len(points)
    rows = np.sort(rng.choice(n_points, size=min(SAMPLE, n_points), replace=False))
    sample = _true_neighbours(points, rows, k)
    cells = _Cells(points, rng)
    probes, estimates = _enough_probes(cells, sample, k, recall, forced=forced)
    close, radius = _close_points(points, sample, rng)
    indices = np.empty((n_points, k), dtype=index_type(n_points))
    squared = np.empty((n_points, k))
    with watched(n_points, progress) as told:
        for part in cells.in_order():
            found = np.concatenate([cells.nearest(part, k, probes), close(part)], axis=1)
            indices[part], squared[part] = _measured(points, part, found, k)
            told(len(part))
    estimate = sample.recall(squared[rows])
    return (indices, squared), {
        "engine": "faiss IVFFlat",
        "recall": float(estimate.mean()),
        "recall_rows": len(rows),
        "first_recall": estimates[0],
        "cells": cells.n_cells,
        "cells_searched": probes,
        "complete_radius": np.float64(radius),
    }


def _true_neighbours(points: Points, rows: IndexArray, k: int) -> _Sample:
    bounds = Bounds.of(points)
    _, squared = settled(bounds, candidates_of(bounds, rows, k + 2 * SPARE), k, rows)
    return _Sample(rows, squared)


def _enough_probes(
    cells: "_Cells", sample: _Sample, k: int, promised: float, *, forced: bool
) -> tuple[int, list[float]]:
    """How many cells to look at, and the recall of what was tried.

    The promise holds when the recall exceeds it by two standard errors.
    """
    probes, tried = min(FIRST_PROBES, cells.n_cells), []
    while True:
        found = cells.nearest(sample.rows, k, probes)
        shares = sample.recall(_measured(cells.points, sample.rows, found, k)[1])
        tried.append(float(shares.mean()))
        error = float(shares.std()) / np.sqrt(len(shares))
        if probes == cells.n_cells or tried[-1] - 2 * error >= promised:
            return probes, tried
        probes = min(int(np.ceil(MORE_PROBES * probes)), cells.n_cells)
        if not forced and probes > LARGEST_SHARE * cells.n_cells:
            raise NotWorthwhile(
                f"approximate search would have to look at more than {LARGEST_SHARE:.0%} of the "
                f"data for a recall of {promised:g}"
            )


def _measured(points: Points, rows: IndexArray, found: NDArray[Any], k: int) -> Neighbours:
    """The k nearest of what was found, each once and not the point itself."""
    ordered = np.sort(found, axis=1)
    worth = (ordered >= 0) & (ordered != rows[:, None])
    worth[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
    indices, squared = best_of(points, rows, ordered, worth, k)
    few = np.flatnonzero(np.isinf(squared[:, -1]))
    if len(few):  # the cells near a point had too few points
        bounds = Bounds.of(points)
        again = settled(bounds, candidates_of(bounds, rows[few], k + SPARE), k, rows[few])
        indices[few], squared[few] = again
    return indices, squared


class _Cells:
    """An index of the points by faiss."""

    def __init__(self, points: Points, rng: np.random.Generator) -> None:
        faiss = require("faiss", extra="fast", purpose="approximate search of neighbours")
        self.points = points
        n_points, n_dimensions = len(points), points.n_dimensions
        self.n_cells = max(1, int(CELLS * n_points**0.5))
        quantizer = faiss.IndexFlatL2(n_dimensions)
        self._index = faiss.IndexIVFFlat(quantizer, n_dimensions, self.n_cells, faiss.METRIC_L2)
        self._index.own_fields = False
        self._quantizer = quantizer  # the index does not keep it alive
        means = self._index.cp
        means.niter, means.seed = ROUNDS, int(rng.integers(2**31))
        means.min_points_per_centroid, means.max_points_per_centroid = 1, POINTS_PER_CELL
        size = min(n_points, POINTS_PER_CELL * self.n_cells)
        self._index.train(self._block(np.sort(rng.choice(n_points, size=size, replace=False))))
        for part in blocks(n_points, points.at_once):
            self._index.add(self._block(part))
        self._faiss = faiss

    def _block(self, at: slice | IndexArray) -> NDArray[np.float32]:
        """Points around the middle of the data, where float32 is finest."""
        return (self.points.take(at) - self.points.centre).astype(np.float32)

    def nearest(self, rows: IndexArray, k: int, probes: int) -> NDArray[np.int64]:
        """Candidates (-1 for none), shape (n, k + some)."""
        self._index.nprobe = probes
        wanted = min(k + 1 + SPARE, len(self.points))
        found: NDArray[np.int64] = self._index.search(self._block(rows), wanted)[1]
        return found

    def in_order(self) -> Iterator[IndexArray]:
        """All points in blocks, cell by cell: neighbours share cells, which stay in the cache."""
        lists = self._index.invlists
        members = [
            self._faiss.rev_swig_ptr(lists.get_ids(cell), size).copy()
            for cell in range(self.n_cells)
            if (size := lists.list_size(cell))
        ]
        order = np.concatenate(members)
        for part in blocks(len(order), self.points.at_once):
            yield order[part]


def _close_points(points: Points, sample: _Sample, rng: np.random.Generator) -> tuple[Any, float]:
    """A function that lists the points close to each of some points, and the radius it is sure of.

    The leading principal axes of a sample are the projection. The radius is as large as near
    duplicates are apart, or less where too many points would come into question.
    """
    from scipy.spatial import cKDTree

    n_points, size = len(points), min(PROJECTED, points.n_dimensions)
    some = np.sort(rng.choice(n_points, size=min(PROJECTED_FROM, n_points), replace=False))
    centred = points.take(some) - points.centre
    axes = np.linalg.svd(centred, full_matrices=False)[2][:size].T
    projected = np.empty((n_points, axes.shape[1]))
    for part in blocks(n_points, points.at_once):
        projected[part] = (points.take(part) - points.centre) @ axes
    tree = cKDTree(projected)
    radius = CLOSE_SHARE * sample.nearest
    for _ in range(60):
        counts = tree.query_ball_point(projected[sample.rows], radius, return_length=True)
        if counts.mean() <= CLOSE:
            break
        radius /= 2
    # Rounding of the projection must not lose a pair.
    reach = radius * (1 + 1e-9) + 1e-12 * float(np.abs(projected).max())

    def close(rows: IndexArray) -> NDArray[np.int64]:
        found = tree.query(
            projected[rows], k=MOST_CLOSE + 1, distance_upper_bound=reach, workers=-1
        )[1]
        return np.where(found < n_points, found, -1)

    return close, float(radius)
