"""Labels that are probably wrong, for classification."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab._check import as_array, choice, class_codes, did_you_mean
from datalab._core.count import (
    Guesses,
    argmaxes,
    at_columns,
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
from datalab._core.label_flags import LabelFlags, Learnt, adaptive_flags, flags_of_new
from datalab._core.latent import estimate_latent
from datalab._core.rank import label_quality
from datalab._core.witness import agreement, flags_beside_neighbors, pooled
from datalab._tables import class_table, overlap_table
from datalab._typing import BoolArray, Codes, FloatArray, Probs
from datalab.exceptions import InputError, NotApplicable
from datalab.findings import Findings
from datalab.managers.base import Kind, percent
from datalab.neighbors.graph import KNNGraph

__all__ = ["Label"]

# cleanlab's CleanLearning leaves at least so many examples in every class.
MIN_EXAMPLES = 10
CLEAN_LEARNING = ("find_label_issues_kwargs", "label_quality_scores_kwargs")
ADAPTIVE, CONFIDENT = "adaptive", "prune_by_noise_rate"
# Two classes are both plausible from this probability of the second one on.
PLAUSIBLE = 1 / 3
# An interval of the share of right flags that is wider says nothing.
UNTOLD = 0.7


@dataclass(frozen=True)
class Label:
    """Labels that the model, trained on all other rows, finds unlikely.

    The default rule follows the data: it learns from the rows of which the model is sure how labels
    are confused, and flags as many suspects as promises the best F1 (`datalab._core.label_flags`).
    Where features are known, the labels of the nearest neighbours are a second witness, heard as
    much as they help to predict labels, and tell how many of the labels that the model does not
    expect are wrong rather than its own mistakes (`datalab._core.witness`). The score is the
    probability that the label is right, against the best other class, by all of this.

    With `filter_by`, `frac_noise`, `thresholds` or `clean_learning_kwargs` the named method of
    confident learning decides, as in cleanlab: the number of wrong labels is estimated for each
    pair of given and suggested class, and so many of the least likely labels of the pair are
    flagged; the score is the probability of the given label (self-confidence).

    Parameters
    ----------
    filter_by : str, optional
        ``"adaptive"`` (the default) or a rule of `datalab.filter.find_label_issues`.
    frac_noise : float
        Share of the estimated errors to flag, for the pruning rules.
    k : int
        Neighbours that are asked; they vote when probabilities are made from features under
        reference rules.
    thresholds : array-like of shape (K,), optional
        Confident thresholds, by default the mean probability of each class over its examples.
    clean_learning_kwargs, health_summary_parameters : mapping, optional
        As in cleanlab: ``{"find_label_issues_kwargs": {…}, "label_quality_scores_kwargs": {…}}``.

    Notes
    -----
    `is_ambiguous` marks labels that are not flagged, although two classes are both plausible: the
    second one has at least a third of the calibrated probability.

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
    >>> np.flatnonzero(found.is_issue).tolist()
    [0]
    """

    filter_by: str | None = None
    frac_noise: float = 1.0
    k: int = 10
    thresholds: Any = None
    clean_learning_kwargs: Mapping[str, Any] = field(default_factory=dict)
    health_summary_parameters: Mapping[str, Any] | None = None

    name: ClassVar[str] = "label"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    description: ClassVar[str] = "Labels that an out-of-sample model finds unlikely."
    advice: ClassVar[str] = "Look at the worst ones first; correct the label or drop the row."
    reference: ClassVar[dict[str, Any]] = {"filter_by": CONFIDENT}
    not_made_beside: ClassVar[dict[str, tuple[str, ...]]] = {"knn_graph": ("pred_probs",)}
    produces: ClassVar[dict[str, Kind]] = {
        "given_label": "class",
        "predicted_label": "class",
        "is_ambiguous": "bool",
        "given_probability": "number",
        "predicted_probability": "number",
        "given_threshold": "number",
        "predicted_threshold": "number",
        "neighbor_label": "class",
        "neighbor_share": "number",
        "neighbor_given_share": "number",
    }
    # What the reference does not have.
    extras: ClassVar[tuple[str, ...]] = (
        "is_ambiguous",
        "given_probability",
        "predicted_probability",
        "given_threshold",
        "predicted_threshold",
        "neighbor_label",
        "neighbor_share",
        "neighbor_given_share",
        "rule",
        "precision",
        "precision_interval",
        "errors",
        "errors_interval",
        "trust_in_neighbors",
        "better_than_chance",
        "num_ambiguous",
        "learnt",
    )
    tells_inputs: ClassVar[tuple[str, ...]] = ("features", "pred_probs")

    def __post_init__(self) -> None:
        """Check the options."""
        if self.filter_by is not None:
            choice(self.filter_by, (*PRUNING, *COUNTING), name="filter_by")
        for key in self.clean_learning_kwargs:
            if key not in CLEAN_LEARNING:
                raise InputError(
                    f"`clean_learning_kwargs` has {key!r}: {did_you_mean(key, CLEAN_LEARNING)}"
                )

    @property
    def rule(self) -> str:
        """What decides which labels are flagged."""
        asked = self.clean_learning_kwargs.get("find_label_issues_kwargs", {})
        if self.filter_by is not None or "filter_by" in asked:
            return str(asked.get("filter_by", self.filter_by))
        confident = asked or self.frac_noise != 1.0 or self.thresholds is not None
        return CONFIDENT if confident else ADAPTIVE

    @property
    def unused(self) -> tuple[str, ...]:
        """The neighbours are witnesses of the adaptive rule only."""
        return () if self.rule == ADAPTIVE else ("knn_graph",)

    def find_issues(
        self,
        labels: Codes,
        pred_probs: Probs,
        class_names: tuple[Any, ...] | None = None,
        knn_graph: KNNGraph | None = None,
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
        if self.rule == ADAPTIVE:
            is_issue, score, more, told = self._adaptive(
                labels, pred_probs, joint, guesses, knn_graph
            )
        else:
            is_issue = self._confident(labels, pred_probs, joint, guesses)
            score, more, told = self._score(labels, pred_probs), {}, {}
        predicted = argmaxes(pred_probs)
        errors = num_label_issues(labels, pred_probs, guesses)
        py, noise_matrix, inverse_noise_matrix = estimate_latent(joint, counts)
        return Findings(
            self.name,
            is_issue=is_issue,
            score=score,
            summary=1.0 - errors / len(labels),
            columns={**_classes(labels, pred_probs, thresholds), **more},
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
                "rule": self.rule,
                **told,
            },
        )

    def _confident(
        self, labels: Codes, pred_probs: Probs, joint: NDArray[Any], guesses: Guesses
    ) -> BoolArray:
        """Flags of a named method."""
        options = {
            "frac_noise": self.frac_noise,
            "min_examples_per_class": MIN_EXAMPLES,
            **self.clean_learning_kwargs.get("find_label_issues_kwargs", {}),
            "filter_by": self.rule,
        }
        return label_issues(labels, pred_probs, joint=joint, guesses=guesses, **options)

    def _adaptive(
        self,
        labels: Codes,
        pred_probs: Probs,
        joint: NDArray[Any],
        guesses: Guesses,
        graph: KNNGraph | None,
    ) -> tuple[BoolArray, FloatArray, dict[str, Any], dict[str, Any]]:
        """Flags, scores, further columns and info of the adaptive rule."""
        columns: dict[str, Any] = {}
        flagged = label_issues(labels, pred_probs, joint=joint, guesses=guesses)
        usual = int(np.count_nonzero(flagged))
        if graph is None:
            found, power = adaptive_flags(labels, pred_probs, usual), 0.0
        else:
            neighbors = graph.nearest(self.k).indices
            columns = _neighbors(labels, neighbors)
            found, power = flags_beside_neighbors(labels, pred_probs, usual, neighbors)
        columns["is_ambiguous"] = (found.second >= PLAUSIBLE) & ~found.is_issue
        told = {
            **_told(found),
            "num_ambiguous": int(columns["is_ambiguous"].sum()),
            "trust_in_neighbors": power,
        }
        asked = "label_quality_scores_kwargs" in self.clean_learning_kwargs
        score = self._score(labels, pred_probs) if asked else found.score
        return found.is_issue, score, columns, told

    def find_new(
        self,
        found: Findings,
        labels: Codes,
        pred_probs: Probs,
        knn_graph: KNNGraph | None = None,
    ) -> Findings:
        """Judge new labels by what was learnt from those that are known."""
        if "learnt" not in found.info or self.clean_learning_kwargs:
            raise NotApplicable("a named method counts all rows together")
        columns = {}
        thresholds = np.asarray(found.info["confident_thresholds"])
        guesses = confident_guesses(pred_probs, thresholds)
        learnt = Learnt(**found.info["learnt"])
        is_issue, score, second = flags_of_new(labels, pred_probs, guesses, learnt)
        if "neighbor_label" in found.columns:
            if knn_graph is None or found.rows is not None:
                raise NotApplicable("needs the neighbours of the new rows, and their labels")
            everyone = class_codes(np.concatenate([found.columns["given_label"], labels]))
            neighbors = knn_graph.nearest(self.k).indices
            columns = _neighbors(everyone, neighbors)
            power = found.info["trust_in_neighbors"]
            if power > 0:
                votes = np.concatenate([found.score, score])
                together = pooled(everyone, pred_probs, neighbors, power, votes)
                is_issue, score, second = flags_of_new(
                    labels, pred_probs, guesses, learnt, together
                )
        columns["is_ambiguous"] = (second >= PLAUSIBLE) & ~is_issue
        columns |= _classes(labels, pred_probs, thresholds)
        return Findings(self.name, is_issue, score, columns)

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

    def sum_up(self, found: Findings) -> str:
        """How far the flags can be trusted, in one sentence."""
        info = found.info
        if "precision" not in info:
            return f"Rule: {info['rule']}"
        if not info["better_than_chance"]:
            return (
                "The probabilities agree with the labels no more often than chance would, so they "
                "cannot tell which labels are wrong"
            )
        low, high = (f"{count:,.0f}" for count in info["errors_interval"])
        told = f"Estimated number of wrong labels: {info['errors']:,.0f} ({low} to {high})"
        if found.num_issues > len(found.score) / 2:
            told = (
                "More than half of the labels are flagged: the model is too weak for them, or "
                "most are wrong; look at some, and give better pred_probs or features"
            )
        elif found.num_issues:
            told += f"; {_told_of_flags(info['precision'], info['precision_interval'])}"
        if info["num_ambiguous"]:
            told += f"; ambiguous (two plausible classes): {info['num_ambiguous']:,}"
        return told

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        given, other = row["given_label"], row["predicted_label"]
        told = f"model gives {given} only {percent(row.get('given_probability', row['score']))}"
        if "given_threshold" in row:
            told += f" (usually {percent(row['given_threshold'])})"
        if other == given:
            return told
        if "predicted_probability" in row:
            told += f"; {other} has {percent(row['predicted_probability'])}"
        else:
            told += f"; it suggests {other}"
        return told + _around(row)


def _told_of_flags(value: float, interval: tuple[float, float]) -> str:
    """How many of the flags are right, in words; an interval that says nothing is not shown."""
    low, high = interval
    if high - low > UNTOLD:
        return "how many of those flagged are wrong only a look at some of them can tell"
    return f"of those flagged about {percent(value)} ({percent(low)} to {percent(high)})"


def _told(found: LabelFlags) -> dict[str, Any]:
    """The estimates, as plain numbers."""
    precision, errors = found.precision, found.errors
    return {
        "precision": precision.value,
        "precision_interval": (precision.low, precision.high),
        "errors": errors.value,
        "errors_interval": (errors.low, errors.high),
        "better_than_chance": found.better_than_chance,
        "learnt": asdict(found.learnt),
    }


def _classes(labels: Codes, pred_probs: Probs, thresholds: FloatArray) -> dict[str, Any]:
    """Given and suggested class, with their probabilities and thresholds."""
    predicted = argmaxes(pred_probs)
    return {
        "given_label": labels,
        "predicted_label": predicted,
        "given_probability": given_probs(labels, pred_probs),
        "predicted_probability": at_columns(pred_probs, predicted),
        "given_threshold": thresholds[labels],
        "predicted_threshold": thresholds[predicted],
    }


def _neighbors(labels: Codes, neighbors: NDArray[Any]) -> dict[str, Any]:
    """What labels the neighbours of all rows, or of the last ones, have."""
    seen = agreement(labels, neighbors)
    return {
        "neighbor_label": seen.label,
        "neighbor_share": seen.with_label,
        "neighbor_given_share": seen.with_given,
    }


def _around(row: Mapping[str, Any]) -> str:
    """What the neighbours of a row are labelled, in words."""
    most = row.get("neighbor_share", np.nan)
    if not most > 0:
        return ""
    told = f"; {percent(most)} of its neighbours are {row['neighbor_label']}"
    given = row["given_label"]
    if row["neighbor_label"] == given:
        return told
    return f"{told}, {percent(row['neighbor_given_share'])} {given}"
