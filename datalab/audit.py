"""One audit: which managers run, on what, and how each of them ended."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from datalab._typing import IndexArray
from datalab.artefacts import ARTEFACTS, GIVEN, Artefact, Artefacts, Rules, common_rows, select
from datalab.exceptions import (
    InputError,
    InputTypeError,
    ManagerError,
    NotApplicable,
)
from datalab.findings import Findings
from datalab.managers.base import IssueManager, Kind, Spec, find_spec, spec_of, specs
from datalab.neighbors.graph import KNNGraph

import datalab.recipes  # noqa: F401  # isort: skip  (makes the recipes known)

__all__ = ["Outcome", "Status", "Step", "lifted", "plan", "planned_k", "run"]

Status = Literal["found", "not applicable", "failed"]


@dataclass(frozen=True)
class Step:
    """One manager that an audit will run.

    Parameters
    ----------
    spec : Spec
        What the manager declares.
    manager : IssueManager
        With its hyper-parameters.
    given : mapping
        Artefacts that only this manager shall see.
    """

    spec: Spec
    manager: IssueManager
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The issue type."""
        return self.spec.name


@dataclass(frozen=True, repr=False)
class Outcome:
    """How one manager ended: found (whatever number), not applicable, or failed.

    Parameters
    ----------
    name : str
        The issue type.
    status : {"found", "not applicable", "failed"}
    reason : str
        Why it is not applicable, or what failed; empty when it was found.
    findings : Findings, optional
        Present when the status is "found".
    error : BaseException, optional
        The cause of a failure.
    seconds : float
        Wall time.
    spec, manager
        What ran.
    notes : tuple of str
        What was made or left out on the way, in words.
    """

    name: str
    status: Status
    spec: Spec
    manager: IssueManager
    reason: str = ""
    findings: Findings | None = None
    error: BaseException | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        if self.findings is None:
            return f"Outcome({self.name!r}, {self.status}: {self.reason})"
        told = f"{self.findings.num_issues} flagged"
        if self.findings.flagged and not self.findings.num_issues:
            told = "the data set as a whole is flagged"
        return f"Outcome({self.name!r}, {self.status}, {told})"


Request = Iterable[Any] | Mapping[str, Mapping[str, Any]] | None


def plan(
    issue_types: Request,
    *,
    task: str | None,
    rules: Rules = "datalab",
    store: Artefacts | None = None,
) -> list[Step]:
    """Turn what the user asked for into steps, in the order of the registered types.

    Parameters
    ----------
    issue_types : None, iterable of (str or manager), or mapping of str to parameters
        None means every default manager of the task.
    task : str or None
    rules : {"datalab", "reference"}
        The default audit of "reference" has only the checks of the reference.
    store : Artefacts, optional
        The default audit has the checks of images, of texts, … only where they are there.

    Raises
    ------
    NotFound
        An unknown issue type (with a suggestion).
    InputError
        An unknown parameter (with a suggestion), or the same type twice.
    """
    if issue_types is None:
        return [
            Step(spec, spec.make({}))
            for spec in specs(task, store).values()
            if spec.default and not (rules == "reference" and spec.beyond_reference)
        ]
    if hasattr(issue_types, "__array__"):
        raise InputTypeError(
            "`issue_types` is an array; arrays are passed by name, such as pred_probs=…"
        )
    if isinstance(issue_types, (str, bytes)):
        raise InputTypeError(f"`issue_types` must be a list or a dict; pass [{issue_types!r}]")
    if isinstance(issue_types, Mapping):
        steps = [_step_of(name, values, task) for name, values in _single(issue_types).items()]
    else:
        steps = [
            _step_of(entry, {}, task) if isinstance(entry, str) else _step_of_manager(entry)
            for entry in issue_types
        ]
    names = [step.name for step in steps]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"`issue_types` names {sorted(twice)} more than once; name each type once")
    order = {name: i for i, name in enumerate(specs(task))}
    return sorted(steps, key=lambda step: order.get(step.name, len(order)))


