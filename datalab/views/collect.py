"""What a view shows of a lab: read here, in one place, and no more of it than is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._data.images import Unreadable
from datalab._data.labels import MultilabelLabels
from datalab._data.roles import targets
from datalab.audit import Outcome
from datalab.exceptions import InputTypeError
from datalab.findings import Findings
from datalab.lab import Datalab
from datalab.results import explained, masking, named_index, shown_rows
from datalab.views.cells import (
    NAME_LIMIT,
    TEXT_LIMIT,
    class_name,
    clean_text,
    count,
    counted,
    elide,
    heading,
    is_missing,
    show,
)
from datalab.views.evidence import ALWAYS_SHOWN, EVIDENCE
from datalab.views.model import Bins, Example, Group, Overview, Section, State

__all__ = ["overview", "row_name"]

COLUMN_LIMIT = 80  # characters of a further column
N_BINS = 32
SET_ROWS = 4  # members shown of one set of near duplicates


# Inputs that findings depend on; how they were made is told in so many characters.
TOLD, NOTE_LIMIT = ("features", "knn_graph", "pred_probs", "predictions"), 300


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

    Raises
    ------
    InputTypeError
        `lab` is no `Datalab`.
    """
    if not isinstance(lab, Datalab):
        raise InputTypeError(f"`lab` must be a Datalab, got {type(lab).__name__}")
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
        has_index=named_index(lab._source) is not None,
        made=tuple(
            f"{name}: {clean_text(made.note, NOTE_LIMIT)}"
            for name, _, made in lab._artefacts.made()
            if made.note and name in TOLD
        ),
    )


def _facts(lab: Any) -> tuple[str, ...]:
    facts = [counted(len(lab), "row"), counted(len(lab._source.columns), "column")]
    if lab.task is not None:
        facts.append(str(lab.task))
    if lab.class_names:
        facts.append(counted(len(lab.class_names), "class"))
    for word, name in (
        ("labels", lab.label_name),
        ("text", lab.text_key),
        ("images", lab.image_key),
        ("sound", lab._named.get("audio_key")),
    ):
        if name is not None:
            facts.append(f"{word}: {clean_text(name, NAME_LIMIT)}")
    if lab._labels is not None:
        missing = int((~targets(lab._labels)[1]).sum())
        if missing:
            facts.append(f"{counted(missing, 'row')} {'has' if missing == 1 else 'have'} no label")
    return tuple(facts)


# --- one check ------------------------------------------------------------------------------------


def _section(
    lab: Any, outcome: Outcome, num_examples: int, text_limit: int, show_all: bool
) -> Section:
    spec, findings = outcome.spec, outcome.findings
    section = Section(
        name=outcome.name,
        title=heading(spec.title),
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
    if flagged or show_all or outcome.name in ALWAYS_SHOWN:
        evidence = EVIDENCE[outcome.name](lab, outcome) if outcome.name in EVIDENCE else {}
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
    told = explained(outcome, at, lab.class_names, lab._source.index)
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
    if neighbours is None and "leak_partner" in findings.columns:
        neighbours = _partners(findings)
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


def _partners(findings: Findings) -> list[list[int]]:
    """For each row its partner in another split, and the rows that it is the partner of."""
    partners: list[list[int]] = [[] for _ in findings.score]
    positions = findings.positions().tolist()
    place_of = {row: place for place, row in enumerate(positions)}
    for place in np.flatnonzero(findings.is_issue).tolist():
        other = int(findings.columns["leak_partner"][place])
        partners[place].append(other)
        partners[place_of[other]].append(positions[place])
    return partners


def _own_columns(outcome: Outcome) -> list[str]:
    """Columns of the findings worth showing when the manager does not explain itself."""
    hidden = {"given_label", "predicted_label", "consensus_label"}
    kinds = outcome.spec.produces
    names = outcome.findings.columns if outcome.findings else ()
    return [n for n in names if n not in hidden and kinds.get(n, "text") not in ("row", "rows")][:3]


def _user_columns(lab: Any) -> tuple[str, ...]:
    """A few of the user's columns, to recognise a row by: fewer beside a text or picture."""
    audio = lab._named.get("audio_key")
    shown = {lab.label_name, lab.text_key, lab.image_key, audio, *lab._annotators}
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
    shown = masking(lab.outcomes)
    cells = shown_rows(lab.outcomes, lab._source, rows, wanted)
    given = _given_labels(lab, rows)
    short = min(text_limit, COLUMN_LIMIT)
    return [
        Example(
            position=row["row"],
            name=row_name(lab, row["row"], shown),
            score=row["score"],
            why=clean_text(shown(row["row"], row["reason"])),
            given=label,
            suggested=_suggested(row, label),
            text=None if lab.text_key is None else show(cell[lab.text_key], text_limit),
            cells=tuple(
                [show(shown(row["row"], row[name]), short) for name in ours]
                + [show(cell[n], short) for n in theirs]
            ),
        )
        for row, cell, label in zip(told, cells, given, strict=True)
    ]


def row_name(lab: Any, row: int, shown: Callable[[int, Any], Any] | None = None) -> str:
    """What a row is called wherever it is shown: by the user's index, else by its position.

    Personal data in it is masked by `shown`, see `datalab.results.masking`.
    """
    index = named_index(lab._source)
    if index is None:
        return str(row)
    return elide((shown or masking(lab.outcomes))(row, index[row]), NAME_LIMIT)


def _given_labels(lab: Any, rows: Sequence[int]) -> list[str]:
    if lab._labels is None:
        return ["" for _ in rows]
    if lab.task == "classification":
        labels, names = lab.labels, lab.class_names
        return [class_name(names[labels[i]]) if labels[i] >= 0 else "missing" for i in rows]
    if isinstance(lab._labels, MultilabelLabels):
        sets = [lab._labels.codes[row].tolist() for row in rows]
        return [
            "missing" if -1 in codes else class_name([lab.class_names[code] for code in codes])
            for codes in sets
        ]
    values = [row[lab.label_name] for row in lab._source.take(rows, [lab.label_name])]
    return ["missing" if is_missing(value) else class_name(value) for value in values]


def _suggested(row: Mapping[str, Any], given: str) -> str:
    """The label that the check would give, if it is another one than is given."""
    for name in ("predicted_label", "consensus_label"):
        if row.get(name) is not None:
            suggested = class_name(row[name])
            return "" if suggested == given else suggested
    return ""


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
