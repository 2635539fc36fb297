"""Time and memory of the functional API, side by side with the reference (with n_jobs=1).

Run with ``pytest -m bench tests/benchmarks/bench_functional_api.py``; see `conftest.py`. Each row
checks that both give the same. Targets are ratios of wall time on two quiet cores; what a target
is short of is told beside it.
"""

import contextlib
import io
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from scipy.sparse import csr_array

from datalab import count, dataset, multiannotator, rank
from datalab import filter as filter_
from datalab.data_valuation import data_shapley_knn
from datalab.experimental.label_issues_batched import find_label_issues_batched
from datalab.outlier import OutOfDistribution

pytestmark = pytest.mark.bench

SIZES = {
    (100_000, 10, np.float64): None,
    (1_000_000, 10, np.float64): 15,
    (1_000_000, 10, np.float32): None,
    (50_000, 1000, np.float64): 10,
    (100_000, 1000, np.float32): 8,
}
FEW, MANY = (1_000_000, 10, np.float64), (50_000, 1000, np.float64)
RANKED = {"return_indices_ranked_by": "self_confidence"}


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_find_label_issues(
    size: tuple[int, int, Any], labelled: Any, side_by_side: Any, extra_memory: Any
) -> None:
    from cleanlab.filter import find_label_issues as reference

    labels, probs = labelled(*size)
    ours, theirs = side_by_side(
        "find_label_issues",
        lambda: filter_.find_label_issues(labels, probs, **RANKED),
        lambda: reference(labels, probs, n_jobs=1, **RANKED),
        probs,
        rounds=7,
        target=SIZES[size],
    )
    np.testing.assert_array_equal(np.sort(ours), np.sort(theirs))
    # The order of equal scores is the reference's own; ours is by row.
    score = probs[np.arange(len(labels)), labels]
    np.testing.assert_array_equal(score[ours], score[theirs])
    extra = extra_memory(
        "  extra memory (target 0.35)",
        lambda: filter_.find_label_issues(labels, probs, **RANKED),
        probs,
    )
    assert extra <= 0.35


@pytest.mark.parametrize("filter_by", ["prune_by_noise_rate", "prune_by_class", "both"])
@pytest.mark.parametrize("n_classes", [10, 200])
def test_weak_model(
    n_classes: int, filter_by: str, labelled: Any, side_by_side: Any, extra_memory: Any
) -> None:
    from cleanlab.filter import find_label_issues as reference

    labels, probs = labelled(100_000, n_classes, np.float64, weak=True)
    ours, theirs = side_by_side(
        f"weak model, {filter_by[:16]}",
        lambda: filter_.find_label_issues(labels, probs, filter_by=filter_by),
        lambda: reference(labels, probs, n_jobs=1, filter_by=filter_by),
        probs,
        rounds=3,
    )
    np.testing.assert_array_equal(ours, theirs)
    labels, probs = labelled(10_000_000 // n_classes, n_classes, np.float64, weak=True)
    extra_memory(
        "  extra memory, ranked",
        lambda: filter_.find_label_issues(labels, probs, filter_by=filter_by, **RANKED),
        probs,
    )


@pytest.mark.parametrize(
    ("method", "target"),
    [("self_confidence", None), ("normalized_margin", 10), ("confidence_weighted_entropy", None)],
)
@pytest.mark.parametrize("size", [FEW, MANY], ids=str)
def test_label_quality(
    size: tuple[int, int, Any],
    method: str,
    target: float | None,
    labelled: Any,
    side_by_side: Any,
) -> None:
    from cleanlab.rank import get_label_quality_scores as reference

    labels, probs = labelled(*size)
    ours, theirs = side_by_side(
        method,
        lambda: rank.get_label_quality_scores(labels, probs, method=method),
        lambda: reference(labels, probs, method=method),
        probs,
        target=target if size == MANY else None,
    )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("adjust", [True, False], ids=["adjusted", "plain"])
@pytest.mark.parametrize("method", ["entropy", "least_confidence", "gen"])
@pytest.mark.parametrize("size", [FEW, MANY], ids=str)
def test_out_of_distribution(
    size: tuple[int, int, Any], method: str, adjust: bool, labelled: Any, side_by_side: Any
) -> None:
    from cleanlab.outlier import OutOfDistribution as Reference

    labels, probs = labelled(*size)
    params = {"method": method, "adjust_pred_probs": adjust, "M": min(probs.shape[1], 100)}
    given = {"pred_probs": probs, "labels": labels if adjust else None, "verbose": False}
    ours, theirs = side_by_side(
        f"OOD {method}{', adjusted' if adjust else ''}",
        lambda: OutOfDistribution(params).fit_score(**given),
        lambda: Reference(params).fit_score(**given),
        probs,
        rounds=3,
        target=10 if size == MANY else None,
    )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [FEW, MANY], ids=str)
