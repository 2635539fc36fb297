"""A few models that suit the kind of data, put together by how well they predict held-out labels.

Each model is fitted by cross-validation; what regulates it is chosen by a smaller cross-validation
on some of the rows. The models' probabilities are combined by powers (`pool.pool_classes`), which
calibrates them as well.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from datalab._check import some_rows
from datalab._data.encoded import Encoded, View, dense_view, term_view, tree_view
from datalab._models.classification import cross_val_pred_probs, judged_rows, thinned
from datalab._models.folds import Folds, stratified_folds
from datalab._models.landmarks import similarities
from datalab._models.margins import PairedVectors, SupportVectors
from datalab._models.members import Done, Fitted, Member, fit_each
from datalab._models.pool import Pool, log_loss, pool_classes
from datalab._typing import Codes, FloatArray, IndexArray
from datalab.exceptions import NotApplicable
from datalab.neighbors.graph import KNNGraph

__all__ = [
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
# With fewer rows, boosted trees have too little to split.
ENOUGH_ROWS = 500
# Boosted trees by their leaves: at most so many rounds, so many trees of all classes together, the
# rate of learning times the rounds, and the rows for each class that are worth their time.
BOOSTED = {3: (100, 720, 10.0, 50), 15: (60, 240, 6.0, 200)}
LEAST_ROUNDS = 20
# Class probabilities in the leaves of all trees stand in memory.
MAX_LEAF_VALUES = 60_000_000
KERNEL_SIZE = 400
# Support vectors are looked for among all pairs of so few rows; all pairs of classes are calibrated
# where rows times classes are so few, which takes some ten seconds more.
MAX_PAIRS_ROWS, MAX_PAIRED = 5_000, 200_000
# Vectors that are at least so wide are models' business of their own, where there are at most so
# many of them: which part of an image, or which of several texts, tells the classes apart is up to
# the data, and where one does the others are noise.
OWN_WIDTH, MAX_PARTS = 64, 8
# Votes of imaginary neighbours that know only the shares of the classes.
PRIOR_VOTES = 1.0


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
            members += [_kernel_of_part(*part, seed) for part in _parts(encoded)]
        if len(encoded) <= MAX_PAIRS_ROWS:
            width = 1.0 / _around(dense)
            members.append(Member("support vectors", dense, {"": SupportVectors(width)}))
            if len(encoded) * n_classes <= MAX_PAIRED:
                paired = PairedVectors(width, seed)
                members.append(Member("calibrated support vectors", dense, {"": paired}))
    trees = tree_view(encoded)
    # Trees look at one column at a time, which says little where a text is many weak ones.
    if encoded.is_table or terms is None:
        few = encoded.is_table or trees.shape[1] <= MAX_COLUMNS
        members += _trees(trees, few, n_classes, seed)
    return members


def _parts(encoded: Encoded) -> list[tuple[str, View]]:
    """Each part of a column and wide vector, and the rest together, where there are several."""
    parts = encoded.parts or ("",) * len(encoded.vectors)
    wide = [
        at
        for at, (block, part) in enumerate(zip(encoded.vectors, parts, strict=True))
        if part or block.shape[1] >= OWN_WIDTH
    ]
    rest = tuple(b for at, b in enumerate(encoded.vectors) if at not in wide)
    others = dense_view(replace(encoded, vectors=rest, terms=None))
    if not 1 < len(wide) + bool(others.shape[1]) <= MAX_PARTS:
        return []
    nothing = encoded.numbers[:, :0], encoded.categories[:, :0]
    found = [
        (_name_of(encoded, at), dense_view(Encoded(*nothing, (encoded.vectors[at],))))
        for at in wide
    ]
    return [*found, ("the other columns", others)] if others.shape[1] else found


def _name_of(encoded: Encoded, at: int) -> str:
    """What one of the vectors tells of which column."""
    first = encoded.numbers.shape[1] + encoded.categories.shape[1]
    told = encoded.parts[at] if encoded.parts else ""
    name = encoded.names[first + at] if encoded.names else f"vector {at}"
    return f"{told} of {name}" if told else name


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
    widths, Cs = (0.3, 1.0), (0.3, 3.0)
    candidates = {
        f"width={width:g}, C={C:g}": _machine(X, width, C, seed) for width in widths for C in Cs
    }
    return Member("kernel logistic regression", X, candidates)


def _kernel_of_part(name: str, X: View, seed: int) -> Member:
    X = narrowed(X, MAX_WIDTH, seed)
    setting = {"width=0.3, C=3": _machine(X, 0.3, 3.0, seed)}
    return Member(f"kernel logistic regression of {name}", X, setting)


def _machine(X: View, width: float, C: float, seed: int) -> Any:
    """Logistic regression of similarities to some rows; `width` is in units of their spread."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    return make_pipeline(
        similarities(width / _around(X), KERNEL_SIZE, seed),
        LogisticRegression(C=C, max_iter=100, tol=1e-3),
    )


