"""Sentences with a token marked, as text and as HTML."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from datalab._check import class_codes, named_classes, probabilities, same_length
from datalab._core.token import excluded
from datalab._ragged import groups, sentence_rows, token_positions, values_at
from datalab._typing import FloatArray
from datalab.exceptions import InputError
from datalab.views.cells import clean_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Marked", "Sentences", "classes_at", "issue_sentences", "score_series"]

_RED, _PLAIN = "\x1b[31m", "\x1b[0m"  # as terminals understand it
_TOKEN_LIMIT = 60  # characters of a token
_AROUND = 100  # tokens that are shown before and after the marked one


@dataclass(frozen=True, slots=True)
class Marked:
    """A sentence and what is to be said about it.

    Parameters
    ----------
    title : str
        Where it stands.
    note : str
        What is wrong; empty for nothing.
    tokens : sequence of str
    at : int, optional
        The token to mark.
    """

    title: str
    note: str
    tokens: Sequence[str]
    at: int | None = None

    def window(self) -> tuple[list[str], int | None]:
        """The tokens that are shown, and which of them is marked."""
        begin = max(0, (self.at or 0) - _AROUND)
        end = (self.at or 0) + _AROUND + 1
        shown = [clean_text(token, _TOKEN_LIMIT) for token in self.tokens[begin:end]]
        before, after = ["…"] * (begin > 0), ["…"] * (end < len(self.tokens))
        at = None if self.at is None else self.at - begin + len(before)
        return [*before, *shown, *after], at


def issue_sentences(
    issues: Any,
    tokens: Sequence[Sequence[str]],
    *,
    labels: Any = None,
    pred_probs: Any = None,
    exclude: Sequence[tuple[int, int]] | None = None,
    class_names: Any = None,
    top: int = 20,
) -> "Sentences":
    """The sentences of issues, with the token marked.

    Parameters
    ----------
    issues : sequence of (int, int), or of int
        (sentence, token) positions, or sentences.
    tokens, labels, pred_probs, exclude, class_names, top
        See `datalab.token_classification.summary.display_issues`.

    Raises
    ------
    InputError
        Issues that are not in `tokens`, or labels that do not fit them.
    """
    if len(issues) and np.ndim(issues[0]) == 0:
        rows = sentence_rows(issues, tokens)[:top]
        return Sentences([Marked(f"sentence {row}", "", tokens[row]) for row in rows])
    positions = token_positions(issues, tokens)
    given, predicted = classes_at(positions, labels, pred_probs)
    kept = np.arange(len(positions))
    if given is not None and predicted is not None:
        kept = np.flatnonzero(~excluded(given, predicted, exclude or ()))
    names = named_classes(class_names)
    entries = []
    for at in kept[:top]:
        sentence, token = positions[at]
        notes = [
            f"{what} label: {names.get(int(codes[at]), codes[at])}"
            for what, codes in (("given", given), ("predicted", predicted))
            if codes is not None
        ]
        words = tokens[sentence]
        title = f"sentence {sentence}, token {token}: {clean_text(words[token], _TOKEN_LIMIT)}"
        entries.append(Marked(title, ", ".join(notes), words, token))
    return Sentences(entries)


def classes_at(
    positions: Sequence[tuple[int, int]], labels: Any, pred_probs: Any
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None]:
    """Given and most probable classes at (sentence, token) positions; None where not known.

    Parameters
    ----------
    positions : sequence of (int, int)
    labels : sequence of N sequences of int, or None
    pred_probs : sequence of N array-likes of shape (T_i, K), or None

    Raises
    ------
    InputError
        Labels or probabilities that do not fit the positions.
    """
    given = predicted = None
    if labels is not None:
        given = class_codes(values_at(positions, labels, "labels"))
    if pred_probs is not None:
        rows = values_at(positions, pred_probs, "pred_probs")
        found = probabilities(rows if len(rows) else np.empty((0, 1)))
        predicted = found.argmax(axis=1).astype(np.int64)
    return given, predicted


def score_series(
    scores: Sequence[FloatArray], tokens: Sequence[Sequence[str]] | None
) -> "list[pd.Series[float]]":
    """The token scores of each sentence, with its tokens as index.

    Parameters
    ----------
    scores : sequence of N ndarrays of shape (T_i,)
    tokens : sequence of N sequences of str, or None
        By default the tokens are numbered.

    Raises
    ------
    InputError
        Sentences with another number of tokens than of scores.
    """
    import pandas as pd

    if tokens is None:
        return [pd.Series(part) for part in scores]
    words = groups(tokens, "tokens", "sentence")
    same_length(labels=scores, tokens=words)
    for at, (part, sentence) in enumerate(zip(scores, words, strict=True)):
        if len(part) != len(sentence):
            raise InputError(
                f"sentence {at} has {len(part)} labels but {len(sentence)} `tokens`; give one "
                "label per token"
            )
    return [pd.Series(part, index=list(line)) for part, line in zip(scores, words, strict=True)]


class Sentences(Sequence[Marked]):
    """Sentences to read: ``print`` shows them, and a notebook does so by itself.

    Parameters
    ----------
    entries : sequence of Marked
        In the order in which they are shown.
    """

    def __init__(self, entries: Sequence[Marked]) -> None:
        self._entries = tuple(entries)

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, at: int) -> Marked: ...
    @overload
    def __getitem__(self, at: slice) -> "Sentences": ...
    def __getitem__(self, at: int | slice) -> "Marked | Sentences":
        return Sentences(self._entries[at]) if isinstance(at, slice) else self._entries[at]

    def __str__(self) -> str:
        return "\n\n".join(map(_text, self._entries)) or "no issues"

    def __repr__(self) -> str:
        return f"Sentences({len(self)})"

    def _repr_html_(self) -> str:
        items = "".join(map(_html, self._entries)) or "<p>no issues</p>"
        return f'<div class="datalab-sentences" style="font-size:13px">{items}</div>'


def _text(entry: Marked) -> str:
    tokens, at = entry.window()
    if at is not None:
        tokens[at] = f"{_RED}{tokens[at]}{_PLAIN}"
    lines = [entry.title, entry.note, " ".join(tokens)]
    return "\n".join(line for line in lines if line)


def _html(entry: Marked) -> str:
    tokens, at = entry.window()
    words = [html.escape(token) for token in tokens]
    if at is not None:
        words[at] = f'<mark style="background:none;color:#dc2626"><b>{words[at]}</b></mark>'
    note = f"<div>{html.escape(entry.note)}</div>" if entry.note else ""
    title = f'<div style="opacity:.65">{html.escape(entry.title)}</div>'
    text = f'<div dir="auto">{" ".join(words)}</div>'
    return f'<div style="margin:0 0 12px">{title}{note}{text}</div>'
