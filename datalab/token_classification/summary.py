"""Mislabelled tokens in their sentences, and which tokens they are."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import named_classes
from datalab._core.token import tally
from datalab._ragged import token_positions

if TYPE_CHECKING:
    import pandas as pd

    from datalab.views.sentences import Sentences

__all__ = ["common_label_issues", "display_issues", "filter_by_token"]

logger = logging.getLogger("datalab")

Position = tuple[int, int]


def display_issues(
    issues: Sequence[Position] | Sequence[int],
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
        (sentence, token) positions as from `datalab.token_classification.filter`, or sentences.
    tokens : sequence of N sequences of str
    labels : sequence of N sequences of int, optional
        Given classes, to be named.
    pred_probs : sequence of N array-likes of shape (T_i, K), optional
        Predicted probabilities: the most probable class is named.
    exclude : sequence of (int, int), optional
        Pairs (given, predicted) of classes to leave out, when labels and pred_probs are given.
    class_names : sequence or mapping, optional
        Name of each class.
    top : int
        How many issues to show.

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
    >>> from datalab.token_classification.summary import display_issues
    >>> tokens = [["a", "cat"], ["she", "sat"]]
    >>> shown = display_issues([(0, 1)], tokens, labels=[[0, 0], [0, 1]], class_names=["O", "N"])
    >>> shown[0].title, shown[0].note
    ('sentence 0, token 1: cat', 'given label: O')
    >>> print(display_issues([1], tokens))
    sentence 1
    she sat
    """
    from datalab.views.sentences import issue_sentences

    return issue_sentences(
        issues,
        tokens,
        labels=labels,
        pred_probs=pred_probs,
        exclude=exclude,
        class_names=class_names,
        top=top,
    )


def common_label_issues(
    issues: Sequence[Position],
    tokens: Sequence[Sequence[str]],
    *,
    labels: Sequence[Sequence[int]] | None = None,
    pred_probs: Sequence[ArrayLike] | None = None,
    class_names: Sequence[str] | Mapping[Any, str] | None = None,
    top: int = 10,
    exclude: Sequence[tuple[int, int]] | None = None,
    verbose: bool = True,
) -> "pd.DataFrame":
    """Which tokens are mislabelled most often, and as what.

    Parameters
    ----------
    issues : sequence of (int, int)
        (sentence, token) positions.
    tokens : sequence of N sequences of str
    labels : sequence of N sequences of int, optional
    pred_probs : sequence of N array-likes of shape (T_i, K), optional
        With both, issues are counted for each pair of given and predicted class.
    class_names : sequence or mapping, optional
        Name of each class.
    top : int
        How many tokens are logged; the table holds all.
    exclude : sequence of (int, int), optional
        Pairs (given, predicted) of classes to leave out, when labels and pred_probs are given.
    verbose : bool
        Log the most frequent tokens (level INFO, logger ``datalab``).

    Returns
    -------
    DataFrame
        Columns token, [given_label, predicted_label,] num_label_issues; most frequent first, equal
        numbers in the order in which the tokens first appear in `issues`.

    Raises
    ------
    InputError
        Issues that are not in `tokens`, or labels that do not fit them.

    Examples
    --------
    >>> from datalab.token_classification.summary import common_label_issues
    >>> tokens = [["a", "cat"], ["the", "cat"]]
    >>> common_label_issues([(1, 0), (0, 1), (1, 1)], tokens, verbose=False)
      token  num_label_issues
    0   cat                 2
    1   the                 1
    """
    import pandas as pd

    from datalab.views.sentences import classes_at

    positions = token_positions(issues, tokens)
    flagged = [tokens[sentence][token] for sentence, token in positions]
    seen = list(dict.fromkeys(flagged))
    code_of = {word: code for code, word in enumerate(seen)}
    codes = np.array([code_of[word] for word in flagged], dtype=np.int64)
    given, predicted = classes_at(positions, labels, pred_probs)
    if given is None or predicted is None:
        nothing = np.zeros(len(codes), dtype=np.int64)
        counts, pairs = tally(codes, nothing, nothing), {}
    else:
        counts, names = tally(codes, given, predicted, exclude or ()), named_classes(class_names)
        pairs = {
            "given_label": _named(counts.given, names),
            "predicted_label": _named(counts.predicted, names),
        }
    words = pd.Series([seen[code] for code in counts.token], dtype=None if seen else str)
    table = pd.DataFrame({"token": words, **pairs, "num_label_issues": counts.number})
    if verbose:
        for word, count in Counter(flagged).most_common(top):
            logger.info("token %r: %d probable label issues", word, count)
    return table


def _named(codes: NDArray[np.int64], names: Mapping[int, Any]) -> NDArray[np.int64] | list[Any]:
    return [names.get(k, k) for k in codes.tolist()] if names else codes


def filter_by_token(
    token: str, issues: Sequence[Position], tokens: Sequence[Sequence[str]]
) -> list[Position]:
    """The issues whose token is the given one, ignoring case.

    Parameters
    ----------
    token : str
    issues : sequence of (int, int)
        (sentence, token) positions.
    tokens : sequence of N sequences of str

    Returns
    -------
    list of (int, int)
        In the order of `issues`.

    Raises
    ------
    InputError
        Issues that are not in `tokens`.

    Examples
    --------
    >>> from datalab.token_classification.summary import filter_by_token
    >>> filter_by_token("Cat", [(0, 1), (0, 0)], [["a", "cat"]])
    [(0, 1)]
    """
    wanted = token.lower()
    positions = token_positions(issues, tokens)
    return [(i, j) for i, j in positions if str(tokens[i][j]).lower() == wanted]
