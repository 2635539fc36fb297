"""Which rows are listed, in which order, and what is selected."""

import gc
import threading
import warnings
import weakref
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab
from datalab.exceptions import InputError, NotFound
from datalab.session import LOOKED_AT, Session


@pytest.fixture
def session(lab: Datalab) -> Session:
    return Session(lab)


def listed(session: Session) -> list[int]:
    return session.rows.tolist()


def everything(session: Session) -> Session:
    session.flagged_only = False
    return session


def test_begins_with_the_first_check_that_flags(session: Session):
    assert session.issue == "label"
    assert listed(session) == [1, 4]
    assert session.focus == 1
    assert session.facts.suggested[[1, 4]].tolist() == [
        session.facts.code_of("red"),
        session.facts.code_of("blue"),
    ]


def test_without_an_audit_all_rows_are_listed(lab: Datalab):
    bare = Session(Datalab(lab.data, label_name="label", ledger=False))
    assert bare.issue == ""
    assert listed(bare) == list(range(60))


def test_filters(session: Session):
    everything(session)
    session.sort = ("row", True)
    session.filter = "lamp"  # whatever its case
    assert listed(session) == [i for i in range(60) if i % 6 in (0, 3, 5)]
    session.filter = "cat sat"  # both words
    assert listed(session) == [i for i in range(60) if i % 6 == 2]
    session.filter = "size>5 kind:X"
    assert listed(session) == [i for i in range(60) if i % 6 == 3]
    session.filter = "kind:missing row<12"
    assert listed(session) == [5, 11]
    session.filter = "given:green score<0.5"
    assert listed(session) == [1, 4]
    session.filter = "issue:label"
    assert listed(session) == [1, 4]
    session.filter = {"suggested": "blue", "row": (3, 5)}
    assert session.filter == "suggested:blue row>=3 row<=5"
    assert listed(session) == [4, 5]


def test_a_refused_filter_changes_nothing(session: Session):
    for line in ("colour:red", "given:purple", "issue:outlier", "size:big"):
        with pytest.raises((InputError, NotFound)):
            session.filter = line
        assert session.filter == ""
        assert listed(session) == [1, 4]


def test_cell_and_region_list_all_their_rows(session: Session):
    green, red = session.facts.code_of("green"), session.facts.code_of("red")
    session.cell = (green, red)
    assert listed(session) == [1]
    session.cell = (green, green)
    assert len(listed(session)) == 18
    session.region = [7, 3]
    assert sorted(listed(session)) == [3, 7]
    session.clear()
    assert listed(session) == [1, 4]


def test_threshold_moves_the_flags_of_its_check_only(session: Session):
    session.threshold = 1.1
    assert len(listed(session)) == 60
    session.issue = "class_imbalance"
    assert session.threshold is None
    session.issue = "label"
    assert session.threshold == 1.1
    session.threshold = None
    assert listed(session) == [1, 4]


def test_sorting_is_stable_and_puts_missing_last(session: Session):
    everything(session)
    session.sort = ("kind", True)
    kinds = session.lab.data["kind"].to_numpy()[session.rows]
    assert kinds[:20].tolist() == ["x"] * 20
    assert all(kind is None or kind != kind for kind in kinds[-10:])
    assert listed(session)[:4] == [0, 3, 6, 9]
    session.sort = ("kind", False)
    assert listed(session)[:3] == [2, 8, 14]  # equal values by row number
    session.filter = "size:9"  # few rows take the other way
    session.sort = ("size", False)
    assert listed(session) == [i for i in range(60) if i % 6 == 3]
    with pytest.raises(InputError, match="sort"):
        session.sort = ("colour", True)


def test_few_and_many_rows_come_in_the_same_order(session: Session):
    everything(session)
    for column in ("score", "given", "size", "text", "verdict"):
        for ascending in (True, False):
            session.filter = ""
            session.sort = (column, ascending)
            many = [row for row in listed(session) if row < 6]
            session.filter = "row<6"
            assert listed(session) == many


def test_pages_and_moving(session: Session):
    everything(session)
    session.sort = ("row", True)
    session.page_size = 7
    session.page = 99
    assert session.page == 8
    session.go(8)
    assert (session.focus, session.page) == (8, 1)
    session.move(-2)
    assert (session.focus, session.page) == (6, 0)
    session.move(3, extend=True)
    assert session.selection.tolist() == [6, 7, 8, 9]
    session.pick(20, "toggle")
    session.pick(22, "range")
    assert session.selection.tolist() == [6, 7, 8, 9, 20, 21, 22]
    session.pick(3)
    assert session.selection.tolist() == []
    session.select_listed()
    assert len(session.selection) == 60


