"""The doors of datalab.multiannotator: what they accept, refuse and return."""

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datalab.exceptions import InputError, InputTypeError
from datalab.multiannotator import (
    convert_long_to_wide_dataset,
    get_active_learning_scores,
    get_active_learning_scores_ensemble,
    get_label_quality_multiannotator,
    get_label_quality_multiannotator_ensemble,
    get_majority_vote_label,
)

NAN = np.nan
WIDE = np.array([[0, 0, 1], [1, 1, NAN], [2, NAN, 2], [NAN, 0, 1], [1, 1, 1]], dtype=float)
PROBS = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0.3, 0.5, 0.2], [0.1, 0.8, 0.1]]
)


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert list(one) == list(other)
    for name, frame in one.items():
        pd.testing.assert_frame_equal(frame, other[name])


@pytest.mark.parametrize(
    "labels",
    [
        WIDE.tolist(),
        [[None if np.isnan(x) else int(x) for x in row] for row in WIDE],
        np.asfortranarray(WIDE),
        WIDE.astype(np.float32),
        np.ma.masked_invalid(WIDE).filled(NAN),
        pd.DataFrame(WIDE).astype("Int64").to_numpy(),
        WIDE.repeat(2, axis=0)[::2],
    ],
    ids=["list", "None", "by column", "float32", "masked", "objects", "strided"],
)
def test_any_array_like(labels: Any) -> None:
    same(
        get_label_quality_multiannotator(labels, PROBS.tolist()),
        get_label_quality_multiannotator(WIDE, PROBS),
    )


def test_inputs_stay_as_they_are() -> None:
    frame, probs = pd.DataFrame(WIDE, columns=list("abc")), PROBS.copy()
    members = np.stack([PROBS, PROBS**2])
    before = frame.copy(), probs.copy(), members.copy()
    get_label_quality_multiannotator(frame, probs, calibrate_probs=True)
    get_label_quality_multiannotator_ensemble(frame, members, calibrate_probs=True)
    get_active_learning_scores_ensemble(frame, members, members)
    pd.testing.assert_frame_equal(frame, before[0])
    np.testing.assert_array_equal(probs, before[1])
    np.testing.assert_array_equal(members, before[2])


