"""Words of all scripts, and what they become."""

import re

import numpy as np
import pytest

from datalab.recipes.from_text import WORD, encode_texts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, x2!", ["Don", "t", "stop", "x2"]),
        ("हिन्दी में लिखा है।", ["हिन्दी", "में", "लिखा", "है"]),
        ("我喜欢apple。", ["我", "喜", "欢", "apple"]),
        ("カタカナ", ["カ", "タ", "カ", "ナ"]),
        ("مرحبا بالعالم؟", ["مرحبا", "بالعالم"]),
        ("naïve — “café”", ["naïve", "café"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("Ελληνικά, русский", ["Ελληνικά", "русский"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert re.findall(WORD, text) == words


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("the cat sleeps on the warm sofa", "stock prices fell sharply on monday"),
        ("我今天去公园看花了", "股票价格在星期一下跌"),
        ("แมวนอนบนโซฟา", "ราคาหุ้นตกในวันจันทร์"),
    ],
)
def test_like_texts_are_near_in_every_script(first: str, second: str) -> None:
    texts = [f"{text}{n}" for n in range(10) for text in (first, second)]
    blocks = encode_texts(texts, random_state=0)
    assert blocks is not None
    unit = blocks.vector / np.linalg.norm(blocks.vector, axis=1, keepdims=True)
    likeness = unit @ unit.T
    same = np.equal.outer(np.arange(20) % 2, np.arange(20) % 2)
    assert likeness[same].min() > likeness[~same].max()
    lengths = np.asarray(blocks.terms.multiply(blocks.terms).sum(axis=1)).ravel()
    np.testing.assert_allclose(lengths, 1, rtol=1e-4)


def test_texts_without_words() -> None:
    assert encode_texts(["", " ", ""], random_state=0) is None
    assert encode_texts(["same"], random_state=0) is None
    blocks = encode_texts(["a cat", "", "a dog"] * 3, random_state=0)
    assert blocks is not None
    assert (blocks.vector[1] == 0).all()


def test_it_repeats() -> None:
    texts = [f"sentence {n % 7} of {n % 5} words" for n in range(50)]
    one, two = (encode_texts(texts, random_state=3) for _ in range(2))
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.vector, two.vector)
