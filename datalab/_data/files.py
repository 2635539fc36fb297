"""Files: read into a pandas DataFrame."""

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datalab._check import did_you_mean
from datalab.exceptions import UnsupportedData

__all__ = ["read_file"]

_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")


def read_file(path: str | os.PathLike[str]) -> Any:
    """The table in a .csv, .tsv, .json, .jsonl, .parquet or .txt file, plain or compressed.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    UnsupportedData
        No such file, a folder, an unknown ending, or content that cannot be read.
    """
    file = Path(path).expanduser()
    if file.is_dir():
        raise UnsupportedData(_told_of_folder(file))
    if not file.exists():
        raise UnsupportedData(_told_of_absence(os.fspath(path)))
    endings = [ending.lower() for ending in file.suffixes]
    if endings and endings[-1] in _PACKED:
        endings.pop()
    ending = endings[-1] if endings else ""
    if ending not in _READERS:
        raise UnsupportedData(
            f"`data` is the file {str(file)!r}, whose ending {ending!r} is not one that is read "
            f"({', '.join(_READERS)}, also with .gz); read it yourself and pass the DataFrame"
        )
    try:
        return _READERS[ending](file)
    except (ValueError, OSError, EOFError) as error:
        raise UnsupportedData(
            f"`data` is the file {str(file)!r}, which cannot be read as {ending}: {error}; read it "
            "yourself (for example with pandas.read_csv and its options) and pass the DataFrame"
        ) from error


def _told_of_absence(path: str) -> str:
    if "://" in path:
        return (
            f"`data` is the address {path!r}; download it first, or pass pandas.read_csv({path!r})"
        )
    told = f"`data` is {path!r}: file not found"
    folder = Path(path).expanduser().parent
    ending = Path(path).suffix.lower()
    if ending in _READERS or ending in _PACKED:
        near = [p.name for p in folder.iterdir() if p.is_file()] if folder.is_dir() else []
        close = did_you_mean(Path(path).name, near)
        hint = close.partition("?")[0] + "?" if close.startswith("did") else "check the path"
        return f"{told} (looked in {str(folder.resolve())!r}); {hint}"
    return (
        f"{told}; for a data set of the Hugging Face hub pass "
        f"datasets.load_dataset({path!r}, split=…)"
    )


def _told_of_folder(folder: Path) -> str:
    told = f"`data` is the folder {str(folder)!r}; "
    if (folder / "state.json").exists() or (folder / "dataset_dict.json").exists():
        return f"{told}pass datasets.load_from_disk({str(folder)!r})"
    return (
        f"{told}pass a file, or for a folder of images datasets.load_dataset('imagefolder', "
        f"data_dir={str(folder)!r}, split='train')"
    )


def _read_csv(file: Path) -> Any:
    import pandas as pd

    return pd.read_csv(file, low_memory=False)


def _read_tsv(file: Path) -> Any:
    import pandas as pd

    return pd.read_csv(file, sep="\t", low_memory=False)


def _read_json(file: Path) -> Any:
    import pandas as pd

    # Values stay as they are written: no guessing of dates, "007" is no number.
    try:
        return pd.read_json(file, dtype=False, convert_dates=False)
    except ValueError as error:
        if "Trailing data" not in str(error):
            raise
        return _read_jsonl(file)  # JSON lines are often named .json


def _read_jsonl(file: Path) -> Any:
    import pandas as pd

    return pd.read_json(file, lines=True, dtype=False, convert_dates=False)


def _read_parquet(file: Path) -> Any:
    import pandas as pd

    return pd.read_parquet(file)


def _read_text(file: Path) -> Any:
    import pandas as pd

    # One column and a separator that no text holds: the reader unpacks and keeps every line.
    return pd.read_csv(
        file,
        sep="\0",
        header=None,
        names=["text"],
        dtype=str,
        keep_default_na=False,
        quoting=csv.QUOTE_NONE,
        skip_blank_lines=False,
        engine="python",
    )


_READERS: dict[str, Callable[[Path], Any]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".parquet": _read_parquet,
    ".txt": _read_text,
}