def _single(issue_types: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """Types one by one: cleanlab takes those of images as one entry, ``image_issue_types``."""
    images = issue_types.get("image_issue_types")
    if not isinstance(images, Mapping):
        return issue_types
    rest = {name: values for name, values in issue_types.items() if name != "image_issue_types"}
    twice = sorted(images.keys() & rest.keys())
    if twice:
        raise InputError(f"`issue_types` names {twice} more than once; name each type once")
    return {**rest, **images}


def _step_of(name: str, values: Mapping[str, Any], task: str | None) -> Step:
    spec = find_spec(name, task)
    if not isinstance(values, Mapping):
        raise InputTypeError(
            f"`issue_types[{name!r}]` must be a dict of parameters, got {type(values).__name__}"
        )
    given = {key: value for key, value in values.items() if key in ARTEFACTS}
    rest = {key: value for key, value in values.items() if key not in given}
    refused = [key for key in given if key not in spec.inputs]
    if refused:
        raise InputError(f"{name!r} takes no {refused[0]}; it takes {', '.join(spec.inputs)}")
    return Step(spec, spec.make(rest), given)


def _step_of_manager(manager: Any) -> Step:
    if isinstance(manager, type):
        manager = manager()
    return Step(spec_of(type(manager)), manager)


def planned_k(steps: Iterable[Step], least: int = 10) -> int:
    """The largest number of neighbours that any of the managers reads."""
    return max((int(getattr(s.manager, "k", least)) for s in steps), default=least)


def run(step: Step, store: Artefacts, options: Mapping[str, Any]) -> Outcome:
    """Run one manager on fresh artefacts; whatever happens becomes its outcome.

    ``KeyboardInterrupt`` is not an outcome: it goes on to the caller.
    """
    start = time.perf_counter()
    metric = getattr(step.manager, "metric", None)
    if metric is not None:
        options = {**options, "metric": metric}

    def ended(status: Status, **what: Any) -> Outcome:
        seconds = time.perf_counter() - start
        return Outcome(step.name, status, step.spec, step.manager, seconds=seconds, **what)

    try:
        findings, notes = _find(step, store, options)
    except NotApplicable as reason:
        return ended("not applicable", reason=str(reason))
    except Exception as error:  # noqa: BLE001 - a manager may raise anything; the others go on
        failure = ManagerError(f"{step.name}: {type(error).__name__}: {error}")
        failure.__cause__ = error
        return ended("failed", reason=f"{type(error).__name__}: {error}", error=failure)
    return ended("found", findings=findings, notes=notes)


def _find(
    step: Step, store: Artefacts, options: Mapping[str, Any]
) -> tuple[Findings, tuple[str, ...]]:
    """Gather what the manager asks for, call it, and map its rows back to the data set."""
    if step.given:
        store = store.copy()
        for name, value in step.given.items():
            store.give(name, value)
    manager = _under(options["rules"], step.manager)
    taken = {name: store.get(name, options) for name in step.spec.needs}
    taken |= _one_of(step.spec.any_of, store, options)
    rows = None if step.spec.sees_missing else common_rows(taken.values())
    values = {name: _cut(name, a, rows, store, options) for name, a in taken.items()}
    for name in _useful(manager, step.spec, store, options["rules"]):
        values[name] = _optional(name, store, options, rows)
    found = manager.find_issues(**values)
    if not isinstance(found, Findings):
        raise InputTypeError(
            f"{step.name}: find_issues must return Findings, got {type(found).__name__}"
        )
    lineage = store.lineage(taken.values())
    found = _told(found, step.spec, lineage, options["rules"])
    if found.name != step.name:
        raise InputError(f"{step.name}: the findings are named {found.name!r}; use self.name")
    notes = tuple(f"{name}: {a.note}" for name, a in lineage.items() if a.made_from and a.note)
    if hasattr(manager, "sum_up") and options["rules"] != "reference":
        notes += (manager.sum_up(found),)
    n_rows = store.n_rows if rows is None else len(rows)
    _fits(found, n_rows, step.name)
    if rows is not None:
        found = lifted(found, rows, step.spec.produces)
        gaps = " or ".join(name for name, a in taken.items() if a.rows is not None)
        notes += (f"rows left out, for want of {gaps}: {store.n_rows - len(rows)}",)
    return found, notes


def _under(rules: Rules, manager: Any) -> Any:
    """The manager, with the reference's way where that is asked for and no other was chosen."""
    defaults = getattr(manager, "reference", {}) if rules == "reference" else {}
    unset = {name: value for name, value in defaults.items() if getattr(manager, name) is None}
    return replace(manager, **unset) if unset else manager


def _cut(
    name: str,
    artefact: Artefact,
    rows: IndexArray | None,
    store: Artefacts,
    options: Mapping[str, Any],
) -> Any:
    """A value for some rows; a graph that lost neighbours with the others is made again."""
    try:
        return select(name, artefact, rows)
    except NotApplicable:
        if rows is None:
            raise
        return store.narrow(rows).get(name, options).value


def _told(found: Findings, spec: Spec, lineage: Mapping[str, Artefact], rules: Rules) -> Findings:
    """Findings with what the audit knows about their inputs, less what the reference has not."""
    columns, info = dict(found.columns), dict(found.info)
    if spec.tells_inputs:
        # What was given, or stood in the data; what was made from it does not count.
        sources = {name for name, artefact in lineage.items() if not artefact.made_from}
        info["find_issues_inputs"] = {name: name in sources for name in spec.tells_inputs}
    if rules == "reference":
        for name in spec.extras:
            columns.pop(name, None)
            info.pop(name, None)
    return replace(found, columns=columns, info=info)


def _one_of(
    names: tuple[str, ...], store: Artefacts, options: Mapping[str, Any]
) -> dict[str, Artefact]:
    """Those of a group that are there: what is nearest to what the user gave, in their order."""
    rules = options["rules"]
    reach = {name: store.distance(name, rules) for name in names}
    can = sorted((d, names.index(n), n) for n, d in reach.items() if d is not None)
    reasons = []
    for _, _, name in can:
        try:
            return {name: store.get(name, options)}
        except NotApplicable as reason:
            reasons.append(str(reason))
    if reasons:
        raise NotApplicable(reasons[0])
    if names:
        wanted = " or ".join(names)
        ways = " or ".join(
            dict.fromkeys(
                way for name in names for way in store.remedy(name, rules)[5:].split(" or ")
            )
        )
        raise NotApplicable(f"needs {wanted}: give {ways}")
    return {}


def _useful(manager: IssueManager, spec: Spec, store: Artefacts, rules: Rules) -> list[str]:
    """The optional inputs that can be had and that the manager, as it is set, makes use of."""
    unused = getattr(manager, "unused", ())
    beside = getattr(manager, "not_made_beside", {})
    there = {n: store.distance(n, rules) for n in spec.uses if n not in unused}
    return [
        name
        for name, far in there.items()
        if far == GIVEN
        or (far is not None and all(store.held(one) is None for one in beside.get(name, ())))
    ]


def _optional(
    name: str, store: Artefacts, options: Mapping[str, Any], rows: IndexArray | None
) -> Any:
    """A value that is merely used when there; None when it cannot be had for these rows."""
    try:
        artefact = store.get(name, options)
        if name == "knn_graph" and artefact.rows is not None:
            wanted = np.arange(store.n_rows) if rows is None else rows
            covered = np.flatnonzero(np.isin(wanted, artefact.rows))
            if len(covered) < len(wanted):
                graph: KNNGraph = select(name, artefact, wanted[covered])
                return graph.among(covered, len(wanted))
        return select(name, artefact, rows)
    except NotApplicable:
        return None


def _fits(found: Findings, n_rows: int, name: str) -> None:
    """The findings must be about the rows that were passed."""
    if found.rows is None:
        # A dataset-level finding may have no rows at all.
        if len(found.is_issue) not in (n_rows, 0):
            raise InputError(
                f"{name}: findings have {len(found.is_issue)} rows but there are {n_rows}; "
                "give rows= when only some were looked at"
            )
    elif found.rows.size and int(found.rows.max()) >= n_rows:
        raise InputError(f"{name}: findings name row {int(found.rows.max())} of {n_rows}")


def lifted(found: Findings, rows: IndexArray, produces: Mapping[str, Kind]) -> Findings:
    """Findings about a part of the rows, told in positions of the whole data set."""
    moved = {name for name, kind in produces.items() if kind in ("row", "rows")}

    def move(name: str, value: Any) -> Any:
        return _moved(value, rows) if name in moved else value

    if found.about_dataset:
        rows = rows[:0]
    return replace(
        found,
        rows=rows if found.rows is None else rows[found.rows],
        columns={name: move(name, value) for name, value in found.columns.items()},
        info={name: move(name, value) for name, value in found.info.items()},
    )


def _moved(value: Any, rows: IndexArray) -> Any:
    """Positions among some rows as positions in the whole; -1 stays -1."""
    array = value if isinstance(value, np.ndarray) else None
    if array is not None and array.dtype != object:
        return np.where(array >= 0, rows[array], -1)
    moved: list[NDArray[np.intp]] = [rows[np.asarray(one, dtype=np.intp)] for one in value]
    if array is None:
        return moved
    whole = np.empty(len(moved), dtype=object)
    whole[:] = moved
    return whole
