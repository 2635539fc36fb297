"""The health of labels, to look at: as HTML and as text."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datalab.views.cells import Cell, class_name, clean_text, count, counted, distinct, share
from datalab.views.model import Table
from datalab.views.static import render
from datalab.views.text import evidence_text, rendered

if TYPE_CHECKING:
    from datalab.health import Health

__all__ = ["health_html", "health_text"]

TABLE_ROWS = 10
# Of classes with fewer labels hardly anything can be said.
FEW = 10


def health_html(health: "Health") -> str:
    """The score and the tables, as an HTML fragment.

    Parameters
    ----------
    health : Health

    Returns
    -------
    str
    """
    return render(
        "health.html", headline=_headline(health), facts=_facts(health), tables=_tables(health)
    )


def health_text(health: "Health", *, width: int = 100, colour: bool = False) -> str:
    """The score and the tables, as text.

    Parameters
    ----------
    health : Health
    width : int
        Columns of the terminal.
    colour : bool
        Whether to colour with ANSI sequences.

    Returns
    -------
    str
    """
    from rich.text import Text

    parts: list[Any] = [Text(_headline(health), "bold"), Text("; ".join(_facts(health)), "dim")]
    for table in _tables(health):
        parts += [Text(), evidence_text(table)]
    return rendered(parts, width, colour)


def _headline(health: "Health") -> str:
    low, high = health.interval
    return f"Label health {share(health.score)} ({_ends(low, high)})"


def _facts(health: "Health") -> list[str]:
    facts = [
        f"{counted(health.num_examples, 'label')} in {counted(len(health.class_names), 'class')}",
        f"in brackets: {share(health.level)} intervals for other rows drawn alike",
        "labels that a model gets wrong surely count as noise",
    ]
    few = [
        name for name, number in zip(_names(health), health.counts, strict=True) if 0 < number < FEW
    ]
    if few:
        rest = f" and {counted(len(few) - 3, 'other class')}" if len(few) > 3 else ""
        facts.append(f"hardly to be judged by fewer than {FEW} labels: {', '.join(few[:3])}{rest}")
    if health.num_left_out:
        facts.append(f"{counted(health.num_left_out, 'row')} without a label left out")
    if health.note:
        facts.append(f"probabilities: {clean_text(health.note)}")
    return facts


def _tables(health: "Health") -> list[Table]:
    """The noisiest classes, and the pairs that are mistaken most often if there are any."""
    return [table for table in (_classes(health), _pairs(health)) if table.rows]


def _classes(health: "Health") -> Table:
    classes = health.frame("classes")
    shown = classes.head(TABLE_ROWS)
    names = _names(health)
    rows = tuple(
        (
            Cell(names[row["Class Index"]], "given"),
            Cell(count(row["Examples"]), "number"),
            _estimate(row, "Label Noise"),
            _estimate(row, "Inverse Label Noise"),
        )
        for row in shown.to_dict("records")
    )
    columns = ("class", "labels", "of these wrong", "labelled otherwise")
    title = _title("Noise of the classes", len(classes), "noisiest")
    return Table(title, columns, rows, tuple(shown["Label Noise"].clip(0, 1)))


def _pairs(health: "Health") -> Table:
    pairs = health.frame("pairs")
    pairs = pairs[pairs["Num Overlapping Examples"] > 0]
    shown = pairs.head(TABLE_ROWS)
    names = _names(health)
    rows = tuple(
        (
            Cell(names[row["Class Index A"]], "text"),
            Cell(names[row["Class Index B"]], "text"),
            Cell(_rows(row, health.num_examples), "number"),
        )
        for row in shown.to_dict("records")
    )
    most = max(shown["Joint Probability"], default=1.0)
    title = _title("Classes mistaken for each other", len(pairs), "most frequent pairs")
    bars = tuple(shown["Joint Probability"] / most)
    return Table(title, ("class", "class", "rows"), rows, bars)


def _names(health: "Health") -> list[str]:
    return distinct([class_name(name) for name in health.class_names])


def _title(title: str, number_of: int, which: str) -> str:
    return f"{title}, the {TABLE_ROWS} {which}" if number_of > TABLE_ROWS else title


def _estimate(row: Mapping[Any, Any], name: str) -> Cell:
    """A share with its interval: ``6.7 % (3.1–11 %)``."""
    ends = _ends(row[f"{name} Low"], row[f"{name} High"])
    return Cell(f"{share(row[name])} ({ends})", "number")


def _rows(pair: Mapping[Any, Any], num_examples: int) -> str:
    low, high = (
        count(round(pair[f"Joint Probability {end}"] * num_examples)) for end in ("Low", "High")
    )
    return f"{count(pair['Num Overlapping Examples'])} ({low}–{high})"


def _ends(low: float, high: float) -> str:
    return f"{share(low)[:-2]}–{share(high)}"  # the unit stands once
