import re

import pytest
from rich.cells import cell_len

from datalab.views.text import report_text, summary_text

ANSI = re.compile(r"\x1b\[[\d;]*m")


def test_the_summary_has_a_line_for_every_check(digits):
    text = summary_text(digits)
    assert text.startswith("Datalab  400 rows · 2 columns · classification · 10 classes")
    for outcome in digits.outcomes:
        assert outcome.spec.title.capitalize() in text


def test_the_report_shows_the_worst_rows_with_reasons(digits):
    text = report_text(digits)
    label = digits.outcomes["label"]
    assert f"What to do: {label.spec.advice}" in " ".join(text.split())
    assert "model gives" in text
    assert "Where given and most probable class differ most often" in text
    assert str(digits) in text or summary_text(digits).splitlines()[1] in text


def test_before_an_audit(table):
    assert "No check has run yet: call lab.find_issues()." in summary_text(table)
    assert summary_text(table).splitlines()[1] in report_text(table)


@pytest.mark.parametrize("width", [60, 80, 100, 160])
@pytest.mark.parametrize("which", ["digits", "hostile"])
def test_no_line_is_wider_than_the_terminal(width, which, request):
    lab = request.getfixturevalue(which)
    for line in report_text(lab, width=width).splitlines():
        assert cell_len(line) <= width, line


def test_colours_only_when_asked_for(digits):
    plain, coloured = report_text(digits), report_text(digits, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    words = [" ".join(ANSI.sub("", text).split()) for text in (plain, coloured)]
    assert words[0] == words[1]


def test_nothing_in_the_data_reaches_the_terminal_as_a_command(hostile):
    text = report_text(hostile, num_examples=20)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    text.encode("utf-8")


def test_in_a_notebook_it_is_returned_and_nothing_is_displayed(digits, monkeypatch):
    plain = report_text(digits)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("rich.jupyter.display", lambda *_: pytest.fail("displayed"))
    assert report_text(digits) == plain


def test_markup_of_rich_is_only_text(table):
    table.find_issues(["null"])
    lab = table
    lab.label_name = None
    lab.text_key = "[bold red]city[/bold red]"
    assert "[bold red]city[/bold red]" in summary_text(lab)


def test_options_of_the_report(digits):
    label = digits.outcomes["label"]
    assert label.spec.advice not in report_text(digits, include_description=False)
    assert "Score of the data set" in report_text(digits, show_summary_score=True)
    assert "none of them is flagged" in report_text(digits, show_all_issues=True)
    assert "What to do" not in report_text(digits, num_examples=0)


def test_twice_the_same(digits, hostile):
    for lab in (digits, hostile):
        assert report_text(lab) == report_text(lab)
