"""Self-Blind-VSR in PyTorch and in Jittor: the same network twice, measured side by side."""

from vsrlib.errors import UserError
from vsrlib.networks import load_network

__all__ = ["UserError", "load_network"]
__version__ = "0.1.0"
