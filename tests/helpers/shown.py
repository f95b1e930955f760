"""What an executed notebook shows: its pictures and its progress bars, and what is wrong with them."""

import base64
import re
import struct
from html.parser import HTMLParser
from typing import Any


class _Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append(dict(attrs))


def images(outputs: list[dict[str, Any]]) -> list[dict[str, str | None]]:
    """The attributes of every <img> in the outputs of a cell."""
    parser = _Images()
    for output in outputs:
        parser.feed("".join(output.get("data", {}).get("text/html", "")))
    return parser.found


def faults(outputs: list[dict[str, Any]]) -> list[str]:
    """A picture without alternative text, a PNG that has not twice its size on the screen, a line left by a bar."""
    found = [f"a bare {kind}" for output in outputs for kind in output.get("data", {}) if kind.startswith("image/")]
    for image in images(outputs):
        if not (image.get("alt") or "").strip():
            found.append("a picture without alternative text")
        kind, _, data = (image.get("src") or "").partition(";base64,")
        width = re.search(r"max-width:(\d+)px", image.get("style") or "")
        if kind == "data:image/png" and width:
            pixels = struct.unpack(">I", base64.b64decode(data[:64])[16:20])[0]
            if abs(pixels - 2 * int(width[1])) > 2:
                found.append(f"a picture of {pixels} pixels shown {width[1]} wide")
    # Jittor ends its lines with both; that is a line's end and no refresh.
    texts = ["".join(output.get("text", "")).replace("\r\n", "\n") for output in outputs]
    return found + [f"carriage returns: {text[:60]!r}" for text in texts if "\r" in text]


def bars(outputs: list[dict[str, Any]]) -> list[str]:
    """The progress bars in the outputs, each as often as it stands there."""
    plain = [
        "".join(output.get("data", {}).get("text/plain", "")) or "".join(output.get("text", "")) for output in outputs
    ]
    return [line for text in plain for line in text.splitlines() if re.search(r"\d+%\|.*\|", line)]
