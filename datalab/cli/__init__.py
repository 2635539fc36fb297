"""The ``datalab`` command: an audit from the terminal, for people and for CI jobs.

Progress, warnings and errors go to standard error, one line each; results go to standard output.
Only what the command line itself needs is imported here, the rest when a command runs.
"""

import csv
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

import datalab
from datalab._optional import require
from datalab.cli._progress import in_options, one_line
from datalab.cli._rules import EXIT_CODES, Exit, Rule, parse_rule
from datalab.exceptions import DatalabError

__all__ = ["main"]

OUTPUTS = (".html", ".csv", ".parquet", ".xlsx")
TASKS = ("classification", "regression", "multilabel", "none")
FILE = click.Path(path_type=Path)
SEED = click.IntRange(0, 2**32 - 1)  # what numpy and scikit-learn take


class Command(click.Group):
    """A group of commands whose errors are one line each, with exit codes of `Exit`."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command line and exit."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # no character may stop a report half way
                stream.reconfigure(errors="replace")
        options["standalone_mode"] = False
        try:
            code = super().main(*args, **options)
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            hint = f" (see {context.command_path} --help)" if context else ""
            code = _stopped(error.format_message() + hint, Exit.WRONG_USE)
        except (DatalabError, OSError) as error:
            code = _stopped(in_options(str(error)), Exit.WRONG_USE)
        except (click.Abort, KeyboardInterrupt):
            code = _stopped("interrupted", Exit.INTERRUPTED)
        except Exception:  # noqa: BLE001 - a defect of ours must not look like a rule that was hit
            traceback.print_exc()
            code = _stopped("unexpected, see above; please report it", Exit.FAILED)
        sys.exit(code)


def _stopped(message: str, code: Exit) -> Exit:
    click.echo(f"Error: {one_line(message)}", err=True)
    return code


# --- options --------------------------------------------------------------------------------------


def _rules(_: click.Context, __: click.Parameter, texts: Iterable[str]) -> list[Rule]:
    return [parse_rule(text) for text in texts]


def _columns(_: click.Context, __: click.Parameter, texts: Iterable[str]) -> list[str]:
    """Names separated by commas; in double quotes where one holds a comma."""
    names = [name.strip() for row in csv.reader(texts, skipinitialspace=True) for name in row]
    if "" in names:
        raise click.BadParameter("holds an empty name; separate names by single commas")
    return list(dict.fromkeys(names))


def _issue_types(
    context: click.Context, option: click.Parameter, texts: Iterable[str]
) -> list[str]:
    return [name.replace("-", "_") for name in _columns(context, option, texts)]


def _outputs(_: click.Context, __: click.Parameter, paths: Iterable[Path]) -> list[Path]:
    """Where to write, found out before the audit whether that is possible."""
    paths = list(paths)
    for path in paths:
        if path.suffix not in OUTPUTS:
            raise click.BadParameter(f"{str(path)!r} must end in one of {', '.join(OUTPUTS)}")
        if not path.parent.is_dir():
            raise click.BadParameter(f"the folder {str(path.parent)!r} does not exist")
        if path.suffix == ".xlsx":
            require("openpyxl", extra="excel", purpose="Writing .xlsx")
    return paths


def _shared(command: Callable[..., int]) -> Callable[..., int]:
    """Options of every command."""
    for option in (
        click.option("--quiet", is_flag=True, help="No progress, no warnings, a short summary."),
        click.option(
            "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
        ),
        click.option(
            "--seed", metavar="N", type=SEED, default=0, help="Seed of everything random."
        ),
        click.option(
            "-o",
            "--output",
            "outputs",
            metavar="FILE",
            multiple=True,
            type=FILE,
            callback=_outputs,
            help="Write the findings: .html is one report that works offline; .csv, .parquet and "
            ".xlsx hold every row. Repeatable.",
        ),
    ):
        command = option(command)
    return command


# --- commands -------------------------------------------------------------------------------------


@click.group(cls=Command, invoke_without_command=True, epilog=EXIT_CODES)
@click.version_option(datalab.__version__, prog_name="datalab")
@click.pass_context
def main(context: click.Context) -> int:
    """Find the issues in a data set: wrong labels, outliers, near duplicates and more."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
    return Exit.WRONG_USE


AUDIT_EPILOG = f"""\b
Examples:
  datalab audit reviews.csv --label sentiment --text review -o report.html
  datalab audit train.parquet --label y --features emb.npy --pred-probs p.npy --json
  datalab audit crowd.csv --annotations ann,ben,cleo --fail-on 'multi_annotator>5%'

Without --pred-probs and --features both are made from the images, the texts or the numeric
columns, where there are any; the report says from which. Rows are counted from 0.

--json prints one document with the keys format, version, datalab, data, label, rows, task, classes,
checks (for each: issue_type, status, reason, notes; with results also about, num_issues,
num_checked, share, score, flagged_rows, worst, tables), rules, files, interrupted and exit_code.
A finding about the data set as a whole counts as one issue of one; rules see it so too.

{EXIT_CODES}"""


@main.command(epilog=AUDIT_EPILOG, short_help="Audit a data set in a file.")
@click.argument("data", type=FILE)
@click.option("--label", metavar="COL", help="Column with the given labels.")
@click.option(
    "--task",
    type=click.Choice(TASKS),
    default="classification",
    show_default=True,
    help="What the labels are for; none for unlabelled data.",
)
@click.option("--text", metavar="COL", help="Column with the text of each row.")
@click.option(
    "--image", metavar="COL", help="Column with paths of images, relative to the folder of DATA."
)
@click.option(
    "--annotations",
    metavar="A,B,C",
    multiple=True,
    callback=_columns,
    help="Columns with the labels of several annotators.",
)
@click.option(
    "--split", metavar="COL", help="Column that says train, test, …; leaks between them are found."
)
@click.option(
    "--pred-probs",
    metavar="FILE",
    type=FILE,
    help="Out-of-sample predicted probabilities: .npy, .npz, or a table whose columns are named "
    "like the classes (.csv, .parquet). For regression: predictions.",
)
@click.option(
    "--features",
    metavar="FILE",
    type=FILE,
    help="Numeric features or embeddings: .npy, .npz, .csv or .parquet.",
)
@click.option(
    "--fail-on",
    "rules",
    metavar="RULE",
    multiple=True,
    callback=_rules,
    help="Exit with 1 when too much was found: 'label>2%' (share of the checked rows), "
    "'label>=20' (rows), 'any>0' (rows flagged by any check). Repeatable.",
)
@click.option(
    "--issues",
    metavar="A,B",
    multiple=True,
    callback=_issue_types,
    help="Look for these issue types only.",
)
@_shared
def audit(**options: Any) -> int:
    """Audit the data set in DATA, a .csv, .tsv, .json, .jsonl or .parquet file."""
    from datalab.cli._audit import run_audit  # noqa: PLC0415 (heavy; --help does not need it)

    return run_audit(**options)


@main.command(short_help="Audit scikit-learn's digits with planted errors.")
@_shared
def demo(**options: Any) -> int:
    """Audit scikit-learn's digits with planted errors, and say which of them were found.

    Wrong labels, near copies, images that are no digits and the answers of three annotators of
    known quality are planted anew for each seed. Nothing is downloaded.
    """
    from datalab.cli._demo import run_demo  # noqa: PLC0415 (heavy; --help does not need it)

    return run_demo(**options)
