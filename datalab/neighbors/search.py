"""The search for neighbours: what is compared, and by which engine."""

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._check import choice, feature_matrix, seed, unit_number, whole_number
from datalab._typing import BoolArray, IndexArray
from datalab.exceptions import InputError
from datalab.neighbors.approximate import NotWorthwhile, by_cells
from datalab.neighbors.exact import (
    SPARE,
    TREE_DIMENSIONS,
    Comparison,
    Metric,
    by_sklearn,
    check_k,
    compared,
    exactly,
    metric_name,
    over_all,
)
from datalab.neighbors.gpu import by_gpu, gpu_is_there
from datalab.neighbors.graph import Hidden, KNNGraph
from datalab.neighbors.points import Neighbours, Points, blocks, distinct
from datalab.neighbors.product import MEMORY

__all__ = [
    "complete_rows",
    "empty_columns",
    "exact_groups",
    "filled_columns",
    "in_words",
    "knn_graph",
    "matrix_of",
]

ENGINES = ("auto", "exact", "approximate")
DEVICES = ("cpu", "cuda", "auto")
# From so many different rows on, approximate search takes at most half the time of exact search;
# exact search takes about sqrt(N) / GAIN times as long (tests/benchmarks/NEIGHBORS.md).
APPROXIMATE_FROM, GAIN = 50_000, 64


def knn_graph(
    features: Any,
    k: int = 10,
    *,
    metric: Metric = "euclidean",
    scale: NDArray[np.float64] | None = None,
    engine: str = "auto",
    device: str | None = None,
    recall: float = 0.99,
    memory: int = MEMORY,
    random_state: int = 0,
    progress: bool = False,
) -> KNNGraph:
    """The k nearest neighbours of every row among all the others.

    Parameters
    ----------
    features : ndarray of numbers or scipy sparse matrix, shape (N, M)
        Finite; leave rows with missing values out before (`complete_rows`). Any kind of numbers,
        memory-mapped or not; sparse matrices stay sparse.
    k : int
        Number of neighbours, from 1 to N - 1.
    metric : str or callable
        ``"euclidean"``, ``"cosine"``, or another metric of `sklearn.neighbors.NearestNeighbors`.
    scale : ndarray of float64, shape (M,), optional
        Columns are divided by these before they are compared.
    engine : {"auto", "exact", "approximate"}
        ``"auto"`` is exact up to 50,000 different rows, and beyond that where the package faiss is
        not installed (``pip install "datalab-explore[fast]"``), or would not be faster.
    device : {None, "cpu", "cuda", "auto"}, optional
        Exact search on a GPU by PyTorch, when it is there (``"auto"``) or without fail
        (``"cuda"``).
    recall : float
        In [0, 1]. The share of the true neighbours that approximate search finds.
    memory : int
        MiB of working memory, besides the features and the result; approximate search has a copy
        of the features in float32 as well.
    random_state : int
        Seed of approximate search.
    progress : bool
        Whether a long search shows a progress bar.

    Returns
    -------
    KNNGraph
        Equal distances are ordered by row number, equal rows have distance exactly 0. Under
        ``"cosine"`` two zero vectors have distance 0, a zero vector and another one distance 1.
        ``graph.search`` tells what ran, and the recall on a sample of rows.

    Raises
    ------
    InputError
        `k` is out of range, the metric is unknown, or there are missing values.
    MissingDependency
        The engine or the device that is asked for is not there.

    Notes
    -----
    Exact: N² M / 2 multiplications (a k-d tree in up to 8 dimensions). Approximate: about
    O(N^1.5 M) time; pairs of rows within ``graph.search["complete_radius"]`` are never lost.

    Examples
    --------
    >>> import numpy as np
    >>> graph = knn_graph(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]]), k=1)
    >>> graph.indices.ravel().tolist(), graph.distances.ravel().tolist()
    ([2, 0, 0], [0.0, 5.0, 0.0])
    """
    choice(engine, ENGINES, name="engine")
    if random_state is not None:
        seed(random_state)
    whole_number(memory, name="memory", least=1)
    unit_number(recall, name="recall")
    if device is not None:
        choice(device, DEVICES, name="device")
    if gpu_is_there(device):
        engine = "gpu"
    features = matrix_of(features)
    check_k(features, k)
    scale = _checked(scale, features.shape[1])
    name = metric_name(metric)
    comparison = compared(features, metric, scale)
    if comparison is None or not isinstance(comparison.points, Points):
        if engine == "approximate":
            raise InputError(
                "`engine` 'approximate' is for dense features and the metrics 'euclidean' and "
                f"'cosine'; got {type(features).__name__} and {name!r}: take engine='exact'"
            )
        engine = "exact"
    if comparison is None:
        scaled = features if scale is None else features / scale
        indices, distances = by_sklearn(scaled, k, metric)
        return KNNGraph(indices, distances.astype(np.float32), name, dict(EXACT))
    options = {"recall": recall, "memory": memory, "random_state": random_state}
    return _graph_of(comparison, k, name, engine, progress, **options)


