"""What the numbers that a notebook has just computed mean, in sentences; each says the opposite where it is so.

A function takes the content of a result file and returns paragraphs. Nothing here judges: the verdicts are those of
`vsrlib.claims`, and what would change an answer is said beside it.
"""

import math
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.claims.quality import difference_of, gains_of
from vsrlib.claims.results import is_skipped
from vsrlib.claims.ten_claims import GAIN, NEGLIGIBLE, POST_SECONDS, SAME_LOSSES, TOTAL_SECONDS
from vsrlib.common.files import read_json
from vsrlib.common.names import NAMES
from vsrlib.common.numbers import counted, fixed, interval, percent, significant, units
from vsrlib.parity.report import besides_layers
from vsrlib.report.html import Page


def paragraphs(*texts: str) -> Page:
    """Sentences as HTML, one paragraph for each text that is not empty."""
    kept = [text for text in texts if text]
    return Page("".join(f"<p>{escape(text, quote=False)}</p>" for text in kept), "\n\n".join(kept))


def environment(found: dict[str, Any]) -> Page:
    """What can be run here, from what the check of the frameworks found."""
    usable = [NAMES[name] for name in NAMES if found.get(name, {}).get("usable")]
    lost = [f"{NAMES[name]} ({found[name]['reason']})" for name in NAMES if name in found and not found[name]["usable"]]
    if not lost:
        return paragraphs(
            f"{' and '.join(usable)} can be used here, so every step of the study can be run."
            + (" Each is used in a process of its own, because one counts the memory of the other." * (len(usable) > 1))
        )
    left = f"{' and '.join(usable)} alone is used" if usable else "nothing can be restored or trained"
    return paragraphs(
        f"{' and '.join(lost)} cannot be used here, so {left}: the steps that need what is missing are skipped, and "
        "the "
        "comparison says so instead of leaving a gap. vsrlib doctor names the command that mends it."
    )


def data(manifests: dict[str, dict[str, Any]]) -> Page:
    """What was made, from the manifests of the sets."""
    tests = {name: one for name, one in manifests.items() if "BlurDown" in name}
    learned = sorted(set(manifests) - set(tests))
    clips: dict[str, Any] = next(iter(tests.values()), {"clips": {}})["clips"]
    frames = sum(_count(one) for one in clips.values())
    unseen = (
        f"None of these is among {' or '.join(learned)}: what is learned from is never tested on."
        if learned
        else "Nothing was made to learn from: the clips are yours, and what is learned from them is up to you."
    )
    return paragraphs(
        f"{counted(len(tests), 'test set')} of the same {counted(len(clips), 'clip')}"
        + (f" ({counted(frames, 'frame')})" if frames else "")
        + f": what differs between them is the blur alone. {unseen}",
        "The frames are rounded to 8 bits after the blur, as a camera's are, so that no network could give the truth "
        "back "
        "exactly: what is lost between four pixels is made up from what the neighbours show of it, or from experience.",
    )


def _count(clip: Any) -> int:
    frames = clip.get("frames", 0) if isinstance(clip, dict) else 0
    return frames if isinstance(frames, int) else len(frames)


def look(folder: Path) -> Page:
    """What the two degradations do, from the look.json in a folder."""
    found = read_json(Path(folder) / "look.json")
    rows, kernels = found["bicubic"], found["realistic_beside_gaussian_kernel"]
    psnr = {blur: row["psnr"] for blur, row in rows.items()}
    if None in psnr.values():
        return paragraphs(
            "Bicubic upsampling equals the truth in every frame, as it does where nothing is to be seen: the first "
            "frames of a film are often black. Look at another clip."
        )
    harder = min(psnr, key=lambda blur: psnr[blur])
    easier = max(psnr, key=lambda blur: psnr[blur])
    within = easier if easier == "Gaussian" else easier.lower()  # within a sentence; a name keeps its capital
    apart = psnr[easier] - psnr[harder]
    shift = kernels["centre_error"]
    moved = (
        f"its centre lies {shift:.2f} HR pixels beside the other's, a shift that PSNR counts as error"
        if shift > 0.25
        else f"its centre lies where the other's does ({shift:.2f} HR pixels), so that what PSNR counts is blur alone"
    )
    return paragraphs(
        f"{harder} blur costs bicubic upsampling {apart:.2f} dB more than {within} blur ({psnr[harder]:.2f} "
        f"against {psnr[easier]:.2f} dB). The realistic kernel: {moved}.",
    )


