"""Blur and decimation, and the data sets made with them."""

import json
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import io as scipy_io
from scipy import ndimage

from vsrlib.common import files
from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array
from vsrlib.data import degrade
from vsrlib.data.clips import Clip, list_clips, write_clip
from vsrlib.data.degradation import Further
from vsrlib.data.degrade import blur_down, degrade_clips, gaussian_kernel, realistic_kernel_from_draws
from vsrlib.data.frames import read_frame, write_frame

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "degradation_metrics.npz")


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def make_hr(root: Path, names: tuple[str, ...] = ("a", "b"), size: tuple[int, int] = (24, 32)) -> Path:
    for seed, name in enumerate(names):
        write_clip(root / name, Clip(name, noise(3, *size, 3, seed=seed)))
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_golden_gaussian_frame() -> None:
    assert np.array_equal(blur_down(GOLDEN["hr_u8"], gaussian_kernel()), GOLDEN["lr_gaussian_u8"])


@pytest.mark.parametrize("number", [7, 8])
def test_golden_realistic_frame(number: int) -> None:
    kernel = realistic_kernel_from_draws(
        *GOLDEN[f"draws_{number}_lambda1_lambda2_theta"], GOLDEN[f"draws_{number}_noise31"]
    )
    assert np.array_equal(blur_down(GOLDEN["hr_u8"], kernel), GOLDEN[f"lr_realistic_u8_{number}"])
    # A convolution, which flips the kernel, or another sampling offset would show.
    assert not np.array_equal(blur_down(GOLDEN["hr_u8"], kernel[::-1, ::-1]), GOLDEN[f"lr_realistic_u8_{number}"])
    assert not np.array_equal(blur_down(GOLDEN["hr_u8"][1:], kernel), GOLDEN[f"lr_realistic_u8_{number}"])


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 21),
    width=st.integers(1, 21),
    radius=st.integers(0, 6),
    scale=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_scipy_agrees(height: int, width: int, radius: int, scale: int, seed: int) -> None:
    frame = noise(height, width, 3, seed=seed)
    kernel = np.random.default_rng(seed).normal(size=(2 * radius + 1, 2 * radius + 1))
    exact = ndimage.correlate(frame.astype(float), kernel[..., None], mode="nearest")[::scale, ::scale]
    result = blur_down(frame, kernel, scale)
    assert result.shape == exact.shape and result.dtype == np.uint8
    assert np.abs(result - np.clip(exact, 0, 255)).max() <= 0.5 + 1e-9


def test_rounds_half_to_even_and_clamps() -> None:
    frame = np.array([[0, 1, 2, 3, 200]], np.uint8)[..., None].repeat(3, axis=2)
    kernel = np.zeros((3, 3))
    kernel[1, 1:] = 0.5
    assert blur_down(frame, kernel, 1)[0, :, 0].tolist() == [0, 2, 2, 102, 200]
    assert blur_down(frame, 4 * kernel, 1)[0, -1, 0] == 255
    assert blur_down(frame, -kernel, 1).max() == 0


def test_wrong_input_to_blur_down() -> None:
    frame, kernel = noise(8, 8, 3), gaussian_kernel()
    for bad in (frame.astype(float), frame[..., 0], frame[:0]):
        with pytest.raises(ValueError, match="frame"):
            blur_down(bad, kernel)
    for bad in (kernel[:8, :8], kernel[:7], kernel[0]):
        with pytest.raises(ValueError, match="kernel"):
            blur_down(frame, bad)
    with pytest.raises(ValueError, match="scale"):
        blur_down(frame, kernel, 0)


