"""Interleaved timings of two functions, beside the floor of reading the input once.

`BENCH_SEED` makes other inputs. One core: ``taskset -c 0 pytest …``; all that runs in threads
looks at the cores it may use.
"""

import contextlib
import io
import os
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pytest

SEED = int(os.environ.get("BENCH_SEED", "0"))


def clocked(function: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and CPU milliseconds, and the result."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        started = time.perf_counter(), time.process_time()
        result = function()
        wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    return 1e3 * wall, 1e3 * cpu, result


@pytest.fixture
def side_by_side(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, Any]]:
    """Least and median wall time of interleaved runs of ours and the reference's, in one line.

    With the ratios, that of the CPU time, the floors and (where there is one) the target.
    """

    def compare(
        name: str,
        ours: Callable[[], Any],
        theirs: Callable[[], Any],
        array: np.ndarray,
        rounds: int = 5,
        target: float | None = None,
    ) -> tuple[Any, Any]:
        calls = {
            "ours": ours,
            "theirs": theirs,
            "sum": array.sum,
            "argmax": lambda: array.argmax(axis=-1),
        }
        runs: dict[str, list[tuple[float, float]]] = {key: [] for key in calls}
        results = {}
        for _ in range(rounds):
            for key, call in calls.items():
                wall, cpu, results[key] = clocked(call)
                runs[key].append((wall, cpu))
        least, cpu = ({key: min(run[i] for run in runs[key]) for key in runs} for i in (0, 1))
        usual = {key: median(run[0] for run in runs[key]) for key in runs}
        size = f"{' x '.join(map(str, array.shape))} {array.dtype}"
        told = "" if target is None else f"  target {target:g}"
        with capsys.disabled():
            sys.stdout.write(
                f"\n{name:28} {size:22} {least['ours']:8.1f} / {usual['ours']:8.1f} ms  "
                f"reference {least['theirs']:8.1f} / {usual['theirs']:8.1f} ms  "
                f"ratio {least['theirs'] / least['ours']:5.1f} / "
                f"{usual['theirs'] / usual['ours']:5.1f}  cpu {cpu['theirs'] / cpu['ours']:5.1f}"
                f"{told}  floors: sum {least['sum']:5.1f}  argmax {least['argmax']:5.1f}"
            )
        return results["ours"], results["theirs"]

    return compare


@pytest.fixture
def extra_memory(capsys: pytest.CaptureFixture[str]) -> Callable[..., float]:
    """Peak memory of a call in units of its input, told behind its name."""

    def measure(name: str, function: Callable[[], Any], array: np.ndarray) -> float:
        tracemalloc.start()
        function()
        peak = tracemalloc.get_traced_memory()[1] / array.nbytes
        tracemalloc.stop()
        size = f"{' x '.join(map(str, array.shape))} {array.dtype}"
        with capsys.disabled():
            sys.stdout.write(f"\n{name:28} {size:22} {peak:.2f} x input")
        return peak

    return measure


@pytest.fixture
def labelled() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Labels, one in ten of them wrong, and predictions that agree with about 80 %.

    Of a weak model most rows have another class as the most probable one.
    """

    def sample(
        n_rows: int, n_classes: int, dtype: Any, *, weak: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([SEED, n_rows, n_classes])
        true = rng.integers(0, n_classes, n_rows)
        labels = true.copy()
        flipped = rng.random(n_rows) < 0.1
        labels[flipped] = rng.integers(0, n_classes, flipped.sum())
        seen = np.where(rng.random(n_rows) < 0.1, rng.integers(0, n_classes, n_rows), true)
        probs = rng.random((n_rows, n_classes), dtype=np.float32) ** (4 if n_classes < 100 else 12)
        probs = probs.astype(dtype)
        sureness = rng.beta(2, 1.5, n_rows).astype(dtype) * (0.02 if weak else 1)
        probs *= ((1 - sureness) / probs.sum(axis=1))[:, None]
        probs[np.arange(n_rows), seen] += sureness
        return labels, probs

    return sample


@pytest.fixture
def crowd() -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """Labels (N, A) with five answers per item, 70 % right, and predictions (N, K)."""
    n_items, per_item, n_classes = 50_000, 5, 10

    def sample(n_annotators: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([SEED, n_annotators])
        truth = rng.integers(0, n_classes, n_items)
        wide = np.full((n_items, n_annotators), np.nan)
        asked = rng.random((n_items, n_annotators)).argpartition(per_item, axis=1)[:, :per_item]
        right = rng.random(asked.shape) < 0.7
        given = np.where(right, truth[:, None], rng.integers(0, n_classes, asked.shape))
        np.put_along_axis(wide, asked, given.astype(float), axis=1)
        logits = rng.normal(size=(n_items, n_classes))
        logits[np.arange(n_items), truth] += 2
        probs = np.exp(logits)
        return wide, probs / probs.sum(axis=1, keepdims=True)

    return sample
