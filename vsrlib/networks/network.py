"""The network as users hold it: numpy in, numpy out, the same in both frameworks."""

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.names import CORRELATIONS, DEVICES, PRESETS, TRAINERS
from vsrlib.common.options import JobOptions, option
from vsrlib.kernels import blur, winograd
from vsrlib.kernels import correlation as kernels
from vsrlib.networks import architecture
from vsrlib.networks.architecture import NetworkConfig
from vsrlib.networks.backend import Backend, Tensor, Values, backend_of
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import merge_flow, published_names


@dataclass(frozen=True)
class NetworkOptions(JobOptions):
    """Which network is run, and where: what every job with a network asks `load_network` for."""

    framework: str = option("torch", choices=TRAINERS)
    preset: str = option("study", "size of the network, and nothing else", choices=PRESETS)
    device: str = option("auto", choices=DEVICES)
    correlation: str = option(
        "auto", "kernel of the flow network; auto: the fastest that can be had here", choices=CORRELATIONS
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.device == "cuda" and self.framework in ("jittor", "paddle"):
            raise UserError(
                f"device is 'cuda' and framework is {self.framework!r}, which runs on the CPU only: give cpu, "
                "or cuda to the steps of PyTorch alone."
            )


def load_network(
    framework: str,
    weights: str | Path | Values | None = None,
    preset: str | None = None,
    device: str = "auto",
    seed: int = 0,
    correlation: str = "auto",
    align_corners: bool | None = None,
    flow_weights: str | Path | Values | None = None,
) -> "Network":
    """Build the network in a framework and set its weights.

    framework: one of TRAINERS. weights: a file (see docs/weights.md), a name such as "study-gaussian", a dictionary
    of arrays, or None for initial values from `seed`, which are the same in every framework. preset: one of
    PRESETS, or None for what the weights' file notes, and "published" where it notes nothing. align_corners: how the
    warps read their sampling grids, or None for what the file notes, and True where it notes nothing. flow_weights: the
    flow network is set from these instead, e.g. a file of that alone. device: "auto", "cpu" or "cuda". correlation:
    a kernel of `vsrlib.kernels.correlation`, or "auto" for the fastest that can be had here;
    `Network.correlation` says which it is. Raises UserError when any of these is not to be had.

    Both frameworks in one process work, but its memory and times cannot be told apart: measurements use a process each.
    """
    if framework not in TRAINERS:
        raise UserError(f"There is no framework {framework!r}; choose one of {', '.join(TRAINERS)}.")
    backend = backend_of(framework)
    device = backend.pick_device(device)
    config, values = described(weights, preset, seed, align_corners, flow_weights)
    network = Network(framework, backend, config, device, correlation)
    network.load(values)
    return network


def described(
    weights: str | Path | Values | None,
    preset: str | None = None,
    seed: int = 0,
    align_corners: bool | None = None,
    flow_weights: str | Path | Values | None = None,
) -> tuple[NetworkConfig, Values]:
    """What `load_network` builds from, before there is a framework: the configuration, and every parameter by name."""
    notes = {} if weights is None or isinstance(weights, dict) else weights_file.metadata(weights)
    config = architecture.preset(preset or notes.get("preset", "published"))
    config = replace(config, align_corners=_align_corners(notes, weights) if align_corners is None else align_corners)
    shapes = architecture.parameter_shapes(config)
    if weights is None:
        values = architecture.initial_values(config, seed)
    else:
        values = weights_file.checked(_values(weights), shapes, _source(weights))
    if flow_weights is not None:
        merged = merge_flow(values, _values(flow_weights), _source(flow_weights))
        values = weights_file.checked(merged, shapes, _source(flow_weights))
    return config, values


class Network:
    """A loaded network. Made by `vsrlib.load_network`.

    Frames are RGB, float32, in [0, 1]. `upload`, `run`, `synchronise` and `download` are the parts of `infer`, for
    whoever has to time them apart.
    """

    def __init__(self, framework: str, backend: Backend, config: NetworkConfig, device: str, correlation: str) -> None:
        self.framework = framework
        self.config = config
        self.device = device
        self.backend = backend
        self.not_compiled: dict[str, str] = {}
        """What the framework's own operation stands in for, and why, in words; for results."""
        self._conv: dict[str, str] = {}
        # the name of the kernel in use, for results
        self.correlation, kernel = kernels.pick(framework, correlation, device, self._noted("correlation"))
        sizes = config.kernel_size, config.scale
        self._blur = functools.cache(  # inference needs none, and it would be compiled
            lambda: blur.pick(framework, device, *sizes, backend.ops.blur_down, self._noted("blur"))
        )
        self.module = backend.build(config, device, kernel, lambda x, kernel, scale: self._blur()[1](x, kernel, scale))

    @property
    def blur(self) -> str:
        """Name of the blur in use, for results; it is chosen and compiled at its first use, of which this is one."""
        return self._blur()[0]

    def convolution(self, name: str = "auto") -> str:
        """Whose 3x3 convolutions `name`, one of CONVOLUTIONS, stands for here; compiled now, once for this network.

        "auto" is "framework" where "winograd" cannot be had. UserError for a "winograd" that cannot be had.
        """
        if name not in self._conv:
            note = self._noted("convolution")
            self._conv[name] = winograd.pick_ready(name, self.framework, self.device, self.config.features, note)
        return self._conv[name]

    def infer(self, frames: np.ndarray) -> dict[str, np.ndarray]:
        """Restore the centre of five frames.

        frames (5, 3, h, w) -> `recons` (3, 4h, 4w), not clamped, and `kernel` (13, 13), not negative, sum 1.
        """
        outputs = self.run(self.upload(frames))
        return {"recons": self.download(outputs["recons"])[0], "kernel": self.download(outputs["kernel"])[0, 0]}

    def flow(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Optical flow from the first frame to the second: (3, h, w) each -> (2, h, w), in pixels, x then y."""
        _check(first, (3, None, None), "the first frame")
        _check(second, first.shape, "the second frame")
        with self.backend.no_grad():
            flow = self.module.flow_net(self.tensor(first[None]), self.tensor(second[None]))
        return self.download(flow)[0]

    def losses_and_gradients(self, batch: np.ndarray) -> tuple[dict[str, float], Values]:
        """The training losses of a batch, and the gradient of `total` for every parameter.

        batch (B, 5, 3, h, w) -> ({"down", "cycle", "boundaries", "sparse", "center", "total"}, {name: array}). The
        losses are unweighted, but for the total. UserError unless h and w are multiples of 4.
        """
        _check(batch, (None, self.config.frames, 3, None, None), "the batch")
        if any(side % self.config.scale for side in batch.shape[3:]):
            raise UserError(
                f"The batch has windows of {batch.shape[3]}x{batch.shape[4]} pixels; give multiples of "
                f"{self.config.scale}, because they are rebuilt from a quarter of their size."
            )
        return self.backend.losses_and_gradients(self.module, self.tensor(batch))

    def conditions(self) -> dict[str, Any]:
        """What it computes with, as result files tell it: device, its type, threads, and the correlation's kernel.

        And `not_compiled`, {"correlation", "blur", "convolution": why the framework's own is used}, where that is so.
        """
        return {
            "device": self.backend.device_name(self.device),
            "device_type": self.device,
            "threads": self.backend.threads(),
            "correlation": self.correlation,
            "not_compiled": self.not_compiled,
        }

    def peak_device_memory(self) -> int | None:
        """Largest number of bytes that tensors held on the GPU; None on the CPU."""
        return self.backend.peak_device_memory(self.device)

    def state(self) -> Values:
        """Every parameter by name, copied."""
        return self.backend.state(self.module)

    def load(self, values: Values) -> None:
        """Set every parameter; the names and shapes must be `vsrlib.networks.architecture.parameter_shapes(config)`."""
        self.backend.load(self.module, values)

    def upload(self, frames: np.ndarray) -> Tensor:
        """(5, 3, h, w) -> the framework's tensor (1, 5, 3, h, w) on the device."""
        _check(frames, (self.config.frames, 3, None, None), "the window")
        return self.tensor(frames[None])

    def run(self, window: Tensor) -> dict[str, Tensor]:
        """Start `recons` and `kernel` of an uploaded window; they may not be computed yet when this returns."""
        with self.backend.no_grad():
            return self.module.infer(window)

    def synchronise(self) -> None:
        """Wait until everything started has been computed."""
        self.backend.synchronise(self.device)

    def download(self, tensor: Tensor) -> np.ndarray:
        """A tensor as an array; waits for it."""
        return self.backend.array(tensor)

    def tensor(self, values: np.ndarray) -> Tensor:
        """An array as the framework's float32 tensor on the device."""
        return self.backend.tensor(values, self.device)

    def _noted(self, what: str) -> Callable[[str], None]:
        """What keeps a reason why `what` is not compiled, and says it on the screen."""

        def note(reason: str) -> None:
            self.not_compiled[what] = reason
            print(f"note: the {what} is {self.framework}'s own, which takes longer; {reason}.", file=sys.stderr)

        return note


def _check(values: Any, shape: tuple[int | None, ...], what: str) -> None:
    fits = (
        isinstance(values, np.ndarray)
        and values.ndim == len(shape)
        and all(want in (None, have) for have, want in zip(values.shape, shape))
    )
    if not fits:
        wanted = ", ".join("any" if side is None else str(side) for side in shape)
        raise UserError(f"The shape of {what} is {getattr(values, 'shape', type(values).__name__)}; give ({wanted}).")
    if not np.issubdtype(values.dtype, np.floating):
        raise UserError(f"The type of {what} is {values.dtype}; divide by 255 and give float32 in [0, 1].")
    if not np.isfinite(values).all():
        raise UserError(f"There are NaN or infinite values in {what}; give finite values in [0, 1].")


def _values(weights: str | Path | Values) -> Values:
    return published_names(weights, _source(weights)) if isinstance(weights, dict) else weights_file.read(weights)


def _source(weights: str | Path | Values) -> str:
    return "the dictionary" if isinstance(weights, dict) else str(weights)


def _align_corners(notes: dict[str, str], weights: object) -> bool:
    noted = notes.get("align_corners", "true")
    if noted not in ("true", "false"):
        raise UserError(
            f"The weights in {weights} note align_corners as {noted[:20]!r}, neither true nor false; give "
            "align_corners=True or False."
        )
    return noted == "true"
