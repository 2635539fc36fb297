"""Files: read into a pandas DataFrame."""

import bz2
import gzip
import json
import lzma
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from datalab._check import did_you_mean
from datalab.exceptions import UnsupportedData

__all__ = ["read_file"]


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
    if os.path.isdir(file):
        raise UnsupportedData(_told_of_folder(file))
    if not os.path.exists(file):
        raise UnsupportedData(_told_of_absence(os.fspath(path)))
    endings = [ending.lower() for ending in file.suffixes]
    if endings and endings[-1] in _OPENERS:
        endings.pop()
    ending = endings[-1] if endings else ""
    if ending not in _READERS:
        raise UnsupportedData(
            f"`data` is the file {str(file)!r}, whose ending {ending!r} is not one that is read "
            f"({', '.join(_READERS)}, also with .gz); read it yourself and pass the DataFrame"
        )
    try:
        return _READERS[ending](file)
    except (ValueError, OSError, EOFError, lzma.LZMAError) as error:
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
    if ending in _READERS or ending in _OPENERS:
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

    with _open_text(file) as handle:
        names = handle.readline()
    if "," not in names and ";" in names:
        # Where the comma is the decimal mark, as in most of Europe, spreadsheets write semicolons.
        return pd.read_csv(file, low_memory=False, sep=";", decimal=",")
    if "," not in names and "\t" in names:
        return _read_tsv(file)
    return pd.read_csv(file, low_memory=False)


def _read_tsv(file: Path) -> Any:
    import pandas as pd

    return pd.read_csv(file, sep="\t", low_memory=False)


def _read_json(file: Path) -> Any:
    import pandas as pd

    # Not pandas.read_json: values stay as they are written, "007" is no number.
    with _open_text(file) as handle:
        try:
            return pd.DataFrame(json.load(handle))
        except json.JSONDecodeError as error:
            if not error.msg.startswith("Extra data"):
                raise
    return _read_jsonl(file)  # JSON lines are often named .json


def _read_jsonl(file: Path) -> Any:
    import pandas as pd

    with _open_text(file) as handle:
        return pd.DataFrame([json.loads(line) for line in handle if line.strip()])


def _read_parquet(file: Path) -> Any:
    import pandas as pd

    return pd.read_parquet(file)


def _read_text(file: Path) -> Any:
    import pandas as pd

    with _open_text(file) as handle:
        return pd.DataFrame({"text": [line.removesuffix("\n") for line in handle]}, dtype=object)


def _open_text(file: Path) -> IO[str]:
    opener = _OPENERS.get(file.suffix.lower(), open)
    handle: IO[str] = opener(file, "rt", encoding="utf-8-sig")
    return handle


_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_READERS: dict[str, Callable[[Path], Any]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".parquet": _read_parquet,
    ".txt": _read_text,
}
