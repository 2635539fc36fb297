"""Evidence that belongs to one issue type: order, groups, columns that number the rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab
from datalab.views.collect import overview
from datalab.views.model import Section


def section(lab: Datalab, name: str) -> Section:
    return next(one for one in overview(lab).sections if one.name == name)


def texts(found: Section) -> list[list[str]]:
    assert found.table is not None
    return [[cell.text.replace("\xa0", " ") for cell in row] for row in found.table.rows]


@pytest.fixture
def made() -> Any:
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 40)
    features = 8.0 * group[:, None] + 0.3 * rng.normal(size=(120, 2))
    labels = rng.integers(2, size=120)
    given = np.array([0.9, 0.8, 0.05])[group]
    probs = np.where(np.eye(2)[labels] == 1, given[:, None], 1 - given[:, None])
    lab = Datalab(pd.DataFrame({"id": np.arange(120), "y": labels}), label_name="y", verbosity=0)
    return lab, group, {"features": features, "pred_probs": probs}


def test_order(made: Any) -> None:
    lab, _, inputs = made
    found = section(lab.find_issues(["non_iid"], **inputs), "non_iid")
    assert found.table is not None
    assert found.table.title == "Rows between nearest neighbours"
    (here, near), (chance, far) = texts(found)
    assert (here, chance, far) == ("in this order", "in random order", "40")
    assert 0 < int(near) < 40


def test_groups(made: Any) -> None:
    lab, group, inputs = made
    asked = {"underperforming_group": {"cluster_ids": group}}
    found = section(lab.find_issues(asked, **inputs), "underperforming_group")
    assert texts(found) == [["2", "40", "5 %"], ["1", "40", "80 %"], ["0", "40", "90 %"]]
    assert found.table is not None
    assert found.table.bars == pytest.approx((0.05, 0.8, 0.9))
    assert found.examples[0].why.startswith("group 2 of 40 rows")


def test_groups_under_reference_rules(made: Any) -> None:
    lab, group, inputs = made
    asked = {"underperforming_group": {"cluster_ids": group}, "non_iid": {}}
    lab.find_issues(asked, rules="reference", **inputs)
    assert section(lab, "underperforming_group").table is None
    assert section(lab, "non_iid").table is None


def test_identifiers(made: Any) -> None:
    lab, _, _ = made
    found = section(lab.find_issues(["identifier_column"]), "identifier_column")
    assert found.state == "flagged"
    assert found.sentence == "The data set as a whole has this issue"
    assert texts(found) == [["id", "0, 1, 2, …"]]
    many = np.arange(20 * 120).reshape(120, 20)
    found = section(
        Datalab({"y": [0, 1] * 60}, label_name="y", verbosity=0).find_issues(
            ["identifier_column"], features=many
        ),
        "identifier_column",
    )
    assert found.table is not None
    assert found.table.title == "20 columns, the first 10"
    assert texts(found)[:2] == [["feature 0", "0, 20, 40, …"], ["feature 1", "1, 21, 41, …"]]


def test_sets_of_near_duplicates() -> None:
    features = np.random.default_rng(0).normal(size=(60, 3))
    features[[10, 20]] = features[5]
    for copy in range(40, 55):
        features[copy] = features[30]
    lab = Datalab({"x": [f"row {i}" for i in range(60)]}, task=None, verbosity=0)
    found = section(lab.find_issues(["near_duplicate"], features=features), "near_duplicate")
    assert found.table is not None
    assert found.table.title == "2 sets, 17 rows to drop"
    assert texts(found) == [["3", "1", "2"], ["16", "1", "15"]]
    lab = Datalab({"x": [f"row {i}" for i in range(60)]}, task=None, verbosity=0)
    lab.find_issues(["near_duplicate"], features=features, rules="reference")
    assert section(lab, "near_duplicate").table is None


def test_sets_of_very_many_sizes() -> None:
    features = np.repeat(np.arange(15.0) ** 2, np.arange(15) + 1)[:, None]
    lab = Datalab({"x": [f"row {i}" for i in range(len(features))]}, task=None, verbosity=0)
    found = section(lab.find_issues(["near_duplicate"], features=features), "near_duplicate")
    assert len(texts(found)) == 10
    assert texts(found)[-1] == ["11 or more", "5", str(10 + 11 + 12 + 13 + 14)]


def test_rows_that_stand_in_two_splits() -> None:
    features = np.random.default_rng(0).normal(size=(50, 3))
    features[[41, 42]] = features[5]
    features[45] = features[6] + 1e-4
    data = {"part": ["train"] * 40 + ["test"] * 10, "x": [f"row {i}" for i in range(50)]}
    lab = Datalab(data, task=None, split="part", verbosity=0)
    found = section(lab.find_issues(["split_leakage"], features=features), "split_leakage")
    assert texts(found) == [["train", "test", "2", "3 (30 %)", "2"]]
    assert [[example.position for example in group.examples] for group in found.groups] == [
        [5, 41, 42],
        [6, 45],
    ]
    assert found.caption == "2 sets, closest first"
    assert found.examples[0].why == "equal to row 41 of 'test'; drop this one"
