"""Mislabelled pixels in their images, and which classes they are of."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalab._check import as_array, named_classes, pixel_arrays
from datalab._core.segmentation import Images, confusion, of_class
from datalab._typing import BoolArray
from datalab.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["common_label_issues", "display_issues", "filter_by_class"]

_log = logging.getLogger("datalab")

TOP = 20  # images that are drawn, and rows of a table, where no number is given

ClassNames = Mapping[Any, Any] | Sequence[Any]


def display_issues(
    issues: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    pred_probs: ArrayLike | None = None,
    class_names: ClassNames | None = None,
    exclude: Sequence[int] | None = None,
    top: int | None = None,
    **kwargs: Any,
) -> "Figure":
    """Draw the images with the most issues, their pixels with issues in red.

    Parameters
    ----------
    issues : array-like of bool, shape (N, H, W)
        As from `datalab.segmentation.filter.find_label_issues`.
    labels : array-like of shape (N, H, W), optional
        Given classes, drawn beside the issues.
    pred_probs : array-like of shape (N, K, H, W), optional
        The most probable classes are drawn beside the issues.
    class_names : sequence or mapping, optional
        Name of each class, for the legend.
    exclude : sequence of int, optional
        Given classes whose issues are left out; needs `labels`.
    top : int, optional
        How many images to draw. Default: 20.
    **kwargs
        Arguments of `matplotlib.figure.Figure`.

    Returns
    -------
    matplotlib.figure.Figure
        One row of axes per image, most issues first. It shows itself in a notebook.

    Raises
    ------
    InputError
        Shapes that do not fit, or `exclude` without `labels`.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.segmentation.summary import display_issues
    >>> issues = np.zeros((2, 4, 5), dtype=bool)
    >>> issues[1, 0, 0] = True
    >>> figure = display_issues(issues, labels=np.zeros((2, 4, 5), dtype=int), top=1)
    >>> [ax.get_title(loc="left") for ax in figure.axes]
    ['given labels', 'image 1: 1 pixels']
    """
    from datalab.views.masks import issue_panels

    flags = _mask(issues)
    classes: dict[str, NDArray[Any]] = {}
    if labels is not None:
        classes["given labels"] = _fitting(as_array(labels, name="labels"), flags, "labels")
    if exclude is not None:
        if labels is None:
            raise InputError("`exclude` names given classes; give `labels` as well")
        flags = flags & ~np.isin(classes["given labels"], exclude)
    counts = flags.sum(axis=(1, 2))
    shown = np.argsort(-counts, kind="stable")[: TOP if top is None else top]
    classes = {name: codes[shown] for name, codes in classes.items()}
    if pred_probs is not None:
        found = as_array(pred_probs, name="pred_probs")
        _fitting(found[:, 0] if found.ndim == 4 else found, flags, "pred_probs")
        classes["predicted labels"] = found[shown].argmax(axis=1)
    titles = [f"image {image}: {counts[image]} pixels" for image in shown]
    return issue_panels(titles, flags[shown], classes, named_classes(class_names), kwargs)


def _mask(issues: ArrayLike) -> BoolArray:
    flags = as_array(issues, name="issues")
    if flags.ndim != 3 or flags.dtype.kind not in "biu":
        raise InputError(
            "`issues` must be a mask of shape (N, H, W), as find_label_issues returns it, got "
            f"{flags.dtype} of shape {flags.shape}"
        )
    return flags.astype(bool, copy=False)


def _fitting(values: NDArray[Any], flags: BoolArray, name: str) -> NDArray[Any]:
    if values.shape != flags.shape:
        raise InputError(
            f"`{name}` of shape {values.shape} does not fit `issues` of shape {flags.shape}; both "
            "need the same images and pixels"
        )
    return values


def _images(
    issues: ArrayLike, labels: ArrayLike, pred_probs: ArrayLike
) -> tuple[BoolArray, Images]:
    given, found = pixel_arrays(labels, pred_probs)
    flags = _mask(issues)
    _fitting(given, flags, "labels")
    return flags, Images(given, found)


def common_label_issues(
    issues: ArrayLike,
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    class_names: ClassNames | None = None,
    exclude: Sequence[int] | None = None,
    top: int | None = None,
    verbose: bool = True,
) -> "pd.DataFrame":
    """Which classes are most often given in place of which.

    Parameters
    ----------
    issues : array-like of bool, shape (N, H, W)
        As from `datalab.segmentation.filter.find_label_issues`.
    labels : array-like of shape (N, H, W)
        Given classes.
    pred_probs : array-like of shape (N, K, H, W)
        Predicted probabilities.
    class_names : sequence or mapping, optional
        Name of each class; by default their numbers, as text.
    exclude : sequence of int, optional
        Predicted classes to leave out.
    top : int, optional
        How many rows. Default: 20.
    verbose : bool
        Log the rows (level INFO, logger ``datalab``).

    Returns
    -------
    DataFrame
        Columns given_label, predicted_label, num_pixel_issues; most pixels first, equal numbers in
        the order of the classes.

    Raises
    ------
    InputError
        Shapes that do not fit, or values that are no classes or no probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.segmentation.summary import common_label_issues
    >>> labels = np.array([[[0, 0], [1, 1]]])
    >>> p = np.array([[[0.9, 0.1], [0.2, 0.1]]])
    >>> issues = np.array([[[False, True], [False, False]]])
    >>> common_label_issues(issues, labels, np.stack([p, 1 - p], axis=1), verbose=False)
      given_label predicted_label  num_pixel_issues
    0           0               1                 1
    """
    import pandas as pd

    flags, images = _images(issues, labels, pred_probs)
    counts = confusion(images, flags)
    counts[:, list(exclude or ())] = 0
    given, predicted = np.nonzero(counts)
    order = np.argsort(-counts[given, predicted], kind="stable")[: TOP if top is None else top]
    given, predicted = given[order], predicted[order]
    names = named_classes(class_names)
    table = pd.DataFrame(
        {
            "given_label": pd.Series([str(names.get(k, k)) for k in given.tolist()], dtype=str),
            "predicted_label": pd.Series(
                [str(names.get(k, k)) for k in predicted.tolist()], dtype=str
            ),
            "num_pixel_issues": counts[given, predicted],
        }
    )
    if verbose:
        for label, guess, number in table.itertuples(index=False):
            _log.info("class %s is probably %s: %d pixels", label, guess, number)
    return table


def filter_by_class(
    class_index: int, issues: ArrayLike, labels: ArrayLike, pred_probs: ArrayLike
) -> BoolArray:
    """The issues that have to do with a class.

    Parameters
    ----------
    class_index : int
    issues : array-like of bool, shape (N, H, W)
        As from `datalab.segmentation.filter.find_label_issues`.
    labels : array-like of shape (N, H, W)
        Given classes.
    pred_probs : array-like of shape (N, K, H, W)
        Predicted probabilities.

    Returns
    -------
    ndarray of bool, shape (N, H, W)
        The issues whose given or most probable class is `class_index`.

    Raises
    ------
    InputError
        Shapes that do not fit, or values that are no classes or no probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.segmentation.summary import filter_by_class
    >>> labels = np.array([[[0, 2], [1, 1]]])
    >>> p = np.array([[[0.9, 0.1], [0.2, 0.1]]])
    >>> pred_probs = np.stack([p, 1 - p, 0 * p], axis=1)
    >>> filter_by_class(2, np.ones((1, 2, 2), dtype=bool), labels, pred_probs)
    array([[[False,  True],
            [False, False]]])
    """
    flags, images = _images(issues, labels, pred_probs)
    return of_class(images, flags, class_index)
