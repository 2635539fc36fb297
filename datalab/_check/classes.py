"""Classes: labels as codes, names, and numbers for each class or pair of classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._check.arrays import as_array, floats
from datalab._check.messages import listing
from datalab._typing import Codes, FloatArray
from datalab.exceptions import InputError

__all__ = [
    "class_codes",
    "class_name_list",
    "class_thresholds",
    "codes_within",
    "named_classes",
    "per_class_matrices",
    "removals_per_class",
    "square_matrix",
    "two_classes",
]

# Closes the message about what stands for "no label" in other libraries.
LEFT_OUT = (
    "; where a label is missing, leave the row out, or use Datalab, which allows labels of None"
)


def class_codes(labels: Any, *, name: str = "labels", missing: bool = False) -> Codes:
    """Class labels as integer codes.

    Parameters
    ----------
    labels : array-like of shape (N,)
        Integers 0..K-1; whole floats and one-column tables are accepted.
    name : str
        Name of the argument, for messages.
    missing : bool
        Whether -1 ("no label") is allowed.

    Returns
    -------
    Codes
        int64 array of shape (N,).

    Raises
    ------
    InputTypeError
        Not array-like.
    InputError
        Not one-dimensional, or values that are not integers 0..K-1.
    """
    array = as_array(labels, name=name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InputError(
            f"`{name}` must be one-dimensional, one label per example, got shape {array.shape}"
        )
    lowest = -1 if missing else 0
    wanted = f"`{name}` must be integers 0..K-1"
    if array.dtype.kind == "b":
        return Codes(array.astype(np.int64))
    if array.dtype.kind not in "iu" and array.size:
        numbers = _numbers_or_none(array)
        if numbers is None:
            raise InputError(
                f"{wanted}, got {listing(dict.fromkeys(array.tolist()))}; pass such labels to "
                "Datalab(data, label_name=…), which encodes them, or encode them yourself with "
                "np.unique(labels, return_inverse=True)"
            )
        bad = ~np.isfinite(numbers) | (numbers != np.floor(numbers))
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            remedy = "" if missing or not np.isnan(numbers[at]) else LEFT_OUT
            raise InputError(f"{wanted}, got {float(numbers[at])} in row {at}{remedy}")
        array = numbers
    codes = array.astype(np.int64, copy=False)
    if codes.size and int(codes.min()) < lowest:
        at = int(np.flatnonzero(codes < lowest)[0])
        remedy = LEFT_OUT if codes[at] == -1 else ""
        raise InputError(f"{wanted}, got {int(codes[at])} in row {at}{remedy}")
    return Codes(codes)


def _numbers_or_none(array: NDArray[Any]) -> NDArray[np.float64] | None:
    """The values as floats; None when they are text or other things that are not numbers."""
    if array.dtype.kind not in "fO" or (
        array.dtype.kind == "O" and any(isinstance(value, (str, bytes)) for value in array)
    ):
        return None
    try:
        return array.astype(np.float64)
    except (ValueError, TypeError):
        return None


def codes_within(labels: Any, n_classes: int) -> Codes:
    """Class labels as codes 0..n_classes-1, for a joint of known size."""
    codes = class_codes(labels)
    if codes.size and int(codes.max()) >= n_classes:
        raise InputError(
            f"`labels` goes up to {int(codes.max())} but the joint has {n_classes} classes"
        )
    return codes


def two_classes(labels: Codes) -> None:
    """Raise InputError unless at least two different labels are there."""
    if not labels.size or labels.min() == labels.max():
        told = f"all are {int(labels[0])}" if labels.size else "there are none"
        raise InputError(
            f"`labels` must name at least 2 different classes, {told}; with one class there is "
            "nothing a label could be confused with"
        )


def named_classes(class_names: Any) -> dict[int, Any]:
    """Class → name, from a mapping with keys 0 or "0", from a sequence, or from None: no names.

    Raises
    ------
    InputError
        Something else, or keys that are not classes.
    """
    if class_names is None:
        return {}
    if isinstance(class_names, Mapping):
        try:
            return {int(k): name for k, name in class_names.items()}
        except (ValueError, TypeError) as error:
            raise InputError(
                f"the keys of `class_names` must be classes 0..K-1, got {listing(class_names)}"
            ) from error
    if isinstance(class_names, (str, bytes)) or not hasattr(class_names, "__len__"):
        raise InputError(
            "`class_names` must be a list of names or a dict {0: name, …}, got "
            f"{type(class_names).__name__}"
        )
    return dict(enumerate(class_names))


def class_name_list(class_names: Any, n_classes: int) -> list[Any] | None:
    """One name per class, in order, from a sequence or a dict {0: name, …}; None stays None."""
    if class_names is None:
        return None
    names = named_classes(class_names if hasattr(class_names, "__len__") else list(class_names))
    if sorted(names) != list(range(n_classes)):
        raise InputError(
            f"`class_names` has {len(names)} names but there are {n_classes} classes; give one "
            "name per class"
        )
    return [names[k] for k in range(n_classes)]


def square_matrix(values: Any, *, name: str, size: int | None = None) -> FloatArray:
    """A matrix over pairs of classes, shape (K, K): finite numbers, none negative.

    Raises
    ------
    InputError
        Not square, not of the expected `size`, negative, not finite or all zero.
    """
    matrix = as_array(values, name=name)
    shape = f"({size}, {size})" if size is not None else "(K, K)"
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or size not in (None, len(matrix)):
        raise InputError(
            f"`{name}` must have shape {shape}, one row per given and one column per true class, "
            f"got shape {matrix.shape}"
        )
    numbers = floats(matrix, name=name)
    if not (np.isfinite(numbers).all() and (numbers >= 0).all()):
        raise InputError(f"`{name}` must hold finite numbers that are not negative")
    if not numbers.any():
        raise InputError(f"`{name}` holds nothing but zeros; give the matrix of some examples")
    return numbers


def per_class_matrices(values: Any, *, name: str, n_classes: int | None = None) -> FloatArray:
    """One 2 x 2 matrix per class, shape (K, 2, 2): finite numbers, none negative."""
    matrices = as_array(values, name=name)
    if matrices.shape != (len(matrices) if n_classes is None else n_classes, 2, 2):
        raise InputError(
            f"`{name}` must have shape ({'K' if n_classes is None else n_classes}, 2, 2), one "
            f"matrix of (given, true) per class, got shape {matrices.shape}"
        )
    for k, matrix in enumerate(matrices):
        square_matrix(matrix, name=f"{name}[{k}]", size=2)
    return floats(matrices, name=name)


def class_thresholds(values: Any, n_classes: int) -> FloatArray:
    """Confident thresholds, one finite number per class; a single number is that of all."""
    cuts = floats(np.asarray(values), name="thresholds").astype(np.float64)
    if cuts.ndim == 0:
        cuts = np.full(n_classes, cuts)
    if cuts.shape != (n_classes,) or not np.isfinite(cuts).all():
        raise InputError(
            f"`thresholds` must be {n_classes} finite numbers, one per class, got shape "
            f"{cuts.shape}"
        )
    return cuts


def removals_per_class(numbers: Any, n_classes: int) -> NDArray[np.intp] | None:
    """`num_to_remove_per_class` as one number per class."""
    if numbers is None:
        return None
    array = np.asarray(numbers)
    if array.ndim == 0:
        array = np.full(n_classes, array)
    if array.shape != (n_classes,) or array.dtype.kind not in "iuf" or not (array >= 0).all():
        raise InputError(
            f"`num_to_remove_per_class` is {listing(np.ravel(np.asarray(numbers)).tolist())}; give "
            f"one number >= 0, or one for each of the {n_classes} classes"
        )
    return array.astype(np.intp)
