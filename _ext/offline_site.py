"""What the site needs to be read without a network, and to be honest about its outputs.

MathJax comes from an installed package; of its files the site takes one script and the
fonts. Downloaded notebooks carry their outputs. Before anything is read, outputs that
another version of the package printed are thrown away.
"""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import execution
import ledger
import nbformat

MATHJAX = "mathjax/tex-chtml-full.js"


def drop_stale_outputs(app):
    """Empty the cache if the package or the pins changed; run as the tests do."""
    os.environ["TQDM_DISABLE"] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    execution.open_cache()
    app.config.mathjax_path = f"../{MATHJAX}"


def name_beside_logo(app, config):
    """Write the book's name below its logo, which Jupyter Book has no option for."""
    config.html_theme_options.setdefault("logo", {})["text"] = config.html_title


def clean_page(app, pagename, templatename, context, doctree):
    """Leave out scripts that nobody uses, and mend a role that no reader knows.

    The theme announces Thebe, which is off, twice; that is a script error on each page.
    """
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in str(getattr(script, "attributes", script)).lower()
        and "thebe" not in str(getattr(script, "filename", "")).lower()
    ]
    if "body" in context:
        context["body"] = context["body"].replace(
            'role="doc-biblioentry"', 'role="listitem"'
        )


def copy_mathjax(app, error):
    """Put MathJax beside the pages: the script and its fonts, 1.8 MB."""
    if error or app.builder.format != "html":
        return
    package = Path(find_spec("sphinx-mathjax-offline").submodule_search_locations[0])
    source = package / "static" / "mathjax"
    target = Path(app.outdir) / "mathjax"
    fonts = "output/chtml/fonts/woff-v2"
    shutil.copytree(source / fonts, target / fonts, dirs_exist_ok=True)
    shutil.copy(source / Path(MATHJAX).name, target)
    for source_map in Path(app.outdir).rglob("*.map"):
        source_map.unlink()  # for the theme's own developers: 4 MB


def write_executed_notebooks(app, error):
    """Replace the notebooks offered for download by executed ones."""
    if error or app.builder.format != "html":
        return
    for docname, _, done in ledger.executions():
        target = Path(app.outdir) / "_sources" / f"{docname}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(done.notebook, target)


def setup(app):
    """Connect them all."""
    app.connect("config-inited", name_beside_logo)
    app.connect("builder-inited", drop_stale_outputs)
    app.connect("html-page-context", clean_page, priority=900)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", write_executed_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
