"""What `vsrlib bench` and `vsrlib costs` found, as Markdown. Every number comes from the result."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from vsrlib.bench.options import NUMPY
from vsrlib.common.names import NAMES
from vsrlib.common.tables import interval, markdown, number, significant

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

    def row(one: dict[str, Any]) -> list[str]:
        largest = sorted(one["distributions"], key=lambda entry: entry["bytes"] or 0, reverse=True)[:3]
        return [
            str(one["count"]),
            _mib(one["bytes"]),
            ", ".join(f"{entry['name']} {entry['version']} ({_mib(entry['bytes'])})" for entry in largest),
        ]

    return _measured(["", "distributions", "MiB", "largest (MiB)"], _frameworks(result["install"]), row)


def first_use_table(result: dict[str, Any]) -> str:
    """Seconds from the start of a process to its first frame, and what had to be compiled on this machine."""

    def row(one: dict[str, Any]) -> list[str]:
        fresh = "not measured" if one["fresh_seconds"] is None else significant(one["fresh_seconds"])
        compiled = f"{one['compiled_files']} ({_mib(one['compiled_bytes'])})"
        return [significant(one["warm_seconds"]), fresh, compiled, one["correlation"]]

    def tried(one: dict[str, Any]) -> list[str]:
        return [f"yes, correlation {one['correlation']}" if one["works"] else "no", one["reason"] or ""]

    header = ["", "everything compiled (s)", "nothing compiled (s)", "compiled libraries in use (MiB)", "correlation"]
    times = _measured(header, _frameworks(result["first_use"]), row)
    header = ["", "works without a compiler", "last message"]
    return f"{times}\n\n{_measured(header, _frameworks(result['without_compiler']), tried)}"


def correlation_table(result: dict[str, Any]) -> str:
    """Time of a frame with each kernel, its share of it, and the error of its gradients."""

    def row(one: dict[str, Any]) -> list[str]:
        return [
            interval(one["frame_seconds"]),
            interval(one["ratio"]),
            f"{one['share_of_frame']:.1%}",
            f"{one['gradient_error']:.1e}",
            "ZERO" if one["zero_gradient"] else "not zero",
        ]

    header = [
        "", "kernel", "one frame (s)", "times the fastest other", "share of the frame", "gradient's error to float64",
        "gradient",
    ]  # fmt: skip
    return _measured(header, _within_frameworks(result["correlation"]), row)


def output_table(result: dict[str, Any]) -> str:
    """Seconds of scoring and writing one HR frame."""
    found = result["image_output"]
    size = "x".join(map(str, found["hr_size"]))
    rows = [[name, interval(found[key])] for key, name in _OUTPUT.items()]
    return markdown([f"one frame of {size}", "seconds"], rows)


def protocols_table(result: dict[str, Any]) -> str:
    """Median seconds of a frame by part, in each way of timing, and the first frame after either warm-up."""
    parts = ("pre", "forward", "post", "total", "share_of_post")
    found = {
        framework: ways if "skipped" in ways else {name: ways[way] for way, name in WAYS.items()}
        for framework, ways in result["protocols"].items()
    }
    header = ["", "timed", "pre (s)", "forward (s)", "post (s)", "total (s)", "post / total"]
    table = _measured(
        header,
        _within_frameworks(found),
        lambda one: [interval(one[part]) if part in one else "" for part in parts],
    )
    notes = [_waiting(NAMES[name], ways) for name, ways in result["protocols"].items() if "skipped" not in ways]
    return "\n\n".join([table, *notes])


def memory_table(result: dict[str, Any]) -> str:
    """What a process holds that trains or restores, and the size of the published network's file."""

    def row(one: dict[str, Any]) -> list[str]:
        own = "no counter" if one["own_mib"] is None else significant(one["own_mib"])
        return [str(one["batch"]), significant(one["loaded_mib"]), significant(one["peak_mib"]), own]

    header = [
        "", "work", "batch", "loaded (MiB)", "peak of the process (MiB)", "framework's own counter (MiB)"
    ]  # fmt: skip
    table = _measured(header, _within_frameworks(result["memory"]), row)
    notes = [
        f"{NAMES[framework]}: the {one['preset']} network's {one['parameters']:,} parameters take "
        f"{_mib(one['bytes'])} MiB as {one['format']}."
        for framework, one in result["model_size"].items()
        if "skipped" not in one
    ]
    return "\n\n".join([table, *notes])


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
        f"but at least {statistics['fewest_rounds']}. Baseline / this: the median over rounds of the ratio of the two "
        f"times, in brackets its {statistics['level']:.0%} bootstrap interval ({statistics['draws']} draws, seed "
        f"{statistics['seed']}); above 1 is faster than the baseline. The warm-up, {statistics['warm_up_rounds']} "
        f"rounds, is not part of the times.\n\n{machine['processor']}, {machine['cores']} cores, GPU: "
        f"{machine['gpu'] or 'none'}; load average {load['before']} before and {load['after']} after; {versions}; "
        f"commit {result['provenance']['commit']}{changed}."
    )


