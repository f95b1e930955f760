"""Half a pixel: the drawn shift is the sampler's own; and one window walks through the network as that has it."""

import re
from pathlib import Path

import numpy as np
import pytest

from vsrlib.data.clips import Clip, list_clips, write_clip
from vsrlib.data.degradation import blur_down
from vsrlib.data.degrade import clip_kernel
from vsrlib.networks.architecture import CENTRE
from vsrlib.networks.weights import weights_file
from vsrlib.report import grids, walk
from vsrlib.report.frames import Chosen

pytest.importorskip("torch")


@pytest.mark.parametrize("size", [2, 7, 64])
def test_where_it_is_misread_is_where_the_sampler_reads(size: int) -> None:
    """A picture whose values are its columns tells by its values where they were taken from; borders repeat."""
    columns = np.tile(np.arange(size, dtype=np.uint8)[None, :, None], (size, 1, 3))
    read = 255 * grids.still(columns, align_corners=False)[size // 2, :, 0]
    wanted = np.clip(np.arange(size) + grids.misread(size), 0, size - 1)
    assert read == pytest.approx(wanted, abs=1e-3)
    assert 255 * grids.still(columns, align_corners=True)[0, :, 0] == pytest.approx(np.arange(size), abs=1e-3)
    assert grids.misread(size)[[0, -1]] == pytest.approx([-0.5, 0.5])


def test_the_photograph_stays_itself_or_does_not() -> None:
    page = grids.photograph((64, 96))
    right, wrong = (float(one) for one in re.findall(r"(\d+) dB\)", page.text)[:2])
    assert right > 100 and 15 < wrong < 45 and page.html.count("<img") == 4
    assert "0.5 pixel" in grids.grid().title and "+0.50 pixels" in grids.grid().alt


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Chosen:
    folder = tmp_path_factory.mktemp("walk")
    rng = np.random.default_rng(0)
    large = np.kron(rng.integers(0, 256, (5, 16, 20, 3)), np.ones((1, 4, 4, 1))).astype(np.uint8)
    kernel, _ = clip_kernel("Gaussian", 0, "clip")
    low = np.stack([blur_down(frame, kernel) for frame in large])
    write_clip(folder / "LR" / "clip", Clip("clip", low))
    write_clip(folder / "out" / "clip", Clip("clip", large), tuple(f"{i:08d}" for i in range(5)))
    return Chosen(
        blur="Gaussian", clip="clip", frame="00000002", source=list_clips(folder / "LR")[0], window=low,
        folders={"torch": folder / "out" / "clip"}, skipped={}, truth=large[2], kernel=kernel,
        weights=weights_file.path_of("study-gaussian"), preset="study", names=("00000002",), indices=(2,),
        sampling="decimated", run={"clip": ("00000002",)},
    )  # fmt: skip


def test_the_walk_ends_where_the_network_does(chosen: Chosen) -> None:
    found = walk.walk(chosen)
    network = walk.load_network("torch", chosen.weights, "study", "cpu")
    assert found.restored == pytest.approx(network.infer(found.frames)["recons"], abs=1e-5)
    assert set(found.flows) == {0, 1, 3, 4} and found.centre.shape == found.after[0].shape
    flow = network.flow(found.frames[CENTRE], found.frames[0])
    assert found.flows[0] == pytest.approx(flow.transpose(1, 2, 0), abs=1e-4)
    outside = found.masks[0] == 0
    assert not found.after[0][:, outside].any()


def test_every_part_shows_itself_with_words(chosen: Chosen, tmp_path: Path) -> None:
    found = walk.walk(chosen)
    for show, count in ((walk.given, 5), (walk.motion, 5), (walk.alignment, 4), (walk.result, 3)):
        page = show(found)
        assert page.html.count("<img") == page.html.count('alt="') == count and page.text
    text = walk.words(found, chosen, walk_estimate(found)).text
    assert "Of 4 neighbours" in text and "restored frame equals the truth" in text and "HR pixels beside" in text


@pytest.mark.parametrize(
    ("restored", "bicubic", "words"),
    [
        (31.5, 30.0, "makes the frame 1.50 dB better than bicubic upsampling"),
        (29.0, 30.0, "makes the frame 1.00 dB worse than bicubic upsampling: these weights do not restore it"),
        (60.0, np.inf, "Bicubic upsampling equals the truth here, so that nothing could be added"),
        (np.inf, np.inf, "Bicubic upsampling equals the truth here"),
        (np.inf, 30.0, "The restored frame equals the truth."),
    ],
)
def test_what_is_added_is_judged_where_there_is_something_to_add(restored: float, bicubic: float, words: str) -> None:
    text = walk._gain(restored, bicubic)
    assert words in text and "inf" not in text and "nan" not in text


def test_the_size_of_the_residual_is_the_root_of_its_mean_square(chosen: Chosen) -> None:
    found = walk.walk(chosen)
    told = re.search(r"the residual: ([\d.]+) of 255 levels, the root of its mean square", walk.result(found).text)
    assert float(told[1]) == pytest.approx(255 * np.linalg.norm(found.residual) / found.residual.size**0.5, abs=0.051)


def walk_estimate(found: walk.Walk) -> walk.Estimate:
    kernel = np.zeros((13, 13))
    kernel[6, 9] = 1
    return walk.Estimate(kernel, found.flows[3])


def test_alignment_is_told_from_its_opposite(chosen: Chosen) -> None:
    found = walk.walk(chosen)
    better = {**found.__dict__, "after": {0: found.centre}, "masks": {0: np.ones_like(found.masks[0])}}
    assert "nearer to those of the middle frame" in walk.alignment_words(walk.Walk(**better), 0)
    worse = {**better, "after": {0: found.before[0] + 3 * (found.before[0] - found.centre)}}
    assert "further from those" in walk.alignment_words(walk.Walk(**worse), 0)
    assert "hardly anything" in walk.alignment_words(walk.Walk(**{**better, "after": found.before}), 0)
    hidden = {**better, "masks": {0: np.zeros_like(found.masks[0])}}
    assert "Nothing of this neighbour" in walk.alignment_words(walk.Walk(**hidden), 0)
