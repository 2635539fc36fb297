"""Labels of tokens: scores of sentences, and which tokens are mislabelled most often.

Wang, Mueller: Detecting label errors in token classification data, NeurIPS workshop on
interactive learning for natural language processing, 2022 (arXiv:2210.03920): tokens are judged
like examples of their own, and a sentence is as good as its worst token.

Tokens of all sentences stand in one flat array; `offsets` tells where each sentence begins.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._core.pooling import lowest, softmin
from datalab._ragged import group_of
from datalab._typing import BoolArray, FloatArray, IndexArray

__all__ = [
    "SENTENCE_SCORES",
    "TEMPERATURE",
    "Tally",
    "excluded",
    "positions",
    "tally",
    "worst_tokens",
]

TEMPERATURE = 0.05


def _lowest(scores: FloatArray, offsets: IndexArray, _temperature: float) -> FloatArray:
    return lowest(scores, group_of(offsets), len(offsets) - 1)


def _softmin(scores: FloatArray, offsets: IndexArray, temperature: float) -> FloatArray:
    return softmin(scores, group_of(offsets), len(offsets) - 1, temperature)


# Scores of all tokens, offsets, temperature → score of each sentence; 1 for one without tokens.
SENTENCE_SCORES: dict[str, Callable[[FloatArray, IndexArray, float], FloatArray]] = {
    "min": _lowest,
    "softmin": _softmin,
}


def positions(tokens: IndexArray, offsets: IndexArray) -> list[tuple[int, int]]:
    """(sentence, token in it) of each of the flat `tokens`, in their order."""
    sentence = np.searchsorted(offsets, tokens, side="right") - 1
    return list(zip(sentence.tolist(), (tokens - offsets[sentence]).tolist(), strict=True))


def worst_tokens(scores: FloatArray, threshold: float) -> IndexArray:
    """Places of the scores below `threshold`, lowest first, equal ones in order."""
    below = np.flatnonzero(scores < threshold)
    return below[np.argsort(scores[below], kind="stable")]


class Tally(NamedTuple):
    """How often each (token, given, predicted) occurs, most frequent first."""

    token: NDArray[np.int64]  # code of the token
    given: NDArray[np.int64]
    predicted: NDArray[np.int64]
    number: NDArray[np.int64]


def tally(
    tokens: NDArray[np.int64],
    given: NDArray[np.int64],
    predicted: NDArray[np.int64],
    exclude: Sequence[tuple[int, int]] = (),
) -> Tally:
    """Count what occurs together, without the pairs (given, predicted) in `exclude`.

    Equal counts in the order of token, given and predicted class.
    """
    cells = np.stack([tokens, given, predicted], axis=1)
    kept = cells[~excluded(given, predicted, exclude)]
    cells, counts = np.unique(kept, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    token, given, predicted = cells[order].T
    return Tally(token, given, predicted, counts[order])


def excluded(
    given: NDArray[np.int64], predicted: NDArray[np.int64], pairs: Sequence[tuple[int, int]]
) -> BoolArray:
    """Where (given, predicted) is one of the `pairs`."""
    mask = np.zeros(len(given), dtype=bool)
    for label, guess in pairs:
        mask |= (given == label) & (predicted == guess)
    return mask
