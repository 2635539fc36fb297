"""Review decisions: an append-only file of lines, undo and redo.

A batch of decisions is written at once and counts only when all of its lines are there, so a
process that is killed leaves all of a batch or none of it. Undo and redo are lines too: nothing
is ever rewritten.
"""

import json
import os
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from datalab.exceptions import InputError

__all__ = ["Batch", "Decision", "Ledger", "Verdict", "json_value"]

Verdict = Literal["keep", "relabel", "exclude", "needs_review", "note"]
VERSION = 1
HEADER = {"format": "datalab-review", "version": VERSION}


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person decided about one row.

    Parameters
    ----------
    row : int, str, float, or list of these
        The row's label in the user's index; its position where there is no (unique) index.
    hash : str
        Hash of the row's content without the label.
    issue : str or None
        The issue type it is about; None: the row as such.
    verdict : {"keep", "relabel", "exclude", "needs_review", "note"}
    old, new : object
        The label before and after (JSON values).
    reviewer : str
    at : str
        UTC time, ISO 8601.
    note : str or None
    """

    row: Any
    hash: str
    issue: str | None
    verdict: str
    old: Any
    new: Any
    reviewer: str
    at: str
    note: str | None = None


FIELDS = tuple(Decision.__dataclass_fields__)


def _decision(line: dict[str, Any]) -> Decision:
    told: list[Any] = [line.get(name) for name in FIELDS]
    return Decision(*told)


@dataclass(slots=True, eq=False)
class Batch:
    """Decisions that were made, and can be undone, together."""

    name: str
    reviewer: str
    decisions: list[Decision]
    undone: bool = False


@dataclass(slots=True)
class _Stacks:
    """What one reviewer can undo and redo."""

    done: list[Batch] = field(default_factory=list)
    undone: list[Batch] = field(default_factory=list)


def json_value(value: Any) -> Any:
    """A label or row label as a JSON value; what JSON does not know, by its text."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (list, tuple, set, frozenset)) or hasattr(value, "tolist"):
        return [json_value(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def now() -> str:
    """The time in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Ledger:
    """Decisions in a file, or in memory only.

    Parameters
    ----------
    path : Path or None
        Made with the first decision, readable by its owner only; None keeps all in memory.

    Raises
    ------
    InputError
        The file is there but is no ledger, or one of a newer version.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.version = 0
        self._batches: dict[str, Batch] = {}
        self._stacks: dict[str, _Stacks] = {}
        self._changes: list[Batch | None] = []  # one for every version; None: nothing came of it
        self._lines: list[dict[str, Any]] = []
        self._waiting: dict[str, list[dict[str, Any]]] = {}
        self._read_to = 0
        self.refresh()

    # ------------------------------------------------------------------ reading

    def refresh(self) -> bool:
        """Take in what has been added to the file, by this process or another; whether any was."""
        with self.lock:
            before = self.version
            if self.path is not None and self.path.exists():
                with _told_about(self.path):
                    for line in self._new_lines(self.path):
                        self._take(line)
            return self.version != before

    def _new_lines(self, path: Path) -> Iterable[dict[str, Any]]:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if 0 < size < self._read_to:
                raise InputError(
                    f"`ledger`: {str(path)!r} has become shorter since it was read; make a new "
                    "Datalab to go on from what it holds now"
                )
            file.seek(self._read_to)
            added = file.read()
        # A line that is still being written, or was cut, has no end yet.
        whole = added[: added.rfind(b"\n") + 1]
        start = self._read_to == 0
        self._read_to += len(whole)
        for raw in whole.splitlines():
            try:
                line = json.loads(raw)
            except ValueError:
                line = None  # the stump of a line that was cut when its process was killed
            if start:
                _check_header(line, raw, path)
                start = False
            elif isinstance(line, dict) and "batch" in line:
                yield line

    def _take(self, line: dict[str, Any]) -> None:
        """One line of the file: it counts when its batch is complete."""
        lines = self._waiting.setdefault(line["batch"], [])
        lines.append(line)
        if len(lines) < line.get("size", 1):
            return
        del self._waiting[line["batch"]]
        self.version += 1
        self._lines.extend(lines)
        first = lines[0]
        stacks = self._stacks.setdefault(first["reviewer"], _Stacks())
        if first["verdict"] in ("undo", "redo"):
            self._changes.append(self._turn(stacks, first))
            return
        batch = Batch(first["batch"], first["reviewer"], [_decision(line) for line in lines])
        self._batches[batch.name] = batch
        self._changes.append(batch)
        stacks.done.append(batch)
        stacks.undone.clear()

    def _turn(self, stacks: _Stacks, line: dict[str, Any]) -> Batch | None:
        """Undo or redo the batch that the line names; None where that cannot be done."""
        batch = self._batches.get(line["of"])
        undo = line["verdict"] == "undo"
        source, target = (stacks.done, stacks.undone) if undo else (stacks.undone, stacks.done)
        if batch is None or batch not in source:
            return None
        source.remove(batch)
        target.append(batch)
        batch.undone = undo
        return batch

    # ------------------------------------------------------------------ writing

    def add(self, decisions: Sequence[Decision]) -> None:
        """Write decisions as one batch."""
        if decisions:
            self._write([{name: getattr(one, name) for name in FIELDS} for one in decisions])

    def undo(self, reviewer: str) -> list[Decision]:
        """Take back the reviewer's last batch; its decisions, none when there is nothing."""
        return self._turn_last("undo", reviewer)

    def redo(self, reviewer: str) -> list[Decision]:
        """Make the batch that was undone last count again."""
        return self._turn_last("redo", reviewer)

    def _turn_last(self, verdict: Literal["undo", "redo"], reviewer: str) -> list[Decision]:
        with self.lock:
            self.refresh()
            stacks = self._stacks.get(reviewer, _Stacks())
            stack = stacks.done if verdict == "undo" else stacks.undone
            if not stack:
                return []
            batch = stack[-1]
            line = {"verdict": verdict, "of": batch.name, "reviewer": reviewer, "at": now()}
            self._write([line])
            return batch.decisions

    def _write(self, lines: list[dict[str, Any]]) -> None:
        name = uuid.uuid4().hex
        lines = [{"batch": name, "size": len(lines), **line} for line in lines]
        with self.lock:
            if self.path is None:
                for line in lines:
                    self._take(line)
                return
            self.refresh()
            with _told_about(self.path):
                self._append(self.path, lines)
            self.refresh()

    def _append(self, path: Path, lines: list[dict[str, Any]]) -> None:
        text = "".join(map(_as_text, lines))
        handle = os.open(path, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o600)
        try:
            size = os.fstat(handle).st_size
            if not size:  # new, or somebody has taken it away: then nothing of it is lost
                known = "".join([json.dumps(HEADER) + "\n", *map(_as_text, self._lines)])
                self._read_to = len(_encoded(known)) if self._lines else 0
                text = known + text
            elif _last_byte(handle) != b"\n":
                text = "\n" + text  # end the stump that a killed process left
            content = memoryview(_encoded(text))
            while content:
                content = content[os.write(handle, content) :]
        finally:
            os.close(handle)

    # ------------------------------------------------------------------ handing over

    def lines(self) -> list[dict[str, Any]]:
        """Everything that was written, undo and redo included, as plain values."""
        with self.lock:
            return [dict(line) for line in self._lines]

    def take(self, lines: Iterable[dict[str, Any]]) -> None:
        """Take over what `lines` told of another ledger, into memory only."""
        with self.lock:
            known = {line["batch"] for line in self._lines}
            for line in lines:
                if line["batch"] not in known:
                    self._take(line)

    # ------------------------------------------------------------------ what counts

    def decisions(self) -> list[Decision]:
        """Every decision that was not undone, in order."""
        return [d for batch in self._batches.values() if not batch.undone for d in batch.decisions]

    def changes(self, since: int) -> list[Batch]:
        """The batches that were made, undone or made again since a version, in order."""
        return [batch for batch in self._changes[since:] if batch is not None]

    def history(self) -> list[tuple[Decision, bool]]:
        """Every decision in order, and whether it still counts."""
        return [(d, not batch.undone) for batch in self._batches.values() for d in batch.decisions]

    def can_undo(self, reviewer: str) -> bool:
        """Whether the reviewer has anything to undo."""
        return bool(self._stacks.get(reviewer, _Stacks()).done)

    def can_redo(self, reviewer: str) -> bool:
        """Whether the reviewer has anything to redo."""
        return bool(self._stacks.get(reviewer, _Stacks()).undone)


@contextmanager
def _told_about(path: Path) -> Iterator[None]:
    """Say what to do when the file cannot be read or written."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"`ledger`: decisions cannot be kept in {str(path)!r} ({error.strerror}); give "
            "Datalab(…, ledger=) a file in a folder that can be written to, or ledger=False to "
            "keep them in memory"
        ) from error


def _as_text(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")  # a lone surrogate by its escape in JSON


def _last_byte(handle: int) -> bytes:
    os.lseek(handle, -1, os.SEEK_END)
    return os.read(handle, 1)


def _check_header(line: Any, raw: bytes, path: Path) -> None:
    if line is None and json.dumps(HEADER).encode().startswith(raw):
        return  # killed while the header was written
    if not isinstance(line, dict) or line.get("format") != HEADER["format"]:
        raise InputError(
            f"`ledger`: {str(path)!r} is no ledger of review decisions; name another file"
        )
    if line.get("version", 0) > VERSION:
        raise InputError(
            f"`ledger`: {str(path)!r} has format version {line['version']}, this datalab reads "
            f"{VERSION}; install a newer datalab"
        )
