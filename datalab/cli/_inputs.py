"""What a command reads: the data set, and arrays that belong to it."""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from datalab._data.files import read_file
from datalab._data.source import open_source
from datalab.exceptions import InputError, UnsupportedData

__all__ = ["read_array", "read_table"]


def read_table(path: Path, image: str | None) -> Any:
    """The data set; paths of images that are relative start in its folder."""
    table = read_file(path)
    if image is not None:
        open_source(table).check(image)
        folder = path.expanduser().resolve().parent
        table[image] = table[image].map(lambda value: _located(value, folder))
    return table


def _located(value: Any, folder: Path) -> Any:
    """The path of an image seen from here; relative to here only where there is none beside."""
    if not isinstance(value, str) or "://" in value or os.path.isabs(value):
        return value
    beside = folder / value
    return value if os.path.exists(value) and not beside.exists() else str(beside)


def read_array(path: Path | None, option: str) -> Any:
    """The array in a .npy or .npz file, or a table with named columns.

    Pickled objects are never loaded.
    """
    if path is None:
        return None
    if not path.is_file():
        raise InputError(f"{option} is {str(path)!r}: file not found")
    if path.suffix in (".npy", ".npz"):
        return _read_numpy(path, option)
    try:
        table = read_file(path)
    except UnsupportedData as error:
        raise InputError(str(error).replace("`data`", option)) from error
    # The row numbers that DataFrame.to_csv writes by default are no values.
    return table.drop(columns="Unnamed: 0") if "Unnamed: 0" in table.columns[:1] else table


def _read_numpy(path: Path, option: str) -> Any:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            if len(loaded.files) == 1:
                return loaded[loaded.files[0]]
            names = ", ".join(loaded.files)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{option} is {str(path)!r}, which holds no plain array of numbers ({error}); write it "
            "with numpy.save(path, array)"
        ) from error
    raise InputError(
        f"{option} is {str(path)!r}, which must hold one array, but it holds {names or 'none'}"
    )
