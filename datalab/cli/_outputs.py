"""What a command shows at the end: text for people, a document for programs."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

import datalab
from datalab.audit import Outcome
from datalab.cli._progress import OPTIONS, in_options, one_line
from datalab.cli._rules import Verdict, counts
from datalab.lab import Datalab
from datalab.results import explained

__all__ = ["EXAMPLES", "brief", "document", "next_steps", "page", "plain", "show", "verdict_told"]

EXAMPLES = 3  # shown for each check
WIDTH, NARROWEST, WIDEST = 100, 60, 140  # columns of text: in a file; in a terminal at most


def show(text: str) -> None:
    """Write a result to standard output; who stops reading it changes nothing else."""
    try:
        click.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def page() -> dict[str, Any]:
    """How text is laid out on standard output: columns, and whether it is coloured."""
    if not sys.stdout.isatty():
        return {"width": WIDTH, "colour": False}
    columns = shutil.get_terminal_size((WIDTH, 24)).columns
    colour = not os.environ.get("NO_COLOR")
    return {"width": min(max(columns, NARROWEST), WIDEST), "colour": colour}


# --- text -----------------------------------------------------------------------------------------


def brief(lab: Datalab) -> str:
    """One line per check: ``label: 27 of 1,797 rows (1.5 %)``."""
    return "\n".join(f"{outcome.name}: {_ended(outcome)}" for outcome in lab.outcomes)


def _ended(outcome: Outcome) -> str:
    if outcome.findings is None:
        return f"{outcome.status} ({one_line(in_options(outcome.reason))})"
    flagged, rows = counts(outcome)
    if outcome.findings.about_dataset:
        return "the data set as a whole has this issue" if flagged else "no issue"
    return f"{flagged:,} of {rows:,} rows ({100 * flagged / max(rows, 1):.3g} %)"


def next_steps(lab: Datalab, outputs: Sequence[Path]) -> str:
    """What to do now, in the words of the command line."""
    steps = []
    if any(o.findings is not None and o.findings.flagged for o in lab.outcomes):
        step = "see every flagged row: add -o report.html or -o findings.csv"
        if outputs:
            step = f"look at the flagged rows in {', '.join(map(str, outputs))}"
        steps.append(step)
    for outcome in lab.outcomes:
        wanted = [option for name, option in OPTIONS.items() if f"{name}=" in outcome.reason]
        if outcome.status == "not applicable" and wanted:
            steps.append(f"to check {outcome.spec.title} as well: add {' or '.join(wanted)}")
    if not steps:
        return "\nNothing to do: no check found anything."
    return "\nWhat to do next\n" + "\n".join(f"  - {step}" for step in steps)


# --- a document -----------------------------------------------------------------------------------


def document(lab: Datalab) -> dict[str, Any]:
    """What was found, for programs; ``datalab audit --help`` lists the keys."""
    return {
        "format": "datalab-audit",
        "version": 1,
        "datalab": datalab.__version__,
        "rows": len(lab),
        "task": lab.task,
        "classes": plain(lab.class_names),
        "checks": [_check_told(lab, outcome) for outcome in lab.outcomes],
    }


def _check_told(lab: Datalab, outcome: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = {
        "issue_type": outcome.name,
        "status": outcome.status,
        "reason": outcome.reason,
        "notes": list(outcome.notes),
    }
    findings = outcome.findings
    if findings is None:
        return told
    flagged, rows = counts(outcome)
    places = np.flatnonzero(findings.is_issue)
    worst = places[np.argsort(findings.score[places], kind="stable")][:EXAMPLES]
    told |= {
        "about": "data set" if findings.about_dataset else "rows",
        "num_issues": flagged,
        "num_checked": rows,
        "share": flagged / max(rows, 1),
        "score": findings.summary,
        "flagged_rows": findings.positions()[places].tolist(),
        "worst": plain(explained(outcome, worst, lab.class_names)),
    }
    tables = {name: _records(v) for name, v in findings.info.items() if hasattr(v, "to_dict")}
    return told | ({"tables": tables} if tables else {})


def _records(table: Any) -> Any:
    return plain(table.reset_index().to_dict("records"))


def verdict_told(verdict: Verdict) -> dict[str, Any]:
    """What became of a rule, for programs."""
    return {
        "rule": str(verdict.rule),
        "issue_type": verdict.rule.issue_type,
        "hit": verdict.hit,
        "flagged": verdict.flagged,
        "checked": verdict.rows,
        "reason": verdict.reason,
    }


def plain(value: Any) -> Any:
    """Any value as JSON knows it: missing and infinite numbers become null, the rest text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if hasattr(value, "tolist"):  # arrays and numbers of numpy
        return plain(value.tolist())
    return None if type(value).__name__ in ("NAType", "NaTType") else str(value)
