"""The only validator: what comes from outside is checked here once, and branded.

The arithmetic (`datalab._core`) takes only what these functions return, so nothing is checked
twice. Nothing here changes the caller's objects; arrays are copied only where their kind of
number has to change.
"""

import difflib
import itertools
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._stack import Stack, spilled
from datalab._typing import BoolArray, Codes, FloatArray, Probs
from datalab.exceptions import InputError, InputTypeError, InputWarning, OptionError

__all__ = [
    "as_array",
    "choice",
    "class_codes",
    "class_name_list",
    "class_thresholds",
    "codes_within",
    "did_you_mean",
    "feature_matrix",
    "finite_number",
    "floats",
    "jobs",
    "keywords",
    "label_sets",
    "label_sets_and_probs",
    "labels_and_probs",
    "listing",
    "multilabel_joint",
    "named_classes",
    "numeric_labels",
    "one_vs_rest",
    "per_class_matrices",
    "pixel_arrays",
    "probabilities",
    "random_stream",
    "removals_per_class",
    "same_length",
    "square_matrix",
    "two_classes",
    "unit_interval",
    "unit_number",
    "warn",
    "whole_number",
]

# A probability may leave [0, 1] by this much through rounding; beyond it we say so (DECISIONS 13).
ROUNDING = 1e-6
# Beyond this much outside [0, 1] the numbers are no probabilities.
MAX_EXCESS = 1e-3


def warn(message: str, category: type[Warning] = InputWarning) -> None:
    """Warn, pointing at the line outside this package that led here."""
    level = 2
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("datalab."):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)


def listing(values: Iterable[Any], limit: int = 5) -> str:
    """The first few values as text, for messages."""
    values = list(values)
    shown = ", ".join(repr(v)[:60] for v in values[:limit])
    return f"[{shown}{', …' if len(values) > limit else ''}]"


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """A closing sentence for "unknown name" messages: the closest name, or all of them."""
    options = [str(option) for option in options]
    close = difflib.get_close_matches(str(name), options, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}? Known: {', '.join(options)}"
    return f"known: {', '.join(options)}" if options else "there are none"


def choice(
    value: Any,
    options: Iterable[str],
    *,
    name: str,
    error: type[InputError] = InputError,
) -> str:
    """Return `value` if it is one of `options`; otherwise raise `error` and suggest one."""
    options = list(options)
    if not isinstance(value, str) or value not in options:
        raise error(f"`{name}` is {value!r}; {did_you_mean(str(value), options)}")
    return value


def as_array(values: Any, *, name: str) -> NDArray[Any]:
    """Any array-like (list, ndarray, DataFrame, Series, memory map, torch, JAX) as an ndarray.

    Raises
    ------
    InputTypeError
        For None, text, numbers, sets and iterators, which are not arrays.
    InputError
        For nested lists of unequal length.
    """
    if values is None or isinstance(values, (str, bytes, bool, int, float, complex, dict, set)):
        raise InputTypeError(
            f"`{name}` must be array-like (list, array, Series, …), got {type(values).__name__}"
        )
    if not (hasattr(values, "__array__") or isinstance(values, Sequence)):
        raise InputTypeError(
            f"`{name}` must be array-like (list, array, Series, …), got {type(values).__name__};"
            " for an iterator pass list(…) of it"
        )
    if hasattr(values, "toarray"):
        raise InputTypeError(
            f"`{name}` is a sparse matrix; pass {name}.toarray(), or reduce it first, for example "
            "with sklearn.decomposition.TruncatedSVD"
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
            raise InputError(f"{wanted}, got {float(numbers[at])} in row {at}")
        array = numbers
    codes = array.astype(np.int64, copy=False)
    if codes.size and int(codes.min()) < lowest:
        at = int(np.flatnonzero(codes < lowest)[0])
        raise InputError(f"{wanted}, got {int(codes[at])} in row {at}")
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


def probabilities(pred_probs: Any, *, name: str = "pred_probs") -> Probs:
    """Predicted class probabilities, shape (N, K), in [0, 1].

    Row sums are not judged here (DECISIONS 13). Values outside [0, 1] by rounding are clipped
    (in a copy), silently up to 1e-6 and with a warning up to 1e-3.

    Raises
    ------
    InputTypeError
        Not array-like.
    InputError
        Not two-dimensional, not numeric, NaN or infinite, or outside [0, 1] by more than 1e-3.
    """
    array = as_array(pred_probs, name=name)
    if array.ndim != 2:
        raise InputError(
            f"`{name}` must have shape (N, K), one row per example and one column per class, "
            f"got shape {array.shape}"
        )
    return Probs(unit_interval(array, name=name))


def unit_interval(array: NDArray[Any], *, name: str) -> FloatArray:
    """Numbers in [0, 1] as float32 or float64; see `probabilities` for the tolerance."""
    numbers = floats(array, name=name)
    if numbers.size == 0 or _surely_in_unit_interval(numbers):
        return numbers
    lowest, highest = float(numbers.min()), float(numbers.max())
    # NaN makes both comparisons false, infinity makes the second one false.
    if lowest >= 0.0 and highest <= 1.0:
        return numbers
    excess = max(-lowest, highest - 1.0)
    if not excess <= MAX_EXCESS:
        bad = ~((numbers >= -MAX_EXCESS) & (numbers <= 1.0 + MAX_EXCESS))
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"`{name}` must be probabilities in [0, 1], got {numbers[at]} in row {at[0]}; pass "
            "the output of predict_proba (for logits apply softmax first)"
        )
    if excess > ROUNDING:
        warnings.warn(
            f"`{name}` leaves [0, 1] by up to {excess:.2g}; such values are clipped",
            InputWarning,
            stacklevel=4,
        )
    return np.clip(numbers, 0.0, 1.0)


