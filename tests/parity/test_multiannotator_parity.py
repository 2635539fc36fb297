"""Side by side with cleanlab 2.9.0: generated answers, every option."""

import contextlib
import io
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from datalab import multiannotator as ours

reference = pytest.importorskip("cleanlab.multiannotator")


def quietly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The reference prints, warns and writes into its arguments."""
    args = tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


def crowd(
    seed: int,
    n_classes: int = 3,
    n_items: int = 60,
    n_annotators: int = 6,
    most: int = 4,
    accuracy: float = 0.7,
    decimals: int | None = None,
    missing_class: bool = False,
    lonely: bool = False,
    zeros: bool = False,
    skill: float = 2.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Answers (N, A) of annotators with errors, 1 to `most` per item, and predictions (N, K)."""
    rng = np.random.default_rng(seed)
    used = n_classes - missing_class
    truth = rng.integers(0, used, n_items)
    wide = np.full((n_items, n_annotators), np.nan)
    for item in range(n_items):
        asked = rng.choice(n_annotators, rng.integers(1, most + 1), replace=False)
        right = rng.random(len(asked)) < accuracy
        wide[item, asked] = np.where(right, truth[item], rng.integers(0, used, len(asked)))
    if lonely:  # an annotator who shares no item with anybody
        alone = np.full((3, n_annotators + 1), np.nan)
        alone[:, -1] = rng.integers(0, used, 3)
        wide = np.vstack([np.c_[wide, np.full(n_items, np.nan)], alone])
        truth = np.r_[truth, rng.integers(0, used, 3)]
    logits = rng.normal(size=(len(wide), n_classes))
    logits[np.arange(len(wide)), truth] += skill
    probs = np.exp(logits)
    if zeros:
        probs[probs < 0.5] = 0
        probs[np.arange(len(probs)), truth] += 0.1
    probs /= probs.sum(axis=1, keepdims=True)
    return wide, probs if decimals is None else probs.round(decimals)


