"""One execution serves tests and site, and broken code never stays green on old output.

These tests work on a small copy of the book: the real package and configuration, one
probe chapter.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import execution
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PROBE = """---
jupytext:
  formats: md:myst,ipynb
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# Probe

```{code-cell} ipython3
from dlbook.book import record
from dlbook.runtime import generator

record("probe", generator(7).initial_seed(), near=(7, 0))
```

The seed is {glue:text}`probe`.
"""
TOC = """format: jb-book
root: index
parts:
  - caption: Only
    chapters:
      - file: chapters/probe
      - file: chapters/second
      - file: chapters/ledger
"""


class Copy:
    """A copy of the book in a folder of its own, and the commands a reader has."""

    def __init__(self, folder):
        self.folder = folder
        skip = shutil.ignore_patterns(".git", ".venv", "_build", "chapters", "tests")
        shutil.copytree(ROOT, folder, ignore=skip, dirs_exist_ok=True)
        (folder / "chapters").mkdir()
        (folder / "chapters/probe.md").write_text(PROBE)
        (folder / "chapters/second.md").write_text(PROBE.replace("probe", "second"))
        (folder / "chapters/ledger.md").write_text("# Ledger\n\n```{ledger}\n```\n")
        (folder / "index.md").write_text("# Book\n\n{count}`claims` claims.\n")
        (folder / "_toc.yml").write_text(TOC)
        self.sync()

    def run(self, program, *arguments):
        environment = os.environ | {"PYTHONPATH": str(self.folder)}
        environment.pop("PYTEST_XDIST_WORKER", None)
        return subprocess.run(
            [BIN / program, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def sync(self):
        assert self.run("python", "_ext/pairs.py").returncode == 0

    def execute(self, *options, notebooks=("chapters",)):
        nbval = ("--nbval-lax", "--nbval-current-env")
        return self.run("python", "-m", "pytest", "-q", *nbval, *options, *notebooks)

    def uncached(self):
        return self.run("python", "_ext/pairs.py", "--uncached").stdout.split()

    def build(self):
        return self.run("jupyter-book", "build", ".", "-W", "--keep-going", "-n")

    def break_package(self):
        runtime = self.folder / "dlbook/runtime.py"
        text = runtime.read_text()
        assert "manual_seed(seed)" in text
        runtime.write_text(text.replace("manual_seed(seed)", "manual_seed(seed + 1)"))

    def page(self, name):
        html = (self.folder / f"_build/html/{name}.html").read_text()
        return re.sub(r"<[^>]+>", "", html)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a copy whose chapters were executed once, by two workers."""
    copy = Copy(tmp_path_factory.mktemp("book") / "copy")
    run = copy.execute("-n", "2", "--dist", "loadscope")
    assert run.returncode == 0, run.stdout + run.stderr
    return copy


def test_after_the_tests_the_site_executes_nothing(copy):
    assert copy.uncached() == []
    built = copy.build()
    assert built.returncode == 0, built.stdout + built.stderr
    assert "Executing notebook" not in built.stdout + built.stderr
    assert "The seed is 7" in copy.page("chapters/probe")
    assert "2 claims" in copy.page("index")
    assert "probe" in copy.page("chapters/ledger")


def test_the_downloaded_notebook_carries_its_outputs(copy):
    assert copy.build().returncode == 0
    source = copy.folder / "_build/html/_sources/chapters/probe.ipynb"
    [cell] = [c for c in nbformat.read(source, 4).cells if c.cell_type == "code"]
    assert cell.outputs[0].data["text/plain"] == "7"


def test_a_broken_package_is_red_even_in_a_bare_build(copy):
    assert copy.build().returncode == 0
    copy.break_package()
    bare = copy.build()
    assert bare.returncode != 0
    assert "'probe' is 8" in bare.stdout + bare.stderr
    assert copy.uncached() == ["chapters/probe.ipynb", "chapters/second.ipynb"]
    run = copy.execute(notebooks=copy.uncached())
    assert run.returncode == 1
    assert "'probe' is 8" in run.stdout


def test_a_bare_build_from_nothing_executes_and_sums_up_what_it_executed(tmp_path):
    copy = Copy(tmp_path / "copy")
    built = copy.build()
    assert built.returncode == 0, built.stdout + built.stderr
    assert "The seed is 7" in copy.page("chapters/probe")
    assert "2 claims" in copy.page("index")
    assert "second" in copy.page("chapters/ledger")


def test_a_cell_that_warns_is_red_in_tests_and_in_a_bare_build(tmp_path):
    copy = Copy(tmp_path / "copy")
    probe = copy.folder / "chapters/probe.md"
    warn = "import warnings\nwarnings.warn('look here')\n\nrecord("
    probe.write_text(PROBE.replace("record(", warn, 1))
    copy.sync()
    run = copy.execute()
    assert run.returncode == 1
    assert "the cell wrote to stderr" in run.stdout
    assert "look here" in run.stdout
    assert copy.build().returncode != 0


def test_an_unknown_reference_is_red(tmp_path):
    copy = Copy(tmp_path / "copy")
    (copy.folder / "chapters/ledger.md").write_text("# Ledger\n\n[x](nowhere.md)\n")
    built = copy.build()
    assert built.returncode != 0
    assert "nowhere.md" in built.stdout + built.stderr


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Return a folder with all that the cache's key looks at."""
    (tmp_path / "dlbook" / "nn").mkdir(parents=True)
    (tmp_path / "results").mkdir()
    for name in ("requirements.txt", "dlbook/nn/conv.py", "results/a.json"):
        (tmp_path / name).write_text("before")
    monkeypatch.setattr(execution, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["requirements.txt", "dlbook/nn/conv.py", "results/a.json", "dlbook/nn/new.py"],
)
def test_the_key_changes_with_whatever_a_cell_can_see(tree, name):
    before = execution.current_key()
    (tree / name).write_text("after")
    assert execution.current_key() != before


def test_the_key_changes_with_the_version_of_python(tree, monkeypatch):
    before = execution.current_key()
    monkeypatch.setattr(sys, "version", "4.0.0")
    assert execution.current_key() != before


@pytest.mark.parametrize("name", [".conv.py.swp", ".DS_Store", "conv.py~"])
def test_what_editors_leave_behind_does_not_change_the_key(tree, name):
    before = execution.current_key()
    (tree / "dlbook" / name).write_text("litter")
    assert execution.current_key() == before
