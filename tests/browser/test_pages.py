"""Views in a plain page: layout, accessibility, keys.

``DATALAB_SCREENSHOTS=folder`` keeps the screenshot of every case there, to be looked at.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab
from datalab.views.explorer import VIEWS

LOREM = """the quick brown fox jumps over the lazy dog while nobody looks at the old lamp"""
HEBREW = """הלקוח כתב שהמשלוח הגיע שבור ולכן ביקש החזר כספי מלא עוד באותו היום"""


def probabilities(codes: np.ndarray, k: int, seed: int = 0) -> np.ndarray:
    """The model doubts every ninth row, and takes each class for the one after it."""
    rng = np.random.default_rng(seed)
    truth = np.where(np.arange(len(codes)) % 9 == 0, (codes + 1) % k, codes)
    probs = rng.dirichlet(np.full(k, 0.2), len(codes)) * 0.4
    probs[np.arange(len(codes)), truth] += 0.6
    return probs


def audited(frame: pd.DataFrame, k: int, **options) -> Datalab:
    lab = Datalab(frame, label_name="label", ledger=False, verbosity=0, **options)
    codes = np.asarray(lab.labels)
    features = np.random.default_rng(1).normal(size=(len(frame), 8)) + np.maximum(codes, 0)[:, None]
    features[5] = features[4]
    return lab.find_issues(pred_probs=probabilities(np.maximum(codes, 0), k), features=features)


def table_of(n: int = 300) -> Datalab:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "income": rng.lognormal(10, 1, n),
            "city": rng.choice(["Graz", "Wien", "Linz"], n),
            "a column with a very long name that nobody can shorten": rng.random(n),
            "label": rng.choice(["yes", "no"], n),
        },
        index=[f"customer-{i:05d}" for i in range(n)],
    )
    return audited(frame, 2)


def texts_of(sentence: str, k: int, missing: bool, n: int = 600) -> Datalab:
    rng = np.random.default_rng(0)
    words, first = sentence.split(), LOREM.split()
    labels = np.array([f"a rather long class name of {first[c % 16]} {c}" for c in range(k)])
    labels = labels[rng.integers(k, size=n)].astype(object)
    if missing:
        labels[::7] = None
    texts = [" ".join(rng.choice(words, int(rng.integers(4, 60)))) for _ in range(n)]
    return audited(pd.DataFrame({"text": texts, "label": labels}), k, text_key="text")


def digits() -> Datalab:
    from datalab.demo import make_demo

    demo = make_demo(seed=0)
    lab = Datalab(
        demo.data, label_name="label", annotations=demo.annotators, verbosity=0, ledger=False
    )
    return lab.find_issues(pred_probs=demo.pred_probs, features=demo.features)


def sounds(n: int = 60) -> Datalab:
    rng = np.random.default_rng(0)
    pitch = 220 * (1 + np.arange(n) % 2)
    time = np.arange(4000) / 8000
    heard = [{"array": 0.3 * np.sin(2 * np.pi * p * time), "sampling_rate": 8000} for p in pitch]
    heard[7] = {"bytes": b"no sound", "path": None}
    frame = pd.DataFrame(
        {"heard": heard, "speaker": rng.choice(["a", "b"], n), "label": np.where(pitch > 220, 1, 0)}
    )
    return audited(frame, 2, audio_key="heard")


def several_labels(n: int = 200) -> Datalab:
    rng = np.random.default_rng(0)
    given = rng.random((n, 4)) < 0.4
    probs = np.clip(np.where(given, 0.85, 0.1) + rng.normal(0, 0.05, given.shape), 0.01, 0.99)
    given[::15, 0] ^= True
    tags = [np.flatnonzero(row).tolist() for row in given]
    text = [" ".join(rng.choice(LOREM.split(), 12)) for _ in range(n)]
    data = {"text": text, "tags": tags}
    lab = Datalab(data, "multilabel", label_name="tags", text_key="text", ledger=False, verbosity=0)
    return lab.find_issues(pred_probs=probs, features=rng.normal(size=(n, 6)))


ATTACK = '<img src=x onerror="window.hit=1"><script>window.hit=2</script>'
HOSTILE = (
    ATTACK, "a\u202eb\u2066c\x00\x1b[31m", "x" * 10_000, "日本語のとても長い名前です" * 2,
    HEBREW, "😀👩\u200d👧" * 9, "line\nline\r\n\ttab\u2028sep", "{{7*7}} ${x} </td></table>",
)  # fmt: skip


def hostile(n: int = 160) -> Datalab:
    codes = np.arange(n) % len(HOSTILE)
    values = np.array(HOSTILE, dtype=object)
    frame = pd.DataFrame(
        {"text": values[codes], ATTACK: values[::-1][codes], "\u202ecol\x01": 1e12}
    )
    frame["text"] += [f" {i}" for i in range(n)]
    frame["label"] = values[(codes * 3 + 1) % len(HOSTILE)]
    frame.index = [f"{ATTACK}{i}" for i in range(n)]
    return audited(frame, len(HOSTILE), text_key="text")


LABS = {
    "pictures": digits,
    "table": table_of,
    "texts": lambda: texts_of(LOREM, 3, missing=False),
    "right-to-left": lambda: texts_of(HEBREW, 2, missing=True),
    "fifty": lambda: texts_of(LOREM, 50, missing=True),
    "sounds": sounds,
    "several-labels": several_labels,
    "hostile": hostile,
    "nothing": lambda: Datalab({"x": [1, 2, 3]}, task=None, ledger=False),
}


@pytest.fixture(scope="session", params=LABS)
def lab(request: pytest.FixtureRequest) -> Datalab:
    lab = LABS[request.param]()
    lab.case = request.param
    return lab


# Elements that are wider than what is around them, where that does not scroll or cut on purpose.
TOO_WIDE = """() => {
  const free = (e) => /auto|scroll|hidden|clip/.test(getComputedStyle(e).overflowX);
  const wide = [];
  for (const e of document.querySelectorAll("#stage *")) {
    const parent = e.parentElement, room = parent.getBoundingClientRect();
    const box = e.getBoundingClientRect(), name = (e) => `${e.tagName}.${e.className}`;
    if (!box.width || free(parent) || getComputedStyle(e).position === "absolute") continue;
    if (box.right <= room.right + 1.5 && box.left >= room.left - 1.5) continue;
    wide.push(`${name(e)} in ${name(parent)}`);
  }
  if (document.documentElement.scrollWidth > window.innerWidth) wide.push("the page");
  return wide;
}"""


def serious(shown) -> list:
    """What axe-core finds wrong, where it is serious."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(shown.page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        (one["id"], [node["html"][:160] for node in one["nodes"][:3]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.fixture(scope="module")
