"""What there is to see in a lab, as plain values that every view draws in its own way.

`overview` is the one place where views read the lab. It takes as much as is to be shown and no
more: a handful of rows per check, pictures only for those that will be drawn.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from datalab._data.images import Unreadable
from datalab.audit import Outcome
from datalab.findings import Findings
from datalab.results import explained
from datalab.views.cells import TEXT_LIMIT, Cell, clean_text, count, number, score, share, show

__all__ = ["Bins", "Example", "Group", "Matrix", "Overview", "Section", "Table", "overview"]

State = Literal["flagged", "clean", "not applicable", "failed"]

NAME_LIMIT = 60  # characters of the name of a class, column or row
COLUMN_LIMIT = 80  # characters of a further column
N_BINS = 32
MATRIX_CLASSES = 12  # up to so many classes, given × suggested is shown as a whole
TABLE_ROWS = 10
SET_ROWS = 4  # members shown of one set of near duplicates


@dataclass(frozen=True, slots=True)
class Bins:
    """Numbers of rows, and of flagged rows, in equal parts of the scores from 0 to 1."""

    rows: tuple[int, ...]
    flagged: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One row to look at.

    `image` is what the source holds, decoded; None when it is not to be drawn. `given` and
    `suggested` are empty where there is no label.
    """

    position: int
    label: str
    score: float
    why: str
    given: str = ""
    suggested: str = ""
    text: Cell | None = None
    image: Any = None
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Examples that belong together: a set of near duplicates (with a title), or one row.

    `hidden` counts the members of the set that are not among the examples.
    """

    title: str
    examples: tuple[Example, ...]
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A small table of evidence; `bars` holds a share in [0, 1] for each row, or nothing."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    bars: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Matrix:
    """Numbers of rows, given × suggested label."""

    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """What one check has to show."""

    name: str
    title: str
    state: State
    meaning: str = ""
    advice: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()
    n_flagged: int = 0
    n_checked: int = 0
    summary: float | None = None
    bins: Bins | None = None
    groups: tuple[Group, ...] = ()
    columns: tuple[str, ...] = ()
    table: Table | None = None
    matrix: Matrix | None = None

    @property
    def examples(self) -> tuple[Example, ...]:
        """All examples, group by group."""
        return tuple(example for group in self.groups for example in group.examples)

    @property
    def caption(self) -> str:
        """What the table of examples holds."""
        shown = len(self.examples)
        if self.state != "flagged":
            return f"The {shown} lowest scores; none of them is flagged"
        if self.groups[0].title:
            sets = len(self.groups)
            return "One set" if sets == 1 else f"{sets} sets, closest first"
        if shown == self.n_flagged:
            return f"All {shown} flagged rows" if shown > 1 else "The flagged row"
        worst = "worst" if shown == 1 else f"{shown} worst"
        return f"The {worst} of {count(self.n_flagged)} rows"

    @property
    def sentence(self) -> str:
        """What came out, in words."""
        if self.state in ("not applicable", "failed"):
            return self.reason
        if self.state == "clean":
            where = f" in {count(self.n_checked)} rows" if self.n_checked else ""
            return f"No {self.title.lower()} issues found{where}"
        if not self.n_checked:
            return "The data set as a whole has this issue"
        return (
            f"{count(self.n_flagged)} of {count(self.n_checked)} rows flagged "
            f"({share(self.n_flagged, self.n_checked)})"
        )


@dataclass(frozen=True, slots=True)
class Overview:
    """A lab at a glance, and its sections: what needs attention first."""

    n_rows: int
    facts: tuple[str, ...]
    sections: tuple[Section, ...]
    has_images: bool = False
    has_text: bool = False
    has_index: bool = False

    @property
    def shown(self) -> tuple[Section, ...]:
        """The sections with something to look at."""
        return tuple(s for s in self.sections if s.groups or s.table or s.matrix)

    @property
    def sentence(self) -> str:
        """The state of the audit in words."""
        if not self.sections:
            return "No check has run yet: call lab.find_issues()."
        flagged = sum(section.state == "flagged" for section in self.sections)
        parts = [f"{flagged} of {len(self.sections)} checks found something"]
        for state, words in (("failed", "failed"), ("not applicable", "could not run")):
            number_of = sum(section.state == state for section in self.sections)
            if number_of:
                parts.append(f"{number_of} {words}")
        return "; ".join(parts) + "."


def overview(
    lab: Any,
    *,
    num_examples: int = 5,
    max_images: int = 24,
    text_limit: int = TEXT_LIMIT,
    show_all: bool = False,
) -> Overview:
    """Collect what a view shows.

    Parameters
    ----------
    lab : Datalab
        With or without results.
    num_examples : int
        Examples (sets, for near duplicates) per check; 0 for none, and no evidence either.
    max_images : int
        Pictures to decode, shared out: the worst row of each check first.
    text_limit : int
        Characters of a cell.
    show_all : bool
        Whether checks that flagged nothing show their lowest scores too.
    """
    sections = [
        _section(lab, outcome, num_examples, text_limit, show_all) for outcome in lab.outcomes
    ]
    order: dict[State, int] = {"flagged": 0, "failed": 1, "clean": 2, "not applicable": 3}
    sections.sort(key=lambda section: order[section.state])
    if lab.image_key is not None and max_images:
        sections = _with_images(lab, sections, max_images)
    return Overview(
        n_rows=len(lab),
        facts=_facts(lab),
        sections=tuple(sections),
        has_images=lab.image_key is not None,
        has_text=lab.text_key is not None,
        has_index=_named_index(lab) is not None,
    )


def _facts(lab: Any) -> tuple[str, ...]:
    facts = [_counted(len(lab), "row"), _counted(len(lab._source.columns), "column")]
    if lab.task is not None:
        facts.append(str(lab.task))
    if lab.class_names:
        facts.append(_counted(len(lab.class_names), "class"))
    for word, name in (
        ("labels", lab.label_name),
        ("text", lab.text_key),
        ("images", lab.image_key),
    ):
        if name is not None:
            facts.append(f"{word}: {clean_text(name, NAME_LIMIT)}")
    return tuple(facts)


def _counted(number_of: int, word: str) -> str:
    ending = "" if number_of == 1 else "es" if word.endswith("s") else "s"
    return f"{count(number_of)} {word}{ending}"


# --- one check ------------------------------------------------------------------------------------


def _section(
    lab: Any, outcome: Outcome, num_examples: int, text_limit: int, show_all: bool
) -> Section:
    spec, findings = outcome.spec, outcome.findings
    section = Section(
        name=outcome.name,
        title=spec.title[:1].upper() + spec.title[1:],
        state="failed" if outcome.status == "failed" else "not applicable",
        meaning=clean_text(spec.description),
        advice=clean_text(spec.advice),
        reason=clean_text(outcome.reason),
        notes=tuple(clean_text(note) for note in outcome.notes),
    )
    if findings is None:
        return section
    flagged = bool(findings.flagged)
    section = replace(
        section,
        state="flagged" if flagged else "clean",
        n_flagged=findings.num_issues,
        n_checked=len(findings.is_issue),
        summary=findings.summary,
        bins=_bins(findings),
    )
    if num_examples <= 0:
        return section
    if flagged or show_all or outcome.name in _ALWAYS_SHOWN:
        evidence = _EVIDENCE[outcome.name](lab, outcome) if outcome.name in _EVIDENCE else {}
        section = replace(section, **evidence)
    if flagged or show_all:
        groups, columns = _groups(lab, outcome, num_examples, text_limit)
        section = replace(section, groups=groups, columns=columns)
    return section


def _bins(findings: Findings) -> Bins | None:
    if not len(findings.score):
        return None
    edges = np.linspace(0.0, 1.0, N_BINS + 1)
    rows, _ = np.histogram(findings.score, edges)
    flagged, _ = np.histogram(findings.score[findings.is_issue], edges)
    return Bins(tuple(rows.tolist()), tuple(flagged.tolist()))


# --- the worst rows -------------------------------------------------------------------------------


def _groups(
    lab: Any, outcome: Outcome, num_examples: int, text_limit: int
) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """The worst examples, and the names of their further columns."""
    findings = outcome.findings
    if findings is None or not len(findings.score):
        return (), ()
    worst = _worst(findings)
    sets = _sets(findings, worst, num_examples)
    if sets is None:
        sets = [worst[place : place + 1] for place in range(min(num_examples, len(worst)))]
    shown = [members[:SET_ROWS] for members in sets]
    at = np.concatenate(shown)
    told = explained(outcome, at, lab.class_names)
    ours = [] if hasattr(outcome.manager, "explain") else _own_columns(outcome)
    theirs = _user_columns(lab)
    examples = iter(_examples(lab, told, ours, theirs, text_limit))
    groups = tuple(
        Group(
            f"Set of {count(len(members))}" if len(members) > 1 else "",
            tuple(next(examples) for _ in members[:SET_ROWS]),
            hidden=len(members[SET_ROWS:]),
        )
        for members in sets
    )
    names = (*(name.replace("_", " ") for name in ours), *theirs)
    return groups, tuple(clean_text(name, NAME_LIMIT) for name in names)


def _worst(findings: Findings) -> NDArray[np.intp]:
    """Places in the findings, most severe first: the flagged ones, or all when none is."""
    places = np.flatnonzero(findings.is_issue)
    if not len(places):
        places = np.arange(len(findings.score))
    ordered: NDArray[np.intp] = places[np.argsort(findings.score[places], kind="stable")]
    return ordered


def _sets(findings: Findings, worst: NDArray[np.intp], limit: int) -> list[NDArray[np.intp]] | None:
    """Places of rows that belong together, worst set first; None when there are no sets."""
    neighbours = findings.columns.get("near_duplicate_sets")
    if neighbours is None or not findings.num_issues:
        return None
    positions = findings.positions()
    place_of = np.full(int(positions.max()) + 1, -1)
    place_of[positions] = np.arange(len(positions))
    sets: list[NDArray[np.intp]] = []
    taken: set[int] = set()
    for start in worst.tolist():
        if len(sets) == limit:
            break
        if start in taken:
            continue
        members, waiting = [], [start]
        taken.add(start)
        while waiting:
            place = waiting.pop(0)
            members.append(place)
            links = np.asarray(neighbours[place], dtype=np.intp)
            linked = set(place_of[links[links < len(place_of)]].tolist()) - {-1}
            waiting += sorted(linked - taken)
            taken |= linked
        sets.append(np.array(members, dtype=np.intp))
    return sets


def _own_columns(outcome: Outcome) -> list[str]:
    """Columns of the findings worth showing when the manager does not explain itself."""
    hidden = {"given_label", "predicted_label", "consensus_label"}
    kinds = outcome.spec.produces
    names = outcome.findings.columns if outcome.findings else ()
    return [n for n in names if n not in hidden and kinds.get(n, "text") not in ("row", "rows")][:3]


def _user_columns(lab: Any) -> tuple[str, ...]:
    """A few of the user's columns, to recognise a row by: fewer beside a text or picture."""
    shown = {lab.label_name, lab.text_key, lab.image_key, *lab._annotators}
    room = 4 if lab.text_key is None and lab.image_key is None else 2
    names: list[str] = []
    for name in lab._source.columns:
        if len(names) == room:
            break
        if name not in shown and lab._source.kind(name) not in ("image", "audio", "vector"):
            names.append(name)
    return tuple(names)


