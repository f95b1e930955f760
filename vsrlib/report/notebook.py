"""An executed notebook as two pages, for readers and with its code, and as a small picture for the index."""

import copy
import re
from html import escape
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from vsrlib.manifest import REPORT, REPORT_CODE, THUMBNAIL
from vsrlib.report.page import write_page
from vsrlib.report.thumbnail import write_thumbnail

# No widgets: a report is to be read.
_SHOWN_TYPES = ("image/svg+xml", "text/html", "text/markdown", "image/png", "image/jpeg", "text/plain")


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

    # The template is the body alone: the others load scripts from the network.
    config = Config({"NbConvertBase": {"display_data_priority": list(_SHOWN_TYPES)}})
    exporter = HTMLExporter(
        config=config, template_name="basic", embed_images=True, exclude_anchor_links=True, exclude_input=not code
    )
    body, _ = exporter.from_notebook_node(notebook)
    # A table wider than the screen scrolls by itself, and the page does not.
    body = body.replace("<table", '<div class="wide"><table').replace("</table>", "</table></div>")
    step = page.parent.name
    way = f'<nav><a href="../index.html">All steps</a> <span>{escape(step)}</span> {other}</nav>'
    style = HtmlFormatter(style="default").get_style_defs(".highlight") if code else ""
    write_page(page, f"{_title(notebook)} ({step})", f"{way}\n<main>\n{body}\n</main>", style)


def _title(notebook: NotebookNode) -> str:
    first = re.search(r"^# (.+)$", notebook.cells[0].source if notebook.cells else "", re.MULTILINE)
    return first[1] if first else "Notebook"
