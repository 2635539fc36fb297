"""What a CI job reads: exit codes, and the rules of ``--fail-on`` that lead to them."""

import re
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from datalab.audit import Outcome
    from datalab.lab import Datalab

__all__ = ["ANY", "EXIT_CODES", "Exit", "Rule", "Verdict", "counts", "judge", "parse_rule"]

ANY = "any"  # the name, in rules, of all checks together


class Exit(IntEnum):
    """How a command ended."""

    FINE = 0
    HIT = 1
    WRONG_USE = 2
    FAILED = 3
    INTERRUPTED = 130


EXIT_CODES = """\b
Exit codes:
  0    the audit ran, no --fail-on rule was hit
  1    a --fail-on rule was hit
  2    wrong usage or input, or a rule that cannot be judged
  3    a check failed with an error (its results are missing)
  130  interrupted (Ctrl-C); checks that had finished are shown
Where several apply, the highest counts."""


@dataclass(frozen=True)
class Rule:
    """One rule: ``label>2%``, ``near_duplicate>=10``, ``any>0``."""

    issue_type: str
    operator: str
    limit: Fraction
    in_percent: bool

    def __str__(self) -> str:
        limit = f"{float(self.limit):g}%" if self.in_percent else str(int(self.limit))
        return f"{self.issue_type}{self.operator}{limit}"

    def excess(self, flagged: int, rows: int) -> Fraction:
        """How far above the limit, in rows or in percentage points; negative below it."""
        measured = Fraction(100 * flagged, max(rows, 1)) if self.in_percent else Fraction(flagged)
        return measured - self.limit

    def is_hit(self, flagged: int, rows: int) -> bool:
        """Whether so many flagged ones among so many rows are too many."""
        excess = self.excess(flagged, rows)
        return excess >= 0 if self.operator == ">=" else excess > 0


_RULE = re.compile(r"([A-Za-z_][\w-]*)(>=|≥|>)(\d+(?:\.\d*)?|\.\d+)(%?)", re.ASCII)


def parse_rule(text: str) -> Rule:
    """Read a rule; `click.BadParameter` says how one is written."""
    found = _RULE.fullmatch("".join(text.split()))
    if found is None:
        raise click.BadParameter(
            f"{text!r} is no rule; write 'label>2%', 'near_duplicate>=10' or 'any>0'"
        )
    name, operator, number, percent = found.groups()
    limit = Fraction(number)
    if percent and limit > 100:
        raise click.BadParameter(f"{text!r} asks for more than 100%")
    if not percent and limit.denominator != 1:
        raise click.BadParameter(
            f"{text!r} asks for a part of a row; for a share of the rows write "
            f"'{name}{operator}{float(100 * limit):g}%'"
        )
    return Rule(name.replace("-", "_"), operator.replace("≥", ">="), limit, bool(percent))


@dataclass(frozen=True)
class Verdict:
    """What became of a rule: hit or not, or None with the reason why nobody can tell."""

    rule: Rule
    hit: bool | None
    flagged: int = 0
    rows: int = 0
    reason: str = ""
    about_dataset: bool = False

    def __str__(self) -> str:
        if self.hit is None:
            return f"--fail-on '{self.rule}' cannot be judged: {self.reason}"
        share = f"{100 * self.flagged / max(self.rows, 1):.3g} %"
        if self.about_dataset:
            return f"--fail-on '{self.rule}': the data set as a whole has this issue"
        told = f"--fail-on '{self.rule}': {self.flagged:,} of {self.rows:,} rows flagged ({share})"
        excess = float(self.rule.excess(self.flagged, self.rows))
        unit = " percentage points" if self.rule.in_percent else ""
        return f"{told}, {excess:.3g}{unit} above the limit" if excess else f"{told}, at the limit"


def judge(rule: Rule, lab: "Datalab") -> Verdict:
    """Compare a rule with what was found."""
    if rule.issue_type == ANY:
        return _judge_all(rule, lab)
    outcome = {one.name: one for one in lab.outcomes}.get(rule.issue_type)
    if outcome is None:
        return Verdict(rule, None, reason="the check was not made")
    if outcome.findings is None:
        return Verdict(rule, None, reason=f"{outcome.status}: {outcome.reason}")
    flagged, rows = counts(outcome)
    whole = bool(outcome.findings.flagged) and not outcome.findings.num_issues
    return Verdict(rule, rule.is_hit(flagged, rows), flagged, rows, about_dataset=whole)


def _judge_all(rule: Rule, lab: "Datalab") -> Verdict:
    found = [outcome.findings for outcome in lab.outcomes if outcome.findings is not None]
    if not found:
        return Verdict(rule, None, reason="no check has results")
    rows: set[int] = set()
    for findings in found:
        rows.update(findings.positions()[findings.is_issue].tolist())
    # Findings about the data set as a whole flag no row, but they count.
    flagged = len(rows) + sum(bool(f.flagged) and not f.num_issues for f in found)
    return Verdict(rule, rule.is_hit(flagged, len(lab)), flagged, len(lab))


def counts(outcome: "Outcome") -> tuple[int, int]:
    """Flagged and checked rows; a finding about the whole data set counts as 0 or 1 of 1."""
    findings = outcome.findings
    if findings is None:
        return 0, 0
    return findings.num_found, max(len(findings.is_issue), 1)
