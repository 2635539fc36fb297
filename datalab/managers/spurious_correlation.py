"""Properties of images that give their label away."""

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from datalab._check import unit_number
from datalab._core.image import IMAGE_SCORES, image_sizes
from datalab._typing import Codes, FloatArray
from datalab.exceptions import NotApplicable
from datalab.findings import Findings

__all__ = ["SpuriousCorrelations"]

FOLDS = 5
# Of all properties together, by chance, so many data sets of a hundred are flagged.
CHANCE = 0.01


@dataclass(frozen=True)
class SpuriousCorrelations:
    """Whether the labels can be told from what the images do not show: how bright, sharp or large.

    A model may learn such a property instead of what the label is about. A finding about the data
    set as a whole: no row has it.

    Parameters
    ----------
    threshold : float
        Properties with a lower score are reported, when chance does not explain it.

    Notes
    -----
    The score of a property is the error of a Gaussian naive Bayes classifier that sees this
    property only (5-fold cross-validation), as a share of the error of always answering the most
    frequent class: 1 when it says nothing, 0 when it gives the label away. ``correlations_df`` has
    the scores of the image checks; ``properties`` adds what was measured itself, and for each the
    p-value: the chance that labels unrelated to the images would be predicted so well. Given the
    training folds, each held-out prediction is right with at most the share of the most frequent
    class, which bounds the number of right ones by a binomial distribution. A property counts when
    this is below 1 % after Bonferroni's correction.

    Examples
    --------
    >>> from datalab._core.image import IMAGE_PROPERTIES
    >>> images = np.zeros(40, IMAGE_PROPERTIES)
    >>> images["brightness_perc_99"] = np.tile([0.9, 0.5], 20)
    >>> found = SpuriousCorrelations().find_issues(images, np.tile([0, 1], 20))
    >>> found.flagged, found.info["correlations_df"].head(2).values.tolist()
    (True, [['dark_score', 0.0], ['light_score', 1.0]])
    """

    threshold: float = 0.3

    name: ClassVar[str] = "spurious_correlations"
    title: ClassVar[str] = "spurious correlations"
    modality: ClassVar[str] = "images"
    tasks: ClassVar[tuple[str | None, ...]] = ("classification",)
    description: ClassVar[str] = (
        "Properties such as brightness or size that give the label of an image away."
    )
    advice: ClassVar[str] = (
        "Make the property alike in all classes (crop, normalise, collect more), or a model may "
        "learn it instead of what the images show."
    )
    extras: ClassVar[tuple[str, ...]] = ("properties",)

    def __post_init__(self) -> None:
        """Check the options."""
        unit_number(self.threshold, name="threshold")

    def find_issues(self, image_properties: NDArray[np.void], labels: Codes) -> Findings:
        """Predict the labels from one property at a time."""
        import pandas as pd

        counts = np.bincount(labels)
        if np.count_nonzero(counts) < 2 or counts.max() < FOLDS:
            raise NotApplicable(
                f"needs two classes, and {FOLDS} images of one of them, to predict labels"
            )
        scores = {f"{name}_score": score(image_properties) for name, score in IMAGE_SCORES.items()}
        values = scores | _measured(image_properties)
        accuracy = np.array([_accuracy(values[name], labels) for name in values])
        baseline = counts.max() / len(labels)
        score = np.minimum((1.0 - accuracy) / (1.0 - baseline), 1.0)
        p_value = _chance(accuracy, baseline, len(labels))
        reported = (score < self.threshold) & (p_value * len(values) < CHANCE)
        properties = pd.DataFrame(
            {
                "property": list(values),
                "score": score,
                "accuracy": accuracy,
                "p_value": p_value,
                "is_reported": reported,
            }
        )
        return Findings(
            self.name,
            is_issue=np.empty(0, dtype=bool),
            score=np.empty(0),
            rows=np.empty(0, dtype=np.intp),
            flagged=bool(reported.any()),
            summary=float(score.min()),
            info={
                "correlations_df": properties.loc[: len(scores) - 1, ["property", "score"]],
                "threshold": self.threshold,
                "properties": properties,
            },
        )


def _measured(properties: NDArray[np.void]) -> dict[str, FloatArray]:
    """What the scores are made of: a score does not tell large images from small ones."""
    width, height = (np.maximum(properties[side], 1.0) for side in ("width", "height"))
    return {
        "brightness": properties["brightness"],
        "contrast": properties["brightness_perc_95"] - properties["brightness_perc_5"],
        "sharpness": np.nan_to_num(properties["sharpness"], nan=1.0),
        "size": np.log(np.maximum(image_sizes(properties), 1.0)),
        "aspect_ratio": np.log(width / height),
    }


def _accuracy(values: FloatArray, labels: Codes) -> float:
    """How often a model that sees these values only is right, out of sample."""
    from sklearn.model_selection import StratifiedKFold
    from sklearn.naive_bayes import GaussianNB

    shares = []
    with warnings.catch_warnings():
        # A class with fewer images than folds is missing from some of them.
        warnings.filterwarnings("ignore", message="The least populated class")
        folds = list(StratifiedKFold(FOLDS).split(labels, labels))
    for train, test in folds:
        if np.ptp(values[train]) > 0:
            model = GaussianNB().fit(values[train, None], labels[train])
            predicted = model.predict(values[test, None])
        else:  # nothing to learn but the most frequent class
            predicted = np.full(len(test), np.bincount(labels[train]).argmax())
        shares.append((predicted == labels[test]).mean())
    return float(np.mean(shares))


def _chance(accuracy: FloatArray, baseline: float, n_rows: int) -> FloatArray:
    """How probable so many right answers are when properties and labels are unrelated."""
    from scipy.stats import binom

    p_value: FloatArray = binom.sf(np.rint(accuracy * n_rows) - 1, n_rows, baseline)
    return p_value
