"""Suite "memory": what a process holds that restores with one engine. Each engine has a process of its own."""

from typing import Any

from vsrlib.bench import engines
from vsrlib.bench.options import MovingTexture, Options
from vsrlib.common import memory
from vsrlib.networks.network import Network

_WARM_UPS = 2


def measure(options: Options, network: Network, engine: str) -> dict[str, Any]:
    """Restore a frame after the warm-up's; `engine` is one of `engines.names`.

    MiB: `loaded` with the network, `peak` of the process, nothing deducted.
    """
    loaded = memory.resident_mib()
    clip = MovingTexture(options.size)
    restorer = engines.make(engine, network)
    engines.allocate_as(engine)
    for turn in range(_WARM_UPS + 1):
        restorer.upload(*clip.window(turn))
        output = restorer.run()
        network.synchronise()
        network.download(output)
    device = network.backend.peak_device_memory(network.device)
    return {
        "loaded_mib": loaded,
        "peak_mib": memory.peak_mib(),
        "peak_device_mib": None if device is None else device / 2**20,
    }
