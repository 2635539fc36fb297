"""The lab as its users meet it."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab, Findings
from datalab.exceptions import (
    DatalabError,
    DatalabWarning,
    InputError,
    InputTypeError,
    InputWarning,
    ManagerFailed,
    NotFound,
    UnsupportedData,
)

N = 90


def model_probs(codes: np.ndarray, n_classes: int, seed: int = 0) -> np.ndarray:
    """Probabilities of a model that is mostly right."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(n_classes), size=len(codes)) * 0.4
    probs[np.arange(len(codes)), codes] += 0.6
    return probs


@pytest.fixture
def frame() -> pd.DataFrame:
    """Three classes of points; the labels of rows r5 and r17 are wrong."""
    rng = np.random.default_rng(3)
    true = np.arange(N) % 3
    given = true.copy()
    given[[5, 17]] = (given[[5, 17]] + 1) % 3
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    x = centres[true] + rng.normal(size=(N, 2))
    return pd.DataFrame(
        {"x0": x[:, 0], "x1": x[:, 1], "label": np.array(["ant", "bee", "cow"])[given]},
        index=[f"r{i}" for i in range(N)],
    )


@pytest.fixture
def probs() -> np.ndarray:
    return model_probs(np.arange(N) % 3, 3)


@pytest.fixture
def lab(frame: pd.DataFrame, probs: np.ndarray) -> Datalab:
    return Datalab(frame, label_name="label", verbosity=0).find_issues(["label"], pred_probs=probs)


def test_the_main_job(lab: Datalab, frame: pd.DataFrame) -> None:
    assert frame.index[lab.issues["is_label_issue"]].tolist() == ["r5", "r17"]
    assert frame.join(lab.issues).shape == (N, 5)
    assert lab.issues.dtypes.astype(str).to_dict() == {
        "is_label_issue": "bool",
        "label_score": "float64",
    }
    assert lab.issue_summary.columns.tolist() == ["issue_type", "score", "num_issues", "status"]
    assert lab.issue_summary["num_issues"].dtype == np.int64
    row = lab.get_issues("label").loc["r5"]
    assert (row["given_label"], row["predicted_label"]) == ("ant", "cow")
    worst = lab.worst(5)
    assert set(worst.index) == {"r5", "r17"}
    assert "model gives ant only" in worst.loc["r5", "reason"]
    assert worst.columns.tolist() == ["issue", "score", "reason", "x0", "x1", "label"]


def test_what_the_lab_knows(lab: Datalab, frame: pd.DataFrame) -> None:
    assert lab.data is frame
    assert lab.class_names == ["ant", "bee", "cow"]
    assert lab.labels.dtype == np.int64
    assert lab.has_labels
    assert len(lab) == N
    assert lab.label_name == "label"
    assert "90 examples" in repr(lab)


def test_info(lab: Datalab) -> None:
    statistics = lab.info["statistics"]
    assert statistics["num_examples"] == N
    assert statistics["num_classes"] == 3
    assert statistics["health_score"] == lab.issue_summary["score"].mean()
    assert statistics["num_missing_labels"] == 0
    told = lab.get_info("label")
    assert told["class_names"] == ["ant", "bee", "cow"]
    assert set(told["given_label"]) == {"ant", "bee", "cow"}
    assert lab.info["label"]["given_label"].dtype == np.int64
    told["given_label"] = None
    assert lab.get_info("label")["given_label"] is not None


def test_nothing_of_the_users_is_changed(frame: pd.DataFrame, probs: np.ndarray) -> None:
    frame_before, probs_before = frame.copy(deep=True), probs.copy()
    features = frame[["x0", "x1"]].to_numpy()
    features_before = features.copy()
    state = np.random.get_state()[1].copy()  # noqa: NPY002 (it must not change)
    lab = Datalab(frame, label_name="label", verbosity=0)
    lab.find_issues(pred_probs=probs, features=features)
    _ = lab.issues, lab.worst(), lab.info, lab.outcomes
    projection = lab.issues
    projection["is_label_issue"] = True
    assert not lab.issues["is_label_issue"].all()
    pd.testing.assert_frame_equal(frame, frame_before)
    np.testing.assert_array_equal(probs, probs_before)
    np.testing.assert_array_equal(features, features_before)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_results_before_an_audit_say_what_to_do(frame: pd.DataFrame) -> None:
    lab = Datalab(frame, label_name="label", verbosity=0)
    assert lab.issues.empty
    assert lab.issue_summary.empty
    assert lab.worst().empty
    for ask in (lab.get_issues, lambda: lab.get_issues("label"), lambda: lab.export("frame")):
        with pytest.raises(NotFound, match="nothing has been audited: call find_issues"):
            ask()


