"""Decisions of people about single rows, what follows from them, and the corrected data."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from datalab._check import choice, did_you_mean, listing, warn
from datalab._data.digest import Digest
from datalab._data.labels import Labels, MultilabelLabels
from datalab._data.rows import positions_of
from datalab._data.source import Source
from datalab._data.values import objects
from datalab._typing import BoolArray, IndexArray
from datalab.audit import Outcome
from datalab.exceptions import DatalabWarning, InputError, InputTypeError
from datalab.narrowing import edited
from datalab.review.ledger import Batch, Decision, Ledger, json_value, now
from datalab.review.replay import Correction, Replay, replay, row_hashes

if TYPE_CHECKING:
    import pandas as pd

    from datalab.lab import Datalab

__all__ = ["Review", "Ruling", "ledger_path", "suggestions"]

VERDICTS = ("keep", "relabel", "exclude", "needs_review", "note")
Conflicts = Literal["last", "majority", "error"]
# A review can stop when so many rows in a row (by severity) held hardly any real issue.
LATEST, HARDLY_ANY = 20, 0.1
UNSET = object()

log = logging.getLogger("datalab")


@dataclass(slots=True)
class Ruling:
    """What follows from one reviewer's decisions about one row, in order."""

    verdict: str | None = None
    excluded: bool = False
    label: Any = UNSET
    order: int = -1  # of the last decision among all of them
    confirmed: set[str | None] = field(default_factory=set)
    # The issue that a correction was made for, so that keeping another one does not undo it.
    excluded_for: str | None = None
    label_for: str | None = None

    def take(self, decision: Decision, order: int) -> None:
        """Let one more decision count."""
        if decision.verdict == "note":
            return
        self.verdict, self.order = decision.verdict, order
        issue = decision.issue
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

    def has_effect(self) -> bool:
        """Whether it changes the data or what is flagged."""
        return self.excluded or self.label is not UNSET or bool(self.confirmed)

    def outcome(self) -> tuple[Any, ...]:
        """What it does to the data, to compare between reviewers."""
        label = None if self.label is UNSET else repr(self.label)
        return ("exclude",) if self.excluded else ("label", label)


class _Facts:
    """What follows from the decisions about the rows of one lab, kept up row by row.

    A click in a review of many rows changes one of them, so only rows whose decisions have
    changed are looked at again.
    """

    def __init__(self, n_rows: int) -> None:
        self.version = 0  # of the ledger, up to which its decisions are taken in
        self.places: dict[str, list[int]] = {}  # the rows of each batch
        self.rulings: dict[int, dict[str, Ruling]] = {}  # by row and reviewer
        self.last: dict[int, Ruling] = {}  # what counts when the last reviewer is right
        self.verdicts: NDArray[Any] = np.full(n_rows, None, dtype=object)
        self.effects: dict[int, tuple[Any, ...]] = {}  # of rows where there are any
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
            by: dict[str, Ruling] = {}
            for order, batch, decision in self._entries[place]:
                if not batch.undone:
                    by.setdefault(decision.reviewer, Ruling()).take(decision, order)
            self.rulings[place] = by
            told = [ruling for ruling in by.values() if ruling.verdict is not None]
            last = max(told, key=lambda ruling: ruling.order, default=None)
            self.verdicts[place] = None if last is None else last.verdict
            self.last.pop(place, None)
            self.effects.pop(place, None)
            if last is not None:
                self.last[place] = last
                if last.has_effect():
                    confirmed = tuple(sorted(map(str, last.confirmed)))
                    self.effects[place] = (last.outcome(), confirmed)


