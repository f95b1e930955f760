"""C10, and which framework to choose by use: what follows from the other findings."""

from collections.abc import Mapping

from vsrlib.claims.evidence import Evidence
from vsrlib.claims.results import is_skipped
from vsrlib.claims.rules.quality import psnr_by_blur
from vsrlib.claims.ten_claims import MECHANISM, REFUTED, UNDECIDED
from vsrlib.claims.verdict import SPEED, Finding, bounds, negligible, numbers, said
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.common.numbers import significant, units


def recommendation(found: Mapping[str, Finding]) -> Finding:
    """C10: whether its grounds hold."""
    reason = ", ".join(f"{name} is {found[name].verdict}" for name in ("C1a", "C2", "C5b"))
    gone = found["C1a"].verdict == REFUTED and found["C2"].verdict == MECHANISM
    return Finding(REFUTED if gone else UNDECIDED, reason)


def by_use(found: Mapping[str, Finding], held: Evidence) -> list[dict[str, str]]:
    """Which framework to choose, by use, as far as the figures say: {"use", "choose", "because"}."""
    rows: list[dict[str, str]] = []
    rows += _on_quality(found["C1a"], held)
    if held.costs is None:
        return rows
    if held.absent_costs("processes") is None and not is_skipped(held.costs["processes"]["streaming"]["ratio"]):
        ratio = held.costs["processes"]["streaming"]["ratio"]["total"]["synchronised"]
        low, high = bounds(ratio)
        choose = "Jittor" if low > 1 else "PyTorch" if high < 1 else "either"
        because = f"Jittor's engine restores at {said(ratio, SPEED)}"
        rows.append({"use": "speed of restoration, here", "choose": choose, "because": because})
    memory = held.experiments.get("memory")
    if memory is not None and memory["ratio"]["value"] is not None:
        least, most = memory["ratio"]["smallest"], memory["ratio"]["largest"]
        choose = "Jittor" if most < 1 else "PyTorch" if least > 1 else "either"
        because = (
            f"a sample more in a batch takes Jittor {numbers(memory['ratio'])} times PyTorch's memory "
            f"({significant(least)} to {significant(most)}, {units(memory['ratio'])})"
        )
        rows.append({"use": "memory of a training, on the CPU", "choose": choose, "because": because})
    if held.absent_costs("without_compiler") is None:
        works = [name for name in FRAMEWORKS if held.costs["without_compiler"][name]["works"]]
        if len(works) == 1:
            (other,) = set(FRAMEWORKS) - set(works)
            because = f"{NAMES[other]} does not run there"
            rows.append({"use": "a machine without a compiler", "choose": NAMES[works[0]], "because": because})
        sizes = {name: held.costs["install"][name]["bytes"] for name in FRAMEWORKS}
        megabytes = ", ".join(f"{NAMES[name]} {sizes[name] / 2**20:.0f} MiB" for name in FRAMEWORKS)
        smallest = NAMES[min(sizes, key=sizes.__getitem__)]
        because = f"installed with what they need, before Jittor compiles its operations: {megabytes}"
        rows.append({"use": "a small installation", "choose": smallest, "because": because})
    return rows


def _on_quality(judged: Finding, held: Evidence) -> list[dict[str, str]]:
    """One advice for every blur: that framework which is nowhere shown to be worse, and somewhere to be better."""
    if judged.figure is None or judged.interval is None:
        return []
    found = psnr_by_blur(held)
    apart = [bounds(one) for one in found.values() if not negligible(one)]
    if not apart and len(found) == len(held.blurs):
        one = {"value": judged.figure, "low": None, "high": None, "n": judged.n, "unit": judged.over}
        because = f"with the same weights they differ by {said(one, 'dB')}"
        return [{"use": "quality", "choose": "either", "because": because}]
    better = bool(apart) and all(low > 0 for low, _ in apart)
    worse = bool(apart) and all(high < 0 for _, high in apart)
    shown = "; ".join(f"{said(one, 'dB')} ({blur} blur)" for blur, one in found.items())
    because = f"with the same weights Jittor minus PyTorch is {shown}"
    return [{"use": "quality", "choose": "Jittor" if better else "PyTorch" if worse else "either", "because": because}]
