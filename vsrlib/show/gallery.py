"""Pictures side by side as HTML that fits a telephone: each is an image with a caption, as many in a row as fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np

from vsrlib.markup import Page, data_url


@dataclass(frozen=True)
class Item:
    """A picture (H, W, 3) uint8 RGB, the caption under it, and the words for those who cannot see it."""

    picture: np.ndarray
    caption: str
    alt: str


def gallery(items: Sequence[Item], note: str = "", width: int = 300) -> Page:
    """Pictures of at most `width` pixels of the screen, every pixel of theirs a sharp square; a note below them."""
    figures = "".join(_figure(item) for item in items)
    least = f"minmax(min({3 * width // 4}px,45%),1fr)"  # two in a row on a telephone, three where there is room
    grid = f"display:grid;grid-template-columns:repeat(auto-fill,{least});gap:1rem;max-width:{3 * width + 32}px"
    below = f"<p>{escape(note)}</p>" if note else ""
    text = "\n".join([*(f"{item.caption}: {item.alt}" for item in items), note]).strip()
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