class Review:
    """The decisions about one data set: keep, relabel, exclude, needs review, note.

    Reached as ``lab.review``. Rows are named by index labels of the user's data (positions where
    there is no index) or by a boolean mask. Every method returns the review itself.

    Parameters
    ----------
    lab : Datalab
    ledger : Ledger
        Where the decisions are kept; a lab and what is made of it by dropping rows share one.

    Examples
    --------
    >>> from datalab import Datalab
    >>> lab = Datalab({"x": [1, 2, 3], "y": ["a", "b", "b"]}, label_name="y", ledger=False)
    >>> _ = lab.review.relabel([1], "a").exclude([2])
    >>> lab.corrected()
    {'x': [1, 2], 'y': ['a', 'a']}
    >>> _ = lab.review.undo()
    >>> lab.corrected()
    {'x': [1, 2, 3], 'y': ['a', 'a', 'b']}
    """

    def __init__(self, lab: "Datalab", ledger: Ledger) -> None:
        self.reviewer = ""
        self.path = ledger.path
        self._lab = lab
        self._source = lab._source
        self.ledger = ledger
        self._content: dict[int, str] = {}
        self._observers: list[Callable[[], None]] = []
        self._facts = _Facts(self._source.n_rows)
        self._places: dict[str, int] | None = None
        self.conflicts = 0
        if self.ledger.version:
            log.info("review: %d decisions in %s", len(self.ledger.decisions()), self.path)

    # ------------------------------------------------------------------ deciding

    def keep(self, rows: Any, *, issue: str | None = None, note: str | None = None) -> "Review":
        """These rows are right as they are; audits do not flag them again.

        Parameters
        ----------
        rows : bool mask, index label, or sequence of index labels
        issue : str, optional
            Only for this issue type; by default for all of them.
        note : str, optional
            Anything to remember.
        """
        return self.decide(self._at(rows), "keep", issue=issue, note=note)

    def relabel(
        self, rows: Any, label: Any = None, *, issue: str | None = None, note: str | None = None
    ) -> "Review":
        """These rows have another label: the suggested one, or the given one.

        Parameters
        ----------
        rows : bool mask, index label, or sequence of index labels
        label : class, or sequence with one for each row, optional
            For regression numbers, for multilabel lists of classes. By default what the audit
            suggests for each row.
        issue, note : str, optional
            As for `keep`.

        Raises
        ------
        InputError
            No such class, or nothing is suggested for some row.
        """
        return self.decide(self._at(rows), "relabel", label, issue=issue, note=note)

    def exclude(self, rows: Any, *, issue: str | None = None, note: str | None = None) -> "Review":
        """These rows shall not be in the data; parameters as for `keep`."""
        return self.decide(self._at(rows), "exclude", issue=issue, note=note)

    def needs_review(
        self, rows: Any, *, issue: str | None = None, note: str | None = None
    ) -> "Review":
        """Somebody has to look at these rows again; parameters as for `keep`."""
        return self.decide(self._at(rows), "needs_review", issue=issue, note=note)

    def note(self, rows: Any, text: str) -> "Review":
        """Write something down about these rows."""
        if not isinstance(text, str):
            raise InputTypeError(f"`text` must be a text, got {type(text).__name__}")
        return self.decide(self._at(rows), "note", note=text)

    def decide(
        self,
        positions: Any,
        verdict: str,
        value: Any = None,
        *,
        issue: str | None = None,
        note: str | None = None,
    ) -> "Review":
        """One decision about each of some rows, named by position; together one step to undo.

        Parameters
        ----------
        positions : array-like of int
        verdict : {"keep", "relabel", "exclude", "needs_review", "note"}
        value : object, optional
            The new label, as for `relabel`.
        issue, note : str, optional
        """
        choice(verdict, VERDICTS, name="verdict")
        at = np.asarray(positions, dtype=np.intp).ravel()
        olds = self._given(at)
        news = self._new_labels(at, value) if verdict == "relabel" else [None] * len(at)
        when = now()
        decisions = [
            Decision(
                row=row,
                hash=key,
                issue=issue,
                verdict=verdict,
                old=json_value(old),
                new=json_value(new),
                reviewer=self.reviewer,
                at=when,
                note=note,
            )
            for row, key, old, new in zip(
                self._row_ids(at), self._hashes(at), olds, news, strict=True
            )
        ]
        self.ledger.add(decisions)
        self._tell()
        return self

    def undo(self) -> "Review":
        """Take back the reviewer's last step, a bulk as a whole; without limit."""
        self.ledger.undo(self.reviewer)
        self._tell()
        return self

    def redo(self) -> "Review":
        """Make the step that was undone last count again."""
        self.ledger.redo(self.reviewer)
        self._tell()
        return self

    @property
    def can_undo(self) -> bool:
        """Whether the reviewer has a step to undo."""
        return self.ledger.can_undo(self.reviewer)

    @property
    def can_redo(self) -> bool:
        """Whether the reviewer has a step to redo."""
        return self.ledger.can_redo(self.reviewer)

    def refresh(self) -> "Review":
        """Take in what others have written to the same ledger."""
        if self.ledger.refresh():
            self._tell()
        return self

    # ------------------------------------------------------------------ being told

    def observe(self, callback: Callable[[], None]) -> None:
        """Call this after every change, until `unobserve`."""
        self._observers.append(callback)

    def unobserve(self, callback: Callable[[], None]) -> None:
        """Call this no longer."""
        if callback in self._observers:
            self._observers.remove(callback)

    def _tell(self) -> None:
        for callback in list(self._observers):
            callback()

    # ------------------------------------------------------------------ rows and labels

    def _at(self, rows: Any) -> IndexArray:
        return positions_of(rows, self._source.index, self._source.n_rows)

    def _named_by_index(self) -> bool:
        return self._source.index is not None and bool(self._source.index.is_unique)

    def _row_ids(self, at: IndexArray) -> list[Any]:
        if not self._named_by_index():
            # Where rows have no names, those of the data set before any were dropped count.
            return [int(one) for one in self._lab.rows[at]]
        return [json_value(one) for one in self._source.index[at]]

    def _position(self, row: Any) -> int:
        """Where the row of a ledger stands in this data; -1: nowhere."""
        if self._places is None:
            names = self._source.index if self._named_by_index() else self._lab.rows
            self._places = {repr(json_value(one)): place for place, one in enumerate(names)}
        return self._places.get(repr(row), -1)

    def _hashes(self, at: IndexArray) -> list[str]:
        new = np.array(
            [place for place in at.tolist() if place not in self._content], dtype=np.intp
        )
        hashes = row_hashes(self._source, new, leave_out=self._lab.label_name)
        self._content.update(zip(new.tolist(), hashes, strict=True))
        return [self._content[place] for place in at.tolist()]

    def _given(self, at: IndexArray) -> Sequence[Any]:
        """The labels as they stand in the data."""
        if self._lab.label_name is None:
            return [None] * len(at)
        return list(self._source.column(self._lab.label_name, at).tolist())

    def _new_labels(self, at: IndexArray, value: Any) -> list[Any]:
        if self._lab._labels is None:
            raise InputError("relabel: the data has no labels; give label_name= to Datalab")
        if value is None:
            suggested = self.suggested(at)
            lacking = [
                row for row, s in zip(self._row_ids(at), suggested, strict=True) if s is None
            ]
            if lacking:
                raise InputError(
                    f"relabel: nothing is suggested for {len(lacking)} of {len(at)} rows, for "
                    f"example {listing(lacking)}; give label="
                )
            return suggested
        if isinstance(self._lab._labels, MultilabelLabels):
            several = len(value) > 0 and isinstance(value[0], (list, tuple, set, np.ndarray))
        else:
            several = hasattr(value, "__len__") and not isinstance(value, (str, bytes, tuple))
        values = list(value) if several else [value] * len(at)
        if len(values) != len(at):
            raise InputError(f"`label` has {len(values)} values for {len(at)} rows")
        return [self.class_of(one) for one in values]

    def class_of(self, value: Any) -> Any:
        """The label that a value (from Python, a ledger or a text field) stands for.

        Raises
        ------
        InputError
            There is no such class, or it is no number.
        """
        if isinstance(self._lab._labels, Labels):
            return self._class(value)
        if isinstance(self._lab._labels, MultilabelLabels):
            return [self._class(one) for one in value]
        try:
            return float(value)
        except (TypeError, ValueError):
            raise InputError(f"`label` must be a number, got {value!r}") from None

    def _class(self, value: Any) -> Any:
        classes = self._lab.class_names
        known = {repr(json_value(one)): one for one in classes}
        by_text = {str(one): one for one in classes}
        for key, table in ((repr(json_value(value)), known), (str(value), by_text)):
            if key in table:
                return table[key]
        same = [one for one in classes if isinstance(value, (int, float)) and one == value]
        if same and not isinstance(value, bool) and not isinstance(same[0], bool):
            return same[0]  # 1.0 where the class is 1: gaps have made the column floats
        raise InputError(
            f"`label` is {value!r}, which is no class: {did_you_mean(str(value), by_text)}"
        )

    def suggested(self, positions: Any) -> list[Any]:
        """The label that the audit suggests for each row; None where it suggests none."""
        at = np.asarray(positions, dtype=np.intp).ravel()
        found: list[Any] = [None] * len(at)
        for name in ("label", "multi_annotator"):
            outcome = self._lab._outcomes.get(name)
            if outcome is not None:
                more = suggestions(outcome, at, self._source.n_rows, self._lab.class_names)
                found = [b if a is None else a for a, b in zip(found, more, strict=True)]
        return found

    def stamp(self) -> frozenset[Any]:
        """What the decisions do to the data, as a value that is equal as long as that is so."""
        return frozenset(self._current().effects.items())

    # ------------------------------------------------------------------ what follows

    def _current(self) -> "_Facts":
        """What follows from the decisions that count and fit the data."""
        with self.ledger.lock:
            changed = self.ledger.changes(self._facts.version)
            self._facts.version = self.ledger.version
            if changed:
                self._take(changed)
            return self._facts

    def _take(self, changed: list[Batch]) -> None:
        """Let decisions count that were made, undone or made again; other rows stay as they are."""
        facts = self._facts
        new = {batch.name: batch for batch in changed if batch.name not in facts.places}
        decisions = [d for batch in new.values() for d in batch.decisions]
        places = np.array([self._position(d.row) for d in decisions], dtype=np.intp)
        known = np.unique(places[places >= 0])
        content = dict(zip(known.tolist(), self._hashes(known), strict=True))
        # A row that was dropped from this lab is no surprise.
        narrowed, waiting = self._lab.is_narrowed, iter(places.tolist())
        for batch in new.values():
            facts.add(batch, [next(waiting) for _ in batch.decisions], content, narrowed=narrowed)
        facts.settle({place for batch in changed for place in facts.places[batch.name]})
        stale = facts.num_unfit()
        if stale and stale != self.conflicts:
            warn(
                f"{stale} decisions of the review ({self.path}) are about rows that this data does "
                "not have or that have changed; they are kept in the ledger but not used",
                DatalabWarning,
            )
        self.conflicts = stale

    def rulings(
        self, reviewer: str | None = None, conflicts: Conflicts = "last"
    ) -> dict[int, Ruling]:
        """What counts for each reviewed row, by position.

        Parameters
        ----------
        reviewer : str, optional
            Only this person's decisions; by default everybody's.
        conflicts : {"last", "majority", "error"}
            When reviewers want different things: the one who decided last, what most of them
            want (the last of these), or an `InputError`.
        """
        choice(conflicts, ("last", "majority", "error"), name="conflicts")
        with self.ledger.lock:
            facts = self._current()
            if reviewer is None and conflicts == "last":
                return dict(facts.last)
            by_place = dict(facts.rulings)
        settled = {}
        for place, by in by_place.items():
            mine = [r for who, r in by.items() if reviewer is None or who == reviewer]
            mine = [ruling for ruling in mine if ruling.verdict is not None]
            if mine:
                settled[place] = self._settle(place, mine, conflicts)
        return settled

    def _settle(self, place: int, rulings: list[Ruling], conflicts: Conflicts) -> Ruling:
        rulings = sorted(rulings, key=lambda ruling: ruling.order)
        counts = Counter(ruling.outcome() for ruling in rulings)
        if len(counts) > 1 and conflicts == "error":
            row = self._row_ids(np.array([place]))[0]
            raise InputError(
                f"reviewers disagree about row {row!r}: {sorted(counts, key=repr)}; settle it, or "
                'take conflicts="last" or "majority"'
            )
        if conflicts == "majority":
            most = max(counts.values())
            rulings = [ruling for ruling in rulings if counts[ruling.outcome()] == most]
        return rulings[-1]

    def verdicts(self, reviewer: str | None = None) -> NDArray[Any]:
        """The verdict on each row of the data; None where there is none. Shape (N,), object."""
        if reviewer is None:
            with self.ledger.lock:
                return self._current().verdicts.copy()
        verdicts = np.full(self._source.n_rows, None, dtype=object)
        for place, ruling in self.rulings(reviewer).items():
            verdicts[place] = ruling.verdict
        return verdicts

    def excluded(self) -> BoolArray:
        """Whether a row is excluded, shape (N,)."""
        mask = np.zeros(self._source.n_rows, dtype=bool)
        mask[[place for place, ruling in self.rulings().items() if ruling.excluded]] = True
        return mask

    def confirmed(self, issue: str) -> BoolArray:
        """Whether a person has confirmed that a row does not have this issue, shape (N,)."""
        mask = np.zeros(self._source.n_rows, dtype=bool)
        for place, ruling in self.rulings().items():
            mask[place] = None in ruling.confirmed or issue in ruling.confirmed
        return mask

    def corrections(
        self, reviewer: str | None = None, conflicts: Conflicts = "last"
    ) -> tuple[IndexArray, list[Any]]:
        """Positions of relabelled rows that stay, ascending, and their new labels."""
        rulings = sorted(self.rulings(reviewer, conflicts).items())
        changed = [(p, r.label) for p, r in rulings if r.label is not UNSET and not r.excluded]
        at = np.array([place for place, _ in changed], dtype=np.intp)
        return at, [self.class_of(label) for _, label in changed]

    def corrected(self, reviewer: str | None = None, conflicts: Conflicts = "last") -> Any:
        """The data with its corrections, in the user's own type; see `Datalab.corrected`."""
        at, labels = self.corrections(reviewer, conflicts)
        gone = [p for p, r in self.rulings(reviewer, conflicts).items() if r.excluded]
        rows = np.setdiff1d(np.arange(self._source.n_rows), gone)
        return edited(self._source, self._lab.label_name, at, labels, rows)

    def progress(self, issue: str | None = None) -> dict[str, Any]:
        """How far the review of an issue type (or of everything that is flagged) has come.

        Returns
        -------
        dict
            ``flagged``, ``reviewed``, ``real`` (relabelled or excluded), ``precision`` (their
            share among the reviewed, None before the first) and ``hint`` (a sentence).
        """
        order = self._flagged(issue)
        verdicts = self.verdicts()[order]
        real = (verdicts == "relabel") | (verdicts == "exclude")
        decided = real | (verdicts == "keep")
        reviewed = int(decided.sum())
        precision = float(real.sum() / reviewed) if reviewed else None
        told = f"{reviewed} of {len(order)} reviewed"
        if precision is not None:
            told += f", precision so far {100 * precision:.0f} %"
        latest = real[decided][-LATEST:]
        if reviewed == len(order) and reviewed:
            told += "; all done"
        elif len(latest) == LATEST and latest.mean() <= HARDLY_ANY:
            told += (
                f"; of the last {LATEST} by severity {int(latest.sum())} were real: "
                "you can stop here"
            )
        return {
            "flagged": len(order),
            "reviewed": reviewed,
            "real": int(real.sum()),
            "precision": precision,
            "hint": told,
        }

    def _flagged(self, issue: str | None) -> IndexArray:
        """Flagged rows, most severe first, with those that are no longer flagged as confirmed."""
        found = self._lab._found()
        names = found if issue is None else [issue]
        lowest = np.full(self._source.n_rows, np.inf)
        for name in names:
            findings = (found[name] if issue is None else self._lab._outcome(name)).findings
            if findings is None or not len(findings.is_issue):
                continue
            confirmed = np.asarray(findings.info.get("confirmed", ()), dtype=np.intp)
            flagged = findings.is_issue | np.isin(findings.positions(), confirmed)
            at = findings.positions()[flagged]
            lowest[at] = np.minimum(lowest[at], findings.score[flagged])
        rows = np.flatnonzero(np.isfinite(lowest))
        return rows[np.argsort(lowest[rows], kind="stable")]

    # ------------------------------------------------------------------ looking and replaying

    def preview(self, rows: Any, verdict: str, label: Any = None) -> "pd.DataFrame":
        """What a decision would change, without making it: row, verdict now and then, label."""
        return self.preview_at(self._at(rows), verdict, label)

    def preview_at(self, positions: Any, verdict: str, label: Any = None) -> "pd.DataFrame":
        """`preview` for rows that are named by position."""
        import pandas as pd

        choice(verdict, VERDICTS, name="verdict")
        at = np.asarray(positions, dtype=np.intp).ravel()
        given = self._given(at)
        new = self._new_labels(at, label) if verdict == "relabel" else given
        index = self._source.index
        return pd.DataFrame(
            {
                "verdict": self.verdicts()[at],
                "new_verdict": verdict,
                "label": pd.Series(objects(given), dtype=object),
                "new_label": pd.Series(objects(new), dtype=object),
            }
        ).set_axis(at if index is None else index[at])

    def frame(self, *, history: bool = False) -> "pd.DataFrame":
        """The decisions, one line for each in the order they were made.

        Parameters
        ----------
        history : bool
            Also those that were undone; the column ``counts`` tells which.
        """
        import pandas as pd

        names = list(Decision.__dataclass_fields__)
        told = self.ledger.history()
        lines = [
            {name: getattr(d, name) for name in names} | {"counts": counts}
            for d, counts in told
            if counts or history
        ]
        frame = pd.DataFrame(lines, columns=[*names, "counts"])
        frame["at"] = pd.to_datetime(frame["at"], utc=True, format="ISO8601")
        return frame if history else frame.drop(columns="counts")

    def apply(
        self, other: Any, reviewer: str | None = None, conflicts: Conflicts = "last"
    ) -> Replay:
        """Make the same corrections in another copy or version of the data.

        A row is found by its label and the hash of its content; a row that has moved, by its
        content alone. What does not fit is left as it is and reported.

        Parameters
        ----------
        other : any data set that `Datalab` takes
        reviewer, conflicts
            As for `Datalab.corrected`.

        Returns
        -------
        Replay
            ``data``, in the type of `other`, and ``conflicts``, a DataFrame with the columns
            ``row``, ``verdict``, ``new`` and ``reason``.
        """
        settled = self.rulings(reviewer, conflicts)
        mine = [p for p, r in sorted(settled.items()) if r.excluded or r.label is not UNSET]
        at = np.array(mine, dtype=np.intp)
        wanted = [
            Correction(
                row=row,
                hash=key,
                verdict=str(settled[place].verdict),
                exclude=settled[place].excluded,
                old=json_value(old),
                new=None if settled[place].excluded else self.class_of(settled[place].label),
            )
            for place, row, key, old in zip(
                mine, self._row_ids(at), self._hashes(at), self._given(at), strict=True
            )
        ]
        return replay(wanted, other, self._lab.label_name)

    def __len__(self) -> int:
        return len(self.rulings())

    def __repr__(self) -> str:
        counts = Counter(ruling.verdict for ruling in self.rulings().values())
        told = ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common()) or "nothing yet"
        where = "in memory only" if self.path is None else str(self.path)
        return f"Review({told}; {where})"


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
    place = np.full(n_rows, -1, dtype=np.intp)
    place[findings.positions()] = np.arange(len(findings.is_issue))
    for i, where in enumerate(place[at].tolist()):
        if where >= 0:
            value = values[where]
            value = value.item() if isinstance(value, np.generic) else value
            found[i] = (classes[value] if value >= 0 else None) if by_code else value
    return found


def default_path(data: Any, source: Source, label_name: str | None) -> Path:
    """``<name>.datalab-review.jsonl`` in the working folder.

    The name is that of a file that was given, else one that tells data sets apart by their
    columns, size and first rows.
    """
    if isinstance(data, (str, Path)):
        return Path(f"{Path(data).stem}.datalab-review.jsonl")
    digest = Digest()
    digest.add([source.n_rows, *source.columns, label_name])
    first = np.arange(min(20, source.n_rows))
    digest.add_each(row_hashes(source, first, leave_out=label_name))
    return Path(f"data-{digest.hexdigest()[:8]}.datalab-review.jsonl")


def ledger_path(ledger: Any, data: Any, source: Source, label_name: str | None) -> Path | None:
    """Where the decisions are kept, from what was given as ``ledger=``."""
    if ledger is False:
        return None
    if ledger is None or ledger is True:
        return default_path(data, source, label_name).absolute()
    if isinstance(ledger, (str, Path)):
        return Path(ledger).absolute()
    raise InputTypeError(
        f"`ledger` must be a path, None (beside the notebook) or False (in memory), got "
        f"{type(ledger).__name__}"
    )
