"""What one manager found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import BoolArray, FloatArray, IndexArray
from datalab.exceptions import InputError

__all__ = ["Findings"]


@dataclass(frozen=True, slots=True)
class Findings:
    """What one manager found: per row a flag, a score and any further columns.

    Parameters
    ----------
    name : str
        The issue type, for example ``"label"``.
    is_issue : array-like of bool, shape (m,)
        Whether the row has the issue.
    score : array-like of float, shape (m,)
        Quality in [0, 1]; low means severe.
    columns : mapping of str to array-like of shape (m,)
        Further values per row (``predicted_label``, ``nearest_neighbor``, …).
    summary : float, optional
        One number in [0, 1] for the data set; the mean score by default.
    info : mapping
        Anything else worth knowing: arrays, tables, numbers. No live objects.
    rows : array-like of int, shape (m,), optional
        Positions in the data set that were looked at; None means all of them, in order.
    flagged : bool, optional
        Whether the data set as a whole has the issue, for findings that no single row has
        (``rows=[]``); by default, whether any row is flagged.

    Raises
    ------
    InputError
        Lengths differ, a score is not in [0, 1], or positions repeat or are negative.

    Examples
    --------
    >>> import numpy as np
    >>> found = Findings("short_text", is_issue=[True, False], score=[0.2, 1.0])
    >>> found.num_issues, found.summary
    (1, 0.6)
    """

    name: str
    is_issue: BoolArray
    score: FloatArray
    columns: Mapping[str, Any] = field(default_factory=dict)
    summary: float | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    rows: IndexArray | None = None
    flagged: bool | None = None

    def __post_init__(self) -> None:
        flags = _vector(self.is_issue, f"{self.name}: is_issue")
        score = _vector(self.score, f"{self.name}: score")
        if flags.size == 0:
            flags = flags.astype(bool)
        if flags.dtype != np.bool_:
            raise InputError(f"{self.name}: `is_issue` must be bool, got {flags.dtype}")
        if score.dtype.kind != "f":
            score = score.astype(np.float64)
        if score.shape != flags.shape:
            raise InputError(
                f"{self.name}: `score` has {len(score)} values but `is_issue` has {len(flags)}"
            )
        if score.size and not (float(score.min()) >= 0.0 and float(score.max()) <= 1.0):
            raise InputError(
                f"{self.name}: `score` must lie in [0, 1] (low = severe), got values from "
                f"{score.min()} to {score.max()}"
            )
        rows = self.rows
        if rows is not None:
            rows = _vector(rows, f"{self.name}: rows").astype(np.intp)
            if rows.shape != flags.shape:
                raise InputError(
                    f"{self.name}: `rows` has {len(rows)} positions but `is_issue` has {len(flags)}"
                )
            if rows.size and (rows.min() < 0 or len(np.unique(rows)) < len(rows)):
                raise InputError(f"{self.name}: `rows` must be distinct positions >= 0")
        for column, values in self.columns.items():
            if len(values) != len(flags):
                raise InputError(
                    f"{self.name}: column {column!r} has {len(values)} values but there are "
                    f"{len(flags)} rows"
                )
        summary = self.summary
        if summary is None:
            summary = float(score.mean(dtype=np.float64)) if score.size else 1.0
        if not 0.0 <= summary <= 1.0:
            raise InputError(f"{self.name}: `summary` must lie in [0, 1], got {summary}")
        set_ = object.__setattr__
        set_(self, "is_issue", _locked(flags))
        set_(self, "score", _locked(score))
        set_(self, "columns", {name: _locked(values) for name, values in self.columns.items()})
        set_(self, "info", dict(self.info))
        set_(self, "rows", rows)
        set_(self, "summary", float(summary))
        set_(self, "flagged", bool(flags.any()) if self.flagged is None else bool(self.flagged))

    @property
    def num_issues(self) -> int:
        """Number of flagged rows."""
        return int(np.count_nonzero(self.is_issue))

    @property
    def num_found(self) -> int:
        """Number of flagged rows; 1 when not a row but the data set as a whole is flagged."""
        return self.num_issues or int(bool(self.flagged))

    @property
    def about_dataset(self) -> bool:
        """Whether the finding is about the data set as a whole: it looks at no single row."""
        return len(self.is_issue) == 0

    def positions(self) -> IndexArray:
        """Positions in the data set of the rows that were looked at."""
        return np.arange(len(self.is_issue)) if self.rows is None else self.rows


def _locked(values: Any) -> Any:
    """An array that cannot be changed through these findings; other values as they are."""
    if not isinstance(values, np.ndarray):
        return values
    view = values.view()
    view.flags.writeable = False
    return view


def _vector(values: Any, what: str) -> NDArray[Any]:
    array: NDArray[Any] = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"{what} must be one-dimensional, got shape {array.shape}")
    return array
