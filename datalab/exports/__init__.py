"""Findings as files and frames."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datalab._check import did_you_mean
from datalab._optional import require
from datalab.exceptions import InputError, InputTypeError, NotFound
from datalab.exports.frame import findings_frame

if TYPE_CHECKING:
    import pandas as pd

    from datalab.lab import Datalab

__all__ = ["export", "findings_frame"]


def export(lab: "Datalab", target: Any) -> Any:
    """Write the findings of a lab to a file, or return them as a table; see `Datalab.export`."""
    if not lab.outcomes:
        raise NotFound("nothing has been audited: call find_issues() before export()")
    if target == "frame":
        return findings_frame(lab)
    if not isinstance(target, (str, os.PathLike)):
        raise InputTypeError(f"`target` must be a path or 'frame', got {type(target).__name__}")
    path = Path(target)
    suffix = path.suffix.lower()
    refused = f"cannot export to {str(target)!r}: "
    if suffix not in _WRITERS:
        raise InputError(refused + did_you_mean(path.suffix, ["frame", *_WRITERS]))
    if not path.parent.is_dir():
        raise InputError(f"{refused}the folder {str(path.parent)!r} does not exist; make it first")
    if path.is_dir():
        raise InputError(f"{refused}it is a folder; name a file")
    _WRITERS[suffix](lab, path)
    return path


def _write_html(lab: "Datalab", path: Path) -> None:
    from datalab.views.static import page_html

    path.write_text(page_html(lab, title=path.stem), encoding="utf-8")


def _write_csv(lab: "Datalab", path: Path) -> None:
    frame = findings_frame(lab)
    frame.to_csv(path, index=_has_index(frame))


def _write_parquet(lab: "Datalab", path: Path) -> None:
    frame = findings_frame(lab)
    # Parquet holds one kind per column; cells of mixed or unknown kinds are written as text.
    for name in frame.columns[[kind.kind == "O" for kind in frame.dtypes]]:
        kinds = {type(value) for value in frame[name] if value is not None}
        if len(kinds) > 1 or not kinds <= {str, bool, int, float, np.ndarray}:
            frame[name] = _as_text(frame[name])
    frame.to_parquet(path)


def _write_excel(lab: "Datalab", path: Path) -> None:
    """The findings by row, and on a second sheet how every check ended."""
    require("openpyxl", extra="excel", purpose="Writing .xlsx")
    import pandas as pd

    frame = findings_frame(lab)
    with pd.ExcelWriter(path, engine="openpyxl") as writer:
        _as_cells(frame).to_excel(writer, sheet_name="rows", index=_has_index(frame))
        checks = lab.outcomes.frame().drop(columns="seconds")
        _as_cells(checks).to_excel(writer, sheet_name="checks", index=False)
        # Text that begins with "=" is text, not a formula that somebody else wrote.
        for sheet in writer.book.worksheets:
            for cell in (cell for row in sheet.iter_rows() for cell in row):
                if cell.data_type == "f":
                    cell.data_type = "s"


def _as_cells(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The same with texts as Excel holds them."""
    for name in frame.columns[[kind.kind == "O" for kind in frame.dtypes]]:
        # What Excel cannot hold is shown as a space: control characters.
        frame[name] = [
            value if value is None else "".join(c if c.isprintable() else " " for c in value)
            for value in _as_text(frame[name])
        ]
    return frame


def _as_text(values: "pd.Series[Any]") -> list[str | None]:
    return [None if value is None else str(value) for value in values]


def _has_index(frame: "pd.DataFrame") -> bool:
    """Whether the index says more than the position of the row."""
    import pandas as pd

    index = frame.index
    return not isinstance(index, pd.RangeIndex) or index.start != 0 or index.name is not None


_WRITERS: dict[str, Callable[["Datalab", Path], None]] = {
    ".html": _write_html,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".xlsx": _write_excel,
}
