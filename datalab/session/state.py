"""What an exploration looks at: one observable, locked truth for all views that are linked by it.

The data, the findings and the decisions belong to the lab. A `Session` holds only which of it is
looked at, so that several explorers of one lab do not disturb each other.
"""

import functools
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeGuard

import numpy as np
import pyarrow as pa
import traitlets as T
from pyarrow import compute

from datalab._check import choice
from datalab._data.rows import positions_of
from datalab._typing import BoolArray, FloatArray, IndexArray
from datalab.exceptions import InputError, NotFound
from datalab.findings import Findings
from datalab.session import query
from datalab.session.facts import Facts
from datalab.views.cells import NO_CLASS

__all__ = ["CHECKED", "LOOKED_AT", "Line", "Positions", "Session"]

# What views share and programs may read, set and observe.
LOOKED_AT = (
    "issue", "flagged_only", "filter", "sort", "page", "page_size", "cell", "threshold", "region",
    "focus", "selection",
)  # fmt: skip
# What is looked at before it is taken.
CHECKED = (
    "issue", "filter", "sort", "page_size", "cell", "threshold", "region", "focus", "selection",
)  # fmt: skip
# What decides which rows are listed, and in which order.
_LISTING = {"issue", "flagged_only", "filter", "cell", "threshold", "region"}
# Up to so many rows a text is searched where the page asks; beyond it in a thread, cancellable.
AT_ONCE = 50_000
# Of so many texts the distinct ones are counted before a column is sorted.
SAMPLED = 100_000


class Positions(T.TraitType[Any, Any]):
    """Positions of rows: distinct, ascending, read only; compared by content."""

    def validate(self, obj: Any, value: Any) -> IndexArray | None:  # noqa: ARG002
        """Any collection of whole numbers as an array."""
        if value is None and self.allow_none:
            return None
        if _kept(value):
            return value
        array = np.asarray(value)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise InputError(
                f"positions must be whole numbers in one dimension, got {array.dtype} of shape "
                f"{array.shape}; for a boolean mask or index labels call select(rows)"
            )
        array = array.astype(np.intp)
        if not _ascending(array):
            array = np.sort(array)  # np.unique takes seconds for a million
            array = array[np.append(True, np.diff(array) > 0)] if len(array) else array
        array.flags.writeable = False
        return array

    def set(self, obj: Any, value: Any) -> None:
        """Keep the held array, and silence, when nothing changes."""
        held = obj._trait_values.get(self.name)
        if held is value:
            return
        new = self._validate(obj, value)
        if held is not None and new is not None and np.array_equal(held, new):
            return
        super().set(obj, new)


def _kept(value: Any) -> TypeGuard[IndexArray]:
    """Whether a value is positions as they are kept already."""
    return (
        isinstance(value, np.ndarray)
        and value.dtype == np.intp
        and value.ndim == 1
        and not value.flags.writeable
        and _ascending(value)
    )


def _ascending(array: IndexArray) -> bool:
    return bool((array[1:] > array[:-1]).all())


class Line(T.Unicode[str, Any]):
    """A filter: a line, or a mapping that is written as one; see `datalab.session.query`."""

    def validate(self, obj: Any, value: Any) -> str:
        """The line."""
        return str(super().validate(obj, query.written(value)))


