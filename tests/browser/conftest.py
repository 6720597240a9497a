"""A browser with the network closed, and the built site on localhost."""

import functools
import http.server
import shutil
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
KEPT_OPEN = 4  # one page in light, in dark and on a phone, and one more
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Keep the test's output clean."""


@pytest.fixture(scope="session")
def address():
    """Serve the built site; return its address."""
    if not (SITE / "index.html").exists():
        pytest.fail(f"there is no site in {SITE}: run `make book` first")
    handler = functools.partial(Handler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """Start Debian's or the system's Chromium, headless."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.fail("the browser tests need Chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def open_page(browser, address):
    """Return a function that opens a page, and notes all that goes wrong.

    The pages opened last stay open for the next test: a browser that keeps every page
    of the book needs more memory than a small machine has.
    """
    contexts, pages = [], {}

    def open_page(name, width=1300, theme="light"):
        wanted = (name, width, theme)
        if wanted not in pages:
            if len(pages) == KEPT_OPEN:
                pages.pop(next(iter(pages)))
                contexts.pop(0).close()
            pages[wanted] = visit(*wanted)
        return pages[wanted]

    def visit(name, width, theme):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme
        )
        contexts.append(context)
        context.add_init_script(f"localStorage.setItem('mode', '{theme}')")
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        page = context.new_page()
        page.troubles = []
        watch(page, address)
        page.goto(f"{address}/{name}")
        page.wait_for_load_state("networkidle")
        return page

    yield open_page
    for context in contexts:
        context.close()


def watch(page, address):
    """Refuse every request to another host; note it, failures and console errors."""

    def decide(route, request):
        if request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            page.troubles.append(f"asks another host: {request.url}")
            route.abort()

    def note_status(response):
        if response.status >= 400:
            page.troubles.append(f"status {response.status}: {response.url}")

    def note_console(message):
        if message.type == "error":
            page.troubles.append(f"console: {message.text}")

    page.route("**/*", decide)
    page.on("response", note_status)
    page.on("console", note_console)
    page.on("pageerror", lambda error: page.troubles.append(f"script: {error}"))
    page.on("requestfailed", lambda r: page.troubles.append(f"failed: {r.url}"))
