"""The notebooks as they are committed: executed, small, and without traces of a machine.

That they run, and that what they claim is true, is tested by ``pytest --nbval-lax notebooks``.
"""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
MAX_BYTES = 300_000
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# Home and temporary folders, memory addresses: they differ from one machine or run to the next.
TRACES = re.compile(r"/(?:home|root|tmp|Users|var|opt)/|\b[A-Z]:\\|\b0x[0-9a-f]{6,}")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(request.param.read_text(encoding="utf-8"))
    return content


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [output for cell in code_cells(notebook) for output in cell["outputs"]]


def test_there_are_the_three_that_the_readme_names() -> None:
    assert {"01_start", "02_text", "03_annotators"} <= {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_small_enough_to_be_read_on_a_code_host(path: Path) -> None:
    assert path.stat().st_size <= MAX_BYTES


def test_executed_once_from_top_to_bottom(notebook: dict[str, Any]) -> None:
    counts = [cell["execution_count"] for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_outputs_are_neither_errors_nor_warnings(notebook: dict[str, Any]) -> None:
    assert "error" not in {output["output_type"] for output in outputs(notebook)}
    assert "stderr" not in {output.get("name") for output in outputs(notebook)}


def test_outputs_live_without_a_kernel(notebook: dict[str, Any]) -> None:
    # A widget, such as a progress bar, is a line of error text once its kernel is gone.
    kinds = {kind for output in outputs(notebook) for kind in output.get("data", {})}
    assert kinds <= {"text/plain", "text/html", "image/png"}


def test_claims_are_checked(notebook: dict[str, Any]) -> None:
    nodes = [node for cell in code_cells(notebook) for node in ast.walk(parsed(cell))]
    assert sum(isinstance(node, ast.Assert) for node in nodes) >= 5


def parsed(cell: dict[str, Any]) -> ast.Module:
    return ast.parse("".join(cell["source"]))


def test_no_traces_of_the_machine(notebook: dict[str, Any]) -> None:
    shown = [
        text
        for output in outputs(notebook)
        for kind, text in {"text": output.get("text", ""), **output.get("data", {})}.items()
        if kind != "image/png"
    ]
    sources = [cell["source"] for cell in notebook["cells"]]
    for lines in shown + sources:
        text = re.sub(r"base64,[\w+/=]+", "", "".join(lines))
        assert not TRACES.search(text), TRACES.search(text)


def test_metadata_is_what_everybody_would_write(notebook: dict[str, Any]) -> None:
    assert notebook["metadata"] == METADATA
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
