"""Time and memory of label issues, scores and health, side by side with the reference.

Run with ``pytest -m bench tests/benchmarks/bench_label_issues.py``; see `conftest.py`.
"""

import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest

from datalab import count, dataset, rank
from datalab import filter as filter_
from datalab.experimental.label_issues_batched import find_label_issues_batched

pytestmark = pytest.mark.bench

SIZES = [
    (100_000, 10, np.float64),
    (1_000_000, 10, np.float64),
    (1_000_000, 10, np.float32),
    (50_000, 1000, np.float64),
    (100_000, 1000, np.float32),
]
RANKED = {"return_indices_ranked_by": "self_confidence"}


def extra_memory(function: Any, probs: np.ndarray) -> float:
    """Peak memory of a call, in units of its input."""
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / probs.nbytes


@pytest.mark.parametrize(("n_rows", "n_classes", "dtype"), SIZES, ids=str)
def test_find_label_issues(
    n_rows: int, n_classes: int, dtype: Any, labelled: Any, side_by_side: Any
) -> None:
    from cleanlab.filter import find_label_issues as reference

    labels, probs = labelled(n_rows, n_classes, dtype)
    ours, theirs = side_by_side(
        "find_label_issues",
        lambda: filter_.find_label_issues(labels, probs, **RANKED),
        lambda: reference(labels, probs, n_jobs=1, **RANKED),
        probs,
    )
    np.testing.assert_array_equal(np.sort(ours), np.sort(theirs))
    # The order of equal scores is the reference's own; ours is by row.
    score = probs[np.arange(n_rows), labels]
    np.testing.assert_array_equal(score[ours], score[theirs])


@pytest.mark.parametrize("weak", [False, True], ids=["good model", "weak model"])
@pytest.mark.parametrize("filter_by", ["prune_by_noise_rate", "prune_by_class", "both"])
@pytest.mark.parametrize(("n_rows", "n_classes", "dtype"), SIZES, ids=str)
def test_memory(
    n_rows: int,
    n_classes: int,
    dtype: Any,
    filter_by: str,
    weak: bool,
    labelled: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    labels, probs = labelled(n_rows, n_classes, dtype, weak=weak)

    def find() -> Any:
        return filter_.find_label_issues(labels, probs, filter_by=filter_by, **RANKED)

    extra = extra_memory(find, probs)
    with capsys.disabled():
        sys.stdout.write(f"  {extra:.2f} x input")
    assert weak or extra <= 0.35


@pytest.mark.parametrize("filter_by", ["prune_by_noise_rate", "both"])
@pytest.mark.parametrize("n_classes", [10, 200])
def test_weak_model(n_classes: int, filter_by: str, labelled: Any, side_by_side: Any) -> None:
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


@pytest.mark.parametrize(("n_rows", "n_classes", "dtype"), SIZES[1:4:2], ids=str)
def test_other_functions(
    n_rows: int, n_classes: int, dtype: Any, labelled: Any, side_by_side: Any
) -> None:
    import cleanlab.count as reference_count
    import cleanlab.dataset as reference_dataset
    import cleanlab.experimental.label_issues_batched as reference_batched
    import cleanlab.rank as reference_rank

    labels, probs = labelled(n_rows, n_classes, dtype)
    for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
        ours, theirs = side_by_side(
            method,
            lambda m=method: rank.get_label_quality_scores(labels, probs, method=m),
            lambda m=method: reference_rank.get_label_quality_scores(labels, probs, method=m),
            probs,
        )
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
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
