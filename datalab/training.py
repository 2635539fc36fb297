"""What a model's own training tells about the labels, epoch by epoch.

A `Recorder` takes the outputs of any framework as arrays and keeps running sums, so that memory
does not grow with the number of epochs; ``lab.give(training_dynamics=recorder)`` hands it to a lab.
"""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import as_array, floats
from datalab._core.training import Dynamics, margins, probabilities_of
from datalab._data.values import column_array, is_missing
from datalab.exceptions import InputError, InputTypeError, NotFound

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Recorder", "check_dynamics"]

# Threshold samples: an area under the margin that so many of them stay below (Pleiss et al.).
PERCENTILE = 99


class Recorder:
    """Takes what a model puts out after each epoch, and tells how each example was learned.

    Parameters
    ----------
    labels : array-like of shape (N,)
        The labels that are trained on, for all examples: class codes 0..K-1 (as ``lab.labels``; -1
        for missing), or names, whose sorted order is the order of the model's outputs.
    threshold_rows : array-like of int, optional
        Positions of threshold samples: examples that were given a class of their own on purpose.
        Their areas say how small those of mislabelled examples are.

    Raises
    ------
    InputError
        Fractional labels, or positions beyond the labels.

    See Also
    --------
    datalab.managers.TrainingDynamics : the check that reads what was recorded.

    Notes
    -----
    O(n K) time for each call and O(N) memory altogether.

    References
    ----------
    G. Pleiss et al.: Identifying mislabeled data using the area under the margin ranking, NeurIPS
    2020, equations 1 to 3. S. Swayamdipta et al.: Dataset cartography, EMNLP 2020, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.training import Recorder
    >>> recorder = Recorder([0, 1, 1])
    >>> for logits in ([[2, 0], [0, 2], [2, 0]], [[4, 0], [0, 4], [4, 1]]):
    ...     recorder.record(np.array(logits, dtype=float))
    >>> recorder.dynamics.area_under_margin.tolist()
    [3.0, 3.0, -2.5]
    """

    def __init__(self, labels: ArrayLike, *, threshold_rows: ArrayLike | None = None) -> None:
        self.labels = _codes(labels)
        n_rows = len(self.labels)
        self._threshold_rows = _positions(threshold_rows, n_rows, "threshold_rows")
        self._n_classes: int | None = None
        self._seen = np.zeros(n_rows, dtype=np.intp)
        self._margin, self._given, self._square, self._right = np.zeros((4, n_rows))
        self._epochs: set[Any] = set()
        self._calls = 0

    def record(
        self, probs_or_logits: ArrayLike, rows: ArrayLike | None = None, epoch: Any = None
    ) -> None:
        """Take the outputs of one epoch, or of a part of it.

        Parameters
        ----------
        probs_or_logits : array-like of float, shape (n, K)
            The model's outputs for the examples, before or after softmax, one column per class.
            Tensors come as arrays: ``logits.detach().cpu().numpy()``.
        rows : array-like of int, shape (n,), optional
            Positions of these examples; by default all of them, in order.
        epoch : hashable, optional
            Its number or name, when it comes in several parts; by default each call is one.

        Raises
        ------
        InputError
            Shapes do not fit, values are missing or infinite, or positions do not exist.
        """
        if not isinstance(epoch, Hashable):
            raise InputTypeError(f"`epoch` must be a number or a name, got {type(epoch).__name__}")
        outputs = floats(as_array(probs_or_logits, name="probs_or_logits"), name="probs_or_logits")
        where = _positions(rows, len(self), "rows")
        where = np.arange(len(self)) if where is None else where
        self._check(outputs, where)
        labelled = self.labels[where] >= 0
        where, outputs = where[labelled], outputs[labelled].astype(np.float64)
        codes = self.labels[where]
        probs, logits = probabilities_of(outputs)
        given = probs[np.arange(len(codes)), codes]
        margin = margins(logits, codes)
        for total, value in (
            (self._margin, margin),
            (self._given, given),
            (self._square, given**2),
            (self._right, margin > 0),
        ):
            np.add.at(total, where, value)
        np.add.at(self._seen, where, 1)
        self._calls += 1
        self._epochs.add(("call", self._calls) if epoch is None else epoch)

    def _check(self, outputs: NDArray[Any], where: NDArray[np.intp]) -> None:
        if outputs.ndim != 2 or outputs.shape[1] < 2 or len(outputs) != len(where):
            raise InputError(
                f"`probs_or_logits` has shape {outputs.shape}; it must have one row for each of "
                f"the {len(where)} examples and one column per class, at least two"
                + ("" if len(where) < len(self) else " (or pass their positions as rows=)")
                + ("; of one column, np.column_stack([1 - p, p])" if outputs.ndim == 1 else "")
            )
        if not np.isfinite(outputs).all():
            raise InputError(
                "`probs_or_logits` has NaN or infinite values; has the training diverged?"
            )
        n_classes = outputs.shape[1]
        if self._n_classes not in (None, n_classes):
            raise InputError(
                f"`probs_or_logits` has {n_classes} columns, earlier ones had {self._n_classes}"
            )
        if n_classes <= self.labels.max(initial=0):
            raise InputError(
                f"`probs_or_logits` has {n_classes} columns, but there is a label with the code "
                f"{self.labels.max()}; give one column per class"
            )
        self._n_classes = n_classes

    @property
    def num_epochs(self) -> int:
        """How many epochs were recorded."""
        return len(self._epochs)

    @property
    def dynamics(self) -> Dynamics:
        """The statistics so far; NaN for examples that were never seen.

        Raises
        ------
        NotFound
            Nothing was recorded yet.
        """
        if not self._seen.any():
            raise NotFound("nothing was recorded yet: call record() after every epoch")
        seen = self._seen
        with np.errstate(invalid="ignore"):
            area, given, right = self._margin / seen, self._given / seen, self._right / seen
            variance = self._square / seen - given**2
        threshold = None
        if self._threshold_rows is not None:
            fake = area[self._threshold_rows]
            fake = fake[~np.isnan(fake)]
            threshold = float(np.percentile(fake, PERCENTILE)) if len(fake) else None
        spread = np.sqrt(np.maximum(variance, 0.0))
        return Dynamics(area, given, spread, right, seen.copy(), threshold)

    def frame(self) -> "pd.DataFrame":
        """One row per example: area_under_margin, confidence, variability, correctness, epochs."""
        import pandas as pd

        found = self.dynamics
        names = ("area_under_margin", "confidence", "variability", "correctness", "epochs")
        return pd.DataFrame({name: getattr(found, name) for name in names})

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Recorder({len(self)} examples, {self.num_epochs} epochs)"