def pictures() -> Datalab:
    return digits()


@pytest.fixture(scope="module")
def attacked() -> Datalab:
    return hostile()


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_explorer_fits_and_is_accessible(stage, lab: Datalab, width: int, dark: bool):
    explorer = lab.explore()
    shown = stage(explorer, width=width, dark=dark)
    if len(explorer.rows) > 2:
        shown.page.locator("table.rows").focus()
        shown.page.keyboard.press("ArrowDown")
        shown.page.keyboard.press("r")
        shown.page.keyboard.press("Shift+ArrowDown")
    shown.page.wait_for_timeout(200)
    if "DATALAB_SCREENSHOTS" in os.environ:
        folder = Path(os.environ["DATALAB_SCREENSHOTS"])
        shown.shot(folder / f"{lab.case}-{width}-{'dark' if dark else 'light'}.png")
    assert shown.page.evaluate(TOO_WIDE) == []
    assert serious(shown) == []
    explorer.close()


@pytest.mark.parametrize("width", [700, 1300, 1600])
def test_the_confusions_of_up_to_ten_classes_need_no_scrolling(
    stage, attacked: Datalab, width: int
):
    for lab in (attacked, texts_of(LOREM, 10, missing=False, n=9000)):
        explorer = lab.explore()
        page = stage(explorer, width=width).page
        page.wait_for_timeout(200)
        board = page.locator(".dl-heatmap .board")
        assert board.evaluate("(e) => e.scrollWidth - e.clientWidth") <= 0
        explorer.close()


def test_a_row_has_one_name(stage):
    lab = table_of()
    explorer = lab.explore(issue="near_duplicate")
    explorer.focus, explorer.sort = 4, ("row", True)
    shown = stage(explorer, width=1600)
    page = shown.page
    assert page.locator(".dl-table td.name").first.inner_text() == "customer-00004"
    assert page.locator(".dl-table thead").inner_text().split()[0] == "row"
    assert page.locator(".example h3").first.inner_text() == "Row customer-00004"
    assert "row customer-00005" in page.locator(".reason").first.inner_text()
    assert page.get_by_label("look at row customer-00005").first.inner_text()
    assert page.get_by_label("select row customer-00004").count() == 1
    page.get_by_label("filter").fill("row:customer-00005")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert explorer.rows.tolist() == [5]
    explorer.close()


