"""The graph of nearest neighbours, as two arrays."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._check import whole_number
from datalab._typing import IndexArray
from datalab.exceptions import InputError, InputTypeError, NotApplicable

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["Hidden", "KNNGraph"]

# The metric of a graph that was given as a matrix.
GIVEN = "given"
# Some libraries give distances of equal points a little below zero.
NEGATIVE_ROUNDING = 1e-6


class Hidden(NamedTuple):
    """What sets of copies hide: pairs of rows that are near, in no list of neighbours.

    A row with k copies or more has no other neighbours, however near they are. For the first row
    of each such set, these are its nearest rows that are no copies of it.
    """

    rows: IndexArray
    neighbours: IndexArray
    distances: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class KNNGraph:
    """The k nearest neighbours of every row, near to far; a row is not its own neighbour.

    Parameters
    ----------
    indices : ndarray of int32 or int64, shape (N, k)
        Positions of the neighbours; at equal distance the lower position comes first.
    distances : ndarray of float32, shape (N, k)
        Their distances, ascending in each row.
    metric : str
        What the distances mean: ``"euclidean"``, ``"cosine"``, … or ``"given"``.
    search : mapping
        What ran: ``"engine"``, ``"device"``, ``"recall"`` (the share of the true neighbours, 1 when
        exact) and, of approximate search, how it was estimated. Empty for a given graph.
    hidden : Hidden, optional
        Pairs that sets of more than k copies hide; for who looks for near duplicates.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.neighbors import knn_graph
    >>> graph = knn_graph(np.array([[0.0], [1.0], [3.0]]), k=2)
    >>> graph.indices.tolist(), graph.distances.tolist()
    ([[1, 2], [0, 2], [1, 0]], [[1.0, 3.0], [1.0, 2.0], [2.0, 3.0]])
    """

    indices: NDArray[np.signedinteger[Any]]
    distances: NDArray[np.float32]
    metric: str
    search: Mapping[str, Any] = field(default_factory=dict)
    hidden: Hidden | None = None

    def __post_init__(self) -> None:
        """Pairs that come from a file have lost their names."""
        if self.hidden is not None:
            object.__setattr__(self, "hidden", Hidden(*self.hidden))

    @property
    def n_rows(self) -> int:
        """Number of rows of the data."""
        return int(self.indices.shape[0])

    @property
    def k(self) -> int:
        """Number of neighbours of each row."""
        return int(self.indices.shape[1])

    def __len__(self) -> int:
        return self.n_rows

    def __repr__(self) -> str:
        return f"KNNGraph(n_rows={self.n_rows}, k={self.k}, metric={self.metric!r})"

    def first(self, k: int) -> "KNNGraph":
        """The graph of the first `k` neighbours (all of them when there are fewer); no copy."""
        if whole_number(k, name="k", least=1) >= self.k:
            return self
        return KNNGraph(
            self.indices[:, :k], self.distances[:, :k], self.metric, self.search, self._hidden(k)
        )

    def _hidden(self, k: int) -> Hidden | None:
        """What copies hide when only `k` neighbours are looked at."""
        # The first row of a set of copies has only later ones.
        full = (self.distances[:, k - 1] == 0) & (self.distances[:, -1] > 0)
        rows = np.flatnonzero(full & (self.indices[:, 0] > np.arange(self.n_rows)))
        if not len(rows):
            return self.hidden
        at, place = np.nonzero(self.distances[rows] > 0)
        more = Hidden(
            rows[at], self.indices[rows[at], place].astype(np.intp), self.distances[rows[at], place]
        )
        if self.hidden is None:
            return more
        return Hidden(
            np.concatenate([self.hidden.rows, more.rows]),
            np.concatenate([self.hidden.neighbours, more.neighbours]),
            np.concatenate([self.hidden.distances, more.distances]),
        )

    def nearest(self, k: int) -> "KNNGraph":
        """The graph for who wants `k` neighbours: the first `k`; all of a graph that was given."""
        return self if self.metric == GIVEN else self.first(k)

    def restrict(self, rows: IndexArray, *, k: int = 1) -> "KNNGraph":
        """The graph among some of the rows, without searching again.

        Parameters
        ----------
        rows : ndarray of int, shape (m,), or of bool, shape (N,)
            Distinct positions, ascending; row i of the result is row ``rows[i]``. A mask marks
            the rows that stay.
        k : int
            How many neighbours are needed (never more than m - 1).

        Returns
        -------
        KNNGraph
            As many neighbours as every row keeps. What a row keeps of its nearest neighbours is
            the beginning of what a new search among `rows` would find, so nothing is lost.

        Raises
        ------
        NotApplicable
            Some row keeps fewer than `k` neighbours: search again.
        InputError
            `rows` are no ascending positions of rows.
        """
        rows = _positions(rows, self.n_rows)
        new = np.full(self.n_rows, -1, dtype=self.indices.dtype)
        new[rows] = np.arange(len(rows), dtype=self.indices.dtype)
        neighbours = new[self.indices[rows]]
        kept = neighbours >= 0
        left = int(kept.sum(axis=1).min(initial=self.k))
        if left < min(k, len(rows) - 1) or left == 0:
            raise NotApplicable(
                f"the neighbours of some rows were left out (only {left} of {self.k} remain), so "
                "the graph must be made again: give features="
            )
        # Those that stay move to the front, in their order.
        front = np.argsort(~kept, axis=1, kind="stable")[:, :left]
        return KNNGraph(
            np.take_along_axis(neighbours, front, axis=1),
            np.take_along_axis(self.distances[rows], front, axis=1),
            self.metric,
            self.search,
            self._hidden_among(new),
        )

    def _hidden_among(self, new: NDArray[np.signedinteger[Any]]) -> Hidden | None:
        """What copies hide among the rows that stay; a first copy that goes is replaced."""
        if self.hidden is None:
            return None

        def stays(rows: IndexArray) -> IndexArray:
            copies = np.column_stack([rows, self.indices[rows]])
            equal = np.column_stack([np.zeros(len(rows)), self.distances[rows]]) == 0
            there = np.where(equal, new[copies], -1)
            first = (there >= 0).argmax(axis=1)
            found: IndexArray = there[np.arange(len(rows)), first].astype(np.intp)
            return found

        rows, neighbours = stays(self.hidden.rows), stays(self.hidden.neighbours)
        both = (rows >= 0) & (neighbours >= 0)
        if not both.any():
            return None
        return Hidden(rows[both], neighbours[both], self.hidden.distances[both])

    def append(
        self,
        features: Any,
        *,
        scale: NDArray[np.float64] | None = None,
        progress: bool = False,
    ) -> "KNNGraph":
        """The graph with further rows, without searching again among those that it has.

        Parameters
        ----------
        features : ndarray, shape (N + n, M)
            Features of all rows: first those of the graph, then the new ones.
        scale : ndarray of float64, shape (M,), optional
            What columns were divided by when the graph was made.
        progress : bool
            Whether a long search shows a progress bar.

        Returns
        -------
        KNNGraph
            What a new search would find (as far as this graph is exact).

        Raises
        ------
        InputError
            There are no further rows, or the features are not those of the graph.

        Notes
        -----
        n (N + n) M multiplications. Under metrics other than Euclidean and cosine, in up to 8
        dimensions and where there are more than k copies of a row, the search is made again.
        """
        from datalab.neighbors.append import appended

        return appended(self, features, scale=scale, progress=progress)

    def fingerprint(self) -> str:
        """A hash of the neighbours, the distances and the metric, the same in every process."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.n_rows} {self.k} {self.metric}".encode())
        digest.update(self.indices.astype("<i8").tobytes())
        digest.update(self.distances.astype("<f4").tobytes())
        return digest.hexdigest()

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The graph as plain arrays, for `numpy.savez` and the like; see `from_arrays`."""
        none = np.empty(0, dtype=np.intp)
        hidden = self.hidden or Hidden(none, none, np.empty(0, dtype=np.float32))
        return {
            "indices": self.indices,
            "distances": self.distances,
            "about": np.array(json.dumps({"metric": self.metric, "search": dict(self.search)})),
            **{f"hidden_{name}": array for name, array in hidden._asdict().items()},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> "KNNGraph":
        """The graph from what `to_arrays` returned; checked like a graph that is given.

        Raises
        ------
        InputError
            Arrays are missing or are no graph of neighbours.
        """
        try:
            indices, distances = np.asarray(arrays["indices"]), np.asarray(arrays["distances"])
            about = json.loads(str(arrays["about"]))
            hidden = Hidden(*(np.asarray(arrays[f"hidden_{name}"]) for name in Hidden._fields))
            metric, search = str(about["metric"]), dict(about["search"])
        except (KeyError, ValueError) as error:
            raise InputError(f"these arrays are no graph of KNNGraph.to_arrays: {error}") from error
        _check_lists(indices, distances)
        _check_neighbours(indices, distances)
        return cls(indices, distances, metric, search, hidden if len(hidden.rows) else None)

    def among(self, rows: IndexArray, n_rows: int) -> "KNNGraph":
        """The same graph laid out over more rows, of which it knows nothing.

        Parameters
        ----------
        rows : ndarray of int, shape (N,)
            The places of its rows, ascending.
        n_rows : int
            How many rows there are.

        Returns
        -------
        KNNGraph
            The other rows have no neighbours: they list themselves, at an infinite distance.
        """
        indices = np.repeat(np.arange(n_rows)[:, None], self.k, axis=1)
        distances = np.full((n_rows, self.k), np.inf, dtype=np.float32)
        indices[rows] = np.asarray(rows)[self.indices]
        distances[rows] = self.distances
        return KNNGraph(indices, distances, self.metric)

    @classmethod
    def from_csr(cls, graph: Any, *, n_rows: int | None = None, metric: str = GIVEN) -> "KNNGraph":
        """Read a sparse matrix of distances and check that it is a graph of neighbours.

        Parameters
        ----------
        graph : scipy sparse matrix, shape (N, N)
            The same number of stored distances in every row, ascending; explicit zeros mean equal
            rows. A row must not stand among its own neighbours.
        n_rows : int, optional
            The number of rows that is expected.
        metric : str
            What the distances mean.

        Raises
        ------
        InputTypeError
            Not a sparse matrix.
        InputError
            Not a graph of neighbours; the message says why and what to do.
        """
        if isinstance(graph, KNNGraph):
            _check_rows(graph.n_rows, n_rows)
            return graph
        if not hasattr(graph, "tocsr"):
            raise InputTypeError(
                "`knn_graph` must be a scipy sparse matrix of distances, got "
                f"{type(graph).__name__}; make one with sklearn.neighbors.kneighbors_graph("
                "features, k, mode='distance'), or give features="
            )
        csr = graph.tocsr()
        if csr.ndim != 2 or csr.shape[0] != csr.shape[1]:
            raise InputError(
                f"`knn_graph` must be square, one row and one column per example, got shape "
                f"{csr.shape}"
            )
        _check_rows(csr.shape[0], n_rows)
        indices, distances = _neighbour_lists(csr)
        _check_neighbours(indices, distances)
        return cls(indices, _single(np.maximum(distances, 0)), metric)

    def to_csr(self) -> "csr_matrix":
        """The distances as a scipy CSR matrix (N, N) of float64, near to far in every row.

        Equal rows are stored as explicit zeros.
        """
        from scipy.sparse import csr_matrix

        starts = np.arange(0, self.indices.size + 1, self.k, dtype=np.int64)
        return csr_matrix(
            (self.distances.astype(np.float64).ravel(), self.indices.ravel(), starts),
            shape=(self.n_rows, self.n_rows),
        )


def _positions(rows: Any, n_rows: int) -> IndexArray:
    """Ascending positions of rows, or where a mask is True."""
    at = np.asarray(rows)
    if at.dtype == bool and at.shape == (n_rows,):
        return np.flatnonzero(at)
    if at.ndim != 1 or (len(at) and at.dtype.kind not in "iu"):
        raise InputError(
            f"`rows` must be positions of rows, or a mask of {n_rows} rows; got {at.dtype} values "
            f"of shape {at.shape}"
        )
    if len(at) and (at[0] < 0 or at[-1] >= n_rows or (at[1:] <= at[:-1]).any()):
        raise InputError(
            f"`rows` must be distinct and ascending, from 0 to {n_rows - 1}; numpy.unique(rows) "
            "makes them so"
        )
    return at.astype(np.intp)


def _check_rows(found: int, expected: int | None) -> None:
    if expected is not None and found != expected:
        raise InputError(
            f"`knn_graph` has {found} rows but the dataset has {expected}; give one row per "
            "example, in dataset order"
        )


def _neighbour_lists(csr: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Columns and values of a CSR matrix as (N, k) arrays."""
    counts = np.diff(csr.indptr)
    if counts.size == 0 or counts.min() == 0:
        raise InputError("`knn_graph` has rows without neighbours; store k distances in every row")
    if counts.min() != counts.max():
        row = int(np.argmax(counts != counts[0]))
        raise InputError(
            f"`knn_graph` must store the same number of neighbours in every row: row 0 has "
            f"{counts[0]}, row {row} has {counts[row]}; keep the k nearest of every row, with "
            "explicit zeros for equal rows (eliminate_zeros() removes those)"
        )
    shape = (len(counts), int(counts[0]))
    return csr.indices.reshape(shape), csr.data.reshape(shape)