def check_dynamics(given: Any, n_rows: int, codes: NDArray[Any] | None) -> Dynamics:
    """What was recorded, checked against the rows and labels of a data set.

    Parameters
    ----------
    given : Recorder or Dynamics
    n_rows : int
    codes : ndarray of int, shape (N,), optional
        Labels of the data set.

    Raises
    ------
    InputTypeError, InputError
        Something else, or recorded for other examples.
    """
    dynamics = given.dynamics if isinstance(given, Recorder) else given
    if not isinstance(dynamics, Dynamics):
        raise InputTypeError(
            f"`training_dynamics` must be a datalab.training.Recorder, got {type(given).__name__}"
        )
    if len(dynamics) != n_rows:
        raise InputError(
            f"`training_dynamics` were recorded for {len(dynamics)} examples but the dataset has "
            f"{n_rows}; make the Recorder with the labels of all rows, in dataset order"
        )
    if isinstance(given, Recorder) and codes is not None:
        other = int((given.labels != codes).sum())
        if other:
            raise InputError(
                f"`training_dynamics` were recorded for other labels than those of the dataset in "
                f"{other} rows; are the rows in dataset order, and the classes in the order of "
                "lab.class_names?"
            )
    return dynamics


def _codes(labels: ArrayLike) -> NDArray[np.int64]:
    array = as_array(labels, name="labels")
    if array.ndim != 1:
        raise InputError(f"`labels` has shape {array.shape}; give one label per example")
    if array.dtype.kind not in "iub":
        array = column_array(array)
    if array.dtype.kind == "f" and np.array_equal(array, np.floor(array)):
        array = array.astype(np.int64)
    if array.dtype.kind == "f":
        raise InputError("`labels` has fractions or NaN; give class codes, -1 for missing")
    if array.dtype.kind in "iub":
        if array.min(initial=0) < -1:
            raise InputError(
                f"`labels` has the code {array.min()}; give codes from 0 on, -1 for missing"
            )
        return array.astype(np.int64)
    missing = is_missing(array)
    codes = np.full(len(array), -1, dtype=np.int64)
    codes[~missing] = np.unique(array[~missing].astype(str), return_inverse=True)[1]
    return codes


def _positions(rows: ArrayLike | None, n_rows: int, name: str) -> NDArray[np.intp] | None:
    if rows is None:
        return None
    array = as_array(rows, name=name)
    if array.ndim != 1 or (len(array) and array.dtype.kind not in "iu"):
        raise InputError(f"`{name}` must be a list of positions")
    if len(array) and (array.min() < 0 or array.max() >= n_rows):
        raise InputError(
            f"`{name}` has positions from {array.min()} to {array.max()}, but there "
            f"are {n_rows} examples"
        )
    return array.astype(np.intp)
