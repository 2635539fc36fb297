"""Names of the arrays that travel through the house.

`Codes` and `Probs` are brands: only `datalab._check` makes them, so a function that takes one can
rely on what was checked, and the type checker proves that nobody skipped the check.
"""

from typing import Any, NewType

import numpy as np
from numpy.typing import NDArray

__all__ = ["BoolArray", "Codes", "FloatArray", "IndexArray", "Probs"]

FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]

# Class codes, shape (N,), int64: 0..K-1, and -1 for "no label" where missing labels are allowed.
Codes = NewType("Codes", NDArray[np.int64])
# Predicted class probabilities, shape (N, K), float32 or float64, values in [0, 1].
Probs = NewType("Probs", NDArray[np.floating[Any]])
