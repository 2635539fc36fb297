"""Results depend neither on the number of threads nor on the size of blocks."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from datalab import count, dataset, rank
from datalab import filter as filter_
from datalab._core import blocks
from datalab._core import count as core
from datalab._core.filter import COUNTING, PRUNING
from datalab._core.outlier import METHODS
from datalab._core.rank import ADJUSTABLE, SCORES
from datalab.data_valuation import data_shapley_knn
from datalab.outlier import OutOfDistribution


def sample(n_classes):
    rng = np.random.default_rng(n_classes)
    labels = rng.integers(0, n_classes, 3000)
    probs = rng.dirichlet(np.full(n_classes, 0.4), 3000)
    probs[np.arange(3000), np.where(rng.random(3000) < 0.2, labels[::-1], labels)] += 0.5
    return labels, probs / probs.sum(axis=1, keepdims=True)


def everything(labels, probs):
    """What the functions say of labels and probabilities, by name."""
    found = {
        "thresholds": count.get_confident_thresholds(labels, probs),
        "joint": count.compute_confident_joint(labels, probs),
        "number": count.num_label_issues(labels, probs),
        "health": dataset.health_summary(labels, probs, verbose=False)["joint"],
        "predicted": filter_.find_predicted_neq_given(labels, probs),
    }
    for rule in (*PRUNING, *COUNTING):
        found[rule] = filter_.find_label_issues(
            labels, probs, filter_by=rule, return_indices_ranked_by="self_confidence"
        )
    for method in SCORES:
        found[method] = rank.get_label_quality_scores(labels, probs, method=method)
    for method in ADJUSTABLE:
        found[f"adjusted {method}"] = rank.get_label_quality_scores(
            labels, probs, method=method, adjust_pred_probs=True
        )
    for method in METHODS:
        for adjust in (True, False):
            params = {"method": method, "adjust_pred_probs": adjust, "M": 5}
            given = {"pred_probs": probs, "labels": labels if adjust else None}
            found[f"OOD {method} {adjust}"] = OutOfDistribution(params).fit_score(**given)
    return found


@pytest.mark.parametrize("n_classes", [5, 60])
@pytest.mark.parametrize("order", ["C", "F"])
def test_threads_and_blocks_change_nothing(monkeypatch, n_classes, order):
    labels, probs = sample(n_classes)
    probs = np.asarray(probs, order=order)
    monkeypatch.setattr(blocks, "_cores", lambda: 1)
    expected = everything(labels, probs)
    for size in ("BLOCK_BYTES", "WIDE_BYTES"):
        monkeypatch.setattr(core, size, 3000)
    for threads in (1, 3):
        monkeypatch.setattr(blocks, "_cores", lambda threads=threads: threads)
        for name, value in everything(labels, probs).items():
            np.testing.assert_array_equal(value, expected[name], err_msg=f"{name}, {threads}")


def test_values_of_examples():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(1500, 20)), rng.integers(0, 3, 1500)
    with threadpool_limits(1):
        expected = data_shapley_knn(labels, features=features)
    with threadpool_limits(3):
        np.testing.assert_array_equal(data_shapley_knn(labels, features=features), expected)
    order = rng.permutation(1500)
    np.testing.assert_array_equal(
        data_shapley_knn(labels[order], features=features[order]), expected[order]
    )
