"""HTML for notebooks: what a cell shows, with its plain text, and images inside it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np

# Written here and nowhere else: a page allows this script by its digest and no other one, so nothing that comes from
# data can run. Listening at the document, it may stand in a page more than once and before the slider itself.
SCRIPT = (
    'document.addEventListener("input",e=>{const f=e.target.closest("[data-compare]");'
    'if(f)f.style.setProperty("--at",e.target.value+"%")})'
)


@dataclass(frozen=True, repr=False)
class Page:
    """HTML with its plain text, for what is no single figure."""

    html: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def image_html(kind: str, data: bytes, alt: str, width: int) -> str:
    """An image that lies inside the page itself, at most `width` pixels wide, no wider than the screen."""
    source = data_url(kind, data)
    return f'<img src="{source}" alt="{escape(alt)}" style="width:100%;max-width:{width}px;height:auto">'


def data_url(kind: str, data: bytes) -> str:
    """A file as an address that holds it; `kind` is its media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def compare(left: tuple[str, bytes], right: tuple[str, bytes], alt: str, width: int) -> Page:
    """Show `left` up to where the slider stands, and `right` beyond; both are (name, PNG of one size).

    alt: what both pictures show. width: of the widest picture, in pixels of the screen. Without scripts the slider
    stays in the middle, and half of each picture is seen.
    """
    (left_name, left_png), (right_name, right_png) = left, right
    names = escape(f"{left_name} to the left, {right_name} to the right")
    whole = "display:block;width:100%;height:auto"
    html = (
        f'<figure data-compare style="--at:50%;margin:0;max-width:{width}px">'
        '<div style="position:relative">'
        f'<img src="{data_url("image/png", right_png)}" alt="{escape(f"{right_name}: {alt}")}" style="{whole}">'
        f'<img src="{data_url("image/png", left_png)}" alt="{escape(f"{left_name}: {alt}")}" '
        f'style="{whole};position:absolute;inset:0;clip-path:inset(0 calc(100% - var(--at)) 0 0)">'
        '<span aria-hidden="true" style="position:absolute;inset:0 auto 0 var(--at);width:2px;margin-left:-1px;'
        'background:#fff;box-shadow:0 0 0 1px #000"></span></div>'
        f'<input type="range" min="0" max="100" value="50" aria-label="{names}" style="width:100%;margin:.5rem 0 0">'
        '<figcaption style="display:flex;justify-content:space-between;gap:1rem">'
        f"<span>{escape(left_name)}</span><span>{escape(right_name)}</span></figcaption></figure>"
        f"<script>{SCRIPT}</script>"
    )
    return Page(html, f"{left_name} beside {right_name}: {alt}")


@dataclass(frozen=True)
class Item:
    """A picture (H, W, 3) uint8 RGB, the caption under it, and the words for those who cannot see it."""

    picture: np.ndarray
    caption: str
    alt: str


def gallery(items: Sequence[Item], note: str = "", width: int = 300) -> Page:
    """Pictures side by side, as many in a row as fit, of at most `width` pixels of the screen; a note below them.

    Every pixel of theirs is a sharp square.
    """
    figures = "".join(_figure(item) for item in items)
    least = f"minmax(min({3 * width // 4}px,45%),1fr)"  # two in a row on a telephone, three where there is room
    grid = f"display:grid;grid-template-columns:repeat(auto-fill,{least});gap:1rem;max-width:{3 * width + 32}px"
    below = f"<p>{escape(note)}</p>" if note else ""
    spoken = (one.alt if one.alt.startswith(one.caption) else f"{one.caption}: {one.alt}" for one in items)
    text = "\n".join([*spoken, note]).strip()
    return Page(f'<div style="{grid}">{figures}</div>{below}', text)


def png(picture: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as a PNG file."""
    return cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


def _figure(item: Item) -> str:
    source = data_url("image/png", png(item.picture))
    return (
        f'<figure style="margin:0"><img src="{source}" alt="{escape(item.alt)}" '
        'style="display:block;width:100%;height:auto;image-rendering:pixelated;outline:1px solid #ddd">'
        f"<figcaption>{escape(item.caption)}</figcaption></figure>"
    )
