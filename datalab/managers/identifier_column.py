"""Columns that number the rows instead of describing them."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from datalab._data.columns import looks_like_identifier
from datalab._data.content import without_copies
from datalab._data.table import Table
from datalab._data.values import as_floats
from datalab._typing import FloatArray
from datalab.findings import Findings
from datalab.managers.base import Kind

__all__ = ["IdentifierColumn"]


@dataclass(frozen=True)
class IdentifierColumn:
    """Columns that number the rows: a model that sees them can learn the order of the rows.

    Looks at the given ``features``, or at the columns of the data set when no features are given.
    A finding about the data set as a whole: no row has it, the summary is 0 or 1. Columns are told
    by name, those of features by position.

    Parameters
    ----------
    count_copies : bool, optional
        Whether rows of a table that are exact copies count each, so that one of them keeps a
        column from being an identifier. By default they count once; under ``rules="reference"``
        each counts.

    Examples
    --------
    >>> import numpy as np
    >>> features = np.column_stack([np.arange(20.0), np.sin(np.arange(20))])
    >>> found = IdentifierColumn().find_issues(features=features)
    >>> found.flagged, found.summary, found.info["identifier_columns"]
    (True, 0.0, [0])
    """

    count_copies: bool | None = None

    name: ClassVar[str] = "identifier_column"
    reference: ClassVar[dict[str, Any]] = {"count_copies": True}
    beyond_reference: ClassVar[bool] = True
    any_of: ClassVar[tuple[str, ...]] = ("table", "features")
    description: ClassVar[str] = "Columns that number the rows instead of describing them."
    advice: ClassVar[str] = "Leave them out of what a model is trained on."
    produces: ClassVar[dict[str, Kind]] = {}
    sees_missing: ClassVar[bool] = True

    def find_issues(
        self, table: Table | None = None, features: FloatArray | None = None
    ) -> Findings:
        """Find columns of whole numbers that never repeat and are in order, or named so."""
        found: list[Any] = []
        if features is not None:
            found = [at for at, column in enumerate(features.T) if _numbers_rows("", column)]
        elif table is not None:
            found = [
                name
                for name in table.columns
                if table.source.kind(name) == "number"
                and _numbers_rows(name, self._judged(table, name))
            ]
        return Findings(
            self.name,
            is_issue=np.empty(0, dtype=bool),
            score=np.empty(0),
            rows=np.empty(0, dtype=np.intp),
            flagged=bool(found),
            summary=0.0 if found else 1.0,
            info={"identifier_columns": found, "num_identifier_columns": len(found)},
        )

    def _judged(self, table: Table, name: str) -> FloatArray | None:
        values = as_floats(table.column(name))
        if values is None or self.count_copies:
            return values
        return values[without_copies(table, values)]


def _numbers_rows(name: str, values: FloatArray | None) -> bool:
    if values is None:  # numbers and other things mixed
        return False
    present = values[~np.isnan(values)]
    return len(present) > 1 and looks_like_identifier(name, present.astype(np.float64))
