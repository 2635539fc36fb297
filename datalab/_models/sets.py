"""Probabilities of classes of which a row may have several."""

from collections.abc import Callable
from typing import Any

import numpy as np

from datalab._data.encoded import Encoded, dense_view, term_view, tree_view
from datalab._models.fitting import fresh_copy, take_rows
from datalab._models.folds import Folds
from datalab._models.given_model import model_name
from datalab._models.members import Done, Fitted, Member, fit_each
from datalab._models.pool import pool_sets
from datalab._models.portfolio import filled, narrowed
from datalab._typing import BoolArray, FloatArray, IndexArray
from datalab.exceptions import InputError
from datalab.neighbors.graph import KNNGraph

__all__ = ["cross_val_set_probs", "held_out_set_probs", "membership", "strata_of_sets"]

# Each model is fitted on at most so many rows; each row is predicted all the same.
MAX_ROWS = 20_000
MAX_WIDTH = 300
TREES = 100
# Sets of classes that so few rows have are shared out to the folds together.
RARE = 5
BLOCK = 20_000


def membership(labels: list[list[int]], n_classes: int) -> BoolArray:
    """Which classes each row has, shape (N, K)."""
    held = np.zeros((len(labels), n_classes), dtype=bool)
    sizes = [len(codes) for codes in labels]
    columns = [code for codes in labels for code in codes]
    held[np.repeat(np.arange(len(labels)), sizes), columns] = True
    return held


def strata_of_sets(held: BoolArray) -> IndexArray:
    """Rows with the same set of classes, by number; rare sets are one."""
    _, which, counts = np.unique(held, axis=0, return_inverse=True, return_counts=True)
    common = counts > RARE
    number = np.where(common, np.cumsum(common), 0)
    return number[which.reshape(-1)].astype(np.intp)


def cross_val_set_probs(
    X: Any,
    held: BoolArray,
    model: Any,
    folds: Folds,
    seed: int,
    on_fold: Callable[[], None] = lambda: None,
) -> FloatArray:
    """Out-of-sample probability of each class for each row, shape (N, K).

    Parameters
    ----------
    X : View, matrix or table of N rows
    held : ndarray of bool, shape (N, K)
    model : classifier
        Fitted on a matrix of 0 and 1; ``predict_proba`` returns a matrix, or one for each class.
        One that takes a single class per row is fitted once for each class.
    folds : Folds
    seed : int
    on_fold : callable
        Called after each fold.
    """
    stream, rng = np.random.RandomState(seed), np.random.default_rng(seed)
    probs = np.empty(held.shape)
    model = _of_each_class(model)
    for train, held_out in folds.pairs:
        if len(train) > MAX_ROWS:
            train = np.sort(rng.choice(train, MAX_ROWS, replace=False))
        # A class that all or no training rows have has no opposite to be told from.
        share = held[train].mean(axis=0)
        varies = (share > 0) & (share < 1)
        if not varies.any():
            probs[held_out] = share
            continue
        fitted = fresh_copy(model, stream)
        fitted.fit(take_rows(X, train), held[np.ix_(train, np.flatnonzero(varies))].astype(int))
        for start in range(0, len(held_out), BLOCK):
            rows = held_out[start : start + BLOCK]
            said = _matrix(fitted.predict_proba(take_rows(X, rows)))
            if varies.sum() == 1 and said.shape == (len(rows), 2):
                said = said[:, 1:]  # one class alone counts as two: without and with it
            if said.shape != (len(rows), int(varies.sum())):
                raise InputError(
                    f"predict_proba of {model_name(model)} returned shape {said.shape} for "
                    f"{len(rows)} rows and {int(varies.sum())} classes"
                )
            block = np.tile(share, (len(rows), 1))
            block[:, varies] = said
            probs[rows] = block
        on_fold()
    return probs


def _of_each_class(model: Any) -> Any:
    """A classifier of sets: scikit-learn's own name those that are none."""
    from sklearn.multioutput import MultiOutputClassifier  # noqa: PLC0415
    from sklearn.utils import get_tags  # noqa: PLC0415

    if not hasattr(model, "__sklearn_tags__"):
        return model
    tags = get_tags(model).classifier_tags
    return model if tags is None or tags.multi_label else MultiOutputClassifier(model)


def _matrix(said: Any) -> FloatArray:
    """(rows, classes), also from a list with one matrix of two columns for each class."""
    if isinstance(said, list):
        said = np.column_stack([one[:, -1] for one in said])
    matrix: FloatArray = np.asarray(said, dtype=np.float64)
    return matrix


def held_out_set_probs(
    encoded: Encoded,
    held: BoolArray,
    folds: Folds,
    *,
    graph: KNNGraph | None,
    seed: int,
    progress: bool,
    done: Done | None = None,
) -> Fitted:
    """Out-of-sample probabilities of the models that suit the data, put together.

    Parameters
    ----------
    encoded : Encoded of N rows
    held : ndarray of bool, shape (N, K)
        Which classes each row has.
    folds : Folds
    graph : KNNGraph of N rows, optional
        Neighbours that vote.
    seed : int
    progress : bool
    done : dict, optional
        See `datalab._models.members.fit_each`.
    """

    def fit(member: Member, on_fold: Callable[[], None]) -> tuple[str, FloatArray]:
        return "", cross_val_set_probs(
            member.X, held, member.candidates[""], folds, seed, on_fold
        ).astype(np.float32)

    found, told = fit_each(
        _portfolio(encoded, seed),
        fit,
        lambda _: len(folds.pairs),
        n_rows=len(held),
        progress=progress,
        done=done,
    )
    if graph is not None and graph.n_rows == len(held):
        votes = held[graph.indices].sum(axis=1) + held.mean(axis=0)
        found.append(votes / (graph.k + 1))
        told.append({"model": "vote of neighbours", "setting": f"k={graph.k}"})
    pool = pool_sets(found, held, seed)
    for probs, about, weight in zip(found, told, pool.weights, strict=True):
        about["weight"] = float(weight)
        about["accuracy"] = float(((probs > 0.5) == held).mean())
        right = np.where(held, probs, 1.0 - probs)
        about["log_loss"] = float(-np.log(np.maximum(right, 1e-6)).mean())
    sampled = any(len(train) > MAX_ROWS for train, _ in folds.pairs)
    return Fitted(pool.value, told, sampled)


def _portfolio(encoded: Encoded, seed: int) -> list[Member]:
    from sklearn.ensemble import ExtraTreesClassifier  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.multiclass import OneVsRestClassifier  # noqa: PLC0415
    from sklearn.naive_bayes import MultinomialNB  # noqa: PLC0415

    members = []
    terms = term_view(encoded)
    if terms is not None:
        words = OneVsRestClassifier(MultinomialNB(alpha=0.1))
        members.append(Member("naive Bayes of words", terms, {"": words}))
    dense = narrowed(dense_view(encoded), MAX_WIDTH, seed)
    if dense.shape[1]:
        linear = OneVsRestClassifier(LogisticRegression(C=0.3, max_iter=100, tol=1e-3))
        members.append(Member("logistic regression", dense, {"": linear}))
    if encoded.is_table or terms is None:
        forest = ExtraTreesClassifier(
            TREES,
            min_samples_leaf=3,
            bootstrap=True,
            max_samples=min(len(encoded) // 2, MAX_ROWS // 2, 10_000),
            random_state=seed,
            n_jobs=-1 if len(encoded) > 2_000 else None,
        )
        members.append(Member("extra trees", filled(tree_view(encoded)), {"": forest}))
    return members
