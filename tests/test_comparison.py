"""What changed between two audits, by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab
from datalab.exceptions import NotFound
from datalab.plots import Plot


def pred_probs(sure: list[float]) -> np.ndarray:
    return np.column_stack([sure, 1 - np.array(sure)])


def lab(index: list[str], labels: list[str], sure: list[float], **options: Any) -> Datalab:
    frame = pd.DataFrame({"y": labels}, index=index)
    made = Datalab(frame, label_name="y", verbosity=0, ledger=False, **options)
    how = {"label": {"filter_by": "predicted_neq_given"}}
    return made.find_issues(how, pred_probs=pred_probs(sure))


def test_every_kind_of_change() -> None:
    before = lab(list("abcdef"), list("xxxyyy"), [0.9, 0.2, 0.3, 0.8, 0.1, 0.9])
    # a is new, b is gone from the flags, c has moved, d has not changed, f has left, g joined.
    after = lab(list("gdcbae"), list("yyxxxy"), [0.7, 0.8, 0.1, 0.9, 0.3, 0.1])
    changed = before.compare(after)
    told = changed.frame().set_index("row")["change"].to_dict()
    assert told == {
        "a": "appeared", "b": "disappeared", "c": "moved", "f": "left", "g": "joined",
    }  # fmt: skip
    (line,) = changed.summary().to_dict("records")
    assert line == {
        "issue_type": "label", "before": 4, "after": 4,
        "appeared": 1, "disappeared": 1, "moved": 1, "left": 1, "joined": 1,
    }  # fmt: skip
    assert len(changed) == 5
    frame = changed.frame().set_index("row")
    assert frame.loc["a", ["suggested_before", "suggested_after"]].tolist() == ["x", "y"]
    assert frame.loc["f", "score_after"] is None or np.isnan(frame.loc["f", "score_after"])
    assert frame.loc["c", "score_before"] > frame.loc["c", "score_after"]


def test_no_change_is_an_empty_table() -> None:
    one = lab(list("abcd"), list("xxyy"), [0.9, 0.2, 0.3, 0.8])
    two = lab(list("dcba"), list("yyxx"), [0.8, 0.3, 0.2, 0.9])
    assert len(one.compare(two)) == 0


def test_the_last_run_is_compared_with_the_one_before() -> None:
    made = lab(list("abcd"), list("xxyy"), [0.9, 0.2, 0.3, 0.1])
    with pytest.raises(NotFound, match="no audit before"):
        made.compare()
    made.find_issues(
        {"label": {"filter_by": "predicted_neq_given"}},
        pred_probs=pred_probs([0.9, 0.9, 0.3, 0.8]),
    )
    told = made.compare().frame().set_index("row")["change"].to_dict()
    assert told == {"b": "disappeared", "d": "appeared"}


def test_rows_without_an_index_are_told_by_their_place_before_dropping() -> None:
    data = {"x": [None, 1, 2, None, 4]}
    whole = Datalab(data, task=None, verbosity=0, ledger=False).find_issues(["null"])
    part = whole.keep([0, 2, 4])
    part.find_issues(["null"])
    changed = whole.compare(part).frame()
    assert changed[["row", "change"]].to_numpy().tolist() == [[3, "left"]]


def test_a_chain_can_be_compared_with_its_start() -> None:
    start = lab(list("abcd"), list("xxyy"), [0.9, 0.2, 0.3, 0.8])
    chain = start.chain(("label", {"filter_by": "predicted_neq_given"}), "label")
    chain["label"].action = "relabel"
    end = chain.run().lab
    assert set(start.compare(end).frame()["change"]) <= {"disappeared", "moved"}


def test_what_is_shown() -> None:
    before = lab(list("abcd"), list("xxyy"), [0.9, 0.2, 0.3, 0.8])
    after = lab(list("abcd"), list("xxyy"), [0.2, 0.9, 0.3, 0.8])
    changed = before.compare(after)
    assert "label" in repr(changed)
    assert "<table" in changed._repr_html_()
    plot = changed.plot()
    assert isinstance(plot, Plot)
    assert plot.frame().to_dict("list") == {"issue_type": ["label"], "new": [1], "gone": [1]}
    other = Datalab({"x": [1, None]}, task=None, verbosity=0).find_issues(["null"])
    assert "no issue type in common" in repr(before.compare(other))
    assert len(before.compare(other).plot().frame()) == 0


def test_what_cannot_be_compared() -> None:
    one = lab(list("ab"), list("xy"), [0.9, 0.2])
    with pytest.raises(TypeError, match="`other` must be a Datalab"):
        one.compare(one.issues)  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="call find_issues"):
        one.compare(Datalab({"x": [1]}, task=None))


def test_a_finding_about_the_whole_that_disappears() -> None:
    frame = pd.DataFrame({"id": range(40), "x": np.random.default_rng(0).normal(size=40)})
    before = Datalab(frame, task=None, verbosity=0).find_issues(["identifier_column"])
    after = Datalab(frame[["x"]], task=None, verbosity=0).find_issues(["identifier_column"])
    changed = before.compare(after)
    told = changed.summary().iloc[0]
    assert (told["before"], told["after"], told["disappeared"]) == (1, 0, 1)
    assert changed.frame()[["change", "score_before", "score_after"]].values.tolist() == [
        ["disappeared", 0.0, 1.0]
    ]
    assert after.compare(before).frame()["change"].tolist() == ["appeared"]
    assert len(before.compare(before).frame()) == 0
