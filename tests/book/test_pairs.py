"""Each notebook is what its Markdown makes of it, and every page is listed."""

import pairs
import pytest

NOTEBOOKS = pairs.notebooks()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_is_the_one_that_the_markdown_makes(path):
    paired = path.with_suffix(".ipynb")
    assert paired.exists(), "run `make sync`"
    assert paired.read_text(encoding="utf-8") == pairs.render(path), "run `make sync`"


def test_no_notebook_and_no_page_is_left_out_of_the_table_of_contents():
    folder = pairs.ROOT / "chapters"
    pages = [
        path for path in folder.rglob("*.md") if ".ipynb_checkpoints" not in str(path)
    ]
    assert set(pages) == set(pairs.chapters())
    assert set(folder.rglob("*.ipynb")) == {p.with_suffix(".ipynb") for p in NOTEBOOKS}


def test_rendering_twice_gives_the_same_bytes():
    assert pairs.render(NOTEBOOKS[0]) == pairs.render(NOTEBOOKS[0])
