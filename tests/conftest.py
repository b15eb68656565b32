"""One browser, one server and the built book, for all tests of pages."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tools import browser as browsers
from tools import changes

HTML = Path(__file__).parents[1] / "book" / "_build" / "html"


def built_pages() -> list[str]:
    """The book's pages as paths from its root; none if it is not built."""
    return sorted(p.relative_to(HTML).as_posix() for p in HTML.rglob("*.html") if "_static" not in p.parts)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A page that neither changed nor is in this commit's sample is a long proof: `make prove` opens them all."""
    shown = [item for item in items if item.get_closest_marker("pages") and hasattr(item, "callspec")]
    if not shown:
        return
    opened = {name.removesuffix(".html") for name in changes.pages_to_open(built_pages())}
    opened |= {name.rpartition("/")[2] for name in opened}  # an assignment's page goes by its bare name, too
    for item in shown:
        name = item.callspec.params.get("name")
        if name and name.removesuffix(".html") not in opened:
            item.add_marker(pytest.mark.prove)


class ByServer(LoadScopeScheduling):
    """Tests go one by one to whoever is free; those that share a costly server, or decks, all to one process."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if module.endswith(("test_web_app.py", "test_slides.py")) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log):
    return ByServer(config, log) if config.getoption("markexpr").startswith("pages") else None


def stop(reason: str) -> None:
    """Skip on a reader's machine. In CI these checks must run, so there it is a failure."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="session")
def html() -> Path:
    if not (HTML / "index.html").exists():
        stop("the book is not built: make book")
    return HTML


@pytest.fixture(scope="session")
def chromium():
    """The machine's own browser; nothing is downloaded."""
    path = browsers.find_chromium()
    if path is None:
        stop("no Chromium, Chrome or Edge on this machine: pages were not looked at")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=browsers.QUIET)
        yield browser
        browser.close()


def new_context(chromium, scheme: str = "light", offline: bool = True):
    context = chromium.new_context(
        offline=offline, color_scheme=scheme, viewport=browsers.DESKTOP, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    return context


@pytest.fixture(scope="session")
def schemes(chromium):
    """A context for each colour scheme, without network."""
    return {scheme: new_context(chromium, scheme) for scheme in ("light", "dark")}


@pytest.fixture
def offline(schemes):
    """A context without network for pages that a test makes."""
    return schemes["light"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address(html) -> str:
    """The book on a local server."""
    handler = functools.partial(Quiet, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
