"""Arrays of numbers: array-likes as ndarrays, lengths, features, numeric labels."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._check.messages import listing, warn
from datalab._typing import FloatArray
from datalab.exceptions import InputError, InputTypeError

__all__ = [
    "as_array",
    "feature_matrix",
    "floats",
    "numeric_labels",
    "same_length",
    "surely_in_unit_interval",
    "unit_interval",
]

# A probability may leave [0, 1] by this much through rounding; beyond it we say so (DECISIONS 13).
ROUNDING = 1e-6
# Beyond this much outside [0, 1] the numbers are no probabilities.
MAX_EXCESS = 1e-3


def as_array(values: Any, *, name: str) -> NDArray[Any]:
    """Any array-like (list, ndarray, DataFrame, Series, memory map, torch, JAX) as an ndarray.

    Raises
    ------
    InputTypeError
        For None, text, numbers, sets and iterators, which are not arrays.
    InputError
        For nested lists of unequal length.
    """
    if hasattr(values, "toarray"):
        raise InputTypeError(
            f"`{name}` is a sparse matrix; pass {name}.toarray(), or reduce it first, for example "
            "with sklearn.decomposition.TruncatedSVD"
        )
    if values is None or isinstance(values, (str, bytes, bool, int, float, complex, dict, set)):
        raise InputTypeError(
            f"`{name}` must be array-like (list, array, Series, …), got {type(values).__name__}"
        )
    if not (hasattr(values, "__array__") or isinstance(values, Sequence)):
        raise InputTypeError(
            f"`{name}` must be array-like (list, array, Series, …), got {type(values).__name__};"
            " for an iterator pass list(…) of it"
        )
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise InputError(
            f"`{name}` has masked values; pass {name}.filled(…) with what shall stand for them, "
            "such as NaN for missing"
        )
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InputError(f"`{name}` cannot be read as one array: {error}") from error


def same_length(**arrays: Any) -> int:
    """The common length of the named arrays.

    Raises
    ------
    InputError
        They differ in length.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"`{name}` has {length} rows" for name, length in lengths.items())
        raise InputError(f"{told}; give one row per example, in the same order")
    return next(iter(lengths.values()))


def floats(array: NDArray[Any], *, name: str) -> FloatArray:
    """A numeric array as float32 or float64; float32 and float64 are not copied."""
    if array.dtype in (np.float32, np.float64):
        return array
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.kind not in "biufO":
        raise InputError(
            f"`{name}` must be numeric, got {array.dtype} values {listing(array.ravel()[:5])}"
        )
    try:
        return array.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(f"`{name}` must be numeric: {error}") from error


def unit_interval(
    array: NDArray[Any], *, name: str, place: Mapping[str, Any] | None = None
) -> FloatArray:
    """Numbers in [0, 1] as float32 or float64; see `probabilities` for the tolerance."""
    numbers = floats(array, name=name)
    if surely_in_unit_interval(numbers):
        return numbers
    lowest, highest = float(numbers.min()), float(numbers.max())
    # NaN makes both comparisons false, infinity makes the second one false.
    if lowest >= 0.0 and highest <= 1.0:
        return numbers
    excess = max(-lowest, highest - 1.0)
    if not excess <= MAX_EXCESS:
        bad = ~((numbers >= -MAX_EXCESS) & (numbers <= 1.0 + MAX_EXCESS))
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        remedy = (
            "drop or fill the rows with NaN"
            if np.isnan(numbers[at])
            else "pass the output of predict_proba (for logits apply softmax first)"
        )
        raise InputError(
            f"`{name}` must be probabilities in [0, 1], got {numbers[at]} in row {at[0]}; {remedy}"
        )
    if excess > ROUNDING:
        warn(f"`{name}` leaves [0, 1] by up to {excess:.2g}; such values are clipped", place=place)
    return np.clip(numbers, 0.0, 1.0)


def surely_in_unit_interval(numbers: FloatArray) -> bool:
    """Whether all numbers lie in [0, 1], found out in one pass (-0.0 is not sure).

    Read as unsigned integers, floats from 0 to 1 keep their order, and everything else (negative,
    above 1, infinite, NaN) is larger than 1.0 is.
    """
    if not numbers.size:
        return True
    bits = np.dtype(f"u{numbers.itemsize}")
    one = numbers.dtype.type(1).view(bits)
    patterns = numbers.view(bits)
    if patterns.nbytes < 1 << 23:
        return bool(patterns.max() <= one)
    # The pass waits for memory, and several cores together wait less.
    longest = int(np.argmax(patterns.shape)) if patterns.flags.f_contiguous else 0
    parts = np.array_split(patterns, 4, axis=longest)
    with ThreadPoolExecutor(len(parts)) as pool:
        return all(pool.map(lambda part: bool(part.max() <= one), parts))


def feature_matrix(
    features: Any, *, name: str = "features", n_rows: int | None = None, nan: bool = False
) -> FloatArray:
    """Numeric features, shape (N, M).

    Parameters
    ----------
    features : array-like of shape (N, M)
    name : str
        Name of the argument, for messages.
    n_rows : int, optional
        The number of rows that is expected.
    nan : bool
        Whether NaN ("missing") is allowed. Infinity never is.

    Raises
    ------
    InputTypeError
        Not array-like.
    InputError
        Not two-dimensional, not numeric, wrong number of rows, infinite (or NaN) values.
    """
    array = as_array(features, name=name)
    if array.ndim != 2:
        remedy = (
            "; for a single column use features.reshape(-1, 1)"
            if array.ndim == 1
            else "; flatten each example, for example features.reshape(len(features), -1)"
        )
        raise InputError(
            f"`{name}` must have shape (N, M), one row per example, got shape {array.shape}{remedy}"
        )
    if n_rows is not None and len(array) != n_rows:
        raise InputError(
            f"`{name}` has {len(array)} rows but the dataset has {n_rows}; give one row per "
            "example, in dataset order"
        )
    if array.shape[1] == 0:
        raise InputError(f"`{name}` has no columns (shape {array.shape}); give at least one")
    numbers = floats(array, name=name)
    # One cheap pass decides; only a matrix that fails it is looked at element by element.
    if not np.isfinite(numbers.sum(dtype=np.float64)):
        bad = np.isinf(numbers) if nan else ~np.isfinite(numbers)
        if bad.any():
            row, column = (int(i) for i in np.argwhere(bad)[0])
            raise InputError(
                f"`{name}` has {numbers[row, column]} in row {row}, column {column} "
                f"({int(bad.any(axis=1).sum())} rows affected); replace or remove such values"
            )
    return numbers


def numeric_labels(values: Any, *, name: str) -> FloatArray:
    """Numbers of a regression, shape (N,): finite, at least one; integers stay integers.

    Raises
    ------
    InputError
        Not one-dimensional (one column is), empty, text, booleans, NaN or infinite.
    """
    try:
        array = as_array(values, name=name)
    except InputTypeError as error:
        raise InputError(str(error)) from error
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or not array.size:
        raise InputError(
            f"`{name}` must be one-dimensional, one number per example, got shape {array.shape}"
        )
    if array.dtype.kind == "b":
        raise InputError(f"`{name}` must be numbers, got booleans; for classes see datalab.filter")
    if array.dtype.kind == "c":
        raise InputError(
            f"Complex data not supported: `{name}` is {array.dtype}, pass its real part"
        )
    numbers = array if array.dtype.kind in "iu" else floats(array, name=name)
    bad = ~np.isfinite(numbers)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"`{name}` has {numbers[at]} in row {at} ({int(bad.sum())} rows affected); fill in or "
            "remove missing values"
        )
    return numbers
