"""The door of counts: options, several forms of input, errors that say what to do."""

import numpy as np
import pytest

from datalab import count as door
from datalab.exceptions import InputError, InputTypeError, InputWarning

LABELS = [0, 0, 1, 1]
PROBS = [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.9, 0.1]]
SETS = [[0], [], [0, 1], [1]]
SET_PROBS = [[0.9, 0.2], [0.3, 0.1], [0.8, 0.6], [0.7, 0.9]]


def test_thresholds_and_joint():
    np.testing.assert_allclose(door.get_confident_thresholds(LABELS, PROBS), [0.8, 0.45])
    joint, rows = door.compute_confident_joint(LABELS, PROBS, return_indices_of_off_diagonals=True)
    np.testing.assert_array_equal(joint, [[2, 0], [1, 1]])
    np.testing.assert_array_equal(rows, [3])
    for thresholds in (0.85, [0.85, 0.85]):
        np.testing.assert_array_equal(
            door.compute_confident_joint(LABELS, PROBS, thresholds=thresholds, calibrate=False),
            [[1, 0], [1, 1]],
        )


def test_one_class_only():
    # As in the reference, what can be said about one class is said.
    np.testing.assert_allclose(door.get_confident_thresholds([0, 0], PROBS[:2]), [0.8, 2.0])
    np.testing.assert_array_equal(door.compute_confident_joint([0, 0], PROBS[:2]), [[2, 0], [0, 0]])
    with pytest.raises(InputError, match="at least 2 different classes"):
        door.num_label_issues([0, 0], PROBS[:2])
    with pytest.raises(InputError, match="at least 2 different classes"):
        door.estimate_cv_predicted_probabilities([[0.0], [1.0]], [1, 1])


def test_estimate_joint_forms():
    np.testing.assert_allclose(door.estimate_joint(LABELS, PROBS), [[0.5, 0.0], [0.25, 0.25]])
    np.testing.assert_allclose(
        door.estimate_joint(None, None, confident_joint=[[2, 0], [1, 1]]),
        [[0.5, 0.0], [0.25, 0.25]],
    )
    np.testing.assert_allclose(
        door.estimate_joint(LABELS, None, confident_joint=[[4, 0], [1, 1]]),
        [[0.5, 0.0], [0.25, 0.25]],
    )
    with pytest.raises(InputTypeError, match="NoneType"):
        door.estimate_joint(None, None)


def test_number_of_issues():
    assert door.num_label_issues(LABELS, PROBS) == 1
    assert door.num_label_issues(LABELS, PROBS, estimation_method="off_diagonal_calibrated") == 1
    joint = [[1, 1], [1, 1]]
    assert (
        door.num_label_issues(
            LABELS, PROBS, confident_joint=joint, estimation_method="off_diagonal_custom"
        )
        == 2
    )
    assert isinstance(door.num_label_issues(LABELS, PROBS), int)
    with pytest.warns(InputWarning, match="off_diagonal_custom"):
        door.num_label_issues(LABELS, PROBS, confident_joint=joint)
    with pytest.raises(InputError, match="confident_joint"):
        door.num_label_issues(LABELS, PROBS, estimation_method="off_diagonal_custom")
    with pytest.raises(InputError, match="'off'.*off_diagonal"):
        door.num_label_issues(LABELS, PROBS, estimation_method="off")


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (door.compute_confident_joint, {"thresholds": [0.5]}, r"2 finite numbers.*\(1,\)"),
        (door.compute_confident_joint, {"thresholds": [0.5, np.nan]}, "finite"),
        (door.estimate_joint, {"confident_joint": [[1, 2]]}, r"\(K, K\).*\(1, 2\)"),
        (door.estimate_joint, {"confident_joint": [[1]]}, "goes up to 1 but the joint has 1"),
        (
            door.estimate_py_and_noise_matrices_from_probabilities,
            {"py_method": "x"},
            "'x'.*marginal_ps",
        ),
    ],
)
def test_errors_say_what_to_do(function, options, message):
    with pytest.raises(InputError, match=message):
        function(LABELS, PROBS, **options)


