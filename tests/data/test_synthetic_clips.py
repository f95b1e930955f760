"""Clips made from photographs: exact flow, smooth motion as asked for, the same bytes from the same seed."""

import subprocess
import sys
from importlib import metadata

import cv2
import numpy as np
import pooch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array
from vsrlib.data.clips import Clip
from vsrlib.data.synthetic import clips as clips_module
from vsrlib.data.synthetic.clips import (
    PHOTOGRAPHS,
    Motion,
    embedded_clips,
    lowpass_sigma,
    planned_clips,
    render_layer,
)
from vsrlib.data.synthetic.motion import Layer, place_camera
from vsrlib.data.synthetic.pictures import load_photograph

SIZE = (96, 144)


@pytest.fixture(scope="module")
def clips():
    return embedded_clips("test", 4, SIZE, seed=5)


def grid(size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0]))).astype(np.float64)


def sample(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    x, y = points.astype(np.float32)
    return cv2.remap(frame.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def warp_error(clip, i: int, j: int, flow: np.ndarray, where: np.ndarray) -> float:
    difference = np.abs(sample(clip.frames[j], grid() + flow) - clip.frames[i])
    return float(difference[where].mean())


def test_the_photographs_are_disjoint_and_ship_in_the_wheel() -> None:
    splits = [set(names) for names in PHOTOGRAPHS.values()]
    assert len(set.union(*splits)) == sum(map(len, splits)) == sum(map(len, PHOTOGRAPHS.values()))
    shipped = {file.name for file in metadata.files("scikit-image") if file.parent.name == "data"}
    assert set.union(*splits) <= shipped
    scenes = [{name.split("_")[0] for name in names} for names in splits]
    assert not (scenes[0] & scenes[1] or scenes[0] & scenes[2] or scenes[1] & scenes[2])


def test_a_clip_shows_photographs_of_its_split_alone() -> None:
    for split in PHOTOGRAPHS:
        for clip in embedded_clips(split, 1, (32, 48), 0):
            assert set(clip.photographs) <= set(PHOTOGRAPHS[split])


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_, **__):
        raise AssertionError("a download was tried")

    monkeypatch.setattr(pooch, "retrieve", refuse)
    monkeypatch.setattr(pooch.core, "retrieve", refuse)
    monkeypatch.setattr(pooch.Pooch, "fetch", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    for names in PHOTOGRAPHS.values():
        for name in names:
            assert load_photograph(name).ndim == 3
    with pytest.raises(UserError, match="does not ship eagle.png"):  # known to scikit-image, but fetched on demand
        load_photograph("eagle.png")


def test_the_same_seed_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "from vsrlib.data.synthetic.clips import embedded_clips; from vsrlib.common.files import sha256_array\n"
        "print(*[sha256_array(c.frames) for c in embedded_clips('test', 2, (32, 48), 9)])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "123"}
    )
    here = [sha256_array(clip.frames) for clip in embedded_clips("test", 2, (32, 48), 9)]
    assert result.stdout.split() == here and len(set(here)) == 4
    assert not set(here) & {sha256_array(clip.frames) for clip in embedded_clips("test", 2, (32, 48), 10)}


def test_a_clip_does_not_hang_on_its_company() -> None:
    many, few = embedded_clips("test", 2, (32, 48), 1, count=6), embedded_clips("test", 2, (32, 48), 1, count=1)
    assert np.array_equal(many[0].frames, few[0].frames)
    assert [clip.name for clip in many] == ["astronaut", "chelsea", "coffee", "rocket", "astronaut-2", "chelsea-2"]
    assert not np.array_equal(many[0].frames, many[4].frames)


def test_shapes_and_types(clips) -> None:
    for clip in clips:
        assert clip.frames.shape == (4, *SIZE, 3) and clip.frames.dtype == np.uint8
        assert isinstance(clip, Clip)
        flow, valid = clip.flow(0, 3)
        assert flow.shape == (2, *SIZE) and flow.dtype == np.float32
        assert valid.shape == SIZE and valid.dtype == bool


def test_flow_to_the_same_frame_is_zero(clips) -> None:
    for clip in clips:
        flow, valid = clip.flow(2, 2)
        assert not flow.any() and valid.mean() > 0.9
    (plain,) = embedded_clips("test", 2, (32, 48), 0, 1, Motion.only(2))
    assert plain.flow(1, 1)[1].all()


@pytest.mark.parametrize("i, j", [(0, 1), (1, 0), (0, 3), (3, 1)])
def test_the_flow_warps_one_frame_onto_the_other(clips, i: int, j: int) -> None:
    for clip in clips:
        flow, valid = clip.flow(i, j)
        right = warp_error(clip, i, j, flow, valid)
        assert right < 2.5
        for wrong in (0 * flow, -flow, flow[::-1], flow + 0.5):
            assert warp_error(clip, i, j, wrong, valid) > 2.5 * right


def test_the_patch_moves_on_its_own_and_its_flow_is_right_too(clips) -> None:
    for clip in clips:
        patch = clip.foreground.depth(0, grid()) > 0
        flow, valid = clip.flow(0, 2)
        behind = clip.background.move(0, 2, grid()) - grid()
        assert (patch & valid).sum() > 200
        assert np.hypot(*(flow - behind))[patch].mean() > 2
        assert np.abs(flow - behind)[:, ~patch & valid].max() < 1e-4
        on_patch = warp_error(clip, 0, 2, flow, patch & valid)
        assert on_patch < 3 and warp_error(clip, 0, 2, behind, patch & valid) > 2 * on_patch


def test_validity_leaves_out_what_is_covered_or_outside(clips) -> None:
    hidden_clips = 0
    for clip in clips:
        flow, valid = clip.flow(0, 3)
        there = grid() + flow
        outside = (there < 0).any(axis=0) | (there[0] > SIZE[1] - 1) | (there[1] > SIZE[0] - 1)
        assert not (valid & outside).any()
        patch = clip.foreground.depth(0, grid()) > 0
        covered = ~patch & (clip.foreground.depth(3, there) > -1)
        assert covered.sum() > 30 and not (valid & covered).any()
        hidden = covered & (clip.foreground.depth(3, there) > 2) & ~outside & (clip.foreground.depth(0, grid()) < -2)
        if hidden.any():
            hidden_clips += 1
            assert warp_error(clip, 0, 3, flow, hidden) > 2 * warp_error(clip, 0, 3, flow, valid)
    assert hidden_clips >= 2


def test_image_registration_finds_the_same_motion() -> None:
    """An oracle that knows nothing of the geometry: OpenCV's ECC alignment, on the pixels alone."""
    motion = Motion(speed=2.5, rotation=0.5, zoom=0.005, foreground_speed=None)
    for clip in embedded_clips("test", 3, SIZE, 2, motion=motion):
        first, last = (cv2.cvtColor(clip.frames[t], cv2.COLOR_RGB2GRAY) for t in (0, 2))
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 200, 1e-8)
        start = np.eye(2, 3, dtype=np.float32)
        _, found = cv2.findTransformECC(first, last, start, cv2.MOTION_AFFINE, criteria, None, 5)
        expected = np.tensordot(found[:, :2], grid(), axes=1) + found[:, 2].reshape(2, 1, 1) - grid()
        flow, valid = clip.flow(0, 2)
        assert np.hypot(*(flow - expected))[valid].mean() < 0.1 < 2 < np.hypot(*flow)[valid].mean()