def training(result: dict[str, Any]) -> Page:
    """What a training reached, from the content of train.json."""
    first, last = result["first_loss"], result["last_loss"]
    change = last / first - 1
    steps = counted(result.get("steps_done", result["steps"]), "step")  # one that stopped early has done fewer
    fell = (
        f"The loss fell by {-change:.0%} in {steps}: the gradients point downhill"
        if change < 0
        else f"The loss did not fall ({change:+.0%} in {steps}): too few steps, too high a rate, or a fault"
    )
    objective = (
        f"{', although no' if change < 0 else '. No'} HR frame was shown: the network compares the LR frames with what "
        "it makes of them itself."
        if result["objective"] == "self-supervised"
        else "; the HR frames themselves were the target."
    )
    skipped = len(result.get("skipped_steps", ()))
    if skipped:
        objective += (
            f" In {counted(skipped, 'step')} of these the loss or a gradient was not finite, so that nothing was "
            "learned there: a smaller learning_rate is worth trying."
        )
    if not result["validation"]:
        return paragraphs(f"{fell}{objective}", "No validation was asked for, so nothing is known of unseen frames.")
    begin, end = (result["validation"][place]["psnr"] for place in (0, -1))
    bicubic = result.get("validation_bicubic")
    if begin is None or end is None:
        when = "last" if end is None else "first"
        return paragraphs(f"{fell}{objective}", f"In the {when} validation the restored frames were not finite.")
    beside = "" if bicubic is None else _beside_bicubic(end - bicubic)
    moved = "rose" if end > begin else "fell"
    return paragraphs(
        f"{fell}{objective}",
        f"On the validation clip PSNR {moved} from {begin:.2f} to {end:.2f} dB.{beside}",
    )


def _beside_bicubic(gain: float) -> str:
    if gain < 0:
        return (
            f" That is {-gain:.2f} dB below bicubic upsampling: so short a training compares two frameworks and "
            "restores "
            "nothing, and the study restores with weights that were trained for longer."
        )
    return f" That is {gain:.2f} dB above bicubic upsampling: these weights restore."


def inference(result: dict[str, Any]) -> Page:
    """How good the restored frames are and where the time went, from the content of inference.json."""
    if is_skipped(result):
        return paragraphs(f"Nothing was restored, {result['skipped']}.")
    return paragraphs(_quality(result), _time(result))


def gains_by_clip(result: dict[str, Any]) -> dict[str, list[float]]:
    """Clip -> dB of each frame above bicubic; clips without ground truth, and frames equal to it, are left out."""
    found: dict[str, list[float]] = {}
    for clip in result["clips"]:
        values = [
            frame["psnr"] - frame["bicubic_psnr"]
            for frame in clip["frames"]
            if frame["psnr"] is not None and frame["bicubic_psnr"] is not None
        ]
        if values:
            found[clip["name"]] = values
    return found


def equals_the_truth(result: dict[str, Any]) -> bool:
    """Whether a frame equals its ground truth, restored or by bicubic upsampling, and has no gain for that reason."""
    frames = [frame for clip in result["clips"] for frame in clip["frames"]]
    return any(frame.get("identical") or frame.get("bicubic_identical") for frame in frames)


def _quality(result: dict[str, Any]) -> str:
    gains = {name: float(np.mean(values)) for name, values in gains_by_clip(result).items()}
    if not gains and equals_the_truth(result):
        return "Every frame with ground truth equals it, restored or by bicubic upsampling, so that there is no gain."
    if not gains:
        return "There is no ground truth for these clips, so nothing can be said of quality but what the eye sees."
    worst, best = min(gains, key=lambda name: gains[name]), max(gains, key=lambda name: gains[name])
    better = sum(gain > 0 for gain in gains.values())
    if better == len(gains):
        text = f"Every one of {counted(len(gains), 'clip')} is restored better than bicubic upsampling does"
    elif better:
        text = f"{better} of {counted(len(gains), 'clip')} are restored better than bicubic upsampling does"
    else:
        text = "No clip is restored better than bicubic upsampling does"
    text += f", from {gains[worst]:+.2f} dB ({worst}) to {gains[best]:+.2f} dB ({best})."
    kinds = {clip["kind"] for clip in result["clips"]}
    if len(kinds) > 1:
        text += " Filmed scenes decide; the made ones move as a camera over a photograph does, which is easier."
    return text


