"""Time and memory of every check of the default audit: 100,000 rows x 384 features, graph given.

Run with ``pytest -m bench tests/benchmarks/bench_managers.py -s``. Memory is what a check allocates
at its peak beyond its inputs, in bytes per row; a row of the graph has 120.
"""

import sys
import time
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree

from datalab import Datalab
from datalab.neighbors import KNNGraph

pytestmark = pytest.mark.bench

N_ROWS, N_FEATURES, N_CLASSES, K = 100_000, 384, 10, 10


@pytest.fixture(scope="module", params=["few copies", "huge sets of copies"])
def lab(request: pytest.FixtureRequest) -> Datalab:
    """Clusters in six dimensions turned into 384, with copies; neighbours are found in the six."""
    rng = np.random.default_rng(0)
    labels = rng.integers(N_CLASSES, size=N_ROWS)
    low = rng.normal(size=(N_ROWS, 6)) + 3 * rng.normal(size=(N_CLASSES, 6))[labels]
    copies = rng.integers(N_ROWS, size=500)
    low[rng.integers(N_ROWS, size=500)] = low[copies]
    if request.param == "huge sets of copies":
        low[20_000:40_000] = low[rng.integers(50, size=20_000)]
    distances, indices = cKDTree(low).query(low, k=K + 2)
    itself = indices == np.arange(N_ROWS)[:, None]
    first = np.argsort(itself, axis=1, kind="stable")[:, :K]
    graph = KNNGraph(
        np.take_along_axis(indices, first, axis=1),
        np.take_along_axis(distances, first, axis=1).astype(np.float32),
        "given",
    )
    turned = np.linalg.qr(rng.normal(size=(N_FEATURES, 6)))[0].T
    probs = rng.dirichlet(np.full(N_CLASSES, 0.3), size=N_ROWS) * 0.4
    seen = np.where(rng.random(N_ROWS) < 0.05, rng.integers(N_CLASSES, size=N_ROWS), labels)
    probs[np.arange(N_ROWS), seen] += 0.6
    split = np.where(rng.random(N_ROWS) < 0.8, "train", "test").astype(object)
    frame = pd.DataFrame({"y": labels, "part": split, "a": rng.normal(size=N_ROWS)})
    made = Datalab(frame, label_name="y", split="part", verbosity=0, ledger=False)
    features = (low @ turned).astype(np.float32)
    return made.give(features=features, knn_graph=graph, pred_probs=probs)


def test_every_check(lab: Datalab, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[Any] = []
    for name in lab.list_default_issue_types():
        started = time.perf_counter()
        lab.find_issues([name])
        seconds = time.perf_counter() - started
        if lab.outcomes[name].findings is None:
            continue
        again = Datalab(lab.data, label_name="y", split="part", verbosity=0, ledger=False)
        again._artefacts = lab._artefacts
        tracemalloc.start()
        again.find_issues([name])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        found = lab.outcomes[name].findings
        told.append(f"{name:22} {seconds:6.2f} s {peak / N_ROWS:8.0f} B/row {found.num_issues:>7}")
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(told) + "\n")
