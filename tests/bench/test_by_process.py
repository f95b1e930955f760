"""What processes find in turns: the share that no call waits for, ratios by turn, and kernels and image output."""

from typing import Any

import numpy as np
import pytest
from lazy_network import LazyNetwork

from vsrlib.bench import by_process
from vsrlib.bench.by_process import Moving
from vsrlib.bench.costs_tables import correlation_table
from vsrlib.bench.inputs import MovingTexture
from vsrlib.bench.options import Options
from vsrlib.restoration import timing
from vsrlib.restoration.timing import time_both_ways

SIZE = (12, 16)
WORK = 8.0  # seconds of the clock below that a frame's work takes


class Clock:
    """Stands still but for the work of networks."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


class ClockedNetwork(LazyNetwork):
    """Its work takes WORK seconds of a clock, when it is asked to wait or to hand out."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def _compute(self) -> None:
        self.clock.now += WORK * self.pending
        super()._compute()


class EagerNetwork(ClockedNetwork):
    """Has done its work when the call returns."""

    def run(self, window: Any) -> dict[str, np.ndarray]:
        found = super().run(window)
        self._compute()
        return found


class LazyEngine:
    """An engine of such a network, which writes down the windows that it is given."""

    def __init__(self, network: LazyNetwork) -> None:
        self.network, self.windows = network, []

    def reset(self) -> None:
        self.windows.clear()

    def upload(self, window: list[int], frames: dict[int, np.ndarray]) -> None:
        assert sorted(frames) == window
        self.windows.append(window)
        self.network.upload(frames[window[0]])

    def run(self) -> np.ndarray:
        return self.network.run(np.zeros((5, 3, *SIZE), np.float32))["recons"]


def answer(seconds: dict[str, dict[str, float]]) -> dict[str, Any]:
    """A process's, whose engines both took so long."""
    conditions = {"device": "a CPU", "threads": 2, "correlation": "cpp", "blur": None}
    result = {
        "frames": {"reference": seconds, "streaming": seconds},
        "convolution": {"reference": "framework", "streaming": "winograd"},
    }
    return {"conditions": conditions, "result": result}