class Session(T.HasTraits):
    """What is looked at in a lab: the check, the rows that are listed, the selection.

    Every attribute may be set, from Python or by a view, and observed
    (``session.observe(callback, "selection")``).

    Parameters
    ----------
    lab : Datalab
    issue : str, optional
        The check to begin with; by default the first that flags rows.
    """

    issue = T.Unicode(help="the check that is looked at; empty for none")
    flagged_only = T.Bool(True, help="list only rows that the check flags")
    filter = Line(help="what else listed rows must meet, see `datalab.session.query`")
    sort = T.Tuple(T.Unicode(), T.Bool(), help="(column, ascending)")
    page = T.Int(0)
    page_size = T.Int(12)
    cell = T.Tuple(T.Int(), T.Int(), allow_none=True, default_value=None)
    threshold = T.Float(None, allow_none=True, help="flag scores below it; None: as the check did")
    region = Positions(allow_none=True, default_value=None, help="list only these positions")
    focus = T.Int(None, allow_none=True, help="position of the row that is looked at")
    selection = Positions(default_value=())
    busy = T.Unicode(help="what goes on in the background; empty for nothing")
    tick = T.Int(0, help="grows after every change; `changed` says of what")

    def __init__(self, lab: Any, issue: str | None = None) -> None:
        self.lab = lab
        self.lock: threading.RLock = lab._lock
        self.changed: frozenset[str] = frozenset()
        self._pending: set[str] = set()
        self._anchor: int | None = None  # where a range begins
        self._depth = 0
        self._generation = 0
        self._thresholds: dict[str, float | None] = {}
        self.facts = Facts(lab)
        self._orders: dict[tuple[str, bool], IndexArray] = {}
        self.rows: IndexArray = np.arange(0)
        found = lab._found()
        if issue is not None:
            lab._outcome(issue)
        flagging = [name for name, outcome in found.items() if outcome.findings.num_issues]
        first = issue or next(iter(flagging), "")
        super().__init__(issue=first, sort=("score" if first else "row", True))
        self.observe(self._touched, list(LOOKED_AT))
        self._unwatch = _follow(lab.review, self)
        with self.change("all"):
            pass

    def close(self) -> None:
        """Stop following the lab's decisions."""
        self.cancel()
        self._unwatch()

    # ------------------------------------------------------------------ changes

    @contextmanager
    def change(self, *what: str) -> Iterator[None]:
        """Several changes as one: views are told once, at the end, of everything that changed."""
        with self.lock:
            self._depth += 1
            self._pending |= set(what)
            try:
                yield
            finally:
                try:
                    if self._depth == 1:
                        self._settle()
                finally:
                    self._depth -= 1

    def _touched(self, change: Any) -> None:
        with self.change(change.name):
            pass

    def _settle(self) -> None:
        """Bring everything that follows from the changes up to date, then tell the views."""
        if self.facts.refresh():
            self._orders.clear()
            self._pending |= {"findings", "rows"}
            if self.issue and self.facts.findings(self.issue) is None:
                self.issue = ""
        if "issue" in self._pending:
            self.threshold = self._thresholds.get(self.issue)
            self._pending.add("threshold")
        elif "threshold" in self._pending:
            self._thresholds[self.issue] = self.threshold
        if self._pending & {*_LISTING, "rows", "all"}:
            self._list()
            self._pending |= {"rows", "page"}
            self.page = 0
        elif "decisions" in self._pending and self._follows_decisions():
            self._list()
            self._pending.add("rows")
        elif "sort" in self._pending:
            self.rows = self._sorted(self.rows)
            self._pending |= {"rows", "page"}
            self.page = 0
        pages = max(1, -(-len(self.rows) // self.page_size))
        self.page = min(max(self.page, 0), pages - 1)
        if self._pending:
            self.changed = frozenset(self._pending)
            self._pending = set()
            self.tick += 1

    def _follows_decisions(self) -> bool:
        """Whether what is listed, or its order, depends on decisions."""
        parts = query.parse(self.filter, self.lab._source.columns)
        return self.sort[0] == "verdict" or any(part.key == "verdict" for part in parts)

    def _decided(self) -> None:
        with self.change("decisions"):
            self.facts.decided()
            self._orders.pop(("verdict", True), None)
            self._orders.pop(("verdict", False), None)

    @T.validate(*CHECKED)
    def _validated(self, proposal: Any) -> Any:
        return self.accepted(proposal.trait.name, proposal.value)

    def accepted(self, name: str, value: Any) -> Any:
        """A value as it is kept under that name; an error says why it cannot be.

        Raises
        ------
        InputError
            A filter that cannot be read, or a column that does not exist.
        NotFound
            A check without results, or a row that does not exist.
        """
        if name == "filter":
            for condition in query.parse(value, self.lab._source.columns):
                self.facts.of(condition, self)  # kept, so that listing costs nothing more
        elif name == "issue" and value:
            self.lab._outcome(value)
        elif name == "sort":
            column, ascending = value
            known = ("row", "score", "given", "suggested", "verdict", *self.lab._source.columns)
            choice(column, known, name="sort")
            return str(column), bool(ascending)
        elif name == "page_size":
            return min(max(int(value), 1), 200)
        elif value is None:
            return value
        elif name == "focus":
            self._check_rows(value, value)
        elif name in ("selection", "region") and len(value):
            self._check_rows(int(value[0]), int(value[-1]))
        elif name == "cell":
            n_classes = len(self.lab.class_names)
            if not all(0 <= code < n_classes for code in value):
                raise NotFound(f"there is no cell {value}: the data has {n_classes} classes")
        elif name == "threshold" and value != value:
            raise InputError("`threshold` must be a number, or None: as the check did; got nan")
        return value

    def _check_rows(self, first: int, last: int) -> None:
        if first < 0 or last >= len(self.lab):
            wrong = first if first < 0 else last
            raise NotFound(f"there is no row {wrong}: the data has {len(self.lab)} rows")

    # ------------------------------------------------------------------ which rows

    def _list(self) -> None:
        """The rows that meet everything, in order."""
        mask = self._wanted()
        self.rows = self._sorted(np.flatnonzero(mask))
        if self.focus is None or not mask[self.focus]:
            self.focus = int(self.rows[0]) if len(self.rows) else None

    def _wanted(self) -> BoolArray:
        mask = np.ones(len(self.lab), dtype=bool)
        if self.region is not None:
            mask[:] = False
            mask[self.region] = True
        elif self.cell:
            given, suggested = self.cell
            mask &= (self.facts.given == given) & (self.facts.suggested == suggested)
        elif self.flagged_only and self.issue:
            mask &= self.flags()
        for condition in query.parse(self.filter, self.lab._source.columns):
            mask &= self.facts.of(condition, self)
        return mask

    def flags(self, issue: str | None = None) -> BoolArray:
        """Whether a check flags each row, at the threshold that was set for it."""
        name = self.issue if issue is None else issue
        cut = self.threshold if name == self.issue else self._thresholds.get(name)
        if cut is None:
            return self.facts.flags(name)
        return self.facts.scores(name) < cut  # NaN, not looked at, is not below

    def scores(self) -> FloatArray:
        """Scores of the check that is looked at, NaN where it did not look."""
        return self.facts.scores(self.issue)

    def findings(self) -> Findings | None:
        """Findings of the check that is looked at."""
        return self.facts.findings(self.issue) if self.issue else None

    def _sorted(self, rows: IndexArray) -> IndexArray:
        """The rows in the order that is wanted; few of them at once, many by a kept order."""
        column, ascending = self.sort
        if column == "row":
            rows = np.sort(rows)
            return rows if ascending else rows[::-1]
        if 8 * len(rows) < len(self.lab):
            rows = np.sort(rows)
            return rows[_order(self.facts.values(column, self, rows), ascending)]
        key = (self.issue if column == "score" else column, ascending)
        if key not in self._orders:
            self._orders[key] = _order(self.facts.values(column, self, None), ascending)
        order = self._orders[key]
        if len(rows) == len(order):
            return order
        mask = np.zeros(len(self.lab), dtype=bool)
        mask[rows] = True
        return order[mask[order]]

    def page_rows(self) -> IndexArray:
        """The rows of the page that is shown."""
        start = self.page * self.page_size
        return self.rows[start : start + self.page_size]

    def go(self, to: int) -> None:
        """Look at the row at a place of the list, and turn to its page."""
        if len(self.rows):
            with self.change():
                place = min(max(to, 0), len(self.rows) - 1)
                self.focus = int(self.rows[place])
                self.page = place // self.page_size

    def place(self) -> int:
        """The place in the list of the row that is looked at, -1 for none."""
        found = np.flatnonzero(self.rows == (-1 if self.focus is None else self.focus))
        return int(found[0]) if len(found) else -1

    def clear(self) -> None:
        """List what the check flags, and nothing less."""
        with self.change():
            self.set_trait("filter", "")
            self.set_trait("cell", None)
            self.set_trait("region", None)

    # ------------------------------------------------------------------ searching

    def look_for(self, line: str) -> None:
        """Set the filter; the texts of many rows are searched in the background.

        A newer search, or `cancel`, ends the older one.
        """
        parts = query.parse(line, self.lab._source.columns)
        self.cancel()
        slow = [part for part in parts if not self.facts.has(part)]
        if len(self.lab) <= AT_ONCE or not slow:
            self.filter = line
            return
        for part in parts:
            if part not in slow:
                self.facts.of(part, self)  # what is wrong with it is told at once
        generation = self._generation
        self.busy = "searching"

        def search() -> None:
            with_stop = functools.partial(self._stale, generation)
            try:
                for part in slow:
                    if not self.facts.prepare(part, self, with_stop):
                        return
                with self.lock:
                    if not self._stale(generation):
                        self.filter = line
            finally:
                with self.lock:
                    if not self._stale(generation):
                        self.busy = ""

        threading.Thread(target=search, name="datalab-search", daemon=True).start()

    def _stale(self, generation: int) -> bool:
        return generation != self._generation

    def cancel(self) -> None:
        """End a search that goes on in the background."""
        self._generation += 1
        self.busy = ""

    # ------------------------------------------------------------------ selection

    def select(self, rows: Any) -> None:
        """Select rows.

        Parameters
        ----------
        rows : array-like of bool, shape (N,), or sequence of index labels
            For data without an index of its own the labels are 0..N-1.
        """
        self.selection = self.positions(rows)

    def positions(self, rows: Any) -> IndexArray:
        """Positions of rows that are named by index labels or a boolean mask."""
        return positions_of(rows, self.lab._source.index, len(self.lab))

    def pick(self, row: int, how: str = "only") -> None:
        """Look at a row, and select as a click does.

        Parameters
        ----------
        row : int
            A position.
        how : {"only", "toggle", "range"}
            "only" drops the selection, "toggle" adds or removes the row, "range" adds everything
            that is listed between the row that was looked at and this one.
        """
        choice(how, ("only", "toggle", "range"), name="how")
        with self.change():
            if how == "only":
                self.selection, self._anchor = (), row
            elif how == "toggle":
                self.selection, self._anchor = self._with_selected([row], toggle=True), row
            else:
                anchor = row if self._anchor is None else self._anchor
                ends = np.flatnonzero(np.isin(self.rows, [anchor, row]))
                if len(ends):
                    self.selection = self._with_selected(self.rows[ends[0] : ends[-1] + 1])
            self.focus = row

    def _with_selected(self, rows: Any, *, toggle: bool = False) -> IndexArray:
        """The selection and more rows; `toggle` leaves out those that were selected."""
        mask = np.zeros(len(self.lab), dtype=bool)  # sets of numpy take seconds for a million
        mask[self.selection] = True
        mask[rows] = ~mask[rows] if toggle else True
        return np.flatnonzero(mask)

    def move(self, by: int, *, extend: bool = False) -> None:
        """Look at the row `by` places further in the list; `extend` selects on the way."""
        with self.change():
            if extend and not len(self.selection):
                self._anchor = self.focus
            self.go(self.place() + by)
            if extend and self.focus is not None:
                self.pick(self.focus, "range")

    def select_listed(self) -> None:
        """Select every row that is listed, on all pages."""
        self.selection = self.rows

    def selected(self) -> Any:
        """The selected rows, in the user's own type."""
        return self.lab._source.native(self.selection)

    def acted_on(self) -> IndexArray:
        """The rows that an action is about: the selected ones, or the one that is looked at."""
        if len(self.selection) or self.focus is None:
            chosen: IndexArray = self.selection
            return chosen
        return np.array([self.focus], dtype=np.intp)

    # ------------------------------------------------------------------ decisions

    def class_of(self, name: str) -> Any:
        """The label that people write as `name`: a class, or a number for regression."""
        if self.lab.task == "classification":
            return self.lab.class_names[self.facts.code_of(name)]
        written = self._set_of(name) if self.lab.task == "multilabel" else name
        return self.lab.review.class_of(written)

    def _set_of(self, names: str) -> list[Any]:
        """The classes that people write with commas between; a class may have one in its name."""
        if names.strip() in ("", NO_CLASS):
            return []
        whole = names in map(str, self.lab.class_names)
        parts = [names] if whole else [name.strip() for name in names.split(",")]
        codes = sorted({self.facts.code_of(name) for name in parts})
        return [self.lab.class_names[code] for code in codes]

    def decide(
        self,
        verdict: str,
        value: Any = None,
        *,
        note: str | None = None,
        rows: IndexArray | None = None,
    ) -> None:
        """Decide on the rows that an action is about, and go on to the next one after a single."""
        choice(verdict, VERDICTS, name="verdict")
        chosen = self.acted_on() if rows is None else rows
        if not len(chosen):
            return
        alone = len(chosen) == 1 and not len(self.selection) and rows is None
        with self.change():
            place = self.place()
            self.lab.review.decide(
                chosen, verdict, value=value, issue=self.issue or None, note=note
            )
            self.selection = ()
            if alone and place >= 0:
                # A row that is still listed moves on; one that has left made room for the next.
                stays = place < len(self.rows) and self.rows[place] == chosen[0]
                self.go(place + int(stays))


VERDICTS = ("keep", "relabel", "exclude", "needs_review", "note")


def _follow(review: Any, session: Session) -> Callable[[], None]:
    """Tell a session of every decision, and return how to end that.

    A session that nobody looks at any more goes, closed or not.
    """
    alive = weakref.ref(session)

    def tell() -> None:
        follower = alive()
        if follower is not None:
            follower._decided()

    end = functools.partial(review.unobserve, tell)
    weakref.finalize(session, end)
    review.observe(tell)
    return end


def _order(values: Any, ascending: bool) -> IndexArray:
    """Places in ascending or descending order; equal values by row number, missing ones last."""
    try:
        column = values if hasattr(values, "to_pylist") else pa.array(values, from_pandas=True)
        way = "ascending" if ascending else "descending"
        if pa.types.is_large_string(column.type) and _repeats(column):
            column = _ranks(column)
        order = compute.sort_indices(column, sort_keys=[("", way)])
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return _order(np.array([str(value) for value in values], dtype=object), ascending)
    return np.asarray(order.to_numpy(), dtype=np.intp)


def _repeats(texts: Any) -> bool:
    """Whether most texts of a long column stand in it several times."""
    some = texts[:SAMPLED]
    return len(some) == SAMPLED and 2 * compute.count_distinct(some).as_py() < SAMPLED


def _ranks(texts: Any) -> Any:
    """The place of each text among the distinct ones: far quicker to sort where they repeat."""
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    coded = whole.dictionary_encode()
    rank = np.empty(len(coded.dictionary), dtype=np.int32)
    rank[compute.sort_indices(coded.dictionary).to_numpy()] = np.arange(len(rank))
    return pa.array(rank).take(coded.indices)
