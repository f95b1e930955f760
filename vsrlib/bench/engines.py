"""Suite "engines": one output frame of each engine, while a clip goes on."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vsrlib.bench.inputs import MovingTexture
from vsrlib.bench.options import Options
from vsrlib.bench.protocol import compare
from vsrlib.data.frames import to_uint8
from vsrlib.kernels import winograd
from vsrlib.networks.network import Network
from vsrlib.restoration import engines

BASELINE = "reference"
_VARIANTS = {
    BASELINE: (BASELINE, "framework"),
    "cached": ("cached", "framework"),
    "streaming": ("streaming", "framework"),
    "streaming, Winograd": ("streaming", "winograd"),
}
"""What is compared: an engine, and what computes its convolutions."""


def names(device: str, features: int) -> list[str]:
    """The variants that can be had on a device, for a network of so many features."""
    return _of_convolution(winograd.pick("auto", device, features))


def make(name: str, network: Network) -> engines.Engine:
    """The engine of a variant."""
    engine, wanted = _VARIANTS[name]
    return engines.make(engine, network, wanted)


def keep_alike(network: Network) -> None:
    """Have this process keep blocks of memory as large as any engine asks for, once all engines are made.

    Blocks that one of them has had kept serve the others of its process, too, whatever those ask for: so all have them
    from the start. The suite "memory" gives each a process of its own, and nothing but what it asks for itself.
    """
    network.backend.keep_memory(network.device, max(engines.KEPT_MIB.values()))


def measure(options: Options, network: Network) -> list[dict[str, Any]]:
    """One comparison: upload and restoration of the next frame by each engine, all with one network."""
    clip = MovingTexture(options.size)
    ready: dict[str, Any] = {}

    def prepare(turn: int) -> None:
        ready["window"], ready["frames"] = clip.window(turn)

    def restores(name: str) -> Callable[[int], Any]:
        engine = make(name, network)

        def restore(turn: int) -> Any:
            engine.upload(ready["window"], ready["frames"])
            return engine.run()

        return restore

    calls = {name: restores(name) for name in _had(network)}
    keep_alike(network)
    found = compare(calls, network.synchronise, network.download, prepare=prepare, **options.budget())
    return [{"what": "one frame", **found, "checks": differences(network, clip)}]


def differences(network: Network, clip: MovingTexture) -> dict[str, dict[str, Any]]:
    """How far each engine's first frames are from the sliding window's, as they are and in 8 bits."""
    outputs = {name: list(first_frames(make(name, network), network, clip)) for name in _had(network)}
    return {name: apart(ours, outputs[BASELINE]) for name, ours in outputs.items() if name != BASELINE}


def first_frames(engine: engines.Engine, network: Network, clip: MovingTexture, count: int = 3) -> Iterator[np.ndarray]:
    """The first frames (3, H, W) that an engine restores of a clip."""
    for turn in range(count):
        engine.upload(*clip.window(turn))
        yield network.download(engine.run())[0]


def _had(network: Network) -> list[str]:
    return _of_convolution(network.convolution())


def _of_convolution(had: str) -> list[str]:
    return [name for name, (_, wanted) in _VARIANTS.items() if wanted in ("framework", had)]


def apart(ours: list[np.ndarray], theirs: list[np.ndarray]) -> dict[str, Any]:
    """How far frames (3, H, W) are from others of the same clip, as they are and in 8 bits."""
    in_8_bits = np.stack([to_uint8(a).astype(int) - to_uint8(b) for a, b in zip(ours, theirs)])
    return {
        "frames": len(ours),
        "largest_difference": max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs)),
        "share_of_8_bit_values": float((in_8_bits != 0).mean()),
        "largest_8_bit_difference": int(np.abs(in_8_bits).max()),
    }
