"""The same report as text, for terminals, scripts and logs."""

import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from datalab._check import whole_number
from datalab.views import cells
from datalab.views.collect import overview
from datalab.views.model import Bins, Example, Matrix, Overview, Section, Table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table as RichTable

__all__ = ["evidence_text", "rendered", "report_text", "summary_text"]

WIDTH = 100
TEXT_LIMIT = 160  # characters of a text: two or three lines beside the other columns
NAME_LIMIT = 36  # characters of the name of a class
BARS = 16

# Styles that read on light and on dark terminals alike; colour is never the only sign.
_STYLE = {"given": "yellow", "suggested": "blue", "missing": "dim", "number": "", "text": ""}


def summary_text(lab: Any, *, width: int = WIDTH, colour: bool = False) -> str:
    """The lab at a glance: one line per check.

    Parameters
    ----------
    lab : Datalab
    width : int
        Columns of the terminal.
    colour : bool
        Whether to colour with ANSI sequences.

    Returns
    -------
    str
    """
    view = overview(lab, num_examples=0, max_images=0)
    return rendered(_summary(view, "Datalab", width), width, colour)


def report_text(
    lab: Any,
    *,
    num_examples: int = 5,
    include_description: bool = True,
    show_summary_score: bool = False,
    show_all_issues: bool = False,
    width: int = WIDTH,
    colour: bool = False,
    reworded: Callable[[str], str] = str,
) -> str:
    """The report as text: the summary, then the worst examples of each check.

    Parameters
    ----------
    lab : Datalab
    num_examples, include_description, show_summary_score, show_all_issues
        As for `datalab.views.static.report_html`.
    width : int
        Columns of the terminal.
    colour : bool
        Whether to colour with ANSI sequences.
    reworded : callable
        Says why a check was not made in other words, such as those of the command line.

    Returns
    -------
    str
    """
    view = overview(
        lab,
        num_examples=whole_number(num_examples, name="num_examples", least=0),
        max_images=0,
        text_limit=TEXT_LIMIT,
        show_all=show_all_issues,
    )
    told = tuple(replace(section, reason=reworded(section.reason)) for section in view.sections)
    view = replace(view, sections=told)
    parts = list(_summary(view, "Datalab report", width))
    for section in view.shown:
        parts += _section(view, section, include_description, show_summary_score)
    return rendered(parts, width, colour)


def rendered(parts: Iterable["RenderableType"], width: int, colour: bool) -> str:
    """The parts one below the other, as a terminal of that width shows them."""
    from rich.console import Console

    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        force_jupyter=False,  # else it would display by itself in a notebook
        color_system="standard" if colour else None,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).strip("\n")


