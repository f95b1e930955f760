"""Mix-ups of the measurement: every way against scikit-image, and the protocol's rule on planted figures."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

pytest.importorskip("torch")

from tiny_scenes import tiny as tiny  # a fixture

from vsrlib import cli
from vsrlib.common.files import read_json
from vsrlib.experiments import measurement
from vsrlib.experiments.measurement import OURS, PSNR, PSNR_WAYS, SSIM, SSIM_WAYS, WAYS, Way, in_levels, judged, table
from vsrlib.experiments.restored import Found

GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def by_skimage(colour: str, window: str | None, crop: int, image: np.ndarray, truth: np.ndarray) -> float:
    """PSNR, or with a window SSIM, as scikit-image has it."""
    a, b = (rgb2ycbcr(one)[..., 0] if colour == "Y" else one for one in (image, truth))
    inside = (slice(crop, len(a) - crop), slice(crop, a.shape[1] - crop))
    if window is None:
        return float(peak_signal_noise_ratio(b[inside], a[inside], data_range=255))
    axis, kind = (None if colour == "Y" else 2), ({} if window.startswith("uniform") else GAUSSIAN)
    return float(structural_similarity(a[inside], b[inside], channel_axis=axis, data_range=255, **kind))


@pytest.fixture
def clip() -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Seven restored frames (3, 40, 48) as floats, partly outside [0, 1], and their truth."""
    rng = np.random.default_rng(1)
    high = rng.integers(0, 256, (7, 40, 48, 3), dtype=np.uint8)
    noisy = high / 255 + rng.normal(0, 0.05, high.shape) * np.arange(1, 8).reshape(-1, 1, 1, 1)
    return {i: image.transpose(2, 0, 1).astype(np.float32) for i, image in enumerate(noisy)}, high


def test_every_way_is_that_of_scikit_image(clip, monkeypatch: pytest.MonkeyPatch) -> None:
    images, high = clip
    monkeypatch.setattr(measurement, "restored", lambda *_, border: images.items() if border else None)
    found = measurement.measure(None, "Gaussian", high, {})  # type: ignore[arg-type]

    def mean(colour: str, window: str | None, crop: int, levels: str, frames: str) -> float:
        values = []
        for index in (2, 3, 4) if frames == "inner" else range(7):
            scaled = np.clip(images[index].transpose(1, 2, 0) * np.float32(255), 0, 255)
            image = (np.rint(scaled) if levels == "rounded" else np.floor(scaled)).astype(np.uint8)
            values.append(by_skimage(colour, window, crop, image, high[index]))
        return float(np.mean(values))

    assert found["psnr"] == pytest.approx([mean(way.colour, None, *way[1:]) for way in PSNR_WAYS], abs=1e-8)
    assert found["ssim"] == pytest.approx([mean(*way) for way in SSIM_WAYS], abs=1e-8)
    assert len(set(found["psnr"])) == len(PSNR_WAYS) and len(set(found["ssim"])) == len(SSIM_WAYS)


def test_levels() -> None:
    image = np.broadcast_to(np.array([-0.1, 0.4999, 1.5, 2.7, 254.9, 300], np.float32) / 255, (3, 1, 6))
    assert in_levels(image, "rounded")[0, :, 0].tolist() == [0, 0, 2, 3, 255, 255]
    assert in_levels(image, "truncated")[0, :, 0].tolist() == [0, 0, 1, 2, 254, 255]


def test_the_ways_are_those_of_the_protocol() -> None:
    assert len(WAYS) == len(set(WAYS)) == 2 * 2 * 2 * 3 * 2 * 2 and OURS in WAYS
    assert {way.of_psnr for way in WAYS} == set(PSNR_WAYS) and {way.of_ssim for way in WAYS} == set(SSIM_WAYS)
    assert set(PSNR) == {way.colour for way in PSNR_WAYS} and set(SSIM) == {way[:2] for way in SSIM_WAYS}
    both = OURS._replace(psnr_colour="Y", ssim_colour="Y")
    assert [OURS.changes(other) for other in (OURS, both, both._replace(crop=0), OURS._replace(ssim_colour="Y"))] == [
        0,
        1,
        2,
        1,
    ]


SPECIAL = Way("Y", "Y", "uniform 7x7", 8, "rounded", "all")


@pytest.fixture
def fewer(monkeypatch: pytest.MonkeyPatch) -> list[Way]:
    """A third of the ways, for pairs in a third of the time squared."""
    for name in ("WAYS", "PSNR_WAYS", "SSIM_WAYS"):
        kept = [way for way in getattr(measurement, name) if way.crop > 0 and way.levels == "rounded"]
        monkeypatch.setattr(measurement, name, kept)
    return measurement.WAYS


