"""Experiments E5 to E7: what is asked of which process, going on after an interruption, and the figures."""

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stand_in_processes import Processes

from vsrlib import cli
from vsrlib.common import files
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.experiments import memory, output, processes
from vsrlib.experiments.options import MemoryOptions, OutputOptions, ProcessesOptions
from vsrlib.kernels import jittor_env

SMALL = ["--processes", "6", "--sizes", "16x24", "--blurs", "Gaussian"]
PER_SAMPLE = {"torch": 50.0, "jittor": 75.0}
"""MiB of the processes below."""


def answered(task: dict[str, Any]) -> dict[str, Any]:
    """Jittor returns early and holds more memory."""
    lazy = task["framework"] == "jittor"
    seconds = {"pre": 0.0, "forward": 1.0, "post": 1.0, "total": 2.0}
    clocks = {
        "as_reported": seconds | ({"forward": 0.1, "post": 1.9} if lazy else {}),
        "synchronised": seconds,
    }
    per_sample = PER_SAMPLE.get(task["framework"], 0) * task["values"].get("batch", 0)
    found: dict[str, Any] = {
        "by_process.measure": {
            "frames": {"reference": clocks, "streaming": clocks},
            "convolution": {"reference": "framework", "streaming": "winograd"},
            "correlation": None,
        },
        "output.parts": {"png": 0.2, "psnr": 0.0, "ssim_once": 0.25, "ssim_three_times": 0.8}
        | dict.fromkeys(("png_ours", "ssim_ours"), 0.1),
        "memory.of_work": {"peak_mib": 300.0 * (1 + lazy) + per_sample},
    }[task["part"]]
    return found


def run(monkeypatch: pytest.MonkeyPatch, fake: Processes, *arguments: str) -> list[dict[str, Any]]:
    """The tasks that the processes of one call of the command got."""
    assert fake.run(monkeypatch, *arguments) == 0
    return fake.tasks


def test_the_clock_of_each_case_is_measured_by_processes_in_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = run(
        monkeypatch, Processes(answered), "processes", str(tmp_path), *SMALL, "--blurs", "Gaussian", "Realistic"
    )
    assert [task["framework"] for task in tasks] == ["torch", "jittor"] * 12
    assert {task["part"] for task in tasks} == {"by_process.measure"} and not any(
        task["values"]["kernels"] for task in tasks
    )
    assert [Path(task["options"]["weights"]).stem for task in tasks] == ["study-gaussian"] * 12 + [
        "study-realistic"
    ] * 12
    assert {tuple(task["options"]["size"]) for task in tasks} == {(16, 24)}
    found = read_json(tmp_path / "processes.json")
    assert [(case["blur"], case["size"]) for case in found["cases"]] == [
        ("Gaussian", [16, 24]),
        ("Realistic", [16, 24]),
    ]
    for case in found["cases"]:
        for engine in ("reference", "streaming"):
            assert case[engine]["jittor"]["unseen_share"]["value"] == pytest.approx(0.9)
            assert case[engine]["torch"]["unseen_share"]["value"] == 0
            assert case[engine]["ratio"]["forward"]["synchronised"]["n"] == 6
    assert found["n"] == 6 and found["unit"] == "process" and len(found["provenance"]["measured_at"]) == 1
    text = (tmp_path / "processes.md").read_text()
    assert "Realistic blur, 16x24" in text and "0.900" in text and "0.50" in text


@pytest.mark.parametrize(
    ("name", "arguments", "count"),
    [
        ("processes", SMALL, 12),
        ("output", ["--processes", "6"], 6),
        ("memory", ["--processes", "2", "--batch-sizes", "1", "2"], 2 + 8),
    ],
)
def test_an_interrupted_experiment_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, arguments: list[str], count: int
) -> None:
    fake = Processes(answered, interrupted_after=count - 2)
    with contextlib.suppress(KeyboardInterrupt):
        assert fake.run(monkeypatch, name, str(tmp_path / "a"), *arguments) != 0
    assert not (tmp_path / "a" / f"{name}.json").exists()
    assert len(run(monkeypatch, Processes(answered), name, str(tmp_path / "a"), *arguments)) == 2
    assert len(run(monkeypatch, Processes(answered), name, str(tmp_path / "b"), *arguments)) == count
    first, second = (read_json(tmp_path / folder / f"{name}.json") for folder in "ab")
    kept = (
        first.keys() - {"provenance"} - ({"weights"} if name == "processes" else set())
    )  # their path is from the folder
    assert {key: first[key] for key in kept} == {key: second[key] for key in kept}
    with pytest.raises(UserError, match="give another folder"):
        {"processes": processes.processes, "output": output.output, "memory": memory.memory}[name](
            tmp_path / "a",
            {"processes": ProcessesOptions, "output": OutputOptions, "memory": MemoryOptions}[name](processes=7),
        )


