"""What is told: warnings that point at the caller, values as text, names that were meant."""

import difflib
import sys
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from datalab.exceptions import InputWarning

__all__ = [
    "caller",
    "did_you_mean",
    "in_words",
    "listing",
    "tell_stopped",
    "warn",
]


def warn(
    message: str,
    category: type[Warning] = InputWarning,
    place: Mapping[str, Any] | None = None,
) -> None:
    """Warn, pointing at the line outside this package that led here, or led to a `place`."""
    warnings.warn_explicit(message, category, **(place or caller()))


def caller() -> dict[str, Any]:
    """The line outside this package that led here, as `warnings.warn_explicit` takes it."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("datalab."):
        frame = frame.f_back
    return {
        "filename": frame.f_code.co_filename,
        "lineno": frame.f_lineno,
        "module": frame.f_globals.get("__name__", "<unknown>"),
        "registry": frame.f_globals.setdefault("__warningregistry__", {}),
    }


def listing(values: Iterable[Any], limit: int = 5) -> str:
    """The first few values as text, for messages."""
    values = list(values)
    shown = ", ".join(in_words(value) for value in values[:limit])
    return f"[{shown}{', …' if len(values) > limit else ''}]"


def in_words(value: Any) -> str:
    """A value as text: numbers of numpy like those of Python, and not too long."""
    return repr(value.item() if isinstance(value, np.generic) else value)[:60]


def tell_stopped(stop: BaseException, finished: Iterable[str], go_on: str) -> None:
    """Note on an interruption what was finished before it and stays, and how to go on."""
    done = ", ".join(finished)
    stop.add_note(f"datalab: {f'finished and kept: {done}' if done else 'nothing yet'}; {go_on}")


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """A closing sentence for "unknown name" messages: the closest name, or all of them."""
    options = [str(option) for option in options]
    close = difflib.get_close_matches(str(name), options, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}? Known: {', '.join(options)}"
    return f"known: {', '.join(options)}" if options else "there are none"
