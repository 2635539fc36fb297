"""An audit: what runs, on which rows, and how each check ends."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from datalab import Datalab, Findings
from datalab.audit import plan
from datalab.exceptions import (
    InputError,
    InputTypeError,
    ManagerError,
    ManagerFailed,
    NotApplicable,
    NotFound,
)
from datalab.managers import ClassImbalance, Null


def manager(find: Callable[..., Findings], called: str = "custom", **attributes: Any) -> Any:
    """A manager of one function."""
    return type("Custom", (), {"name": called, "find_issues": find, **attributes})


def test_plan_keeps_the_order_of_the_types() -> None:
    assert [step.name for step in plan(["class_imbalance", "null"], task="classification")] == [
        "null",
        "class_imbalance",
    ]
    steps = plan({"class_imbalance": {"threshold": 0.3}}, task="classification")
    assert steps[0].manager == ClassImbalance(threshold=0.3)
    assert plan([Null(), ClassImbalance], task="classification")[1].manager == ClassImbalance()


@pytest.mark.parametrize(
    ("asked", "error", "told"),
    [
        (["nul"], NotFound, "did you mean 'null'"),
        ({"null": {"x": 1}}, InputError, "unknown parameter 'x' of 'null'"),
        ({"null": 3}, InputTypeError, "must be a dict of parameters, got int"),
        ("null", InputTypeError, r"pass \['null'\]"),
        (["null", Null()], InputError, "more than once"),
        ({"null": {"labels": [1]}}, InputError, "'null' takes no labels; it takes table, features"),
    ],
)
def test_wrong_requests(asked: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        plan(asked, task="classification")


def test_a_request_is_not_changed() -> None:
    asked = {"class_imbalance": {"threshold": 0.3}}
    Datalab({"y": [0, 1] * 5}, label_name="y", verbosity=0).find_issues(asked)
    assert asked == {"class_imbalance": {"threshold": 0.3}}


def lab_with_gaps() -> Datalab:
    labels = [0, 1, None, 1, 0, 1, 0, 1, 0, 1]
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    features = np.arange(10.0)[:, None].copy()
    features[4] = np.nan
    return lab.give(features=features)


def test_managers_see_only_rows_that_have_all_they_need() -> None:
    seen: dict[str, Any] = {}

    def find(self: Any, labels: Any, features: Any) -> Findings:
        seen.update(labels=labels, features=features)
        found = labels == 1
        columns = {"next": (np.arange(len(labels)) + 1) % len(labels)}
        return Findings("custom", is_issue=found, score=1.0 - found, columns=columns)

    lab = lab_with_gaps().find_issues([manager(find, produces={"next": "row"})])
    assert seen["labels"].tolist() == [0, 1, 1, 1, 0, 1, 0, 1]
    assert seen["features"].ravel().tolist() == [0, 1, 3, 5, 6, 7, 8, 9]
    outcome = lab.outcomes["custom"]
    assert outcome.notes[-1] == "rows left out, for want of labels or features: 2"
    issues = lab.get_issues("custom")
    assert str(issues["is_custom_issue"].dtype) == "boolean"
    assert issues["is_custom_issue"].isna().to_numpy().nonzero()[0].tolist() == [2, 4]
    assert issues["next"].iloc[1] == 3  # a position in the whole data set
    assert issues["next"].iloc[9] == 0


def test_what_is_merely_used_does_not_cost_rows() -> None:
    seen: dict[str, Any] = {}

    def find(self: Any, features: Any, labels: Any = None) -> Findings:
        seen.update(labels=labels)
        return Findings("custom", is_issue=features[:, 0] < 0, score=np.ones(len(features)))

    lab_with_gaps().find_issues([manager(find)])
    assert seen["labels"].tolist() == [0, 1, -1, 1, 1, 0, 1, 0, 1]


def test_outcomes_found_not_applicable_and_failed() -> None:
    def quiet(self: Any, labels: Any) -> Findings:
        raise NotApplicable("nothing to compare")

    def broken(self: Any, labels: Any) -> Findings:
        raise ZeroDivisionError("division by zero")

    lab = Datalab({"y": [0, 1] * 5}, label_name="y", verbosity=0)
    with pytest.warns(ManagerFailed, match="'broken' failed.*ZeroDivisionError: division by zero"):
        lab.find_issues([manager(quiet, "quiet"), manager(broken, "broken"), "class_imbalance"])
    assert [(o.name, o.status) for o in lab.outcomes] == [
        ("class_imbalance", "found"),
        ("quiet", "not applicable"),
        ("broken", "failed"),
    ]
    assert lab.outcomes["quiet"].reason == "nothing to compare"
    failed = lab.outcomes["broken"]
    assert isinstance(failed.error, ManagerError)
    assert isinstance(failed.error.__cause__, ZeroDivisionError)
    assert lab.issue_summary["issue_type"].tolist() == ["class_imbalance"]
    with pytest.raises(NotFound, match="'broken' has no results .failed.: ZeroDivisionError"):
        lab.get_issues("broken")


def test_on_error_raise() -> None:
    def broken(self: Any, labels: Any) -> Findings:
        raise KeyError("missing")

    lab = Datalab({"y": [0, 1] * 5}, label_name="y", verbosity=0)
    with pytest.raises(ManagerError, match="custom: KeyError") as caught:
        lab.find_issues([manager(broken)], on_error="raise")
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (None, "must return Findings, got NoneType"),
        (Findings("custom", is_issue=[True], score=[0.0]), "findings have 1 rows but there are 10"),
        (Findings("custom", is_issue=[True], score=[0.0], rows=[10]), "name row 10 of 10"),
    ],
)
def test_findings_that_do_not_fit_fail(returned: Any, told: str) -> None:
    lab = Datalab({"y": [0, 1] * 5}, label_name="y", verbosity=0)
    with pytest.warns(ManagerFailed, match=told):
        lab.find_issues([manager(lambda self, labels: returned)])


def test_interruption_keeps_what_is_done() -> None:
    def stop(self: Any, labels: Any) -> Findings:
        raise KeyboardInterrupt

    lab = Datalab({"y": [0, 1] * 5}, label_name="y", verbosity=0)
    later = manager(lambda self, labels: None, "later")
    with pytest.raises(KeyboardInterrupt) as stopped:
        lab.find_issues(["class_imbalance", manager(stop, "stop"), later])
    told = "datalab: finished and kept: class_imbalance; still to be done: stop, later"
    assert stopped.value.__notes__ == [told]
    assert [o.name for o in lab.outcomes] == ["class_imbalance"]
    assert lab.get_issues("class_imbalance").shape[0] == 10


def test_a_value_for_one_manager_only() -> None:
    seen: dict[str, Any] = {}

    def find(self: Any, cluster_ids: Any) -> Findings:
        seen["ids"] = cluster_ids
        return Findings("custom", is_issue=cluster_ids < 0, score=np.ones(len(cluster_ids)))

    from datalab.managers import base

    base._register.append(base.spec_of(manager(find)))
    try:
        lab = Datalab({"y": [0, 1, 0]}, label_name="y", verbosity=0)
        lab.find_issues({"custom": {"cluster_ids": [0, 1, -1]}})
        assert seen["ids"].tolist() == [0, 1, -1]
        lab.find_issues(["custom"])
        assert lab.outcomes["custom"].status == "not applicable"
        with pytest.raises(InputError, match=r"`cluster_ids` has shape \(2,\) but the dataset"):
            lab.find_issues({"custom": {"cluster_ids": [0, 1]}})
    finally:
        base._register.pop()


# --- optional inputs, and findings that no row has


def test_an_optional_graph_covers_what_it_can() -> None:
    seen: list[Any] = []

    def find(self: Any, table: Any, knn_graph: Any = None) -> Findings:
        seen.append(knn_graph)
        return Findings("custom", np.zeros(len(table), dtype=bool), np.ones(len(table)))

    features = np.random.default_rng(0).normal(size=(20, 3))
    features[4] = np.nan
    lab = Datalab({"x": [f"row {i}" for i in range(20)]}, task=None, verbosity=0)
    lab.find_issues([manager(find)], features=features)
    graph = seen[0]
    assert graph.n_rows == 20
    assert np.isinf(graph.distances[4]).all()
    assert (graph.indices[4] == 4).all()
    others = np.delete(np.arange(20), 4)
    assert np.isfinite(graph.distances[others]).all()
    assert not (graph.indices[others] == 4).any()


def test_inputs_without_use_are_not_made() -> None:
    features = np.random.default_rng(0).normal(size=(30, 3))
    texts = [f"a text of some length, number {i}" for i in range(30)]

    def asked(given: bool, **attributes: Any) -> bool:
        seen: list[Any] = []

        def find(self: Any, text: Any, knn_graph: Any = None) -> Findings:
            seen.append(knn_graph)
            return Findings("custom", np.zeros(30, dtype=bool), np.ones(30))

        lab = Datalab({"t": texts}, task=None, text_key="t", verbosity=0)
        inputs = {"features": features} if given else {}
        lab.find_issues([manager(find, **attributes)], **inputs)
        return seen[0] is not None

    assert asked(given=False)
    assert asked(given=True, not_made_beside={"knn_graph": ("text",)})
    assert not asked(given=False, not_made_beside={"knn_graph": ("text",)})
    assert asked(given=False, not_made_beside={"knn_graph": ("images",)})
    assert not asked(given=True, unused=("knn_graph",))


def test_a_finding_about_the_whole_looks_at_no_row() -> None:
    def find(self: Any, labels: Any) -> Findings:
        return Findings("custom", is_issue=[], score=[], flagged=True, summary=0.1)

    lab = lab_with_gaps().find_issues([manager(find)])
    outcome = lab.outcomes["custom"]
    assert outcome.findings is not None
    assert outcome.findings.positions().tolist() == []
    assert repr(outcome) == "Outcome('custom', found, the data set as a whole is flagged)"
    assert lab.issue_summary["num_issues"].tolist() == [1]
