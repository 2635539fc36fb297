"""A lab over some of its rows: what is cut, what is kept, what has to be made again."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from datalab._check import class_codes, finite_number
from datalab._core.duplicate import kept_rows, pairs_of, set_ids
from datalab._data.labels import AnyLabels, Labels, MultilabelLabels, RegressionLabels, encode
from datalab._data.roles import targets
from datalab._data.source import Source, open_source
from datalab._data.values import whole_numbers
from datalab._typing import BoolArray, IndexArray
from datalab.artefacts import Artefact, select
from datalab.audit import Outcome, Step
from datalab.exceptions import InputError
from datalab.findings import Findings
from datalab.managers.base import Kind

if TYPE_CHECKING:
    from datalab.lab import Datalab

__all__ = [
    "corrected_labels",
    "edited",
    "narrowed",
    "narrowed_findings",
    "narrowed_step",
    "to_drop",
]

NOTHING = np.empty(0, dtype=np.intp)


def edited(
    source: Source, label_name: str | None, at: IndexArray, labels: Sequence[Any], rows: IndexArray
) -> Any:
    """Some rows of the user's data, with other labels at some positions, in the user's type."""
    if len(at) and label_name is not None:
        source = open_source(
            source.with_values(label_name, at, _as_held(source, label_name, labels))
        )
    return source.native(rows)


def _as_held(source: Source, name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Whole numbers as integers, where the column holds integers."""
    if not all(isinstance(value, float) and value.is_integer() for value in values):
        return values
    held = whole_numbers(source.sample(name))
    return values if held.dtype.kind == "f" else [int(value) for value in values]


def corrected_labels(labels: AnyLabels, at: IndexArray, values: Sequence[Any]) -> AnyLabels:
    """The labels with other values at some positions."""
    if isinstance(labels, RegressionLabels):
        numbers = labels.values.copy()
        numbers[at] = values
        return replace(labels, values=numbers)
    if isinstance(labels, MultilabelLabels):
        sets = list(labels.codes)
        for place, value in zip(at.tolist(), values, strict=True):
            sets[place] = encode(sorted(set(value), key=labels.classes.index), labels.classes)
        return replace(labels, codes=tuple(sets))
    codes = np.array(labels.codes)
    codes[at] = encode(values, labels.classes)
    return Labels(class_codes(codes, name="labels", missing=True), labels.classes)


def _cut(labels: AnyLabels, rows: IndexArray) -> AnyLabels:
    if isinstance(labels, RegressionLabels):
        return replace(labels, values=labels.values[rows])
    if isinstance(labels, MultilabelLabels):
        return replace(labels, codes=tuple(labels.codes[i] for i in rows))
    return Labels(class_codes(labels.codes[rows], name="labels", missing=True), labels.classes)


def to_drop(outcome: Outcome, below: float | None = None) -> BoolArray:
    """Which of the rows that a check looked at are dropped: those that it flags.

    With `below`, those whose score is lower. What a check wants to keep (its column ``is_kept``:
    one of each set of duplicates) stays.
    """
    findings = outcome.findings
    if findings is None or (not len(findings.is_issue) and findings.flagged):
        reason = outcome.reason or "the finding is about the data set, not about rows"
        raise InputError(f"nothing to drop for {outcome.name!r}: {reason}")
    drop = (
        findings.is_issue if below is None else findings.score < finite_number(below, name="below")
    )
    if "is_kept" in findings.columns:
        drop = drop & ~np.asarray(findings.columns["is_kept"], dtype=bool)
    elif "near_duplicate_sets" in findings.columns:  # found under the rules of the reference
        pairs = pairs_of(findings.columns["near_duplicate_sets"], findings.positions())
        drop = drop & ~kept_rows(set_ids(pairs, len(drop)))
    return drop


def narrowed_step(step: Step, rows: IndexArray) -> Step:
    """A step whose own arrays are cut to some rows."""
    given = {name: select(name, Artefact(v, 0, 0), rows) for name, v in step.given.items()}
    return replace(step, given=given)


