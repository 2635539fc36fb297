"""Labels that a model learned late, or never, in its own training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from datalab._check import finite_number
from datalab._core.training import Dynamics, is_ambiguous
from datalab.findings import Findings
from datalab.managers.base import Kind, percent

__all__ = ["TrainingDynamics"]


@dataclass(frozen=True)
class TrainingDynamics:
    """Labels that other examples kept a model from learning.

    Flagged are examples whose area under the margin is below a threshold: over the epochs, another
    class had the higher logit on average. Record a training with `datalab.training.Recorder`.

    Parameters
    ----------
    threshold : float, optional
        Of the area under the margin; by default that of the threshold samples of the recorder, or
        0 if there are none.

    Notes
    -----
    The score is the logistic function of the area less the threshold, in units of the median
    absolute area: 0.5 at the threshold. Columns: ``area_under_margin``, ``confidence`` and
    ``variability`` (mean and standard deviation over epochs of the probability of the given
    label), ``correctness`` (share of epochs in which it was predicted), ``region`` (of the data
    map: ambiguous for the third that varies most, else easy or hard to learn). O(N log N).

    References
    ----------
    G. Pleiss et al.: Identifying mislabeled data using the area under the margin ranking, NeurIPS
    2020. S. Swayamdipta et al.: Dataset cartography, EMNLP 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.training import Recorder
    >>> recorder = Recorder([0, 1, 1])
    >>> recorder.record(np.array([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]]))
    >>> TrainingDynamics().find_issues(recorder.dynamics).is_issue.tolist()
    [False, False, True]
    """

    threshold: float | None = None

    name: ClassVar[str] = "training_dynamics"
    title: ClassVar[str] = "hard to learn"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modality: ClassVar[str] = "training_dynamics"
    beyond_reference: ClassVar[bool] = True
    description: ClassVar[str] = "Labels that a model learned late, or never, in its training."
    advice: ClassVar[str] = "Look at the worst ones first; correct the label or drop the row."
    produces: ClassVar[dict[str, Kind]] = {
        "area_under_margin": "number",
        "confidence": "number",
        "variability": "number",
        "correctness": "number",
        "region": "text",
    }

    def __post_init__(self) -> None:
        """Check the options."""
        if self.threshold is not None:
            finite_number(self.threshold, name="threshold")

    def find_issues(self, training_dynamics: Dynamics) -> Findings:
        """Flag and score examples by their area under the margin."""
        seen = training_dynamics
        area = seen.area_under_margin
        cut = self.threshold if self.threshold is not None else seen.threshold
        cut = 0.0 if cut is None else cut
        scale = max(float(np.median(np.abs(area))), 1e-6)
        steepness = np.clip((area - cut) / scale, -500, 500)
        region = np.where(seen.confidence < 0.5, "hard", "easy").astype(object)
        region[is_ambiguous(seen.variability)] = "ambiguous"
        return Findings(
            self.name,
            is_issue=area < cut,
            score=1.0 / (1.0 + np.exp(-steepness)),
            columns={
                "area_under_margin": area,
                "confidence": seen.confidence,
                "variability": seen.variability,
                "correctness": seen.correctness,
                "region": region,
            },
            info={
                "threshold": cut,
                "num_epochs": int(seen.epochs.max(initial=0)),
                "num_in_region": {
                    name: int((region == name).sum()) for name in ("easy", "ambiguous", "hard")
                },
            },
        )

    def explain(self, row: Mapping[str, Any]) -> str:
        """Why the row was flagged."""
        return (
            f"predicted in {percent(row['correctness'])} of the epochs; another class was ahead by "
            f"{-row['area_under_margin']:.2g} on average"
        )
