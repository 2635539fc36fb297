"""Support vector machines that say how sure they are, without a calibration of their own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._typing import FloatArray

__all__ = ["SupportVectors"]

# A row at the margin of a pair of classes has the odds of so many nepers.
AT_MARGIN = 2.0
# Values of all pairs of classes that are looked at at once.
MAX_VALUES = 4_000_000


class SupportVectors:
    """A classifier whose odds of a class against the winner are the margin between these two.

    Parameters
    ----------
    gamma : float
        Of the Gaussian kernel ``exp(-gamma d^2)``.

    Notes
    -----
    The winner has the most votes of the machines of all pairs of classes (Knerr et al., 1990). The
    votes of others rank losers by pairs that have nothing to do with the row; only the machine of
    winner and class tells how far the class is from being right. Whoever combines the result finds
    the power that calibrates it.
    """

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 (scikit-learn's)
        """The width."""
        return {"gamma": self.gamma}

    def set_params(self, **params: Any) -> "SupportVectors":
        """Replace the width."""
        self.gamma = params.get("gamma", self.gamma)
        return self

    def fit(self, X: Any, y: NDArray[Any]) -> "SupportVectors":
        """Find the support vectors of all pairs of classes."""
        from sklearn.svm import SVC  # noqa: PLC0415

        self.machine_ = SVC(gamma=self.gamma, decision_function_shape="ovo").fit(X, y)
        self.classes_ = self.machine_.classes_
        return self

    def predict_proba(self, X: Any) -> FloatArray:
        """Probabilities by the margins between each class and the winner, (n, K)."""
        said = self.machine_.decision_function(X)
        n_classes = len(self.classes_)
        if n_classes == 2:
            return _softmax(np.column_stack([-np.maximum(said, 0), np.minimum(said, 0)]))
        step = max(1, MAX_VALUES // n_classes**2)
        blocks = [_behind(said[at : at + step], n_classes) for at in range(0, len(said), step)]
        return _softmax(np.concatenate(blocks))


def _behind(said: FloatArray, n_classes: int) -> FloatArray:
    """How far each class is behind the winner, at most 0; `said` has all pairs in order."""
    first, second = np.triu_indices(n_classes, 1)
    ahead = np.zeros((len(said), n_classes, n_classes))
    ahead[:, first, second], ahead[:, second, first] = said, -said
    # Of equal votes, the larger sum of margins decides.
    total = ahead.sum(axis=2)
    votes = (ahead > 0).sum(axis=2) + total / (3 * (np.abs(total) + 1))
    winner = votes.argmax(axis=1)
    behind: FloatArray = -np.maximum(ahead[np.arange(len(said)), winner], 0.0)
    return behind


def _softmax(behind: FloatArray) -> FloatArray:
    odds = np.exp(AT_MARGIN * behind)
    probs: FloatArray = odds / odds.sum(axis=1, keepdims=True)
    return probs
