"""The first picture of an executed notebook, small, with its alternative text inside the file."""

import base64
import io
import re
from html import unescape
from pathlib import Path

from nbformat import NotebookNode

from vsrlib.files import atomic_path

_WIDTH = 320  # pixels: twice what the index shows
_IMAGE = re.compile(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]*)"')


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
