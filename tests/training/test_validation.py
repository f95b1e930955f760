"""The trainer's validation: its scores by hand, what it holds, in which process, and when weights are the best."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_fixture import make_clips, run

from vsrlib.common.errors import UserError
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.degradation import bicubic_on_grid, blur_down
from vsrlib.data.frames import read_frame, write_frame
from vsrlib.data.video import write_video
from vsrlib.networks import distributed
from vsrlib.networks.distributed import Team
from vsrlib.training import train, validation
from vsrlib.training.samples import draw_kernel
from vsrlib.training.validation import Validations, ValidationSet


def write_noise(root: Path, *lengths: int, size: tuple[int, int] = (66, 98)) -> Path:
    rng = np.random.default_rng(0)
    for index, length in enumerate(lengths):
        write_clip(root / f"{index}", Clip(f"{index}", rng.integers(0, 256, (length, *size, 3), dtype=np.uint8)))
    return root


class Marking:
    """A network that adds 0.5 to the outer 4 pixels of the truth, 0.2 to the ring within, and 0.01 to the rest."""

    def __init__(self, truths: list[np.ndarray]) -> None:
        self.left, self.seen = truths[:], []

    def infer(self, low: np.ndarray) -> dict[str, np.ndarray]:
        self.seen.append(low)
        truth = self.left.pop(0) / np.float32(255)
        added = np.full(truth.shape[:2], 0.5, np.float32)
        added[4:-4, 4:-4] = 0.2
        added[5:-5, 5:-5] = 0.01
        kernel = np.zeros((13, 13))
        kernel[6, 6] = 1
        return {"recons": (truth + added[..., None]).transpose(2, 0, 1), "kernel": kernel}


def test_scores_by_hand(tmp_path: Path) -> None:
    """Every window of two clips; each frame's error by hand, and the LR frames by the definition."""
    write_noise(tmp_path, 11, 5)
    rng, truths, windows, bicubic = np.random.default_rng([7, 1]), [], [], []
    for name in "01":
        frames = [read_frame(path)[:64, :96] for path in sorted((tmp_path / name).iterdir())]
        kernel = draw_kernel("Gaussian", rng)
        low = np.stack([blur_down(frame, kernel) for frame in frames])
        for centre in range(2, len(frames) - 2):
            truths.append(frames[centre])
            windows.append(low[centre - 2 : centre + 3].transpose(0, 3, 1, 2) / np.float32(255))
            difference = (bicubic_on_grid(low[centre]) / 255.0 - frames[centre] / 255.0)[4:-4, 4:-4]
            bicubic.append(-10 * np.log10((difference**2).mean()))
    network, validation = Marking(truths), ValidationSet(tmp_path, "Gaussian", 7)
    scores = validation.scores(network)
    pixels, ring = 56 * 88, 56 * 88 - 54 * 86
    assert scores["psnr"] == pytest.approx(-10 * np.log10((ring * 0.2**2 + (pixels - ring) * 0.01**2) / pixels), 1e-5)
    assert len(network.seen) == len(windows) == 8
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(network.seen, windows))
    low, restored, high = validation.seen  # of the middle of the first clip's windows
    assert np.array_equal(low, np.rint(windows[3][2].transpose(1, 2, 0) * 255)) and np.array_equal(high, truths[3])
    assert restored[32, 48].tolist() == np.rint(np.clip(truths[3][32, 48] + 0.01 * 255, 0, 255)).tolist()
    again = Marking(truths)
    cycles = [np.abs(again.infer(low)["recons"][:, ::4, ::4] - low[2]).mean() for low in windows]
    assert scores["cycle"] == pytest.approx(np.mean(cycles), 1e-5)
    assert validation.bicubic == pytest.approx(np.mean(bicubic), 1e-6)


def test_a_validation_has_a_picture_if_it_has_a_frame(tmp_path: Path) -> None:
    write_noise(tmp_path / "clips", 5, size=(64, 96))
    found = ValidationSet(tmp_path / "clips", "Gaussian", 7)
    validation.write_picture(tmp_path, 3, found)
    assert not (tmp_path / "validation").exists()
    frame = np.zeros((64, 96, 3), np.uint8)
    found.seen = (frame[::4, ::4], frame, frame)
    validation.write_picture(tmp_path, 3, found)
    assert [path.name for path in (tmp_path / "validation").iterdir()] == ["00000003.png"]


