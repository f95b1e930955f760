"""C2, C3, C4 and C8a: times, by process."""

from typing import Any

from vsrlib.claims.evidence import Evidence
from vsrlib.claims.results import is_skipped
from vsrlib.claims.ten_claims import (
    CONFIRMED,
    CORRELATION_COST,
    MECHANISM,
    NEVER,
    NOT_HERE,
    OUTPUT_SHARE,
    POST_SECONDS,
    REFUTED,
    TOTAL_SECONDS,
    UNSEEN,
)
from vsrlib.claims.verdict import SPEED, Finding, bounds, finding, numbers, said, scaled, undecided
from vsrlib.common.names import NAMES
from vsrlib.common.numbers import significant

_SAVING = 1 - TOTAL_SECONDS["jittor"] / TOTAL_SECONDS["torch"]
_CPU_ONLY = "the claim is about a GPU, and this software's Jittor side runs on the CPU"


def forward(held: Evidence) -> Finding:
    """C2: how much of Jittor's forward pass the earlier report's clock misses."""
    absent = held.absent_costs("processes")
    if absent or held.costs is None:
        return Finding(NOT_HERE, str(absent))
    times = held.costs["processes"]
    share = scaled(times["jittor"]["unseen_share"], lambda part: 100 * part)
    unit = "% of Jittor's forward time unseen"
    if is_skipped(times["ratio"]):
        return Finding(NOT_HERE, times["ratio"]["skipped"])
    then, now = (times["ratio"]["forward"][clock] for clock in ("as_reported", "synchronised"))
    shown = (
        f"timed as the earlier report did, Jittor looks {numbers(then)} times as fast as PyTorch, synchronised it is "
        f"{numbers(now)} times as fast, here on the CPU; {_CPU_ONLY}, so that the speed itself stays open"
    )
    low, high = bounds(share)
    if low > 100 * UNSEEN:
        return finding(MECHANISM, f"the clock stops before the work is done: {shown}", share, unit)
    if high < 100 * UNSEEN:
        return finding(REFUTED, f"the clock sees most of the work: {shown}", share, unit)
    return undecided(f"the processes do not tell whether the clock misses most of it: {shown}", share, unit)


def total(held: Evidence) -> Finding:
    """C3: said, not judged."""
    absent = held.absent_costs("processes")
    if absent or held.costs is None:
        return Finding(NEVER, f"{_CPU_ONLY}; {absent}")
    times = held.costs["processes"]
    spreads = {name: one["total"] for name, one in times["same_framework"].items()}  # none of one process
    reason = _CPU_ONLY
    if spreads:
        apart = "; ".join(
            f"{NAMES[name]} {significant(one['low'])} to {significant(one['high'])}" for name, one in spreads.items()
        )
        reason += f"; two processes of one framework have ratios of total times of {apart}"
    if any(one["high"] >= 1 / (1 - _SAVING) for one in spreads.values()):
        reason += ", so one run tells no 4 %"
    if is_skipped(times["ratio"]):
        return Finding(NEVER, f"{reason}; {times['ratio']['skipped']}")
    return finding(NEVER, reason, times["ratio"]["total"]["synchronised"], SPEED)


def image_output(held: Evidence) -> Finding:
    """C4: how much of the earlier report's post-processing is writing the picture."""
    if held.costs is None:
        return Finding(NOT_HERE, "this run holds no measurement of costs")
    parts = held.costs["image_output"]
    if is_skipped(parts):
        return Finding(NOT_HERE, parts["skipped"])
    share = scaled(parts["png_share"], lambda part: 100 * part)
    unit = "% of its post-processing"
    ssim = scaled(parts["ssim_share"], lambda part: 100 * part)
    shown = (
        f"SSIM three times over takes {numbers(ssim)} % of it; one frame of "
        f"{parts['hr_size'][1]}x{parts['hr_size'][0]} takes {significant(parts['sum']['value'])} s here, "
        f"where the report has {POST_SECONDS['torch']} s and {POST_SECONDS['jittor']} s"
    )
    low, high = bounds(share)
    if low > 100 * OUTPUT_SHARE:
        return finding(CONFIRMED, f"writing the picture is nearly all of it; {shown}", share, unit)
    if high < 50:
        return finding(REFUTED, f"most of it is no image output: {shown}", share, unit)
    return undecided(
        f"the processes do not tell whether writing the picture is nearly all of it, or less than half; {shown}",
        share,
        unit,
    )


def correlation(held: Evidence) -> Finding:
    """C8a: what the pure-tensor correlation costs a frame in PyTorch."""
    if held.costs is None or is_skipped(held.costs["correlation"]["torch"]):
        return Finding(NOT_HERE, "this run holds no measurement of the correlation kernels")
    kernels = {name: one for name, one in held.costs["correlation"]["torch"].items() if not is_skipped(one)}
    if len(kernels) < 2 or "pure" not in kernels:
        return Finding(NOT_HERE, "there is one correlation kernel only here")
    fastest = min((name for name in kernels if name != "pure"), key=lambda name: _seconds(kernels[name]))
    percent = scaled(kernels["pure"]["ratio"], lambda ratio: 100 * (ratio - 1))
    unit, (low, high) = "% more time per frame", CORRELATION_COST
    if fastest != "cuda":
        lacking = (
            "the claim is about the CUDA kernel, which did not run here"
            if "cuda" not in kernels
            else ("the CUDA kernel, which the claim is about, is not the fastest here")
        )
        return finding(NOT_HERE, f"{lacking}; this figure is against the kernel {fastest}", percent, unit)
    if bounds(percent)[1] < low or bounds(percent)[0] > high:
        return finding(REFUTED, f"it costs other than {low} to {high} %, {said(percent, '%')}", percent, unit)
    if bounds(percent)[0] >= low and bounds(percent)[1] <= high:
        return finding(CONFIRMED, f"within {low} to {high} %", percent, unit)
    return undecided(f"the processes do not tell whether it is within {low} to {high} %", percent, unit)


def _seconds(kernel: dict[str, Any]) -> float:
    return float(kernel["frame_seconds"]["value"])
