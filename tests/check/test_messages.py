"""What is told."""

import numpy as np
import pytest

from datalab._check import did_you_mean, in_words, listing, warn
from datalab.exceptions import InputWarning


def test_values_in_words():
    assert in_words(np.float64(0.5)) == "0.5"
    assert in_words(np.str_("cat")) == "'cat'"
    assert len(in_words("x" * 200)) == 60
    assert listing(np.arange(7)) == "[0, 1, 2, 3, 4, …]"
    assert listing(iter("ab")) == "['a', 'b']"


def test_names_that_were_meant():
    assert did_you_mean("lable", ["label", "outlier"]).startswith("did you mean 'label'?")
    assert did_you_mean("zzz", ["label", "outlier"]) == "known: label, outlier"
    assert did_you_mean("zzz", []) == "there are none"


def test_warnings_point_at_the_caller():
    from datalab.rank import get_label_quality_ensemble_scores

    with pytest.warns(InputWarning, match="only one model") as told:
        get_label_quality_ensemble_scores([0, 1], [[[0.9, 0.1], [0.2, 0.8]]])
    assert told[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="old"):
        warn("old", DeprecationWarning)
