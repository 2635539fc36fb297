"""Findings as tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab, Findings
from datalab.exceptions import NotFound
from datalab.results import class_labels


def lab_with(*found: Findings, n: int = 6, produces: dict[str, Any] | None = None) -> Datalab:
    """A lab over `n` rows whose managers find just this."""
    frame = pd.DataFrame({"letter": list("abcdefghij")[:n], "y": np.arange(n) % 2})
    lab = Datalab(frame, label_name="y", verbosity=0)

    def manager(one: Findings) -> type:
        def find_issues(self: Any, labels: Any) -> Findings:
            return one

        attributes = {"name": one.name, "produces": produces or {}, "find_issues": find_issues}
        return type(f"Finds_{one.name}", (), attributes)

    return lab.find_issues([manager(one) for one in found])


def test_rows_that_were_not_looked_at_are_missing() -> None:
    found = Findings(
        "part",
        is_issue=[True, False],
        score=[0.1, 0.9],
        columns={"count": np.array([3, 4]), "word": np.array(["x", "y"]), "own": [[1], [2, 3]]},
        rows=[4, 1],
    )
    table = lab_with(found).get_issues("part")
    assert table.dtypes.astype(str).tolist()[:3] == ["boolean", "float64", "Int64"]
    assert table["is_part_issue"].isna().tolist() == [True, False, True, True, False, True]
    assert table.loc[4, ["is_part_issue", "part_score", "count", "word", "own"]].tolist() == [
        True,
        0.1,
        3,
        "x",
        [1],
    ]
    assert table.loc[1, "count"] == 4


def test_a_finding_about_the_whole_data_set() -> None:
    whole = Findings("whole", is_issue=[], score=[], rows=[], summary=0.25, flagged=True)
    lab = lab_with(whole, Findings("rows", is_issue=[True] + [False] * 5, score=np.ones(6)))
    assert lab.issues.columns.tolist() == ["is_rows_issue", "rows_score"]
    summary = lab.issue_summary.set_index("issue_type")
    assert summary.loc["whole", "score"] == 0.25
    assert summary.loc["whole", "num_issues"] == 1  # not a row, but one issue
    assert lab.outcomes["whole"].findings is not None
    assert lab.outcomes["whole"].findings.flagged
    assert lab.worst().index.tolist() == [0]
    told = lab.outcomes.frame().set_index("issue_type")
    assert told.loc["whole", "num_issues"] == 1
    assert told.loc["whole", "reason"] == "the data set as a whole has this issue"
    assert lab.plot.issues().frame()["num_issues"].tolist() == [1, 1]
    assert "Whole" in str(lab)
    assert len(lab.worst(issue="whole")) == 0


def test_every_check_stands_in_a_workbook(tmp_path: Path) -> None:
    whole = Findings("whole", is_issue=[], score=[], rows=[], summary=0.25, flagged=True)
    lab = lab_with(whole, Findings("rows", is_issue=[True] + [False] * 5, score=np.ones(6)))
    lab.export(tmp_path / "f.xlsx")
    sheets = pd.read_excel(tmp_path / "f.xlsx", sheet_name=None)
    assert list(sheets) == ["rows", "checks"]
    assert sheets["checks"]["num_issues"].tolist() == [1, 1]
    assert "is_rows_issue" in sheets["rows"]


def test_order_of_priority() -> None:
    # Row 3 is the most extreme of "a", row 0 of "b"; row 0 is flagged twice. Then come the others.
    a = Findings(
        "a", is_issue=[True, False, True, True, False, False], score=[0.2, 1, 0.3, 0.1, 1, 1]
    )
    b = Findings(
        "b", is_issue=[True, False, False, False, True, False], score=[0.5, 1, 1, 1, 0.6, 1]
    )
    worst = lab_with(a, b).worst()
    assert worst.index.tolist() == [0, 3, 4, 2]
    assert worst["issue"].tolist() == ["a, b", "a", "b", "a"]
    assert worst["score"].tolist() == [0.2, 0.1, 0.6, 0.3]
    assert worst["letter"].tolist() == ["a", "d", "e", "c"]
    assert lab_with(a, b).worst(1).index.tolist() == [0]
    assert lab_with(a, b).worst(issue="a").index.tolist() == [3, 0, 2]


def test_reasons_come_from_the_manager() -> None:
    found = Findings("a", is_issue=[True] + [False] * 5, score=[0.25, 1, 1, 1, 1, 1])
    assert lab_with(found).worst()["reason"].tolist() == ["score 0.250"]


def test_class_labels() -> None:
    assert class_labels([1, 0], ["a", "b"]).tolist() == ["b", "a"]
    assert class_labels([1, -1], ["a", "b"]).tolist() == ["b", None]
    assert class_labels([1, 0], [10, 20]).dtype == np.int64
    assert class_labels([1, 0], [(1, 2), "x"]).tolist() == ["x", (1, 2)]


def test_classes_are_shown_by_name() -> None:
    found = Findings(
        "a", is_issue=np.zeros(6, bool), score=np.ones(6), columns={"guess": np.array([1] * 6)}
    )
    assert set(lab_with(found, produces={"guess": "class"}).get_issues("a")["guess"]) == {1}


def test_before_an_audit_its_call_is_named() -> None:
    with pytest.raises(NotFound, match=r"no check 'label' was made.*call find_issues\(\) first"):
        Datalab({"x": [1, 2]}, verbosity=0).outcomes["label"]
    with pytest.raises(NotFound, match="known: part$"):
        lab_with(Findings("part", np.zeros(6, bool), np.ones(6))).outcomes["label"]
