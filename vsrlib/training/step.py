"""A training step: the losses, the reconstructions that they are of, and the average of the weights.

The losses are the paper's self-supervised ones, or the difference from the truth if there is one.
"""

from contextlib import nullcontext
from typing import Any

import numpy as np

from vsrlib.networks.architecture import CENTRE
from vsrlib.networks.distributed import Batch
from vsrlib.networks.fast import FoldedTail, PublishedBlocks, WinogradBlocks
from vsrlib.networks.fast_flow import flows_from
from vsrlib.networks.losses import losses, supervised_losses
from vsrlib.networks.network import Network
from vsrlib.networks.weights.weights_file import Values


def terms_of(objective: str, network: Network, batch: Batch, fixed_flow: bool = False) -> dict[str, Any]:
    """The losses of a batch and their `total`, as scalar tensors that may not be computed yet.

    objective: "self-supervised" (`vsrlib.networks.losses.losses`) or "supervised" (`supervised_losses`), which needs
    the HR frames of the batch. fixed_flow: none of them has a gradient that passes the flow network.
    """
    module, ops, low = network.module, network.backend.ops, network.tensor(batch.low)
    restorer = TrainingRestorer(network, fixed_flow)
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


def take_step(
    network: Network,
    optimiser: Any,
    objective: str,
    batch: Batch,
    weight: float = 1.0,
    fixed_flow: bool = False,
    flow: Any = None,
) -> tuple[bool, dict[str, float]]:
    """One optimiser step; whether it changed anything, and the losses times `weight`.

    flow: a further loss, that of `vsrlib.training.flow.supervision`, which is added to the total.
    """
    backend = network.backend
    terms = terms_of(objective, network, batch, fixed_flow)
    if flow is not None:
        terms |= {"flow": flow, "total": terms["total"] + flow}
    # Before the losses are read; see the Jittor optimiser.
    done = optimiser.step(terms["total"] if weight == 1 else terms["total"] * weight)
    values = {name: backend.array(value).item() * weight for name, value in terms.items()}
    backend.synchronise(network.device)  # the update too belongs to the step
    return done, values


class TrainingRestorer:
    """The two reconstructions of a training step, with what belongs to one frame computed once.

    By the network's weights as they are at each call. `convolution`: whose are used without gradients. fixed_flow: the
    flow is taken as given, which saves its backward pass.
    """

    def __init__(self, network: Network, fixed_flow: bool = False) -> None:
        self._network, self._module, self._ops = network, network.module, network.backend.ops
        self._fixed_flow = fixed_flow
        self.convolution = network.convolution()

    def rebuild(self, frames: Any) -> Any:
        """Windows (B, 5, 3, h, w) -> the centre frames restored, (B, 3, 4h, 4w), with gradients."""
        return self._restore(frames, PublishedBlocks(self._network), self._module.upsample)

    def restore(self, frames: Any) -> Any:
        """As `rebuild`, without gradients; to be called where none are prepared."""
        if self._network.device != "cpu":  # to fold on the CPU takes longer than the tail on a GPU
            return self.rebuild(frames)
        values = self._network.state()
        tail = FoldedTail(values, self._ops, self._network.tensor)
        if self.convolution == "framework":
            return self._restore(frames, PublishedBlocks(self._network), tail)
        return self._restore(frames, WinogradBlocks(self._network, values), tail)

    def _restore(self, frames: Any, blocks: PublishedBlocks, tail: Any) -> Any:
        places, size = range(self._network.config.frames), tuple(frames.shape[3:])
        features = self._each(blocks.features(self._joined(frames)))
        with self._network.backend.no_grad() if self._fixed_flow else nullcontext():
            pyramids = self._pyramids(frames)
            flows = flows_from(pyramids.pop(CENTRE), pyramids, blocks.flow_net, self._ops, size)
        aligned = [features[i] if i == CENTRE else blocks.align(features[i], flows.pop(0)) for i in places]
        return tail(blocks.fuse(aligned)) + self._module.base(frames[:, CENTRE])

    def _pyramids(self, frames: Any) -> list[dict[int, Any]]:
        """Each frame's."""
        batch = self._module.flow_net.pyramid(self._joined(frames))
        levels = {level: self._each(value) for level, value in batch.items()}
        return [{level: values[i] for level, values in levels.items()} for i in range(frames.shape[1])]

    def _joined(self, frames: Any) -> Any:
        """Windows (B, 5, 3, h, w) -> all their frames (5 B, 3, h, w), for what is computed of each by itself."""
        return self._ops.concat([frames[:, i] for i in range(frames.shape[1])], 0)

    def _each(self, joined: Any) -> list[Any]:
        """What was computed of these, by place in the window."""
        count = joined.shape[0] // self._network.config.frames
        return [joined[i * count : (i + 1) * count] for i in range(self._network.config.frames)]


class Average:
    """The exponential moving average of a network's weights, which wanders less than the weights themselves.

    average = decay * average + (1 - decay) * weights after every step; it begins at the weights it is given.
    """

    def __init__(self, decay: float, values: Values) -> None:
        self._decay = np.float32(decay)
        self.values = {name: value.copy() for name, value in values.items()}

    def update(self, values: Values) -> None:
        """Take in the weights of one more step."""
        for name, value in values.items():
            self.values[name] += (1 - self._decay) * (value - self.values[name])
