"""The door of multi-label scores."""

import numpy as np
import pytest

import datalab.multilabel_classification as package
from datalab.exceptions import InputError, InputTypeError
from datalab.multilabel_classification import rank as door

LABELS = [[0], [0, 1], []]
PROBS = [[0.9, 0.2], [0.8, 0.1], [0.3, 0.4]]


def test_by_hand():
    scores = door.get_label_quality_scores_per_class(LABELS, PROBS)
    np.testing.assert_allclose(scores, [[0.9, 0.8], [0.8, 0.1], [0.7, 0.6]])
    pooled = 0.8 * scores.min(axis=1) + 0.2 * scores.max(axis=1)
    np.testing.assert_allclose(door.get_label_quality_scores(LABELS, PROBS), pooled)
    np.testing.assert_allclose(
        door.get_label_quality_scores(LABELS, PROBS, aggregator_kwargs={}), pooled
    )
    np.testing.assert_allclose(
        door.get_label_quality_scores(LABELS, PROBS, aggregator_kwargs={"method": np.min}),
        scores.min(axis=1),
    )
    assert package.get_label_quality_scores is door.get_label_quality_scores


def test_errors_say_what_to_do():
    with pytest.raises(InputError, match="`method` is 'x'"):
        door.get_label_quality_scores(LABELS, PROBS, method="x")
    with pytest.raises(InputError, match="aggregator_kwargs.*'x'.*softmin"):
        door.get_label_quality_scores(LABELS, PROBS, aggregator_kwargs={"method": "x"})
    options = {"method": "exponential_moving_average", "alpha": 1.5}
    with pytest.raises(InputError, match=r"alpha.*1\.5"):
        door.get_label_quality_scores(LABELS, PROBS, aggregator_kwargs=options)
    with pytest.raises(InputTypeError, match="name its method"):
        door.get_label_quality_scores(LABELS, PROBS, aggregator_kwargs={"alpha": 0.5})
    with pytest.raises(InputError, match="adjust_pred_probs"):
        door.get_label_quality_scores_per_class(
            LABELS, PROBS, method="confidence_weighted_entropy", adjust_pred_probs=True
        )