def planted(psnr: np.ndarray, ssim: np.ndarray) -> Found:
    """One clip a scene; all ways find the same but for SPECIAL, which finds these differences (scenes,) more."""
    clips = []
    for more_psnr, more_ssim in zip(psnr, ssim, strict=True):
        clips.append(
            {
                "psnr": [30 + more_psnr * (way == SPECIAL.of_psnr) for way in measurement.PSNR_WAYS],
                "ssim": [0.9 + more_ssim * (way == SPECIAL.of_ssim) for way in measurement.SSIM_WAYS],
            }
        )
    names = [str(i) for i in range(len(psnr))]
    return Found(names, names, {"Gaussian": clips}, {}, 0)


@pytest.mark.parametrize(
    "psnr, ssim, meets",
    [
        ([1.0, 1.1, 1.2, 1.3, 1.2, 1.4], 0.043, {"psnr", "ssim", "half"}),
        ([-0.5, -0.4, -0.6, -0.5, -0.5, -0.5], 0.043, {"ssim"}),
        ([0.7, 0.8, 0.7, 0.8, 0.7, 0.8], 0.043, {"ssim", "half"}),
        ([1.0, 1.1, 1.2, 1.3, 1.2, 1.4], 0.02, {"psnr", "half"}),
        ([0.5, 0.5, 0.5, 1.9, 1.9, 1.9], 0.043, {"psnr", "ssim"}),
        ([0.5, 0.5, 1.2, 1.2, 1.9, 1.9], 0.043, {"psnr", "ssim"}),
        ([0.5, 0.646, 1.2, 1.2, 1.9, 1.9], 0.043, {"psnr", "ssim", "half"}),
        ([1.195, 1.195, 1.195, 1.195, 1.195], 0.043, {"half"}),  # five scenes have no interval
    ],
)
def test_the_rule_of_the_protocol(fewer: list[Way], psnr: list[float], ssim: float, meets: set[str]) -> None:
    wobble = np.resize([-1e-3, 1e-3], len(psnr))
    found = judged(planted(np.array(psnr), ssim + wobble), "Gaussian")
    assert found["pairs"] == 32 * 31
    other = [way for way in fewer if way.of_psnr != SPECIAL.of_psnr and way.of_ssim != SPECIAL.of_ssim]
    assert len(other) == 32 - 5  # the special PSNR in four ways, the special SSIM in two
    fits = meets == {"psnr", "ssim", "half"}
    assert found["meeting"]["all"] == len(found["fitting"]) == (len(other) if fits else 0)
    # PSNR alone: four ways of Jittor's have the special one, 28 of PyTorch's the plain one.
    assert [found["meeting"][name] for name in ("psnr", "half")] == [
        28 * 4 * (name in meets) for name in ("psnr", "half")
    ]
    assert found["meeting"]["ssim"] == 30 * 2 * ("ssim" in meets)
    assert len(found["fitting_psnr"]) == 7 * ({"psnr", "half"} <= meets)
    if fits:
        assert {Way(**one["jittor"]) for one in found["fitting"]} == {SPECIAL}
        assert {Way(**one["torch"]) for one in found["fitting"]} == set(other)
        changes = [one["changes"] for one in found["fitting"]]
        assert changes == sorted(changes) and changes[0] == 1
    assert len(found["single_changes"]) == 6
    for one in found["single_changes"]:
        assert sum(a != b for a, b in zip(one["torch"].values(), one["jittor"].values())) in (1, 2)


def test_a_scene_of_several_clips_counts_once(fewer: list[Way]) -> None:
    found = planted(np.array([1.1] * 5 + [2.5] * 5), 0.043 + np.resize([-1e-3, 1e-3], 10))
    found = Found(found.clips, [*map(str, range(5)), *"aaaaa"], found.by_blur, {}, 0)
    nearest = judged(found, "Gaussian")["fitting"]
    assert nearest and nearest[0]["between"] == 5 and nearest[0]["psnr"]["n"] == 6


def test_the_experiment(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    output = tmp_path / "out"
    assert cli.main(["experiment", "measurement", str(output), "--scenes", str(tiny), "--device", "cpu"]) == 0
    result = read_json(output / "measurement.json")
    assert (output / "measurement.md").read_text() == table(result) and table(result) in capsys.readouterr().out
    for blur, way in product(("Gaussian", "Realistic"), (0, 5)):
        found = result["blurs"][blur]
        values = [clip[way] for clip in found["by_clip"]["psnr"]]
        assert found["psnr"][way]["mean"]["value"] == pytest.approx(np.mean(values))
        assert found["meeting"]["all"] == 0  # of two scenes there is no interval