@pytest.mark.parametrize("blur", ["Gaussian", "Realistic"])
def test_a_set_on_disk(tmp_path: Path, blur: str) -> None:
    hr_root, root = make_hr(tmp_path / "in"), tmp_path / "Set"
    manifest = degrade_clips(hr_root, root, blur, seed=3)
    assert json.loads((root / "manifest.json").read_text()) == manifest
    assert (manifest["blur"], manifest["seed"]) == (blur, 3) and manifest["provenance"]["seed"] == 3
    assert sorted(p.name for p in root.iterdir()) == ["HR", "LR_blurdown_x4", "kernel", "manifest.json"]
    for source, hr, lr in zip(list_clips(hr_root), list_clips(root / "HR"), list_clips(root / "LR_blurdown_x4")):
        entry = manifest["clips"][source.name]
        assert source.name == hr.name == lr.name and list(lr.frame_names) == entry["frames"]
        assert np.array_equal(source.load().frames, hr.load().frames)
        assert entry["hr_sha256"] == sha256_array(hr.load().frames)
        assert entry["lr_sha256"] == sha256_array(lr.load().frames)
        for name, high, low in zip(lr.frame_names, hr.load().frames, lr.load().frames):
            kernel = scipy_io.loadmat(root / "kernel" / lr.name / f"{name}.mat")["kernel"]
            assert entry["kernel"]["sha256"] == sha256_array(kernel) and entry["kernel"]["size"] == len(kernel)
            assert np.array_equal(low, blur_down(high, kernel))


def test_every_clip_has_a_kernel_of_its_own_that_hangs_on_seed_and_name_alone(tmp_path: Path) -> None:
    def kernels(names: tuple[str, ...], seed: int) -> dict[str, str]:
        hr_root = make_hr(tmp_path / f"in {names} {seed}", names)
        clips = degrade_clips(hr_root, tmp_path / f"out {names} {seed}", "Realistic", seed)["clips"]
        return {name: clip["kernel"]["sha256"] for name, clip in clips.items()}

    both, alone, other = kernels(("a", "b"), 1), kernels(("b",), 1), kernels(("a", "b"), 2)
    assert both["a"] != both["b"] and both["b"] == alone["b"]
    assert not set(both.values()) & set(other.values())


def test_the_recorded_parameters_are_those_of_the_kernel(tmp_path: Path) -> None:
    clips = degrade_clips(make_hr(tmp_path / "in"), tmp_path / "out", "Realistic", 1)["clips"]

    def distance(name: str, described: str) -> float:
        entry = clips[described]["kernel"]
        draws = (entry["lambda1"] - 2.4) / 17.6, (entry["lambda2"] - 2.4) / 17.6, entry["theta"] / np.pi
        without_noise = realistic_kernel_from_draws(*draws, np.full((31, 31), 0.5))
        kernel = scipy_io.loadmat(tmp_path / "out" / "kernel" / name / "00000000.mat")["kernel"]
        return float(np.abs(kernel - without_noise).sum())

    for name, other in (("a", "b"), ("b", "a")):
        assert 2 * distance(name, name) < distance(name, other)


@pytest.mark.parametrize("blur", ["Gaussian", "Realistic"])
def test_a_second_call_gives_the_same_bytes(tmp_path: Path, blur: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hr_root = make_hr(tmp_path / "in")
    degrade_clips(hr_root, tmp_path / "out", blur, 1)
    before = contents(tmp_path / "out")
    monkeypatch.setattr(degrade.provenance, "collect", lambda **extra: {"created": "later", **extra})
    monkeypatch.setattr("time.asctime", lambda *_: "Fri Jan  1 00:00:00 1999")  # what SciPy writes into .mat files
    degrade_clips(hr_root, tmp_path / "out", blur, 1)
    assert contents(tmp_path / "out") == before
    degrade_clips(hr_root, tmp_path / "elsewhere", blur, 1)
    after = contents(tmp_path / "elsewhere")
    assert {k: v for k, v in after.items() if k != "manifest.json"} == {
        k: v for k, v in before.items() if k != "manifest.json"
    }


def test_a_changed_seed_replaces_set_and_manifest(tmp_path: Path) -> None:
    hr_root = make_hr(tmp_path / "in")
    first = degrade_clips(hr_root, tmp_path / "out", "Realistic", 1)
    second = degrade_clips(hr_root, tmp_path / "out", "Realistic", 2)
    assert first["clips"]["a"]["lr_sha256"] != second["clips"]["a"]["lr_sha256"]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["seed"] == 2


def test_a_clip_that_is_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    degrade_clips(make_hr(tmp_path / "in"), tmp_path / "out", "Gaussian", 1)
    degrade_clips(make_hr(tmp_path / "less", ("b",)), tmp_path / "out", "Gaussian", 1)
    assert [clip.name for clip in list_clips(tmp_path / "out" / "LR_blurdown_x4")] == ["b"]


def test_hr_in_place_is_not_touched(tmp_path: Path) -> None:
    hr_root = make_hr(tmp_path / "Set" / "HR", size=(26, 35))
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in hr_root.rglob("*")}
    for seed in (1, 2):
        manifest = degrade_clips(hr_root, tmp_path / "Set", "Gaussian", seed)
        assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in hr_root.rglob("*")} == before
    assert manifest["hr_written"] is False and manifest["clips"]["a"]["cropped"] is True
    assert manifest["clips"]["a"]["hr_size"] == [24, 32]
    assert read_frame(tmp_path / "Set" / "LR_blurdown_x4" / "a" / "00000000.png").shape == (6, 8, 3)
    with pytest.raises(UserError, match="not made here"):
        degrade_clips(make_hr(tmp_path / "in"), tmp_path / "Set", "Gaussian", 1)
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in hr_root.rglob("*")} == before


