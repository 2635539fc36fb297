"""Explorers and single views, opened and closed."""

import gc
import threading
import weakref

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

from datalab import Datalab
from datalab.views.explorer import VIEWS


@pytest.fixture
def lab() -> Datalab:
    rng = np.random.default_rng(0)
    codes = rng.integers(3, size=90)
    probs = np.full((90, 3), 0.05)
    probs[np.arange(90), np.where(np.arange(90) < 5, (codes + 1) % 3, codes)] = 0.9
    lab = Datalab({"x": np.arange(90), "y": codes}, label_name="y", ledger=False, verbosity=0)
    features = rng.normal(size=(90, 4))
    return lab.find_issues(["label", "near_duplicate"], pred_probs=probs, features=features)


def test_a_closed_explorer_leaves_nothing(lab: Datalab):
    gc.collect()
    before = len(_instances)
    explorer = lab.explore("overview", "confusion", "scores", "table", "inspector", "map", "chain")
    gone = [weakref.ref(one) for one in (explorer, explorer.session, *explorer.views.values())]
    assert len(_instances) > before
    explorer.close()
    explorer.close()
    assert len(_instances) == before
    assert lab.review._observers == []
    lab.review.keep([0])  # nobody is told
    del explorer
    gc.collect()
    assert [one() for one in gone] == [None] * len(gone)


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "annotators"])
def test_a_closed_view_leaves_nothing(lab: Datalab, name: str):
    gc.collect()
    before = len(_instances)
    view = getattr(lab.view, name)()
    gone = weakref.ref(view.session)
    view.close()
    assert len(_instances) == before
    assert lab.review._observers == []
    del view
    gc.collect()
    assert gone() is None


def test_one_view_of_several_goes_and_the_others_go_on(lab: Datalab):
    explorer = lab.explore("table", "inspector")
    explorer.views["inspector"].close()
    explorer.filter = "row<3"
    assert explorer.views["table"].filter == "row<3"
    row = explorer.focus
    explorer.session.decide("keep")
    assert lab.review.verdicts()[row] == "keep"
    assert explorer.views["table"].content["rows"]
    explorer.close()


def test_a_chain_editor_that_is_closed_ends_its_run(lab: Datalab):
    from datalab.managers import Outlier

    begun, go_on, seen = threading.Event(), threading.Event(), []

    class Waits:
        """Takes as long as it is told to."""

        name = "waits"

        def find_issues(self, features):
            begun.set()
            go_on.wait(30)
            seen.append(threading.current_thread().name)
            return Outlier().find_issues(features=features)

    chain = lab.chain("near_duplicate", Waits(), "outlier")
    editor = lab.view.chain()
    editor.run()
    assert begun.wait(30)
    assert [step.done is not None for step in chain] == [True, False, False]
    editor.close()
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "datalab-chain":
            thread.join(30)
    assert [step.done is not None for step in chain] == [True, True, False]
    assert seen == ["datalab-chain"]


def test_what_is_looked_at_can_be_read_set_and_observed(lab: Datalab):
    explorer, told = lab.explore("table"), []
    explorer.observe(lambda change: told.append((change.name, change.new)), "filter")
    explorer.filter = {"row": (10, 12)}
    assert (explorer.filter, told) == ("row>=10 row<=12", [("filter", "row>=10 row<=12")])
    explorer.flagged_only, explorer.sort = False, ("row", False)
    assert explorer.rows.tolist() == [12, 11, 10]
    explorer.focus = 11
    assert explorer.session.acted_on().tolist() == [11]
    explorer.select(np.arange(90) < 2)
    assert explorer.selection.tolist() == [0, 1]
    assert [list(column) for column in explorer.selected().values()] == [
        list(column[:2]) for column in lab.data.values()
    ]
    explorer.close()
