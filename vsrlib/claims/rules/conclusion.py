"""C10, and which framework to choose by use: what follows from the other findings."""

from collections.abc import Mapping

from vsrlib.claims.evidence import Evidence
from vsrlib.claims.results import is_skipped
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
    rows = []
    quality = found["C1a"]
    if quality.figure is not None and quality.interval is not None:
        low, high = quality.interval
        alike = negligible({"low": low, "high": high})
        choose = "either" if alike else "Jittor" if low > 0 else "PyTorch" if high < 0 else "either"
        shown = said({"value": quality.figure, "low": None, "high": None, "n": quality.n, "unit": quality.over}, "dB")
        rows.append({"use": "quality", "choose": choose, "because": f"with the same weights they differ by {shown}"})
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
