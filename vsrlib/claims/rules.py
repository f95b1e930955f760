"""The rules for what comparison.json holds: quality, time, memory and size."""

from collections.abc import Sequence

from vsrlib.claims import results
from vsrlib.claims.quality import difference_of
from vsrlib.claims.results import is_skipped
from vsrlib.claims.ten_claims import (
    FORWARD_RATIO,
    GAIN,
    MODEL_MEBIBYTES,
    NEGLIGIBLE,
    POST_SHARE,
    SAME_LOSSES,
    TOTAL_SECONDS,
)
from vsrlib.claims.verdict import SPEED, Finding, bounds, finding, negligible, numbers, reaches, scaled
from vsrlib.common.names import FILMED, FRAMEWORKS
from vsrlib.common.numbers import significant

_NO_GPU = "the claim is about a GPU and this run had none"


def quality(blur: dict) -> Finding:
    """C1: the difference in quality on filmed scenes, paired by frame."""
    unfit = _why_no_difference(blur)
    if unfit:
        return Finding("not testable here", unfit)
    difference = difference_of(blur["quality"], FILMED)
    if _agree(difference):
        verdict, reason = "refuted", "with equal weights and input, two implementations of one network agree"
    elif all(bounds(difference[metric])[1] < NEGLIGIBLE * gain for metric, gain in GAIN.items()):
        verdict, reason = (
            "refuted",
            "with equal weights and input Jittor is not better, but the two do not agree either",
        )
    elif all(reaches(difference[metric], gain) for metric, gain in GAIN.items()):
        verdict, reason = "confirmed", "with equal weights and input the differences reach the claimed ones"
    else:
        verdict, reason = "unsupported", "the differences are neither negligible nor both as large as claimed"
    return finding(verdict, f"{reason} (SSIM: {numbers(difference['ssim'], 'SSIM')})", difference["psnr"], "dB")


def forward(blur: dict) -> Finding:
    """C2: the ratio of the forward times."""
    missing = _why_no_times(blur)
    if missing:
        return Finding("not testable here", missing)
    ratio, then = (blur["timing"]["ratio"][protocol]["forward"] for protocol in ("synchronised", "as_reported"))
    high = bounds(ratio)[1]
    if high < FORWARD_RATIO <= bounds(then)[0]:
        reason = f"without synchronisation it appears to be {numbers(then)}; this figure is synchronised"
        return finding("artefact", reason, ratio, SPEED)
    if not _on_gpu(blur):
        reason = f"{_NO_GPU}, nor does timing without synchronisation show the claimed ratio"
        return finding("not testable here", reason, ratio, SPEED)
    if high < FORWARD_RATIO:
        return finding("refuted", "synchronised, the ratio lies below the claimed one", ratio, SPEED)
    if reaches(ratio, FORWARD_RATIO):
        return finding("confirmed", "synchronised, the ratio reaches the claimed one", ratio, SPEED)
    return finding("unsupported", "the spread holds the claimed ratio and also less than half of it", ratio, SPEED)


def total(blur: dict) -> Finding:
    """C3: the ratio of the total times, judged by the share of time that Jittor saves."""
    missing = _why_no_times(blur)
    if missing:
        return Finding("not testable here", missing)
    ratio = blur["timing"]["ratio"]["synchronised"]["total"]
    saving = scaled(ratio, lambda speed: 1 - 1 / speed)
    claimed = 1 - TOTAL_SECONDS["jittor"] / TOTAL_SECONDS["torch"]
    if not _on_gpu(blur):
        return finding("not testable here", _NO_GPU, ratio, SPEED)
    if bounds(saving)[1] < claimed:
        return finding("refuted", "the spread lies below the claimed saving", ratio, SPEED)
    if reaches(saving, claimed):
        return finding("confirmed", "the spread reaches the claimed saving", ratio, SPEED)
    return finding("unsupported", "the spread holds the claimed saving and also less than half of it", ratio, SPEED)


def image_output(blur: dict) -> Finding:
    """C4: the share of post-processing."""
    jittor = blur["timing"]["jittor"]
    if is_skipped(jittor):
        return Finding("not testable here", jittor["skipped"].removeprefix("because "))
    share, then = (
        scaled(jittor["post_share"][protocol], lambda part: 100 * part) for protocol in ("synchronised", "as_reported")
    )
    (low, high), then_low, limit = bounds(share), bounds(then)[0], 100 * POST_SHARE
    unit, shown = "% of the time", f"without synchronisation it appears to be {numbers(then)} %"
    if low > limit:
        return finding("confirmed", "synchronised, post-processing takes that much", share, unit)
    if high < limit < then_low:
        return finding("artefact", f"{shown}; this figure is synchronised", share, unit)
    if high < limit:
        reason = f"synchronised, post-processing takes less than claimed; {shown}"
        return finding("refuted", reason, share, unit)
    return finding("unsupported", "the repeats do not tell the share from the claimed one", share, unit)


