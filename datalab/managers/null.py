"""Missing values."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab._typing import BoolArray, FloatArray
from datalab.findings import Findings
from datalab.managers.base import Kind

__all__ = ["Null"]


@dataclass(frozen=True)
class Null:
    """Rows whose values are all missing, and how much is missing in each column.

    Looks at the given ``features``, or at the columns of the data set when no features are given.
    A row is flagged when all its values are missing; its score is the share of values present.

    Examples
    --------
    >>> import numpy as np
    >>> found = Null().find_issues(features=np.array([[1.0, 2.0], [np.nan, 1.0], [np.nan, np.nan]]))
    >>> found.is_issue.tolist(), found.score.tolist()
    ([False, False, True], [1.0, 0.5, 0.0])
    >>> found.info["column_impact"]
    [0.6666666666666666, 0.3333333333333333]
    """

    name: ClassVar[str] = "null"
    by_row: ClassVar[bool] = True
    any_of: ClassVar[tuple[str, ...]] = ("table", "features")
    description: ClassVar[str] = "Rows without any value, and columns with missing values."
    advice: ClassVar[str] = "Drop empty rows; fill or drop columns with many missing values."
    produces: ClassVar[dict[str, Kind]] = {}
    sees_missing: ClassVar[bool] = True
    extras: ClassVar[tuple[str, ...]] = ("column_names",)

    def find_issues(self, table: Any = None, features: FloatArray | None = None) -> Findings:
        """Find rows without any value."""
        if features is not None:
            missing, columns = np.isnan(features), None
        else:
            missing, columns = table.missing(), list(table.columns)
        share_missing = missing.mean(axis=1)
        score = 1.0 - share_missing
        info: dict[str, Any] = {
            "average_null_score": float(score.mean()),
            "most_common_issue": _most_common(missing),
            "column_impact": missing.mean(axis=0).tolist(),
        }
        if columns is not None:
            info["column_names"] = columns
        return Findings(self.name, is_issue=share_missing == 1.0, score=score, info=info)

    def explain(self, row: dict[str, Any]) -> str:
        """Why the row was flagged."""
        present = round(100 * row["score"])
        return "no value at all" if present == 0 else f"{present} % of its values are present"


def _most_common(missing: NDArray[np.bool_]) -> dict[str, Any]:
    """The most frequent pattern of missing columns: '010' = only the second one is missing."""
    affected: BoolArray = np.any(missing, axis=1)
    if not affected.any():
        return {"pattern": "no_null", "rows_affected": [], "count": 0}
    patterns, which, counts = np.unique(
        missing[affected], axis=0, return_inverse=True, return_counts=True
    )
    top = int(counts.argmax())
    return {
        "pattern": "".join("1" if value else "0" for value in patterns[top]),
        "rows_affected": np.flatnonzero(affected)[which.ravel() == top].tolist(),
        "count": int(counts[top]),
    }