CASES: dict[str, dict[str, Any]] = {
    "two classes": {"n_classes": 2},
    "three classes": {},
    "ten classes": {"n_classes": 10, "n_items": 120},
    "200 classes": {"n_classes": 200, "n_items": 150},
    "missing class": {"n_classes": 4, "missing_class": True},
    "rounded": {"n_classes": 10, "decimals": 2},
    "no overlap for one": {"lonely": True},
    "weak model": {"skill": 0.0},
    "very good model": {"skill": 8.0},
    "weak annotators": {"accuracy": 0.3},
    "perfect annotators": {"accuracy": 1.0},
    "few per item": {"most": 2},
    "zero probabilities": {"zeros": True},
}


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert list(found) == list(expected)
    for name, value in expected.items():
        if isinstance(value, pd.DataFrame):
            assert_frame_equal(found[name], value, rtol=0, atol=1e-6)
        else:
            assert type(found[name]) is type(value)
            np.testing.assert_allclose(found[name], value, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("consensus_method", ["best_quality", "majority_vote"])
def test_crowdlab(case: str, consensus_method: str) -> None:
    for seed, calibrate in itertools.product(range(2), (False, True)):
        wide, probs = crowd(seed, **CASES[case])
        options = {
            "consensus_method": consensus_method,
            "calibrate_probs": calibrate,
            "return_weights": True,
        }
        before = wide.copy(), probs.copy()
        found = ours.get_label_quality_multiannotator(wide, probs, **options)
        np.testing.assert_array_equal(wide, before[0])
        np.testing.assert_array_equal(probs, before[1])
        expected = quietly(reference.get_label_quality_multiannotator, wide, probs, **options)
        assert_same(found, expected)


@pytest.mark.parametrize("case", CASES)
def test_agreement(case: str) -> None:
    wide, probs = crowd(5, **CASES[case])
    for method in ("best_quality", "majority_vote"):
        options = {"consensus_method": method, "quality_method": "agreement"}
        found = ours.get_label_quality_multiannotator(wide, probs, **options)
        expected = quietly(reference.get_label_quality_multiannotator, wide, probs, **options)
        assert_same(found, expected)


@pytest.mark.parametrize(
    "methods",
    [
        ["majority_vote"],
        ["best_quality", "majority_vote"],
        ["majority_vote", "best_quality"],
        ["best_quality", "best_quality"],
    ],
)
@pytest.mark.parametrize("quality_method", ["crowdlab", "agreement"])
def test_several_consensus_methods(methods: list[str], quality_method: str) -> None:
    wide, probs = crowd(1, n_items=100)
    options = {
        "consensus_method": methods,
        "quality_method": quality_method,
        "return_weights": quality_method == "crowdlab",
    }
    assert_same(
        ours.get_label_quality_multiannotator(wide, probs, **options),
        quietly(reference.get_label_quality_multiannotator, wide, probs, **options),
    )


@pytest.mark.parametrize(
    "case", ["two classes", "ten classes", "missing class", "zero probabilities"]
)
@pytest.mark.parametrize(
    "scoring",
    [
        {"method": "normalized_margin"},
        {"method": "confidence_weighted_entropy"},
        {"adjust_pred_probs": True},
        {"method": "normalized_margin", "adjust_pred_probs": True},
    ],
)
def test_label_quality_score_kwargs(case: str, scoring: dict[str, Any]) -> None:
    wide, probs = crowd(2, **CASES[case])
    for method, detailed in itertools.product(("crowdlab", "agreement"), (True, False)):
        options = {
            "quality_method": method,
            "label_quality_score_kwargs": scoring,
            "return_detailed_quality": detailed,
        }
        if method == "agreement" and scoring.get("method") == "confidence_weighted_entropy":
            continue  # the reference divides by zero
        assert_same(
            ours.get_label_quality_multiannotator(wide, probs, **options),
            quietly(reference.get_label_quality_multiannotator, wide, probs, **options),
        )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("calibrate", [False, True])
def test_ensemble(case: str, calibrate: bool) -> None:
    wide, probs = crowd(3, **CASES[case])
    rng = np.random.default_rng(0)
    members = np.stack([probs, rng.dirichlet(np.ones(probs.shape[1]), len(probs)), probs[::-1]])
    options = {"calibrate_probs": calibrate, "return_weights": True}
    before = members.copy()
    found = ours.get_label_quality_multiannotator_ensemble(wide, members, **options)
    np.testing.assert_array_equal(members, before)  # the reference writes into them
    expected = quietly(
        reference.get_label_quality_multiannotator_ensemble, wide, members, **options
    )
    assert_same(found, expected)


def test_every_combination_of_tables() -> None:
    wide, probs = crowd(4)
    for detailed, stats, weights in itertools.product((False, True), repeat=3):
        options = {
            "return_detailed_quality": detailed,
            "return_annotator_stats": stats,
            "return_weights": weights,
        }
        assert_same(
            ours.get_label_quality_multiannotator(wide, probs, **options),
            quietly(reference.get_label_quality_multiannotator, wide, probs, **options),
        )


FRAMES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "names": lambda frame: frame.set_axis(list("fedcba"), axis=1),
    "named axes": lambda frame: frame.rename_axis(index="row", columns="who"),
    "index": lambda frame: frame.set_axis([f"r{i}" for i in range(len(frame))], axis=0),
    "mixed names": lambda frame: frame.set_axis([3, "a", 2.5, 0, 1, 2], axis=1),
    "dates as names": lambda frame: frame.set_axis(pd.date_range("2020", periods=6), axis=1),
    "two levels": lambda frame: frame.set_axis(
        pd.MultiIndex.from_product([["x", "y"], [1, 2, 3]]), axis=1
    ),
    "nullable": lambda frame: frame.astype("Int64"),
    "objects": lambda frame: frame.astype(object),
    "columns apart": lambda frame: pd.DataFrame({name: frame[name] for name in frame}),
    "float32": lambda frame: frame.astype(np.float32),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_frames(kind: str) -> None:
    wide, probs = crowd(6)
    frame = FRAMES[kind](pd.DataFrame(wide))
    assert_same(
        ours.get_label_quality_multiannotator(frame, probs),
        quietly(reference.get_label_quality_multiannotator, frame, probs),
    )


def test_float32_probabilities() -> None:
    wide, probs = crowd(6, n_classes=10)
    found = ours.get_label_quality_multiannotator(wide, probs.astype(np.float32))
    expected = quietly(reference.get_label_quality_multiannotator, wide, probs.astype(np.float32))
    for name, frame in expected.items():
        assert_frame_equal(found[name], frame, rtol=0, atol=1e-4)


@pytest.mark.parametrize("seed", range(60))
def test_majority_vote_ties(seed: int) -> None:
    """Where the reference draws at random, ours is one of those that it draws from."""
    rng = np.random.default_rng(seed)
    wide, probs = crowd(
        seed, n_classes=4, n_items=30, most=4, accuracy=0.3, decimals=1 if seed % 2 else None
    )
    given = probs if seed % 3 else None
    found = ours.get_majority_vote_label(wide, given, verbose=False)
    expected = quietly(reference.get_majority_vote_label, wide, given)
    counts = np.stack([(wide == k).sum(axis=1) for k in range(4)], axis=1)
    rarity = -counts.sum(axis=0)
    for row in np.flatnonzero(found != expected):
        for values in (counts[row], rarity, probs[row] if given is not None else rarity):
            assert values[found[row]] == values[expected[row]]
    assert (found != expected).mean() < 0.1
    assert found.dtype == expected.dtype
    again = rng.permutation(len(wide))
    second = ours.get_majority_vote_label(
        wide[again], None if given is None else given[again], verbose=False
    )
    np.testing.assert_array_equal(second, found[again])


@pytest.mark.parametrize("case", CASES)
def test_active_learning(case: str) -> None:
    wide, probs = crowd(7, **CASES[case])
    pool = np.random.default_rng(0).dirichlet(np.ones(probs.shape[1]), 40)
    models, pools = np.stack([probs, probs[::-1]]), np.stack([pool, pool[::-1]])
    for name, arguments in {
        "get_active_learning_scores": (wide, probs, pool),
        "get_active_learning_scores_ensemble": (wide, models, pools),
    }.items():
        answers, labelled, unlabelled = arguments
        for given in (
            arguments,
            (answers, labelled, None),
            (answers, None, unlabelled),
            (None, None, unlabelled),
        ):
            found = getattr(ours, name)(*given)
            expected = quietly(getattr(reference, name), *given)
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("columns", [1, 3])
def test_active_learning_with_one_label_each(columns: int) -> None:
    _, probs = crowd(8, n_classes=4)
    labels = np.random.default_rng(0).integers(0, 4, len(probs))
    wide = np.full((len(probs), columns), np.nan)
    wide[np.arange(len(probs)), np.arange(len(probs)) % columns] = labels
    models = np.stack([probs, probs[::-1], probs**2])
    for name, given in {
        "get_active_learning_scores": (wide, probs, probs[:9]),
        "get_active_learning_scores_ensemble": (wide, models, models[:, :9]),
    }.items():
        found, expected = getattr(ours, name)(*given), quietly(getattr(reference, name), *given)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(
    "long",
    [
        {"task": [3, 1, 1, 2], "annotator": ["b", "a", "b", "c"], "label": [0, 1, 2, 1]},
        {"task": ["u", "v"], "annotator": [2, 1], "label": ["x", "y"]},
        {"task": [1, 1, 2, 2], "annotator": ["b", "a"] * 2, "label": [0, 1, 0, 0]},
        {"task": [1.5, 0.5], "annotator": [None, "a"], "label": [0, 1], "more": [1, 2]},
    ],
)
def test_long_to_wide(long: dict[str, list[Any]]) -> None:
    frame = pd.DataFrame(long)
    assert_frame_equal(
        ours.convert_long_to_wide_dataset(frame),
        quietly(reference.convert_long_to_wide_dataset, frame),
    )
