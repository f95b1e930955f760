"""The tables of `vsrlib bench` hold what the result holds, and say what was not measured and why."""

import copy
import json

import pytest

from vsrlib.bench import runner, tables
from vsrlib.bench.protocol import STATISTICS

CONDITIONS = {"threads": 3, "device": "cpu, oneDNN", "correlation": "cpp", "blur": "cpp"}
LOAD = {"before": [0.11, 0.5, 0.5], "after": [0.22, 0.5, 0.5]}


def comparison(what: str, baseline: str, other: str, checks: dict, **extra) -> dict:
    return {
        "what": what,
        "baseline": baseline,
        "synchronised": True,
        "repeats": 17,
        "processes": 6,
        "ended_by": "seconds",
        "variants": {
            baseline: {"warm_up_seconds": 4.5, "seconds": [[8.0] * 17] * 6, "median": 8.0},
            other: {
                "warm_up_seconds": 1.25,
                "seconds": [[3.2] * 17] * 6,
                "median": 3.2,
                "ratio": {"value": 2.5, "low": 2.25, "high": 2.75, "n": 6},
            },
        },
        "checks": {other: checks},
        **extra,
    }


@pytest.fixture
def result() -> dict:
    """A result as JSON gives it back."""
    engines = comparison(
        "one frame",
        "reference",
        "streaming",
        {"frames": 3, "largest_difference": 6e-7, "share_of_8_bit_values": 0.0005, "largest_8_bit_difference": 1},
    )
    kernels = comparison(
        "level 2, 32x48x80: forward",
        "plain",
        "cpp",
        {"largest_difference": 1.8e-7},
        skipped={"cuda": "There is no GPU here; choose cpp."},
    )
    post = comparison(
        "720x1280",
        "as the earlier report",
        "ours",
        {"same_pixels": True, "same_ssim": False, "ssim_difference": 0.001, "file_size_ratio": 1.06},
    )
    engine = {
        "conditions": CONDITIONS,
        "load_average": LOAD,
        "result": {"loaded_mib": 301.2, "peak_mib": 2250.7, "peak_device_mib": None},
    }
    return json.loads(
        json.dumps(
            {
                "options": {
                    "suites": ["engines"],
                    "frameworks": ["torch", "jittor"],
                    "preset": "study",
                    "size": [24, 40],
                    "repeats": 30,
                    "seconds": 300,
                    "processes": 6,
                    "threads": 3,
                    "device": "cpu",
                    "weights": None,
                    "synchronised": True,
                },
                "statistics": STATISTICS,
                "frameworks": {"torch": CONDITIONS, "jittor": {"skipped": "no g++ was found."}},
                "load_average": LOAD,
                "suites": {
                    "engines": {
                        "torch": {"conditions": CONDITIONS, "load_average": LOAD, "result": [engines]},
                        "jittor": {"skipped": "no g++ was found."},
                    },
                    "memory": {
                        "torch": {"engines": {"reference": {"failed": "its process was killed"}, "streaming": engine}}
                    },
                    "correlation": {
                        "torch": {"conditions": CONDITIONS, "load_average": LOAD, "result": [kernels, kernels]}
                    },
                    "post": {
                        "numpy": {
                            "conditions": CONDITIONS | {"correlation": None},
                            "load_average": LOAD,
                            "result": [post],
                        }
                    },
                },
                "provenance": {
                    "commit": "abc",
                    "dirty": True,
                    "versions": {"torch": "2.0", "jittor": None},
                    "machine": {"processor": "A CPU", "cores": 2, "gpu": None},
                },
            }
        )
    )


