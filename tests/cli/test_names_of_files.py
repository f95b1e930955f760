"""Names that are legal and unusual: a colon, 255 bytes, accents, a terminal of ASCII, and numbers out of papermill."""

import io
import os
import sys
import unicodedata
from fractions import Fraction
from pathlib import Path

import numpy as np
import papermill.cli
import pytest

from vsrlib import cli
from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path, read_json
from vsrlib.data.clips import list_clips
from vsrlib.data.frame_names import called
from vsrlib.data.frames import write_frame
from vsrlib.data.sets.layouts import clips_of
from vsrlib.data.video import write_video
from vsrlib.report import look
from vsrlib.study.settings import DataSettings, LookSettings, ShowSettings

LONGEST = 255  # bytes of a name on the usual file systems


def picture(level: int, height: int = 12, width: int = 16) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def test_a_time_in_the_name_of_a_video_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "2024-08-20T13:28:35.mkv"
    with write_video(Path(name), Fraction(25)) as add:
        for level in range(5):
            add(picture(level))
    (clip,) = list_clips(Path(name))
    assert [frame[0, 0, 0] for frame in clip.frames()] == list(range(5))
    assert cli.main(["data", "check", name]) == 0
    assert cli.main(["infer", name, "out", "--weights", "study-gaussian", "--video", "mkv"]) == 0
    assert [path.name for path in Path("out/videos").glob("*.mkv")] == [name]


def test_names_as_long_as_a_file_system_takes(tmp_path: Path) -> None:
    for stem in ("a" * 251, "é" * 125 + "1"):
        with atomic_path(tmp_path / f"{stem}.png") as temporary:
            assert len(temporary.name.encode()) <= LONGEST and temporary.suffix == ".png"
            temporary.write_bytes(b"x")
        assert (tmp_path / f"{stem}.png").read_bytes() == b"x"
    with atomic_path(tmp_path / ("a." + "b" * 253)) as temporary:
        temporary.write_bytes(b"x")
    clip, frame = "ü" * 127 + "x", "f" * 250
    for index in range(5):
        write_frame(tmp_path / "HR" / clip / f"{frame}{index}.png", picture(index, 48, 64))
    assert cli.main(["degrade", str(tmp_path / "HR"), str(tmp_path / "set")]) == 0
    low = str(tmp_path / "set" / "LR_blurdown_x4")
    assert cli.main(["infer", low, str(tmp_path / "out"), "--weights", "study-gaussian", "--kernels"]) == 0
    assert read_json(tmp_path / "out" / "inference.json")["clips"][0]["name"] == clip
    assert list((tmp_path / "out" / "frames" / clip).glob("*.png"))


def test_a_video_whose_name_would_be_too_long_is_refused_before_work(tmp_path: Path, capsys) -> None:
    for index in range(5):
        write_frame(tmp_path / ("c" * 255) / f"{index}.png", picture(index))
    arguments = ["infer", str(tmp_path / ("c" * 255)), str(tmp_path / "out"), "--weights", "study-gaussian"]
    assert cli.main([*arguments, "--video", "mp4"]) == 2
    assert "has a name of 255 bytes" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_terminal_of_ascii_shows_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "café 雪")
        for index in range(5):
            write_frame(tmp_path / form / "HR" / name / f"{index}.png", picture(index, 48, 64))
        shown = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii", errors="strict"))
        assert cli.main(["degrade", str(tmp_path / form / "HR"), str(tmp_path / form / name)]) == 0
        assert cli.main(["data", "check", str(tmp_path / form / name)]) == 0
        sys.stdout.flush()
        assert rb"\u96ea" in shown.getvalue()


def test_a_path_that_is_no_text_goes_into_a_result(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    for index in range(5):
        write_frame(tmp_path / name / "LR_a" / "clip" / f"{index}.png", picture(index))
    out = tmp_path / name / "out"
    assert cli.main(["infer", str(tmp_path / name / "LR_a"), str(out), "--weights", "study-gaussian"]) == 0
    assert read_json(out / "inference.json")["set"] == name  # not as an error when all was done


def test_a_number_finds_the_name_that_papermill_made_it_of(tmp_path: Path) -> None:
    names = ["000", "011", "walk", "7", "007"]
    assert [called(wanted, names) for wanted in (0, 11, "011", "walk", "11", 5)] == [
        "000",
        "011",
        "011",
        "walk",
        None,
        None,
    ]
    with pytest.raises(UserError, match="7 may be 7 or 007"):
        called(7, names)
    assert called("007", names) == "007"
    for clip in ("000", "015"):
        for index in range(2):
            write_frame(tmp_path / "train_sharp" / clip / f"{index:08d}.png", picture(index, 48, 64))
    assert [clip.name for clip in clips_of(tmp_path, [0])] == ["000"]
    # what papermill itself makes of the command line's words
    given = papermill.cli._resolve_type("000")
    settings = LookSettings.of({"hr_root": str(tmp_path), "clip": given, "frames": 2})
    assert look.degrade(settings.hr_root, settings.clip, settings.frames, 0).clip.name == "000"
    assert ShowSettings.of({"frame": papermill.cli._resolve_type("00000004")}).frame == 4
    with pytest.raises(UserError, match=r"name is 0; give a text \(papermill: -r name TEXT\)"):
        DataSettings.of({"name": papermill.cli._resolve_type("000")})
