"""README's pictures: made of the demonstration's files alone, the committed ones as their record says, credited."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from shown import faults

from vsrlib.common.files import read_json, sha256_file, write_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.degradation import bicubic_on_grid
from vsrlib.data.video import read_frames, write_video
from vsrlib.report import front
from vsrlib.restoration import demo

COMMITTED = PROJECT_ROOT / "figures" / "demo"
COUNT, SIZE = 3, (160, 416)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of a demonstration that never took place, below it."""
    folder = tmp_path_factory.mktemp("demo")
    rng = np.random.default_rng(0)
    high = [cv2.resize(rng.integers(0, 256, (20, 52, 3), dtype=np.uint8), SIZE[::-1]) for _ in range(COUNT)]
    films = {demo.TRUTH: high, demo.LOW: [frame[::4, ::4] for frame in high], demo.RESTORED: high}
    for name, frames in films.items():
        with write_video(folder / name, Fraction(25)) as write:
            for frame in frames:
                write(frame)
    weights = {"path": "somewhere/study-realistic.safetensors", "sha256": "ab"}
    write_json(folder / "restored.inference.json", {"blur": "Realistic", "weights": weights, "provenance": {}})
    front.write_front(folder, folder / "out")
    return folder


def test_the_still_has_one_detail_of_each(made: Path) -> None:
    top, left, height, width = read_json(made / "out" / front.RECORD)["box"]
    truth = list(read_frames(made / demo.TRUTH))[1]
    low = list(read_frames(made / demo.LOW))[1]
    still = np.array(Image.open(made / "out" / front.STILL))
    tall, wide = (side // 2 for side in (still.shape[0], still.shape[1]))
    zoom = (tall - 28) // height
    details = {(0, 0): low.repeat(4, 0).repeat(4, 1), (0, 1): bicubic_on_grid(low), (1, 1): truth}
    for (row, column), frame in details.items():
        part = still[row * tall + 28 :, column * (wide + 4) :][: zoom * height : zoom, : zoom * width : zoom]
        assert np.array_equal(part, frame[top : top + height, left : left + width])


def test_the_animation_has_every_frame_and_ends(made: Path) -> None:
    with Image.open(made / "out" / front.MOVING) as moving:
        assert moving.n_frames == COUNT and moving.info["loop"] > 0
        assert COUNT * moving.info["loop"] * moving.info.get("duration", 200) <= 5000
    page = front.show(made / "out")
    assert "Big Buck Bunny" in page.text and page.html.count("<img") == 2
    psnr = read_json(made / "out" / front.RECORD)["psnr"]
    more = psnr["restored"] - psnr["bicubic"]
    words = f"a PSNR of {psnr['restored']:.2f} dB, {abs(more):.2f} dB {'more' if more > 0 else 'less'} than bicubic"
    assert words in page.text
    output = [{"data": {"text/html": page.html}}]
    assert faults(output) == []


def test_the_same_files_give_the_same_pictures(made: Path, tmp_path: Path) -> None:
    front.write_front(made, tmp_path)
    for name in (front.STILL, front.MOVING):
        assert (tmp_path / name).read_bytes() == (made / "out" / name).read_bytes()


def test_the_committed_pictures_are_those_of_their_record_and_small() -> None:
    record = read_json(COMMITTED / front.RECORD)
    assert record["sha256"] == {name: sha256_file(COMMITTED / name) for name in (front.STILL, front.MOVING)}
    assert sum((COMMITTED / name).stat().st_size for name in record["sha256"]) < 2_000_000
    assert record["psnr"]["restored"] > record["psnr"]["bicubic"] and not record["restored"]["dirty"]


@pytest.mark.parametrize("readme", ["README.md", "docs/README.zh-CN.md"])
def test_a_readme_shows_them_above_everything_and_names_whose_film_it_is(readme: str) -> None:
    text = (PROJECT_ROOT / readme).read_text(encoding="utf-8")
    opening = text[: text.index("\n## ")]
    for words in ("figures/demo/moving.webp", "figures/demo/still.png", "CC BY 3.0", "Blender", "bigbuckbunny.org"):
        assert words in opening
    assert opening.index("still.png") < opening.index("**")
