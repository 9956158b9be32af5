"""A real browser for tests: Chromium, driven by playwright; it reaches nothing but files and loopback."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from needs import module, program

NAMES = ("chromium-browser", "google-chrome", "google-chrome-stable")  # elsewhere than on Debian
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
INSIDE = ("file", "data", "blob", "about")
PHONE, DESKTOP = 390, 1280  # px

Visit = Callable[..., Any]


@pytest.fixture(scope="module")  # a longer one would keep playwright's event loop running under other tests
def chromium() -> Iterator[Any]:
    """The browser, without a window."""
    module("playwright")
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, NAMES)), None) or program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Visit]:
    """Open pages; a test that used it fails if one of them had an error in the console or asked for anything outside.

    `visit(path_or_url, width=DESKTOP, dark=False, **context)` returns a page of playwright; `context` are options of
    its `new_context`, such as `reduced_motion="reduce"`.
    """
    mishaps: list[str] = []
    contexts: list[Any] = []

    def open_page(place: Path | str, width: int = DESKTOP, dark: bool = False, **options: Any) -> Any:
        scheme = "dark" if dark else "light"
        size = {"width": width, "height": 844 if width < 600 else 800}
        context = chromium.new_context(viewport=size, color_scheme=scheme, locale="en-GB", timezone_id="UTC", **options)
        contexts.append(context)
        page = context.new_page()
        page.route("**/*", lambda route: route.continue_() if _is_inside(route.request.url) else _refuse(route))
        page.on("console", lambda message: message.type == "error" and mishaps.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: mishaps.append(f"page: {error}"))
        page.goto(place.resolve().as_uri() if isinstance(place, Path) else place)
        return page

    def _refuse(route: Any) -> None:
        mishaps.append(f"outside: {route.request.url}")
        route.abort()

    yield open_page
    for context in contexts:
        context.close()
    assert mishaps == []


def _is_inside(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in INSIDE or parts.hostname in ("127.0.0.1", "localhost")
