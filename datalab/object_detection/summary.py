"""What the boxes of a data set are like, how good the model is, and how an image looks."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from datalab._check import named_classes
from datalab._core import object_detection as core
from datalab._ragged import Boxes, boxes
from datalab._typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

__all__ = [
    "bounding_box_size_distribution",
    "calculate_per_class_metrics",
    "class_label_distribution",
    "get_average_per_class_confusion_matrix",
    "get_sorted_bbox_count_idxs",
    "object_counts_per_image",
    "plot_class_distribution",
    "plot_class_size_distributions",
    "visualize",
]

Labels = Sequence[Mapping[str, Any]]
Predictions = Sequence[Sequence[ArrayLike]]
ClassNames = Mapping[Any, Any] | Sequence[Any]


# --- counts and sizes ------------------------------------------------------------------------


def object_counts_per_image(
    labels: Labels | None = None,
    predictions: Predictions | None = None,
    *,
    auxiliary_inputs: Sequence[Mapping[str, Any]] | None = None,
) -> tuple[list[int], list[int]]:
    """Number of annotated and of predicted boxes in each image.

    Parameters
    ----------
    labels : sequence of N mappings
        Per image ``{"bboxes": array (L, 4), "labels": array (L,)}``.
    predictions : sequence of N sequences of K arrays
        Per image and class an array (P, 5): x1, y1, x2, y2, probability.
    auxiliary_inputs : sequence of N mappings, optional
        In place of both, flat boxes per image: ``lab_bboxes``, ``lab_labels``, ``pred_bboxes``,
        ``pred_labels``, ``pred_label_probs``.

    Returns
    -------
    annotated, predicted : list of N int

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width.

    Examples
    --------
    >>> from datalab.object_detection.summary import object_counts_per_image
    >>> labels = [{"bboxes": [[0, 0, 10, 10]], "labels": [0]}, {"bboxes": [], "labels": []}]
    >>> predictions = [[[[0, 0, 10, 9, 0.9]]], [[]]]
    >>> object_counts_per_image(labels, predictions)
    ([1, 0], [1, 0])
    """
    annotated, predicted, _ = boxes(labels, predictions, auxiliary_inputs)
    return np.diff(annotated.offsets).tolist(), np.diff(predicted.offsets).tolist()


def get_sorted_bbox_count_idxs(
    labels: Labels, predictions: Predictions
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Images with the most boxes first, by annotations and by predictions.

    Parameters
    ----------
    labels, predictions
        As in `object_counts_per_image`.

    Returns
    -------
    annotated, predicted : list of N tuples
        (image, number of boxes), most boxes first, of equal numbers in the order of the images.

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width.

    Examples
    --------
    >>> from datalab.object_detection.summary import get_sorted_bbox_count_idxs
    >>> labels = [{"bboxes": [], "labels": []}, {"bboxes": [[0, 0, 10, 10]], "labels": [0]}]
    >>> get_sorted_bbox_count_idxs(labels, [[[]], [[]]])
    ([(1, 1), (0, 0)], [(0, 0), (1, 0)])
    """
    annotated, predicted = object_counts_per_image(labels, predictions)
    return _most_first(annotated), _most_first(predicted)


def _most_first(counts: list[int]) -> list[tuple[int, int]]:
    return sorted(enumerate(counts), key=lambda pair: -pair[1])


def bounding_box_size_distribution(
    labels: Labels | None = None,
    predictions: Predictions | None = None,
    *,
    auxiliary_inputs: Sequence[Mapping[str, Any]] | None = None,
    class_names: ClassNames | None = None,
    sort: bool = False,
) -> tuple[dict[Any, list[float]], dict[Any, list[float]]]:
    """Areas of the annotated and of the predicted boxes of each class.

    Parameters
    ----------
    labels, predictions, auxiliary_inputs
        As in `object_counts_per_image`.
    class_names : mapping or sequence, optional
        Name of each class, ``{"0": "cat", …}`` or ``["cat", …]``. Classes without a name are left
        out.
    sort : bool
        Classes with the most boxes first; by default in the order of their first box.

    Returns
    -------
    annotated, predicted : dict
        Class (number, or name if names are given) → list of areas in square pixels.

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width.

    Examples
    --------
    >>> from datalab.object_detection.summary import bounding_box_size_distribution
    >>> labels = [{"bboxes": [[0, 0, 10, 10], [0, 0, 2, 3]], "labels": [1, 0]}]
    >>> bounding_box_size_distribution(labels, [[[], [[0, 0, 10, 9, 0.9]]]])
    ({1: [100.0], 0: [6.0]}, {1: [90.0]})
    """
    annotated, predicted, _ = boxes(labels, predictions, auxiliary_inputs)
    names = None if class_names is None else named_classes(class_names)
    return _sizes(annotated, names, sort), _sizes(predicted, names, sort)


