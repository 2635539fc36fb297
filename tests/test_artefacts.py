"""The store: what is given, made, stale, and for which rows."""

from typing import Any

import numpy as np
import pytest

from datalab import artefacts as module
from datalab.artefacts import Artefacts, Made, common_rows, recipe, select
from datalab.exceptions import InputError, NotApplicable
from datalab.neighbors import knn_graph

OPTIONS = {"rules": "datalab", "k": 2, "metric": None, "random_state": 0}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Small recipes in place of the real ones; the list tells which of them ran."""
    monkeypatch.setattr(module, "_recipes", {})
    ran: list[str] = []

    @recipe("features", rules=("datalab",))
    def features(table: Any) -> Made:
        ran.append("features")
        return Made(np.asarray(table, dtype=float)[:, None], "one column")

    @recipe("knn_graph")
    def graph(features: Any, *, k: int) -> Any:
        ran.append(f"graph {k}")
        return knn_graph(features, min(k, len(features) - 1))

    @recipe("pred_probs")
    def probs(knn_graph: Any, labels: Any) -> Any:
        ran.append("probs")
        return np.eye(2)[labels[knn_graph.indices[:, 0]]]

    return ran


@pytest.mark.usefixtures("calls")
def test_given_shadows_recipes() -> None:
    store = Artefacts(3)
    store.read("table", [1, 2, 3])
    store.give("features", np.zeros((3, 2)))
    assert store.get("features", OPTIONS).value.shape == (3, 2)
    assert store.given("features")
    assert not store.given("table")


def test_made_once_and_again_when_its_source_changes(calls: list[str]) -> None:
    store = Artefacts(4)
    store.read("labels", np.array([0, 0, 1, 1]))
    store.give("features", np.array([[0.0], [1.0], [5.0], [6.0]]))
    first = store.get("pred_probs", OPTIONS)
    assert store.get("pred_probs", OPTIONS) is first
    assert calls == ["graph 2", "probs"]
    store.give("annotations", object())  # nothing was made from it
    assert store.get("pred_probs", OPTIONS) is first
    store.give("features", np.array([[0.0], [5.0], [1.0], [6.0]]))
    assert store.get("pred_probs", OPTIONS).version > first.version
    assert calls == ["graph 2", "probs", "graph 2", "probs"]
    store.read("labels", np.array([0, 1, 0, 1]))  # the graph does not depend on labels
    store.get("pred_probs", OPTIONS)
    assert calls[4:] == ["probs"]


def test_a_larger_graph_serves_a_smaller_k(calls: list[str]) -> None:
    store = Artefacts(6)
    store.give("features", np.arange(6.0)[:, None])
    store.get("knn_graph", {**OPTIONS, "k": 4})
    store.get("knn_graph", {**OPTIONS, "k": 2})
    store.get("knn_graph", {**OPTIONS, "k": 5})
    assert calls == ["graph 4", "graph 5"]


@pytest.mark.usefixtures("calls")
def test_distance_from_what_was_given() -> None:
    store = Artefacts(3)
    assert store.distance("knn_graph", "datalab") is None
    store.read("table", [1, 2, 3])
    assert store.distance("knn_graph", "datalab") == 1
    assert store.distance("knn_graph", "reference") is None  # it makes no features
    store.give("features", np.zeros((3, 1)))
    assert store.distance("knn_graph", "reference") == 0
    assert store.distance("pred_probs", "datalab") is None  # there are no labels


@pytest.mark.usefixtures("calls")
def test_what_cannot_be_had_says_what_to_give() -> None:
    store = Artefacts(3)
    with pytest.raises(NotApplicable, match="needs knn_graph: give knn_graph= or features="):
        store.get("knn_graph", OPTIONS)
    with pytest.raises(NotApplicable, match="needs labels: give label_name="):
        store.get("labels", OPTIONS)
    with pytest.raises(NotApplicable, match="needs text: give text_key="):
        store.get("text", OPTIONS)


@pytest.mark.usefixtures("calls")
def test_rows_with_missing_values_stay_out_and_come_back_as_nan() -> None:
    store = Artefacts(4)
    store.give("features", np.array([[0.0], [np.nan], [1.0], [9.0]]), rows=np.array([0, 2, 3]))
    store.read("labels", np.array([0, 1, 0, -1]), rows=np.array([0, 1, 2]))
    graph = store.get("knn_graph", {**OPTIONS, "k": 1})
    assert graph.rows is not None
    assert graph.rows.tolist() == [0, 2, 3]
    assert len(graph.value) == 3
    rows = common_rows([graph, store.get("labels", OPTIONS)])
    assert rows is not None
    assert rows.tolist() == [0, 2]


@pytest.mark.usefixtures("calls")
def test_lineage() -> None:
    store = Artefacts(4)
    store.read("labels", np.array([0, 0, 1, 1]))
    store.give("features", np.array([[0.0], [1.0], [5.0], [6.0]]))
    probs = store.get("pred_probs", OPTIONS)
    lineage = store.lineage([probs])
    assert list(lineage) == ["labels", "features", "knn_graph", "pred_probs"]
    assert [name for name, a in lineage.items() if not a.made_from] == ["labels", "features"]


@pytest.mark.usefixtures("calls")
def test_narrow_cuts_what_is_held() -> None:
    store = Artefacts(4)
    store.read("text", ["a", "b", "c", "d"])
    store.read("class_names", ("x", "y"))
    store.give("features", np.arange(4.0)[:, None], rows=np.array([0, 1, 3]))
    small = store.narrow(np.array([1, 2, 3]))
    assert small.get("text", OPTIONS).value == ["b", "c", "d"]
    assert small.get("class_names", OPTIONS).value == ("x", "y")
    features = small.get("features", OPTIONS)
    assert features.value.ravel().tolist() == [1.0, 2.0, 3.0]
    assert features.rows is not None
    assert features.rows.tolist() == [0, 2]


def test_select_copies_nothing_when_all_rows_are_wanted() -> None:
    store = Artefacts(3)
    array = np.arange(3)
    store.give("labels", array)
    chosen = select("labels", store.get("labels", OPTIONS), None)
    assert np.shares_memory(chosen, array)
    with pytest.raises(ValueError, match="read-only"):
        chosen[0] = 7


def test_a_recipe_for_an_unknown_artefact_is_refused() -> None:
    with pytest.raises(InputError, match="no artefact is called 'feature'"):
        recipe("feature")


def test_the_table_is_no_argument() -> None:
    remedy = Artefacts(3).remedy("table", "datalab")
    assert remedy.startswith("give columns beside the label in the data")
    assert "table=" not in remedy
