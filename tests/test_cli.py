"""The command line: what it prints where, the files it writes, and how it exits."""

import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import datalab
from datalab.cli import main
from datalab.cli._progress import in_options
from datalab.cli._rules import Rule, parse_rule
from datalab.exceptions import InputWarning
from datalab.findings import Findings
from datalab.managers import base

Run = Callable[..., Result]

N_ROWS, N_WRONG = 150, 9
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\x07\u202e"


@pytest.fixture
def run() -> Run:
    """Run a command line in this process."""

    def run(*args: object) -> Result:
        return CliRunner().invoke(main, [str(arg) for arg in args])

    return run


@pytest.fixture
def table() -> pd.DataFrame:
    """Three well separated classes, nine wrong labels, hostile and long cells."""
    rng = np.random.default_rng(0)
    codes = np.arange(N_ROWS) % 3
    names = np.array(["bird", "cat", "dog"])
    given = codes.copy()
    given[:N_WRONG] = (codes[:N_WRONG] + 1) % 3
    texts = [f"number {i} of many" for i in range(N_ROWS)]
    texts[0], texts[1] = HOSTILE + "\nsecond line", "y" * 10_000
    return pd.DataFrame(
        {
            "a": rng.normal(size=N_ROWS) + 4 * codes,
            "b": rng.normal(size=N_ROWS) - 4 * codes,
            "label": names[given],
            "note": texts,
        }
    )


