"""Every public name of the package has its entry on the API page."""

import importlib
import inspect
import pkgutil
import posixpath
from pathlib import Path

from sphinx.util.inventory import InventoryFile

import dlbook

INVENTORY = Path(__file__).resolve().parents[2] / "_build" / "html" / "objects.inv"


def public_names():
    """Collect the functions and classes that the package's modules define."""
    for found in pkgutil.walk_packages(dlbook.__path__, "dlbook."):
        if not found.name.endswith("__main__"):
            module = importlib.import_module(found.name)
            for name, value in inspect.getmembers(module):
                own = getattr(value, "__module__", None) == found.name
                kind = inspect.isfunction(value) or inspect.isclass(value)
                if own and kind and not name.startswith("_"):
                    yield found.name, name


def test_every_public_function_and_class_is_on_the_api_page():
    with INVENTORY.open("rb") as file:
        inventory = InventoryFile.load(file, "", posixpath.join)
    documented = {
        name.rpartition(".")[2]
        for kind, entries in inventory.items()
        if kind.startswith("py:")
        for name in entries
    }
    missing = [".".join(pair) for pair in public_names() if pair[1] not in documented]
    assert missing == []
