"""How fast the explorer answers with a million rows: ``pytest -m bench tests/browser``.

From the click to the changed table in the page, medians over a dozen clicks, and how much of it
the kernel works; a text filter from Enter to the changed table; the map from the arrival of its
points to the picture; a step of the slider; the time from ``lab.explore()`` to a table to look at;
and, in the kernel, first and later decisions, a bulk of 10,000, and sorting by a text.
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
# Seconds that the kernel works on one thing, as often as there are of it.
TIMED = """
def timed(*todo):
    took = []
    for do in todo:
        start = time.perf_counter()
        do()
        took.append(time.perf_counter() - start)
    return took

def look_at(i):
    return lambda: ex.views["confusion"].set_state({"cell": [i % 20, (i + 1) % 20]})
"""
IN_KERNEL = {
    "sort by text": "timed(lambda: setattr(ex, 'sort', ('text', True)))",
    "a click": "timed(*map(look_at, range(12)))",
    "first decision": "timed(lambda: lab.review.keep([5]).verdicts())",
    "decision": "timed(*[lambda: ex.session.decide('keep')] * 5)",
    "bulk of 10,000": "timed(lambda: lab.review.relabel(range(10_000), 3).verdicts())",
    "its undo": "timed(lambda: lab.review.undo())",
}
SEARCH = """async () => {
  const table = document.querySelector(".dl-table table.rows"), took = [];
  const input = document.querySelector(".dl-table input[type=search]");
  for (const words of ["lamp river", "stone alpha", ""]) {
    const changed = new Promise((done) => {
      const watch = new MutationObserver(() => {
        if (document.querySelector(".dl-table.searching")) return;
        watch.disconnect(); done();
      });
      watch.observe(table, { childList: true, subtree: true });
    });
    const start = performance.now();
    input.focus();
    input.value = words;
    input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    await changed;
    took.push(performance.now() - start);
    await new Promise((go) => setTimeout(go, 500));
  }
  return took;
}"""
# Milliseconds from the arrival of a million points (8 MB of places, 3 MB of what they are) to the
# picture; and for another colour of the points that are there.
DRAWN = """() => {
  const model = Object.values(models)[0], { content, places } = model.state;
  const by = document.querySelector("[aria-label='colour by']");
  const start = performance.now();
  model.state.places = { xy: new DataView(places.xy.buffer.slice(0)) };
  model.take("content", { ...content });
  return Promise.resolve().then(() => {
    const arrived = performance.now() - start, again = performance.now();
    by.dispatchEvent(new Event("change"));
    return { "from their arrival": arrived, "for another colour": performance.now() - again };
  });
}"""
PAGES = CLICKS.replace(
    '.heat button[data-rc="${i % 20},${(i + 1) % 20}"]', "[aria-label='next page']"
)


@pytest.mark.bench
def test_a_million_rows(notebook, capsys):
    book = notebook([MILLION, OPEN, TIMED]).run_all()
    page = book.page
    page.locator(".dl-table tbody tr[data-row]").first.wait_for()
    opening = book.kernel("seconds")
    clicks = statistics.median(page.evaluate(CLICKS))
    page.locator(".dl-table .segments button", has_text="all").click()
    eventually(lambda: book.kernel("len(ex.rows)") == 1_000_000)
    pages = statistics.median(page.evaluate(PAGES))
    found = max(page.evaluate(SEARCH))
    told = [f"open {opening:.2f} s, cell to table {clicks:.0f} ms, next page {pages:.0f} ms"]
    told += [f"text filter {found:.0f} ms; in the kernel:"]
    for name, todo in IN_KERNEL.items():
        told.append(f"  {name} {1000 * statistics.median(book.kernel(todo)):.0f} ms")
    with capsys.disabled():
        print("\n" + "\n".join(told))  # noqa: T201 -- a benchmark tells what it measured


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
    took = [page.evaluate(DRAWN) for _ in range(5)]
    with capsys.disabled():
        told = ", ".join(f"{statistics.median(one[k] for one in took):.0f} ms {k}" for k in took[0])
        print(f"\na million points: {told}")  # noqa: T201


@pytest.mark.bench
def test_a_slider_over_a_million_scores(stage, capsys):
    """A step of the slider: counted and painted in the page, nothing asked of the kernel."""
    import numpy as np

    from datalab import Datalab

    n = 1_000_000
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=n)
    truth = np.where(rng.random(n) < 0.1, rng.integers(4, size=n), codes)
    probs = (np.eye(4)[truth] + rng.dirichlet(np.ones(4), n)) / 2
    lab = Datalab({"x": np.arange(n), "label": codes}, label_name="label", ledger=False)
    lab.find_issues(["label"], pred_probs=probs, rules="reference")
    page = stage(lab.view.scores(), width=700).page
    took = page.evaluate(
        """() => {
          const slider = document.querySelector("input[type=range]"), took = [];
          let asked = 0;
          window.kernel = () => { asked += 1; return new Promise(() => {}); };
          for (let i = 0; i < 100; i++) {
            const start = performance.now();
            slider.value = i;
            slider.dispatchEvent(new Event("input"));
            document.querySelector(".bars").getBoundingClientRect();
            took.push(performance.now() - start);
          }
          return { took, asked };
        }"""
    )
    assert took["asked"] == 0
    with capsys.disabled():
        step = statistics.median(took["took"])
        print(f"\na step of the slider takes {step:.1f} ms, asks nothing")  # noqa: T201
