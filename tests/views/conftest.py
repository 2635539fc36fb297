"""Labs to look at, and a reader of HTML that sees what an untrusted notebook would keep."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab

ATTACK = '<img src=x onerror="alert(1)">'
VOID = {"img", "br", "meta", "hr"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]


@dataclass
class Seen:
    """Elements and texts of a document; what stands in <style> or <script> is kept apart."""

    elements: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def tags(self, *names: str) -> list[Element]:
        return [element for element in self.elements if element.tag in names]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen, self._open = Seen(), []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {attrs}"
        self.seen.elements.append(Element(tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        where = self.seen.hidden if {"style", "script"} & set(self._open) else self.seen.texts
        where.append(data)


@pytest.fixture
def read():
    """Parse HTML, checking that every element is closed where it was opened."""

    def parse(html: str) -> Seen:
        reader = _Reader()
        reader.feed(html)
        reader.close()
        assert reader._open == []
        return reader.seen

    return parse


def probabilities(codes: np.ndarray, n_classes: int, wrong: np.ndarray, seed: int = 0):
    """Out-of-sample looking probabilities; the model prefers another class in the `wrong` rows."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(n_classes, 0.6), size=len(codes))
    truth = codes.copy()
    truth[wrong] = (codes[wrong] + 1) % n_classes
    probs[np.arange(len(codes)), truth] += 1.0 + rng.random(len(codes))
    return probs / probs.sum(axis=1, keepdims=True)


@pytest.fixture(scope="session")
def digits() -> Datalab:
    """Pictures: 8 × 8 digits with 20 wrong labels that the model doubts, and three exact copies."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images, codes = [image.copy() for image in data.images[:400]], data.target[:400].copy()
    for copy, of in ((390, 10), (391, 10), (392, 20)):
        images[copy], codes[copy] = images[of], codes[of]
    wrong = np.arange(0, 400, 20)
    codes[wrong] = (codes[wrong] - 1) % 10
    lab = Datalab({"image": images, "digit": codes}, label_name="digit", image_key="image")
    features = np.array([image.ravel() for image in images])
    return lab.find_issues(pred_probs=probabilities(codes, 10, wrong), features=features)


@pytest.fixture(scope="session")
def hostile() -> Datalab:
    """A table in which every text is an attack: cells, classes, names of columns, index."""
    classes = [
        ATTACK,
        'javascript:alert(1)"><script>alert(2)</script>',
        "x" * 5_000,
        "a\u202eb\x00c",
        "{{ 7 * 7 }}{% raw %}",
        "$\\frac{1}{$",
    ]
    n = 120
    codes = np.arange(n) % len(classes)
    frame = pd.DataFrame(
        {
            # pandas' own text type refuses half a character (U+D800); objects carry it
            "text": [f"\ud800 {ATTACK} row {i} " + "lorem " * 2_000 for i in range(n)],
            "label' onload='x": [classes[code] for code in codes],
            ATTACK: [f"</td></table>{ATTACK}{i}" for i in range(n)],
            "{{ 7 * 7 }}": ["\x1b[31mred\x1b[0m"] * n,
        },
        index=[f'"><b onclick=x>{i}' for i in range(n)],
        dtype=object,
    )
    lab = Datalab(frame, label_name="label' onload='x", text_key="text")
    names = {str(name): code for code, name in enumerate(lab.class_names)}
    ordered = np.array([names[classes[code]] for code in codes])
    probs = probabilities(ordered, len(classes), np.arange(0, n, 7))
    return lab.find_issues(["label", "null", "class_imbalance"], pred_probs=probs)


@pytest.fixture
def table() -> Datalab:
    """A plain table that nothing has been looked for in."""
    rng = np.random.default_rng(0)
    return Datalab(
        {
            "age": rng.integers(18, 90, 60),
            "city": np.array(["Graz", "Wien", None], dtype=object)[rng.integers(3, size=60)],
            "ok": rng.integers(2, size=60).astype(bool),
        },
        label_name="ok",
    )
