"""Damage PNG, JPEG and video files in many ways, and read each: an error that names it, or everything that was there.

python tests/reliability/images.py OUTPUT --count 10000 --seed 1
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
from common import main, mutations
from PIL import Image
from survivors import survey, tally

from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array
from vsrlib.data.clips import list_clips
from vsrlib.data.synthetic.pictures import load_photograph

MOST_MIB = 1024
"""What a process may take that reads files of some kilobytes, PyTorch not loaded."""
_VIDEOS = {
    "h264.mp4": ("libx264", "yuv420p", {}),
    "ffv1.mkv": ("ffv1", "bgr0", {"level": "3", "slicecrc": "1"}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {"deadline": "realtime", "cpu-used": "8"}),
}
Reader = Callable[[Path], np.ndarray]


def read(path: Path) -> np.ndarray:
    """As the commands read what a user gives them: a video, or a folder of frames."""
    (source,) = list_clips(path)
    return source.load().frames


def whole_files(folder: Path) -> dict[str, bytes]:
    """Small files of every kind by name; those of one ending hold the same pictures."""
    folder.mkdir(exist_ok=True)
    photograph = load_photograph("astronaut.png")
    crop = Image.fromarray(photograph[40:104, 180:276])
    crop.save(folder / "rgb.png")
    crop.convert("L").save(folder / "grey.png")
    crop.quantize(64).save(folder / "palette.png")
    Image.fromarray(photograph[:64, :96, 0].astype(np.uint16) * 257).save(folder / "sixteen.png")
    crop.save(folder / "baseline.jpg", quality=90)
    crop.save(folder / "progressive.jpg", quality=90, progressive=True)
    crop.convert("L").save(folder / "grey.jpg", quality=90)
    for name, (codec, pixels, options) in _VIDEOS.items():
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream(codec, rate=25, options=options)
            stream.width, stream.height, stream.pix_fmt = 96, 64, pixels
            for index in range(8):
                rgb = np.ascontiguousarray(photograph[40 + index :][:64, 180 + 2 * index :][:, :96])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
            container.mux(stream.encode())
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def check(folder: Path, count: int, seed: int, reader: Reader = read) -> dict[str, Any]:
    """Read `count` damaged files with `reader`; for images the file is the second of a clip of three frames."""
    files = whole_files(folder / "whole")
    names, mutate = list(files), mutations(list(files.values()), seed)
    truth = {name: sha256_array(_as_clip(folder / "truth", name, files[name], files[name], read)) for name in names}
    frames = {name: len(_as_clip(folder / "truth", name, files[name], files[name], read)) for name in names}

    def task(number: int) -> str:
        kind, which, data = mutate(number)
        name = names[which]
        if data == files[name]:
            return "unchanged"
        try:
            found = _as_clip(folder / "damaged", name, files[name], data, reader)
        except UserError as error:
            named = "damaged" in str(error) and len(str(error).splitlines()) == 1
            return "refused" if named else f"crash: the error does not name the file: {error}"
        if len(found) < frames[name]:
            return f"silent skip: {len(found)} of {frames[name]} frames after {kind}"
        if sha256_array(found) == truth[name]:
            return "same pixels"
        return f"other pixels: {kind}"

    def broken(name: str, answer: str) -> str | None:
        # A PNG holds check sums, and FFV1 written with them too: what is read must be what was written.
        guarded = name.endswith((".png", ".mkv")) and answer.startswith("other pixels")
        return answer if guarded or answer.startswith(("crash", "hang", "silent skip")) else None

    answers = ((names[mutate(number)[1]], answer, mib) for number, answer, mib in survey(task, count))
    found = tally(answers, broken)
    if found["peak_mib"] > MOST_MIB:
        found["broken"].append(f"a process took {found['peak_mib']} MiB")
    return {"files": sum(sum(group.values()) for group in found["counts"].values()), "most_seconds": 5, **found}


def _as_clip(folder: Path, name: str, whole: bytes, data: bytes, reader: Reader) -> np.ndarray:
    """What is read where `data` stands in place of a file: a video, or the middle one of three frames."""
    folder.mkdir(exist_ok=True)
    suffix = Path(name).suffix
    if name in _VIDEOS:
        path = folder / f"damaged{suffix}"
        path.write_bytes(data)
        return reader(path)
    clip = folder / f"clip-{Path(name).stem}-{suffix[1:]}"
    clip.mkdir(exist_ok=True)
    for stem, content in (("0", whole), ("1-damaged", data), ("2", whole)):
        (clip / f"{stem}{suffix}").write_bytes(content)
    return reader(clip)


if __name__ == "__main__":
    main("images", check, 10_000)