def _summary(view: Overview, title: str, width: int) -> Iterable["RenderableType"]:
    from rich.text import Text

    yield Text.assemble((title, "bold"), "  ", (" · ".join(view.facts), "dim"))
    yield Text(view.sentence)
    if not view.sections:
        return
    yield Text()
    table = _table()
    table.add_column("check", no_wrap=True)
    table.add_column("flagged", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    if width >= 80:
        table.add_column("scores 0 to 1", no_wrap=True)
    table.add_column("what it means", ratio=1)
    for section in view.sections:
        row = _summary_row(section)
        table.add_row(*(row if width >= 80 else [*row[:3], row[4]]))
    yield table
    for made in view.made:
        yield Text(made, "dim")


def _summary_row(section: Section) -> list[Any]:
    from rich.text import Text

    name = Text(section.title, "bold" if section.state == "flagged" else "")
    if section.state in ("not applicable", "failed"):
        word = "n/a" if section.state == "not applicable" else "failed"
        style = "dim" if word == "n/a" else "red"
        return [name, Text(word, style), "", "", Text(section.sentence, style)]
    told = section.meaning if section.state == "flagged" else section.sentence
    if not section.n_checked:
        return [name, "yes" if section.state == "flagged" else "no", "", "", Text(told)]
    share = cells.share(section.n_flagged, section.n_checked) if section.n_flagged else ""
    return [name, cells.count(section.n_flagged), share, _blocks(section.bins), Text(told)]


def _section(
    view: Overview, section: Section, describe: bool, show_score: bool
) -> Iterable["RenderableType"]:
    from rich.padding import Padding
    from rich.text import Text

    yield Text()
    yield Text.assemble((section.title, "bold underline"), "  ", (section.sentence, "dim"))
    if describe:
        yield Text(section.meaning)
        if section.advice:
            yield Text.assemble(("What to do: ", "bold"), section.advice)
    if show_score and section.summary is not None:
        yield Text(f"Score of the data set: {cells.score(section.summary)} (1 = no trouble)", "dim")
    for note in section.notes:
        yield Text(note, "dim")
    if section.matrix:
        yield Padding(_pairs(section.matrix), (1, 0, 0, 2))
    if section.table:
        yield Padding(evidence_text(section.table), (1, 0, 0, 2))
    if section.groups:
        yield Padding(_examples(view, section), (1, 0, 0, 2))


def _table(title: str | None = None) -> "RichTable":
    from rich import box
    from rich.table import Table as RichTable

    return RichTable(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        title_style="dim",
        header_style="dim",
        pad_edge=False,
        show_edge=False,
    )


def evidence_text(table: Table) -> "RenderableType":
    """A small table of evidence, its title in front."""
    from rich.console import Group
    from rich.text import Text

    drawn = _table()
    for name, first in zip(table.columns, table.rows[0], strict=True):
        drawn.add_column(Text(name), justify="right" if first.kind == "number" else "left")
    if table.bars:
        drawn.add_column("", no_wrap=True)
    for place, row in enumerate(table.rows):
        bar = [_bar(table.bars[place])] if table.bars else []
        drawn.add_row(*(Text(cell.text, _STYLE[cell.kind]) for cell in row), *bar)
    return Group(Text(table.title, "dim"), drawn)


def _pairs(matrix: Matrix) -> "RenderableType":
    """The cells of a confusion matrix that hold most rows."""
    names = matrix.names
    cells_ = [
        (-n, g, s) for g, row in enumerate(matrix.counts) for s, n in enumerate(row) if g != s and n
    ]
    top = sorted(cells_)[:5]
    rows = tuple(
        (
            cells.Cell(names[g], "given"),
            cells.Cell(names[s], "suggested"),
            cells.Cell(cells.count(-n), "number"),
        )
        for n, g, s in top
    )
    bars = tuple(n / top[0][0] for n, _, _ in top)
    empty = ((cells.Cell("none", "missing"),) * 2 + (cells.Cell("0", "number"),),)
    return evidence_text(
        Table(
            "Where given and most probable class differ most often",
            ("given", "suggested", "rows"),
            rows or empty,
            bars,
        )
    )


def _examples(view: Overview, section: Section) -> "RichTable":
    from rich.text import Text

    examples = section.examples
    table = _table(section.caption)
    if view.has_index:
        table.add_column("row", max_width=18, overflow="fold")
    else:
        table.add_column("row", justify="right", no_wrap=True)
    if view.has_text:
        table.add_column("text", ratio=4, overflow="fold")
    has_given = any(example.given for example in examples)
    has_suggested = any(example.suggested for example in examples)
    if has_given:
        table.add_column("given", max_width=18, overflow="fold")
    if has_suggested:
        table.add_column("suggested", max_width=18, overflow="fold")
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("why", ratio=3, overflow="fold")
    if not view.has_text:  # a terminal has no room for further columns beside a text
        for name, cell in zip(section.columns, examples[0].cells, strict=True):
            side: Any = "right" if cell.kind == "number" else "left"
            table.add_column(Text(name), justify=side, max_width=20, overflow="fold")
    for group in section.groups:
        for place, example in enumerate(group.examples):
            note = f"; one of a {group.title.lower()}" if place == 0 and group.hidden else ""
            row = _example_row(view, example, has_given, has_suggested, note)
            last = place == len(group.examples) - 1
            table.add_row(*row, end_section=bool(group.title) and last)
    return table


def _example_row(
    view: Overview, example: Example, given: bool, suggested: bool, note: str
) -> list[Any]:
    from rich.text import Text

    row: list[Any] = [Text(example.name)]
    if view.has_text and example.text is not None:
        row.append(Text(example.text.text, _STYLE[example.text.kind]))
    if given:
        row.append(Text(cells.elide(example.given, NAME_LIMIT), _STYLE["given"]))
    if suggested:
        row.append(Text(cells.elide(example.suggested, NAME_LIMIT), _STYLE["suggested"]))
    row += [cells.score(example.score), Text(cells.clean_text(example.why, TEXT_LIMIT) + note)]
    if not view.has_text:
        row += [Text(cell.text, _STYLE[cell.kind]) for cell in example.cells]
    return row


def _blocks(bins: Bins | None) -> str:
    """How the scores are spread, in block characters."""
    if bins is None:
        return ""
    rows = np.array(bins.rows, dtype=float).reshape(BARS, -1).sum(axis=1)
    tall = np.ceil(np.sqrt(rows / max(rows.max(), 1)) * 8).astype(int)
    return "".join(" ▁▂▃▄▅▆▇█"[height] for height in tall)


def _bar(part: float, width: int = 16) -> str:
    """A horizontal bar of block characters, in eighths."""
    eighths = round(part * width * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