def test_results_of_unknown_and_unchecked_types(lab: Datalab) -> None:
    with pytest.raises(NotFound, match="unknown issue type 'labels': did you mean 'label'"):
        lab.get_issues("labels")
    with pytest.raises(NotFound, match=r"'null' was not checked: find_issues\(\['null'\]\)"):
        lab.get_info("null")
    assert issubclass(NotFound, ValueError)


def test_again_with_more(lab: Datalab, caplog: pytest.LogCaptureFixture) -> None:
    lab.find_issues(["null"])
    assert set(lab.outcomes.frame()["issue_type"]) == {"null", "label"}
    with caplog.at_level("INFO", "datalab"):
        lab.find_issues(["label"])  # the same call again: told, but no warning
    assert "earlier results are replaced: label; compare() tells" in caplog.text
    with pytest.warns(DatalabWarning, match="earlier results are replaced: null, label"):
        lab.find_issues({"null": {}, "label": {"filter_by": "both"}})
    with pytest.warns(DatalabWarning, match="earlier results are replaced: label"):
        lab.find_issues(["label"], rules="reference")  # as the reference does
    with pytest.warns(UserWarning, match="no issue types to look for"):
        assert lab.find_issues({}) is lab


def test_labels_of_any_hashable_kind(probs: np.ndarray) -> None:
    codes = np.arange(N) % 3
    kinds: list[list[Any]] = [
        [("ant", "bee", "cow")[c] for c in codes],
        [(10, 20, 30)[c] for c in codes],
        [(("a", 1), ("b", 2), ("c", 3))[c] for c in codes],
        [float(c) for c in codes],
    ]
    flags = []
    for values in kinds:
        wrong = copy.copy(values)
        wrong[5], wrong[17] = values[6], values[18]
        lab = Datalab({"y": wrong}, label_name="y", verbosity=0)
        flags.append(lab.find_issues(["label"], pred_probs=probs).issues["is_label_issue"])
    assert all(flag.equals(flags[0]) for flag in flags)
    assert flags[0].to_numpy().nonzero()[0].tolist() == [5, 17]
    two = Datalab({"y": (codes == 0)}, label_name="y", verbosity=0)
    assert two.class_names == [False, True]


def test_missing_labels(frame: pd.DataFrame, probs: np.ndarray) -> None:
    frame.loc[["r0", "r1"], "label"] = None
    lab = Datalab(frame, label_name="label", verbosity=0)
    lab.find_issues(["label"], pred_probs=probs)
    flags = lab.issues["is_label_issue"]
    assert str(flags.dtype) == "boolean"
    assert flags.isna().sum() == 2
    assert flags.index[flags.fillna(False)].tolist() == ["r5", "r17"]
    assert lab.info["statistics"]["num_missing_labels"] == 2
    assert lab.labels[:2].tolist() == [-1, -1]
    assert lab.outcomes["label"].notes[-1] == "rows left out, for want of labels: 2"
    assert pd.isna(lab.get_issues("label")["predicted_label"].iloc[0])


def test_one_class_only() -> None:
    lab = Datalab({"y": ["a"] * 20}, label_name="y", verbosity=0)
    lab.find_issues(pred_probs=np.ones((20, 1)))
    assert lab.outcomes["label"].status == "not applicable"
    assert "at least two classes" in lab.outcomes["label"].reason


def test_a_class_with_one_example(probs: np.ndarray) -> None:
    labels = np.array(["a", "b", "c"])[np.arange(N) % 3]
    labels[labels == "c"] = "b"
    labels[2] = "c"
    lab = Datalab({"y": labels}, label_name="y", verbosity=0)
    lab.find_issues(["label", "class_imbalance"], pred_probs=probs)
    assert {o.status for o in lab.outcomes} == {"found"}


