"""Views in a plain page: layout, accessibility, keys.

``DATALAB_SCREENSHOTS=folder`` keeps the screenshot of every case there, to be looked at.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab

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
    labels = np.array([f"{first[c % 16]} {c} with a rather long class name" for c in range(k)])
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


LABS = {
    "pictures": digits,
    "table": table_of,
    "texts": lambda: texts_of(LOREM, 3, missing=False),
    "right-to-left": lambda: texts_of(HEBREW, 2, missing=True),
    "fifty": lambda: texts_of(LOREM, 50, missing=True),
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


def test_attacks_are_shown_not_run(stage):
    attack = '<img src=x onerror="window.hit=1"><script>window.hit=2</script>'
    codes = np.tile([0, 1], 30)
    frame = pd.DataFrame(
        {
            "text": [f"{attack} {i} \u202e" for i in range(60)],
            attack: attack,
            "label": np.array([attack, "plain"])[codes],
        }
    )
    frame.index = [f"{attack}{i}" for i in range(60)]
    lab = audited(frame, 2, text_key="text")
    explorer = lab.explore("overview", "confusion", "scores", "table", "inspector", "map", "chain")
    shown = stage(explorer, width=1300)
    shown.page.wait_for_timeout(300)
    assert shown.page.evaluate("window.hit") is None
    assert shown.page.locator("#stage script, #stage img").count() == 0
    assert shown.page.get_by_text("<img src=x onerror=").count() > 5
    explorer.close()