def clocks(unseen: float, forward: float = 1.0, post: float = 1.0) -> dict[str, dict[str, float]]:
    """A frame whose call does not wait for such a share of its forward pass."""
    total = forward + post
    return {
        "as_reported": {
            "pre": 0.0, "forward": (1 - unseen) * forward, "post": post + unseen * forward, "total": total
        },
        "synchronised": {"pre": 0.0, "forward": forward, "post": post, "total": total},
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "share"), [(ClockedNetwork, 1.0), (EagerNetwork, 0.0)])
@pytest.mark.parametrize("engine", by_process.ENGINES)
def test_a_call_that_returns_at_once_has_seen_nothing(
    kind: type[ClockedNetwork], share: float, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    network, window = kind(clock), MovingTexture(SIZE).stack(0)
    timed = network if engine == "reference" else Moving(network, LazyEngine(network), MovingTexture(SIZE))
    seconds = by_process._medians(time_both_ways(timed, window, None, 3))
    found = by_process.frames({"jittor": [answer(seconds)] * 6}, engine)["jittor"]
    assert found["unseen_share"]["value"] == share and found["waiting_seconds"]["value"] == share * WORK
    assert found["total"]["synchronised"]["value"] == found["total"]["as_reported"]["value"] == WORK


def test_an_engine_that_remembers_frames_gets_the_next_window_each_time() -> None:
    network = LazyNetwork()
    engine = LazyEngine(network)
    moving = Moving(network, engine, MovingTexture(SIZE))
    time_both_ways(moving, MovingTexture(SIZE).stack(0)[:1], None, 3)
    assert engine.windows == [list(range(turn, turn + 5)) for turn in range(2 * (3 + 2))]


def test_ratios_are_paired_by_turn_and_say_their_unit() -> None:
    """A machine that slows down in a turn slows both: the ratio is 2 in every turn."""
    speeds = [1.0, 5.0, 1.0, 1.0, 9.0, 1.0]
    answers = {
        "torch": [answer(clocks(0.0, 2 * one, 2 * one)) for one in speeds],
        "jittor": [answer(clocks(0.9, one, one)) for one in speeds],
    }
    found = by_process.frames(answers, "reference")
    exactly_two = {"value": 2.0, "low": 2.0, "high": 2.0, "n": 6, "unit": "process"}
    assert found["ratio"]["total"]["synchronised"] == exactly_two == found["ratio"]["forward"]["synchronised"]
    assert found["ratio"]["forward"]["as_reported"]["value"] == pytest.approx(20)
    assert found["jittor"]["unseen_share"]["low"] == pytest.approx(0.9)
    # but two processes of one framework lie that far apart
    assert found["same_framework"]["torch"]["total"] == {"low": 1 / 9, "high": 9.0}


def test_a_process_that_broke_off_is_named_and_in_no_figure() -> None:
    good, bad = answer(clocks(0.5)), {"failed": "it was killed"}
    found = by_process.frames({"torch": [good] * 7, "jittor": [good, bad, *[good] * 5]}, "streaming")
    assert found["jittor"]["failed"] == ["process 2: it was killed"] and found["torch"]["failed"] == []
    assert found["jittor"]["unseen_share"]["n"] == 6 and found["ratio"]["total"]["synchronised"]["n"] == 6
    assert found["jittor"]["conditions"]["convolution"] == "winograd"
    none = by_process.frames({"torch": [good, good], "jittor": [bad, bad]}, "reference")
    assert none["jittor"] == {"skipped": "it was killed"} and set(none["same_framework"]) == {"torch"}
    assert none["ratio"] == {"skipped": "no turn has both frameworks"}


def test_fewer_than_six_processes_have_no_interval() -> None:
    found = by_process.frames({"torch": [answer(clocks(0.5))] * 5}, "reference")["torch"]["unseen_share"]
    assert found == {"value": 0.5, "low": None, "high": None, "n": 5, "unit": "process"}


def kernel(seconds: float, error: float = 1e-7, zero: bool = False) -> dict[str, Any]:
    return {"frame_seconds": seconds, "share_of_frame": 0.1, "gradient_error": error, "zero_gradient": zero}


def test_a_kernels_ratio_is_to_the_fastest_other() -> None:
    """Which is one and the same for all processes, though in one of them another was faster."""
    refused = {"skipped": "no GPU"}
    usual = {"pure": kernel(3.0), "cpp": kernel(2.0), "other": kernel(2.5), "cuda": refused}
    odd = {"pure": kernel(3.0), "cpp": kernel(2.0), "other": kernel(1.0, 0.5, zero=True), "cuda": refused}
    answers = [{"result": {"correlation": one}} for one in [usual] * 5 + [odd]]
    found = by_process.kernels_of([*answers, {"failed": "killed"}])
    assert found["pure"]["ratio"] == {"value": 1.5, "low": 1.5, "high": 1.5, "n": 6, "unit": "process"}
    assert found["cpp"]["ratio"]["value"] == 0.8 and found["other"]["ratio"]["value"] == 1.25
    assert found["cuda"] == refused and not found["pure"]["zero_gradient"]
    assert found["other"]["zero_gradient"] and found["other"]["gradient_error"] == 0.5  # the worst process's
    alone = by_process.kernels_of([{"result": {"correlation": {"pure": kernel(3.0)}}}] * 6)
    assert alone["pure"]["ratio"] == {"value": None, "low": None, "high": None, "n": 0, "unit": "process"}
    assert "| PyTorch | pure | 3000 [3000, 3000] | - |" in correlation_table({"correlation": {"torch": alone}})
    assert by_process.kernels_of([{"failed": "killed"}]) == {"skipped": "killed"}


def test_shares_of_image_output_are_of_each_processs_own_sum() -> None:
    def parts(scale: float, png: float) -> dict[str, Any]:
        seconds = {"png": png, "psnr": 0.5, "ssim_once": 9.0, "ssim_three_times": 9.5 - png, "png_ours": 7.0}
        return {"result": {part: scale * value for part, value in seconds.items()}}

    found = by_process.image_output([parts(1.0, 2.0), parts(10.0, 2.0), {"failed": "a full disk"}])
    assert found["png_share"]["value"] == pytest.approx(0.2) and found["ssim_share"]["value"] == pytest.approx(0.75)
    assert found["sum"]["value"] == pytest.approx(55) and found["hr_size"] == [720, 1280]
    assert found["seconds"]["png_ours"]["value"] == pytest.approx(38.5) and found["png_share"]["n"] == 2
    assert found["failed"] == ["process 3: a full disk"]
    assert by_process.image_output([{"failed": "a full disk"}]) == {"skipped": "a full disk"}


def test_image_output_is_measured_at_the_reports_size_whatever_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple] = []
    monkeypatch.setattr(by_process, "ask", lambda *what: asked.append(what) or {"failed": "no"})
    by_process.asks_for_output(Options(size=(64, 96)))(0)
    (part, framework, options) = asked[0]
    assert (part, framework, options.high) == ("output.parts", "numpy", (720, 1280))