def test_ten_rows_and_no_rows() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=10), "z": rng.normal(size=10), "y": [0, 1] * 5})
    lab = Datalab(frame, label_name="y", verbosity=0).find_issues()
    assert "failed" not in {o.status for o in lab.outcomes}
    with pytest.raises(DatalabError, match=r"(?i)empty|no rows|0 rows"):
        Datalab(frame[:0], label_name="y")


def test_duplicate_index_values(frame: pd.DataFrame, probs: np.ndarray) -> None:
    frame.index = ["same"] * N
    lab = Datalab(frame, label_name="label", verbosity=0)
    lab.find_issues(["label"], pred_probs=probs)
    table = lab.export("frame")
    assert table["row"].tolist() == list(range(N))
    assert np.flatnonzero(table["is_label_issue"]).tolist() == [5, 17]
    assert len(lab.worst(10)) == 2


def test_an_annotator_without_answers_is_named() -> None:
    votes = {"anna": [0, 1, 1] * 9, "ben": [0, 1, 0] * 9, "chris": [None] * 27}
    with pytest.warns(InputWarning, match=r"no answer by \['chris'\]; nothing is said about them"):
        lab = Datalab(votes, annotations=["anna", "ben", "chris"], verbosity=0)
    lab.find_issues(["multi_annotator"])
    stats = lab.get_info("multi_annotator")["annotator_stats"]
    assert stats.index.tolist() in (["anna", "ben"], ["ben", "anna"])


def test_annotators_columns_are_no_features() -> None:
    rng = np.random.default_rng(0)
    true = np.arange(N) % 3
    votes = {name: np.where(rng.random(N) < 0.8, true, 0) for name in ("anna", "ben", "chris")}
    lab = Datalab(pd.DataFrame(votes), annotations=["anna", "ben", "chris"], verbosity=0)
    lab.find_issues()
    assert lab.outcomes["multi_annotator"].status == "found"
    for name in ("outlier", "near_duplicate", "null"):
        assert lab.outcomes[name].status == "not applicable", name
    texts = [f"{('red', 'green', 'blue')[k]} things of kind {i}" for i, k in enumerate(true)]
    lab = Datalab({"t": texts, **votes}, annotations=["anna", "ben", "chris"], verbosity=0)
    lab.find_issues(["near_duplicate"])
    assert "encoded: 1 text (t)" in " ".join(lab.outcomes["near_duplicate"].notes)


def test_rows_without_any_value_are_not_compared(frame: pd.DataFrame) -> None:
    frame.loc[["r3", "r4"], ["x0", "x1"]] = np.nan
    lab = Datalab(frame, label_name="label", verbosity=0)
    lab.find_issues(["null", "near_duplicate", "label"])
    assert lab.issues["is_null_issue"].sum() == 2
    assert lab.issues["is_near_duplicate_issue"].isna().sum() == 2
    assert lab.issues["is_label_issue"].isna().sum() == 2


def test_the_users_columns_keep_their_kinds_and_rows_their_names(frame: pd.DataFrame) -> None:
    frame["votes"] = pd.array([1, None] * 45, dtype="Int64")
    frame.loc["r9", ["x0", "x1"]] = frame.loc["r8", ["x0", "x1"]]
    lab = Datalab(frame, label_name="label", verbosity=0).find_issues(["near_duplicate"])
    worst = lab.worst(5)
    assert worst["votes"].dtype == "Int64"
    assert worst.loc["r9", "reason"] == "equal to row r8"


def test_names_of_columns_may_be_numbers(frame: pd.DataFrame) -> None:
    frame.columns = [5, 6, 7]
    lab = Datalab(frame, label_name=7, verbosity=0).find_issues(["label", "null"])
    assert "2 numeric columns (5, 6)" in lab.outcomes["label"].notes[0]
    assert lab.get_info("null")["column_names"] == ["5", "6"]


def test_managers_cannot_change_what_they_are_given(frame: pd.DataFrame) -> None:
    class Vandal:
        name = "vandal"

        def find_issues(self, features: Any, labels: Any) -> Findings:
            features -= 100
            raise AssertionError("it could")

    features = frame[["x0", "x1"]].to_numpy()
    before = features.copy()
    lab = Datalab(frame, label_name="label", verbosity=0)
    with pytest.warns(ManagerFailed, match="read-only"):
        lab.find_issues([Vandal], features=features)
    np.testing.assert_array_equal(features, before)


