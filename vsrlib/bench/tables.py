"""What `vsrlib bench` and `vsrlib costs` found, as Markdown. Every number comes from the result."""

from collections.abc import Callable
from functools import partial
from typing import Any

from vsrlib.bench.options import NUMPY
from vsrlib.common.names import NAMES
from vsrlib.common.numbers import interval, markdown, number, significant

Columns = dict[str, Callable[[dict[str, Any]], str]]
"""What a table shows of each record, by the columns' titles."""
WAYS = {
    "as_reported": "as the earlier report",
    "synchronised": "synchronised after each part",
    "end_to_end": "end to end",
}
"""What `vsrlib costs` times, by its names in costs.json."""
_TITLES = {
    "engines": "Engines: one output frame in steady state",
    "memory": "Memory of one process for each engine",
    "correlation": "Correlation volume of the flow network",
    "blur": "Blur and keep every fourth pixel",
    "step": "Training: one step",
    "degrade": "LR frames: data generation",
    "post": "Metrics and PNG file of one frame",
}
_UNSYNCHRONISED = " - NOT SYNCHRONISED: the clock stops when the call returns, whatever is still to be computed"
_CHECKS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "largest_difference": ("largest difference", lambda value: f"{value:.2g}"),
    "largest_relative_difference": ("largest relative difference", lambda value: f"{value:.2g}"),
    "share_of_8_bit_values": ("8-bit values that differ", lambda value: f"{value:.4%}"),
    "largest_8_bit_difference": ("largest 8-bit difference", str),
    "same_pixels": ("same pixels", lambda value: "yes" if value else "NO"),
    "same_ssim": ("same SSIM", lambda value: "yes" if value else "NO"),
    "ssim_difference": ("SSIM difference", lambda value: f"{value:.2g}"),
    "file_size_ratio": ("file size, ours / theirs", lambda value: f"{value:.3f}"),
}
_ENDED = {"repeats": "", "seconds": " (time was up)"}
_OUTPUT = {
    "png": "PNG, as the earlier report",
    "png_ours": "PNG, here",
    "psnr": "PSNR",
    "ssim_once": "SSIM once, as the earlier report",
    "ssim_three_times": "SSIM three times, as there",
    "ssim_ours": "SSIM, here",
}


def bench_table(result: dict[str, Any]) -> str:
    """The whole of bench.md."""
    sections = ["# Timings", _about(result)]
    for suite, records in result["suites"].items():
        found = {name: record for name, record in records.items() if not _why_not(record)}
        comparisons = [(name, one) for name, record in found.items() for one in record.get("result", ())]
        clock = "" if all(one["synchronised"] for _, one in comparisons) else _UNSYNCHRONISED
        sections.append(f"## {_TITLES[suite]}{clock}")
        if found:
            sections.append(_memory(found) if suite == "memory" else _times(comparisons))
        sections += [f"{_name(name)}: {_why_not(record)}." for name, record in records.items() if _why_not(record)]
        # a kernel that is not to be had is missing from every comparison of its framework, and named once
        sections += dict.fromkeys(
            f"{_name(name)}, {variant}: skipped, {_plain(reason)}."
            for name, one in comparisons
            for variant, reason in one.get("skipped", {}).items()
        )
        sections += [_conditions(name, record) for name, record in found.items() if "conditions" in record]
    return "\n\n".join(sections) + "\n"


def costs_table(result: dict[str, Any]) -> str:
    """The tables of costs.json, each under its heading."""
    parts = {
        "Installation": install_table,
        "First use": first_use_table,
        "Correlation kernels": correlation_table,
        "Image output": output_table,
        "One run timed three ways": protocols_table,
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
        "one frame (s)": lambda one: interval(one["frame_seconds"]),
        "times the fastest other": lambda one: interval(one["ratio"]),
        "share of the frame": lambda one: f"{one['share_of_frame']:.1%}",
        "gradient's error to float64": lambda one: f"{one['gradient_error']:.1e}",
        "gradient": lambda one: "ZERO" if one["zero_gradient"] else "not zero",
    }
    return _measured(columns, result["correlation"], "kernel")


def output_table(result: dict[str, Any]) -> str:
    """Seconds of scoring and writing one HR frame."""
    found = result["image_output"]
    size = "x".join(map(str, found["hr_size"]))
    rows = [[name, interval(found[key])] for key, name in _OUTPUT.items()]
    return markdown([f"one frame of {size}", "seconds"], rows)


def protocols_table(result: dict[str, Any]) -> str:
    """Median seconds of a frame by part, in each way of timing, and the first frame after either warm-up."""

    def seconds(part: str, one: dict[str, Any]) -> str:
        return interval(one[part]) if part in one else ""

    ways = {
        framework: found if "skipped" in found else {name: found[way] for way, name in WAYS.items()}
        for framework, found in result["protocols"].items()
    }
    columns: Columns = {f"{part} (s)": partial(seconds, part) for part in ("pre", "forward", "post", "total")}
    columns |= {"post / total": partial(seconds, "share_of_post")}
    notes = [_waiting(NAMES[name], found) for name, found in result["protocols"].items() if "skipped" not in found]
    return "\n\n".join([_measured(columns, ways, "timed"), *notes])


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


