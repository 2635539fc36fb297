"""The annotators: how good each of them is, what each confuses, who agrees with whom."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab._data.annotations import Annotations
from datalab.exceptions import InputError
from datalab.session import Session
from datalab.views.base import View
from datalab.views.cells import NAME_LIMIT, clean_text, count, score, share

__all__ = ["Annotators", "agreement"]

MOST = 200  # annotators in the table
MATRIX = 20  # annotators in the matrix of agreement, and classes in the confusion


class Annotators(View):
    """Quality of the annotators, the confusions of one of them, and their agreement."""

    modules: ClassVar[tuple[str, ...]] = ("annotators",)
    watches: ClassVar[frozenset[str]] = frozenset({"findings"})

    def __init__(self, session: Session) -> None:
        self._chosen: int | None = None
        super().__init__(session)

    def actions(self) -> Mapping[str, Callable[..., Any]]:
        """Choosing an annotator."""
        return {"choose": self._choose}

    def _choose(self, annotator: int) -> None:
        answers = self._answers()
        if answers is None or not 0 <= annotator < len(answers.names):
            raise InputError(f"there is no annotator {annotator}")
        self._chosen = annotator
        self.refresh()

    def _answers(self) -> Annotations | None:
        held = self.session.lab._artefacts.held("annotations")
        return None if held is None else held.value

    def drawn(self) -> dict[str, Any]:
        """The table, and the two matrices."""
        answers, findings = self._answers(), self.session.facts.findings("multi_annotator")
        if answers is None or findings is None:
            return {
                "rows": [],
                "why": "no annotations: give annotations= to Datalab and audit them",
            }
        consensus = np.full(answers.n_items, -1)
        consensus[findings.positions()] = np.asarray(findings.columns["consensus_label"])
        rows = self._rows(answers, consensus)
        chosen = rows[0]["id"] if self._chosen is None else self._chosen
        shown = [row["id"] for row in rows][:MATRIX]
        return {
            "rows": rows,
            "hidden": max(0, len(answers.names) - MOST),
            "chosen": chosen,
            "confusion": self._confusion(answers, consensus, chosen),
            "agreement": {
                "names": [_name(answers, who) for who in shown],
                "shares": _rounded(agreement(answers, shown)),
            },
        }

    def _rows(self, answers: Annotations, consensus: NDArray[Any]) -> list[dict[str, Any]]:
        """One line per annotator, the least reliable first."""
        findings = self.session.facts.findings("multi_annotator")
        stats = None if findings is None else findings.info.get("annotator_stats")
        quality = {} if stats is None else dict(stats["annotator_quality"])
        known = consensus[answers.item] >= 0
        right = known & (answers.label == consensus[answers.item])
        n = np.bincount(answers.annotator, minlength=len(answers.names))
        n_known = np.bincount(answers.annotator[known], minlength=len(answers.names))
        n_right = np.bincount(answers.annotator[right], minlength=len(answers.names))
        rows: list[dict[str, Any]] = [
            {
                "id": who,
                "name": _name(answers, who),
                "quality": float(quality.get(name, np.nan)),
                "answers": count(n[who]),
                "agrees": share(int(n_right[who]), int(n_known[who])),
            }
            for who, name in enumerate(answers.names)
        ]
        rows.sort(key=lambda row: (np.isnan(row["quality"]), row["quality"]))
        for row in rows:
            row["text"] = score(row["quality"])
            row["quality"] = round(float(np.nan_to_num(row["quality"])), 3)
        return rows[:MOST]

    def _confusion(self, answers: Annotations, consensus: NDArray[Any], who: int) -> dict[str, Any]:
        """Consensus (down) × answer (across) of one annotator, for the classes most in doubt."""
        names = self.session.facts.class_texts()
        mine = answers.annotator == who
        truth, said = consensus[answers.item[mine]], answers.label[mine]
        known = truth >= 0
        k = len(names)
        counts = np.bincount(truth[known] * k + said[known], minlength=k * k).reshape(k, k)
        doubt = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
        shown = np.sort(np.argsort(-doubt, kind="stable")[:MATRIX])
        return {
            "names": [names[code] for code in shown],
            "counts": counts[np.ix_(shown, shown)].tolist(),
        }


def _name(answers: Annotations, who: int) -> str:
    return clean_text(answers.names[who], NAME_LIMIT)


def _rounded(shares: NDArray[Any]) -> list[list[float | None]]:
    return [[None if np.isnan(one) else round(float(one), 3) for one in row] for row in shares]


def agreement(answers: Annotations, who: list[int]) -> NDArray[np.float64]:
    """How often two annotators said the same about what both were asked; NaN for nothing shared.

    Parameters
    ----------
    answers : Annotations
    who : list of int
        Annotators.

    Returns
    -------
    ndarray of shape (len(who), len(who))

    Examples
    --------
    >>> item, annotator, label = np.array([[0, 1, 0, 1, 2], [0, 0, 1, 1, 1], [0, 1, 0, 0, 1]])
    >>> agreement(Annotations(item, annotator, label, ("a", "b"), 3), [0, 1])
    array([[1. , 0.5],
           [0.5, 1. ]])
    """
    said = np.full((len(who), answers.n_items), -1, dtype=np.int64)
    for place, one in enumerate(who):
        mine = answers.annotator == one
        said[place, answers.item[mine]] = answers.label[mine]
    shares = np.full((len(who), len(who)), np.nan)
    for a in range(len(who)):
        both = (said[a] >= 0) & (said >= 0)
        n = both.sum(axis=1)
        same = (both & (said == said[a])).sum(axis=1)
        np.divide(same, n, out=shares[a], where=n > 0)
    return shares
