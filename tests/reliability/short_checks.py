"""Short versions of the checks in this folder, and faults planted on purpose that each of them has to find."""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import checkpoints
import common  # noqa: F401 - puts the tests' folder on the path
import dead_kernels
import determinism
import disk
import images
import long_clips
import memory_by_length
import names
import numpy as np
import pipeline
import pytest
import report
import restoration_kills
import results_fixture
import training_kills
import two_runs
import waiting
import wrong_numbers
from results import damage, digests, lasting

from vsrlib.claims import comparison
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, write_json
from vsrlib.common.numbers import markdown
from vsrlib.data.frames import FRAME_SUFFIXES, read_frame, write_frame
from vsrlib.networks.weights.weights_file import read
from vsrlib.networks.weights.weights_file import write as write_weights
from vsrlib.report.charts import draw
from vsrlib.restoration import loop
from vsrlib.restoration.unfinished import Unfinished
from vsrlib.study import step
from vsrlib.training import checkpoint


def test_damaged_images_and_videos(tmp_path: Path) -> None:
    found = images.check(tmp_path, 110, seed=5)
    assert found["files"] == 110 and found["broken"] == []


def test_a_reader_that_skips_what_it_cannot_read_is_caught(tmp_path: Path) -> None:
    def skipping(path: Path) -> np.ndarray:
        frames = []
        for one in sorted(path.iterdir()) if path.is_dir() else []:
            try:
                frames.append(read_frame(one))
            except UserError:
                assert one.suffix in FRAME_SUFFIXES
        return np.stack(frames) if frames else images.read(path)

    broken = images.check(tmp_path, 22, seed=5, reader=skipping)["broken"]
    assert any("silent skip: 2 of 3 frames" in sentence for sentence in broken)


@pytest.mark.parametrize("fault, word", [("crash", "crash: signal 9"), ("raise", "crash: KeyError"), ("hang", "hang")])
def test_a_reader_that_dies_or_hangs_is_caught(
    tmp_path: Path, fault: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("survivors.MOST_SECONDS", 0.3)

    def reader(path: Path) -> np.ndarray:
        if fault == "crash":
            os.kill(os.getpid(), 9)
        while fault == "hang":
            pass
        raise KeyError(path)

    broken = images.check(tmp_path, 2, seed=5, reader=reader)["broken"]
    assert len(broken) == 2 and all(word in sentence for sentence in broken)


def test_hostile_checkpoints(tmp_path: Path) -> None:
    found = checkpoints.check(tmp_path, 60, seed=5)
    assert found["files"] == 60 and found["broken"] == []


def test_a_loader_that_trusts_is_caught(tmp_path: Path) -> None:
    did, broken = checkpoints.canaries(tmp_path / "canaries", checkpoints.trusting)
    assert all(entry["ran"] for entry in did.values()) and len(broken) == len(checkpoints.CANARIES)


def steady(folder: Path) -> None:
    """Work that goes on where it was: each file appears whole."""
    for index in range(20):
        if not (folder / f"{index}.json").exists():
            write_json(folder / f"{index}.json", [index] * 20_000)


def in_place(folder: Path) -> None:
    """A writer with a fault: its files grow in place."""
    for index in range(20):
        with open(folder / f"{index}.json", "w") as file:
            for part in ("[", *(f"{number}," for number in range(9)), "0]"):
                file.write(part)
                file.flush()
                time.sleep(0.005)


def forgetful(folder: Path) -> None:
    """Work with a fault: what it writes depends on how often it was begun."""
    begun = len(list(folder.glob("begun*")))
    write_json(folder / f"begun{begun}.json", begun)
    steady(folder)
    time.sleep(0.05)


def test_kills_leave_whole_files_and_the_same_end(tmp_path: Path) -> None:
    found = pipeline.check(tmp_path, 12, seed=5, work=steady)
    assert found["kills"] == 12 and found["broken"] == []


@pytest.mark.parametrize("work, word", [(in_place, "JSONDecodeError"), (forgetful, "is not what the uninterrupted")])
def test_a_writer_in_place_and_a_forgetful_one_are_caught(tmp_path: Path, work: Any, word: str) -> None:
    assert any(word in sentence for sentence in pipeline.check(tmp_path, 12, seed=5, work=work)["broken"])


def test_a_training_killed_often(tmp_path: Path) -> None:
    found = training_kills.check(tmp_path, 4, seed=5)
    assert found["kills"] == 4 and found["runs_completed_after_kills"] == 1 and found["broken"] == []


def test_a_checkpoint_written_in_place_and_one_without_moments_are_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = checkpoint.write

    def in_place(folder: Path, arrays: dict, facts: dict) -> None:
        write(folder / "aside", arrays, facts)
        data = (folder / "aside" / checkpoint.FILE).read_bytes()
        (folder / ".checkpoint-planted").touch()  # the sign that the check waits for
        with open(folder / checkpoint.FILE, "wb", buffering=0) as file:
            for start in range(0, len(data), 2**20):
                file.write(data[start : start + 2**20])
                time.sleep(0.1)

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "write", in_place)
        broken = training_kills.check(tmp_path, 4, seed=5)["broken"]
    assert any("is damaged or of another kind" in sentence for sentence in broken)
    read = checkpoint.read
    monkeypatch.setattr(checkpoint, "read", lambda folder: without_moments(*read(folder)))
    broken = training_kills.check(tmp_path, 2, seed=5)["broken"]
    assert "weights.safetensors is not what the uninterrupted training left" in broken


