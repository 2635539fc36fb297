"""Missing values."""

import numpy as np
import pandas as pd

from datalab import Datalab
from datalab.managers import Null


def test_hand_computed() -> None:
    features = np.array([[1.0, np.nan], [np.nan, np.nan], [2.0, 3.0], [np.nan, np.nan]])
    found = Null().find_issues(features=features)
    assert found.is_issue.tolist() == [False, True, False, True]
    assert found.score.tolist() == [0.5, 0.0, 1.0, 0.0]
    assert found.info["column_impact"] == [0.5, 0.75]
    assert found.info["most_common_issue"] == {"pattern": "11", "rows_affected": [1, 3], "count": 2}
    assert found.info["average_null_score"] == 0.375


def test_nothing_missing() -> None:
    found = Null().find_issues(features=np.ones((3, 2)))
    assert found.num_issues == 0
    assert found.info["most_common_issue"] == {
        "pattern": "no_null",
        "rows_affected": [],
        "count": 0,
    }


def test_reads_the_table_without_features_and_the_features_when_given() -> None:
    frame = pd.DataFrame({"text": ["a", None, "c"], "number": [1.0, np.nan, 3.0], "y": [0, 1, 0]})
    lab = Datalab(frame, label_name="y", verbosity=0).find_issues(["null"])
    assert lab.get_issues("null")["is_null_issue"].tolist() == [False, True, False]
    assert lab.get_info("null")["column_names"] == ["text", "number"]
    features = np.array([[np.nan], [1.0], [np.nan]])
    lab = Datalab(frame, label_name="y", verbosity=0).find_issues(["null"], features=features)
    assert lab.get_issues("null")["is_null_issue"].tolist() == [True, False, True]


def test_explains() -> None:
    assert Null().explain({"score": 0.0}) == "no value at all"
    assert Null().explain({"score": 0.25}) == "25 % of its values are present"
