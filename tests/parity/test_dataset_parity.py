"""Health of a data set side by side with cleanlab 2.9.0."""

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from datalab import dataset as ours

reference = pytest.importorskip("cleanlab.dataset")
count = pytest.importorskip("cleanlab.count")


def same_table(got, expected, keys):
    """The same but for the order of rows that the reference's own sort leaves open."""
    got, expected = (table.sort_values(keys, ignore_index=True) for table in (got, expected))
    assert_frame_equal(got, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 10, 60])
@pytest.mark.parametrize(
    "kind", ["plain", "missing class", "tiny class", "ties", "weak", "float32", "list"]
)
def test_from_labels_and_probabilities(kind, n_classes, single_label, reference_call):
    labels, given, plain_labels, plain = single_label(kind, n_classes)
    names = [f"class {k}" for k in range(n_classes)]
    for options in ({}, {"class_names": names}, {"num_examples": 997}):
        got = ours.rank_classes_by_label_quality(labels, given, **options)
        expected = reference.rank_classes_by_label_quality(plain_labels, plain, **options)
        same_table(got, expected, ["Class Index"])
        np.testing.assert_allclose(
            got["Label Quality Score"], expected["Label Quality Score"], rtol=0, atol=1e-12
        )
        for asymmetric in (False, True):
            got = ours.find_overlapping_classes(labels, given, asymmetric=asymmetric, **options)
            expected = reference.find_overlapping_classes(
                plain_labels, plain, asymmetric=asymmetric, **options
            )
            same_table(got, expected, ["Class Index A", "Class Index B"])
            np.testing.assert_allclose(
                got["Joint Probability"], expected["Joint Probability"], rtol=0, atol=1e-12
            )
    assert ours.overall_label_health_score(labels, given) == pytest.approx(
        reference.overall_label_health_score(plain_labels, plain, verbose=False), abs=1e-12
    )
    got = ours.health_summary(labels, given, class_names=names)
    expected = reference.health_summary(plain_labels, plain, class_names=names, verbose=False)
    assert got.keys() == expected.keys()
    assert got["overall_label_health_score"] == pytest.approx(
        expected["overall_label_health_score"], abs=1e-12
    )
    np.testing.assert_allclose(got["joint"], expected["joint"], rtol=0, atol=1e-12)
    same_table(
        got["classes_by_label_quality"], expected["classes_by_label_quality"], ["Class Index"]
    )
    same_table(
        got["overlapping_classes"],
        expected["overlapping_classes"],
        ["Class Index A", "Class Index B"],
    )


def test_from_a_joint(single_label, reference_call):
    labels, _, _, probs = single_label("plain", 5)
    joint = count.estimate_joint(labels, probs)
    counts = count.compute_confident_joint(labels, probs, calibrate=False)
    for options in (
        {"joint": joint, "num_examples": 1234},
        {"joint": joint, "labels": labels},
        {"confident_joint": counts, "num_examples": 1234},
        {"confident_joint": counts, "labels": labels},
        {"confident_joint": counts, "labels": labels, "pred_probs": probs},
        {"joint": joint, "labels": labels, "pred_probs": probs},
    ):
        same_table(
            ours.rank_classes_by_label_quality(**options),
            reference.rank_classes_by_label_quality(**options),
            ["Class Index"],
        )
        same_table(
            ours.find_overlapping_classes(**options),
            reference.find_overlapping_classes(**options),
            ["Class Index A", "Class Index B"],
        )
        assert reference_call(ours.overall_label_health_score, **options) == pytest.approx(
            reference_call(reference.overall_label_health_score, verbose=False, **options),
            abs=1e-12,
        )
    same_table(
        ours.find_overlapping_classes(confident_joint=counts),
        reference.find_overlapping_classes(confident_joint=counts),
        ["Class Index A", "Class Index B"],
    )
