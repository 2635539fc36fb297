"""What follows from the decisions about rows: verdicts, labels, what is confirmed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from datalab._typing import BoolArray
from datalab.exceptions import InputError
from datalab.review.ledger import Batch, Decision

__all__ = ["UNSET", "VERDICTS", "Conflicts", "Ruling", "Rulings", "settled"]

VERDICTS = ("keep", "relabel", "exclude", "needs_review", "note")
Conflicts = Literal["last", "majority", "error"]
UNSET = object()
# Verdicts over many rows are kept as places in this table.
_TOLD = np.array([None, *VERDICTS], dtype=object)
_CODES = {verdict: code for code, verdict in enumerate(_TOLD.tolist())}


@dataclass(slots=True)
class Ruling:
    """What follows from some decisions about one row, in order."""

    verdict: str | None = None
    excluded: bool = False
    label: Any = UNSET
    order: int = -1  # of the last decision among all of them
    confirmed: set[str | None] = field(default_factory=set)
    # The issue that a correction was made for, so that keeping another one does not undo it.
    excluded_for: str | None = None
    label_for: str | None = None
    # The last verdict for each issue type, and when; None: for the row as such.
    by_issue: dict[str | None, tuple[int, str]] = field(default_factory=dict)

    def take(self, decision: Decision, order: int) -> None:
        """Let one more decision count."""
        if decision.verdict == "note":
            return
        self.verdict, self.order = decision.verdict, order
        issue = decision.issue
        self.by_issue[issue] = (order, decision.verdict)
        if decision.verdict == "relabel":
            self.label, self.label_for, self.excluded = decision.new, issue, False
            self.confirmed.add(issue or "label")
        elif decision.verdict == "exclude":
            self.excluded, self.excluded_for = True, issue
        elif decision.verdict == "keep":
            self.confirmed.add(issue)
            if issue is None or issue in (self.label_for, "label"):
                self.label = UNSET
            if issue is None or issue == self.excluded_for:
                self.excluded = False

    def about(self, issue: str) -> str | None:
        """The last verdict for an issue type, or for the row as such."""
        nothing = (-1, None)
        return max(self.by_issue.get(None, nothing), self.by_issue.get(issue, nothing))[1]

    def has_effect(self) -> bool:
        """Whether it changes the data or what is flagged."""
        return self.excluded or self.label is not UNSET or bool(self.confirmed)

    def judges_data(self) -> bool:
        """Whether it says what the data should be: another label, no such row, or as it is."""
        as_it_is = None in self.confirmed or "label" in self.confirmed
        return self.excluded or self.label is not UNSET or as_it_is

    def outcome(self) -> tuple[Any, ...]:
        """What it does to the data, to compare between reviewers."""
        label = None if self.label is UNSET else repr(self.label)
        return ("exclude",) if self.excluded else ("label", label)


def settled(row: Any, rulings: Sequence[Ruling], conflicts: Conflicts) -> Ruling:
    """Which of several reviewers' rulings on a row counts: most of them, or the last.

    Those who have not said what the data should be (it needs review, another finding is no issue)
    have no vote where others have.
    """
    rulings = sorted(rulings, key=lambda ruling: ruling.order)
    rulings = [ruling for ruling in rulings if ruling.judges_data()] or rulings
    counts = Counter(ruling.outcome() for ruling in rulings)
    if len(counts) > 1 and conflicts == "error":
        raise InputError(
            f"reviewers disagree about row {row!r}: {sorted(counts, key=repr)}; settle it, or "
            'take conflicts="last" or "majority"'
        )
    most = max(counts.values())
    return [ruling for ruling in rulings if counts[ruling.outcome()] == most][-1]


class Rulings:
    """What follows from all decisions about the rows of one lab, kept up row by row.

    A click in a review of many rows changes one of them, so only rows whose decisions have
    changed are looked at again.
    """

    def __init__(self, n_rows: int) -> None:
        self.version = 0  # of the ledger, up to which its decisions are taken in
        self.places: dict[str, list[int]] = {}  # the rows of each batch
        self.by_reviewer: dict[int, dict[str, Ruling]] = {}
        self.last: dict[int, Ruling] = {}  # of everybody's decisions, in the order they were made
        self._codes = np.zeros(n_rows, dtype=np.int8)
        self._about: dict[str, NDArray[np.int8]] = {}
        self._entries: dict[int, list[tuple[int, Batch, Decision]]] = {}
        self._unfit: list[tuple[Batch, int]] = []
        self._count = 0

    def add(
        self, batch: Batch, places: list[int], content: Mapping[int, str], *, narrowed: bool
    ) -> None:
        """Take in a batch; decisions about other content than the row has now are not used."""
        unfit, fit = 0, []
        for place, decision in zip(places, batch.decisions, strict=True):
            self._count += 1
            if content.get(place) == decision.hash:
                self._entries.setdefault(place, []).append((self._count, batch, decision))
                fit.append(place)
            else:
                unfit += place >= 0 or not narrowed
        self.places[batch.name] = fit
        if unfit:
            self._unfit.append((batch, unfit))

    def num_unfit(self) -> int:
        """How many decisions that were not undone do not fit the data."""
        return sum(number for batch, number in self._unfit if not batch.undone)

    def settle(self, places: Iterable[int]) -> None:
        """Read all decisions about some rows again."""
        for place in places:
            last, by = Ruling(), dict[str, Ruling]()
            told = [(d, order) for order, batch, d in self._entries[place] if not batch.undone]
            for decision, order in told:
                last.take(decision, order)
            reviewers = {decision.reviewer for decision, _ in told}
            for decision, order in told if len(reviewers) > 1 else ():
                by.setdefault(decision.reviewer, Ruling()).take(decision, order)
            self.last.pop(place, None)
            self.by_reviewer.pop(place, None)
            self._codes[place] = _CODES[last.verdict]
            for issue, codes in self._about.items():
                codes[place] = _CODES[last.about(issue)]
            if last.verdict is not None:
                self.last[place] = last
                self.by_reviewer[place] = by or dict.fromkeys(reviewers, last)

    def verdicts(self) -> NDArray[Any]:
        """The last verdict on each row, None where there is none."""
        verdicts: NDArray[Any] = _TOLD[self._codes]
        return verdicts

    def told(self, verdict: str | None) -> BoolArray:
        """The rows whose last verdict is this one (None: without one)."""
        return np.asarray(self._codes == _CODES[verdict])

    def about(self, issue: str | None) -> NDArray[np.int8]:
        """The last verdict for an issue type (None: whatever for) on each row, as `codes` tells."""
        if issue is None:
            return self._codes
        if issue not in self._about:
            codes = np.zeros_like(self._codes)
            for place, ruling in self.last.items():
                codes[place] = _CODES[ruling.about(issue)]
            self._about[issue] = codes
        return self._about[issue]

    def effects(self) -> frozenset[Any]:
        """What the decisions do to data and flags, as a value to compare."""
        return frozenset(
            (place, ruling.outcome(), frozenset(ruling.confirmed))
            for place, ruling in self.last.items()
            if ruling.has_effect()
        )


def codes_of(*verdicts: str) -> list[int]:
    """What verdicts are called in `Rulings.about`."""
    return [_CODES[verdict] for verdict in verdicts]
