"""A few regression models that suit the kind of data, put together by held-out error."""

from collections.abc import Callable
from typing import Any

import numpy as np

from datalab._data.encoded import Encoded, dense_view, term_view, tree_view
from datalab._models.fitting import fresh_copy, take_rows
from datalab._models.folds import Folds
from datalab._models.given_model import model_name
from datalab._models.landmarks import similarities
from datalab._models.members import Done, Fitted, Member, fit_each
from datalab._models.pool import pool_numbers
from datalab._models.portfolio import few_levels, filled, narrowed
from datalab._typing import FloatArray, IndexArray
from datalab.exceptions import InputError

__all__ = ["cross_val_predictions", "held_out_predictions", "strata_of"]

# A model is fitted on at most so many rows; each row is predicted all the same.
MAX_ROWS = 50_000
MAX_WIDTH = 400
# Strength of ridge regression; the best is found by leave-one-out, which needs no further fits.
ALPHAS = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
KERNEL_SIZE, ENOUGH_ROWS, TREES = 400, 100, 100
MAX_BOOSTED = 12_000_000
BLOCK = 20_000
# Targets of so many levels are shared out evenly among the folds.
STRATA = 10


def strata_of(target: FloatArray) -> IndexArray:
    """Tenths of the target, as classes for folds."""
    edges = np.quantile(target, np.linspace(0, 1, STRATA + 1)[1:-1])
    return np.searchsorted(edges, target, side="right").astype(np.intp)


def cross_val_predictions(
    X: Any,
    target: FloatArray,
    model: Any,
    folds: Folds,
    seed: int,
    on_fold: Callable[[], None] = lambda: None,
) -> FloatArray:
    """Out-of-sample predictions of one model, shape (N,).

    Raises
    ------
    InputError
        The model does not return one number for each row.
    """
    stream, rng = np.random.RandomState(seed), np.random.default_rng(seed)
    predictions = np.empty(len(target))
    for train, held_out in folds.pairs:
        if len(train) > MAX_ROWS:
            train = np.sort(rng.choice(train, MAX_ROWS, replace=False))
        fitted = fresh_copy(model, stream)
        fitted.fit(take_rows(X, train), target[train])
        for start in range(0, len(held_out), BLOCK):
            rows = held_out[start : start + BLOCK]
            said = np.asarray(fitted.predict(take_rows(X, rows)), dtype=np.float64)
            if said.size != len(rows):
                raise InputError(
                    f"predict of {model_name(model)} returned shape {said.shape} for "
                    f"{len(rows)} rows; it must return one number for each"
                )
            predictions[rows] = said.reshape(len(rows))
        on_fold()
    return predictions


def _portfolio(encoded: Encoded, seed: int) -> list[Member]:
    from sklearn.ensemble import (  # noqa: PLC0415
        ExtraTreesRegressor,
        HistGradientBoostingRegressor,
    )
    from sklearn.linear_model import Ridge, RidgeCV  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    members = []
    terms = term_view(encoded)
    if terms is not None:
        words = Ridge(solver="sparse_cg")
        members.append(Member("ridge regression of words", terms, {"": words}))
    dense = narrowed(dense_view(encoded), MAX_WIDTH, seed)
    if dense.shape[1]:
        members.append(Member("linear regression", dense, {"": RidgeCV(ALPHAS)}))
        rows = np.unique(np.linspace(0, len(dense) - 1, min(len(dense), 2_000)).astype(np.intp))
        gamma = 0.3 / max(float(dense[rows].var(axis=0).sum()), 1e-9)
        machine = make_pipeline(similarities(gamma, KERNEL_SIZE, seed), RidgeCV(ALPHAS))
        members.append(Member("kernel regression", dense, {"": machine}))
    if not encoded.is_table and terms is not None:
        return members
    trees = tree_view(encoded)
    forest = ExtraTreesRegressor(
        TREES,
        min_samples_leaf=3,
        max_features=0.5 if encoded.is_table else "sqrt",
        bootstrap=True,
        max_samples=min(len(encoded) // 2, MAX_ROWS // 2, 10_000),
        random_state=seed,
        n_jobs=-1 if len(encoded) > 2_000 else None,
    )
    members.append(Member("extra trees", filled(trees), {"": forest}))
    if encoded.is_table and len(encoded) >= ENOUGH_ROWS:
        values = min(len(encoded), MAX_ROWS) * trees.shape[1]
        boosted = HistGradientBoostingRegressor(
            max_iter=100 if values < MAX_BOOSTED else 30,
            early_stopping=False,
            categorical_features=trees.categories,
            random_state=seed,
        )
        members.append(Member("boosted trees", few_levels(trees), {"": boosted}))
    return members


def held_out_predictions(
    encoded: Encoded,
    target: FloatArray,
    folds: Folds,
    *,
    seed: int,
    progress: bool,
    done: Done | None = None,
) -> Fitted:
    """Out-of-sample predictions of the models that suit the data, put together.

    Parameters
    ----------
    encoded : Encoded of N rows
    target : ndarray of shape (N,)
    folds : Folds
    seed : int
    progress : bool
        Whether a bar shows the fits and the time left.
    done : dict, optional
        See `datalab._models.members.fit_each`.
    """
    # Models see the target around 0 in units of its spread.
    middle = float(np.median(target))
    spread = float(np.std(target)) or 1.0
    scaled = (target - middle) / spread

    def fit(member: Member, on_fold: Callable[[], None]) -> tuple[str, FloatArray]:
        said = cross_val_predictions(member.X, scaled, member.candidates[""], folds, seed, on_fold)
        return "", said * spread + middle

    found, told = fit_each(
        _portfolio(encoded, seed),
        fit,
        lambda _: len(folds.pairs),
        n_rows=len(target),
        progress=progress,
        done=done,
    )
    pool = pool_numbers(found, target, seed)
    for said, about, weight in zip(found, told, pool.weights, strict=True):
        about["median_error"] = float(np.median(np.abs(said - target)))
        about["weight"] = float(weight)
    sampled = any(len(train) > MAX_ROWS for train, _ in folds.pairs)
    return Fitted(pool.value, told, sampled)
