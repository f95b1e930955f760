"""The ablation in words and as a Markdown table."""

from typing import Any

from vsrlib.claims.ten_claims import GAIN
from vsrlib.common.names import FILMED, MADE
from vsrlib.common.numbers import FEWEST, counted, interval, markdown

SIDES = "the earlier Jittor side minus the earlier PyTorch side"
"""The group of the contrasts that bear on claim C1."""
CLAIMED = GAIN["psnr"]
"""dB that the earlier report says Jittor is better by."""
MOVES = 0.1
"""Pixels a frame from which on something moves in a filmed clip; without, there is nothing to align."""


def table(result: dict[str, Any]) -> str:
    """What the figures may be used for, all effects by group, and apart from them those on made clips."""
    effects = result["effects"]
    parts = [words(result)]
    header = ["change", f"dB, {scenes(result)}", "p", "share of the gain"]
    for group in dict.fromkeys(one["group"] for one in effects):
        rows = [
            [
                one["name"],
                interval(one["effect"], 3, signed=True),
                probability(one["p_holm"]),
                "-" if one["share_of_gain"] is None else f"{one['share_of_gain']:+z.0%}",
            ]
            for one in effects
            if one["group"] == group
        ]
        parts.append(f"**{group[0].upper()}{group[1:]}**\n\n" + markdown(header, rows))
    motions = list(effects[0]["made"])
    if motions:
        rows = [[one["group"], one["name"], *(f"{one['made'][m]:+z.3f}" for m in motions)] for one in effects]
        parts.append(f"{_MADE.format(_made(result))}\n\n" + markdown(["", "change", *motions], rows))
    return "\n\n".join(parts) + "\n"


_MADE = (
    "**On made clips**\n\nMean differences in dB on {}, by motion. Clips of one photograph are alike, and the "
    "photographs few: there is no interval, and they decide nothing about filmed scenes."
)


def words(result: dict[str, Any]) -> str:
    """What it ran on, and whether these weights can show what alignment is worth."""
    lines = [f"Ran on {result['ran_on']}. {_still(result)}{_how(result)}", reached_words(result["effects"])]
    for blur, gain in result["gain_over_bicubic"].items():
        if gain["value"] is not None:
            shown = interval(gain, 3, signed=True)
            lines.append(
                f"{blur} weights and frames: {shown} dB over bicubic upsampling, of which effects are a share."
            )
    for blur, power in result["power"].items():
        if power is None:
            lines.append(f"{blur} weights: not at hand, or no filmed scene in which something moves.")
            continue
        cost = f"{blur} weights: taking every flow as zero costs {power['zero_flow_costs']:.3f} dB"
        cost += f", and doing without the neighbouring frames {power['without_neighbours_costs']:.3f} dB"
        if power["zero_flow_where_nothing_moves"] is not None:
            cost += (
                " (on made clips in which nothing moves, and zero is the true flow, it costs "
                f"{power['zero_flow_where_nothing_moves']:.3f} dB: "
                "the network was trained beside its own flow's errors and expects them)"
            )
        lines.append(
            f"{cost}, so that they can show what alignment is worth."
            if power["enough"]
            else f"{cost}; zero flow costs less than {power['needed']} dB: these weights hardly use the neighbouring "
            "frames, and small effects of alignment prove nothing."
        )
    return "\n\n".join(lines)


def reached_words(effects: list[dict[str, Any]]) -> str:
    """Which of the effects reach the claimed gain, in a sentence."""
    able = [
        f"{one['name']} ({one['group']}, {reach(one['effect'])})" for one in effects if reach(one["effect"]) != "no"
    ]
    if not able:
        return f"None of the {len(effects)} effects reaches {CLAIMED:+} dB: every interval lies below it."
    if all(one["effect"]["low"] is None for one in effects):
        return f"Whether an effect reaches {CLAIMED:+} dB is left open: there are too few scenes."
    return f"Of the {len(effects)} effects these may reach {CLAIMED:+} dB or lie beyond it: {'; '.join(able)}."


def scenes(result: dict[str, Any]) -> str:
    """What the effects are over: "8 scenes"."""
    return counted(result["filmed_scenes"], "scene")


def _how(result: dict[str, Any]) -> str:
    tested = sum(one["p"] is not None for one in result["effects"])
    means = "Effects are differences of PSNR in dB, paired by frame: means over "
    if result["filmed_scenes"] < FEWEST:
        return f"{means}{scenes(result)}, which are too few for an interval."
    least = 2 * tested / 2 ** result["filmed_scenes"]
    few = f" With so few scenes none can be below {probability(least)}." if least > 0.05 else ""
    return (
        f"{means}{scenes(result)}, in brackets 95 % bootstrap intervals over the scenes. p: by flipping the signs of "
        f"scenes, corrected by Holm's method for {tested} contrasts.{few}"
    )


def _still(result: dict[str, Any]) -> str:
    still = sum(clip["kind"] == FILMED and clip["motion_pixels"] < MOVES for clip in result["clips"])
    return f"Left out: {counted(still, 'filmed clip')} in which nothing moves. " if still else ""


def _made(result: dict[str, Any]) -> str:
    clips = [clip for clip in result["clips"] if clip["kind"] == MADE]
    photographs = len({clip["scene"] for clip in clips})
    return f"{counted(len(clips), 'clip')} of {counted(photographs, 'photograph')}"


def probability(p: float | None) -> str:
    """A p value to three digits after the point; "-" where there is none."""
    return "-" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


REACHED = ("it may", "beyond it")
"""What `reach` says where the claimed gain is not excluded."""


def reach(effect: dict[str, Any]) -> str:
    """Whether an effect's interval reaches the claimed gain."""
    if effect["low"] is None:
        return "too few scenes"
    if effect["low"] <= CLAIMED <= effect["high"]:
        return "it may"
    return "beyond it" if effect["low"] > CLAIMED else "no"
