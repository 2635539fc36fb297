"""Counts, sizes, metrics and pictures."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from datalab.exceptions import InputError
from datalab.object_detection import summary

LABELS = [
    {"bboxes": [[0, 0, 10, 10], [0, 0, 4, 5]], "labels": [2, 0]},
    {"bboxes": [], "labels": []},
    {"bboxes": [[0, 0, 2, 2]], "labels": [2]},
]
PREDICTIONS = [
    [[], [[0, 0, 4, 5, 0.9]], [[0, 0, 10, 9, 0.8]]],
    [[], [], []],
    [[[5, 5, 6, 6, 0.3]], [], []],
]


def test_counts():
    assert summary.object_counts_per_image(LABELS, PREDICTIONS) == ([2, 0, 1], [2, 0, 1])
    most_first = [(0, 2), (2, 1), (1, 0)]
    assert summary.get_sorted_bbox_count_idxs(LABELS, PREDICTIONS) == (most_first, most_first)


@pytest.mark.parametrize(
    "names",
    [{"0": "cat", "2": "dog"}, {0: "cat", 2: "dog"}, ["cat", "cow", "dog"]],
)
def test_names_in_every_form(names):
    annotated, predicted = summary.bounding_box_size_distribution(
        LABELS, PREDICTIONS, class_names=names
    )
    assert annotated == {"dog": [100.0, 4.0], "cat": [20.0]}
    assert predicted["dog"] == [90.0]
    assert predicted["cat"] == [1.0]
    shares, _ = summary.class_label_distribution(LABELS, PREDICTIONS, class_names=names)
    assert shares == {"dog": 0.67, "cat": 0.33}


def test_shares_are_rounded_half_down():
    labels = [{"bboxes": [[0, 0, 1, 1]] * 8, "labels": [0] * 7 + [1]}]
    assert summary.class_label_distribution(labels, [[[], []]])[0] == {0: 0.87, 1: 0.12}


def test_classes_without_a_name_are_left_out():
    names = {"2": "dog"}
    sizes = summary.bounding_box_size_distribution(LABELS, PREDICTIONS, class_names=names)
    assert sizes == ({"dog": [100.0, 4.0]}, {"dog": [90.0]})
    shares = summary.class_label_distribution(LABELS, PREDICTIONS, class_names=names)
    assert shares == ({"dog": 0.67}, {"dog": 0.33})
    metrics = summary.calculate_per_class_metrics(LABELS, PREDICTIONS, class_names=names)
    assert list(metrics) == [0, 1, "dog"]


@pytest.mark.parametrize("names", ["cat", 3, {"cat": 0}])
def test_wrong_names_are_refused(names):
    with pytest.raises(InputError, match="`class_names`"):
        summary.class_label_distribution(LABELS, PREDICTIONS, class_names=names)


def test_sorted_by_number_of_boxes():
    first = summary.bounding_box_size_distribution(LABELS[::-1], PREDICTIONS[::-1])[0]
    assert list(first) == [2, 0]
    ordered = summary.bounding_box_size_distribution(LABELS, PREDICTIONS, sort=True)[0]
    assert list(ordered) == [2, 0]


def test_metrics_have_no_value_where_nothing_is_annotated():
    metrics = summary.calculate_per_class_metrics(LABELS, PREDICTIONS)
    assert metrics[1]["average precision"] == 0
    assert np.isnan(metrics[1]["average recall"])
    counts = summary.get_average_per_class_confusion_matrix(LABELS, PREDICTIONS)
    # IoU .9 reaches nine of ten overlaps; divided by three classes, as in the reference.
    assert counts[2] == pytest.approx({"TP": 0.3, "FP": 0.1 / 3, "FN": 1.1 / 3})


def test_nothing_at_all():
    assert summary.object_counts_per_image([], []) == ([], [])
    assert summary.class_label_distribution([], []) == ({}, {})
    assert summary.calculate_per_class_metrics([], []) == {}
    assert isinstance(summary.plot_class_size_distributions([], []), Figure)
    assert isinstance(summary.plot_class_distribution([], []), Figure)


def test_size_histograms():
    figure = summary.plot_class_size_distributions(
        LABELS, PREDICTIONS, class_names=["$\\frac{", "cow", "<dog>"], class_to_show=1
    )
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["<dog>: 2 annotated", "<dog>: 1 predicted"]
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_share_bars():
    figure = summary.plot_class_distribution(
        LABELS, PREDICTIONS, class_names=["$\\frac{", "b", "c"]
    )
    annotated, predicted = figure.axes
    assert [text.get_text() for text in annotated.get_yticklabels()] == ["c", "$\\frac{", "b"]
    assert [bar.get_width() for bar in annotated.patches] == [0.67, 0.33, 0.0]
    assert [bar.get_width() for bar in predicted.patches] == [0.33, 0.33, 0.33]
    assert figure._repr_png_().startswith(b"\x89PNG")


def picture(kind, tmp_path):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    path = tmp_path / "image.png"
    Image.fromarray(pixels).save(path)
    return {
        "array": pixels,
        "grey": pixels[:, :, 0],
        "one channel": pixels[:, :, :1],
        "path": path,
        "text": str(path),
        "pillow": Image.fromarray(pixels),
    }[kind]


@pytest.mark.parametrize("kind", ["array", "grey", "one channel", "path", "text", "pillow"])
def test_visualize_takes_every_kind_of_image(kind, tmp_path):
    figure = summary.visualize(picture(kind, tmp_path))
    assert figure.axes[0].images[0].get_size() == (20, 30)
    assert not figure.axes[0].patches


def test_visualize_draws_labels_red_and_predictions_blue(tmp_path):
    path = tmp_path / "out.svg"
    figure = summary.visualize(
        np.zeros((20, 30)),
        label=LABELS[0],
        prediction=PREDICTIONS[0],
        prediction_threshold=0.85,
        class_names={"0": "cat", "2": "$dog"},
        figsize=(3, 2),
        save_path=path,
        block=False,
    )
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.texts] == ["$dog", "cat", "1 0.90"]
    red, blue = (1.0, 0.0, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0)
    assert [box.get_edgecolor() for box in ax.patches] == [red, red, blue]
    assert figure.get_size_inches().tolist() == [3, 2]
    assert path.stat().st_size > 1000
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_visualize_side_by_side():
    figure = summary.visualize(
        np.zeros((20, 30)), label=LABELS[0], prediction=PREDICTIONS[0], overlay=False
    )
    assert [len(ax.patches) for ax in figure.axes] == [2, 2]
    assert len(summary.visualize(np.zeros((9, 9)), label=LABELS[0]).axes[0].patches) == 2
    assert len(summary.visualize(np.zeros((9, 9)), prediction=PREDICTIONS[0]).axes[0].patches) == 2


def test_visualize_refuses_what_is_no_image(tmp_path):
    with pytest.raises(InputError, match="`image` must be"):
        summary.visualize(3)
    with pytest.raises(FileNotFoundError):
        summary.visualize(tmp_path / "missing.png")


def test_pictures_leave_pyplot_alone():
    script = (
        "import sys; import datalab.object_detection as d; assert 'matplotlib' not in sys.modules\n"
        "d.summary.plot_class_distribution([{'bboxes': [], 'labels': []}], [[[]]])._repr_png_()\n"
        "raise SystemExit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
