"""How far a review is, and when it tells that one can stop."""

import numpy as np
import pytest

from datalab.review.progress import LATEST, progress_of, stop_after
from datalab.review.rulings import codes_of

KEEP, RELABEL, LATER, NONE = *codes_of("keep", "relabel", "needs_review"), 0


def hint(codes: list[int]) -> str:
    return str(progress_of(np.array(codes, dtype=np.int8))["hint"])


def test_counts_and_precision() -> None:
    told = progress_of(np.array([RELABEL, KEEP, LATER, RELABEL, NONE], dtype=np.int8))
    assert told["hint"] == "3 of 5 reviewed, precision so far 67 %"
    assert (told["flagged"], told["reviewed"], told["real"]) == (5, 3, 2)
    assert hint([]) == "0 of 0 reviewed"
    assert hint([KEEP]).endswith("; all done")


def test_thirty_that_are_not_real_are_enough() -> None:
    assert "stop" not in hint([RELABEL] * 9 + [KEEP] * 29 + [NONE] * 9)
    told = hint([RELABEL] * 9 + [KEEP] * 30 + [NONE] * 9)
    assert told.endswith("of the last 30 by severity 0 were real: you can stop here")


def test_only_what_was_reviewed_from_the_most_severe_on_counts() -> None:
    """The least severe ones say nothing about the severe ones that nobody has looked at."""
    assert "stop" not in hint([NONE] + [KEEP] * 60 + [NONE] * 9)
    assert "stop" not in hint([RELABEL] * 3 + [NONE] * 20 + [KEEP] * 60)
    assert "stop" in hint([LATER] + [KEEP] * 60 + [NONE] * 9)  # put off, not overlooked


def test_real_ones_take_the_hint_back_however_many_were_not() -> None:
    many = [False] * 500
    assert stop_after(np.array(many))
    assert not stop_after(np.array([*many, True]))
    assert stop_after(np.array([*many, True, *[False] * 8]))
    assert stop_after(np.zeros(3 * LATEST, dtype=bool)) == LATEST


@pytest.mark.parametrize(("share", "low", "high"), [(0.3, 0, 0.02), (0.25, 0, 0.06), (0.02, 1, 1)])
def test_how_often_a_review_of_400_is_told_to_stop(share: float, low: float, high: float) -> None:
    reviews = np.random.default_rng(0).random((40, 400)) < share
    told = [any(stop_after(one[:n]) for n in range(30, 401, 2)) for one in reviews]
    assert low <= np.mean(told) <= high
