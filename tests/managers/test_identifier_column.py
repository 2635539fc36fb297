"""Columns that number the rows instead of describing them."""

import io
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab
from datalab.managers import IdentifierColumn

RNG = np.random.default_rng(0)
N = 30


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (np.arange(N), True),
        (np.arange(N)[::-1] + 5, True),
        (RNG.permutation(N) - 7, True),
        (np.arange(N) % 9, False),  # codes of classes
        (np.arange(N) + 0.5, False),
        (np.ones(N), False),
        (RNG.normal(size=N), False),
        (RNG.choice(10_000, N, replace=False), False),
    ],
    ids=["counts", "down", "shuffled", "codes", "halves", "constant", "normal", "whole"],
)
def test_columns_of_features(column: Any, expected: bool) -> None:
    features = np.column_stack([RNG.normal(size=N), column])
    found = IdentifierColumn().find_issues(features=features)
    assert found.flagged is expected
    assert found.info["identifier_columns"] == ([1] if expected else [])
    assert found.info["num_identifier_columns"] == int(expected)
    assert found.summary == 1.0 - expected
    assert (found.num_issues, len(found.is_issue)) == (0, 0)


def test_missing_values_do_not_hide_it() -> None:
    column = np.arange(N, dtype=float)
    column[-3:] = np.nan
    assert IdentifierColumn().find_issues(features=column[:, None]).flagged
    assert not IdentifierColumn().find_issues(features=np.full((N, 1), np.nan)).flagged


@pytest.fixture
def lab() -> Datalab:
    data = pd.DataFrame(
        {
            "customer_id": RNG.choice(10_000, N, replace=False),
            "age": RNG.integers(18, 80, N),
            "name": [f"n{k}" for k in range(N)],
            "label": np.arange(N),
        }
    )
    return Datalab(data, label_name="label", verbosity=0)


def test_columns_of_the_table(lab: Datalab) -> None:
    assert "identifier_column" in lab.list_default_issue_types()
    lab.find_issues(["identifier_column"])
    assert lab.get_info("identifier_column")["identifier_columns"] == ["customer_id"]
    summary = lab.issue_summary.iloc[0]
    assert (summary["issue_type"], summary["score"], summary["num_issues"]) == (
        "identifier_column",
        0.0,
        1,
    )
    assert lab.issues.shape[1] == 0


def test_features_come_first(lab: Datalab) -> None:
    lab.find_issues(["identifier_column"], features=np.arange(2 * N).reshape(N, 2))
    assert lab.get_info("identifier_column")["identifier_columns"] == [0, 1]


def test_report(lab: Datalab) -> None:
    lab.find_issues(["identifier_column"])
    with redirect_stdout(io.StringIO()) as shown:
        lab.report()
    assert "customer_id" in shown.getvalue()
    assert "customer_id" in lab._repr_html_() or "dentifier" in lab._repr_html_()


@pytest.mark.parametrize("copies", [0, 1, 10])
@pytest.mark.parametrize("named", [True, False], ids=["number", "text"])
def test_exact_copies_of_rows_count_once(copies: int, named: bool) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    ids = np.arange(300) + 1000
    customers: Any = ids if named else [f"C{k:05d}" for k in ids]
    once = pd.DataFrame({"customer_id": customers, "a": rng.normal(2 * y), "label": y})
    data = pd.concat([once, once.sample(copies, random_state=0)], ignore_index=True)
    lab = Datalab(data, label_name="label", verbosity=0)
    lab.find_issues(["identifier_column", "non_iid"])
    found = lab.get_info("identifier_column")["identifier_columns"]
    assert found == (["customer_id"] if named else [])
    assert lab.get_info("non_iid")["p-value"] > 0.01


def test_a_repeated_number_in_another_row_is_no_identifier() -> None:
    data = pd.DataFrame({"id": [*range(N), 3], "a": RNG.normal(size=N + 1)})
    lab = Datalab(data, verbosity=0)
    lab.find_issues(["identifier_column"])
    assert lab.get_info("identifier_column")["identifier_columns"] == []


def test_the_reference_counts_every_copy() -> None:
    once = pd.DataFrame({"id": np.arange(N), "a": RNG.normal(size=N)})
    data = pd.concat([once, once[:1]], ignore_index=True)
    lab = Datalab(data, verbosity=0)
    lab.find_issues(["identifier_column"])
    assert lab.get_info("identifier_column")["identifier_columns"] == ["id"]
    lab = Datalab(data, verbosity=0)
    lab.find_issues(["identifier_column"], rules="reference")
    assert lab.get_info("identifier_column")["identifier_columns"] == []
