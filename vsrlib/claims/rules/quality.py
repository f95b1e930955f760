"""C1 and C9a: the difference in quality, by scene, and what the earlier two sides' own faults amount to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from vsrlib.claims import results
from vsrlib.claims.ablation.table import SIDES
from vsrlib.claims.evidence import Evidence, is_published
from vsrlib.claims.results import is_skipped
from vsrlib.claims.ten_claims import (
    CONFIRMED,
    ENOUGH,
    GAIN,
    MECHANISM,
    NEGLIGIBLE,
    NOT_HERE,
    REFUTED,
    SAME_LOSSES,
    SIGNIFICANT,
    UNDECIDED,
    UNKNOWN,
)
from vsrlib.claims.verdict import Finding, bounds, finding, negligible, reaches, said, undecided
from vsrlib.common.names import BLURS
from vsrlib.common.numbers import FEWEST, holm, percent
from vsrlib.data.sets.addresses import released_file

SAME = "same weights, same frames"
"""The contrast of the two sides without a mix-up."""


def precision(held: Evidence) -> Finding:
    """C1a: Jittor minus PyTorch with equal weights and frames, in each blur."""
    if not held.blurs:
        return Finding(NOT_HERE, held.one_framework())
    found = {blur: _difference(one) for blur, one in held.blurs.items()}
    first = next(iter(found.values()))
    differing = {one.verdict for one in found.values()}
    if len(differing) > 1:
        shown = {blur: f" ({said(one, 'dB')})" for blur, one in psnr_by_blur(held).items()}
        words = "; ".join(f"{blur} {one.verdict}{shown.get(blur, '')}" for blur, one in found.items())
        return replace(first, verdict=UNDECIDED, reason=f"the blurs disagree: {words}")
    furthest = max(found.values(), key=lambda one: abs(one.figure or 0))
    dose = held.experiments.get("precision")
    return furthest if dose is None else replace(furthest, reason=f"{furthest.reason}{_dose(dose)}")


def psnr_by_blur(held: Evidence) -> dict[str, dict[str, Any]]:
    """Blur -> Jittor minus PyTorch in dB with equal weights and frames, where this run has it."""
    known = {blur: one for blur, one in held.blurs.items() if _why_no_difference(one) is None}
    return {blur: one["quality"]["filmed"]["difference"]["psnr"] for blur, one in known.items()}


def difference_explained(held: Evidence) -> Finding:
    """C1b: whether a fault or a mix-up reaches the claimed gain."""
    ablation = held.contrasts
    contrasts = _sides(ablation)
    if ablation is None or not contrasts:
        return Finding(NOT_HERE, "this run holds no ablation of the earlier two sides")
    same = contrasts[SAME]["effect"] if SAME in contrasts else None
    if same is not None and _released_on_reds4(ablation):
        return _on_reds4(contrasts[SAME])
    largest_name = max(contrasts, key=lambda name: contrasts[name]["effect"]["value"])
    largest = contrasts[largest_name]["effect"]
    if largest["n"] < FEWEST:
        few = f"the ablation ran on {largest['n']} filmed scenes, which are too few for an interval"
        return finding(NOT_HERE, few, largest, "dB")
    able = {name: one for name, one in contrasts.items() if reaches(one["effect"], GAIN["psnr"])}
    reaching = [name for name, one in able.items() if one["corrected"] < SIGNIFICANT]
    fitting, measured = _fitting(held.experiments.get("measurement"))
    known = "" if same is None else f"; with the same weights and frames the earlier two differ by {said(same, 'dB')}"
    of = f"the largest of {len(contrasts)} contrasts of the earlier two sides ({largest_name})"
    if reaching or fitting:
        words = (
            f"{'; '.join(reaching)} would reach the claim" if reaching else "no fault or mix-up of frames reaches it"
        )
        return finding(MECHANISM, f"{words}; {measured}{known}", largest, "dB")
    if all(bounds(one["effect"])[1] < GAIN["psnr"] for one in contrasts.values()):
        return finding(UNKNOWN, f"this is {of}, and lies below the claim; {measured}{known}", largest, "dB")
    return undecided(f"this is {of}, and its interval does not settle it; {measured}{known}", largest, "dB")


def same_outputs(held: Evidence) -> Finding:
    """C9a: whether the earlier two implementations, rebuilt in one network, give the same pictures."""
    apart = _own_two_differ(held)
    if apart:
        return Finding(UNDECIDED, apart)
    ablation = held.contrasts
    contrasts = _sides(ablation)
    if ablation is None or SAME not in contrasts:
        return Finding(NOT_HERE, "this run holds no ablation of the earlier two sides")
    found = contrasts[SAME]
    effect, (low, high) = found["effect"], bounds(found["effect"])
    p = f"p {found['corrected']:.2g} after correction"
    what = f"their faults, put into one network, change its PSNR by this figure ({p}), {ablation['ran_on']}"
    if not has_power(ablation):
        return undecided(f"{what}, but these weights hardly use the neighbouring frames", effect, "dB")
    if found["corrected"] < SIGNIFICANT and (low > 0 or high < 0):
        little = ": they differ, but by less than a tenth of the gain of C1" if negligible(effect) else ""
        return finding(REFUTED, what + little, effect, "dB")
    if negligible(effect):
        return finding(CONFIRMED, f"{what}, which is within a tenth of the gain of C1", effect, "dB")
    return undecided(f"{what}, which settles nothing", effect, "dB")


def has_power(ablation: dict[str, Any]) -> bool:
    """Whether the weights use the neighbouring frames enough for a fault of the alignment to show."""
    return all(one["enough"] for one in ablation["power"].values() if one)


def _difference(blur: dict[str, Any]) -> Finding:
    unfit = _why_no_difference(blur)
    if unfit:
        return Finding(NOT_HERE, unfit)
    difference = blur["quality"]["filmed"]["difference"]
    shown = f"SSIM: {said(difference['ssim'], 'SSIM')}"
    if _agree(difference):
        words = f"with equal weights and frames, two implementations of one network agree ({shown})"
        return finding(REFUTED, words, difference["psnr"], "dB")
    if all(bounds(difference[metric])[1] < NEGLIGIBLE * gain for metric, gain in GAIN.items()):
        words = f"with equal weights and frames Jittor is not better, but the two do not agree either ({shown})"
        return finding(REFUTED, words, difference["psnr"], "dB")
    if all(reaches(difference[metric], gain) for metric, gain in GAIN.items()):
        words = f"with equal weights and frames the differences reach the claimed ones ({shown})"
        return finding(CONFIRMED, words, difference["psnr"], "dB")
    words = f"the differences are shown neither to be negligible nor to be both as large as claimed ({shown})"
    return undecided(words, difference["psnr"], "dB")


def _agree(difference: dict[str, Any]) -> bool:
    return all(negligible(difference[metric], metric) for metric in GAIN)


def _dose(precision: dict[str, Any]) -> str:
    """What the experiment with shorter mantissas says, of the blur that loses most."""
    worst = max(precision["blurs"].values(), key=lambda blur: blur["doses"][-1]["loss"]["value"])
    loss = {one["bits"]: one["loss"] for one in worst["doses"]}
    at = worst["reached_at"]
    enough = (
        f"and with {worst['doses'][-1]['bits']} bits it is still too little"
        if at is None
        else f"and it takes {at:.1f} bits"
    )
    return (
        f"; convolutions rounded to TF32's 10 bits of mantissa lose {said(loss[10], 'dB')}, to bfloat16's 7 bits "
        f"{said(loss[7], 'dB')}, {enough} to lose {GAIN['psnr']} dB"
    )


def _sides(ablation: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The earlier Jittor side minus the earlier PyTorch side: with the same weights and frames, and with mix-ups.

    Each has "corrected", its p for as many contrasts as there are of the two sides: the others answer other questions.
    """
    effects = [] if ablation is None else ablation["effects"]
    sides = [one for one in effects if one["group"] == SIDES and one["effect"]["value"] is not None]
    corrected = holm([one["p"] for one in sides])
    return {one["name"]: one | {"corrected": p} for one, p in zip(sides, corrected, strict=True)}


