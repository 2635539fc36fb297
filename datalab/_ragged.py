"""Lists of unequal length, as flat arrays: boxes of images and tokens of sentences.

Such lists are read once, here. What comes out is one flat array per quantity and `offsets`:
group i owns the entries ``offsets[i]:offsets[i + 1]``. Values are judged by `datalab._check`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._check import (
    as_array,
    class_codes,
    floats,
    labels_and_probs,
    listing,
    same_length,
    unit_interval,
    warn,
)
from datalab._typing import Codes, FloatArray, IndexArray, Probs
from datalab.exceptions import InputError

__all__ = [
    "Boxes",
    "boxes",
    "group_of",
    "groups",
    "offsets_of",
    "sentences",
    "split",
    "token_positions",
    "values_at",
]


def offsets_of(sizes: Iterable[int]) -> IndexArray:
    """Where each group begins, and where the last one ends; shape (N + 1,)."""
    return np.concatenate([[0], np.cumsum(np.fromiter(sizes, dtype=np.intp))]).astype(np.intp)


def group_of(offsets: IndexArray) -> IndexArray:
    """The group of every entry, shape (offsets[-1],)."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def split(values: NDArray[Any], offsets: IndexArray) -> list[NDArray[Any]]:
    """The entries of each group."""
    return np.split(values, offsets[1:-1]) if len(offsets) > 1 else []


def groups(values: Any, name: str, group: str) -> list[Any]:
    """A sequence with one entry per `group` as a list.

    Raises
    ------
    InputError
        Not a sequence.
    """
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__len__"):
        raise InputError(
            f"`{name}` must be a list with one entry per {group}, got {type(values).__name__}"
        )
    return list(values)


# --- sentences -------------------------------------------------------------------------------


def sentences(labels: Any, pred_probs: Any) -> tuple[Codes, Probs, IndexArray]:
    """Labels and probabilities of all tokens, and where each sentence begins.

    Parameters
    ----------
    labels : sequence of N sequences of int
        Classes of the T_i tokens of each sentence.
    pred_probs : sequence of N array-likes of shape (T_i, K)

    Raises
    ------
    InputError
        Something that is not a list per sentence, or sentences of different length or width.
    """
    given = [
        as_array(part, name=f"labels[{at}]")
        for at, part in enumerate(groups(labels, "labels", "sentence"))
    ]
    found = [
        as_array(part, name=f"pred_probs[{at}]")
        for at, part in enumerate(groups(pred_probs, "pred_probs", "sentence"))
    ]
    same_length(labels=given, pred_probs=found)
    for at, (one, two) in enumerate(zip(given, found, strict=True)):
        if one.ndim != 1 or len(two) != len(one) or (two.size and two.ndim != 2):
            raise InputError(
                f"sentence {at} has `labels` of shape {one.shape} and `pred_probs` of shape "
                f"{two.shape}; give one label and one row of K probabilities per token"
            )
    filled = [part for part in found if len(part)]
    widths = {part.shape[1] for part in filled}
    if len(widths) > 1:
        raise InputError(
            f"`pred_probs` has sentences with {sorted(widths)} columns; give one column per class "
            "in every sentence"
        )
    labelled = [part for part in given if len(part)]
    codes, probs = labels_and_probs(
        np.concatenate(labelled) if labelled else [],
        np.concatenate(filled) if filled else np.empty((0, 1)),
    )
    return codes, probs, offsets_of(map(len, given))


def sentence_rows(issues: Any, tokens: Sequence[Sequence[str]]) -> list[int]:
    """Issues given as sentences, all of which exist in `tokens`.

    Raises
    ------
    InputError
        Not integers, or one outside `tokens`.
    """
    rows = as_array(issues, name="issues")
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= len(tokens):
        raise InputError(
            f"`issues` must be positions of the {len(tokens)} sentences, got {listing(issues)}"
        )
    listed: list[int] = rows.tolist()
    return listed


