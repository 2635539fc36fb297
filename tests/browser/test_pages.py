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


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_explorer_fits_and_is_accessible(stage, lab: Datalab, width: int, dark: bool):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
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
    found = axe.run(shown.page, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [
        (one["id"], [node["html"][:160] for node in one["nodes"][:3]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
    explorer.close()
