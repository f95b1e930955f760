"""What `vsrlib costs` found, as Markdown. Every number comes from the result."""

from collections.abc import Callable
from typing import Any

from vsrlib.common.names import NAMES
from vsrlib.common.tables import markdown, significant

_HELD = ("loaded_mib", "peak_mib")
WAYS = {"as_reported": "as the earlier report", "synchronised": "waiting after each part", "end_to_end": "end to end"}
_OUTPUT = {
    "png": "PNG, as the earlier report",
    "png_ours": "PNG, here",
    "psnr": "PSNR",
    "ssim_once": "SSIM once, as the earlier report",
    "ssim_three_times": "SSIM three times, as there",
    "ssim_ours": "SSIM, here",
}


def table(result: dict[str, Any]) -> str:
    """All tables, each under its heading."""
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

    return _by_framework(result["install"], ["distributions", "MiB", "largest (MiB)"], row)


def first_use_table(result: dict[str, Any]) -> str:
    """Seconds from the start of a process to its first frame, and what had to be compiled on this machine."""

    def row(one: dict[str, Any]) -> list[str]:
        fresh = "not measured" if one["fresh_seconds"] is None else significant(one["fresh_seconds"])
        return [
            significant(one["warm_seconds"]),
            fresh,
            f"{one['compiled_files']} ({_mib(one['compiled_bytes'])})",
            one["correlation"],
        ]

    def tried(one: dict[str, Any]) -> list[str]:
        return [f"yes, correlation {one['correlation']}" if one["works"] else "no", one["reason"] or ""]

    return "\n\n".join(
        (
            _by_framework(
                result["first_use"],
                ["everything compiled (s)", "nothing compiled (s)", "compiled libraries in use (MiB)", "correlation"],
                row,
            ),
            _by_framework(result["without_compiler"], ["works without a compiler", "last message"], tried),
        )
    )


def correlation_table(result: dict[str, Any]) -> str:
    """Time of a frame with each kernel, its share, and the verdict on its gradients."""
    rows, words = [], []
    for framework, found in result["correlation"].items():
        if "skipped" in found:
            words.append(f"{NAMES[framework]}: skipped, {found['skipped']}")
            continue
        for kernel, one in found.items():
            if "skipped" in one:
                words.append(f"{NAMES[framework]}, {kernel}: skipped, {one['skipped']}")
                continue
            rows.append(
                [
                    NAMES[framework],
                    kernel,
                    _interval(one["frame_seconds"]),
                    _interval(one["ratio"]),
                    f"{one['share_of_frame']:.1%}",
                    f"{one['gradient_error']:.1e}",
                    "ZERO" if one["zero_gradient"] else "not zero",
                ]
            )
    header = [
        "",
        "kernel",
        "one frame (s)",
        "times the fastest other",
        "share of the frame",
        "gradient's error to float64",
        "gradient",
    ]
    return "\n\n".join([markdown(header, rows)] * bool(rows) + words)


def output_table(result: dict[str, Any]) -> str:
    """Seconds of scoring and writing one HR frame."""
    found = result["image_output"]
    size = "x".join(map(str, found["hr_size"]))
    rows = [[name, _interval(found[key])] for key, name in _OUTPUT.items()]
    return markdown([f"one frame of {size}", "seconds"], rows)


def protocols_table(result: dict[str, Any]) -> str:
    """Median seconds of a frame by part, in each way of timing, and the first frame after either warm-up."""
    rows, words = [], []
    for framework, found in result["protocols"].items():
        if "skipped" in found:
            words.append(f"{NAMES[framework]}: skipped, {found['skipped']}")
            continue
        for way, name in WAYS.items():
            one = found[way]
            rows.append(
                [
                    NAMES[framework],
                    name,
                    *(
                        _interval(one[part]) if part in one else ""
                        for part in ("pre", "forward", "post", "total", "share_of_post")
                    ),
                ]
            )
        first = {
            name: significant(value) if isinstance(value, float) else f"skipped, {value['skipped']}"
            for name, value in found["first_frame_seconds"].items()
        }
        words.append(
            f'{NAMES[framework]}: {found["waiting_billed_to_post"]["value"]:.1%} of the "post" timed as the '
            "earlier report did is the call that fetches the picture, which waits for it. First timed frame of a "
            f"process: {first['executing']} s after a warm-up that reads its result, {first['graph_only']} s "
            "after one that only asks for it."
        )
    header = ["", "timed", "pre (s)", "forward (s)", "post (s)", "total (s)", "post / total"]
    return "\n\n".join([markdown(header, rows)] * bool(rows) + words)


def memory_table(result: dict[str, Any]) -> str:
    """What a process holds that trains or restores, and the size of the published network's file."""
    rows, words = [], []
    for framework, found in result["memory"].items():
        if "skipped" in found:
            words.append(f"{NAMES[framework]}: skipped, {found['skipped']}")
            continue
        for work, one in found.items():
            if "skipped" in one:
                words.append(f"{NAMES[framework]}, {work}: skipped, {one['skipped']}")
                continue
            own = "no counter" if one["own_mib"] is None else significant(one["own_mib"])
            rows.append(
                [NAMES[framework], f"{work}, batch {one['batch']}", *(significant(one[key]) for key in _HELD), own]
            )
    for framework, one in result["model_size"].items():
        if "skipped" not in one:
            words.append(
                f"{NAMES[framework]}: the {one['preset']} network's {one['parameters']:,} parameters take "
                f"{_mib(one['bytes'])} MiB as {one['format']}."
            )
    header = ["", "work", "loaded (MiB)", "peak of the process (MiB)", "framework's own counter (MiB)"]
    return "\n\n".join([markdown(header, rows)] * bool(rows) + words)


def _by_framework(found: dict[str, Any], header: list[str], row: Callable[[dict[str, Any]], list[str]]) -> str:
    rows = [[NAMES[framework], *row(one)] for framework, one in found.items() if "skipped" not in one]
    words = [f"{NAMES[framework]}: skipped, {one['skipped']}" for framework, one in found.items() if "skipped" in one]
    return "\n\n".join([markdown(["", *header], rows)] * bool(rows) + words)


def _interval(found: dict[str, Any]) -> str:
    if found["value"] is None:
        return "-"
    bounds = "" if found["low"] is None else f" [{significant(found['low'])}, {significant(found['high'])}]"
    return f"{significant(found['value'])}{bounds}"


def _mib(size: int | None) -> str:
    return "unknown" if size is None else significant(size / 2**20)
