"""Checks in a row: each sees only the rows that the earlier ones have left."""

import copy
import inspect
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from datalab._check import choice, did_you_mean, whole_number
from datalab.audit import Outcome, Step
from datalab.exceptions import InputError, InputTypeError, NotFound
from datalab.managers.base import find_spec, specs
from datalab.narrowing import narrowed, narrowed_step, to_drop
from datalab.results import table_html
from datalab.review import suggestions

if TYPE_CHECKING:
    import pandas as pd

    from datalab.lab import Datalab

__all__ = ["Action", "Chain", "ChainStep"]

Action = Literal["flag", "drop", "relabel", "review"]
ACTIONS = ("flag", "drop", "relabel", "review")
# Duplicates distort everything that comes later; any other finding a person should see first.
DEFAULT_ACTION: Mapping[str, Action] = {"near_duplicate": "drop"}
# Arrays of at most so many values are written out in code.
INLINE = 1000
SETTINGS = {"rules": "datalab", "random_state": 0, "model": None, "device": None}
VERSION = 1


@dataclass(eq=False)
class ChainStep:
    """One check of a chain, and what is done with the rows that it flags.

    Reached as ``chain["outlier"]``; the attributes ``action`` and ``enabled`` can be set.

    Parameters
    ----------
    name : str
        The issue type; a second step of the same type is called ``outlier#2``.
    step : Step
        The manager with its parameters.
    action : {"flag", "drop", "relabel", "review"}
        What is done with flagged rows: nothing; leave them out (of a set of near duplicates one
        stays); give them the suggested label; put them on the list of rows that need review.
    enabled : bool
        Whether the chain runs this step.
    """

    name: str
    step: Step
    action: Action = "flag"
    enabled: bool = True
    # How its last run ended, and what that went on from.
    done: "_Done | None" = field(default=None, repr=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what is no action."""
        if name == "action":
            choice(value, ACTIONS, name="action")
        if name == "enabled" and not isinstance(value, (bool, np.bool_)):
            raise InputTypeError(f"`enabled` must be True or False, got {value!r}")
        super().__setattr__(name, value)

    @property
    def issue(self) -> str:
        """The issue type."""
        return self.step.name

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter of the check with its present value."""
        known = self.step.spec.parameters()
        return {name: getattr(self.step.manager, name, default) for name, default in known.items()}

    def set(self, **parameters: Any) -> "ChainStep":
        """Change parameters of the check; this step and those after it become stale.

        Raises
        ------
        InputError
            An unknown parameter (with a suggestion), or a value that the check refuses.
        """
        hidden = [n for n in self.step.spec.parameters() if not hasattr(self.step.manager, n)]
        if any(name not in parameters for name in hidden):
            raise InputError(
                f"{type(self.step.manager).__name__} does not tell its parameter {hidden[0]!r}: a "
                "manager must keep its parameters as attributes of the same name"
            )
        known = {n: v for n, v in self.parameters.items() if v is not inspect.Parameter.empty}
        manager = self.step.spec.make({**known, **parameters})
        self.step = replace(self.step, manager=manager)
        return self

    def changed(self) -> dict[str, Any]:
        """The parameters that are not at their default."""
        defaults = self.step.spec.parameters()
        if inspect.Parameter.empty not in defaults.values():
            # As the manager keeps them, which may differ from what the signature says.
            plain = self.step.spec.make({})
            defaults = {name: getattr(plain, name, value) for name, value in defaults.items()}
        return {n: v for n, v in self.parameters.items() if not _same(v, defaults[n])}

    def _signature(self) -> tuple[Any, ...]:
        """What the result depends on, beside what comes in."""
        parameters = _snapshot(self.parameters)
        return (self.step.spec.factory, parameters, self.step.given, self.action)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.changed().items())
        off = "" if self.enabled else ", off"
        return f"ChainStep({self.name}({told}), action={self.action!r}{off})"


