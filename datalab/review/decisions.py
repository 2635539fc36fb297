"""Decisions of people about single rows, what follows from them, and the corrected data."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datalab._check import choice, listing, warn
from datalab._data.rows import positions_of
from datalab._data.values import is_missing, objects
from datalab._typing import BoolArray, IndexArray
from datalab.exceptions import DatalabWarning, InputError, InputTypeError
from datalab.managers.base import specs
from datalab.narrowing import edited
from datalab.review.labels import label_reader, one_for_each, suggestions
from datalab.review.ledger import Batch, Decision, Ledger, json_value, now
from datalab.review.naming import RowNames, row_hashes
from datalab.review.progress import by_severity, progress_of
from datalab.review.replay import Correction, Replay, replay
from datalab.review.rulings import UNSET, VERDICTS, Conflicts, Ruling, Rulings, settled

if TYPE_CHECKING:
    import pandas as pd

    from datalab.lab import Datalab

__all__ = ["Review"]

log = logging.getLogger("datalab")


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
        self._reviewer = ""
        self.path = ledger.path
        self._lab = lab
        self._source = lab._source
        self.ledger = ledger
        self._names: RowNames | None = None
        self._content: dict[int, str] = {}
        self._observers: list[Callable[[], None]] = []
        self._facts = Rulings(self._source.n_rows)
        self._by_severity: tuple[Any, dict[str | None, IndexArray]] = ((), {})
        self.conflicts = 0
        if self.ledger.version:
            log.info("review: %d decisions in %s", len(self.ledger.decisions()), self.path)

    @property
    def reviewer(self) -> str:
        """Whose decisions the next ones are; each reviewer has a verdict and an undo of their own.

        May be set to any text.
        """
        return self._reviewer

    @reviewer.setter
    def reviewer(self, name: str) -> None:
        if not isinstance(name, str):
            raise InputTypeError(f"`reviewer` must be a text, got {type(name).__name__}")
        self._reviewer = name

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
        self._check_issue(issue)
        if note is not None and not isinstance(note, str):
            raise InputTypeError(f"`note` must be a text or None, got {type(note).__name__}")
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
                self._names_of(at), self._hashes(at), olds, news, strict=True
            )
        ]
        self.ledger.add(decisions)
        self._tell()
        return self

    def _check_issue(self, issue: str | None) -> None:
        """Raise unless it is an issue type: a decision for another name would have no effect."""
        if issue is None or issue in self._lab._outcomes:
            return
        if not isinstance(issue, str):
            raise InputTypeError(f"`issue` must be a text or None, got {type(issue).__name__}")
        choice(issue, specs(self._lab.task), name="issue")

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

    def _rows(self) -> RowNames:
        """What rows are called: as the index of the data opened first does, if it tells them apart.

        Otherwise they are numbered as they stood there, whatever was dropped since.
        """
        if self._names is None:
            first = self._lab._shared["source"].index
            named = first is not None and bool(first.is_unique)
            self._names = RowNames(self._source.index if named else None, self._lab.rows)
        return self._names

    def _names_of(self, at: IndexArray) -> list[Any]:
        return self._rows().of(at)

    def _hashes(self, at: IndexArray) -> list[str]:
        new = np.array(
            [place for place in at.tolist() if place not in self._content], dtype=np.intp
        )
        hashes = row_hashes(self._source, new, leave_out=self._lab.label_name)
        self._content.update(zip(new.tolist(), hashes, strict=True))
        return [self._content[place] for place in at.tolist()]

    def _given(self, at: IndexArray) -> list[Any]:
        """The labels as they stand in the data, None where there is none."""
        if self._lab.label_name is None:
            return [None] * len(at)
        values = self._source.column(self._lab.label_name, at)
        gaps = is_missing(values).tolist() if len(at) else []
        return [None if gap else v for v, gap in zip(values.tolist(), gaps, strict=True)]

    def _new_labels(self, at: IndexArray, value: Any) -> list[Any]:
        labels = self._lab._labels
        if labels is None:
            raise InputError("relabel: the data has no labels; give label_name= to Datalab")
        if value is not None:
            return self._read_labels(one_for_each(value, labels, self._names_of(at)))
        suggested = self.suggested(at)
        lacking = [row for row, s in zip(self._names_of(at), suggested, strict=True) if s is None]
        if lacking:
            raise InputError(
                f"relabel: nothing is suggested for {len(lacking)} of {len(at)} rows, for "
                f"example {listing(lacking)}; give label="
            )
        return suggested

    def _read_labels(self, values: Sequence[Any]) -> list[Any]:
        """The labels that values (from Python, a ledger or a text field) stand for."""
        if self._lab._labels is None or not len(values):
            return list(values)
        return list(map(label_reader(self._lab._labels, self._lab.class_names), values))

    def class_of(self, value: Any) -> Any:
        """The label that a value stands for.

        Raises
        ------
        InputError
            There is no such class, or it is no number.
        """
        return self._read_labels([value])[0]

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
        return self._current().effects()

    # ------------------------------------------------------------------ what follows

    def _current(self) -> Rulings:
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
        places = self._rows().places([decision.row for decision in decisions])
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
            told = {place: dict(by) for place, by in facts.by_reviewer.items()}
        if reviewer is not None:
            return {place: by[reviewer] for place, by in told.items() if reviewer in by}
        places = np.array(list(told), dtype=np.intp)
        names = dict(zip(told, self._names_of(places), strict=True))
        return {p: settled(names[p], list(by.values()), conflicts) for p, by in told.items()}

    def verdicts(self, reviewer: str | None = None) -> NDArray[Any]:
        """The verdict on each row of the data; None where there is none. Shape (N,), object."""
        if reviewer is None:
            with self.ledger.lock:
                return self._current().verdicts()
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
        return at, self._read_labels([label for _, label in changed])

    def corrected(self, reviewer: str | None = None, conflicts: Conflicts = "last") -> Any:
        """The data with its corrections, in the user's own type; see `Datalab.corrected`."""
        at, labels = self.corrections(reviewer, conflicts)
        stay = np.ones(self._source.n_rows, dtype=bool)
        stay[[p for p, r in self.rulings(reviewer, conflicts).items() if r.excluded]] = False
        return edited(self._source, self._lab.label_name, at, labels, np.flatnonzero(stay))

    def progress(self, issue: str | None = None) -> dict[str, Any]:
        """How far the review of an issue type (or of everything that is flagged) has come.

        Decisions for another issue type do not count: that a row is no outlier says nothing about
        its label.

        Returns
        -------
        dict
            ``flagged``, ``reviewed``, ``real`` (relabelled or excluded), ``precision`` (their
            share among the reviewed, None before the first) and ``hint`` (a sentence). As people
            begin with the most severe ones, the precision of all that is flagged is hardly higher
            than that so far.

        Notes
        -----
        When the hint says that one can stop is told in `datalab.review.progress.stop_after`.
        """
        order = self._flagged(issue)
        with self.ledger.lock:
            codes = self._current().about(issue)[order]
        return progress_of(codes)

    def _flagged(self, issue: str | None) -> IndexArray:
        """Flagged rows, most severe first, with those that are no longer flagged as confirmed."""
        if issue is not None:
            self._lab._outcome(issue)
        found = tuple(self._lab._found().values())
        audit, known = self._by_severity
        if len(audit) != len(found) or any(a is not b for a, b in zip(audit, found, strict=True)):
            audit, known = self._by_severity = (found, {})
        if issue not in known:
            shown = [one for one in found if issue is None or one.name == issue]
            known[issue] = by_severity(shown, self._source.n_rows)
        return known[issue]

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
                mine, self._names_of(at), self._hashes(at), self._given(at), strict=True
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
