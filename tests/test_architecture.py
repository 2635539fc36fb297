"""The house stands: imports go down only, and what only one room may do happens only there."""

import ast
import re
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "datalab"
MODULES = sorted(PACKAGE.rglob("*.py"))

FLOORS = {
    0: {"_check", "_typing", "_optional", "_ragged", "_stack", "exceptions"},
    1: {"_core", "findings"},
    2: {"neighbors", "_data"},
    3: {"artefacts", "recipes", "given", "packing", "training", "_models", "_tables"},
    4: {"managers"},
    5: {"audit"},
    6: {"lab", "results", "review", "narrowing", "appending", "chain", "store"},
    7: {
        "plots",
        "session",
        "health",
        "model_card",
        "views",
        "exports",
        "cli",
        "demo",
        "testing",
        "comparison",
    },
    8: {
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
    },
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
# Doors that stand beside each other share a street, not a wall.
STREET = 8
HALL = 6


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> list[tuple[str, bool]]:
    """Imported modules, and whether inside a function; not what only the type checker sees."""
    tree = ast.parse(path.read_text())
    found = []

    def walk(node: ast.AST, inside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                found.extend((alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                name = child.module or ""
                if name == "datalab":
                    found.extend((f"datalab.{alias.name}", inside) for alias in child.names)
                else:
                    found.append((name, inside))
            walk(child, inside or isinstance(child, (ast.FunctionDef, ast.Lambda)))

    walk(tree, inside=False)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    assert room in FLOOR_OF, f"{room} has no floor: add it to the map here and in the README"
    floor = FLOOR_OF[room]
    for name, inside in imports(path):
        if not name.startswith("datalab."):
            continue
        other = name.split(".")[1]
        if other == room:
            continue
        other_floor = FLOOR_OF.get(other)
        assert other_floor is not None, f"{path.name} imports {name}, which has no floor"
        staircase = floor == HALL and inside and other_floor == HALL + 1
        assert other_floor < floor or (other_floor == floor != STREET) or staircase, (
            f"{path.relative_to(PACKAGE)} (floor {floor}) imports {name} (floor {other_floor})"
        )


HEAVY = {"pandas", "sklearn", "matplotlib", "datasets", "ipywidgets", "polars", "pyarrow", "PIL"}
ARITHMETIC = {"numpy", "scipy", "datalab"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_third_parties_stay_where_they_belong(path: Path) -> None:
    room = room_of(path)
    floor = FLOOR_OF.get(room, 0)
    for name, inside in imports(path):
        top = name.split(".")[0]
        if floor <= 1 and top not in sys.stdlib_module_names:
            assert top in ARITHMETIC, f"{path.name} imports {name} on floor {floor}"
        if floor <= HALL and not inside:
            assert top not in HEAVY, f"{path.name} imports {name} when it is loaded"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_what_the_library_never_does(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assert):
            pytest.fail(f"{path.name}:{node.lineno} asserts; raise an error that names the remedy")
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        banned = (
            called in ("print", "eval", "exec")
            or called.startswith(("pickle.", "urllib.", "requests."))
            or re.fullmatch(r"(np|numpy)\.random\.(seed|rand|randn|randint|shuffle)", called)
            or "pyplot" in called
        )
        assert not banned, f"{path.relative_to(PACKAGE)}:{node.lineno} calls {called}"
        allow = {k.arg: ast.unparse(k.value) for k in node.keywords}.get("allow_pickle", "False")
        assert allow == "False", f"{path.name}:{node.lineno} allows pickle"


def test_only_the_validator_brands_arrays() -> None:
    for path in MODULES:
        if room_of(path) == "_check":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("Codes", "Probs"), (
                    f"{path.relative_to(PACKAGE)}:{node.lineno} brands an array: "
                    "datalab._check does that (class_codes, probabilities, some_rows)"
                )


def test_library_imports_no_reference() -> None:
    for path in MODULES:
        for name, _ in imports(path):
            assert name.split(".")[0] != "cleanlab", f"{path} imports the reference"
