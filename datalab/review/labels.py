"""The labels of a review: what a person or a ledger calls one, and what an audit suggests."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from datalab._check import did_you_mean, listing
from datalab._data.labels import AnyLabels, MultilabelLabels, RegressionLabels
from datalab._typing import IndexArray
from datalab.audit import Outcome
from datalab.exceptions import InputError, InputTypeError
from datalab.review.ledger import json_value

__all__ = ["label_reader", "one_for_each", "suggestions"]


def label_reader(labels: AnyLabels, classes: Sequence[Any]) -> Callable[[Any], Any]:
    """A function that tells the label that a value (from Python, a ledger, a text field) means.

    It raises an `InputError` where there is no such class, or the value is no number.
    """
    if isinstance(labels, RegressionLabels):
        return _number
    by_value = {repr(json_value(one)): one for one in classes}
    by_text = {str(one): one for one in classes}

    def class_of(value: Any) -> Any:
        for key, table in ((repr(json_value(value)), by_value), (str(value), by_text)):
            if key in table:
                return table[key]
        same = [one for one in classes if isinstance(value, (int, float)) and one == value]
        if same and not isinstance(value, bool) and not isinstance(same[0], bool):
            return same[0]  # 1.0 where the class is 1: gaps have made the column floats
        raise InputError(
            f"`label` is {value!r}, which is no class: {did_you_mean(str(value), by_text)}"
        )

    def set_of(value: Any) -> list[Any]:
        if not _is_list(value):
            raise InputTypeError(
                f"`label` must be a list of classes such as {list(classes[:2])!r}, got {value!r}"
            )
        return list(dict.fromkeys(map(class_of, value)))

    return set_of if isinstance(labels, MultilabelLabels) else class_of


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"`label` must be a number, got {value!r}")
    return number


def _is_list(value: Any) -> bool:
    """Whether a value holds others, in an order or not."""
    return hasattr(value, "__iter__") and not isinstance(value, (str, bytes, Mapping))


def one_for_each(value: Any, labels: AnyLabels, rows: Sequence[Any]) -> list[Any]:
    """The value of each row, from one for all of them or a sequence with one for each.

    Raises
    ------
    InputError
        Another number of values than rows, or values without an order.
    """
    if isinstance(value, (Mapping, set, frozenset)) and not (
        isinstance(labels, MultilabelLabels) and not isinstance(value, Mapping)
    ):
        raise InputTypeError(
            f"`label` is a {type(value).__name__}, which has no order; give a list with one label "
            "for each row"
        )
    listed = _is_list(value) and not isinstance(value, (set, frozenset))
    listed = listed and getattr(value, "ndim", 1) > 0
    values = list(value) if listed and not isinstance(value, tuple) else [value]
    if isinstance(labels, MultilabelLabels):
        listed = listed and any(map(_is_list, values))
    if not listed or isinstance(value, tuple):  # a tuple may be a class
        return [value] * len(rows)
    if len(values) != len(rows):
        raise InputError(
            f"`label` has {len(values)} values for {len(rows)} rows, {listing(list(rows))}; give "
            "one label for all of them, or one for each"
        )
    return values


def suggestions(outcome: Outcome, at: IndexArray, n_rows: int, classes: Sequence[Any]) -> list[Any]:
    """The label that a check suggests for each of some rows; None where it suggests none.

    That is its column ``predicted_label`` or ``consensus_label``.
    """
    found: list[Any] = [None] * len(at)
    findings = outcome.findings
    offered = ("predicted_label", "consensus_label")
    column = next((c for c in offered if findings is not None and c in findings.columns), None)
    if findings is None or column is None:
        return found
    values = findings.columns[column]
    by_code = outcome.spec.produces.get(column) == "class" and len(classes) > 0
    where = at
    if findings.rows is not None:
        place = np.full(n_rows, -1, dtype=np.intp)
        place[findings.rows] = np.arange(len(findings.is_issue))
        where = place[at]
    for i, one in enumerate(where.tolist()):
        if one >= 0:
            value = values[one]
            value = value.item() if isinstance(value, np.generic) else value
            found[i] = (classes[value] if value >= 0 else None) if by_code else value
    return found