def test_image_output_by_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = run(monkeypatch, Processes(answered, broken=(2,)), "output", str(tmp_path), "--processes", "7")
    assert len(tasks) == 7 and {(task["framework"], tuple(task["options"]["size"])) for task in tasks} == {
        ("numpy", (180, 320))
    }
    found = read_json(tmp_path / "output.json")["image_output"]
    assert found["png_share"]["value"] == pytest.approx(0.2) and found["ssim_share"]["value"] == pytest.approx(0.8)
    assert found["png_share"]["n"] == 6 and found["failed"] == ["process 2: it was killed"]
    text = (tmp_path / "output.md").read_text()
    assert "1280x720" in text and "0.200 [0.200, 0.200]" in text and "Broke off: process 2" in text
    assert read_json(tmp_path / "output.json")["busiest"] == 0.5


def test_a_run_without_any_answer_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, Processes(answered, broken=(1, 2)), "output", str(tmp_path), "--processes", "2")
    assert read_json(tmp_path / "output.json")["image_output"] == {"skipped": "it was killed"}
    assert "skipped, it was killed" in (tmp_path / "output.md").read_text()
    run(monkeypatch, Processes(answered, broken=tuple(range(1, 13))), "processes", str(tmp_path / "p"), *SMALL)
    assert read_json(tmp_path / "p" / "processes.json")["cases"][0]["busiest"] is None
    assert "load average" not in (tmp_path / "p" / "processes.md").read_text()


def test_the_pages_speak_of_intervals_and_rounds_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = ["--processes", "2"]
    run(monkeypatch, Processes(answered), "output", str(tmp_path), *few, "--repeats", "9", "--seconds", "4")
    run(monkeypatch, Processes(answered), "processes", str(tmp_path / "p"), *SMALL, *few)
    for path in (tmp_path / "output.md", tmp_path / "p" / "processes.md"):
        text = path.read_text()
        assert "95 %" not in text and "There is no interval of fewer than 6 processes." in text
    assert "the medians of 9 rounds, or of as many as begin in 4 s" in (tmp_path / "output.md").read_text()


def test_what_times_frames_has_no_budget_that_it_would_not_keep(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        cli.main(["experiment", "processes", str(tmp_path / "out"), "--seconds", "1"])


@pytest.mark.parametrize("name", ["output", "processes", "memory", "backends"])
def test_two_processes_never_measure_in_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, name: str
) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0)
    fake = Processes(answered)
    with files.lock(tmp_path / "out", "experiment"):
        assert fake.run(monkeypatch, name, str(tmp_path / "out")) == 2
    assert "Another experiment is running in" in capsys.readouterr().err and not fake.tasks


def test_a_mistake_leaves_no_folder_and_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["experiment", "precision", str(tmp_path / "out"), "--scenes", str(tmp_path / "none")]) == 2
    assert "none does not exist" in capsys.readouterr().err and not (tmp_path / "out").exists()
    (tmp_path / "file").touch()
    assert cli.main(["experiment", "output", str(tmp_path / "file")]) == 2
    assert "is a file; give the path of a folder" in capsys.readouterr().err


