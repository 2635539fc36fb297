"""What has changed between two audits, row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import FloatArray, IndexArray
from datalab.audit import Outcome
from datalab.exceptions import InputTypeError, NotFound
from datalab.results import class_labels, table_html

if TYPE_CHECKING:
    import pandas as pd

    from datalab.lab import Datalab
    from datalab.plots import Plot

__all__ = ["Comparison", "compare"]

CHANGES = ("appeared", "disappeared", "moved", "left", "joined")
MEANS = {
    "appeared": "was not flagged before and is now",
    "disappeared": "was flagged before and is not any more",
    "moved": "flagged before and after, but the score or the suggestion is another",
    "left": "was flagged before; the row is not there, or not looked at, any more",
    "joined": "is flagged now; the row was not there, or not looked at, before",
}


@dataclass(frozen=True, repr=False, eq=False)
class Comparison:
    """What changed from one audit to another; made by `Datalab.compare`.

    ``frame()`` has a line for every change, ``summary()`` one for every issue type, ``plot()`` a
    picture of the latter.
    """

    changes: "pd.DataFrame"
    counts: "pd.DataFrame"

    def frame(self) -> "pd.DataFrame":
        """One line per row and issue type that changed, most severe score first.

        Columns: ``row`` (index label, or position; None for the data set as a whole),
        ``issue_type``, ``change`` (appeared, disappeared, moved, left, joined), ``score_before``,
        ``score_after``, ``suggested_before``, ``suggested_after``.
        """
        return self.changes.copy()

    def summary(self) -> "pd.DataFrame":
        """One line per issue type: flagged before and after, and how many rows changed how."""
        return self.counts.copy()

    def plot(self) -> "Plot":
        """Rows that appeared and disappeared, as bars for each issue type."""
        from datalab.plots import changes

        return changes(self.counts)

    def __len__(self) -> int:
        return len(self.changes)

    def __repr__(self) -> str:
        if not len(self.counts):
            return "Comparison: the two audits have no issue type in common"
        return str(self.counts.to_string(index=False))

    def _repr_html_(self) -> str:
        return table_html(self.counts)


def compare(before: "Datalab", after: "Datalab") -> Comparison:
    """What changed from one audit to another; see `Datalab.compare`."""
    if not (hasattr(after, "rows") and hasattr(after, "_found")):
        raise InputTypeError(f"`other` must be a Datalab, got {type(after).__name__}")
    if not before._found() or not after._found():
        raise NotFound("nothing to compare: call find_issues() on both labs first")
    return compare_outcomes(
        before._found(), after._found(), _names(before, after), _names(after, before),
        before.class_names, after.class_names,
    )  # fmt: skip


def _names(lab: "Datalab", other: "Datalab") -> list[Any]:
    """What the rows are called, so that the same row has the same name in both labs."""
    indexes = [one._source.index for one in (lab, other)]
    if all(index is not None and index.is_unique for index in indexes):
        return list(lab._source.index)
    return [int(row) for row in lab.rows]


def compare_outcomes(
    before: Mapping[str, Outcome],
    after: Mapping[str, Outcome],
    names_before: list[Any],
    names_after: list[Any],
    classes_before: list[Any],
    classes_after: list[Any],
) -> Comparison:
    """What changed in the issue types that both audits have.

    Parameters
    ----------
    before, after : mapping of str to Outcome
        With findings.
    names_before, names_after : list
        What the rows are called; equal names mean the same row.
    classes_before, classes_after : list
    """
    import pandas as pd

    places = {name: place for place, name in enumerate(names_after)}
    there = np.array([places.get(name, -1) for name in names_before], dtype=np.intp)
    lines, counts = [], []
    for issue in [name for name in before if name in after]:
        one = _Side(before[issue], len(names_before), classes_before)
        two = _Side(after[issue], len(names_after), classes_after)
        found = [
            (names_before[at], change, *one.told(at), *two.told(to))
            for change, at, to in _changed(one, two, there)
            if at >= 0
        ]
        new = np.setdiff1d(np.flatnonzero(two.flag), there)
        found += [(names_after[to], "joined", *one.told(-1), *two.told(to)) for to in new.tolist()]
        found += _changed_as_a_whole(one, two)
        lines += [(row, issue, *rest) for row, *rest in found]
        tally = {name: sum(line[1] == name for line in found) for name in CHANGES}
        counts.append({"issue_type": issue, "before": one.num, "after": two.num} | tally)
    columns = ["row", "issue_type", "change", "score_before", "suggested_before", "score_after",
               "suggested_after"]  # fmt: skip
    changes = pd.DataFrame(lines, columns=columns)
    worst = changes[["score_before", "score_after"]].astype(np.float64).min(axis=1)
    changes = changes.iloc[np.argsort(worst.to_numpy(), kind="stable")].reset_index(drop=True)
    order = ["row", "issue_type", "change", "score_before", "score_after", "suggested_before",
             "suggested_after"]  # fmt: skip
    summary = pd.DataFrame(counts, columns=["issue_type", "before", "after", *CHANGES])
    return Comparison(changes[order], summary)


class _Side:
    """One audit's findings of one type, laid out over all rows."""

    def __init__(self, outcome: Outcome, n_rows: int, classes: list[Any]) -> None:
        self.flag = np.zeros(n_rows, dtype=bool)
        self.score: FloatArray = np.full(n_rows, np.nan)
        self.suggested: NDArray[Any] = np.full(n_rows, None, dtype=object)
        findings = outcome.findings
        self.num = 0 if findings is None else findings.num_found
        # The score of a finding about the data set as a whole, which has no rows.
        self.whole: float | None = None
        if findings is None or findings.about_dataset:
            self.whole = None if findings is None else findings.summary
            return
        at = findings.positions()
        self.flag[at], self.score[at] = findings.is_issue, findings.score
        if "predicted_label" in findings.columns:
            values = findings.columns["predicted_label"]
            by_code = outcome.spec.produces.get("predicted_label") == "class" and classes
            self.suggested[at] = class_labels(values, classes) if by_code else list(values)

    def seen(self, at: IndexArray) -> NDArray[np.bool_]:
        """Whether a row was looked at."""
        return (at >= 0) & ~np.isnan(self.score[at])

    def told(self, at: int) -> tuple[Any, Any]:
        """Score and suggestion of a row, for the table."""
        return (None, None) if at < 0 else (self.score[at], self.suggested[at])