def test_results_can_be_changed_without_changing_the_lab(lab: Datalab) -> None:
    labels = lab.labels.copy()
    info = lab.info["label"]
    info["given_label"][:] = 2
    info["classes_by_label_quality"].loc[:, "Label Noise"] = 7
    lab.labels[:] = 0
    np.testing.assert_array_equal(lab.labels, labels)
    assert lab.get_info("label")["classes_by_label_quality"]["Label Noise"].max() <= 1
    found = lab.outcomes["label"].findings
    assert found is not None
    with pytest.raises(ValueError, match="read-only"):
        found.score[:] = 0


def test_features_that_say_nothing_judge_no_labels() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(400, 3)), columns=list("abc"))
    frame["y"] = rng.integers(3, size=400)
    lab = Datalab(frame, label_name="y", verbosity=0).find_issues(["label"])
    assert lab.outcomes["label"].status == "not applicable"
    assert "not clearly more than chance" in lab.outcomes["label"].reason
    assert lab.outcomes["label"].reason.endswith("give pred_probs= or better features=")


def test_labels_too_few_to_judge_a_model_by() -> None:
    few = Datalab({"x": [1.0, 2.0, 3.0], "y": ["a", "b", "a"]}, label_name="y", verbosity=0)
    few.find_issues(["label"])
    assert "so few labels (2)" in few.outcomes["label"].reason
    assert few.outcomes["label"].reason.endswith("give pred_probs= or more rows")


def test_tables_with_an_index_are_matched_by_it(frame: pd.DataFrame, probs: np.ndarray) -> None:
    table = pd.DataFrame(probs, index=frame.index, columns=["ant", "bee", "cow"])
    lab = Datalab(frame, label_name="label", verbosity=0)
    with pytest.warns(InputWarning, match="`pred_probs` are put in the order of the dataset"):
        lab.find_issues(["label"], pred_probs=table[::-1])
    assert set(lab.worst().index) == {"r5", "r17"}
    strange = table.set_axis([f"q{i}" for i in range(N)])
    with pytest.warns(InputWarning, match="`pred_probs` has an index of its own"):
        lab.give(pred_probs=strange)


def test_models_are_told_apart(frame: pd.DataFrame) -> None:
    from sklearn.dummy import DummyClassifier
    from sklearn.naive_bayes import GaussianNB

    class Same(GaussianNB):
        def __repr__(self) -> str:
            return "model"

    lab = Datalab(frame, label_name="label", verbosity=0)
    first = lab.find_issues(["label"], model=Same()).issues["label_score"]
    second = lab.find_issues(["label"], model=Same(var_smoothing=0.5)).issues["label_score"]
    assert not first.equals(second)
    with pytest.warns(InputWarning, match="`model` is not used"):
        Datalab(frame, label_name="label", verbosity=0).find_issues(
            ["null"], model=DummyClassifier(), rules="reference"
        )


def test_an_input_error_in_a_check_is_raised_as_itself(lab: Datalab, probs: np.ndarray) -> None:
    with pytest.warns(UserWarning, match="replaced"), pytest.raises(InputError, match="thresholds"):
        lab.find_issues({"label": {"thresholds": [0.5]}}, on_error="raise")


def test_arrays_by_position_are_told_apart_from_names(lab: Datalab, probs: np.ndarray) -> None:
    with pytest.raises(InputTypeError, match="passed by name, such as pred_probs="):
        lab.find_issues(probs)


@pytest.mark.parametrize(
    "index",
    [
        pd.MultiIndex.from_product([["a", "b"], range(45)]),
        pd.period_range("2020-01-01", periods=N, freq="D"),
        pd.date_range("2020-01-01", periods=N),
    ],
    ids=["multi", "period", "date"],
)
def test_any_index_is_exported(
    frame: pd.DataFrame, probs: np.ndarray, index: pd.Index, tmp_path: Path
) -> None:
    frame.index = index
    lab = Datalab(frame, label_name="label", verbosity=0)
    lab.find_issues(["label"], pred_probs=probs)
    assert lab.issues.index.equals(index)
    lab.export(tmp_path / "f.CSV")
    read = pd.read_csv(tmp_path / "f.CSV")
    assert read.shape[1] == lab.export("frame").shape[1] + index.nlevels


