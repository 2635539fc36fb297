import numpy as np
import pandas as pd
from PIL import Image

from datalab._data import content
from datalab._data.content import describing_columns, equal_rows
from datalab._data.source import open_source
from datalab._data.table import Table


def table(data) -> Table:
    source = open_source(data)
    return Table(source, source.columns)


def pairs(ids) -> set[tuple[int, int]]:
    return {(i, j) for i in range(len(ids)) for j in range(i) if ids[i] == ids[j] >= 0}


def test_rows_of_every_kind_of_column():
    data = table(
        {
            "number": [1.0, 1.0, -0.0, 0.0, np.nan, np.nan],
            "text": ["a", "a", "b", "b", None, None],
            "date": pd.to_datetime(["2024-01-01"] * 6).to_numpy(),
            "list": [[1, 2], [1, 2], [3], [3], None, None],
        }
    )
    assert pairs(equal_rows(data, data.columns)) == {(1, 0), (3, 2), (5, 4)}
    assert pairs(equal_rows(data, ["text"])) == {(1, 0), (3, 2)}  # rows without any value: none
    assert len(set(equal_rows(data, ["number", "text"])[:4].tolist())) == 2


def test_tuples_among_other_values():
    data = table({"mixed": [1, (1, 2), "a", None, (1, 2), 1, 2.5]})
    assert pairs(equal_rows(data, ["mixed"])) == {(4, 1), (5, 0)}


def test_the_order_of_columns_tells_rows_apart():
    data = table({"a": ["x", "y"], "b": ["y", "x"]})
    assert pairs(equal_rows(data, ["a", "b"])) == set()


def test_pictures_count_by_their_content(monkeypatch):
    monkeypatch.setattr(content, "FILE_BLOCK", 2)
    shades = [10, 20, 10, 30, 20]
    data = table({"image": [Image.new("L", (4, 4), shade) for shade in shades]})
    assert pairs(equal_rows(data, ["image"])) == {(2, 0), (4, 1)}
    assert pairs(equal_rows(data[np.array([0, 1, 4])], ["image"])) == {(2, 1)}


def test_columns_that_number_the_rows_are_left_out():
    frame = pd.DataFrame(
        {
            "id": [f"r{i}" for i in range(20)],
            "row": [*range(10), *range(10)],  # each part numbers its rows anew
            "age": [31, 32] * 10,
            "name": [f"n{i}" for i in range(20)],
        }
    )
    parts = [np.arange(10), np.arange(10, 20)]
    assert describing_columns(table(frame), parts) == ["age", "name"]
