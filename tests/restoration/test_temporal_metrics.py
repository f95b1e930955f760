"""tOF and warping error, against clips whose motion is exact."""

import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.data.synthetic.clips import SyntheticClip, embedded_clips
from vsrlib.data.synthetic.motion import Motion
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
    motion = [np.abs(clip.flow(i, i + 1)[0][:, 8:-8, 8:-8]).mean() for i in range(len(frames) - 1)]
    assert tof(still, frames, method) == pytest.approx(np.mean(motion), rel=0.2)
    rng = np.random.default_rng(0)
    noisy, noisier = (np.clip(frames + rng.normal(0, s, frames.shape), 0, 255).astype(np.uint8) for s in (5, 25))
    assert 0 < tof(noisy, frames, method) < tof(noisier, frames, method)


def test_tof_by_its_definition(clip: SyntheticClip) -> None:
    restored = np.roll(clip.frames, 1, axis=2)
    ours, true = (
        [optical_flow(*frames[i : i + 2], "farneback") for i in range(3)] for frames in (restored, clip.frames)
    )
    expected = np.mean([np.abs(a - b)[8:-8, 8:-8].mean() for a, b in zip(ours, true)])
    assert tof(restored, clip.frames) == pytest.approx(expected, rel=1e-6)


def test_warping_error(clip: SyntheticClip) -> None:
    own = warping_error(clip.frames, clip.frames)
    assert 0 < own < 1e-3
    flicker = clip.frames.copy()
    flicker[1::2] = np.clip(flicker[1::2].astype(int) + 25, 0, 255)
    assert warping_error(flicker, clip.frames) == pytest.approx((25 / 255) ** 2, rel=0.3)
    still = np.stack([clip.frames[0]] * 4)
    assert warping_error(still, still) == 0 and warping_error(still, clip.frames) > 2 * own


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
        with pytest.raises(UserError, match="too small for flow"):
            metric(clip.frames[:1], clip.frames[:1])
        with pytest.raises(ValueError, match="uint8"):
            metric(clip.frames.astype(float), clip.frames)
        with pytest.raises(UserError, match="flow is 'raft'; choose one of: farneback, dis"):
            metric(clip.frames, clip.frames, "raft")


def test_frames_that_come_one_by_one(clip: SyntheticClip) -> None:
    restored = np.roll(clip.frames, 1, axis=2)
    errors, one, small = TemporalErrors(), TemporalErrors(), TemporalErrors()
    for ours, true in zip(restored, clip.frames):
        errors.add(ours, true)
        small.add(ours[:31], true[:31])
    assert errors.result() == {"tof": tof(restored, clip.frames), "warping_error": warping_error(restored, clip.frames)}
    one.add(restored[0], clip.frames[0])
    assert one.result() == small.result() == {"tof": None, "warping_error": None}
