"""What holds for a costs.json that was really measured, by the command or by a study."""

import os
from typing import Any

from vsrlib.bench import first_use

PARTS = ("install", "first_use", "without_compiler", "correlation", "protocols", "memory", "model_size")


def require_costs(result: dict[str, Any], framework: str, within: float) -> None:
    """Assert it of one framework, in three rounds; `within`: the seconds that measuring took in all."""
    assert result["provenance"]["seed"] == 0 and result["machine"]["cores"]
    found = {part: result[part][framework] for part in PARTS}
    assert all("skipped" not in one for one in found.values()), found
    assert found["install"]["bytes"] > 1e6
    assert 0 < found["first_use"]["warm_seconds"] < within
    assert (found["first_use"]["compiled_files"] > 10) == (framework == "jittor")
    # PyTorch comes compiled, and its pure correlation needs nothing; Jittor compiles itself.
    assert found["without_compiler"]["works"] == (framework == "torch")
    assert found["without_compiler"]["correlation"] == ("pure" if framework == "torch" else None)
    kernels = {name: one for name, one in found["correlation"].items() if "skipped" not in one}
    assert {"plain", "cpp" if first_use.compilers(os.environ["PATH"]) else "plain"} <= set(kernels)
    for one in kernels.values():
        assert not one["zero_gradient"] and one["gradient_error"] < 1e-5 and one["share_of_frame"] > 0
        low, high = one["ratio"]["low"], one["ratio"]["high"]
        assert low is None or low < high  # none is measured against itself
    ways = found["protocols"]
    assert ways["rounds"] == 3 and set(ways["first_frame_seconds"]) == {"executing", "graph_only"}
    for way in ("as_reported", "synchronised"):
        assert 0 < ways[way]["post"]["value"] < ways[way]["total"]["value"]
    # A lazy framework's call returns at once, and the forward pass then stands under "post".
    assert (ways["waiting_billed_to_post"]["value"] > 0.3) == (framework == "jittor")
