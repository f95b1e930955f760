"""The demonstration: what is written, that it is the film with its sound, and that what is named is there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from vsrlib import cli
from vsrlib.cli import demo as command
from vsrlib.common.files import read_json
from vsrlib.data import scenes
from vsrlib.data.video import read_frames
from vsrlib.restoration import demo
from vsrlib.restoration.options import DemoOptions

pytestmark = pytest.mark.slow
FRAMES = 5


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of one demonstration, and what the command printed."""
    folder = tmp_path_factory.mktemp("demo") / "made"
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: lines.append(" ".join(map(str, words))))
        assert cli.main(["demo", str(folder), "--frames", str(FRAMES)]) == 0
    return folder, "\n".join(lines)


def frames_of(path: Path) -> np.ndarray:
    return np.stack(list(read_frames(path)))


def test_every_file_that_is_named_is_there_and_nothing_else(said: tuple[Path, str]) -> None:
    folder, text = said
    named = set(re.findall(r"^  (\S+\.\w+) ", text, re.MULTILINE))
    made = {path.name for path in folder.iterdir()}
    assert named and named <= made and made - named == {"restored.inference.json"}
    assert "CC BY 3.0" in text and str(folder) in text


def test_the_command_for_ones_own_video_can_be_typed_as_it_stands(
    said: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the environment is not activated, as after `./run_all.sh demo`; and `vsrlib` alone where it is."""
    (line,) = [line for line in said[1].splitlines() if line.startswith("Your own: ")]
    typed = shlex.split(line.removeprefix("Your own: "))
    help_of = [*typed[: typed.index("infer") + 1], "--help"]
    done = subprocess.run(help_of, capture_output=True, text=True, env={**os.environ, "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0 and "--weights" in done.stdout
    program = tmp_path / "my environment" / "bin" / "vsrlib"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "my environment"))
    monkeypatch.setenv("PATH", str(program.parent))
    assert command._program() == "vsrlib"
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)
    assert command._program() == "'my environment/bin/vsrlib'"


def test_the_truth_is_the_film_and_the_low_one_is_a_quarter(said: tuple[Path, str]) -> None:
    folder, _ = said
    truth, low, restored = (frames_of(folder / name) for name in (demo.TRUTH, demo.LOW, demo.RESTORED))
    film = list(read_frames(scenes.packaged_film("bigbuckbunny.mp4"), 63, scenes.READING))[:FRAMES]
    assert np.array_equal(truth, scenes.halve(np.stack(film)))
    assert truth.shape == restored.shape == (FRAMES, 360, 640, 3) and low.shape == (FRAMES, 90, 160, 3)


def test_it_is_better_than_bicubic_and_says_so(said: tuple[Path, str]) -> None:
    folder, text = said
    frames = read_json(folder / "restored.inference.json")["clips"][0]["frames"]
    assert len(frames) == FRAMES and all(frame["psnr"] > frame["bicubic_psnr"] for frame in frames)
    assert f"PSNR {np.mean([frame['psnr'] for frame in frames]):.2f} dB" in text


def test_the_halves_of_the_side_by_side_are_bicubic_and_restored(said: tuple[Path, str]) -> None:
    folder, _ = said
    both, restored = frames_of(folder / demo.BESIDE)[:, -360:], frames_of(folder / demo.RESTORED)
    apart = np.abs(both[:, :, -640:].astype(int) - restored)  # H.264 twice
    assert apart.mean() < 2 < np.abs(both[:, :, :640].astype(int) - restored).mean()


def test_every_video_has_the_sound_of_its_second(said: tuple[Path, str]) -> None:
    folder, _ = said
    for name in (demo.LOW, demo.TRUTH, demo.RESTORED, demo.BESIDE):
        with av.open(str(folder / name)) as container:
            (sound,) = container.streams.audio
            heard = sum(frame.samples for frame in container.decode(sound)) / sound.rate
        assert heard == pytest.approx(FRAMES / 25, abs=0.1)


def test_a_second_demonstration_replaces_the_first(said: tuple[Path, str]) -> None:
    folder, _ = said
    before = (folder / demo.LOW).read_bytes()
    demo.demo(folder, DemoOptions(frames=FRAMES), progress=False)
    assert (folder / demo.LOW).read_bytes() == before