def _changed_as_a_whole(one: _Side, two: _Side) -> list[tuple[Any, ...]]:
    """The change of a finding about the data set as a whole, which names no row; none or one."""
    if one.whole is None or two.whole is None or one.num == two.num:
        return []
    change = "appeared" if two.num else "disappeared"
    return [(None, change, one.whole, None, two.whole, None)]


def _changed(one: _Side, two: _Side, there: IndexArray) -> list[tuple[str, int, int]]:
    """Kind of change, and the places of the row before and after."""
    at = np.arange(len(there))
    seen_before, seen_after = one.seen(at), two.seen(there)
    flag = np.where(there >= 0, two.flag[there], False)
    score = np.where(there >= 0, two.score[there], np.nan)
    suggested = two.suggested[there]
    other = ~np.isclose(one.score, score, rtol=1e-9, atol=1e-12, equal_nan=True)
    other |= np.array(
        [a is not b and a != b for a, b in zip(one.suggested, suggested, strict=True)]
    )
    kinds = {
        "appeared": seen_before & flag & ~one.flag,
        "disappeared": seen_after & one.flag & ~flag,
        "moved": one.flag & flag & other,
        "left": one.flag & ~seen_after,
        "joined": flag & ~seen_before,
    }
    return [
        (kind, place, int(there[place]))
        for kind, mask in kinds.items()
        for place in np.flatnonzero(mask).tolist()
    ]