def test_sets_of_classes_are_written_and_read_as_names(stage):
    explorer = several_labels().explore()
    page = stage(explorer, width=1300).page
    explorer.select([15, 45])
    page.locator("table.rows").focus()
    page.keyboard.press("r")
    page.get_by_role("button", name="Apply to 2 rows").wait_for()
    assert "[" not in page.locator("#stage").inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    page.get_by_label("New labels, with commas between, for 2 rows").fill("3, 1")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Apply to 2 rows").click()
    page.wait_for_timeout(300)
    assert explorer.session.lab.review.frame()["new"].tolist() == [[1, 3], [1, 3]]
    explorer.close()


INK = """(e) => {
  const { data } = e.getContext("2d").getImageData(0, 0, e.width, e.height), seen = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 20) for (const k of [0, 1, 2]) seen[k] += data[i + k];
  return String(seen);
}"""


@pytest.mark.parametrize("name", ["map", "confusion"])
def test_canvases_follow_the_theme_at_once(stage, name: str):
    lab = texts_of(LOREM, 50, missing=True)
    view = getattr(lab.view, name)()
    page = stage(view, width=900).page
    if name == "map":
        view.focus = 3
    page.wait_for_timeout(300)
    canvas = page.locator("canvas").last
    light = canvas.evaluate(INK)
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    page.wait_for_timeout(300)
    dark = canvas.evaluate(INK)
    assert dark != light
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    page.wait_for_timeout(300)
    assert canvas.evaluate(INK) == light
    view.close()


@pytest.mark.parametrize("name", ["map", "annotators", "chain", "confusion", "scores"])
@pytest.mark.parametrize("width", [560, 1200])
def test_each_view_fits_and_is_accessible(stage, pictures: Datalab, name: str, width: int):
    view = getattr(pictures.view, name)()
    shown = stage(view, width=width, dark=width == 560)
    if name == "chain":
        shown.page.get_by_role("button", name="Show as Python").click()
    if "DATALAB_SCREENSHOTS" in os.environ:
        shown.shot(Path(os.environ["DATALAB_SCREENSHOTS"]) / f"{name}-{width}.png")
    assert shown.page.evaluate(TOO_WIDE) == []
    assert serious(shown) == []
    view.close()


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_waits_for_its_content(stage, pictures: Datalab, name: str):
    view = getattr(pictures.view, name)()
    content, view.content = view.content, {}
    shown = stage(view, width=800)  # an error in the page is one here
    before = shown.page.locator("#stage").inner_text()
    view.content = content
    shown.poll()
    shown.page.wait_for_timeout(100)
    assert shown.page.locator("#stage").inner_text() != before
    view.close()


def test_the_slider_counts_without_the_kernel(stage, pictures: Datalab):
    view = pictures.view.scores()
    shown = stage(view, width=600)
    slider = shown.page.get_by_role("slider")
    slider.focus()
    shown.page.evaluate("() => { window.kernel = () => new Promise(() => {}) }")  # nobody answers
    before = slider.get_attribute("aria-valuetext")
    for _ in range(3):
        shown.page.keyboard.press("ArrowRight")
    after = slider.get_attribute("aria-valuetext")
    assert before != after
    assert after.startswith("score below")
    view.close()


def test_a_lasso_lists_what_it_encloses(stage, pictures: Datalab):
    view = pictures.view.map()
    page = stage(view, width=800).page
    box = page.locator(".map").bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    for x, y in ((box["width"] - 10, 10), (box["width"] - 10, 410), (10, 410)):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=3)
    page.mouse.up()
    page.wait_for_timeout(300)
    assert len(view.selection) > 0.8 * len(pictures)
    assert view.rows.shape == view.selection.shape
    view.close()


def test_keys_of_the_review(stage, pictures: Datalab):
    view = pictures.view.table(issue="label")
    page = stage(view, width=1000).page
    review, press = pictures.review, page.keyboard.press
    page.locator("table.rows").focus()
    first = view.focus
    press("l")
    page.keyboard.type("3")
    press("Enter")
    page.wait_for_timeout(200)
    assert review.frame()["new"].tolist() == [3]
    assert view.focus != first
    press("n")
    page.keyboard.type("blurred? <b>k</b>")
    press("Enter")
    page.wait_for_timeout(200)
    assert review.frame()["note"].tolist()[-1] == "blurred? <b>k</b>"
    press("u")
    press("u")
    page.wait_for_timeout(300)
    assert len(review.frame()) == 0
    press("Shift+ArrowDown")
    press("k")
    page.get_by_role("button", name="Apply to 2 rows").wait_for()
    press("Escape")
    page.wait_for_timeout(200)
    assert len(review.frame()) == 0
    press("?")
    page.get_by_text("select all rows that are listed").wait_for()
    view.close()


