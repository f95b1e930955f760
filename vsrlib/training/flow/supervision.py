"""Flow that is held to the truth while the whole network is trained, whose own losses bend it to what they need."""

from dataclasses import replace
from typing import Any

import numpy as np

from vsrlib.networks.network import Network
from vsrlib.training.flow.batches import draw_batch
from vsrlib.training.flow.losses import endpoint_errors, weighted
from vsrlib.training.flow.options import FlowOptions

PAIRS = FlowOptions(batch_size=2, patch_size=64, max_shift=12.0, bars=2, noise=0.02)
"""How the pairs of a step are drawn: few, because the restoration's own flows are many."""
_STAGE = 2  # tells the generators of a seed apart; 0 and 1 are the flow network's own stages


class FlowSupervision:
    """The end-point error of a network's flow on pairs drawn from (seed, step) alone, times `weight`."""

    def __init__(self, network: Network, textures: list[np.ndarray], weight: float, seed: int) -> None:
        self._network, self._textures, self._weight = network, textures, weight
        self._options = replace(PAIRS, seed=seed)

    def loss(self, step: int) -> Any:
        """Of a step, as a scalar tensor that may not be computed yet: the sum over the levels, as in `step_losses`."""
        rng = np.random.default_rng([self._options.seed, _STAGE, step])
        batch = draw_batch(rng, self._textures, self._options)
        flow_net = self._network.module.flow_net
        pyramids = (flow_net.pyramid(self._network.tensor(batch[name])) for name in ("first", "second"))
        return weighted(endpoint_errors(self._network, batch["flow"], *pyramids)) * self._weight
