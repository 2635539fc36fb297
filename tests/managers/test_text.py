"""Texts that are empty, of odd length, or no language, in many scripts."""

from collections.abc import Sequence

import numpy as np
import pytest

from datalab import Datalab
from datalab.exceptions import InputError, NotApplicable
from datalab.managers import EmptyText, NonLanguageText, OddLengthText

# Words of several scripts; where the script has no spaces between words, texts have none.
WORDS = {
    "latin": "river stone window garden letter morning table silver winter people number",
    "cyrillic": "река камень окно письмо утро стол серебро зима люди число город",
    "chinese": "河流 石头 窗户 花园 信件 早晨 桌子 银子 冬天 人们 数字",
    "arabic": "نهر حجر نافذة حديقة رسالة صباح طاولة فضة شتاء ناس رقم",
    "devanagari": "नदी पत्थर खिड़की बगीचा पत्र सुबह मेज़ चांदी सर्दी लोग संख्या",
    "thai": "แม่น้ำ หิน หน้าต่าง สวน จดหมาย เช้า โต๊ะ เงิน ฤดูหนาว คน ตัวเลข",
}
SCRIPTS = tuple(WORDS)


def corpus(
    script: str, n: int = 300, *, least: int = 6, most: int = 20, seed: int = 0
) -> list[str]:
    rng = np.random.default_rng(seed)
    space = "" if script in ("chinese", "thai") else " "
    sizes = rng.integers(least, most, n)
    return [space.join(rng.choice(WORDS[script].split(), size)) for size in sizes]


def planted(texts: list[str], damaged: Sequence[str]) -> np.ndarray:
    """Put the damaged texts among the others; where they are."""
    rows = np.random.default_rng(1).choice(len(texts), len(damaged), replace=False)
    for row, text in zip(rows, damaged, strict=True):
        texts[row] = text
    truth = np.zeros(len(texts), dtype=bool)
    truth[rows] = True
    return truth


BLANK = ["", " ", "\n\t ", "\u200b\u200e", "\u3000", "\u2800", "N/A", "nan", " <NA> "]


@pytest.mark.parametrize("script", SCRIPTS)
def test_empty_texts(script: str) -> None:
    texts = corpus(script)
    truth = planted(texts, BLANK)
    found = EmptyText().find_issues(texts)
    np.testing.assert_array_equal(found.is_issue, truth)
    np.testing.assert_array_equal(found.score, 1.0 - truth)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the text is empty or missing"),
        ("\u200b \n", "only spaces or invisible characters"),
        ("NULL", "only a placeholder for a missing value"),
    ],
)
def test_empty_texts_say_why(text: str, reason: str) -> None:
    lab = Datalab({"t": ["one text", text, "another text"]}, task=None, text_key="t", verbosity=0)
    lab.find_issues(["empty_text"])
    assert lab.worst()["reason"].tolist() == [reason]


@pytest.mark.parametrize("script", SCRIPTS)
def test_odd_lengths(script: str) -> None:
    texts = corpus(script)
    assert not OddLengthText().find_issues(texts).is_issue.any()
    word = WORDS[script][:2]
    truth = planted(texts, [word[:1], word, "?", word * 1000, texts[0] * 20, texts[1] * 30])
    found = OddLengthText().find_issues(texts)
    np.testing.assert_array_equal(found.is_issue, truth)
    np.testing.assert_array_equal(found.score < 0.5, truth)


def test_length_in_words() -> None:
    texts = ["x" * 40] * 20 + ["y", "z" * 400, ""]
    check = OddLengthText()
    found = check.find_issues(texts)
    assert np.flatnonzero(found.is_issue).tolist() == [20, 21]
    # A spread of 0.15 at least: ln(10) / 0.15 / 4.5 = 3.41 thresholds above the median.
    assert found.score[21] == pytest.approx(1 / (1 + (np.log(10) / 0.15 / 4.5) ** 2))
    assert found.score[22] == 1.0
    rows = [{name: values[at] for name, values in found.columns.items()} for at in (20, 21)]
    assert check.explain(rows[0]) == "only 1 character; half of the texts have 40 or more"
    assert check.explain(rows[1]) == "400 characters, 10.0 times the median"


def test_lengths_of_all_kinds_are_usual_where_they_are() -> None:
    rng = np.random.default_rng(0)
    texts = ["x" * int(size) for size in np.exp(rng.normal(5, 1.5, 2000)).astype(int) + 1]
    assert OddLengthText().find_issues(texts).is_issue.mean() < 0.005


def test_few_texts_have_no_usual_length() -> None:
    with pytest.raises(NotApplicable, match="at least 8 texts"):
        OddLengthText().find_issues(["a", "b" * 100, "", ""])
    with pytest.raises(InputError, match="above 0"):
        OddLengthText(threshold=0)


