"""What every page is made of: one style sheet, one script that is known beforehand, and nothing from elsewhere."""

import base64
import hashlib
from html import escape
from pathlib import Path

from vsrlib.files import atomic_path
from vsrlib.slider import SCRIPT

_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
# The browser is told what a page may do: show pictures of its own or beside it, and run the one script of the sliders.
_ALLOWED = (
    "default-src 'none'; img-src data: file: 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    f"script-src 'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"
)


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
