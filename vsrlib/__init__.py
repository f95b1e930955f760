"""Self-Blind-VSR in PyTorch and in Jittor: the same network twice, measured side by side."""

from vsrlib import degrade, metrics
from vsrlib.errors import UserError
from vsrlib.networks import load_network

__all__ = ["UserError", "degrade", "load_network", "metrics"]
__version__ = "0.1.0"
