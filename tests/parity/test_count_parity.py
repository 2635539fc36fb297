"""Counts and estimates side by side with cleanlab 2.9.0."""

import numpy as np
import pytest

from datalab import count as ours

reference = pytest.importorskip("cleanlab.count")

KINDS = [
    "plain",
    "missing class",
    "tiny class",
    "ties",
    "weak",
    "float32",
    "list",
    "memory map",
    "Fortran order",
]
PRIORS = ["cnt", "eqn", "marginal", "marginal_ps"]


def close(got, expected, kind="plain"):
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4 if kind == "float32" else 1e-9)


@pytest.mark.parametrize("n_classes", [2, 10, 200])
@pytest.mark.parametrize("kind", KINDS)
def test_thresholds_joint_and_numbers(kind, n_classes, single_label, reference_call):
    labels, given, plain_labels, plain = single_label(kind, n_classes)
    close(
        ours.get_confident_thresholds(labels, given),
        reference.get_confident_thresholds(plain_labels, plain),
        kind,
    )
    for calibrate in (True, False):
        got, rows = ours.compute_confident_joint(
            labels, given, calibrate=calibrate, return_indices_of_off_diagonals=True
        )
        expected, expected_rows = reference.compute_confident_joint(
            plain_labels, plain, calibrate=calibrate, return_indices_of_off_diagonals=True
        )
        assert got.dtype.kind == "i"
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(rows, expected_rows)
    close(ours.estimate_joint(labels, given), reference.estimate_joint(plain_labels, plain))
    for method in ("off_diagonal", "off_diagonal_calibrated"):
        assert ours.num_label_issues(labels, given, estimation_method=method) == reference_call(
            reference.num_label_issues, plain_labels, plain, estimation_method=method
        )


@pytest.mark.parametrize("n_classes", [2, 10, 40])
def test_given_thresholds(n_classes, single_label):
    labels, _, _, probs = single_label("plain", n_classes)
    thresholds = np.linspace(0.1, 0.6, n_classes)
    for calibrate in (True, False):
        np.testing.assert_array_equal(
            ours.compute_confident_joint(labels, probs, thresholds=thresholds, calibrate=calibrate),
            reference.compute_confident_joint(
                labels, probs, thresholds=thresholds, calibrate=calibrate
            ),
        )


@pytest.mark.parametrize("seed", range(40))
def test_calibration_of_any_matrix(seed):
    rng = np.random.default_rng(seed)
    n_classes = int(rng.choice([2, 3, 8, 40]))
    joint = rng.integers(0, 9, (n_classes, n_classes)) * (rng.random((n_classes, n_classes)) < 0.6)
    joint += 7 * np.eye(n_classes, dtype=int)
    if seed % 3 == 0:
        joint = joint * 0.37
    labels = np.repeat(np.arange(n_classes), rng.integers(1, 50, n_classes))
    expected = reference.calibrate_confident_joint(joint, labels)
    got = ours.calibrate_confident_joint(joint, labels)
    np.testing.assert_array_equal(got, expected)
    close(
        ours.estimate_joint(labels, None, confident_joint=joint),
        reference.estimate_joint(labels, None, confident_joint=joint),
    )
    close(
        ours.estimate_joint(None, None, confident_joint=joint),
        reference.estimate_joint(None, None, confident_joint=joint),
    )
    probs = rng.dirichlet(np.ones(n_classes), len(labels))
    assert ours.num_label_issues(
        labels, probs, confident_joint=joint, estimation_method="off_diagonal_custom"
    ) == reference.num_label_issues(
        labels, probs, confident_joint=joint, estimation_method="off_diagonal_custom"
    )


@pytest.mark.parametrize("converge", [False, True])
@pytest.mark.parametrize("py_method", PRIORS)
@pytest.mark.parametrize("seed", range(15))
def test_latent(seed, py_method, converge, reference_call):
    rng = np.random.default_rng(seed)
    n_classes = int(rng.integers(2, 7))
    joint = rng.integers(0, 6, (n_classes, n_classes))
    joint += np.diag(rng.integers(4, 30, n_classes))
    labels = np.repeat(np.arange(n_classes), rng.integers(5, 60, n_classes))
    if seed % 3 == 0 and n_classes > 2 and py_method != "eqn":  # a class that no label names
        joint[1] = 0
        joint[:, 1] = 0
        joint[1, 1] = 1
        labels = labels[labels != 1]
    expected = reference_call(
        reference.estimate_latent,
        joint,
        labels,
        py_method=py_method,
        converge_latent_estimates=converge,
    )
    got = ours.estimate_latent(
        joint, labels, py_method=py_method, converge_latent_estimates=converge
    )
    for ours_one, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours_one, theirs, rtol=0, atol=1e-7)