def test_selection_by_label_mask_and_position(session: Session):
    session.select(["b0", "a1"])
    assert session.selection.tolist() == [1, 6]
    assert session.selected().index.tolist() == ["b0", "a1"]
    session.select(np.arange(60) >= 58)
    assert session.selection.tolist() == [58, 59]
    session.selection = [5, 2, 2]
    assert session.selection.tolist() == [2, 5]
    with pytest.raises(NotFound):
        session.select(["zzz"])
    with pytest.raises(InputError, match="select"):
        session.selection = np.zeros(60, dtype=bool)


def test_observers_are_told_once_and_only_of_changes(session: Session):
    seen, ticks = [], []
    session.observe(lambda change: seen.append(change.new.tolist()), "selection")
    session.observe(lambda _: ticks.append(session.changed), "tick")
    session.selection = [1]
    session.selection = [1]
    assert seen == [[1]]
    with session.change():
        session.filter, session.flagged_only = "row<3", False
    assert len(ticks) == 2
    assert {"filter", "flagged_only", "rows"} <= ticks[-1]


def test_decisions(session: Session):
    session.decide("relabel")
    assert session.lab.review.verdicts()[1] == "relabel"
    assert session.focus == 4  # the next one
    session.filter = "verdict:none"
    assert listed(session) == [4]
    session.decide("keep")
    assert listed(session) == []
    assert session.focus is None
    session.decide("keep")  # about nothing
    session.lab.review.undo()
    assert listed(session) == [4]


def test_two_sessions_of_one_lab(lab: Datalab):
    one, other = Session(lab), Session(lab)
    one.filter, one.selection = "verdict:none", [3]
    assert other.filter == ""
    assert other.selection.tolist() == []
    other.pick(1)
    other.decide("exclude")
    assert listed(one) == [4]
    one.close()
    other.lab.review.undo()
    assert listed(one) == [4]  # follows no longer


def test_rows_are_asked_for_by_name():
    def rows(index, line):
        frame = pd.DataFrame({"x": np.arange(4.0)}, index=index)
        session = Session(Datalab(frame, task=None, ledger=False, verbosity=0))
        session.filter = line
        return session.rows.tolist()

    assert rows(None, "row:2") == [2]
    assert rows([40, 30, 20, 10], "row:20") == [2]
    assert rows([40, 30, 20, 10], "row<30") == [2, 3]
    assert rows(list("abca"), "row:A") == [0, 3]
    assert rows(list("abca"), "row<2") == [0, 1]  # names that are no numbers: the first ones
    assert rows(pd.date_range("2020-01-30", periods=4), "row:2020-02") == [2, 3]
    with pytest.raises(InputError, match="rows are called by numbers here; 'a' is none"):
        rows(None, "row:a")


def test_sets_of_classes_are_asked_for_and_given_by_name():
    tags = [["sea"], ["sky", "sea"], [], None, ["a, b"]] * 10
    lab = Datalab({"tags": tags}, "multilabel", label_name="tags", ledger=False, verbosity=0)
    session = Session(lab)
    session.filter = "given:sea"
    assert session.rows[:3].tolist() == [0, 1, 5]
    session.filter = "given:missing"
    assert session.rows[:2].tolist() == [3, 8]
    assert session.class_of("sky,  SEA") == ["sea", "sky"]
    assert session.class_of("a, b") == ["a, b"]
    assert session.class_of("(none)") == []
    with pytest.raises(InputError, match="there is no class 'see': did you mean 'sea'"):
        session.class_of("sky, see")