def test_hostile_cells_in_exports(probs: np.ndarray, tmp_path: Path) -> None:
    import openpyxl

    codes = np.arange(N) % 3
    codes[[5, 17]] = 0
    lab = Datalab({"y": np.array(["=1+1", "nul\x00", "cow"])[codes]}, label_name="y", verbosity=0)
    lab.find_issues(["label"], pred_probs=probs[:, [0, 2, 1]])
    lab.export(tmp_path / "f.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "f.xlsx").active
    assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}
    lab = Datalab({"y": [(0, int(k)) for k in codes]}, label_name="y", verbosity=0)
    lab.find_issues(["label"], pred_probs=probs).export(tmp_path / "f.parquet")
    assert pd.read_parquet(tmp_path / "f.parquet")["given_label"].iloc[0] == "(0, 0)"


def test_warnings_point_at_the_users_line(frame: pd.DataFrame) -> None:
    codes = pd.Categorical(frame["label"]).codes
    lab = Datalab(frame, label_name="label", verbosity=0)
    for call in (lab.give, lambda **k: lab.find_issues(["label"], **k)):
        with pytest.warns(InputWarning, match="in-sample") as caught:
            call(pred_probs=np.eye(3)[codes])
        assert caught[0].filename == __file__


def test_shown_as_text_and_html(lab: Datalab) -> None:
    shown = lab._repr_mimebundle_()
    assert shown["text/html"] == lab._repr_html_()
    assert "Label" in shown["text/plain"]


def test_every_name_at_the_front_door_loads() -> None:
    import datalab

    for name in dir(datalab):
        assert getattr(datalab, name, None) is not None or name == "__cached__"


def test_a_column_named_like_ours(frame: pd.DataFrame, probs: np.ndarray) -> None:
    frame["is_label_issue"] = "mine"
    frame["score"] = 7
    lab = Datalab(frame, label_name="label", verbosity=0)
    lab.find_issues(["label"], pred_probs=probs)
    assert lab.issues["is_label_issue"].sum() == 2
    worst = lab.worst(2)
    assert worst["score_"].tolist() == [7, 7]
    assert set(worst["is_label_issue"]) == {"mine"}


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        ({"task": "clasification"}, InputError, "`task` is 'clasification'; did you mean 'classif"),
        ({"label_name": "lable"}, NotFound, "`label_name` is 'lable'.*did you mean 'label'"),
        ({"image_key": "picture"}, NotFound, "`image_key` is 'picture'.*no such column"),
        ({"text_key": "txt"}, NotFound, "`text_key` is 'txt'.*no such column"),
        ({"split": "fold"}, NotFound, "`split` is 'fold'.*no such column"),
        ({"annotations": ["anna"]}, NotFound, "no column 'anna'"),
    ],
)
def test_wrong_constructor_arguments(
    frame: pd.DataFrame, wrong: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        Datalab(frame, **wrong)


def test_wrong_options_of_find_issues(lab: Datalab) -> None:
    with pytest.raises(InputError, match="`rules` is 'cleanlab'"):
        lab.find_issues(rules="cleanlab")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="`on_error` is 'ignore'"):
        lab.find_issues(on_error="ignore")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="did you mean 'label'"):
        lab.find_issues(["lable"])


def test_a_hub_name_is_refused() -> None:
    with pytest.raises(UnsupportedData, match=r"datasets\.load_dataset"):
        Datalab("imdb")


def test_unlabelled_data(frame: pd.DataFrame) -> None:
    lab = Datalab(frame[["x0", "x1"]], task=None, verbosity=0).find_issues()
    assert lab.class_names == []
    assert not lab.has_labels
    assert lab.labels.size == 0
    lab = Datalab(frame[["x0", "x1"]], verbosity=0).find_issues()
    assert lab.outcomes["label"].reason.startswith("needs labels: give label_name=")


def test_features_and_probabilities_made_from_the_table(frame: pd.DataFrame) -> None:
    lab = Datalab(frame, label_name="label", verbosity=0).find_issues()
    flagged = lab.issues.index[lab.issues["is_label_issue"]]
    assert set(flagged) == {"r5", "r17"}
    notes = " ".join(lab.outcomes["label"].notes)
    assert "5-fold cross-validation" in notes
    assert lab.outcomes["outlier"].status == "found"


