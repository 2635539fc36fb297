"""Every column by what it holds, whatever container and kind."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from datalab._data.encoded import Encoded
from datalab._data.source import open_source
from datalab._data.table import Table
from datalab.exceptions import NotApplicable
from datalab.recipes.encoded import encoded_by_kind
from datalab.recipes.features import features_of_columns

N = 60
RNG = np.random.default_rng(0)


def encoded(frame: Any, **named: str) -> tuple[Encoded, str]:
    source = open_source(frame)
    made = encoded_by_kind(
        Table(source, source.columns, named=named), random_state=0, progress=False
    )
    return made.value, made.note


def mixed() -> dict[str, Any]:
    """Twenty kinds of columns."""
    words = np.array(["red", "green", "blue", "house", "tree", "sea", "sky"])
    return {
        "age": RNG.normal(40, 10, N),
        "gaps": np.where(RNG.random(N) < 0.3, np.nan, RNG.normal(size=N)),
        "member": RNG.random(N) < 0.5,
        "city": RNG.choice(["Graz", "Wien", "Linz"], N),
        "when": pd.date_range("2024-01-30", periods=N, freq="31h"),
        "posted": [f"2024-0{1 + n % 9}-{10 + n % 17}" for n in range(N)],
        "price": [f"$1,{n * 7 % 900 + 100}.50" for n in range(N)],
        "review": [" ".join(RNG.choice(words, 6)) for _ in range(N)],
        "tags": [list(RNG.choice(words, 2)) for _ in range(N)],
        "point": [RNG.normal(size=3) for _ in range(N)],
        "picture": [Image.fromarray(p) for p in RNG.integers(256, size=(N, 9, 8), dtype=np.uint8)],
        "id": np.arange(N),
        "key": [f"A-{n:05d}" for n in range(N)],
        "one": np.ones(N),
        "nothing": [None] * N,
        "blank": [""] * N,
        "huge": RNG.normal(size=N) * 1e300,
        "endless": np.where(np.arange(N) == 3, np.inf, np.arange(N) % 7),
    }


def test_a_table_of_everything() -> None:
    made, note = encoded(pd.DataFrame(mixed()))
    assert made.kinds == {
        "age": "number",
        "gaps": "number",
        "member": "number",
        "city": "category",
        "when": "date",
        "posted": "date",
        "price": "number",
        "review": "text",
        "tags": "list",
        "point": "vector",
        "picture": "image",
        "huge": "number",
        "endless": "number",
    }
    assert made.left_out["id"] == made.left_out["key"] == "looks like an identifier"
    assert made.left_out["one"] == made.left_out["blank"] == "constant"
    assert made.left_out["nothing"] == "all values are missing"
    assert len(made) == N
    assert np.isfinite(made.numbers[:, 0]).all()
    assert np.isnan(made.numbers[3, -1])
    # Review, tags and point, and brightness, coarse and fine edges and textures of the pictures.
    assert [name for name in made.names if made.kinds[name] == "image"] == ["picture"] * 4
    assert made.parts[-4:] == ("brightness", "coarse edges", "fine edges", "textures")
    assert len(made.vectors) == 7
    assert made.terms.shape[0] == N
    assert "1 text" in note
    assert "id: looks like an identifier" in note
    assert note.endswith("Better: find_issues(embed=SentenceTransformer(…).encode)")
    assert "gaps" not in note  # many columns are counted, not named
    assert "and 2 more" in note


def test_dates_by_hand() -> None:
    made, _ = encoded(
        pd.DataFrame({"d": pd.to_datetime(["2024-02-29 06:00", "1999-12-31 00:00", None])})
    )
    # days since 1970, year, month, day, weekday (Monday is 0), hour
    assert made.numbers[0].tolist() == pytest.approx([19782.25, 2024, 2, 29, 3, 6])
    assert made.numbers[1].tolist() == pytest.approx([10956, 1999, 12, 31, 4, 0])
    assert np.isnan(made.numbers[2]).all()


def test_numbers_as_texts() -> None:
    frame = pd.DataFrame({"price": [f"€ {n * 31 % 97},{n:03d}.5" for n in range(100, 140)]})
    made, _ = encoded(frame)
    expected = [float(t.replace("€ ", "").replace(",", "")) for t in frame["price"]]
    np.testing.assert_allclose(made.numbers[:, 0], expected)


def test_categories_by_falling_frequency_and_many_levels_by_their_spelling() -> None:
    made, _ = encoded({"c": ["b", "a", "b", None, "c", "a", "b", "c"] * 3})
    assert made.categories[:5, 0].tolist() == [0, 1, 0, -1, 2]
    assert not made.vectors
    names = [f"{kind} {n}" for kind in ("Teacher", "Farmer") for n in range(40)] * 3
    made, _ = encoded({"job": np.array(names, dtype=object)}, job="category")
    vector = made.vectors[0]
    assert np.linalg.norm(vector[0] - vector[1]) < np.linalg.norm(vector[0] - vector[41])


def test_rows_without_any_value_and_data_without_columns() -> None:
    source = open_source({"x": [1.0, np.nan, 3.0], "t": ["a b", None, "c d"]})
    made = encoded_by_kind(Table(source, ("x", "t")), random_state=0, progress=False)
    assert made.rows is not None
    assert made.rows.tolist() == [0, 2]
    assert made.note.endswith("rows without any value left out: 1")
    with pytest.raises(NotApplicable, match=r"no columns to make features of \(one: constant\)"):
        encoded({"one": [1, 1, 1]})


def test_a_column_is_what_the_user_says() -> None:
    codes = ["x1", "x2", "x1", "x3"] * 5
    assert encoded({"c": codes})[0].kinds == {"c": "category"}
    assert encoded({"c": codes}, c="text")[0].kinds == {"c": "text"}
    tones = [np.sin(np.arange(4000) * f / 40) for f in (1, 2, 3, 4)]
    assert encoded({"s": tones}, s="audio")[0].kinds == {"s": "audio"}


def test_wide_and_long_values_stay_bounded() -> None:
    frame = {f"c{n}": RNG.integers(50, size=N).astype(str) for n in range(60)}
    frame["embedding"] = list(RNG.normal(size=(N, 600)))
    made, _ = encoded(frame)
    assert made.vectors[-1].shape[1] < N
    assert np.isfinite(made.vectors[-1]).all()


def test_time_spans_and_intervals_are_numbers() -> None:
    spans = pd.to_timedelta(np.arange(N) % 7, "h")
    frame = pd.DataFrame(
        {
            "waited": spans,
            "python": pd.Series([span.to_pytimedelta() for span in spans], dtype=object),
            "clock": [dt.time(8 + n % 9, 30) for n in range(N)],
            "month": pd.period_range("2020-01", periods=N, freq="M"),
            "bin": pd.cut(np.arange(N) % 13, 4),
        }
    )
    frame.loc[3, "waited"] = pd.NaT
    made, _ = encoded(frame)
    assert set(made.kinds.values()) == {"number"}
    hours = np.where(np.arange(N) == 3, np.nan, np.arange(N) % 7 * 3600.0)
    np.testing.assert_allclose(made.numbers[:, made.names.index("waited")], hours)
    assert made.numbers[0, made.names.index("clock")] == 8.5


def test_numbers_among_signs_of_nothing() -> None:
    rest = [1 + n % 17 if n % 2 else f"{n % 19},5" for n in range(N - 3)]
    made, _ = encoded({"mixed": ["n/a", None, "-", *rest]})
    assert made.kinds == {"mixed": "number"}
    assert np.isnan(made.numbers[:3, 0]).all()
    assert made.numbers[3:5, 0].tolist() == [0.5, 2.0]


def test_what_is_left_out_is_named() -> None:
    made, note = encoded({"x": RNG.normal(size=N), "odd": [slice(n) for n in range(N)]})
    assert made.left_out == {"odd": "values of type slice"}
    assert "odd: values of type slice" in note


def test_records_are_read_field_by_field() -> None:
    texts = ["a red house", "a blue tree", "the sea"]
    cells = [{"en": texts[n % 3], "stars": n % 5, "id": f"A-{n:04d}"} for n in range(N)]
    cells[4] = None
    cells[5] = {"en": texts[2]}
    made, note = encoded({"review": cells, "x": RNG.normal(size=N)})
    assert made.kinds == {"review.en": "category", "review.stars": "number", "x": "number"}
    assert made.left_out == {"review.id": "looks like an identifier"}
    assert np.isnan(made.numbers[[4, 5], 0]).all()
    assert "review.id" in note
    made, _ = encoded(
        {"words": [{f"w{n}": 1, f"v{n}": 2} for n in range(N)], "x": RNG.normal(size=N)}
    )
    assert made.left_out["words"] == "values of type dict"


@pytest.mark.parametrize(
    "columns",
    [
        {"a": [True, False, True] * 30, "b": [1, 2, 3, 4, None] * 18},
        {"a": ["u", "v", "w"] * 30},
        {"a": ["u", "v", "w"] * 30, "b": [0, 1] * 45},
    ],
)
def test_rows_that_must_be_equal_are_no_duplicates(columns: dict[str, Any]) -> None:
    made, _ = encoded(columns)
    with pytest.raises(NotApplicable, match="few different values, so most rows are equal"):
        features_of_columns(made, features_from=None)


def test_copies_of_many_values_are_duplicates() -> None:
    made, _ = encoded({"a": np.tile(RNG.normal(size=30), 3), "b": [0, 1] * 45})
    assert features_of_columns(made, features_from=None).value.shape == (90, 2)