@pytest.fixture
def folder(tmp_path: Path, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with ``data.csv`` and ``probs.npy``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    table.to_csv("data.csv", index=False)
    probs = np.full((N_ROWS, 3), 0.05)
    probs[np.arange(N_ROWS), np.arange(N_ROWS) % 3] = 0.9
    np.save("probs.npy", probs)
    return tmp_path


AUDIT = ("audit", "data.csv", "--label", "label", "--pred-probs", "probs.npy")


def check_named(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(check for check in document["checks"] if check["issue_type"] == name)


# --- help and version -----------------------------------------------------------------------------


def test_help_documents_exit_codes(run: Run) -> None:
    for args in (["--help"], ["audit", "--help"]):
        shown = run(*args)
        assert shown.exit_code == 0
        assert "Exit codes" in shown.stdout
        for code in ("0", "1", "2", "3", "130"):
            assert re.search(rf"^ *{code}  ", shown.stdout, re.MULTILINE)
    assert run("demo", "--help").exit_code == 0


def test_version(run: Run) -> None:
    shown = run("--version")
    assert shown.exit_code == 0
    assert datalab.__version__ in shown.stdout


def test_no_command_shows_help_and_is_no_success(run: Run) -> None:
    shown = run()
    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert "Usage" in shown.stderr


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(option: str) -> None:
    script = (
        "import sys, atexit\n"
        "heavy = ['numpy', 'pandas', 'scipy', 'sklearn', 'matplotlib', 'datasets', 'rich']\n"
        "atexit.register(lambda: print([m for m in heavy if m in sys.modules]))\n"
        f"sys.argv = ['datalab', {option!r}]\n"
        "from datalab.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.rstrip().endswith("[]")


# --- what is printed ------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_summary_on_stdout_progress_on_stderr(run: Run) -> None:
    shown = run(*AUDIT)
    assert shown.exit_code == 0
    assert "9 of 150 rows" in shown.stdout
    assert "model gives cat only 5 %" in shown.stdout
    assert "What to do next" in shown.stdout
    assert "-o report.html" in shown.stdout
    assert "reading data.csv" in shown.stderr
    assert "label: found 9\n" in shown.stderr
    assert "null: found nothing\n" in shown.stderr
    assert "\x1b" not in shown.stdout + shown.stderr


@pytest.mark.usefixtures("folder")
def test_not_applicable_says_what_to_type(run: Run) -> None:
    shown = run("audit", "data.csv", "--issues", "label")
    assert shown.exit_code == 0
    assert "to check label as well: add --label" in shown.stdout
    assert "give --label (the column" in shown.stderr
    assert "give --label" in shown.stdout
    brief = run("audit", "data.csv", "--issues", "label", "--quiet")
    assert "give --label (the column" in brief.stdout
    told = shown.stdout + shown.stderr + brief.stdout
    assert "label_name" not in told
    assert "to Datalab" not in told


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ('say task="regression" to Datalab', "say --task regression"),
        ("give pred_probs= or features=", "give --pred-probs or --features"),
        ("with kind='x' it is k=5", "with kind='x' it is k=5"),
    ],
)
def test_messages_in_the_words_of_the_command_line(message: str, told: str) -> None:
    assert in_options(message) == told


@pytest.mark.usefixtures("folder")
def test_quiet_is_one_line_for_each_check(run: Run) -> None:
    shown = run(*AUDIT, "--quiet")
    assert shown.exit_code == 0
    assert shown.stderr == ""
    assert "label: 9 of 150 rows (6 %)" in shown.stdout.splitlines()
    assert all(re.match(r"\w+: ", line) for line in shown.stdout.splitlines())


@pytest.mark.usefixtures("folder")
def test_json_is_one_document_and_nothing_else(run: Run) -> None:
    shown = run(*AUDIT, "--json", "--fail-on", "label>5%")
    document = json.loads(shown.stdout)
    assert document["format"] == "datalab-audit"
    assert document["version"] == 1
    assert document["data"] == "data.csv"
    assert document["label"] == "label"
    assert document["rows"] == N_ROWS
    assert document["task"] == "classification"
    assert document["classes"] == ["bird", "cat", "dog"]
    assert document["interrupted"] is False
    assert document["exit_code"] == shown.exit_code == 1
    label = check_named(document, "label")
    assert label["status"] == "found"
    assert label["num_issues"] == N_WRONG
    assert label["num_checked"] == N_ROWS
    assert label["share"] == pytest.approx(0.06)
    assert label["flagged_rows"] == list(range(N_WRONG))
    assert len(label["worst"]) == 3
    worst = label["worst"][0]
    assert worst["given_label"] == "cat"
    assert worst["predicted_label"] == "bird"
    assert "model gives cat" in worst["reason"]
    assert document["rules"] == [
        {
            "rule": "label>5%",
            "issue_type": "label",
            "hit": True,
            "flagged": 9,
            "checked": 150,
            "reason": "",
        }
    ]


@pytest.mark.usefixtures("folder")
def test_json_says_why_a_check_was_not_made(run: Run) -> None:
    document = json.loads(run("audit", "data.csv", "--json", "--quiet", "--issues", "label").stdout)
    label = check_named(document, "label")
    assert label["status"] == "not applicable"
    assert "label_name" in label["reason"]
    assert "num_issues" not in label


@pytest.mark.usefixtures("folder")
def test_same_seed_same_document(run: Run) -> None:
    args = ("audit", "data.csv", "--label", "label", "--json", "--seed", "3")
    assert run(*args).stdout == run(*args).stdout


@pytest.mark.usefixtures("folder")
def test_warnings_are_one_line_each(run: Run) -> None:
    np.save("odd.npy", np.tile([0.2, 0.3, 0.5], (N_ROWS, 1)))
    shown = run("audit", "data.csv", "--label", "label", "--pred-probs", "odd.npy")
    told = [line for line in shown.stderr.splitlines() if line.startswith("Warning: ")]
    assert any(line.startswith("Warning: --pred-probs are the same in every row") for line in told)
    assert not any("given.py" in line for line in shown.stderr.splitlines())
    quiet = run("audit", "data.csv", "--label", "label", "--pred-probs", "odd.npy", "--quiet")
    assert quiet.stderr == ""


def test_warnings_and_log_are_left_as_they_were(run: Run, folder: Path) -> None:
    import logging

    log = logging.getLogger("datalab")
    before = (log.level, list(log.handlers), warnings.showwarning, list(warnings.filters))
    run(*AUDIT)
    assert (log.level, list(log.handlers), warnings.showwarning, warnings.filters) == before
    with pytest.warns(InputWarning):
        warnings.warn("still told", InputWarning, stacklevel=1)


@pytest.mark.usefixtures("folder")
def test_hostile_cells_stay_cells(run: Run) -> None:
    shown = run(*AUDIT, "--text", "note", "-o", "report.html", "--json")
    assert shown.exit_code == 0
    page = Path("report.html").read_text()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror" in page
    shown = run(*AUDIT, "--text", "note")
    assert "<img src=x" in shown.stdout
    assert not set(shown.stdout) & set("\x1b\x07\u202e")
    assert max(map(len, shown.stdout.splitlines())) <= 100


@pytest.mark.usefixtures("folder")
def test_hostile_names_stay_on_one_line(run: Run) -> None:
    shown = run("audit", "data.csv", "--label", "no\x1b[31m\nsuch")
    assert shown.exit_code == 2
    assert shown.stderr.count("\n") == 2  # the file that is read, and the error
    assert "\x1b" not in shown.stderr


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_outputs(run: Run) -> None:
    before = Path("data.csv").read_bytes()
    outputs = ["report.html", "findings.csv", "findings.parquet", "findings.xlsx"]
    shown = run(*AUDIT, *(word for path in outputs for word in ("-o", path)))
    assert shown.exit_code == 0
    page = Path("report.html").read_text()
    assert page.lower().startswith("<!doctype html>")
    assert not re.search(r'(src|href)="https?:', page)
    csv = pd.read_csv("findings.csv")
    assert csv["is_label_issue"].sum() == N_WRONG
    for path, read in (("findings.parquet", pd.read_parquet), ("findings.xlsx", pd.read_excel)):
        assert read(path)["is_label_issue"].sum() == N_WRONG
    assert "report.html" in shown.stdout
    assert Path("data.csv").read_bytes() == before


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("report.pdf", "must end in one of .html, .csv, .parquet, .xlsx"),
        ("nowhere/report.html", "'nowhere' does not exist"),
        ("data.csv", "would overwrite an input"),
    ],
)
def test_impossible_outputs_are_told_before_the_audit(run: Run, output: str, told: str) -> None:
    before = Path("data.csv").read_bytes()
    shown = run(*AUDIT, "-o", output)
    assert shown.exit_code == 2
    assert told in shown.stderr
    assert "reading" not in shown.stderr
    assert Path("data.csv").read_bytes() == before


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("ending", ["npz", "csv", "parquet"])
def test_predicted_probabilities_from_other_files(run: Run, ending: str) -> None:
    probs = np.load("probs.npy")
    named = pd.DataFrame(probs, columns=["bird", "cat", "dog"])[["dog", "bird", "cat"]]
    if ending == "npz":
        np.savez("probs.npz", probs)
    elif ending == "csv":
        named.to_csv("probs.csv")  # with row numbers, as people do
    else:
        named.to_parquet("probs.parquet")
    shown = run(
        "audit", "data.csv", "--label", "label", "--pred-probs", f"probs.{ending}", "--json"
    )
    assert check_named(json.loads(shown.stdout), "label")["flagged_rows"] == list(range(N_WRONG))


