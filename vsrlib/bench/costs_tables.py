"""What `vsrlib costs` found, as Markdown. Every number comes from the result."""

from collections.abc import Callable
from functools import partial
from typing import Any

from vsrlib.bench.by_process import ENGINES
from vsrlib.common.names import NAMES
from vsrlib.common.numbers import interval, markdown, significant, units

_ENDS = ("value", "low", "high")
Columns = dict[str, Callable[[dict[str, Any]], str]]
"""What a table shows of each record, by the columns' titles."""
WAYS = {"as_reported": "as the earlier report", "synchronised": "synchronised after each part"}
"""The two clocks of `vsrlib costs`, by their names in costs.json."""
_OUTPUT = {
    "png": "PNG, as the earlier report",
    "png_ours": "PNG, here",
    "psnr": "PSNR",
    "ssim_once": "SSIM once, as the earlier report",
    "ssim_three_times": "SSIM three times, as there",
    "ssim_ours": "SSIM, here",
}


def costs_table(result: dict[str, Any]) -> str:
    """The tables of costs.json, each under its heading."""
    parts = {
        "Installation": install_table,
        "First use": first_use_table,
        "Correlation kernels": correlation_table,
        "Image output": output_table,
        "The same frame by two clocks": processes_table,
        "Memory and model file": memory_table,
    }
    return "\n\n".join(f"**{title}**\n\n{make(result)}" for title, make in parts.items()) + "\n"


def install_table(result: dict[str, Any]) -> str:
    """Number and size of the distributions of each framework, and the largest of them."""

    def largest(one: dict[str, Any]) -> str:
        entries = sorted(one["distributions"], key=lambda entry: entry["bytes"] or 0, reverse=True)[:3]
        return ", ".join(f"{entry['name']} {entry['version']} ({_mib(entry['bytes'])})" for entry in entries)

    columns: Columns = {
        "distributions": lambda one: str(one["count"]),
        "MiB": lambda one: _mib(one["bytes"]),
        "largest (MiB)": largest,
    }
    return _measured(columns, result["install"])


def first_use_table(result: dict[str, Any]) -> str:
    """Seconds from the start of a process to its first frame, and what had to be compiled on this machine."""
    used: Columns = {
        "everything compiled (s)": lambda one: significant(one["warm_seconds"]),
        "nothing compiled (s)": lambda one: (
            "not measured" if one["fresh_seconds"] is None else significant(one["fresh_seconds"])
        ),
        "compiled libraries in use (MiB)": lambda one: f"{one['compiled_files']} ({_mib(one['compiled_bytes'])})",
        "correlation": lambda one: one["correlation"],
    }
    tried: Columns = {
        "works without a compiler": lambda one: f"yes, correlation {one['correlation']}" if one["works"] else "no",
        "last message": lambda one: one["reason"] or "",
    }
    return f"{_measured(used, result['first_use'])}\n\n{_measured(tried, result['without_compiler'])}"


def correlation_table(result: dict[str, Any]) -> str:
    """Time of a frame with each kernel, its share of it, and the error of its gradients."""
    columns: Columns = {
        "one frame (ms)": lambda one: _milliseconds(one["frame_seconds"]),
        "times the fastest other": lambda one: interval(one["ratio"]),
        "share of the frame": lambda one: interval(one["share_of_frame"]),
        "gradient's error to float64": lambda one: f"{one['gradient_error']:.1e}",
        "gradient": lambda one: "ZERO" if one["zero_gradient"] else "not zero",
    }
    return _measured(columns, result["correlation"], "kernel")


def output_table(result: dict[str, Any]) -> str:
    """Seconds of scoring and writing one HR frame, and what shares of the earlier report's sum they are."""
    found = result["image_output"]
    if "skipped" in found:
        return f"skipped, {found['skipped']}"
    height, width = found["hr_size"]
    rows = [[name, _milliseconds(found["seconds"][key])] for key, name in _OUTPUT.items()]
    rows.append(["PNG, PSNR and SSIM three times together", _milliseconds(found["sum"])])
    table = markdown([f"one frame of {width}x{height}", "milliseconds"], rows)
    shares = f"The PNG is {interval(found['png_share'])} of that sum, SSIM three times {interval(found['ssim_share'])}"
    return f"{table}\n\n{shares} ({units(found['sum'])})."


