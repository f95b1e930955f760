"""C8b and C9b: what the earlier side's faults do to a training, by trained network."""

from typing import Any

from vsrlib.claims.evidence import Evidence
from vsrlib.claims.ten_claims import CONFIRMED, NOT_HERE, REFUTED, SAME_TRAINING, SIGNIFICANT, UNDECIDED
from vsrlib.claims.verdict import Finding, bounds, finding, said, scaled, undecided, within

_ABSENT = "vsrlib experiment training was not run"
_ZERO, _ERROR = "zero", "end_point_error"
_UNITS = {_ERROR: "% of the flow's end-point error", "psnr": "dB"}


def zero_gradient(held: Evidence) -> Finding:
    """C8b: whether a correlation without a gradient changes what the flow learns."""
    found = _contrasts(held)
    one = next((one for one in found if (one["arm"], one["measure"]) == (_ZERO, _ERROR)), None)
    if one is None:
        return Finding(NOT_HERE, _ABSENT)
    if one["effect"]["value"] is None:
        return Finding(UNDECIDED, _left_out(held, [one]))
    change, low, high = one["effect"], *bounds(one["effect"])
    percent = scaled(change, lambda share: 100 * share)
    if low > 0 or high < 0:
        words = "with the earlier side's zero gradient the flow learns otherwise; this is the change"
        return finding(REFUTED, words, percent, _UNITS[_ERROR])
    if within(change, SAME_TRAINING[_ERROR]):
        return finding(CONFIRMED, "with a zero gradient the flow learns the same", percent, _UNITS[_ERROR])
    return undecided("the trainings do not tell the zero gradient from the right one", percent, _UNITS[_ERROR])


def same_training(held: Evidence) -> Finding:
    """C9b: whether any of the earlier side's three faults changes a training."""
    found = _contrasts(held)
    if not found:
        return Finding(NOT_HERE, _ABSENT)
    without = [one for one in found if one["effect"]["value"] is None]
    lacking = f"; {_left_out(held, without)}" if without else ""
    found = [one for one in found if one["effect"]["value"] is not None]
    if not found:
        return Finding(UNDECIDED, _left_out(held, without))
    first = min(found, key=lambda one: (one["p_holm"], -abs(one["effect"]["value"])))
    figure, unit = _shown(first), _UNITS[first["measure"]]
    differing = [one for one in found if one["p_holm"] < SIGNIFICANT]
    if differing:
        words = "; ".join(f"{_arm(held, one)}: {said(_shown(one), _UNITS[one['measure']])}" for one in differing)
        return finding(REFUTED, f"against the right training, {words}{lacking}", figure, unit)
    if not without and all(within(one["effect"], SAME_TRAINING[one["measure"]]) for one in found):
        return finding(CONFIRMED, "none of three faults changes flow error or PSNR", figure, unit)
    words = (
        f"of {len(found)} differences none is told from zero, nor are all shown to be negligible; this is the surest"
    )
    return undecided(f"{words} ({_arm(held, first)}){lacking}", figure, unit)


def _contrasts(held: Evidence) -> list[dict[str, Any]]:
    """Each fault against the right training, by measure."""
    found = held.experiments.get("training")
    return [] if found is None else found["contrasts"]


def _left_out(held: Evidence, contrasts: list[dict[str, Any]]) -> str:
    """Which faults have no network that could be compared, in words."""
    arms = "; ".join(dict.fromkeys(_arm(held, one) for one in contrasts))
    return f"no seed's training ended with finite losses both without a fault and with this one: {arms}"


def _arm(held: Evidence, one: dict[str, Any]) -> str:
    """Which fault, in words."""
    return str(held.experiments["training"]["arms"][one["arm"]])


def _shown(one: dict[str, Any]) -> dict[str, Any]:
    """Its difference in the unit that it is said in."""
    return scaled(one["effect"], lambda share: 100 * share) if one["measure"] == _ERROR else one["effect"]
