"""Scores of label quality side by side with cleanlab 2.9.0."""

import numpy as np
import pytest

from datalab import rank as ours

reference = pytest.importorskip("cleanlab.rank")

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
SCORES = ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]
WEIGHTINGS = ["uniform", "accuracy", "log_loss_search", "custom"]


@pytest.mark.parametrize("n_classes", [2, 10, 200])
@pytest.mark.parametrize("kind", KINDS)
def test_every_score(kind, n_classes, single_label):
    labels, given, plain_labels, plain = single_label(kind, n_classes)
    atol = 1e-5 if kind == "float32" else 1e-12
    for method in SCORES:
        for adjust in (False, True):
            if adjust and method == "confidence_weighted_entropy":
                continue
            expected = reference.get_label_quality_scores(
                plain_labels, plain, method=method, adjust_pred_probs=adjust
            )
            got = ours.get_label_quality_scores(
                labels, given, method=method, adjust_pred_probs=adjust
            )
            assert got.dtype == expected.dtype
            np.testing.assert_allclose(got, expected, rtol=0, atol=atol)
        raw = f"get_{method}_for_each_label"
        np.testing.assert_allclose(
            getattr(ours, raw)(labels, given),
            getattr(reference, raw)(plain_labels, plain),
            rtol=0,
            atol=atol,
        )


@pytest.mark.parametrize("n_classes", [2, 10])
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_ensembles(weighting, n_classes, single_label, reference_call):
    labels, _, _, first = single_label("plain", n_classes, seed=1)
    rng = np.random.default_rng(0)
    members = [
        first,
        *(0.5 * first + 0.5 * rng.dirichlet(np.ones(n_classes), len(labels)) for _ in range(2)),
    ]
    options = {"weight_ensemble_members_by": weighting, "verbose": False}
    if weighting == "custom":
        options["custom_weights"] = np.array([0.5, 0.2, 0.3])
    for method in SCORES:
        np.testing.assert_allclose(
            ours.get_label_quality_ensemble_scores(labels, members, method=method, **options),
            reference.get_label_quality_ensemble_scores(labels, members, method=method, **options),
            rtol=0,
            atol=1e-12,
        )
    loose = [member * rng.uniform(0.5, 1, (len(labels), 1)) for member in members]
    loose[1][loose[1] < 0.1] = 0  # a given class of probability 0 is not infinitely wrong
    np.testing.assert_allclose(
        ours.get_label_quality_ensemble_scores(labels, loose, **options),
        reference_call(reference.get_label_quality_ensemble_scores, labels, loose, **options),
        rtol=0,
        atol=1e-12,
    )
    options["adjust_pred_probs"] = True
    if weighting == "log_loss_search":
        options["log_loss_search_T_values"] = [0.01, 1.0, 7.0]
    np.testing.assert_allclose(
        ours.get_label_quality_ensemble_scores(labels, members, **options),
        reference.get_label_quality_ensemble_scores(labels, members, **options),
        rtol=0,
        atol=1e-12,
    )


def test_order(single_label):
    labels, _, _, probs = single_label("plain", 10)
    mask = np.random.default_rng(0).random(len(labels)) < 0.3
    for rank_by in SCORES:
        np.testing.assert_array_equal(
            ours.order_label_issues(mask, labels, probs, rank_by=rank_by),
            reference.order_label_issues(mask, labels, probs, rank_by=rank_by),
        )
    np.testing.assert_array_equal(
        ours.order_label_issues(mask, labels, probs, rank_by_kwargs={"adjust_pred_probs": True}),
        reference.order_label_issues(
            mask, labels, probs, rank_by_kwargs={"adjust_pred_probs": True}
        ),
    )
    scores = reference.get_label_quality_scores(labels, probs)
    for top in (None, 0, 7, 10**6):
        np.testing.assert_array_equal(
            ours.find_top_issues(scores, top=top), reference.find_top_issues(scores, top=top)
        )
