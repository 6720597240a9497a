"""Pages made from the executed notebooks: the ledger of claims, the run times, counts.

``{ledger}``       a table of every number that a chapter records
``{run-times}``    a table of what each chapter took
```{count}`claims``` one number for the prose: claims, chapters, cells, seconds, twins

Each chapter also gets a line below its title with its own run time.
"""

import execution
import pairs
from docutils import nodes
from sphinx.util.docutils import SphinxDirective, SphinxRole

HEADINGS = ("Claim", "Value", "Checked", "Elsewhere")
_SEEN = {}  # the executions found so far: many directives ask for all of them


def docname_of(path):
    """Return the name that Sphinx gives to a page."""
    return path.relative_to(execution.ROOT).with_suffix("").as_posix()


def executions(paths=None):
    """Return (docname, path, Execution) of every chapter that the cache holds."""
    found, cache = [], None
    for path in pairs.notebooks() if paths is None else paths:
        version = path, path.stat().st_mtime_ns
        if version not in _SEEN:
            cache = cache or execution.open_cache()
            done = execution.find(cache, pairs.read(path))
            if done is None:
                continue
            _SEEN[version] = done
        found.append((docname_of(path), path, _SEEN[version]))
    return found


def counts():
    """Count what the promises on the landing page are about."""
    runs = [done for _, _, done in executions()]
    claims = [row for done in runs for row in done.claims if row["kind"] == "asserted"]
    cells = [c for done in runs for c in done.notebook.cells if c.cell_type == "code"]
    seconds = sum(done.seconds for done in runs)
    return {
        "claims": str(len(claims)),
        "chapters": str(len(runs)),
        "cells": str(len(cells)),
        "seconds": f"{seconds:.0f}",
        "twins": str(count_twins()),
    }


def count_twins():
    """Count the public classes whose equality with torch's the tests demand."""
    from dlbook import nn, optim

    own = [getattr(module, name) for module in (nn, optim) for name in module.__all__]
    return sum(
        isinstance(item, type) and item.__module__.startswith("dlbook.") for item in own
    )


class Ledger(SphinxDirective):
    """A table of claims for each chapter."""

    def run(self):
        """Build one section of rows a chapter."""
        self.env.note_reread()
        blocks = []
        for docname, path, done in executions():
            if not done.claims:
                continue
            heading = nodes.rubric()
            heading += _link(self.env, docname, pairs.title(path))
            rows = [_claim_cells(row) for row in done.claims]
            blocks += [heading, _table(HEADINGS, rows, (40, 15, 25, 20))]
        return blocks


class RunTimes(SphinxDirective):
    """A table of run times, one row a chapter."""

    def run(self):
        """Build the table, with the sum in its last row."""
        self.env.note_reread()
        runs = executions()
        rows = []
        for docname, path, done in runs:
            cells = sum(cell.cell_type == "code" for cell in done.notebook.cells)
            link = _link(self.env, docname, pairs.title(path))
            rows.append((link, str(cells), f"{done.seconds:.1f} s"))
        total = sum(done.seconds for _, _, done in runs)
        rows.append(("The whole book, one after another", "", f"{total:.1f} s"))
        return [_table(("Chapter", "Code cells", "Run time"), rows, (70, 15, 15))]


class Count(SphinxRole):
    """One number about the executed book."""

    def run(self):
        """Look the number up by its name."""
        self.env.note_reread()
        known = counts()
        if self.text not in known:
            names = ", ".join(known)
            message = self.inliner.reporter.error(
                f"count of {self.text!r} is unknown; expected one of: {names}"
            )
            return [], [message]
        return [nodes.Text(known[self.text])], []


def _claim_cells(row):
    value = f"{row['value']:.4g} {row['unit']}".strip()
    return row["name"], value, row["bound"] or row["note"], row["peer"] or "–"


def _link(env, docname, text):
    from sphinx.addnodes import pending_xref

    reference = pending_xref(
        "",
        nodes.inline("", text),
        refdomain="std",
        reftype="doc",
        reftarget=f"/{docname}",
        refexplicit=True,
        refwarn=True,
        refdoc=env.docname,
    )
    paragraph = nodes.inline("", "", reference)
    return paragraph


def _table(headings, rows, widths):
    table = nodes.table(classes=["dlbook-table"])
    group = nodes.tgroup(cols=len(headings))
    table += group
    group += [nodes.colspec(colwidth=width) for width in widths]
    group += nodes.thead("", _row(headings))
    group += nodes.tbody("", *[_row(row) for row in rows])
    return table


def _row(cells):
    row = nodes.row()
    for cell in cells:
        content = nodes.Text(cell) if isinstance(cell, str) else cell
        row += nodes.entry("", nodes.paragraph("", "", content))
    return row


def stamps():
    """Say of every executed chapter when that was."""
    return {docname: done.stamp for docname, _, done in executions()}


def outdated(app, env, added, changed, removed):
    """Name the chapters whose outputs are not those that the last build has shown."""
    shown, cached = getattr(env, "dlbook_stamps", {}), stamps()
    return [
        docname
        for docname in map(docname_of, pairs.notebooks())
        if docname in env.all_docs and shown.get(docname) != cached.get(docname, "none")
    ]


def chapters_first(app, env, docnames):
    """Read the pages that sum up after the chapters, which Sphinx may yet execute."""
    running = set(map(docname_of, pairs.notebooks()))
    docnames.sort(key=lambda docname: docname not in running)


def remember(app, env):
    """Note which outputs this build shows."""
    env.dlbook_stamps = stamps()


def add_run_time(app, doctree):
    """Say below a chapter's title what its run took."""
    path = execution.ROOT / f"{app.env.docname}.md"
    title = next(doctree.findall(nodes.title), None)
    if title is None or not pairs.is_notebook(path):
        return
    for _, _, done in executions([path]):
        seconds = max(1, round(done.seconds))
        text = f"Runs in {seconds} s on the machine that built this page."
        line = nodes.paragraph("", text, classes=["dlbook-run-time"])
        title.parent.insert(title.parent.index(title) + 1, line)


def setup(app):
    """Register the directives, the role and the events."""
    app.add_directive("ledger", Ledger)
    app.add_directive("run-times", RunTimes)
    app.add_role("count", Count())
    app.connect("env-get-outdated", outdated)
    app.connect("env-before-read-docs", chapters_first)
    app.connect("env-updated", remember)
    app.connect("doctree-read", add_run_time)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
