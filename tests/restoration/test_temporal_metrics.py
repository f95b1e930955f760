"""tOF and warping error, against clips whose motion is exact."""

import cv2
import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.data.synthetic.clips import SyntheticClip, embedded_clips
from vsrlib.data.synthetic.motion import Motion
from vsrlib.restoration import temporal
from vsrlib.restoration.temporal import FLOWS, TemporalErrors, optical_flow, tof, visible, warping_error


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    return embedded_clips("test", 4, (128, 160), seed=0, count=1, motion=Motion.only(2.0))[0]


@pytest.mark.parametrize("method", FLOWS)
def test_the_flow_is_near_the_true_one(clip: SyntheticClip, method: str) -> None:
    truth, valid = clip.flow(0, 1)
    valid[:16] = valid[-16:] = valid[:, :16] = valid[:, -16:] = False
    error = np.linalg.norm(optical_flow(clip.frames[0], clip.frames[1], method) - truth.transpose(1, 2, 0), axis=2)
    assert np.median(error[valid]) < 0.15 and np.linalg.norm(truth, axis=0)[valid].mean() > 1.5
    backwards = optical_flow(clip.frames[1], clip.frames[0], method)
    assert np.median(np.linalg.norm(backwards + truth.transpose(1, 2, 0), axis=2)[valid]) < 0.15