def _around(X: View) -> float:
    """Total variance."""
    rows = np.unique(np.linspace(0, len(X) - 1, min(len(X), 2_000)).astype(np.intp))
    return max(float(X[rows].var(axis=0).sum()), 1e-9)


def _trees(X: View, few: bool, n_classes: int, seed: int) -> list[Member]:
    from sklearn.ensemble import ExtraTreesClassifier  # noqa: PLC0415

    rows = min(len(X), MAX_ROWS)
    drawn = min(rows, TREE_ROWS)
    n_trees = int(np.clip(MAX_LEAF_VALUES // (drawn // TREE_LEAF * n_classes + 1), 10, TREES))
    options = {
        "n_estimators": n_trees,
        "min_samples_leaf": TREE_LEAF,
        "random_state": seed,
        # Threads cost more than they bring on small data.
        "n_jobs": -1 if rows > 2_000 else None,
        "bootstrap": True,
        "max_samples": None if drawn == rows else drawn / rows,
    }
    complete = filled(X)
    members = [Member("extra trees", complete, {"": ExtraTreesClassifier(**options)})]
    if few:
        # Where few columns matter, a tree that sees a handful at a time misses them.
        greedy = ExtraTreesClassifier(**options, max_features=0.5)
        members.append(Member("extra trees of half the columns", complete, {"": greedy}))
    if few and len(X) >= ENOUGH_ROWS:
        members += _boosted(few_levels(X), n_classes, seed)
    return members


def _boosted(X: View, n_classes: int, seed: int) -> list[Member]:
    """Boosted trees, shallow and deep, where there is enough to learn and time for it."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415

    # Each round grows a tree for every class, which takes its time however few the rows are.
    per_round = n_classes if n_classes > 2 else 1
    members = []
    for leaves, (most, trees, rate, enough) in BOOSTED.items():
        rounds = min(trees // per_round, most)
        work = min(len(X), MAX_ROWS) * X.shape[1] * per_round
        if rounds < LEAST_ROUNDS or len(X) < enough * per_round or work > MAX_BOOSTED:
            continue
        boosted = HistGradientBoostingClassifier(
            learning_rate=rate / rounds,
            max_iter=rounds,
            max_leaf_nodes=leaves,
            l2_regularization=1.0,
            early_stopping=False,
            categorical_features=X.categories,
            random_state=seed,
        )
        members.append(Member(f"boosted trees of {leaves} leaves", X, {"": boosted}))
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
    done: Done | None = None,
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
    done : dict, optional
        Models that an interrupted call with the same arguments has fitted; it grows with each
        further one.
    """
    if not judged_rows(codes, folds.pairs).any():
        raise NotApplicable(
            "no class stands in more than one group or stretch of time, so none can be predicted "
            "from the others: give pred_probs="
        )

    def fit(member: Member, on_fold: Callable[[], None]) -> tuple[str, FloatArray]:
        setting = _chosen(member, codes, n_classes, seed, on_fold)
        probs = cross_val_pred_probs(
            member.X,
            codes,
            member.candidates[setting],
            n_classes=n_classes,
            seed=seed,
            folds=folds.pairs,
            max_rows=MAX_ROWS,
            on_fold=on_fold,
        )
        return setting, probs.astype(np.float32)

    def n_fits(member: Member) -> int:
        choices = len(member.candidates)
        return len(folds.pairs) + (CHOICE_FOLDS * choices if choices > 1 else 0)

    found, told = fit_each(
        _portfolio(encoded, n_classes, seed),
        fit,
        n_fits,
        n_rows=len(codes),
        progress=progress,
        done=done,
    )
    if graph is not None and graph.n_rows == len(codes):
        found.append(vote_of_neighbours(graph, codes, n_classes, folds))
        told.append({"model": "vote of neighbours", "setting": f"k={graph.k}"})
    return _together(found, told, codes, folds, seed)


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
    some = some_rows(codes, rows)
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