def test_counts_and_health(size: tuple[int, int, Any], labelled: Any, side_by_side: Any) -> None:
    import cleanlab.count as reference_count
    import cleanlab.dataset as reference_dataset
    import cleanlab.experimental.label_issues_batched as reference_batched

    labels, probs = labelled(*size)
    ours, theirs = side_by_side(
        "compute_confident_joint",
        lambda: count.compute_confident_joint(labels, probs),
        lambda: reference_count.compute_confident_joint(labels, probs),
        probs,
    )
    np.testing.assert_array_equal(ours, theirs)
    ours, theirs = side_by_side(
        "health_summary",
        lambda: dataset.health_summary(labels, probs, verbose=False),
        lambda: reference_dataset.health_summary(labels, probs, verbose=False),
        probs,
        rounds=3,
        target=10 if size == MANY else None,
    )
    np.testing.assert_allclose(ours["joint"], theirs["joint"], rtol=0, atol=1e-9)
    batched = {"verbose": False, "n_jobs": 1}
    ours, theirs = side_by_side(
        "find_label_issues_batched",
        lambda: find_label_issues_batched(labels, probs, **batched),
        lambda: reference_batched.find_label_issues_batched(labels, probs, **batched),
        probs,
    )
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("n_annotators", "target"), [(50, 25), (500, 75)])
def test_multiannotator(
    n_annotators: int, target: float, crowd: Any, side_by_side: Any, extra_memory: Any
) -> None:
    from cleanlab.multiannotator import get_label_quality_multiannotator as reference

    answers, probs = crowd(n_annotators)

    def call(function: Callable[..., Any]) -> Any:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return function(answers, probs, verbose=False)

    ours, theirs = side_by_side(
        f"multiannotator, {n_annotators} annotators",
        lambda: call(multiannotator.get_label_quality_multiannotator),
        lambda: call(reference),
        answers,
        rounds=1 if n_annotators > 100 else 3,
        target=target,
    )
    for name, frame in theirs.items():
        assert_frame_equal(ours[name], frame, rtol=0, atol=1e-6)
    extra_memory(
        "  extra memory", lambda: call(multiannotator.get_label_quality_multiannotator), answers
    )


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


def test_data_valuation(side_by_side: Any) -> None:
    """The reference needs 16 N² bytes, so it runs on a small graph only."""
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
def test_data_valuation_grows_with_the_graph(
    n_rows: int, extra_memory: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, knn_graph = graph(n_rows)
    started = time.process_time()
    values = data_shapley_knn(labels, knn_graph=knn_graph, k=K)
    cpu = time.process_time() - started
    extra = extra_memory(
        "data_shapley_knn",
        lambda: data_shapley_knn(labels, knn_graph=knn_graph, k=K),
        knn_graph.data.reshape(-1, K),
    )
    with capsys.disabled():
        sys.stdout.write(f"  cpu {1e3 * cpu:7.1f} ms, {1e9 * cpu / n_rows / K:4.1f} ns per entry")
    assert values.shape == (n_rows,)
    assert extra < 5  # at 8 bytes per entry
