"""Which rows a model is trained on and which it predicts."""

import warnings
from typing import NamedTuple

import numpy as np

from datalab._core.duplicate import components as connected
from datalab._core.duplicate import typical
from datalab._typing import FloatArray, IndexArray
from datalab.exceptions import InputError, NotApplicable
from datalab.neighbors.graph import KNNGraph

__all__ = ["Folds", "belong_together", "plan_folds", "stratified_folds"]

# Near duplicates, as the check of that name understands them by default.
NEAR = 0.13
# When more rows than this have near duplicates, or one set has so many, they are the nature of
# the data and not copies of examples.
MANY_COPIES, LARGE_SET = 0.5, 0.1
# Unless so many of them have the same label: then the data was copied, label and all.
SAME_LABEL = 0.999
# Groups of at most this share of the rows are dealt out like single rows.
SMALL_GROUP = 0.01


class Folds(NamedTuple):
    """Pairs of rows to train on and rows to predict; every row is predicted once.

    Parameters
    ----------
    pairs : list of (train, held out)
        Positions.
    note : str
        How they were made, in words.
    """

    pairs: list[tuple[IndexArray, IndexArray]]
    note: str


def stratified_folds(
    codes: IndexArray, n_folds: int, seed: int | None
) -> list[tuple[IndexArray, IndexArray]]:
    """Stratified, shuffled folds, as scikit-learn makes them.

    Raises
    ------
    InputError
        Fewer than 2 folds, or more than the largest class has examples.
    """
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415

    largest = int(np.bincount(codes).max()) if len(codes) else 0
    # Looked at here: the splitter raises the same error for a seed that it cannot use.
    if not isinstance(n_folds, (int, np.integer)) or not 2 <= n_folds <= largest:
        raise InputError(
            f"cv_n_folds={n_folds!r} is not possible: it must be an integer from 2 to the size "
            f"of the largest class, which has {largest} examples"
        )
    shuffling = seed if seed is not None else np.random.RandomState()
    folds = StratifiedKFold(n_splits=n_folds, shuffle=True, random_state=shuffling)
    with warnings.catch_warnings():
        # Where it matters, `cross_val_pred_probs` says what it does about it.
        warnings.filterwarnings("ignore", message="The least populated class")
        return list(folds.split(np.empty(len(codes)), codes))


def plan_folds(
    strata: IndexArray,
    n_folds: int,
    *,
    seed: int,
    groups: IndexArray | None = None,
    time: FloatArray | None = None,
    graph: KNNGraph | None = None,
) -> Folds:
    """Folds for rows that may belong together or follow each other.

    Parameters
    ----------
    strata : ndarray of int, shape (N,)
        Classes (or bins of a target) that every fold shall have its share of.
    n_folds : int
    seed : int
        Of the shuffling.
    groups : ndarray of int, shape (N,), optional
        Rows of one group are never trained on and predicted at once.
    time : ndarray of float, shape (N,), optional
        Folds are stretches of time, so that no row is predicted by its neighbours in time.
    graph : KNNGraph of N rows, optional
        Sets of near duplicates stay together, unless most rows have some with another label.

    Raises
    ------
    NotApplicable
        All rows belong to one group.
    """
    together, notes = belong_together(len(strata), groups, graph, strata)
    units = np.arange(len(strata)) if together is None else together
    n_units = len(np.unique(units))
    if n_units < 2:
        raise NotApplicable("all rows belong to one group, so none can be predicted from others")
    n_folds = min(n_folds, n_units)
    if time is not None:
        pairs = _pairs(_stretches(units, time, n_folds), n_folds)
        return Folds(pairs, ", ".join(["by stretches of time", *notes]))
    n_folds = max(2, min(n_folds, int(np.bincount(strata).max())))
    if together is None:
        return Folds(stratified_folds(strata, n_folds, seed), "")
    return Folds(_grouped(strata, units, n_folds, seed), ", ".join(notes))


def belong_together(
    n_rows: int,
    groups: IndexArray | None,
    graph: KNNGraph | None,
    strata: IndexArray | None = None,
) -> tuple[IndexArray | None, list[str]]:
    """For each row the number of what it belongs to, and why; None when each stands alone."""
    left, right, notes = [], [], []
    if groups is not None:
        order = np.argsort(groups, kind="stable")
        same = np.flatnonzero(groups[order][1:] == groups[order][:-1])
        left.append(order[same])
        right.append(order[same + 1])
        notes.append("groups kept together")
    if graph is not None and graph.n_rows == n_rows:
        row, near = _near_duplicates(graph, strata)
        if len(row):
            left.append(row)
            right.append(near)
            notes.append("near duplicates kept together")
    if not left:
        return None, notes
    return connected(np.concatenate(left), np.concatenate(right), n_rows), notes


def _near_duplicates(graph: KNNGraph, strata: IndexArray | None) -> tuple[IndexArray, IndexArray]:
    nothing = np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    if not graph.k:
        return nothing
    close = graph.distances < NEAR * typical(graph.distances[:, 0])
    row, column = np.nonzero(close)
    near = graph.indices[row, column].astype(np.intp)
    if len(np.unique(row)) > MANY_COPIES * graph.n_rows and (
        strata is None or np.mean(strata[row] == strata[near]) < SAME_LABEL
    ):
        return nothing
    sizes = np.bincount(connected(row, near, graph.n_rows))
    return nothing if sizes.max() > max(LARGE_SET * graph.n_rows, 2) else (row, near)


def _stretches(units: IndexArray, time: FloatArray, n_folds: int) -> IndexArray:
    """The fold of each row: units by their mean time (unknown last), cut into equal stretches."""
    _, unit = np.unique(units, return_inverse=True)
    sizes = np.bincount(unit)
    when = np.where(np.isnan(time), np.inf, time)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(unit, weights=when) / sizes
    order = np.argsort(mean, kind="stable")
    before = np.cumsum(sizes[order]) - sizes[order] / 2
    fold = np.empty(len(sizes), dtype=np.intp)
    fold[order] = np.minimum(before * n_folds // len(units), n_folds - 1).astype(np.intp)
    # A large unit may leave a stretch empty.
    return np.unique(fold[unit], return_inverse=True)[1]


def _grouped(
    strata: IndexArray, units: IndexArray, n_folds: int, seed: int
) -> list[tuple[IndexArray, IndexArray]]:
    _, first, unit = np.unique(units, return_index=True, return_inverse=True)
    if np.bincount(unit).max() > max(SMALL_GROUP * len(units), 3):
        from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415

        folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The least populated class")
            made = list(folds.split(strata, strata, unit))
        return [(train, held_out) for train, held_out in made if len(held_out)]
    # Small ones: the first row of each is dealt out, the others follow it.
    leaders = strata[first]
    fold = np.empty(len(first), dtype=np.intp)
    if np.bincount(leaders).max() < 2:
        fold[:] = np.random.default_rng(seed).permutation(len(first)) % n_folds
    else:
        n_folds = max(2, min(n_folds, int(np.bincount(leaders).max())))
        for number, (_, held_out) in enumerate(stratified_folds(leaders, n_folds, seed)):
            fold[held_out] = number
    return _pairs(fold[unit], n_folds)


def _pairs(fold: IndexArray, n_folds: int) -> list[tuple[IndexArray, IndexArray]]:
    pairs = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(n_folds)]
    return [(train, held_out) for train, held_out in pairs if len(held_out) and len(train)]
