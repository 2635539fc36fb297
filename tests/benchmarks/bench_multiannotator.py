"""Time of the multi-annotator functions, side by side with the reference; quality of consensus.

Run with ``pytest -m bench tests/benchmarks/bench_multiannotator.py``.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab import multiannotator
from datalab._core.dawid_skene import dawid_skene
from datalab._core.multiannotator import Answers, answers_from, majority_vote

pytestmark = pytest.mark.bench

DATA = Path(os.environ.get("DATALAB_DATA", Path(__file__).parents[3] / "shared" / "data"))
N_ITEMS, PER_ITEM, N_CLASSES = 50_000, 5, 10


def timed(function: Callable[[], Any], rounds: int) -> tuple[float, float, Any]:
    """Least wall and CPU seconds, and the result."""
    wall, cpu, result = np.inf, np.inf, None
    for _ in range(rounds):
        result = None
        started = time.perf_counter(), time.process_time()
        result = function()
        wall = min(wall, time.perf_counter() - started[0])
        cpu = min(cpu, time.process_time() - started[1])
    return wall, cpu, result


def tell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{text}")


def test_dawid_skene(crowd: Any, capsys: pytest.CaptureFixture[str]) -> None:
    wide, probs = crowd(50)
    item, annotator = np.nonzero(~np.isnan(wide))
    given = answers_from(
        item,
        annotator,
        wide[item, annotator].astype(np.int64),
        n_items=N_ITEMS,
        n_annotators=50,
        n_classes=N_CLASSES,
    )
    for name, model in (("answers alone", None), ("with a model", probs)):
        _, twenty, _ = timed(lambda model=model: dawid_skene(given, model, rounds=20), 3)
        _, all_of_it, found = timed(lambda model=model: dawid_skene(given, model), 1)
        tell(
            capsys,
            f"Dawid-Skene, {name}: 20 rounds {twenty:.2f} cpu s (crowd-kit 3.84), until it stops "
            f"({found.rounds} rounds) {all_of_it:.2f}",
        )


def crowd_set(name: str) -> tuple[Answers, np.ndarray]:
    data = np.load(DATA / "crowd" / f"crowd_{name}.npz")
    items, item = np.unique(data["item"], return_inverse=True)
    people, annotator = np.unique(data["worker"], return_inverse=True)
    truth = np.full(len(items), -1)
    truth[np.searchsorted(items, data["truth_item"])] = data["truth"]
    given = answers_from(
        item,
        annotator,
        data["label"].astype(np.int64),
        n_items=len(items),
        n_annotators=len(people),
        n_classes=int(data["label"].max()) + 1,
    )
    return given, truth


@pytest.mark.skipif(not DATA.exists(), reason=f"no data sets at {DATA}; set DATALAB_DATA")
def test_quality(capsys: pytest.CaptureFixture[str]) -> None:
    lines = {}
    for name in ("dog", "rte"):
        given, truth = crowd_set(name)
        found = {"majority": majority_vote(given), "ours": dawid_skene(given).posterior.argmax(1)}
        known = truth >= 0
        lines[name] = {way: (one == truth)[known].mean() for way, one in found.items()}
    data = np.load(DATA / "multiannotator" / "multiannotator_digits.npz")
    wide = np.where(data["votes"] < 0, np.nan, data["votes"])
    item, annotator = np.nonzero(data["votes"] >= 0)
    given = answers_from(
        item,
        annotator,
        data["votes"][item, annotator].astype(np.int64),
        n_items=len(wide),
        n_annotators=wide.shape[1],
        n_classes=10,
    )
    for name in ("pp_lr", "pp_et"):
        found = multiannotator.get_label_quality_multiannotator(wide, data[name], verbose=False)
        ours = dawid_skene(given, data[name]).posterior.argmax(axis=1)
        lines[f"digits {name}"] = {
            "majority": (majority_vote(given, data[name]) == data["true"]).mean(),
            "crowdlab": (found["label_quality"]["consensus_label"] == data["true"]).mean(),
            "ours": (ours == data["true"]).mean(),
        }
    tell(capsys, pd.DataFrame(lines).T.round(4).to_string())
