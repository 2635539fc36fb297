"""The corrections of a review, made again in another copy or version of the data."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from datalab._data.source import Source, open_source
from datalab.exceptions import NotFound
from datalab.narrowing import edited
from datalab.review.ledger import json_value
from datalab.review.naming import RowNames, alone, row_hashes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Correction", "Replay", "replay"]


class Replay(NamedTuple):
    """A corrected data set, and the decisions that did not fit it."""

    data: Any
    conflicts: "pd.DataFrame"


@dataclass(frozen=True, slots=True)
class Correction:
    """What shall change about one row, and how it is recognised."""

    row: Any
    hash: str
    verdict: str
    exclude: bool
    old: Any
    new: Any


def replay(wanted: Sequence[Correction], other: Any, label_name: str | None) -> Replay:
    """Make corrections in another data set; see `Review.apply`."""
    import pandas as pd

    source = open_source(other)
    if label_name is not None and label_name not in source.columns:
        raise NotFound(f"the other data has no label column {label_name!r}")
    given = None if label_name is None else source.column(label_name)
    new_labels: dict[int, Any] = {}
    gone: list[int] = []
    refused = []
    found = _found_again(wanted, source, label_name)
    for one, (place, unfit) in zip(wanted, found, strict=True):
        reason = unfit
        if not reason and not one.exclude and given is not None:
            there = alone(json_value(given[place]))
            if there not in (alone(one.old), alone(json_value(one.new))):
                reason = f"its label is {there!r}, not {one.old!r}"
        if reason:
            line = {"row": one.row, "verdict": one.verdict, "new": one.new, "reason": reason}
            refused.append(line)
        elif one.exclude:
            gone.append(place)
        else:
            new_labels[place] = one.new
    at = np.array(sorted(new_labels), dtype=np.intp)
    rows = np.setdiff1d(np.arange(source.n_rows), gone)
    data = edited(source, label_name, at, [new_labels[i] for i in at.tolist()], rows)
    return Replay(data, pd.DataFrame(refused, columns=["row", "verdict", "new", "reason"]))


def _found_again(
    wanted: Sequence[Correction], source: Source, label_name: str | None
) -> list[tuple[int, str]]:
    """Where each row stands in the other data, or why it cannot be found."""
    unique = source.index is not None and source.index.is_unique
    names = RowNames(source.index if unique else None, np.arange(source.n_rows))
    at = names.places([one.row for one in wanted])
    known, places = at[at >= 0], at.tolist()
    hashes = row_hashes(source, known, leave_out=label_name)
    content = dict(zip(known.tolist(), hashes, strict=True))
    same = [content.get(place) == one.hash for place, one in zip(places, wanted, strict=True)]
    if all(same):
        return [(place, "") for place in places]
    # Some have moved, changed or gone: look through everything.
    whole = row_hashes(source, np.arange(source.n_rows), leave_out=label_name)
    counts = Counter(whole)
    elsewhere = {key: place for place, key in enumerate(whole)}
    found = []
    for place, one, unchanged in zip(places, wanted, same, strict=True):
        if unchanged:
            found.append((place, ""))
        elif counts[one.hash] == 1:
            found.append((elsewhere[one.hash], ""))
        elif counts[one.hash] > 1:
            found.append((-1, f"{counts[one.hash]} rows have its content"))
        else:
            found.append((-1, "its content has changed" if place >= 0 else "there is no such row"))
    return found
