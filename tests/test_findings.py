"""What one manager found."""

from typing import Any

import numpy as np
import pytest

from datalab import Findings
from datalab.exceptions import InputError


def test_defaults() -> None:
    found = Findings("x", is_issue=[True, False], score=[0, 1])
    assert found.is_issue.dtype == bool
    assert found.score.dtype == np.float64
    assert found.summary == 0.5
    assert found.num_issues == 1
    assert found.flagged
    assert found.positions().tolist() == [0, 1]


def test_about_the_data_set_as_a_whole() -> None:
    found = Findings("x", is_issue=[], score=[], rows=[], summary=0.2, flagged=True)
    assert found.num_issues == 0
    assert found.flagged
    assert found.summary == 0.2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"score": [0.5]}, "`score` has 1 values but `is_issue` has 2"),
        ({"score": [0.5, 1.5]}, r"`score` must lie in \[0, 1\].*1.5"),
        ({"score": [0.5, np.nan]}, r"`score` must lie in \[0, 1\]"),
        ({"is_issue": [1, 0]}, "`is_issue` must be bool, got int"),
        ({"is_issue": [[True, False]]}, "one-dimensional"),
        ({"rows": [0]}, "`rows` has 1 positions"),
        ({"rows": [0, 0]}, "distinct positions"),
        ({"rows": [-1, 0]}, "distinct positions"),
        ({"columns": {"c": [1]}}, "column 'c' has 1 values"),
        ({"summary": 2.0}, r"`summary` must lie in \[0, 1\], got 2.0"),
    ],
)
def test_wrong_findings_are_refused(wrong: dict[str, Any], told: str) -> None:
    right: dict[str, Any] = {"is_issue": [True, False], "score": [0.5, 1.0]}
    with pytest.raises(InputError, match=told):
        Findings("x", **{**right, **wrong})
