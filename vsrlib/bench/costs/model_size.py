"""How large the published network's file is. Its size does not depend on the values, so initial ones will do."""

import tempfile
from pathlib import Path
from typing import Any

from vsrlib.bench.options import Options
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file

PRESET = "published"
FORMATS = {"torch": ".pt", "jittor": ".pkl"}
"""What each framework saves its weights as."""


def measure(framework: str, options: Options) -> dict[str, Any]:
    """Write the file that the framework would: {"preset", "parameters", "format", "bytes"}."""
    values = architecture.initial_values(architecture.preset(PRESET), seed=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"weights{FORMATS[framework]}"
        weights_file.write(path, values)
        size = path.stat().st_size
    parameters = sum(value.size for value in values.values())
    return {"preset": PRESET, "parameters": parameters, "format": FORMATS[framework], "bytes": size}
