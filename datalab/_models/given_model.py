"""A model that the user brings: an estimator, or a function."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._data.encoded import Encoded, dense_view
from datalab._data.table import Table
from datalab._data.values import is_missing
from datalab.exceptions import InputTypeError

__all__ = ["Function", "as_estimator", "model_name", "rows_for"]

# Rows are laid out so many at a time.
BLOCK = 20_000


class Function:
    """An estimator out of ``function(X_train, labels_train, X) -> predictions``.

    Parameters
    ----------
    function : callable
        Trains on the first two and returns probabilities (or numbers, for regression) for the
        third.
    """

    def __init__(self, function: Callable[[Any, Any, Any], Any]) -> None:
        self.function = function

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 (scikit-learn's)
        """The function."""
        return {"function": self.function}

    def set_params(self, **params: Any) -> "Function":
        """Replace the function."""
        self.function = params.get("function", self.function)
        return self

    def fit(self, X: Any, y: NDArray[Any]) -> "Function":
        """Keep the training rows."""
        self.X_, self.y_ = X, y
        return self

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Call the function."""
        return np.asarray(self.function(self.X_, self.y_, X))

    predict = predict_proba


def as_estimator(model: Any) -> Any:
    """The model itself when it has ``fit``; a function becomes an estimator.

    Raises
    ------
    InputTypeError
        It is a class, or neither.
    """
    if isinstance(model, type):
        raise InputTypeError(f"`model` is the class {model.__name__}; pass an instance of it")
    if hasattr(model, "fit"):
        return model
    if callable(model):
        return Function(model)
    raise InputTypeError(
        "`model` must be an estimator with fit() and predict_proba(), or a function "
        f"(X_train, labels_train, X) -> probabilities, got {type(model).__name__}"
    )


def model_name(model: Any) -> str:
    """What to call it in a note."""
    plain = getattr(getattr(model, "function", model), "__name__", None)
    return plain if isinstance(plain, str) else type(model).__name__


def rows_for(model: Any, table: Table | None, encoded: Encoded) -> Any:
    """What the model is fitted on: the columns as they are, the texts, or numbers made of them.

    A pipeline that begins with a step for named columns (``ColumnTransformer``,
    ``TableVectorizer``) gets a DataFrame, one that begins with a step for texts gets the texts;
    everything else gets numbers.
    """
    first = _first_step(model)
    if table is not None and _takes_columns(first):
        return _frame(table)
    if table is not None and _takes_texts(first):
        names = [name for name, kind in encoded.kinds.items() if kind == "text"]
        if names:
            name = next((n for n in names if n in table.named), names[0])
            values = table.column(name)
            gone = is_missing(values)
            return ["" if g else str(v) for v, g in zip(values, gone, strict=True)]
    dense = dense_view(encoded)
    matrix = np.empty(dense.shape, dtype=np.float32)
    for start in range(0, len(dense), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(dense)))
        matrix[rows] = dense[rows]
    return matrix


def _first_step(model: Any) -> Any:
    while getattr(model, "steps", None):
        model = model.steps[0][1]
    return model


def _takes_columns(step: Any) -> bool:
    names = {kind.__name__ for kind in type(step).__mro__}
    return bool(names & {"ColumnTransformer", "TableVectorizer", "Cleaner"})


def _takes_texts(step: Any) -> bool:
    from sklearn.utils import get_tags  # noqa: PLC0415

    if not hasattr(step, "__sklearn_tags__"):
        return False
    tags = get_tags(step).input_tags
    return bool(tags.string and not tags.two_d_array)


def _frame(table: Table) -> Any:
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame({name: table.column(name) for name in table.columns})