def test_the_map_shows_what_a_point_is(stage, pictures: Datalab):
    view = pictures.view.map()
    page = stage(view, width=800).page
    spot, tip = page.locator(".map canvas").last, page.locator(".tip")
    box = spot.bounding_box()
    places = np.frombuffer(view.places["xy"], "<f4").reshape(-1, 2)
    lonely = int(np.argmin(np.abs(places[:, 1] - 0.05)))  # far down, where no other covers it
    x, y = places[lonely].tolist()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + (1 - y) * box["height"])
    tip.wait_for()
    assert f"row {lonely}" in tip.inner_text()
    assert tip.locator("img").count() == 1
    page.mouse.down()
    page.mouse.up()
    page.wait_for_timeout(200)
    assert view.focus == lonely
    spot.focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(300)
    assert places[view.focus, 1] > places[lonely, 1]
    assert f"row {view.focus}" in tip.inner_text()
    page.keyboard.press("+")
    page.get_by_role("button", name="Whole map").click()
    view.close()


def test_recordings_are_played_in_the_table(stage):
    view = sounds().view.table(issue="label")
    view.flagged_only, view.sort = False, ("row", True)
    page = stage(view, width=1000).page
    page.get_by_role("button", name="play row 0").click()
    page.get_by_role("button", name="stop row 0").wait_for()
    page.get_by_role("button", name="stop row 0").click()
    page.get_by_role("button", name="play row 0").wait_for()
    page.get_by_role("button", name="play row 7").click()
    page.get_by_text("not a recording that can be played").wait_for()
    page.locator("table.rows").focus()
    page.keyboard.press("p")  # the row that is looked at
    page.get_by_role("button", name=f"stop row {view.focus}").wait_for()
    view.close()


def test_long_names_lose_their_middle(stage):
    lab = texts_of(LOREM, 50, missing=False)
    explorer = lab.explore("table", "confusion")
    page = stage(explorer, width=1300).page
    given = page.locator(".dl-table td.given .tag")
    names = [given.nth(i).inner_text() for i in range(given.count())]
    assert len(names) > 5
    assert len(set(names)) > 5
    assert all(len(name) <= 14 and "…" in name for name in names)
    assert given.first.get_attribute("title") in lab.class_names
    pair = page.locator(".pairs button").first
    pair.click()
    page.wait_for_timeout(200)
    code = {name: place for place, name in enumerate(lab.class_names)}
    shown = [bdi.get_attribute("title") for bdi in pair.locator("bdi").all()]
    assert explorer.session.cell == tuple(code[name] for name in shown)
    explorer.close()


def test_what_matters_of_a_text_is_marked(stage):
    texts = [f"{LOREM} number {i}" for i in range(60)]
    texts[3] = f"{LOREM} {LOREM} write to ada@example.org {LOREM}"
    frame = pd.DataFrame({"text": texts, "label": np.arange(60) % 2})
    lab = Datalab(frame, label_name="label", text_key="text", ledger=False, verbosity=0)
    view = lab.find_issues(["personal_data"]).view.table()
    page = stage(view, width=900).page
    assert page.locator("td.text mark").inner_text() == "a•••@•••.org"
    assert "ada@" not in page.content()
    view.close()


@pytest.mark.parametrize("name", ["map", "confusion", "chain", "scores", "table", "inspector"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_each_view_stands_hostile_values(stage, attacked: Datalab, name: str, dark: bool):
    view = getattr(attacked.view, name)()
    shown = stage(view, width=700, dark=dark)
    assert shown.page.evaluate(TOO_WIDE) == []
    assert serious(shown) == []
    assert shown.page.evaluate("window.hit") is None
    view.close()


def test_attacks_are_shown_not_run(stage, attacked: Datalab):
    explorer = attacked.explore(
        "overview", "confusion", "scores", "table", "inspector", "map", "chain"
    )
    shown = stage(explorer, width=1300)
    shown.page.wait_for_timeout(300)
    assert shown.page.evaluate("window.hit") is None
    assert shown.page.locator("#stage script, #stage img").count() == 0
    assert shown.page.get_by_text("<img src=x onerror=").count() > 5
    explorer.close()
