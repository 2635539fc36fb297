"""Mislabelled tokens, shown and counted."""

import logging

import numpy as np
import pytest

from datalab.exceptions import InputError
from datalab.token_classification import summary

TOKENS = [["<b>A</b>", "cat"], ["the", "Cat", "\u202e"], ["end"] * 500]
LABELS = [[0, 1], [0, 0, 1], [0] * 500]
PROBS = [[[0.9, 0.1], [0.9, 0.1]], [[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]], [[0.9, 0.1]] * 500]
ISSUES = [(1, 1), (0, 1), (0, 0)]


def test_display_as_text():
    shown = summary.display_issues(ISSUES, TOKENS, labels=LABELS, class_names=["O", "N"], top=2)
    assert str(shown) == (
        "sentence 1, token 1: Cat\ngiven label: O\nthe \x1b[31mCat\x1b[0m ⟨U+202E⟩\n\n"
        "sentence 0, token 1: cat\ngiven label: N\n<b>A</b> \x1b[31mcat\x1b[0m"
    )
    assert repr(shown) == "Sentences(2)"
    assert len(shown) == 2
    assert shown[:1][0].at == 1


def test_display_as_html_is_escaped():
    shown = summary.display_issues(
        ISSUES, TOKENS, labels=LABELS, pred_probs=PROBS, class_names={0: "<script>", 1: "N"}
    )
    page = shown._repr_html_()
    assert "<script>" not in page
    assert "<b>A" not in page
    assert "<b>&lt;b&gt;A&lt;/b&gt;</b>" in page
    assert "given label: &lt;script&gt;, predicted label: N" in page


def test_display_prints_nothing(capsys):
    summary.display_issues(ISSUES, TOKENS)
    assert capsys.readouterr() == ("", "")


def test_display_leaves_out_pairs_of_classes():
    options = {"labels": LABELS, "pred_probs": PROBS}
    shown = summary.display_issues(ISSUES, TOKENS, exclude=[(0, 1)], **options)
    assert [entry.title.split(",")[0] for entry in shown] == ["sentence 0", "sentence 0"]
    assert str(summary.display_issues([], TOKENS, **options)) == "no issues"
    assert "no issues" in summary.display_issues([], TOKENS)._repr_html_()


def test_display_whole_sentences():
    shown = summary.display_issues(np.array([1, 0]), TOKENS)
    assert str(shown) == "sentence 1\nthe Cat ⟨U+202E⟩\n\nsentence 0\n<b>A</b> cat"


def test_display_of_a_long_sentence_shows_what_is_around():
    shown = summary.display_issues([(2, 250)], TOKENS)
    assert str(shown).count("end") < 210
    assert str(shown).count("…") == 2
    assert str(shown).count("\x1b[31mend") == 1


@pytest.mark.parametrize(
    ("issues", "said"),
    [
        ([(9, 0)], r"\(9, 0\), but `tokens` has no such token"),
        ([(0, 2)], r"\(0, 2\), but `tokens` has no such token"),
        ([(0, -1)], "no such token"),
        ([(0, 0, 0)], r"\(sentence, token\) positions"),
        (["0"], "issues"),
        ([7], "must be positions of the 3 sentences"),
    ],
)
def test_issues_must_be_in_the_tokens(issues, said):
    with pytest.raises(InputError, match=said):
        summary.display_issues(issues, TOKENS)


def test_labels_must_fit():
    with pytest.raises(InputError, match="`labels` does not have one entry"):
        summary.display_issues(ISSUES, TOKENS, labels=[[0]])
    with pytest.raises(InputError, match="`pred_probs` does not have one entry"):
        summary.common_label_issues(ISSUES, TOKENS, labels=LABELS, pred_probs=PROBS[:1])


def test_common_issues():
    table = summary.common_label_issues([*ISSUES, (1, 1)], TOKENS)
    assert table.to_numpy().tolist() == [["Cat", 2], ["cat", 1], ["<b>A</b>", 1]]
    options = {"labels": LABELS, "pred_probs": PROBS}
    table = summary.common_label_issues(ISSUES, TOKENS, class_names=["O"], **options)
    assert table.to_numpy().tolist() == [
        ["Cat", "O", 1, 1],
        ["cat", 1, "O", 1],
        ["<b>A</b>", "O", "O", 1],
    ]
    assert len(summary.common_label_issues(ISSUES, TOKENS, exclude=[(0, 1)], **options)) == 2
    assert list(summary.common_label_issues([], TOKENS)) == ["token", "num_label_issues"]


def test_verbose_goes_to_the_log(caplog, capsys):
    with caplog.at_level(logging.INFO, logger="datalab"):
        summary.common_label_issues(ISSUES, TOKENS, top=1)
        assert "token 'Cat': 1 probable label issues" in caplog.text
        assert len(caplog.records) == 1
    assert capsys.readouterr() == ("", "")


def test_filter_by_token():
    assert summary.filter_by_token("CAT", ISSUES, TOKENS) == [(1, 1), (0, 1)]
    assert summary.filter_by_token("dog", ISSUES, TOKENS) == []
