"""What a training and an adaptation share: how steps compute, which parts learn how fast, and when they give up."""

from vsrlib.common.errors import UserError
from vsrlib.common.names import BFLOAT16, FLOAT32
from vsrlib.networks.network import Network

MOST_SKIPPED = 3
"""As many steps in a row without a finite loss end a training."""


class NotFinite(UserError):
    """A training ended because its losses or gradients were not finite."""


def train_at(precision: str, network: Network) -> None:
    """Let the steps of a network compute at a precision, see `vsrlib.networks.torch_precision`."""
    if precision == FLOAT32:
        return
    from vsrlib.networks import torch_precision  # imports torch, which nothing else here does

    if precision == BFLOAT16:
        torch_precision.reconstruct_in_bfloat16(network.module)
    else:
        torch_precision.allow_tf32(network.device)


def parameter_groups(network: Network, rates: dict[str, float]) -> list[tuple[list[str], float]]:
    """What an optimiser is told: the parameters of each of these parts of the network, and their rate."""
    names = list(network.state())
    return [([name for name in names if name.startswith(part + ".")], rate) for part, rate in rates.items()]
