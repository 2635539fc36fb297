"""The chain editor: one card per check; only what is stale runs again, in the background."""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from datalab.chain import ACTIONS, Chain
from datalab.exceptions import InputError
from datalab.managers.base import specs
from datalab.session import Session
from datalab.views.base import View
from datalab.views.cells import clean_text, count, heading, in_line, is_missing

__all__ = ["ChainEditor"]

ACTION_WORDS = {
    "flag": "flag only",
    "drop": "leave out",
    "relabel": "take the suggestion",
    "review": "needs review",
}


class ChainEditor(View):
    """The steps of a chain as cards that can be edited, moved, switched off and run.

    Parameters
    ----------
    session : Session
    chain : Chain, optional
        By default the lab's last one, or a new one of its checks that flagged rows.
    """

    modules: ClassVar[tuple[str, ...]] = ("chain",)
    watches: ClassVar[frozenset[str]] = frozenset({"findings"})

    def __init__(self, session: Session, *, chain: Chain | None = None) -> None:
        self.chain = _chain_of(session.lab) if chain is None else chain
        self._running = ""
        self._generation = 0
        super().__init__(session)

    def actions(self) -> Mapping[str, Callable[..., Any]]:
        """Edits are told one by one, so that two pages do not overwrite each other."""
        edits: dict[str, Callable[..., Any]] = {
            "set": self._set,
            "then": lambda step, action: setattr(self.chain[step], "action", action),
            "enable": lambda step, on: setattr(self.chain[step], "enabled", bool(on)),
            "move": self._move,
            "remove": lambda step: self.chain.remove(step),
            "add": lambda issue: self.chain.append(issue),
        }
        return {name: self._edit(edit) for name, edit in edits.items()} | {
            "run": self.run,
            "cancel": self.cancel,
        }

    def _edit(self, edit: Callable[..., Any]) -> Callable[..., None]:
        def done(**args: Any) -> None:
            if self._running:
                raise InputError("the chain is running; cancel it before changing it")
            try:
                edit(**args)
            finally:
                self.refresh()

        return done

    def _move(self, step: str, by: int) -> None:
        place = [one.name for one in self.chain].index(step)
        self.chain.move(step, min(max(place + by, 0), len(self.chain) - 1))

    def _set(self, step: str, parameter: str, value: str) -> None:
        """A parameter from what was typed: JSON where it is some, else text."""
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = value
        self.chain[step].set(**{parameter: parsed})

    # ------------------------------------------------------------------ running

    def run(self) -> None:
        """Run what is stale, beside the main thread."""
        if self._running:
            return
        self._generation += 1
        self._running = "…"
        threading.Thread(
            target=self._work, args=(self._generation,), name="datalab-chain", daemon=True
        ).start()
        self.refresh()

    def close(self) -> None:
        """Take the view from the page; a run ends after the step that is at work."""
        self._generation = getattr(self, "_generation", 0) + 1
        super().close()

    def cancel(self) -> None:
        """End the run after the step that is at work; what is finished stays."""
        self._generation += 1
        if self._running:
            self._running = "ending"
            self.refresh()

    def _work(self, generation: int) -> None:
        def before_step(name: str) -> bool:
            if generation != self._generation:
                return False
            self._running = name
            self.refresh()
            return True

        try:
            self.chain.run(before_step=before_step)
            problem = ""
        except Exception as error:  # noqa: BLE001 -- told in the page; a thread has nobody else
            problem = f"{type(error).__name__}: {error}"[:500]
        with self.session.lock:
            self._running, self.problem = "", problem
            self.refresh()

    # ------------------------------------------------------------------ what is drawn

    def drawn(self) -> dict[str, Any]:
        """The cards, and the chain as code."""
        lines: Any = self.chain.frame().to_dict("records")
        steps = [self._card(step, line) for step, line in zip(self.chain, lines, strict=True)]
        waiting = [one for one in steps if one["state"] in ("stale", "not run")]
        lab = self.chain.start
        return {
            "steps": steps,
            "running": self._running,
            "rows_in": count(len(lab)),
            "rows_out": next((s["rows_out"] for s in reversed(steps) if s["rows_out"]), ""),
            "waiting": waiting[0]["title"] if waiting else "",
            "actions": [{"name": name, "text": ACTION_WORDS[name]} for name in ACTIONS],
            "issues": [
                {"name": n, "title": heading(spec.title)} for n, spec in specs(lab.task).items()
            ],
            "code": self.chain.to_code(),
        }

    def _card(self, step: Any, line: Mapping[str, Any]) -> dict[str, Any]:
        seconds, changed = line["seconds"], step.changed()
        return {
            "name": step.name,
            "title": heading(step.step.spec.title) + step.name.removeprefix(step.issue),
            "parameters": [
                {**_field(name, value), "changed": name in changed}
                for name, value in step.parameters.items()
            ],
            "rows_in": _number(line["rows_in"]),
            "flagged": _number(line["flagged"]),
            "rows_out": _number(line["rows_out"]),
            "action": step.action,
            "enabled": step.enabled,
            "state": line["state"],
            "seconds": "" if is_missing(seconds) else f"{seconds:.2f} s",
            "notes": in_line(line["notes"]),
        }


def _chain_of(lab: Any) -> Chain:
    if lab.chains:
        return lab.chains[-1]  # type: ignore[no-any-return]
    flagged = [name for name, outcome in lab._found().items() if outcome.findings.num_issues]
    return Chain(lab, flagged)


def _number(value: Any) -> str:
    return "" if is_missing(value) else count(int(value))


def _field(name: str, value: Any) -> dict[str, Any]:
    """A parameter as a field of a form; what cannot be typed is only shown."""
    plain = value is None or isinstance(value, bool | int | float | str)
    several = isinstance(value, list | tuple)
    told = ", ".join(map(str, value)) if several else str(value)
    text = value if isinstance(value, str) else json.dumps(value) if plain else told
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {
        "name": name,
        "text": "" if value is None else clean_text(text, 60),
        "kind": "bool" if isinstance(value, bool) else "number" if number else "text",
        "fixed": not plain,
    }
