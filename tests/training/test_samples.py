"""Training samples: what they are made of, and that a seed decides them."""

import json
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.data import clips, video
from vsrlib.data.blur_kernels import gaussian_kernel
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.degrade import blur_down_exact
from vsrlib.data.frames import write_frame
from vsrlib.data.video import write_video
from vsrlib.training import samples
from vsrlib.training.samples import (
    SampleStream,
    TrainingWindows,
    draw_kernel,
    draw_pair,
    gradient_strength,
)


def noise(frames: int = 6, height: int = 96, width: int = 112, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


@pytest.fixture
def windows(tmp_path: Path) -> TrainingWindows:
    for index in range(2):
        write_clip(tmp_path / f"clip{index}", Clip(f"clip{index}", noise(6 + index, seed=index)))
    return TrainingWindows(tmp_path, patch_size=16)


def test_every_five_consecutive_frames_are_a_window(windows: TrainingWindows) -> None:
    assert len(windows) == 2 + 3
    np.testing.assert_array_equal(windows.window(1), noise(6)[1:6])
    np.testing.assert_array_equal(windows.window(4), noise(7, seed=1)[2:7])


def test_long_clips_are_cut(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip", Clip("clip", noise(9)))
    assert len(TrainingWindows(tmp_path, 16, frames_per_clip=6)) == 2


def as_folder(root: Path, frames: np.ndarray) -> None:
    write_clip(root / "clip", Clip("clip", frames))


def as_video(root: Path, frames: np.ndarray) -> None:
    """Lossless, and always of the same name."""
    with write_video(root / "clip.mkv", Fraction(25)) as add:
        for frame in frames:
            add(frame)


def training(root: Path, write: Callable) -> Path:
    """Where the clips are that `write` wrote to `root`."""
    return root if write is as_folder else root / "clip.mkv"


written = pytest.mark.parametrize("write", [as_folder, as_video])


@written
def test_other_frames_of_the_same_names_are_learned_from(tmp_path: Path, write: Callable) -> None:
    """In one process: what is learned from is what the digest is of."""
    found = []
    for frames in (noise(5), 255 - noise(5)):
        write(tmp_path, frames)
        windows = TrainingWindows(training(tmp_path, write), 16)
        np.testing.assert_array_equal(windows.window(0), frames)
        found.append((windows.digest(), next(stream(windows)).low.tobytes()))
    (digest, batch), (other_digest, other_batch) = found
    assert digest != other_digest and batch != other_batch


@written
@pytest.mark.parametrize("act", ["window", "digest"])
def test_a_file_that_changes_during_a_training_is_refused(tmp_path: Path, write: Callable, act: str) -> None:
    write(tmp_path, noise(5))
    windows = TrainingWindows(training(tmp_path, write), 16)
    write(tmp_path, 255 - noise(5))
    with pytest.raises(UserError, match="has changed since this training was begun"):
        windows.window(0) if act == "window" else windows.digest()


def test_a_frame_of_another_size_is_named_in_any_window(tmp_path: Path) -> None:
    """Also in one whose five frames are of one size, too small for the patch."""
    as_folder(tmp_path, noise(10))
    for index in range(5, 10):
        write_frame(tmp_path / "clip" / f"{index:08d}.png", noise(1, 40, 40)[0])
    windows = TrainingWindows(tmp_path, 16)
    for index in (1, 5):
        with pytest.raises(UserError, match="has frames of different sizes"):
            windows.window(index)


FRAMES, SIDE = 40, 128  # of a clip that takes 40 times 48 KiB


def peak(work: Callable[[], object]) -> float:
    """MiB that are held at most while it works, beside those held before."""
    tracemalloc.start()
    work()
    found = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return found


@written
def test_decoded_frames_take_no_more_memory_than_was_asked_for(
    tmp_path: Path, write: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside them there are a window, its copy and what is being decoded."""
    untouched = video.read_frames
    # FFmpeg's own memory is not traced; a copy in numpy's is.
    monkeypatch.setattr(video, "read_frames", lambda path: (frame.copy() for frame in untouched(path)))
    write(tmp_path, noise(FRAMES, SIDE, SIDE))
    last = noise(FRAMES, SIDE, SIDE)[4:]
    root, beside, peaks = training(tmp_path, write), 16 * SIDE * SIDE * 3 / 2**20, {}
    TrainingWindows(root, 16).window(0)  # loads whatever is loaded at first use

    def take(windows: TrainingWindows) -> None:
        for start in range(0, FRAMES, 5):
            np.testing.assert_array_equal(windows.window(start)[4], last[start])

    for mib in (0, 1, 2):
        windows = TrainingWindows(root, 16, cache_mib=mib)
        peaks[mib] = peak(lambda windows=windows: take(windows))
    assert peaks[0] < beside and 0.9 < peaks[1] < 1 + beside and peaks[2] > 1.8


@written
def test_only_frames_that_are_used_are_held_or_decoded(
    tmp_path: Path, write: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven of forty frames for three windows; for the check of the size one frame, which is not held."""
    write(tmp_path, noise(FRAMES, SIDE, SIDE))
    decoded = []
    for module, name in ((clips, "read_frame"), (samples, "read_frame"), (samples, "decode_frame")):
        count_calls(monkeypatch, module, name, decoded)
    untouched = video.read_frames
    monkeypatch.setattr(video, "read_frames", lambda path: (decoded.append(1) or frame for frame in untouched(path)))
    windows = TrainingWindows(training(tmp_path, write), 16, frames_per_clip=7)
    assert len(decoded) == 1
    for index in (0, 1, 2):
        windows.window(index)
    assert len(windows) == 3 and len(decoded) <= 1 + (7 if write is as_folder else 5 + 6 + 7)
    done = len(decoded)
    for index in (2, 0, 1):  # none is decoded again, because all are held
        windows.window(index)
    assert len(decoded) == done


def count_calls(monkeypatch: pytest.MonkeyPatch, module: object, name: str, calls: list[int]) -> None:
    untouched = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *given: calls.append(1) or untouched(*given))


def stream(windows: TrainingWindows, seed: int = 0, batch_size: int = 2, **options) -> SampleStream:
    return SampleStream(windows, "Realistic", batch_size, 16, np.random.default_rng(seed), **options)


def test_same_seed_same_batches(windows: TrainingWindows) -> None:
    first, again, other = (stream(windows, seed) for seed in (1, 1, 2))
    for _ in range(3):
        a, b, c = next(first).low, next(again).low, next(other).low
        assert a.shape == (2, 5, 3, 16, 16) and a.dtype == np.float32
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()


def marks(batch: np.ndarray) -> list[tuple]:
    return [tuple(mark) for mark in batch]


@pytest.fixture
def marked(windows: TrainingWindows, monkeypatch: pytest.MonkeyPatch) -> TrainingWindows:
    """Windows whose samples are the colour of their first pixel, which tells them apart."""
    monkeypatch.setattr(samples, "draw_pair", lambda window, *_: (window[0, 0, 0], window[2, 0, 0]))
    return windows


def test_an_epoch_shows_every_window_once(marked: TrainingWindows) -> None:
    draws = stream(marked, batch_size=len(marked))
    every = {tuple(marked.window(i)[0, 0, 0]) for i in range(len(marked))}
    for _ in range(3):
        assert set(marks(next(draws).low)) == every


def test_whole_epochs_end_with_a_short_batch(marked: TrainingWindows) -> None:
    draws = stream(marked, batch_size=4, repeat=2, whole_epochs=True)
    for epoch in (1, 2):
        shown = [marks(next(draws).low) for _ in range(3)]
        assert [len(batch) for batch in shown] == [4, 4, 2] and draws.epoch == epoch
        counts = {mark: sum(batch.count(mark) for batch in shown) for batch in shown for mark in batch}
        assert len(counts) == len(marked) == 5 and set(counts.values()) == {2}


def test_without_whole_epochs_all_batches_are_full(marked: TrainingWindows) -> None:
    draws = stream(marked, batch_size=4)
    assert {len(next(draws).low) for _ in range(6)} == {4}


@pytest.mark.parametrize("taken", range(7))
def test_a_restored_stream_goes_on_to_the_bit(windows: TrainingWindows, taken: int) -> None:
    whole = stream(windows, high=True)
    for _ in range(taken):
        next(whole)
    state = json.loads(json.dumps(whole.state()))
    restored = stream(windows, seed=99, high=True)
    restored.restore(state)
    for _ in range(4):
        for ours, theirs in zip(next(restored), next(whole), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert restored.state() == whole.state() != state


def test_the_high_frame_is_aligned_with_the_low_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blurred and decimated it is the sample's centre frame, for every flip and turn."""
    monkeypatch.setattr(samples, "draw_kernel", lambda *_: gaussian_kernel(0.8))
    window, rng, turned = noise(5, 96, 112), np.random.default_rng(0), set()
    for _ in range(20):
        low, high = draw_pair(window, "Gaussian", 16, rng)
        assert low.shape == (5, 3, 16, 16) and high.shape == (3, 64, 64)
        assert low.dtype == high.dtype == np.float32 and high.min() >= 0 and high.max() <= 1
        again = blur_down_exact(high.transpose(1, 2, 0), gaussian_kernel(0.8)).transpose(2, 0, 1)
        errors = [np.abs(again - frame).max() for frame in low]
        assert errors[2] < 1e-6 and min(errors[:2] + errors[3:]) > 0.1
        turned.add(high[0, 0, 0].tobytes())
    assert len(turned) > 10


def test_the_high_frames_of_a_batch_are_those_of_its_samples(windows: TrainingWindows) -> None:
    batch = next(stream(windows, high=True))
    assert batch.high.shape == (2, 3, 64, 64)
    assert next(stream(windows)).high is None
    np.testing.assert_array_equal(batch.low, next(stream(windows)).low)  # asking for them changes nothing else


def test_a_sample_is_the_degraded_crop(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the eight flips and turns of the whole window, blurred without rounding."""
    monkeypatch.setattr(samples, "draw_kernel", lambda *_: gaussian_kernel(0.8))
    window = noise(5, 64, 64)
    sample, _ = draw_pair(window, "Gaussian", 16, np.random.default_rng(3))
    expected = []
    for flipped in (window, window[:, :, ::-1], window[:, ::-1], window[:, ::-1, ::-1]):
        for turned in (flipped, np.rot90(flipped, axes=(1, 2))):
            low = np.stack([blur_down_exact(frame, gaussian_kernel(0.8)) for frame in turned])
            expected.append(low.transpose(0, 3, 1, 2) / 255)
    errors = [np.abs(sample - one).max() for one in expected]
    assert sorted(errors)[0] < 1e-6 < sorted(errors)[1]


def test_all_flips_and_turns_occur() -> None:
    window = noise(5, 64, 64)
    rng = np.random.default_rng(0)
    corners = {draw_pair(window, "Gaussian", 16, rng)[0][0, :, 0, 0].round(1).tobytes() for _ in range(80)}
    assert len(corners) > 4


def test_smooth_crops_are_drawn_again_at_most_five_times(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(samples, "gradient_strength", lambda image: calls.append(1) or 0.0)
    draw_pair(np.zeros((5, 96, 96, 3), np.uint8), "Gaussian", 16, np.random.default_rng(0))
    assert len(calls) == 5


def test_gradient_strength_is_that_of_its_definition() -> None:
    image = cv2.GaussianBlur(noise(1)[0], (0, 0), 2)
    padded = np.pad(image.astype(int), ((1, 1), (1, 1), (0, 0)), mode="reflect")
    column = padded[:, 2:] - padded[:, :-2]
    horizontal = column[:-2] + 2 * column[1:-1] + column[2:]
    row = padded[2:] - padded[:-2]
    vertical = row[:, :-2] + 2 * row[:, 1:-1] + row[:, 2:]
    expected = sum(0.5 * np.minimum(np.abs(one), 255) for one in (horizontal, vertical))
    assert gradient_strength(image) == pytest.approx(expected.mean(), abs=0.3)  # halves are rounded to 8 bits
    assert gradient_strength(np.full((32, 32, 3), 90, np.uint8)) == 0


def test_gaussian_kernels_take_seventeen_widths() -> None:
    rng = np.random.default_rng(0)
    sizes = {round(1 / draw_kernel("Gaussian", rng).max(), 4) for _ in range(400)}
    assert len(sizes) == 17


def test_too_small_frames_are_named(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip", Clip("clip", noise(5, 40, 40)))
    with pytest.raises(UserError, match="needs 64"):
        TrainingWindows(tmp_path, patch_size=16)
