"""What a review does to an audit: corrected labels, excluded rows, confirmed findings."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from datalab import audit
from datalab._data.roles import targets
from datalab._typing import IndexArray
from datalab.artefacts import Artefacts
from datalab.audit import Outcome, Step
from datalab.narrowing import corrected_labels, narrowed_step

if TYPE_CHECKING:
    from datalab.lab import Datalab
    from datalab.review.decisions import Review

__all__ = ["audit_reviewed", "correct_labels"]


def correct_labels(lab: "Datalab", review: "Review") -> None:
    """Put the labels as corrected where checks find them; what was made from others is stale."""
    if lab._labels is None:
        return
    values, labelled = targets(corrected_labels(lab._labels, *review.corrections()))
    held = lab._artefacts.held("labels")
    if held is None or not _equal(held.value, values):
        rows = None if labelled.all() else np.flatnonzero(labelled)
        lab._artefacts.read("labels", values, rows=rows)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))
    return bool(one == other)


def _store(lab: "Datalab", excluded: Any) -> tuple[Artefacts, IndexArray | None]:
    """The artefacts without excluded rows, and the rows that they are about (None: all)."""
    if not excluded.any():
        return lab._artefacts, None
    rows = np.flatnonzero(~excluded)
    key = (rows.tobytes(), lab._artefacts.stamp())
    if lab._without_excluded is None or lab._without_excluded[0] != key:
        # Kept, so that one audit does not make the same graph for every check.
        lab._without_excluded = (key, lab._artefacts.narrow(rows))
    return lab._without_excluded[1], rows


def audit_reviewed(
    lab: "Datalab", review: "Review", step: Step, options: Mapping[str, Any]
) -> Outcome:
    """Run one check on the data as a review leaves it."""
    correct_labels(lab, review)
    store, rows = _store(lab, review.excluded())
    outcome = audit.run(step if rows is None else narrowed_step(step, rows), store, options)
    found = outcome.findings
    if found is None:
        return outcome
    notes = outcome.notes
    if rows is not None:
        found = audit.lifted(found, rows, outcome.spec.produces)
        notes += (f"rows left out, excluded by review: {len(lab) - len(rows)}",)
    if len(found.is_issue) and not options.get("flag_confirmed"):
        known = found.is_issue & review.confirmed(outcome.name)[found.positions()]
        if known.any():
            found = replace(
                found,
                is_issue=found.is_issue & ~known,
                info={**found.info, "confirmed": known},
                flagged=None,
            )
            notes += (f"rows not flagged, confirmed by review: {int(known.sum())}",)
    return replace(outcome, findings=found, notes=notes)
