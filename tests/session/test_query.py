"""The line in which people say which rows they want."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab.exceptions import InputError, InputTypeError
from datalab.session.query import Condition, parse, written


def test_words_and_names():
    assert parse('late "not found" given:3 score<0.1 size>=2', ["size"]) == (
        Condition("text", ":", "late"),
        Condition("text", ":", "not found"),
        Condition("given", ":", "3"),
        Condition("score", "<", "0.1"),
        Condition("size", ">=", "2"),
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("givn:3", "did you mean 'given'"),
        ("http://x", "in quotes"),
        ('"open', "not closed"),
        ("given:", "has no value"),
        ("score<much", "no number"),
        ("given<3", "write given:3"),
    ],
)
def test_what_cannot_be_read_names_the_remedy(line: str, told: str):
    with pytest.raises(InputError, match=told):
        parse(line)


def test_mappings_are_written_as_lines():
    line = written({"text": "not found", "given": "New York", "score": (0.1, None), "row": None})
    assert line == '"not found" given:"New York" score>=0.1'
    with pytest.raises(InputTypeError, match="given:3"):
        written(3)


@given(st.lists(st.text(min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=4))
def test_any_text_survives_writing_and_reading(words: list[str]):
    line = " ".join(str(Condition("text", ":", word)) for word in words)
    assert [part.value for part in parse(line)] == words
    assert parse(written({"given": words[0]})) == (Condition("given", ":", words[0]),)