@pytest.mark.usefixtures("folder")
def test_features(run: Run, table: pd.DataFrame) -> None:
    table[["a", "b"]].to_csv("features.csv")
    np.save("features.npy", table[["a", "b"]].to_numpy())
    told = [
        run("audit", "data.csv", "--label", "label", "--features", f"features.{ending}", "--json")
        for ending in ("csv", "npy")
    ]
    assert told[0].exit_code == 0
    assert told[0].stdout == told[1].stdout
    assert check_named(json.loads(told[0].stdout), "label")["num_issues"] > 0


def test_regression_and_unlabelled(run: Run, folder: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(60.0), "y": np.arange(60.0)})
    frame.to_csv("numbers.csv", index=False)
    frame[["y"]].to_csv("predicted.csv", index=False)
    np.save("predicted.npy", frame["y"].to_numpy())
    for path in ("predicted.csv", "predicted.npy"):
        shown = run(
            "audit", "numbers.csv", "--task", "regression", "--label", "y", "--pred-probs", path
        )
        assert shown.exit_code == 0, shown.stderr
    shown = run("audit", "numbers.csv", "--task", "none", "--json")
    assert json.loads(shown.stdout)["task"] is None


@pytest.mark.usefixtures("folder")
def test_paths_of_images_start_beside_the_data(run: Run, table: pd.DataFrame) -> None:
    inside = Path("elsewhere")
    (inside / "pictures").mkdir(parents=True)
    for i in range(N_ROWS):
        if i != 1:  # one is missing
            shade = Image.new("L", (8, 8), color=i)
            shade.save(inside / "pictures" / f"{i}.png")
    table["picture"] = [f"pictures/{i}.png" for i in range(N_ROWS)]
    table.to_csv(inside / "data.csv", index=False)
    shown = run(
        *("audit", inside / "data.csv", "--label", "label", "--pred-probs", "probs.npy"),
        *("--image", "picture", "--issues", "label", "-o", "report.html"),
    )
    assert shown.exit_code == 0, shown.stderr
    assert "data:image/" in Path("report.html").read_text()


