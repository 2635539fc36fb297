"""The manager protocol: what a class declares, and the register."""

import warnings
from typing import Any, ClassVar

import numpy as np
import pytest

from datalab import Datalab, Findings
from datalab.exceptions import DatalabWarning, InputError, InputTypeError, NotFound
from datalab.managers import base
from datalab.managers.base import IssueManager, find_spec, register, spec_of, specs


@pytest.fixture
def clean_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the register, so that what a test registers is forgotten."""
    monkeypatch.setattr(base, "_register", list(base._register))


class ShortText:
    """Texts too short to carry a label."""

    name = "short_text"

    def __init__(self, min_chars: int = 10):
        self.min_chars = min_chars

    def find_issues(self, text: list[str]) -> Findings:
        length = np.array([len(t) for t in text])
        score = np.minimum(length / self.min_chars, 1.0)
        return Findings(self.name, is_issue=score < 1.0, score=score)


def test_the_signature_declares_the_needs() -> None:
    spec = spec_of(ShortText)
    assert (spec.name, spec.needs, spec.any_of, spec.uses) == ("short_text", ("text",), (), ())
    assert spec.description == "Texts too short to carry a label."
    assert spec.default
    assert spec.tasks == ("classification", "regression", "multilabel", None)
    assert spec.title == "short text"
    assert isinstance(ShortText(), IssueManager)


def test_all_optional_means_at_least_one() -> None:
    class Any_:
        name = "any_"

        def find_issues(self, features: Any = None, knn_graph: Any = None) -> Findings: ...

    class Grouped:
        name = "grouped"
        any_of = ("knn_graph", "features")

        def find_issues(
            self, labels: Any, features: Any = None, knn_graph: Any = None, pred_probs: Any = None
        ) -> Findings: ...

    assert spec_of(Any_).any_of == ("features", "knn_graph")
    spec = spec_of(Grouped)
    assert spec.needs == ("labels",)
    assert spec.any_of == ("knn_graph", "features")
    assert spec.uses == ("pred_probs",)


def test_an_unknown_need_is_refused_with_a_suggestion() -> None:
    class Wrong:
        name = "wrong"

        def find_issues(self, pred_prob: Any) -> Findings: ...

    with pytest.raises(InputError, match="'pred_prob'.*did you mean 'pred_probs'"):
        spec_of(Wrong)


def test_options_belong_to_the_constructor() -> None:
    class Wrong:
        name = "wrong"

        def find_issues(self, labels: Any = 3) -> Findings: ...

    class Open:
        name = "open"

        def find_issues(self, **everything: Any) -> Findings: ...

    with pytest.raises(InputError, match=r"labels=3 must be =None.*constructor"):
        spec_of(Wrong)
    with pytest.raises(InputError, match=r"must name what it needs"):
        spec_of(Open)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (ShortText(), "must be a class"),
        (type("NoName", (), {"find_issues": print}), "class attribute `name`"),
        (type("Spaces", (), {"name": "two words", "find_issues": print}), "class attribute `name`"),
        (type("NoMethod", (), {"name": "no_method"}), "needs a method `find_issues"),
    ],
)
def test_what_is_no_manager_is_refused(made: Any, told: str) -> None:
    with pytest.raises(InputTypeError, match=told):
        spec_of(made)


def test_unknown_task_is_refused() -> None:
    class Wrong:
        name = "wrong"
        tasks = ("clasification",)

        def find_issues(self, labels: Any) -> Findings: ...

    with pytest.raises(InputError, match="unknown task 'clasification'"):
        spec_of(Wrong)


@pytest.mark.usefixtures("clean_register")
def test_register_and_replace() -> None:
    register(ShortText)
    assert specs(None)["short_text"].factory is ShortText
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register(ShortText)  # the same class again, as when a cell runs twice: no warning

    class Other(ShortText):
        tasks: ClassVar[tuple[str, ...]] = ("regression",)

    with pytest.warns(DatalabWarning, match="Other replaces ShortText as the manager"):
        register(Other)
    assert specs("regression")["short_text"].factory is Other
    assert specs("classification")["short_text"].factory is ShortText


def test_unknown_names_and_parameters_have_suggestions() -> None:
    with pytest.raises(NotFound, match="unknown issue type 'lable': did you mean 'label'"):
        find_spec("lable", "classification")
    with pytest.raises(NotFound, match=r"'class_imbalance' is not made for task='regression'"):
        find_spec("class_imbalance", "regression")
    with pytest.raises(
        InputError, match="unknown parameter 'treshold' of 'class_imbalance': did you mean 'thresh"
    ):
        find_spec("class_imbalance", "classification").make({"treshold": 0.2})


@pytest.mark.usefixtures("clean_register")
def test_managers_of_other_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        def __init__(self, name: str, thing: Any) -> None:
            self.name, self.thing = name, thing

        def load(self) -> Any:
            if isinstance(self.thing, Exception):
                raise self.thing
            return self.thing

    entries = [Entry("short", ShortText), Entry("broken", ImportError("no such module"))]
    monkeypatch.setattr(base, "_entry_points", lambda: iter(entries))
    monkeypatch.setattr(base, "_loaded", False)
    with pytest.warns(DatalabWarning, match="'broken' of another package could not be loaded"):
        known = specs("classification")
    assert known["short_text"].factory is ShortText


@pytest.mark.usefixtures("clean_register")
def test_a_check_for_one_kind_of_data_is_there_with_the_data() -> None:
    register(type("Short", (ShortText,), {"modality": "text"}))
    texts = Datalab({"t": ["hi", "a long text to read"]}, task=None, text_key="t", verbosity=0)
    table = Datalab({"x": [1.5, 2.5]}, task=None, verbosity=0)
    for lab, there in ((texts, True), (table, False)):
        assert ("short_text" in lab.list_possible_issue_types()) is there
        assert ("short_text" in lab.list_default_issue_types()) is there
        assert ("short_text" in lab.find_issues().outcomes) is there
    told = table.find_issues(["short_text"]).outcomes["short_text"]
    assert told.status == "not applicable"
    assert "give text_key=" in told.reason


def test_an_unknown_modality_is_refused() -> None:
    with pytest.raises(InputError, match="unknown modality 'video'"):
        spec_of(type("Short", (ShortText,), {"modality": "video"}))
