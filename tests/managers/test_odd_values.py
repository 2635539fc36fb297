"""Which value of a row is unlike those of its column."""

from typing import Any

import numpy as np
import pytest

from datalab import Datalab
from datalab._data.source import open_source
from datalab._data.table import Table
from datalab.managers import Outlier
from datalab.managers.odd_values import odd_values


def table_of(**columns: Any) -> Table:
    source = open_source(columns)
    return Table(source, tuple(columns))


def test_the_number_farthest_outside_its_column_is_told() -> None:
    near, wide = np.arange(95.0, 106.0), np.arange(0.0, 1100.0, 100.0)
    near[3], wide[3] = -40.0, 5000.0  # (100.5 - 95.5) ~ 5 and (750 - 250) = 500 between quartiles
    chosen = np.arange(11) == 3
    told = odd_values(table_of(pressure=near, rpm=wide), chosen)
    assert told[3].startswith("pressure is -40 (usually ")
    assert [one for row, one in enumerate(told) if row != 3] == [None] * 10
    assert odd_values(table_of(rpm=wide), chosen)[3].startswith("rpm is 5000 (usually ")


def test_what_nine_of_ten_are_between_is_told() -> None:
    values = np.concatenate([np.linspace(0, 1, 101), [9.87654]])
    told = odd_values(table_of(x=values), np.arange(102) == 101)
    assert told[101] == "x is 9.877 (usually 0.0505 to 0.9595)"


@pytest.mark.parametrize(
    "values",
    [
        np.arange(40.0),  # nothing is odd
        np.full(40, 7.0),
        np.full(40, np.nan),
        np.array(list("ab") * 20),
        np.array([None, 1.0] * 20, dtype=object),
        np.append(np.arange(39), 10_000),  # numbers of rows, as "ticket_id"
    ],
)
def test_nothing_is_told_without_an_odd_number(values: Any) -> None:
    assert odd_values(table_of(ticket_id=values), np.ones(40, dtype=bool)).tolist() == [None] * 40


def test_gaps_infinities_and_mostly_zeros() -> None:
    values = np.concatenate([np.zeros(80), np.linspace(0, 1, 19), [np.nan, np.inf, 50.0]])
    told = odd_values(table_of(x=values), np.ones(102, dtype=bool))
    assert told[-1].startswith("x is 50 (usually 0 to ")
    assert told[-3] is None
    assert told[-2].startswith("x is inf ")


def test_reasons_name_the_column_and_its_value() -> None:
    rng = np.random.default_rng(0)
    pressure = rng.normal(100, 3, 300)
    pressure[7] = -40
    data = {"pressure": pressure, "rpm": rng.normal(3000, 100, 300)}
    lab = Datalab(data, task=None, verbosity=0).find_issues(["outlier"])
    assert lab.worst(1)["reason"].iloc[0].startswith("pressure is -40 (usually ")
    found = lab.get_issues("outlier")
    assert found["odd_value"].notna().sum() <= found["is_outlier_issue"].sum()
    features = np.column_stack(list(data.values()))
    lab = Datalab(data, task=None, verbosity=0)
    lab.find_issues(["outlier"], features=features, rules="reference")
    assert "odd_value" not in lab.get_issues("outlier")


def test_reasons_without_a_table() -> None:
    told = Outlier().explain({"times_typical_distance": 2.0, "odd_value": None})
    assert told == "2.0 times as far from its neighbours as usual"
