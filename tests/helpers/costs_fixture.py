"""What holds for a costs.json that was really measured, by the command or by a study."""

import os
from typing import Any

from vsrlib.bench import first_use

PARTS = ("install", "first_use", "without_compiler", "memory", "model_size")
"""With a record for each framework; "processes" has one, too, and "correlation" PyTorch's."""


def require_costs(result: dict[str, Any], framework: str, within: float) -> None:
    """Assert it of one framework; `within`: the seconds that measuring took in all."""
    assert result["provenance"]["seed"] == 0 and result["machine"]["cores"]
    found = {part: result[part][framework] for part in PARTS}
    assert all("skipped" not in one for one in found.values()), found
    assert found["install"]["bytes"] > 1e6
    assert 0 < found["first_use"]["warm_seconds"] < within
    assert (found["first_use"]["compiled_files"] > 10) == (framework == "jittor")
    # PyTorch comes compiled, and its pure correlation needs nothing; Jittor compiles itself.
    assert found["without_compiler"]["works"] == (framework == "torch")
    # It is Jittor that says so, and no check of ours.
    assert found["without_compiler"]["reason"] == (None if framework == "torch" else "RuntimeError: g++ not found")
    assert found["without_compiler"]["correlation"] == ("pure" if framework == "torch" else None)
    ways = result["processes"][framework], result["processes"]["streaming"][framework]
    for one in ways:
        assert one["failed"] == [] and one["unseen_share"]["unit"] == "process"
        assert one["unseen_share"]["n"] == result["options"]["processes"]
        for clock in ("as_reported", "synchronised"):
            assert 0 < one["post"][clock]["value"] < one["total"][clock]["value"]
    # A lazy framework's call returns at once, and the forward pass then stands under "post".
    assert (ways[0]["unseen_share"]["value"] > 0.5) == (framework == "jittor")
    output = result["image_output"]
    assert output["hr_size"] == [720, 1280] and output["failed"] == []
    assert 0 < output["png_share"]["value"] < 1 and 0 < output["ssim_share"]["value"] < 1
    if framework == "torch":
        _require_kernels(result["correlation"]["torch"])


def _require_kernels(found: dict[str, Any]) -> None:
    kernels = {name: one for name, one in found.items() if "skipped" not in one}
    assert {"pure", "cpp" if first_use.compilers(os.environ["PATH"]) else "pure"} <= set(kernels)
    for one in kernels.values():
        assert not one["zero_gradient"] and one["gradient_error"] < 1e-5 and one["share_of_frame"]["value"] > 0
        low, high = one["ratio"]["low"], one["ratio"]["high"]
        assert low is None or low < high  # none is measured against itself
