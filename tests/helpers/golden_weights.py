"""The weights behind the golden vectors, drawn from each tensor's name."""

import math
import zlib
from pathlib import Path

import numpy as np

from vsrlib.networks.architecture import parameter_shapes, preset

GOLDEN = Path(__file__).parents[1] / "golden"


def weights(seed: int) -> dict[str, np.ndarray]:
    """Parameters of the published configuration for one golden file."""
    values = {}
    for name, shape in parameter_shapes(preset("published")).items():
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        if name.endswith("weight"):
            gain = 1.0 if name.startswith("flow_net") else 0.5
            value = rng.standard_normal(shape) * gain / math.sqrt(math.prod(shape[1:]))
        else:
            value = rng.standard_normal(shape) * 0.02
        values[name] = value.astype(np.float32)
    return values


def frames(values: np.ndarray) -> np.ndarray:
    """8-bit frames as float32 in [0, 1]."""
    return values.astype(np.float32) / np.float32(255)


def relative_error(ours: np.ndarray, truth: np.ndarray) -> float:
    """L2 norm of the difference over the L2 norm of the truth, in float64."""
    return float(np.linalg.norm(ours.astype(np.float64) - truth) / np.linalg.norm(truth))