def _surely_in_unit_interval(numbers: FloatArray) -> bool:
    """Whether all numbers lie in [0, 1], found out in one pass (-0.0 is not sure).

    Read as unsigned integers, floats from 0 to 1 keep their order, and everything else (negative,
    above 1, infinite, NaN) is larger than 1.0 is.
    """
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


def labels_and_probs(labels: Any, pred_probs: Any) -> tuple[Codes, Probs]:
    """Labels and predicted probabilities that belong together, whole or in blocks of rows.

    Blocks are a list or an iterator of arrays: of shape (n,) for labels, (n, K) for probabilities.
    Blocks of labels are put together, those of probabilities become a `datalab._stack.Stack`.

    Raises
    ------
    InputError
        Different lengths, or a label for which `pred_probs` has no column.
    """
    codes = class_codes(_joined(labels))
    in_blocks = _is_iterator(pred_probs) or _are_blocks(pred_probs, ndim=2)
    probs = _stacked(pred_probs) if in_blocks else probabilities(pred_probs)
    same_length(labels=codes, pred_probs=probs)
    if not len(codes):
        raise InputError("`labels` and `pred_probs` are empty; give at least one example")
    if codes.size and int(codes.max()) >= probs.shape[1]:
        raise InputError(
            f"`pred_probs` has {probs.shape[1]} columns but `labels` goes up to "
            f"{int(codes.max())}; give one column per class, column k for label k"
        )
    return codes, probs


def _is_iterator(values: Any) -> bool:
    """Whether values come one after the other, and are not an array or a sequence."""
    if hasattr(values, "__array__") or isinstance(values, (str, bytes, Mapping, Set, Sequence)):
        return False
    return isinstance(values, Iterable)


def _are_blocks(values: Any, *, ndim: int) -> bool:
    """Whether a list holds arrays with `ndim` dimensions."""
    return (
        isinstance(values, (list, tuple))
        and len(values) > 0
        and all(getattr(block, "ndim", None) == ndim for block in values)
    )


def _joined(labels: Any) -> Any:
    """Blocks of labels as one array; an iterator of labels as a list."""
    values = list(labels) if _is_iterator(labels) else labels
    if not _are_blocks(values, ndim=1):
        return values
    return np.concatenate([class_codes(block) for block in values])


def _stacked(parts: Iterable[Any]) -> Probs:
    """Blocks of probabilities as one matrix; those of an iterator are kept in a temporary file."""
    checked = (
        probabilities(part, name=f"block {at} of pred_probs") for at, part in enumerate(parts)
    )
    blocks = list(checked) if isinstance(parts, (list, tuple)) else spilled(checked)
    widths = {block.shape[1] for block in blocks}
    if len(widths) != 1:
        raise InputError(
            f"the blocks of `pred_probs` have {sorted(widths) or 'no'} columns; give one column "
            "per class in every block"
        )
    stack: Any = blocks[0] if len(blocks) == 1 else Stack(blocks)
    return Probs(stack)


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


def unit_number(value: Any, *, name: str) -> float:
    """A number in [0, 1], such as a threshold."""
    if isinstance(value, (str, bytes)) or not 0.0 <= float(value) <= 1.0:
        raise InputError(f"`{name}` must be a number in [0, 1], got {value!r}")
    return float(value)


def finite_number(value: Any, *, name: str) -> float:
    """A number that is neither infinite nor NaN."""
    if isinstance(value, (str, bytes)) or not np.isfinite(value):
        raise InputError(f"`{name}` must be a finite number, got {value!r}")
    return float(value)


def two_classes(labels: Codes) -> None:
    """Raise InputError unless at least two different labels are there."""
    if not labels.size or labels.min() == labels.max():
        told = f"all are {int(labels[0])}" if labels.size else "there are none"
        raise InputError(
            f"`labels` must name at least 2 different classes, {told}; with one class there is "
            "nothing a label could be confused with"
        )