# --- wrong usage and input ------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["audti"], "Did you mean 'audit'"),
        (["audit"], "Missing argument 'DATA'"),
        (["audit", "data.csv", "--lable", "x"], "Did you mean '--label'"),
        (["audit", "data.csv", "--task", "ranking"], "'ranking' is not one of"),
        (["audit", "dota.csv"], "file not found"),
        (["audit", "dota.csv"], "did you mean 'data.csv'?"),
        (["audit", "."], "folder"),
        (["audit", "data.csv", "--label", "lable"], "did you mean 'label'?"),
        (["audit", "data.csv", "--text", "notes"], "did you mean 'note'?"),
        (["audit", "data.csv", "--image", "notes"], "did you mean 'note'?"),
        (["audit", "data.csv", "--annotations", "a,bb"], "'bb'"),
        (["audit", "data.csv", "--annotations", "a,,b"], "empty name"),
        (["audit", "data.csv", "--issues", "lable"], "did you mean 'label'?"),
        (["audit", "data.csv", "--fail-on", "lable>2%"], "did you mean 'label'?"),
        (["audit", "data.csv", "--fail-on", "label=2"], "is no rule; write 'label>2%'"),
        (["audit", "data.csv", "--fail-on", "label>0.02"], "write 'label>2%'"),
        (["audit", "data.csv", "--issues", "null", "--fail-on", "label>0"], "add it to --issues"),
        (["audit", "data.csv", "--seed", "-1"], "--seed"),
        (["audit", "data.csv", "--task", "none", "--label", "label"], "--task none"),
        ([*AUDIT[:4], "--pred-probs", "prob.npy"], "--pred-probs is 'prob.npy': file not found"),
        ([*AUDIT[:4], "--pred-probs", "data.csv"], "bird"),
        ([*AUDIT[:4], "--features", "data.csv"], "--features has columns that are not numbers"),
        ([*AUDIT[:4], "--features", "short.npy"], "--features has 3 rows but the dataset has 150"),
        ([*AUDIT[:4], "--features", "pickled.npy"], "holds no plain array"),
        ([*AUDIT[:4], "--features", "junk.npy"], "holds no plain array"),
        ([*AUDIT[:4], "--features", "two.npz"], "must hold one array, but it holds x, y"),
        ([*AUDIT[:4], "--features", "junk.npz"], "holds no plain array"),
        (["audit", "empty.csv"], "'empty.csv'"),
        (["audit", "header.csv"], "no rows"),
    ],
)
def test_wrong_use_is_one_line_without_traceback(run: Run, args: list[str], told: str) -> None:
    np.save("short.npy", np.zeros((3, 2)))
    np.save("pickled.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez("two.npz", x=np.zeros(3), y=np.zeros(3))
    for name in ("junk.npy", "junk.npz"):
        Path(name).write_bytes(b"not an array")
    Path("empty.csv").write_text("")
    Path("header.csv").write_text("a,b\n")
    shown = run(*args)
    assert shown.exit_code == 2
    assert shown.stdout == ""
    last = shown.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    assert told in last
    assert "Traceback" not in shown.stderr
    assert sum(line.startswith("Error") for line in shown.stderr.splitlines()) == 1


@pytest.mark.usefixtures("folder")
def test_an_output_that_cannot_be_written(run: Run) -> None:
    Path("report.html").mkdir()
    shown = run(*AUDIT, "-o", "report.html")
    assert shown.exit_code == 2
    assert shown.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in shown.stderr


# --- rules ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("rule", "code", "told"),
    [
        ("label>2%", 1, "9 of 150 rows flagged (6 %), 4 percentage points above the limit"),
        ("label > 5 %", 1, "1 percentage points above"),
        ("label>6%", 0, ""),
        ("label>=6%", 1, "at the limit"),
        ("label>8", 1, "1 above the limit"),
        ("label>9", 0, ""),
        ("label>=9", 1, "at the limit"),
        ("label>20", 0, ""),
        ("any>0", 1, "above the limit"),
        ("any>99%", 0, ""),
    ],
)
def test_fail_on(run: Run, rule: str, code: int, told: str) -> None:
    shown = run(*AUDIT, "--quiet", "--fail-on", rule)
    assert shown.exit_code == code
    assert told in shown.stderr
    assert (shown.stderr == "") == (code == 0)
    assert shown.stdout


