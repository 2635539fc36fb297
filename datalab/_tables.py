"""Statistics of labels as tables, for doors and managers alike."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from datalab._check import class_name_list
from datalab._core.dataset import class_noise, overlaps
from datalab._typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["class_table", "overlap_table"]


def class_table(
    joint: FloatArray, size: float, class_names: Iterable[Any] | None
) -> "pd.DataFrame":
    """How noisy the labels of each class are, worst first; see `dataset.health_summary`."""
    import pandas as pd

    noise = class_noise(joint, size)
    names = class_name_list(class_names, len(joint))
    columns: dict[str, Any] = {}
    if names is not None:
        columns["Class Name"] = [names[k] for k in noise.classes]
    return pd.DataFrame(
        {
            **columns,
            "Class Index": noise.classes,
            "Label Issues": noise.issues,
            "Inverse Label Issues": noise.inverse_issues,
            "Label Noise": noise.noise,
            "Inverse Label Noise": noise.inverse_noise,
            "Label Quality Score": 1 - noise.noise,
        }
    )


def overlap_table(
    joint: FloatArray, size: float, asymmetric: bool, class_names: Iterable[Any] | None
) -> "pd.DataFrame":
    """Which classes are confused, most often first; see `dataset.find_overlapping_classes`."""
    import pandas as pd

    pairs = overlaps(joint, size, asymmetric)
    names = class_name_list(class_names, len(joint))
    columns: dict[str, Any] = {}
    if names is not None:
        columns["Class Name A"] = [names[k] for k in pairs.first]
        columns["Class Name B"] = [names[k] for k in pairs.second]
    return pd.DataFrame(
        {
            **columns,
            "Class Index A": pairs.first,
            "Class Index B": pairs.second,
            "Num Overlapping Examples": pairs.examples,
            "Joint Probability": pairs.probability,
        }
    )
