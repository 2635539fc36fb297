"""What people import: the front door, and what it costs."""

import importlib
import json
import pkgutil
import subprocess
import sys

import pytest

import datalab

PUBLIC = [
    name
    for _, name, _ in pkgutil.walk_packages(datalab.__path__, "datalab.")
    if not any(part.startswith("_") for part in name.split("."))
]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_module_says_what_it_offers(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    assert hasattr(module, "__all__"), f"{name} has no __all__"
    for public in module.__all__:
        assert hasattr(module, public), f"{name}.__all__ names {public}, which is not there"
    assert len(set(module.__all__)) == len(module.__all__)


def test_front_door() -> None:
    assert set(datalab.__all__) == {
        "Datalab",
        "Findings",
        "IssueManager",
        "register",
        "__version__",
    }
    for name in datalab.__all__:
        assert getattr(datalab, name) is not None
    assert set(datalab.__all__) <= set(dir(datalab))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = datalab.nothing


def loaded_after(statement: str) -> dict[str, float | list[str]]:
    """What a fresh interpreter has loaded, and the CPU seconds above those of numpy alone."""
    script = (
        "import json, sys, time, numpy\n"
        "start = time.process_time()\n"
        f"{statement}\n"
        "spent = time.process_time() - start\n"
        "heavy = ['pandas', 'sklearn', 'matplotlib', 'datasets', 'ipywidgets', 'cleanlab']\n"
        "print(json.dumps({'seconds': spent, 'heavy': [m for m in heavy if m in sys.modules]}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "statement",
    [
        "from datalab import Datalab",
        "from datalab.filter import find_label_issues",
        "import datalab",
    ],
)
def test_imports_are_light(statement: str) -> None:
    assert loaded_after(statement)["heavy"] == []


def test_import_leaves_warnings_alone() -> None:
    script = (
        "import warnings, numpy; before = list(warnings.filters)\n"
        "import datalab; from datalab import Datalab\n"
        "raise SystemExit(before != list(warnings.filters))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
