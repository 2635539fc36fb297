"""Labels as codes, names of classes, numbers for each class."""

import numpy as np
import pandas as pd
import pytest

from datalab._check import (
    class_codes,
    class_name_list,
    class_thresholds,
    codes_within,
    named_classes,
    per_class_matrices,
    removals_per_class,
    square_matrix,
    two_classes,
)
from datalab.exceptions import InputError, InputTypeError


@pytest.mark.parametrize(
    "labels",
    [
        [0, 2, 1],
        (0, 2, 1),
        np.array([0, 2, 1], np.uint8),
        np.array([0.0, 2.0, 1.0], np.float32),
        np.array([0, 2, 1], dtype=object),
        np.array([[0], [2], [1]]),
        pd.Series([0, 2, 1], index=[9, 8, 7]),
        pd.Series([0, 2, 1], dtype="Int64"),
        pd.DataFrame({"y": [0, 2, 1]}),
    ],
    ids=str,
)
def test_codes(labels):
    codes = class_codes(labels)
    assert codes.dtype == np.int64
    np.testing.assert_array_equal(codes, [0, 2, 1])


def test_codes_that_are_none():
    refused = {
        r"got \['cat', 'dog'\].*label_name.*return_inverse": ["cat", "dog", "cat"],
        "got -1 in row 1": [0, -1],
        "got 0.5 in row 1": [0, 0.5],
        "got nan in row 0": [np.nan, 1],
        r"got shape \(2, 2\)": [[0, 1], [1, 0]],
    }
    for told, labels in refused.items():
        with pytest.raises(InputError, match=told):
            class_codes(labels)
    with pytest.raises(InputTypeError, match="`labels` must be array-like"):
        class_codes("cat")
    np.testing.assert_array_equal(class_codes([0, -1], missing=True), [0, -1])
    np.testing.assert_array_equal(class_codes([True, False]), [1, 0])


def test_codes_of_a_joint():
    np.testing.assert_array_equal(codes_within([0, 1], 2), [0, 1])
    with pytest.raises(InputError, match="goes up to 2 but the joint has 2 classes"):
        codes_within([0, 2], 2)
    two_classes(class_codes([0, 1]))
    for labels, told in (([1, 1], "all are 1"), ([], "there are none")):
        with pytest.raises(InputError, match=told):
            two_classes(class_codes(np.array(labels, dtype=int)))


def test_names():
    for names in (["a", "b"], ("a", "b"), {0: "a", 1: "b"}, {"1": "b", "0": "a"}, iter("ab")):
        assert class_name_list(names, 2) == ["a", "b"]
    assert class_name_list(None, 2) is None
    assert named_classes(None) == {}
    assert named_classes({"3": "x"}) == {3: "x"}
    with pytest.raises(InputError, match="has 1 names but there are 2 classes"):
        class_name_list(["a"], 2)
    with pytest.raises(InputError, match="keys of `class_names`"):
        named_classes({"cat": 1})
    with pytest.raises(InputError, match="list of names or a dict.*got str"):
        named_classes("ab")


def test_matrices_over_classes():
    assert square_matrix([[1, 0], [0, 1]], name="m", size=2).dtype == np.float64
    assert per_class_matrices(np.ones((3, 2, 2)), name="m").shape == (3, 2, 2)
    for wrong in ([[1, 2]], [[1, -1], [0, 1]], [[1, np.nan], [0, 1]], [1, 2], np.ones((3, 3))):
        with pytest.raises(InputError, match="`m` must"):
            square_matrix(wrong, name="m", size=2)
    for wrong in (np.ones((2, 3, 3)), np.ones((2, 2)), -np.ones((2, 2, 2))):
        with pytest.raises(InputError, match="`m"):
            per_class_matrices(wrong, name="m", n_classes=2)


def test_numbers_for_each_class():
    np.testing.assert_array_equal(class_thresholds(0.5, 2), [0.5, 0.5])
    np.testing.assert_array_equal(class_thresholds([0.1, 0.2], 2), [0.1, 0.2])
    for wrong in ([0.1], [0.1, np.inf]):
        with pytest.raises(InputError, match="`thresholds` must be 2 finite numbers"):
            class_thresholds(wrong, 2)
    assert removals_per_class(None, 2) is None
    np.testing.assert_array_equal(removals_per_class(3, 2), [3, 3])
    np.testing.assert_array_equal(removals_per_class([1.0, 0.0], 2), [1, 0])
    for wrong in ([1], [1, -1], "3", [1, np.nan]):
        with pytest.raises(InputError, match="`num_to_remove_per_class`"):
            removals_per_class(wrong, 2)


def test_a_missing_label_is_told_what_to_do_about():
    for labels in ([0, -1], [0, np.nan], [0, None]):
        with pytest.raises(InputError, match="in row 1; where a label is missing, leave the row"):
            class_codes(labels)
    with pytest.raises(InputError, match="in row 1$"):
        class_codes([0, -2])