def memory(comparison: dict) -> Finding:
    """C5: process memory of the two trainings."""
    reason = "nothing was measured then, and this run does not measure GPU memory of the published training"
    for training in comparison["training"].values():
        if not is_skipped(training["agreement"]):
            peaks = [training[framework]["peak_memory_mib"] for framework in FRAMEWORKS]
            return Finding("unsupported", reason, peaks[1] / peaks[0], "times PyTorch's process memory, small training")
    return Finding("unsupported", reason)


def model_size(blur: dict) -> Finding:
    """C6: size of the weights files."""
    runs = [blur["runs"][framework] for framework in FRAMEWORKS]
    weights = [run["weights"] for run in runs]
    if any(one["sha256"] is None for one in weights):
        return Finding("not testable here", "a framework drew its initial values and read no file")
    sizes = [one["bytes"] / 2**20 for one in weights]
    if weights[0]["sha256"] == weights[1]["sha256"]:
        measured = "both frameworks read one and the same file, of this size"
    else:
        measured = "PyTorch's file has {} MiB, Jittor's {} MiB".format(*map(significant, sizes))
    verdict, figure = size_verdict(sizes)
    if any(run["preset"] != "published" for run in runs):
        return Finding("not testable here", f"a smaller network than the published one; {measured}", figure, "MiB")
    return Finding(verdict, measured, figure, "MiB")


def size_verdict(mebibytes: Sequence[float]) -> tuple[str, float]:
    """C6 for files of the published network, and which of them is the furthest from the claimed size."""
    furthest = max(mebibytes, key=lambda size: abs(size - MODEL_MEBIBYTES))
    return "confirmed" if abs(furthest - MODEL_MEBIBYTES) <= 1 else "refuted", furthest


def equivalence(blur: dict, trainings: dict) -> Finding:
    """C9: whether this run's two implementations agree."""
    unfit = _why_no_difference(blur)
    if unfit:
        return Finding("unsupported", unfit)
    difference = difference_of(blur["quality"], FILMED)
    if not _agree(difference):
        return finding("unsupported", "this run's own two implementations differ", difference["psnr"], "dB")
    agreements = [one["agreement"] for one in trainings.values() if not is_skipped(one["agreement"])]
    apart = max((one["smoothed"]["largest"] for one in agreements), default=None)
    if apart is not None and apart > SAME_LOSSES:
        reason = f"this run's own two trainings differ, by up to {apart:.2%} of the smoothed loss"
        return finding("unsupported", reason, difference["psnr"], "dB")
    losses = "no training was compared" if apart is None else f"smoothed training losses agree to {apart:.2%}"
    reason = (
        f"this run's two implementations are equivalent: with equal weights and input they differ by "
        f"{numbers(difference['psnr'], 'dB')} dB, and {losses}. "
        f"The earlier two, which differ by {GAIN['psnr']} dB with what is called the same weights, were not"
    )
    return finding("refuted", reason, difference["psnr"], "dB")


def recommendation(found: dict[str, Finding]) -> Finding:
    """C10: what follows from C1, C2 and C5."""
    verdicts = [found[name].verdict for name in ("C1", "C2", "C5")]
    reason = "C1 is {}, C2 {}, C5 {}".format(*verdicts)
    if all(verdict == "confirmed" for verdict in verdicts):
        return Finding("confirmed", reason)
    if "confirmed" not in verdicts and {"refuted", "artefact"} & set(verdicts):
        return Finding("refuted", reason)
    return Finding("unsupported", reason)


def _agree(difference: dict) -> bool:
    return all(negligible(difference[metric], metric) for metric in GAIN)


def _why_no_difference(blur: dict) -> str | None:
    """Why the runs give no difference in quality of one network on one input; None if they do."""
    outputs, difference = blur["outputs"], difference_of(blur["quality"], FILMED)
    for section in (outputs, difference):
        if is_skipped(section):
            return section["skipped"].removeprefix("because ")
    differing = results.unlike_fields(blur["runs"], ("preset", "engine", "border"))
    if differing:
        return f"the two runs differ in {'; '.join(differing)}"
    if difference["left_out_in_one"]:
        return f"{difference['left_out_in_one']} frames equal the truth in one framework only, an infinite difference"
    return None if difference["psnr"]["n"] else "every frame equals the truth, so that PSNR is infinite"


def _why_no_times(blur: dict) -> str | None:
    ratio = blur["timing"]["ratio"]
    return ratio["skipped"].removeprefix("because ") if is_skipped(ratio) else None


def _on_gpu(blur: dict) -> bool:
    return all(blur["runs"][framework]["device_type"] == "cuda" for framework in FRAMEWORKS)