@pytest.mark.usefixtures("folder")
def test_every_rule_that_is_hit_is_told(run: Run) -> None:
    rules = ("--fail-on", "label>2%", "--fail-on", "any>0", "--fail-on", "null>3")
    shown = run(*AUDIT, *rules)
    assert shown.exit_code == 1
    hits = [line for line in shown.stderr.splitlines() if line.startswith("Hit: ")]
    assert ["label>2%" in hits[0], "any>0" in hits[1], len(hits)] == [True, True, 2]


@pytest.mark.usefixtures("folder")
def test_a_rule_that_cannot_be_judged_is_no_success(run: Run) -> None:
    shown = run("audit", "data.csv", "--issues", "label", "--fail-on", "label>2%")
    assert shown.exit_code == 2
    assert "Error: --fail-on 'label>2%' cannot be judged: not applicable" in shown.stderr
    document = json.loads(
        run("audit", "data.csv", "--issues", "label", "--fail-on", "label>2%", "--json").stdout
    )
    assert document["rules"][0]["hit"] is None
    assert document["exit_code"] == 2


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
blanks = st.text(" \t", max_size=2)
SETTINGS = settings(max_examples=60, deadline=None, derandomize=True)


@SETTINGS
@given(names, st.sampled_from([">", ">="]), st.integers(0, 10**9), blanks, blanks)
def test_rules_of_counts(name: str, operator: str, limit: int, before: str, after: str) -> None:
    rule = parse_rule(f"{before}{name}{after}{operator}{before}{limit}{after}")
    assert rule == Rule(name, operator, Fraction(limit), in_percent=False)
    assert parse_rule(str(rule)) == rule
    assert rule.is_hit(limit + 1, 10**9 + 1)
    assert rule.is_hit(limit, 10**9) == (operator == ">=")
    assert not rule.is_hit(limit - 1, 10**9)


@SETTINGS
@given(names, st.sampled_from([">", ">="]), st.integers(0, 10_000), st.integers(1, 500))
def test_rules_of_shares(name: str, operator: str, hundredths: int, thousands: int) -> None:
    rule = parse_rule(f"{name}{operator}{hundredths / 100:.2f}%")
    rows = 1_000 * thousands
    exactly = Fraction(hundredths, 10_000) * rows
    for flagged in {0, int(exactly), min(int(exactly) + 1, rows), rows}:
        above = flagged >= exactly if operator == ">=" else flagged > exactly
        assert rule.is_hit(flagged, rows) == above


