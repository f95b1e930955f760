"""What other measurements of a run add to the comparison's: ablation, parity with float64, and costs."""

from dataclasses import dataclass, replace
from typing import Any

from vsrlib.claims.ablation.table import REACHED, SIDES, reach
from vsrlib.claims.results import is_skipped
from vsrlib.claims.rules import size_verdict
from vsrlib.claims.ten_claims import CORRELATION_COST, GAIN, TRAINING_MEMORY
from vsrlib.claims.verdict import SPEED, Finding, bounds, finding, negligible, numbers, scaled
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.common.numbers import interval, significant

WRONG_GRADIENT = 1e-4
"""Relative error of a correlation's gradients from which on it changes more than time."""


@dataclass(frozen=True)
class Evidence:
    """Contents of ablation.json, parity.json and costs.json; None for what was not measured."""

    ablation: dict[str, Any] | None = None
    parity: dict[str, Any] | None = None
    costs: dict[str, Any] | None = None


def with_ablation(found: Finding, ablation: dict[str, Any] | None) -> Finding:
    """C1: what the earlier sides' own faults explain, and what a mix-up of frames or weights would."""
    if ablation is None:
        return found
    same, sides = _sides(ablation)
    if same is None:
        return found
    able = [name for name, effect in sides.items() if reach(effect) in REACHED]
    mixed = (
        f"of {len(sides)} mix-ups of frames or weights {len(able)} reach {GAIN['psnr']} dB"
        f"{' (' + '; '.join(able) + ')' if able else ''}"
    )
    weak = "" if _has_power(ablation) else ", with weights that hardly use the neighbouring frames"
    return replace(
        found,
        reason=f"{found.reason}. The faults of the two earlier implementations account for "
        f"{interval(same, 3, signed=True)} dB on {ablation['ran_on']}{weak}; {mixed}",
    )


def with_sides(found: Finding, ablation: dict[str, Any] | None) -> Finding:
    """C9: how far the earlier two implementations, rebuilt in one network, differ with the same weights and frames."""
    same = None if ablation is None else _sides(ablation)[0]
    if ablation is None or same is None or found.verdict != "refuted":
        return found
    low, high = bounds(same)
    if not _has_power(ablation):
        verdict, words = "unsupported", "by this figure, but with weights that hardly use the neighbouring frames"
    elif low > 0 or high < 0:
        verdict, words = "refuted", "by this figure"
    elif negligible(same):
        verdict, words = "confirmed", "by no more than this figure"
    elif same["low"] is None:
        verdict, words = "unsupported", "by this figure, which is of too few clips for an interval"
    else:
        words = "by this figure, whose interval holds zero and also more than a tenth of C1's gain"
        verdict = "unsupported"
    faults = "the faults of the two earlier implementations, reproduced in one network"
    reason = f"{faults}, change its PSNR {words}, on {ablation['ran_on']}"
    own = found.reason.partition(". ")[0]  # what this run's own two do
    return finding(verdict, f"{reason}; {own}", same, "dB")


def _sides(ablation: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, dict[str, Any]]]:
    """The earlier Jittor side minus the earlier PyTorch side: with the same weights and frames, and with mix-ups."""
    sides = {one["name"]: one["effect"] for one in ablation["effects"] if one["group"] == SIDES}
    return sides.pop("same weights, same frames", None), sides


def _has_power(ablation: dict[str, Any]) -> bool:
    """Whether the weights use the neighbouring frames enough for a fault of the alignment to show."""
    return all(one["enough"] for one in ablation["power"].values() if one)


def with_parity(found: Finding, parity: dict[str, Any] | None) -> Finding:
    """C9: what the layer-by-layer comparison of the two networks with float64 says."""
    if parity is None or is_skipped(parity):
        return found
    if parity["agree"]:
        words = "Compared with float64, they diverge in no layer, gradient or training step"
        return replace(found, reason=f"{found.reason}. {words}")
    first = "the training" if parity["first"] is None else parity["first"]["place"]
    return replace(found, verdict="unsupported", reason=f"this run's own two implementations diverge, first in {first}")