def test_the_slope_leaves_out_what_importing_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jittor's processes below hold 300 MiB more at any size, and half as much more for each sample."""
    arguments = ["--processes", "5", "--batch-sizes", "1", "2", "4", "8"]
    tasks = run(monkeypatch, Processes(answered), "memory", str(tmp_path), *arguments)
    assert [task["framework"] for task in tasks[:4]] == ["jittor"] * 4  # so that all is compiled
    assert len(tasks) == 4 + 40 and all(task["values"]["turns"] == 1 for task in tasks)
    assert {tuple(task["options"]["size"]) for task in tasks} == {(40, 40)}
    assert {task["options"]["preset"] for task in tasks} == {"published"}
    found = read_json(tmp_path / "memory.json")
    for framework, slope in PER_SAMPLE.items():
        one = found["slope_mib"][framework]
        assert [one["value"], one["smallest"], one["largest"]] == pytest.approx([slope] * 3) and one["n"] == 5
        assert one["low"] is None  # five processes have no interval
    assert found["ratio"]["value"] == pytest.approx(1.5) and found["failed"] == []
    assert found["peak_mib"]["jittor"]["8"] == [1200.0] * 5
    assert "1.50 (1.50 to 1.50)" in (tmp_path / "memory.md").read_text()


def test_a_repeat_that_lacks_a_process_has_no_slope() -> None:
    def peak(mebibytes: float) -> dict[str, Any]:
        return {"result": {"peak_mib": mebibytes}}

    answers = {
        "torch": {1: [peak(10.0), peak(20.0)], 2: [peak(12.0), peak(24.0)]},
        "jittor": {1: [peak(10.0), peak(20.0)], 2: [{"failed": "no memory"}, peak(28.0)]},
    }
    found = memory.summary(answers)
    assert found["slope_mib"]["jittor"]["of_repeats"] == [None, pytest.approx(8.0)]
    assert found["ratio"]["of_repeats"] == [None, pytest.approx(2.0)] and found["ratio"]["n"] == 1
    assert found["failed"] == ["Jittor, batch 2, process 1: no memory"]
    assert found["peak_mib"]["jittor"]["2"] == [None, 28.0]
    rng = np.random.default_rng(0)
    sizes, values = np.array([1, 2, 4, 8]), rng.uniform(100, 900, 4)
    slope = np.cov(sizes, values)[0, 1] / np.var(sizes, ddof=1)  # the textbook's
    assert memory._slopes({int(size): [value] for size, value in zip(sizes, values)}) == [pytest.approx(slope)]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("processes", ["--sizes", "64x96", "64x96"], "size is"),
        ("processes", ["--sizes", "64"], "give HEIGHTxWIDTH"),
        ("processes", ["--blurs", "Gaussian", "Gaussian"], "at most once"),
        ("output", ["--processes", "0"], "processes is 0"),
        ("memory", ["--batch-sizes", "8"], "give two at least"),
        ("memory", ["--batch-sizes", "0", "8"], "each at least 1"),
        ("memory", ["--patch-size", "50"], "give a multiple of 4, such as 48 or 52"),
        ("output", ["--seconds", "nan"], "seconds is nan"),
        ("output", ["--seconds", "-1"], "seconds is -1"),
        ("backends", ["--seconds", "inf"], "seconds is inf"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture, name: str, arguments: list[str], words: str
) -> None:
    assert cli.main(["experiment", name, str(tmp_path / "out"), *arguments]) == 2
    assert words in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["processes", "memory"])
def test_both_frameworks_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, name: str
) -> None:
    monkeypatch.setattr(jittor_env, "why_not", lambda framework: "there is no g++" if framework == "jittor" else None)
    assert cli.main(["experiment", name, str(tmp_path / "out")]) == 2
    assert "Jittor is needed and cannot be used here, because there is no g++" in capsys.readouterr().err


def test_the_protocol_fixes_the_numbers_of_runs() -> None:
    """docs/protocol.md: 10 a side, four sizes, both blurs; 10; 5 a side and size, batch sizes 1 to 8 of 160x160 HR."""
    assert (ProcessesOptions().processes, OutputOptions().processes, MemoryOptions().processes) == (10, 10, 5)
    assert ProcessesOptions().sizes == ["64x96", "96x128", "128x192", "180x320"]
    assert ProcessesOptions().blurs == ["Gaussian", "Realistic"]
    assert MemoryOptions().batch_sizes == [1, 2, 4, 8] and 4 * MemoryOptions().patch_size == 160
    assert json.loads(json.dumps(MemoryOptions().to_json()))["preset"] == "published"
