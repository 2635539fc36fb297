"""Time of the multi-annotator functions, side by side with the reference; quality of consensus.

Run with ``pytest -m bench tests/benchmarks/bench_multiannotator.py``.
"""

import contextlib
import io
import os
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from datalab import multiannotator
from datalab._core.dawid_skene import dawid_skene
from datalab._core.multiannotator import Answers, answers_from, majority_vote

pytestmark = pytest.mark.bench

DATA = Path(os.environ.get("DATALAB_DATA", Path(__file__).parents[3] / "shared" / "data"))
N_ITEMS, PER_ITEM, N_CLASSES = 50_000, 5, 10


def answers(n_annotators: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N, A) with five answers per item, 70 % right, and predictions (N, K)."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, N_CLASSES, N_ITEMS)
    wide = np.full((N_ITEMS, n_annotators), np.nan)
    asked = rng.random((N_ITEMS, n_annotators)).argpartition(PER_ITEM, axis=1)[:, :PER_ITEM]
    right = rng.random(asked.shape) < 0.7
    given = np.where(right, truth[:, None], rng.integers(0, N_CLASSES, asked.shape))
    np.put_along_axis(wide, asked, given.astype(float), axis=1)
    logits = rng.normal(size=(N_ITEMS, N_CLASSES))
    logits[np.arange(N_ITEMS), truth] += 2
    probs = np.exp(logits)
    return wide, probs / probs.sum(axis=1, keepdims=True)


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


def quietly(function: Callable[..., Any]) -> Any:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return function()


def tell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{text}")


@pytest.mark.parametrize(("n_annotators", "target"), [(50, 25), (500, 75)])
def test_all_outputs(n_annotators: int, target: int, capsys: pytest.CaptureFixture[str]) -> None:
    reference = pytest.importorskip("cleanlab.multiannotator")
    wide, probs = answers(n_annotators)
    flat = wide.reshape(-1)
    read, _, _ = timed(lambda: np.isnan(flat).sum(), 3)
    count, _, _ = timed(lambda: np.bincount(np.zeros(N_ITEMS * PER_ITEM, dtype=int)), 3)
    wall, cpu, found = timed(
        lambda: multiannotator.get_label_quality_multiannotator(wide, probs, verbose=False), 7
    )
    theirs, their_cpu, expected = timed(
        lambda: quietly(
            lambda: reference.get_label_quality_multiannotator(wide, probs, verbose=False)
        ),
        1 if n_annotators > 100 else 3,
    )
    for name, frame in expected.items():
        assert_frame_equal(found[name], frame, rtol=0, atol=1e-6)
    del found, expected
    tracemalloc.start()
    multiannotator.get_label_quality_multiannotator(wide, probs, verbose=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    tell(
        capsys,
        f"{n_annotators} annotators: wall {wall * 1e3:.0f} ms (reference {theirs * 1e3:.0f} ms, "
        f"{theirs / wall:.0f}x; cpu {their_cpu / cpu:.0f}x; target {target}x); floor: one read "
        f"{read * 1e3:.1f} ms, one bincount {count * 1e3:.1f} ms; peak memory "
        f"{peak / wide.nbytes:.2f}x the table",
    )


def test_dawid_skene(capsys: pytest.CaptureFixture[str]) -> None:
    wide, probs = answers(50)
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


def crowd(name: str) -> tuple[Answers, np.ndarray]:
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
        given, truth = crowd(name)
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
