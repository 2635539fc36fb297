"""The live views without a page: what they draw, what they do when asked, and whom they follow."""

import io
import json
import threading
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab
from datalab.chain import Chain
from datalab.exceptions import InputError, NotFound
from datalab.session import Session
from datalab.views.chain import ChainEditor
from datalab.views.compare import differences, text_parts
from datalab.views.explorer import VIEWS, Explorer
from datalab.views.heatmap import Heatmap, clustered
from datalab.views.histogram import Histogram
from datalab.views.inspector import Inspector
from datalab.views.overview import Overview
from datalab.views.scatter import Scatter, project
from datalab.views.sound import playable
from datalab.views.table import Table

COLOURS = ["red", "green", "blue"]


def ask(view: Any, message: Any) -> None:
    """A message from the page."""
    view._handle_custom_msg(message, [])


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a value that travels."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts_of(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from texts_of(one)


def sizes(value: Any) -> int:
    """About how many bytes a value takes on its way."""
    if isinstance(value, dict):
        return sum(sizes(k) + sizes(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return sum(map(sizes, value))
    return len(value) if isinstance(value, bytes) else len(str(value))


@pytest.fixture
def lab() -> Datalab:
    """Sixty rows, of which the model doubts two; row 5 is a copy of row 3."""
    rng = np.random.default_rng(0)
    codes = np.tile([0, 1, 2], 20)
    names = np.array(COLOURS)[codes].astype(object)
    names[10] = None
    frame = pd.DataFrame(
        {
            "text": [f"text number {i} about {name}" for i, name in enumerate(names)],
            "size": np.arange(60) * 1.5,
            "label": names,
        }
    )
    probs = np.full((60, 3), 0.05)
    probs[np.arange(60), codes] = 0.9
    probs[1], probs[4] = [0.97, 0.01, 0.02], [0.01, 0.02, 0.97]
    features = rng.normal(size=(60, 4))
    features[5] = features[3]
    lab = Datalab(frame, label_name="label", text_key="text", ledger=False, verbosity=0)
    columns = [COLOURS.index(name) for name in lab.class_names]
    # Rules that stay as they are: these tests are about looking, not about finding.
    lab.find_issues(["label"], pred_probs=probs[:, columns], rules="reference")
    return lab.find_issues(["near_duplicate", "null"], features=features)


@pytest.fixture
def table(lab: Datalab) -> Table:
    return Table(Session(lab))


def test_a_page_of_the_table(table: Table):
    drawn = table.content
    assert [c["title"] for c in drawn["columns"]][:5] == [
        "row",
        "text",
        "given",
        "suggested",
        "score",
    ]
    first = drawn["rows"][0]
    assert (first["row"], first["given"], first["suggested"]) == (1, "green", "red")
    assert first["why"].startswith("model gives green only 1")
    assert drawn["total"] == 2
    json.dumps(drawn)  # nothing in it that a page could not read


def test_labels_stand_with_their_probabilities():
    probs = np.tile([[0.9, 0.1], [0.25, 0.75]], (20, 1))
    lab = Datalab({"y": np.tile([0, 1], 20)}, label_name="y", ledger=False, verbosity=0)
    table = lab.find_issues(["label"], pred_probs=probs).view.table(issue="label")
    table.filter, table.flagged_only = "row<2", False
    shown = {row["row"]: (row["p_given"], row["p_suggested"]) for row in table.content["rows"]}
    assert shown == {0: ("90\xa0%", "90\xa0%"), 1: ("75\xa0%", "75\xa0%")}


def test_state_from_the_page(table: Table):
    table.set_state({"flagged_only": False, "sort": ["row", False], "page": 2})
    assert table.session.sort == ("row", False)
    assert [row["row"] for row in table.content["rows"]] == list(range(35, 23, -1))
    table.set_state({"filter": "given:missing"})
    assert [row["row"] for row in table.content["rows"]] == [10]
    assert table.content["rows"][0]["given"] == "missing"
    table.set_state({"filter": "given:purple"})
    assert "no class 'purple'" in table.problem
    assert table.session.filter == "given:missing"
    table.set_state({"filter": ""})
    assert table.problem == ""
    table.set_state({"sort": ["nothing", True]})
    assert "sort" in table.problem


def test_what_was_looked_for_is_marked(table: Table):
    table.flagged_only = False
    table.filter = "BLUE row<3"
    [row] = table.content["rows"]
    assert row["text"] == {"kind": "text", "parts": ["text number 2 about ", "blue", ""]}


def test_the_page_cannot_ask_for_anything_else(table: Table):
    before = table.session.tick
    for message in ({"do": "close"}, {"do": "__class__"}, {}, "undo", {"do": None}):
        ask(table, message)
    assert table.session.tick == before
    ask(table, {"do": "drop", "args": {"name": "lab"}})
    assert "narrows no list" in table.problem
    ask(table, {"do": "pick", "args": {"surprise": 1}})
    assert "surprise" in table.problem


def test_selecting_and_deciding(table: Table):
    session = table.session
    ask(table, {"do": "decide", "args": {"verdict": "relabel"}})
    assert table.content["rows"][0]["verdict"] == {"kind": "relabel", "text": "→ red"}
    assert table.content["suggestion"] == "blue"  # the next row
    ask(table, {"do": "decide", "args": {"verdict": "relabel", "value": "Red"}})
    assert session.lab.corrected()["label"].tolist()[:5] == ["red", "red", "blue", "red", "red"]
    ask(table, {"do": "undo"})
    ask(table, {"do": "undo"})
    assert not table.content["undo"]
    ask(table, {"do": "redo"})
    assert table.content["progress"]["text"].startswith("1 of 2 reviewed")
    ask(table, {"do": "decide", "args": {"verdict": "relabel", "value": "purple"}})
    assert "no class 'purple'" in table.problem


def test_many_rows_are_shown_before_they_change(table: Table):
    table.flagged_only = False
    ask(table, {"do": "decide", "args": {"verdict": "keep"}})
    ask(table, {"do": "all"})
    assert table.content["n_selected"] == 60
    ask(table, {"do": "decide", "args": {"verdict": "relabel", "value": "blue"}})
    assert table.preview["rows"] == "60 rows"
    assert table.preview["replaced"] == "1 earlier decision replaced"
    assert {(c["given"], c["new"], c["rows"]) for c in table.preview["changes"]} == {
        ("red", "blue", "20"),
        ("green", "blue", "19"),
        ("blue", "", "20"),  # stays what it is
        ("missing", "blue", "1"),
    }
    assert len(table.session.lab.review) == 1
    relabel = {"verdict": "relabel", "value": "blue", "confirmed": True}
    ask(table, {"do": "decide", "args": relabel})
    assert table.preview is None
    assert len(table.session.lab.review) == 60
    ask(table, {"do": "undo"})
    assert len(table.session.lab.review) == 1


def test_overview(lab: Datalab):
    view = Overview(Session(lab))
    cards = {card["name"]: card for card in view.content["cards"]}
    assert cards["label"]["count"] == "2"
    assert cards["near_duplicate"]["count"] == "2"
    assert cards["null"]["state"] == "clean"
    assert sum(cards["label"]["bins"]) == 59
    scores = view.session.scores()
    view.threshold = float(np.nanmedian(scores))
    below = int((scores < view.threshold).sum())
    assert {c["name"]: c["count"] for c in view.content["cards"]}["label"] == str(below)
    view.issue = "near_duplicate"
    assert view.session.rows.tolist() == [3, 5]


def test_reasons_of_checks_that_could_not_run():
    lab = Datalab({"x": ["a", "b"] * 10}, task=None, ledger=False, verbosity=0)
    lab.find_issues(["outlier"])
    cards = Overview(Session(lab)).content["cards"]
    assert [card["count"] for card in cards] in (["n/a"], ["0"])
    bare = Explorer(Datalab({"x": [1, 2]}, task=None, ledger=False))
    assert "find_issues" in bare.views["overview"].content["sentence"]
    assert bare.views["table"].content["total"] == 2


def test_histogram_counts_are_exact(lab: Datalab):
    view = Histogram(Session(lab))
    rows, flagged = (np.frombuffer(view.content[name], "<u4") for name in ("rows", "flagged"))
    edges = np.frombuffer(view.content["edges"], "<f8")
    assert (rows.sum(), flagged.sum()) == (59, 2)
    scores = view.session.scores()
    for place in (1, 40, 200, 256):
        view.threshold = float(edges[place])
        expected = int((scores[~np.isnan(scores)] < edges[place]).sum())
        assert len(view.session.rows) == expected == rows[:place].sum()


def test_heatmap(lab: Datalab):
    view = Heatmap(Session(lab))
    k = len(view.content["names"])
    counts = np.frombuffer(view.content["counts"], "<u4").reshape(k, k)
    assert counts.sum() == 59
    green, red = (lab.class_names.index(name) for name in ("green", "red"))
    assert counts[green, red] == 1
    expected = np.frombuffer(view.content["expected"], "<f4")
    assert expected.sum() == pytest.approx(59)
    view.set_state({"cell": [green, red]})
    assert view.session.rows.tolist() == [1]


def test_confusable_classes_stand_together():
    counts = np.diag([50] * 6)
    counts[0, 5] = counts[5, 0] = 20
    counts[1, 3] = 15
    order = clustered(counts)
    assert sorted(order) == list(range(6))
    assert abs(order.index(0) - order.index(5)) == 1
    assert abs(order.index(1) - order.index(3)) == 1


def test_inspector(lab: Datalab):
    view = Inspector(Session(lab, "near_duplicate"))
    view.session.focus = 3
    seen = view.content["example"]
    assert (seen["row"], seen["given"]) == (3, "red")
    assert seen["probabilities"][0]["name"] == "red"
    assert seen["neighbours"][0]["row"] == 5
    assert seen["duplicates"][0]["row"] == 5
    kinds = {part["kind"] for part in seen["duplicates"][0]["differs"]["parts"]}
    assert kinds == {"same", "gone", "added"}
    assert seen["reasons"][0]["why"].endswith("row 5")
    view.session.filter = "row>900"
    assert view.content["example"] is None


def test_differences_of_tables():
    lab = Datalab({"a": [1, 1], "b": ["x", "y"], "c": [None, None]}, task=None, ledger=False)
    told = differences(lab, 0, 1)
    assert told == {"columns": [{"name": "b", "mine": "x", "theirs": "y"}], "more": 0}
    numbers = {"a": [1, 2], "b": [0.5, None], "c": [None, None]}
    told = differences(Datalab(numbers, task=None, ledger=False), 0, 1)
    assert [(c["name"], c["mine"], c["theirs"]) for c in told["columns"]] == [
        ("a", "1", "2"),
        ("b", "0.5", "missing"),
    ]
    assert text_parts("same", "same") == [{"kind": "same", "text": "same"}]


def test_sounds():
    data, mime, problem = playable({"array": np.sin(np.arange(800)), "sampling_rate": 8000})
    assert (mime, problem) == ("audio/wav", "")
    with wave.open(io.BytesIO(data)) as sound:
        assert (sound.getframerate(), sound.getnframes()) == (8000, 800)
    assert playable(b"<html>")[2] == "not a recording that can be played"
    assert playable(None)[2] == "no recording"
    assert playable("/no/such.wav")[2] == "the file does not exist"


def test_a_recording_is_sent_when_it_is_asked_for(monkeypatch):
    sounds = [{"array": np.zeros(100), "sampling_rate": 8000}] * 20
    lab = Datalab({"s": sounds, "y": [0, 1] * 10}, label_name="y", audio_key="s", ledger=False)
    view = lab.view.inspector()
    assert view.content["example"]["sound"]
    sent = []
    monkeypatch.setattr(view, "send", lambda message, buffers: sent.append((message, buffers)))
    ask(view, {"do": "play", "args": {"row": 3}})
    [(message, [data])] = sent
    assert (message["sound"], message["mime"]) == (3, "audio/wav")
    assert data.startswith(b"RIFF")


def test_numbers_are_corrected_by_typing():
    lab = Datalab({"x": range(40), "y": range(40)}, "regression", "y", ledger=False, verbosity=0)
    table = lab.view.table()
    assert table.content["labelled"]
    ask(table, {"do": "decide", "args": {"verdict": "relabel", "value": "2.5"}})
    assert lab.corrected()["y"][0] == 2.5
    ask(table, {"do": "decide", "args": {"verdict": "relabel", "value": "much"}})
    assert "number" in table.problem


def test_views_of_one_session_follow_each_other(lab: Datalab):
    explorer = lab.explore()
    views = explorer.views
    views["confusion"].set_state({"cell": [1, 2]})
    assert views["table"].cell == (1, 2)
    assert views["table"].content["chips"][0]["name"] == "cell"
    views["scores"].set_state({"threshold": 0.5})
    assert views["overview"].threshold == 0.5
    seen = []
    explorer.observe(lambda change: seen.append(change.new.tolist()), "selection")
    explorer.select([7, 8])
    assert seen == [[7, 8]]
    assert views["table"].selection.tolist() == [7, 8]
    views["table"].selection = [1]
    assert explorer.selection.tolist() == [1]
    assert explorer.selected()["size"].tolist() == [1.5]
    explorer.filter = {"given": "red"}
    assert views["table"].filter == "given:red"
    with pytest.raises(InputError, match="class"):
        views["table"].filter = "given:purple"
    assert views["table"].filter == "given:red"


def test_a_closed_view_follows_no_longer(lab: Datalab):
    explorer = lab.explore()
    table, session = explorer.views["table"], explorer.session
    explorer.close()
    session.filter = "row<3"
    assert table.filter == ""


def test_names_of_views(lab: Datalab):
    assert {"table", "overview", "confusion", "scores", "inspector"} <= set(dir(lab.view))
    assert isinstance(lab.view.table(issue="label"), Table)
    with pytest.raises(NotFound, match="did you mean 'table'"):
        lab.view.tabel()
    with pytest.raises(NotFound, match="no view"):
        lab.explore("nothing")
    with pytest.raises(NotFound, match="was not checked"):
        lab.explore(issue="outlier")
    assert list(lab.explore("table").views) == ["table"]


def test_a_report_stands_before_the_live_view(lab: Datalab, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append((bundle, raw)))
    explorer = lab.explore()
    explorer._ipython_display_()
    static, live = (bundle for bundle, _ in shown)
    view = next(iter(explorer.views.values()))
    assert f'class="{view.static_id}"' in static["text/html"]
    assert live["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    lab.view.table()._ipython_display_()
    assert len(shown) == 4


def test_attacks_stay_text(hostile: Datalab):
    """What travels to the page is cleaned text; the page makes text nodes of it, never markup."""
    session = Session(hostile)
    session.flagged_only = False
    for make in VIEWS.values():
        view = make(session)
        for text in texts_of(view.content):
            assert "\u202e" not in text
            assert "\x00" not in text
            assert len(text) <= 4_100
            text.encode()  # no half characters


def test_no_module_parses_markup():
    from importlib.resources import files

    folder = files("datalab.views") / "esm"
    for file in folder.iterdir():
        code = file.read_text("utf-8")
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in code, f"{file.name} uses {word}"
        assert "http" not in code, f"{file.name} names an address"


def test_what_travels_stays_small():
    n = 20_000
    rng = np.random.default_rng(0)
    codes = rng.integers(50, size=n)
    frame = pd.DataFrame({"text": [f"row {i} " + "x" * 400 for i in range(n)], "label": codes})
    lab = Datalab(frame, label_name="label", text_key="text", ledger=False, verbosity=0)
    probs = np.full((n, 50), 0.005)
    probs[np.arange(n), np.where(rng.random(n) < 0.1, 7, codes)] += 0.75
    lab.find_issues(["label"], pred_probs=probs, rules="reference")
    explorer = lab.explore()
    explorer.views["table"].session.select_listed()
    for name, view in explorer.views.items():
        assert sizes(view.content) < 60_000, name


# --- map, annotators, chain -----------------------------------------------------------------------


def test_the_map_places_and_lists(lab: Datalab):
    view = Scatter(Session(lab))
    xy = np.frombuffer(view.places["xy"], "<f4").reshape(-1, 2)
    assert xy.shape == (60, 2)
    assert (xy >= 0).all()
    assert (xy <= 1).all()
    assert np.frombuffer(view.content["flags"], "u1").sum() == 2
    view._handle_custom_msg({"do": "lasso"}, [memoryview(np.array([7, 9], "<u4").tobytes())])
    assert view.session.rows.tolist() in ([7, 9], [9, 7])
    assert view.selection.tolist() == [7, 9]
    ask(view, {"do": "clear"})
    assert view.session.region is None
    ask(view, {"do": "pick", "args": {"point": 3}})
    assert view.session.focus == 3
    ask(view, {"do": "pick", "args": {"point": 999}})
    assert "out of bounds" in view.problem


def test_principal_directions():
    rng = np.random.default_rng(0)
    main = rng.normal(size=500)
    features = np.column_stack([3 * main, rng.normal(size=500) * 0.1, main])
    places = project(features, np.arange(500))
    assert abs(np.corrcoef(places[:, 0], main)[0, 1]) > 0.99
    assert project(features[:, :1], np.arange(5)).shape == (5, 2)
    constant = project(np.ones((4, 3)), np.arange(4))
    assert np.isfinite(constant).all()


def test_a_map_without_features_says_what_to_give():
    bare = Scatter(Session(Datalab({"x": [1, 2]}, task=None, ledger=False)))
    assert "features=" in bare.content["why"]
    with pytest.raises(InputError, match="method"):
        bare.session.lab.view.map(method="tsne")


def test_annotators():
    codes = np.tile([0, 1], 30)
    frame = pd.DataFrame({"label": codes, "ann": codes, "ben": codes, "cleo": codes[::-1]})
    frame.loc[0, "ben"] = 1
    lab = Datalab(
        frame, label_name="label", annotations=["ann", "ben", "cleo"], ledger=False, verbosity=0
    )
    lab.find_issues(["multi_annotator"])
    view = lab.view.annotators()
    assert view.content["rows"][0]["name"] == "cleo"
    assert view.content["confusion"]["counts"] == [[0, 30], [30, 0]]
    places = view.content["agreement"]["names"]
    shares = np.array(view.content["agreement"]["shares"])
    assert shares[places.index("ann"), places.index("ben")] == pytest.approx(59 / 60, abs=1e-3)
    best = next(row["id"] for row in view.content["rows"] if row["name"] == "ann")
    ask(view, {"do": "choose", "args": {"annotator": best}})
    assert view.content["confusion"]["counts"] == [[30, 0], [0, 30]]
    ask(view, {"do": "choose", "args": {"annotator": 99}})
    assert "no annotator" in view.problem
    nobody = Datalab(frame, label_name="label", ledger=False).view.annotators()
    assert "annotations=" in nobody.content["why"]


def finished(view: ChainEditor) -> ChainEditor:
    for thread in threading.enumerate():
        if thread.name == "datalab-chain":
            thread.join(30)
    return view


def test_the_chain_editor(lab: Datalab):
    view = ChainEditor(Session(lab))
    assert [step["name"] for step in view.content["steps"]] == ["label", "near_duplicate"]
    assert view.content["waiting"] == "Label"
    ask(view, {"do": "move", "args": {"step": "near_duplicate", "by": -1}})
    ask(view, {"do": "run"})
    first, second = finished(view).content["steps"]
    assert (first["name"], first["rows_in"], first["rows_out"]) == ("near_duplicate", "60", "59")
    assert (second["rows_in"], second["state"]) == ("59", "fresh")
    assert view.content["waiting"] == view.content["running"] == ""
    ask(view, {"do": "set", "args": {"step": "label", "parameter": "frac_noise", "value": "0.5"}})
    assert [step["state"] for step in view.content["steps"]] == ["fresh", "stale"]
    assert "'frac_noise': 0.5" in view.content["code"]
    ask(view, {"do": "set", "args": {"step": "label", "parameter": "filter_by", "value": "odd"}})
    assert "filter_by" in view.problem
    ask(view, {"do": "then", "args": {"step": "label", "action": "drop"}})
    ask(view, {"do": "enable", "args": {"step": "near_duplicate", "on": False}})
    ask(view, {"do": "add", "args": {"issue": "null"}})
    assert [step["state"] for step in view.content["steps"]] == ["off", "stale", "not run"]
    ask(view, {"do": "remove", "args": {"step": "null"}})
    assert len(view.content["steps"]) == 2


def test_a_chain_that_runs_is_not_changed_and_can_be_ended(lab: Datalab, monkeypatch):
    view = ChainEditor(Session(lab))
    reached, go_on = threading.Event(), threading.Event()
    run_step = Chain._run_step

    def slow(*args):
        reached.set()
        go_on.wait(10)
        return run_step(*args)

    monkeypatch.setattr(Chain, "_run_step", slow)
    ask(view, {"do": "run"})
    assert reached.wait(10)
    assert view.content["running"] == "label"
    ask(view, {"do": "remove", "args": {"step": "label"}})
    assert "running" in view.problem
    ask(view, {"do": "cancel"})
    go_on.set()
    states = [step["state"] for step in finished(view).content["steps"]]
    assert states == ["fresh", "not run"]
    assert view.content["running"] == ""