def processes_table(result: dict[str, Any]) -> str:
    """Seconds of a frame by both clocks for each engine and framework, and how the frameworks' times compare."""
    return by_engine(dict(zip(ENGINES, (result["processes"], result["processes"]["streaming"]), strict=True)))


def by_engine(engines: dict[str, dict[str, Any]]) -> str:
    """The same of what `by_process.frames` found of each engine."""
    columns: Columns = {
        f"{part}, {words} (ms)": partial(_time_of, part, clock)
        for part in ("forward", "total")
        for clock, words in WAYS.items()
    }
    columns["forward, not waited for"] = lambda one: interval(one["unseen_share"])
    frameworks = [name for name in NAMES if any(name in found for found in engines.values())]
    table = _measured(
        columns, {name: {engine: found[name] for engine, found in engines.items()} for name in frameworks}, "engine"
    )
    return "\n\n".join([table, *(f"{engine}: {_compared(found)}" for engine, found in engines.items())])


def memory_table(result: dict[str, Any]) -> str:
    """What a process holds that trains or restores, and the size of the published network's file."""
    columns: Columns = {
        "batch": lambda one: str(one["batch"]),
        "loaded (MiB)": lambda one: significant(one["loaded_mib"]),
        "peak of the process (MiB)": lambda one: significant(one["peak_mib"]),
        "framework's own counter (MiB)": lambda one: (
            "no counter" if one["own_mib"] is None else significant(one["own_mib"])
        ),
    }
    notes = [
        f"{NAMES[framework]}: the {one['preset']} network's {one['parameters']:,} parameters take "
        f"{_mib(one['bytes'])} MiB as {one['format']}."
        for framework, one in result["model_size"].items()
        if "skipped" not in one
    ]
    return "\n\n".join([_measured(columns, result["memory"], "work"), *notes])


def _milliseconds(seconds: dict[str, Any]) -> str:
    """An interval or spread of seconds in milliseconds."""
    return interval({key: 1000 * one if key in _ENDS and one is not None else one for key, one in seconds.items()})


def _time_of(part: str, clock: str, one: dict[str, Any]) -> str:
    return _milliseconds(one[part][clock])


def _compared(found: dict[str, Any]) -> str:
    """In a sentence, the ratios of one engine's times, and how far processes of one framework lie apart."""
    ratio = found["ratio"]
    if "skipped" in ratio:
        words = f"no ratio, because {ratio['skipped']}"
    else:
        shown = "; ".join(
            f"{part} {interval(ratio[part]['synchronised'])} synchronised, {interval(ratio[part]['as_reported'])} as "
            "the earlier report"
            for part in ("forward", "total")
        )
        words = f"PyTorch's time over Jittor's, {shown} ({units(ratio['total']['synchronised'])})"
    apart = ", ".join(
        f"{significant(one['total']['low'])} to {significant(one['total']['high'])} in {NAMES[framework]}"
        for framework, one in found["same_framework"].items()
    )
    failed = [f"{NAMES[name]}, {reason}" for name in NAMES for reason in found.get(name, {}).get("failed", ())]
    return (
        "; ".join([words, f"two processes' totals in one framework: {apart}" if apart else "", *failed]).strip("; ")
        + "."
    )


def _measured(columns: Columns, found: dict[str, Any], what: str = "") -> str:
    """A table of what was measured in each framework, and below it a line for each record that was skipped.

    what: heads the names of several records in each framework; empty: there is one.
    """
    rows, skipped = [], []
    for framework, records in found.items():
        several = what != "" and "skipped" not in records
        for name, one in records.items() if several else [("", records)]:
            names = [NAMES[framework], *[name] * several]
            if "skipped" in one:
                skipped.append(f"{', '.join(names)}: skipped, {one['skipped']}")
            else:
                rows.append([*names, *(cell(one) for cell in columns.values())])
    table = markdown(["", *[what] * bool(what), *columns], rows)
    return "\n\n".join([table] * bool(rows) + skipped)


def _mib(size: int | None) -> str:
    return "unknown" if size is None else significant(size / 2**20)
