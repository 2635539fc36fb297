"""How plausible each numeric label is: scores in [0, 1], low means severe.

Zhou, Mueller, Kumar, Wang, Lei: Detecting errors in numerical data via any regression model,
ICML DataPerf workshop 2023.
"""

import itertools
import math
from collections.abc import Callable

import numpy as np

from datalab._core.blocks import each_block, row_blocks
from datalab._typing import FloatArray, IndexArray

__all__ = ["RESIDUAL_WEIGHT", "SCORES", "finer", "num_worst", "residual_quality"]

TINY = 1e-100  # keeps ratios of residuals free of division by zero
RESIDUAL_WEIGHT = 5.0  # a standard deviation of residuals counts for so many of labels


def _residual(
    labels: FloatArray,
    predictions: FloatArray,
    among: IndexArray | None = None,  # noqa: ARG001  (each row is scored on its own)
) -> FloatArray:
    """``exp(-|prediction - label|)``."""
    score: FloatArray = np.exp(-np.abs(predictions - labels))
    return score


def _outre(
    labels: FloatArray, predictions: FloatArray, among: IndexArray | None = None
) -> FloatArray:
    """Outlier score among (label, weighted residual) points: far from the nearer half of them.

    O(N²) time; with positions `among`, every point is compared with those of a sample only.
    """
    points = np.column_stack(
        [_standardised(labels), RESIDUAL_WEIGHT * _standardised(predictions - labels)]
    )
    distances = _mean_distance_to_nearer_half(points, points if among is None else points[among])
    scale = max(float(np.median(distances)), 100 * np.finfo(np.float64).eps)
    score: FloatArray = np.exp(-distances / scale)
    return score


SCORES: dict[str, Callable[..., FloatArray]] = {
    "residual": _residual,
    "outre": _outre,
}


def _standardised(values: FloatArray) -> FloatArray:
    spread = values.std()
    standardised: FloatArray = (values - values.mean()) / (spread if spread > 0 else 1.0)
    return standardised


def _mean_distance_to_nearer_half(points: FloatArray, others: FloatArray) -> FloatArray:
    """Mean distance of each point to the nearer half of `others`; in blocks of rows."""
    from scipy.spatial.distance import cdist  # noqa: PLC0415  (scipy is loaded where it is used)

    k = math.ceil(len(others) / 2)

    def nearest(rows: slice) -> FloatArray:
        distances = cdist(points[rows], others)
        distances.partition(k - 1, axis=1)
        mean: FloatArray = distances[:, :k].mean(axis=1)
        return mean

    blocks = row_blocks(len(points), row_bytes=8 * len(others), block_bytes=1 << 22)
    return np.concatenate(each_block(nearest, blocks))


def residual_quality(residuals: FloatArray, uncertainty: FloatArray | float) -> FloatArray:
    """``exp(-r / median(r))`` with r the residual in units of its uncertainty, shape (N,)."""
    with np.errstate(over="ignore"):
        relative = np.abs(residuals / (uncertainty + TINY))
        quality: FloatArray = np.exp(-relative / (np.median(relative) + TINY))
    return quality


def num_worst(fraction: float, n_rows: int) -> int:
    """Number of rows that a fraction of them is, rounded up."""
    return math.ceil(fraction * n_rows)


def finer(coarse: list[float], best: float, steps: int) -> list[float]:
    """`steps` values between `best` and each of its neighbours in the sorted list `coarse`."""
    at = coarse.index(best)
    fine: list[float] = []
    for low, high in itertools.pairwise(coarse[max(at - 1, 0) : at + 2]):
        fine += np.linspace(low, high, steps + 1, endpoint=False)[1:].tolist()
    return fine
