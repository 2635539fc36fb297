"""What the checks of a graph of neighbours take when the graph is given: CPU seconds and memory.

``python tests/benchmarks/bench_graph.py [rows ...]`` prints a line for each check (by default at
100,000 and 1,000,000 rows, k = 10); the lines in NEIGHBORS.md were made so.
"""

import gc
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree

from datalab._check import labels_and_probs
from datalab.managers import DataValuation, NearDuplicate, NonIID, Outlier, UnderperformingGroup
from datalab.neighbors import KNNGraph

pytestmark = pytest.mark.bench

K, N_CLASSES, N_CLUSTERS = 10, 10, 200


def made(n_rows: int) -> tuple[np.ndarray, np.ndarray, KNNGraph]:
    """Clusters in the plane with 1 % of copies, where a tree finds neighbours fast."""
    rng = np.random.default_rng(0)
    cluster = rng.integers(N_CLUSTERS, size=n_rows)
    rows = 20 * rng.normal(size=(N_CLUSTERS, 2))[cluster] + rng.normal(size=(n_rows, 2))
    rows = rows.astype(np.float32)
    rows[n_rows // 2 : n_rows // 2 + n_rows // 100] = rows[: n_rows // 100]
    distances, indices = cKDTree(rows).query(rows, k=K + 1)
    own = indices == np.arange(n_rows)[:, None]
    own[~own.any(axis=1), -1] = True
    graph = KNNGraph(
        indices[~own].reshape(n_rows, K).astype(np.int32),
        distances[~own].reshape(n_rows, K).astype(np.float32),
        "euclidean",
    )
    return rows, cluster, graph


def checks(n_rows: int) -> dict[str, Callable[[], Any]]:
    """Each check of a graph, ready to run."""
    rows, cluster, graph = made(n_rows)
    rng = np.random.default_rng(1)
    given = cluster % N_CLASSES
    probs = np.full((n_rows, N_CLASSES), 0.02, dtype=np.float32)
    probs[np.arange(n_rows), given] = 1 - 0.02 * (N_CLASSES - 1)
    given[rng.random(n_rows) < 0.05] = 3
    labels, probs = labels_and_probs(given, probs)
    return {
        "outlier": lambda: Outlier().find_issues(knn_graph=graph),
        "near_duplicate": lambda: NearDuplicate().find_issues(graph),
        "non_iid": lambda: NonIID().find_issues(graph),
        "non_iid with features": lambda: NonIID().find_issues(graph, features=rows),
        "non_iid of the reference": lambda: NonIID(method="index_distance").find_issues(graph),
        "underperforming_group": lambda: UnderperformingGroup().find_issues(labels, probs, graph),
        "data_valuation": lambda: DataValuation().find_issues(labels, graph),
    }


def peak_memory() -> int:
    """Peak resident memory of this process since it was last reset, in bytes."""
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(told.group(1)) * 1024 if told else 0


def measured(check: Callable[[], Any]) -> tuple[float, float]:
    """CPU seconds and MB at the peak."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before, started = peak_memory(), time.process_time()
    check()
    return time.process_time() - started, (peak_memory() - before) / 1e6


def main(sizes: list[int]) -> None:
    for n_rows in sizes:
        for name, check in checks(n_rows).items():
            seconds, megabytes = measured(check)
            sys.stdout.write(f"| {n_rows:,} | {name} | {seconds:.2f} | {megabytes:.0f} |\n")
            sys.stdout.flush()


def test_every_check_runs() -> None:
    for check in checks(5000).values():
        assert check().score.shape == (5000,)


if __name__ == "__main__":
    main([int(n_rows) for n_rows in sys.argv[1:]] or [100_000, 1_000_000])
