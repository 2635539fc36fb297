"""How plausible each numeric label is, given predictions of any regression model."""

import numpy as np
from numpy.typing import ArrayLike

from datalab import _check
from datalab._core.regression import SCORES
from datalab._typing import FloatArray
from datalab.exceptions import OptionError

__all__ = ["get_label_quality_scores"]


def get_label_quality_scores(
    labels: ArrayLike, predictions: ArrayLike, *, method: str = "outre"
) -> FloatArray:
    """Score how plausible each numeric label is.

    Parameters
    ----------
    labels : array-like of shape (N,)
        Given labels, finite numbers.
    predictions : array-like of shape (N,)
        Out-of-sample predictions of them, by any regression model.
    method : {"outre", "residual"}
        ``"outre"``: how far the point (label, 5 × residual), both in standard deviations, lies
        from the nearer half of all such points. ``"residual"``: ``exp(-|prediction - label|)``,
        which depends on the unit of the labels.

    Returns
    -------
    ndarray of shape (N,), float64
        Scores in [0, 1]; low means that the label is probably wrong.

    Raises
    ------
    InputError
        Not numbers, missing or infinite values, or an unknown method.
    OptionError
        `labels` and `predictions` differ in length; also an ``AssertionError``.

    Notes
    -----
    ``"outre"`` takes O(N²) time and bounded memory, ``"residual"`` O(N).

    References
    ----------
    Zhou, Mueller, Kumar, Wang, Lei: Detecting errors in numerical data via any regression model,
    ICML DataPerf workshop 2023 (residuals); Kuan, Mueller: Back to the basics: revisiting
    out-of-distribution detection baselines, ICML PODS workshop 2022 (distances to neighbours).

    Examples
    --------
    >>> labels = [1.0, 2.0, 3.0, 40.0, 5.0]
    >>> predictions = [1.1, 1.9, 3.2, 4.1, 5.0]
    >>> get_label_quality_scores(labels, predictions).argmin()
    np.int64(3)
    """
    score = SCORES[_check.choice(method, SCORES, name="method")]
    given = _check.numeric_labels(labels, name="labels")
    predicted = _check.numeric_labels(predictions, name="predictions")
    if len(given) != len(predicted):
        raise OptionError(
            f"`labels` has {len(given)} rows and `predictions` has {len(predicted)}; give one "
            "prediction per label, in the same order"
        )
    return score(given.astype(np.float64), predicted.astype(np.float64))
