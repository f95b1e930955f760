"""What restores, whatever runs it: a network in a framework or in ONNX Runtime, and the engine that goes with it."""

from pathlib import Path

from vsrlib.common.names import BFLOAT16, ONNX, TF32
from vsrlib.networks import load_network, onnx_network
from vsrlib.networks.network import Network
from vsrlib.networks.onnx_network import OnnxNetwork
from vsrlib.restoration import engines, onnx_engine
from vsrlib.restoration.batched import Batched
from vsrlib.restoration.engines import Engine
from vsrlib.restoration.options import InferOptions, RestorationOptions


def load_restorer(
    framework: str,
    weights: str | Path | None,
    preset: str,
    device: str,
    seed: int = RestorationOptions.seed,
    correlation: str = RestorationOptions.correlation,
) -> Network:
    """The network in one of `vsrlib.common.names.RESTORERS`; ONNX Runtime, on the CPU, imports no framework."""
    if framework == ONNX:
        return onnx_network.load(weights, preset, seed)
    return load_network(framework, weights, preset, device, seed, correlation)


def engine_of(
    network: Network,
    name: str,
    convolution: str,
    tile: int = InferOptions.tile,
    precision: str = InferOptions.precision,
    batch: int = InferOptions.batch,
) -> Engine:
    """The engine called `name` for that network, with the convolution that `Network.convolution` chose.

    See `vsrlib.restoration.engines`. precision: see `vsrlib.networks.torch_precision`; UserError for TF32 on a CPU.
    batch: above 1 for an engine that takes several windows at once, see `vsrlib.restoration.batched`.
    """
    if isinstance(network, OnnxNetwork):
        return onnx_engine.make(name, network)
    if precision == BFLOAT16:
        from vsrlib.restoration.rounded_engine import InBfloat16  # imports torch, which nothing else here does

        return InBfloat16(network, tile)
    if precision == TF32:
        from vsrlib.networks.torch_precision import allow_tf32

        allow_tf32(network.device)
    if batch > 1:
        return Batched(network, convolution=convolution, tile=tile)
    return engines.make(name, network, convolution, tile)
