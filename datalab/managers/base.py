"""What a manager is, and the register of all of them."""

import inspect
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from datalab._check import did_you_mean
from datalab.artefacts import ARTEFACTS, TASKS, Artefacts
from datalab.exceptions import DatalabWarning, InputError, InputTypeError, NotFound
from datalab.findings import Findings

__all__ = ["IssueManager", "Kind", "Spec", "find_spec", "percent", "register", "spec_of", "specs"]

# What a column of findings holds: row positions are mapped back to the whole data set, classes are
# shown by name.
Kind = Literal["number", "class", "row", "rows", "text", "bool"]


@runtime_checkable
class IssueManager(Protocol):
    """Finds one type of issue. Inheriting is optional: having these two is enough.

    The parameters of ``find_issues`` declare what the manager needs (see `ARTEFACTS`): no default
    means needed, ``=None`` means used when there (a graph then lists rows it does not cover at an
    infinite distance). When all are ``=None``, at least one must be
    there; a class attribute ``any_of`` names such a group among other parameters.
    Hyper-parameters are arguments of the constructor. Optional class attributes: ``tasks``
    (default: all), ``default`` (part of the default audit, True), ``modality`` (``"images"``,
    ``"text"``, …: listed and part of the default audit only where the data has them),
    ``produces`` (column → kind; a bool column ``is_kept`` marks rows that stay when the flagged
    ones are dropped),
    ``title`` (the name as people read it), ``sees_missing`` (whether to pass rows with missing
    labels or features too, False), ``by_row`` (whether each row is judged by itself, so that new
    rows can be judged alone, False), ``description``, ``advice`` (what to do with flagged rows),
    ``unused`` (optional inputs that its hyper-parameters leave without use, so that they are not
    made for it), ``not_made_beside`` (input → inputs: used only as the user gave it where the data
    has one of these), ``reference`` (parameters of a dataclass that ``rules="reference"`` sets
    where they are None) and four methods: ``explain(row) -> str`` says in words why a row was
    flagged, ``sum_up(findings) -> str`` how to read all of them,
    ``mask(text) -> str`` hides in texts of flagged rows what must not be shown, and
    ``find_new(found, …) -> Findings`` judges new rows by what was found about the others.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab import Findings
    >>> class ShortText:
    ...     "Texts too short to carry a label."
    ...     name = "short_text"
    ...     def __init__(self, min_chars=10):
    ...         self.min_chars = min_chars
    ...     def find_issues(self, text):
    ...         length = np.array([len(t) for t in text])
    ...         score = np.minimum(length / self.min_chars, 1.0)
    ...         return Findings(self.name, is_issue=score < 1.0, score=score)
    >>> ShortText().find_issues(["hi", "a long enough text"]).num_issues
    1
    """

    @property
    def name(self) -> str:
        """The issue type, an identifier such as ``"near_duplicate"``."""

    def find_issues(self, *args: Any, **kwargs: Any) -> Findings:
        """Arrays in, findings out; may raise `NotApplicable` with the reason."""


@dataclass(frozen=True)
class Spec:
    """What a manager class declares, read once.

    Beside what `IssueManager` describes: ``extras`` are columns and info that cleanlab does not
    have and that ``rules="reference"`` leaves out, ``beyond_reference`` says so of the whole check;
    ``tells_inputs`` are the inputs whose use
    stands in ``info["find_issues_inputs"]``.
    """

    name: str
    factory: type[Any]
    needs: tuple[str, ...]
    any_of: tuple[str, ...]
    uses: tuple[str, ...]
    tasks: tuple[str | None, ...]
    default: bool
    produces: Mapping[str, Kind]
    description: str
    advice: str
    sees_missing: bool = False
    extras: tuple[str, ...] = ()
    tells_inputs: tuple[str, ...] = ()
    beyond_reference: bool = False
    modality: str | None = None

    @property
    def title(self) -> str:
        """The name as people read it."""
        return str(getattr(self.factory, "title", self.name.replace("_", " ")))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every artefact the manager can take."""
        return (*self.needs, *self.any_of, *self.uses)

    def parameters(self) -> dict[str, Any]:
        """Hyper-parameters with their defaults."""
        signature = inspect.signature(self.factory)
        return {
            parameter.name: parameter.default
            for parameter in signature.parameters.values()
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        }

    def make(self, parameters: Mapping[str, Any]) -> IssueManager:
        """Build the manager; unknown hyper-parameters are refused with a suggestion."""
        known = self.parameters()
        kinds = {p.kind for p in inspect.signature(self.factory).parameters.values()}
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            for name in parameters:
                if name not in known:
                    raise InputError(
                        f"unknown parameter {name!r} of {self.name!r}: {did_you_mean(name, known)}"
                    )
        manager: IssueManager = self.factory(**parameters)
        return manager


def spec_of(factory: type[Any]) -> Spec:
    """Read what a manager class declares.

    Raises
    ------
    InputTypeError
        Not a class, or no ``name`` or ``find_issues``.
    InputError
        ``find_issues`` asks for something that does not exist.
    """
    if not isinstance(factory, type):
        raise InputTypeError(f"a manager must be a class, got {factory!r}")
    name = getattr(factory, "name", None)
    if not isinstance(name, str) or not name.isidentifier():
        raise InputTypeError(
            f"{factory.__qualname__} needs a class attribute `name`, an identifier such as "
            f'"short_text"; got {name!r}'
        )
    if not callable(getattr(factory, "find_issues", None)):
        raise InputTypeError(f"{factory.__qualname__} needs a method `find_issues(self, …)`")
    needs, optional = _inputs(factory)
    any_of = tuple(getattr(factory, "any_of", () if needs else optional))
    tasks = tuple(getattr(factory, "tasks", TASKS))
    for task in tasks:
        if task not in TASKS:
            raise InputError(f"{name}: unknown task {task!r}; known: {TASKS}")
    modality = getattr(factory, "modality", None)
    if modality is not None and modality not in ARTEFACTS:
        raise InputError(f"{name}: unknown modality {modality!r}; known: {', '.join(ARTEFACTS)}")
    doc = inspect.getdoc(factory) or ""
    return Spec(
        name=name,
        factory=factory,
        needs=needs,
        any_of=any_of,
        uses=tuple(one for one in optional if one not in any_of),
        tasks=tasks,
        default=bool(getattr(factory, "default", True)),
        produces=dict(getattr(factory, "produces", {})),
        description=getattr(factory, "description", None) or doc.split("\n")[0],
        advice=getattr(factory, "advice", ""),
        sees_missing=bool(getattr(factory, "sees_missing", False)),
        extras=tuple(getattr(factory, "extras", ())),
        tells_inputs=tuple(getattr(factory, "tells_inputs", ())),
        beyond_reference=bool(getattr(factory, "beyond_reference", False)),
        modality=modality,
    )


def _inputs(factory: type[Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Needed and optional artefacts, from the signature of ``find_issues``."""
    needs, optional = [], []
    for parameter in list(inspect.signature(factory.find_issues).parameters.values())[1:]:
        where = f"{factory.__qualname__}.find_issues"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise InputError(f"{where} must name what it needs, not take {parameter}")
        if parameter.name not in ARTEFACTS:
            raise InputError(
                f"{where} asks for {parameter.name!r}: {did_you_mean(parameter.name, ARTEFACTS)}"
            )
        if parameter.default is parameter.empty:
            needs.append(parameter.name)
        elif parameter.default is None:
            optional.append(parameter.name)
        else:
            raise InputError(
                f"{where}: {parameter.name}={parameter.default!r} must be =None (used when there); "
                "options are arguments of the constructor"
            )
    return tuple(needs), tuple(optional)


