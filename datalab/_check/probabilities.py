"""Predicted probabilities, and the labels that they belong to: whole or in blocks of rows."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from datalab._check.arrays import as_array, floats, same_length, unit_interval
from datalab._check.classes import class_codes
from datalab._check.on_read import CheckedOnRead
from datalab._stack import Stack, spilled
from datalab._typing import Codes, Probs
from datalab.exceptions import InputError

__all__ = [
    "labels_and_probs",
    "pixel_arrays",
    "probabilities",
    "some_rows",
]

Checked = TypeVar("Checked", Codes, Probs)


def probabilities(pred_probs: Any, *, name: str = "pred_probs", on_read: bool = False) -> Probs:
    """Predicted class probabilities, shape (N, K), in [0, 1].

    Row sums are not judged here (DECISIONS 13). Values outside [0, 1] by rounding are clipped
    (in a copy), silently up to 1e-6 and with a warning up to 1e-3. With `on_read`, values are
    checked when they are read: see `CheckedOnRead` for who may ask for that.

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
    if on_read:
        unread: Any = CheckedOnRead(floats(array, name=name), name=name)
        return Probs(unread)
    return Probs(unit_interval(array, name=name))


def labels_and_probs(labels: Any, pred_probs: Any, *, on_read: bool = False) -> tuple[Codes, Probs]:
    """Labels and predicted probabilities that belong together, whole or in blocks of rows.

    Blocks are a list or an iterator of arrays: of shape (n,) for labels, (n, K) for probabilities.
    Blocks of labels are put together, those of probabilities become a `datalab._stack.Stack`.
    For `on_read` see `probabilities`.

    Raises
    ------
    InputError
        Different lengths, or a label for which `pred_probs` has no column.
    """
    codes = class_codes(_joined(labels))
    in_blocks = _is_iterator(pred_probs) or _are_blocks(pred_probs, ndim=2)
    probs = (
        _stacked(pred_probs, on_read) if in_blocks else probabilities(pred_probs, on_read=on_read)
    )
    same_length(labels=codes, pred_probs=probs)
    if not len(codes):
        raise InputError("`labels` and `pred_probs` are empty; give at least one example")
    if codes.size and int(codes.max()) >= probs.shape[1]:
        raise InputError(
            f"`pred_probs` has {probs.shape[1]} columns but `labels` goes up to "
            f"{int(codes.max())}; give one column per class, column k for label k"
        )
    return codes, probs


def some_rows(checked: Checked, rows: NDArray[Any]) -> Checked:
    """Rows of a checked array, by number or by mask: they need no check."""
    return cast("Checked", checked[rows])


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


def _stacked(parts: Iterable[Any], on_read: bool) -> Probs:
    """Blocks of probabilities as one matrix; those of an iterator are kept in a temporary file."""
    stay = isinstance(parts, (list, tuple))
    checked = (
        probabilities(part, name=f"block {at} of pred_probs", on_read=on_read and stay)
        for at, part in enumerate(parts)
    )
    blocks = list(checked) if stay else spilled(checked)
    widths = {block.shape[1] for block in blocks}
    if len(widths) != 1:
        raise InputError(
            f"the blocks of `pred_probs` have {sorted(widths) or 'no'} columns; give one column "
            "per class in every block"
        )
    stack: Any = blocks[0] if len(blocks) == 1 else Stack(blocks)
    return Probs(stack)


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
