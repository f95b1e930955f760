"""A restoration that was interrupted or killed goes on where it stopped, and ends as if nothing had been."""

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stopping import TIMES, stopped_at

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.data import deep_frames
from vsrlib.data.clips import Clip, write_clip
from vsrlib.restoration import infer, unfinished
from vsrlib.restoration.options import InferOptions

RESULTS = {"comparison.png", "frames", "inference.json", "kernels"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    for name in ("a", "b"):
        high = rng.integers(0, 256, (6, 64, 80, 3), dtype=np.uint8)
        write_clip(root / "HR" / name, Clip(name, high))
        write_clip(root / "LR" / name, Clip(name, np.ascontiguousarray(high[:, ::4, ::4])))
    return root


def run(clips: Path, output: Path, gt: bool = False, restart: bool = False, **changes) -> dict:
    options = InferOptions(**{"border": True, "kernels": True, "device": "cpu", **changes})
    truth = clips / "HR" if gt else None
    return infer.infer(clips / "LR", output, truth, options, progress=False, resume=True, restart=restart)


def interrupted(clips: Path, output: Path, monkeypatch: pytest.MonkeyPatch, after: int, **given) -> None:
    """Ctrl-C before frame number `after` is written."""
    with monkeypatch.context() as patch:
        stopped_at(patch, after, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            run(clips, output, **given)


def contents(output: Path) -> dict[str, bytes]:
    kinds = [path for kind in ("frames", "kernels") for path in (output / kind).glob("*/*")]
    return {str(path.relative_to(output)): path.read_bytes() for path in kinds}


@pytest.mark.parametrize("after", [1, 6, 8])
def test_it_goes_on_where_it_stopped(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    given = {"gt": True, "all_metrics": True}
    whole = run(clips, tmp_path / "whole", **given)
    interrupted(clips, tmp_path / "out", monkeypatch, after, **given)
    assert not (tmp_path / "out" / "frames").exists()
    restored, write = [], deep_frames.write
    monkeypatch.setattr(deep_frames, "write", lambda *given: restored.append(write(*given)))
    result = run(clips, tmp_path / "out", **given)
    assert (result["resumed"], len(restored)) == (after, 12 - after) and whole["resumed"] == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole") and len(contents(tmp_path / "out")) == 24
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        path.name for path in (tmp_path / "whole").iterdir()
    )
    for ours, theirs in zip(result["clips"], whole["clips"], strict=True):
        assert {**ours, "frames": None} == {**theirs, "frames": None}
        assert [{**one, **dict.fromkeys(TIMES)} for one in ours["frames"]] == [
            {**one, **dict.fromkeys(TIMES)} for one in theirs["frames"]
        ]


def test_another_restoration_is_not_mixed_in(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(clips, tmp_path / "out", monkeypatch, 3)
    others = {
        "(convolution, )?engine": {"engine": "cached"},  # which takes the framework's
        "seed": {"seed": 5},
        "ground truth": {"gt": True},
        "video": {"video": "mp4"},
        "all_metrics, ground truth, video": {"video": "mp4", "all_metrics": True, "gt": True},
    }
    for named, changes in others.items():
        with pytest.raises(UserError, match=f"out holds a restoration that was interrupted and differs in {named}: "):
            run(clips, tmp_path / "out", **changes)
    write_clip(tmp_path / "LR" / "a", Clip("a", np.zeros((6, 16, 20, 3), np.uint8)))
    with pytest.raises(UserError, match="differs in input"):
        run(tmp_path, tmp_path / "out")
    assert run(clips, tmp_path / "out", restart=True, engine="cached")["resumed"] == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == RESULTS


@pytest.mark.parametrize("name", ["device", "correlation", "convolution"])
def test_frames_of_another_device_or_kernel_are_not_mixed_in(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """All options are the same, and "auto" stands for something else."""
    loading = infer.load_restorer

    def elsewhere(*given: object) -> Any:
        network = loading(*given)
        if name == "convolution":
            network.convolution = lambda asked: "another"
        else:
            setattr(network, name, "another")
        return network

    interrupted(clips, tmp_path / "out", monkeypatch, 3, device="auto", engine="cached")
    with monkeypatch.context() as patch:
        patch.setattr(infer, "load_restorer", elsewhere)
        with pytest.raises(UserError, match=f"differs in {name}: "):
            run(clips, tmp_path / "out", device="auto", engine="cached")
    assert run(clips, tmp_path / "out", device="auto", engine="cached")["resumed"] == 3


def test_auto_is_what_it_stands_for(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(clips, tmp_path / "out", monkeypatch, 3)
    chosen = {name: read_json(tmp_path / "out" / ".resume" / "asked.json")[name] for name in ("correlation", "device")}
    assert "auto" not in chosen.values()
    assert run(clips, tmp_path / "out", **chosen)["resumed"] == 3


def test_frames_of_another_program_are_not_mixed_in(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one that is not in a repository, too."""
    for version in ("1", "2"):
        (tmp_path / version / "kernels").mkdir(parents=True)
        (tmp_path / version / "kernels" / "blur.h").write_text(version)
    monkeypatch.setattr(unfinished, "_SOURCES", tmp_path / "1")
    unfinished.program.cache_clear()
    interrupted(clips, tmp_path / "out", monkeypatch, 3)
    monkeypatch.setattr(unfinished, "_SOURCES", tmp_path / "2")
    unfinished.program.cache_clear()
    with pytest.raises(UserError, match="differs in the program: "):
        run(clips, tmp_path / "out")
    monkeypatch.undo()
    unfinished.program.cache_clear()


def test_a_line_that_was_begun_does_not_count(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(clips, tmp_path / "out", monkeypatch, 4)
    log = tmp_path / "out" / ".resume" / "done.jsonl"
    log.write_text(log.read_text()[:-20])
    (tmp_path / "out" / ".unfinished" / "frames" / "a" / "00000002.png").unlink()
    (tmp_path / "out" / ".unfinished" / "frames" / "a" / ".00000003-x.png").write_bytes(b"half of a picture")
    assert run(clips, tmp_path / "out")["resumed"] == 2
    assert contents(tmp_path / "out") == contents_of_whole(clips, tmp_path)


def test_killed_after_all_was_moved_into_place(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(clips, tmp_path / "out", monkeypatch, 11)
    for part in ("frames", "kernels"):  # and the folder that was filled is gone
        (tmp_path / "out" / ".unfinished" / part).rename(tmp_path / "out" / part)
        (tmp_path / "out" / part / ".vsrlib").touch()
    (tmp_path / "out" / ".unfinished").rmdir()
    assert run(clips, tmp_path / "out")["resumed"] == 11
    assert contents(tmp_path / "out") == contents_of_whole(clips, tmp_path)


def contents_of_whole(clips: Path, folder: Path) -> dict[str, bytes]:
    run(clips, folder / "whole")
    return contents(folder / "whole")


def test_where_nothing_is_done_nothing_is_left(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(clips, tmp_path / "out", monkeypatch, 0)
    assert not (tmp_path / "out").exists()


def test_an_error_loses_no_frame_either(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, twice, and the frames behind the one that failed may have been written."""
    for first, second, kept in ((3, 4, 7), (2, 0, 2)):
        for after in (first, second):
            with monkeypatch.context() as patch:
                stopped_at(patch, after, OSError(errno.ENOSPC, "No space left on device"), alone=True)
                with pytest.raises(OSError, match="No space"):
                    run(clips, tmp_path / f"out{first}")
        assert run(clips, tmp_path / f"out{first}")["resumed"] == kept
        assert contents(tmp_path / f"out{first}") == contents_of_whole(clips, tmp_path)


def test_half_a_line_amid_the_log_ends_what_counts(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(clips, tmp_path / "out", monkeypatch, 6)
    log = tmp_path / "out" / ".resume" / "done.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join([*lines[:2], lines[2][:30], *lines[3:]]))  # the disk was full for one line
    assert run(clips, tmp_path / "out")["resumed"] == 2
    assert contents(tmp_path / "out") == contents_of_whole(clips, tmp_path)