def _examples(
    lab: Any,
    told: Sequence[Mapping[str, Any]],
    ours: Sequence[str],
    theirs: Sequence[str],
    text_limit: int,
) -> list[Example]:
    rows = [row["row"] for row in told]
    wanted = [*theirs, *([lab.text_key] if lab.text_key is not None else [])]
    cells = lab._source.take(rows, wanted) if wanted and rows else [{} for _ in rows]
    index = _named_index(lab)
    given = _given_labels(lab, rows)
    short = min(text_limit, COLUMN_LIMIT)
    return [
        Example(
            position=row["row"],
            label="" if index is None else clean_text(index[row["row"]], NAME_LIMIT),
            score=row["score"],
            why=clean_text(row["reason"]),
            given=label,
            suggested=_suggested(row, label),
            text=None if lab.text_key is None else show(cell[lab.text_key], text_limit),
            cells=tuple(
                [show(row[name], short) for name in ours] + [show(cell[n], short) for n in theirs]
            ),
        )
        for row, cell, label in zip(told, cells, given, strict=True)
    ]


def _named_index(lab: Any) -> Any:
    """The user's index, unless it merely counts the rows."""
    index = lab._source.index
    if type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1:
        return None
    return index


def _given_labels(lab: Any, rows: Sequence[int]) -> list[str]:
    if lab._labels is None:
        return ["" for _ in rows]
    if lab.task == "classification":
        labels, names = lab.labels, lab.class_names
        return [_name(names[labels[i]]) if labels[i] >= 0 else "missing" for i in rows]
    return [_name(row[lab.label_name]) for row in lab._source.take(rows, [lab.label_name])]