def square_matrix(values: Any, *, name: str, size: int | None = None) -> FloatArray:
    """A matrix over pairs of classes, shape (K, K): finite numbers, none negative.

    Raises
    ------
    InputError
        Not square, not of the expected `size`, negative or not finite.
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
    return numbers


def jobs(n_jobs: int | None) -> None:
    """Raise OptionError unless `n_jobs` is None or at least 1; results never depend on it."""
    if n_jobs is not None and not n_jobs >= 1:
        raise OptionError(f"`n_jobs` is {n_jobs!r}; give a number >= 1, or None for all cores")


def keywords(
    options: Mapping[str, Any] | None, known: Iterable[str], *, name: str
) -> dict[str, Any]:
    """A mapping of keyword arguments as a new dict; None is empty.

    Raises
    ------
    InputTypeError
        Not a mapping, or a keyword that is not known.
    """
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise InputTypeError(f"`{name}` must be a dict, got {type(options).__name__}")
    for option in options:
        if option not in known:
            raise InputTypeError(f"`{name}` has {option!r}; {did_you_mean(str(option), known)}")
    return dict(options)


def whole_number(value: Any, *, name: str, least: int) -> int:
    """An integer (Python's or numpy's) of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"`{name}` must be an integer >= {least}, got {value!r}")
    return int(value)


def random_stream(random_state: Any) -> np.random.RandomState | np.random.Generator:
    """Where to draw from: numpy's global stream for None, a new one for a seed.

    Raises
    ------
    InputTypeError
        Not None, an integer, a ``RandomState`` or a ``Generator``.
    """
    if random_state is None:
        stream: np.random.RandomState = np.random.mtrand._rand  # callers of None seed np.random
        return stream
    if isinstance(random_state, (np.random.RandomState, np.random.Generator)):
        return random_state
    if isinstance(random_state, (int, np.integer)):
        return np.random.RandomState(random_state)
    raise InputTypeError(
        "`random_state` must be None, an integer, a RandomState or a Generator, got "
        f"{type(random_state).__name__}"
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


def codes_within(labels: Any, n_classes: int) -> Codes:
    """Class labels as codes 0..n_classes-1, for a joint of known size."""
    codes = class_codes(labels)
    if codes.size and int(codes.max()) >= n_classes:
        raise InputError(
            f"`labels` goes up to {int(codes.max())} but the joint has {n_classes} classes"
        )
    return codes


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


def label_sets(labels: Any, n_classes: int) -> BoolArray:
    """Which classes each example is labelled with, shape (N, K), from a list of lists of classes.

    Raises
    ------
    InputTypeError
        Not a list with one list per example.
    InputError
        A class that is not an integer 0..K-1.
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
        raise InputTypeError(f"`labels` has {row!r:.60} in place of a list; {remedy}")
    lengths = np.fromiter((len(row) for row in rows), dtype=np.intp, count=len(rows))
    flat = list(itertools.chain.from_iterable(rows))
    classes = class_codes(np.asarray(flat) if flat else np.empty(0, np.int64))
    if classes.size and int(classes.max()) >= n_classes:
        raise InputError(
            f"`pred_probs` has {n_classes} columns but `labels` goes up to {int(classes.max())}; "
            "give one column per class, column k for class k"
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


def multilabel_joint(confident_joint: Any, n_classes: int) -> FloatArray | None:
    """A confident joint of shape (K, 2, 2); a (K, K) one says nothing and is ignored."""
    if confident_joint is None:
        return None
    joint = as_array(confident_joint, name="confident_joint")
    if joint.shape == (n_classes, n_classes):
        warnings.warn(
            f"`confident_joint` has shape {joint.shape} and is ignored; the one to use has shape "
            f"({n_classes}, 2, 2): datalab.count.compute_confident_joint(…, multi_label=True)",
            InputWarning,
            stacklevel=3,
        )
        return None
    return per_class_matrices(joint, name="confident_joint", n_classes=n_classes)


def pixel_arrays(labels: Any, pred_probs: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Labels (N, H, W) and probabilities (N, K, H, W) of images that belong together.

    Only shapes are judged: values are checked block by block when they are read, so that memory
    maps stay on disk.

    Raises
    ------
    InputTypeError
        Not array-like.
    InputError
        Shapes that do not fit.
    """
    given, found = as_array(labels, name="labels"), as_array(pred_probs, name="pred_probs")
    if given.ndim != 3 or found.ndim != 4:
        raise InputError(
            "`labels` must have shape (N, H, W) and `pred_probs` shape (N, K, H, W), got "
            f"{given.shape} and {found.shape}"
        )
    n_images, _, *size = found.shape
    if given.shape != (n_images, *size):
        raise InputError(
            f"`labels` of shape {given.shape} (N, H, W) does not fit `pred_probs` of shape "
            f"{found.shape} (N, K, H, W); both need the same images and pixels"
        )
    return given, found


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