def test_hr_is_cropped_to_a_multiple_of_four_before_it_is_blurred(tmp_path: Path) -> None:
    hr_root = make_hr(tmp_path / "in", ("a",), (26, 35))
    entry = degrade_clips(hr_root, tmp_path / "out", "Gaussian", 1)["clips"]["a"]
    assert entry["cropped"] and entry["hr_size"] == [24, 32]
    original = read_frame(hr_root / "a" / "00000000.png")[:24, :32]
    assert np.array_equal(read_frame(tmp_path / "out" / "HR" / "a" / "00000000.png"), original)
    lr = read_frame(tmp_path / "out" / "LR_blurdown_x4" / "a" / "00000000.png")
    assert np.array_equal(lr, blur_down(original, gaussian_kernel()))
    assert not degrade_clips(make_hr(tmp_path / "even"), tmp_path / "out2", "Gaussian", 1)["clips"]["a"]["cropped"]


def test_frames_of_others_are_never_overwritten(tmp_path: Path) -> None:
    hr_root = make_hr(tmp_path / "Set" / "HR")
    downloaded = tmp_path / "Set" / "LR_blurdown_x4" / "a" / "00000000.png"
    write_frame(downloaded, noise(6, 8, 3))
    before = contents(tmp_path / "Set")
    with pytest.raises(UserError, match="LR_blurdown_x4 holds files that were not made here"):
        degrade_clips(hr_root, tmp_path / "Set", "Gaussian", 1)
    assert contents(tmp_path / "Set") == before


