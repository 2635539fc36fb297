"""``datalab audit``: one data set from the command line to an exit code."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from datalab.cli._inputs import read_array, read_table
from datalab.cli._outputs import (
    EXAMPLES,
    brief,
    document,
    next_steps,
    page,
    plain,
    show,
    verdict_told,
)
from datalab.cli._progress import in_options, one_line, progress
from datalab.cli._rules import ANY, Exit, Rule, Verdict, judge
from datalab.lab import Datalab
from datalab.managers.base import find_spec
from datalab.views.text import report_text

__all__ = ["run_audit"]


def run_audit(
    *,
    data: Path,
    label: str | None,
    task: str,
    text: str | None,
    image: str | None,
    annotations: Sequence[str],
    split: str | None,
    pred_probs: Path | None,
    features: Path | None,
    outputs: Sequence[Path],
    rules: Sequence[Rule],
    issues: Sequence[str],
    seed: int,
    as_json: bool,
    quiet: bool,
) -> int:
    """Read, audit, write and show; the parameters are the options of the command."""
    _keep_inputs(outputs, [path for path in (data, pred_probs, features) if path is not None])
    if label is not None and task == "none":
        raise click.UsageError("--label has no meaning with --task none; leave one of them out")
    with progress(quiet) as told:
        told.say(f"reading {data}")
        lab = Datalab(
            read_table(data, image),
            task=None if task == "none" else task,
            label_name=label,
            image_key=image,
            text_key=text,
            annotations=list(annotations) or None,
            split=split,
            verbosity=0,
        )
        _check_names(lab, rules, issues)
        probs = read_array(pred_probs, "--pred-probs")
        if task == "regression" and hasattr(probs, "columns") and probs.shape[1] == 1:
            probs = probs.iloc[:, 0]
        lab.give(pred_probs=probs, features=read_array(features, "--features"))
        told.say(f"checking {len(lab):,} rows")
        interrupted = False
        try:
            lab.find_issues(list(issues) or None, random_state=seed)
        except KeyboardInterrupt:
            interrupted = True
        for path in outputs if len(lab.outcomes) else ():
            lab.export(path)
            told.say(f"wrote {path}")
    verdicts = [judge(rule, lab) for rule in rules]
    code = _exit_code(lab, verdicts, interrupted)
    if as_json:
        _show_document(lab, data, outputs, verdicts, interrupted, code)
    elif quiet:
        show(brief(lab))
    else:
        show(report_text(lab, num_examples=EXAMPLES, reworded=in_options, **page()))
        if not interrupted:
            show(next_steps(lab, outputs))
    _tell_trouble(lab, verdicts, interrupted)
    return code


def _keep_inputs(outputs: Iterable[Path], inputs: Sequence[Path]) -> None:
    """Refuse to write over what is to be read."""
    for path in outputs:
        if any(path.exists() and one.exists() and path.samefile(one) for one in inputs):
            raise click.UsageError(
                f"-o {str(path)!r} would overwrite an input; choose another name"
            )


def _check_names(lab: Datalab, rules: Sequence[Rule], issues: Sequence[str]) -> None:
    """Tell unknown issue types, and rules about what is not looked for, before the audit."""
    ruled = [rule for rule in rules if rule.issue_type != ANY]
    for name in [*issues, *(rule.issue_type for rule in ruled)]:
        find_spec(name, lab.task)
    looked_for = issues or lab.list_default_issue_types()
    for rule in ruled:
        if rule.issue_type not in looked_for:
            raise click.UsageError(
                f"--fail-on '{rule}' is about a check that is not made: add it to --issues "
                f"(looked for are {', '.join(looked_for)})"
            )


def _exit_code(lab: Datalab, verdicts: Sequence[Verdict], interrupted: bool) -> Exit:
    """The highest code that applies."""
    return max(
        Exit.HIT if any(verdict.hit for verdict in verdicts) else Exit.FINE,
        Exit.WRONG_USE if any(verdict.hit is None for verdict in verdicts) else Exit.FINE,
        Exit.FAILED if any(o.status == "failed" for o in lab.outcomes) else Exit.FINE,
        Exit.INTERRUPTED if interrupted else Exit.FINE,
    )


def _show_document(
    lab: Datalab,
    data: Path,
    outputs: Sequence[Path],
    verdicts: Sequence[Verdict],
    interrupted: bool,
    code: Exit,
) -> None:
    told = document(lab) | {
        "data": str(data),
        "label": lab.label_name,
        "rules": [verdict_told(verdict) for verdict in verdicts],
        "files": [str(path) for path in outputs if len(lab.outcomes)],
        "interrupted": interrupted,
        "exit_code": int(code),
    }
    show(json.dumps(plain(told), indent=2, allow_nan=False))


def _tell_trouble(lab: Datalab, verdicts: Sequence[Verdict], interrupted: bool) -> None:
    """What a CI log must show even when it is to be quiet."""
    lines = [f"Failed: {o.name}: {o.reason}" for o in lab.outcomes if o.status == "failed"]
    lines += [f"{'Hit' if v.hit else 'Error'}: {v}" for v in verdicts if v.hit is not False]
    if interrupted:
        lines.append("Interrupted: only the checks that had finished are shown")
    for line in lines:
        click.echo(one_line(in_options(line)), err=True)
