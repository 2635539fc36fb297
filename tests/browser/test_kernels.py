"""Explorers in JupyterLab while kernels work, die, are interrupted and serve several people."""

import json
import urllib.request

import pytest
from server import eventually

pytestmark = pytest.mark.parametrize("server", ["lab"], indirect=True)

DEMO = """
from datalab.demo import make_demo
lab = make_demo(seed=0).audit()
"""
SLOW = """
import threading
import numpy as np
from datalab import Findings, register

GO, THREADS = threading.Event(), []

@register
class Slow:
    "Takes as long as it is told to."
    name, default = "slow", False

    def __init__(self, mark: int = 1):
        self.mark = mark

    def find_issues(self, table):
        THREADS.append(threading.current_thread().name)
        GO.wait(100)
        return Findings("slow", is_issue=np.zeros(len(table), bool), score=np.ones(len(table)))

chain = lab.chain("near_duplicate", "slow", "outlier")
editor = lab.view.chain()
editor
"""
STATES = "[step['state'] for step in editor.content['steps']]"


def test_the_chain_editor_runs_what_is_stale_beside_the_main_thread(notebook):
    book = notebook([DEMO, SLOW]).run_all()
    page = book.page
    cards = page.locator(".dl-chain article.step")
    eventually(lambda: cards.count() == 3)
    page.get_by_role("button", name="Run from").click()
    page.locator("article.running[aria-label=Slow]").wait_for()
    assert book.kernel("len(lab)") > 1000  # the kernel answers meanwhile
    assert book.kernel("editor._running") == "slow"
    assert book.kernel(STATES) == ["fresh", "not run", "not run"]
    page.get_by_label("mark of Slow").fill("7")
    page.keyboard.press("Enter")
    page.get_by_text("cancel it before changing it").wait_for()
    book.kernel("GO.set()")
    eventually(lambda: book.kernel(STATES) == ["fresh"] * 3)
    assert page.get_by_role("button", name="All fresh").is_disabled()

    # another parameter: only that step and those after it run again, and the run can be ended
    first = book.kernel("id(chain['near_duplicate'].done)")
    book.kernel("GO.clear()")
    page.get_by_label("mark of Slow").fill("2")
    page.keyboard.press("Enter")
    eventually(lambda: book.kernel(STATES) == ["fresh", "stale", "stale"])
    page.get_by_role("button", name="Run from Slow").click()
    page.locator("article.running[aria-label=Slow]").wait_for()
    page.get_by_role("button", name="Cancel").click()
    eventually(lambda: book.kernel("editor._running") == "ending")
    book.kernel("GO.set()")
    page.get_by_role("button", name="Run from").wait_for()
    assert book.kernel(STATES) == ["fresh", "fresh", "stale"]
    assert book.kernel("id(chain['near_duplicate'].done)") == first
    assert book.kernel("THREADS") == ["datalab-chain"] * 2
    # a view that is closed meanwhile ends its run
    book.kernel("GO.clear()")
    page.get_by_role("button", name="move left Slow").click()
    page.get_by_role("button", name="Run from Slow").click()
    page.locator("article.running[aria-label=Slow]").wait_for()
    book.kernel("editor.close()")
    book.kernel("GO.set()")
    threads = "[t.name for t in threading.enumerate() if t.name == 'datalab-chain']"
    eventually(lambda: book.kernel(threads) == [])
    assert book.kernel("chain['near_duplicate'].done is not None and len(THREADS)") == 3
    assert book.errors == []
    assert book.foreign_requests() == []


def test_the_map_lists_what_is_enclosed_and_tells_what_a_point_is(notebook):
    book = notebook([DEMO, "ex = lab.explore('map', 'table')\nex"]).run_all()
    page = book.page
    board = page.locator(".dl-scatter canvas").last
    page.locator(".dl-table tbody tr[data-row]").first.wait_for()
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    corners = [(0.3, 0.2), (0.75, 0.2), (0.75, 0.8), (0.3, 0.8)]
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()
    enclosed = eventually(lambda: book.kernel("len(ex.selection)"))
    assert enclosed > 50
    assert book.kernel("len(ex.rows)") == enclosed
    page.get_by_text(f"{enclosed:,} rows").first.wait_for()
    page.get_by_role("button", name="Drop the lasso").click()
    eventually(lambda: book.kernel("ex.session.region") is None)

    board.focus()
    before = book.kernel("ex.focus")
    page.keyboard.press("ArrowRight")
    row = eventually(lambda: (book.kernel("ex.focus") != before) and book.kernel("ex.focus"))
    page.locator(".dl-scatter .tip", has_text=f"row {row}").wait_for()
    assert book.errors == []


LARGE = """
import os, signal
from pathlib import Path
from datalab import Datalab
from datalab.review import ledger

n = 10_000
lab = Datalab({"x": range(n), "y": ["a", "b"] * (n // 2)}, label_name="y", ledger="kept.jsonl")
if not Path("once").exists():
    plain = os.write

    def half(handle, content):
        plain(handle, content[: len(content) // 2])
        if len(content) > 100_000:
            Path("once").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        plain(handle, content[len(content) // 2 :])
        return len(content)

    class Os:
        write = staticmethod(half)
        __getattr__ = lambda self, name: getattr(os, name)

    ledger.os = Os()
"""
BULK = "ex = lab.explore('table')\nex"