def changed(row: int, column: int, value: Any) -> np.ndarray:
    labels = WIDE.astype(object if isinstance(value, str) else float)
    labels[row, column] = value
    return labels


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ("abc", "must be array-like"),
        (None, "must be array-like"),
        (WIDE[:, 0], "two-dimensional"),
        (WIDE[None], "two-dimensional"),
        (np.empty((0, 3)), "two-dimensional"),
        (changed(0, 0, "cat"), r"codes 0..K-1, got \['cat'"),
        (np.array([["a", "b"], ["b", "b"]]), "encode labels first"),
        (changed(1, 1, -2), "got -2 in row 1 by annotator 1"),
        (changed(1, 1, 0.5), "got 0.5 in row 1"),
        (changed(1, 1, np.inf), "got inf in row 1"),
        (pd.DataFrame(changed(1, 1, 0.5), columns=list("abc")), "in row 1 by annotator 'b'"),
        (np.vstack([WIDE, np.full(3, NAN)]), r"no label at all in 1 rows: \[5\]"),
        (np.column_stack([WIDE, np.full(5, NAN)]), r"annotators without any label: \[3\]"),
    ],
)
def test_refused_labels(labels: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told) as raised:
        get_label_quality_multiannotator(labels, PROBS)
    assert "labels_multiannotator" in str(raised.value)
    with pytest.raises(ValueError, match=told):
        get_majority_vote_label(labels)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (WIDE[:, :1][[0, 1, 2, 4]], "single column"),
        (np.array([[0, NAN], [NAN, 1], [2, NAN], [NAN, 0]]), "one label on every example"),
    ],
)
def test_a_single_label_has_nothing_to_be_compared_with(labels: np.ndarray, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        get_label_quality_multiannotator(labels, PROBS[:4])
    for probs in (None, PROBS[:4]):
        vote = get_majority_vote_label(labels, probs, verbose=False)
        np.testing.assert_array_equal(vote, np.nanmax(labels, axis=1))


@pytest.mark.parametrize(
    ("probs", "told"),
    [
        (PROBS[:4], "`pred_probs` has 4 rows but `labels_multiannotator` has 5"),
        (PROBS[:, :2], "`pred_probs` has 2 columns but .* goes up to 2"),
        (PROBS * 2, "must be probabilities"),
        (np.where(PROBS > 0.7, NAN, PROBS), "must be probabilities"),
        (PROBS[0], "must have shape"),
        (np.stack([PROBS, PROBS]), "must have shape"),
    ],
)
def test_refused_probabilities(probs: np.ndarray, told: str) -> None:
    for function in (get_label_quality_multiannotator, get_active_learning_scores):
        with pytest.raises(InputError, match=told):
            function(WIDE, probs)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"consensus_method": "best"}, "known: majority_vote, best_quality"),
        ({"consensus_method": []}, "empty list"),
        ({"consensus_method": ["majority_vote", "x"]}, "`consensus_method` is 'x'"),
        ({"quality_method": "agree"}, "did you mean 'agreement'"),
        ({"quality_method": "agreement", "return_weights": True}, "return_weights"),
        ({"label_quality_score_kwargs": {"method": "margin"}}, "`method` is 'margin'"),
        (
            {
                "label_quality_score_kwargs": {
                    "method": "confidence_weighted_entropy",
                    "adjust_pred_probs": True,
                }
            },
            "cannot be used",
        ),
    ],
)
def test_refused_options(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        get_label_quality_multiannotator(WIDE, PROBS, **options)


def test_unknown_scoring_argument() -> None:
    with pytest.raises(InputTypeError, match="did you mean 'adjust_pred_probs'"):
        get_label_quality_multiannotator(
            WIDE, PROBS, label_quality_score_kwargs={"adjust_pred_prob": True}
        )


def test_ensembles_have_three_dimensions() -> None:
    for function in (
        get_label_quality_multiannotator_ensemble,
        get_active_learning_scores_ensemble,
    ):
        with pytest.raises(InputError, match=r"shape \(P, N, K\)"):
            function(WIDE, PROBS)


def test_one_model_is_an_ensemble_too() -> None:
    same(
        get_label_quality_multiannotator_ensemble(WIDE, PROBS[None]),
        get_label_quality_multiannotator(WIDE, PROBS),
    )


def test_active_learning_needs_something() -> None:
    with pytest.raises(InputError, match="pred_probs_unlabeled"):
        get_active_learning_scores()
    with pytest.raises(InputError, match="needs `labels_multiannotator`"):
        get_active_learning_scores(pred_probs=PROBS)
    with pytest.raises(InputError, match="same models"):
        get_active_learning_scores(WIDE, PROBS, PROBS[:, :2])
    labelled, unlabelled = get_active_learning_scores(WIDE, PROBS)
    assert labelled.shape == (5,)
    assert unlabelled.shape == (0,)


def test_long_to_wide_refuses() -> None:
    with pytest.raises(InputError, match=r"it lacks \['label'\]"):
        convert_long_to_wide_dataset(pd.DataFrame({"task": [1], "annotator": [2]}))
    with pytest.raises(InputError, match="lacks"):
        convert_long_to_wide_dataset([[1, 2, 3]])
    twice = pd.DataFrame({"task": [1, 1], "annotator": ["a", "a"], "label": [0, 1]})
    with pytest.raises(InputError, match="two labels of annotator 'a' for task"):
        convert_long_to_wide_dataset(twice)


# ------------------------------------------------------------------------ without a model (Q17)


def crowd(seed: int = 0, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Three good annotators and two who press the same button, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    good = np.where(rng.random((n, 3)) < 0.8, truth[:, None], rng.integers(0, 3, (n, 3)))
    wide = np.column_stack([good, np.zeros(n), np.where(rng.random(n) < 0.9, 0, truth)])
    wide[rng.random(wide.shape) < 0.2] = NAN
    return wide[~np.isnan(wide).all(axis=1)], truth[~np.isnan(wide).all(axis=1)]


def test_consensus_without_a_model() -> None:
    wide, truth = crowd()
    found = get_label_quality_multiannotator(wide, verbose=False)
    assert list(found) == ["label_quality", "detailed_label_quality", "annotator_stats"]
    labels = found["label_quality"]
    assert list(labels) == [
        "consensus_label",
        "consensus_quality_score",
        "annotator_agreement",
        "num_annotations",
    ]
    majority = get_majority_vote_label(wide, verbose=False)
    assert (labels["consensus_label"] == truth).mean() > (majority == truth).mean() + 0.05
    assert labels["consensus_quality_score"].between(0, 1).all()
    stats = found["annotator_stats"]
    assert set(stats.index[:2]) == {3, 4}  # those two are the worst
    assert stats["annotator_quality"].is_monotonic_increasing
    detailed = found["detailed_label_quality"].to_numpy()
    np.testing.assert_array_equal(np.isnan(detailed), np.isnan(wide))


def test_methods_without_a_model() -> None:
    wide, _ = crowd(1)
    both = get_label_quality_multiannotator(
        wide, consensus_method=["best_quality", "majority_vote"], verbose=False
    )["label_quality"]
    vote = get_majority_vote_label(wide, verbose=False)
    assert (both["consensus_label_majority_vote"] == vote).all()
    best, other = both["consensus_quality_score"], both["consensus_quality_score_majority_vote"]
    assert (best >= other - 1e-12).all()
    plain = get_label_quality_multiannotator(wide, quality_method="agreement", verbose=False)
    assert (plain["label_quality"]["consensus_label"] == vote).all()
    share = plain["label_quality"]["annotator_agreement"]
    assert (plain["label_quality"]["consensus_quality_score"] == share).all()


def test_no_weights_without_a_model() -> None:
    with pytest.raises(ValueError, match="needs quality_method='crowdlab' and `pred_probs`"):
        get_label_quality_multiannotator(WIDE, return_weights=True)


def test_remarks_are_logged_not_printed(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    lonely = np.vstack([np.column_stack([WIDE, np.full(5, NAN)]), [NAN, NAN, NAN, 0]])
    probs = np.vstack([PROBS, PROBS[0]])
    with caplog.at_level(logging.INFO, logger="datalab"):
        get_label_quality_multiannotator(lonely, probs, verbose=False)
        assert not caplog.records
        found = get_label_quality_multiannotator(lonely, probs)
        get_majority_vote_label(lonely)
        get_label_quality_multiannotator(WIDE, PROBS, quality_method="agreement")
    texts = [record.getMessage() for record in caplog.records]
    assert "share no example with others" in texts[0]
    assert "[3]" in texts[0]
    assert "of 6 examples are tied" in texts[1]
    assert "majority_vote" in texts[2]
    assert capsys.readouterr().out == ""
    assert np.isnan(found["annotator_stats"]["annotator_quality"].iloc[-1])


# ------------------------------------------------------------ known truths and abstentions


@pytest.mark.parametrize("missing", [NAN, None, pd.NA, -1], ids=["NaN", "None", "NA", "minus one"])
def test_every_way_to_abstain(missing: Any) -> None:
    labels = [[0, 0, missing], [1, missing, 1], [0, 1, 1], [missing, 1, 0]]
    plain = np.array([[0, 0, NAN], [1, NAN, 1], [0, 1, 1], [NAN, 1, 0]])
    for given in (labels, pd.DataFrame(labels), pd.DataFrame(labels).astype("Int64")):
        for method in ("crowdlab", "dawid_skene"):
            found, wanted = (
                get_label_quality_multiannotator(one, quality_method=method, verbose=False)
                for one in (given, plain)
            )
            pd.testing.assert_frame_equal(
                found["label_quality"].reset_index(drop=True), wanted["label_quality"]
            )


def test_rows_without_labels_and_idle_functions() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    labels = np.where(rng.random((200, 4)) < 0.5, -1, truth[:, None])
    labels[:10], labels[:, 3] = -1, -1
    found = get_label_quality_multiannotator(labels, quality_method="dawid_skene", verbose=False)
    table, stats = found["label_quality"], found["annotator_stats"]
    silent = (labels == -1).all(axis=1)
    assert table["consensus_label"].isna().to_numpy().tolist() == silent.tolist()
    assert table["consensus_quality_score"].isna().to_numpy().tolist() == silent.tolist()
    assert (table["consensus_label"][~silent] == truth[~silent]).all()
    assert np.isnan(stats.loc[3, "annotator_quality"])
    assert stats.loc[3, "num_examples_labeled"] == 0
    probs = np.where(np.eye(2)[truth] == 1, 0.8, 0.2)
    with_model = get_label_quality_multiannotator(
        labels, probs, quality_method="dawid_skene", verbose=False
    )
    assert with_model["label_quality"]["consensus_label"].tolist() == truth.tolist()
    for method in ("crowdlab", "agreement"):
        with pytest.raises(ValueError, match="quality_method='dawid_skene'"):
            get_label_quality_multiannotator(labels, probs, quality_method=method)


@pytest.mark.parametrize("method", ["crowdlab", "dawid_skene", "agreement"])
@pytest.mark.parametrize("with_model", [False, True])
def test_known_truths_are_the_consensus(method: str, with_model: bool) -> None:
    gold = np.array([2, -1, NAN, 1, -1])
    probs = PROBS if with_model else None
    plain, found = (
        get_label_quality_multiannotator(
            WIDE, probs, quality_method=method, gold=given, verbose=False
        )
        for given in (None, gold)
    )
    table = found["label_quality"]
    assert table["consensus_label"][[0, 3]].tolist() == [2, 1]
    if method != "agreement":
        assert table["consensus_quality_score"][[0, 3]].tolist() == [1, 1]
    nobody = get_label_quality_multiannotator(
        WIDE, probs, quality_method=method, gold=[None] * 5, verbose=False
    )
    pd.testing.assert_frame_equal(nobody["label_quality"], plain["label_quality"])


def test_known_truths_sharpen_the_judgement_of_annotators() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400)
    wrong = (truth + 1) % 3  # two who make the same mistakes
    slips = rng.random(400) < 0.6
    labels = np.column_stack([np.where(slips, wrong, truth)] * 2 + [truth]).astype(float)
    gold = np.where(np.arange(400) < 40, truth, -1)
    probs = np.full((400, 3), 1 / 3)
    for given in (None, probs):
        blind, told = (
            get_label_quality_multiannotator(
                labels, given, quality_method="dawid_skene", gold=some, verbose=False
            )
            for some in (None, gold)
        )
        right = [
            (one["label_quality"]["consensus_label"] == truth)[40:].mean() for one in (blind, told)
        ]
        assert right[1] > 0.95 > 0.5 > right[0]
        assert told["annotator_stats"].index[-1] == 2
        assert blind["annotator_stats"].index[-1] != 2
    agreed = [
        get_label_quality_multiannotator(labels, probs, gold=some, verbose=False)["annotator_stats"]
        for some in (None, gold)
    ]
    assert agreed[1].loc[2, "annotator_quality"] > agreed[0].loc[2, "annotator_quality"]


@pytest.mark.parametrize(
    ("gold", "told"),
    [
        ([0, 1], r"`gold` has shape \(2,\) but"),
        ("cat", r"`gold` has shape \(\)"),
        (["cat"] * 5, "`gold` must hold class codes"),
        ([0.5, 0, 0, 0, 0], "got 0.5 in row 0"),
        ([0, -3, 0, 0, 0], "got -3 in row 1"),
        ([0, 7, 0, 0, 0], "or `gold` goes up to 7"),
    ],
)
def test_refused_truths(gold: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        get_label_quality_multiannotator(WIDE, PROBS, gold=gold)
