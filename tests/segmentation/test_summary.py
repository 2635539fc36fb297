"""Tables and pictures of mislabelled pixels."""

import logging

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from datalab.exceptions import InputError
from datalab.segmentation import summary

LABELS = np.array([[[0, 2], [1, 1]], [[0, 0], [2, 1]]])
PROBS = np.zeros((2, 3, 2, 2))
PROBS[:, 1] = 1.0
ISSUES = np.array([[[True, False], [False, False]], [[True, True], [True, False]]])


def test_common_issues():
    table = summary.common_label_issues(ISSUES, LABELS, PROBS, class_names=["a", "b", "c"])
    assert table.to_numpy().tolist() == [["a", "b", 3], ["c", "b", 1]]
    assert summary.common_label_issues(ISSUES, LABELS, PROBS, top=1)["num_pixel_issues"][0] == 3
    assert summary.common_label_issues(ISSUES, LABELS, PROBS, exclude=[1]).empty
    assert summary.common_label_issues(ISSUES & False, LABELS, PROBS).empty


def test_verbose_goes_to_the_log(caplog, capsys):
    with caplog.at_level(logging.INFO, logger="datalab"):
        summary.common_label_issues(ISSUES, LABELS, PROBS)
        assert "class 0 is probably 1: 3 pixels" in caplog.text
        caplog.clear()
        summary.common_label_issues(ISSUES, LABELS, PROBS, verbose=False)
        assert not caplog.text
    assert capsys.readouterr() == ("", "")


def test_filter_by_class():
    assert (summary.filter_by_class(1, ISSUES, LABELS, PROBS) == ISSUES).all()
    assert summary.filter_by_class(2, ISSUES, LABELS, PROBS).sum() == 1
    assert not summary.filter_by_class(7, ISSUES, LABELS, PROBS).any()


@pytest.mark.parametrize("issues", [np.zeros((2, 2)), np.zeros((2, 2, 2)), [0.5]])
def test_issues_must_be_a_mask(issues):
    with pytest.raises(InputError, match="must be a mask"):
        summary.display_issues(issues)


def test_shapes_must_fit():
    with pytest.raises(InputError, match="`labels` of shape .* does not fit `issues`"):
        summary.common_label_issues(ISSUES[:1], LABELS, PROBS)
    with pytest.raises(InputError, match="`pred_probs` of shape .* does not fit `issues`"):
        summary.display_issues(ISSUES, pred_probs=PROBS[:1])
    with pytest.raises(InputError, match="give `labels` as well"):
        summary.display_issues(ISSUES, exclude=[1])


def test_images_with_most_issues_come_first():
    figure = summary.display_issues(ISSUES)
    assert [ax.get_title(loc="left") for ax in figure.axes] == [
        "image 1: 3 pixels",
        "image 0: 1 pixels",
    ]
    (picture,) = figure.axes[0].images
    np.testing.assert_array_equal(np.asarray(picture.get_array()), ISSUES[1])
    assert picture.cmap(1.0) == to_rgba("red")
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_classes_are_drawn_beside_the_issues():
    figure = summary.display_issues(
        ISSUES, labels=LABELS, pred_probs=PROBS, class_names=["$\\frac{", "<b>", "c"], top=1
    )
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["given labels", "predicted labels", "image 1: 3 pixels"]
    given, predicted = (np.asarray(ax.images[0].get_array()) for ax in figure.axes[:2])
    np.testing.assert_array_equal(given, LABELS[1])
    assert (predicted == 1).all()
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["$\\frac{", "<b>", "c"]
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_excluded_classes_are_not_counted():
    figure = summary.display_issues(ISSUES, labels=LABELS, exclude=[0], top=1)
    assert figure.axes[-1].get_title(loc="left") == "image 1: 1 pixels"


def test_many_classes_and_no_images():
    many = summary.display_issues(ISSUES, labels=LABELS + 40)
    assert not many.legends
    assert many._repr_png_().startswith(b"\x89PNG")
    assert len(summary.display_issues(np.zeros((0, 2, 2), dtype=bool)).axes) == 1
