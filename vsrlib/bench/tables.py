"""What `vsrlib bench` found, as Markdown. Every number comes from the result."""

from collections.abc import Callable
from typing import Any

from vsrlib.bench.options import NUMPY
from vsrlib.common.names import NAMES
from vsrlib.common.numbers import interval, markdown, number, percent, significant

_TITLES = {
    "engines": "Engines: one output frame in steady state",
    "memory": "Memory of one process for each engine",
    "correlation": "Correlation volume of the flow network",
    "blur": "Blur and keep every fourth pixel",
    "step": "Training: one step",
    "degrade": "LR frames: data generation",
    "post": "Metrics and PNG file of one frame",
    "peers": "The network in programs that run exported models: one output frame",
    "scaling": "Convolutions of all features, beside a product of matrices of 1024 x 1024 (a share above 100% says "
    "that the library makes less of this processor in its product than ours do)",
}
_UNSYNCHRONISED = " - NOT SYNCHRONISED: the clock stops when the call returns, whatever is still to be computed"
_CHECKS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "largest_difference": ("largest difference", lambda value: f"{value:.2g}"),
    "largest_relative_difference": ("largest relative difference", lambda value: f"{value:.2g}"),
    "share_of_8_bit_values": ("8-bit values that differ", lambda value: percent(value, 4)),
    "largest_8_bit_difference": ("largest 8-bit difference", str),
    "same_pixels": ("same pixels", lambda value: "yes" if value else "NO"),
    "same_ssim": ("same SSIM", lambda value: "yes" if value else "NO"),
    "ssim_difference": ("SSIM difference", lambda value: f"{value:.2g}"),
    "gflops": ("GFLOP/s, as a plain convolution", lambda value: f"{value:.0f}"),
    "share_of_limit": ("share of the limit that the product sets", lambda value: f"{value:.0%}"),
    "file_size_ratio": ("file size, ours / theirs", lambda value: f"{value:.3f}"),
}
_ENDED = {"repeats": "", "seconds": " (time was up)"}


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
