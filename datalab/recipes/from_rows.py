"""What a classifier is fitted on, as numbers that other models can be fitted on as well."""

from typing import Any

import numpy as np

from datalab._data.encoded import Encoded, as_encoded
from datalab._data.source import open_source
from datalab._data.table import Table
from datalab._models.fitting import count_rows
from datalab.exceptions import DatalabError
from datalab.recipes.encoded import encoded_by_kind
from datalab.recipes.from_text import reduce_terms

__all__ = ["encode_rows"]

# Of more numbers than this (images, say) only the classifier itself makes something.
MAX_VALUES = 200_000_000


def encode_rows(X: Any, random_state: int) -> Encoded | None:
    """The rows of `X` as numbers.

    Parameters
    ----------
    X : array of numbers or texts, sparse matrix, DataFrame, Series, list of texts or of rows
        Missing values are allowed.
    random_state : int
        Of the components of texts.

    Returns
    -------
    Encoded or None
        None where only the classifier that `X` is made for can read it.

    Examples
    --------
    >>> len(encode_rows([[1.0, 2.0], [3.0, 5.0]], random_state=0))
    2
    >>> encode_rows(object(), random_state=0) is None
    True
    """
    try:
        encoded = _encoded(X, random_state)
        return encoded if encoded is not None and len(encoded) == count_rows(X) else None
    except DatalabError:
        return None


def _encoded(X: Any, random_state: int) -> Encoded | None:
    if hasattr(X, "tocsr"):
        return _of_sparse(X, random_state)
    if hasattr(X, "columns"):
        return _of_columns(X, random_state)
    if not isinstance(X, (list, tuple)) and not hasattr(X, "__array__"):
        return None
    try:
        values = np.asarray(X)
    except (TypeError, ValueError):  # rows of several lengths
        return None
    if values.ndim > 1 and values.dtype.kind in "biuf":
        return _of_numbers(values)
    if values.ndim not in (1, 2):
        return None
    return _of_columns(dict(enumerate(values.T if values.ndim == 2 else [values])), random_state)


def _of_numbers(values: Any) -> Encoded | None:
    if values.size > MAX_VALUES:
        return None
    table = values.reshape(len(values), -1).astype(np.float32)
    if np.isfinite(table).all():
        return as_encoded(table)
    table[~np.isfinite(table)] = np.nan
    return Encoded(table, np.empty((len(table), 0), dtype=np.int32))


def _of_sparse(X: Any, random_state: int) -> Encoded | None:
    terms = X.tocsr().astype(np.float32)
    rows = np.arange(terms.shape[0])
    vector = reduce_terms(terms, rows, random_state)
    if vector is None or not np.isfinite(terms.data).all():
        return None
    nothing = np.empty((len(rows), 0), dtype=np.float32)
    # Counts and weights of words are not negative.
    words = terms if terms.data.min(initial=0) >= 0 else None
    return Encoded(nothing, nothing.astype(np.int32), (vector,), words, names=("X",))


def _of_columns(data: Any, random_state: int) -> Encoded:
    source = open_source(data)
    table = Table(source, tuple(source.columns))
    encoded: Encoded = encoded_by_kind(table, random_state=random_state, progress=False).value
    return encoded
