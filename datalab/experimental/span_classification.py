"""Labels of tokens that are inside or outside a span: token classification with one probability."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import as_array, choice, floats, keywords, two_classes
from datalab._core.filter import label_issues
from datalab._core.rank import SCORES, label_quality, worst_first
from datalab._core.token import SENTENCE_SCORES, TEMPERATURE, positions
from datalab._ragged import groups, sentences, split
from datalab._typing import FloatArray
from datalab.exceptions import InputError, OptionError

if TYPE_CHECKING:
    import pandas as pd

    from datalab.views.sentences import Sentences

__all__ = ["display_issues", "find_label_issues", "get_label_quality_scores"]


def find_label_issues(
    labels: Sequence[Sequence[int]], pred_probs: Sequence[ArrayLike]
) -> list[tuple[int, int]]:
    """Find the tokens that are wrongly given as inside, or outside, a span.

    Parameters
    ----------
    labels : sequence of N sequences of int
        1 for tokens in a span, 0 for others.
    pred_probs : sequence of N array-likes of shape (T_i,)
        Out-of-sample predicted probability of being in a span.

    Returns
    -------
    list of (int, int)
        Positions (sentence, token in it), lowest probability of the label first.

    Raises
    ------
    InputError
        Something that is not a list per sentence, not one probability per token, or no token
        outside of a span.

    See Also
    --------
    datalab.token_classification.filter.find_label_issues : more than two classes, and options.

    Examples
    --------
    >>> from datalab.experimental.span_classification import find_label_issues
    >>> find_label_issues([[0, 0, 1], [1, 0]], [[0.1, 0.9, 0.8], [0.9, 0.2]])
    [(0, 1)]
    """
    codes, probs, offsets = sentences(labels, _both_classes(pred_probs))
    if codes[0] > 0:
        two_classes(codes)
    rows = np.flatnonzero(label_issues(codes, probs))
    return positions(worst_first(rows, label_quality(codes, probs, rows=rows)), offsets)


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
    labels, pred_probs
        See `find_label_issues`.
    tokens, token_score_method, sentence_score_method, sentence_score_kwargs
        See `datalab.token_classification.rank.get_label_quality_scores`.

    Returns
    -------
    sentence_scores : ndarray of shape (N,)
        Scores in [0, 1], low = probably wrong; 1 for a sentence without tokens.
    token_scores : list of N Series of length T_i
        Scores in [0, 1], low = probably wrong; the index holds the `tokens` if given.

    Raises
    ------
    InputError
        Something that is not a list per sentence, or not one probability per token.
    OptionError
        Unknown method.

    Examples
    --------
    >>> from datalab.experimental.span_classification import get_label_quality_scores
    >>> sentence_scores, token_scores = get_label_quality_scores([[0, 1], [1]], [[0.25, 0.5], [1]])
    >>> sentence_scores, token_scores[0].tolist()
    (array([0.5, 1. ]), [0.75, 0.5])
    """
    from datalab.views.sentences import score_series

    choice(token_score_method, SCORES, name="token_score_method", error=OptionError)
    choice(sentence_score_method, SENTENCE_SCORES, name="sentence_score_method", error=OptionError)
    options = keywords(sentence_score_kwargs, ["temperature"], name="sentence_score_kwargs")
    codes, probs, offsets = sentences(labels, _both_classes(pred_probs))
    scores = label_quality(codes, probs, token_score_method)
    pool = SENTENCE_SCORES[sentence_score_method]
    pooled = pool(scores, offsets, float(options.get("temperature", TEMPERATURE)))
    return pooled, score_series(split(scores, offsets), tokens)


def display_issues(
    issues: Sequence[tuple[int, int]] | Sequence[int],
    tokens: Sequence[Sequence[str]],
    *,
    labels: Sequence[Sequence[int]] | None = None,
    pred_probs: Sequence[ArrayLike] | None = None,
    exclude: Sequence[tuple[int, int]] | None = None,
    class_names: Sequence[str] | Mapping[Any, str] | None = None,
    top: int = 20,
) -> "Sentences":
    """The sentences of issues, with the token in red.

    Parameters
    ----------
    issues : sequence of (int, int), or of int
        (sentence, token) positions, or sentences.
    tokens : sequence of N sequences of str
    labels, pred_probs
        See `find_label_issues`.
    exclude, class_names, top
        See `datalab.token_classification.summary.display_issues`.

    Returns
    -------
    Sentences
        Shows itself in a notebook; ``print`` shows it elsewhere.

    Raises
    ------
    InputError
        Issues that are not in `tokens`, or labels that do not fit them.

    Examples
    --------
    >>> from datalab.experimental.span_classification import display_issues
    >>> shown = display_issues([(0, 1)], [["a", "cat"]], pred_probs=[[0.1, 0.9]])
    >>> shown[0].note
    'predicted label: 1'
    """
    from datalab.views.sentences import issue_sentences

    return issue_sentences(
        issues,
        tokens,
        labels=labels,
        pred_probs=None if pred_probs is None else _both_classes(pred_probs),
        exclude=exclude,
        class_names=class_names,
        top=top,
    )


def _both_classes(pred_probs: Sequence[ArrayLike]) -> list[NDArray[np.floating[Any]]]:
    """Probabilities (outside, inside) of each token, sentence by sentence."""
    both = []
    for at, part in enumerate(groups(pred_probs, "pred_probs", "sentence")):
        inside = floats(as_array(part, name=f"pred_probs[{at}]"), name=f"pred_probs[{at}]")
        if inside.ndim != 1:
            raise InputError(
                f"`pred_probs[{at}]` must be one probability per token, of being in a span, got "
                f"shape {inside.shape}; for several classes see datalab.token_classification"
            )
        both.append(np.stack([1.0 - inside, inside], axis=1))
    return both
