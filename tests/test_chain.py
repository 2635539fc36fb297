"""Chains: what runs, what is stale, and that the result is that of a fresh run."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab, Findings
from datalab.chain import Chain
from datalab.exceptions import InputError, NotFound
from datalab.managers import Label, NearDuplicate
from datalab.managers.base import _register, register
from datalab.review import Review

RAN: list[str] = []


class Counting:
    """Flags the rows with the lowest value of a column, and counts its runs."""

    name: ClassVar[str] = "first"
    default: ClassVar[bool] = False
    column: ClassVar[str] = "x"

    def __init__(self, below: float = 3.0) -> None:
        self.below = below

    def find_issues(self, table: Any) -> Findings:
        RAN.append(self.name)
        values = table.column(self.column)
        return Findings(
            self.name, is_issue=values < self.below, score=np.clip(values / 100, 0.0, 1.0)
        )


class Second(Counting):
    """The same, about another column."""

    name: ClassVar[str] = "second"
    column: ClassVar[str] = "z"


class Third(Counting):
    """The same again."""

    name: ClassVar[str] = "third"


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    RAN.clear()
    before = list(_register)
    for manager in (Counting, Second, Third):
        register(manager)
    yield
    _register[:] = before


@pytest.fixture
def lab() -> Datalab:
    frame = pd.DataFrame(
        {"x": np.arange(20.0), "z": np.arange(20.0)[::-1], "y": ["a", "b"] * 10},
        index=[f"r{i}" for i in range(20)],
    )
    return Datalab(frame, label_name="y", verbosity=0, ledger=False)


def ran(chain: Chain) -> list[str]:
    RAN.clear()
    chain.run()
    return list(RAN)


def test_nothing_runs_before_run(lab: Datalab) -> None:
    chain = lab.chain("first", "second")
    assert not RAN
    assert chain.frame()["state"].tolist() == ["not run", "not run"]
    with pytest.raises(InputError, match="first, second did not run"):
        _ = chain.lab
    with pytest.raises(InputError, match="'first' is not run: call run"):
        chain.after("first")


def test_rows_in_flagged_and_out_are_those_counted_by_hand(lab: Datalab) -> None:
    chain = lab.chain("first", ("second", {"below": 5.0}), "third")
    chain["first"].action = "drop"
    chain["second"].action = "drop"
    frame = chain.run().frame()
    # x < 3: rows 0, 1, 2. z < 5: the last five rows. Then x of what is left begins at 3.
    assert frame["rows_in"].tolist() == [20, 17, 12]
    assert frame["flagged"].tolist() == [3, 5, 0]
    assert frame["rows_out"].tolist() == [17, 12, 12]
    assert frame["action"].tolist() == ["drop", "drop", "flag"]
    assert frame["parameters"].tolist() == ["", "below=5.0", ""]
    assert chain.lab.rows.tolist() == list(range(3, 15))
    assert list(chain.lab.issues.index) == [f"r{i}" for i in range(3, 15)]
    assert len(chain.after("first")) == 17
    assert len(lab) == 20


def test_what_runs_after_each_kind_of_edit(lab: Datalab) -> None:
    chain = lab.chain("first", "second", "third")
    assert ran(chain) == ["first", "second", "third"]
    assert ran(chain) == []

    chain["second"].set(below=4.0)
    assert chain.frame()["state"].tolist() == ["fresh", "stale", "stale"]
    assert ran(chain) == ["second", "third"]
    chain["second"].set(below=4.0)  # nothing new
    assert ran(chain) == []

    chain["third"].action = "drop"
    assert ran(chain) == ["third"]
    chain.insert(1, ("null", {}))
    assert chain.frame()["state"].tolist() == ["fresh", "not run", "stale", "stale"]
    assert ran(chain) == ["second", "third"]
    chain.move("third", 0)
    assert chain.frame()["state"].tolist() == ["stale", "stale", "stale", "stale"]
    assert ran(chain) == ["third", "first", "second"]
    chain["first"].enabled = False
    assert chain.frame()["state"].tolist() == ["fresh", "off", "stale", "stale"]
    assert ran(chain) == ["second"]
    chain["first"].enabled = True  # its result still holds
    assert ran(chain) == ["second"]
    chain.remove("null")
    assert chain.frame()["state"].tolist() == ["fresh", "fresh", "stale"]
    assert ran(chain) == ["second"]
    chain.append("first")
    assert chain.frame()["state"].tolist()[-1] == "not run"
    assert ran(chain) == ["first"]


def test_new_inputs_make_every_step_stale(lab: Datalab) -> None:
    chain = lab.chain("first", "second").run()
    lab.give(features=np.random.default_rng(0).normal(size=(20, 2)))
    assert chain.frame()["state"].tolist() == ["stale", "stale"]
    with pytest.raises(InputError, match="did not run since something changed"):
        _ = chain.lab
    assert ran(chain) == ["first", "second"]
    lab.review.relabel(["r4"], "b")
    assert chain.frame()["state"].tolist() == ["stale", "stale"]
    assert ran(chain) == ["first", "second"]
    assert chain.lab.data.loc["r4", "y"] == "b"
    lab.review.exclude(["r0"])
    assert ran(chain) == ["first", "second"]
    assert chain.frame()["rows_in"].tolist() == [19, 19]
    lab.review.note(["r1"], "a note changes nothing").undo()
    assert ran(chain) == []
    assert ran(chain.run(random_state=1)) == []
    RAN.clear()
    chain.run(rules="reference")
    assert RAN == ["first", "second"]


def test_a_manager_changed_by_hand_is_stale(lab: Datalab) -> None:
    manager = Counting()
    chain = lab.chain(manager, "second").run()
    manager.below = 7.0
    assert chain.frame()["state"].tolist() == ["stale", "stale"]


def test_the_same_check_twice(lab: Datalab) -> None:
    chain = lab.chain("first", ("first", {"below": 10.0}), "first")
    assert [step.name for step in chain] == ["first", "first#2", "first#3"]
    chain["first#2"].action = "drop"
    frame = chain.run().frame()
    assert frame["flagged"].tolist() == [3, 10, 0]
    assert chain.outcome("first#2").findings.num_issues == 10  # type: ignore[union-attr]
    chain.remove("first")
    chain.append("first")
    assert [step.name for step in chain] == ["first#2", "first#3", "first"]


def test_an_interruption_keeps_finished_steps(
    lab: Datalab, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = lab.chain("first", "second", "third")

    def interrupted(self: Any, table: Any) -> Findings:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Second, "find_issues", interrupted)
        with pytest.raises(KeyboardInterrupt) as stopped:
            chain.run()
    told = "datalab: finished and kept: first; run() goes on with second"
    assert stopped.value.__notes__ == [told]  # shown below the traceback
    assert chain.frame()["state"].tolist() == ["fresh", "not run", "not run"]
    assert len(chain.after("first").outcomes) == 1
    assert ran(chain) == ["second", "third"]


def test_an_interruption_while_flags_are_acted_on_repeats_the_step(
    lab: Datalab, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = lab.chain("first", "second")
    chain["first"].action = "review"
    decide = Review.decide

    def interrupted(self: Any, *args: Any, **kwargs: Any) -> None:
        decide(self, *args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Review, "decide", interrupted)
        with pytest.raises(KeyboardInterrupt) as stopped:
            chain.run()
    assert stopped.value.__notes__ == ["datalab: nothing yet; run() goes on with first"]
    decided = len(lab.review.frame())
    assert ran(chain) == ["first", "second"]
    assert len(lab.review.frame()) == decided > 0  # nothing is decided twice


def test_errors_name_the_remedy(lab: Datalab) -> None:
    chain = lab.chain("first")
    with pytest.raises(NotFound, match="did you mean 'first'"):
        chain["frist"]
    with pytest.raises(NotFound, match="1 steps"):
        chain[3]
    with pytest.raises(InputError, match="did you mean 'drop'"):
        chain["first"].action = "dorp"  # type: ignore[assignment]
    with pytest.raises(TypeError, match="enabled"):
        chain["first"].enabled = "yes"  # type: ignore[assignment]
    with pytest.raises(InputError, match="did you mean 'below'"):
        chain["first"].set(belo=3)
    with pytest.raises(NotFound, match="outlier"):
        lab.chain("outlierr")
    chain["first"].set(below=100.0).action = "drop"
    with pytest.raises(InputError, match="no row would stay"):
        chain.run()
    chain["first"].set(below=1.0).action = "relabel"
    with pytest.raises(InputError, match="suggests no labels"):
        chain.run()
    chain["first"].enabled = False
    with pytest.raises(InputError, match="switched off"):
        chain.after("first")
    assert chain.run().lab is lab


# --- real checks ---------------------------------------------------------------------------------


@pytest.fixture
def planted() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    truth = np.repeat([0, 1], 100)
    features = rng.normal(size=(200, 4)) + 4 * np.eye(4)[truth]
    features[50], features[120] = features[51], features[121]
    features[7] = 60
    given = truth.copy()
    given[[3, 150, 160]] ^= 1
    pred_probs = np.where(np.eye(2)[truth] == 1, 0.9, 0.1) + rng.normal(scale=0.01, size=(200, 1))
    pred_probs = np.clip(np.column_stack([pred_probs[:, 0], 1 - pred_probs[:, 0]]), 0, 1)
    frame = pd.DataFrame({"id": np.arange(200) * 7 % 200, "y": np.array(["no", "yes"])[given]})
    return frame, features, pred_probs


def from_scratch(
    frame: pd.DataFrame, features: np.ndarray, pred_probs: np.ndarray, rows: np.ndarray, issue: Any
) -> pd.DataFrame:
    lab = Datalab(frame.iloc[rows], label_name="y", verbosity=0)
    lab.find_issues([issue], features=features[rows], pred_probs=pred_probs[rows])
    return lab.get_issues(issue if isinstance(issue, str) else issue.name)


@pytest.mark.parametrize("metric", [None, "euclidean", "cosine"])
def test_a_chain_gives_what_fresh_runs_give(planted: Any, metric: str | None) -> None:
    frame, features, pred_probs = planted
    lab = Datalab(frame, label_name="y", verbosity=0, ledger=False)
    lab.give(features=features, pred_probs=pred_probs)
    duplicates = NearDuplicate(metric=metric)
    chain = lab.chain(duplicates, ("outlier", {"metric": metric}), Label(filter_by="both"))
    chain["outlier"].action = "drop"
    chain["label"].action = "relabel"
    chain.run()

    rows = np.arange(200)
    expected = from_scratch(frame, features, pred_probs, rows, duplicates)
    got = chain.after("near_duplicate")
    flagged = expected["is_near_duplicate_issue"].to_numpy()
    assert set(np.flatnonzero(flagged)) >= {50, 51, 120, 121}
    rows = rows[~flagged | expected["is_kept"].to_numpy()]
    assert got.rows.tolist() == rows.tolist()

    lab2 = Datalab(frame.iloc[rows], label_name="y", verbosity=0)
    lab2.find_issues({"outlier": {"metric": metric}}, features=features[rows])
    expected = lab2.get_issues("outlier")
    outcome = chain.outcome("outlier")
    assert outcome.findings is not None
    np.testing.assert_array_equal(outcome.findings.is_issue, expected["is_outlier_issue"])
    np.testing.assert_allclose(outcome.findings.score, expected["outlier_score"], rtol=1e-6)
    restricted = [note for note in outcome.notes if "restricted" in note]
    assert bool(restricted) == (metric is not None)

    rows = rows[~outcome.findings.is_issue]
    expected = from_scratch(frame, features, pred_probs, rows, Label(filter_by="both"))
    label = chain.outcome("label").findings
    assert label is not None
    np.testing.assert_array_equal(label.is_issue, expected["is_label_issue"])
    assert chain.lab.rows.tolist() == rows.tolist()
    # The planted errors are corrected in the data at the end, and nowhere else.
    corrected = chain.lab.data["y"]
    was = frame["y"].iloc[rows]
    changed = rows[(corrected != was).to_numpy()].tolist()
    assert changed == rows[label.is_issue].tolist()
    assert set(changed) <= {3, 150, 160}
    assert len(changed) >= 2
    assert frame["y"].iloc[3] == "yes"


def test_chains_are_saved_as_plain_values_and_as_code(planted: Any) -> None:
    frame, features, pred_probs = planted
    lab = Datalab(frame, label_name="y", verbosity=0, ledger=False)
    lab.give(features=features, pred_probs=pred_probs)
    chain = lab.chain("near_duplicate", ("outlier", {"threshold": 0.2}), Label(filter_by="both"))
    chain["label"].action = "relabel"
    chain["outlier"].enabled = False
    chain.run(random_state=3)
    saved = json.loads(json.dumps(chain.to_dict()))
    again = Chain.from_dict(lab, saved)
    assert again.to_dict() == chain.to_dict()
    space: dict[str, Any] = {"lab": lab}
    exec(chain.to_code(), space)  # noqa: S102 (this is what a person does with it)
    columns = ["step", "parameters", "rows_in", "flagged", "action", "rows_out", "state"]
    expected = chain.frame()[columns]
    pd.testing.assert_frame_equal(space["chain"].frame()[columns], expected)
    pd.testing.assert_frame_equal(again.run().frame()[columns], expected)


def test_chains_that_cannot_be_saved_or_read(lab: Datalab) -> None:
    with pytest.raises(InputError, match="parameter 'below' is ndarray"):
        lab.chain(Counting(np.ones(3))).to_dict()  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not a saved chain"):
        Chain.from_dict(lab, {})
    with pytest.raises(InputError, match="install a newer datalab"):
        Chain.from_dict(lab, {"version": 99, "steps": []})


def test_review_puts_flagged_rows_on_the_list_once(lab: Datalab) -> None:
    lab.review.keep(["r1"])
    chain = lab.chain("first", "second")
    chain["first"].action = "review"
    chain.run()
    verdicts = lab.review.refresh().verdicts()
    assert verdicts[:4].tolist() == ["needs_review", "keep", "needs_review", None]
    decided = len(lab.review.frame())
    assert ran(chain) == []
    chain["first"].set(below=2.5)
    chain.run()
    assert len(lab.review.frame()) == decided


def test_what_a_chain_shows(lab: Datalab) -> None:
    chain = lab.chain(("first", {"below": 1.0}))
    assert "not run" in repr(chain)
    chain.run()
    assert "below=1.0" in repr(chain)
    assert "fresh" in chain._repr_html_()
    assert repr(lab.chain()) == "Chain without steps: append() some"
    assert repr(chain["first"]) == "ChainStep(first(below=1.0), action='flag')"


def test_a_hidden_parameter_is_named(lab: Datalab) -> None:
    class Hiding(Counting):
        name: ClassVar[str] = "hiding"

        def __init__(self, below: float = 3.0) -> None:
            self._below = below

    with pytest.raises(InputError, match="attributes of the same name"):
        lab.chain(Hiding()).insert(0, "first")["hiding"].set()


# --- step by step --------------------------------------------------------------------------------


def test_drop_and_keep_step_by_step(lab: Datalab) -> None:
    once = lab.find_issues(["first"]).drop("first")
    assert once.rows.tolist() == list(range(3, 20))
    twice = once.find_issues(["second"]).drop("second", below=0.05)
    assert twice.rows.tolist() == list(range(3, 15))
    some = twice.keep(["r5", "r3"])
    assert list(some.data.index) == ["r3", "r5"]
    assert some.rows.tolist() == [3, 5]
    assert some.keep([True, False]).rows.tolist() == [3]
    assert some.history["rows_out"].tolist() == [20, 17, 17, 12, 2]
    assert len(lab) == 20
    assert list(some.issues.columns[:2]) == ["is_first_issue", "first_score"]
    assert "found before" in repr(some.outcomes)


def test_duplicates_of_which_no_other_is_left_are_flagged_no_more() -> None:
    features = np.random.default_rng(0).normal(size=(40, 3))
    features[[1, 3, 4]] = features[[0, 2, 2]]
    whole = Datalab({"x": np.arange(40)}, task=None, verbosity=0)
    whole.find_issues(["near_duplicate"], features=features)
    assert np.flatnonzero(whole.issues["is_near_duplicate_issue"]).tolist() == [0, 1, 2, 3, 4]
    clean = whole.drop("near_duplicate")
    assert len(clean) == 37
    found = clean.get_issues("near_duplicate")
    assert not found["is_near_duplicate_issue"].any()
    assert "0 of 1 checks found something" in str(clean)
    assert found["near_duplicate_score"].min() > 0
    assert clean.get_info("near_duplicate")["num_sets"] == 0
    some = whole.keep(np.arange(40) > 1).keep(np.arange(38) > 0)  # two of the second set
    assert np.flatnonzero(some.issues["is_near_duplicate_issue"]).tolist() == [0, 1]
    assert some.get_info("near_duplicate")["num_sets"] == 1
    assert whole.get_info("near_duplicate")["num_sets"] == 2


def test_drop_says_what_is_wrong(lab: Datalab) -> None:
    with pytest.raises(InputError, match="name issue types"):
        lab.drop()
    with pytest.raises(NotFound, match="call find_issues"):
        lab.drop("first")
    lab.find_issues({"first": {"below": 1000.0}})
    with pytest.raises(InputError, match="no row would stay"):
        lab.drop("first")
    with pytest.raises(NotFound, match="'r99'"):
        lab.keep(["r99"])


def test_findings_that_name_other_rows_follow_them() -> None:
    features = np.array([[0.0], [5.0], [0.0], [9.0], [5.0], [20.0], [0.0], [31.0]])
    lab = Datalab({"n": list("abcdefgh")}, task=None, verbosity=0, ledger=False)
    lab.find_issues(["near_duplicate"], features=features)
    part = lab.keep([0, 2, 4, 5, 7])
    issues = part.get_issues("near_duplicate")
    assert [list(one) for one in issues["near_duplicate_sets"]] == [[1], [0], [], [], []]


@pytest.mark.parametrize("task", ["classification", "regression", "multilabel"])
def test_labels_keep_their_classes_when_rows_go(task: str) -> None:
    labels: dict[str, list[Any]] = {
        "classification": ["a", "b", "c", "a"],
        "regression": [1.0, 2.0, 3.0, 4.0],
        "multilabel": [["a"], ["b", "c"], [], ["c"]],
    }
    lab = Datalab({"x": [1, 2, 3, 4], "y": labels[task]}, task, "y", verbosity=0, ledger=False)
    part = lab.keep([0, 3])
    assert part.class_names == lab.class_names
    assert part.data["y"] == [labels[task][0], labels[task][3]]


class Above:
    """Rows whose first feature is above some level."""

    name = "above"

    def __init__(self, level: float = 1.0, levels: Any = None, reduce: Any = np.mean) -> None:
        self.level, self.levels, self.reduce = level, levels, reduce

    def find_issues(self, features: Any) -> Findings:
        return Findings(
            "above", is_issue=features[:, 0] > self.level, score=np.full(len(features), 0.5)
        )


def test_code_runs_as_it_is_for_every_kind_of_parameter() -> None:
    features = np.random.default_rng(0).normal(size=(60, 3))
    labels = (features[:, 0] > 0).astype(int)
    pred_probs = np.where(np.eye(2)[labels] == 1, 0.8, 0.2)
    pred_probs[3] = pred_probs[3, ::-1]
    lab = Datalab({"y": labels}, label_name="y", verbosity=0, ledger=False)
    lab.give(features=features, pred_probs=pred_probs)
    chain = lab.chain(
        Above(levels=np.array([1.5, np.nan])),
        ("outlier", {"threshold": np.float64(0.3), "features": features[:, :2]}),
        "label",
        "label",
        ("underperforming_group", {"cluster_ids": labels}),
    )
    chain["above"].set(level=np.float32(0.5), reduce=np.median)
    chain["above"].action = "drop"
    chain["label#2"].action = "drop"
    chain.move("label#2", 0)  # the second of its kind now comes first
    told = chain.run().frame().drop(columns=["seconds", "step", "parameters"])
    names: dict[str, Any] = {"lab": lab}
    exec(chain.to_code(), names)  # noqa: S102
    again = names["chain"].frame().drop(columns=["seconds", "step", "parameters"])
    pd.testing.assert_frame_equal(told, again)
    with pytest.raises(InputError, match="cannot be saved"):
        chain.to_dict()


def test_code_names_what_it_cannot_write() -> None:
    lab = Datalab({"x": [1.0, 2.0]}, task=None, verbosity=0, ledger=False)
    code = lab.chain(Above(reduce=lambda values: values)).to_code()
    assert "# above_reduce: function" in code
    assert "Above(reduce=above_reduce)" in code


def test_an_array_of_one_step_is_not_left_out_silently() -> None:
    lab = Datalab({"x": [1.0, 2.0, 3.0]}, task=None, verbosity=0, ledger=False)
    chain = lab.chain(("outlier", {"features": np.eye(3)}))
    with pytest.raises(InputError, match="'features' is ndarray"):
        chain.to_dict()


def test_predictions_that_are_made_do_not_depend_on_neighbours_to_spare() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(["good", "bad"], 40)
    texts = [f"{word} film number {i % 37} by the sea" for i, word in enumerate(truth)]
    labels = truth.copy()
    labels[rng.choice(80, 6, replace=False)] = "good"
    data = pd.DataFrame({"text": texts, "y": labels})

    def lab(of: pd.DataFrame) -> Datalab:
        return Datalab(of, label_name="y", text_key="text", verbosity=0, ledger=False)

    chain = lab(data).chain("near_duplicate", "label").run()
    alone = lab(data.iloc[chain.lab.rows]).find_issues(["label"])
    scores = chain.outcome("label").findings.score  # type: ignore[union-attr]
    np.testing.assert_array_equal(scores, alone.get_issues("label")["label_score"])


def test_a_review_that_is_only_opened_makes_nothing_stale(planted: Any) -> None:
    frame, features, pred_probs = planted
    lab = Datalab(frame, label_name="y", verbosity=0, ledger=False)
    lab.find_issues(["label"], pred_probs=pred_probs, features=features)
    chain = lab.chain("label").run()
    assert len(lab.review) == 0  # as every view does
    assert chain.frame()["state"].tolist() == ["fresh"]
