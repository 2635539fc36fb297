"""Consensus by the named methods."""

import numpy as np
import pytest

from datalab._core.consensus import CONSENSUS, QUALITY, verdicts
from datalab._core.multiannotator import answers_from

WIDE = np.array([[2, 2, 0], [1, 1, -1], [0, -1, 2], [2, 2, 2], [-1, 0, 0]])
PROBS = np.array(
    [[0.1, 0.1, 0.8], [0.1, 0.8, 0.1], [0.7, 0.1, 0.2], [0.3, 0.3, 0.4], [0.6, 0.3, 0.1]]
)
ITEM, ANNOTATOR = np.nonzero(WIDE >= 0)
ANSWERS = answers_from(
    ITEM, ANNOTATOR, WIDE[ITEM, ANNOTATOR], n_items=5, n_annotators=3, n_classes=3
)


@pytest.mark.parametrize("probs", [None, PROBS[None], np.stack([PROBS, PROBS[:, ::-1]])])
@pytest.mark.parametrize("quality_method", QUALITY)
def test_every_method_has_its_verdict(probs: np.ndarray | None, quality_method: str) -> None:
    found = verdicts(ANSWERS, probs, list(CONSENSUS), quality_method)
    assert len(found) == len(CONSENSUS)
    for verdict in found:
        assert verdict.consensus.shape == (5,)
        assert ((verdict.quality >= 0) & (verdict.quality <= 1)).all()
        assert ((verdict.agreement >= 0) & (verdict.agreement <= 1)).all()
        assert verdict.opinion.posterior.sum(axis=1) == pytest.approx(1)


def test_best_quality_is_the_most_probable_class() -> None:
    found = verdicts(ANSWERS, PROBS[None], ["best_quality"])[0]
    assert found.consensus.tolist() == [2, 1, 0, 2, 0]
    assert found.quality == pytest.approx(found.opinion.posterior.max(axis=1))
    assert found.agreement == pytest.approx([2 / 3, 1, 1 / 2, 1, 1])


def test_agreement_without_a_model_is_the_share_of_votes() -> None:
    found = verdicts(ANSWERS, None, ["best_quality"], "agreement")[0]
    np.testing.assert_allclose(found.opinion.posterior[0], [1 / 3, 0, 2 / 3])
    assert found.quality == pytest.approx(found.agreement)


def test_scoring_changes_scores_only() -> None:
    plain = verdicts(ANSWERS, PROBS[None], ["best_quality"])[0]
    margin = verdicts(
        ANSWERS, PROBS[None], ["best_quality"], scoring={"method": "normalized_margin"}
    )[0]
    assert margin.consensus.tolist() == plain.consensus.tolist()
    ordered = np.sort(plain.opinion.posterior, axis=1)
    assert margin.quality == pytest.approx((ordered[:, -1] - ordered[:, -2] + 1) / 2)