def test_flows_compose(clips) -> None:
    for clip in clips:
        points = grid() + 0.37
        via = clip.background.move(1, 3, clip.background.move(0, 1, points))
        assert np.abs(via - clip.background.move(0, 3, points)).max() < 1e-9
        assert np.abs(clip.background.move(1, 0, clip.background.move(0, 1, points)) - points).max() < 1e-9


@pytest.mark.parametrize("speed", [0.5, 3.0, 8.0])
def test_translation_is_as_fast_as_asked_for(speed: float) -> None:
    for clip in embedded_clips("test", 7, (48, 64), 1, motion=Motion.only(speed)):
        steps = [clip.flow(t, t + 1)[0] for t in range(6)]
        assert all(np.ptp(step, axis=(1, 2)).max() < 1e-4 for step in steps)
        assert np.mean([np.hypot(*step).mean() for step in steps]) == pytest.approx(speed, rel=1e-4)
        assert clip.foreground is None


def test_turning_turns_about_the_middle() -> None:
    for clip in embedded_clips("test", 6, (48, 64), 1, motion=Motion.only(rotation=1.5)):
        angles = []
        for t in range(5):
            flow = clip.flow(t, t + 1)[0].astype(np.float64)
            offset = grid((48, 64)) - np.array([31.5, 23.5]).reshape(2, 1, 1)
            moved = offset + flow
            angle = np.arctan2((offset[0] * moved[1] - offset[1] * moved[0]).sum(), (offset * moved).sum())
            angles.append(np.degrees(angle))
            turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            assert np.abs(np.tensordot(turned, offset, axes=1) - moved).max() < 1e-4
        assert np.abs(angles).mean() == pytest.approx(1.5, rel=1e-3)


def test_zoom_is_as_asked_for_and_never_enlarges() -> None:
    for clip in embedded_clips("test", 6, (48, 64), 1, motion=Motion(0, 0, 0.02, None)):
        scales = np.array([clip.background.scale(t) for t in range(6)])
        assert np.abs(np.diff(np.log(scales))).mean() == pytest.approx(0.02, rel=1e-6)
        assert scales.min() >= 1 - 1e-9
        flow = clip.flow(0, 5)[0]
        assert flow[0, 0, -1] - flow[0, 0, 0] == pytest.approx(63 * (scales[0] / scales[5] - 1), abs=1e-3)


