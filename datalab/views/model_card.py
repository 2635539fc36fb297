"""What was trained and what it is worth, to look at: as HTML and as text."""

from typing import TYPE_CHECKING, Any

from datalab.views.cells import Cell, class_name, clean_text, count, counted, share
from datalab.views.model import Table
from datalab.views.static import render
from datalab.views.text import evidence_text, rendered

if TYPE_CHECKING:
    from datalab.model_card import ModelCard, Score

__all__ = ["card_html", "card_text"]

TABLE_ROWS = 10
_HEADLINES = {
    "good": "The model is good enough to trust its flags",
    "fair": "The model is fair: its flags are hints to check",
    "weak": "The model is weak, and so are findings that rest on it",
}


def card_html(card: "ModelCard") -> str:
    """The verdict and the tables, as an HTML fragment.

    Parameters
    ----------
    card : ModelCard

    Returns
    -------
    str
    """
    return render(
        "model_card.html",
        headline=_HEADLINES[card.trust],
        facts=_facts(card),
        notes=[clean_text(note) for note in card.notes],
        tables=_tables(card),
    )


def card_text(card: "ModelCard", *, width: int = 100, colour: bool = False) -> str:
    """The verdict and the tables, as text.

    Parameters
    ----------
    card : ModelCard
    width : int
        Columns of the terminal.
    colour : bool
        Whether to colour with ANSI sequences.

    Returns
    -------
    str
    """
    from rich.text import Text

    parts: list[Any] = [Text(_HEADLINES[card.trust], "bold")]
    parts += [Text(line, "dim") for line in (*_facts(card), *map(clean_text, card.notes))]
    for table in _tables(card):
        parts += [Text(), evidence_text(table)]
    return rendered(parts, width, colour)


def _facts(card: "ModelCard") -> list[str]:
    return [
        clean_text(card.verdict),
        f"{counted(card.num_examples, 'example')}; in brackets: 95 % intervals",
    ]


def _tables(card: "ModelCard") -> list[Table]:
    made = (_scores(card), _models(card), _classes(card))
    return [table for table in made if table is not None and table.rows]


def _scores(card: "ModelCard") -> Table:
    rows = tuple((Cell(s.name, "text"), Cell(_estimate(s), "number")) for s in card.scores)
    return Table("Scores on rows that were held out", ("score", "value"), rows)


def _estimate(score: "Score") -> str:
    if score.low == score.high:
        return f"{score.value:.3g}"
    return f"{score.value:.3g} ({score.low:.3g} to {score.high:.3g})"


def _models(card: "ModelCard") -> Table | None:
    if not card.models:
        return None
    models = card.frame("models").to_dict("records")
    named = {"accuracy": "accuracy", "log_loss": "log loss", "median_error": "median error"}
    told = [name for name in named if name in models[0]]
    rows = tuple(
        (
            Cell(clean_text(model["model"]), "text"),
            Cell(clean_text(str(model["setting"]) or "–"), "text"),
            *(Cell(f"{model[name]:.3g}", "number") for name in told),
            Cell(f"{model['weight']:.2f}", "number"),
        )
        for model in models
    )
    columns = ("model", "setting", *(named[name] for name in told), "weight")
    title = "Models, by weight"
    if "log_loss" in told and len(rows) > 1:
        title += ": the power that its probabilities are raised to before they are multiplied"
    return Table(title, columns, rows)


def _classes(card: "ModelCard") -> Table | None:
    if not card.classes:
        return None
    classes = card.frame("classes")
    score = next(name for name in classes.columns if f"{name}_low" in classes.columns)
    other = "precision" if "precision" in classes.columns else "agreement"
    shown = classes.head(TABLE_ROWS)
    rows = tuple(
        (
            Cell(class_name(row["class"]), "given"),
            Cell(count(row["examples"]), "number"),
            Cell(
                f"{_part(row[score])} ({_part(row[f'{score}_low'])} to "
                f"{_part(row[f'{score}_high'])})",
                "number",
            ),
            Cell(_part(row[other]), "number"),
        )
        for row in shown.to_dict("records")
    )
    title = f"The {TABLE_ROWS} hardest classes" if len(classes) > TABLE_ROWS else "Classes"
    return Table(title, ("class", "examples", score, other), rows)


def _part(value: float) -> str:
    return "–" if value != value else share(value)
