"""The pictures that README opens with, made of the files of a demonstration and of nothing else.

    vsrlib demo runs/demo && python -m vsrlib.report.front runs/demo figures/demo

writes still.png (LR, bicubic, restored and truth, one detail), moving.webp (bicubic beside restored) and front.json:
whose film it is, what restored it, how near it comes to the truth, and the digests of both pictures.
"""

import sys
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common import provenance
from vsrlib.common.files import atomic_path, read_json, sha256_file, write_json
from vsrlib.data.comparison_picture import beside
from vsrlib.data.degradation import SCALE, bicubic_on_grid
from vsrlib.data.frames import write_frame
from vsrlib.data.video import read_frames
from vsrlib.report.html import Page, data_url, image_html
from vsrlib.report.show import animation, pace
from vsrlib.restoration.demo import CREDIT, LOW, RESTORED, TRUTH
from vsrlib.restoration.metrics import psnr

STILL, MOVING, RECORD = "still.png", "moving.webp", "front.json"
_BOX = (24, 140, 120, 212)  # top, left, height, width of the still's detail, HR pixels: whom the film is about
_ZOOM = 3  # screen pixels to an HR pixel of the still
_WIDE = 400  # HR pixels of each half of what moves


def write_front(demonstration: Path, output: Path) -> dict[str, Any]:
    """Make the pictures of the files in `demonstration` (see `vsrlib.restoration.demo`); returns the record."""
    demonstration, output = Path(demonstration), Path(output)
    low, truth, restored = (list(read_frames(demonstration / name)) for name in (LOW, TRUTH, RESTORED))
    upsampled = [bicubic_on_grid(frame) for frame in low]
    middle = len(truth) // 2
    shown = {
        f"LR, {low[middle].shape[1]} x {low[middle].shape[0]}": low[middle].repeat(SCALE, 0).repeat(SCALE, 1),
        f"bicubic, {psnr(upsampled[middle], truth[middle]):.2f} dB": upsampled[middle],
        f"restored, {psnr(restored[middle], truth[middle]):.2f} dB": restored[middle],
        "truth": truth[middle],
    }
    write_frame(output / STILL, _two_by_two({caption: _detail(image) for caption, image in shown.items()}))
    moving = [_halves(*pair) for pair in zip(upsampled, restored)]
    with atomic_path(output / MOVING) as temporary:
        temporary.write_bytes(animation(moving, pace(len(moving))))
    result = read_json(demonstration / f"{Path(RESTORED).stem}.inference.json")
    record = {
        "credit": CREDIT,
        "frames": len(truth),
        "shown": middle,
        "box": list(_BOX),
        "blur": result["blur"],
        "psnr": {
            "bicubic": float(np.mean([psnr(a, b) for a, b in zip(upsampled, truth)])),
            "restored": float(np.mean([psnr(a, b) for a, b in zip(restored, truth)])),
        },
        "sha256": {name: sha256_file(output / name) for name in (STILL, MOVING)},
        "weights": {"name": Path(result["weights"]["path"]).name, "sha256": result["weights"]["sha256"]},
        "restored": result["provenance"],
        "drawn": provenance.collect(),
    }
    write_json(output / RECORD, record)
    return record


def show(folder: Path) -> Page:
    """The pictures that `write_front` left in a folder, and how near each is to the truth."""
    folder, found = Path(folder), read_json(Path(folder) / RECORD)
    still, moving = ((folder / name).read_bytes() for name in (STILL, MOVING))
    gain = found["psnr"]["restored"] - found["psnr"]["bicubic"]
    words = (
        f"Over {found['frames']} frames the restored video, as its file holds it, has a PSNR of "
        f"{found['psnr']['restored']:.2f} dB, {abs(gain):.2f} dB {'more' if gain > 0 else 'less'} than bicubic "
        f"upsampling ({found['blur']} blur); what the compression of the file costs is in it. "
        f"{found['credit']}."
    )
    alt = "A detail of a film: LR, bicubic, restored and truth"
    wide = int.from_bytes(still[16:20], "big") // 2  # a PNG's width, of which screens show one pixel in two
    html = (
        f"<p>{image_html('image/png', still, alt, wide)}</p><p><picture>"
        f'<source media="(prefers-reduced-motion: reduce)" srcset="{data_url("image/png", still)}">'
        f"{image_html('image/webp', moving, 'The film, bicubic beside restored', 820)}</picture></p>"
        f"<p>{escape(words)}</p>"
    )
    return Page(html, f"{alt}. {words}")


def _detail(image: np.ndarray) -> np.ndarray:
    top, left, height, width = _BOX
    return image[top : top + height, left : left + width].repeat(_ZOOM, 0).repeat(_ZOOM, 1)


def _two_by_two(images: dict[str, np.ndarray]) -> np.ndarray:
    """Four pictures of one size with their captions, two in a row."""
    items = list(images.items())
    return np.concatenate([beside(dict(items[:2])), beside(dict(items[2:]))])


def _halves(upsampled: np.ndarray, restored: np.ndarray) -> np.ndarray:
    left = max(0, (restored.shape[1] - _WIDE) // 2)
    return beside(
        {name: image[:, left : left + _WIDE] for name, image in (("bicubic", upsampled), ("restored", restored))}
    )


if __name__ == "__main__":
    write_front(Path(sys.argv[1]), Path(sys.argv[2]))
