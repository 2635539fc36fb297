"""A chain as plain values to save, and as Python that makes it again."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datalab.chain.step import DEFAULT_ACTION, ChainStep, free_name
from datalab.exceptions import InputError
from datalab.managers.base import specs

__all__ = ["VERSION", "as_code", "as_dict"]

# Arrays of at most so many values are written out in code.
INLINE = 1000
VERSION = 1


def as_dict(steps: Sequence[ChainStep], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Steps without their results; see `Chain.to_dict`."""
    for step in steps:
        for name, value in step.step.given.items():
            _plain(name, value, step)
    return {
        "version": VERSION,
        "rules": settings["rules"],
        "random_state": settings["random_state"],
        "steps": [
            {
                "issue": step.issue,
                "parameters": {n: _plain(n, v, step) for n, v in step.changed().items()},
                "action": step.action,
                "enabled": step.enabled,
            }
            for step in steps
        ],
    }


def as_code(steps: Sequence[ChainStep], settings: Mapping[str, Any], task: str | None) -> str:
    """The Python that makes a chain; see `Chain.to_code`.

    `settings` are those that differ from the default.
    """
    code = _Code()
    lines, later = [], []
    names: list[str] = []
    for step in steps:
        name = free_name(step.issue, names)
        names.append(name)
        lines.append(f"    {code.step(step, name, task)},")
        if step.action != DEFAULT_ACTION.get(step.issue, "flag"):
            later.append(f"chain[{name!r}].action = {step.action!r}")
        if not step.enabled:
            later.append(f"chain[{name!r}].enabled = False")
    options = [f"{name}={code.value(value, name)}" for name, value in settings.items()]
    run = f"chain.run({', '.join(options)})"
    return "\n".join([*code.head(), "chain = lab.chain(", *lines, ")", *later, run])


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
