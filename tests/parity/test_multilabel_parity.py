"""Examples with any number of classes side by side with cleanlab 2.9.0."""

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

import datalab.multilabel_classification as ours

reference = pytest.importorskip("cleanlab.multilabel_classification")
count = pytest.importorskip("cleanlab.count")

RULES = [
    "prune_by_noise_rate",
    "prune_by_class",
    "both",
    "confident_learning",
    "predicted_neq_given",
    "low_normalized_margin",
    "low_self_confidence",
]
SCORES = ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]
pytestmark = pytest.mark.filterwarnings("ignore::datalab.exceptions.InputWarning")


@pytest.mark.parametrize("filter_by", RULES)
@pytest.mark.parametrize("seed", range(8))
def test_flags(seed, filter_by, label_sets, reference_call):
    labels, probs = label_sets(seed, 2 + seed % 4, float32=seed % 4 == 3)
    n_classes = probs.shape[1]
    joint = count.compute_confident_joint(labels, probs, multi_label=True, calibrate=False)
    every = [{}]
    if filter_by in RULES[:3]:
        every += [
            {"frac_noise": 0.6},
            {"min_examples_per_class": 15},
            {"num_to_remove_per_class": list(range(1, n_classes + 1))},
            {"confident_joint": joint},
        ]
    elif filter_by.startswith("low_"):
        every += [{"num_to_remove_per_class": [1] * n_classes}]
    for options in every:
        for name in ("find_label_issues", "find_multilabel_issues_per_class"):
            fixed = "num_to_remove_per_class" in options
            if fixed and filter_by.startswith("low_") and name != "find_label_issues":
                continue  # an error, here and there
            expected = reference_call(
                getattr(reference.filter, name),
                labels,
                probs,
                filter_by=filter_by,
                n_jobs=1,
                **options,
            )
            got = getattr(ours.filter, name)(labels, probs, filter_by=filter_by, **options)
            assert got.dtype == bool
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("seed", range(30))
def test_flags_of_low_memory(seed, label_sets, reference_call):
    labels, probs = label_sets(seed, 2 + seed % 5)
    options = {"filter_by": RULES[seed % 7], "low_memory": True}
    for name in ("find_label_issues", "find_multilabel_issues_per_class"):
        expected = reference_call(
            getattr(reference.filter, name), labels, probs, n_jobs=1, **options
        )
        got = getattr(ours.filter, name)(labels, probs, **options)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("rank_by", SCORES)
@pytest.mark.parametrize("seed", range(3))
def test_ranked(seed, rank_by, low_memory, label_sets, reference_call):
    labels, probs = label_sets(seed, 4)
    expected = reference_call(
        reference.filter.find_label_issues, labels, probs, rank_by, low_memory=low_memory
    )
    got = ours.filter.find_label_issues(labels, probs, rank_by, low_memory=low_memory)
    np.testing.assert_array_equal(got, expected)
    expected = reference_call(
        reference.filter.find_multilabel_issues_per_class,
        labels,
        probs,
        rank_by,
        low_memory=low_memory,
    )
    got = ours.filter.find_multilabel_issues_per_class(
        labels, probs, rank_by, low_memory=low_memory
    )
    assert [type(part) for part in got] == [list, list, list]
    if low_memory:  # the reference orders by position, although a ranking was asked for
        got[0][:] = [np.sort(rows) for rows in got[0]]
    for part, theirs in zip(got, expected, strict=True):
        for one, other in zip(part, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", SCORES)
@pytest.mark.parametrize(
    "aggregator",
    [
        None,
        {"method": "exponential_moving_average"},
        {"method": "exponential_moving_average", "alpha": 0.3},
        {"method": "softmin"},
        {"method": "softmin", "temperature": 0.7},
        {"method": np.mean},
    ],
    ids=str,
)
def test_scores(aggregator, method, label_sets):
    options = {} if aggregator is None else {"aggregator_kwargs": aggregator}
    for seed in range(3):
        labels, probs = label_sets(seed, 5)
        for adjust in (False, True):
            if adjust and method == "confidence_weighted_entropy":
                continue
            np.testing.assert_allclose(
                ours.get_label_quality_scores(
                    labels, probs, method=method, adjust_pred_probs=adjust, **options
                ),
                reference.get_label_quality_scores(
                    labels, probs, method=method, adjust_pred_probs=adjust, **options
                ),
                rtol=0,
                atol=1e-12,
            )
            np.testing.assert_allclose(
                ours.rank.get_label_quality_scores_per_class(
                    labels, probs, method=method, adjust_pred_probs=adjust
                ),
                reference.rank.get_label_quality_scores_per_class(
                    labels, probs, method=method, adjust_pred_probs=adjust
                ),
                rtol=0,
                atol=1e-12,
            )


@pytest.mark.parametrize("seed", [0, 1])  # the reference starts processes here: slow
def test_health(seed, label_sets):
    from cleanlab.multilabel_classification import dataset as theirs

    labels, probs = label_sets(seed, 3)
    names = ["a", "b", "c"]
    keys = {
        "common_multilabel_issues": ["Class Index", "In Given Label"],
        "rank_classes_by_multilabel_quality": ["Class Index"],
    }
    for name, key in keys.items():
        for options in ({}, {"class_names": names}):
            got = getattr(ours.dataset, name)(labels, probs, **options)
            expected = getattr(theirs, name)(labels, probs, **options)
            assert_frame_equal(
                got.sort_values(key, ignore_index=True),
                expected.sort_values(key, ignore_index=True),
                rtol=0,
                atol=1e-12,
            )
    joint = count.compute_confident_joint(labels, probs, multi_label=True, calibrate=False)
    for options in ({}, {"confident_joint": joint}):
        assert ours.dataset.overall_multilabel_health_score(
            labels, probs, **options
        ) == pytest.approx(theirs.overall_multilabel_health_score(labels, probs, **options))
    got = ours.dataset.multilabel_health_summary(labels, probs, class_names=names)
    expected = theirs.multilabel_health_summary(labels, probs, class_names=names, verbose=False)
    assert got.keys() == expected.keys()
