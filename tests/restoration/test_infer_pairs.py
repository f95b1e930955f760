"""What a restoration knows before a frame is restored: which truth is whose, rates, names, and what gets warm."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vsrlib.common.errors import UserError
from vsrlib.data.clips import ClipSource
from vsrlib.networks.network import Network
from vsrlib.networks.onnx_network import OnnxNetwork
from vsrlib.restoration import beforehand, infer, inputs
from vsrlib.restoration.options import InferOptions


@pytest.mark.parametrize(
    "given, rate",
    [
        (30.0, Fraction(30)),
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (29.97502, Fraction(30000, 1001)),  # less than 0.005 away
        (29.97504, Fraction(29.97504).limit_denominator(1001)),  # more than that
        (23.97, Fraction(2397, 100)),
        (12.5, Fraction(25, 2)),
        (5.0, Fraction(5)),  # as near to 5000/1001 as 29.97502 is to 30000/1001
        (float(25 + Fraction(1, 1002)), 25 + Fraction(1, 1001)),  # the nearest of what is written with 1001 and less
    ],
)
def test_a_rate_is_the_one_that_it_stands_for(given: float, rate: Fraction) -> None:
    found = inputs._at_rate(ClipSource("a", ("0",), paths=(Path("0.png"),)), given)
    assert (found.rate, found.name, found.frame_names) == (rate, "a", ("0",))


@pytest.mark.parametrize("taller, wider", [(0, 0), (3, 0), (0, 3), (3, 3)])
def test_a_truth_may_be_up_to_three_pixels_larger(taller: int, wider: int) -> None:
    inputs._require_fit("a", (8, 12), (32 + taller, 48 + wider))


@pytest.mark.parametrize("taller, wider", [(-1, 0), (0, -1), (4, 0), (0, 4), (-1, -1), (4, 4), (-32, 2), (1, -48)])
def test_a_truth_of_another_size_is_refused(taller: int, wider: int) -> None:
    words = f"of a is {48 + wider}x{32 + taller} pixels, and four times the input is 48x32; give the frames"
    with pytest.raises(UserError, match=words):
        inputs._require_fit("a", (8, 12), (32 + taller, 48 + wider))


def clip(name: str, *frames: str, video: str | None = None) -> ClipSource:
    paths = () if video else tuple(Path(f"{frame}.png") for frame in frames)
    return ClipSource(name, frames, paths=paths, video=None if video is None else Path(video))


def test_truths_are_found_by_name() -> None:
    low, high = ([clip(name, "1", "2") for name in names] for names in ("ac", "abc"))
    assert inputs._paired(low, high) == [high[0], high[2]]
    assert inputs._paired(low, None) == [None, None]
    for others in ("bc", "a", "c", "x", ""):
        with pytest.raises(
            UserError, match=f"The clip {'c' if others == 'a' else 'a'} has no ground truth of the same"
        ):
            inputs._paired(low, [clip(name, "1", "2") for name in others])


def test_the_only_truth_of_the_only_clip_may_have_another_name() -> None:
    (high,) = [clip("film", "1", "2")]
    assert inputs._paired([clip("a", "1", "2")], [high]) == [high]
    with pytest.raises(UserError, match="The clip a has 3 frames and its ground truth 2; give the same frames of both"):
        inputs._paired([clip("a", "1", "2", "3")], [high])


def test_frames_of_folders_have_one_name_and_those_of_a_video_have_none_of_their_own() -> None:
    named, others = clip("a", "1", "2", "3"), clip("a", "1", "12", "13")
    with pytest.raises(UserError, match="a has a frame 2 where its ground truth has 12; name the frames alike"):
        inputs._paired([named], [others])
    film = clip("a", "00000000", "00000001", "00000002", video="a.mkv")
    for low, high in ((named, film), (film, named), (film, film), (named, named)):
        assert inputs._paired([low], [high]) == [high]


def test_a_set_is_named_by_its_folder(tmp_path: Path) -> None:
    for name in ("Set/LR_blurdown_x4", "Set/LR", "films"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "films" / "one.mkv").touch()
    named = {"Set/LR_blurdown_x4": "Set", "Set/LR": "Set", "Set": "Set", "films": "films", "films/one.mkv": "one"}
    assert {path: infer.set_name(tmp_path / path) for path in named} == named


@pytest.mark.parametrize(
    "repeats, whose, device, warm",
    [
        (0, "torch", "cpu", False),
        (1, "torch", "cpu", True),
        (2, "paddle", "cpu", True),
        (0, "jittor", "cpu", True),
        (0, "torch", "cuda", True),
    ],
)
def test_frames_are_restored_for_nothing_where_something_is_compiled_or_timed(
    repeats: int, whose: str, device: str, warm: bool
) -> None:
    network: Any = SimpleNamespace(framework=whose, device=device)
    assert beforehand._gets_warm(network, InferOptions(timing_repeats=repeats)) == warm


def test_of_onnx_runtime_the_version_is_told_and_the_model() -> None:
    model = object.__new__(OnnxNetwork)
    model.version, model.digest = "1.2.3", "abc"
    assert infer._runtime(model) == {"onnxruntime": "1.2.3", "model_digest": "abc"}
    assert infer._runtime(object.__new__(Network)) == {}
