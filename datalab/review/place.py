"""Which file the decisions about a data set are kept in."""

from pathlib import Path
from typing import Any

import numpy as np

from datalab._data.digest import Digest
from datalab._data.source import Source
from datalab.exceptions import InputTypeError
from datalab.review.naming import row_hashes

__all__ = ["ledger_path"]

SUFFIX = ".datalab-review.jsonl"
FIRST_ROWS = 20


def ledger_path(ledger: Any, data: Any, source: Source, label_name: str | None) -> Path | None:
    """Where the decisions are kept, from what was given as ``ledger=``; None: in memory."""
    if ledger is False:
        return None
    if ledger is None or ledger is True:
        return _default(data, source, label_name).absolute()
    if isinstance(ledger, (str, Path)):
        return Path(ledger).absolute()
    raise InputTypeError(
        f"`ledger` must be a path, None (beside the notebook) or False (in memory), got "
        f"{type(ledger).__name__}"
    )


def _default(data: Any, source: Source, label_name: str | None) -> Path:
    """``<name>.datalab-review.jsonl`` in the working folder.

    The name is that of a file that was given, else one that tells data sets apart by their
    columns, size and first rows.
    """
    if isinstance(data, (str, Path)):
        return Path(Path(data).stem + SUFFIX)
    digest = Digest()
    digest.add([source.n_rows, *source.columns, label_name])
    first = np.arange(min(FIRST_ROWS, source.n_rows))
    digest.add_each(row_hashes(source, first, leave_out=label_name))
    return Path(f"data-{digest.hexdigest()[:8]}{SUFFIX}")
