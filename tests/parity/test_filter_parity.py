"""Flags and ranked rows side by side with cleanlab 2.9.0."""

import numpy as np
import pytest

from datalab import filter as ours

reference = pytest.importorskip("cleanlab.filter")

KINDS = [
    "plain",
    "missing class",
    "tiny class",
    "weak",
    "float32",
    "list",
    "memory map",
    "Fortran order",
]
PRUNING = ["prune_by_noise_rate", "prune_by_class", "both"]
OTHERS = [
    "confident_learning",
    "predicted_neq_given",
    "low_normalized_margin",
    "low_self_confidence",
]
SCORES = ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]
OPTIONS = {
    "half": {"frac_noise": 0.5},
    "third": {"frac_noise": 0.33},
    "none": {"frac_noise": 0.0},
    "more": {"frac_noise": 1.3},
    "no minimum": {"min_examples_per_class": 0},
    "minimum": {"min_examples_per_class": 11},
    "high minimum": {"min_examples_per_class": 60},
    "minimum and half": {"min_examples_per_class": 20, "frac_noise": 0.5},
    "two each": {"num_to_remove_per_class": 2},
    "own joint": {"confident_joint": "own"},
    "scaled joint": {"confident_joint": "scaled"},
}


@pytest.mark.filterwarnings("ignore::datalab.exceptions.InputWarning")
@pytest.mark.parametrize("n_classes", [2, 10, 200])
@pytest.mark.parametrize("kind", KINDS)
def test_every_rule(kind, n_classes, single_label, reference_call):
    labels, given, plain_labels, plain = single_label(kind, n_classes)
    for filter_by in [*PRUNING, *OTHERS]:
        expected = reference_call(
            reference.find_label_issues, plain_labels, plain, filter_by=filter_by, n_jobs=1
        )
        got = ours.find_label_issues(labels, given, filter_by=filter_by)
        assert got.dtype == bool
        np.testing.assert_array_equal(got, expected, err_msg=filter_by)


@pytest.mark.filterwarnings("ignore::datalab.exceptions.InputWarning")
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("n_classes", [2, 5, 30])
@pytest.mark.parametrize("kind", ["plain", "missing class", "tiny class", "weak"])
def test_every_option_of_pruning(kind, n_classes, option, single_label, reference_call):
    from cleanlab.count import compute_confident_joint

    labels, _, _, probs = single_label(kind, n_classes, seed=1)
    options = dict(OPTIONS[option])
    if "confident_joint" in options:
        joint = compute_confident_joint(labels, probs)
        scaled = options["confident_joint"] == "scaled"
        options["confident_joint"] = joint * 0.7 if scaled else joint
    for filter_by in PRUNING:
        expected = reference_call(
            reference.find_label_issues, labels, probs, filter_by=filter_by, n_jobs=1, **options
        )
        got = ours.find_label_issues(labels, probs, filter_by=filter_by, **options)
        np.testing.assert_array_equal(got, expected, err_msg=filter_by)


@pytest.mark.filterwarnings("ignore::datalab.exceptions.InputWarning")
@pytest.mark.parametrize("seed", range(12))
def test_numbers_per_class(seed, single_label, reference_call):
    labels, _, _, probs = single_label("plain", 3 + seed % 4, seed=seed)
    numbers = np.random.default_rng(seed).integers(0, 7, probs.shape[1])
    for filter_by in PRUNING:
        expected = reference_call(
            reference.find_label_issues,
            labels,
            probs,
            filter_by=filter_by,
            num_to_remove_per_class=numbers.tolist(),
            n_jobs=1,
        )
        got = ours.find_label_issues(
            labels, probs, filter_by=filter_by, num_to_remove_per_class=numbers
        )
        np.testing.assert_array_equal(got, expected, err_msg=filter_by)


@pytest.mark.parametrize(
    ("rank_by", "adjust"),
    [*((score, False) for score in SCORES), *((score, True) for score in SCORES[:2])],
)
@pytest.mark.parametrize("kind", ["plain", "missing class", "float32"])
def test_ranked_rows(kind, rank_by, adjust, single_label, reference_call):
    labels, _, _, probs = single_label(kind, 10)
    options = {
        "return_indices_ranked_by": rank_by,
        "rank_by_kwargs": {"adjust_pred_probs": adjust},
    }
    expected = reference_call(reference.find_label_issues, labels, probs, n_jobs=1, **options)
    got = ours.find_label_issues(labels, probs, **options)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("n_classes", [2, 10])
@pytest.mark.parametrize("filter_by", [*PRUNING, *OTHERS])
def test_ties_differ_only_at_a_cut(filter_by, n_classes, single_label, reference_call):
    labels, _, _, probs = single_label("ties", n_classes)
    expected = reference_call(
        reference.find_label_issues, labels, probs, filter_by=filter_by, n_jobs=1
    )
    got = ours.find_label_issues(labels, probs, filter_by=filter_by)
    # Every row that only one of the two flags is tied with rows that the other one decided
    # differently: it has a margin, or a probability of its label, that occurs twice in its class.
    for row in np.flatnonzero(got != expected):
        members = np.flatnonzero(labels == labels[row])
        other = members[members != row]
        if filter_by.startswith("low_"):
            other = np.flatnonzero(np.arange(len(labels)) != row)
        given = probs[np.arange(len(labels)), labels]
        margins = given[:, None] - probs
        tied = (
            np.isclose(margins[other], margins[row], atol=1e-12).any()
            or np.isclose(given[other], given[row], atol=1e-12).any()
        )
        assert tied
    if filter_by.startswith("low_"):
        assert got.sum() == expected.sum()


@pytest.mark.parametrize("calibrate", [True, False])
@pytest.mark.parametrize("filter_by", [*PRUNING, *OTHERS])
@pytest.mark.filterwarnings("ignore::datalab.exceptions.InputWarning")
def test_baselines(filter_by, calibrate, single_label, reference_call):
    labels, _, _, probs = single_label("tiny class", 10)
    expected = reference_call(
        reference.find_label_issues_using_argmax_confusion_matrix,
        labels,
        probs,
        calibrate=calibrate,
        filter_by=filter_by,
    )
    got = ours.find_label_issues_using_argmax_confusion_matrix(
        labels, probs, calibrate=calibrate, filter_by=filter_by
    )
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(
        ours.find_predicted_neq_given(labels, probs),
        reference.find_predicted_neq_given(labels, probs),
    )


@pytest.mark.parametrize("seed", range(3))
def test_multi_label(seed, label_sets, reference_call):
    labels, probs = label_sets(seed, 4)
    with pytest.warns(DeprecationWarning, match="multilabel_classification"):
        got = ours.find_label_issues(labels, probs, multi_label=True)
    expected = reference_call(
        reference.find_label_issues, labels, probs, multi_label=True, n_jobs=1
    )
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(
        ours.find_predicted_neq_given(labels, probs, multi_label=True),
        reference.find_predicted_neq_given(labels, probs, multi_label=True),
    )
