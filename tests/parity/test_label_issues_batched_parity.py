"""Label issues in batches side by side with cleanlab 2.9.0."""

import numpy as np
import pytest

from datalab.experimental import label_issues_batched as ours

reference = pytest.importorskip("cleanlab.experimental.label_issues_batched")

OPTIONS = [
    {},
    {"return_mask": True},
    {"quality_score_kwargs": {"method": "normalized_margin", "adjust_pred_probs": True}},
    {"quality_score_kwargs": {"method": "confidence_weighted_entropy"}},
    {"num_issue_kwargs": {"estimation_method": "off_diagonal_calibrated"}},
]


@pytest.mark.parametrize("n_classes", [2, 10, 60])
@pytest.mark.parametrize("kind", ["plain", "missing class", "tiny class", "weak", "float32"])
def test_flags(kind, n_classes, single_label, reference_call):
    labels, _, _, probs = single_label(kind, n_classes)
    for options in OPTIONS:
        expected = reference_call(
            reference.find_label_issues_batched,
            labels,
            probs,
            batch_size=64,
            verbose=False,
            **options,
        )
        got = ours.find_label_issues_batched(labels, probs, batch_size=50, **options)
        np.testing.assert_array_equal(got, expected)


def test_files(tmp_path, single_label):
    labels, _, _, probs = single_label("plain", 5)
    files = {"labels_file": str(tmp_path / "y.npy"), "pred_probs_file": str(tmp_path / "p.npy")}
    np.save(files["labels_file"], labels)
    np.save(files["pred_probs_file"], probs)
    np.testing.assert_array_equal(
        ours.find_label_issues_batched(**files, batch_size=40),
        reference.find_label_issues_batched(**files, batch_size=40, verbose=False),
    )


def test_inspector(single_label):
    labels, _, _, probs = single_label("weak", 5)
    method = {"estimation_method": "off_diagonal_calibrated"}
    for options in ({}, {"num_issue_kwargs": method}):
        inspectors = [
            module.LabelInspector(num_class=5, verbose=False, **options)
            for module in (ours, reference)
        ]
        for inspector in inspectors:
            for rows in (slice(0, 70), slice(70, None)):
                inspector.update_confident_thresholds(labels[rows], probs[rows])
        scores = [
            inspector.score_label_quality(labels[:90], probs[:90]) for inspector in inspectors
        ]
        np.testing.assert_allclose(*scores, rtol=0, atol=1e-12)
        for inspector in inspectors:
            inspector.score_label_quality(labels[90:], probs[90:], update_num_issues=False)
        mine, theirs = inspectors
        np.testing.assert_allclose(
            mine.get_confident_thresholds(), theirs.get_confident_thresholds(), rtol=0, atol=1e-12
        )
        assert mine.get_num_issues() == theirs.get_num_issues()
        np.testing.assert_allclose(mine.get_quality_scores(), theirs.get_quality_scores())
        np.testing.assert_array_equal(mine.get_label_issues(), theirs.get_label_issues())
