"""One check of a chain: its parameters, what is done with what it flags, what its last run left."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from datalab._check import choice
from datalab.audit import Outcome, Step
from datalab.exceptions import InputError, InputTypeError

if TYPE_CHECKING:
    from datalab.lab import Datalab

__all__ = [
    "ACTIONS",
    "DEFAULT_ACTION",
    "Action",
    "ChainStep",
    "Done",
    "follows",
    "free_name",
    "same",
]

Action = Literal["flag", "drop", "relabel", "review"]
ACTIONS = ("flag", "drop", "relabel", "review")
# Duplicates distort everything that comes later; any other finding a person should see first.
DEFAULT_ACTION: Mapping[str, Action] = {"near_duplicate": "drop"}


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
    done: "Done | None" = field(default=None, repr=False)

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
        return {n: v for n, v in self.parameters.items() if not same(v, defaults[n])}

    def signature(self) -> tuple[Any, ...]:
        """What the result depends on, beside what comes in."""
        parameters = _snapshot(self.parameters)
        return (self.step.spec.factory, parameters, self.step.given, self.action)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.changed().items())
        off = "" if self.enabled else ", off"
        return f"ChainStep({self.name}({told}), action={self.action!r}{off})"


@dataclass(frozen=True)
class Done:
    """What a step did, and what that depended on."""

    signature: tuple[Any, ...]
    before: Any  # the `Done` that it went on from, or the stamp of the lab at the start
    lab: "Datalab"
    outcome: Outcome
    rows_in: int
    relabelled: int
    seconds: float

    @property
    def flagged(self) -> int:
        """The number of rows (or of other things) that it flagged."""
        return self.outcome.findings.num_found if self.outcome.findings is not None else 0


def follows(done: Done, before: Any, step: ChainStep) -> bool:
    """Whether a result is that of this step, going on from there."""
    # A result is the same object or it is another result; the stamp of the start is compared.
    kept = done.before is before if isinstance(before, Done) else done.before == before
    return kept and same(done.signature, step.signature())


def _snapshot(value: Any) -> Any:
    """A value as it is now: containers and arrays copied, other objects themselves."""
    if isinstance(value, Mapping):
        return {key: _snapshot(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(map(_snapshot, value)) if type(value) in (tuple, list) else value
    return value.copy() if isinstance(value, np.ndarray) else value


def same(one: Any, other: Any) -> bool:
    """Whether two parameters are equal; arrays by content, other objects by identity."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if hasattr(one, "__array__"):
        return bool(np.array_equal(np.asarray(one), np.asarray(other)))
    try:
        return bool(one == other)
    except (TypeError, ValueError):
        return False


def free_name(issue: str, taken: Sequence[str]) -> str:
    """What a step is called beside others: the second of a kind is ``outlier#2``."""
    name, number = issue, 1
    while name in taken:
        number += 1
        name = f"{issue}#{number}"
    return name
