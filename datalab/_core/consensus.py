"""Consensus labels and their quality, by the methods that have a name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from datalab._core.crowdlab import crowdlab
from datalab._core.dawid_skene import dawid_skene
from datalab._core.multiannotator import (
    Answers,
    Opinion,
    answer_quality,
    best_labels,
    label_agreement,
    majority_vote,
    ranked_shares,
)
from datalab._typing import FloatArray, IndexArray

__all__ = ["CONSENSUS", "QUALITY", "Verdict", "verdicts"]

# Given a consensus, what there is to say about every class of every item.
Opine = Callable[[IndexArray], Opinion]


def _weighing(answers: Answers, probs: FloatArray | None, gold: IndexArray | None) -> Opine:
    """Annotators, and models if there are any, by how far they can be trusted."""
    if probs is not None:
        return crowdlab(answers, probs, gold)
    return _inferring(answers, probs, gold)


def _inferring(answers: Answers, probs: FloatArray | None, gold: IndexArray | None) -> Opine:
    """The most probable truth, with the mean of the models as a prior."""
    found = dawid_skene(answers, None if probs is None else probs.mean(axis=0), gold)
    return _always(Opinion(found.posterior, annotator_quality=found.accuracy))


def _counting(answers: Answers, probs: FloatArray | None, _gold: IndexArray | None) -> Opine:
    """Every annotator alike; with models, the distribution that the reference takes for this."""
    if probs is not None:
        return _always(Opinion(ranked_shares(answers)))
    return _always(Opinion(answers.votes / answers.per_item[:, None]))


def _always(opinion: Opinion) -> Opine:
    """An opinion that rests on no consensus."""
    return lambda _consensus: opinion


QUALITY: dict[str, Callable[[Answers, FloatArray | None, IndexArray | None], Opine]] = {
    "crowdlab": _weighing,
    "dawid_skene": _inferring,
    "agreement": _counting,
}
# From the majority vote and the class probabilities that go with it.
CONSENSUS: dict[str, Callable[[IndexArray, FloatArray], IndexArray]] = {
    "majority_vote": lambda vote, _posterior: vote,
    "best_quality": lambda vote, posterior: best_labels(posterior, vote),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The consensus by one method.

    Parameters
    ----------
    consensus : ndarray of int, shape (n_items,)
        -1 for items about which nobody says anything.
    quality : ndarray of shape (n_items,)
        How sure the consensus label is; NaN where there is none.
    agreement : ndarray of shape (n_items,)
        The share of the item's annotators who gave it.
    opinion : Opinion
        What it rests on.
    """

    consensus: IndexArray
    quality: FloatArray
    agreement: FloatArray
    opinion: Opinion


def verdicts(
    answers: Answers,
    probs: FloatArray | None,
    methods: Sequence[str],
    quality_method: str = "crowdlab",
    scoring: Mapping[str, Any] | None = None,
    gold: IndexArray | None = None,
) -> list[Verdict]:
    """One verdict for each consensus method, in order.

    Parameters
    ----------
    answers : Answers
        At least one for each item ("dawid_skene" takes items without any).
    probs : ndarray of shape (number of models, n_items, n_classes), optional
    methods : sequence of keys of `CONSENSUS`
    quality_method : key of `QUALITY`
    scoring : mapping, optional
        Options of `answer_quality`.
    gold : ndarray of int, shape (n_items,), optional
        True labels where they are known, otherwise -1. They are the consensus there.
    """
    vote = _or_truth(majority_vote(answers, None if probs is None else probs.mean(axis=0)), gold)
    opine = QUALITY[quality_method](answers, probs, gold)
    first = opine(vote)
    items = np.arange(answers.n_items)
    found = []
    for method in methods:
        consensus = _or_truth(CONSENSUS[method](vote, first.posterior), gold)
        opinion = first if consensus is vote else opine(consensus)
        quality = agreement = label_agreement(answers, consensus)
        if quality_method != "agreement":
            quality = answer_quality(
                opinion.posterior, items, consensus, np.zeros_like(items), **(scoring or {})
            )
        found.append(Verdict(consensus, quality, agreement, opinion))
    if probs is None:
        found = [_without_guesses(one, answers, gold) for one in found]
    return found


def _without_guesses(verdict: Verdict, answers: Answers, gold: IndexArray | None) -> Verdict:
    """No consensus for items without answer and truth: class shares alone are a guess."""
    silent = answers.per_item == 0
    if gold is not None:
        silent &= gold < 0
    if not silent.any():
        return verdict
    consensus, quality = np.where(silent, -1, verdict.consensus), verdict.quality.copy()
    quality[silent] = np.nan
    return replace(verdict, consensus=consensus, quality=quality)


def _or_truth(consensus: IndexArray, gold: IndexArray | None) -> IndexArray:
    """The consensus, except where the truth is known."""
    return consensus if gold is None else np.where(gold >= 0, gold, consensus)