def row(text: str, *cells: str) -> list[str]:
    """The one row of a table that begins with these cells."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    found = [line for line in lines if tuple(line[: len(cells)]) == cells]
    assert len(found) == 1, found
    return found[0]


def section(text: str, title: str) -> str:
    return next(part for part in text.split("\n## ") if part.startswith(title))


def test_times(result: dict) -> None:
    text = section(tables.bench_table(result), "Engines")
    assert row(text, "PyTorch", "one frame", "reference") == [
        "PyTorch",
        "one frame",
        "reference",
        "8.00",
        "baseline",
        "17 x 6 (time was up)",
        "4.50",
        "",
        "",
        "",
    ]
    assert row(text, "PyTorch", "one frame", "streaming") == [
        "PyTorch",
        "one frame",
        "streaming",
        "3.20",
        "2.50 [2.25, 2.75]",
        "17 x 6 (time was up)",
        "1.25",
        "6e-07",
        "0.0500%",
        "1",
    ]
    assert "load average 0.11 before, 0.22 after" in text and "threads: 3, correlation cpp" in text
    result["suites"]["engines"]["torch"]["result"][0]["ended_by"] = "repeats"
    assert row(tables.bench_table(result), "PyTorch", "one frame", "streaming")[5] == "17 x 6"


def test_what_was_not_measured_is_named_with_its_reason(result: dict) -> None:
    text = tables.bench_table(result)
    assert "Jittor: skipped, no g++ was found." in section(text, "Engines")
    assert row(section(text, "Memory"), "PyTorch", "reference")[2] == "failed, its process was killed"
    assert section(text, "Correlation").count("PyTorch, cuda: skipped, There is no GPU here; choose cpp.") == 1
    result["suites"]["engines"]["torch"] = {"failed": "the kernel broke"}
    text = section(tables.bench_table(result), "Engines")
    assert "PyTorch: failed, the kernel broke." in text and "|" not in text


def test_memory_and_checks(result: dict) -> None:
    text = tables.bench_table(result)
    assert row(section(text, "Memory"), "PyTorch", "streaming")[2:] == ["2251", "301", "-", "cpp", "3"]
    assert row(section(text, "Metrics"), "NumPy", "720x1280", "ours")[7:] == ["yes", "NO", "0.001", "1.060"]


def test_conditions_stand_at_the_head(result: dict) -> None:
    head = tables.bench_table(result).split("\n## ")[0]
    for words in (
        "24x40 pixels",
        "preset study",
        "30 rounds",
        "300 s",
        "at least 3",
        "A CPU, 2 cores",
        "0.11, 0.50, 0.50",
        "0.22, 0.50, 0.50",
        "torch 2.0",
        "commit abc and changes to it",
        "measured by 6 processes",
        "95% bootstrap",
        "2000 draws",
        "initial values of seed 0",
    ):
        assert words in head
    assert "jittor" not in head


def test_too_few_processes_have_no_interval_and_it_says_so(result: dict) -> None:
    result["options"]["processes"] = 1
    one = result["suites"]["engines"]["torch"]["result"][0]
    one["processes"], one["variants"]["streaming"]["ratio"]["spread"] = 1, "repeats"
    text = tables.bench_table(result)
    head, engines = text.split("\n## ")[0], section(text, "Engines")
    assert "bootstrap" not in head and "too few for an interval (6 are needed)" in head
    assert row(engines, "PyTorch", "one frame", "streaming")[4:6] == ["2.50 (2.25 to 2.75)", "17 (time was up)"]


def test_an_unsynchronised_suite_says_so_in_its_heading(result: dict) -> None:
    assert "NOT SYNCHRONISED" not in tables.bench_table(result)
    result["suites"]["engines"]["torch"]["result"][0]["synchronised"] = False
    headings = [line for line in tables.bench_table(result).splitlines() if line.startswith("## ")]
    assert [("NOT SYNCHRONISED" in heading) for heading in headings] == [True, False, False, False]


def test_complete_only_when_nothing_broke_off(result: dict) -> None:
    assert not runner.complete(result)  # the memory of one engine
    result["suites"]["memory"]["torch"]["engines"]["reference"] = {"conditions": CONDITIONS}
    assert runner.complete(result)
    broken = copy.deepcopy(result)
    broken["suites"]["post"]["numpy"] = {"failed": "the disk is full"}
    assert not runner.complete(broken)
    result["suites"] = {"engines": {"torch": {"skipped": "not installed"}}}
    assert not runner.complete(result), "nothing was measured"
