"""A lab whose findings are known by hand."""

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab

TEXTS = ["a broken lamp", "two Cats", "the cat sat", "lamp", "nothing here", "LAMP lit"]


@pytest.fixture
def lab() -> Datalab:
    """Six rows in three classes with an index of letters; the model doubts rows b and e."""
    frame = pd.DataFrame(
        {"text": TEXTS, "size": [3, 1, 2, 9, 5, 7], "kind": ["x", "y", "z", "x", "y", None]},
        index=list("abcdef"),
    )
    rows = pd.concat([frame] * 10).reset_index(drop=True)
    rows.index = [f"{letter}{i}" for i in range(10) for letter in "abcdef"]
    codes = np.tile([0, 1, 2], 20)
    probs = np.full((60, 3), 0.05)
    probs[np.arange(60), codes] = 0.9
    probs[1], probs[4] = [0.97, 0.01, 0.02], [0.01, 0.02, 0.97]
    rows["label"] = np.array(["red", "green", "blue"])[codes]
    lab = Datalab(rows, label_name="label", text_key="text", ledger=False, verbosity=0)
    order = [["red", "green", "blue"].index(name) for name in lab.class_names]
    # Rules that stay as they are: these tests are about looking, not about finding.
    checks = ["label", "class_imbalance"]
    return lab.find_issues(checks, pred_probs=probs[:, order], rules="reference")
