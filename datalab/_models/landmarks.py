"""Similarities to some of the rows, as columns for a linear model."""

from typing import Any

import numpy as np

from datalab._typing import FloatArray

__all__ = ["similarities"]


def similarities(gamma: float, size: int, seed: int) -> Any:
    """Nystroem's method in double precision, as a transformer; its columns are single.

    Among rows that repeat, as texts of few words do, the similarities of the rows that are chosen
    have hardly any rank; in single precision their singular value decomposition may not converge.

    Parameters
    ----------
    gamma : float
        Of the Gaussian kernel ``exp(-gamma d^2)``.
    size : int
        Number of rows that are chosen.
    seed : int
        Which rows.
    """
    from sklearn.kernel_approximation import Nystroem  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import FunctionTransformer  # noqa: PLC0415

    return make_pipeline(
        FunctionTransformer(_double),
        Nystroem(gamma=gamma, n_components=size, random_state=seed),
        FunctionTransformer(_single),
    )


def _double(X: Any) -> FloatArray:
    return np.asarray(X, dtype=np.float64)


def _single(X: Any) -> FloatArray:
    return np.asarray(X, dtype=np.float32)
