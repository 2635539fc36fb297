"""Votes, agreement and the quality of answers, by hand and as invariants."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core.multiannotator import (
    Answers,
    agreement_with,
    answer_quality,
    answers_from,
    best_labels,
    label_agreement,
    majority_vote,
    peer_agreement,
    ranked_shares,
    worst_class,
)

NAN = np.nan


def answers_of(wide: list[list[float]], n_classes: int) -> Answers:
    table = np.array(wide, dtype=float)
    item, annotator = np.nonzero(~np.isnan(table))
    return answers_from(
        item,
        annotator,
        table[item, annotator].astype(np.int64),
        n_items=len(table),
        n_annotators=table.shape[1],
        n_classes=n_classes,
    )


HAND = [
    [0, 0, 1],
    [1, 1, NAN],
    [2, 2, 2],
    [NAN, 0, 2],
    [1, NAN, NAN],
]


def test_tallies() -> None:
    answers = answers_of(HAND, 3)
    assert answers.votes.tolist() == [[2, 1, 0], [0, 2, 0], [0, 0, 3], [1, 0, 1], [0, 1, 0]]
    assert answers.per_item.tolist() == [3, 2, 3, 2, 1]
    assert answers.at_label(answers.votes).tolist() == [2, 2, 1, 2, 2, 3, 3, 3, 1, 1, 1]
    assert answers.sum_by_annotator().tolist() == [4, 4, 3]


def test_agreements() -> None:
    answers = answers_of(HAND, 3)
    consensus = np.array([0, 1, 2, 0, 1])
    assert label_agreement(answers, consensus) == pytest.approx([2 / 3, 1, 1, 1 / 2, 1])
    # pairs that agree / pairs: first annotator 1+1+2 of 2+1+2, …
    assert peer_agreement(answers) == pytest.approx([4 / 5, 4 / 6, 2 / 5])
    assert agreement_with(answers, consensus) == pytest.approx([1, 1, 1 / 3])
    assert agreement_with(answers, consensus, shared=True) == pytest.approx([1, 1, 1 / 3])


def test_who_shares_no_item_agrees_like_the_others() -> None:
    answers = answers_of([[0, 0, NAN], [1, 0, NAN], [NAN, NAN, 1]], 2)
    assert peer_agreement(answers) == pytest.approx([0.5, 0.5, 0.5])
    shared = agreement_with(answers, np.array([0, 1, 1]), shared=True)
    assert shared[:2] == pytest.approx([1, 0.5])
    assert np.isnan(shared[2])


@pytest.mark.parametrize(
    ("wide", "probs", "expected"),
    [
        # the model decides
        ([[0, 1], [0, 0]], [[0.4, 0.6], [0.5, 0.5]], [1, 0]),
        # without it, or when it is undecided too, the class given less often
        ([[0, 1], [0, 0]], None, [1, 0]),
        ([[0, 1], [0, 0]], [[0.5, 0.5], [0.5, 0.5]], [1, 0]),
        # classes given equally often: who agrees more with clear majorities
        ([[0, 1, NAN], [0, 1, 0], [1, 0, 1]], None, [0, 0, 1]),
        ([[1, 0, NAN], [0, 1, 0], [1, 0, 1]], None, [1, 0, 1]),
        # nothing decides: the lowest code
        ([[1, 0], [0, 1]], None, [0, 0]),
    ],
)
def test_ties_of_the_majority_vote(
    wide: list[list[float]], probs: list[list[float]] | None, expected: list[int]
) -> None:
    given_probs = None if probs is None else np.array(probs)
    assert majority_vote(answers_of(wide, 2), given_probs).tolist() == expected


def test_best_labels_fall_back_on_the_vote() -> None:
    posterior = np.array([[0.2, 0.8], [0.5, 0.5], [0.5 + 1e-14, 0.5 - 1e-14]])
    assert best_labels(posterior, np.array([0, 1, 1])).tolist() == [1, 1, 1]


def test_worst_class_by_hand() -> None:
    wide = [[0, NAN], [0, 1], [1, 1], [1, 0], [2, 2], [2, 0]]
    answers = answers_of(wide, 3)
    consensus = np.array([1, 1, 1, 0, 2, 0])
    quality = np.array([0.9, 0.9, 0.5, 0.5, 0.9, 0.9])
    # first annotator: 0 never agrees; second: 0 agrees 2 of 2, 1 2 of 2, 2 1 of 1: the one given
    # most often, 0 and 1 alike, then the surer consensus
    assert worst_class(answers, consensus, quality).tolist() == [0, 0]
    assert worst_class(answers, consensus, 1 - quality).tolist() == [0, 0]
    quality[1] = 0.99
    assert worst_class(answers, consensus, quality).tolist() == [0, 1]


def test_ranked_shares_follow_the_labels_given() -> None:
    shares = ranked_shares(answers_of(HAND, 3))
    assert shares == pytest.approx(
        np.array([[2 / 3, 1 / 3, 0], [1, 0, 0], [1, 0, 0], [1 / 2, 1 / 2, 0], [1, 0, 0]])
    )


def test_answer_quality_by_hand() -> None:
    posterior = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    item, label, annotator = np.array([0, 0, 1]), np.array([0, 2, 1]), np.array([0, 1, 1])
    assert answer_quality(posterior, item, label, annotator) == pytest.approx([0.6, 0.1, 0.7])
    margin = answer_quality(posterior, item, label, annotator, "normalized_margin")
    assert margin == pytest.approx([0.65, 0.25, 0.75])
    # thresholds of the second annotator: 2 (never given), 0.7, 0.1 -> added: 0, 1.3, 1.9
    adjusted = answer_quality(posterior, item, label, annotator, adjust=True)
    assert adjusted[1:] == pytest.approx([2.0 / 4.2, 2.0 / 4.2])


@st.composite
def wide_tables(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    n_classes = draw(st.integers(2, 4))
    n_items, n_annotators = draw(st.integers(2, 8)), draw(st.integers(2, 5))
    cells = st.one_of(st.just(NAN), st.integers(0, n_classes - 1).map(float))
    table = np.array(
        draw(
            st.lists(
                st.lists(cells, min_size=n_annotators, max_size=n_annotators),
                min_size=n_items,
                max_size=n_items,
            )
        )
    )
    table[:, 0] = np.where(np.isnan(table).all(axis=1), 0, table[:, 0])
    return table, n_classes


@given(wide_tables(), st.integers(0, 99))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_order_of_items_and_annotators_is_of_no_matter(
    drawn: tuple[np.ndarray, int], seed: int
) -> None:
    table, n_classes = drawn
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(table)), rng.permutation(table.shape[1])
    vote = majority_vote(answers_of(table.tolist(), n_classes))
    assert all(vote[i] in table[i] for i in range(len(table)))
    moved = majority_vote(answers_of(table[rows][:, columns].tolist(), n_classes))
    assert moved.tolist() == vote[rows].tolist()


@given(wide_tables())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_shares_add_up(drawn: tuple[np.ndarray, int]) -> None:
    table, n_classes = drawn
    answers = answers_of(table.tolist(), n_classes)
    assert ranked_shares(answers).sum(axis=1) == pytest.approx(1)
    assert answers.votes.sum() == len(answers.item)
    peers = peer_agreement(answers)
    assert ((peers >= 0) & (peers <= 1)).all()