def _graph_of(
    comparison: Comparison, k: int, name: str, engine: str, progress: bool, **options: Any
) -> KNNGraph:
    """Search among the rows that differ; copies have the same neighbours and each other."""
    first, which = distinct(comparison.points)
    different = comparison.points.only(first) if len(first) < len(which) else comparison.points
    engine, advice = _chosen(different, engine)
    bar = "nearest neighbours" + (f" ({advice})" if advice else "") if progress else ""
    found, ran = SEARCHES[engine](different, min(k, len(first) - 1), bar=bar, **options)
    if advice:
        ran["advice"] = advice
    if "complete_radius" in ran:
        ran["complete_radius"] = float(comparison.distances(ran["complete_radius"] ** 2))
    (indices, squared), behind = over_all(*found, first, which, k)
    distances = comparison.distances(squared).astype(np.float32)
    hidden = Hidden(*behind[:2], comparison.distances(behind[2]).astype(np.float32))
    return KNNGraph(indices, distances, name, ran, hidden if len(hidden.rows) else None)


def matrix_of(features: Any) -> Any:
    """What has rows and columns of numbers, as it is."""
    if hasattr(features, "tocsr"):
        return features.tocsr()
    plain = isinstance(features, np.ndarray) and not isinstance(features, np.ma.MaskedArray)
    if plain and features.ndim == 2 and features.dtype.kind in "fiub":
        return np.asarray(features)  # no copy: also of memory maps
    return feature_matrix(features)


def _checked(scale: Any, n_columns: int) -> NDArray[np.float64] | None:
    """One positive number for each column."""
    if scale is None:
        return None
    divisors = np.asarray(scale, dtype=np.float64)
    if divisors.shape != (n_columns,):
        raise InputError(
            f"`scale` must have one number for each of the {n_columns} columns, got shape "
            f"{divisors.shape}"
        )
    if not (np.isfinite(divisors) & (divisors > 0)).all():
        column = int(np.flatnonzero(~(np.isfinite(divisors) & (divisors > 0)))[0])
        raise InputError(
            f"`scale` must be positive numbers, got {divisors[column]} in column {column}; take 1 "
            "for a constant column"
        )
    return divisors


# The engines: each takes distinct points and tells what ran.

EXACT: Mapping[str, Any] = {"engine": "exact", "device": "cpu", "recall": 1.0}
Found = tuple[Neighbours, dict[str, Any]]


def _exactly(points: Any, k: int, *, memory: int, bar: str, **_: Any) -> Found:
    return exactly(points, k, memory=memory, progress=bar), dict(EXACT)


def _by_cells(points: Points, k: int, *, bar: str, **options: Any) -> Found:
    del options["memory"]  # faiss has a copy of the points
    found, ran = by_cells(points, k, progress=bar, **options)
    return found, {**ran, "device": "cpu"}


def _where_it_pays(points: Points, k: int, **options: Any) -> Found:
    try:
        return _by_cells(points, k, forced=False, **options)
    except NotWorthwhile as reason:
        found, ran = _exactly(points, k, **options)
        return found, {**ran, "advice": str(reason)}


