"""Damaged files: every one is named, none ends the check, none is passed over."""

import random
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from damage_images import KINDS, damage_copies, damaged, named_by
from PIL import Image

from vsrlib.data.frames import read_frame
from vsrlib.data.image_integrity import Damaged, inspect
from vsrlib.data.sets.check import check
from vsrlib.data.synthetic.pictures import load_photograph
from vsrlib.data.video import write_video


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four PNG and four JPEG frames of a photograph, in turns."""
    folder, photograph = tmp_path_factory.mktemp("whole"), load_photograph("astronaut.png")
    for index in range(8):
        crop = Image.fromarray(photograph[20 * index :][:96, 30 * index :][:, :128])
        crop.save(folder / f"{index}.{'jpg' if index % 2 else 'png'}", **({"quality": 90} if index % 2 else {}))
    return sorted(folder.iterdir())


def run(frames: list[Path], count: int, root: Path, seed: int) -> None:
    done = damage_copies(frames, count, root / "copies", seed)
    changed = [name for name, (_, differs) in done.items() if differs]
    assert len(changed) > 0.9 * count and {kind for kind, _ in done.values()} == {
        f"{kind} {suffix}" for kind in KINDS for suffix in (".png", ".jpg")
    }
    alone, compared = check(root / "copies", workers=2), check(root / "copies", against=root / "record.json")
    assert named_by(compared, changed) == set(changed)
    # A changed byte of a PNG file is found without a record; another whole frame in its place cannot be.
    certain = {name for name in changed if done[name][0].endswith(".png") and not done[name][0].startswith("other")}
    certain |= {name for name in changed if done[name][0].split()[0] in ("cut", "empty", "text", "head", "tail")}
    assert named_by(alone, changed) >= certain
    assert not set(done) - set(changed) & named_by(compared, list(done))
    assert sum(clip["frames"] for clip in compared["clips"]) == count


def test_every_damaged_copy_is_named(frames: list[Path], tmp_path: Path) -> None:
    run(frames, 96, tmp_path, seed=1)


@pytest.mark.slow
def test_every_one_of_a_thousand_damaged_copies_is_named(frames: list[Path], tmp_path: Path) -> None:
    run(frames, 1000, tmp_path, seed=2)


def test_every_byte_of_a_png_file_counts(frames: list[Path]) -> None:
    data = bytearray(frames[0].read_bytes())
    # The header and the end hold bytes that only their check sums guard; a sample of the rest is unpacked as well.
    for at in (*range(45), *range(len(data) - 16, len(data)), *random.Random(0).sample(range(len(data)), 100)):
        data[at] ^= 1 << at % 8
        with pytest.raises(Damaged):
            inspect(bytes(data))
        data[at] ^= 1 << at % 8
    assert inspect(bytes(data)) == ("PNG", 8, 3)


def test_a_png_part_left_out_whole_is_missed() -> None:
    def part(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    def png(*parts: bytes) -> bytes:
        return b"\x89PNG\r\n\x1a\n" + header + b"".join(part(b"IDAT", one) for one in parts) + part(b"IEND", b"")

    rows = np.random.default_rng(0).integers(0, 256, (8, 1 + 3 * 16), dtype=np.uint8)
    rows[:, 0] = 0
    header = part(b"IHDR", (16).to_bytes(4, "big") + (8).to_bytes(4, "big") + bytes([8, 2, 0, 0, 0]))
    packed = zlib.compress(rows.tobytes(), 0)
    assert inspect(png(packed[:100], packed[100:300], packed[300:])) == ("PNG", 8, 3)
    for parts in ((packed[:100], packed[300:]), (packed[:100],), (packed[:100], packed[100:300])):
        with pytest.raises(Damaged):
            inspect(png(*parts))


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 30},
        {"quality": 95, "subsampling": 0},
        {"progressive": True},
        {"optimize": True},
        {"restart_marker_blocks": 4},
        {"comment": b"\xff\xd9 no end"},
        {"exif": b"Exif\x00\x00" + bytes(range(200))},
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_whole_jpeg_files_of_every_kind_pass(tmp_path: Path, options: dict, mode: str) -> None:
    Image.fromarray(load_photograph("chelsea.png")[:75, :101]).convert(mode).save(tmp_path / "a.jpg", **options)
    data = (tmp_path / "a.jpg").read_bytes()
    assert inspect(data) == ("JPEG", 8, 3 if mode == "RGB" else 1)
    for kept in (2, len(data) // 2, len(data) - 1):
        with pytest.raises(Damaged):
            inspect(data[:kept])
    with pytest.raises(Damaged, match="3 bytes follow its end"):
        inspect(data + b"abc")


@pytest.mark.filterwarnings("ignore:.*malformed MPO")  # of Pillow: the note alone stands there, without its table
def test_what_cameras_append_to_a_jpeg_is_passed_over_as_pillow_does(frames: list[Path], tmp_path: Path) -> None:
    picture, other = frames[1].read_bytes(), frames[3].read_bytes()
    with write_video(tmp_path / "v.mp4", Fraction(25)) as add:
        add(np.zeros((48, 64, 3), np.uint8))
    video = (tmp_path / "v.mp4").read_bytes()
    pictures = b"\xff\xe2\x00\x08MPF\0II"
    announcing = picture[:2] + pictures + picture[2:]
    samsung = b"\0\0\x30\x0aMotionPhoto_Data" + video + b"SEFH" + bytes(20) + b"SEFT"
    for data in (
        picture + bytes(1),
        picture + bytes(4096),
        picture + video,
        picture + bytes(3) + video + bytes(5),
        picture + video[: len(video) // 2],  # the picture is whole all the same
        picture + samsung,
        announcing + other,
    ):
        (tmp_path / "a.jpg").write_bytes(data)
        assert inspect(data) == inspect(picture)
        assert np.array_equal(read_frame(tmp_path / "a.jpg"), read_frame(frames[1]))
        with Image.open(tmp_path / "a.jpg") as seen, Image.open(frames[1]) as alone:
            assert np.array_equal(np.asarray(seen.convert("RGB")), np.asarray(alone.convert("RGB")))
    assert check(tmp_path / "a.jpg")["faults"] == []
    whole = len(picture) - 2  # without its end
    for damage in (picture[:whole] + bytes(4096), picture[: whole // 2] + bytes(whole), picture[:whole] + video):
        with pytest.raises(Damaged):
            inspect(damage)
    for unknown in (other, b"abc", bytes(9) + b"\1"):  # pictures one after the other would be frames left out
        with pytest.raises(Damaged, match="follow its end"):
            inspect(picture + unknown)


def test_a_jpeg_header_that_says_too_much_is_not_believed(frames: list[Path]) -> None:
    data = bytearray(frames[1].read_bytes())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(Damaged, match="more than"):
        inspect(bytes(data))


def test_damage_is_damage() -> None:
    # what the tests above rely on
    data, rng = bytes(range(256)) * 4, random.Random(0)
    same = [kind for kind in KINDS if all(damaged(data, kind, rng, b"x") == data for _ in range(5))]
    assert not same and damaged(data, "bit", rng, b"").__len__() == len(data)
