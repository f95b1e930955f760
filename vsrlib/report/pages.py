"""An executed notebook as two pages, for readers and with its code, and as a small picture for the index."""

import base64
import copy
import hashlib
import io
import re
from html import escape, unescape
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from vsrlib.common.files import atomic_path
from vsrlib.report.html import SCRIPT

MANIFEST = "manifest.json"
EXECUTED = "executed.ipynb"
PARTIAL = "partial.ipynb"
REPORT = "report.html"
REPORT_CODE = "report_code.html"
THUMBNAIL = "thumbnail.png"
ERROR = "error.txt"
"""The files of a step's folder."""
# No widgets: a report is to be read.
_SHOWN_TYPES = ("image/svg+xml", "text/html", "text/markdown", "image/png", "image/jpeg", "text/plain")
_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
# The browser is told what a page may do: show pictures of its own or beside it, and run the one script of the sliders.
_ALLOWED = (
    "default-src 'none'; img-src data: file: 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    f"script-src 'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"
)
_WIDTH = 320  # pixels: twice what the index shows
_IMAGE = re.compile(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]*)"')


def write_pages(executed: Path) -> None:
    """Convert an executed notebook into pages that need no other file: report.html and, with code, report_code.html.

    They go beside the notebook, in the folder of its step, and so does thumbnail.png if any of its outputs is a PNG.
    """
    notebook = nbformat.read(executed, as_version=4)
    folder = executed.parent
    write_thumbnail(notebook, folder / THUMBNAIL)
    _write(folder / REPORT_CODE, notebook, f'<a href="{REPORT}">without code</a>', code=True)
    _write(folder / REPORT, for_readers(notebook), f'<a href="{REPORT_CODE}">with code</a>', code=False)


def for_readers(notebook: NotebookNode) -> NotebookNode:
    """A copy without progress bars and warnings, whose parameters are folded; the code itself is left out later."""
    found = copy.deepcopy(notebook)
    for cell in (cell for cell in found.cells if cell.cell_type == "code"):
        cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
        if ".require_inputs()" in cell.source:
            for one in (one for one in cell.outputs if one.output_type == "execute_result"):
                text = escape(one.data["text/plain"])
                one.data["text/html"] = f"<details><summary>Parameters</summary><pre>{text}</pre></details>"
    return found


def _write(page: Path, notebook: NotebookNode, other: str, code: bool) -> None:
    # These imports take a second, which a study that has nothing to do need not spend.
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter
    from traitlets.config import Config

    from vsrlib.report.equations import with_pictures

    # The template is the body alone: the others load scripts from the network.
    config = Config({"NbConvertBase": {"display_data_priority": list(_SHOWN_TYPES)}})
    exporter = HTMLExporter(
        config=config, template_name="basic", embed_images=True, exclude_anchor_links=True, exclude_input=not code
    )
    body, _ = exporter.from_notebook_node(with_pictures(copy.deepcopy(notebook)))
    # The notebook before and the one after are reports here, which the index knows.
    body = re.sub(r'href="(\d\d)_\w+\.ipynb"', r'href="../index.html#s\1"', stacked(body))
    step = page.parent.name
    way = f'<nav><a href="../index.html">All steps</a> <span>{escape(step)}</span> {other}</nav>'
    style = HtmlFormatter(style="default").get_style_defs(".highlight") if code else ""
    write_page(page, f"{_title(notebook)} ({step})", f"{way}\n<main>\n{body}\n</main>", style)


def stacked(body: str) -> str:
    """HTML whose tables stack on a telephone: each cell says of which column it is.

    A table without a header scrolls by itself where it is wider than the screen, and the page does not.
    """
    return re.sub(
        r"<table.*?</table>", lambda found: f'<div class="wide">{_stacked(found[0])}</div>', body, flags=re.DOTALL
    )


def _stacked(table: str) -> str:
    head, found, rows = table.partition("</thead>")
    names = [re.sub(r"<[^>]*>", "", name).strip() for name in re.findall(r"<th\b[^>]*>(.*?)</th>", head, re.DOTALL)]
    if not found:
        return table

    def labelled(row: re.Match[str]) -> str:
        waiting = iter(names)
        return re.sub(r"<(td|th)\b", lambda cell: _with_label(cell[0], next(waiting, "")), row[0])

    rows = re.sub(r"<tr\b.*?</tr>", labelled, rows, flags=re.DOTALL)
    return re.sub(r"<table\b[^>]*>", '<table class="cards">', head, count=1) + found + rows


def _with_label(cell: str, name: str) -> str:
    return f'{cell} data-label="{name}"' if name else cell


def _title(notebook: NotebookNode) -> str:
    first = re.search(r"^# (.+)$", notebook.cells[0].source if notebook.cells else "", re.MULTILINE)
    return first[1] if first else "Notebook"


def write_page(path: Path, title: str, body: str, style: str = "") -> None:
    """Write a page, whole or not at all. `body` is HTML; `style` is added to the style sheet."""
    with atomic_path(path) as temporary:
        temporary.write_text(
            f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_ALLOWED}">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
            f"<style>\n{_STYLE}{style}\n</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n",
            encoding="utf-8",
        )


def write_thumbnail(notebook: NotebookNode, path: Path) -> None:
    """Write the first PNG among a notebook's outputs to `path`, at most 320 pixels wide; without any, none is left."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    path.unlink(missing_ok=True)
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", [])]
    found = next(filter(None, (_IMAGE.search(one.get("data", {}).get("text/html", "")) for one in outputs)), None)
    if found is None:
        return
    notes = PngInfo()
    notes.add_itxt("Description", unescape(found[2]))
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as image, atomic_path(path) as temporary:
        picture = image.convert("RGB")
        picture.thumbnail((_WIDTH, 4 * _WIDTH))
        picture.save(temporary, format="PNG", optimize=True, pnginfo=notes)


def description(path: Path) -> str:
    """The alternative text of a thumbnail."""
    from PIL import Image

    with Image.open(path) as image:
        return image.info["Description"]
