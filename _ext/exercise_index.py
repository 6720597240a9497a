"""``{exercise-index}``: a list of every exercise in the book, chapter by chapter."""

import re

import pairs
from sphinx.util.docutils import SphinxDirective

EXERCISE = re.compile(r"\{exercise(?:-start)?\} ?([^\n]*)\n:label: (\S+)")


class ExerciseIndex(SphinxDirective):
    """Exercises in reading order, each a link to where it is set."""

    def run(self):
        """Build a heading and a list for each chapter that has exercises."""
        self.env.note_reread()
        lines = []
        for path in pairs.chapters():
            found = EXERCISE.findall(path.read_text(encoding="utf-8"))
            if found:
                link = path.relative_to(pairs.ROOT).as_posix()
                lines += ["", f"## [{pairs.title(path)}](/{link})", ""]
                lines += [f"1. {{ref}}`{title} <{label}>`" for title, label in found]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def setup(app):
    """Register the directive."""
    app.add_directive("exercise-index", ExerciseIndex)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
