"""Label issues in two passes over batches."""

import logging

import numpy as np
import pytest

from datalab.exceptions import InputError, InputTypeError
from datalab.experimental.label_issues_batched import LabelInspector, find_label_issues_batched


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 200)
    labels = np.where(rng.random(200) < 0.2, rng.integers(0, 3, 200), true)
    probs = 0.6 * rng.dirichlet(np.ones(3), 200)
    probs[np.arange(200), true] += 0.4
    return labels, probs


@pytest.mark.parametrize("batch_size", [1, 7, 200, 10**6])
def test_batches_change_nothing(data, batch_size):
    expected = find_label_issues_batched(*data, verbose=False)
    assert (np.diff(expected) > 0).all()
    got = find_label_issues_batched(*data, batch_size=batch_size, verbose=False, n_jobs=2)
    np.testing.assert_array_equal(got, expected)
    mask = find_label_issues_batched(*data, batch_size=batch_size, return_mask=True)
    np.testing.assert_array_equal(np.flatnonzero(mask), expected)


def test_files(tmp_path, data):
    labels, probs = data
    expected = find_label_issues_batched(labels, probs)
    files = {"labels_file": tmp_path / "y.npy", "pred_probs_file": tmp_path / "p.npy"}
    for file, array in zip(files.values(), data, strict=True):
        np.save(file, array)
    np.testing.assert_array_equal(find_label_issues_batched(**files), expected)
    np.testing.assert_array_equal(
        find_label_issues_batched(labels, pred_probs_file=str(files["pred_probs_file"])), expected
    )
    with pytest.raises(FileNotFoundError):
        find_label_issues_batched(labels, pred_probs_file=str(tmp_path / "none.npy"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of `labels` and `labels_file`, got neither"),
        ({"labels": [0, 1]}, "one of `pred_probs` and `pred_probs_file`, got neither"),
        ({"labels": [0], "labels_file": "y.npy"}, "got both"),
        ({"labels": [0, 1], "pred_probs": [[0.1, 0.9]]}, "2 rows.*1 rows"),
        ({"labels": [0, 5], "pred_probs": [[0.1, 0.9]] * 2}, "goes up to 5"),
        ({"labels": [0, 1], "pred_probs": [0.1, 0.9]}, r"\(2,\)"),
        ({"labels": [0], "pred_probs": [[0.1, 0.9]], "batch_size": 0}, "batch_size"),
        ({"labels": [0], "pred_probs": [[0.1, 0.9]], "n_jobs": 0}, "n_jobs"),
        (
            {"labels": [0], "pred_probs": [[1, 0]], "quality_score_kwargs": {"method": "x"}},
            "`method` is 'x'",
        ),
        (
            {
                "labels": [0],
                "pred_probs": [[1, 0]],
                "num_issue_kwargs": {"estimation_method": "off_diagonal_custom"},
            },
            "off_diagonal_calibrated",
        ),
    ],
)
def test_errors_say_what_to_do(options, message):
    with pytest.raises(InputError, match=message):
        find_label_issues_batched(**options)


def test_inspector_wants_its_calls_in_order(data):
    labels, probs = data
    inspector = LabelInspector(num_class=3, verbose=False)
    for call in (
        inspector.get_confident_thresholds,
        lambda: inspector.score_label_quality(labels, probs),
    ):
        with pytest.raises(InputError, match=r"update_confident_thresholds\(\) first"):
            call()
    for call in (inspector.get_num_issues, inspector.get_label_issues):
        with pytest.raises(InputError, match=r"score_label_quality\(\) first"):
            call()
    assert inspector.get_quality_scores().shape == (0,)
    inspector.update_confident_thresholds(labels, probs)
    scores = inspector.score_label_quality(labels, probs)
    np.testing.assert_array_equal(inspector.get_quality_scores(), scores)
    rows = inspector.get_label_issues()
    assert len(rows) == inspector.get_num_issues()
    assert (np.diff(scores[rows]) >= 0).all()


def test_inspector_without_results(data):
    labels, probs = data
    inspector = LabelInspector(num_class=3, store_results=False, verbose=False)
    inspector.update_confident_thresholds(labels, probs)
    inspector.score_label_quality(labels, probs)
    assert inspector.get_num_issues() > 0
    for call in (inspector.get_quality_scores, inspector.get_label_issues):
        with pytest.raises(InputError, match="store_results"):
            call()


def test_inspector_checks_its_input(data, caplog, capsys):
    labels, probs = data
    inspector = LabelInspector(num_class=4)
    with pytest.raises(InputError, match="3 columns but `num_class` is 4"):
        inspector.update_confident_thresholds(labels, probs)
    with pytest.raises(InputError, match="num_class"):
        LabelInspector(num_class=0)
    with pytest.raises(InputTypeError, match="adjust_pred_probs"):
        LabelInspector(num_class=3, quality_score_kwargs={"adjust": True})
    with caplog.at_level(logging.INFO, logger="datalab"):
        find_label_issues_batched(labels, probs)
    assert "examples scored: 200" in caplog.text
    assert capsys.readouterr().out == ""
