"""A clip that moves: bicubic beside restored, a few frames, played three times and then still."""

import io
from html import escape

import numpy as np
from PIL import Image

from vsrlib.frames import read_frame
from vsrlib.markup import Page, data_url
from vsrlib.reading import FrameReader
from vsrlib.resample import bicubic_on_grid
from vsrlib.results import NAMES
from vsrlib.show.chosen import Chosen
from vsrlib.show.gallery import png

TIMES = 3
_FRAME_MS, _ALL_MS = 200, 4800  # what moves by itself for more than five seconds would need a button that stops it
_WIDEST = 512  # HR pixels; of a wider frame the detail alone is shown
_GAP = 8


def moving(chosen: Chosen, count: int) -> Page:
    """The first `count` restored frames of the clip as an animated image; whoever asked for less motion sees one."""
    frames = strip(chosen, count)
    milliseconds = min(_FRAME_MS, _ALL_MS // (TIMES * len(frames)))
    name = NAMES[chosen.first]
    alt = f"{len(frames)} frames of clip {chosen.clip}, {chosen.blur} blur: bicubic to the left, {name} to the right"
    width = 2 * frames[0].shape[1]
    html = (
        '<figure style="margin:0"><picture>'
        f'<source media="(prefers-reduced-motion: reduce)" srcset="{data_url("image/png", png(frames[0]))}">'
        f'<img src="{data_url("image/webp", animation(frames, milliseconds))}" alt="{escape(alt)}" '
        f'style="display:block;width:100%;max-width:{width}px;height:auto"></picture>'
        f"<figcaption>bicubic to the left, {name} to the right; {len(frames)} frames, played {TIMES} times</figcaption>"
        "</figure>"
    )
    return Page(html, alt)


def strip(chosen: Chosen, count: int) -> list[np.ndarray]:
    """Frames of the animation: bicubic and restored beside each other, (H, W, 3) uint8."""
    reader = FrameReader(chosen.source)
    frames = []
    for name, index in list(zip(chosen.names, chosen.indices))[:count]:
        restored = read_frame(chosen.folders[chosen.first] / f"{name}.png")
        top, left, height, width = (0, 0, *restored.shape[:2]) if restored.shape[1] <= _WIDEST else chosen.box
        both = [one[top : top + height, left : left + width] for one in (bicubic_on_grid(reader[index]), restored)]
        gap = np.full((height, _GAP, 3), 255, np.uint8)
        frames.append(np.concatenate([both[0], gap, both[1]], axis=1))
    return frames


def animation(frames: list[np.ndarray], milliseconds: int) -> bytes:
    """Frames as an animated WebP file that plays `TIMES` times."""
    first, *others = map(Image.fromarray, frames)
    buffer = io.BytesIO()
    first.save(
        buffer, "WEBP", save_all=True, append_images=others, duration=milliseconds, loop=TIMES, quality=80, method=4
    )
    return buffer.getvalue()
