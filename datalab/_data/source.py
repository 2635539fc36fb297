"""The user's table, whatever it came as.

`open_source` looks only at the class of what it is given: no dataframe library is imported to
find out, and one that the user does not use is never loaded.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from datalab._check import listing
from datalab._data.arrow import ArrowSource, DatasetSource, PolarsSource
from datalab._data.base import Source
from datalab._data.files import read_file
from datalab._data.frame import FrameSource
from datalab._data.mapping import MappingSource, RecordsSource
from datalab._data.splits import SplitsSource
from datalab.exceptions import UnsupportedData

__all__ = ["Source", "open_source"]

ACCEPTED = (
    "a pandas or polars DataFrame, a datasets.Dataset, a pyarrow.Table, a dictionary of columns, "
    "a list of dictionaries or the path of a .csv, .tsv, .json, .jsonl, .parquet or .txt file"
)

_ADAPTERS: dict[str, Callable[[Any], Source]] = {
    "pandas.DataFrame": FrameSource,
    "datasets.Dataset": DatasetSource,
    "polars.DataFrame": PolarsSource,
    "pyarrow.Table": ArrowSource,
    "pyarrow.RecordBatch": ArrowSource,
}
_REMEDIES = {
    "polars.LazyFrame": "call .collect() on it first",
    "polars.Series": "pass series.to_frame()",
    "pandas.Series": "pass series.to_frame()",
    "datasets.IterableDataset": "load it without streaming=True, or keep a part of it: "
    "datasets.Dataset.from_list(list(data.take(10_000)))",
    "datasets.IterableDatasetDict": "load it without streaming=True",
    "sklearn.Bunch": "pass bunch.frame (load it with as_frame=True), or columns such as "
    '{"image": bunch.images, "label": bunch.target}',
    "torch.DataLoader": 'collect it into columns, such as {"image": images, "label": labels}',
    "torch.Dataset": 'collect it into columns, such as {"image": images, "label": labels}',
    "tensorflow.DatasetV2": "collect it: list(data.as_numpy_iterator())",
    "dask.DataFrame": "call .compute() on it first",
    "dask_expr.DataFrame": "call .compute() on it first",
    "narwhals.DataFrame": "call .to_native() on it first",
    "narwhals.LazyFrame": "call .collect().to_native() on it first",
    "pyspark.DataFrame": "call .toPandas() on it first",
    "pyarrow.Array": 'name it: {"column": array}',
    "pyarrow.ChunkedArray": 'name it: {"column": array}',
}


def open_source(data: Any) -> Source:
    """Read a data set of any accepted kind.

    Parameters
    ----------
    data : DataFrame, Dataset, DatasetDict, Table, mapping, list of dict, str or Path
        A dictionary whose values are data sets is a dictionary of splits.

    Returns
    -------
    Source

    Raises
    ------
    UnsupportedData
        Not a data set that can be read, or one without rows; the message names the remedy.
    InputError
        Columns of unequal length.

    Examples
    --------
    >>> source = open_source({"text": ["good", "bad"], "stars": [5, 1]})
    >>> source.n_rows, source.columns
    (2, ('text', 'stars'))
    >>> source.take([1])
    [{'text': 'bad', 'stars': 1}]
    """
    source = _adapter(data)
    if source.n_rows == 0 or not source.columns:
        lacking = "columns" if source.n_rows else "rows"
        raise UnsupportedData(
            f"`data` ({type(data).__name__}) has no {lacking}; its columns are "
            f"{listing(source.columns)}; give at least one example"
        )
    return source


def _adapter(data: Any) -> Source:
    lineage = _lineage(data)
    for name in lineage:
        if name in _ADAPTERS:
            return _ADAPTERS[name](data)
        if name in _REMEDIES:
            raise UnsupportedData(f"`data` is a {name}, which is no table; {_REMEDIES[name]}")
    if isinstance(data, (str, os.PathLike)):
        return FrameSource(read_file(data))
    if isinstance(data, Mapping):
        return _mapping(data)
    if isinstance(data, (list, tuple)) and all(isinstance(row, Mapping) for row in data[:1]):
        return RecordsSource(data)
    raise UnsupportedData(f"`data` is {_described(data)}; {_remedy(data)}")


def _lineage(data: Any) -> list[str]:
    """The classes of an object as "library.Class", most special first."""
    return [f"{t.__module__.partition('.')[0]}.{t.__name__}" for t in type(data).__mro__]


def _is_table(value: Any) -> bool:
    return any(name in _ADAPTERS for name in _lineage(value))


def _mapping(data: Mapping[Any, Any]) -> Source:
    """A dictionary of splits when its values are tables, else a dictionary of columns."""
    tables = [key for key, value in data.items() if _is_table(value)]
    if not tables:
        return MappingSource(data)
    if len(tables) < len(data):
        others = [key for key in data if key not in tables]
        raise UnsupportedData(
            f"`data` is a dictionary in which {listing(tables)} are tables and {listing(others)} "
            "are not; give either splits (all tables) or columns (no tables)"
        )
    return SplitsSource(data, {str(key): _adapter(value) for key, value in data.items()})


def _described(data: Any) -> str:
    if isinstance(data, np.ndarray):
        return f"a numpy array of shape {data.shape} and dtype {data.dtype}"
    if isinstance(data, (list, tuple)) and len(data):
        return f"a {type(data).__name__} of {type(data[0]).__name__}"
    return f"{type(data).__name__} {listing([data])}"


def _remedy(data: Any) -> str:
    if isinstance(data, np.ndarray) and data.dtype.names:
        return "pass pandas.DataFrame(array)"
    if isinstance(data, np.ndarray):
        return (
            'name it as a column, such as {"x": array, "label": labels}, or give the labels as '
            '{"label": labels} here and the array as features= to find_issues'
        )
    if isinstance(data, (list, tuple)) and len(data):
        if isinstance(data[0], str):
            return 'name it as a column, such as {"text": texts, "label": labels}'
        return 'name the columns, such as {"x": x, "label": labels}'
    if hasattr(data, "__next__"):
        return "collect it with list(…): one dictionary per example"
    return f"accepted are {ACCEPTED}"