def _released_on_reds4(ablation: dict[str, Any]) -> bool:
    """Whether an ablation ran on REDS4, and with the released weights, which their files' names say."""
    scenes = {"000", "011", "015", "020"}
    released = {Path(released_file(blur)).name for blur in BLURS}
    names = {Path(file["path"]).name for file in ablation["weights"].values()}
    return (
        is_published(ablation)
        and names <= released
        and any(scenes <= set(one["by_scene"]) and len(one["by_scene"]) == len(scenes) for one in ablation["effects"])
    )


def _on_reds4(contrast: dict[str, Any]) -> Finding:
    """By the first amendment: the claim is about these four clips, whose mean is taken as it is."""
    effect, gain = contrast["effect"], GAIN["psnr"]
    signs = all(value > 0 for value in contrast["by_scene"].values())
    if abs(effect["value"] - gain) <= NEGLIGIBLE * gain and signs:
        return finding(
            CONFIRMED, "the earlier two sides' faults make it on REDS4 with the released weights", effect, "dB"
        )
    if effect["value"] < ENOUGH * gain:
        return finding(
            REFUTED, "on REDS4 with the released weights their faults make less than half of it", effect, "dB"
        )
    return finding(
        UNDECIDED, "on REDS4 with the released weights it is neither as claimed nor below half", effect, "dB"
    )


