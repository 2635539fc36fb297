"""What columns are to managers and recipes: targets, texts, sources of features."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._data.base import Source
from datalab._data.columns import default_image_key, default_text_key, numeric_columns
from datalab._data.labels import AnyLabels, MultilabelLabels, RegressionLabels
from datalab._data.values import is_missing, objects, whole_numbers

__all__ = ["features_from", "parts", "targets", "texts"]


def features_from(
    source: Source, leave_out: tuple[str, ...], *, image_key: str | None, text_key: str | None
) -> str:
    """What features are made of: what the user named, else numbers, else what there is."""
    if image_key is not None or text_key is not None:
        return "images" if image_key is not None else "text"
    if numeric_columns(source, leave_out=leave_out)[0]:
        return "table"
    if default_image_key(source) is not None:
        return "images"
    return "text" if default_text_key(source, leave_out=leave_out) is not None else "table"


def targets(labels: AnyLabels) -> tuple[Any, NDArray[np.bool_]]:
    """What managers see of labels, and where there is one."""
    if isinstance(labels, RegressionLabels):
        return labels.values, ~np.isnan(labels.values)
    if isinstance(labels, MultilabelLabels):
        sets = [list(codes) for codes in labels.codes]
        return sets, np.array([-1 not in one for one in sets], dtype=bool)
    return labels.codes, labels.codes >= 0


def texts(values: NDArray[Any]) -> list[str]:
    """A column as texts; a missing one is empty."""
    missing = is_missing(values)
    return ["" if gone else str(value) for value, gone in zip(values, missing, strict=True)]


def parts(values: NDArray[Any]) -> NDArray[Any]:
    """The part of the data that each row belongs to, by name; None where it is missing."""
    missing = is_missing(values)
    whole = whole_numbers(values)
    return objects(None if gone else str(one) for gone, one in zip(missing, whole, strict=True))
