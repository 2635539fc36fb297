"""Sets of labels: examples that may have any number of classes."""

import itertools
from typing import Any

import numpy as np

from datalab._check.arrays import as_array, same_length
from datalab._check.classes import class_codes, per_class_matrices
from datalab._check.messages import in_words, warn
from datalab._check.probabilities import probabilities
from datalab._typing import BoolArray, Codes, FloatArray, Probs
from datalab.exceptions import InputError, InputTypeError

__all__ = [
    "label_sets",
    "label_sets_and_probs",
    "multilabel_joint",
    "one_vs_rest",
]


def label_sets(labels: Any, n_classes: int) -> BoolArray:
    """Which classes each example is labelled with, shape (N, K), from a list of lists of classes.

    Raises
    ------
    InputTypeError
        Not a list with one list per example.
    InputError
        A class that is not an integer 0..K-1, or a table of zeros and ones.
    """
    remedy = "give one list of class indices per example, for example [[0, 2], [], [1]]"
    if isinstance(labels, (str, bytes)) or not hasattr(labels, "__iter__"):
        raise InputTypeError(f"`labels` is of type {type(labels).__name__}; {remedy}")
    if isinstance(labels, np.ndarray) and labels.ndim != 1:
        raise InputTypeError(
            f"`labels` is an array of shape {labels.shape}; {remedy}. From a table of zeros and "
            "ones: [np.flatnonzero(row) for row in table]"
        )
    rows = list(labels)
    if any(isinstance(row, (str, bytes)) or not hasattr(row, "__len__") for row in rows):
        row = next(r for r in rows if isinstance(r, (str, bytes)) or not hasattr(r, "__len__"))
        raise InputTypeError(f"`labels` has {in_words(row)} in place of a list; {remedy}")
    lengths = np.fromiter((len(row) for row in rows), dtype=np.intp, count=len(rows))
    flat = list(itertools.chain.from_iterable(rows))
    classes = class_codes(np.asarray(flat) if flat else np.empty(0, np.int64))
    if classes.size and int(classes.max()) >= n_classes:
        raise InputError(
            f"`pred_probs` has {n_classes} columns but `labels` goes up to {int(classes.max())}; "
            "give one column per class, column k for class k"
        )
    if n_classes > 2 and rows and (lengths == n_classes).all() and int(classes.max()) < 2:
        raise InputError(
            f"`labels` has {n_classes} values of 0 and 1 for each example, a table of zeros and "
            f"ones; {remedy}: [np.flatnonzero(row) for row in table]"
        )
    present = np.zeros((len(rows), n_classes), dtype=bool)
    present[np.repeat(np.arange(len(rows)), lengths), classes] = True
    return present


def label_sets_and_probs(labels: Any, pred_probs: Any) -> tuple[BoolArray, Probs]:
    """Sets of labels and predicted probabilities, both (N, K), that belong together.

    Raises
    ------
    InputTypeError, InputError
        See `label_sets` and `probabilities`; different lengths, or no example.
    """
    probs = probabilities(pred_probs)
    present = label_sets(labels, probs.shape[1])
    if not same_length(labels=present, pred_probs=probs):
        raise InputError("`labels` and `pred_probs` are empty; give at least one example")
    return present, probs


def one_vs_rest(present: BoolArray, pred_probs: Probs, k: int) -> tuple[Codes, Probs]:
    """The binary problem of class k: labels 0 (absent) or 1, probabilities (1 - p, p)."""
    p = pred_probs[:, k]
    return Codes(present[:, k].astype(np.int64)), Probs(np.stack([1 - p, p], axis=1))


def multilabel_joint(confident_joint: Any, n_classes: int) -> FloatArray | None:
    """A confident joint of shape (K, 2, 2); a (K, K) one says nothing and is ignored."""
    if confident_joint is None:
        return None
    joint = as_array(confident_joint, name="confident_joint")
    if joint.shape == (n_classes, n_classes):
        warn(
            f"`confident_joint` has shape {joint.shape} and is ignored; the one to use has shape "
            f"({n_classes}, 2, 2): datalab.count.compute_confident_joint(…, multi_label=True)"
        )
        return None
    return per_class_matrices(joint, name="confident_joint", n_classes=n_classes)