def _fitting(measurement: dict[str, Any] | None) -> tuple[bool, str]:
    """Whether a mix-up of the measurement fits all published figures at once, in their blur; and in words."""
    if measurement is None:
        return False, "mix-ups of the measurement were not at hand"
    found = measurement["blurs"]["Realistic"]
    count, nearest = found["meeting"]["all"], found["nearest"]
    torch, jittor = nearest["torch"], nearest["jittor"]
    differing = [
        f"{key.replace('_', ' ')} {torch[key]} against {jittor[key]}" for key in torch if torch[key] != jittor[key]
    ]
    return count > 0, (
        f"of {found['pairs']:,} mix-ups of the measurement {count:,} fit all published figures at once; the nearest "
        f"({', '.join(differing)}) makes {said(nearest['psnr'], 'dB')}, and {said(nearest['ssim'], 'SSIM')}"
    )


def _own_two_differ(held: Evidence) -> str | None:
    """Why nothing is said of the earlier two: this run's own two implementations do not agree. None if they do."""
    if not held.blurs:
        return held.one_framework()
    for blur, one in held.blurs.items():
        unfit = _why_no_difference(one)
        difference = one["quality"]["filmed"].get("difference")
        if unfit or not _agree(difference):
            found = unfit or f"they differ by {said(difference['psnr'], 'dB')}, and {said(difference['ssim'], 'SSIM')}"
            return f"this run's own two implementations were not shown to agree ({blur}: {found})"
    trainings = [one["agreement"] for one in held.comparison["training"].values()]
    losses = max((one["smoothed"]["largest"] for one in trainings if not is_skipped(one)), default=0.0)
    if losses > SAME_LOSSES:
        return f"this run's own two trainings differ, by up to {percent(losses, 2)} of the smoothed loss"
    if held.parity is not None and not is_skipped(held.parity) and not held.parity["agree"]:
        first = "the training" if held.parity["first"] is None else held.parity["first"]["place"]
        return f"this run's own two implementations diverge, first in {first}"
    return None


def _why_no_difference(blur: dict[str, Any]) -> str | None:
    """Why the runs give no difference in quality of one network on one input; None if they do."""
    filmed = blur["quality"]["filmed"]
    sections = [blur["outputs"], filmed, *([] if is_skipped(filmed) else [filmed["difference"]])]
    for section in sections:
        if is_skipped(section):
            return section["skipped"].removeprefix("because ")
    differing = results.unlike_fields(blur["runs"], ("preset", "engine", "border"))
    if differing:
        return f"the two runs differ in {'; '.join(differing)}"
    difference = filmed["difference"]
    if difference["left_out_in_one"]:
        return f"{difference['left_out_in_one']} frames equal the truth in one framework only, an infinite difference"
    return None if difference["psnr"]["n"] else "every frame equals the truth, so that PSNR is infinite"
