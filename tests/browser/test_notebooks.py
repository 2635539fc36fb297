"""The explorer in a real notebook, driven by hand: JupyterLab 4 and Notebook 7."""

import json

from server import eventually

DEMO = """
from datalab.demo import make_demo
lab = make_demo(seed=0).audit()
"""
KINDS = ("text/html", "application/vnd.jupyter.widget-view+json")  # of the two outputs
EXPLORE = "ex = lab.explore()\nex"


def open_explorer(notebook):
    book = notebook([DEMO, EXPLORE]).run_all()
    book.page.locator(".dl-table tbody tr[data-row]").first.wait_for()
    return book


def test_a_click_reaches_the_kernel_and_the_linked_views(notebook):
    book = open_explorer(notebook)
    page = book.page
    page.locator(".heat button[data-rc='7,1']").click()
    eventually(lambda: book.kernel("ex.session.cell") == [7, 1])
    rows = book.kernel("ex.rows.tolist()")
    page.get_by_role("status").get_by_text(f"{len(rows)} rows, page 1 of").wait_for()
    shown = page.locator(".dl-table tbody tr[data-row]")
    eventually(lambda: shown.count() == min(len(rows), 12))
    page.locator(".heat button[data-rc='7,1']").click()
    eventually(lambda: book.kernel("ex.session.cell") is None)

    # from Python to the page
    book.kernel("setattr(ex, 'filter', 'given:3')")
    eventually(lambda: page.get_by_label("filter", exact=True).input_value() == "given:3")
    book.kernel("ex.select([int(ex.rows[0])])")
    eventually(lambda: page.locator("tr[aria-selected=true]").count() == 1)
    assert book.foreign_requests() == []
    assert book.errors == []


def test_a_whole_review_without_the_mouse(notebook):
    book = open_explorer(notebook)
    page, press = book.page, book.page.keyboard.press
    page.locator(".dl-table table.rows").focus()
    press("/")
    page.keyboard.type("given:7")
    press("Enter")
    eventually(lambda: book.kernel("ex.filter") == "given:7")
    listed = book.kernel("ex.rows.tolist()")
    suggested = book.kernel("lab.review.suggested(ex.rows[:3])")
    for done in (1, 2, 3):
        press("r")
        eventually(lambda done=done: book.kernel("len(lab.review)") == done)
    verdicts = book.kernel("lab.review.verdicts().tolist()")
    assert [verdicts[row] for row in listed[:3]] == ["relabel"] * 3
    assert book.kernel("lab.review.frame()['new'].tolist()") == suggested

    press("a")
    eventually(lambda: book.kernel("len(ex.selection)") == len(listed))
    press("x")
    page.get_by_role("button", name=f"Apply to {len(listed)} rows").wait_for()
    assert book.kernel("len(lab.review)") == 3  # nothing has changed yet
    press("Enter")
    eventually(lambda: book.kernel("len(lab.review)") == len(listed))
    decided = book.kernel("lab.review.verdicts().tolist()")
    assert [decided[row] for row in listed] == ["exclude"] * len(listed)
    for _ in range(4):  # three rows and the bulk
        press("u")
    eventually(lambda: book.kernel("len(lab.review)") == 0)
    for _ in range(4):
        press("Shift+U")
    eventually(lambda: book.kernel("lab.review.verdicts().tolist()") == decided)
    press("?")
    page.get_by_text("relabel to any class, by typing").wait_for()
    # none of these keys did anything to the notebook (x cuts a cell, a adds one)
    cells = "window.jupyterapp.shell.currentWidget.content.model.cells.length"
    assert page.evaluate(cells) == 2
    assert book.errors == []


def test_the_map_and_the_chain(notebook):
    book = notebook([DEMO, "ex = lab.explore('table', 'map', 'chain')\nex"]).run_all()
    page = book.page
    page.locator(".dl-table tbody tr[data-row]").first.wait_for()
    spot = page.locator(".map canvas").last
    spot.focus()
    before = book.kernel("ex.session.focus")
    page.keyboard.press("ArrowRight")
    eventually(lambda: book.kernel("ex.session.focus") != before)
    page.locator(".map .tip").wait_for()  # what the point is, with its picture
    eventually(lambda: page.locator(".map .tip img").evaluate("e => e.naturalWidth") > 0)

    page.get_by_role("button", name="Run from").click()
    page.get_by_role("button", name="All fresh").wait_for()
    assert book.kernel("set(ex.views['chain'].chain.frame()['state'])") == "{'fresh'}"
    page.get_by_label("threshold of Near duplicate", exact=True).fill("0.5")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Run from Near duplicate").wait_for()
    assert page.locator(".step.fresh").count() > 0  # what stands before it
    page.get_by_role("button", name="Show as Python").click()
    assert "'threshold': 0.5" in page.locator(".code").inner_text()
    assert book.errors == []


def test_without_a_kernel_the_report_stands_there(notebook):
    book = open_explorer(notebook)
    report = book.page.locator("[class^=dl-static-]")
    eventually(lambda: report.count() == 1 and not report.is_visible())
    saved = book.save()
    eventually(lambda: "dl-static-" in saved.read_text())
    assert len(saved.read_bytes()) < 300_000
    outputs = json.loads(saved.read_text())["cells"][1]["outputs"]
    assert [one["output_type"] for one in outputs] == ["display_data"] * 2, outputs
    assert [kind in one["data"] for one, kind in zip(outputs, KINDS, strict=True)] == [True, True]

    again = notebook(saved)  # the same outputs, a new kernel, nothing run
    again.page.locator("[class^=dl-static-]").wait_for()
    assert again.page.locator("table[role=grid]").count() == 0


def test_two_explorers_and_a_killed_kernel(notebook):
    book = notebook([DEMO, EXPLORE, "lab.explore('table')"]).run_all()
    page = book.page
    tables = page.locator(".dl-table table.rows")
    eventually(lambda: tables.filter(has=page.locator("tr[data-row]")).count() == 2)
    tables.first.focus()
    page.keyboard.press("k")
    eventually(lambda: book.kernel("len(lab.review)") == 1)
    eventually(lambda: page.locator("td.verdict b.keep").count() == 2)  # seen in both
    path = book.kernel("str(lab.review.path)")
    book.restart()
    book.run_all()
    assert book.kernel("str(lab.review.path)") == path
    assert book.kernel("len(lab.review)") == 1


def test_dark_theme(notebook):
    book = open_explorer(notebook)
    ground = "e => getComputedStyle(e).backgroundColor"
    light = book.page.locator(".dl-table").evaluate(ground)
    book.command("apputils:change-theme", {"theme": "JupyterLab Dark"})
    book.page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
    eventually(lambda: book.page.locator(".dl-table").evaluate(ground) != light)
    assert book.errors == []