@pytest.mark.parametrize("kind", ["plain", "missing class", "weak", "float32"])
def test_prior_and_noise_from_probabilities(kind, single_label, reference_call):
    labels, _, _, probs = single_label(kind, 5)
    for options in (
        {},
        {"converge_latent_estimates": False},
        {"calibrate": False},
        {"thresholds": [0.3] * 5, "py_method": "marginal"},
    ):
        expected = reference_call(
            reference.estimate_py_and_noise_matrices_from_probabilities, labels, probs, **options
        )
        got = ours.estimate_py_and_noise_matrices_from_probabilities(labels, probs, **options)
        for ours_one, theirs in zip(got, expected, strict=True):
            np.testing.assert_allclose(ours_one, theirs, rtol=0, atol=1e-9)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 4))
    labels = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.8)
    labels[rng.random(150) < 0.1] = 0
    return X, labels


def test_cross_validated_estimates(table):
    X, labels = table
    for options in ({}, {"cv_n_folds": 3}):
        close(
            ours.estimate_cv_predicted_probabilities(X, labels, seed=3, **options),
            reference.estimate_cv_predicted_probabilities(X, labels, seed=3, **options),
        )
    for name in (
        "estimate_confident_joint_and_cv_pred_proba",
        "estimate_py_noise_matrices_and_cv_pred_proba",
        "estimate_noise_matrices",
    ):
        got = getattr(ours, name)(X, labels, seed=1)
        expected = getattr(reference, name)(X, labels, seed=1)
        assert len(got) == len(expected)
        for ours_one, theirs in zip(got, expected, strict=True):
            close(ours_one, theirs)


def test_another_classifier_and_a_lone_example(table, reference_call):
    from sklearn.naive_bayes import GaussianNB

    from datalab.exceptions import InputWarning

    X, labels = table
    labels = np.where(labels == 2, 1, labels)
    labels[7] = 2
    expected = reference_call(
        reference.estimate_cv_predicted_probabilities, X, labels, GaussianNB(), seed=0
    )
    with pytest.warns(InputWarning, match="too few examples"):
        got = ours.estimate_cv_predicted_probabilities(X, labels, GaussianNB(), seed=0)
    close(got, expected)


@pytest.mark.parametrize("seed", range(6))
def test_multi_label(seed, label_sets, reference_call):
    labels, probs = label_sets(seed, 4, float32=seed % 2 == 1)
    kind = "float32" if seed % 2 else "plain"
    close(
        ours.get_confident_thresholds(labels, probs, multi_label=True),
        reference.get_confident_thresholds(labels, probs, multi_label=True),
        kind,
    )
    for calibrate in (True, False):
        got, rows = ours.compute_confident_joint(
            labels,
            probs,
            multi_label=True,
            calibrate=calibrate,
            return_indices_of_off_diagonals=True,
        )
        expected, expected_rows = reference.compute_confident_joint(
            labels,
            probs,
            multi_label=True,
            calibrate=calibrate,
            return_indices_of_off_diagonals=True,
        )
        np.testing.assert_array_equal(got, expected)
        for ours_one, theirs in zip(rows, expected_rows, strict=True):
            np.testing.assert_array_equal(ours_one, theirs)
    np.testing.assert_array_equal(
        ours.calibrate_confident_joint(got, labels, multi_label=True),
        reference.calibrate_confident_joint(got, labels, multi_label=True),
    )
    for joint in (None, got):
        close(
            ours.estimate_joint(labels, probs, confident_joint=joint, multi_label=True),
            reference.estimate_joint(labels, probs, confident_joint=joint, multi_label=True),
        )
    assert ours.num_label_issues(labels, probs, multi_label=True) == reference_call(
        reference.num_label_issues, labels, probs, multi_label=True
    )