def test_reference_rules_make_nothing(frame: pd.DataFrame) -> None:
    lab = Datalab(frame, label_name="label", verbosity=0).find_issues(rules="reference")
    assert lab.outcomes["label"].status == "not applicable"
    assert "give pred_probs= or features=" in lab.outcomes["label"].reason


def test_own_model(frame: pd.DataFrame) -> None:
    from sklearn.naive_bayes import GaussianNB

    lab = Datalab(frame, label_name="label", verbosity=0).find_issues(["label"], model=GaussianNB())
    assert "of GaussianNB, " in " ".join(lab.outcomes["label"].notes)


def test_embedding_function() -> None:
    texts = ["aa", "bbbb", "cccccc"] * 10
    lab = Datalab(
        {"text": texts, "y": [0, 1, 2] * 10}, label_name="y", text_key="text", verbosity=0
    )
    lab.find_issues(["null"], embed=lambda cells: np.array([[len(c)] for c in cells], dtype=float))
    held = lab._artefacts.held("features")
    assert held is not None
    assert held.value[:3].ravel().tolist() == [2, 4, 6]


def test_requirements(frame: pd.DataFrame) -> None:
    lab = Datalab(frame.drop(columns=["x0", "x1"]), label_name="label", verbosity=0)
    table = lab.requirements().set_index("issue_type")
    assert table.loc["class_imbalance", "ready"]
    assert not table.loc["label", "ready"]
    assert table.loc["label", "needs"] == "labels, pred_probs"


def test_a_custom_manager_takes_part(frame: pd.DataFrame) -> None:
    class Far:
        """Points far to the right."""

        name = "far"

        def find_issues(self, table: Any) -> Findings:
            x = table.column("x0")
            return Findings(self.name, is_issue=x > 8.0, score=1 / (1 + np.exp(x - 8.0)))

        def explain(self, row: dict[str, Any]) -> str:
            return f"score only {row['score']:.2f}"

    lab = Datalab(frame, label_name="label", verbosity=0).find_issues([Far])
    assert lab.issues["is_far_issue"].sum() == (frame["x0"] > 8).sum()
    assert "far" in lab.export("frame").columns[1]
    assert lab._repr_html_().count("far") > 0


def test_export(lab: Datalab, tmp_path: Path) -> None:
    table = lab.export("frame")
    assert table.columns.tolist() == [
        "row",
        "is_label_issue",
        "label_score",
        "given_label",
        "predicted_label",
        "given_probability",
        "predicted_probability",
        "given_threshold",
        "predicted_threshold",
        "is_ambiguous",
    ]
    for name in ("f.csv", "f.parquet", "f.xlsx", "f.html"):
        path = tmp_path / name
        assert lab.export(path) == path
        assert path.stat().st_size > 100
    read = pd.read_csv(tmp_path / "f.csv")
    assert read["is_label_issue"].sum() == 2
    assert read.iloc[5, 0] == "r5"
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "f.parquet"), table)
    with pytest.raises(InputError, match="cannot export to 'f.doc'"):
        lab.export("f.doc")
    for name in ("f.csv", "f.parquet", "f.xlsx", "f.html"):
        with pytest.raises(InputError, match=rf"to '.*none.{name}': the folder '.*none' does not"):
            lab.export(tmp_path / "none" / name)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="it is a folder"):
        lab.export(tmp_path / "folder.csv")


def test_dict_of_splits(frame: pd.DataFrame, probs: np.ndarray) -> None:
    lab = Datalab({"train": frame[:60], "test": frame[60:]}, label_name="label", verbosity=0)
    assert len(lab) == N
    lab.find_issues(["label"], pred_probs=probs)
    assert lab.issues["is_label_issue"].sum() == 2


def test_suspicious_probabilities_warn_through_find_issues(frame: pd.DataFrame) -> None:
    codes = pd.Categorical(frame["label"]).codes
    lab = Datalab(frame, label_name="label", verbosity=0)
    with pytest.warns(InputWarning, match="in-sample"):
        lab.find_issues(["label"], pred_probs=np.eye(3)[codes])


