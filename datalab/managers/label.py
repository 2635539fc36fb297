"""Labels that are probably wrong, for classification."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab._check import as_array, choice, did_you_mean
from datalab._core.count import (
    calibrate,
    confident_guesses,
    confident_joint,
    confident_thresholds,
    estimate_joint,
    given_probs,
    label_counts,
    num_label_issues,
)
from datalab._core.filter import COUNTING, PRUNING, label_issues
from datalab._core.latent import estimate_latent
from datalab._core.rank import label_quality
from datalab._tables import class_table, overlap_table
from datalab._typing import Codes, FloatArray, Probs
from datalab.exceptions import InputError, NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind, percent

__all__ = ["Label"]

# cleanlab's CleanLearning leaves at least so many examples in every class.
MIN_EXAMPLES = 10
CLEAN_LEARNING = ("find_label_issues_kwargs", "label_quality_scores_kwargs")


@dataclass(frozen=True)
class Label:
    """Labels that the model, trained on all other rows, finds unlikely.

    Confident learning on out-of-sample predicted probabilities: the number of wrong labels is
    estimated for each pair of given and suggested class, and so many of the least likely labels of
    the pair are flagged. The score is the probability of the given label (self-confidence).

    Parameters
    ----------
    filter_by : str
        A rule of `datalab.filter.find_label_issues`.
    frac_noise : float
        Share of the estimated errors to flag.
    k : int
        Neighbours that vote when probabilities are made from features under reference rules.
    thresholds : array-like of shape (K,), optional
        Confident thresholds, by default the mean probability of each class over its examples.
    clean_learning_kwargs, health_summary_parameters : mapping, optional
        As in cleanlab: ``{"find_label_issues_kwargs": {…}, "label_quality_scores_kwargs": {…}}``.

    References
    ----------
    C. Northcutt, L. Jiang, I. Chuang: Confident learning, JAIR 70 (2021), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab._check import labels_and_probs
    >>> pred_probs = np.tile([[0.9, 0.1], [0.2, 0.8]], (20, 1))
    >>> labels = np.tile([0, 1], 20)
    >>> labels[0] = 1
    >>> found = Label().find_issues(*labels_and_probs(labels, pred_probs))
    >>> np.flatnonzero(found.is_issue).tolist(), round(float(found.score[0]), 2)
    ([0], 0.1)
    """

    filter_by: str = "prune_by_noise_rate"
    frac_noise: float = 1.0
    k: int = 10
    thresholds: Any = None
    clean_learning_kwargs: Mapping[str, Any] = field(default_factory=dict)
    health_summary_parameters: Mapping[str, Any] | None = None

    name: ClassVar[str] = "label"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    description: ClassVar[str] = "Labels that an out-of-sample model finds unlikely."
    advice: ClassVar[str] = "Look at the worst ones first; correct the label or drop the row."
    produces: ClassVar[dict[str, Kind]] = {
        "given_label": "class",
        "predicted_label": "class",
        "given_probability": "number",
        "predicted_probability": "number",
    }
    # What the reference does not have.
    extras: ClassVar[tuple[str, ...]] = ("given_probability", "predicted_probability")
    tells_inputs: ClassVar[tuple[str, ...]] = ("features", "pred_probs")

    def __post_init__(self) -> None:
        """Check the options."""
        choice(self.filter_by, (*PRUNING, *COUNTING), name="filter_by")
        for key in self.clean_learning_kwargs:
            if key not in CLEAN_LEARNING:
                raise InputError(
                    f"`clean_learning_kwargs` has {key!r}: {did_you_mean(key, CLEAN_LEARNING)}"
                )

    def find_issues(
        self, labels: Codes, pred_probs: Probs, class_names: tuple[Any, ...] | None = None
    ) -> Findings:
        """Flag and score labels."""
        counts = label_counts(labels, pred_probs.shape[1])
        if np.count_nonzero(counts) < 2:
            raise NotApplicable(
                "needs labels of at least two classes, found "
                f"{np.count_nonzero(counts)} among {len(labels)} rows"
            )
        thresholds = self._thresholds(labels, pred_probs)
        guesses = confident_guesses(pred_probs, thresholds)
        raw = confident_joint(labels, pred_probs, guesses=guesses)
        joint = calibrate(raw, counts)
        options = {
            "filter_by": self.filter_by,
            "frac_noise": self.frac_noise,
            "min_examples_per_class": MIN_EXAMPLES,
            **self.clean_learning_kwargs.get("find_label_issues_kwargs", {}),
        }
        is_issue = label_issues(labels, pred_probs, joint=joint, guesses=guesses, **options)
        score = self._score(labels, pred_probs)
        predicted = pred_probs.argmax(axis=1)
        errors = num_label_issues(labels, pred_probs, guesses)
        py, noise_matrix, inverse_noise_matrix = estimate_latent(joint, counts)
        return Findings(
            self.name,
            is_issue=is_issue,
            score=score,
            summary=1.0 - errors / len(labels),
            columns={
                "given_label": labels,
                "predicted_label": predicted,
                "given_probability": given_probs(labels, pred_probs),
                "predicted_probability": pred_probs[np.arange(len(labels)), predicted],
            },
            info={
                "num_label_issues": int(is_issue.sum()),
                "average_label_quality": float(score.mean()),
                "given_label": labels,
                "predicted_label": predicted,
                "confident_joint": joint,
                **self._health(joint, len(labels), class_names),
                "py": py,
                "noise_matrix": noise_matrix,
                "inverse_noise_matrix": inverse_noise_matrix,
                "confident_thresholds": thresholds.tolist(),
            },
        )

    def _health(
        self, joint: NDArray[Any], n_examples: int, class_names: tuple[Any, ...] | None
    ) -> dict[str, Any]:
        """The tables of `datalab.dataset.health_summary`."""
        options = dict(self.health_summary_parameters or {})
        asymmetric = bool(options.pop("asymmetric", False))
        names = options.pop("class_names", class_names)
        options.pop("verbose", None)
        if options:
            raise InputError(
                f"`health_summary_parameters` has {next(iter(options))!r}: "
                + did_you_mean(next(iter(options)), ("asymmetric", "class_names"))
            )
        share = estimate_joint(joint)
        return {
            "classes_by_label_quality": class_table(share, n_examples, names),
            "overlapping_classes": overlap_table(share, n_examples, asymmetric, names),
        }

    def _thresholds(self, labels: Codes, pred_probs: Probs) -> FloatArray:
        if self.thresholds is None:
            return confident_thresholds(labels, pred_probs)
        thresholds = as_array(self.thresholds, name="thresholds").astype(np.float64)
        if thresholds.shape != (pred_probs.shape[1],):
            raise InputError(
                f"`thresholds` has shape {thresholds.shape}; give one number for each of the "
                f"{pred_probs.shape[1]} classes"
            )
        return thresholds

    def _score(self, labels: Codes, pred_probs: Probs) -> FloatArray:
        options = dict(self.clean_learning_kwargs.get("label_quality_scores_kwargs", {}))
        adjust = options.pop("adjust_pred_probs", False)
        thresholds = confident_thresholds(labels, pred_probs) if adjust else None
        return label_quality(labels, pred_probs, thresholds=thresholds, **options)

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        given = row.get("given_probability", row["score"])
        told = f"model gives {row['given_label']} only {percent(given)}"
        if row["predicted_label"] == row["given_label"]:
            return told
        if "predicted_probability" not in row:
            return f"{told}; it suggests {row['predicted_label']}"
        return f"{told}; {row['predicted_label']} has {percent(row['predicted_probability'])}"
