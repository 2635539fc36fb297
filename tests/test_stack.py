"""Rows that come in blocks, read as one array."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab import count, dataset, rank
from datalab import filter as filter_
from datalab._stack import Stack, spilled
from datalab.classification import CleanLearning
from datalab.outlier import OutOfDistribution


def cut(array, sizes):
    """`array` in blocks of these sizes, and the rest."""
    return np.split(array, np.minimum(np.cumsum(sizes, dtype=int), len(array)))


@pytest.fixture(scope="module")
def array():
    return np.random.default_rng(0).random((50, 3))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(0, 30), max_size=8),
    ends=st.tuples(st.integers(0, 50), st.integers(0, 50)),
    rows=st.lists(st.integers(0, 49), max_size=20),
    on_disk=st.booleans(),
)
def test_reads_like_one_array(array, sizes, ends, rows, on_disk):
    blocks = cut(array, sizes)
    stack = Stack(spilled(iter(blocks)) if on_disk else blocks)
    assert (len(stack), stack.shape, stack.dtype) == (50, (50, 3), np.float64)
    part = slice(min(ends), max(ends))
    np.testing.assert_array_equal(stack[part], array[part])
    at = np.array(rows, dtype=np.intp)
    np.testing.assert_array_equal(stack[at], array[at])
    np.testing.assert_array_equal(stack[at, at % 3], array[at, at % 3])
    np.testing.assert_array_equal(stack[at, np.intp(1)], array[at, 1])
    np.testing.assert_array_equal(np.asarray(stack), array)


def test_blocks_of_different_types_are_promoted(array):
    blocks = [array[:20].astype(np.float32), array[20:]]
    for stack in (Stack(blocks), Stack(spilled(iter(blocks)))):
        assert stack.dtype == stack[:3].dtype == stack[np.array([1])].dtype == np.float64
        np.testing.assert_array_equal(stack[:], np.concatenate(blocks))


def test_what_lies_in_one_block_is_not_copied(array):
    stack = Stack(cut(array, [20]))
    assert np.shares_memory(stack[3:17], array)


def test_equal_blocks_become_one_map(array):
    (one,) = spilled(iter(cut(array, [0, 7, 0, 20])))
    assert isinstance(one, np.memmap)
    np.testing.assert_array_equal(one, array)
    assert [len(part) for part in spilled(iter([array, array.astype(np.float32)]))] == [50, 50]
    assert spilled(iter([])) == []
    assert spilled(iter([array[:0]]))[0].shape == (0, 3)


DOORS = {
    "predicted_neq_given": lambda y, p: filter_.find_predicted_neq_given(y, p),
    "confusion matrix": lambda y, p: filter_.find_label_issues_using_argmax_confusion_matrix(y, p),
    "entropy": lambda y, p: rank.get_confidence_weighted_entropy_for_each_label(y, p),
    "margin": lambda y, p: rank.get_label_quality_scores(
        y, p, method="normalized_margin", adjust_pred_probs=True
    ),
    "order": lambda y, p: rank.order_label_issues(y > 0, y, p),
    "thresholds": lambda y, p: count.get_confident_thresholds(y, p),
    "joint": lambda y, p: count.compute_confident_joint(y, p),
    "number": lambda y, p: count.num_label_issues(y, p),
    "noise": lambda y, p: count.estimate_py_and_noise_matrices_from_probabilities(y, p)[1],
    "health": lambda y, p: dataset.health_summary(y, p, verbose=False)["joint"],
    "clean learning": lambda y, p: CleanLearning().find_label_issues(labels=y, pred_probs=p),
    "outliers": lambda y, p: (
        OutOfDistribution().fit(labels=y, pred_probs=p).params["confident_thresholds"]
    ),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("n_classes", [3, 40])
def test_doors_take_blocks(door, n_classes):
    rng = np.random.default_rng(n_classes)
    labels = rng.integers(0, n_classes, 200)
    probs = 0.7 * rng.dirichlet(np.ones(n_classes), 200)
    probs[np.arange(200), labels] += 0.3 * (rng.random(200) < 0.8)
    blocks = cut(probs, [70, 1, 0])
    expected = np.asarray(DOORS[door](labels, probs))
    for given_blocks in (blocks, iter(blocks)):
        np.testing.assert_array_equal(np.asarray(DOORS[door](labels, given_blocks)), expected)
