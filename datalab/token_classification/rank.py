"""How good the labels of each sentence and of each token are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import as_array, choice, floats, keywords
from datalab._core import token as core
from datalab._core.rank import SCORES, label_quality
from datalab._ragged import groups, offsets_of, sentences, split
from datalab._typing import FloatArray, IndexArray
from datalab.exceptions import InputError, OptionError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["get_label_quality_scores", "issues_from_scores"]


def get_label_quality_scores(
    labels: Sequence[Sequence[int]],
    pred_probs: Sequence[ArrayLike],
    *,
    tokens: Sequence[Sequence[str]] | None = None,
    token_score_method: str = "self_confidence",  # noqa: S107 -- a token of a sentence
    sentence_score_method: str = "min",
    sentence_score_kwargs: Mapping[str, Any] | None = None,
) -> tuple[FloatArray, list["pd.Series[float]"]]:
    """How likely the labels of each sentence and of each token are right.

    Parameters
    ----------
    labels : sequence of N sequences of int
        Given classes 0..K-1 of the T_i tokens of each sentence.
    pred_probs : sequence of N array-likes of shape (T_i, K)
        Out-of-sample predicted probabilities in [0, 1]; column k is class k.
    tokens : sequence of N sequences of str, optional
        The tokens themselves, as index of the token scores.
    token_score_method : {"self_confidence", "normalized_margin", "confidence_weighted_entropy"}
        Score of a token; see `datalab.rank.get_label_quality_scores`.
    sentence_score_method : {"min", "softmin"}
        Score of a sentence: the lowest token score, or a mean that leans to it.
    sentence_score_kwargs : mapping, optional
        For "softmin" the ``temperature``, by default 0.05: towards 0 the result is the lowest
        score, towards infinity the mean.

    Returns
    -------
    sentence_scores : ndarray of shape (N,)
        Scores in [0, 1], low = probably wrong; 1 for a sentence without tokens.
    token_scores : list of N Series of length T_i
        Scores in [0, 1], low = probably wrong; the index holds the `tokens` if given.

    Raises
    ------
    InputError
        Something that is not a list per sentence, or sentences of different length or width.
    OptionError
        Unknown method.

    Notes
    -----
    O(tokens × K) time and memory.

    References
    ----------
    Wang, Mueller: Detecting label errors in token classification data, 2022, arXiv:2210.03920.

    Examples
    --------
    >>> from datalab.token_classification.rank import get_label_quality_scores
    >>> labels = [[0, 0], [1]]
    >>> pred_probs = [[[0.9, 0.1], [0.2, 0.8]], [[0.3, 0.7]]]
    >>> sentence_scores, token_scores = get_label_quality_scores(
    ...     labels, pred_probs, tokens=[["the", "cat"], ["sat"]])
    >>> sentence_scores
    array([0.2, 0.7])
    >>> token_scores[0].to_dict()
    {'the': 0.9, 'cat': 0.2}
    """
    from datalab.views.sentences import score_series

    choice(token_score_method, SCORES, name="token_score_method", error=OptionError)
    choice(
        sentence_score_method,
        core.SENTENCE_SCORES,
        name="sentence_score_method",
        error=OptionError,
    )
    options = keywords(sentence_score_kwargs, ["temperature"], name="sentence_score_kwargs")
    codes, probs, offsets = sentences(labels, pred_probs)
    scores = label_quality(codes, probs, token_score_method).astype(np.float64, copy=False)
    pooled = core.SENTENCE_SCORES[sentence_score_method](
        scores, offsets, float(options.get("temperature", core.TEMPERATURE))
    )
    return pooled, score_series(split(scores, offsets), tokens)


def issues_from_scores(
    sentence_scores: ArrayLike,
    *,
    token_scores: Sequence[ArrayLike] | None = None,
    threshold: float = 0.1,
) -> list[tuple[int, int]] | IndexArray:
    """Sentences, or tokens, whose score is below `threshold`, worst first.

    Parameters
    ----------
    sentence_scores : array-like of shape (N,)
        Scores of the sentences.
    token_scores : sequence of N array-likes of shape (T_i,), optional
        Scores of the tokens; if given, tokens are returned and not sentences.
    threshold : float
        Scores below it are issues.

    Returns
    -------
    list of (int, int) or ndarray of int
        (sentence, token) positions, or positions of sentences; equal scores in order.

    Raises
    ------
    InputError
        Scores that are not flat lists of numbers.

    Examples
    --------
    >>> from datalab.token_classification.rank import issues_from_scores
    >>> issues_from_scores([0.05, 0.3, 0.01])
    array([2, 0])
    >>> issues_from_scores([0.05, 0.3], token_scores=[[0.05, 0.9], [0.3]])
    [(0, 0)]
    """
    if token_scores is None:
        return core.worst_tokens(_flat(sentence_scores, "sentence_scores"), threshold)
    parts = groups(token_scores, "token_scores", "sentence")
    flat = [_flat(part, f"token_scores[{at}]") for at, part in enumerate(parts)]
    worst = core.worst_tokens(np.concatenate([np.empty(0), *flat]), threshold)
    return core.positions(worst, offsets_of(map(len, flat)))


def _flat(scores: ArrayLike, name: str) -> FloatArray:
    array = floats(as_array(scores, name=name), name=name)
    if array.ndim != 1:
        raise InputError(f"`{name}` must be a flat list of scores, got shape {array.shape}")
    return array