def percent(share: float) -> str:
    """A share in words: whole percents, and honest about what is almost nothing or all."""
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{100 * share:.0f} %"


_register: list[Spec] = []
_loaded = False
M = TypeVar("M", bound=type[Any])


def register(factory: M) -> M:
    """Make a manager class part of every audit whose task it serves; a decorator.

    A manager of the same name for the same task is replaced, with a warning.

    Parameters
    ----------
    factory : type
        A class as `IssueManager` describes.

    Returns
    -------
    type
        The class, unchanged.

    Raises
    ------
    InputTypeError, InputError
        The class is not a manager, or asks for something that does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab import Findings, register
    >>> @register
    ... class Odd:
    ...     "Labels with an odd code."
    ...     name, default = "odd", False
    ...     def find_issues(self, labels):
    ...         return Findings(self.name, is_issue=labels % 2 == 1, score=1.0 - labels % 2)
    """
    spec = spec_of(factory)
    for other in [one for one in _register if one.name == spec.name]:
        shared = set(other.tasks) & set(spec.tasks)
        if not shared:
            continue
        if other.factory.__qualname__ != factory.__qualname__:
            warnings.warn(
                f"{factory.__qualname__} replaces {other.factory.__qualname__} as the manager of "
                f"{spec.name!r}",
                DatalabWarning,
                stacklevel=2,
            )
        at = _register.index(other)
        rest = tuple(task for task in other.tasks if task not in shared)
        _register[at : at + 1] = [replace(other, tasks=rest), spec] if rest else [spec]
        break
    else:
        _register.append(spec)
    return factory


def specs(task: str | None, store: Artefacts | None = None) -> dict[str, Spec]:
    """Every registered manager that serves the task, by name, in order of registration.

    With a store, those for images, texts, … only where the data has them.
    """
    _load()
    return {
        spec.name: spec
        for spec in _register
        if task in spec.tasks
        and (store is None or spec.modality is None or store.held(spec.modality) is not None)
    }


def find_spec(name: str, task: str | None) -> Spec:
    """The manager of that issue type; `NotFound` with a suggestion if there is none."""
    known = specs(task)
    if name in known:
        return known[name]
    others = [spec for spec in _register if spec.name == name]
    if others:
        raise NotFound(f"issue type {name!r} is not made for task={task!r}, only {others[0].tasks}")
    raise NotFound(f"unknown issue type {name!r}: {did_you_mean(name, known)}")


def _load() -> None:
    """Load the managers of other packages, once; a broken one is named and left out."""
    global _loaded
    if _loaded:
        return
    _loaded = True
    for entry in _entry_points():
        try:
            loaded = entry.load()
            if isinstance(loaded, type) and all(s.factory is not loaded for s in _register):
                register(loaded)
        except Exception as error:
            warnings.warn(
                f"the manager {entry.name!r} of another package could not be loaded: {error!r}",
                DatalabWarning,
                stacklevel=3,
            )
            logging.getLogger("datalab").info("entry point %s failed", entry, exc_info=True)


def _entry_points() -> Iterator[metadata.EntryPoint]:
    yield from metadata.entry_points(group="datalab.managers")
