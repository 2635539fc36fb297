"""The models of a portfolio, fitted one after the other: with progress, and going on where it was.

How a model is fitted and how its predictions are put together is the business of those that call.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from datalab._typing import FloatArray

__all__ = ["SMALL", "Done", "Fitted", "Member", "fit_each"]

# Threads cost more than they bring on fewer rows, and much more where cores are busy.
SMALL = 3_000

# What models have said so far: setting and values, by the name of the model.
Done = dict[str, tuple[str, FloatArray]]


@dataclass(frozen=True)
class Member:
    """One model of a portfolio.

    Parameters
    ----------
    name : str
    X : View or matrix of N rows
    candidates : mapping of str to estimator
        The same model, differently regulated, by what tells them apart.
    """

    name: str
    X: Any
    candidates: dict[str, Any]


@dataclass(frozen=True)
class Fitted:
    """What a portfolio says, and how good each of its models is.

    Parameters
    ----------
    value : ndarray of shape (N, K), or (N,) for numbers
        Out-of-sample.
    members : list of dict
        Name, setting, weight and scores of each model.
    sampled : bool
        Whether the models were fitted on some of the rows only.
    """

    value: FloatArray
    members: list[dict[str, Any]] = field(default_factory=list)
    sampled: bool = False


def fit_each(
    members: Sequence[Member],
    fit: Callable[[Member, Callable[[], None]], tuple[str, FloatArray]],
    n_fits: Callable[[Member], int],
    *,
    n_rows: int,
    progress: bool,
    done: Done | None = None,
) -> tuple[list[FloatArray], list[dict[str, Any]]]:
    """Setting and out-of-sample values of each model.

    Parameters
    ----------
    members : sequence of Member
    fit : callable
        Called with a member and what to call after each fit; returns its setting and values.
    n_fits : callable
        How many fits a member takes.
    n_rows : int
        Few rows are fitted on one thread.
    progress : bool
        Whether a bar shows the fits and the time left.
    done : dict, optional
        What an interrupted call with the same arguments has got; it grows with each model, so that
        the next call goes on with the others.

    Returns
    -------
    values : list of ndarray
    told : list of dict
        Name and setting.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415
    from tqdm.auto import tqdm  # noqa: PLC0415

    done = {} if done is None else done
    left = [member for member in members if member.name not in done]
    total = sum(map(n_fits, left))
    with (
        warnings.catch_warnings(),
        threadpool_limits(1 if n_rows <= SMALL else None),
        tqdm(total=total, disable=not progress, delay=1, leave=False, unit="fit") as bar,
    ):
        # Slow convergence and rare classes are no news to the user.
        warnings.simplefilter("ignore")
        for member in left:
            bar.set_description(member.name, refresh=False)
            done[member.name] = fit(member, bar.update)
    told = [{"model": member.name, "setting": done[member.name][0]} for member in members]
    return [done[member.name][1] for member in members], told
