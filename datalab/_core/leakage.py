"""Examples of one part of the data that stand in another part too.

A link leads from a row to a partner in another part (train, test, …): an equal or a near row.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._core.duplicate import typical
from datalab._typing import BoolArray, FloatArray, IndexArray

__all__ = [
    "Links",
    "equal_links",
    "joined_links",
    "near_links",
    "nearest_links",
    "nearest_of",
    "own_scale",
    "pair_counts",
    "share_of_its_own",
]


class Links(NamedTuple):
    """Rows and partners in other parts; each of shape (number of links,)."""

    row: IndexArray
    partner: IndexArray
    distance: NDArray[np.float64]  # 0 for equal rows
    is_equal: BoolArray


def equal_links(ids: IndexArray, part: IndexArray) -> Links:
    """For each row the first equal row of every other part.

    Parameters
    ----------
    ids : ndarray of int, shape (N,)
        Rows with the same id are equal; -1 for rows that are equal to none.
    part : ndarray of int, shape (N,)
        Code of the part of each row.

    Notes
    -----
    O(N log N) time, and memory for one link per row and part that its content stands in.
    """
    rows = np.flatnonzero(ids >= 0)
    rows = rows[np.lexsort((rows, part[rows], ids[rows]))]
    content, where = ids[rows], part[rows]
    opens = np.ones(len(rows), dtype=bool)  # the first row of a content in a part
    opens[1:] = (content[1:] != content[:-1]) | (where[1:] != where[:-1])
    first = rows[opens]
    known, starts, counts = np.unique(ids[first], return_index=True, return_counts=True)
    spread = counts > 1  # contents that stand in several parts
    place = np.searchsorted(known, content)
    chosen = spread[place]
    rows, place = rows[chosen], place[chosen]
    row = np.repeat(rows, counts[place])
    offset = np.arange(len(row)) - np.repeat(
        np.cumsum(counts[place]) - counts[place], counts[place]
    )
    partner = first[np.repeat(starts[place], counts[place]) + offset]
    other = part[partner] != part[row]
    row, partner = row[other], partner[other]
    return Links(row, partner, np.zeros(len(row)), np.ones(len(row), dtype=bool))


def near_links(
    indices: NDArray[np.signedinteger], distances: FloatArray, close: BoolArray
) -> Links:
    """Links to the neighbours that are marked as close, in both directions; O(N k).

    Parameters
    ----------
    indices, distances : ndarray of shape (N, k)
        The nearest neighbours of each row.
    close : ndarray of bool, shape (N, k)
        Which of them are near enough, and belong to another part.
    """
    row, column = np.nonzero(close)
    partner = indices[row, column].astype(np.intp)
    distance = distances[row, column].astype(np.float64)
    return Links(
        np.concatenate([row, partner]),
        np.concatenate([partner, row]),
        np.tile(distance, 2),
        np.zeros(2 * len(row), dtype=bool),
    )


def joined_links(found: Sequence[Links]) -> Links:
    """All of these links."""
    return Links(*map(np.concatenate, zip(*found, strict=True)))


def nearest_links(links: Links, part: IndexArray) -> Links:
    """Of each row the nearest partner in every other part, by row and then from near to far."""
    elsewhere = part[links.partner]
    order = np.lexsort((links.partner, ~links.is_equal, links.distance, elsewhere, links.row))
    row, elsewhere = links.row[order], elsewhere[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (elsewhere[1:] != elsewhere[:-1])
    kept = order[first]
    kept = kept[np.lexsort((links.partner[kept], links.distance[kept], links.row[kept]))]
    return Links(links.row[kept], links.partner[kept], links.distance[kept], links.is_equal[kept])


def pair_counts(
    row: IndexArray, partner: IndexArray, part: IndexArray, n_parts: int
) -> NDArray[np.int64]:
    """How many rows of part a have a partner in part b, shape (n_parts, n_parts).

    Takes one link per row and other part, as `nearest_links` gives.
    """
    cells = part[row] * n_parts + part[partner]
    return np.bincount(cells, minlength=n_parts * n_parts).reshape(n_parts, n_parts)


def nearest_of(distances: FloatArray, counted: BoolArray) -> NDArray[np.float64]:
    """Distance of each row to the nearest of its counted neighbours, shape (N,); infinite if none.

    Parameters
    ----------
    distances : ndarray of shape (N, k)
        To the nearest neighbours, near to far.
    counted : ndarray of bool, shape (N, k)
    """
    first = counted.argmax(axis=1)
    nearest: NDArray[np.float64] = distances[np.arange(len(first)), first].astype(np.float64)
    nearest[~counted.any(axis=1)] = np.inf
    return nearest


def own_scale(distances: FloatArray, elsewhere: BoolArray) -> float:
    """The median distance to the nearest neighbour within the own part.

    Near copies in another part do not change it, however many there are. `elsewhere` tells which
    neighbours belong to other parts, shape (N, k).
    """
    nearest = nearest_of(distances, ~elsewhere)
    nearest = nearest[np.isfinite(nearest)]
    return typical(nearest if len(nearest) else distances[:, 0])


def share_of_its_own(ids: IndexArray, part: IndexArray) -> float:
    """The share of rows whose content stands only once in their own part."""
    n_parts = int(part.max(initial=0)) + 1
    rows = ids >= 0
    _, counts = np.unique(ids[rows] * n_parts + part[rows], return_counts=True)
    return float(np.count_nonzero(counts == 1) / max(int(counts.sum()), 1))
