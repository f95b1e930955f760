"""`vsrlib bench` from its options to its files: tiny real runs, what is skipped, and one sentence for a mistake."""

import argparse
import ast
import hashlib
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from vsrlib.bench import engines, runner, step
from vsrlib.bench import memory as bench_memory
from vsrlib.bench.options import ASKED_FOR, SUITES, Options
from vsrlib.cli import bench as cli_bench
from vsrlib.common import memory, processes
from vsrlib.common.errors import UserError
from vsrlib.kernels import jittor_env, native
from vsrlib.networks import load_network

TINY = ("--framework", "torch", "--preset", "study", "--size", "24x32", "--repeats", "3", "--threads", "1")
VARIANTS = ["reference", "cached", "streaming", "streaming, Winograd"]


def bench(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    cli_bench.bench_arguments(parser)
    options = parser.parse_args([str(argument) for argument in arguments])
    return options.run(options)


def stored(output: Path) -> dict:
    assert sorted(path.name for path in output.iterdir()) == ["bench.json", "bench.md"]
    return json.loads((output / "bench.json").read_text())


def timed(one: dict, variants: list[str]) -> None:
    assert list(one["variants"]) == variants and one["baseline"] == variants[0]
    assert one["repeats"] == 3 and one["ended_by"] == "repeats" and one["synchronised"] is True
    for name, times in one["variants"].items():
        (seconds,) = times["seconds"]  # of one process
        assert len(seconds) == 3 and min(seconds) > 0 and times["warm_up_seconds"] > 0
        assert ("ratio" in times) == (name != variants[0])


@pytest.mark.slow
def test_a_step_that_computes_something_else_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """One per cent in the correlation, with trained weights."""
    from vsrlib.bench import plain_torch  # here, for Jittor's tests are collected by a process without PyTorch

    right = plain_torch.correlation
    monkeypatch.setattr(plain_torch, "correlation", lambda first, second: 1.01 * right(first, second))
    network = load_network("torch", "study-gaussian", device="cpu")
    (found,) = step.measure(Options(preset="study", repeats=3, seconds=0), network)
    assert found["checks"]["ours"]["largest_relative_difference"] > 1e-5


@pytest.mark.slow
def test_every_suite(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert bench(*TINY, "--weights", "study-gaussian", "--output", tmp_path / "out") == 0
    result = stored(tmp_path / "out")
    assert (tmp_path / "out" / "bench.md").read_text() in capsys.readouterr().out
    suites = result["suites"]
    assert list(suites) == list(SUITES)

    (frame,) = suites["engines"]["torch"]["result"]
    timed(frame, VARIANTS)
    assert frame["checks"]["cached"]["largest_difference"] == 0 == frame["checks"]["cached"]["share_of_8_bit_values"]
    for name in VARIANTS[2:]:
        assert 0 < frame["checks"][name]["largest_difference"] < 1e-5
        assert frame["checks"][name]["largest_8_bit_difference"] <= 1

    memory = suites["memory"]["torch"]["engines"]
    assert list(memory) == VARIANTS
    for engine in memory.values():
        assert 50 < engine["result"]["loaded_mib"] <= engine["result"]["peak_mib"]

    levels = suites["correlation"]["torch"]["result"]
    assert len(levels) == 12 and levels[0]["what"] == "level 2, 16x16x16: forward"
    for one in levels:
        timed(one, ["plain", *(name for name in ("pure", "cpp") if name not in one["skipped"])])
        assert set(one["checks"]) == set(one["variants"]) - {"plain"} and "cuda" in one["skipped"]
        assert all(check["largest_difference"] < 1e-5 for check in one["checks"].values())

    (training,), (generation,) = (suites["blur"][name]["result"] for name in ("torch", "numpy"))
    timed(training, ["plain", "ours"])
    timed(generation, ["plain", "ours"])
    assert training["checks"]["ours"]["largest_relative_difference"] < 1e-5
    assert generation["checks"]["ours"]["share_of_8_bit_values"] == 0

    (step,) = suites["step"]["torch"]["result"]
    timed(step, ["plain", "ours"])
    assert step["what"] == "2 windows of 64x64, study"
    assert step["checks"]["ours"]["largest_relative_difference"] < 1e-5
    for one in suites["degrade"]["numpy"]["result"]:
        timed(one, ["plain", "ours"])
        assert one["checks"]["ours"]["share_of_8_bit_values"] == 0
    assert list(suites["degrade"]) == ["numpy"] and len(suites["degrade"]["numpy"]["result"]) == 2

    (frame,) = suites["post"]["numpy"]["result"]
    timed(frame, ["as the earlier report", "ours"])
    assert frame["checks"]["ours"]["same_pixels"] is frame["checks"]["ours"]["same_ssim"] is True

    for record in (suites["engines"]["torch"], suites["blur"]["numpy"], memory["streaming"], suites["post"]["numpy"]):
        assert record["conditions"]["threads"] == 1 and len(record["load_average"]["after"]) == 3
    assert result["frameworks"]["torch"]["correlation"] in ("cpp", "pure")
    assert result["provenance"]["versions"]["torch"]


@pytest.mark.parametrize("suite", ["engines", "peers"])
def test_engines_that_share_a_process_are_timed_with_the_same_memory_kept(
    suite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one of them has had kept serves the others: so as much as any asks for, before the first is timed."""
    if suite == "peers":
        pytest.importorskip("onnxruntime")
    module = importlib.import_module(f"vsrlib.bench.{suite}")
    asked: list[int | str] = []

    def compare(calls: Mapping, *_: object, prepare: Callable[[int], None], **__: object) -> dict:
        asked.append("timed")
        for call in calls.values():
            prepare(0)
            call(0)
        return {}

    monkeypatch.setattr(memory, "keep_blocks", lambda mib: asked.append(mib) or mib)
    monkeypatch.setattr(module, "compare", compare)
    module.measure(Options(preset="study", size=(16, 16)), load_network("torch", preset="study", device="cpu"))
    begin = asked.index("timed")
    assert asked[begin - 1] == 1024 == max(asked[:begin])
    assert suite == "engines" or asked[begin:] == ["timed"]  # the other one makes new engines, for its checks


def test_memory_is_measured_of_an_engine_as_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sliding window leaves the C library as it is."""
    asked: list[int] = []
    monkeypatch.setattr(memory, "keep_blocks", lambda mib: asked.append(mib) or mib - 1)
    network = load_network("torch", preset="study", device="cpu")
    options = Options(preset="study", size=(16, 16))
    kept = {name: bench_memory.of_engine(options, network, name)["kept_mib"] for name in engines.names("cpu", 32)}
    assert kept.pop("reference") == 0 and asked == [1024, *[128] * (len(kept) - 1)]
    assert list(kept.values()) == [mib - 1 for mib in asked]


@pytest.mark.skipif(native.compiler() is None, reason="there is no g++ here")
def test_scaling_is_measured_where_it_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted as a plain convolution, and against four times what a product of matrices reaches."""
    from vsrlib.bench import scaling

    network = load_network("torch", preset="study", device="cpu")
    monkeypatch.setattr(scaling, "SIDES", ((20, 30),))
    options = Options(preset="study", repeats=3, seconds=0)
    found = scaling.measure(options, network)
    assert found[0]["what"] == "20x30, 32 features, 1 thread" and len(found) == 2 * min(2, len(os.sched_getaffinity(0)))
    for one in found:
        timed({**one, "variants": {name: {**v, "seconds": [v["seconds"]]} for name, v in one["variants"].items()}},
              ["matrix product", "convolution"])  # fmt: skip
    (asked,) = {one["what"].split(", ")[-1] for one in scaling.measure(replace(options, threads=1), network)}
    assert asked == "1 thread"
    times, checks = found[1]["variants"], found[1]["checks"]
    plain = 2 * 9 * 128 * 128 * 20 * 30 / times["convolution"]["median"] / 1e9
    product = 2 * 1024**3 / times["matrix product"]["median"] / 1e9
    assert checks["convolution"]["gflops"] == pytest.approx(plain)
    assert checks["convolution"]["share_of_limit"] == pytest.approx(plain / product / 4)


def test_several_processes_measure_in_turn(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert bench("degrade", *TINY, "--processes", "2", "--output", tmp_path / "out") == 0
    result = stored(tmp_path / "out")
    assert result["code"] == {"degrade": runner.code("degrade")}
    for one in result["suites"]["degrade"]["numpy"]["result"]:
        ours = one["variants"]["ours"]
        assert one["processes"] == 2 and [len(times) for times in ours["seconds"]] == [3, 3]
        assert ours["seconds"][0] != ours["seconds"][1] and ours["ratio"]["spread"] == "repeats"
    said = capsys.readouterr().out
    assert said.count("degrade, numpy ...") == 2 and "2 processes measured each comparison, which is too few" in said


def test_code_that_changes_while_it_is_timed_is_not_taken_for_what_was_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_LIBRARY", tmp_path)
    monkeypatch.setattr(runner, "SOURCES", {"post": ("bench/protocol.py",)})
    monkeypatch.setattr(runner.tables, "bench_table", lambda result: "")
    (tmp_path / "bench").mkdir()
    source = tmp_path / "bench" / "protocol.py"
    source.write_text("REPEATS = 3\n")
    timed = runner.code("post")

    def answer(*_: object, **__: object) -> dict:
        source.write_text("REPEATS = 4\n")
        return {"conditions": {}, "result": [], "load_average": {"before": [0.0], "after": [0.0]}}

    monkeypatch.setattr(runner, "ask", answer)
    result = runner.bench(Options(suites=("post",)), tmp_path / "out")
    assert result["code"] == {"post": timed} != {"post": runner.code("post")}


def test_a_digest_of_code_is_the_same_by_every_python() -> None:
    """The value is of Python 3.11; 3.12 has a field more of every function, and 3.13 leaves empty ones out of dumps."""
    text = "class A(B):\n    def f(self, x, *y, z=None):\n        return [] if x is None else f'{x:.2f}', -1, y[1:]\n"
    plain = repr(runner._plain(ast.parse(text)))
    assert hashlib.sha256(plain.encode()).hexdigest()[:16] == "93ac07ce5a37d966"


def test_a_digest_of_code_is_of_what_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_LIBRARY", tmp_path)
    monkeypatch.setattr(runner, "SOURCES", {"post": ("bench/one.py", "bench/two.h")})
    (tmp_path / "bench").mkdir()

    def digest(python: str, header: str) -> str:
        for name, text in (("protocol.py", ""), ("one.py", python), ("two.h", header)):
            (tmp_path / "bench" / name).write_text(text)
        return runner.code("post")

    first = digest("def f(x):\n    return 2 * x\n", "int a = 1;\n")
    same = '"""What it is."""\n\ndef f(x):  # twice\n    """Twice x."""\n    return (2*x)\n'
    assert digest(same, "// one\nint  a = 1; /* a\ncomment */\n") == first
    assert digest("def f(x):\n    return 3 * x\n", "int a = 1;\n") != first
    assert digest("def f(x):\n    return 2 * x\n", "int a = 2;\n") != first
    assert digest("f = lambda x: 2 * x\nA = 'text'\n", "") != digest("f = lambda x: 2 * x\nA = 'other'\n", "")


def test_every_suite_names_the_files_behind_it() -> None:
    assert list(runner.SOURCES) == [*SUITES, *ASKED_FOR]
    for suite, names in runner.SOURCES.items():
        assert len(set(names)) == len(names) and all((runner._LIBRARY / name).is_file() for name in names), suite


@pytest.mark.parametrize(
    "name", ["kernels/native", "kernels/libraries", "kernels/jittor_env", "networks/backend", "data/frames"]
)
def test_compilers_optimisers_and_rounding_are_behind_whatever_uses_them(name: str) -> None:
    """Flags of a compiler, and what it is given to compile, change times as the kernels' own source does."""
    room, _, module = name.partition("/")
    used = re.compile(rf"^from vsrlib\.{room}(\.{module} import |.* import .*\b{module}\b)", re.MULTILINE)
    for suite, names in runner.SOURCES.items():
        users = [one for one in names if one.endswith(".py") and used.search((runner._LIBRARY / one).read_text())]
        assert not users or f"{name}.py" in names, (suite, users)


def test_unsynchronised_is_written_down(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert bench("blur", "post", *TINY, "--unsynchronised", "--output", tmp_path / "out") == 0
    result = stored(tmp_path / "out")
    assert result["options"]["synchronised"] is False
    assert result["suites"]["blur"]["torch"]["result"][0]["synchronised"] is False
    headings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("## ")]
    assert ["NOT SYNCHRONISED" in line for line in headings] == [True, False], "arrays have nothing to wait for"


def test_a_framework_that_cannot_be_used_is_shown_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jittor_env, "why_unusable", lambda: "the package jittor is not installed")
    arguments = ["correlation", *TINY[2:], "--output", tmp_path / "out"]
    assert bench(*arguments) == 0
    result = stored(tmp_path / "out")
    assert (
        result["frameworks"]["jittor"]
        == result["suites"]["correlation"]["jittor"]
        == {"skipped": "the package jittor is not installed"}
    )
    assert "result" in result["suites"]["correlation"]["torch"]
    assert "Jittor: skipped, the package jittor is not installed." in capsys.readouterr().out
    assert bench(*arguments, "--framework", "jittor") == 1, "nothing was measured"
    assert "Jittor: skipped, the package jittor is not installed." in capsys.readouterr().out


@pytest.mark.parametrize("suite", ASKED_FOR)
def test_a_suite_of_one_framework_says_so_of_the_other(
    suite: str, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And does not show in what Jittor would have measured nothing."""

    def answer(part: str, framework: str, *_: object, **__: object) -> dict:
        assert framework == "torch" or part == "probe"
        found = {"device": "cpu, oneDNN", "threads": 1, "correlation": "pure", "blur": None}
        return {"conditions": found, "result": [], "load_average": {"before": [0.0] * 3, "after": [0.0] * 3}}

    monkeypatch.setattr(runner, "ask", answer)
    monkeypatch.setattr(jittor_env, "why_not", lambda framework: None)
    assert bench(suite, *TINY[2:], "--output", tmp_path / "out") == 0
    said = f"Jittor: skipped, {suite} is measured in PyTorch alone."
    table = capsys.readouterr().out
    assert said in table and "Jittor: cpu" not in table and "PyTorch: cpu" in table
    assert bench(suite, *TINY[2:], "--framework", "jittor", "--output", tmp_path / "out") == 1, "nothing was measured"
    assert said in capsys.readouterr().out


def test_scaling_without_a_compiler_is_no_empty_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "compiler", lambda: None)
    network = load_network("torch", preset="study", device="cpu", correlation="pure")
    with pytest.raises(UserError, match=r"g\+\+ was not found"):
        importlib.import_module("vsrlib.bench.scaling").measure(Options(preset="study"), network)


@pytest.mark.parametrize(
    ("status", "last", "reason"),
    [
        (-9, "half a line", "its process was killed, perhaps for want of memory"),
        (0, "", "its process ended with status 0 and no answer"),
        (1, "MemoryError: 17 GiB", "MemoryError: 17 GiB"),
        (2, "There is no such kernel.", "There is no such kernel."),
    ],
)
def test_a_process_that_breaks_off_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, last: str, reason: str, capsys: pytest.CaptureFixture
) -> None:
    environments = []

    def run(arguments: list[str], show: bool, environment: Mapping[str, str]) -> tuple[int, str, str]:
        environments.append(environment.get("OMP_NUM_THREADS"))
        return status, "", last

    before = os.environ.get("OMP_NUM_THREADS")
    monkeypatch.setattr(processes, "run_watched", run)
    assert bench("post", "--threads", 7, "--output", tmp_path / "out") == 1
    assert stored(tmp_path / "out")["suites"]["post"]["numpy"] == {"failed": reason}
    assert f"NumPy: failed, {reason.rstrip('.')}." in capsys.readouterr().out
    assert environments == ["7"] and os.environ.get("OMP_NUM_THREADS") == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["speed"], "SUITE is 'speed'"),
        (["post", "post"], "at most once"),
        (["--size", "24"], "size is '24'"),
        (["--size", "24x-3"], "HEIGHTxWIDTH"),
        (["--size", "15x32"], "at least 16"),
        (["--repeats", "2"], "at least 3"),
        (["--seconds", "nan"], "seconds is nan"),
        (["--seconds", "-1"], "0 or a positive number"),
        (["--threads", "0"], "at least 1"),
        (["--weights", "no.safetensors"], "does not exist"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words) as raised:
        bench(*arguments, "--output", tmp_path / "out")
    assert "\n" not in str(raised.value) and str(raised.value).endswith(".")
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        bench("post", "--output", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("found", ["cpu, oneDNN", "cpu", "NVIDIA H200"])
@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_memory_is_measured_of_the_variants_of_the_device_that_is_found(
    device: str, found: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As the timings are, whose variants the process chooses that knows the device."""

    def answer(part: str, framework: str, options: Options, **values: str) -> dict:
        return {"conditions": {"device": found, "threads": 1, "correlation": "pure"}, "result": {}, **values}

    monkeypatch.setattr(runner, "ask", answer)
    monkeypatch.setattr(runner.tables, "bench_table", lambda result: "")
    options = Options(suites=("memory",), frameworks=("torch",), preset="study", device=device)
    suites = runner.bench(options, tmp_path / "out")["suites"]
    wanted = engines.names("cpu" if found.startswith("cpu") else "cuda", 32)
    assert list(suites["memory"]["torch"]["engines"]) == wanted


def test_options_survive_json() -> None:
    options = Options(suites=("post",), size=(24, 40), weights="w.pt", threads=3, synchronised=False, seconds=1.5)
    assert Options.from_json(json.loads(json.dumps(options.to_json()))) == options


def test_the_command_needs_no_framework_until_it_measures() -> None:
    program = (
        "import sys; from vsrlib.cli import bench; from vsrlib.bench import runner, tables; "
        "assert not {'torch', 'jittor', 'imageio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