@SETTINGS
@given(st.text(max_size=12))
def test_anything_else_is_refused_in_words(text: str) -> None:
    stripped = "".join(text.split())
    if re.fullmatch(r"(?a:[A-Za-z_][\w-]*)(>=|>|≥)[0-9.]+%?", stripped):
        return  # it may well be one
    with pytest.raises(click.BadParameter, match="is no rule") as caught:
        parse_rule(text)
    assert repr(text) in caught.value.message


@pytest.mark.parametrize("text", ["", "label", "label>", ">2", "label<2", "label>-1", "label>2%%"])
def test_no_rules(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no rule"):
        parse_rule(text)


def test_rules_have_limits() -> None:
    with pytest.raises(click.BadParameter, match="more than 100%"):
        parse_rule("label>101%")
    assert parse_rule("near-duplicate≥10").issue_type == "near_duplicate"
    assert parse_rule("near-duplicate≥10").operator == ">="


# --- failures and interruptions -------------------------------------------------------------------


@pytest.fixture
def own_managers() -> Iterator[None]:
    """Managers that are registered in a test are gone after it."""
    registered = list(base._register)
    yield
    base._register[:] = registered


class Broken:
    """A check with a defect."""

    name = "broken"

    def find_issues(self, table: Any) -> Findings:
        raise RuntimeError("first line\nsecond line")


class Stopped:
    """A check during which somebody presses Ctrl-C."""

    name = "stopped"

    def find_issues(self, table: Any) -> Findings:
        raise KeyboardInterrupt


class Whole:
    """A finding about the data set as a whole."""

    name = "whole"

    def find_issues(self, table: Any) -> Findings:
        return Findings(self.name, is_issue=[], score=[], rows=[], flagged=True, summary=0.2)


@pytest.mark.usefixtures("folder", "own_managers")
def test_a_failing_check_is_told(run: Run) -> None:
    base.register(Broken)
    shown = run(*AUDIT, "--fail-on", "label>0")
    assert shown.exit_code == 3
    assert "Failed: broken: RuntimeError: first line second line" in shown.stderr
    assert "Hit: --fail-on 'label>0'" in shown.stderr
    assert "9 of 150 rows" in shown.stdout
    assert "Traceback" not in shown.stderr
    quiet = run(*AUDIT, "--quiet")
    assert quiet.stderr == "Failed: broken: RuntimeError: first line second line\n"
    document = json.loads(run(*AUDIT, "--json").stdout)
    assert check_named(document, "broken")["status"] == "failed"
    assert document["exit_code"] == 3


@pytest.mark.usefixtures("folder", "own_managers")
def test_an_interruption_keeps_what_is_finished(run: Run) -> None:
    base.register(Stopped)
    shown = run(*AUDIT, "--json", "-o", "findings.csv")
    assert shown.exit_code == 130
    assert "Interrupted" in shown.stderr
    document = json.loads(shown.stdout)
    assert document["interrupted"] is True
    assert check_named(document, "label")["num_issues"] == N_WRONG
    assert Path("findings.csv").exists()


@pytest.mark.usefixtures("folder")
def test_an_interruption_before_the_audit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("datalab.cli._audit.read_table", interrupt)
    shown = run(*AUDIT)
    assert shown.exit_code == 130
    assert shown.stderr.splitlines()[-1] == "Error: interrupted"


@pytest.mark.usefixtures("folder")
def test_a_defect_of_ours_is_no_hit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("datalab.cli._audit.read_table", fail)
    shown = run(*AUDIT)
    assert shown.exit_code == 3
    assert "ZeroDivisionError: ours" in shown.stderr
    assert shown.stderr.splitlines()[-1].startswith("Error: unexpected")


@pytest.mark.usefixtures("folder", "own_managers")
def test_findings_about_the_whole_data_set_count(run: Run) -> None:
    base.register(Whole)
    shown = run("audit", "data.csv", "--issues", "whole", "--fail-on", "whole>0")
    assert shown.exit_code == 1
    assert "--fail-on 'whole>0': the data set as a whole has this issue" in shown.stderr
    assert run("audit", "data.csv", "--issues", "whole", "--fail-on", "any>0").exit_code == 1
    assert run("audit", "data.csv", "--issues", "whole", "--fail-on", "whole>1").exit_code == 0
    short = run("audit", "data.csv", "--issues", "whole", "--quiet").stdout
    assert short.splitlines() == ["whole: the data set as a whole has this issue"]
    told = json.loads(run("audit", "data.csv", "--issues", "whole", "--json").stdout)
    check = told["checks"][0]
    assert (check["about"], check["num_issues"], check["num_checked"]) == ("data set", 1, 1)


@pytest.mark.usefixtures("folder")
def test_leaks_between_splits(run: Run, table: pd.DataFrame) -> None:
    table["part"] = np.where(np.arange(N_ROWS) < N_ROWS - 20, "train", "test")
    copied = table.columns.drop("part")
    table.loc[table.index[-1], copied] = table.loc[table.index[0], copied]
    table.to_csv("split.csv", index=False)
    shown = run(
        "audit", "split.csv", "--label", "label", "--split", "part", "--issues", "split_leakage",
        "--json", "--fail-on", "split_leakage>0",
    )  # fmt: skip
    assert shown.exit_code == 1
    check = json.loads(shown.stdout)["checks"][0]
    assert {0, N_ROWS - 1} <= set(check["flagged_rows"])
    assert check["tables"]["split_pairs"][0]["drop_from"] == "train"


# --- annotators -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_annotations(run: Run, table: pd.DataFrame) -> None:
    rng = np.random.default_rng(1)
    right = np.array(["bird", "cat", "dog"])[np.arange(N_ROWS) % 3]
    for name, quality in (("ann", 0.98), ("ben, sen.", 0.9), ("cleo", 0.6)):
        wrong = rng.choice(["bird", "cat", "dog"], size=N_ROWS)
        table[name] = np.where(rng.random(N_ROWS) < quality, right, wrong)
    table.loc[3, "cleo"] = None
    table.to_csv("crowd.csv", index=False)
    shown = run("audit", "crowd.csv", "--annotations", 'ann,"ben, sen.",cleo', "--json")
    assert shown.exit_code == 0, shown.stderr
    check = check_named(json.loads(shown.stdout), "multi_annotator")
    assert check["status"] == "found"
    annotators = check["tables"]["annotator_stats"]
    quality = {one["annotator"]: one["annotator_quality"] for one in annotators}
    assert quality["ann"] > quality["cleo"]
    assert set(quality) == {"ann", "ben, sen.", "cleo"}


# --- the installed command ------------------------------------------------------------------------


def test_as_a_process(folder: Path) -> None:
    args = [*AUDIT, "--json", "--fail-on", "label>2%"]
    done = subprocess.run(
        [sys.executable, "-m", "datalab.cli", *args], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["exit_code"] == 1
    assert "Hit: --fail-on 'label>2%'" in done.stderr


def test_installed_under_its_name() -> None:
    command = Path(sys.executable).with_name("datalab")
    if not command.exists():
        pytest.skip("the package is not installed in this environment")
    done = subprocess.run([command, "--version"], capture_output=True, text=True)
    assert done.returncode == 0
    assert datalab.__version__ in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
def test_a_reader_that_leaves_changes_nothing(folder: Path) -> None:
    command = f'"{sys.executable}" -m datalab.cli {" ".join(AUDIT)} --json'
    script = f'set -o pipefail; {command} | head -c 1 > /dev/null; echo "code $?"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=folder)
    assert "code 0" in done.stdout
    assert "Traceback" not in done.stderr