def _times(comparisons: list[tuple[str, dict]]) -> str:
    rows = [(name, one, variant) for name, one in comparisons for variant in one["variants"]]
    present = [key for key in _CHECKS if any(key in checks for _, one, _ in rows for checks in one["checks"].values())]
    header = [
        "",
        "what",
        "variant",
        "median seconds",
        "baseline / this",
        "rounds",
        "warm-up (s)",
        *(_CHECKS[key][0] for key in present),
    ]
    return markdown(header, [_row(name, one, variant, present) for name, one, variant in rows])


def _row(name: str, one: dict[str, Any], variant: str, present: list[str]) -> list[str]:
    times, checks = one["variants"][variant], one["checks"].get(variant, {})
    ratio = "baseline" if variant == one["baseline"] else interval(times["ratio"], 2)
    return [
        _name(name),
        one["what"],
        variant,
        significant(times["median"]),
        ratio,
        f"{one['repeats']}{_ENDED[one['ended_by']]}",
        significant(times["warm_up_seconds"]),
        *(_CHECKS[key][1](checks[key]) if key in checks else "" for key in present),
    ]


def _memory(found: dict[str, dict]) -> str:
    header = [
        "",
        "engine",
        "peak (MiB)",
        "once the network is loaded (MiB)",
        "peak on the GPU (MiB)",
        "correlation",
        "threads",
    ]
    rows = []
    for name, record in found.items():
        for engine, one in record["engines"].items():
            if _why_not(one):
                rows.append([_name(name), engine, _why_not(one), *[""] * 4])
                continue
            sizes = [number(one["result"][key], 0) for key in ("peak_mib", "loaded_mib", "peak_device_mib")]
            conditions = one["conditions"]
            rows.append([_name(name), engine, *sizes, conditions["correlation"], str(conditions["threads"])])
    return markdown(header, rows)


def _conditions(name: str, record: dict[str, Any]) -> str:
    found = record["conditions"]
    kernel = f", correlation {found['correlation']}, blur {found['blur']}" if found["correlation"] else ""
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


def _frameworks(found: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """((framework,), record)"""
    for framework, one in found.items():
        yield (NAMES[framework],), one


def _within_frameworks(found: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """((framework, what), record), or ((framework,), record) where nothing was measured in it."""
    for framework, records in found.items():
        if "skipped" in records:
            yield (NAMES[framework],), records
        else:
            yield from (((NAMES[framework], name), one) for name, one in records.items())


def _measured(
    header: list[str],
    records: Iterable[tuple[tuple[str, ...], dict[str, Any]]],
    row: Callable[[dict[str, Any]], list[str]],
) -> str:
    """A table of what was measured, and below it a line for each record that was skipped."""
    rows, skipped = [], []
    for names, one in records:
        if "skipped" in one:
            skipped.append(f"{', '.join(names)}: skipped, {one['skipped']}")
        else:
            rows.append([*names, *row(one)])
    return "\n\n".join([markdown(header, rows)] * bool(rows) + skipped)


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
