"""New rows: judged against the known ones, whose results stay bit for bit."""

from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from datalab import Datalab
from datalab._data.source import open_source
from datalab.exceptions import InputError, UnsupportedData

N, NEW = 120, 6
CHECKS = ("null", "label", "outlier", "near_duplicate", "class_imbalance", "empty_text")


def table(rows: slice) -> dict[str, list[Any]]:
    rng = np.random.default_rng(0)
    labels = np.tile(["cat", "dog"], (N + NEW) // 2)
    labels[[4, N + 3]] = ["dog", "cat"]
    text = [f"this is the text of animal number {i}" for i in range(N + NEW)]
    text[N + 1] = ""
    whole = {"size": rng.normal(size=N + NEW).tolist(), "text": text, "y": labels.tolist()}
    return {name: values[rows] for name, values in whole.items()}


def inputs(rows: slice) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    truth = np.tile([0, 1], (N + NEW) // 2)
    features = rng.normal(size=(N + NEW, 12)) + 5 * np.eye(12)[truth]
    features[N + 2] = features[7]
    features[N + 4], features[N + 5] = 80.0, 80.0
    pred_probs = np.where(np.eye(2)[truth] == 1, 0.93, 0.07)
    return {"features": features[rows], "pred_probs": pred_probs[rows]}


OLD, MORE = slice(0, N), slice(N, N + NEW)


def audited(data: Any, **given: Any) -> Datalab:
    lab = Datalab(data, label_name="y", verbosity=0, text_key="text", ledger=False)
    return lab.find_issues(CHECKS, **given)


def same_old(before: Datalab, after: Datalab) -> None:
    """Everything that was found about the known rows is bit for bit the same."""
    assert list(before.issues.columns) == list(after.issues.columns)
    for name, outcome in before._found().items():
        old, new = outcome.findings, after.outcomes[name].findings
        assert old is not None
        assert new is not None
        m = len(old.is_issue)
        assert new.is_issue[:m].tobytes() == old.is_issue.tobytes()
        assert new.score[:m].tobytes() == old.score.tobytes()
        assert new.columns.keys() == old.columns.keys()
        for column, values in old.columns.items():
            assert repr(list(new.columns[column])[:m]) == repr(list(values))
        assert repr(new.info) == repr(old.info)


def test_new_rows_are_judged_against_the_known_ones() -> None:
    lab = audited(pd.DataFrame(table(OLD)), **inputs(OLD))
    more = lab.append(pd.DataFrame(table(MORE)), **inputs(MORE))
    same_old(lab, more)
    assert len(lab) == N
    assert len(more) == N + NEW
    new = more.issues.iloc[N:]
    assert new["is_outlier_issue"].tolist() == [False, False, False, False, True, True]
    assert new["is_near_duplicate_issue"].tolist() == [False, False, True, False, True, True]
    assert new["is_label_issue"].tolist() == [False, False, False, True, False, False]
    assert new["is_empty_text_issue"].tolist() == [False, True, False, False, False, False]
    assert not new["is_null_issue"].any()
    sets = more.get_issues("near_duplicate").iloc[N:]
    assert [list(one) for one in sets["near_duplicate_sets"]] == [[], [], [7], [], [N + 5], [N + 4]]
    assert sets["is_kept"].tolist() == [True, True, False, True, True, False]
    how = more.outcomes.frame().set_index("issue_type")["reason"]
    assert "compared with the others" in how["outlier"]
    assert "compared with the others" in how["near_duplicate"]
    assert "judged by themselves" in how["null"]
    assert "compared with the others" in how["label"]
    assert more.history["rows_out"].tolist() == [N, N + NEW]
    # They can be looked at and handed over as any.
    assert len(more.worst(5)) == 5
    assert "Outlier" in more._repr_html_()
    assert len(more.export("frame")) == N + NEW


def test_scores_of_new_rows_are_those_of_the_known_scale() -> None:
    lab = audited(pd.DataFrame(table(OLD)), **inputs(OLD))
    more = lab.append(pd.DataFrame(table(MORE)), **inputs(MORE))
    features = np.vstack([inputs(OLD)["features"], inputs(MORE)["features"]])
    info = lab.get_info("outlier")
    from datalab.neighbors import choose_metric

    chosen = choose_metric(inputs(OLD)["features"])
    compared = chosen.apply(features)
    assert chosen.metric == "euclidean"
    for row in (N, N + 3):
        distances = np.linalg.norm(np.delete(compared, row, axis=0) - compared[row], axis=1)
        mean = np.sort(distances)[:10].mean()
        times = more.get_issues("outlier")["times_typical_distance"].iloc[row]
        np.testing.assert_allclose(times, mean / info["typical_distance"], rtol=1e-5)


def test_appending_twice_and_in_one_go_judges_the_first_the_same() -> None:
    lab = audited(pd.DataFrame(table(OLD)), **inputs(OLD))
    one = lab.append(pd.DataFrame(table(slice(N, N + 2))), **inputs(slice(N, N + 2)))
    two = one.append(pd.DataFrame(table(slice(N + 2, N + NEW))), **inputs(slice(N + 2, N + NEW)))
    same_old(one, two)
    whole = lab.append(pd.DataFrame(table(MORE)), **inputs(MORE))
    for name in ("null", "empty_text"):
        pd.testing.assert_frame_equal(two.get_issues(name), whole.get_issues(name))


def test_without_arrays_the_new_rows_are_judged_by_a_run_over_all() -> None:
    lab = Datalab(pd.DataFrame(table(OLD)), label_name="y", verbosity=0, ledger=False)
    lab.find_issues(["outlier", "near_duplicate"])
    more = lab.append(pd.DataFrame(table(MORE)))
    same_old(lab, more)
    assert not more.issues["is_outlier_issue"].isna().any()
    assert "run over all rows" in repr(more.outcomes)


def test_arrays_that_are_not_given_for_new_rows_leave_them_unjudged() -> None:
    lab = audited(pd.DataFrame(table(OLD)), **inputs(OLD))
    more = lab.append(pd.DataFrame(table(MORE)), features=inputs(MORE)["features"])
    same_old(lab, more)
    assert more.issues["is_label_issue"].isna().tolist() == [False] * N + [True] * NEW
    assert not more.issues["is_outlier_issue"].isna().any()


CONTAINERS: dict[str, Any] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "arrow": pa.table,
    "dict": dict,
    "arrays": lambda data: {name: np.array(values) for name, values in data.items()},
    "records": lambda data: pd.DataFrame(data).to_dict("records"),
    "dataset": lambda data: datasets.Dataset.from_dict(data).cast_column(
        "y", datasets.ClassLabel(names=["cat", "dog"])
    ),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_container(kind: str) -> None:
    make = CONTAINERS[kind]
    old, new = make(table(OLD)), make(table(MORE))
    lab = audited(old, **inputs(OLD))
    more = lab.append(new, **inputs(MORE))
    assert type(more.data) is type(old)
    whole = make(table(slice(0, N + NEW)))
    assert open_source(more.data).fingerprint() == open_source(whole).fingerprint()
    assert more.issues["is_outlier_issue"].sum() == lab.issues["is_outlier_issue"].sum() + 2
    assert len(open_source(old).column("y")) == N


def test_named_rows_keep_their_names() -> None:
    old = pd.DataFrame(table(OLD), index=[f"r{i}" for i in range(N)])
    new = pd.DataFrame(table(MORE), index=[f"s{i}" for i in range(NEW)])
    lab = audited(old, **inputs(OLD))
    more = lab.append(new, **inputs(MORE))
    assert list(more.issues.index) == [*old.index, *new.index]
    lab.review.keep(["r3"])
    assert more.review.refresh().verdicts()[3] == "keep"
    with pytest.raises(InputError, match="index labels that the data has already"):
        lab.append(new.rename(index={"s0": "r0"}))


def test_missing_labels_and_decisions() -> None:
    lab = audited(pd.DataFrame(table(OLD)), **inputs(OLD))
    lab.review.keep([4])
    new = pd.DataFrame(table(MORE)).assign(y=None)
    more = lab.append(new, **inputs(MORE))
    assert more.issues["is_label_issue"].isna().tolist() == [False] * N + [True] * NEW
    assert more.review.verdicts()[4] == "keep"


@pytest.mark.parametrize(
    ("rows", "given", "told"),
    [
        (pd.DataFrame({"size": [1.0], "y": ["cat"]}), {}, "they lack .'text'"),
        (pd.DataFrame(table(MORE)).assign(z=1), {}, "they have .'z'"),
        (pd.DataFrame(table(MORE)).assign(y="cow"), {}, "no class of the data: .'cow'"),
        (pl.DataFrame(table(MORE)), {}, "same kind of container"),
        (pd.DataFrame(table(MORE)), {"features": np.zeros((2, 12))}, "2 rows"),
        (pd.DataFrame(table(MORE)), {"features": np.zeros((NEW, 3))}, "columns for the new rows"),
    ],
)
def test_what_does_not_fit_is_told(rows: Any, given: dict[str, Any], told: str) -> None:
    lab = audited(pd.DataFrame(table(OLD)), **inputs(OLD))
    with pytest.raises(InputError, match=told):
        lab.append(rows, **given)
    assert len(lab) == N


def test_arrays_that_were_not_given_before_are_refused() -> None:
    lab = Datalab(pd.DataFrame(table(OLD)), label_name="y", verbosity=0, ledger=False)
    with pytest.raises(InputError, match="`features` was not given for the data"):
        lab.append(pd.DataFrame(table(MORE)), features=inputs(MORE)["features"])


def test_splits_are_refused() -> None:
    data = {"train": pd.DataFrame(table(OLD)), "test": pd.DataFrame(table(MORE))}
    lab = Datalab(data, label_name="y", verbosity=0, ledger=False)
    with pytest.raises(UnsupportedData, match="audit one table"):
        lab.append(data)


def test_rows_appended_again_and_again_are_compared_with_all_before_without_a_new_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features = np.random.default_rng(3).normal(size=(240, 24))
    features[210] = features[205]  # copies that came one after the other
    features[230] = features[205]
    data = {"x": features[:, 0]}
    first = Datalab({"x": data["x"][:200]}, task=None, verbosity=0, ledger=False)
    first.find_issues(["near_duplicate", "non_iid"], features=features[:200])

    def searched(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("datalab.recipes.graph._searched", searched)
    lab = first
    for start in (200, 210, 225):
        end = {200: 210, 210: 225, 225: 240}[start]
        before = lab.issues
        lab = lab.append({"x": data["x"][start:end]}, features=features[start:end])
        assert lab.issues.iloc[:start].equals(before)
    flags = lab.get_issues("near_duplicate")["is_near_duplicate_issue"]
    assert flags[flags].index.tolist() == [210, 230]  # what is known stays as it is
