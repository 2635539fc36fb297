"""How examples are learned over the epochs of a training: margins and data maps.

G. Pleiss, T. Zhang, E. Elenberg, K. Weinberger: Identifying mislabeled data using the area under
the margin ranking, NeurIPS 2020, equations 1 and 2. S. Swayamdipta et al.: Dataset cartography:
mapping and diagnosing datasets with training dynamics, EMNLP 2020, section 2.
"""

from dataclasses import dataclass, replace

import numpy as np

from datalab._typing import BoolArray, FloatArray, IndexArray

__all__ = ["Dynamics", "margins", "probabilities_of"]

# Probabilities below this count as this in logits.
FLOOR = 1e-6


@dataclass(frozen=True)
class Dynamics:
    """Statistics of N examples over the epochs in which they were seen.

    Parameters
    ----------
    area_under_margin : ndarray of shape (N,)
        Mean over epochs of the logit of the given class less the highest of the others.
    confidence : ndarray of shape (N,)
        Mean probability of the given class.
    variability : ndarray of shape (N,)
        Standard deviation of that probability.
    correctness : ndarray of shape (N,)
        Share of the epochs in which the given class was the most probable one.
    epochs : ndarray of int, shape (N,)
        How often each example was seen; 0 leaves NaN in the others.
    threshold : float, optional
        The area under the margin of threshold samples (equation 3 of Pleiss et al.), if any.
    """

    area_under_margin: FloatArray
    confidence: FloatArray
    variability: FloatArray
    correctness: FloatArray
    epochs: IndexArray
    threshold: float | None = None

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, rows: IndexArray) -> "Dynamics":
        return replace(
            self,
            area_under_margin=self.area_under_margin[rows],
            confidence=self.confidence[rows],
            variability=self.variability[rows],
            correctness=self.correctness[rows],
            epochs=self.epochs[rows],
        )


def probabilities_of(outputs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Probabilities and logits of what a model puts out: either of the two, shape (n, K).

    Rows of numbers from 0 to 1 that sum to 1 are probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> probs, logits = probabilities_of(np.array([[0.0, 0.0], [2.0, 1.0]]))
    >>> probs.round(2).tolist()
    [[0.5, 0.5], [0.73, 0.27]]
    """
    tolerance = 1e-3
    sums = outputs.sum(axis=1)
    if outputs.min(initial=0.0) >= -tolerance and (np.abs(sums - 1.0) < tolerance).all():
        probs = np.clip(outputs, 0.0, 1.0)
        return probs, np.log(np.maximum(probs, FLOOR))
    odds = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True), outputs


def margins(logits: FloatArray, codes: IndexArray) -> FloatArray:
    """The logit of the given class less the highest of the others, shape (n,).

    Examples
    --------
    >>> import numpy as np
    >>> margins(np.array([[3.0, 1.0, 0.0], [0.0, 1.0, 4.0]]), np.array([0, 1])).tolist()
    [2.0, -3.0]
    """
    at = np.arange(len(codes))
    given = logits[at, codes]
    others: FloatArray = logits.copy()
    others[at, codes] = -np.inf
    margin: FloatArray = given - others.max(axis=1)
    return margin


def is_ambiguous(variability: FloatArray, share: float = 1 / 3) -> BoolArray:
    """The share of examples whose probability varies most."""
    ambiguous: BoolArray = variability > np.quantile(variability, 1 - share)
    return ambiguous
