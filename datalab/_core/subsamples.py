"""How far examples are from small samples of the data: remote from the whole, not from a few.

Neighbours tell nothing about outliers that lie together, as they are each other's neighbours. In a
sample of a few rows there is seldom more than one of them. Pang, Ting, Albrecht: LeSiNN: detecting
anomalies by identifying least similar nearest neighbours, ICDM workshops 2015, equation 1; why
small samples are better than large ones: Sugiyama, Borgwardt: Rapid distance-based outlier
detection via sampling, NeurIPS 2013, section 4.
"""

import numpy as np
from numpy.typing import NDArray

from datalab._core.blocks import each_block, row_blocks
from datalab._typing import FloatArray

__all__ = ["MIN_ROWS", "sample_distances"]

# Rows in a sample, and samples. Between 8 and 32 rows, and from 25 samples on, the order of
# examples hardly depends on either.
SAMPLE, SAMPLES = 16, 50
MIN_ROWS = 2 * SAMPLE


def sample_distances(points: FloatArray, seed: int = 0) -> NDArray[np.float64]:
    """Mean Euclidean distance of each row to the nearest other row of a sample, shape (N,).

    The order of rows is no matter: samples are drawn from rows in the order of their content.
    Time is that of N · SAMPLE · SAMPLES distances.

    Parameters
    ----------
    points : ndarray of float, shape (N, M)
        Finite, at least `MIN_ROWS` rows.
    seed : int
    """
    n_rows, n_columns = points.shape
    rng = np.random.default_rng(seed)
    direction = np.asarray(rng.normal(size=n_columns), dtype=points.dtype)
    key = np.einsum("ij,j->i", points, direction)
    by_content = np.argsort(key, kind="stable")
    drawn = np.stack(
        [by_content[rng.choice(n_rows, SAMPLE, replace=False)] for _ in range(SAMPLES)]
    ).reshape(-1)
    sample = points[drawn].astype(np.float64)
    origin = sample.mean(axis=0)  # short vectors keep the digits of their differences
    sample -= origin
    squares = np.einsum("ij,ij->i", sample, sample)

    def distances(rows: slice) -> NDArray[np.float64]:
        block = points[rows] - origin
        apart = squares - 2 * (block @ sample.T)
        apart += np.einsum("ij,ij->i", block, block)[:, None]
        here = np.flatnonzero((drawn >= rows.start) & (drawn < rows.stop))
        apart[drawn[here] - rows.start, here] = np.inf  # itself
        nearest = apart.reshape(len(block), SAMPLES, SAMPLE).min(axis=2)
        mean: NDArray[np.float64] = np.sqrt(np.maximum(nearest, 0.0)).mean(axis=1)
        return mean

    blocks = row_blocks(n_rows, 8 * (n_columns + len(drawn)))
    return np.concatenate(each_block(distances, blocks))
