"""The graph of nearest neighbours, as two arrays."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import IndexArray
from datalab.exceptions import InputError, InputTypeError, NotApplicable

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["KNNGraph"]

# The metric of a graph that was given as a matrix.
GIVEN = "given"
# Some libraries give distances of equal points a little below zero.
NEGATIVE_ROUNDING = 1e-6


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
        if k >= self.k:
            return self
        return KNNGraph(self.indices[:, :k], self.distances[:, :k], self.metric)

    def nearest(self, k: int) -> "KNNGraph":
        """The graph for who wants `k` neighbours: the first `k`; all of a graph that was given."""
        return self if self.metric == GIVEN else self.first(k)

    def restrict(self, rows: IndexArray, *, k: int = 1) -> "KNNGraph":
        """The graph among some of the rows, without searching again.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
            Distinct positions, ascending; row i of the result is row ``rows[i]``.
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
        """
        rows = np.asarray(rows)
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
        )

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
        return cls(indices, np.maximum(distances, 0, dtype=np.float32), metric)

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