def installing(costs: dict[str, Any] | None) -> Finding:
    """C7: whether each framework restores a frame where there is no compiler."""
    if costs is None:
        return Finding("not testable here", "this run holds no measurement of installing and compiling")
    tried = costs["without_compiler"]
    absent = [f"{NAMES[name]}: {tried[name]['skipped']}" for name in FRAMEWORKS if is_skipped(tried[name])]
    if absent:
        return Finding("not testable here", "; ".join(absent))
    works = {name: tried[name]["works"] for name in FRAMEWORKS}
    words = ", ".join(f"{NAMES[name]} {'works' if works[name] else 'does not work'}" for name in FRAMEWORKS)
    compiled = costs["first_use"]["jittor"]["compiled_files"]
    reason = f"without a compiler {words}; Jittor had compiled {compiled} files here"
    verdict = "refuted" if not works["jittor"] else "unsupported" if works["torch"] else "confirmed"
    return Finding(verdict, reason, compiled, "files compiled by Jittor")


def correlation(costs: dict[str, Any] | None) -> Finding:
    """C8: what the pure-tensor correlation costs a frame in PyTorch, and whether its gradients are right."""
    if costs is None or is_skipped(costs["correlation"]["torch"]):
        return Finding("not testable here", "this run holds no measurement of the correlation kernels")
    kernels = {name: one for name, one in costs["correlation"]["torch"].items() if not is_skipped(one)}
    if len(kernels) < 2 or "pure" not in kernels:
        return Finding("not testable here", "there is one correlation kernel only here")
    pure = kernels["pure"]
    percent = scaled(pure["ratio"], lambda ratio: 100 * (ratio - 1))
    unit, others = "% more time per frame", " and ".join(name for name in kernels if name != "pure")
    if pure["zero_gradient"] or pure["gradient_error"] > WRONG_GRADIENT:
        wrong = (
            "are zero" if pure["zero_gradient"] else f"are wrong by {significant(pure['gradient_error'])} of their norm"
        )
        return finding("refuted", f"its gradients {wrong}, so that it changes what is learned", percent, unit)
    right = f"relative to {others}; its gradients are accurate to {pure['gradient_error']:.0e} of their norm"
    low, high = CORRELATION_COST
    if "cuda" not in kernels:
        lacking = f"the claim is about the CUDA kernel, which did not run here; this figure is {right}"
        return finding("not testable here", lacking, percent, unit)
    if bounds(percent)[1] < low or bounds(percent)[0] > high:
        return finding("refuted", f"it costs {numbers(percent)} % {right}", percent, unit)
    if bounds(percent)[0] >= low and bounds(percent)[1] <= high:
        return finding("confirmed", f"within {low} to {high} %, {right}", percent, unit)
    return finding("unsupported", f"the spread holds more than {low} to {high} %, {right}", percent, unit)


def with_output(found: Finding, costs: dict[str, Any] | None) -> Finding:
    """C4: what image output takes by itself."""
    if costs is None:
        return found
    parts = costs["image_output"]
    if is_skipped(parts):
        return found
    seconds = parts.get("seconds", parts)  # a file of an earlier version has no processes in it
    words = ", ".join(
        f"{label} {significant(1000 * seconds[key]['value'])} ms"
        for key, label in (("png", "PNG"), ("ssim_once", "SSIM"), ("ssim_three_times", "SSIM three times over"))
    )
    return replace(
        found, reason=f"{found.reason}. One HR frame of {parts['hr_size'][1]}x{parts['hr_size'][0]}: {words}"
    )


