"""Time and memory of KNN-Shapley values on a given graph, side by side with the reference.

Run with ``pytest -m bench tests/benchmarks/bench_data_valuation.py``; see `conftest.py`. The
reference needs 16 N² bytes, so it runs on the smallest graph only.
"""

import sys
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from datalab.data_valuation import data_shapley_knn

pytestmark = pytest.mark.bench

K = 10


def graph(n_rows: int) -> tuple[np.ndarray, csr_array]:
    """Labels, and a random graph of `K` neighbours."""
    rng = np.random.default_rng(n_rows)
    steps = rng.integers(1, n_rows - 7 * K, (n_rows, 1)) + 7 * np.arange(K)
    neighbours = (np.arange(n_rows)[:, None] + steps) % n_rows
    distances = np.sort(rng.random((n_rows, K)), axis=1)
    ends = np.arange(0, n_rows * K + 1, K)
    parts = distances.ravel(), neighbours.ravel().astype(np.int32), ends
    return rng.integers(0, 5, n_rows), csr_array(parts, shape=(n_rows, n_rows))


def test_beside_the_reference(side_by_side: Any) -> None:
    from cleanlab.data_valuation import data_shapley_knn as reference

    labels, knn_graph = graph(5000)
    ours, theirs = side_by_side(
        "data_shapley_knn",
        lambda: data_shapley_knn(labels, knn_graph=knn_graph, k=K),
        lambda: reference(labels, knn_graph=knn_graph, k=K),
        knn_graph.data.reshape(-1, K),
        rounds=3,
    )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_rows", [10_000, 100_000, 1_000_000])
def test_grows_with_the_graph(n_rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    labels, knn_graph = graph(n_rows)
    started = time.process_time()
    values = data_shapley_knn(labels, knn_graph=knn_graph, k=K)
    cpu = time.process_time() - started
    tracemalloc.start()
    data_shapley_knn(labels, knn_graph=knn_graph, k=K)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with capsys.disabled():
        sys.stdout.write(
            f"\ndata_shapley_knn {n_rows} x {K}  cpu {1e3 * cpu:7.1f} ms, "
            f"{1e9 * cpu / n_rows / K:4.1f} ns and {peak / n_rows / K:4.1f} bytes per entry"
        )
    assert values.shape == (n_rows,)
    assert peak < 40 * n_rows * K
