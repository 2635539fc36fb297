"""A class with too few examples."""

import numpy as np
import pytest

from datalab import Datalab
from datalab._check import class_codes
from datalab.exceptions import InputError, NotApplicable
from datalab.managers import ClassImbalance


def labels_of(*counts: int) -> np.ndarray:
    return class_codes(np.repeat(np.arange(len(counts)), counts))


def test_hand_computed() -> None:
    # 3 classes: an even share is 1/3, and 0.1 of it 0.0333; 3 of 100 are fewer.
    found = ClassImbalance().find_issues(labels_of(50, 47, 3))
    assert found.num_issues == 3
    assert found.score[-3:].tolist() == [0.03] * 3
    assert set(found.score[:-3]) == {1.0}
    assert found.summary == 0.03
    assert found.info["Rarest Class"] == 2
    found = ClassImbalance().find_issues(labels_of(50, 46, 4))
    assert found.num_issues == 0
    assert set(found.score[-4:]) == {0.04}
    assert found.info["Rarest Class"] == "NA"


def test_threshold() -> None:
    assert ClassImbalance(threshold=0.5).find_issues(labels_of(80, 20)).num_issues == 20
    with pytest.raises(InputError, match=r"`threshold` must be a number in \[0, 1\], got 2"):
        ClassImbalance(threshold=2)


def test_one_class_is_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="at least two classes, found 1"):
        ClassImbalance().find_issues(labels_of(10))


def test_through_the_lab_with_names_and_missing_labels() -> None:
    labels = ["cat"] * 60 + ["dog"] * 2 + [None] * 3
    lab = Datalab({"y": labels}, label_name="y", verbosity=0).find_issues(["class_imbalance"])
    issues = lab.get_issues("class_imbalance")
    assert issues["is_class_imbalance_issue"].sum() == 2
    assert issues["is_class_imbalance_issue"].isna().sum() == 3
    assert issues["given_label"].iloc[60] == "dog"
    assert lab.get_info("class_imbalance")["Rarest Class"] == "dog"
    assert "only 3.2% of the examples are 'dog'" in lab.worst(1)["reason"].iloc[0]
