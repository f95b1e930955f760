"""LaTeX in the text of notebooks as pictures, so that a page shows its equations without a script or a network."""

import io
import re
from html import escape

from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser, math_to_image
from nbformat import NotebookNode

from vsrlib.report.charts.style import style
from vsrlib.report.html import data_url

_FONT = FontProperties(size=13)
_PLACES = re.compile(
    r"(?P<code>```.*?```|`[^`]*`)|\$\$(?P<display>.+?)\$\$|\$(?P<inline>[^\s$`](?:[^$`\n]*[^\s$`])?)\$", re.DOTALL
)
_PER_EM = 13.0  # points of the font to a letter's height on the page


def with_pictures(notebook: NotebookNode) -> NotebookNode:
    """The notebook, whose Markdown cells have pictures in place of what stands between dollars; changed in place.

    What matplotlib's mathtext, a part of LaTeX, cannot read stays as it is, and so does what stands in code.
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _PLACES.sub(_drawn, cell.source)
    return notebook


def picture(formula: str, display: bool) -> str:
    """One formula, without its dollars, as HTML. ValueError for what cannot be drawn."""
    text = f"${' '.join(formula.split())}$"
    buffer = io.BytesIO()
    with style():
        _, height, *_ = MathTextParser("path").parse(text, dpi=72, prop=_FONT)
        depth = math_to_image(text, buffer, prop=_FONT, dpi=72, format="svg")
    svg = re.sub(rb"<metadata>.*?</metadata>", b"", buffer.getvalue(), flags=re.DOTALL)  # the date
    alt = escape(" ".join(formula.split()))
    size = f"height:{height / _PER_EM:.2f}em;width:auto;max-width:100%"
    place = "display:block;margin:.75rem 0" if display else f"vertical-align:{-depth / _PER_EM:.2f}em"
    return f'<img src="{data_url("image/svg+xml", svg)}" alt="{alt}" style="{size};{place}">'


def _drawn(found: re.Match[str]) -> str:
    if found["code"] is not None:
        return found[0]
    try:
        return picture(found["display"] or found["inline"], found["display"] is not None)
    except ValueError:
        return found[0]
