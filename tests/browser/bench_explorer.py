"""How fast the explorer answers with a million rows: ``pytest -m bench tests/browser``.

From the click to the changed table in the page, medians over a dozen clicks; the map from the
arrival of its points to the picture; the time from ``lab.explore()`` to a table to look at.
"""

import statistics

import pytest
from server import eventually

MILLION = """
import numpy as np, pandas as pd
from datalab import Datalab
n, k = 1_000_000, 20
rng = np.random.default_rng(0)
codes = rng.integers(k, size=n)
words = rng.choice("alpha beta gamma delta lamp house river stone".split(), (n, 5))
frame = pd.DataFrame({"text": [" ".join(w) for w in words], "label": codes})
truth = np.where(rng.random(n) < 0.05, rng.integers(k, size=n), codes)
probs = np.full((n, k), 0.2 / (k - 1))
probs[np.arange(n), truth] = 0.8
features = rng.normal(size=(n, 16)).astype("f4") + codes[:, None] % 5
lab = Datalab(frame, label_name="label", text_key="text", ledger=False, verbosity=0)
lab.find_issues(["label"], pred_probs=probs, rules="reference")
lab.give(features=features)
"""
OPEN = """
import time
start = time.perf_counter()
ex = lab.explore("overview", "confusion", "scores", "table", "inspector")
seconds = time.perf_counter() - start
ex
"""
# Milliseconds from an action to the next change of the table.
CLICKS = """async () => {
  const table = document.querySelector(".dl-table table.rows"), took = [];
  const changed = () => new Promise((done) => {
    const watch = new MutationObserver(() => { watch.disconnect(); done(); });
    watch.observe(table, { childList: true, subtree: true });
  });
  for (let i = 0; i < 12; i++) {
    const start = performance.now(), next = changed();
    document.querySelector(`.heat button[data-rc="${i % 20},${(i + 1) % 20}"]`).click();
    await next;
    took.push(performance.now() - start);
    await new Promise((go) => setTimeout(go, 150));
  }
  return took;
}"""
PAGES = CLICKS.replace(
    '.heat button[data-rc="${i % 20},${(i + 1) % 20}"]', "[aria-label='next page']"
)


@pytest.mark.bench
def test_a_million_rows(notebook, capsys):
    book = notebook([MILLION, OPEN]).run_all()
    page = book.page
    page.locator(".dl-table tbody tr[data-row]").first.wait_for()
    opening = book.kernel("seconds")
    clicks = statistics.median(page.evaluate(CLICKS))
    page.locator(".dl-table .segments button", has_text="all").click()
    eventually(lambda: book.kernel("len(ex.rows)") == 1_000_000)
    pages = statistics.median(page.evaluate(PAGES))
    with capsys.disabled():
        told = f"open {opening:.2f} s, cell to table {clicks:.0f} ms, next page {pages:.0f} ms"
        print(f"\n{told}")  # noqa: T201 -- a benchmark tells what it measured


@pytest.mark.bench
def test_a_map_of_a_million_points(stage, capsys):
    import numpy as np

    from datalab import Datalab

    n = 1_000_000
    lab = Datalab({"x": np.arange(n), "label": np.arange(n) % 10}, label_name="label", ledger=False)
    rng = np.random.default_rng(0)
    lab.give(features=rng.normal(size=(n, 2)).astype(np.float32))
    page = stage(lab.view.map(), width=900).page
    page.wait_for_timeout(500)
    took = page.evaluate(
        """() => {
          const by = document.querySelector("[aria-label='colour by']"), start = performance.now();
          by.dispatchEvent(new Event("change"));
          return performance.now() - start;
        }"""
    )
    with capsys.disabled():
        print(f"\na million points drawn in {took:.0f} ms")  # noqa: T201