def narrowed_findings(found: Findings, rows: IndexArray, produces: Mapping[str, Kind]) -> Findings:
    """Findings about those rows that stay, told in their new positions.

    Other rows that are named and did not stay become -1, or are left out of lists of rows. A
    duplicate of which no other is left is none any more.
    """
    if not len(found.is_issue):
        return found
    positions = found.positions()
    new = np.full(int(max(rows.max(initial=-1), positions.max())) + 1, -1, dtype=np.intp)
    new[rows] = np.arange(len(rows))
    stay = new[positions] >= 0

    def cut(name: str, value: Any) -> Any:
        if not hasattr(value, "__len__") or isinstance(value, (str, dict)):
            return value
        if len(value) != len(stay):
            return value
        kind = produces.get(name)
        if isinstance(value, np.ndarray) and value.dtype != object:
            left = value[stay]
            return np.where(left >= 0, new[left], -1) if kind == "row" else left
        listed = [value[i] for i in np.flatnonzero(stay)]
        if kind == "rows":
            listed = [new[np.asarray(one, dtype=np.intp)] for one in listed]
            listed = [one[one >= 0] for one in listed]
        if not isinstance(value, np.ndarray):
            return listed
        whole = np.empty(len(listed), dtype=object)
        whole[:] = listed
        return whole

    places = new[positions[stay]]
    left = replace(
        found,
        is_issue=found.is_issue[stay],
        score=found.score[stay],
        columns={name: cut(name, value) for name, value in found.columns.items()},
        info={name: cut(name, value) for name, value in found.info.items()},
        rows=None if found.rows is None and len(places) == len(rows) else places,
        flagged=None,
    )
    return _without_lost_sets(left) if "near_duplicate_sets" in left.columns else left


def _without_lost_sets(found: Findings) -> Findings:
    """Findings in which a flagged row without any duplicate left is flagged no more."""
    others = found.columns["near_duplicate_sets"]
    alone = found.is_issue & np.array([not len(one) for one in others], dtype=bool)
    columns, info = dict(found.columns), dict(found.info)
    if "near_duplicate_set" in columns:
        ids = np.where(alone, -1, columns["near_duplicate_set"])
        columns["near_duplicate_set"] = ids
        info["num_sets"] = len(np.unique(ids[ids >= 0]))
    return replace(
        found,
        is_issue=found.is_issue & ~alone,
        score=np.where(alone, 1.0, found.score),
        columns=columns,
        info=info,
        flagged=None,
    )


def narrowed(
    lab: "Datalab",
    rows: IndexArray,
    step: str,
    *,
    at: IndexArray = NOTHING,
    labels: Sequence[Any] = (),
) -> "Datalab":
    """A lab over some of the rows, with some labels corrected.

    Parameters
    ----------
    lab : Datalab
        Not changed.
    rows : ndarray of int
        Positions of the rows that stay, ascending.
    step : str
        What was done, for the history.
    at, labels
        Positions in `lab` (of rows that stay) and their new labels.

    Returns
    -------
    Datalab
        Over rows of the user's own type. Earlier findings are cut to the rows that stay.
    """
    if not len(rows):
        raise InputError(f"{step}: no row would stay; drop fewer")
    other = copy.copy(lab)
    other.data = edited(lab._source, lab.label_name, at, labels, rows)
    other._source = open_source(other.data)
    if lab._labels is not None:
        other._labels = _cut(corrected_labels(lab._labels, at, labels), rows)
    dropped, corrected = len(lab) - len(rows), len(at)
    told = [f"{dropped} rows were dropped"] if dropped else []
    told += [f"{corrected} labels were corrected"] if corrected else []
    other._outcomes = {
        name: _kept_outcome(outcome, rows, f"found before {' and '.join(told)}" if told else "")
        for name, outcome in lab._outcomes.items()
    }
    other._artefacts = lab._artefacts.narrow(rows)
    if other._labels is not None and corrected:
        values, labelled = targets(other._labels)
        gaps = None if labelled.all() else np.flatnonzero(labelled)
        other._artefacts.read("labels", values, rows=gaps)
    other.chains, other._before = [], {}
    other._forget(rows=lab.rows[rows])
    line = {"step": step, "rows_in": len(lab), "flagged": None, "rows_out": len(rows)}
    other._history = [*lab._history, line | {"relabelled": corrected}]
    return other


def _kept_outcome(outcome: Outcome, rows: IndexArray, note: str) -> Outcome:
    if outcome.findings is None or not note:
        return outcome
    findings = narrowed_findings(outcome.findings, rows, outcome.spec.produces)
    notes = tuple(one for one in outcome.notes if not one.startswith("found before"))
    return replace(outcome, findings=findings, notes=(*notes, note))
