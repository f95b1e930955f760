"""The loop of a restoration, with a network that enlarges: what is computed, written and measured, and when."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from fractions import Fraction
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from lazy_network import Enlarging
from tqdm import tqdm

from vsrlib.common.errors import UserError
from vsrlib.data.clips import Clip, ClipSource, list_clips, windows, write_clip
from vsrlib.data.frames import read_frame
from vsrlib.restoration import loop, metrics
from vsrlib.restoration.sampling import bicubic

COUNT, HEIGHT, WIDTH = 8, 12, 16


@pytest.fixture
def low() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.fixture
def source(low: np.ndarray, tmp_path: Path) -> ClipSource:
    write_clip(tmp_path / "low" / "a", Clip("a", low))
    return list_clips(tmp_path / "low" / "a")[0]


@pytest.fixture
def high(tmp_path: Path) -> np.ndarray:
    """A truth that is up to three pixels larger than four times the input."""
    return np.random.default_rng(1).integers(0, 256, (COUNT, 4 * HEIGHT + 3, 4 * WIDTH + 2, 3), dtype=np.uint8)


@pytest.fixture
def truth(high: np.ndarray, tmp_path: Path) -> ClipSource:
    write_clip(tmp_path / "high" / "a", Clip("a", high))
    return list_clips(tmp_path / "high" / "a")[0]


def enlarged(frame: np.ndarray) -> np.ndarray:
    return frame.repeat(4, 0).repeat(4, 1)


def jobs_of(source: ClipSource) -> list[loop.Job]:
    return [loop.Job(0, index, window) for index, window in windows(source, True)]


def restore(
    source: ClipSource, folder: Path, truth: ClipSource | None = None, network: Any = None, **given: Any
) -> list[dict[str, Any]]:
    """Every frame of the clip to PNG files in `folder`."""
    network, chosen = network or Enlarging(), {"batch": 1, "there": (), "scores": None, "finished": lambda frame: None}
    chosen |= {"sampling": "decimated", "output": loop.Output(folder, None, False, True)} | given
    with tqdm(total=len(source), disable=True) as bar:
        return loop.restore_clip(
            *(network, network, source, truth, jobs_of(source), chosen["there"], chosen["output"], bar),
            *(chosen[name] for name in ("scores", "sampling", "finished", "batch")),
        )


@pytest.mark.parametrize("batch", [1, 3])
def test_frames_kernels_and_scores_are_each_frame_s_own(
    source: ClipSource, low: np.ndarray, truth: ClipSource, high: np.ndarray, tmp_path: Path, batch: int
) -> None:
    network, output = Enlarging(), loop.Output(tmp_path / "out", None, True, True)
    result = restore(source, tmp_path, truth, network, output=output, batch=batch)
    assert network.calls[0] == ("reset", None)  # of a clip before it nothing is known
    assert network.told("run") == ([1] * 8 if batch == 1 else [3, 3, 2])
    assert [index for window in network.told("upload") for index in window] == loop.joined(jobs_of(source))
    assert [frame["name"] for frame in result] == [f"{index:08d}" for index in range(COUNT)]
    for index, frame in enumerate(result):
        written = read_frame(tmp_path / "out" / "frames" / "a" / f"{index:08d}.png")
        np.testing.assert_array_equal(written, enlarged(low[index]))
        true, usual = high[index, : 4 * HEIGHT, : 4 * WIDTH], bicubic(low[index], "decimated")
        assert (frame["psnr"], frame["ssim"]) == (metrics.psnr(written, true), metrics.ssim(written, true))
        assert frame["bicubic_psnr"] == metrics.psnr(usual, true) != frame["psnr"]
        assert frame["bicubic_ssim"] == metrics.ssim(usual, true)
        assert not frame["identical"] and not frame["bicubic_identical"]
        kernel = np.load(tmp_path / "out" / "kernels" / "a" / f"{index:08d}.npy")
        np.testing.assert_array_equal(kernel, np.full((13, 13), low[index, 0, 0, 0] / np.float32(255)))


def test_without_a_truth_nothing_is_measured_and_without_being_asked_no_kernel_written(
    source: ClipSource, tmp_path: Path
) -> None:
    for frame in restore(source, tmp_path / "out"):
        assert {frame[f"{prefix}{name}"] for prefix in ("", "bicubic_") for name in ("psnr", "ssim")} == {None}
        assert (frame["identical"], frame["bicubic_identical"]) == (False, False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["frames"]


def test_a_frame_that_equals_its_truth_has_no_psnr(source: ClipSource, low: np.ndarray, tmp_path: Path) -> None:
    write_clip(tmp_path / "same" / "a", Clip("a", np.stack([enlarged(frame) for frame in low])))
    for frame in restore(source, tmp_path / "out", list_clips(tmp_path / "same" / "a")[0]):
        assert (frame["psnr"], frame["ssim"], frame["identical"]) == (None, 1, True)
        assert frame["bicubic_psnr"] > 0 and not frame["bicubic_identical"]


def test_a_clip_s_metrics_are_given_every_frame_with_its_truth(
    source: ClipSource, low: np.ndarray, truth: ClipSource, high: np.ndarray, tmp_path: Path
) -> None:
    given: list[tuple[np.ndarray, np.ndarray]] = []
    scores = SimpleNamespace(add=lambda *pair: given.append(pair))
    restore(source, tmp_path / "out", truth, scores=scores)
    for index, (image, true) in enumerate(given):
        np.testing.assert_array_equal(image, enlarged(low[index]))
        np.testing.assert_array_equal(true, high[index, : 4 * HEIGHT, : 4 * WIDTH])
    assert len(given) == COUNT
    restore(source, tmp_path / "out", None, scores=scores)
    assert len(given) == COUNT  # there is nothing to measure them against


def test_the_psnr_of_a_clip_is_the_mean_of_those_that_there_are(low: np.ndarray) -> None:
    scores, large = loop.ClipScores(), [enlarged(frame) for frame in low[:3]]
    scores.add(large[0], large[0])
    assert scores.result()["psnr_y"] is None and scores.result()["ssim_y"] == 1
    scores.add(large[0], large[1])
    scores.add(large[0], large[2])
    others = [metrics.psnr_y(large[0], one) for one in large[1:]]
    assert scores.result()["psnr_y"] == np.mean(others)


def test_frames_of_an_ordinary_resize_are_moved_and_so_is_the_baseline(
    source: ClipSource, low: np.ndarray, truth: ClipSource, high: np.ndarray, tmp_path: Path
) -> None:
    (first, *_) = restore(source, tmp_path / "out", truth, sampling="centred")
    written = read_frame(tmp_path / "out" / "frames" / "a" / "00000000.png")
    assert not np.array_equal(written, enlarged(low[0]))
    usual = bicubic(low[0], "centred")
    assert first["bicubic_psnr"] == metrics.psnr(usual, high[0, : 4 * HEIGHT, : 4 * WIDTH])


@pytest.mark.parametrize("bits, kind", [(None, np.uint8), (8, np.uint8), (9, np.uint16), (16, np.uint16)])
def test_more_than_8_bits_are_written_as_16(
    source: ClipSource, low: np.ndarray, tmp_path: Path, bits: int | None, kind: type
) -> None:
    output = loop.Output(tmp_path / "out", None, False, True, **({} if bits is None else {"bits": bits}))
    restore(source, tmp_path, output=output)
    written = cv2.imread(str(tmp_path / "out" / "frames" / "a" / "00000003.png"), cv2.IMREAD_UNCHANGED)
    assert written.dtype == kind
    np.testing.assert_array_equal(written[..., ::-1], enlarged(low[3]).astype(kind) * (257 if kind == np.uint16 else 1))


@pytest.mark.parametrize("there, uploaded", [(0, [3, 3, 2]), (2, [3, 3, 2]), (3, [3, 2]), (7, [2]), (8, [])])
def test_what_is_there_is_neither_written_again_nor_told_again(
    source: ClipSource, tmp_path: Path, there: int, uploaded: list[int]
) -> None:
    """But a batch of which a frame is missing is computed as it was."""
    network, told = Enlarging(), []
    before = [{"name": f"{index:08d}", "before": True} for index in range(there)]
    result = restore(source, tmp_path, None, network, there=before, batch=3, finished=told.append)
    assert network.told("run") == uploaded
    assert result[:there] == before and result[there:] == told
    names = [f"{index:08d}" for index in range(there, COUNT)]
    assert [frame["name"] for frame in told] == names
    assert sorted(path.stem for path in (tmp_path / "frames").glob("a/*")) == names


class Later:
    """In place of the writer's thread: what is handed in is done when it is asked for."""

    def submit(self, work: Callable[..., Any], *given: Any) -> Any:
        return SimpleNamespace(result=lambda: work(*given))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_one_thread", lambda: contextlib.nullcontext(Later()))