def _check_lists(indices: NDArray[Any], distances: NDArray[Any]) -> None:
    """Refuse arrays that are not of one shape, or name rows that are not there."""
    fits = indices.ndim == 2 and indices.shape == distances.shape and indices.dtype.kind == "i"
    if not fits or distances.dtype != np.float32:
        raise InputError(
            "`indices` and `distances` must be whole numbers and float32 of one shape (N, k), got "
            f"{indices.dtype} {indices.shape} and {distances.dtype} {distances.shape}"
        )
    if indices.size and (indices.min() < 0 or indices.max() >= len(indices)):
        raise InputError(f"`indices` names rows that are not among the {len(indices)} rows")


def _single(distances: NDArray[Any]) -> NDArray[np.float32]:
    """Distances as float32, which must hold them."""
    with np.errstate(over="ignore", under="ignore"):
        single = distances.astype(np.float32)
    if not np.isfinite(single).all() or ((single == 0) & (distances > 0)).any():
        raise InputError(
            f"`knn_graph` has distances from {distances[distances > 0].min():.3g} to "
            f"{distances.max():.3g}, but float32 holds 1e-45 to 3e38; give them in another unit"
        )
    return single


def _check_neighbours(indices: NDArray[Any], distances: NDArray[Any]) -> None:
    """Refuse neighbour lists that are not sorted, contain their own row or the same row twice."""
    if distances.dtype.kind not in "fiu" or not np.isfinite(distances).all():
        raise InputError(f"`knn_graph` must store finite distances, got {distances.dtype} values")
    if float(distances.min()) < -NEGATIVE_ROUNDING:
        raise InputError(
            f"`knn_graph` must store distances >= 0, got {distances.min()}; for similarities s "
            "store 1 - s"
        )
    descents = (np.diff(distances, axis=1) < 0).any(axis=1)
    if descents.any():
        raise InputError(
            f"`knn_graph` must be sorted by distance in every row, but row "
            f"{int(descents.argmax())} is not; use sklearn.neighbors.sort_graph_by_row_values("
            "knn_graph, warn_when_not_sorted=False)"
        )
    own = (indices == np.arange(len(indices))[:, None]).any(axis=1)
    if own.any():
        raise InputError(
            f"`knn_graph` must not list a row among its own neighbours, but row "
            f"{int(own.argmax())} is; call kneighbors_graph() without X, or drop the first column"
        )
    ordered = np.sort(indices, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    if twice.any():
        raise InputError(
            f"`knn_graph` must list each neighbour once, but row {int(twice.argmax())} repeats one"
        )
