"""Public functions and classes say what they take, return and raise, with an example that runs."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from numpydoc.validate import validate

import datalab

# What numpydoc may say: broken structure and undocumented or misnamed parameters.
CHECKS = {
    "GL01",
    "GL02",
    "GL03",
    "GL05",
    "GL06",
    "GL07",
    "GL08",
    "SS01",
    "SS03",
    "PR01",
    "PR02",
}


STREET = {
    "benchmarking",
    "classification",
    "count",
    "data_valuation",
    "dataset",
    "experimental",
    "filter",
    "multiannotator",
    "multilabel_classification",
    "object_detection",
    "outlier",
    "rank",
    "regression",
    "segmentation",
    "token_classification",
}
HOUSE = {"findings", "lab", "managers"}


def public() -> Iterator[tuple[str, Any]]:
    """What users call: everything on the street, and what the front door shows of the house."""
    for _, name, _ in pkgutil.walk_packages(datalab.__path__, "datalab."):
        room = name.split(".")[1]
        if room not in STREET | HOUSE or name == "datalab.managers.base":
            continue
        module = importlib.import_module(name)
        for one in getattr(module, "__all__", ()):
            thing = getattr(module, one)
            # A protocol has no parameters of its own.
            protocol = getattr(thing, "_is_protocol", False)
            if (inspect.isfunction(thing) or inspect.isclass(thing)) and not protocol:
                yield f"{thing.__module__}.{thing.__qualname__}", thing


PUBLIC = dict(public())
DOORS = [
    p for p, thing in PUBLIC.items() if p.split(".")[1] in STREET and inspect.isfunction(thing)
]


@pytest.mark.parametrize("path", sorted(PUBLIC))
def test_numpydoc(path: str) -> None:
    wrong = [f"{code}: {text}" for code, text in validate(path)["errors"] if code in CHECKS]
    # A title may stand on the opening line, and a data class documents its fields in the class.
    wrong = [w for w in wrong if not w.startswith(("GL01", "GL02"))]
    assert not wrong, f"{path}: {wrong}"


@pytest.mark.parametrize("path", sorted(DOORS))
def test_doors_have_parameters_returns_and_an_example(path: str) -> None:
    doc = inspect.getdoc(PUBLIC[path]) or ""
    for section in ("Parameters\n", "Returns\n", "Examples\n"):
        assert section in doc, f"{path} has no section {section.strip()}"
