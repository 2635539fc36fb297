"""Numbers and dates written as texts: by hand, from several countries."""

from typing import Any

import numpy as np
import pytest

from datalab._data.columns import default_text_key
from datalab._data.source import open_source
from datalab._data.values import objects
from datalab._data.written import read_written

# With enough different values; they leave open which of point and comma is the decimal mark.
PLAIN = [str(n) for n in range(400, 1000)]


def read(*texts: Any) -> Any:
    """What some texts say among many that are plain numbers of the same layout."""
    found = read_written(objects([*texts, *PLAIN]))
    return None if found is None else found.values[: len(texts)].tolist()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1,234.5", "2.5"], [1234.5, 2.5]),
        (["1.234,5", "2,5", "1.234"], [1234.5, 2.5, 1234.0]),
        (["1,234,567", "7"], [1234567.0, 7.0]),
        (["1.234.567", "7"], [1234567.0, 7.0]),
        (["1,23,456.7"], [123456.7]),  # India
        (["1'234.50", "1 234"], [1234.5, 1234.0]),  # Switzerland
        (["1\u202f234,5", "0,25"], [1234.5, 0.25]),  # France
        (["0,125", "0,375"], [0.125, 0.375]),  # no thousands begin with nothing
        (["1.234", "1,234"], [1.234, 1234.0]),  # nothing tells: as in English
        (["€ 5", "-$3.50", "EUR 1,000", "7 €"], [5.0, -3.5, 1000.0, 7.0]),
        (["12 %", "7.5%", "80"], [12.0, 7.5, 80.0]),
        (["(1,200.50)", "−3.25"], [-1200.5, -3.25]),
        (["12.3 kg", "5KG"], [12.3, 5.0]),
        (["36,6 °C", "37,5 °C"], [36.6, 37.5]),
        (["1e5", "2,5e3"], [100000.0, 2500.0]),
        ([3, 2.5, "4"], [3.0, 2.5, 4.0]),
    ],
)
def test_numbers(texts: list[Any], expected: list[float]) -> None:
    assert read(*texts) == expected


@pytest.mark.parametrize("text", ["5 g 3", "1,2,3", "12.5.1", "555 123 4567", "(5", "v1.2", "3-4"])
def test_what_is_no_number(text: str) -> None:
    assert np.isnan(read(text)).all()


def test_several_units_are_no_numbers() -> None:
    assert read_written(objects(f"{n} {'kg' if n % 2 else 'g'}" for n in range(50))) is None


def test_nothing_is_written_in_many_ways() -> None:
    texts = [None, "n/a", "-", "", " ", "NULL", "unknown", np.nan]
    assert np.isnan(read(*texts)).all()
    assert read_written(objects(texts)) is None
    assert read_written(objects([*texts, *"abcdefghijklmn"])) is None


def test_few_numbers_are_names() -> None:
    assert read_written(objects(["1", "2", "3"] * 50)) is None


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{day:02d}.{month:02d}.2020", "2020-04-05"),
        ("{month:02d}/{day:02d}/2020", "2020-04-05"),
        ("{day:02d}/{month:02d}/2020", "2020-04-05"),
        ("2020-{month:02d}-{day:02d}", "2020-04-05"),
    ],
)
def test_dates_by_day_or_month_first(pattern: str, expected: str) -> None:
    days = [(5, 4), *((1 + n % 28, 1 + n % 12) for n in range(60))]
    found = read_written(objects(pattern.format(day=day, month=month) for day, month in days))
    assert found is not None
    assert found.kind == "date"
    assert str(found.values[0])[:10] == expected
    assert not np.isnat(found.values).any()


def test_numbers_and_dates_are_no_text_to_read() -> None:
    data = {
        "price": [f"{n} euros" for n in range(100, 140)],
        "day": [f"January {1 + n % 28}, {1900 + n}, 10:30 am" for n in range(40)],
        "said": [f"number {n} of them" for n in range(40)],
    }
    assert default_text_key(open_source(data)) == "said"
    assert default_text_key(open_source({"price": data["price"]})) is None