NOISE = ["#$%^&*()!", "1234 5678 90", "█▓▒░ ═══", "... --- ...", "😀😀😀", "<<<>>> 12 %"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_is_no_language(script: str) -> None:
    texts = corpus(script)
    assert not NonLanguageText().find_issues(texts).is_issue.any()
    truth = planted(texts, NOISE)
    np.testing.assert_array_equal(NonLanguageText().find_issues(texts).is_issue, truth)


def test_emoji_links_and_code_are_part_of_language() -> None:
    texts = corpus("latin", 100)
    texts[3] = "so good 😂😂😂😂😂😂😂😂😂😂😂😂"
    texts[5] = "see https://example.org/a1b2c3?d=4"
    texts[7] = "for i in range(10): total += x[i]"
    assert not NonLanguageText().find_issues(texts).is_issue.any()
    code = [f"x[{i}] = (a{i} + b) * {i}; // {i % 7}" for i in range(200)]
    assert not NonLanguageText().find_issues(code).is_issue.any()


def test_damaged_encodings_are_left_to_their_own_check() -> None:
    damaged = ["नमस्ते दुनिया".encode().decode("latin-1"), "\ufffd" * 20]
    texts = corpus("devanagari") + damaged
    assert not NonLanguageText().find_issues(texts).is_issue.any()


def test_share_of_letters_is_the_score() -> None:
    check = NonLanguageText()
    found = check.find_issues(["plain words"] * 30 + ["ab 12 !!", "", "12 !"])
    assert found.score[-3:].tolist() == [1 / 3, 1.0, 0.0]
    assert found.num_issues == 2
    rows = [{name: values[at] for name, values in found.columns.items()} for at in (30, 32)]
    assert check.explain(rows[0]) == "only 33 % of its characters are letters"
    assert check.explain(rows[1]) == "only digits and signs, no letter"


@pytest.mark.parametrize("check", [EmptyText, OddLengthText, NonLanguageText])
def test_order_of_rows_does_not_matter(check: type) -> None:
    texts = corpus("latin") + BLANK + NOISE + ["x" * 5000]
    order = np.random.default_rng(2).permutation(len(texts))
    found, moved = (check().find_issues(t) for t in (texts, [texts[i] for i in order]))
    np.testing.assert_array_equal(found.is_issue[order], moved.is_issue)
    np.testing.assert_array_equal(found.score[order], moved.score)


TYPES = [
    "empty_text",
    "odd_length_text",
    "non_language_text",
    "encoding_damage",
    "markup_text",
    "duplicate_text",
    "personal_data",
]


@pytest.mark.parametrize("task", ["classification", "regression", "multilabel", None])
def test_part_of_the_default_audit_of_texts_only(task: str | None) -> None:
    texts = Datalab({"text": corpus("latin", 30)}, task=task, verbosity=0)
    table = Datalab({"number": np.arange(30.0) ** 0.5}, task=task, verbosity=0)
    assert [t for t in texts.list_default_issue_types() if t in TYPES] == TYPES
    assert not set(table.list_possible_issue_types()) & set(TYPES)
    assert not {outcome.name for outcome in table.find_issues().outcomes} & set(TYPES)


def test_not_part_of_the_reference() -> None:
    lab = Datalab({"text": corpus("latin", 30)}, task=None, verbosity=0)
    lab.find_issues(rules="reference")
    assert not {outcome.name for outcome in lab.outcomes} & set(TYPES)


def test_every_type_runs_on_few_and_on_odd_texts() -> None:
    for texts in (["one"], ["", ""], ["\ud800", None, "x", "ok"], [""] * 12):
        lab = Datalab({"t": texts}, task=None, text_key="t", verbosity=0)
        lab.find_issues(TYPES)
        assert {outcome.status for outcome in lab.outcomes} <= {"found", "not applicable"}


def test_new_texts_are_judged_by_what_was_usual() -> None:
    texts = corpus("latin", 100)
    lab = Datalab({"text": texts}, task=None, text_key="text", verbosity=0)
    before = lab.find_issues(TYPES)
    noise, sound = "%% 12 %% " * 9, "river stone window garden letter morning"
    more = before.append({"text": ["?", "x " * 1000, noise, sound, ""]})
    for name in TYPES[:3]:
        old = before.get_issues(name)
        assert more.get_issues(name)[:100].notna().equals(old.notna())
        columns = [f"is_{name}_issue", f"{name}_score"]
        assert more.get_issues(name)[columns][:100].equals(old[columns])
    new = more.issues.iloc[100:]
    assert new["is_odd_length_text_issue"].tolist() == [True, True, False, False, False]
    assert new["is_non_language_text_issue"].tolist() == [True, False, True, False, False]
    assert new["is_empty_text_issue"].tolist() == [False, False, False, False, True]
