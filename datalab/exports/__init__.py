"""Findings as files and frames."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datalab._check import did_you_mean
from datalab._optional import require
from datalab.exceptions import InputError, NotFound
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
    path = Path(target)
    if path.suffix == ".html":
        from datalab.views.static import page_html

        path.write_text(page_html(lab, title=path.stem), encoding="utf-8")
        return path
    if path.suffix not in _WRITERS:
        raise InputError(
            f"cannot export to {str(target)!r}: "
            f"{did_you_mean(path.suffix, ['frame', '.html', *_WRITERS])}"
        )
    _WRITERS[path.suffix](findings_frame(lab), path)
    return path


def _write_csv(frame: "pd.DataFrame", path: Path) -> None:
    frame.to_csv(path, index=_has_index(frame))


def _write_parquet(frame: "pd.DataFrame", path: Path) -> None:
    # Parquet holds one kind per column; cells of mixed kinds are written as text.
    for name in frame.columns:
        if frame[name].dtype.kind != "O" or frame[name].dtype.name == "str":
            continue
        kinds = {type(v) for v in frame[name] if v is not None}
        if len(kinds) > 1:
            frame[name] = [None if v is None else str(v) for v in frame[name]]
    frame.to_parquet(path)


def _write_excel(frame: "pd.DataFrame", path: Path) -> None:
    require("openpyxl", extra="excel", purpose="Writing .xlsx")
    frame.to_excel(path, index=_has_index(frame))


def _has_index(frame: "pd.DataFrame") -> bool:
    """Whether the index says more than the position of the row."""
    return not frame.index.equals(type(frame.index)(range(len(frame))))


_WRITERS: dict[str, Callable[["pd.DataFrame", Path], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".xlsx": _write_excel,
}
