"""Time of outlier scores from predicted probabilities, side by side with the reference.

Run with ``pytest -m bench tests/benchmarks/bench_outlier.py``; see `conftest.py`. Scores from
features are a search for neighbours: see `bench_neighbors.py`.
"""

from typing import Any

import numpy as np
import pytest

from datalab.outlier import OutOfDistribution

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("adjust", [True, False], ids=["adjusted", "plain"])
@pytest.mark.parametrize("method", ["entropy", "least_confidence", "gen"])
@pytest.mark.parametrize(("n_rows", "n_classes"), [(1_000_000, 10), (50_000, 1000)], ids=str)
def test_scores_from_probabilities(
    n_rows: int, n_classes: int, method: str, adjust: bool, labelled: Any, side_by_side: Any
) -> None:
    from cleanlab.outlier import OutOfDistribution as Reference

    labels, probs = labelled(n_rows, n_classes, np.float64)
    params = {"method": method, "adjust_pred_probs": adjust, "M": min(n_classes, 100)}
    given = {"pred_probs": probs, "labels": labels if adjust else None, "verbose": False}
    ours, theirs = side_by_side(
        f"OOD {method}{', adjusted' if adjust else ''}",
        lambda: OutOfDistribution(params).fit_score(**given),
        lambda: Reference(params).fit_score(**given),
        probs,
        rounds=3,
    )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
