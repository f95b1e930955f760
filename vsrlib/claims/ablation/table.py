"""The ablation in words and as a Markdown table."""

from typing import Any

from vsrlib.claims.ten_claims import GAIN
from vsrlib.common.numbers import interval, markdown

SIDES = "the earlier Jittor side minus the earlier PyTorch side"
"""The group of the contrasts that bear on claim C1."""
CLAIMED = GAIN["psnr"]
"""dB that the earlier report says Jittor is better by."""
_FEW_SCENES = (
    " Clips of one photograph are alike, so that the intervals say how sure the figures are for these photographs; "
    "other scenes may lie outside."
)


def table(result: dict[str, Any]) -> str:
    """All effects with their intervals, by group, and before them what the figures may be used for."""
    parts = [words(result)]
    for group in dict.fromkeys(one["group"] for one in result["effects"]):
        motions = list(result["effects"][0]["by_motion"])
        several = motions if len(motions) > 1 else []
        rows = [
            [
                one["name"],
                interval(one["effect"], 3, signed=True),
                reach(one["effect"]),
                *(interval(one["by_motion"][motion], 3, signed=True) for motion in several),
            ]
            for one in result["effects"]
            if one["group"] == group
        ]
        parts.append(
            f"**{group[0].upper()}{group[1:]}**\n\n"
            + markdown(["change", "dB, all clips", f"reaches {CLAIMED:+} dB?", *several], rows)
        )
    return "\n\n".join(parts) + "\n"


def words(result: dict[str, Any]) -> str:
    """What it ran on, and whether these weights can show what alignment is worth."""
    lines = [
        f"Ran on {result['ran_on']}: {len(result['clips'])} clips. Effects are differences of PSNR in dB, paired by "
        "frame, with 95 % bootstrap intervals over the clips." + (_FEW_SCENES if result["embedded"] else "")
    ]
    for blur, power in result["power"].items():
        if power is None:
            lines.append(f"{blur} weights: not at hand.")
            continue
        cost = f"{blur} weights: taking every flow as zero costs {power['zero_flow_costs']:.3f} dB"
        cost += f", and doing without the neighbouring frames {power['without_neighbours_costs']:.3f} dB"
        if power["zero_flow_where_nothing_moves"] is not None:
            cost += (
                " (where nothing moves, and zero is the true flow, it costs "
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


REACHED = ("it may", "beyond it")
"""What `reach` says where the claimed gain is not excluded."""


def reach(effect: dict[str, Any]) -> str:
    """Whether an effect's interval reaches the claimed gain."""
    if effect["low"] is None:
        return "too few clips"
    if effect["low"] <= CLAIMED <= effect["high"]:
        return "it may"
    return "beyond it" if effect["low"] > CLAIMED else "no"