def test_killed_in_the_middle_of_a_bulk_all_of_it_or_none(notebook, server):
    for left in ("once", "kept.jsonl"):
        (server.work / left).unlink(missing_ok=True)
    book = notebook([LARGE, BULK]).run_all()
    page = book.page

    def all_rows(verdict: str) -> None:
        page.locator(".dl-table table.rows").focus()
        page.keyboard.press("a")
        eventually(lambda: book.kernel("len(ex.selection)") == 10_000)
        page.keyboard.press(verdict)
        page.get_by_role("button", name="Apply to 10,000 rows").click()

    page.locator(".dl-table tbody tr[data-row]").first.wait_for()
    page.locator(".dl-table table.rows").focus()
    page.keyboard.press("k")
    eventually(lambda: book.kernel("len(lab.review)") == 1)
    killed = book.kernel("os.getpid()")
    all_rows("x")
    eventually(lambda: (server.work / "once").exists())
    torn = (server.work / "kept.jsonl").read_text()
    assert 1000 < torn.count("exclude") < 10_000  # killed while it was being written
    book.forget_kernel()
    eventually(lambda: book.kernel("__import__('os').getpid()") != killed)
    dialog = page.locator(".jp-Dialog button.jp-mod-accept")
    if dialog.count():
        dialog.first.click()
    book.command("notebook:clear-all-cell-outputs")
    book.run_all()
    page.locator(".dl-table tbody tr[data-row]").first.wait_for()
    assert book.kernel("lab.review.verdicts()[:3].tolist()") == ["keep", None, None]
    assert book.kernel("len(lab.review)") == 1
    all_rows("x")
    eventually(lambda: book.kernel("len(lab.review)") == 10_000)
    page.keyboard.press("u")
    eventually(lambda: book.kernel("len(lab.review)") == 1)


TWO = """
one, other = lab.explore("table"), lab.explore("table", "inspector")
display(one, other)
"""


def test_two_explorers_two_reviewers_and_one_that_goes(notebook):
    book = notebook([DEMO, TWO]).run_all()
    page = book.page
    tables = page.locator(".dl-table table.rows")
    eventually(lambda: tables.count() == 2)
    row = book.kernel("int(one.focus)")
    book.kernel("setattr(lab.review, 'reviewer', 'ann')")
    tables.first.focus()
    page.keyboard.press("k")
    eventually(lambda: book.kernel("len(lab.review)") == 1)
    eventually(lambda: page.locator("td.verdict b.keep").count() == 2)  # seen in both
    book.kernel("setattr(lab.review, 'reviewer', 'ben')")
    assert not book.kernel("lab.review.can_undo")
    book.kernel(f"lab.review.exclude([{row}]) and None")
    eventually(lambda: page.locator("td.verdict b.exclude").count() == 2)
    said = {who: book.kernel(f"lab.review.verdicts({who!r})[{row}]") for who in ("ann", "ben")}
    assert said == {"ann": "keep", "ben": "exclude"}
    tables.last.focus()
    page.keyboard.press("u")  # ben's
    eventually(lambda: page.locator("td.verdict b.keep").count() == 2)

    # one goes: the other goes on, and nothing of the first is kept
    held = "len(__import__('ipywidgets').widgets.widget._instances)"
    before = book.kernel(held)
    followers = book.kernel("len(lab.review._observers)")
    book.kernel("one.close()")
    eventually(lambda: tables.count() == 1)
    assert book.kernel("len(lab.review._observers)") == followers - 1
    assert book.kernel(held) < before
    tables.first.focus()
    page.keyboard.press("x")
    eventually(lambda: page.locator("td.verdict b.exclude").count() == 1)
    assert book.errors == []


LONG = """
import time
from pathlib import Path
from datalab.session import state

state.AT_ONCE = 10
search = ex.session.facts._search

def long(word, stop):
    Path("searching").touch()
    for _ in range(1000):
        if stop():
            return search(word, stop)
        time.sleep(0.1)

ex.session.facts._search = long
"""


def test_a_long_search_can_be_cancelled_and_interrupted(notebook, server):
    book = notebook([DEMO, "ex = lab.explore('table')\nex", LONG]).run_all()
    page, begun = book.page, server.work / "searching"
    begun.unlink(missing_ok=True)
    line = page.get_by_label("filter", exact=True)
    line.fill("lamp")
    line.press("Enter")
    cancel = page.get_by_role("button", name="Cancel the search")
    cancel.wait_for()
    rows = book.kernel("len(ex.rows)")  # the kernel is free
    cancel.click()
    eventually(lambda: book.kernel("ex.session.busy") == "")
    assert book.kernel("ex.filter") == ""
    eventually(
        lambda: (
            book.kernel(
                "sum(t.name == 'datalab-search' for t in __import__('threading').enumerate())"
            )
            == 0
        )
    )

    # from Python the cell waits; interrupting it leaves everything as it was
    begun.unlink()
    page.evaluate(
        """() => { const content = window.jupyterapp.shell.currentWidget.content;
          content.model.sharedModel.addCell({cell_type: "code", source: "ex.filter = 'lamp'"});
          content.activeCellIndex = content.model.cells.length - 1; }"""
    )
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-cell')")
    eventually(begun.exists)
    headers = {"Authorization": f"token {server.token}"}
    url = f"{server.url}/api/kernels/{book.kernel_id()}/interrupt"
    urllib.request.urlopen(urllib.request.Request(url, method="POST", headers=headers))  # noqa: S310
    outputs = (
        "window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells.at(-1)"
    )
    eventually(lambda: "KeyboardInterrupt" in json.dumps(page.evaluate(f"{outputs}.outputs")))
    # What was asked before the kernel has told of the interruption is refused.
    eventually(lambda: book.kernel("[ex.filter, len(ex.rows)]") == ["", rows])
    page.locator(".dl-table table.rows").focus()
    page.keyboard.press("k")
    eventually(lambda: book.kernel("len(lab.review)") == 1)
    assert book.errors == []