@dataclass(frozen=True)
class _Done:
    """What a step did, and what that depended on."""

    signature: tuple[Any, ...]
    before: Any  # the `_Done` that it went on from, or the stamp of the lab at the start
    lab: "Datalab"
    outcome: Outcome
    rows_in: int
    relabelled: int
    seconds: float

    @property
    def flagged(self) -> int:
        return self.outcome.findings.num_found if self.outcome.findings is not None else 0


class Chain:
    """Checks in a row, to run, look at, edit and run again; made by ``lab.chain(…)``.

    Only steps whose parameters or inputs have changed run again.

    Parameters
    ----------
    lab : Datalab
        What the first step sees; it is not changed.
    steps : iterable of (str, manager, or (str, dict) pair)

    Examples
    --------
    >>> import numpy as np
    >>> from datalab import Datalab
    >>> features = np.random.default_rng(0).normal(size=(60, 3))
    >>> features[7] = features[3]
    >>> lab = Datalab({"x": features[:, 0]}, verbosity=0).give(features=features)
    >>> chain = lab.chain("near_duplicate", "outlier").run()
    >>> chain.frame()[["step", "rows_in", "flagged", "action", "rows_out", "state"]]
                 step  rows_in  flagged action  rows_out  state
    0  near_duplicate       60        2   drop        59  fresh
    1         outlier       59        1   flag        59  fresh
    >>> _ = chain["outlier"].set(threshold=0.5)
    >>> chain.frame()["state"].tolist()
    ['fresh', 'stale']
    """

    def __init__(self, lab: "Datalab", steps: Iterable[Any] = ()) -> None:
        self.start = lab
        self._steps: list[ChainStep] = []
        self._settings: dict[str, Any] = dict(SETTINGS)
        self._quiet = False
        for step in steps:
            self._add(step, len(self._steps))

    # ------------------------------------------------------------------ steps

    def _add(self, what: Any, place: int, action: Action | None = None) -> ChainStep:
        step = self._read(what)
        added = ChainStep(
            self._free_name(step.name), step, action or DEFAULT_ACTION.get(step.name, "flag")
        )
        self._steps.insert(place, added)
        return added

    def _read(self, what: Any) -> Step:
        """A step from a name, a manager (class), or a pair of name and parameters."""
        if isinstance(what, tuple) and len(what) == 2:
            request: Any = {what[0]: what[1]}
        else:
            request = [what]
        return self.start._planned(request, self._settings["rules"])[0]

    def _free_name(self, issue: str) -> str:
        return _free_name(issue, [step.name for step in self._steps])

    def _place(self, name: str | int) -> int:
        names = [step.name for step in self._steps]
        if isinstance(name, (int, np.integer)) and not isinstance(name, bool):
            if not -len(names) <= name < len(names):
                raise NotFound(f"the chain has {len(names)} steps, none at place {name}")
            return int(name) % len(names)
        if name not in names:
            raise NotFound(f"the chain has no step {name!r}: {did_you_mean(str(name), names)}")
        return names.index(name)

    def __getitem__(self, name: str | int) -> ChainStep:
        return self._steps[self._place(name)]

    def __iter__(self) -> Iterator[ChainStep]:
        return iter(list(self._steps))

    def __len__(self) -> int:
        return len(self._steps)

    def __contains__(self, name: object) -> bool:
        return any(step.name == name for step in self._steps)

    def insert(self, place: int, step: Any, *, action: Action | None = None) -> "Chain":
        """Put a step (as for `Datalab.chain`) before the one at `place`."""
        whole_number(place, name="place", least=0)
        self._add(step, min(place, len(self._steps)), action)
        return self

    def append(self, step: Any, *, action: Action | None = None) -> "Chain":
        """Put a step at the end."""
        self._add(step, len(self._steps), action)
        return self

    def remove(self, name: str | int) -> "Chain":
        """Take a step out."""
        del self._steps[self._place(name)]
        return self

    def move(self, name: str | int, place: int) -> "Chain":
        """Put a step at another place, counted in the chain as it is afterwards."""
        whole_number(place, name="place", least=0)
        step = self._steps.pop(self._place(name))
        self._steps.insert(min(place, len(self._steps)), step)
        return self

    # ------------------------------------------------------------------ running

    def _stamp(self) -> tuple[Any, ...]:
        """What the first step sees, told so that any change shows."""
        review = self.start._begun_review()
        decided = frozenset() if review is None else review.stamp()
        return (
            id(self.start),
            self.start._artefacts.stamp(),
            decided,
            tuple(self._settings.values()),
        )

    def _fresh(self) -> dict[int, _Done]:
        """The results that still hold, by place in the chain."""
        fresh: dict[int, _Done] = {}
        before: Any = self._stamp()
        for place, step in enumerate(self._steps):
            if not step.enabled:
                continue
            done = step.done
            if done is None or not _follows(done, before, step):
                break
            fresh[place] = done
            before = done
        return fresh

    def run(
        self,
        *,
        rules: Any = None,
        random_state: int | None = None,
        model: Any = None,
        device: str | None = None,
        before_step: Callable[[str], bool] | None = None,
    ) -> "Chain":
        """Run the steps that are stale; what is fresh is not done again.

        An interruption keeps the steps that are finished.

        Parameters
        ----------
        rules, random_state, model, device
            As for `Datalab.find_issues`; None leaves what the last run had. Another value makes
            every step stale.
        before_step : callable, optional
            Called with the name of each step before it runs; False ends the run there, and what
            is finished stays.

        Returns
        -------
        Chain
            The chain itself.
        """
        from tqdm.auto import tqdm

        if rules is not None:
            choice(rules, ("datalab", "reference"), name="rules")
        if random_state is not None:
            whole_number(random_state, name="random_state", least=0)
        told = {"rules": rules, "random_state": random_state, "model": model, "device": device}
        self._settings |= {name: value for name, value in told.items() if value is not None}
        fresh = self._fresh()
        before: Any = fresh[max(fresh)] if fresh else self._stamp()
        stale = [step for i, step in enumerate(self._steps) if step.enabled and i not in fresh]
        # Who asks before each step shows how far it is, and may be no cell that has an output.
        self._quiet = before_step is not None
        shows = self.start._shows_progress() and not self._quiet
        with tqdm(stale, disable=not shows, delay=1.0, leave=False) as bar:
            for step in bar:
                if before_step is not None and not before_step(step.name):
                    break
                bar.set_description(step.step.spec.title, refresh=False)
                lab = before.lab if isinstance(before, _Done) else self._beginning()
                step.done = before = self._run_step(step, lab, before)
        return self

    def _beginning(self) -> "Datalab":
        """The lab at the start, as a review leaves it."""
        review = self.start._begun_review()
        if review is None:
            return self.start
        excluded = review.excluded()
        at, labels = review.corrections()
        if not excluded.any() and not len(at):
            return self.start
        return narrowed(self.start, np.flatnonzero(~excluded), "review", at=at, labels=labels)

    def _options(self) -> dict[str, Any]:
        steps = [step.step for step in self._steps if step.enabled]
        options = self.start._options(steps, **self._settings)
        dropping = any(step.action == "drop" for step in self._steps if step.enabled)
        # Neighbours to spare: dropping rows seldom takes more than every second one.
        shown = options["progress"] and not self._quiet
        return {**options, "progress": shown, "spare": options["k"] if dropping else None}

    def _run_step(self, step: ChainStep, lab: "Datalab", before: Any) -> _Done:
        start = time.perf_counter()
        signature = step._signature()
        after = copy.copy(lab)
        after._outcomes = dict(lab._outcomes)
        after._history = list(lab._history)
        after._forget(rows=lab.rows)
        places = np.searchsorted(self.start.rows, lab.rows)
        planned = step.step if len(lab) == len(self.start) else narrowed_step(step.step, places)
        outcome = after._run_step(planned, self._options())
        after._history.append(
            {
                "step": step.name,
                "rows_in": len(lab),
                "flagged": outcome.findings.num_found if outcome.findings else None,
                "rows_out": len(lab),
                "relabelled": 0,
            }
        )
        after, relabelled = self._act(step, after, outcome)
        seconds = time.perf_counter() - start
        return _Done(signature, before, after, outcome, len(lab), relabelled, seconds)

    def _act(self, step: ChainStep, lab: "Datalab", outcome: Outcome) -> tuple["Datalab", int]:
        """Do with the flagged rows what the step says."""
        findings = outcome.findings
        if findings is None or not findings.num_issues or step.action == "flag":
            return lab, 0
        flagged = findings.positions()[findings.is_issue]
        if step.action == "drop":
            gone = findings.positions()[to_drop(outcome)]
            rows = np.setdiff1d(np.arange(len(lab)), gone)
            return narrowed(lab, rows, f"{step.name}: drop"), 0
        if step.action == "review":
            waiting = lab.review.verdicts()[flagged] == None  # noqa: E711 (by element)
            if waiting.any():
                lab.review.decide(flagged[waiting], "needs_review", issue=outcome.name)
            return lab, 0
        suggested = suggestions(outcome, flagged, len(lab), lab.class_names)
        known = [i for i, label in enumerate(suggested) if label is not None]
        if not known:
            raise InputError(
                f"{step.name}: action='relabel', but this check suggests no labels; take "
                "action='drop' or 'review'"
            )
        at, labels = flagged[known], [suggested[i] for i in known]
        every = np.arange(len(lab))
        return narrowed(lab, every, f"{step.name}: relabel", at=at, labels=labels), len(at)

    # ------------------------------------------------------------------ results

    def after(self, name: str | int) -> "Datalab":
        """The lab as this step left it.

        Raises
        ------
        NotFound
            There is no such step.
        InputError
            The step has not run since something changed, or is switched off.
        """
        place = self._place(name)
        step = self._steps[place]
        if not step.enabled:
            raise InputError(f"step {step.name!r} is switched off; set its `enabled` to True")
        fresh = self._fresh()
        if place not in fresh:
            raise InputError(f"step {step.name!r} is {self._state(place, fresh)}: call run()")
        return fresh[place].lab

    @property
    def lab(self) -> "Datalab":
        """The lab at the end of the chain; an `InputError` unless everything is fresh."""
        fresh = self._fresh()
        wanted = [place for place, step in enumerate(self._steps) if step.enabled]
        behind = [self._steps[place].name for place in wanted if place not in fresh]
        if behind:
            raise InputError(f"{', '.join(behind)} did not run since something changed: call run()")
        return fresh[wanted[-1]].lab if wanted else self._beginning()

    def outcome(self, name: str | int) -> Outcome:
        """How a step ended, about the rows that it saw; errors as for `after`."""
        self.after(name)
        done = self[name].done
        if done is None:  # `after` has refused already
            raise NotFound(f"step {name!r} has not run")
        return done.outcome

    def _state(self, place: int, fresh: Mapping[int, _Done]) -> str:
        step = self._steps[place]
        if not step.enabled:
            return "off"
        if place in fresh:
            status = fresh[place].outcome.status
            return "fresh" if status == "found" else status
        return "stale" if step.done is not None else "not run"

    def frame(self) -> "pd.DataFrame":
        """One line per step.

        Returns
        -------
        DataFrame
            ``step``, ``parameters`` (those that are not at their default), ``rows_in``,
            ``flagged``, ``action``, ``rows_out``, ``seconds``, ``state`` (fresh, stale, not run,
            off, not applicable, failed) and ``notes``. Numbers of stale steps are of their last
            run.
        """
        import pandas as pd

        fresh = self._fresh()
        lines = []
        for place, step in enumerate(self._steps):
            done = step.done
            state = self._state(place, fresh)
            line: dict[str, Any] = {
                "step": step.name,
                "parameters": ", ".join(f"{n}={v!r}" for n, v in step.changed().items()),
                "rows_in": None,
                "flagged": None,
                "action": step.action,
                "rows_out": None,
                "seconds": None,
                "state": state,
                "notes": "",
            }
            if done is not None and state != "off":
                outcome = done.outcome
                line |= {"rows_in": done.rows_in, "rows_out": len(done.lab)}
                line |= {"seconds": round(done.seconds, 3)}
                if outcome.findings is not None:
                    line["flagged"] = done.flagged
                told = [outcome.reason, *outcome.notes]
                if done.relabelled:
                    told.append(f"{done.relabelled} labels corrected")
                line["notes"] = "; ".join(filter(None, told))
            lines.append(line)
        names = ["step", "parameters", "rows_in", "flagged", "action", "rows_out", "seconds"]
        frame = pd.DataFrame(lines, columns=[*names, "state", "notes"])
        return frame.astype(dict.fromkeys(["rows_in", "flagged", "rows_out"], "Int64"))

    # ------------------------------------------------------------------ saving and showing

    def to_dict(self) -> dict[str, Any]:
        """The chain without its results, as plain values that JSON can hold.

        Raises
        ------
        InputError
            A parameter is an object, such as a model, or an array was given to one step.
        """
        for step in self._steps:
            for name, value in step.step.given.items():
                _plain(name, value, step)
        return {
            "version": VERSION,
            "rules": self._settings["rules"],
            "random_state": self._settings["random_state"],
            "steps": [
                {
                    "issue": step.issue,
                    "parameters": {n: _plain(n, v, step) for n, v in step.changed().items()},
                    "action": step.action,
                    "enabled": step.enabled,
                }
                for step in self._steps
            ],
        }

    @classmethod
    def from_dict(cls, lab: "Datalab", saved: Mapping[str, Any]) -> "Chain":
        """A chain as `to_dict` told it, on a lab; nothing has run.

        Raises
        ------
        InputError
            Not a chain, or one of a newer version.
        NotFound
            An issue type that is not registered.
        """
        if not isinstance(saved, Mapping) or "steps" not in saved or "version" not in saved:
            raise InputError("not a saved chain: pass what chain.to_dict() returned")
        if saved["version"] > VERSION:
            raise InputError(
                f"the chain was saved in version {saved['version']}, this datalab reads "
                f"{VERSION}; install a newer datalab"
            )
        chain = cls(lab)
        for name in ("rules", "random_state"):
            chain._settings[name] = saved.get(name, SETTINGS[name])
        choice(chain._settings["rules"], ("datalab", "reference"), name="rules")
        for one in saved["steps"]:
            find_spec(one["issue"], lab.task)
            added = chain._add(
                (one["issue"], one.get("parameters", {})), len(chain), one.get("action")
            )
            added.enabled = one.get("enabled", True)
        return chain

    def to_code(self) -> str:
        """The Python that makes this chain, for a lab called ``lab``.

        Objects that no code can tell, such as models and large arrays, stand in it by a name that
        a comment in the first lines explains.
        """
        code = _Code()
        lines, later = [], []
        names: list[str] = []
        for step in self._steps:
            name = _free_name(step.issue, names)
            names.append(name)
            lines.append(f"    {code.step(step, name, self.start.task)},")
            if step.action != DEFAULT_ACTION.get(step.issue, "flag"):
                later.append(f"chain[{name!r}].action = {step.action!r}")
            if not step.enabled:
                later.append(f"chain[{name!r}].enabled = False")
        options = [
            f"{name}={code.value(value, name)}"
            for name, value in self._settings.items()
            if not _same(value, SETTINGS[name])
        ]
        run = f"chain.run({', '.join(options)})"
        return "\n".join([*code.head(), "chain = lab.chain(", *lines, ")", *later, run])

    def __repr__(self) -> str:
        if not self._steps:
            return "Chain without steps: append() some"
        table = self.frame().drop(columns="notes")
        return str(table.to_string(index=False, na_rep="–"))

    def _repr_html_(self) -> str:
        return table_html(self.frame(), na_rep="–")


