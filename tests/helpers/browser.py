"""Pages in a real browser: what Chromium finds wrong with them. Nothing may leave the machine, and nothing does."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS = (400, 900, 1600)
SHEET = (680, 1009)  # A4 without margins of 15 mm, in CSS pixels
AUDIT = Path(__file__).with_name("page_audit.js").read_text(encoding="utf-8")
_OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
_PROGRAM = shutil.which("chromium")


def require() -> None:
    """Skip the test where there is no browser, or fail where VSRLIB_REQUIRE_BROWSER says that there must be one."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        fault = "the browser's driver is not installed (pip install -r tests/requirements.txt)"
    else:
        fault = None if _PROGRAM else "Chromium is not installed (Debian: apt install chromium)"
    if fault and os.environ.get("VSRLIB_REQUIRE_BROWSER"):
        pytest.fail(f"Pages must be tested here, and {fault}.")
    if fault:
        pytest.skip(f"pages are not tested because {fault}")


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A running Chromium. To be closed before anything else in the process uses asyncio."""
    require()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_PROGRAM, args=_OPTIONS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: "Browser", path: Path, faults: list[str] | None = None) -> Iterator["Page"]:
    """A page of a file; errors of console and scripts, requests that fail or leave the machine go to `faults`."""
    faults = [] if faults is None else faults
    page = browser.new_page()
    page.set_default_timeout(180_000)  # a page is quick, and a machine that runs other tests as well is not
    page.on("console", lambda said: faults.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("requestfailed", lambda request: faults.append(f"request of {request.url[:80]} failed"))

    def ask(route) -> None:
        if urlsplit(route.request.url).scheme == "file":
            route.continue_()
        else:
            faults.append(f"request of {route.request.url[:80]} would leave the machine")
            route.abort()

    page.route("**/*", ask)
    page.goto(path.as_uri())
    yield page
    page.close()


def faults_of(browser: "Browser", path: Path) -> list[str]:
    """Everything that is wrong with a page, one line each."""
    faults: list[str] = []
    with opened(browser, path, faults) as page:
        faults += page.evaluate(AUDIT)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                faults.append(f"at {width} pixels the page is {wide} wide")
        faults += _on_paper(page)
        faults += [f"link {link} leads nowhere" for link, target in links(page, path) if not target.exists()]
    return faults


def _on_paper(page: "Page") -> list[str]:
    """Images that do not fit a sheet of paper (what is too wide is shrunk); the page is left on the screen."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": SHEET[0], "height": SHEET[1]})
    heights = page.eval_on_selector_all("img, svg", "all => all.map(one => one.getBoundingClientRect().height)")
    page.emulate_media(media="screen")
    return [f"on paper an image is {high:.0f} pixels high" for high in heights if high > SHEET[1]]


def links(page: "Page", path: Path) -> list[tuple[str, Path]]:
    """The links of a page to files, with the files; addresses elsewhere are left out."""
    found = page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))")
    own = [link for link in found if not urlsplit(link).scheme and not link.startswith("#")]
    return [(link, (path.parent / unquote(urlsplit(link).path)).resolve()) for link in own]


def crawl(browser: "Browser", index: Path) -> dict[Path, list[str]]:
    """Every page that can be reached from an index by links, with its faults."""
    found: dict[Path, list[str]] = {}
    waiting = [index.resolve()]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = faults_of(browser, path)
        with opened(browser, path) as page:
            waiting += [target for _, target in links(page, path) if target.suffix == ".html" and target.exists()]
    return found