@pytest.mark.parametrize("method", FLOWS)
def test_tof(clip: SyntheticClip, method: str) -> None:
    frames = clip.frames
    assert tof(frames, frames, method) == 0
    still = np.stack([frames[0]] * len(frames))
    motion = [np.linalg.norm(clip.flow(i, i + 1)[0][:, 16:112, 16:144], axis=0).mean() for i in range(len(frames) - 1)]
    assert tof(still, frames, method) == pytest.approx(np.mean(motion), rel=0.2)
    rng = np.random.default_rng(0)
    noisy, noisier = (np.clip(frames + rng.normal(0, s, frames.shape), 0, 255).astype(np.uint8) for s in (5, 25))
    assert 0 < tof(noisy, frames, method) < tof(noisier, frames, method)


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [
        (128, 160, (16, 112), (16, 144)),  # multiples of 32 leave 8 pixels and more on each side, and so a block less
        (48, 80, (8, 40), (8, 72)),  # just one and two blocks
        (79, 95, (23, 55), (15, 79)),  # odd sides: the odd pixel goes to the end
        (112, 127, (8, 104), (15, 111)),
    ],
)
def test_tof_pixel_by_pixel(
    clip: SyntheticClip, height: int, width: int, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    truth = clip.frames[:, :height, :width]
    restored = np.roll(truth, 1, axis=2)
    lengths = []
    for i in range(len(truth) - 1):
        ours, true = (optical_flow(*frames[i : i + 2], "farneback") for frames in (restored, truth))
        for y in range(*rows):
            for x in range(*columns):
                across, down = (float(ours[y, x, axis]) - float(true[y, x, axis]) for axis in (0, 1))
                lengths.append((across**2 + down**2) ** 0.5)
    assert tof(restored, truth) == pytest.approx(sum(lengths) / len(lengths), rel=1e-5)


def test_tof_of_two_flows_worked_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flows that differ by (3, 4) are 5 pixels apart, and what lies outside the middle part does not count."""
    still, moved = np.zeros((2, 56, 70, 3), np.uint8), np.full((2, 56, 70, 3), 9, np.uint8)

    def flow(first: np.ndarray, second: np.ndarray, method: str) -> np.ndarray:
        found = np.zeros((56, 70, 2), np.float32)
        if first.any():
            found[12:44, 19:51] = (-3, 4)  # 32 of 56 rows, 32 of 70 columns
            found[:12] = found[44:] = found[:, :19] = found[:, 51:] = 1000
        return found

    monkeypatch.setattr(temporal, "optical_flow", flow)
    assert tof(moved, still) == tof(still, moved) == 5.0


def test_tof_needs_a_block_and_its_margin(clip: SyntheticClip) -> None:
    for height, width in ((47, 80), (80, 47), (31, 31)):
        with pytest.raises(UserError, match="at least 2 frames and 48 pixels a side"):
            tof(clip.frames[:, :height, :width], clip.frames[:, :height, :width])


def test_warping_error(clip: SyntheticClip) -> None:
    own = warping_error(clip.frames, clip.frames)
    assert 0 < own < 1e-3
    flicker = clip.frames.copy()
    flicker[1::2] = np.clip(flicker[1::2].astype(int) + 25, 0, 255)
    assert warping_error(flicker, clip.frames) == pytest.approx((25 / 255) ** 2, rel=0.3)
    still = np.stack([clip.frames[0]] * 4)
    assert warping_error(still, still) == 0 and warping_error(still, clip.frames) > 2 * own


def test_warping_error_worked_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """All moves 3 pixels to the right; what comes in at the left, and what a block covers, does not count."""
    truth = np.stack([np.zeros((40, 40, 3), np.uint8), np.full((40, 40, 3), 9, np.uint8)])

    def flow(first: np.ndarray, second: np.ndarray, method: str) -> np.ndarray:
        found = np.zeros((40, 40, 2), np.float32)
        found[..., 0] = -3 if first.any() else 3
        if not first.any():
            found[10:20, 10:20, 0] = -5
        return found

    monkeypatch.setattr(temporal, "optical_flow", flow)
    first = np.broadcast_to(5 * np.arange(40, dtype=np.uint8)[:, None], (40, 40, 3))
    second = np.roll(first, 3, axis=1)
    second[:, :3] = second[10:20, 13:23] = 255
    assert warping_error(np.stack([first, second]), truth) == 0
    second[30:, 3:] += 51
    expected = (51 / 255) ** 2 * (10 * 37) / (40 * 37 - 10 * 10)
    assert warping_error(np.stack([first, second]), truth) == pytest.approx(expected, rel=1e-6)


def test_the_flow_of_tof_has_tecogans_parameters(clip: SyntheticClip) -> None:
    large = [
        cv2.resize(frame, (512, 512), interpolation=cv2.INTER_CUBIC) for frame in clip.frames[:2]
    ]  # a fourth level
    for frames in (clip.frames[:2], large):
        grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
        expected = cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 3, 15, 3, 5, 1.2, 0)
        assert np.array_equal(optical_flow(*frames, "farneback"), expected)
    assert not np.array_equal(cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 4, 15, 3, 5, 1.2, 0), expected)


@pytest.mark.parametrize("off, seen", [(0.0, True), (0.79, True), (0.80, False), (2.0, False)])
def test_flows_that_nearly_cancel_out_are_of_what_is_seen(off: float, seen: bool) -> None:
    """Sundaram et al.: |f + b|^2 <= 0.01 (|f|^2 + |b|^2) + 0.5; here 0.6389 on the right, and 0.79^2 = 0.624."""
    flow, back = np.zeros((2, 20, 20, 2), np.float32)
    flow[..., 0], back[..., 0] = 3, -3 + off
    assert visible(flow, back)[:, :16].all() == visible(flow, back)[:, :16].any() == seen


def test_flows_at_the_limit_cancel_out() -> None:
    """|b|^2 = 0.01 |b|^2 + 0.5 to the last bit of float32, and the next length beyond."""
    still, back = np.zeros((2, 20, 20, 2), np.float32)
    for length, seen in ((np.float32(0.71066904), True), (np.nextafter(np.float32(0.71066904), np.float32(1)), False)):
        back[..., 0] = length
        assert visible(still, back).all() == visible(still, back).any() == seen


def test_the_frames_edge_is_inside_and_nothing_beyond() -> None:
    still = np.zeros((20, 24, 2), np.float32)
    assert visible(still, still).all()
    for axis, way in ((0, 1), (0, -1), (1, 1), (1, -1)):
        moved = still.copy()
        moved[..., axis] = way
        assert visible(moved, -moved).sum() == (20 * 23 if axis == 0 else 19 * 24)


def test_clips_of_which_nothing_is_seen_twice_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "optical_flow", lambda *_: np.full((40, 40, 2), 1000, np.float32))
    frames = np.zeros((2, 40, 40, 3), np.uint8)
    with pytest.raises(UserError, match="no pixel of the true clip is seen"):
        warping_error(frames, frames)


def test_frames_that_are_just_large_enough_have_a_tof(clip: SyntheticClip) -> None:
    errors = TemporalErrors()
    for frame in clip.frames[:2, :48, :48]:
        errors.add(frame, frame)
    assert errors.result()["tof_norm"] == 0


def test_flow_needs_sixteen_pixels() -> None:
    frames = np.zeros((2, 16, 16, 3), np.uint8)
    assert warping_error(frames, frames) == 0
    with pytest.raises(UserError, match="16 pixels a side"):
        warping_error(frames[:, :15], frames[:, :15])


def test_what_is_covered_does_not_count() -> None:
    flow = np.zeros((40, 40, 2), np.float32)
    flow[..., 0] = 3
    assert visible(flow, -flow)[:, :36].all() and not visible(flow, -flow)[:, 38:].any()
    back = -flow
    back[10:20, 10:20] = 5  # what is seen there came from elsewhere
    seen = visible(flow, back)
    assert not seen[11:19, 8:16].any() and seen[25:, :36].all()


def test_clips_that_cannot_be_compared(clip: SyntheticClip) -> None:
    for metric in (tof, warping_error):
        with pytest.raises(UserError, match="same size"):
            metric(clip.frames, clip.frames[:, 1:])
        with pytest.raises(UserError, match=f"clips of 1 frames .* and {len(clip.frames)} frames"):
            metric(clip.frames[:1], clip.frames)
        with pytest.raises(UserError, match="too small for flow"):
            metric(clip.frames[:1], clip.frames[:1])
        with pytest.raises(ValueError, match="uint8"):
            metric(clip.frames.astype(float), clip.frames)
        with pytest.raises(UserError, match="flow is 'raft'; choose one of: farneback, dis"):
            metric(clip.frames, clip.frames, "raft")


def test_frames_that_come_one_by_one(clip: SyntheticClip) -> None:
    restored = np.roll(clip.frames, 1, axis=2)
    errors, one, small, least, middling = (TemporalErrors() for _ in range(5))
    for ours, true in zip(restored, clip.frames):
        errors.add(ours, true)
        small.add(ours[:15], true[:15])
        least.add(ours[:16], true[:16])
        middling.add(ours[:47], true[:47])
    both = {"tof_norm": tof(restored, clip.frames), "warping_error": warping_error(restored, clip.frames)}
    assert errors.result() == both
    one.add(restored[0], clip.frames[0])
    assert one.result() == small.result() == {"tof_norm": None, "warping_error": None}
    for side, found in ((16, least), (47, middling)):
        alone = warping_error(restored[:, :side], clip.frames[:, :side])
        assert found.result() == {"tof_norm": None, "warping_error": alone}
