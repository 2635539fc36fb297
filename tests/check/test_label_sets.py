"""Sets of labels."""

import numpy as np
import pytest

from datalab._check import label_sets, label_sets_and_probs, multilabel_joint, one_vs_rest
from datalab.exceptions import InputError, InputTypeError, InputWarning

PROBS = np.array([[0.9, 0.1, 0.3], [0.2, 0.8, 0.6]])


def test_sets_as_a_table():
    table = [[True, False, True], [False, False, False]]
    for labels in ([[0, 2], []], ([2, 0, 0], ()), [np.array([0, 2]), np.array([], int)]):
        np.testing.assert_array_equal(label_sets(labels, 3), table)


def test_what_is_no_list_of_lists():
    for labels in (None, 3, "ab", [0, 1], [[0], "1"], np.eye(3)):
        with pytest.raises(InputTypeError, match="give one list of class indices per example"):
            label_sets(labels, 3)
    with pytest.raises(InputTypeError, match="has 2 in place of a list"):
        label_sets(np.array([2, 1]), 3)
    with pytest.raises(InputError, match="has 3 columns but `labels` goes up to 3"):
        label_sets([[0], [3]], 3)
    with pytest.raises(InputError, match="got -1"):
        label_sets([[0], [-1]], 3)
    with pytest.raises(InputError, match="a table of zeros and ones.*flatnonzero"):
        label_sets([[0, 1, 1], [1, 0, 0]], 3)


def test_sets_and_probabilities():
    present, probs = label_sets_and_probs([[0], [1, 2]], PROBS)
    np.testing.assert_array_equal(present, PROBS > 0.5)
    codes, binary = one_vs_rest(present, probs, 1)
    np.testing.assert_array_equal(codes, [0, 1])
    np.testing.assert_allclose(binary, [[0.9, 0.1], [0.2, 0.8]])
    with pytest.raises(InputError, match="`labels` has 1 rows, `pred_probs` has 2 rows"):
        label_sets_and_probs([[0]], PROBS)
    with pytest.raises(InputError, match="are empty"):
        label_sets_and_probs([], PROBS[:0])


def test_joints_of_each_class():
    assert multilabel_joint(None, 3) is None
    assert multilabel_joint(np.ones((3, 2, 2)), 3).shape == (3, 2, 2)
    with pytest.warns(InputWarning, match=r"shape \(3, 3\) and is ignored"):
        assert multilabel_joint(np.ones((3, 3)), 3) is None
    with pytest.raises(InputError, match=r"must have shape \(3, 2, 2\)"):
        multilabel_joint(np.ones((2, 2, 2)), 3)
