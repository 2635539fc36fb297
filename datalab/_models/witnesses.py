"""A few models that judge labels beside the one that is to be trained."""

from typing import Any

import numpy as np

from datalab._data.encoded import Encoded, View, dense_view, term_view, tree_view
from datalab._models.margins import SupportVectors
from datalab._models.members import SMALL, Member
from datalab._models.portfolio import filled, narrowed

__all__ = ["witnesses"]

# Wider rows are reduced to their leading components for models that mix all columns.
MAX_WIDTH = 400
# Support vectors are looked for among all pairs of so few rows.
MAX_PAIRS_ROWS = 5_000
# Twice as many trees flag no better beside the other models (F1 .795 and .792, 15 settings).
TREES, TREE_LEAF, MAX_TREE_ROWS = 50, 3, 10_000
# Class probabilities in the leaves of all trees stand in memory.
MAX_LEAF_VALUES = 60_000_000


def witnesses(encoded: Encoded, n_classes: int, seed: int) -> list[Member]:
    """Three models of different kinds: one that is linear, one by similarity, one by rules.

    They are those of `datalab._models.portfolio` that tell most for their time, each in one
    setting that is seldom a bad one: how far each is heard is up to the labels it predicts.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.naive_bayes import MultinomialNB  # noqa: PLC0415

    members = []
    terms, trees = term_view(encoded), tree_view(encoded)
    dense = narrowed(dense_view(encoded), MAX_WIDTH, seed)
    if dense.shape[1]:
        linear = LogisticRegression(C=0.3, max_iter=100, tol=1e-3)
        members.append(Member("logistic regression", dense, {"": linear}))
        if len(encoded) <= MAX_PAIRS_ROWS:
            machine = SupportVectors(1.0 / _total_variance(dense))
            members.append(Member("support vectors", dense, {"": machine}))
    # Trees look at one column at a time, which says little where a text is many weak ones.
    if terms is not None and not encoded.is_table:
        members.append(Member("naive Bayes of words", terms, {"": MultinomialNB(alpha=0.1)}))
    elif trees.shape[1]:
        forest = _forest(len(encoded), n_classes, seed)
        members.append(Member("extra trees", filled(trees), {"": forest}))
    return members


def _forest(n_rows: int, n_classes: int, seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier  # noqa: PLC0415

    leaves = min(n_rows, MAX_TREE_ROWS) // TREE_LEAF + 1
    return ExtraTreesClassifier(
        int(np.clip(MAX_LEAF_VALUES // (leaves * n_classes), 10, TREES)),
        min_samples_leaf=TREE_LEAF,
        bootstrap=True,
        # The folds may leave fewer rows to train on.
        max_samples=None if n_rows <= 2 * MAX_TREE_ROWS else MAX_TREE_ROWS,
        random_state=seed,
        n_jobs=-1 if n_rows > SMALL else None,
    )


def _total_variance(X: View) -> float:
    rows = np.unique(np.linspace(0, len(X) - 1, min(len(X), 2_000)).astype(np.intp))
    return max(float(X[rows].var(axis=0).sum()), 1e-9)