def _suggested(row: Mapping[str, Any], given: str) -> str:
    """The label that the check would give, if it is another one than is given."""
    for name in ("predicted_label", "consensus_label"):
        if row.get(name) is not None:
            suggested = _name(row[name])
            return "" if suggested == given else suggested
    return ""


def _name(value: Any) -> str:
    """The name of a class, or a target, as people read it."""
    if isinstance(value, float | np.floating):
        return number(value)
    return clean_text(value, NAME_LIMIT) or "(empty)"


def _with_images(lab: Any, sections: list[Section], max_images: int) -> list[Section]:
    """Decode the pictures of the rows to draw: the worst of each check, then the next, ….

    A set of near duplicates is drawn as a whole or not at all.
    """
    turns = [
        (rank, at, group)
        for at, section in enumerate(sections)
        for rank, group in enumerate(section.groups)
    ]
    rows: list[int] = []
    drawn: set[tuple[int, int]] = set()
    for rank, at, group in sorted(turns, key=lambda turn: turn[:2]):
        if len(rows) + len(group.examples) <= max_images:
            drawn.add((at, rank))
            rows += [example.position for example in group.examples]
    images = dict(zip(rows, lab._source.images(lab.image_key, rows), strict=True))
    return [
        replace(
            section,
            groups=tuple(
                _illustrated(group, images) if (at, rank) in drawn else group
                for rank, group in enumerate(section.groups)
            ),
        )
        for at, section in enumerate(sections)
    ]


