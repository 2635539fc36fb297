"""Probabilities and labels that belong together."""

import numpy as np
import pandas as pd
import pytest

from datalab._check import labels_and_probs, pixel_arrays, probabilities
from datalab._stack import Stack
from datalab.exceptions import InputError, InputTypeError

PROBS = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])


def test_probabilities():
    assert probabilities(PROBS) is PROBS
    for like in (PROBS.tolist(), pd.DataFrame(PROBS)):
        np.testing.assert_array_equal(probabilities(like), PROBS)
    with pytest.raises(InputError, match=r"`pred_probs` must have.*got shape \(3,\)"):
        probabilities(PROBS[:, 0])
    with pytest.raises(InputError, match="got nan in row 1; drop or fill the rows"):
        probabilities(np.where(PROBS == 0.2, np.nan, PROBS))


def test_labels_and_probs():
    codes, probs = labels_and_probs([0, 1, 1], PROBS)
    np.testing.assert_array_equal(codes, [0, 1, 1])
    assert probs is PROBS
    refused = {
        "`labels` has 2 rows, `pred_probs` has 3 rows": ([0, 1], PROBS),
        "has 2 columns but `labels` goes up to 2": ([0, 1, 2], PROBS),
        "are empty": ([], np.empty((0, 2))),
    }
    for told, given in refused.items():
        with pytest.raises(InputError, match=told):
            labels_and_probs(*given)
    for given in ((None, PROBS), ([0, 1, 1], None), ([0, 1, 1], "probs")):
        with pytest.raises(InputTypeError, match="must be array-like"):
            labels_and_probs(*given)


def test_blocks():
    labels = np.array([0, 1, 1])
    for given in (
        (labels, [PROBS[:1], PROBS[1:]]),
        ([labels[:2], labels[2:]], iter([PROBS[:1], PROBS[1:]])),
        (iter(labels), (PROBS[:1], PROBS[1:].astype(np.float32))),
    ):
        codes, probs = labels_and_probs(*given)
        np.testing.assert_array_equal(codes, labels)
        assert probs.shape == (3, 2)
        np.testing.assert_allclose(probs[:], PROBS)
    assert isinstance(probs, Stack)
    _, whole = labels_and_probs(labels, [PROBS])
    assert whole is PROBS


def test_pixels():
    labels, probs = np.zeros((2, 4, 6), int), np.ones((2, 3, 4, 6))
    given, found = pixel_arrays(labels, probs)
    assert given is labels
    assert found is probs
    for wrong, told in (((labels[0], probs), "must have shape"), ((labels[:1], probs), "not fit")):
        with pytest.raises(InputError, match=told):
            pixel_arrays(*wrong)
