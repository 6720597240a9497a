"""Write each chapter's notebook from its Markdown: `python _ext/pairs.py`.

The notebook is a pure function of the Markdown (cell ids included), so that a test can
compare the two byte for byte. With ``--readme`` the chapter table of the README gets
the titles and the run times of the last execution; with ``--uncached`` the notebooks
whose outputs the execution cache lacks are printed.
"""

import argparse
import hashlib
import re
import sys

import execution
import jupytext
import nbformat
import yaml

ROOT = execution.ROOT
TABLE = re.compile(r"(<!-- chapters -->\n).*?(<!-- /chapters -->)", re.DOTALL)


def chapters():
    """Return the Markdown files that _toc.yml lists, in reading order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [
        ROOT / f"{entry['file']}.md"
        for part in toc["parts"]
        for entry in part["chapters"]
    ]


def is_notebook(path):
    """Tell a chapter with code from a page of prose: its header names jupytext."""
    return path.read_text(encoding="utf-8").startswith("---\njupytext:")


def notebooks():
    """Return the chapters that run, in reading order."""
    return [path for path in chapters() if is_notebook(path)]


def read(path):
    """Read a chapter's Markdown as a notebook; cell ids depend on the text alone."""
    notebook = jupytext.read(path)
    seen = {}
    for cell in notebook.cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = f"{digest}-{seen[digest]}"
    return notebook


def render(path):
    """Return the text of the paired notebook, without outputs."""
    return nbformat.writes(read(path)) + "\n"


def title(path):
    """Return a page's first heading."""
    return re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)[1]


def about(seconds):
    """Round a run time for people: to 5 s, at least 5."""
    return f"{max(5, 5 * round(seconds / 5))} s"


def chapter_table():
    """Build the README's table: part, chapter, run time of the last execution."""
    cache = execution.open_cache()
    rows = ["| Chapter | Part | Runs in |", "| --- | --- | ---: |"]
    for path in notebooks():
        done = execution.find(cache, read(path))
        link = path.relative_to(ROOT).as_posix()
        time = about(done.seconds) if done else "not yet measured"
        part = path.parent.name.capitalize()
        rows.append(f"| [{title(path)}]({link}) | {part} | {time} |")
    return "\n".join(rows) + "\n"


def main():
    """Write what differs, and say so on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readme", action="store_true", help="also the README's table")
    parser.add_argument("--uncached", action="store_true", help="print what must run")
    arguments = parser.parse_args()
    wanted = {path.with_suffix(".ipynb"): render(path) for path in notebooks()}
    if arguments.readme:
        readme = ROOT / "README.md"
        text = readme.read_text(encoding="utf-8")
        wanted[readme] = TABLE.sub(rf"\1{chapter_table()}\2", text)
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)
    if arguments.uncached:
        cache = execution.open_cache()
        for path in notebooks():
            if execution.find(cache, read(path)) is None:
                print(path.with_suffix(".ipynb").relative_to(ROOT))


if __name__ == "__main__":
    main()