def _sizes(found: Boxes, names: dict[int, Any] | None, sort: bool) -> dict[Any, list[float]]:
    area = core.areas(found.bboxes)
    classes = _named_first_seen(found, names)
    sizes = {name: area[found.classes == k].tolist() for k, name in classes}
    if sort:
        return dict(sorted(sizes.items(), key=lambda item: -len(item[1])))
    return sizes


def class_label_distribution(
    labels: Labels | None = None,
    predictions: Predictions | None = None,
    *,
    auxiliary_inputs: Sequence[Mapping[str, Any]] | None = None,
    class_names: ClassNames | None = None,
) -> tuple[dict[Any, float], dict[Any, float]]:
    """Share of each class among the annotated and among the predicted boxes.

    Parameters
    ----------
    labels, predictions, auxiliary_inputs
        As in `object_counts_per_image`.
    class_names : mapping or sequence, optional
        Name of each class. Classes without a name are left out; the shares stay those of all
        boxes.

    Returns
    -------
    annotated, predicted : dict
        Class (number, or name if names are given) → share, rounded to two decimals.

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width.

    Examples
    --------
    >>> from datalab.object_detection.summary import class_label_distribution
    >>> labels = [{"bboxes": [[0, 0, 10, 10], [0, 0, 2, 3]], "labels": [1, 0]}]
    >>> class_label_distribution(labels, [[[], [[0, 0, 10, 9, 0.9]]]])
    ({1: 0.5, 0: 0.5}, {1: 1.0})
    """
    annotated, predicted, _ = boxes(labels, predictions, auxiliary_inputs)
    names = None if class_names is None else named_classes(class_names)
    return _shares(annotated, names), _shares(predicted, names)


def _shares(found: Boxes, names: dict[int, Any] | None) -> dict[Any, float]:
    shares = np.bincount(found.classes) / max(1, len(found.classes))
    half_down = 1e-9  # as the reference rounds
    classes = _named_first_seen(found, names)
    return {name: round(float(shares[k]) - half_down, 2) for k, name in classes}


def _named_first_seen(found: Boxes, names: dict[int, Any] | None) -> list[tuple[int, Any]]:
    """(class, what to call it) in the order of the first boxes, without the unnamed."""
    classes = core.first_seen(found.classes).tolist()
    if names is None:
        return [(k, k) for k in classes]
    return [(k, names[k]) for k in classes if k in names]


# --- how good the model is -------------------------------------------------------------------


def get_average_per_class_confusion_matrix(
    labels: Labels,
    predictions: Predictions,
    num_procs: int = 1,
    class_names: ClassNames | None = None,
) -> dict[Any, dict[str, float]]:
    """Right, wrong and missing predictions of each class, averaged.

    Parameters
    ----------
    labels, predictions
        As in `object_counts_per_image`.
    num_procs : int
        Has no effect: one process is enough.
    class_names : mapping or sequence, optional
        Name of each class, ``{"0": "cat", …}`` or ``["cat", …]``.

    Returns
    -------
    dict
        Class (name, or number if it has none) → ``{"TP": …, "FP": …, "FN": …}``: numbers of boxes
        in the data set, mean over the overlaps .5, .55, … .95 and divided by the number of
        classes.

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width.

    Notes
    -----
    A prediction belongs to the annotation of its class that it overlaps most. It is right if they
    overlap enough and no more probable prediction took that annotation.

    References
    ----------
    Everingham et al.: The PASCAL visual object classes challenge, IJCV 88 (2010), section 4.2.

    Examples
    --------
    >>> from datalab.object_detection.summary import get_average_per_class_confusion_matrix
    >>> labels = [{"bboxes": [[0, 0, 10, 10]], "labels": [0]}]
    >>> predictions = [[[[0, 0, 10, 7, 0.9], [40, 0, 50, 9, 0.6]]]]
    >>> get_average_per_class_confusion_matrix(labels, predictions)
    {0: {'TP': 0.5, 'FP': 1.5, 'FN': 0.5}}
    """
    del num_procs
    matrix = _average_confusion(labels, predictions)
    table = np.stack(matrix, axis=1).tolist()
    rows = [dict(zip(("TP", "FP", "FN"), row, strict=True)) for row in table]
    return _by_class(rows, class_names)


