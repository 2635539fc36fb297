"""Interleaved timings of two functions, beside the floor of reading the input once.

`BENCH_SEED` makes other inputs. One core: ``taskset -c 0 pytest …``; all that runs in threads
looks at the cores it may use.
"""

import contextlib
import io
import os
import sys
import time
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
    """Medians of interleaved runs of ours and the reference's, told in one line with the floors."""

    def compare(
        name: str,
        ours: Callable[[], Any],
        theirs: Callable[[], Any],
        array: np.ndarray,
        rounds: int = 5,
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
        wall, cpu = ({key: median(run[i] for run in runs[key]) for key in runs} for i in (0, 1))
        size = f"{' x '.join(map(str, array.shape))} {array.dtype}"
        with capsys.disabled():
            sys.stdout.write(
                f"\n{name:28} {size:22} wall {wall['ours']:8.1f} ms  cpu {cpu['ours']:8.1f} ms  "
                f"reference {wall['theirs']:8.1f} / {cpu['theirs']:8.1f} ms  "
                f"ratio {wall['theirs'] / wall['ours']:5.1f} / {cpu['theirs'] / cpu['ours']:5.1f}  "
                f"floors: sum {wall['sum']:5.1f}  argmax {wall['argmax']:5.1f}"
            )
        return results["ours"], results["theirs"]

    return compare


@pytest.fixture
def labelled() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Labels, one in ten of them wrong, and predictions that agree with about 80 %."""

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