@pytest.mark.parametrize("motion", [Motion.only(), Motion(0, 0, 0, 0)])
def test_without_motion_all_frames_are_the_same(motion: Motion) -> None:
    for clip in embedded_clips("test", 3, (32, 48), 1, motion=motion):
        assert (clip.frames == clip.frames[0]).all() and not clip.flow(0, 2)[0].any()


def test_with_motion_no_two_frames_are_the_same(clips) -> None:
    for clip in clips:
        assert len({sha256_array(frame) for frame in clip.frames}) == 4


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 999),
    speed=st.floats(0, 6),
    rotation=st.floats(0, 1),
    zoom=st.floats(0, 0.02),
    frames=st.integers(1, 16),
)
def test_the_camera_never_leaves_the_photograph(seed, speed, rotation, zoom, frames) -> None:
    layer = place_camera(np.random.default_rng(seed), Motion(speed, rotation, zoom), frames, (64, 96), (400, 600), "x")
    corners = np.array([[0, 95, 0, 95], [0, 0, 63, 63]])
    for transform in layer.to_texture:
        x, y = transform[:, :2] @ corners + transform[:, 2:]
        assert x.min() >= 2 and y.min() >= 2 and x.max() <= 597 and y.max() <= 397


def test_the_path_is_smooth() -> None:
    layer = place_camera(np.random.default_rng(0), Motion.only(4), 15, (256, 384), (500, 741), "x")
    pivot = np.array([[192.0], [128.0]])
    steps = np.hstack([layer.move(t + 1, t, pivot) - pivot for t in range(14)])
    assert np.linalg.norm(np.diff(steps, axis=1), axis=0).max() < 0.5 * np.linalg.norm(steps, axis=0).mean()


@pytest.mark.parametrize("cycles", [0.3, 0.45])
def test_what_a_smaller_frame_cannot_hold_is_filtered_out(cycles: float) -> None:
    wave = np.cos(2 * np.pi * cycles * np.arange(200))
    photograph = np.broadcast_to((128 + 100 * wave)[None, :, None], (200, 200, 3))
    layer = Layer(np.array([[[2.0, 0, 10], [0, 2, 10]]]))
    rendered = next(render_layer(layer, photograph, (64, 64)))
    remaining = rendered[32, :, 0].std() / (photograph[10, 10:137:2, 0].std())
    assert remaining == pytest.approx(np.exp(-0.5 * (lowpass_sigma(2) * 2 * np.pi * cycles) ** 2), abs=0.02)
    assert remaining < 0.3


def test_at_one_to_one_the_photograph_itself_is_shown() -> None:
    photograph = load_photograph("coffee.png")
    layer = Layer(np.array([[[1.0, 0, 17], [0, 1, 23]]]))
    rendered = next(render_layer(layer, photograph, (40, 50)))
    assert np.abs(rendered - photograph[23:63, 17:67]).max() < 1e-6


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(split="exam"), "split 'exam' is unknown"),
        (dict(frames=0), "cannot make"),
        (dict(count=0), "cannot make"),
        (dict(seed=-1), "cannot make"),
        (dict(size=(8, 64)), "cannot make"),
        (dict(size=(1000, 1000)), "too small for 3 frames of 1000x1000 with .* zooms by 0.2 %: ask for smaller frames"),
        (
            dict(motion=Motion.only(500)),
            "a camera that moves by 500 pixels a frame, turns by 0 degrees and zooms by 0 %",
        ),
    ],
)
def test_wrong_arguments(arguments: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        embedded_clips(**{"split": "test", "frames": 3, "size": (32, 48), "seed": 0, **arguments})


@pytest.mark.parametrize("field", ["speed", "rotation", "zoom", "foreground_speed"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_motion_is_checked(field: str, value: float) -> None:
    with pytest.raises(UserError, match=f"motion {field}"):
        Motion(**{field: value})


def test_a_planned_clip_makes_a_frame_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    (planned,) = planned_clips("test", 50, (32, 48), 0, 1)
    made, transform = [], clips_module.scipy.ndimage.affine_transform
    monkeypatch.setattr(
        clips_module.scipy.ndimage,
        "affine_transform",
        lambda *given, **more: made.append(1) or transform(*given, **more),
    )
    frames = planned.frames()
    first = next(frames)
    assert len(made) == 6, "three channels of two layers"
    next(frames)
    assert len(made) == 12 and len(planned) == 50
    assert np.array_equal(first, embedded_clips("test", 50, (32, 48), 0, 1)[0].frames[0])