def _about(result: dict[str, Any]) -> str:
    options, statistics, machine = (result["options"], result["statistics"], result["provenance"]["machine"])
    versions = ", ".join(f"{name} {version}" for name, version in result["provenance"]["versions"].items() if version)
    weights = options["weights"]["path"] if options["weights"] else "initial values of seed 0"
    load = {when: ", ".join(f"{value:.2f}" for value in values) for when, values in result["load_average"].items()}
    changed = " and changes to it" if result["provenance"]["dirty"] else ""
    return (
        f"LR frames of {options['size'][0]}x{options['size'][1]} pixels, network of the preset {options['preset']}, "
        f"weights: {weights}. The variants of one comparison take turns in one process, each suite and framework in a "
        f"process of its own; {options['repeats']} rounds, or as many as begin in {significant(options['seconds'])} s, "
        f"but at least {statistics['fewest_rounds']}. Baseline / this: the median of the ratio of the two times, above "
        f"1 where this is faster. {_spread(options['processes'], statistics)} The warm-up, "
        f"{statistics['warm_up_rounds']} rounds, is not part of the times.\n\n"
        f"{machine['processor']}, {machine['cores']} cores, GPU: {machine['gpu'] or 'none'}; "
        f"load average {load['before']} before and {load['after']} after; {versions}; "
        f"commit {result['provenance']['commit']}{changed}."
    )


def _spread(processes: int, statistics: dict[str, Any]) -> str:
    """What stands behind a ratio."""
    if processes >= statistics["fewest_processes"]:
        return (
            f"Each comparison was measured by {processes} processes, one after the other, and the median is that of "
            f"theirs; in brackets its {statistics['level']:.0%} bootstrap interval over the processes "
            f"({statistics['draws']} draws, seed {statistics['seed']})."
        )
    measured = "one process" if processes == 1 else f"{processes} processes"
    return (
        f"{measured[0].upper()}{measured[1:]} measured each comparison, which is too few for an interval "
        f"({statistics['fewest_processes']} are needed): in parentheses the smallest and the largest ratio of a round, "
        "which say nothing of another process."
    )


def _times(comparisons: list[tuple[str, dict]]) -> str:
    rows = [(name, one, variant) for name, one in comparisons for variant in one["variants"]]
    present = [key for key in _CHECKS if any(key in checks for _, one, _ in rows for checks in one["checks"].values())]
    header = ["", "what", "variant", "median seconds", "baseline / this", "rounds", "warm-up (s)"]
    header += [_CHECKS[key][0] for key in present]
    return markdown(header, [_row(name, one, variant, present) for name, one, variant in rows])


def _row(name: str, one: dict[str, Any], variant: str, present: list[str]) -> list[str]:
    times, checks = one["variants"][variant], one["checks"].get(variant, {})
    by_processes = f" x {one['processes']}" if one["processes"] > 1 else ""
    ratio = "baseline" if variant == one["baseline"] else interval(times["ratio"], 2)
    return [
        _name(name),
        one["what"],
        variant,
        significant(times["median"]),
        ratio,
        f"{one['repeats']}{by_processes}{_ENDED[one['ended_by']]}",
        significant(times["warm_up_seconds"]),
        *(_CHECKS[key][1](checks[key]) if key in checks else "" for key in present),
    ]


def _memory(found: dict[str, dict]) -> str:
    sizes = {
        "peak (MiB)": "peak_mib",
        "once the network is loaded (MiB)": "loaded_mib",
        "peak on the GPU (MiB)": "peak_device_mib",
    }
    rows = []
    for name, record in found.items():
        for engine, one in record["engines"].items():
            if _why_not(one):
                rows.append([_name(name), engine, _why_not(one), *[""] * 4])
                continue
            held, conditions = [number(one["result"][key], 0) for key in sizes.values()], one["conditions"]
            rows.append([_name(name), engine, *held, conditions["correlation"], str(conditions["threads"])])
    return markdown(["", "engine", *sizes, "correlation", "threads"], rows)


def _conditions(name: str, record: dict[str, Any]) -> str:
    found = record["conditions"]
    kernel = "".join(f", {what} {found[what]}" for what in ("correlation", "blur") if found.get(what))
    before, after = (f"{record['load_average'][when][0]:.2f}" for when in ("before", "after"))
    return (
        f"{_name(name)}: {found['device']}, threads: {found['threads']}{kernel}; load average {before} before, "
        f"{after} after."
    )


def _why_not(record: dict[str, Any]) -> str:
    for kind in ("skipped", "failed"):
        if kind in record:
            return f"{kind}, {_plain(record[kind])}"
    return ""


def _plain(sentence: str) -> str:
    return sentence.rstrip(". ")


def _name(framework: str) -> str:
    return "NumPy" if framework == NUMPY else NAMES[framework]


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


def _waiting(name: str, ways: dict[str, Any]) -> str:
    first = {
        warm_up: significant(value) if isinstance(value, float) else f"skipped, {value['skipped']}"
        for warm_up, value in ways["first_frame_seconds"].items()
    }
    return (
        f'{name}: {ways["waiting_billed_to_post"]["value"]:.1%} of the "post" timed as the earlier report did is the '
        f"call that fetches the picture, which waits for it. First timed frame of a process: {first['executing']} s "
        f"after a warm-up that reads its result, {first['graph_only']} s after one that only asks for it."
    )


def _mib(size: int | None) -> str:
    return "unknown" if size is None else significant(size / 2**20)
