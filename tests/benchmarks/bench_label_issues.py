"""Time and memory of label issues, scores and health, side by side with the reference.

Run with ``pytest -m bench tests/benchmarks/bench_label_issues.py``. Two floors stand beside each
row: one sum and one argmax over the probabilities. `BENCH_SEED` makes other inputs.
"""

import os
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from datalab import count, dataset, rank
from datalab import filter as filter_
from datalab.experimental.label_issues_batched import find_label_issues_batched

pytestmark = pytest.mark.bench

SEED = int(os.environ.get("BENCH_SEED", "0"))
SIZES = [
    (100_000, 10, np.float64),
    (1_000_000, 10, np.float64),
    (1_000_000, 10, np.float32),
    (50_000, 1000, np.float64),
    (100_000, 1000, np.float32),
]
ROUNDS = 5


def sample(n_rows: int, n_classes: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Labels, one in ten of them wrong, and predictions that agree with about 80 %."""
    rng = np.random.default_rng([SEED, n_rows, n_classes])
    true = rng.integers(0, n_classes, n_rows)
    labels = true.copy()
    flipped = rng.random(n_rows) < 0.1
    labels[flipped] = rng.integers(0, n_classes, flipped.sum())
    seen = np.where(rng.random(n_rows) < 0.1, rng.integers(0, n_classes, n_rows), true)
    probs = rng.random((n_rows, n_classes), dtype=np.float32) ** (4 if n_classes < 100 else 12)
    probs = probs.astype(dtype)
    sureness = rng.beta(2, 1.5, n_rows).astype(dtype)
    probs *= ((1 - sureness) / probs.sum(axis=1))[:, None]
    probs[np.arange(n_rows), seen] += sureness
    return labels, probs


def timed(function: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, float, Any]:
    """Least wall and CPU milliseconds, and the result."""
    wall, cpu, result = np.inf, np.inf, None
    for _ in range(rounds):
        started = time.perf_counter(), time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = function()
        wall = min(wall, time.perf_counter() - started[0])
        cpu = min(cpu, time.process_time() - started[1])
    return 1e3 * wall, 1e3 * cpu, result


def report(name: str, probs: np.ndarray, ours: Any, theirs: Any) -> None:
    floor, argmax = (timed(f, 3)[0] for f in (probs.sum, lambda: probs.argmax(axis=1)))
    size = f"{len(probs)} x {probs.shape[1]} {probs.dtype}"
    sys.stdout.write(
        f"\n{name:22} {size:24} wall {ours[0]:8.1f} ms  cpu {ours[1]:8.1f} ms  "
        f"reference {theirs[0]:8.1f} / {theirs[1]:8.1f} ms  "
        f"ratio {theirs[0] / ours[0]:5.1f} / {theirs[1] / ours[1]:5.1f}  "
        f"sum {floor:5.1f}  argmax {argmax:5.1f}"
    )


@pytest.mark.parametrize(("n_rows", "n_classes", "dtype"), SIZES, ids=str)
def test_find_label_issues(n_rows: int, n_classes: int, dtype: type) -> None:
    from cleanlab.filter import find_label_issues as reference

    labels, probs = sample(n_rows, n_classes, dtype)
    options = {"return_indices_ranked_by": "self_confidence"}
    ours = timed(lambda: filter_.find_label_issues(labels, probs, **options))
    theirs = timed(lambda: reference(labels, probs, n_jobs=1, **options), 3)
    report("find_label_issues", probs, ours, theirs)
    np.testing.assert_array_equal(np.sort(ours[2]), np.sort(theirs[2]))
    # The order of equal scores is the reference's own; ours is by row.
    score = probs[np.arange(n_rows), labels]
    np.testing.assert_array_equal(score[ours[2]], score[theirs[2]])
    tracemalloc.start()
    filter_.find_label_issues(labels, probs, **options)
    extra = tracemalloc.get_traced_memory()[1] / probs.nbytes
    tracemalloc.stop()
    sys.stdout.write(f"  extra memory {extra:.2f} x input")
    assert extra <= 0.35


@pytest.mark.parametrize(("n_rows", "n_classes", "dtype"), SIZES[1:4:2], ids=str)
def test_other_functions(n_rows: int, n_classes: int, dtype: type) -> None:
    import cleanlab.count as reference_count
    import cleanlab.dataset as reference_dataset
    import cleanlab.experimental.label_issues_batched as reference_batched
    import cleanlab.rank as reference_rank

    labels, probs = sample(n_rows, n_classes, dtype)
    for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
        ours = timed(lambda m=method: rank.get_label_quality_scores(labels, probs, method=m))
        theirs = timed(
            lambda m=method: reference_rank.get_label_quality_scores(labels, probs, method=m), 3
        )
        report(method, probs, ours, theirs)
        np.testing.assert_allclose(ours[2], theirs[2], rtol=0, atol=1e-9)
    ours = timed(lambda: count.compute_confident_joint(labels, probs))
    theirs = timed(lambda: reference_count.compute_confident_joint(labels, probs), 3)
    report("compute_confident_joint", probs, ours, theirs)
    np.testing.assert_array_equal(ours[2], theirs[2])
    ours = timed(lambda: dataset.health_summary(labels, probs, verbose=False))
    theirs = timed(lambda: reference_dataset.health_summary(labels, probs, verbose=False), 2)
    report("health_summary", probs, ours, theirs)
    np.testing.assert_allclose(ours[2]["joint"], theirs[2]["joint"], rtol=0, atol=1e-9)
    ours = timed(lambda: find_label_issues_batched(labels, probs, verbose=False))
    theirs = timed(
        lambda: reference_batched.find_label_issues_batched(labels, probs, verbose=False, n_jobs=1),
        3,
    )
    report("batched", probs, ours, theirs)
    np.testing.assert_array_equal(ours[2], theirs[2])
