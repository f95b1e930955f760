"""The network as users hold it: numpy in, numpy out, the same in both frameworks."""

from types import ModuleType
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.kernels import blur
from vsrlib.kernels import correlation as correlations
from vsrlib.networks.architecture import NetworkConfig


class Network:
    """A loaded network. Made by `vsrlib.load_network`.

    Frames are RGB, float32, in [0, 1]. `upload`, `run`, `synchronise` and `download` are the parts of `infer`, for
    whoever has to time them apart.
    """

    def __init__(
        self, framework: str, backend: ModuleType, config: NetworkConfig, device: str, correlation: str
    ) -> None:
        self.framework = framework
        self.config = config
        self.device = device
        self.backend = backend
        # the names of the kernels in use, for results
        self.correlation, kernel = correlations.pick(framework, correlation, device)
        self.blur, blur_down = blur.pick(framework, device, config.kernel_size, config.scale, backend.ops.blur_down)
        self.module = backend.build(config, device, kernel, blur_down)

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

    def losses_and_gradients(self, batch: np.ndarray) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """The training losses of a batch, and the gradient of `total` for every parameter.

        batch (B, 5, 3, h, w) -> ({"down", "cycle", "boundaries", "sparse", "center", "total"}, {name: array}). The
        losses are unweighted, but for the total.
        """
        _check(batch, (None, self.config.frames, 3, None, None), "the batch")
        return self.backend.gradients(self.module, self.tensor(batch))

    def state(self) -> dict[str, np.ndarray]:
        """Every parameter by name, copied."""
        return self.backend.state(self.module)

    def load(self, values: dict[str, np.ndarray]) -> None:
        """Set every parameter; the names and shapes must be `vsrlib.networks.architecture.parameter_shapes(config)`."""
        self.backend.load(self.module, values)

    def upload(self, frames: np.ndarray) -> Any:
        """(5, 3, h, w) -> the framework's tensor (1, 5, 3, h, w) on the device."""
        _check(frames, (self.config.frames, 3, None, None), "the window")
        return self.tensor(frames[None])

    def run(self, window: Any) -> dict[str, Any]:
        """Start `recons` and `kernel` of an uploaded window; they may not be computed yet when this returns."""
        with self.backend.no_grad():
            return self.module.infer(window)

    def synchronise(self) -> None:
        """Wait until everything started has been computed."""
        self.backend.synchronise(self.device)

    def download(self, tensor: Any) -> np.ndarray:
        """A tensor as an array; waits for it."""
        return self.backend.array(tensor)

    def tensor(self, values: np.ndarray) -> Any:
        """An array as the framework's float32 tensor on the device."""
        return self.backend.tensor(values, self.device)


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
