"""Self-Blind-VSR in PyTorch and in Jittor: the same network twice, measured side by side."""

import sys

from vsrlib.common.errors import UserError
from vsrlib.data import degrade
from vsrlib.networks import load_network
from vsrlib.restoration import metrics

# The public names, wherever the rooms keep them: `import vsrlib.metrics` works as well as `vsrlib.metrics`.
sys.modules.update({"vsrlib.metrics": metrics, "vsrlib.degrade": degrade})

__all__ = ["UserError", "degrade", "load_network", "metrics"]
__version__ = "0.1.0"
