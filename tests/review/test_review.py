"""Decisions, what follows from them, and the corrected data in every container."""

import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from datalab import Datalab
from datalab.exceptions import DatalabWarning, InputError, InputTypeError, NotFound
from datalab.managers.base import _register, register
from datalab.review.rulings import Rulings

N = 60


def columns() -> dict[str, list[Any]]:
    rng = np.random.default_rng(0)
    truth = np.repeat(["cat", "dog"], N // 2)
    size = rng.normal(size=N) + 6 * (truth == "dog")
    given = truth.copy()
    given[[4, 40]] = ["dog", "cat"]
    return {"size": size.tolist(), "y": given.tolist(), "text": [f"row {i}" for i in range(N)]}


def frame() -> pd.DataFrame:
    return pd.DataFrame(columns(), index=[f"r{i}" for i in range(N)])


def audited(data: Any, **options: Any) -> Datalab:
    lab = Datalab(data, label_name="y", verbosity=0, **{"ledger": False, **options})
    truth = np.repeat([0, 1], N // 2)
    pred_probs = np.where(np.eye(2)[truth] == 1, 0.95, 0.05)
    return lab.find_issues(["label"], pred_probs=pred_probs)


CONTAINERS: dict[str, Any] = {
    "pandas": lambda: frame(),
    "categorical": lambda: frame().astype({"y": "category"}),
    "polars": lambda: pl.DataFrame(columns()),
    "arrow": lambda: pa.table(columns()),
    "dict": columns,
    "records": lambda: pd.DataFrame(columns()).to_dict("records"),
    "dataset": lambda: datasets.Dataset.from_dict(columns()).cast_column(
        "y", datasets.ClassLabel(names=["cat", "dog"])
    ),
}


def labels_of(data: Any) -> list[Any]:
    if isinstance(data, list):
        return [row["y"] for row in data]
    if isinstance(data, datasets.Dataset):
        return [data.features["y"].int2str(code) for code in data["y"]]
    return list(data["y"].to_pylist() if isinstance(data, pa.Table) else data["y"])


@pytest.mark.parametrize("kind", CONTAINERS)
def test_corrected_data_in_the_users_own_type(kind: str) -> None:
    data = CONTAINERS[kind]()
    lab = audited(data)
    rows = ["r4", "r40"] if kind in ("pandas", "categorical") else [4, 40]
    gone = ["r9"] if kind in ("pandas", "categorical") else [9]
    lab.review.relabel(rows).exclude(gone)
    corrected = lab.corrected()
    assert type(corrected) is type(data)
    expected = [one for i, one in enumerate(np.repeat(["cat", "dog"], N // 2)) if i != 9]
    assert labels_of(corrected) == expected
    assert labels_of(data) == columns()["y"]
    if isinstance(data, pd.DataFrame):
        assert corrected.dtypes.equals(data.dtypes)
        assert "r9" not in corrected.index
    if isinstance(data, datasets.Dataset):
        assert corrected.features == data.features
    if isinstance(data, pl.DataFrame):
        assert corrected.schema == data.schema


def test_every_verdict_and_what_it_leaves(recwarn: pytest.WarningsRecorder) -> None:
    lab = audited(frame())
    review = lab.review
    assert len(review) == 0
    assert review.suggested([4, 40, 0]) == ["dog" if i >= 30 else "cat" for i in (4, 40, 0)]
    review.relabel("r4").keep(["r40"], issue="label").exclude(lab.data["size"] > 8.0)
    review.needs_review(["r1"], note="ask").note(["r2"], "seen")
    told = review.frame()
    assert told["verdict"].tolist()[:2] == ["relabel", "keep"]
    assert told[["old", "new"]].iloc[0].tolist() == ["dog", "cat"]
    assert str(told["at"].dtype).endswith("UTC]")
    verdicts = review.verdicts()
    assert verdicts[[4, 40, 1, 2]].tolist() == ["relabel", "keep", "needs_review", None]
    assert len(lab.corrected()) == N - int((lab.data["size"] > 8.0).sum())
    assert not recwarn.list


def test_undo_and_redo_a_bulk() -> None:
    lab = audited(frame())
    review = lab.review
    review.relabel(np.ones(N, dtype=bool))
    assert review.can_undo
    assert not review.can_redo
    assert labels_of(lab.corrected()) == ["cat"] * 30 + ["dog"] * 30
    review.undo()
    assert labels_of(lab.corrected()) == columns()["y"]
    review.redo()
    assert labels_of(lab.corrected()) == ["cat"] * 30 + ["dog"] * 30
    assert len(review.undo().frame()) == 0
    assert len(review.frame(history=True)) == N
    assert not review.frame(history=True)["counts"].any()


def test_keeping_takes_back_what_was_decided_for_the_same_issue() -> None:
    lab = audited(frame())
    lab.review.relabel(["r4"], issue="label").exclude(["r5"], issue="outlier")
    lab.review.keep(["r4", "r5"], issue="near_duplicate")
    assert lab.corrected().loc["r4", "y"] == "cat"
    assert "r5" not in lab.corrected().index
    lab.review.keep(["r4"], issue="label").keep(["r5"])
    assert lab.corrected().loc["r4", "y"] == "dog"
    assert "r5" in lab.corrected().index


def test_an_audit_sees_corrections_and_does_not_flag_what_is_confirmed() -> None:
    lab = audited(frame())
    assert np.flatnonzero(lab.issues["is_label_issue"]).tolist() == [4, 40]
    lab.review.relabel(["r4"]).keep(["r40"])
    lab.find_issues(["label"])
    assert not lab.issues["is_label_issue"].any()
    assert lab.get_issues("label")["given_label"].iloc[4] == "cat"
    assert "confirmed by review: 1" in repr(lab.outcomes)
    assert lab.review.progress("label")["flagged"] == 1
    lab.find_issues(["label"], flag_confirmed=True)
    assert np.flatnonzero(lab.issues["is_label_issue"]).tolist() == [40]
    lab.review.exclude(["r40"])
    lab.find_issues(["label"])
    assert lab.issues["is_label_issue"].isna().tolist() == [i == 40 for i in range(N)]
    assert "excluded by review: 1" in repr(lab.outcomes)


def test_excluded_rows_are_left_out_of_arrays_given_to_one_check() -> None:
    lab = Datalab(frame(), label_name="y", verbosity=0, ledger=False)
    believed = np.repeat([0, 1], N // 2)  # which is not what all the labels say
    pred_probs = np.where(np.eye(2)[believed] == 1, 0.8, 0.2)
    lab.review.exclude(["r0"])
    lab.find_issues({"outlier": {"pred_probs": pred_probs}})
    assert lab.issues["is_outlier_issue"].isna().tolist() == [i == 0 for i in range(N)]


def test_progress_and_when_to_stop() -> None:
    lab = audited(frame())
    progress = lab.review.progress("label")
    assert progress["hint"] == "0 of 2 reviewed"
    assert progress["precision"] is None
    lab.review.relabel(["r4"])
    assert lab.review.progress("label") == {
        "flagged": 2,
        "reviewed": 1,
        "real": 1,
        "precision": 1.0,
        "hint": "1 of 2 reviewed, precision so far 100 %",
    }
    lab.review.keep(["r40"])
    assert lab.review.progress()["hint"] == "2 of 2 reviewed, precision so far 50 %; all done"


def test_a_review_can_stop_when_hardly_anything_is_real() -> None:
    class All:
        name, default = "all_rows", False

        def find_issues(self, table: Any) -> Any:
            from datalab import Findings

            score = np.linspace(0, 1, len(table))
            return Findings("all_rows", is_issue=score <= 1, score=score)

    before = list(_register)
    register(All)
    try:
        lab = Datalab(frame(), label_name="y", verbosity=0, ledger=False).find_issues(["all_rows"])
        lab.review.exclude([f"r{i}" for i in range(3)]).keep([f"r{i}" for i in range(3, 35)])
        assert "you can stop here" in lab.review.progress("all_rows")["hint"]
    finally:
        _register[:] = before


def test_reviewers_keep_their_own_verdicts() -> None:
    lab = audited(frame())
    review = lab.review
    review.reviewer = "ann"
    review.relabel(["r4"], "cat").exclude(["r5"])
    review.reviewer = "ben"
    review.relabel(["r4"], "dog").exclude(["r5"])
    review.reviewer = "cem"
    review.relabel(["r4"], "cat")
    review.reviewer = "ben"
    review.relabel(["r4"], "dog")
    assert lab.corrected().loc["r4", "y"] == "dog"  # the last
    assert lab.corrected(conflicts="majority").loc["r4", "y"] == "cat"
    assert lab.corrected(reviewer="ann").loc["r4", "y"] == "cat"
    with pytest.raises(InputError, match="disagree about row 'r4'"):
        lab.corrected(conflicts="error")
    assert "r5" not in lab.corrected(conflicts="majority").index
    review.undo().undo()
    assert lab.corrected(reviewer="ben").loc["r4", "y"] == "dog"


def test_what_is_wrong_is_told() -> None:
    lab = audited(frame())
    with pytest.raises(NotFound, match="no row of the data is called \\['z'\\]"):
        lab.review.keep(["z"])
    with pytest.raises(InputError, match="did you mean 'dog'"):
        lab.review.relabel(["r1"], "dogg")
    with pytest.raises(InputError, match="2 values for 1 rows"):
        lab.review.relabel(["r1"], ["cat", "dog"])
    with pytest.raises(InputError, match="did you mean 'label'"):
        lab.review.keep(["r1"], issue="lable")
    for wrong in ({"issue": 3}, {"note": 3}):
        with pytest.raises(InputTypeError, match="must be a text or None"):
            lab.review.keep(["r1"], **wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`text`"):
        lab.review.note(["r1"], 3)  # type: ignore[arg-type]
    plain = Datalab(frame(), task=None, verbosity=0, ledger=False)
    with pytest.raises(InputError, match="no labels; give label_name"):
        plain.review.relabel(["r1"], "cat")
    unaudited = Datalab(frame(), label_name="y", verbosity=0, ledger=False)
    with pytest.raises(InputError, match="nothing is suggested for 1 of 1 rows"):
        unaudited.review.relabel(["r1"])
    with pytest.raises(TypeError, match="ledger"):
        _ = Datalab(frame(), label_name="y", ledger=3).review
    assert len(lab.review.frame()) == 0


def test_labels_of_every_kind() -> None:
    data = {"x": [1, 2, 3, 4], "y": [1.5, 2.5, 3.5, 4.5]}
    lab = Datalab(data, "regression", "y", verbosity=0, ledger=False)
    lab.review.relabel([1], 9).relabel([2, 3], [7.0, 8.0])
    assert lab.corrected()["y"] == [1.5, 9.0, 7.0, 8.0]
    for wrong in ("many", np.nan, np.inf, None, [1.0, None]):
        with pytest.raises(InputError, match="must be a number|nothing is suggested"):
            lab.review.relabel([1, 2], wrong)
    sets = {"x": [1, 2, 3], "y": [["a"], ["b", "c"], []]}
    lab = Datalab(sets, "multilabel", "y", verbosity=0, ledger=False)
    lab.review.relabel([0], ["c", "a"]).relabel([1, 2], [["a"], ["b"]])
    assert lab.corrected()["y"] == [["c", "a"], ["a"], ["b"]]
    lab.review.relabel([0], {"b"}).relabel([1, 2], [{"a"}, []])
    assert lab.corrected()["y"] == [["b"], ["a"], []]
    for wrong in ("b", {"r1": "b"}):
        with pytest.raises(InputTypeError, match="list of classes|no order"):
            lab.review.relabel([0], wrong)
    numbers = {"x": [1, 2, 3], "y": [10, 20, 10]}
    lab = Datalab(numbers, label_name="y", verbosity=0, ledger=False)
    lab.review.relabel([0], 20).relabel([1], "10")
    assert lab.corrected()["y"] == [20, 10, 10]


@pytest.mark.parametrize("value", [9.5, 9.0])
@pytest.mark.parametrize("kind", ["int64", "Int64", "int64[pyarrow]", "float32", "float64"])
def test_numbers_in_a_frame_keep_their_type_where_it_holds_them(kind: str, value: float) -> None:
    data = pd.DataFrame({"y": pd.array([1, 2, 3], dtype=kind)})
    lab = Datalab(data, "regression", "y", verbosity=0, ledger=False)
    lab.review.relabel([1], value)
    wider = {"int64": "float64", "Int64": "Float64", "int64[pyarrow]": "double[pyarrow]"}
    column = lab.corrected()["y"]
    assert column.tolist() == [1, value, 3]
    assert column.dtype == (kind if value == 9 else wider.get(kind, kind))


@pytest.mark.parametrize("value", [9.5, 9.0])
@pytest.mark.parametrize(
    "data",
    [
        {"y": [1, 2, 3]},
        {"y": np.array([1, 2, 3])},
        [{"y": 1}, {"y": 2}, {"y": 3}],
        pl.DataFrame({"y": [1, 2, 3]}),
        pa.table({"y": [1, 2, 3]}),
        datasets.Dataset.from_dict({"y": [1, 2, 3]}),  # without other columns
    ],
    ids=lambda data: type(data).__name__,
)
def test_a_fraction_among_whole_numbers_is_not_cut(data: Any, value: float) -> None:
    lab = Datalab(data, "regression", "y", verbosity=0, ledger=False)
    lab.review.relabel([1], value)
    corrected = lab.corrected()
    found = [row["y"] for row in corrected] if isinstance(data, list) else list(corrected["y"])
    found = [one.as_py() if isinstance(one, pa.Scalar) else one for one in found]
    assert found == [1, value, 3]
    assert {type(one) for one in found} != {float} or value == 9.5


def test_a_missing_label_can_be_given() -> None:
    data = frame()
    data.loc["r0", "y"] = None
    lab = Datalab(data, label_name="y", verbosity=0, ledger=False)
    lab.review.relabel(["r0"], "cat")
    assert lab.corrected().loc["r0", "y"] == "cat"
    lab.find_issues(["class_imbalance"])
    assert not lab.issues["is_class_imbalance_issue"].isna().any()


# --- the ledger ----------------------------------------------------------------------------------


def test_a_ledger_is_taken_up_again(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    lab = audited(frame(), ledger=path)
    lab.review.relabel(["r4"]).exclude(["r9"])
    again = audited(frame(), ledger=str(path))
    assert again.review.verdicts()[[4, 9]].tolist() == ["relabel", "exclude"]
    assert np.flatnonzero(again.issues["is_label_issue"].fillna(value=False)).tolist() == [40]
    again.review.undo()
    assert lab.review.refresh().verdicts()[9] is None


def test_the_default_ledger_lies_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lab = audited(frame(), ledger=None)
    assert list(tmp_path.iterdir()) == []
    lab.review.keep(["r4"])
    (path,) = tmp_path.iterdir()
    assert path.name.endswith(".datalab-review.jsonl")
    assert str(path) in repr(lab.review)
    other = frame().assign(size=1.0)
    audited(other, ledger=None).review.keep(["r4"])
    assert len(list(tmp_path.iterdir())) == 2
    frame().to_csv("animals.csv")
    assert audited("animals.csv", ledger=None).review.path == tmp_path / (
        "animals.datalab-review.jsonl"
    )


def test_rows_that_have_changed_since_are_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    audited(frame(), ledger=path).review.relabel(["r4", "r40"], "cat")
    changed = frame()
    changed.loc["r4", "size"] += 1
    lab = Datalab(changed, label_name="y", verbosity=0, ledger=path)
    with pytest.warns(DatalabWarning, match="1 decisions of the review"):
        assert lab.review.verdicts()[[4, 40]].tolist() == [None, "relabel"]
    assert lab.review.conflicts == 1


def test_a_killed_kernel_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    script = f"""
        import os, signal
        from datalab import Datalab
        data = {{"x": list(range(100)), "y": ["a", "b"] * 50}}
        lab = Datalab(data, label_name="y", ledger={str(path)!r}, verbosity=0)
        lab.review.relabel([3], "a").exclude([4])
        os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    data = {"x": list(range(100)), "y": ["a", "b"] * 50}
    lab = Datalab(data, label_name="y", ledger=path, verbosity=0)
    assert lab.review.verdicts()[[3, 4]].tolist() == ["relabel", "exclude"]


def test_a_narrowed_lab_shares_the_review() -> None:
    for data, rows in ((frame(), ["r4", "r40"]), (columns(), [4, 40])):
        lab = audited(data)
        part = lab.keep(np.arange(N) % 4 == 0)
        names = part.review._names_of(np.arange(3))
        assert names == (["r0", "r4", "r8"] if isinstance(data, pd.DataFrame) else [0, 4, 8])
        part.review.relabel(np.arange(len(part)) == 1)
        lab.review.relabel([rows[1]])
        assert lab.review.verdicts()[[4, 40]].tolist() == ["relabel", "relabel"]
        assert labels_of(part.corrected())[1] == "cat"
        assert len(part.review) == 2


# --- replaying -----------------------------------------------------------------------------------


def test_decisions_are_replayed_and_conflicts_reported() -> None:
    lab = audited(frame())
    lab.review.relabel(["r4", "r40", "r41"], ["cat", "dog", "cat"]).exclude(["r9", "r10", "r11"])
    other = frame()
    other = other.iloc[::-1].rename(index={"r40": "moved"}).drop(index=["r10"])
    other.loc["r9", "text"] = "changed"
    other.loc["r41", "y"] = "cat"  # corrected already
    other.loc["r4", "size"] = other.loc["r4", "size"]
    before = other.copy()
    data, conflicts = lab.review.apply(other)
    pd.testing.assert_frame_equal(other, before)
    assert data.loc["r4", "y"] == "cat"
    assert data.loc["moved", "y"] == "dog"
    assert data.loc["r41", "y"] == "cat"
    assert "r11" not in data.index
    assert "r9" in data.index
    assert conflicts[["row", "reason"]].to_numpy().tolist() == [
        ["r9", "its content has changed"],
        ["r10", "there is no such row"],
    ]


def test_a_label_that_somebody_else_has_changed_is_a_conflict() -> None:
    data = {"x": [1, 2, 3], "y": ["a", "b", "c"]}
    lab = Datalab(data, label_name="y", verbosity=0, ledger=False)
    lab.review.relabel([0], "b")
    replayed = lab.review.apply({"x": [1, 2, 3], "y": ["c", "b", "c"]})
    assert replayed.conflicts["reason"].tolist() == ["its label is 'c', not 'a'"]
    assert replayed.data["y"] == ["c", "b", "c"]
    with pytest.raises(NotFound, match="no label column 'y'"):
        lab.review.apply({"x": [1]})


def test_previews_change_nothing() -> None:
    lab = audited(frame())
    told = lab.review.preview(["r4", "r0"], "relabel")
    assert told["label"].tolist() == ["dog", "cat"]
    assert told["new_label"].tolist() == ["cat", "cat"]
    assert list(told.index) == ["r4", "r0"]
    assert len(lab.review.frame()) == 0


def test_observers_are_told() -> None:
    lab = audited(frame())
    calls: list[int] = []

    def observer() -> None:
        calls.append(len(lab.review))

    lab.review.observe(observer)
    lab.review.keep(["r1"]).undo()
    lab.review.unobserve(observer)
    lab.review.redo()
    assert calls == [1, 0]


@pytest.mark.parametrize(
    "values",
    [
        pd.array([1, None, 3], dtype="Int64"),
        pd.Categorical(["a", None, "b"]),
        pd.array([True, None, False], dtype="boolean"),
        [1, "a", 2.5],
        [np.nan, 1.0, 2.5],
    ],
)
def test_what_a_row_holds_does_not_depend_on_the_rows_it_is_read_with(
    values: Any, tmp_path: Path
) -> None:
    data = pd.DataFrame({"x": values, "y": ["a", "b", "a"]})
    file = tmp_path / "ledger.jsonl"
    for row in range(3):  # read one by one here, together there
        Datalab(data, label_name="y", verbosity=0, ledger=file).review.relabel([row], "b")
    again = Datalab(data, label_name="y", verbosity=0, ledger=file)
    assert again.corrected()["y"].tolist() == ["b", "b", "b"]
    assert again.review.conflicts == 0


def test_labels_with_gaps_are_replayed_and_named_by_their_number() -> None:
    data = pd.DataFrame({"x": [1, 2, 3], "y": [np.nan, 1.0, 0.0]})
    lab = Datalab(data, label_name="y", verbosity=0, ledger=False)
    lab.review.relabel([0], 0.0)
    replayed = lab.review.apply(data)
    assert replayed.data["y"].tolist() == [0.0, 1.0, 0.0]
    assert not len(replayed.conflicts)


def test_reviewers_who_disagree_about_excluding_are_named() -> None:
    lab = Datalab({"x": [1, 2], "y": ["a", "b"]}, label_name="y", verbosity=0, ledger=False)
    for reviewer in ("ann", "bob", "eve"):
        lab.review.reviewer = reviewer
        {"ann": lab.review.keep, "bob": lab.review.exclude, "eve": lab.review.relabel}[reviewer](
            [0], **({"label": "b"} if reviewer == "eve" else {})
        )
    with pytest.raises(InputError, match="disagree about row 0"):
        lab.corrected(conflicts="error")


def test_a_ledger_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    for path in (tmp_path / "no folder" / "x.jsonl", tmp_path):
        lab = Datalab({"x": [1], "y": ["a"]}, label_name="y", verbosity=0, ledger=path)
        with pytest.raises(InputError, match="ledger=False"):
            lab.review.keep([0])


def test_a_click_looks_at_its_own_row_only(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Datalab({"x": range(100), "y": [0, 1] * 50}, label_name="y", verbosity=0, ledger=False)
    lab.review.keep(range(50))
    before = lab.review.stamp()
    read: list[int] = []
    plain = Rulings.settle

    def settle(self: Rulings, places: Iterable[int]) -> None:
        chosen = list(places)
        read.extend(chosen)
        plain(self, chosen)

    assert lab.review.verdicts()[:51].tolist() == ["keep"] * 50 + [None]
    monkeypatch.setattr(Rulings, "settle", settle)
    lab.review.relabel([60], 1)
    assert lab.review.verdicts()[60] == "relabel"
    lab.review.exclude([3])
    assert lab.review.excluded().nonzero()[0].tolist() == [3]
    lab.review.undo().undo()
    assert lab.review.verdicts()[60] is None
    assert lab.review.stamp() == before
    assert set(read) == {60, 3}
    assert len(read) <= 5


# --- statistics of a review ----------------------------------------------------------------------


def test_decisions_for_another_issue_do_not_count() -> None:
    """That a row is no outlier says nothing about its label."""
    lab = audited(frame())
    lab.review.keep(["r4"], issue="outlier").exclude(["r40"], issue="near_duplicate")
    assert lab.review.progress("label")["reviewed"] == 0
    lab.review.keep(["r4"]).relabel(["r40"], "dog", issue="label")
    told = lab.review.progress("label")
    assert (told["reviewed"], told["real"]) == (2, 1)
    lab.review.undo()
    assert lab.review.progress("label")["reviewed"] == 1
    assert lab.review.progress("label")["precision"] == 0


def test_what_two_reviewers_say_about_different_things_is_not_lost() -> None:
    lab = audited(frame())
    lab.review.reviewer = "ann"
    lab.review.relabel(["r4"], issue="label")
    lab.review.reviewer = "ben"
    lab.review.keep(["r4"], issue="outlier")
    assert lab.corrected().loc["r4", "y"] == "cat"
    assert lab.corrected(conflicts="error").loc["r4", "y"] == "cat"  # ben said nothing of labels
    assert lab.review.confirmed("label")[4]
    assert lab.review.confirmed("outlier")[4]
    lab.review.undo()
    assert not lab.review.confirmed("outlier")[4]
    with pytest.raises(InputTypeError, match="reviewer"):
        lab.review.reviewer = 3  # type: ignore[assignment]


def test_parts_of_data_whose_index_repeats_labels_share_the_names_of_rows() -> None:
    data = frame().set_axis(np.repeat(np.arange(N // 2), 2))
    lab = audited(data)
    part = lab.keep(np.arange(N) % 2 == 0)  # every label stands once here
    part.review.exclude([2])
    assert part.review.verdicts()[2] == "exclude"
    assert np.flatnonzero(lab.review.excluded()).tolist() == [4]
    assert lab.review.conflicts == 0


def test_a_part_knows_what_was_confirmed_before() -> None:
    lab = audited(frame())
    lab.review.keep(["r4"])
    lab.find_issues(["label"])
    part = lab.keep(np.arange(N) >= 3)
    assert part.review.progress("label")["hint"] == "1 of 2 reviewed, precision so far 0 %"
