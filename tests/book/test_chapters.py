"""Every chapter keeps to the form: parts, cells, figures, solutions, no shadowing."""

import ast
import importlib
import pkgutil
import re
import statistics

import pairs
import pytest
import yaml

import dlbook

ROOT = pairs.ROOT
NOTEBOOKS = pairs.notebooks()
notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
CHAPTERS = [path for path in NOTEBOOKS if path.parent.name != "appendix"]
chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def code_cells(path):
    return [cell for cell in pairs.read(path).cells if cell.cell_type == "code"]


def parse(cell):
    """Parse a cell's Python, IPython's magics left out."""
    lines = [re.sub(r"^(\s*)[%!].*", r"\1pass", x) for x in cell.source.split("\n")]
    return ast.parse("\n".join(lines))


def exported_names():
    """Collect every function and class that the package exports."""
    names = set()
    for module in pkgutil.walk_packages(dlbook.__path__, "dlbook."):
        if not module.name.endswith("__main__"):
            loaded = importlib.import_module(module.name)
            names |= {
                name
                for name, value in vars(loaded).items()
                if getattr(value, "__module__", "").startswith("dlbook")
                and not name.startswith("_")
            }
    return names


EXPORTED = exported_names()


@notebook
def test_a_chapter_never_redefines_what_the_package_exports(path):
    defined = {
        node.name
        for cell in code_cells(path)
        for node in ast.walk(parse(cell))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    assert not defined & EXPORTED


@notebook
def test_naive_functions_are_at_most_25_lines(path):
    for cell in code_cells(path):
        for node in ast.walk(parse(cell)):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                assert node.end_lineno - node.lineno < 25, node.name


@notebook
def test_cells_are_short_and_the_median_at_most_ten_lines(path):
    lengths = sorted(len(cell.source.split("\n")) for cell in code_cells(path))
    assert lengths[-1] <= 25
    assert statistics.median(lengths) <= 10


@notebook
def test_code_lines_fit_the_page(path):
    for cell in code_cells(path):
        for line in cell.source.split("\n"):
            assert len(line) <= 88, line


@notebook
def test_the_first_cell_installs_the_package_on_colab_and_is_hidden(path):
    first = code_cells(path)[0]
    url = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    assert f"%pip install -q git+{url}" in first.source
    assert "remove-cell" in first.metadata["tags"]


@notebook
def test_every_figure_has_a_name_a_caption_and_alt_text(path):
    for cell in code_cells(path):
        draws = "plotting." in cell.source and "ax" in cell.source
        if "plt.subplots" in cell.source or draws:
            extra = cell.metadata.get("mystnb", {})
            assert extra.get("figure", {}).get("name"), cell.source
            assert extra["figure"].get("caption"), cell.source
            assert extra.get("image", {}).get("alt"), cell.source


@chapter
def test_a_chapter_has_its_parts_in_order(path):
    text = path.read_text(encoding="utf-8")
    parts = ["After this chapter you can", "## Summary", "## Exercises", "## Sources"]
    places = [text.find(part) for part in parts]
    assert min(places) >= 0, dict(zip(parts, places, strict=True))
    assert places == sorted(places)
    assert "**Next:**" in text[places[-1] :]


@chapter
def test_every_exercise_has_a_closed_solution_and_there_are_four_to_six(path):
    text = path.read_text(encoding="utf-8")
    labels = re.findall(r"\{exercise(?:-start)?\}[^\n]*\n:label: (\S+)", text)
    solved = re.findall(
        r"\{solution(?:-start)?\} (\S+)\n:label: \S+\n:class: dropdown", text
    )
    assert labels == solved
    assert 4 <= len(labels) <= 6


@notebook
def test_every_glued_number_is_recorded_on_the_same_page(path):
    text = path.read_text(encoding="utf-8")
    for key in re.findall(r"\{glue:text\}`([^`]+)`", text):
        name = re.sub(r":[^:]*$", "", key) if re.search(r":\.?\d*[a-z%]$", key) else key
        assert f'"{name}"' in text or re.search(r'record\(\s*f"', text), name
