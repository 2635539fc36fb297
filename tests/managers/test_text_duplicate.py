"""Texts that say the same, or nearly."""

import numpy as np
import pytest

from datalab import Datalab
from datalab.exceptions import InputError
from datalab.managers import DuplicateText

WORDS = {
    "latin": "river stone window garden letter morning table silver winter people number "
    "bridge candle forest island kitchen ladder market needle orange pepper ribbon",
    "cyrillic": "река камень окно письмо утро стол серебро зима люди число город мост свеча "
    "лес остров кухня рынок игла перец лента дорога",
    "chinese": "河流 石头 窗户 花园 信件 早晨 桌子 银子 冬天 人们 数字 桥梁 蜡烛 森林 岛屿 厨房",
    "arabic": "نهر حجر نافذة حديقة رسالة صباح طاولة فضة شتاء ناس رقم جسر شمعة غابة جزيرة مطبخ سوق",
}
SPACE = {"chinese": ""}


def corpus(script: str, n: int = 300, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    words = WORDS[script].split()
    return [SPACE.get(script, " ").join(rng.choice(words, rng.integers(9, 20))) for _ in range(n)]


def varied(text: str) -> list[str]:
    """The same to a reader: case, spaces, punctuation, width, and one letter less."""
    middle = len(text) // 2
    return [
        text.upper(),
        f"  {text.replace(' ', '   ')}!!",
        text.replace(" ", ", "),
        text[:middle] + text[middle + 1 :],
        text,
    ]


@pytest.mark.parametrize("script", WORDS)
def test_copies_and_near_copies(script: str) -> None:
    texts = corpus(script)
    assert not DuplicateText().find_issues(texts).is_issue.any()
    whole = [*texts, *(varied(texts[i])[i % 5] for i in range(40))]
    found = DuplicateText().find_issues(whole)
    assert np.flatnonzero(found.is_issue).tolist() == [*range(40), *range(300, 340)]
    sets = found.columns["near_duplicate_set"]
    np.testing.assert_array_equal(sets[:40], sets[300:])
    assert found.info["num_sets"] == 40
    kept = found.columns["is_kept"]
    assert kept[:300].all()
    assert not kept[300:].any()


def test_by_hand() -> None:
    # 1 and 3 are equal; 2 shares 4 of its 6 runs of four with the 5 of "abcdefgh".
    texts = ["zzzzyyyy", "abcd efgh", "abcdefgxx", "ABCDEFGH", ""]
    check = DuplicateText(threshold=0.55)
    found = check.find_issues(texts)
    assert found.columns["near_duplicate_set"].tolist() == [-1, 0, 0, 0, -1]
    np.testing.assert_allclose(found.columns["similarity"][:4], [0, 1, 4 / 7, 1])
    np.testing.assert_allclose(found.score, [1, 0, 3 / 7, 0, 1])
    assert [one.tolist() for one in found.columns["near_duplicate_sets"]] == [
        [],
        [2, 3],
        [1, 3],
        [1, 2],
        [],
    ]
    rows = [{name: values[at] for name, values in found.columns.items()} for at in range(3)]
    assert [check.explain(row) for row in rows] == [
        "no other text is nearly the same",
        "says the same as rows 2, 3",
        "says nearly the same as rows 1, 3 (similarity 57 %)",
    ]


def test_only_the_same_with_a_threshold_of_one() -> None:
    texts = corpus("latin", 20)
    found = DuplicateText(threshold=1).find_issues([*texts, texts[0] + "!", texts[1][1:]])
    assert np.flatnonzero(found.is_issue).tolist() == [0, 20]


def test_sets_are_connected_components() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    chain = [letters[i : i + 26] for i in range(0, 10, 2)]  # each like the next, the ends not
    found = DuplicateText(threshold=0.8).find_issues([*chain, "something else altogether"])
    assert found.columns["near_duplicate_set"].tolist() == [0] * 5 + [-1]


def test_texts_made_by_one_pattern_are_judged_by_their_like() -> None:
    rng = np.random.default_rng(0)
    places = [f"{a}{b}" for a in ("ber", "lon", "par", "mos", "del") for b in ("lin", "don", "is")]
    texts = [
        f"could you please find me a cheap flight from {a} to {b} leaving in {rng.choice(places)}"
        for a in places
        for b in places
    ]
    found = DuplicateText().find_issues(texts)
    assert found.info["threshold"] == 0.9
    assert DuplicateText().find_issues(corpus("latin")).info["threshold"] == 0.7


def test_order_of_rows_does_not_matter() -> None:
    texts = corpus("latin", 200)
    texts += [one for text in texts[:20] for one in varied(text)]
    order = np.random.default_rng(1).permutation(len(texts))
    found, moved = (DuplicateText().find_issues(t) for t in (texts, [texts[i] for i in order]))
    np.testing.assert_array_equal(found.is_issue[order], moved.is_issue)
    np.testing.assert_allclose(found.score[order], moved.score)


def test_estimates_stand_where_there_are_too_many_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = corpus("latin", 200)
    texts += [f"{text} and more" for text in texts[:40]]
    exact = DuplicateText(threshold=0.8).find_issues(texts)
    monkeypatch.setattr("datalab.managers.text_duplicate.MAX_EXACT", 0)
    estimated = DuplicateText(threshold=0.8).find_issues(texts)
    assert (estimated.is_issue == exact.is_issue).mean() > 0.95
    assert np.abs(estimated.score - exact.score)[exact.is_issue].max() < 0.2


def test_thousands_alike_are_one_set() -> None:
    found = DuplicateText().find_issues(["the same words in each"] * 3000 + ["others"])
    assert found.info["num_sets"] == 1
    assert found.num_issues == 3000
    assert max(map(len, found.columns["near_duplicate_sets"])) == 100


@pytest.mark.parametrize(
    "texts", [[], [""], ["a"], ["", "!"], ["a", "b"], ["\u200b", " ", "\u200b"]]
)
def test_few_texts(texts: list[str]) -> None:
    assert not DuplicateText().find_issues(texts).is_issue.any()


@pytest.mark.parametrize("threshold", [0, -1, 1.5, float("nan")])
def test_thresholds_are_similarities(threshold: float) -> None:
    with pytest.raises(InputError, match="threshold"):
        DuplicateText(threshold=threshold)


def test_a_report_shows_sets() -> None:
    texts = corpus("latin", 40)
    lab = Datalab({"t": [*texts, texts[0].upper()]}, task=None, verbosity=0)
    lab.find_issues(["duplicate_text"])
    assert lab.worst()["reason"].tolist() == ["says the same as row 40", "says the same as row 0"]
    kept = lab.get_issues("duplicate_text")["is_kept"]
    assert kept.sum() == 40
