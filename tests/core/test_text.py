"""Kinds of characters, normalisation, shingles and bands."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab._core.text import (
    KINDS,
    band_pairs,
    departure,
    jaccard,
    kind_counts,
    normalised,
    shingles,
    usual,
    visible_length,
)

TEXTS = st.lists(st.text(max_size=30), max_size=20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ab 1!", {"letter": 2, "space": 1, "digit": 1, "sign": 1}),
        ("é" + "e\u0301", {"letter": 3}),  # a mark belongs to its letter
        ("हिन्दी", {"letter": 6}),
        ("漢字かな한", {"wide": 5}),
        ("👍🏽👨\u200d👩", {"emoji": 5}),
        ("a\u200b\u202eb\x00", {"letter": 2, "invisible": 3}),
        ("\t\n\u3000\u00a0", {"space": 4}),
        ("\ufffd\ud800", {"unassigned": 2}),
        ("\u3164\u2800", {"invisible": 2}),  # blank, though a letter and a sign by category
        ("", {}),
    ],
)
def test_kinds(text: str, expected: dict[str, int]) -> None:
    counts = dict(zip(KINDS, kind_counts([text])[0].tolist(), strict=True))
    assert {kind: n for kind, n in counts.items() if n} == expected


@given(TEXTS)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_every_character_is_counted_once(texts: list[str]) -> None:
    counts = kind_counts(texts)
    assert counts.shape == (len(texts), len(KINDS))
    assert counts.sum(axis=1).tolist() == [len(text) for text in texts]


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["abc", "", "много слов", "漢字" * 9, "x" * 50, ""]
    whole = kind_counts(texts)
    for size in (1, 7, 40):
        monkeypatch.setattr("datalab._core.text.BLOCK_CHARACTERS", size)
        np.testing.assert_array_equal(kind_counts(texts), whole)


def test_length_counts_wide_characters_twice() -> None:
    assert visible_length(kind_counts(["ab c\u200b", "漢字 a"])).tolist() == [3, 5]


def test_each_side_has_its_own_scale() -> None:
    values = np.array([0.0, 3.0, 4.0, 5.0, 100.0])
    # Quartiles 3, 4, 5: a standard deviation is 1 / 0.6745 on either side.
    np.testing.assert_allclose(departure(values, usual(values, least=0.1)), 0.6745 * (values - 4.0))
    skewed = np.array([3.0, 4.0, 4.0, 14.0, 24.0])
    skewed = departure(skewed, usual(skewed, least=0.5))
    np.testing.assert_allclose(skewed[[0, 4]], [-2.0, 20 / (10 / 0.6745)])


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("Hello,  World!", "hello world", True),
        ("ＡＢＣ１２", "abc12", True),
        ("STRASSE", "straße", True),
        ("caf\u00e9", "cafe\u0301", True),
        ("zero\u200bwidth", "zerowidth", True),
        ("कि", "की", False),  # vowel signs are letters' own
        ("price 5 €", "price 5 $", False),
        ("?!", "!?", False),  # nothing but punctuation is compared as it is
        ("cafe", "café", False),
    ],
)
def test_normalised(left: str, right: str, same: bool) -> None:
    assert (normalised(left) == normalised(right)) is same


@given(st.text(max_size=40))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_normalised_is_settled_and_blind_to_spaces_and_compatible_forms(text: str) -> None:
    key = normalised(text)
    assert normalised(key) == key
    assert normalised(f"  {text}\n") == key
    assert normalised(unicodedata.normalize("NFKC", text)) == key


@given(st.text("abcd", max_size=30), st.text("abcd", max_size=30))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_jaccard_is_that_of_the_sets_of_runs(one: str, other: str) -> None:
    def runs(text: str) -> set[str]:
        return {text[i : i + 4] for i in range(len(text) - 3)} or {text}

    expected = len(runs(one) & runs(other)) / len(runs(one) | runs(other))
    assert jaccard(shingles(one), shingles(other)) == pytest.approx(expected)


def test_wide_texts_are_compared_by_pairs() -> None:
    assert len(shingles("你好世界你好")) == 4  # 你好 好世 世界 界你


def test_bands_pair_what_agrees_in_one() -> None:
    signatures = np.array([[1, 2, 3, 4], [1, 2, 9, 9], [7, 7, 3, 4], [5, 6, 7, 8]], dtype=np.uint32)
    left, right = band_pairs(signatures, 2)
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == [(0, 1), (0, 2)]


@pytest.mark.parametrize("n_rows", [0, 1, 2, 3, 400])
def test_many_alike_are_joined_by_few_pairs(n_rows: int) -> None:
    left, right = band_pairs(np.ones((n_rows, 6), dtype=np.uint32), 3)
    assert len(left) <= 3 * n_rows
    assert (left < right).all()
    joined = set(left.tolist()) | set(right.tolist())
    assert joined == (set(range(n_rows)) if n_rows > 1 else set())
