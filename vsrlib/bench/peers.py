"""Suite "peers": the same network in programs that run exported models, beside the sliding window and our engine.

ONNX Runtime and, where it is installed, OpenVINO are given the graph of the published algorithm, which `vsrlib export`
writes, and threads as many as we have. A trap: where the processor has bfloat16, OpenVINO computes in it unless it is
told not to; both ways are measured, with how far they are from PyTorch's sliding window.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vsrlib.bench.engines import keep_alike
from vsrlib.bench.inputs import MovingTexture
from vsrlib.bench.options import Options
from vsrlib.bench.protocol import compare
from vsrlib.common.errors import UserError
from vsrlib.data.frames import to_float
from vsrlib.kernels.native import openmp_threads
from vsrlib.networks.network import Network
from vsrlib.networks.onnx_model import contents
from vsrlib.networks.onnx_net import FRAMES, RECONS, WINDOW
from vsrlib.networks.onnx_network import OnnxNetwork
from vsrlib.restoration import engines, onnx_engine
from vsrlib.restoration.engines import Engine, Frames

BASELINE, OURS = "sliding window", "streaming"
_PRECISIONS = {"OpenVINO, float32": "f32", "OpenVINO, as it comes": None}


def measure(options: Options, network: Network) -> list[dict[str, Any]]:
    """One comparison: upload and restoration of the next frame."""
    clip = MovingTexture(options.size)
    had, skipped = _engines(network)
    ready: dict[str, Any] = {}

    def prepare(turn: int) -> None:
        ready["window"], ready["frames"] = clip.window(turn)

    def restores(engine: Engine) -> Callable[[int], Any]:
        def restore(turn: int) -> Any:
            engine.upload(ready["window"], ready["frames"])
            return engine.run()

        return restore

    def read(outcome: Any) -> np.ndarray:
        return outcome if isinstance(outcome, np.ndarray) else network.download(outcome)

    calls = {name: restores(engine) for name, engine in had.items()}
    keep_alike(network)
    found = compare(calls, network.synchronise, read, prepare=prepare, **options.budget())
    prepare(0)
    for engine in had.values():
        engine.reset()
    frames = {name: np.array(read(call(0))) for name, call in calls.items()}
    checks = {
        name: {"largest_difference": float(np.abs(frame - frames[BASELINE]).max())}
        for name, frame in frames.items()
        if name != BASELINE
    }
    return [{"what": "one frame", **found, "checks": checks, "skipped": skipped}]


class OpenVino:
    """The graph of the published algorithm in OpenVINO, as an `Engine`; precision None: what it chooses by itself."""

    kept_mib = 0

    def __init__(self, network: Network, precision: str | None) -> None:
        try:
            core = importlib.import_module("openvino").Core()
        except ImportError as error:
            raise UserError(f"OpenVINO is not installed ({error}): pip install openvino.") from error
        model = core.read_model(contents(WINDOW, network.config, network.state()))
        hints: dict[str, Any] = {"INFERENCE_NUM_THREADS": openmp_threads()}
        if precision is not None:
            hints["INFERENCE_PRECISION_HINT"] = precision
        self._compiled = core.compile_model(model, "CPU", hints)

    def reset(self) -> None:
        """It remembers nothing."""

    def upload(self, window: Sequence[int], frames: Frames) -> None:
        self._window = to_float(np.stack([frames[index] for index in window]))

    def run(self) -> np.ndarray:
        return self._compiled({FRAMES: self._window})[RECONS]

    def kernel(self) -> Any:
        """Left out of the graph."""
        raise NotImplementedError


def _engines(network: Network) -> tuple[dict[str, Engine], dict[str, str]]:
    """The engines that can be had, the baseline first, and why the others cannot."""
    made: dict[str, Callable[[], Engine]] = {
        BASELINE: lambda: engines.make("reference", network),
        "ONNX Runtime": lambda: onnx_engine.make("reference", _exported(network)),
        "ONNX Runtime, streaming": lambda: onnx_engine.make("streaming", _exported(network)),
    }
    for name, precision in _PRECISIONS.items():
        made[name] = lambda precision=precision: OpenVino(network, precision)  # type: ignore[misc]
    made[OURS] = lambda: engines.make("streaming", network, network.convolution())
    had: dict[str, Engine] = {}
    skipped: dict[str, str] = {}
    for name, make in made.items():
        try:
            had[name] = make()
        except UserError as error:
            skipped[name] = str(error)
    return had, skipped


def _exported(network: Network) -> OnnxNetwork:
    """The same weights for ONNX Runtime."""
    values = network.state()
    return OnnxNetwork(network.config, lambda form: contents(form, network.config, values), "", values)
