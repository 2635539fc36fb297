"""Labels of several annotators: what is right, how sure that is, and who can be relied on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datalab._check import choice, unit_number
from datalab._core.multiannotator import (
    Answers,
    agreement_with,
    answers_from,
    best_labels,
    label_agreement,
    majority_vote,
    worst_class,
)
from datalab._data.annotations import Annotations
from datalab._data.labels import encode
from datalab._data.values import column_array, is_missing, objects, python_values, whole_numbers
from datalab._typing import Codes, FloatArray, IndexArray, Probs
from datalab.exceptions import InputError, NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind, percent

if TYPE_CHECKING:
    import pandas as pd

    from datalab._core.dawid_skene import Consensus

__all__ = ["MultiAnnotator"]


@dataclass(frozen=True)
class MultiAnnotator:
    """Rows whose annotators leave the label in doubt, or contradict the given label.

    The consensus is the most probable class given all answers to the row, what is known of the
    annotators who gave them, and the model's out-of-sample probabilities when there are any. The
    score is the probability that the given label is right, or the consensus where no label is
    given. A row is flagged when that probability is below ``min_quality``: the annotators cannot
    tell (at least three in ten such consensus labels are expected to be wrong), or they agree on
    another label than the given one.

    Rows that nobody labelled have no consensus and are left out; but where they have no given
    label either, and there is a model, its label is told, as sure as the model proves to be on the
    other rows. Labelling functions that abstain on part of the rows are annotators like others.

    Parameters
    ----------
    min_quality : float
        In [0, 1]. What is less probable than this is flagged. With calibrated probabilities the
        best cut for F1 lies at one minus half the F1 that can be reached: 0.7 for one of 0.6.
    method : {"dawid_skene", "crowdlab"}
        Consensus by Dawid-Skene, with confusions shrunk to one accuracy per annotator, the model
        as a prior, and answers weighted by how well they predict each other; or by CROWDLAB,
        which needs pred_probs. Flags rest on the probabilities of the former in both cases, as
        CROWDLAB's quality orders rows but is no probability.
    gold : sequence, optional
        True labels of the rows for which they are known, otherwise missing (None, NaN, or -1 among
        numbers); one entry per row of the data. They are the consensus there, and annotators and
        model are judged by them.

    Notes
    -----
    Time and memory are linear in the number of answers times the number of classes: 1.8 million
    answers of 2000 annotators about 600,000 rows take ten seconds of one core.

    Of the methods that were tried on 260 simulated and three real crowds, shrunken Dawid-Skene is
    the best on average (accuracy .860; majority .805, plain Dawid-Skene .847, GLAD .834, MACE
    .847), and no mean of several is better; with a model, see
    `datalab.multiannotator.get_label_quality_multiannotator`.

    References
    ----------
    A. Dawid, A. Skene: Maximum likelihood estimation of observer error-rates using the EM
    algorithm, JRSS C 28 (1979). V. Raykar et al.: Learning from crowds, JMLR 11 (2010). H. Goh,
    U. Tkachenko, J. Mueller: CROWDLAB, arXiv:2210.06812.

    Examples
    --------
    >>> import numpy as np
    >>> votes = np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 1]] * 5)
    >>> item, annotator = np.divmod(np.arange(90), 3)
    >>> answers = Annotations(item, annotator, votes.reshape(-1), ("ann", "bob", "cleo"), 30)
    >>> found = MultiAnnotator().find_issues(answers, labels=np.array([0, 1, 1] * 10))
    >>> found.columns["consensus_label"][:6], found.is_issue[:3]
    (array([0, 1, 0, 1, 1, 1]), array([False, False,  True]))
    """

    min_quality: float = 0.7
    method: str = "dawid_skene"
    gold: Any = None

    name: ClassVar[str] = "multi_annotator"
    modality: ClassVar[str] = "annotations"
    beyond_reference: ClassVar[bool] = True
    tasks: ClassVar[tuple[str | None, ...]] = ("classification", None)
    description: ClassVar[str] = "Rows whose annotators disagree, or contradict the given label."
    advice: ClassVar[str] = "Take the consensus label where it is sure; ask once more where not."
    sees_missing: ClassVar[bool] = True
    produces: ClassVar[dict[str, Kind]] = {
        "consensus_label": "class",
        "consensus_quality": "number",
        "annotator_agreement": "number",
        "num_annotations": "number",
        "given_label": "class",
    }

    def __post_init__(self) -> None:
        """Check the options."""
        unit_number(self.min_quality, name="min_quality")
        choice(self.method, METHODS, name="method")
        if self.gold is not None:
            object.__setattr__(self, "gold", _by_hand(self.gold))

    def find_issues(
        self,
        annotations: Annotations,
        pred_probs: Probs | None = None,
        labels: Codes | None = None,
        class_names: tuple[Any, ...] | None = None,
    ) -> Findings:
        """Find the consensus, and the rows where it is in doubt or contradicts the label."""
        from datalab._core.dawid_skene import dawid_skene

        truth = self._truth(len(annotations), class_names)
        rows = _rows(annotations, pred_probs, labels, truth)
        people = np.unique(annotations.annotator)
        probs = None if pred_probs is None else pred_probs[rows]
        known = None if truth is None else truth[rows]
        answers = _answers(annotations, rows, people, probs, len(class_names or ()))
        if known is None and (probs is None or self.method == "crowdlab"):
            _refuse_nothing_to_compare(answers)
        likely = dawid_skene(answers, probs, known)
        found = METHODS[self.method](answers, probs, likely, known)
        columns: dict[str, Any] = {
            "consensus_label": found.label,
            "consensus_quality": found.quality,
            "annotator_agreement": label_agreement(answers, found.label),
            "num_annotations": answers.per_item,
        }
        given = np.zeros(len(rows), dtype=bool) if known is None else known >= 0
        judged = found.label
        if labels is not None:
            columns["given_label"] = labels[rows]
            judged = np.where(labels[rows] >= 0, labels[rows], found.label)
        score = np.minimum(likely.posterior[np.arange(len(rows)), judged], 1.0)
        names = [annotations.names[one] for one in people]
        return Findings(
            self.name,
            is_issue=score < self.min_quality,
            score=score,
            columns=columns,
            rows=None if len(rows) == len(annotations) else rows,
            info={
                "annotator_stats": _annotator_stats(answers, found, names, class_names),
                "method": found.method,
                "weights": found.weights,
                "min_quality": self.min_quality,
                "average_consensus_quality": float(found.quality.mean()),
                "num_rows_without_consensus": len(annotations) - len(rows),
                "num_labels_of_the_model": int(((answers.per_item == 0) & ~given).sum()),
                "num_known": int(given.sum()),
                "abstaining": likely.abstaining,
            },
        )

    def _truth(self, n_rows: int, class_names: tuple[Any, ...] | None) -> NDArray[np.int64] | None:
        """The known truths as class codes, -1 where there is none."""
        if self.gold is None:
            return None
        if len(self.gold) != n_rows:
            raise InputError(
                f"`gold` has {len(self.gold)} entries but there are {n_rows} rows here; give one "
                "per row, None where the truth is not known"
            )
        names = class_names or ()
        gold = [None if one == -1 and -1 not in names else one for one in self.gold]
        if names:
            return encode(objects(gold), names, name="gold")
        return np.array([-1 if one is None else one for one in gold], dtype=np.int64)

    def sum_up(self, found: Findings) -> str:
        """How the consensus was made, and about how many rows it says nothing."""
        info = found.info
        told = WHY[info["method"]]
        if info["abstaining"]:
            told += "; what annotators of a single label leave out counts as an answer"
        if info["num_known"]:
            told += f"; {info['num_known']} known truths"
        silent, offered = info["num_rows_without_consensus"], info["num_labels_of_the_model"]
        if silent:
            which, have = ("row", "has") if silent == 1 else ("rows", "have")
            told += f"; {silent} {which} that nobody labelled {have} no consensus"
        if offered:
            which = "row" if offered == 1 else "rows"
            told += f"; for {offered} {which} that nobody labelled, the model's label is told"
        return told

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        n_answers = round(row["num_annotations"])
        agree = round(row["annotator_agreement"] * n_answers) if n_answers else 0
        chance = percent(row["consensus_quality"])
        told = f"{row['consensus_label']} is right with a chance of {chance}"
        if row.get("given_label") not in (None, row["consensus_label"]):
            told = f"labelled {row['given_label']}, but {told}"
        if n_answers == 0:
            return f"{told} (nobody labelled it)"
        if n_answers == 1:
            return f"{told} (the only annotator {'agrees' if agree else 'says otherwise'})"
        return f"{told} ({agree} of {n_answers} annotators say so)"


def _by_hand(gold: Any) -> tuple[Any, ...]:
    """One entry per row, None where the truth is not known: something to compare and to save."""
    try:
        values = column_array(gold if isinstance(gold, np.ndarray) else objects(gold))
    except TypeError as error:
        raise InputError(f"`gold` must be one label per row, got {gold!r}") from error
    missing = is_missing(values)
    return tuple(
        None if lacks else value
        for value, lacks in zip(python_values(whole_numbers(values)), missing, strict=True)
    )


def _rows(
    annotations: Annotations,
    probs: Probs | None,
    labels: Codes | None,
    truth: NDArray[np.int64] | None,
) -> IndexArray:
    """The rows about which somebody says something: who labelled them, or the model alone."""
    told = np.zeros(len(annotations), dtype=bool)
    told[annotations.item] = True
    if truth is not None:
        told |= truth >= 0
    if probs is not None:
        seen = np.isfinite(probs).all(axis=1)
        told |= seen if labels is None else seen & (labels < 0)
    return np.flatnonzero(told)


def _answers(
    annotations: Annotations,
    rows: IndexArray,
    people: IndexArray,
    probs: FloatArray | None,
    n_known: int,
) -> Answers:
    """The answers, with rows and annotators numbered without gaps."""
    n_classes = max(n_known, int(annotations.label.max(initial=0)) + 1)
    if probs is not None:
        if probs.shape[1] < n_classes:
            raise InputError(
                f"`pred_probs` has {probs.shape[1]} columns but there are {n_classes} classes in "
                "labels and annotations; give one column per class"
            )
        n_classes = probs.shape[1]
    return answers_from(
        np.searchsorted(rows, annotations.item),
        np.searchsorted(people, annotations.annotator),
        annotations.label,
        n_items=len(rows),
        n_annotators=len(people),
        n_classes=n_classes,
    )


def _refuse_nothing_to_compare(answers: Answers) -> None:
    if answers.per_item.max(initial=0) < 2:
        raise NotApplicable(
            "needs rows that several annotators labelled, but every row has a single answer; "
            "take the answers as labels (label_name=) and look at the label check, or give "
            "pred_probs or known truths (gold)"
        )


class _Found(NamedTuple):
    """A consensus, with the name of the method and what it trusts."""

    method: str
    label: IndexArray
    quality: FloatArray
    annotator_quality: FloatArray
    weights: Mapping[str, Any]


def _by_dawid_skene(
    answers: Answers, probs: FloatArray | None, likely: "Consensus", _known: IndexArray | None
) -> _Found:
    vote = majority_vote(answers, None if probs is None else np.nan_to_num(probs))
    label = best_labels(likely.posterior, vote)
    return _Found(
        "Dawid-Skene" if probs is None else "Dawid-Skene with the model",
        label,
        likely.posterior[np.arange(len(label)), label],
        likely.accuracy,
        {"model": likely.model_power, "answers": likely.answer_power},
    )


def _by_crowdlab(
    answers: Answers, probs: FloatArray | None, likely: "Consensus", known: IndexArray | None
) -> _Found:
    from datalab._core.consensus import verdicts
    from datalab._core.crowdlab import annotator_quality

    if probs is None:
        raise NotApplicable('method="crowdlab" needs pred_probs: give pred_probs= or features=')
    unseen = np.isnan(probs).any(axis=1, keepdims=True)
    probs = np.where(unseen, 1 / probs.shape[1], probs)
    verdict = verdicts(answers, probs[None], ["best_quality"], gold=known)[0]
    scores = answers.at_label(verdict.opinion.posterior)
    quality = annotator_quality(answers, verdict.consensus, scores, verdict.opinion)
    weights = verdict.opinion.weights
    return _Found(
        "CROWDLAB",
        verdict.consensus,
        verdict.quality,
        np.where(np.isnan(quality), likely.accuracy, quality),  # NaN: shares no row with others
        {} if weights is None else {"model": weights.model[0], "annotators": weights.annotator},
    )


METHODS: dict[
    str, Callable[[Answers, FloatArray | None, "Consensus", IndexArray | None], _Found]
] = {
    "dawid_skene": _by_dawid_skene,
    "crowdlab": _by_crowdlab,
}
WHY = {
    "Dawid-Skene": (
        "consensus by Dawid-Skene, shrunk: without a model the best on average of all that was "
        "tried"
    ),
    "Dawid-Skene with the model": (
        "consensus by Dawid-Skene with the model as a prior, which trusts a good model more than "
        "CROWDLAB and a poor one less"
    ),
    "CROWDLAB": "consensus by CROWDLAB, as asked for",
}


def _annotator_stats(
    answers: Answers, found: _Found, names: list[Any], class_names: tuple[Any, ...] | None
) -> "pd.DataFrame":
    """One row per annotator, the least reliable first."""
    import pandas as pd

    agreement = agreement_with(answers, found.label)
    worst = worst_class(answers, found.label, found.quality)
    columns = {
        "annotator_quality": found.annotator_quality,
        "agreement_with_consensus": agreement,
        "worst_class": [class_names[k] for k in worst] if class_names else worst,
        "num_examples_labeled": answers.sum_by_annotator().astype(np.int64),
    }
    index = pd.Index(names, name="annotator", tupleize_cols=False)
    order = np.lexsort((agreement, found.annotator_quality))
    return pd.DataFrame(columns, index=index).iloc[order]