def _follows(done: _Done, before: Any, step: ChainStep) -> bool:
    """Whether a result is that of this step, going on from there."""
    # A result is the same object or it is another result; the stamp of the start is compared.
    same = done.before is before if isinstance(before, _Done) else done.before == before
    return same and _same(done.signature, step._signature())


def _snapshot(value: Any) -> Any:
    """A value as it is now: containers and arrays copied, other objects themselves."""
    if isinstance(value, Mapping):
        return {key: _snapshot(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(map(_snapshot, value)) if type(value) in (tuple, list) else value
    return value.copy() if isinstance(value, np.ndarray) else value


def _same(one: Any, other: Any) -> bool:
    """Whether two parameters are equal; arrays by content, other objects by identity."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if hasattr(one, "__array__"):
        return bool(np.array_equal(np.asarray(one), np.asarray(other)))
    try:
        return bool(one == other)
    except (TypeError, ValueError):
        return False


def _free_name(issue: str, taken: Sequence[str]) -> str:
    """What a step is called beside others: the second of a kind is ``outlier#2``."""
    name, number = issue, 1
    while name in taken:
        number += 1
        name = f"{issue}#{number}"
    return name


class _Code:
    """Writes values as Python, and remembers what has to stand before it."""

    def __init__(self) -> None:
        self._imports: set[str] = set()
        self._lacking: dict[str, str] = {}

    def head(self) -> list[str]:
        """The first lines: imports, and what the reader has to put under which name."""
        told = [f"# {name}: {kind}, as it was given here" for name, kind in self._lacking.items()]
        return [*sorted(f"import {module}" for module in self._imports), *told]

    def step(self, step: ChainStep, name: str, task: str | None) -> str:
        """A step as `Datalab.chain` takes it."""
        told = {**step.changed(), **step.step.given}
        where = name.replace("#", "_")
        written = {key: self.value(value, f"{where}_{key}") for key, value in told.items()}
        known = specs(task).get(step.issue)
        if known is None or known.factory is not step.step.spec.factory:
            # Its manager was passed itself: arrays of its own cannot be.
            kept = [f"{key}={text}" for key, text in written.items()]
            return f"{self._named(step.step.spec.factory)}({', '.join(kept)})"
        if not written:
            return repr(step.issue)
        pairs = ", ".join(f"{key!r}: {text}" for key, text in written.items())
        return f"({step.issue!r}, {{{pairs}}})"

    def value(self, value: Any, name: str) -> str:
        """A value as an expression; `name` stands for it where there is none."""
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float) and not np.isfinite(value):
            return f"float({str(value)!r})"
        if value is None or isinstance(value, (str, bytes, bool, int, float)):
            return repr(value)
        if type(value) in (list, tuple):
            told = ", ".join(self.value(one, f"{name}_{i}") for i, one in enumerate(value))
            last = "," if type(value) is tuple and len(value) == 1 else ""
            return f"[{told}]" if type(value) is list else f"({told}{last})"
        if type(value) is dict:
            pairs = [
                f"{self.value(key, name)}: {self.value(one, f'{name}_{i}')}"
                for i, (key, one) in enumerate(value.items())
            ]
            return f"{{{', '.join(pairs)}}}"
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufU" and value.size <= INLINE:
            self._imports.add("numpy")
            return f"numpy.array({self.value(value.tolist(), name)}, dtype={value.dtype.str!r})"
        if callable(value) and "<" not in getattr(value, "__qualname__", "<"):
            return self._named(value)
        self._lacking[name] = type(value).__name__
        return name

    def _named(self, what: Any) -> str:
        """A function or class by its name, with its module imported."""
        module = what.__module__
        if module in (None, "__main__", "builtins") or "<" in what.__qualname__:
            return str(what.__qualname__.rpartition(">.")[2])
        self._imports.add(module)
        return f"{module}.{what.__qualname__}"


def _plain(name: str, value: Any, step: ChainStep) -> Any:
    """A parameter as a value that JSON can hold."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(name, one, step) for one in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(name, one, step) for key, one in value.items()}
    raise InputError(
        f"{step.name}: parameter {name!r} is {type(value).__name__}, which cannot be saved as "
        "text; only numbers, texts and lists of them can"
    )
