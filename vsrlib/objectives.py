"""What a training minimises: the paper's self-supervised losses, or the difference from the truth if there is one."""

from typing import Any

from vsrlib.architecture import CENTRE
from vsrlib.losses import losses, supervised_losses
from vsrlib.networks.interface import Network
from vsrlib.samples import Batch
from vsrlib.training_restorer import TrainingRestorer


def terms_of(objective: str, network: Network, batch: Batch) -> dict[str, Any]:
    """The losses of a batch and their `total`, as scalar tensors that may not be computed yet.

    objective: "self-supervised" (`vsrlib.losses.losses`) or "supervised" (`supervised_losses`), which needs the HR
    frames of the batch.
    """
    module, ops, low = network.module, network.backend.ops, network.tensor(batch.low)
    restorer = TrainingRestorer(network)
    if objective == "self-supervised":
        return losses(module.cycle(low, restorer.rebuild, restorer.restore), ops)
    assert batch.high is not None, "a supervised batch has HR frames"
    truth, kernel = network.tensor(batch.high), module.kernel(low)
    return supervised_losses(
        {
            "recons": restorer.rebuild(low),
            "truth": truth,
            "kernel": kernel,
            "input": low[:, CENTRE],
            "input_cycle": module.blur_down(truth, kernel, network.config.scale),
        },
        ops,
    )