def test_errors_of_latent_estimates():
    with pytest.raises(InputError, match="`py_method` is 'x'"):
        door.estimate_latent([[2, 0], [1, 1]], LABELS, py_method="x")
    with pytest.raises(InputError, match="goes up to 1"):
        door.estimate_latent([[2]], LABELS)
    with pytest.raises(InputError, match="not negative"):
        door.calibrate_confident_joint([[2, -1], [0, 1]], LABELS)


def test_multi_label():
    np.testing.assert_allclose(
        door.get_confident_thresholds(SETS, SET_PROBS, multi_label=True),
        [[0.5, 0.85], [0.85, 0.75]],
    )
    joint, rows = door.compute_confident_joint(
        SETS, SET_PROBS, multi_label=True, return_indices_of_off_diagonals=True
    )
    assert joint.shape == (2, 2, 2)
    assert len(rows) == 2
    np.testing.assert_array_equal(joint.sum(axis=(1, 2)), [4, 4])
    estimated = door.estimate_joint(SETS, SET_PROBS, multi_label=True)
    np.testing.assert_allclose(estimated, joint / 4)
    np.testing.assert_allclose(
        door.estimate_joint(SETS, None, confident_joint=joint, multi_label=True), estimated
    )
    np.testing.assert_allclose(
        door.compute_confident_joint(
            SETS, SET_PROBS, multi_label=True, thresholds=np.full((2, 2), 0.5)
        ).sum(axis=(1, 2)),
        4,
    )
    with pytest.raises(InputError, match=r"\(2, 2\).*\(2,\)"):
        door.compute_confident_joint(SETS, SET_PROBS, multi_label=True, thresholds=[0.5, 0.5])
    with pytest.raises(InputError, match=r"\(K, 2, 2\)"):
        door.calibrate_confident_joint(np.eye(2), SETS, multi_label=True)
    assert door.num_label_issues(SETS, SET_PROBS, multi_label=True) >= 0


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    return X, (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.8)


def test_cross_validation_takes_any_table(table):
    import pandas as pd
    from scipy import sparse

    X, labels = table
    expected = door.estimate_cv_predicted_probabilities(X, labels, seed=0)
    assert expected.shape == (90, 3)
    np.testing.assert_allclose(expected.sum(axis=1), 1)
    frame = pd.DataFrame(X, index=range(90, 0, -1))
    for kind in (frame, sparse.csr_matrix(X), X.tolist()):
        np.testing.assert_allclose(
            door.estimate_cv_predicted_probabilities(kind, labels, seed=0), expected, atol=1e-4
        )


def test_a_class_without_examples_gets_a_column(table):
    X, labels = table
    labels = np.where(labels == 1, 0, labels)
    probs = door.estimate_cv_predicted_probabilities(X, labels, seed=0)
    assert probs.shape == (90, 3)
    assert not probs[:, 1].any()
    joint, _ = door.estimate_confident_joint_and_cv_pred_proba(X, labels, seed=0)
    np.testing.assert_array_equal(joint.sum(axis=1), np.bincount(labels))


def test_validation_rows_and_fit_arguments(table):
    from sklearn.linear_model import LogisticRegression

    X, labels = table
    seen = []

    class Told(LogisticRegression):
        def fit(self, X, y, held_out=None, note=None):
            seen.append((len(X), len(held_out), note))
            return super().fit(X, y)

    door.estimate_cv_predicted_probabilities(
        X,
        labels,
        Told(),
        cv_n_folds=3,
        clf_kwargs={"note": "n"},
        validation_func=lambda X_held_out, y: {"held_out": X_held_out},
    )
    assert seen == [(60, 30, "n")] * 3


def test_errors_of_cross_validation(table):
    X, labels = table
    with pytest.raises(InputError, match="50 rows.*90"):
        door.estimate_cv_predicted_probabilities(X[:50], labels)
    with pytest.raises(InputTypeError, match="validation_func"):
        door.estimate_cv_predicted_probabilities(X, labels, validation_func=3)
    with pytest.raises(InputError, match="clone"):
        door.estimate_cv_predicted_probabilities(X, labels, object())
    with pytest.raises(InputError, match="cv_n_folds"):
        door.estimate_cv_predicted_probabilities(X, labels, cv_n_folds=1)
