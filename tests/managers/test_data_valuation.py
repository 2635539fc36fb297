"""Examples that mislead a classifier of their neighbours."""

from typing import Any

import numpy as np
import pytest

from datalab import Datalab
from datalab.data_valuation import data_shapley_knn
from datalab.exceptions import InputError, NotApplicable
from datalab.managers import DataValuation
from datalab.neighbors import knn_graph


@pytest.fixture
def made() -> Any:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=120)
    features = rng.normal(size=(120, 2)) + 4 * labels[:, None]
    labels[:4] = (labels[:4] + 1) % 3
    return labels, features


def test_agrees_with_the_function(made: Any) -> None:
    labels, features = made
    found = DataValuation(k=7).find_issues(labels, knn_graph(features, k=12))
    expected = data_shapley_knn(labels, features=features, metric="euclidean", k=7)
    np.testing.assert_allclose(found.score, expected)
    assert np.array_equal(found.is_issue, found.score < 0.5)
    assert found.is_issue[:4].sum() >= 3
    assert found.info["num_low_valuation_issues"] == found.num_issues
    assert found.info["average_data_valuation"] == pytest.approx(found.summary)
    assert (found.info["k"], found.info["metric"], found.info["threshold"]) == (7, "euclidean", 0.5)


def test_is_asked_for_by_name(made: Any) -> None:
    labels, features = made
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    assert "data_valuation" in lab.list_possible_issue_types()
    assert "data_valuation" not in lab.list_default_issue_types()
    lab.find_issues({"data_valuation": {"threshold": 0.4999}}, features=features)
    flagged = lab.issues["is_data_valuation_issue"].to_numpy()
    assert set(range(4)) & set(np.flatnonzero(flagged))
    assert "misleads" in lab.worst(1)["reason"].iloc[0]


@pytest.mark.parametrize("n_rows", [2, 10])
def test_needs_more_rows_than_neighbours(made: Any, n_rows: int) -> None:
    labels, features = made
    lab = Datalab({"y": labels[:n_rows]}, label_name="y", verbosity=0)
    lab.find_issues(["data_valuation"], features=features[:n_rows])
    outcome = lab.outcomes["data_valuation"]
    assert outcome.status == "not applicable"
    assert f"needs 10 neighbours for each row, but there are {n_rows - 1}" in outcome.reason


def test_sets_of_classes_and_targets_agree_when_equal(made: Any) -> None:
    labels, features = made
    graph = knn_graph(features, k=10)
    sets = [[int(k), 3][:: 1 if i % 2 else -1] for i, k in enumerate(labels)]
    by_class = DataValuation().find_issues(labels, graph).score
    assert np.array_equal(DataValuation().find_issues(sets, graph).score, by_class)
    assert np.array_equal(DataValuation().find_issues(labels / 7, graph).score, by_class)
    assert set(DataValuation().find_issues(np.arange(120) / 7, graph).score) == {0.5}


def test_rows_without_label_are_left_out(made: Any) -> None:
    labels, features = made
    some = [None if i < 10 else int(k) for i, k in enumerate(labels)]
    lab = Datalab({"y": some}, label_name="y", verbosity=0)
    lab.find_issues(["data_valuation"], features=features)
    assert lab.issues["is_data_valuation_issue"].isna().sum() == 10


def test_bad_parameters(made: Any) -> None:
    with pytest.raises(InputError, match="`threshold` must be a number in"):
        DataValuation(threshold=2)
    with pytest.raises(InputError, match="`k` must be an integer >= 1"):
        DataValuation(k=0)
    with pytest.raises(NotApplicable, match="smaller k"):
        DataValuation(k=11).find_issues(made[0], knn_graph(made[1], k=10))