@pytest.mark.parametrize(
    "batch, expected",
    [(1, "r r r r w r w r w r w r w www"), (2, "rr rr w rr ww rr ww www"), (5, "rrrrr rrr www wwwww")],
)
def test_three_frames_or_one_batch_may_wait_for_the_writer(
    source: ClipSource, tmp_path: Path, later: None, batch: int, expected: str
) -> None:
    """r: a frame is restored, w: written. More waiting frames would take more memory, fewer would let one wait."""
    order: list[str] = []
    network = Enlarging()
    run = network.run
    network.run = lambda: (order.extend("r" * (len(network._middle))), run())[1]  # type: ignore[method-assign]
    restore(source, tmp_path, None, network, batch=batch, finished=lambda frame: order.append("w"))
    assert "".join(order) == expected.replace(" ", "")


def test_each_frame_takes_its_share_of_the_time_of_its_batch(
    source: ClipSource, tmp_path: Path, later: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that moves on by 1 s with each look at it; writing, which is looked at twice, is each frame's own."""
    ticks = itertools.count(10)
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))
    result = restore(source, tmp_path, batch=3)
    for frame, share in zip(result, [*(6 * [1 / 3]), 1 / 2, 1 / 2], strict=True):
        assert (frame["pre"], frame["forward"], frame["post"]) == pytest.approx((share, share, share + 1))


