"""The package's floors: imports go down only, and figures live on the top floor."""

import ast
from pathlib import Path

import pytest

import dlbook

PACKAGE = Path(dlbook.__file__).parent
FLOORS = {
    "runtime": 0, "autograd": 0,
    "nn": 1, "optim": 1, "data": 1,
    "models": 2,
    "training": 3, "checkpoint": 3, "metrics": 3,
    "explain": 4, "adversarial": 4, "federated": 4, "rl": 4, "recipes": 4,
    "plotting": 5, "book": 5, "bench": 5, "cli": 5, "__main__": 5,
}  # fmt: skip
TOP_ONLY = {"matplotlib", "matplotlib_inline", "IPython"}
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def room(path):
    """Return the top-level name of a module: dlbook/nn/conv.py lives in `nn`."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path):
    """Yield the full dotted names a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: write imports from the package's top"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_to_the_own_room_or_to_a_lower_floor(path):
    home = room(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "dlbook" and parts[1] != "__version__" and parts[1] != home:
            same_floor = FLOORS[parts[1]] == FLOORS[home] and FLOORS[home] in (3, 5)
            assert FLOORS[parts[1]] < FLOORS[home] or same_floor, f"{home} uses {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_figures_and_notebook_output_stay_on_the_top_floor(path):
    foreign = {name.split(".")[0] for name in imports(path)} & TOP_ONLY
    assert not foreign or FLOORS[room(path)] == 5


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_module_is_longer_than_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