def test_same_findings_for_every_container(frame: pd.DataFrame, probs: np.ndarray) -> None:
    import datasets
    import polars
    import pyarrow

    containers = [
        frame,
        datasets.Dataset.from_pandas(frame, preserve_index=False),
        polars.from_pandas(frame.reset_index(drop=True)),
        pyarrow.Table.from_pandas(frame, preserve_index=False),
        frame.to_dict("list"),
        frame.to_dict("records"),
    ]
    tables = [
        Datalab(data, label_name="label", verbosity=0)
        .find_issues(pred_probs=probs)
        .issues.reset_index(drop=True)
        for data in containers
    ]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])


def test_report_shows_text_in_a_script(lab: Datalab, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.report() is None
    shown = capsys.readouterr().out
    assert "label" in shown
    assert "r5" in shown


def test_reports_in_ipython(lab: Datalab, monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython
    import IPython.display

    shown: list[Any] = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    lab.report()
    assert set(shown[0]) == {"text/html", "text/plain"}


def test_regression_labels() -> None:
    rng = np.random.default_rng(0)
    lab = Datalab(
        {"x": rng.normal(size=50), "y": rng.normal(size=50)},
        task="regression",
        label_name="y",
        verbosity=0,
    )
    assert lab.labels.dtype == np.float64
    assert not lab.has_labels
    lab.find_issues(["null"])
    assert lab.outcomes["null"].status == "found"


def test_what_ran_is_told_in_the_summary() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b"], 30)
    frame = pd.DataFrame({"x": rng.normal(size=60) + 4 * (labels == "b"), "y": labels})
    lab = Datalab(frame, label_name="y", verbosity=0).find_issues(["label", "outlier"])
    for shown in (str(lab), lab._repr_html_()):
        assert "knn_graph: exact search" in shown
        assert "pred_probs: " in shown


@pytest.mark.parametrize("seed", [-1, 1.5, "a", 2**32, True])
def test_a_seed_that_is_none_is_named(frame: pd.DataFrame, seed: Any) -> None:
    lab = Datalab(frame, label_name="label", verbosity=0)
    with pytest.raises(
        InputError, match=r"`random_state` must be an integer from 0 to 2\*\*32 - 1, got"
    ):
        lab.find_issues(["label"], random_state=seed)


def test_any_seed_will_do(frame: pd.DataFrame) -> None:
    for seed in (None, 2**32 - 1, np.uint32(7)):
        lab = Datalab(frame, label_name="label", verbosity=0)
        lab.find_issues(["label", "outlier", "non_iid"], random_state=seed)
        assert {outcome.status for outcome in lab.outcomes} <= {"found", "not applicable"}


def test_options_of_the_wrong_kind_are_named(frame: pd.DataFrame) -> None:
    lab = Datalab(frame, label_name="label", verbosity=0).find_issues(["outlier"])
    with pytest.raises(InputTypeError, match="`num_examples` must be an integer.*'label'"):
        lab.report("label")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="`below` must be a finite number, got 'a'"):
        lab.drop("outlier", below="a")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kind", ["dataset", "polars", "arrow", "columns", "records", "pandas", "splits"]
)
def test_what_is_left_has_the_type_that_was_given(kind: str) -> None:
    import datasets
    import polars
    import pyarrow

    columns = {"x": [1.0, None, 3.0, 4.0], "z": ["a", None, "c", "d"]}
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    given: Any = {
        "dataset": datasets.Dataset.from_dict,
        "polars": polars.DataFrame,
        "arrow": pyarrow.table,
        "columns": dict,
        "records": lambda _: records,
        "pandas": lambda data: pd.DataFrame(data, index=list("pqrs")),
        "splits": lambda data: {"a": pd.DataFrame(data)[:3], "b": pd.DataFrame(data)[3:]},
    }[kind](columns)
    lab = Datalab(given, task=None, verbosity=0, ledger=False).find_issues(["null"])
    left, flagged = lab.drop("null"), lab.keep(lab.issues["is_null_issue"])
    assert type(left.data) is type(flagged.data) is type(given)
    assert (len(left), len(flagged)) == (3, 1)
    assert left._source.column("z").tolist() == ["a", "c", "d"]
    if kind == "splits":
        assert [len(part) for part in left.data.values()] == [2, 1]