def test_a_new_audit_is_taken_in(session: Session):
    probs = np.full((60, 3), 1 / 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # replaced; and a poor model
        session.lab.find_issues(["label"], pred_probs=probs, rules="reference")
    session.filter = "row<3"
    assert np.allclose(session.scores(), 1 / 3)


def test_long_searches_go_on_in_the_background(session: Session, monkeypatch):
    monkeypatch.setattr("datalab.session.state.AT_ONCE", 10)
    everything(session)
    done = threading.Event()
    session.observe(lambda _: done.set(), "filter")
    session.look_for("lamp")
    assert done.wait(10)
    with session.lock:
        assert len(session.rows) == 30
        assert session.busy == ""
    with pytest.raises(InputError):
        session.look_for("lamp given:purple")


def test_a_search_that_was_cancelled_changes_nothing(session: Session, monkeypatch):
    monkeypatch.setattr("datalab.session.state.AT_ONCE", 10)
    reached, go_on = threading.Event(), threading.Event()
    search = session.facts._search

    def slow(word, stop):
        reached.set()
        go_on.wait(10)
        return search(word, stop)

    monkeypatch.setattr(session.facts, "_search", slow)
    session.look_for("lamp")
    assert reached.wait(10)
    assert session.busy == "searching"
    session.cancel()
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "datalab-search":
            thread.join(10)
    assert session.filter == session.busy == ""
    assert listed(session) == [1, 4]


def test_threads_do_not_get_in_each_others_way(session: Session):
    everything(session)

    def work(start: int) -> None:
        for i in range(40):
            session.pick(start + i % 10, "toggle")

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session.selection.tolist() == []  # each row twice in and twice out
    assert set(LOOKED_AT) <= set(session.trait_names())


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("selection", [-1], "no row -1"),
        ("selection", [3, 60], "no row 60"),
        ("region", [10**9], "no row 1000000000"),
        ("focus", 60, "no row 60"),
        ("cell", (0, 99), "no cell"),
        ("cell", (-1, 0), "no cell"),
        ("threshold", float("nan"), "must be a number"),
        ("filter", {"score": (1,)}, "pair"),
    ],
)
def test_what_is_not_there_is_refused_and_changes_nothing(
    session: Session, name: str, value: Any, told: str
):
    before = {one: getattr(session, one) for one in LOOKED_AT}
    with pytest.raises((InputError, NotFound), match=told):
        setattr(session, name, value)
    for one, held in before.items():
        assert np.array_equal(getattr(session, one), held)
    session.filter = "row<5"  # life goes on
    assert listed(session) == [1, 4]


def test_an_interrupted_search_changes_nothing(session: Session, monkeypatch):
    def interrupted(word: str, stop: Any):
        raise KeyboardInterrupt

    search = session.facts._search
    monkeypatch.setattr(session.facts, "_search", interrupted)
    with pytest.raises(KeyboardInterrupt):
        session.filter = "lamp"
    assert session.filter == ""
    assert listed(session) == [1, 4]
    monkeypatch.setattr(session.facts, "_search", search)
    everything(session).filter = "lamp"
    assert len(listed(session)) == 30


def test_an_observer_that_fails_does_not_stop_the_session(session: Session):
    def fail(change: Any):
        raise RuntimeError("mine")

    session.observe(fail, "tick")
    with pytest.raises(RuntimeError, match="mine"):
        session.filter = "row<3"
    session.unobserve(fail, "tick")
    session.filter = "row<2"
    assert listed(session) == [1]


def test_a_session_that_nobody_holds_goes_and_is_told_no_more(lab: Datalab):
    session = Session(lab)
    gone = weakref.ref(session)
    del session
    gc.collect()
    assert gone() is None
    assert lab.review._observers == []
    lab.review.keep([lab.data.index[0]])


def test_a_search_that_fails_leaves_nothing_busy(session: Session, monkeypatch):
    monkeypatch.setattr("datalab.session.state.AT_ONCE", 10)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def fail(word: str, stop: Any):
        raise RuntimeError("mine")

    monkeypatch.setattr(session.facts, "_search", fail)
    session.look_for("lamp")
    for thread in threading.enumerate():
        if thread.name == "datalab-search":
            thread.join(10)
    assert session.busy == ""
    assert session.filter == ""


def test_texts_are_sorted_and_searched_alike_in_every_container(monkeypatch):
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    monkeypatch.setattr("datalab.session.state.SAMPLED", 8)
    rng = np.random.default_rng(0)
    texts = [str(one) for one in rng.choice(["Alpha x", "beta", "gamma", "ünï Alpha"], 40)]
    texts[3] = texts[7] = None  # type: ignore[call-overload]
    orders, found = [], []
    for data in (
        {"t": texts},
        {"t": np.array(texts, dtype=object)},
        pl.DataFrame({"t": texts}),
        pa.table({"t": texts}),
        Datalab({"t": texts}, ledger=False).corrected(),
        pd.DataFrame({"t": texts}),
    ):
        looked = Session(Datalab(data, task=None, ledger=False))
        for ascending in (True, False):
            looked.sort = ("t", ascending)
            orders.append((ascending, tuple(listed(looked))))
        looked.filter = "alpha"
        found.append(tuple(sorted(listed(looked))))
    assert len(set(orders)) == 2
    assert set(found) == {tuple(i for i, t in enumerate(texts) if t and "Alpha" in t)}
    assert {order[-2:] for _, order in orders} == {(3, 7)}
