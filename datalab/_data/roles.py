"""What columns are to managers and recipes: targets, texts, groups, times."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalab._data.labels import AnyLabels, MultilabelLabels, RegressionLabels
from datalab._data.values import as_floats, is_missing, objects, whole_numbers
from datalab.exceptions import InputError

__all__ = ["groups", "moments", "parts", "targets", "texts"]


def groups(values: NDArray[Any]) -> NDArray[np.int64]:
    """Which rows belong together, by number; a row whose group is missing stands alone."""
    missing = is_missing(values)
    names = np.array([str(value) for value in values[~missing]], dtype=object)
    together = np.unique(names, return_inverse=True)[1] if len(names) else np.empty(0, np.int64)
    numbered = np.empty(len(values), dtype=np.int64)
    numbered[~missing] = together
    n_groups = int(together.max()) + 1 if len(together) else 0
    numbered[missing] = n_groups + np.arange(int(missing.sum()))
    return numbered


def moments(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    """When each row was made: seconds for dates, a column's own unit for numbers, NaN if unknown.

    Raises
    ------
    InputError
        The values are neither dates nor numbers, nor texts that read as dates.
    """
    numbers = as_floats(values)
    if numbers is not None:
        return numbers
    missing = is_missing(values)
    try:
        when = _dates(values, missing)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"`time` names the column {name!r}, whose values are neither dates nor numbers "
            f"({error}); convert them, for example by pandas.to_datetime"
        ) from error
    seconds: NDArray[np.float64] = when.astype("datetime64[us]").astype(np.float64) / 1e6
    return np.where(np.isnat(when), np.nan, seconds)


def _dates(values: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[np.datetime64]:
    if values.dtype.kind == "M":
        return values
    import pandas as pd

    when = np.full(len(values), "NaT", dtype="datetime64[us]")
    read = pd.to_datetime(pd.Series(values[~missing]), format="mixed", utc=True)
    when[~missing] = read.dt.tz_localize(None).to_numpy("datetime64[us]")
    return when


def targets(labels: AnyLabels) -> tuple[Any, NDArray[np.bool_]]:
    """What managers see of labels, and where there is one."""
    if isinstance(labels, RegressionLabels):
        return labels.values, ~np.isnan(labels.values)
    if isinstance(labels, MultilabelLabels):
        sets = [list(codes) for codes in labels.codes]
        return sets, np.array([-1 not in one for one in sets], dtype=bool)
    return labels.codes, labels.codes >= 0


def texts(values: NDArray[Any]) -> list[str]:
    """A column as texts; a missing one is empty."""
    missing = is_missing(values)
    return ["" if gone else str(value) for value, gone in zip(values, missing, strict=True)]


def parts(values: NDArray[Any], name: str = "") -> NDArray[Any]:
    """The part of the data that each row belongs to, by name; None where it is missing.

    Yes and no are told by the name of the column: "is_test" and "not is_test".
    """
    missing = is_missing(values)
    whole = whole_numbers(values).tolist()
    if {type(one) for one, gone in zip(whole, missing, strict=True) if not gone} == {bool}:
        whole = [name if one else f"not {name}" for one in whole]
    return objects(None if gone else str(one) for gone, one in zip(missing, whole, strict=True))
