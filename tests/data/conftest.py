"""The same table in every container that can be read."""

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

N = 40


def table() -> dict[str, list[Any]]:
    rng = np.random.default_rng(0)
    return {
        "text": [f"this is the text of row number {i}" for i in range(N)],
        "animal": [["dog", "cat", None][i % 3] for i in range(N)],
        "size": rng.normal(size=N).tolist(),
        "grade": [None if i % 7 == 0 else i % 5 for i in range(N)],
        "fluffy": [bool(i % 2) for i in range(N)],
        "born": [dt.datetime(2020, 1, 1, 12) + dt.timedelta(days=i) for i in range(N)],  # noqa: DTZ001
        "embedding": [[1.0, 2.0, float(i)] for i in range(N)],
        "tags": [["wild", "tame"][: i % 3] for i in range(N)],
    }


def frame(data: dict[str, list[Any]]) -> pd.DataFrame:
    return pd.DataFrame(data).assign(grade=pd.array(data["grade"], dtype="Int64"))


def arrow_backed(data: dict[str, list[Any]]) -> pd.DataFrame:
    lists = {name: data[name] for name in ("embedding", "tags")}
    flat = pd.DataFrame({name: data[name] for name in data if name not in lists})
    return flat.convert_dtypes(dtype_backend="pyarrow").assign(**lists)


def records(data: dict[str, list[Any]]) -> list[dict[str, Any]]:
    rows = [{name: values[i] for name, values in data.items()} for i in range(N)]
    for row in rows:
        if row["grade"] is None:
            del row["grade"]  # a key that is not there is a missing value
    return [dict.fromkeys(data) | rows[0], *rows[1:]]


CONTAINERS: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "pandas": frame,
    "pandas-plain": pd.DataFrame,
    "pandas-arrow": arrow_backed,
    "mapping": dict,
    "mapping-of-arrays": lambda data: {
        name: values if name == "tags" else np.array(values) for name, values in data.items()
    },
    "records": records,
    "arrow": pa.table,
    "batch": pa.RecordBatch.from_pydict,
    "polars": lambda data: pl.DataFrame(data, strict=False),
    "dataset": datasets.Dataset.from_dict,
    "dataset-torn": lambda data: datasets.Dataset.from_dict(
        {name: values[::-1] for name, values in data.items()}
    ).select(range(N - 1, -1, -1)),
    "dataset-formatted": lambda data: datasets.Dataset.from_dict(data).with_format("numpy"),
}


@pytest.fixture
def plain() -> dict[str, list[Any]]:
    return table()


@pytest.fixture(params=CONTAINERS)
def container(request: pytest.FixtureRequest) -> Any:
    return CONTAINERS[request.param](table())


@pytest.fixture
def png() -> Callable[..., bytes]:
    def encode(shade: int = 100, size: tuple[int, int] = (6, 4)) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", size, (shade, 0, 255 - shade)).save(buffer, format="PNG")
        return buffer.getvalue()

    return encode


def snapshot(data: Any) -> Any:
    """The whole content of a container, to compare with later."""
    if isinstance(data, pd.DataFrame):
        return data.to_dict("split") | {"dtypes": list(map(str, data.dtypes))}
    if isinstance(data, datasets.Dataset):
        return data._fingerprint, data.format, data.with_format("arrow")[:].to_pydict()
    if isinstance(data, (pa.Table, pa.RecordBatch)):
        return data.to_pydict()
    if isinstance(data, pl.DataFrame):
        return data.to_dict(as_series=False)
    if isinstance(data, list):
        return [dict(row) for row in data]
    return {name: np.asarray(v, dtype=object).tolist() for name, v in data.items()}


@pytest.fixture
def content() -> Callable[[Any], str]:
    return lambda data: repr(snapshot(data))
