"""C5, C6 and C7: memory, the model's file, and what works without a compiler."""

from typing import Any

from vsrlib.claims.evidence import Evidence
from vsrlib.claims.results import is_skipped
from vsrlib.claims.ten_claims import (
    CONFIRMED,
    MODEL_MEBIBYTES,
    NEVER,
    NOT_HERE,
    REFUTED,
    TRAINING_GIGABYTES,
)
from vsrlib.claims.verdict import Finding, finding, numbers
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.common.numbers import significant

_HALF = 0.5  # what rounding to whole gigabytes leaves open


def torch_memory(held: Evidence) -> Finding:
    """C5a: PyTorch's counter of the published training on a GPU."""
    if held.costs is None or (trained := _published_training(held.costs)) is None:
        how = "vsrlib costs OUTPUT --preset published --size 160x160 --batch 8 --device cuda"
        return Finding(NOT_HERE, f"the published training was not measured on a GPU; {how} does where there is one")
    gibibytes = trained["own_mib"] / 2**10
    low, high = (TRAINING_GIGABYTES - _HALF) * 1e9 / 2**30, TRAINING_GIGABYTES + _HALF
    verdict = CONFIRMED if low <= gibibytes <= high else REFUTED
    gpu = held.costs["machine"]["gpu"]
    return Finding(verdict, f"by PyTorch's own counter, batch 8 of 160x160 LR pixels, on {gpu}", gibibytes, "GiB")


def _published_training(costs: dict[str, Any]) -> dict[str, Any] | None:
    """PyTorch's memory of the step that the claim is about; None where another one was measured, or none."""
    options, memory = costs["options"], costs["memory"].get("torch", {"skipped": ""})
    if is_skipped(memory) or is_skipped(memory["training"]):
        return None
    trained: dict[str, Any] = memory["training"]
    published = (options["preset"], list(options["size"]), trained["batch"]) == ("published", [160, 160], 8)
    return trained if published and trained["device_type"] == "cuda" else None


def jittor_memory(held: Evidence) -> Finding:
    """C5b: said, not judged."""
    reason = "the claim is about a GPU, and this software's Jittor side runs on the CPU"
    found = held.experiments.get("memory")
    if found is None or found["ratio"]["value"] is None:
        return Finding(NEVER, reason)
    slopes = {name: found["slope_mib"][name] for name in FRAMEWORKS}
    each = " and ".join(f"{NAMES[name]} {numbers(one)} MiB" for name, one in slopes.items())
    ends = f"ratio {significant(found['ratio']['smallest'])} to {significant(found['ratio']['largest'])}"
    words = (
        f"{reason}; on the CPU a sample of 160x160 HR pixels more in a training step of the published network takes "
        f"{each} ({ends})"
    )
    return finding(NEVER, words, found["ratio"], "times PyTorch's memory for a sample more")


def model_size(held: Evidence) -> Finding:
    """C6: the published network's file in each framework."""
    absent = held.absent_costs("model_size")
    if absent or held.costs is None:
        return Finding(NOT_HERE, str(absent))
    sizes: dict[str, Any] = held.costs["model_size"]
    mebibytes = {name: sizes[name]["bytes"] / 2**20 for name in FRAMEWORKS}
    furthest = max(mebibytes.values(), key=lambda size: abs(size - MODEL_MEBIBYTES))
    words = ", ".join(f"{NAMES[name]} {sizes[name]['format']} {mebibytes[name]:.1f} MiB" for name in FRAMEWORKS)
    reason = f"the published network's {sizes['torch']['parameters']:,} parameters, with initial values, take: {words}"
    return Finding(CONFIRMED if abs(furthest - MODEL_MEBIBYTES) <= 1 else REFUTED, reason, furthest, "MiB")


def torch_compiler(held: Evidence) -> Finding:
    """C7a: whether PyTorch needs a compiler."""
    works, reason = _works(held, "torch")
    return Finding({True: REFUTED, False: CONFIRMED, None: NOT_HERE}[works], reason)


def jittor_compiler(held: Evidence) -> Finding:
    """C7b: whether Jittor needs none."""
    works, reason = _works(held, "jittor")
    if works is None or held.costs is None:
        return Finding(NOT_HERE, reason)
    first = held.cost("first_use", "jittor")
    compiled = None if is_skipped(first) else first["compiled_files"]
    unit = None if compiled is None else "files compiled by Jittor"
    return Finding(CONFIRMED if works else REFUTED, reason, compiled, unit)


def _works(held: Evidence, framework: str) -> tuple[bool | None, str]:
    """Whether it restores a frame without a compiler, and in words; None where it was not tried."""
    if held.costs is None:
        return None, "this run holds no measurement of installing and compiling"
    tried = held.cost("without_compiler", framework)
    if is_skipped(tried):
        return None, f"{NAMES[framework]}: {tried['skipped']}"
    works = bool(tried["works"])
    return works, f"without a compiler {NAMES[framework]} {'restores a frame' if works else 'restores none'}"
