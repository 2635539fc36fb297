"""Features made from the data, for distances between examples."""

import numpy as np

from datalab._data.encoded import Encoded, dense_view
from datalab._typing import FloatArray
from datalab.artefacts import Made, recipe
from datalab.exceptions import NotApplicable

__all__: list[str] = []

# Rows are laid out so many at a time.
BLOCK = 20_000
# A column of numbers with no more different ones than this says no more than a category.
FEW_VALUES = 10


@recipe("features", rules=("datalab",))
def features_of_columns(encoded: Encoded, *, features_from: str | None) -> Made:
    """All columns in comparable units, or those of the text or image that the user named.

    A text, an image or a vector that stands alone is normalised to length 1: what matters is its
    direction.
    """
    used = encoded.only({features_from}) if features_from in encoded.kinds else encoded
    alone = not used.is_table and len(set(used.names)) == 1
    features = _directions(np.hstack(used.vectors)) if alone else _laid_out(used)
    if not features.shape[1]:
        raise NotApplicable("no column says anything about the examples: give features=")
    if not alone and _mostly_repeats(used):
        raise NotApplicable(
            "the columns have few different values, so most rows are equal: give features="
        )
    numbers = "1 number" if features.shape[1] == 1 else f"{features.shape[1]} numbers"
    columns = f"all columns but {len(used.left_out)}" if used.left_out else "all columns"
    return Made(features, f"{numbers} from {features_from or columns}")


def _mostly_repeats(used: Encoded) -> bool:
    """Whether columns of few values alone describe the rows, and most rows equal another one."""
    if used.vectors:
        return False
    numbers = np.where(np.isnan(used.numbers), np.inf, used.numbers)
    if any(len(np.unique(column)) > FEW_VALUES for column in numbers.T):
        return False
    distinct = np.unique(np.hstack([numbers, used.categories]), axis=0)
    return 2 * len(distinct) < len(used)


def _directions(vector: FloatArray) -> FloatArray:
    length = np.sqrt(np.einsum("ij,ij->i", vector, vector))[:, None]
    return vector / np.where(length > 1e-12, length, 1.0).astype(vector.dtype)


def _laid_out(encoded: Encoded) -> FloatArray:
    view = dense_view(encoded)
    features = np.empty(view.shape, dtype=np.float32)
    for start in range(0, len(view), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(view)))
        features[rows] = view[rows]
    return features
