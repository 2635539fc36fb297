"""What the user gives by hand, checked against the data set before any manager runs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._check import (
    as_array,
    feature_matrix,
    floats,
    listing,
    probabilities,
    some_rows,
    warn,
)
from datalab._data.labels import align_columns
from datalab._typing import Codes, FloatArray, Probs
from datalab.exceptions import InputError, InputTypeError
from datalab.neighbors.graph import KNNGraph
from datalab.neighbors.search import empty_columns

__all__ = [
    "chance_agreement",
    "check_features",
    "check_graph",
    "check_pred_probs",
    "check_vector",
    "clearly_above",
]

# Row sums may be off by rounding (DECISIONS 13): silently up to the first, renormalised with a
# warning up to the second, an error beyond.
SUM_ROUNDING, SUM_TOLERANCE = 1e-5, 1e-3
# Fewer labelled rows than this say nothing about whether probabilities are in-sample or shuffled.
ENOUGH_ROWS = 50
# Agreement of probabilities with labels that no honest cross-validation reaches on real labels.
TOO_GOOD = 0.999


def check_features(features: Any, n_rows: int, index: Any = None) -> FloatArray:
    """Features, one row per example; NaN is allowed, infinity is not."""
    if hasattr(features, "tocsr"):
        raise InputTypeError(
            "`features` is a sparse matrix; give its neighbours instead, "
            "knn_graph=datalab.neighbors.knn_graph(features, metric='cosine'), or fewer dense "
            "columns, features=sklearn.decomposition.TruncatedSVD(100).fit_transform(features)"
        )
    features = in_order(features, index, name="features")
    if type(features).__module__.partition(".")[0] in ("pandas", "polars"):
        if not hasattr(features, "columns"):
            features = features.to_frame()  # a Series is one column
        text = [
            str(name)
            for name in features.columns
            if np.asarray(features[name][:1]).dtype.kind not in "biuf"
        ]
        if text:
            raise InputError(
                f"`features` has columns that are not numbers: {listing(text)}; encode or leave "
                "them out"
            )
        if any(getattr(kind, "na_value", None) is not None for kind in features.dtypes):
            # Nullable columns: a missing value becomes NaN.
            features = features.to_numpy(dtype=np.float64, na_value=np.nan)
    checked = feature_matrix(features, n_rows=n_rows, nan=True)
    empty = np.flatnonzero(empty_columns(checked))
    if len(empty):
        warn(
            f"`features` has columns without any value ({listing(empty.tolist())}); what compares "
            "rows leaves them out"
        )
    return checked


def in_order(values: Any, index: Any, *, name: str) -> Any:
    """A pandas table in the order of the data set, when it carries the same labels in another one.

    Rows whose labels say nothing (0..N-1), or are not those of the data set, stay in their order;
    the latter is told.
    """
    own = getattr(values, "index", None)
    if index is None or own is None or callable(own) or len(own) != len(index):
        return values
    if own.equals(index) or own.equals(type(own)(range(len(own)))):
        return values
    if own.is_unique and index.is_unique and own.isin(index).all():
        warn(f"the rows of `{name}` are put in the order of the dataset, by their index")
        return values.loc[index]
    warn(
        f"`{name}` has an index of its own ({listing(own, 3)}, the dataset has "
        f"{listing(index, 3)}); its rows are taken in their order"
    )
    return values


def check_graph(knn_graph: Any, n_rows: int) -> KNNGraph:
    """A kNN graph, ours or as a scipy sparse matrix."""
    return KNNGraph.from_csr(knn_graph, n_rows=n_rows)


def check_vector(values: Any, n_rows: int, *, name: str) -> NDArray[Any]:
    """One number per example."""
    array = as_array(values, name=name)
    if array.shape != (n_rows,):
        raise InputError(
            f"`{name}` has shape {array.shape} but the dataset has {n_rows} rows; give one number "
            "per example, in dataset order"
        )
    if array.dtype.kind not in "iu":
        array = floats(array, name=name)
        if not np.isfinite(array).all():
            raise InputError(f"`{name}` has NaN or infinite values; replace them")
    return array


def check_pred_probs(
    pred_probs: Any,
    n_rows: int,
    classes: tuple[Any, ...],
    codes: Codes | None,
    index: Any = None,
) -> Probs:
    """Predicted probabilities for the classes of the data set, in their order.

    Parameters
    ----------
    pred_probs : array-like of shape (N, K), or DataFrame whose columns are named like the classes
    n_rows : int
    classes : tuple
        The classes in the order of their codes; empty for unlabelled data.
    codes : Codes, optional
        Given labels, -1 where missing; None where rows of probabilities need not sum to 1
        (several labels for each example) or nothing is known of the classes.
    index : pandas.Index, optional
        The labels of the rows of the data set, which those of a DataFrame are matched to.

    Raises
    ------
    InputError
        Wrong number of rows or columns, not probabilities, or rows that do not sum to 1.
    """
    pred_probs = in_order(pred_probs, index, name="pred_probs")
    if classes and hasattr(pred_probs, "columns"):
        pred_probs = align_columns(pred_probs, classes)
    probs = probabilities(pred_probs)
    if len(probs) != n_rows:
        raise InputError(
            f"`pred_probs` has {len(probs)} rows but the dataset has {n_rows}; give one row per "
            "example, in dataset order"
        )
    if classes and probs.shape[1] != len(classes):
        raise InputError(
            f"`pred_probs` has {probs.shape[1]} columns but there are {len(classes)} classes; give "
            f"one column per class in this order: {listing(classes, 20)} (or a DataFrame with the "
            "classes as column names)"
        )
    if codes is None:
        return probs
    probs = _rows_sum_to_one(probs)
    labelled = codes >= 0
    # Of one class there is nothing else to say; the checks say what is missing.
    if len(classes) > 1 and int(labelled.sum()) >= ENOUGH_ROWS:
        all_labelled = bool(labelled.all())
        _warn_if_implausible(
            codes if all_labelled else some_rows(codes, labelled),
            probs if all_labelled else some_rows(probs, labelled),
            classes,
        )
    return probs


def _rows_sum_to_one(probs: Probs) -> Probs:
    sums = probs.sum(axis=1, dtype=np.float64)
    off = np.abs(sums - 1.0)
    worst = int(off.argmax()) if off.size else 0
    if not off.size or off[worst] < SUM_ROUNDING:
        return probs
    told = f"`pred_probs` row {worst} sums to {sums[worst]:.6g}"
    if off[worst] > SUM_TOLERANCE:
        raise InputError(
            f"{told} ({int((off > SUM_TOLERANCE).sum())} rows are off by more than "
            f"{SUM_TOLERANCE:g}); rows must sum to 1: pass the output of predict_proba, or divide "
            "each row by its sum"
        )
    warn(f"{told}; rows are renormalised")
    return probabilities((probs / sums[:, None]).astype(probs.dtype))


def _warn_if_implausible(codes: Codes, probs: Probs, classes: tuple[Any, ...]) -> None:
    """Warn about probabilities that look in-sample, shuffled, permuted or constant."""
    predicted = probs.argmax(axis=1)
    agreement = float((predicted == codes).mean())
    for text in (
        _in_sample(agreement),
        _unrelated(codes, predicted, agreement, classes),
        _constant(codes, probs, classes),
    ):
        if text:
            warn(text)


def _in_sample(agreement: float) -> str:
    if agreement < TOO_GOOD:
        return ""
    return (
        f"`pred_probs` agree with {agreement:.1%} of the labels: they look in-sample (predicted "
        "for rows that the model was trained on), which hides label errors; use out-of-sample "
        'ones, for example cross_val_predict(model, X, y, method="predict_proba")'
    )


def _unrelated(
    codes: Codes, predicted: NDArray[np.intp], agreement: float, classes: tuple[Any, ...]
) -> str:
    n_classes, n_rows = len(classes), len(codes)
    order, fitted = _best_order(codes, predicted, n_classes)
    # A permutation is named only when it explains much more than the given order does.
    if fitted > 0.5 and fitted > agreement + 0.25:
        moved = [k for k in range(n_classes) if order[k] != k]
        told = ", ".join(f"column {order[k]} is {classes[k]!r}" for k in moved[:5])
        return (
            f"`pred_probs` agree with only {agreement:.1%} of the labels, but with {fitted:.1%} "
            f"when the columns are permuted: {told}{', …' if len(moved) > 5 else ''}; the columns "
            f"must follow this order: {listing(classes, 20)}. If so, pass pred_probs[:, "
            f"{order.tolist() if n_classes <= 20 else '…'}]"
        )
    chance = chance_agreement(codes, predicted, n_classes)
    if agreement <= clearly_above(chance, n_rows) and np.ptp(codes) > 0:
        return (
            f"`pred_probs` agree with {agreement:.1%} of the labels, not clearly more than "
            f"chance ({chance:.1%}): are the rows in the order of the dataset, and "
            "is the model any good?"
        )
    return ""


def chance_agreement(codes: Codes, predicted: NDArray[np.intp], n_classes: int) -> float:
    """How often labels and predictions would agree if they had nothing to do with each other."""
    given_share = np.bincount(codes, minlength=n_classes) / len(codes)
    predicted_share = np.bincount(predicted, minlength=n_classes) / len(codes)
    return float(given_share @ predicted_share)


def clearly_above(chance: float, n_rows: int, errors: float = 3.0) -> float:
    """The agreement from which on it is no coincidence: so many standard errors above chance."""
    return chance + errors * float(np.sqrt(chance * (1 - chance) / max(n_rows, 1)))


def _best_order(
    codes: Codes, predicted: NDArray[np.intp], n_classes: int
) -> tuple[NDArray[np.intp], float]:
    """For each class the column that fits it best, one to one, and the agreement it gives."""
    from scipy.optimize import linear_sum_assignment

    joint = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(joint, (codes, predicted), 1)
    rows, columns = linear_sum_assignment(joint, maximize=True)
    return columns, float(joint[rows, columns].sum() / len(codes))


def _constant(codes: Codes, probs: Probs, classes: tuple[Any, ...]) -> str:
    constant = np.ptp(probs, axis=0) == 0
    constant &= np.bincount(codes, minlength=len(classes)) > 0
    if not constant.any():
        return ""
    names = [classes[k] for k in np.flatnonzero(constant)]
    return (
        f"`pred_probs` are the same in every row for {listing(names)}: the model says nothing "
        "about these classes; were its columns filled in the right places?"
    )
