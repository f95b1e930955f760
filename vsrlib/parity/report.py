"""What the referee found, in words; the first departing layer first."""

from typing import Any

from vsrlib.common.names import NAMES
from vsrlib.common.numbers import percent

_KINDS = {
    "forward": "forward pass, step by step",
    "backward": "gradients of each step alone",
    "gradient": "gradients of the losses for each parameter",
}


def text(result: dict[str, Any]) -> str:
    """A summary of parity.json for a terminal."""
    if "skipped" in result:
        return f"The frameworks were not compared {result['skipped']}.\n"
    lines = [_verdict(result), ""]
    lines += [f"  {one['place']}: {one['says']}" for one in result["departures"][:20]]
    if len(result["departures"]) > 20:
        lines.append(f"  and {len(result['departures']) - 20} more, see parity.json")
    lines += ["", "Differences of the frameworks, in units of the smaller of their distances to float64:"]
    for kind, found in result["ratios"].items():
        bound = result["rule"]["k_gradient" if kind == "gradient" else "k"]
        lines.append(
            f"  {_KINDS[kind]}: median {found['median']:.2f}, largest {found['largest']:.2f} of "
            f"{found['count']}; allowed {bound:g}"
        )
    other = NAMES[result["sides"][1]]
    rest = (
        _finals(result["finals"], other),
        _trajectories(result["trajectories"], other),
        _operations(result["operations"]),
    )
    return "\n\n".join("\n".join(part) for part in (lines, *rest)) + "\n"


def besides_layers(result: dict[str, Any], count: str = "") -> str | None:
    """What departs where every layer alone is as it should be, in a sentence; None where a layer departs.

    count: how many departures there are, in words, for the sentence.
    """
    first = result["first"]
    if first is None:
        return "No layer departs, but the training leaves the band in which PyTorch lies beside itself."
    if first["kind"] == "gradient":
        says = f"{first['says']} {count}".rstrip()
        return (
            f"Every layer alone is as it should be, and {says}: a gradient is cut, or let through, between two of them."
        )
    return None


def _verdict(result: dict[str, Any]) -> str:
    if result["agree"]:
        return "The two frameworks compute the same: no layer departs."
    if besides := besides_layers(result):
        return besides
    return f"The first layer that departs is {result['first']['place']} ({result['first']['says']})."


def _finals(found: dict[str, Any], other: str) -> list[str]:
    levels, gradients = found["recons"]["levels"], found["gradients"]
    explained = sum(one["explained"] for one in gradients["beyond"])
    most = levels["psnr_difference_at_most"]
    bound = "" if most is None else f" Whatever the truth, their PSNR differs by {most:.1e} dB at most."
    return [
        f"Restored frame: relative difference {found['recons']['difference']:.1e} (PyTorch to float64 "
        f"{found['recons']['first']['relative_l2']:.1e}, {other} {found['recons']['second']['relative_l2']:.1e}); in 8 "
        f"bits {percent(levels['share'], 4)} of the values differ, by {levels['largest']} at most.{bound}",
        f"Kernel: relative difference {found['kernel']['difference']:.1e}.",
        f"Gradients of the whole training step: {gradients['within']} of {gradients['count']} within "
        f"{gradients['bound']:g} of float64; of the other {len(gradients['beyond'])}, {explained} agree at the "
        "reference's point.",
    ]


def _trajectories(found: dict[str, Any] | None, other: str) -> list[str]:
    if found is None:
        return ["No training was compared."]
    lines = [
        f"Training {'stays inside' if found['inside'] else 'LEAVES'} the control band (weights: distance relative "
        "to how far training has gone; control: PyTorch from weights one unit in the last place apart):"
    ]
    for step, one in found["steps"].items():
        control = max(one["weights"]["control"])
        lines.append(
            f"  after {step} steps: {other} {one['weights']['other']:.1e}, control up to {control:.1e}; loss "
            f"{one['loss']['other']:.1e}, control up to {max(one['loss']['control']):.1e}"
        )
    return lines


def _operations(found: dict[str, Any]) -> list[str]:
    used = [name for name, one in found.items() if one["used"]]
    lines = [
        f"Of {len(used)} operations that the network uses, {sum(found[name]['differs'] for name in used)} differ. "
        "What the frameworks offer under the same name and the network does not use as it is:"
    ]
    for name, one in found.items():
        if not one["used"]:
            worst = one["worst"]
            size = "cannot be computed" if worst["difference"] >= 1e30 else f"relative {worst['difference']:.1e}"
            verdict = "differs" if one["differs"] else "agrees"
            lines.append(f"  {name}: {verdict}, {size} ({worst['case']}, {worst['of']})")
    return lines
