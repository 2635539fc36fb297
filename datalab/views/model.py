"""What there is to see in a lab, as plain values that every view draws in its own way."""

from dataclasses import dataclass
from typing import Any, Literal

from datalab.views.cells import Cell, count, counted, share

__all__ = ["Bins", "Example", "Group", "Matrix", "Overview", "Section", "State", "Table"]

State = Literal["flagged", "clean", "not applicable", "failed"]


@dataclass(frozen=True, slots=True)
class Bins:
    """Numbers of rows, and of flagged rows, in equal parts of the scores from 0 to 1."""

    rows: tuple[int, ...]
    flagged: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One row to look at.

    `name` is what it is called: by the user's index, else by its position.

    `image` is what the source holds, decoded; None when it is not to be drawn. `given` and
    `suggested` are empty where there is no label.
    """

    position: int
    name: str
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
            where = f" in {counted(self.n_checked, 'row')}" if self.n_checked else ""
            return f"No {self.title.lower()} issues found{where}"
        if not self.n_checked:
            return "The data set as a whole has this issue"
        return (
            f"{count(self.n_flagged)} of {counted(self.n_checked, 'row')} flagged "
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
    # What ran to make the inputs that were not given.
    made: tuple[str, ...] = ()

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
