"""Which images are flagged."""

import numpy as np
import pytest

from datalab.object_detection.filter import find_label_issues
from datalab.object_detection.rank import get_label_quality_scores

CAT, DOG = [0, 0, 10, 10], [40, 0, 60, 9]
RIGHT = [[[*CAT, 0.99]], [[*DOG, 0.98]]]
GOOD = {"bboxes": [CAT, DOG], "labels": [0, 1]}


def data():
    labels = [
        GOOD,
        {"bboxes": [CAT, DOG], "labels": [1, 1]},  # wrong class
        GOOD,
        {"bboxes": [DOG], "labels": [1]},  # the cat was overlooked
        {"bboxes": [[8, 0, 18, 10], DOG], "labels": [0, 1]},  # badly placed
        *[GOOD] * 25,
    ]
    return labels, [RIGHT] * len(labels)


def test_the_three_kinds_of_error_are_found():
    assert np.flatnonzero(find_label_issues(*data())).tolist() == [1, 3, 4]


def test_ranked_ids_are_the_flagged_images_worst_first():
    labels, predictions = data()
    ids = find_label_issues(labels, predictions, return_indices_ranked_by_score=True)
    assert set(ids.tolist()) == {1, 3, 4}
    scores = get_label_quality_scores(labels, predictions)
    assert (np.diff(scores[ids]) >= 0).all()


def test_a_model_that_knows_nothing_accuses_nobody():
    labels, predictions = data()
    lost = [[[[200, 200, 210, 210, 0.99]], []] for _ in predictions]
    assert not find_label_issues(labels, lost).any()


@pytest.mark.parametrize("ranked", [False, True])
def test_no_images(ranked):
    assert find_label_issues([], [], return_indices_ranked_by_score=ranked).shape == (0,)


def test_wrong_inputs_are_refused():
    with pytest.raises(ValueError, match="one entry per image, in the same order"):
        find_label_issues([GOOD], [RIGHT] * 2)
