"""Run every chapter once: nbval tests it, and what it printed goes to the book's cache.

A cell that writes to stderr (a warning, a progress bar) fails too: nobody wants to read
it on a page.
"""

import copy
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
os.environ["TQDM_DISABLE"] = "1"
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import execution
import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, coalesce_streams


def _execute_cell_input(self, cell_input, allow_stdin=None):
    """Execute as a reader would: with history, so that a trailing ";" hides a value."""
    return self.kc.execute(
        cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
    )


RunningKernel.execute_cell_input = _execute_cell_input


def pytest_configure(config):
    """Open the cache once, before any worker does; note the key they run under."""
    runs_notebooks = config.option.nbval or config.option.nbval_lax
    if runs_notebooks and not hasattr(config, "workerinput"):
        execution.open_cache()
    config.dlbook_key = execution.current_key()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if not isinstance(item, IPyNbCell) or call.when != "call":
        return
    report = outcome.get_result()
    noise = [out.text for out in item.test_outputs or [] if out.get("name") == "stderr"]
    if report.passed and noise:
        report.outcome = "failed"
        report.longrepr = "the cell wrote to stderr:\n" + "".join(noise)
    run = item.parent.__dict__.setdefault("dlbook_run", {"outputs": {}, "seconds": 0.0})
    run["seconds"] += call.duration
    if report.passed:
        run["outputs"][item.cell_num] = copy.deepcopy(item.test_outputs)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    if not isinstance(item, IPyNbCell):
        return
    if nextitem is not None and nextitem.parent is item.parent:
        return
    run = item.parent.__dict__.get("dlbook_run", {"outputs": {}})
    notebook = copy.deepcopy(item.parent.nb)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if len(run["outputs"]) != len(code):
        return  # a cell failed, was skipped or was not selected
    for number, cell in enumerate(code):
        cell.outputs = coalesce_streams(run["outputs"][number])
        cell.execution_count = number + 1
    path = Path(item.parent.path).with_suffix(".md")
    execution.store(notebook, path, run["seconds"], item.config.dlbook_key)