def calculate_per_class_metrics(
    labels: Labels,
    predictions: Predictions,
    num_procs: int = 1,
    class_names: ClassNames | None = None,
) -> dict[Any, dict[str, float]]:
    """Precision, recall and F1 of the model for each class.

    Parameters
    ----------
    labels, predictions, num_procs, class_names
        As in `get_average_per_class_confusion_matrix`.

    Returns
    -------
    dict
        Class (name, or number if it has none) → ``{"average precision": …, "average recall": …,
        "average f1": …}``, from the averages of `get_average_per_class_confusion_matrix`. NaN
        where a quotient has no meaning: nothing predicted, or nothing annotated.

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width.

    Examples
    --------
    >>> from datalab.object_detection.summary import calculate_per_class_metrics
    >>> labels = [{"bboxes": [[0, 0, 10, 10]], "labels": [0]}]
    >>> predictions = [[[[0, 0, 10, 7, 0.9]]]]
    >>> calculate_per_class_metrics(labels, predictions, class_names=["cat"])
    {'cat': {'average precision': 0.5, 'average recall': 0.5, 'average f1': 0.5}}
    """
    del num_procs
    tp, fp, fn = _average_confusion(labels, predictions)
    precision, recall = _quotient(tp, tp + fp), _quotient(tp, tp + fn)
    f1 = _quotient(2 * precision * recall, precision + recall)
    columns = ("average precision", "average recall", "average f1")
    table = np.stack([precision, recall, f1], axis=1).tolist()
    return _by_class([dict(zip(columns, row, strict=True)) for row in table], class_names)


def _average_confusion(labels: Labels, predictions: Predictions) -> list[FloatArray]:
    annotated, predicted, n_classes = boxes(labels, predictions)
    matrix = core.confusion(annotated, predicted, n_classes)
    # The reference averages over the classes too; the contract is its values.
    return [counts / max(1, n_classes) for counts in matrix]


def _quotient(above: FloatArray, below: FloatArray) -> FloatArray:
    quotient = np.full(len(below), np.nan)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient


def _by_class(
    rows: list[dict[str, float]], class_names: ClassNames | None
) -> dict[Any, dict[str, float]]:
    names = named_classes(class_names)
    return {names.get(k, k): row for k, row in enumerate(rows)}


# --- pictures --------------------------------------------------------------------------------


def plot_class_size_distributions(
    labels: Labels,
    predictions: Predictions,
    class_names: ClassNames | None = None,
    class_to_show: int = 10,
    **kwargs: Any,
) -> "Figure":
    """Histograms of the areas of annotated and of predicted boxes, class by class.

    Parameters
    ----------
    labels, predictions
        As in `object_counts_per_image`.
    class_names : mapping or sequence, optional
        Name of each class. Classes without a name are left out.
    class_to_show : int
        Number of classes to show, those with the most annotated boxes.
    **kwargs
        Arguments of `matplotlib.figure.Figure`.

    Returns
    -------
    matplotlib.figure.Figure
        One row of axes per class, annotated on the left, predicted on the right. It shows itself
        in a notebook.

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width.

    Examples
    --------
    >>> from datalab.object_detection.summary import plot_class_size_distributions
    >>> labels = [{"bboxes": [[0, 0, 10, 10]], "labels": [0]}]
    >>> figure = plot_class_size_distributions(labels, [[[[0, 0, 10, 9, 0.9]]]], ["cat"])
    >>> [ax.get_title(loc="left") for ax in figure.axes]
    ['cat: 1 annotated', 'cat: 1 predicted']
    """
    from datalab.views.detections import size_histograms

    annotated, predicted = bounding_box_size_distribution(
        labels, predictions, class_names=class_names, sort=True
    )
    return size_histograms(annotated, predicted, class_to_show, kwargs)


