"""Sets of labels that are probably wrong."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab._check import choice, label_sets
from datalab._core.filter import COUNTING, PRUNING
from datalab._core.multilabel import (
    issue_options,
    issues,
    pooled,
    pooling_options,
    quality_per_class,
)
from datalab._core.rank import SCORES
from datalab._typing import BoolArray, Probs
from datalab.findings import Findings
from datalab.managers.base import Kind, percent

__all__ = ["MultilabelLabel"]


@dataclass(frozen=True)
class MultilabelLabel:
    """Examples of which some class is probably missing, or wrongly given.

    Confident learning for each class on its own: has it, or has it not. The score pools the
    probabilities of what is given for each class; the lowest ones dominate.

    Parameters
    ----------
    filter_by, frac_noise, num_to_remove_per_class, min_examples_per_class, confident_joint, \
n_jobs, verbose, low_memory
        As in `datalab.multilabel_classification.filter.find_label_issues`.
    method, adjust_pred_probs, aggregator_kwargs
        As in `datalab.multilabel_classification.get_label_quality_scores`.

    References
    ----------
    A. Thyagarajan, E. Snorrason, C. Northcutt, J. Mueller: Identifying incorrect annotations in
    multi-label classification data, ICLR workshop 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab._check import probabilities
    >>> labels = [[0], [1], [0, 1], []] * 10
    >>> pred_probs = np.tile([[0.9, 0.1], [0.2, 0.8], [0.9, 0.9], [0.1, 0.2]], (10, 1))
    >>> labels[5], pred_probs[5] = [], [0.1, 0.95]
    >>> found = MultilabelLabel().find_issues(labels, probabilities(pred_probs), ("cat", "dog"))
    >>> np.flatnonzero(found.is_issue).tolist(), found.columns["predicted_label"][5]
    ([5], ['dog'])
    """

    filter_by: str = "prune_by_noise_rate"
    frac_noise: float = 1.0
    num_to_remove_per_class: Any = None
    min_examples_per_class: int = 1
    confident_joint: Any = None
    n_jobs: int | None = None
    verbose: bool = False
    low_memory: bool = False
    method: str = "self_confidence"
    adjust_pred_probs: bool = False
    aggregator_kwargs: Mapping[str, Any] | None = None

    name: ClassVar[str] = "label"
    tasks: ClassVar[tuple[str, ...]] = ("multilabel",)
    description: ClassVar[str] = "Sets of classes that an out-of-sample model finds unlikely."
    advice: ClassVar[str] = "Look at the worst ones first; add or remove the class in doubt."
    produces: ClassVar[dict[str, Kind]] = {
        "given_label": "text",
        "predicted_label": "text",
        "class_in_doubt": "class",
        "is_given": "bool",
        "class_probability": "number",
    }
    # What the reference does not have.
    extras: ClassVar[tuple[str, ...]] = ("class_in_doubt", "is_given", "class_probability")

    def __post_init__(self) -> None:
        """Check the options."""
        choice(self.filter_by, (*PRUNING, *COUNTING), name="filter_by")
        choice(self.method, SCORES, name="method")
        pooling_options(self.aggregator_kwargs)

    def find_issues(
        self,
        labels: list[list[int]],
        pred_probs: Probs,
        class_names: tuple[Any, ...] | None = None,
    ) -> Findings:
        """Flag and score sets of labels."""
        n_rows, n_classes = pred_probs.shape
        present = label_sets(labels, n_classes)
        quality = quality_per_class(present, pred_probs, self.method, self.adjust_pred_probs)
        score = pooled(quality, **pooling_options(self.aggregator_kwargs))
        # Of each row the class whose being given, or not given, the model finds least likely.
        doubt = np.where(present, pred_probs, 1 - pred_probs).argmin(axis=1)
        at = np.arange(n_rows), doubt
        names = list(class_names or range(n_classes))
        given, predicted = _named(present, names), _named(pred_probs > 0.5, names)
        return Findings(
            self.name,
            is_issue=self._flags(present, pred_probs),
            score=np.clip(score, 0.0, 1.0),
            columns={
                "given_label": given,
                "predicted_label": predicted,
                "class_in_doubt": doubt,
                "is_given": present[at],
                "class_probability": pred_probs[at],
            },
            info={"given_label": given, "predicted_label": predicted, "class_names": names},
        )

    def _flags(self, present: BoolArray, pred_probs: Probs) -> BoolArray:
        options = issue_options(
            present,
            self.filter_by,
            self.frac_noise,
            self.num_to_remove_per_class,
            self.min_examples_per_class,
            self.confident_joint,
            self.low_memory,
        )
        return issues(present, pred_probs, **options)

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        if "class_in_doubt" not in row:
            return f"labelled {_listed(row['given_label'])}, but the model predicts " + _listed(
                row["predicted_label"]
            )
        told = "is given" if row["is_given"] else "is not given"
        return f"{row['class_in_doubt']} {told}, but has {percent(row['class_probability'])}"


def _listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "no class"


def _named(present: NDArray[np.bool_], names: list[Any]) -> NDArray[np.object_]:
    """The names of the classes of each row, as a list in each cell."""
    row, k = np.nonzero(present)
    flat = [names[code] for code in k]
    ends = np.searchsorted(row, np.arange(len(present) + 1))
    lists = (flat[start:end] for start, end in itertools.pairwise(ends))
    return np.fromiter(lists, dtype=object, count=len(present))