@pytest.mark.parametrize(
    "text",
    ["[]", "{", "\xff", "null", '{"name": "my web app"}', '{"clips": {"a": {}}}', '{"provenance": {}, "clips": 3}'],
)
def test_a_manifest_that_is_no_set_s_is_refused_before_the_work(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hr_root = make_hr(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text(text, encoding="latin-1")
    before = contents(tmp_path / "out")
    monkeypatch.setattr(degrade, "write_frame", lambda *_: pytest.fail("the work was begun"))
    with pytest.raises(UserError, match=r"manifest\.json is no manifest of a set made here and would be overwritten"):
        degrade_clips(hr_root, tmp_path / "out", "Gaussian", 1)
    assert contents(tmp_path / "out") == before


def test_an_error_on_the_way_leaves_the_old_set_or_nothing(tmp_path: Path) -> None:
    hr_root, broken = make_hr(tmp_path / "in"), make_hr(tmp_path / "broken")
    write_frame(broken / "b" / "00000001.png", noise(8, 8, 3))
    with pytest.raises(UserError, match="same size"):
        degrade_clips(broken, tmp_path / "new", "Gaussian", 1)
    assert not (tmp_path / "new").exists()
    degrade_clips(hr_root, tmp_path / "out", "Gaussian", 1)
    before = contents(tmp_path / "out")
    with pytest.raises(UserError, match="same size"):
        degrade_clips(broken, tmp_path / "out", "Gaussian", 2)
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("killed_at", range(8))
def test_a_killed_call_can_be_repeated(tmp_path: Path, killed_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hr_root, root = make_hr(tmp_path / "in"), tmp_path / "out"
    degrade_clips(hr_root, root, "Gaussian", 1)
    expected = contents(root)
    degrade_clips(hr_root, root, "Gaussian", 2)
    calls = 0

    def rename(path: Path, target: Path, original=Path.rename) -> Path:
        nonlocal calls
        calls += 1
        if calls > killed_at:
            raise KeyboardInterrupt
        return original(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        patch.setattr(files, "remove", lambda folder: None)  # a kill cleans nothing up
        if killed_at < 6:
            with pytest.raises(KeyboardInterrupt):
                degrade_clips(hr_root, root, "Gaussian", 1)
            assert not (root / "manifest.json").exists()
        else:
            degrade_clips(hr_root, root, "Gaussian", 1)
    degrade_clips(hr_root, root, "Gaussian", 1)
    after = contents(root)
    assert after.pop("manifest.json") and expected.pop("manifest.json") and after == expected


def test_other_image_formats_become_png(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(noise(16, 16, 3)).save(tmp_path / "in" / "x.1.jpg")
    manifest = degrade_clips(tmp_path / "in", tmp_path / "out", "Gaussian", 1)
    assert manifest["clips"]["in"]["frames"] == ["x.1"]
    copy = read_frame(tmp_path / "out" / "HR" / "in" / "x.1.png")
    assert np.array_equal(copy, read_frame(tmp_path / "in" / "x.1.jpg"))


@pytest.mark.parametrize(
    "blur, seed, words", [("gaussian", 1, "blur 'gaussian' is unknown"), ("Gaussian", -1, "seed -1")]
)
def test_wrong_arguments(tmp_path: Path, blur: str, seed: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        degrade_clips(make_hr(tmp_path / "in"), tmp_path / "out", blur, seed)
    assert not (tmp_path / "out").exists()


def test_wrong_folders(tmp_path: Path) -> None:
    hr_root = make_hr(tmp_path / "Set" / "HR")
    with pytest.raises(UserError, match="does not exist"):
        degrade_clips(tmp_path / "missing", tmp_path / "out", "Gaussian", 1)
    with pytest.raises(UserError, match="lies inside"):
        degrade_clips(hr_root / "a", tmp_path / "Set", "Gaussian", 1)
    with pytest.raises(UserError, match="at least 4x4"):
        degrade_clips(make_hr(tmp_path / "tiny", size=(3, 8)), tmp_path / "out", "Gaussian", 1)
    (tmp_path / "file").touch()
    for taken, words in ((tmp_path / "file", "is a file"), (tmp_path / "file" / "out", "which is a file")):
        with pytest.raises(UserError, match=words):
            degrade_clips(hr_root, taken, "Gaussian", 1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("further", [Further(), Further(noise=3.0, jpeg=80), Further(video=20)])
def test_few_frames_of_a_long_clip_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, further: Further) -> None:
    """A set of many frames is that of its frames; of HR and LR alike no more are alive than in a few batches."""
    frames = noise(90, 16, 32, 3)
    write_clip(tmp_path / "long" / "clip", Clip("clip", frames))
    alive: list[weakref.ref] = []
    most = []

    def watched(frame: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        low = blur_down(frame, kernel)
        alive.append(weakref.ref(low))
        most.append(sum(one() is not None for one in alive))
        return low

    monkeypatch.setattr(degrade, "blur_down", watched)
    made = degrade.degrade_clips(tmp_path / "long", tmp_path / "out", "Gaussian", 0, further)
    assert len(alive) == 90 and max(most) <= 40
    assert made["clips"]["clip"]["hr_sha256"] == sha256_array(frames)
    low = list_clips(tmp_path / "out" / "LR_blurdown_x4")[0].load().frames
    assert made["clips"]["clip"]["lr_sha256"] == sha256_array(low)
    if further == Further():
        kernel = degrade.clip_kernel("Gaussian", 0, "clip")[0]
        np.testing.assert_array_equal(low, np.stack([blur_down(frame, kernel) for frame in frames]))