def without_moments(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> tuple[dict[str, np.ndarray], dict]:
    """A checkpoint as a reader with a fault gives it: Adam's moments are forgotten."""
    moments = ("first.", "second.")
    return {name: value * (not name.startswith(moments)) for name, value in arrays.items()}, facts


def test_restorations_killed_often(tmp_path: Path) -> None:
    found = restoration_kills.check(tmp_path, 2, seed=5, frames=60, kinds=("frames", "lossless video"))
    assert [one["kills"] for one in found["kinds"].values()] == [2, 2] and found["broken"] == []


def test_a_frame_that_is_taken_for_done_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = Unfinished.go_on

    def ahead(self: Unfinished, folder: Path, wanted: Sequence[tuple[str, Sequence[str]]]) -> dict[str, list]:
        done = go_on(self, folder, wanted)
        for clip, frames in done.items():
            for name in dict(wanted)[clip][len(frames) :][:1]:
                frames.append({**frames[-1], "name": name})
        return done

    monkeypatch.setattr(Unfinished, "go_on", ahead)
    broken = restoration_kills.check(tmp_path, 2, seed=5, frames=90, kinds=("frames",))["broken"]
    assert any("is not what the uninterrupted one left" in sentence for sentence in broken)


def test_memory_by_length(tmp_path: Path) -> None:
    found = memory_by_length.check(tmp_path, 200, seed=5, commands="data check of a set,compare")
    assert list(found["commands"]) == ["data check of a set", "compare"] and found["broken"] == []


def test_a_command_that_keeps_its_frames_is_caught(tmp_path: Path) -> None:
    found = memory_by_length.check(tmp_path, 500, 5, "data check of a folder", meter=keeping)
    assert len(found["broken"]) == 1 and found["broken"][0].startswith("data check of a folder: ")


def keeping(line: list[str]) -> float:
    """As `metered`, with all the frames in memory."""
    kept = [read_frame(path).astype(np.float64) for path in sorted(Path(line[-1]).rglob("*.png"))]
    return memory_by_length.metered(line) if kept else 0.0


def test_half_of_any_file_is_seen(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": 1})
    write_frame(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    write_weights(tmp_path / "a.safetensors", {"a": np.zeros(9, np.float32)})
    np.save(tmp_path / "a.npy", np.zeros(9))
    (tmp_path / "a.html").write_text("<html></html>")
    (tmp_path / "a.svg").write_text("<svg></svg>")
    (tmp_path / "a.jsonl").write_text("{}\n{}\n{")  # the last line is under way
    (tmp_path / "a.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    assert damage(tmp_path) == ([], [])
    whole = {path: path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".jsonl"}
    for path, data in whole.items():
        path.write_bytes(data[: len(data) // 2])
        assert [fault.split(":")[0] for fault in damage(tmp_path)[0]] == [path.name]
        path.write_bytes(data)


def test_two_equal_runs_and_two_that_differ(tmp_path: Path) -> None:
    for name, seconds, value in (("a", 1.0, 3), ("b", 2.0, 3), ("c", 1.0, 4)):
        write_json(
            tmp_path / name / "step" / "x.json", {"seconds": seconds, "value": value, "path": f"{tmp_path}/{name}"}
        )
    a, b, c = (digests(tmp_path / name) for name in "abc")
    assert determinism.compare(a, b)["broken"] == [] and determinism.compare(a, b)["compared"] == 1
    assert determinism.compare(a, c)["broken"] == ["step/x.json differs"]
    assert determinism.compare(a, {})["broken"] == ["step/x.json is in one run only"]


def test_what_is_about_times_is_listed_and_the_rest_of_a_comparison_is_compared(tmp_path: Path) -> None:
    for name, digest, psnr in (("a", "1", 3), ("b", "2", 3), ("c", "1", 4)):
        folder = tmp_path / name / "run"
        write_json(folder / "08_measure_costs" / "costs.json", {"ratio": digest})
        write_json(folder / "05_compare_frameworks" / "comparison.json", {"inputs": [digest], "psnr": psnr})
    a, b, c = (digests(tmp_path / name) for name in "abc")
    found = determinism.compare(a, b)
    assert found["broken"] == [] and found["about_times"] == ["run/08_measure_costs/costs.json"]
    assert determinism.compare(a, c)["broken"] == ["run/05_compare_frameworks/comparison.json differs"]


def test_a_dead_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = ["11_look_at_data"]
    assert dead_kernels.check(tmp_path, 1, seed=5, names=one)["broken"] == []
    monkeypatch.setattr(step, "problem", lambda *_: None)  # as if papermill's word were taken
    assert len(dead_kernels.check(tmp_path, 1, seed=5, names=one)["broken"]) == 1


def test_two_runs_at_once(tmp_path: Path) -> None:
    assert two_runs.check(tmp_path, 2, seed=5)["broken"] == []
    assert two_runs.check(tmp_path, 1, seed=5, work=two_runs.without_a_lock, study_too=False)["broken"]


def test_two_studies_that_do_not_look_are_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = "import os, pathlib, sys; pathlib.Path(sys.argv[1], 'result.json').write_text(str(os.getpid()))"
    monkeypatch.setattr(two_runs, "command", lambda study, folder: [sys.executable, "-c", write, str(folder)])
    assert "is not as if alone" in two_runs.pairs(tmp_path, 1)[1][0]
    monkeypatch.setattr(two_runs, "command", lambda study, folder: ["true" if "alone" in str(folder) else "false"])
    assert "is not done that nothing kept" in two_runs.pairs(tmp_path, 1)[1][0]


def test_names(tmp_path: Path) -> None:
    found = names.check(tmp_path, len(names.SHOWN), seed=5)
    assert found["broken"] == [] and found["names_refused"] == len(names.REFUSED)


def test_a_table_that_does_not_escape_and_a_shell_are_caught(tmp_path: Path) -> None:
    page = names.page_of(tmp_path, names.SHOWN[0], lambda *_: markdown(["clip"], [[names.SHOWN[0]]]))
    assert "onerror=alert(1)" in names.active(page)
    (tmp_path / "bad.py").write_text("import os\nos.system('ls')\nrun('ls', shell=True)\nrun('ls', shell=False)\n")
    assert names.shell_calls(tmp_path) == ["bad.py:2", "bad.py:3"]


def test_wrong_numbers(tmp_path: Path) -> None:
    found = wrong_numbers.check(tmp_path, 3, seed=5)
    assert found["broken"] == [] and found["caught"] == found["tried"] == {"load": 3, "training": 3, "inference": 3}


def test_a_loader_that_does_not_look_is_caught(tmp_path: Path) -> None:
    broken = wrong_numbers.check(tmp_path, 3, seed=5, load=read)["broken"]
    assert len(broken) == 3 and all("passed" in sentence for sentence in broken)


@pytest.mark.parametrize("seconds, broken", [(0.02, 0), (0.03, 2)])
def test_steps_that_wait_too_long_are_caught(
    tmp_path: Path, seconds: float, broken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of its own: a batch takes so long, which is 3.8 or 5.7 % of the time, and longer at first."""
    clock = [0.0]

    def go_on(by: float) -> None:
        clock[0] += by

    def batches(*_: Any, **__: Any) -> Iterator[None]:
        for number in itertools.count():
            yield go_on(seconds if number >= 8 else 8 * seconds)

    monkeypatch.setattr(waiting, "time", SimpleNamespace(perf_counter=lambda: clock[0], sleep=go_on))
    monkeypatch.setattr(waiting, "SampleStream", batches)
    monkeypatch.setattr(waiting, "TrainingWindows", lambda *_, **__: None)
    monkeypatch.setattr(waiting, "_write_clips", lambda *_: None)
    found = waiting.check(tmp_path, 5, seed=1)
    assert len(found["broken"]) == broken
    assert all("waits 5.7% of the time" in sentence for sentence in found["broken"])
    assert "with 0 to 4 workers: Self_Blind_VSR_Gaussian: " in report.ROWS["waiting"][2](found)


def test_a_long_clip(tmp_path: Path) -> None:
    assert long_clips.check(tmp_path, 130, seed=5, frameworks=("torch",))["broken"] == []


def test_a_leak_is_caught(tmp_path: Path) -> None:
    kept = []

    def leaking(*arguments: Any) -> dict[str, Any]:
        kept.append(np.ones(2_000_000))
        return restoring_finish(*arguments)

    restoring_finish = loop._finish
    broken = long_clips.check(tmp_path, 130, seed=5, finish=leaking, frameworks=("torch",))["broken"]
    assert len(broken) == 2 and all("'growth': 0." in sentence for sentence in broken)


def test_a_full_disk(tmp_path: Path) -> None:
    found = disk.check(tmp_path, 1, seed=5)
    if "skipped" in found:
        pytest.skip(found["skipped"])
    assert found["broken"] == [] and set(found["tasks"]["data generation"]) == {"full", "read-only"}

    def careless(root: Path, attempt: int) -> tuple[int, str]:
        disk.data(root, attempt)
        return 0, "done"

    assert len(disk.check(tmp_path, 1, seed=5, tasks={"careless": careless})["broken"]) == 2


def test_charts_that_change_with_times_are_called_about_times(tmp_path: Path) -> None:
    """Of two runs, PyTorch being slower and larger in one of them, all other charts are the same."""

    def slower(value: Any, of_torch: bool = False) -> Any:
        if isinstance(value, dict):
            return {key: slower(one, of_torch or key == "torch") for key, one in value.items()}
        return 1.5 * value if of_torch and isinstance(value, float) else value

    comparison.compare(*results_fixture.write_run(tmp_path / "of"), tmp_path)
    found, both = read_json(tmp_path / "comparison.json"), []
    for name in ("first", "second"):
        draw.draw_all(tmp_path / "comparison.json", tmp_path / name / "run" / "figures")
        both.append(digests(tmp_path / name))
        for blur in found["blurs"].values():
            blur |= {part: slower(blur[part]) for part in ("runs", "timing")}
        write_json(tmp_path / "comparison.json", found)
    changed = {name for name in both[0] if both[0][name] != both[1][name]}
    assert len(changed) > 6 and not changed & lasting(both[0]).keys()


def test_a_result_file_and_its_exit_status(tmp_path: Path) -> None:
    script = Path(names.__file__)
    done = subprocess.run([sys.executable, script, tmp_path, "--count", "2"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "names.json").read_text())
    assert found["asked"] == {"count": 2, "seed": 1} and found["provenance"]["seed"] == 1
    page = report.page(tmp_path)
    assert "2 odd names" in page and "not measured yet" in page
    planted = {**found, "broken": ["a.txt lies outside the output"], "broken_count": 1}
    write_json(tmp_path / "names.json", planted)
    assert "**Did not hold, once:** a.txt lies outside the output." in report.page(tmp_path)
    write_json(tmp_path / "names.json", {**planted, "broken_count": 3})
    assert "**Did not hold, 3 times; the first:** a.txt lies outside the output." in report.page(tmp_path)


def test_the_page_says_of_faults_that_are_not_listed_only_their_number(tmp_path: Path) -> None:
    faults = [f"kill {one}: a.png: it is cut" for one in range(4)] + [f"study {one}: b differs" for one in range(6)]
    found = {
        "kills": 20,
        "running_when_killed": {"data": 20},
        "runs_completed_after_kills": 8,
        "results_compared": 5,
        "broken": faults,
        "broken_count": 12,
    }
    said = report.ROWS["pipeline"][2](found)
    assert "4 files were found" in said and "6 differed; 2 further faults are counted only" in said
    assert "further" not in report.ROWS["pipeline"][2]({**found, "broken_count": 10})