def token_positions(issues: Any, tokens: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Issues given as (sentence, token) pairs, all of which exist in `tokens`.

    Raises
    ------
    InputError
        Something else than pairs, or a pair outside `tokens`.
    """
    pairs = as_array(groups(issues, "issues", "issue"), name="issues")
    if pairs.size and (pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu"):
        raise InputError(
            "`issues` must be a list of (sentence, token) positions, as find_label_issues returns "
            f"it, got {listing(issues)}"
        )
    positions = [(int(sentence), int(token)) for sentence, token in pairs.reshape(-1, 2)]
    for sentence, token in positions:
        if not (0 <= sentence < len(tokens) and 0 <= token < len(tokens[sentence])):
            raise InputError(
                f"`issues` has {(sentence, token)}, but `tokens` has no such token; give the "
                "sentences that the issues were found in"
            )
    return positions


def values_at(positions: Sequence[tuple[int, int]], values: Any, name: str) -> NDArray[Any]:
    """The entries of nested lists at (sentence, token) positions, as one array.

    Raises
    ------
    InputError
        There is no such entry.
    """
    try:
        return np.array([values[sentence][token] for sentence, token in positions])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"`{name}` does not have one entry for each of the `tokens`: {error}"
        ) from error


# --- boxes -----------------------------------------------------------------------------------


class Boxes(NamedTuple):
    """The boxes of all images, one image after the other."""

    bboxes: FloatArray  # (n, 4): x1, y1, x2, y2
    classes: Codes  # (n,)
    probs: FloatArray  # (n,): 1 for boxes that people drew
    offsets: IndexArray  # (N + 1,)


def boxes(labels: Any, predictions: Any, auxiliary_inputs: Any = None) -> tuple[Boxes, Boxes, int]:
    """Annotated boxes, predicted boxes and the number of classes.

    Parameters
    ----------
    labels : sequence of N mappings
        ``{"bboxes": (L, 4), "labels": (L,)}`` per image.
    predictions : sequence of N sequences
        Per image one array (P, 5) for each class: x1, y1, x2, y2, probability.
    auxiliary_inputs : sequence of N mappings, optional
        In place of both: ``lab_bboxes, lab_labels, pred_bboxes, pred_labels, pred_label_probs``.

    Raises
    ------
    InputError
        Something is missing, of another kind, length or width, or not a number.
    """
    if auxiliary_inputs is not None:
        return _from_auxiliary(auxiliary_inputs)
    if labels is None or predictions is None:
        raise InputError("give both `labels` and `predictions` (or `auxiliary_inputs`)")
    labels, predictions = (
        groups(labels, "labels", "image"),
        groups(predictions, "predictions", "image"),
    )
    if len(labels) != len(predictions):
        raise InputError(
            f"`labels` has {len(labels)} images but `predictions` has {len(predictions)}; give "
            "one entry per image, in the same order"
        )
    annotated = _annotated(labels, "labels", "bboxes", "labels")
    predicted, n_classes = _predicted(predictions)
    highest = int(annotated.classes.max(initial=-1))
    if labels and highest >= n_classes:
        raise InputError(
            f"`labels` names class {highest} but `predictions` has {n_classes} arrays per image; "
            "give one array per class, empty where nothing was found"
        )
    return annotated, predicted, n_classes


def _annotated(images: list[Any], name: str, bboxes: str, classes: str) -> Boxes:
    """Boxes and their classes from one mapping per image."""
    for at, image in enumerate(images):
        if not isinstance(image, Mapping) or bboxes not in image or classes not in image:
            got = list(image) if isinstance(image, Mapping) else type(image).__name__
            raise InputError(
                f"`{name}[{at}]` must be a dict with the keys {bboxes!r} and {classes!r}, got {got}"
            )
    corners, offsets = _stack([image[bboxes] for image in images], 4, f"{name}[…][{bboxes!r}]")
    given = [as_array(image[classes], name=f"{name}[{at}]") for at, image in enumerate(images)]
    for at, (count, codes) in enumerate(zip(np.diff(offsets), given, strict=True)):
        if codes.ndim != 1 or len(codes) != count:
            raise InputError(
                f"`{name}[{at}]` has {count} boxes in {bboxes!r} but {classes!r} of shape "
                f"{codes.shape}; give one class per box"
            )
    filled = [codes for codes in given if len(codes)]
    codes = class_codes(np.concatenate(filled) if filled else [], name=f"{name}[…][{classes!r}]")
    _warn_if_flipped(corners, name)
    return Boxes(corners, codes, np.ones(len(codes)), offsets)


def _predicted(images: list[Any]) -> tuple[Boxes, int]:
    """Predicted boxes from one array per image and class, and the number of classes."""
    for at, image in enumerate(images):
        if not hasattr(image, "__len__") or isinstance(image, (str, bytes, Mapping)):
            raise InputError(
                f"`predictions[{at}]` must be a list of arrays (P, 5), one per class, got "
                f"{type(image).__name__}"
            )
    n_classes = len(images[0]) if images else 0
    odd = [at for at, image in enumerate(images) if len(image) != n_classes]
    if odd:
        raise InputError(
            f"`predictions[{odd[0]}]` has {len(images[odd[0]])} arrays but `predictions[0]` has "
            f"{n_classes}; give one array (P, 5) per class, empty where nothing was found"
        )
    pieces = [piece for image in images for piece in image]
    rows, piece_offsets = _stack(pieces, 5, "predictions[…]")
    classes = np.tile(np.arange(n_classes), len(images))
    codes = class_codes(np.repeat(classes, np.diff(piece_offsets)))
    offsets = piece_offsets[:: max(1, n_classes)] if images else piece_offsets
    _warn_if_flipped(rows[:, :4], "predictions")
    probs = unit_interval(rows[:, 4], name="predictions")
    return Boxes(rows[:, :4], codes, probs, offsets), n_classes


def _from_auxiliary(auxiliary_inputs: Any) -> tuple[Boxes, Boxes, int]:
    images = groups(auxiliary_inputs, "auxiliary_inputs", "image")
    annotated = _annotated(images, "auxiliary_inputs", "lab_bboxes", "lab_labels")
    predicted = _annotated(images, "auxiliary_inputs", "pred_bboxes", "pred_labels")
    filled = [image["pred_label_probs"] for image in images if "pred_label_probs" in image]
    if filled:
        name = "auxiliary_inputs[…]['pred_label_probs']"
        probs = unit_interval(np.concatenate(filled).astype(np.float64), name=name)
        same_length(pred_bboxes=predicted.bboxes, pred_label_probs=probs)
        predicted = predicted._replace(probs=probs)
    n_classes = 1 + max(int(found.classes.max(initial=-1)) for found in (annotated, predicted))
    return annotated, predicted, n_classes


def _stack(pieces: Sequence[Any], width: int, name: str) -> tuple[FloatArray, IndexArray]:
    """Tables of `width` columns under each other, float64, and where each of them begins."""
    tables = [np.asarray(piece) for piece in pieces]
    for table in tables:
        if table.size and (table.ndim != 2 or table.shape[1] != width):
            columns = "x1, y1, x2, y2" + (", probability" if width == 5 else "")
            raise InputError(
                f"`{name}` must be arrays with {width} columns ({columns}), got shape {table.shape}"
            )
    filled = [table for table in tables if table.size]
    stacked = np.concatenate(filled) if filled else np.empty((0, width))
    rows = floats(stacked, name=name).astype(np.float64, copy=False)
    if not np.isfinite(rows).all():
        at = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise InputError(f"`{name}` holds a box that is not finite: {rows[at].tolist()}")
    return rows, offsets_of(len(table) if table.size else 0 for table in tables)


def _warn_if_flipped(corners: FloatArray, name: str) -> None:
    flipped = (corners[:, 2:] < corners[:, :2]).any(axis=1)
    if flipped.any():
        at = int(flipped.argmax())
        warn(
            f"`{name}` has {int(flipped.sum())} boxes with x2 < x1 or y2 < y1, for example "
            f"{corners[at].tolist()}; boxes are [x1, y1, x2, y2], not [x, y, width, height]"
        )
