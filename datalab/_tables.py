"""Statistics of labels as tables, for doors and managers alike."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from datalab._core.dataset import class_noise, overlaps
from datalab._typing import FloatArray
from datalab.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["class_table", "overlap_table"]


def _names(class_names: Iterable[Any] | None, n_classes: int) -> np.ndarray[Any, Any] | None:
    if class_names is None:
        return None
    names = list(class_names)
    if len(names) != n_classes:
        raise InputError(f"`class_names` has {len(names)} names but there are {n_classes} classes")
    array = np.empty(n_classes, dtype=object)
    array[:] = names
    return array


def class_table(
    joint: FloatArray, size: float, class_names: Iterable[Any] | None
) -> "pd.DataFrame":
    """How noisy the labels of each class are, worst first; see `dataset.health_summary`."""
    import pandas as pd

    noise = class_noise(joint, size)
    names = _names(class_names, len(joint))
    columns: dict[str, Any] = {} if names is None else {"Class Name": names[noise.classes].tolist()}
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
    names = _names(class_names, len(joint))
    columns: dict[str, Any] = {}
    if names is not None:
        columns["Class Name A"] = names[pairs.first].tolist()
        columns["Class Name B"] = names[pairs.second].tolist()
    return pd.DataFrame(
        {
            **columns,
            "Class Index A": pairs.first,
            "Class Index B": pairs.second,
            "Num Overlapping Examples": pairs.examples,
            "Joint Probability": pairs.probability,
        }
    )
