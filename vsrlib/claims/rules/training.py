"""C8b and C9b: what the earlier side's faults do to a training, by trained network."""

from typing import Any

from vsrlib.claims.evidence import Evidence
from vsrlib.claims.ten_claims import CONFIRMED, NOT_HERE, REFUTED, SAME_TRAINING, SIGNIFICANT, UNDECIDED
from vsrlib.claims.verdict import Finding, bounds, finding, said, scaled, within

_ABSENT = "vsrlib experiment training was not run"
_ZERO, _ERROR = "zero", "end_point_error"
_UNITS = {_ERROR: "% of the flow's end-point error", "psnr": "dB"}


def zero_gradient(held: Evidence) -> Finding:
    """C8b: whether a correlation without a gradient changes what the flow learns."""
    found = _contrasts(held)
    one = next((one for one in found if (one["arm"], one["measure"]) == (_ZERO, _ERROR)), None)
    if one is None:
        return Finding(NOT_HERE, _ABSENT)
    change, low, high = one["effect"], *bounds(one["effect"])
    percent = scaled(change, lambda share: 100 * share)
    if low > 0 or high < 0:
        words = "with the earlier side's zero gradient the flow learns otherwise; this is the change"
        return finding(REFUTED, words, percent, _UNITS[_ERROR])
    if within(change, SAME_TRAINING[_ERROR]):
        return finding(CONFIRMED, "with a zero gradient the flow learns the same", percent, _UNITS[_ERROR])
    return finding(UNDECIDED, "the trainings do not tell the zero gradient from the right one", percent, _UNITS[_ERROR])


def same_training(held: Evidence) -> Finding:
    """C9b: whether any of the earlier side's three faults changes a training."""
    found = _contrasts(held)
    if not found:
        return Finding(NOT_HERE, _ABSENT)
    first = min(found, key=lambda one: (one["p_holm"], -abs(one["effect"]["value"])))
    figure, unit = _shown(first), _UNITS[first["measure"]]
    differing = [one for one in found if one["p_holm"] < SIGNIFICANT]
    if differing:
        words = "; ".join(f"{_arm(held, one)}: {said(_shown(one), _UNITS[one['measure']])}" for one in differing)
        return finding(REFUTED, f"against the right training, {words}", figure, unit)
    if all(within(one["effect"], SAME_TRAINING[one["measure"]]) for one in found):
        return finding(CONFIRMED, "none of three faults changes flow error or PSNR", figure, unit)
    words = f"of {len(found)} differences none is told from zero, and not all are negligible; this is the surest"
    return finding(UNDECIDED, f"{words} ({_arm(held, first)})", figure, unit)


def _contrasts(held: Evidence) -> list[dict[str, Any]]:
    """Each fault against the right training, by measure."""
    found = held.experiments.get("training")
    return [] if found is None else found["contrasts"]


def _arm(held: Evidence, one: dict[str, Any]) -> str:
    """Which fault, in words."""
    return str(held.experiments["training"]["arms"][one["arm"]])


def _shown(one: dict[str, Any]) -> dict[str, Any]:
    """Its difference in the unit that it is said in."""
    return scaled(one["effect"], lambda share: 100 * share) if one["measure"] == _ERROR else one["effect"]
