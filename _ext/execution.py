"""The execution cache that tests fill and the site reads.

nbval runs each notebook; `conftest.py` stores what it printed with `store`; Sphinx
finds it there and executes nothing. jupyter-cache compares code cells only, so the
cache also carries a key of what the cells import: another package, other pins or
another Python empty it.
"""

import hashlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
from filelock import FileLock
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "_build" / ".jupyter_cache"
KEY_FILE = CACHE / "dlbook.key"
LOCK = FileLock(ROOT / "_build" / "execution.lock")


@dataclass(frozen=True)
class Execution:
    """One executed chapter: its notebook with outputs, seconds, and when it ran."""

    notebook: nbformat.NotebookNode
    seconds: float
    stamp: str

    @property
    def claims(self):
        """The ledger rows that `dlbook.book.record` left in the outputs, in order."""
        return [
            output.metadata["dlbook"]
            for cell in self.notebook.cells
            for output in cell.get("outputs", [])
            if "dlbook" in output.get("metadata", {})
        ]


def current_key():
    """Hash everything outside a notebook that decides what its cells print."""
    digest = hashlib.sha256(sys.version.encode())
    files = [*(ROOT / "dlbook").rglob("*"), *(ROOT / "results").glob("*.json")]
    files = [path for path in files if path.is_file() and not _is_litter(path)]
    for path in [ROOT / "requirements.txt", *sorted(files)]:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _is_litter(path):
    """Tell what Python and editors leave behind from what a cell can import."""
    return (
        "__pycache__" in path.parts or path.name.startswith(".") or path.name[-1] == "~"
    )


def open_cache():
    """Return the cache, emptied first if it was filled under another key."""
    key = current_key()
    CACHE.parent.mkdir(exist_ok=True)
    with LOCK:
        if CACHE.exists() and _stored_key() != key:
            shutil.rmtree(CACHE)
        cache = get_cache(str(CACHE))
        cache.list_cache_records()  # creates the tables before anybody else asks
        KEY_FILE.write_text(key, encoding="utf-8")
    return cache


def _stored_key():
    return KEY_FILE.read_text(encoding="utf-8") if KEY_FILE.exists() else None


def store(notebook, path, seconds, key):
    """Keep an executed notebook, unless the package changed while it ran."""
    with LOCK:
        if current_key() != key or _stored_key() != key:
            return
        bundle = CacheBundleIn(
            notebook, str(path), data={"execution_seconds": round(seconds, 3)}
        )
        get_cache(str(CACHE)).cache_notebook_bundle(
            bundle, check_validity=True, overwrite=True
        )


def find(cache, notebook):
    """Return the `Execution` of a notebook with these code cells, or None."""
    with LOCK:
        try:
            record = cache.match_cache_notebook(notebook)
        except KeyError:
            return None
        _, executed = cache.merge_match_into_notebook(notebook)
    return Execution(
        executed, record.data.get("execution_seconds", 0.0), str(record.created)
    )
