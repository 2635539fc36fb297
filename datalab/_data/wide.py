"""A wide table of class codes, one column per annotator, as a list of answers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datalab._check import as_array, listing
from datalab._typing import IndexArray
from datalab.exceptions import InputError, InputTypeError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WideTable", "read_gold", "read_wide", "refuse_nothing_to_compare"]

MISSING = -1  # as labelling functions abstain, and in arrays of integers


@dataclass(frozen=True, slots=True)
class WideTable:
    """A wide table, read once: its answers, and the rows and columns they came from."""

    item: IndexArray
    annotator: IndexArray
    label: NDArray[np.int64]
    per_item: IndexArray
    shape: tuple[int, int]
    index: "pd.Index[Any] | None"
    columns: "pd.Index[Any] | None"

    def name(self, annotator: int) -> Any:
        return annotator if self.columns is None else self.columns[annotator]


def read_wide(labels_multiannotator: Any, *, gaps: bool = False) -> WideTable:
    """Read the table; -1 is missing, as labelling functions abstain.

    Parameters
    ----------
    labels_multiannotator : DataFrame or array-like of shape (N, A)
    gaps : bool
        Whether there may be rows without any label, and annotators who gave none.
    """
    values = _numbers(labels_multiannotator)
    # Memory is read in its own order: by rows, or by columns as most frames are laid out.
    by_column = values.flags.f_contiguous and not values.flags.c_contiguous
    memory = np.ascontiguousarray(values.T if by_column else values)
    cells = memory.reshape(-1)
    at = np.flatnonzero(~np.isnan(cells) & (cells != MISSING))
    outer, inner = np.divmod(at, memory.shape[1])
    item, annotator = (inner, outer) if by_column else (outer, inner)
    is_frame = hasattr(labels_multiannotator, "columns")
    per_item = np.bincount(item, minlength=values.shape[0])
    with np.errstate(invalid="ignore"):  # what is no integer is refused below
        label = cells[at].astype(np.int64)
    table = WideTable(
        item,
        annotator,
        label,
        per_item,
        values.shape,
        getattr(labels_multiannotator, "index", None) if is_frame else None,
        labels_multiannotator.columns if is_frame else None,
    )
    _refuse_no_codes(table, cells[at])
    if not gaps or not len(at):
        _refuse_nobody(table)
    return table


def read_gold(gold: Any, n_rows: int) -> IndexArray:
    """True labels of some rows as class codes, -1 where they are not known."""
    array = np.asarray(gold, dtype=object)
    if array.shape != (n_rows,):
        raise InputError(
            f"`gold` has shape {array.shape} but `labels_multiannotator` has {n_rows} rows; give "
            "one label per example, NaN where the truth is not known"
        )
    values = _numbers(array[:, None], name="gold")[:, 0]
    codes = np.where(np.isnan(values), MISSING, values)
    with np.errstate(invalid="ignore"):
        whole = codes.astype(np.int64)
    wrong = np.flatnonzero((whole != codes) | (whole < MISSING))
    if wrong.size:
        raise InputError(
            f"`gold` must hold class codes 0..K-1 (NaN where not known), got {codes[wrong[0]]:g} "
            f"in row {wrong[0]}"
        )
    return whole


def _numbers(labels_multiannotator: Any, name: str = "labels_multiannotator") -> NDArray[Any]:
    """The table as numbers, NaN where missing; floats and integers are not copied."""
    try:
        values = as_array(labels_multiannotator, name=name)
    except InputTypeError as error:  # the contract asks for a ValueError
        raise InputError(str(error)) from error
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(
            f"`{name}` must be two-dimensional, one row per example and one column "
            f"per annotator, got shape {values.shape}"
        )
    if values.dtype.kind in "iuf":
        return values
    import pandas as pd

    missing = pd.isna(values)
    known = values[~missing]
    if values.dtype.kind not in "Ob" or any(isinstance(value, (str, bytes)) for value in known):
        raise InputError(
            f"`{name}` must hold class codes 0..K-1, got "
            f"{listing(dict.fromkeys(known.tolist()))}; encode labels first, or pass them to "
            "Datalab(data, annotations=…), which encodes them"
        )
    numbers = np.full(values.shape, np.nan)
    try:
        numbers[~missing] = known.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"`{name}` must hold numbers: {error}") from error
    return numbers


def _refuse_no_codes(table: WideTable, given: NDArray[Any]) -> None:
    wrong = np.flatnonzero((table.label != given) | (table.label < 0))
    if wrong.size:
        at = int(wrong[0])
        who = table.name(int(table.annotator[at]))
        raise InputError(
            "`labels_multiannotator` must hold class codes 0..K-1 (NaN where missing), got "
            f"{given[at]:g} in row {table.item[at]} by annotator {who!r}"
        )


def _refuse_nobody(table: WideTable) -> None:
    silent = np.flatnonzero(table.per_item == 0)
    if silent.size:
        raise InputError(
            f"`labels_multiannotator` has no label at all in {silent.size} rows: "
            f"{listing(silent.tolist())}; leave these examples out, or take "
            "quality_method='dawid_skene', which says nothing about them without `pred_probs`"
        )
    idle = np.flatnonzero(np.bincount(table.annotator, minlength=table.shape[1]) == 0)
    if idle.size:
        raise InputError(
            f"`labels_multiannotator` has annotators without any label: "
            f"{listing(table.name(int(at)) for at in idle)}; leave these columns out"
        )


def refuse_nothing_to_compare(table: WideTable) -> None:
    """What the agreement of annotators rests on: two of them, and an example that they share."""
    remedy = "for one label per example use datalab.rank.get_label_quality_scores"
    if table.shape[1] < 2:
        raise InputError(f"`labels_multiannotator` has a single column; {remedy}")
    if table.per_item.max() < 2:
        raise InputError(f"`labels_multiannotator` has one label on every example; {remedy}")
