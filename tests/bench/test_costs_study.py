"""`vsrlib costs` as a whole: what costs.json holds, and what it says of a framework that cannot be used."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from costs_fixture import PARTS, require_costs

from vsrlib import cli
from vsrlib.bench import costs, output
from vsrlib.bench.options import Options
from vsrlib.bench.tables import costs_table
from vsrlib.common import processes as common_processes
from vsrlib.common.errors import UserError
from vsrlib.report.charts import speed

OPTIONS = Options(frameworks=("torch",), preset="study", size=(24, 32), repeats=3, seconds=0)
INTERVAL = {"value": 2.0, "low": 1.0, "high": 3.0, "n": 3}


class Processes:
    """What the processes would answer; `failing`: part -> the reason that its process fails for."""

    def __init__(self, **failing: str) -> None:
        self.failing = failing
        self.asked: list[tuple[str, bool, bool]] = []  # part, with a home of its own, without a compiler
        self.compilers: list[str] = []

    def __call__(self, module: str, task: dict[str, Any], **how: Any) -> dict[str, Any]:
        part = task.get("part", "first_use")
        assert module == f"vsrlib.bench.{'worker' if 'part' in task else 'first_use'}"
        home, no_compiler = bool(task.get("home")), task.get("no_compiler", False)
        self.asked.append((part, home, no_compiler))
        if "no_compiler" in self.failing and no_compiler:
            return {"failed": self.failing["no_compiler"]}
        if part in self.failing and not no_compiler:
            return {"failed": self.failing[part]}
        kernel = {
            "frame_seconds": INTERVAL,
            "ratio": INTERVAL,
            "share_of_frame": 0.1,
            "gradient_error": 1e-7,
            "zero_gradient": False,
        }
        parts = dict.fromkeys(("pre", "forward", "post", "total", "share_of_post"), INTERVAL)
        found = {
            "first_use": {
                "seconds": 10.0,
                "correlation": "cpp",
                "compiled": [["a.so", 100], ["b.so", 23]],
                "compilers": self.compilers,
            },
            "correlation.in_one_frame": {"plain": kernel, "cuda": {"skipped": "no GPU"}},
            "three_ways.measure": {
                "as_reported": parts,
                "synchronised": parts,
                "end_to_end": {"total": INTERVAL, "frames": 3},
                "waiting_billed_to_post": INTERVAL,
                "rounds": 3,
            },
            "three_ways.first_frame": {"seconds": 1.0 if task.get("values", {}).get("read") else 5.0},
            "memory.of_work": {"batch": 2, "loaded_mib": 100.0, "peak_mib": 300.0, "own_mib": None},
            "memory.model_file": {"preset": "published", "parameters": 4, "format": ".pt", "bytes": 72 * 2**20},
        }
        conditions = {"device": "a CPU", "threads": 2, "correlation": "cpp", "blur": "cpp"}
        return found[part] if part == "first_use" else {"conditions": conditions, "result": found[part]}


def measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: Processes, framework: str = "torch", fresh: bool = False
) -> dict[str, Any]:
    monkeypatch.setattr(common_processes, "ask", processes)
    monkeypatch.setattr(
        output,
        "parts",
        lambda options: (
            {"hr_size": [96, 128]}
            | dict.fromkeys(("png", "png_ours", "psnr", "ssim_once", "ssim_three_times", "ssim_ours"), INTERVAL)
        ),
    )
    options = Options.from_json(OPTIONS.to_json() | {"frameworks": [framework]})
    result = costs.costs(tmp_path / "out", options, fresh)
    assert json.loads((tmp_path / "out" / "costs.json").read_text()) == json.loads(json.dumps(result))
    assert "First use" in costs_table(result)
    assert "timed three ways" in speed.three_ways(result).alt
    return result


def test_the_answers_become_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes()
    result = measured(tmp_path, monkeypatch, processes)
    assert set(result) == {*PARTS, "image_output", "options", "load_average", "machine", "provenance"}
    assert all(list(result[part]) == ["torch"] for part in PARTS)
    first = result["first_use"]["torch"]
    assert first == {
        "warm_seconds": 10,
        "warm_runs": [10, 10, 10],
        "fresh_seconds": None,
        "compiled_files": 2,
        "compiled_bytes": 123,
        "correlation": "cpp",
    }
    assert result["without_compiler"]["torch"] == {"works": True, "reason": None, "correlation": "cpp"}
    assert result["protocols"]["torch"]["first_frame_seconds"] == {"executing": 1.0, "graph_only": 5.0}
    conditions = {"device": "a CPU", "threads": 2, "correlation": "cpp", "size": [24, 32], "preset": "study"}
    assert result["protocols"]["torch"]["conditions"] == conditions
    assert result["correlation"]["torch"]["cuda"] == {"skipped": "no GPU"} and not result["options"]["fresh"]
    # Everything is compiled before a warm first use is timed; without a compiler nothing compiled is at hand.
    assert processes.asked[:2] == [("first_use", False, False), ("first_use", True, True)]


def test_a_fresh_first_use_is_measured_only_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes()
    assert measured(tmp_path, monkeypatch, processes, fresh=True)["first_use"]["torch"]["fresh_seconds"] == 10
    assert processes.asked.count(("first_use", True, False)) == 1
    processes = Processes()
    measured(tmp_path, monkeypatch, processes)
    assert ("first_use", True, False) not in processes.asked


def test_what_fails_without_a_compiler_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = measured(tmp_path, monkeypatch, Processes(no_compiler="g++ not found"))
    assert result["without_compiler"]["torch"] == {"works": False, "reason": "g++ not found", "correlation": None}
    assert "skipped" not in result["first_use"]["torch"]


def test_a_trial_that_had_a_compiler_after_all_is_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes()
    processes.compilers = ["g++"]
    result = measured(tmp_path, monkeypatch, processes)
    assert result["without_compiler"]["torch"] == {"skipped": "the process still had a compiler (g++)"}


def test_a_framework_that_is_not_installed_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "_distribution", lambda name: None)
    processes = Processes()
    result = measured(tmp_path, monkeypatch, processes, "jittor")
    assert all(result[part] == {"jittor": {"skipped": "the distribution jittor is not installed"}} for part in PARTS)
    assert processes.asked == []


@pytest.mark.parametrize("has_compiler", [True, False])
def test_a_framework_that_cannot_be_used_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_compiler: bool
) -> None:
    """And where the machine itself has no compiler, that is tried as well."""
    monkeypatch.setattr(costs.native, "compiler", lambda: "/usr/bin/g++" if has_compiler else None)
    result = measured(tmp_path, monkeypatch, Processes(first_use="it crashed", no_compiler="no g++"))
    for part in ("first_use", "correlation", "protocols"):
        assert result[part]["torch"] == {"skipped": "it crashed"}
    assert result["without_compiler"]["torch"] == (
        {"skipped": "it crashed"} if has_compiler else {"works": False, "reason": "no g++", "correlation": None}
    )


def test_one_part_that_breaks_off_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = measured(
        tmp_path,
        monkeypatch,
        Processes(**{"correlation.in_one_frame": "out of memory", "three_ways.first_frame": "killed"}),
    )
    assert result["correlation"]["torch"] == {"skipped": "out of memory"}
    assert result["protocols"]["torch"]["first_frame_seconds"]["executing"] == {"skipped": "killed"}


def test_a_file_as_output_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file; give the path of a folder"):
        costs.costs(tmp_path / "file", OPTIONS, False)
    assert cli.main(["costs", str(tmp_path / "out"), "--size", "3"]) == 2
    assert "give HEIGHTxWIDTH" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert cli.main(["costs", str(tmp_path / "out"), "--size", "50x64"]) == 2
    assert "height is 50; give a multiple of 4, such as 48 or 52, because" in capsys.readouterr().err


@pytest.mark.slow
def test_everything_for_real(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """In PyTorch; what Jittor costs, the quick study measures."""
    begin = time.monotonic()
    options = ["--framework", "torch", "--size", "24x32", "--repeats", "3", "--seconds", "0"]
    assert cli.main(["costs", str(tmp_path), *options]) == 0
    assert "One run timed three ways" in capsys.readouterr().out
    require_costs(json.loads((tmp_path / "costs.json").read_text()), "torch", time.monotonic() - begin)
