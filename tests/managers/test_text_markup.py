"""Tags, entities and boilerplate in texts."""

import numpy as np
import pytest

from datalab.exceptions import InputError
from datalab.managers import MarkupText

WORDS = "river stone window garden letter morning table silver winter people number"


def corpus(n: int = 300, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [
        " ".join(rng.choice(WORDS.split(), rng.integers(6, 20))).capitalize() + "."
        for _ in range(n)
    ]


def flagged(text: str) -> bool:
    return bool(MarkupText().find_issues([text]).is_issue[0])


@pytest.mark.parametrize(
    "text",
    [
        "<p>привет</p>",
        "one<br>two<br/>three",
        '这里<a href="https://example.org" target=_blank>点击</a>',
        "<DIV CLASS='x'>שלום</DIV>",
        "fish &amp; chips",
        "مرحبا&nbsp;بك",
        "it&#8217;s",
        "&#x41;",
        "<!-- a comment --> text",
        "<!DOCTYPE html> text",
        "[url=https://x.y]here[/url]",
        "Home | About us | Contact | Login",
        "© 2020. All rights reserved. Privacy policy.",
        "This site uses cookies. Terms of service apply.",
        "Мы используем файлы cookie. Все права защищены.",
        "隐私政策 | 版权所有",
        "سياسة الخصوصية. جميع الحقوق محفوظة.",
    ],
)
def test_markup(text: str) -> None:
    assert flagged(text)


@pytest.mark.parametrize(
    "text",
    [
        "if a < b and c > d: pass",
        "if (a<b && c>d) return x<y;",
        "std::vector<int> v; Map<String, List<T>> m;",
        "AT&T and R&D; x &= y; a&b",
        "i <3 you, <name> <user@example.org>",
        "1 < 2 > 0 <- arrow -> <=>",
        "the `<br>` element breaks a line",
        "print('<td>' + x + '</td>')",
        "We bake cookies. Nothing else matters.",
        "I read the privacy policy of my bank today.",
        "&notanentity; stays",
        "",
    ],
)
def test_what_only_looks_like_it(text: str) -> None:
    assert not flagged(text)


FOOTER = "Subscribe and never miss a story from our daily desk"


def test_lines_that_many_texts_share() -> None:
    texts = corpus()
    rows = np.random.default_rng(1).choice(len(texts), 12, replace=False)
    for row in rows:
        texts[row] += f"\n{FOOTER}"
    found = MarkupText().find_issues(texts)
    assert np.flatnonzero(found.is_issue).tolist() == sorted(rows.tolist())
    assert set(found.columns["boilerplate"].tolist()) == {0, 1}


def test_a_way_of_writing_is_no_boilerplate() -> None:
    texts = [f"{text} {FOOTER}." for text in corpus(60)] + corpus(100, seed=1)
    assert not MarkupText().find_issues(texts).is_issue.any()
    # Copies of one text repeat nothing but the text.
    assert not MarkupText().find_issues(corpus(200) + [f"One. {FOOTER}. Two."] * 20).is_issue.any()


def test_words_and_scores() -> None:
    check = MarkupText()
    found = check.find_issues(["<b>ab</b>c", "plain"])
    assert found.columns["markup_share"].tolist() == [0.7, 0.0]
    np.testing.assert_allclose(found.score, [0.15, 1.0])
    rows = [{name: values[at] for name, values in found.columns.items()} for at in (0, 1)]
    assert check.explain(rows[0]) == "2 tags of HTML: 70 % of the text"
    assert check.explain(rows[1]) == "no markup"
    with pytest.raises(InputError, match="min_repeats"):
        MarkupText(min_repeats=1)
