"""The checks of helpers/browser.py fail where they should, our pages pass them; the slider moves by keyboard."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
from browser import chromium, crawl, faults_of, opened

from vsrlib.common import provenance
from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.report import html
from vsrlib.report.html import Page, png
from vsrlib.report.index import STATUSES, Overview, Picture, Row, write_index
from vsrlib.report.pages import write_page, write_pages

pytestmark = pytest.mark.slow
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
GOOD = f'<h1>A page</h1><p id="a">Words, <a href="page.html">a link</a>.</p><img src="{PIXEL}" alt="a dot">'


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with chromium() as running:
        yield running


def written(folder: Path, body: str, head: str = "<title>A page</title>", lang: str = ' lang="en"') -> Path:
    path = folder / "page.html"
    path.write_text(f"<!DOCTYPE html><html{lang}><head>{head}</head><body>{body}</body></html>", encoding="utf-8")
    return path


def test_a_good_page_has_no_faults(browser, tmp_path: Path) -> None:
    assert faults_of(browser, written(tmp_path, GOOD)) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("<script>console.error('oh')</script>", "console: oh"),
        ("<script>throw new Error('oh')</script>", "script: oh"),
        ('<img src="none.png" alt="nothing">', "image none.png cannot be shown"),
        (f'<img src="{PIXEL}">', "has no alternative text"),
        (f'<img src="{PIXEL}" alt=" ">', "has no alternative text"),
        ('<img src="http://127.0.0.1:9/x.png" alt="elsewhere">', "would leave the machine"),
        ("<script>fetch('https://127.0.0.1:9/').catch(() => 0)</script>", "would leave the machine"),
        ("<h3>Deep</h3>", "skips a level"),
        ("<h1>Another</h1>", "there are 2 headings of level 1"),
        ('<p id="a">Again</p>', "id a stands twice"),
        ('<p style="color:#777;background:#eee">Pale</p>', "contrast of <p>"),
        ('<details><summary>More</summary><p style="color:#999">Pale</p></details>', "contrast of <p>"),
        ('<div style="width:450px;height:1px"></div>', "at 400 pixels the page is"),
        ('<div style="width:1700px;height:1px"></div>', "at 1600 pixels the page is 17"),
        ('<a href="none.html">Gone</a>', "link none.html leads nowhere"),
        ('<input type="range">', "has no name"),
        (f'<img src="{PIXEL}" alt="a tower" width="9" height="1100">', "on paper an image is 1100 pixels high"),
    ],
)
def test_a_planted_fault_is_found(browser, tmp_path: Path, planted: str, found: str) -> None:
    assert [fault for fault in faults_of(browser, written(tmp_path, GOOD + planted)) if found in fault]


@pytest.mark.parametrize(
    ("changes", "found"),
    [({"head": ""}, "there is no title"), ({"lang": ""}, "no language is given")],
)
def test_a_page_without_title_or_language_is_found(browser, tmp_path: Path, changes: dict, found: str) -> None:
    assert faults_of(browser, written(tmp_path, GOOD, **changes)) == [found]


def test_contrast_is_that_of_wcag(browser, tmp_path: Path) -> None:
    # the lightest grey that passes on white, and the next; large letters need less
    passes, fails = '<p style="color:#767676">A</p>', '<p style="color:#777">B</p>'
    large = '<p style="color:#777;font-size:24px">C</p><p style="color:rgba(0,0,0,.3)">D</p>'
    faults = faults_of(browser, written(tmp_path, GOOD + passes + fails + large))
    assert [fault.split('"')[1] for fault in faults] == ["B", "D"] and "is 4.48," in faults[0]


@pytest.mark.parametrize(
    "active",
    [
        "<script>document.title = 'changed'</script>",
        f'<img src="{PIXEL}" alt="x" onload="document.title = \'changed\'">',
        "<script>" + html.SCRIPT + ";document.title = 'changed'</script>",
        '<iframe src="page.html" title="inner"></iframe>',
    ],
)
def test_nothing_active_in_data_runs_on_our_pages(browser, tmp_path: Path, active: str) -> None:
    write_page(tmp_path / "page.html", "A page", f"<h1>A page</h1>{active}")
    faults: list[str] = []
    with opened(browser, tmp_path / "page.html", faults) as page:
        page.wait_for_timeout(200)
        assert page.title() == "A page"
    assert any("Content Security Policy" in fault for fault in faults)


def frames() -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    black = np.zeros((60, 80, 3), np.uint8)
    return ("bicubic", png(black)), ("restored", png(black + 255))


def step(folder: Path, name: str, outputs: dict[str, dict]) -> Row:
    """A step's folder with the pages of a notebook that shows `outputs`: heading -> what a cell gave, by type."""
    cells = [nbformat.v4.new_markdown_cell("# Look\n\n**Question.** `What` is [it](https://example.org)?")]
    for heading, data in outputs.items():
        cells.append(nbformat.v4.new_markdown_cell(f"## {heading}"))
        cell = nbformat.v4.new_code_cell(
            'x = "text"  # a comment\nfor y in (1, None): print(x, 2.5 * y)', execution_count=1
        )
        cell.outputs = [
            nbformat.v4.new_output("display_data", {"text/plain": "x", **data}),
            nbformat.v4.new_output("stream", name="stderr", text="a bar " * 30),
            nbformat.v4.new_output("stream", name="stdout", text="x" * 400),
        ]
        cells.append(cell)
    (folder / name).mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / name / "executed.ipynb")
    write_pages(folder / name / "executed.ipynb")
    links = tuple(f"{name}/{file}" for file in ("report.html", "report_code.html", "executed.ipynb"))
    return Row(name, "done", 5.0, "24.1 dB", "", links, Picture(f"{name}/thumbnail.png", "", "a picture"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with the committed verdicts and charts, every status, and one notebook's pages."""
    root = tmp_path_factory.mktemp("pages")
    shutil.copytree(PROJECT_ROOT / "figures", root / "figures")
    wide = "|" + " column |" * 30 + "\n|" + "---|" * 30 + "\n|" + " 12.345 |" * 30
    shown: Page = html.compare(*frames(), "a clip", 600)
    done = step(root, "04_look", {"Slider": {"text/html": shown.html}, "Table": {"text/markdown": wide}})
    charts = [
        Picture(f"figures/{name}.svg", about["title"], about["alt"])
        for name, about in read_json(root / "figures" / "provenance.json")["charts"].items()
    ]
    effects = Picture("figures/experiments/ablation/chart_ablation_effects.svg", "What it costs", "effects")
    overview = Overview(read_json(root / "figures" / "claims.json"), "figures", effects, charts)
    rows = [done, *(Row(f"0{i}_{'long_name_' * 5}", status, None, "", "because") for i, status in enumerate(STATUSES))]
    write_index(root / "index.html", "quick", rows, provenance.collect(), overview)
    return root


def test_our_pages_have_no_faults(browser, pages: Path) -> None:
    found = crawl(browser, pages / "index.html")
    assert {path.name for path in found} == {"index.html", "report.html", "report_code.html"}
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_the_slider_moves_by_keyboard(browser, pages: Path) -> None:
    with opened(browser, pages / "04_look" / "report.html") as page:
        where = "getComputedStyle(document.querySelector('[data-compare]')).getPropertyValue('--at')"
        page.set_viewport_size({"width": 400, "height": 800})
        before = page.locator("[data-compare] > div").screenshot()
        page.keyboard.press("Tab")
        while not page.evaluate("document.activeElement.matches('input[type=range]')"):
            page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        assert page.evaluate(where) == "51%"
        page.keyboard.press("Home")
        assert page.evaluate(where) == "0%" and page.locator("[data-compare] > div").screenshot() != before
        page.keyboard.press("End")
        assert page.evaluate(where) == "100%"


def test_the_pages_need_no_pointer_and_print(browser, pages: Path) -> None:
    with opened(browser, pages / "04_look" / "report.html") as page:
        page.emulate_media(media="print")
        assert not page.locator("nav").is_visible() and not page.locator("input[type=range]").is_visible()
        assert page.locator("[data-compare] img").first.is_visible()
