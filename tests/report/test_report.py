import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from vsrlib.common import provenance
from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.report.equations import picture, with_pictures
from vsrlib.report.html import Item, gallery
from vsrlib.report.index import STATUSES, Overview, Picture, Row, duration, write_index
from vsrlib.report.pages import description, write_pages

LOADS = {"src", "href", "srcset", "data", "poster", "action"}


class Page(HTMLParser):
    """Collects what a page would load, its scripts, and which tags stay open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.images: list[dict] = []
        self.text = ""
        self.feed(text)
        self.loaded += re.findall(r"(?:url\(|@import)\s*['\"]?(?!data:)([^'\")]+)", text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.append(tag)
        found = dict(attributes)
        if tag == "img":
            self.images.append(found)
        for name in LOADS & set(found):
            (self.links if tag == "a" else self.loaded).append(found[name])

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def executed(tmp_path: Path) -> Path:
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    cells = [
        nbformat.v4.new_markdown_cell(f"# A title\n\n{table}\n\nSee [the paper](https://example.org)."),
        nbformat.v4.new_code_cell("x = '<script>alert(1)</script>'\nx", execution_count=1),
        nbformat.v4.new_code_cell("raise", execution_count=2),
    ]
    text = {"text/plain": "'<script>alert(1)</script>'"}
    svg = {"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'/>", "text/plain": "<Figure>"}
    script = {"application/javascript": "alert(2)", "text/plain": "a widget"}
    new = nbformat.v4.new_output
    cells[1].outputs = [new("execute_result", text, execution_count=1), new("display_data", svg)]
    cells[1].outputs += [new("display_data", script), new("stream", name="stderr", text="a bar\n")]
    lines = ["\x1b[31mValueError\x1b[0m: <b>bad</b>"]
    cells[2].outputs = [new("error", ename="ValueError", evalue="<b>bad</b>", traceback=lines)]
    path = tmp_path / "step" / "executed.ipynb"
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.mark.parametrize("name", ["report.html", "report_code.html"])
def test_a_notebooks_page_loads_nothing_and_runs_nothing(executed: Path, name: str) -> None:
    write_pages(executed)
    page = Page(executed.with_name(name).read_text(encoding="utf-8"))
    assert all(source.startswith("data:") for source in page.loaded)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert {"https://example.org", "../index.html"} < set(page.links)
    assert "A title" in page.text and "a widget" in page.text
    assert "alert(1)" in page.text and "<b>bad</b>" in page.text and "alert(2)" not in page.text
    assert "table" in page.tags and page.tags.count("img") == 1
    assert page.text.count("A title (step)") == 1


def test_code_and_progress_stand_on_one_page_only(executed: Path) -> None:
    write_pages(executed)
    plain, code = (executed.with_name(name).read_text(encoding="utf-8") for name in ("report.html", "report_code.html"))
    assert 'href="report_code.html"' in plain and 'href="report.html"' in code
    for words in ("a bar", 'class="highlight'):
        assert words in code and words not in plain


def test_equations_are_as_large_as_text_on_a_telephone() -> None:
    """One that is wider than its page is shown smaller, letters and all."""
    for path in sorted((PROJECT_ROOT / "notebooks").glob("*.ipynb")):
        text = "\n".join(
            cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"
        )
        for formula in re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL):
            shown = picture(formula, display=True)
            svg = base64.b64decode(re.search(r"base64,([^\"]+)", shown)[1]).decode()
            width, height = (float(re.search(rf'{side}="([\d.]+)pt', svg)[1]) for side in ("width", "height"))
            pixels = width / height * float(re.search(r"height:([\d.]+)em", shown)[1]) * 16
            assert pixels < 430, (path.name, formula)


def test_equations_are_pictures_with_their_source_for_those_who_cannot_see_them(tmp_path: Path) -> None:
    text = "Words, `$x$` is code, $e = mc^2$ and $\\begin{x}$ stay or go.\n\n$$ \\frac{a}{b} < c $$\n\n```\n$y$\n```"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)]), tmp_path / "executed.ipynb")
    write_pages(tmp_path / "executed.ipynb")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert [image["alt"] for image in page.images] == ["e = mc^2", "\\frac{a}{b} < c"]
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in page.images)
    for words in ("Words,", "$x$", "$y$", "\\begin{x}"):
        assert words in page.text
    first = (tmp_path / "report.html").read_bytes()
    write_pages(tmp_path / "executed.ipynb")
    assert (tmp_path / "report.html").read_bytes() == first


def test_every_equation_of_the_notebooks_can_be_drawn() -> None:
    for path in sorted((PROJECT_ROOT / "notebooks").glob("*.ipynb")):
        for cell in with_pictures(nbformat.read(path, as_version=4)).cells:
            if cell.cell_type == "markdown":
                assert "$" not in re.sub(r"<img [^>]*>|`[^`]*`", "", cell.source), path.name


def test_a_table_says_in_each_cell_of_which_column_it_is(tmp_path: Path) -> None:
    cell = nbformat.v4.new_markdown_cell("|  | dB | a & b |\n|---|---|---|\n| one | 1 | x |\n| two | 2 | |\n")
    plain = nbformat.v4.new_code_cell("x")
    plain.outputs = [nbformat.v4.new_output("display_data", {"text/html": "<table><tr><td>bare</td></tr></table>"})]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell, plain]), tmp_path / "executed.ipynb")
    write_pages(tmp_path / "executed.ipynb")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'<td( data-label="[^"]*")?>([^<]*)</td>', text) == [
        ("", "one"), (' data-label="dB"', "1"), (' data-label="a &amp; b"', "x"),
        ("", "two"), (' data-label="dB"', "2"), (' data-label="a &amp; b"', ""), ("", "bare"),
    ]  # fmt: skip
    assert text.count('class="cards"') == 1 and text.count('<div class="wide">') == 2


def test_a_notebook_leads_to_the_steps_of_its_neighbours(tmp_path: Path) -> None:
    cell = nbformat.v4.new_markdown_cell("Before: [one](01_a.ipynb), next: [three](03_c.ipynb)")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "executed.ipynb")
    write_pages(tmp_path / "executed.ipynb")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert {"../index.html#s01", "../index.html#s03"} <= set(page.links)
    write_index(tmp_path / "index.html", "quick", [*rows(), Row("03_d", "done")], provenance.collect())
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'<th scope="row" id="(\w+)"', index) == ["s01", "s02", "s03"]


def test_readers_may_unfold_the_parameters(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell("settings = S().require_inputs()\nsettings")
    cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "S(\n    a='<b>',\n)"}, execution_count=1)]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "executed.ipynb")
    write_pages(tmp_path / "executed.ipynb")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<details><summary>Parameters</summary><pre>S(\n" in page and "&lt;b&gt;" in page and "<b>" not in page
    assert "<details>" not in (tmp_path / "report_code.html").read_text(encoding="utf-8")


def test_the_thumbnail_is_the_first_picture_with_its_words(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell("show")
    items = [Item(np.zeros((400, 600, 3), np.uint8), "a <b>", words) for words in ('says "a" & b', "the second")]
    html = gallery(items)._repr_html_()
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/plain": "x"})]
    cell.outputs += [nbformat.v4.new_output("display_data", {"text/html": html, "text/plain": "x"})]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "executed.ipynb")
    write_pages(tmp_path / "executed.ipynb")
    assert description(tmp_path / "thumbnail.png") == 'says "a" & b'
    with Image.open(tmp_path / "thumbnail.png") as image:
        assert image.width == 320
    cell.outputs = []
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "executed.ipynb")
    write_pages(tmp_path / "executed.ipynb")
    assert not (tmp_path / "thumbnail.png").exists()


def rows() -> list[Row]:
    links = ("a/report.html", "a/executed.ipynb")
    return [
        Row("01_a", "done", 61.0, "24.1 dB <x>", "", links),
        Row("02_b", "failed", 2.0, "", "ValueError: <img src=x onerror=alert(1)> & co"),
        Row("03_c", "not run", None, "", 'because step "02_b" failed'),
    ]


def test_the_index_shows_every_step_and_escapes_what_comes_from_data(tmp_path: Path) -> None:
    charts = [Picture("figures/chart_a.svg", "A <i>", 'says "b"')]
    write_index(tmp_path / "index.html", "quick <b>", rows(), provenance.collect(), Overview(charts=charts))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "<x>" not in text and "<img src=x" not in text and "quick <b>" not in text
    for words in ("01_a", "24.1 dB <x>", "1 min 01 s", "failed", "because step", "1 of 3 steps done", "quick <b>"):
        assert words in page.text
    assert {"a/report.html", "a/executed.ipynb"} <= set(page.links)
    (image,) = page.images
    assert (image["src"], image["alt"]) == ("figures/chart_a.svg", 'says "b"')
    assert "A <i>" in page.text and "<i>" not in text
    assert not {"script", "link"} & set(page.tags)
    assert 'name="viewport"' in text and "@media print" in text


def test_the_verdicts_come_first_with_links_to_their_evidence(tmp_path: Path) -> None:
    claims = read_json(PROJECT_ROOT / "figures" / "claims.json")
    claims["claims"][0]["reason"] = "<script>alert(1)</script>"
    ablation = Picture("07/effects.svg", "Costs <b>", "what it costs")
    write_index(tmp_path / "index.html", "quick", rows(), provenance.collect(), Overview(claims, "figures", ablation))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    headings = re.findall(r"<h[12]>(.*?)</h[12]>", text)
    assert headings[1] == "The earlier report's claims" and headings.index("Steps") == 3
    assert page.tags.index("table") < page.tags.index("figure")
    for one in claims["claims"]:
        assert one["id"] in page.text and one["verdict"] in page.text and one["claim"] in page.text
    assert "<script>alert" not in text and "Costs <b>" not in text
    assert "figures/results/05_compare_frameworks/comparison.json" in page.links
    assert page.images[0] == {"src": "07/effects.svg", "alt": "what it costs"}


def test_the_index_is_well_formed_and_changes_at_once(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    write_index(page, "quick", rows(), provenance.collect())
    text = page.read_text(encoding="utf-8")
    for tag in ("table", "tr", "td", "th", "main", "dl", "dt", "dd", "body", "html", "span", "a"):
        assert len(re.findall(rf"<{tag}[ >]", text)) == text.count(f"</{tag}>"), tag
    write_index(page, "quick", rows()[:1], provenance.collect())
    assert "02_b" not in page.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_every_status_is_coloured_and_only_done_ones_are_counted(tmp_path: Path) -> None:
    every = [Row(f"0{number}", status) for number, status in enumerate(STATUSES)]
    write_index(tmp_path / "index.html", "quick", every, provenance.collect())
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    for status in STATUSES:
        name = status.replace(" ", "-")
        assert f'<tr class="{name}">' in text and re.search(rf"\.{name} \.status[,{{ ]", text), status
    assert "stale" in STATUSES and f"2 of {len(STATUSES)} steps done" in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "-"), (0.04, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (125, "2 min 05 s"), (7620, "2 h 07 min")],
)
def test_durations_are_words(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words
