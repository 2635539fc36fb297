"""A wide table of codes, read once."""

import numpy as np
import pandas as pd
import pytest

from datalab._data.wide import read_wide, refuse_nothing_to_compare
from datalab.exceptions import InputError

WIDE = np.array([[0, np.nan, 1], [2, 2, np.nan]])


def entries(table: object) -> set[tuple[int, int, int]]:
    return set(zip(table.item, table.annotator, table.label, strict=True))


EXPECTED = {(0, 0, 0), (0, 2, 1), (1, 0, 2), (1, 1, 2)}


@pytest.mark.parametrize(
    "labels",
    [WIDE, np.asfortranarray(WIDE), WIDE[:, ::-1][:, ::-1], pd.DataFrame(WIDE), WIDE.tolist()],
    ids=["rows", "columns", "strided", "frame", "list"],
)
def test_layouts(labels: object) -> None:
    table = read_wide(labels)
    assert entries(table) == EXPECTED
    assert table.shape == (2, 3)
    assert table.per_item.tolist() == [2, 2]


def test_integers_have_no_gaps() -> None:
    assert read_wide(np.array([[0, 1], [1, 1]], dtype=np.int8)).label.tolist() == [0, 1, 1, 1]


def test_names_are_kept() -> None:
    frame = pd.DataFrame(WIDE, columns=["a", "b", "c"], index=["x", "y"])
    table = read_wide(frame)
    assert table.name(1) == "b"
    assert table.index is frame.index
    assert read_wide(WIDE).name(1) == 1


def test_nothing_to_compare() -> None:
    with pytest.raises(InputError, match="one label on every example"):
        refuse_nothing_to_compare(read_wide([[0, np.nan], [np.nan, 1]]))
    with pytest.raises(InputError, match="single column"):
        refuse_nothing_to_compare(read_wide([[0], [1]]))
