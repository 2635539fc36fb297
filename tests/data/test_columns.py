import numpy as np
import pandas as pd
import pytest

from datalab._data.columns import (
    default_image_key,
    default_text_key,
    numeric_columns,
    numeric_table,
)
from datalab._data.source import open_source
from datalab.exceptions import InputError

RNG = np.random.default_rng(0)


def reason(name: str, values: object) -> str:
    return numeric_columns(open_source({name: values}))[1].get(name, "")


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("a", RNG.normal(size=20), ""),
        ("a", np.arange(20.0) / 7, ""),
        ("a", RNG.integers(0, 5, 20), ""),
        ("a", [True, False, None, True], ""),
        ("a", [3, 1, 2, 2], ""),
        ("customer_id", [3, 9, 2, 2], ""),
        ("a", np.arange(20), "looks like an identifier"),
        ("a", np.arange(20)[::-1] * 3, "looks like an identifier"),
        ("a", RNG.permutation(20) + 100, "looks like an identifier"),
        ("a", [*range(10, 18), None], "looks like an identifier"),
        ("customer_id", [30, 9, 200, 57], "looks like an identifier"),
        ("Unnamed: 0", [30, 9, 200, 57], "looks like an identifier"),
        ("ID", [30, 9, 200, 57], "looks like an identifier"),
        ("age", [30, 9, 200, 57], ""),
        ("age", [1, 2, 3], ""),
        ("row", [1.5, 2, 3], ""),
        ("a", [2, 2, None], "constant"),
        ("a", [np.nan, np.nan], "all values are missing"),
        ("a", [None, None], "other"),
        ("a", ["x", "y", "x", "y"], "category"),
        ("a", [0, "n/a", *range(1, 2999)], "mixed"),
        ("a", [2**70, 1, 1], ""),
    ],
)
def test_why_a_column_is_left_out(name: str, values: object, expected: str) -> None:
    assert reason(name, values) == expected


def test_roles_are_left_out() -> None:
    data = {"x": [1.5, 2.5, 2.0], "y": [1, 0, 1], "when": [3.5, 1.5, 2.5]}
    columns, reasons = numeric_columns(open_source(data), ["y", "when"])
    assert columns == ["x"]
    assert reasons == {"y": "has another role", "when": "has another role"}
    splits = {"a": pd.DataFrame(data), "b": pd.DataFrame(data)}
    assert numeric_columns(open_source(splits))[1]["split"] == "has another role"


def test_the_table_of_numbers() -> None:
    data = {"i": [1, None, 3], "f": [0.5, 1.5, None], "b": [True, None, False], "t": list("abc")}
    source = open_source(data)
    table = numeric_table(source, ["i", "f", "b"])
    assert table.dtype == np.float64
    np.testing.assert_array_equal(table, [[1, 0.5, 1], [np.nan, 1.5, np.nan], [3, np.nan, 0]])
    assert numeric_table(source, []).shape == (3, 0)
    with pytest.raises(InputError, match="column 't' holds text, not numbers"):
        numeric_table(source, ["t"])
    with pytest.raises(InputError, match="column 'x' has -inf in row 1; replace it"):
        numeric_table(open_source({"x": [0.0, -np.inf]}), ["x"])


def test_the_table_is_a_copy() -> None:
    values = np.array([1.0, 2.5])
    numeric_table(open_source({"x": values}), ["x"])[:] = 0
    assert values.tolist() == [1.0, 2.5]


def test_the_column_of_images() -> None:
    data = {"n": [1, 2], "image": np.zeros((2, 4, 4)), "other": np.zeros((2, 4, 4))}
    assert default_image_key(open_source(data)) == "image"
    assert default_image_key(open_source({"n": [1, 2]})) is None


def test_the_column_of_texts() -> None:
    n = 30
    data = {
        "title": [f"title number {i}" for i in range(n)],
        "body": [f"a much longer body of a text, number {i}" for i in range(n)],
        "uuid": [f"{i:036d}" for i in range(n)],
        "zip": [str(10_000 + i) for i in range(n)],
        "label": ["a fairly long name of a class, for a class", "b"] * (n // 2),
    }
    source = open_source(data)
    assert default_text_key(source) == "body"
    assert default_text_key(source, ["body"]) == "title"
    assert default_text_key(source, ["body", "title"]) is None
    unspaced = ["这是一个没有空格的中文句子，它仍然是可以阅读的文本" + "好" * i for i in range(n)]
    assert default_text_key(open_source({"t": unspaced})) == "t"


def test_short_texts_of_scripts_without_blanks_are_text_to_read() -> None:
    words = ["今天", "天气", "很好", "我们", "去学校", "读书"]
    texts = ["".join(words[(n * k) % 6] for k in (1, 2, 5)) + str(n) for n in range(1, 40)]
    assert default_text_key(open_source({"t": texts, "n": [f"A{n}" for n in range(39)]})) == "t"
    assert default_text_key(open_source({"name": [f"王{n}" for n in range(39)]})) is None