def plot_class_distribution(
    labels: Labels,
    predictions: Predictions,
    class_names: ClassNames | None = None,
    **kwargs: Any,
) -> "Figure":
    """Bars with the share of each class among annotated and among predicted boxes.

    Parameters
    ----------
    labels, predictions
        As in `object_counts_per_image`.
    class_names : mapping or sequence, optional
        Name of each class. Classes without a name are left out.
    **kwargs
        Arguments of `matplotlib.figure.Figure`.

    Returns
    -------
    matplotlib.figure.Figure
        Two axes, annotated on the left, predicted on the right. It shows itself in a notebook.

    Raises
    ------
    InputError
        Inputs of the wrong kind, length or width.

    Examples
    --------
    >>> from datalab.object_detection.summary import plot_class_distribution
    >>> labels = [{"bboxes": [[0, 0, 10, 10]], "labels": [0]}]
    >>> figure = plot_class_distribution(labels, [[[[0, 0, 10, 9, 0.9]]]])
    >>> [ax.get_title(loc="left") for ax in figure.axes]
    ['annotated boxes', 'predicted boxes']
    """
    from datalab.views.detections import share_bars

    annotated, predicted = class_label_distribution(labels, predictions, class_names=class_names)
    return share_bars(annotated, predicted, kwargs)


def visualize(
    image: "str | os.PathLike[str] | ArrayLike | Image",
    *,
    label: Mapping[str, Any] | None = None,
    prediction: Sequence[ArrayLike] | None = None,
    prediction_threshold: float | None = None,
    overlay: bool = True,
    class_names: ClassNames | None = None,
    figsize: tuple[float, float] | None = None,
    save_path: str | os.PathLike[str] | None = None,
    **kwargs: Any,
) -> "Figure":
    """Draw an image with its annotated boxes (red) and predicted boxes (blue).

    Parameters
    ----------
    image : str, path, array of shape (H, W) or (H, W, 3), or PIL image
        Pixels, or the file they are in.
    label : mapping, optional
        ``{"bboxes": array (L, 4), "labels": array (L,)}``.
    prediction : sequence of K arrays, optional
        Per class an array (P, 5): x1, y1, x2, y2, probability.
    prediction_threshold : float, optional
        Leave out predictions with a lower probability.
    overlay : bool
        Both kinds of boxes on one picture; otherwise side by side.
    class_names : mapping or sequence, optional
        Name of each class; other classes are shown by their number.
    figsize : tuple of float, optional
        Width and height in inches.
    save_path : str or path, optional
        Also write the picture to this file; the ending chooses the format.
    **kwargs
        Arguments of `matplotlib.figure.Figure`.

    Returns
    -------
    matplotlib.figure.Figure
        It shows itself in a notebook.

    Raises
    ------
    InputError
        Boxes of the wrong kind, length or width, or an image that is none.

    Examples
    --------
    >>> import numpy as np
    >>> from datalab.object_detection.summary import visualize
    >>> label = {"bboxes": [[2, 2, 12, 12]], "labels": [0]}
    >>> figure = visualize(np.zeros((20, 30, 3)), label=label, class_names=["cat"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['cat']
    """
    from datalab.views.detections import boxes_on_image

    annotated, predicted = _boxes_of_one(label, prediction)
    kept = predicted.probs >= (0.0 if prediction_threshold is None else prediction_threshold)
    names = named_classes(class_names)
    given = [str(names.get(k, k)) for k in annotated.classes.tolist()]
    codes, probs = predicted.classes[kept].tolist(), predicted.probs[kept]
    found = [f"{names.get(k, k)} {prob:.2f}" for k, prob in zip(codes, probs, strict=True)]
    figure = boxes_on_image(
        image,
        (annotated.bboxes, given),
        (predicted.bboxes[kept], found),
        overlay=overlay,
        options=kwargs if figsize is None else kwargs | {"figsize": figsize},
    )
    if save_path is not None:
        figure.savefig(save_path)
    return figure


def _boxes_of_one(
    label: Mapping[str, Any] | None, prediction: Sequence[ArrayLike] | None
) -> tuple[Boxes, Boxes]:
    """The boxes of one image; none where nothing is given."""
    label = {"bboxes": [], "labels": []} if label is None else label
    if prediction is None:
        highest = max(np.asarray(label["labels"], dtype=np.int64).tolist(), default=-1)
        prediction = [[]] * (highest + 1)
    annotated, predicted, _ = boxes([label], [prediction])
    return annotated, predicted