def _time(result: dict[str, Any]) -> str:
    frames = [frame for clip in result["clips"] for frame in clip["frames"]]
    if not frames:
        return ""
    parts = {part: float(np.median([frame[part] for frame in frames])) for part in ("pre", "forward", "post")}
    words = {"pre": "reading", "forward": "the forward pass", "post": "scoring and writing"}
    most = max(parts, key=lambda part: parts[part])
    text = (
        f"Of the {significant(1000 * sum(parts.values()))} ms that a frame takes, {words[most]} is the largest part "
        f"({parts[most] / sum(parts.values()):.0%}), by a clock that waits for the work to end."
    )
    timing = result.get("timing")
    if not timing or is_skipped(timing):
        return text
    true, then = (float(np.median(timing[clock]["forward"])) for clock in ("synchronised", "as_reported"))
    unseen = 1 - then / true
    name = NAMES[result["framework"]]
    if unseen > 0.5:
        return (
            f"{text} A clock that does not wait misses {unseen:.0%} of {name}'s forward pass, and counts it as writing."
        )
    return f"{text} A clock that does not wait sees {name}'s forward pass all the same ({unseen:+.0%} missed)."


def comparison(result: dict[str, Any]) -> Page:
    """Whether the frameworks differ, and in what, from the content of comparison.json."""
    return paragraphs(*(_compared(blur, one) for blur, one in result["blurs"].items()), _trained(result["training"]))


def _compared(blur: str, one: dict[str, Any]) -> str:
    difference = difference_of(one["quality"])
    if is_skipped(difference) or difference["psnr"]["value"] is None:
        return f"{blur} blur: the two are not compared {difference.get('skipped', 'because no frame has a PSNR')}."
    psnr, outputs = difference["psnr"], one["outputs"]
    shown = interval(psnr, 4, signed=True)
    if not (outputs["same_weights"] and outputs["same_input"]):
        return (
            f"{blur} blur: Jittor's PSNR differs from PyTorch's by {shown} dB, which says nothing of the frameworks, "
            f"{outputs['skipped']}."
        )
    gain = gains_of(one["quality"]).get("torch", {}).get("psnr", {}).get("value")
    least = NEGLIGIBLE * GAIN["psnr"]
    ends = [abs(psnr[key]) for key in ("value", "low", "high") if psnr[key] is not None]
    differs = "with the same weights and frames Jittor's PSNR differs from PyTorch's by"
    if psnr["low"] is None:
        said = f"{differs} {shown} dB; {too_few(psnr)}"
    elif max(ends) == 0:
        said = f"with the same weights and frames Jittor's PSNR is PyTorch's, on {counted(psnr['n'], 'scene')}"
    elif max(ends) < least:
        said = f"{differs} {fixed(psnr['value'], 4, True)} dB, and an interval over {counted(psnr['n'], 'scene')} "
        said += f"stays within {at_most(max(ends))} dB: the claimed {GAIN['psnr']} dB is "
        said += f"{_times(GAIN['psnr'] / max(ends))} as much"
    else:
        said = f"{differs} {shown} dB, {beyond(psnr)}: a tenth of the claimed {GAIN['psnr']} dB is {least:.2f}"
    beside = "" if gain is None else f". What the network adds to bicubic, {gain:+.2f} dB, is the scale to read it by"
    return f"{blur} blur: {said}{beside}."


def too_few(found: dict[str, Any]) -> str:
    """Why there is no interval of a mean, which then speaks of its own units alone."""
    few = "is" if found["n"] == 1 else "are"
    return f"{units(found)} {few} too few for an interval, so that this is known of no other {found['unit']}"