def test_an_engine_that_gives_fewer_frames_than_it_was_asked_for_is_not_believed(
    source: ClipSource, tmp_path: Path
) -> None:
    network = Enlarging()
    network.run = lambda: network._middle[1:].repeat(4, 2).repeat(4, 3)  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="shorter"):
        restore(source, tmp_path, None, network, batch=3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_restoration_of_no_numbers_is_refused(source: ClipSource, tmp_path: Path, value: float) -> None:
    network = Enlarging()
    network.download = lambda tensor: np.where(np.arange(64) == 5, np.float32(value), tensor)  # type: ignore[method-assign]
    with pytest.raises(UserError, match="restoration of a/00000000 holds NaN or infinite values; use other weights"):
        restore(source, tmp_path, None, network)


@pytest.mark.parametrize("words", ["CUDA out of memory.", "DefaultCPUAllocator: can't allocate", "std::bad_alloc"])
def test_too_little_memory_is_said_in_words_of_what_to_do(words: str) -> None:
    given = {
        1: "There is not enough memory for frames of this size; give a tile, such as --tile 128.",
        2: "There is not enough memory for 2 frames of this size at once; give a smaller --batch.",
        3: "There is not enough memory for 3 frames of this size at once; give a smaller --batch.",
    }
    for batch, said in given.items():
        with pytest.raises(UserError) as found, loop.enough_memory(batch):
            raise RuntimeError(words)
        assert str(found.value) == said
    with pytest.raises(RuntimeError, match="another fault"), loop.enough_memory(1):
        raise RuntimeError("another fault")


def test_the_loop_says_so_too(source: ClipSource, tmp_path: Path) -> None:
    def full() -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")

    network = Enlarging()
    network.run = full  # type: ignore[method-assign, assignment]
    with pytest.raises(UserError, match="not enough memory for 2 frames"):
        restore(source, tmp_path, None, network, batch=2)


def test_the_writer_does_one_thing_after_the_other() -> None:
    begun = Event()
    with loop._one_thread() as pool:
        first, second = pool.submit(begun.wait, 0.2), pool.submit(begun.set)
    assert not first.result() and second.done()  # the first one waited for the second in vain


def test_what_waits_for_the_writer_is_dropped_after_an_error() -> None:
    waiting: list[Any] = []

    def until_dropped() -> None:
        while not waiting[0].cancelled() and time.monotonic() < end:
            time.sleep(0.001)

    end = time.monotonic() + 10
    with pytest.raises(KeyboardInterrupt), loop._one_thread() as pool:
        gate = Event()
        first = pool.submit(lambda: (gate.wait(), until_dropped()))
        waiting.append(pool.submit(lambda: None))
        gate.set()
        raise KeyboardInterrupt
    assert first.done()
    with pytest.raises(CancelledError):
        waiting[0].result()


@pytest.fixture
def joins(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What a video's segments, and then the video, are asked to be, in place of writing them."""
    asked: list[tuple[Any, ...]] = []

    @contextlib.contextmanager
    def segments(*given: Any) -> Iterator[Callable[[np.ndarray], None]]:
        asked.append(given)
        yield lambda image: asked.append((image,))

    monkeypatch.setattr(loop, "segments", segments)
    monkeypatch.setattr(loop, "join", lambda *given: asked.append(given) or ["subtitles"])
    return asked


def written(output: loop.Output, source: ClipSource, indices: Sequence[int], *there: int) -> None:
    with output.writer(source, indices, *there) as write:
        write("name", "image")  # type: ignore[arg-type]


def test_a_video_is_asked_for_as_it_is_to_be(tmp_path: Path, joins: list[tuple[Any, ...]]) -> None:
    plain = ClipSource("a", ("0",) * 60, paths=(Path("0.png"),) * 60)
    written(loop.Output(tmp_path, "mp4", False, True, bits=10), plain, range(2, 52))
    folder = tmp_path / ".segments" / "a"
    parts = [folder / "000000.mp4", folder / "000001.mp4"]
    assert joins[0] == (folder, "mp4", 0, 50, 25, None, 10) and joins[1] == ("image",)
    assert joins[2] == (tmp_path / "videos" / "a.mp4", parts, 25, None, True)
    joins.clear()
    rated = ClipSource("a", plain.frame_names, paths=plain.paths, given_rate=Fraction(7))
    written(loop.Output(tmp_path, "mkv", False, False, segments=tmp_path / "kept"), rated, range(2, 52), 48)
    assert joins[0] == (tmp_path / "kept" / "a", "mkv", 48, 50, 7, None, 8)
    assert joins[2][2:] == (7, None, False) and joins[2][1][1] == tmp_path / "kept" / "a" / "000001.mkv"


def test_a_part_of_a_film_keeps_its_clock_and_look(tmp_path: Path, joins: list[tuple[Any, ...]]) -> None:
    cut: list[tuple[int, int]] = []
    part = SimpleNamespace(picture="look")
    film: Any = SimpleNamespace(rate=Fraction(12), part=lambda *ends: cut.append(ends) or part)
    source = ClipSource("a", tuple("0123456789"), video=Path("a.mkv"), film=film)
    output = loop.Output(tmp_path, "mkv", False, True)
    written(output, source, [3, 4, 5, 6, 7])
    assert cut == [(3, 7)]
    assert joins[0][4:6] == (12, "look") and joins[2][2:] == (12, part, True)
    assert output.left_out == ["subtitles"]


def test_jobs_are_taken_so_many_at_a_time_and_in_order() -> None:
    jobs = [loop.Job(0, index, [index] * 5) for index in range(7)]
    for size, lengths in {1: [1] * 7, 3: [3, 3, 1], 7: [7], 9: [7]}.items():
        batches = loop.in_batches(jobs, size)
        assert [len(some) for some in batches] == lengths and [job for some in batches for job in some] == jobs
