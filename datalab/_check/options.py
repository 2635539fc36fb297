"""Options: choices, numbers in a range, keyword arguments."""

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from datalab._check.messages import did_you_mean, in_words
from datalab.exceptions import InputError, InputTypeError, OptionError

__all__ = [
    "choice",
    "finite_number",
    "jobs",
    "keywords",
    "random_stream",
    "seed",
    "unit_number",
    "whole_number",
]


def choice(
    value: Any,
    options: Iterable[str],
    *,
    name: str,
    error: type[InputError] = InputError,
) -> str:
    """Return `value` if it is one of `options`; otherwise raise `error` and suggest one."""
    options = list(options)
    if not isinstance(value, str) or value not in options:
        raise error(f"`{name}` is {in_words(value)}; {did_you_mean(str(value), options)}")
    return value


def keywords(
    options: Mapping[str, Any] | None, known: Iterable[str], *, name: str
) -> dict[str, Any]:
    """A mapping of keyword arguments as a new dict; None is empty.

    Raises
    ------
    InputTypeError
        Not a mapping, or a keyword that is not known.
    """
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise InputTypeError(f"`{name}` must be a dict, got {type(options).__name__}")
    for option in options:
        if option not in known:
            raise InputTypeError(f"`{name}` has {option!r}; {did_you_mean(str(option), known)}")
    return dict(options)


def whole_number(value: Any, *, name: str, least: int) -> int:
    """An integer (Python's or numpy's) of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"`{name}` must be an integer >= {least}, got {in_words(value)}")
    return int(value)


def unit_number(value: Any, *, name: str) -> float:
    """A number in [0, 1], such as a threshold."""
    if not isinstance(value, Real) or not 0.0 <= float(value) <= 1.0:
        raise InputError(f"`{name}` must be a number in [0, 1], got {in_words(value)}")
    return float(value)


def finite_number(value: Any, *, name: str) -> float:
    """A number that is neither infinite nor NaN."""
    if not isinstance(value, Real) or not np.isfinite(float(value)):
        raise InputError(f"`{name}` must be a finite number, got {in_words(value)}")
    return float(value)


def jobs(n_jobs: Any) -> None:
    """Raise OptionError unless `n_jobs` is None or at least 1; results never depend on it."""
    if n_jobs is not None and not (isinstance(n_jobs, Real) and float(n_jobs) >= 1):
        raise OptionError(
            f"`n_jobs` is {in_words(n_jobs)}; give a number >= 1, or None for all cores"
        )


def seed(value: Any, *, name: str = "random_state") -> int:
    """A seed that every generator takes: an integer from 0 to 2**32 - 1."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if whole and 0 <= value < 2**32:
        return int(value)
    draw = {np.random.Generator: "integers(2**32)", np.random.RandomState: "randint(2**31)"}
    way = next((way for kind, way in draw.items() if isinstance(value, kind)), None)
    told = f"; what is drawn from it can be repeated: int(rng.{way})" if way else ""
    raise InputError(
        f"`{name}` must be an integer from 0 to 2**32 - 1, got {in_words(value)}{told}"
    )


def random_stream(random_state: Any) -> np.random.RandomState | np.random.Generator:
    """Where to draw from: numpy's global stream for None, a new one for a seed.

    Raises
    ------
    InputTypeError
        Not None, an integer, a ``RandomState`` or a ``Generator``.
    """
    if random_state is None:
        stream: np.random.RandomState = np.random.mtrand._rand  # callers of None seed np.random
        return stream
    if isinstance(random_state, (np.random.RandomState, np.random.Generator)):
        return random_state
    if isinstance(random_state, (int, np.integer)):
        return np.random.RandomState(seed(random_state))
    raise InputTypeError(
        "`random_state` must be None, an integer, a RandomState or a Generator, got "
        f"{type(random_state).__name__}"
    )