def test_only_low_resolution_frames_are_held(tmp_path: Path) -> None:
    """3/16 byte an HR pixel, and beside them no more for a long clip than for a short one."""
    beside = []
    for name, length in (("short", 6), ("long", 24)):
        root = write_noise(tmp_path / name, length, size=(128, 192))
        frames = [read_frame(path) for path in sorted((root / "0").iterdir())]
        tracemalloc.start()
        try:
            validation = ValidationSet(root, "Gaussian", 1)
            assert validation.nbytes == length * 128 * 192 * 3 // 16
            made = tracemalloc.get_traced_memory()[1] - validation.nbytes
            tracemalloc.reset_peak()
            validation.scores(Marking(frames[2:-2]))
            scored = tracemalloc.get_traced_memory()[1] - validation.nbytes
        finally:
            tracemalloc.stop()
        beside.append((made, scored))
    frame = 128 * 192 * 3
    (made_short, scored_short), (made_long, scored_long) = beside
    low = 18 * frame / 16  # of the longer clip; they are stacked once
    assert made_long < made_short + low + frame
    assert scored_long - 20 * 5 * frame * 4 / 16 < scored_short + frame  # the fake network keeps its windows


def test_frames_that_are_all_edge_are_said(tmp_path: Path) -> None:
    assert np.isfinite(ValidationSet(write_noise(tmp_path / "a", 5, size=(12, 15)), "Gaussian", 1).bicubic)
    with pytest.raises(UserError, match="The validation clip 0 has frames of 12x8 pixels; give at least 12 a side"):
        ValidationSet(write_noise(tmp_path / "b", 5, size=(11, 12)), "Gaussian", 1)


def test_other_frames_than_at_the_start_are_said(tmp_path: Path) -> None:
    validation = ValidationSet(write_noise(tmp_path, 5), "Gaussian", 1)
    path = sorted((tmp_path / "0").iterdir())[3]
    write_frame(path, read_frame(path) ^ 1)
    with pytest.raises(UserError, match="frame 3 of the validation clip 0 has changed since the training began; bring"):
        validation.scores(Marking([np.zeros((64, 96, 3), np.uint8)]))


def test_a_video_that_has_grown_is_said(tmp_path: Path) -> None:
    def write(count: int) -> None:
        with write_video(tmp_path / "clip.mkv", Fraction(25)) as add:
            for index in range(count):
                add(np.full((64, 96, 3), 20 * index, np.uint8))

    write(5)
    known = ValidationSet(tmp_path / "clip.mkv", "Gaussian", 1)
    assert len(list(known.windows())) == 1
    write(6)
    with pytest.raises(UserError, match="frame 5 of the validation clip clip has changed"):
        list(known.windows())


def test_a_clip_without_a_window_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"clip 0 has 4 frame\(s\), but at least 5 are needed"):
        ValidationSet(write_noise(tmp_path, 4), "Gaussian", 1)


def test_psnr_of_a_restoration_by_hand() -> None:
    truth = np.random.default_rng(0).random((3, 20, 24), dtype=np.float32)
    off = truth + np.float32(1 / 16)
    off[:, :4] = 9  # in the border that is not scored
    assert validation._float_psnr(off, truth) == pytest.approx(20 * np.log10(16), rel=1e-5)
    assert validation._float_psnr(truth, truth) == 100
    assert validation._float_psnr(truth + 1, truth) == pytest.approx(0, abs=1e-5)


def test_the_patience_begins_with_the_first_validation() -> None:
    validations = Validations()
    validations.take(0, {"psnr": float("nan"), "cycle": 0.5})
    assert validations.stale == 1


class Second(Team):
    """The second process of two, which is told what it asks."""

    rank, size = 1, 2

    def told(self, value: Any) -> Any:
        assert value is None
        return {"psnr": 20.0, "cycle": 0.1}


def test_the_first_process_alone_reads_the_validation_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def second(*_: str) -> Iterator[Team]:
        yield Second()

    monkeypatch.setattr(distributed, "team", second)
    monkeypatch.setattr(train, "ValidationSet", lambda *_: 1 / 0)
    assert run("torch", make_clips(tmp_path), tmp_path / "out", steps=1) == {}
    assert not (tmp_path / "out").exists()


def test_the_best_and_how_long_none_was_better() -> None:
    """An equal score is none that is better, one that is not finite neither; only PSNR counts for the patience."""
    validations = Validations()
    table = [
        # step, PSNR, cycle -> better, stale, steps of the best
        (0, 20.0, 0.5, ["psnr", "cycle"], 0, {"psnr": 0, "cycle": 0}),
        (2, 20.0, 0.4, ["cycle"], 1, {"psnr": 0, "cycle": 2}),
        (4, float("nan"), 0.4, [], 2, {"psnr": 0, "cycle": 2}),
        (6, 20.5, 0.6, ["psnr"], 0, {"psnr": 6, "cycle": 2}),
        (8, 20.4, 0.3, ["cycle"], 1, {"psnr": 6, "cycle": 8}),
        (10, float("inf"), float("nan"), [], 2, {"psnr": 6, "cycle": 8}),
    ]
    for step, psnr, cycle, better, stale, best in table:
        assert validations.take(step, {"psnr": psnr, "cycle": cycle}) == better
        assert validations.stale == stale and {name: one["step"] for name, one in validations.best.items()} == best
    assert [entry["psnr"] for entry in validations.scores] == [20.0, 20.0, None, 20.5, 20.4, None]
    assert validations.best["cycle"]["value"] == 0.3
