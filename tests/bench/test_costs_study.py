"""`vsrlib costs` as a whole: what costs.json holds, and what it says of a framework that cannot be used."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from costs_fixture import PARTS, require_costs

from vsrlib import cli
from vsrlib.bench import costs
from vsrlib.bench.costs_tables import costs_table
from vsrlib.bench.options import Options
from vsrlib.common import processes as common_processes
from vsrlib.common.errors import UserError
from vsrlib.report.charts import speed

OPTIONS = Options(frameworks=("torch",), preset="study", size=(24, 32), repeats=3, seconds=0, processes=6)


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
        kernel = {"frame_seconds": 2.0, "share_of_frame": 0.1, "gradient_error": 1e-7, "zero_gradient": False}
        seconds = dict.fromkeys(("pre", "forward", "post"), 1.0) | {"total": 3.0}
        clocks = {"as_reported": seconds | {"forward": 0.25, "post": 1.75}, "synchronised": seconds}
        kernels = {"pure": kernel, "cpp": kernel | {"frame_seconds": 1.0}, "cuda": {"skipped": "no GPU"}}
        found = {
            "first_use": {
                "seconds": 10.0,
                "correlation": "cpp",
                "compiled": [["a.so", 100], ["b.so", 23]],
                "compilers": self.compilers,
            },
            "by_process.measure": {
                "frames": {"reference": clocks, "streaming": clocks},
                "convolution": {"reference": "framework", "streaming": "winograd"},
                "correlation": kernels if task.get("values", {}).get("kernels") else None,
            },
            "output.parts": dict.fromkeys(("psnr", "ssim_once", "png_ours", "ssim_ours"), 0.5)
            | {"png": 1.0, "ssim_three_times": 2.5},
            "memory.of_work": {"batch": 2, "loaded_mib": 100.0, "peak_mib": 300.0, "own_mib": None},
            "memory.model_file": {"preset": "published", "parameters": 4, "format": ".pt", "bytes": 72 * 2**20},
        }
        conditions = {"device": "a CPU", "threads": 2, "correlation": "cpp", "blur": "cpp"}
        return found[part] if part == "first_use" else {"conditions": conditions, "result": found[part]}


def measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: Processes, framework: str = "torch", fresh: bool = False
) -> dict[str, Any]:
    monkeypatch.setattr(common_processes, "ask", processes)
    options = Options.from_json(OPTIONS.to_json() | {"frameworks": [framework]})
    result = costs.costs(tmp_path / "out", options, 1, fresh)
    assert json.loads((tmp_path / "out" / "costs.json").read_text()) == json.loads(json.dumps(result))
    assert "First use" in costs_table(result)
    assert "as the earlier report" in speed.two_clocks(result).alt or "skipped" in speed.two_clocks(result).alt
    return result


def test_the_answers_become_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes()
    result = measured(tmp_path, monkeypatch, processes)
    measured_by_process = {"processes", "correlation", "image_output"}
    assert set(result) == {*PARTS, *measured_by_process, "options", "load_average", "machine", "provenance"}
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
    found = result["processes"]["torch"]
    assert found["unseen_share"] == {"value": 0.75, "low": 0.75, "high": 0.75, "n": 6, "unit": "process"}
    assert found["forward"]["as_reported"]["value"] == 0.25 and found["waiting_seconds"]["value"] == 0.75
    assert found["conditions"] == {"device": "a CPU", "threads": 2, "correlation": "cpp", "convolution": "framework"}
    assert result["processes"]["streaming"]["torch"]["conditions"]["convolution"] == "winograd"
    assert result["processes"]["ratio"] == {"skipped": "no turn has both frameworks"}
    assert result["correlation"]["torch"]["cuda"] == {"skipped": "no GPU"} and not result["options"]["fresh"]
    assert result["correlation"]["torch"]["pure"]["ratio"]["value"] == 2
    shares = {part: result["image_output"][part]["value"] for part in ("png_share", "ssim_share", "sum")}
    assert shares == {"png_share": 0.25, "ssim_share": 0.625, "sum": 4}
    # Everything is compiled before a warm first use is timed; without a compiler nothing compiled is at hand.
    assert processes.asked[:2] == [("first_use", False, False), ("first_use", True, True)]


def test_the_processes_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes()
    monkeypatch.setattr(common_processes, "ask", processes)
    monkeypatch.setattr(costs, "installed", lambda framework: {"count": 0, "bytes": 0, "distributions": []})
    monkeypatch.setattr(costs.jittor_env, "why_not", lambda framework: None)
    options = Options.from_json(OPTIONS.to_json() | {"frameworks": ["torch", "jittor"], "processes": 7})
    result = costs.costs(tmp_path, options, 2, False)
    asked = [part for part, _, _ in processes.asked if part in ("by_process.measure", "output.parts")]
    assert asked == ["by_process.measure", "by_process.measure", "output.parts"] * 7
    assert result["processes"]["ratio"]["total"]["synchronised"]["n"] == 7
    assert set(result["processes"]["same_framework"]) == {"torch", "jittor"}
    assert set(result["correlation"]) == {"torch"}
    assert "PyTorch's time over Jittor's" in costs_table(result)


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
    assert result["processes"]["jittor"] == {"skipped": "the distribution jittor is not installed"}
    assert result["correlation"] == {"torch": {"skipped": "PyTorch was not asked for"}}
    assert {part for part, _, _ in processes.asked} == {"output.parts"}


@pytest.mark.parametrize("has_compiler", [True, False])
def test_a_framework_that_cannot_be_used_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_compiler: bool
) -> None:
    """And where the machine itself has no compiler, that is tried as well."""
    monkeypatch.setattr(costs.native, "compiler", lambda: "/usr/bin/g++" if has_compiler else None)
    result = measured(tmp_path, monkeypatch, Processes(first_use="it crashed", no_compiler="no g++"))
    for part in ("first_use", "correlation", "processes"):
        assert result[part]["torch"] == {"skipped": "it crashed"}
    assert result["without_compiler"]["torch"] == (
        {"skipped": "it crashed"} if has_compiler else {"works": False, "reason": "no g++", "correlation": None}
    )


@pytest.mark.parametrize("part", ["by_process.measure", "output.parts"])
def test_one_part_that_breaks_off_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    result = measured(tmp_path, monkeypatch, Processes(**{part: "out of memory"}))
    broken = (result["processes"]["torch"], result["processes"]["streaming"]["torch"], result["correlation"]["torch"])
    whole = (result["image_output"],)
    for one in broken if part == "by_process.measure" else whole:
        assert one == {"skipped": "out of memory"}
    assert all("skipped" not in one for one in (whole if part == "by_process.measure" else broken))


def test_a_file_as_output_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file; give the path of a folder"):
        costs.costs(tmp_path / "file", OPTIONS, 2, False)
    assert cli.main(["costs", str(tmp_path / "out"), "--size", "3"]) == 2
    assert "give HEIGHTxWIDTH" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert cli.main(["costs", str(tmp_path / "out"), "--size", "50x64"]) == 2
    assert "height is 50; give a multiple of 4, such as 48 or 52, because" in capsys.readouterr().err


@pytest.mark.slow
def test_everything_for_real(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """In PyTorch; what Jittor costs, the quick study measures."""
    begin = time.monotonic()
    options = ["--framework", "torch", "--size", "24x32", "--repeats", "3", "--seconds", "0", "--processes", "1"]
    assert cli.main(["costs", str(tmp_path), *options]) == 0
    assert "The same frame by two clocks" in capsys.readouterr().out
    require_costs(json.loads((tmp_path / "costs.json").read_text()), "torch", time.monotonic() - begin)