def _illustrated(group: Group, images: Mapping[int, Any]) -> Group:
    def with_image(example: Example) -> Example:
        image = images[example.position]
        return replace(example, image=Unreadable("no image") if image is None else image)

    return replace(group, examples=tuple(map(with_image, group.examples)))


# --- evidence: what belongs to one issue type only ------------------------------------------------


def _confusion(lab: Any, outcome: Outcome) -> dict[str, Any]:
    """Given × suggested: the whole matrix when it is small, else the most frequent pairs."""
    columns = outcome.findings.columns if outcome.findings else {}
    if lab.task != "classification" or not {"given_label", "predicted_label"} <= set(columns):
        return {}
    given, suggested = np.asarray(columns["given_label"]), np.asarray(columns["predicted_label"])
    names = [_name(name) for name in lab.class_names]
    k = len(names)
    known = (given >= 0) & (suggested >= 0)
    counts = np.bincount(given[known] * k + suggested[known], minlength=k * k).reshape(k, k)
    if k <= MATRIX_CLASSES and max(map(len, names)) <= 12:
        return {"matrix": Matrix(tuple(names), tuple(map(tuple, counts.tolist())))}
    off = np.where(np.eye(k, dtype=bool), 0, counts).ravel()
    top = np.argsort(-off, kind="stable")[:TABLE_ROWS]
    top = top[off[top] > 0]
    rows = tuple(
        (Cell(names[p // k], "given"), Cell(names[p % k], "suggested"), _count_cell(off[p]))
        for p in top.tolist()
    )
    bars = tuple((off[top] / max(int(off.max()), 1)).tolist())
    title = "Labels most often in doubt"
    return {"table": Table(title, ("given", "suggested", "rows"), rows, bars)} if rows else {}


def _class_sizes(lab: Any, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG001
    """How many rows each class has, rarest first."""
    labels = lab.labels
    sizes = np.bincount(labels[labels >= 0], minlength=len(lab.class_names))
    order = np.argsort(sizes, kind="stable")
    half = TABLE_ROWS // 2
    few = len(order) <= TABLE_ROWS
    picked = order.tolist() if few else [*order[:half].tolist(), *order[-half:].tolist()]
    rows = tuple(
        (
            Cell(_name(lab.class_names[k]), "given"),
            _count_cell(sizes[k]),
            Cell(share(sizes[k], sizes.sum()), "number"),
        )
        for k in picked
    )
    bars = tuple(float(sizes[k] / max(sizes.max(), 1)) for k in picked)
    title = "Rows per class" if few else f"Rows per class: the {half} rarest and the {half} largest"
    return {"table": Table(title, ("class", "rows", "share"), rows, bars)}


def _missing_by_column(lab: Any, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG001
    """The columns with most missing values."""
    info = outcome.findings.info if outcome.findings else {}
    shares = np.asarray(info.get("column_impact", ()), dtype=np.float64)
    names = info.get("column_names") or [f"feature {j}" for j in range(len(shares))]
    order = np.argsort(-shares, kind="stable")
    order = order[shares[order] > 0][:TABLE_ROWS]
    if not len(order):
        return {}
    rows = tuple(
        (Cell(_name(names[j]), "text"), Cell(share(shares[j]), "number")) for j in order.tolist()
    )
    return {
        "table": Table(
            "Missing values by column", ("column", "missing"), rows, tuple(shares[order])
        )
    }


_STATS = {
    "annotator_quality": "quality",
    "agreement_with_consensus": "agreement",
    "worst_class": "worst class",
    "num_examples_labeled": "answers",
}


def _annotators(lab: Any, outcome: Outcome) -> dict[str, Any]:
    """The annotators, the least reliable first."""
    info = outcome.findings.info if outcome.findings else {}
    stats = info.get("annotator_stats")
    if stats is None or not len(stats):
        return {}
    stats = stats.sort_values("annotator_quality", kind="stable")
    shown = stats.head(TABLE_ROWS)
    shown = shown[[*shown.columns.drop("annotator_quality"), "annotator_quality"]]
    rows = tuple(
        (Cell(clean_text(name, NAME_LIMIT), "text"), *(_stat(lab, k, v) for k, v in row.items()))
        for name, row in zip(shown.index, shown.to_dict("records"), strict=True)
    )
    columns = ("annotator", *(_STATS.get(str(name), str(name)) for name in shown.columns))
    title = _counted(len(stats), "annotator")
    if len(stats) > TABLE_ROWS:
        title += f", the {TABLE_ROWS} least reliable"
    bars = tuple(float(np.clip(q, 0, 1)) for q in shown["annotator_quality"])
    return {"table": Table(title, columns, rows, bars)}


def _stat(lab: Any, column: str, value: Any) -> Cell:  # noqa: ARG001
    if isinstance(value, float | np.floating):
        return Cell(score(float(value)), "number")
    return show(value, NAME_LIMIT)


def _count_cell(value: int) -> Cell:
    return Cell(count(value), "number")


_EVIDENCE: Mapping[str, Callable[[Any, Outcome], dict[str, Any]]] = {
    "label": _confusion,
    "class_imbalance": _class_sizes,
    "null": _missing_by_column,
    "multi_annotator": _annotators,
}
# Worth knowing even when no row is flagged.
_ALWAYS_SHOWN = frozenset({"null", "multi_annotator"})
