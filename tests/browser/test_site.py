"""Every built page, read in a real browser with the network closed."""

import re
from pathlib import Path

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe

ROOT = Path(__file__).resolve().parents[2]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
LISTED = [f"{page['file']}.html" for part in TOC["parts"] for page in part["chapters"]]
CHAPTERS = [page for page in LISTED if not page.startswith("chapters/appendix")]
OTHERS = ["index.html"] + [page for page in LISTED if page not in CHAPTERS]
FORMULAS = """async () => {
    if (!window.MathJax) return [0, 0, 0];
    await MathJax.startup.promise;
    const count = (query) => document.querySelectorAll(query).length;
    return [count(".math"), count("mjx-container"), count("mjx-merror")];
}"""
PROSE = """() => {
    const article = document.querySelector("article.bd-article").cloneNode(true);
    article.querySelectorAll("pre, code, script, .math").forEach((e) => e.remove());
    return article.textContent;
}"""
PAGE_WIDTH = "() => [document.documentElement.scrollWidth, window.innerWidth]"

# The scope lets pytest run all tests of one page in a row, so that it opens once; it
# goes by the place in the list, so both lists begin alike.
every_page = pytest.mark.parametrize("name", CHAPTERS + OTHERS, scope="module")
every_chapter = pytest.mark.parametrize("name", CHAPTERS, scope="module")


@every_page
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_loads_without_error_or_request_to_another_host(open_page, name, theme):
    page = open_page(name, theme=theme)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert page.troubles == []


@every_page
def test_all_mathematics_is_rendered(open_page, name):
    page = open_page(name)
    wanted, rendered, errors = page.evaluate(FORMULAS)
    assert errors == 0
    assert rendered >= wanted
    prose = page.evaluate(PROSE)
    assert not re.search(r"\\\(|\\\[|\$\$", prose)


def test_there_is_mathematics_to_render(open_page):
    wanted, rendered, _ = open_page(
        "chapters/foundations/gradient-descent.html"
    ).evaluate(FORMULAS)
    assert rendered >= wanted > 20


@every_page
def test_every_image_has_alt_text_and_a_picture(open_page, name):
    images = open_page(name).locator("article.bd-article img")
    for image in images.all():
        assert (image.get_attribute("alt") or "").strip(), image.get_attribute("src")
        image.scroll_into_view_if_needed()
        assert image.evaluate("i => i.decode().then(() => i.naturalWidth)") > 0


@every_page
@pytest.mark.parametrize("width", [1300, 390])
def test_a_page_never_scrolls_sideways(open_page, name, width):
    content, window = open_page(name, width=width).evaluate(PAGE_WIDTH)
    assert content <= window


@every_chapter
def test_outputs_hold_no_warning_and_no_progress_bar(open_page, name):
    outputs = open_page(name).locator(".cell_output").all_inner_texts()
    assert outputs
    for text in outputs:
        assert not re.search(r"Warning|Traceback|it/s\]|s/it\]|\d%\|", text), text


@every_page
def test_no_reference_or_number_is_left_unresolved(open_page, name):
    prose = open_page(name).evaluate(PROSE)
    for raw in (
        r"\{glue",
        r"\{cite",
        r"\{eq\}",
        r"\{doc\}",
        r"\{count\}",
        "```",
        r"\?\?",
    ):
        assert not re.search(raw, prose), raw


@every_page
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_content(open_page, name, theme):
    page = open_page(name, theme=theme)
    found = Axe().run(page, context="article.bd-article").response["violations"]
    grave = [
        (rule["id"], [node["html"][:160] for node in rule["nodes"][:3]])
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
    assert grave == []


@pytest.mark.parametrize(
    ("word", "target"),
    [
        ("gradient", "gradient-descent"),
        ("convolution", "vision/convolution"),
        ("softmax", "appendix/api"),
        ("digits", "what-is-deep-learning"),
    ],
)
def test_search_finds_the_page_on_a_word(open_page, word, target):
    page = open_page(f"search.html?q={word}")
    page.wait_for_selector("#search-results li a")
    links = page.locator("#search-results li a").evaluate_all(
        "all => all.map(a => a.href)"
    )
    assert any(target in link for link in links)
    assert page.troubles == []


@every_chapter
def test_launch_buttons_point_at_the_paired_notebook(open_page, name):
    page = open_page(name)
    hrefs = page.locator("a[href]").evaluate_all("all => all.map(a => a.href)")
    notebook = name.replace(".html", ".ipynb")
    for service in ("colab.research.google.com", "mybinder.org"):
        [link] = {href for href in hrefs if service in href}
        assert notebook in link.replace("%2F", "/")


@every_chapter
def test_the_downloaded_notebook_has_its_outputs(open_page, name, address):
    page = open_page(name)
    notebook = f"{address}/_sources/{name.replace('.html', '.ipynb')}"
    cells = page.request.get(notebook).json()["cells"]
    assert sum(bool(cell.get("outputs")) for cell in cells) >= 5


def test_the_site_is_small_enough_to_carry():
    """What all pages share has a budget, and each page; chapters may be added."""
    site = ROOT / "_build" / "html"
    sizes = {
        path.relative_to(site): path.stat().st_size
        for path in site.rglob("*")
        if path.is_file() and path.suffix != ".ipynb"
    }
    own = ("_images", "_modules", "chapters")
    shared = sum(size for path, size in sizes.items() if path.parts[0] not in own)
    assert shared <= 8e6
    for path, size in sizes.items():
        if path.parts[0] in ("_modules", "chapters"):
            assert size <= (2.5e6 if path.stem == "api" else 300e3), path
