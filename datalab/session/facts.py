"""What is known of each row: labels, scores, flags, decisions, and which rows meet a condition."""

import functools
import operator
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from datalab._check import did_you_mean
from datalab._data.labels import Labels
from datalab._data.rows import positions_of
from datalab._data.values import is_missing
from datalab._typing import BoolArray, FloatArray, IndexArray
from datalab.exceptions import InputError, NotFound
from datalab.findings import Findings
from datalab.results import named_index
from datalab.session.query import TEXT, Condition
from datalab.views.cells import class_name

__all__ = ["Facts"]

V = TypeVar("V")

BLOCK = 65_536  # rows of text that are searched before looking whether to go on
KEPT_MASKS = 12
MISSING = "missing"
NO_VERDICT = "none"

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    ":": operator.eq,
}


def _never() -> bool:
    return False


class Facts:
    """Columns over all rows of a lab, read when first asked for and kept until the audit changes.

    Parameters
    ----------
    lab : Datalab
    """

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self._outcomes: tuple[Any, ...] = ()
        self._columns: dict[tuple[str, ...], Any] = {}
        self._masks: OrderedDict[Condition, BoolArray] = OrderedDict()
        self._arrow: dict[str, Any] = {}  # texts; the data does not change
        self.refresh()

    def refresh(self) -> bool:
        """Forget what an audit has replaced; whether there was any."""
        outcomes = tuple(self.lab._outcomes.values())
        if len(outcomes) == len(self._outcomes) and all(
            new is old for new, old in zip(outcomes, self._outcomes, strict=True)
        ):
            return False
        self._outcomes = outcomes
        self._columns.clear()
        return True

    # ------------------------------------------------------------------ findings

    def findings(self, issue: str) -> Findings | None:
        """Findings of a check that has some."""
        outcome = self.lab._outcomes.get(issue)
        return None if outcome is None else outcome.findings

    def flags(self, issue: str) -> BoolArray:
        """What the check itself flags."""
        return self._spread(issue, "is_issue", False, np.dtype(bool))

    def scores(self, issue: str) -> FloatArray:
        """Scores of a check, NaN where it did not look."""
        return self._spread(issue, "score", np.nan, np.dtype(np.float64))

    def _spread(self, issue: str, what: str, fill: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
        def read() -> NDArray[Any]:
            findings = self.findings(issue)
            if findings is not None and findings.rows is None and len(findings.is_issue):
                return np.asarray(getattr(findings, what), dtype=dtype)
            whole = np.full(len(self.lab), fill, dtype=dtype)
            if findings is not None and len(findings.is_issue):
                whole[findings.positions()] = getattr(findings, what)
            return whole

        return self._kept((issue, what), read)

    def places(self, issue: str, rows: IndexArray) -> IndexArray:
        """Places in the findings of rows, -1 for those that the check did not look at."""
        findings = self.findings(issue)
        if findings is None or not len(findings.is_issue):
            return np.full(len(rows), -1, dtype=np.intp)
        if findings.rows is None:
            return rows
        looked_at = findings.rows

        def read() -> NDArray[Any]:
            whole = np.full(len(self.lab), -1, dtype=np.intp)
            whole[looked_at] = np.arange(len(looked_at))
            return whole

        found: IndexArray = self._kept((issue, "place"), read)[rows]
        return found

    def _kept(self, key: tuple[str, ...], read: Callable[[], V]) -> V:
        if key not in self._columns:
            self._columns[key] = read()
        value: V = self._columns[key]
        return value

    # ------------------------------------------------------------------ labels

    @property
    def given(self) -> NDArray[np.int64]:
        """Codes of the given classes, -1 where there is none."""

        def read() -> NDArray[np.int64]:
            if isinstance(self.lab._labels, Labels):
                return np.asarray(self.lab.labels, dtype=np.int64)
            return np.full(len(self.lab), -1, dtype=np.int64)

        return self._kept(("labels", "given"), read)

    @property
    def suggested(self) -> NDArray[np.int64]:
        """Codes of the classes that the label check (else the annotators) suggests, -1 for none."""

        def read() -> NDArray[np.int64]:
            whole = np.full(len(self.lab), -1, dtype=np.int64)
            for issue, column in (
                ("multi_annotator", "consensus_label"),
                ("label", "predicted_label"),
            ):
                findings = self.findings(issue)
                if findings is not None and column in findings.columns and self.lab.class_names:
                    codes = np.asarray(findings.columns[column])
                    if codes.ndim == 1 and codes.dtype.kind in "iu":
                        whole[findings.positions()] = codes
            return whole

        return self._kept(("labels", "suggested"), read)

    def class_texts(self) -> list[str]:
        """The classes as people read them, in the order of their codes."""
        texts: list[str] = self._kept(
            ("labels", "texts"), lambda: [class_name(name) for name in self.lab.class_names]
        )
        return texts

    def code_of(self, name: str) -> int:
        """The code of the class that people call `name`.

        Raises
        ------
        InputError
            There is no such class.
        """
        for names in ([str(one) for one in self.lab.class_names], self.class_texts()):
            if name in names:
                return names.index(name)
            same = [code for code, one in enumerate(names) if one.casefold() == name.casefold()]
            if len(same) == 1:
                return same[0]
        raise InputError(f"there is no class {name!r}: {did_you_mean(name, self.class_texts())}")

    # ------------------------------------------------------------------ decisions

    def decided(self) -> None:
        """Forget what was known of decisions: there are new ones."""
        for key in [key for key in self._columns if key[0] == "decisions"]:
            del self._columns[key]

    def verdicts(self) -> NDArray[Any]:
        """What was decided on each row, None where nothing was."""
        read: Callable[[], NDArray[Any]] = self.lab.review.verdicts
        return self._kept(("decisions", "verdicts"), read)

    def rulings(self) -> dict[int, Any]:
        """What counts for each row that was decided on."""
        read: Callable[[], dict[int, Any]] = self.lab.review.rulings
        return self._kept(("decisions", "rulings"), read)

    def progress(self, issue: str) -> dict[str, Any]:
        """How far the review of a check has come."""
        read: Callable[[], dict[str, Any]] = functools.partial(self.lab.review.progress, issue)
        return self._kept(("decisions", issue), read)

    # ------------------------------------------------------------------ values to sort by

    def values(self, column: str, session: Any, rows: IndexArray | None) -> Any:
        """The values that a column is sorted by, of all rows or of some: an array of any kind."""
        here: Any = slice(None) if rows is None else rows
        if column == "score":
            return self.scores(session.issue)[here]
        if column in ("given", "suggested") and self.lab.class_names:
            codes = getattr(self, column)[here].astype(np.float64)
            codes[codes < 0] = np.nan
            return np.asarray(codes)
        if column == "given" and self.lab.label_name is not None:
            column = self.lab.label_name
        if column == "verdict":
            return self.verdicts()[here]
        if column not in self.lab._source.columns:
            return np.zeros(len(self.lab) if rows is None else len(rows))
        if rows is None and self.lab._source.kind(column) in ("text", "category"):
            texts = self._texts(column)
            if texts is not None:
                return texts
        return self.lab._source.column(column, rows)

    # ------------------------------------------------------------------ conditions

    def has(self, condition: Condition) -> bool:
        """Whether the answer is known, or costs nothing."""
        return condition in self._masks or condition.key not in (TEXT, *self.lab._source.columns)

    def of(self, condition: Condition, session: Any) -> BoolArray:
        """Which rows meet a condition."""
        self.prepare(condition, session, _never)
        if condition in self._masks:
            return self._masks[condition]
        return self._answer(condition, session, _never)

    def prepare(self, condition: Condition, session: Any, stop: Callable[[], bool]) -> bool:
        """Find out, and keep, which rows meet a condition on the data; False when stopped."""
        with session.lock:
            if condition in self._masks:
                self._masks.move_to_end(condition)
            if self.has(condition):
                return True
        mask = self._answer(condition, session, stop)
        with session.lock:  # a search goes on in a thread
            if stop():
                return False
            self._masks[condition] = mask
            while len(self._masks) > KEPT_MASKS:
                self._masks.popitem(last=False)
        return True

    def _answer(self, condition: Condition, session: Any, stop: Callable[[], bool]) -> BoolArray:
        key, value = condition.key, condition.value
        if key == TEXT:
            return self._search(value, stop)
        if key in self.lab._source.columns:
            return self._compare_column(condition)
        if key == "score":
            return np.asarray(_COMPARE[condition.operator](session.scores(), float(value)))
        if key == "row":
            return self._called(condition)
        if key == "issue":
            self.lab._outcome(value)
            flags: BoolArray = session.flags(value)
            return flags
        if key == "verdict":
            verdicts = self.verdicts()
            known = (NO_VERDICT, "keep", "relabel", "exclude", "needs_review")
            if value not in known:
                raise InputError(f"no verdict is called {value!r}: {did_you_mean(value, known)}")
            wanted: Any = None if value == NO_VERDICT else value
            return np.asarray(verdicts == wanted, dtype=bool)
        return self._labelled(key, value)

    def _called(self, condition: Condition) -> BoolArray:
        """Rows by what they are called; ``row<3`` where names are no numbers: the first three."""
        n_rows, index = len(self.lab), named_index(self.lab._source)
        names = np.arange(n_rows) if index is None else index.to_numpy()
        if names.dtype.kind not in "iuf":
            if condition.operator == ":":
                return self._of_name(condition.value, names)
            names = np.arange(n_rows)
        try:
            wanted = float(condition.value)
        except ValueError:
            raise InputError(
                f"rows are called by numbers here; {condition.value!r} is none"
            ) from None
        return np.asarray(_COMPARE[condition.operator](names, wanted))

    def _of_name(self, name: str, names: NDArray[Any]) -> BoolArray:
        mask = np.zeros(len(names), dtype=bool)
        try:
            mask[positions_of([name], self.lab._source.index, len(names))] = True
        except NotFound:
            wanted = name.casefold()
            mask = np.fromiter((str(one).casefold() == wanted for one in names), bool, len(names))
        return mask

    def _in_set(self, key: str, value: str) -> BoolArray:
        """Rows whose set of classes, given or suggested, has a class."""
        mask = np.zeros(len(self.lab), dtype=bool)
        if key == "given":
            missing = value == MISSING and value not in self.class_texts()
            code = -1 if missing else self.code_of(value)
            mask[:] = [code in codes for codes in self.lab._labels.codes]
            return mask
        name, findings = self.lab.class_names[self.code_of(value)], self.findings("label")
        if findings is not None and "predicted_label" in findings.columns:
            mask[findings.positions()] = [
                name in one for one in findings.columns["predicted_label"]
            ]
        return mask

    def _labelled(self, key: str, value: str) -> BoolArray:
        if self.lab.task == "multilabel":
            return self._in_set(key, value)
        if self.lab.class_names:
            codes = self.given if key == "given" else self.suggested
            wanted = -1 if value == MISSING and value not in self.class_texts() else None
            return np.asarray(codes == (self.code_of(value) if wanted is None else wanted))
        if key == "given" and self.lab.label_name is not None:
            return self._compare_column(Condition(self.lab.label_name, ":", value))
        raise InputError(f"{key!r} cannot be asked for: this data has no {key} classes")

    def _compare_column(self, condition: Condition) -> BoolArray:
        values = self.lab._source.column(condition.key)
        compare = _COMPARE[condition.operator]
        if values.dtype.kind in "iuf":
            try:
                return np.asarray(compare(values, float(condition.value)))
            except ValueError:
                raise InputError(
                    f"the column {condition.key!r} holds numbers; {condition.value!r} is none"
                ) from None
        if condition.operator != ":":
            raise InputError(
                f"the column {condition.key!r} holds no numbers; "
                f"write {condition.key}:{condition.value}"
            )
        if condition.value == MISSING:
            return np.asarray(is_missing(values) | (values == MISSING), dtype=bool)
        wanted = condition.value.casefold()
        return np.fromiter((str(v).casefold() == wanted for v in values), bool, len(values))

    def searched(self) -> list[str]:
        """The columns that plain words are looked for in."""
        if self.lab.text_key is not None:
            return [self.lab.text_key]
        source = self.lab._source
        return [name for name in source.columns if source.kind(name) in ("text", "category")]

    def _search(self, word: str, stop: Callable[[], bool]) -> BoolArray:
        """Rows with a word in one of the searched columns, whatever its case."""
        mask = np.zeros(len(self.lab), dtype=bool)
        for name in self.searched():
            texts = self._texts(name)
            values = self.lab._source.column(name) if texts is None else texts
            for start in range(0, len(values), BLOCK):
                if stop():
                    return mask
                mask[start : start + BLOCK] |= _contains(values[start : start + BLOCK], word)
        return mask

    def _texts(self, name: str) -> Any:
        """A column of texts as Arrow keeps it, read once; None where it holds anything else."""
        if name not in self._arrow:
            self._arrow[name] = self.lab._source.texts(name)
        return self._arrow[name]


def _contains(values: Any, word: str) -> BoolArray:
    wanted = word.casefold()
    if isinstance(values, np.ndarray):
        found = (v is not None and wanted in str(v).casefold() for v in values)
        return np.fromiter(found, bool, len(values))
    try:
        hit = compute.match_substring(values, word, ignore_case=True).fill_null(False)
    except (pa.ArrowInvalid, UnicodeError):  # a lone surrogate, which is in no whole text
        return np.zeros(len(values), dtype=bool)
    return np.asarray(hit.to_numpy(zero_copy_only=False), dtype=bool)