def _on_gpu(points: Points, k: int, *, bar: str, **_: Any) -> Found:
    return by_gpu(points, k, k + SPARE, progress=bar), {**EXACT, "device": "cuda"}


SEARCHES: Mapping[str, Callable[..., Found]] = {
    "exact": _exactly,
    "approximate": _by_cells,
    "auto": _where_it_pays,
    "gpu": _on_gpu,
}


def _chosen(points: Any, engine: str) -> tuple[str, str]:
    """Which search to use, and what an installation of faiss would save."""
    if len(points) == 1:
        return "exact", ""
    if engine != "auto":
        return engine, ""
    many = len(points) >= APPROXIMATE_FROM and points.n_dimensions > TREE_DIMENSIONS
    if many and importlib.util.find_spec("faiss") is not None:
        return "auto", ""
    share = round(len(points) ** 0.5 / GAIN)
    advice = f'pip install "datalab-explore[fast]" would take about 1/{share} of the time'
    return "exact", advice if many else ""


def in_words(search: Mapping[str, Any]) -> str:
    """What ran, in words: "exact search"."""
    if not search:
        return "given"
    advice = f" ({search['advice']})" if search.get("advice") else ""
    if search["recall"] == 1.0 and "recall_rows" not in search:
        return f"exact search{' on a GPU' if search['device'] != 'cpu' else ''}{advice}"
    return (
        f"approximate search ({search['engine']}, {search['cells_searched']} of {search['cells']} "
        f"cells) that finds {search['recall']:.1%} of the true neighbours, as estimated on "
        f"{search['recall_rows']} rows"
    )


def complete_rows(features: Any) -> IndexArray | None:
    """Positions of the rows without missing values; None when that is all of them.

    A column without any value does not count: `filled_columns` leaves it out.
    """
    if np.isfinite(features.sum(dtype=np.float64)):
        return None
    empty = empty_columns(features)
    complete = np.concatenate(
        [~(np.isnan(features[rows]) & ~empty).any(axis=1) for rows in blocks(len(features), 4096)]
    )
    return None if complete.all() else np.flatnonzero(complete)


def empty_columns(features: Any) -> BoolArray:
    """Which columns have no value at all, shape (M,); none of them where there are no others."""
    if not len(features) or features.dtype.kind != "f":
        return np.zeros(features.shape[1], dtype=bool)
    # One row decides, unless it has a missing value.
    empty: BoolArray = np.isnan(features[0])
    for rows in blocks(len(features), 4096) if empty.any() else ():
        empty &= np.isnan(features[rows]).all(axis=0)
    return empty & ~empty.all()


def filled_columns(features: Any) -> Any:
    """The features without columns that have no value at all; no copy when there are none."""
    if not isinstance(features, np.ndarray):
        return features
    empty = empty_columns(features)
    # In the order of rows in memory, so that sums are rounded as if there had been no such columns.
    return np.compress(~empty, features, axis=1) if empty.any() else features


def exact_groups(features: Any, *, metric: str = "euclidean") -> IndexArray:
    """Which rows are exactly equal: the number of each row's group, by first row.

    Parameters
    ----------
    features : ndarray of numbers or scipy sparse matrix, shape (N, M)
        Finite.
    metric : {"euclidean", "cosine"}
        Under ``"cosine"`` multiples of a row are equal to it.

    Returns
    -------
    ndarray of int, shape (N,)

    Notes
    -----
    O(N M) time; rows are compared by 64-bit keys, and those with one key by their values.

    Examples
    --------
    >>> import numpy as np
    >>> exact_groups(np.array([[1.0, 2.0], [5.0, 0.0], [1.0, 2.0]])).tolist()
    [0, 1, 0]
    """
    choice(metric, ("euclidean", "cosine"), name="metric")
    comparison = compared(matrix_of(features), metric)
    return distinct(comparison.points)[1] if comparison else np.empty(0, dtype=np.intp)
