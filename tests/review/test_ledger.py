"""The file of decisions: complete batches, stumps, undo, and several writers."""

import json
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from datalab.exceptions import InputError
from datalab.review.ledger import Decision, Ledger, json_value


def decision(row: int, verdict: str = "keep", reviewer: str = "") -> Decision:
    return Decision(
        row, "hash", None, verdict, "a", None, reviewer, "2026-01-01T00:00:00.000+00:00"
    )


def rows(ledger: Ledger) -> list[int]:
    return [one.row for one in ledger.decisions()]


def test_lines_are_what_was_decided(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    ledger = Ledger(path)
    assert not path.exists()
    ledger.add([decision(1), decision(2)])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"format": "datalab-review", "version": 1}
    assert [line["row"] for line in lines[1:]] == [1, 2]
    assert set(lines[1]) >= set(Decision.__dataclass_fields__)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("in_memory", [True, False])
def test_undo_and_redo_without_limit(tmp_path: Path, in_memory: bool) -> None:
    ledger = Ledger(None if in_memory else tmp_path / "x.jsonl")
    ledger.add([decision(1)])
    ledger.add([decision(2), decision(3)])
    ledger.add([decision(4)])
    assert [d.row for d in ledger.undo("")] == [4]
    assert [d.row for d in ledger.undo("")] == [2, 3]
    assert rows(ledger) == [1]
    assert [d.row for d in ledger.redo("")] == [2, 3]
    assert rows(ledger) == [1, 2, 3]
    ledger.add([decision(5)])
    assert not ledger.can_redo("")
    assert ledger.redo("") == []
    while ledger.can_undo(""):
        ledger.undo("")
    assert rows(ledger) == []
    assert ledger.undo("") == []
    if not in_memory:
        assert rows(Ledger(tmp_path / "x.jsonl")) == []
        assert len(Ledger(tmp_path / "x.jsonl").history()) == 5


def test_each_reviewer_undoes_their_own(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "x.jsonl")
    ledger.add([decision(1, reviewer="ann")])
    ledger.add([decision(2, reviewer="ben")])
    ledger.undo("ann")
    assert rows(ledger) == [2]
    assert not ledger.can_undo("ann")
    assert rows(Ledger(tmp_path / "x.jsonl")) == [2]


def test_two_writers_see_each_other(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path / "x.jsonl"), Ledger(tmp_path / "x.jsonl")
    one.add([decision(1)])
    two.add([decision(2)])
    assert rows(two) == [1, 2]
    assert one.refresh()
    assert rows(one) == [1, 2]
    assert not one.refresh()


@pytest.mark.parametrize("cut", range(1, 400, 13))
def test_a_batch_that_was_cut_anywhere_does_not_count(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "x.jsonl"
    Ledger(path).add([decision(1)])
    whole = path.read_bytes()
    Ledger(path).add([decision(2), decision(3)])
    added = path.read_bytes()[len(whole) :]
    path.write_bytes(whole + added[: min(cut, len(added) - 1)])
    ledger = Ledger(path)
    assert rows(ledger) == [1]
    ledger.add([decision(4)])  # life goes on after the stump
    assert rows(ledger) == [1, 4]
    assert rows(Ledger(path)) == [1, 4]


@pytest.mark.parametrize("cut", [1, 10, 39])
def test_a_header_that_was_cut_is_written_again(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"format": "datalab-review", "version": 1}'[:cut])
    ledger = Ledger(path)
    ledger.add([decision(1)])
    assert rows(Ledger(path)) == [1]


@pytest.mark.parametrize("content", ["hello\n", '{"a": 1}\n', "[]\n"])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match="no ledger of review decisions"):
        Ledger(path)
    assert path.read_text() == content


def test_newer_versions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"format": "datalab-review", "version": 2}\n')
    with pytest.raises(InputError, match="install a newer datalab"):
        Ledger(path)


def test_killed_in_the_middle_of_a_bulk(tmp_path: Path) -> None:
    """All of a bulk of 10,000 rows is there, or none of it."""
    path = tmp_path / "x.jsonl"
    script = f"""
        from pathlib import Path
        from datalab.review.ledger import Decision, Ledger
        ledger = Ledger(Path({str(path)!r}))
        print("ready", flush=True)
        while True:
            bulk = [Decision(i, "h" * 32, None, "keep", 0, None, "", "t") for i in range(10000)]
            ledger.add(bulk)
    """
    for wait in (0.05, 0.12, 0.3):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE
        )
        with process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
    assert len(rows(Ledger(path))) % 10_000 == 0


def test_odd_values_survive(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    odd = ["\ud800", "line\u2028break\n", "ünï", 1.5, None, True, ["a", "b"]]
    ledger = Ledger(path)
    for value in odd:
        ledger.add([Decision(value, "h", None, "keep", value, None, "", "t", "note")])
    assert [one.old for one in Ledger(path).decisions()] == odd


def test_json_values() -> None:
    import datetime as dt

    import numpy as np

    assert json_value(np.int64(3)) == 3
    assert json_value(("a", np.float32(0.5))) == ["a", 0.5]
    assert json_value(dt.date(2026, 1, 2)) == "2026-01-02"
    assert json_value(np.array([1, 2])) == [1, 2]
    assert json_value(1 + 2j) == "(1+2j)"


def test_a_file_that_was_taken_away_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    ledger = Ledger(path)
    ledger.add([decision(1), decision(2)])
    ledger.undo("")
    for gone in (path.unlink, lambda: path.write_bytes(b"")):
        gone()
        assert not ledger.refresh()
        ledger.add([decision(3)])
    assert rows(ledger) == rows(Ledger(path)) == [3, 3]
    ledger.undo("")
    assert rows(ledger) == rows(Ledger(path)) == [3]


def test_a_file_that_was_cut_by_others_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    ledger = Ledger(path)
    ledger.add([decision(1)])
    first = path.read_bytes()
    ledger.add([decision(2)])
    path.write_bytes(first)
    with pytest.raises(InputError, match="has become shorter"):
        ledger.add([decision(3)])
    assert path.read_bytes() == first
