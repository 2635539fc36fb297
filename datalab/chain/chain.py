"""Checks in a row: each sees only the rows that the earlier ones have left."""

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from datalab._check import choice, did_you_mean, seed, tell_stopped, whole_number
from datalab.audit import Outcome, Step
from datalab.chain.step import DEFAULT_ACTION, Action, ChainStep, Done, follows, free_name, same
from datalab.chain.written import VERSION, as_code, as_dict
from datalab.exceptions import InputError, NotFound
from datalab.managers.base import find_spec
from datalab.narrowing import narrowed, narrowed_step, to_drop
from datalab.results import table_html
from datalab.review import suggestions

if TYPE_CHECKING:
    import pandas as pd

    from datalab.lab import Datalab

__all__ = ["Chain"]

SETTINGS = {"rules": "datalab", "random_state": 0, "model": None, "device": None}


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
    1         outlier       59        2   flag        59  fresh
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
        return free_name(issue, [step.name for step in self._steps])

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

    def _fresh(self) -> dict[int, Done]:
        """The results that still hold, by place in the chain."""
        fresh: dict[int, Done] = {}
        before: Any = self._stamp()
        for place, step in enumerate(self._steps):
            if not step.enabled:
                continue
            done = step.done
            if done is None or not follows(done, before, step):
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

        An interruption keeps the steps that are finished, and says which; the one that was under
        way leaves nothing behind.

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
            seed(random_state)
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
                lab = before.lab if isinstance(before, Done) else self._beginning()
                try:
                    step.done = before = self._run_step(step, lab, before)
                except KeyboardInterrupt as stop:
                    done = [self._steps[place].name for place in self._fresh()]
                    tell_stopped(stop, done, f"run() goes on with {step.name}")
                    raise
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

    def _run_step(self, step: ChainStep, lab: "Datalab", before: Any) -> Done:
        start = time.perf_counter()
        signature = step.signature()
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
        return Done(signature, before, after, outcome, len(lab), relabelled, seconds)

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

    def _state(self, place: int, fresh: Mapping[int, Done]) -> str:
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
        return as_dict(self._steps, self._settings)

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
        changed = {n: v for n, v in self._settings.items() if not same(v, SETTINGS[n])}
        return as_code(self._steps, changed, self.start.task)

    def __repr__(self) -> str:
        if not self._steps:
            return "Chain without steps: append() some"
        table = self.frame().drop(columns="notes")
        return str(table.to_string(index=False, na_rep="–"))

    def _repr_html_(self) -> str:
        return table_html(self.frame(), na_rep="–")