def beyond(found: dict[str, Any]) -> str:
    """What is said of an interval that goes beyond what is negligible: it may yet hold zero."""
    if found["low"] > 0 or found["high"] < 0:
        return "which is no rounding"
    return "which is shown neither to be a difference nor to be negligible"


def at_most(value: float) -> str:
    """A positive number as one digit that is not smaller: nothing lies beyond what is said to be a bound."""
    step = 10.0 ** math.floor(math.log10(value))
    bound = math.ceil(value / step - 1e-9) * step
    return significant(bound, 1) if bound >= 1e-6 else fixed(bound, 4)


def _times(factor: float) -> str:
    return f"{significant(factor, 2)} times" if factor < 1000 else f"over {10 ** int(np.log10(factor)):,} times"


def _trained(found: dict[str, Any]) -> str:
    agreements = {
        blur: one["agreement"] for blur, one in found.items() if not is_skipped(one.get("agreement", {"skipped": ""}))
    }
    if not agreements:
        return ""
    largest = max(one["smoothed"]["largest"] for one in agreements.values())
    if largest <= SAME_LOSSES:
        return (
            f"Trained from the same start on the same samples, the two losses stay within {percent(largest, 2)} of "
            "each other: they learn the same, and part as slowly as rounding grows."
        )
    return (
        f"Trained from the same start on the same samples, the two losses differ by up to {percent(largest, 2)}, more "
        f"than {SAME_LOSSES:.0%}: rounding alone does not do that in so few steps, and 06_prove_parity says where it "
        "begins."
    )


def parity(result: dict[str, Any]) -> Page:
    """Whether the two networks are the same, from the content of parity.json."""
    if is_skipped(result):
        return paragraphs(f"The networks were not compared {result['skipped']}.")
    count = result["ratios"]["forward"]["count"]
    if result["agree"]:
        typical = result["ratios"]["forward"]["median"]
        return paragraphs(
            f"No layer departs. In {count:,} comparisons the two frameworks lie typically {significant(typical, 2)} "
            "times "
            "as far from each other as float32 itself lies from float64: they are two roundings of one network.",
            "A fault as small as a lost dilation or a shifted grid stands out by orders of magnitude; vsrlib "
            "parity-check "
            "plants such faults and sees that each is found.",
        )
    first, all_in_all = result["first"], f"({counted(len(result['departures']), 'departure')} in all)"
    if besides := besides_layers(result, all_in_all):
        return paragraphs(besides)
    return paragraphs(
        f"The first step that departs is {first['place']} ({first['says']}): up to there the frameworks agree to "
        f"rounding, and from there on what differs is passed on {all_in_all}. Look for the cause in that step, not "
        "after it."
    )


def forensic() -> Page:
    """What the earlier report's own table says, read against itself; nothing is measured."""
    rest = {name: TOTAL_SECONDS[name] - POST_SECONDS[name] for name in TOTAL_SECONDS}
    shares = {name: POST_SECONDS[name] / TOTAL_SECONDS[name] for name in TOTAL_SECONDS}
    moved = POST_SECONDS["jittor"] - POST_SECONDS["torch"]
    mended = TOTAL_SECONDS["jittor"] - POST_SECONDS["torch"]
    return paragraphs(
        f"The earlier report's own row: a frame takes {TOTAL_SECONDS['torch']} s in PyTorch and "
        f"{TOTAL_SECONDS['jittor']} s "
        f"in Jittor, of which post-processing is {POST_SECONDS['torch']:.2f} s ({shares['torch']:.0%}) and "
        f"{POST_SECONDS['jittor']:.2f} s ({shares['jittor']:.0%}). What is left for reading and the network is "
        f"{rest['torch']:.2f} s and {rest['jittor']:.2f} s.",
        f"Post-processing is the same NumPy and PNG work on both sides, and yet it takes {moved:+.2f} s in Jittor. "
        "If that "
        f"is the network's work, waited for there, Jittor's {rest['jittor']:.2f} s become {mended:.2f} s, and the "
        "network is "
        f"{rest['torch'] / mended:.1f} times as fast, not {rest['torch'] / rest['jittor']:.1f} times. The table "
        "alone cannot "
        "say so; the clocks below can show that such a move happens.",
    )