def with_memory(found: Finding, costs: dict[str, Any] | None) -> Finding:
    """C5: memory of equal work in fresh processes: a GPU's, which the claim is about, or the processes' peaks."""
    held = {} if costs is None else costs["memory"]
    peaks = {
        work: [held[name][work]["peak_mib"] for name in FRAMEWORKS]
        for work in ("training", "inference")
        if not any(is_skipped(held.get(name, {"skipped": ""})) or is_skipped(held[name][work]) for name in FRAMEWORKS)
    }
    if costs is None or "training" not in peaks:
        return found
    options = costs["options"]
    shown = "; ".join(
        f"{work} {' and '.join(f'{significant(peak)} MiB' for peak in pair)}" for work, pair in peaks.items()
    )
    trained = [held[name]["training"] for name in FRAMEWORKS]
    if options["preset"] == "published" and all(one.get("device_type") == "cuda" for one in trained):
        return _gpu_memory([one["own_mib"] for one in trained])
    where = f"{options['preset']} network, {options['size'][0]}x{options['size'][1]}, {options['device']}"
    return replace(
        found,
        reason=f"{found.reason}. Peak of a process, PyTorch and Jittor, {where}: {shown}",
        figure=peaks["training"][1] / peaks["training"][0],
        unit="times PyTorch's process memory in training",
    )


def _gpu_memory(mebibytes: list[float]) -> Finding:
    ratio, (low, high) = mebibytes[1] / mebibytes[0], TRAINING_MEMORY
    shown = " and ".join(f"{significant(one)} MiB" for one in mebibytes)
    reason = f"the published network trained on a GPU with, by the counters of PyTorch and Jittor, {shown}"
    verdict = "confirmed" if low <= ratio <= high else "refuted"
    return Finding(verdict, reason, ratio, "times PyTorch's GPU memory in training")


def with_model_size(found: Finding, costs: dict[str, Any] | None) -> Finding:
    """C6: where the run used another network, the published one's file with initial values, which is as large."""
    sizes = {} if costs is None else costs["model_size"]
    if found.verdict != "not testable here" or any(is_skipped(sizes.get(name, {"skipped": ""})) for name in FRAMEWORKS):
        return found
    mebibytes = {name: sizes[name]["bytes"] / 2**20 for name in FRAMEWORKS}
    verdict, figure = size_verdict(list(mebibytes.values()))
    words = ", ".join(f"{NAMES[name]} {sizes[name]['format']} {mebibytes[name]:.1f} MiB" for name in FRAMEWORKS)
    reason = f"the published network's {sizes['torch']['parameters']:,} parameters, with initial values, take: {words}"
    return Finding(verdict, reason, figure, "MiB")


def by_use(
    comparison_findings: dict[str, Finding], blur: dict[str, Any] | None, costs: dict[str, Any] | None
) -> list[dict[str, str]]:
    """Which framework to choose, by use, as far as the figures say: {"use", "choose", "because"}."""
    rows = []
    quality = comparison_findings["C1"]
    if quality.verdict in ("refuted", "confirmed"):
        low, high = quality.interval or (None, None)
        alike = negligible({"low": low, "high": high})
        choose = "either" if alike else "Jittor" if quality.verdict == "confirmed" else "PyTorch"
        shown = numbers({"value": quality.figure, "low": None, "high": None}, "dB")
        rows.append({"use": "quality", "choose": choose, "because": f"with the same weights they differ by {shown} dB"})
    ratio = None if blur is None else blur["timing"]["ratio"]
    if ratio is not None and not is_skipped(ratio):
        found = ratio["synchronised"]["forward"]
        low, high = bounds(found)
        choose = "Jittor" if low > 1 else "PyTorch" if high < 1 else "either"
        because = f"Jittor's forward pass runs at {numbers(found)} {SPEED}"
        rows.append({"use": "speed of restoration, here", "choose": choose, "because": because})
    if costs is not None and not any(is_skipped(costs["without_compiler"][name]) for name in FRAMEWORKS):
        works = [name for name in FRAMEWORKS if costs["without_compiler"][name]["works"]]
        if len(works) == 1:
            (other,) = set(FRAMEWORKS) - set(works)
            because = f"{NAMES[other]} does not run there"
            rows.append({"use": "a machine without a compiler", "choose": NAMES[works[0]], "because": because})
        sizes = {name: costs["install"][name]["bytes"] for name in FRAMEWORKS}
        megabytes = ", ".join(f"{NAMES[name]} {sizes[name] / 2**20:.0f} MiB" for name in FRAMEWORKS)
        because = f"installed with what they need: {megabytes}"
        smallest = NAMES[min(sizes, key=sizes.__getitem__)]
        rows.append({"use": "little disk space", "choose": smallest, "because": because})
    return rows
