"""Which network is run, and where: the options that every job with a network has."""

from dataclasses import dataclass

from vsrlib.common.errors import UserError
from vsrlib.common.names import CORRELATIONS, DEVICES, FRAMEWORKS, PRESETS
from vsrlib.common.options import JobOptions, option


@dataclass(frozen=True)
class NetworkOptions(JobOptions):
    """See `vsrlib.networks.load_network`, which takes them."""

    framework: str = option("torch", choices=FRAMEWORKS)
    preset: str = option("study", "size of the network, and nothing else", choices=PRESETS)
    device: str = option("auto", choices=DEVICES)
    correlation: str = option(
        "auto", "kernel of the flow network; auto: the fastest that can be had here", choices=CORRELATIONS
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.device, self.framework) == ("cuda", "jittor"):
            raise UserError(
                "device is 'cuda' and framework is 'jittor', which runs on the CPU only: give cpu, "
                "or cuda to the steps of PyTorch alone."
            )
