"""A few models that suit the kind of data, put together by held-out likelihood.

Each model is fitted by cross-validation; what regulates it is chosen by a smaller cross-validation
on some of the rows. The models' probabilities are combined by powers that make the held-out labels
likeliest (`pool.pool_classes`), which calibrates them as well.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datalab._data.encoded import Encoded, View, dense_view, term_view, tree_view
from datalab._models.classification import cross_val_pred_probs, judged_rows, thinned
from datalab._models.folds import Folds, stratified_folds
from datalab._models.pool import Pool, log_loss, pool_classes
from datalab._typing import Codes, FloatArray, IndexArray
from datalab.exceptions import NotApplicable
from datalab.neighbors.graph import KNNGraph

__all__ = [
    "SMALL",
    "Fitted",
    "Member",
    "few_levels",
    "filled",
    "held_out_probs",
    "narrowed",
    "vote_of_neighbours",
]

# A model is fitted on at most so many rows; each row is predicted all the same.
MAX_ROWS = 50_000
# What regulates a model is chosen on so many rows, in so many folds.
CHOICE_ROWS, CHOICE_FOLDS = 4_000, 3
# Wider views are reduced to their leading components for models that mix all columns.
MAX_WIDTH = 400
# Work of boosted trees, in values (rows times columns) times classes, and of kernels, in rows
# times classes, that takes some ten seconds.
MAX_BOOSTED, MAX_KERNEL = 12_000_000, 1_000_000
# Vectors that are wider than this are no columns to look at one by one.
MAX_COLUMNS = 100
TREES, TREE_ROWS, TREE_LEAF = 100, 10_000, 3
SMALL = 3_000
# With fewer rows, boosted trees have too little to split and forests say what extra trees do.
ENOUGH_ROWS = 500
# Boosted trees, of all classes together, and the rows for each class that are worth their time.
BOOSTED_TREES, ENOUGH_BOOSTED = 240, 200
# Class probabilities in the leaves of all trees stand in memory.
MAX_LEAF_VALUES = 60_000_000
KERNEL_SIZE = 400
# Votes of imaginary neighbours that know only the shares of the classes.
PRIOR_VOTES = 1.0


@dataclass(frozen=True)
class Member:
    """One model of a portfolio.

    Parameters
    ----------
    name : str
    X : View or matrix of N rows
    candidates : mapping of str to classifier
        The same model, differently regulated, by what tells them apart.
    """

    name: str
    X: Any
    candidates: dict[str, Any]


@dataclass(frozen=True)
class Fitted:
    """What a portfolio says, and how good each of its models is.

    Parameters
    ----------
    pred_probs : ndarray of shape (N, K)
        Out-of-sample.
    members : list of dict
        Name, setting, weight and held-out log loss of each model.
    sampled : bool
        Whether the models were fitted on some of the rows only.
    """

    pred_probs: FloatArray
    members: list[dict[str, Any]] = field(default_factory=list)
    sampled: bool = False


def narrowed(view: View, size: int, seed: int) -> View:
    """The leading principal components of a wide view, learned from some rows."""
    if view.shape[1] <= size or len(view) <= size:
        return view
    from sklearn.decomposition import PCA  # noqa: PLC0415

    rows = np.unique(np.linspace(0, len(view) - 1, min(len(view), 10_000)).astype(np.intp))
    model = PCA(min(size, len(rows) - 1), random_state=seed).fit(view[rows])
    width = model.n_components_
    return View((len(view), width), lambda rows: model.transform(view[rows]).astype(np.float32))


def _portfolio(encoded: Encoded, n_classes: int, seed: int) -> list[Member]:
    members = []
    terms = term_view(encoded)
    if terms is not None:
        members.append(_naive_bayes(terms))
    dense = narrowed(dense_view(encoded), MAX_WIDTH, seed)
    if dense.shape[1]:
        members.append(_logistic(dense))
        if len(encoded) * n_classes <= MAX_KERNEL:
            members.append(_kernel(dense, seed))
    trees = tree_view(encoded)
    # Trees look at one column at a time, which says little where a text is many weak ones.
    if encoded.is_table or terms is None:
        few = encoded.is_table or trees.shape[1] <= MAX_COLUMNS
        members += _trees(trees, few, n_classes, seed)
    return members


def _naive_bayes(X: View) -> Member:
    from sklearn.naive_bayes import MultinomialNB  # noqa: PLC0415

    return Member(
        "naive Bayes of words",
        X,
        {f"alpha={alpha:g}": MultinomialNB(alpha=alpha) for alpha in (0.03, 0.1, 0.3, 1.0)},
    )


def _logistic(X: View) -> Member:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    return Member(
        "logistic regression",
        X,
        {
            f"C={C:g}": LogisticRegression(C=C, max_iter=100, tol=1e-3)
            for C in (0.003, 0.03, 0.3, 3.0)
        },
    )


def _kernel(X: View, seed: int) -> Member:
    from sklearn.kernel_approximation import Nystroem  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    rows = np.unique(np.linspace(0, len(X) - 1, min(len(X), 2_000)).astype(np.intp))
    around = max(float(X[rows].var(axis=0).sum()), 1e-9)
    candidates = {}
    for width in (0.3, 1.0):
        for C in (0.3, 3.0):
            kernel = Nystroem(gamma=width / around, n_components=KERNEL_SIZE, random_state=seed)
            candidates[f"width={width:g}, C={C:g}"] = make_pipeline(
                kernel, LogisticRegression(C=C, max_iter=100, tol=1e-3)
            )
    return Member("kernel logistic regression", X, candidates)


def _trees(X: View, few: bool, n_classes: int, seed: int) -> list[Member]:
    from sklearn.ensemble import (  # noqa: PLC0415
        ExtraTreesClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
    )

    rows = min(len(X), MAX_ROWS, TREE_ROWS)
    n_trees = int(np.clip(MAX_LEAF_VALUES // (rows // TREE_LEAF * n_classes + 1), 10, TREES))
    options = {
        "n_estimators": n_trees,
        "min_samples_leaf": TREE_LEAF,
        "random_state": seed,
        # Threads cost more than they bring on small data.
        "n_jobs": -1 if rows > 2_000 else None,
        "bootstrap": True,
        "max_samples": None if len(X) <= TREE_ROWS else TREE_ROWS,
    }
    complete = filled(X)
    members = [Member("extra trees", complete, {"": ExtraTreesClassifier(**options)})]
    if not few or len(X) < ENOUGH_ROWS:
        return members
    members.append(Member("random forest", complete, {"": RandomForestClassifier(**options)}))
    # Each round grows a tree for every class, which takes its time however few the rows are.
    per_round = n_classes if n_classes > 2 else 1
    rounds = min(BOOSTED_TREES // per_round, 60)
    enough = rounds >= 20 and len(X) >= ENOUGH_BOOSTED * per_round
    if enough and min(len(X), MAX_ROWS) * X.shape[1] * per_round <= MAX_BOOSTED:
        boosted = HistGradientBoostingClassifier(
            learning_rate=6 / rounds,
            max_iter=rounds,
            max_leaf_nodes=15,
            l2_regularization=1.0,
            early_stopping=False,
            categorical_features=X.categories,
            random_state=seed,
        )
        members.append(Member("boosted trees", few_levels(X), {"": boosted}))
    return members


def filled(X: View) -> View:
    """Missing values as one that lies far from all others."""

    def rows_of(rows: IndexArray) -> FloatArray:
        values: FloatArray = X[rows]
        return np.where(np.isnan(values), np.float32(-1e6), values)

    return View(X.shape, rows_of, X.categories)


def few_levels(X: View) -> View:
    """Rare levels of a category as one: boosted trees take at most 255."""
    coded = X.categories

    def rows_of(rows: IndexArray) -> FloatArray:
        values: FloatArray = X[rows]
        values[:, coded] = np.minimum(values[:, coded], 250)
        return values

    return View(X.shape, rows_of, coded)


def held_out_probs(
    encoded: Encoded,
    codes: Codes,
    n_classes: int,
    folds: Folds,
    *,
    graph: KNNGraph | None,
    seed: int,
    progress: bool,
) -> Fitted:
    """Out-of-sample probabilities of the models that suit the data, put together.

    Parameters
    ----------
    encoded : Encoded of N rows
    codes : Codes of shape (N,)
    n_classes : int
    folds : Folds
    graph : KNNGraph of N rows, optional
        Neighbours that vote.
    seed : int
    progress : bool
        Whether a bar shows the fits and the time left.
    """
    if not judged_rows(codes, folds.pairs).any():
        raise NotApplicable(
            "no class stands in more than one group or stretch of time, so none can be predicted "
            "from the others: give pred_probs="
        )
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    members = _portfolio(encoded, n_classes, seed)
    found: list[FloatArray] = []
    told: list[dict[str, Any]] = []
    # Threads cost more than they bring on small data, and much more where cores are busy.
    threads = 1 if len(codes) <= SMALL else None
    with warnings.catch_warnings(), threadpool_limits(threads):
        # Slow convergence and rare classes are no news to the user.
        warnings.simplefilter("ignore")
        with _bar(members, len(folds.pairs), progress) as bar:
            for member in members:
                bar.set_description(member.name, refresh=False)
                setting = _chosen(member, codes, n_classes, seed, bar.update)
                found.append(
                    cross_val_pred_probs(
                        member.X,
                        codes,
                        member.candidates[setting],
                        n_classes=n_classes,
                        seed=seed,
                        folds=folds.pairs,
                        max_rows=MAX_ROWS,
                        on_fold=bar.update,
                    ).astype(np.float32)
                )
                told.append({"model": member.name, "setting": setting})
    if graph is not None and graph.n_rows == len(codes):
        found.append(vote_of_neighbours(graph, codes, n_classes, folds))
        told.append({"model": "vote of neighbours", "setting": f"k={graph.k}"})
    return _together(found, told, codes, folds, seed)


def _bar(members: Sequence[Member], n_folds: int, progress: bool) -> Any:
    from tqdm.auto import tqdm  # noqa: PLC0415

    choices = [len(m.candidates) for m in members if len(m.candidates) > 1]
    total = n_folds * len(members) + CHOICE_FOLDS * sum(choices)
    return tqdm(total=total, disable=not progress, delay=1, leave=False, unit="fit")


def _chosen(
    member: Member, codes: Codes, n_classes: int, seed: int, on_fold: Callable[[], None]
) -> str:
    """Which candidate predicts some held-out rows best, each calibrated by one power."""
    if len(member.candidates) == 1:
        return next(iter(member.candidates))
    counts = np.bincount(codes, minlength=n_classes)
    common = np.flatnonzero(counts[codes] >= CHOICE_FOLDS)
    if len(np.unique(codes[common])) < 2:
        return list(member.candidates)[len(member.candidates) // 2]
    rows = thinned(common, codes, CHOICE_ROWS, seed)
    some = Codes(codes[rows])
    n_folds = min(CHOICE_FOLDS, int(np.bincount(some).max()))
    X = View((len(rows), 0), lambda places: member.X[rows[places]])
    folds = stratified_folds(some, n_folds, seed)
    counted = judged_rows(some, folds)
    losses = {}
    for setting, candidate in member.candidates.items():
        probs = cross_val_pred_probs(
            X, some, candidate, n_classes=n_classes, seed=seed, folds=folds, on_fold=on_fold
        )
        pooled = pool_classes([probs], some, counted, seed).value
        losses[setting] = log_loss(pooled[counted], some[counted])
    return min(losses, key=losses.__getitem__)


def vote_of_neighbours(graph: KNNGraph, codes: Codes, n_classes: int, folds: Folds) -> FloatArray:
    """Shares of the classes among the neighbours of a row that its fold is not trained without.

    Near neighbours count more; a vote of the shares of all classes is added.
    """
    n_rows = len(codes)
    fold = np.empty(n_rows, dtype=np.intp)
    for number, (_, held_out) in enumerate(folds.pairs):
        fold[held_out] = number
    known = fold[graph.indices] != fold[:, None]
    scale = graph.distances.mean(axis=1, keepdims=True) + np.float32(1e-12)
    weights = known / (graph.distances / scale + 0.5)
    cells = np.arange(n_rows)[:, None] * n_classes + codes[graph.indices]
    votes = np.bincount(cells.ravel(), weights=weights.ravel(), minlength=n_rows * n_classes)
    prior = PRIOR_VOTES * np.bincount(codes, minlength=n_classes) / n_rows
    shares = votes.reshape(n_rows, n_classes) + prior
    shares /= shares.sum(axis=1, keepdims=True)
    return shares.astype(np.float32)


def _together(
    found: list[FloatArray],
    told: list[dict[str, Any]],
    codes: Codes,
    folds: Folds,
    seed: int,
) -> Fitted:
    counted = judged_rows(codes, folds.pairs)
    for probs, about in zip(found, told, strict=True):
        alone = pool_classes([probs], codes, counted, seed).value
        about["log_loss"] = log_loss(alone[counted], codes[counted])
        about["accuracy"] = float((alone.argmax(axis=1) == codes)[counted].mean())
    pool: Pool = pool_classes(found, codes, counted, seed)
    for about, weight in zip(told, pool.weights, strict=True):
        about["weight"] = float(weight)
    # A label that no other row carries is not judged.
    alone_in_class = np.flatnonzero(~counted)
    pool.value[alone_in_class] = np.eye(pool.value.shape[1])[codes[alone_in_class]]
    sampled = any(len(train) > MAX_ROWS for train, _ in folds.pairs)
    return Fitted(pool.value, told, sampled)
