"""Networks that restore nothing, for tests of what is timed, and of what is done with frames that are restored."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vsrlib.data.clips import WINDOW
from vsrlib.data.frames import to_float


class LazyNetwork:
    """Computes, which takes so many seconds, when asked to wait or to hand out; every call is written down."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.pending = seconds, False
        self.events: list[str] = []

    def upload(self, frames: np.ndarray) -> np.ndarray:
        self.events.append("upload")
        return frames

    def run(self, window: np.ndarray) -> dict[str, np.ndarray]:
        self.events.append("run")
        self.pending = True
        return {"recons": window[None, 2].repeat(4, 2).repeat(4, 3)}

    def synchronise(self) -> None:
        self.events.append("wait")
        self._compute()

    def download(self, tensor: np.ndarray) -> np.ndarray:
        self.events.append("download")
        self._compute()
        return tensor

    def _compute(self) -> None:
        if self.pending:
            time.sleep(self.seconds)
        self.pending = False


class Enlarging:
    """A network and its engine in one, of arrays: repeats the pixels of the middle frame of each of its windows.

    The blur kernel of a frame is its first value everywhere. Every call is written down, with what it was given.
    """

    framework, device, correlation, kept_mib = "torch", "cpu", "pure", 0

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def told(self, name: str) -> list[Any]:
        """What the calls of this name were given, in order."""
        return [given for called, given in self.calls if called == name]

    def convolution(self, name: str) -> str:
        self.calls.append(("convolution", name))
        return "framework"

    def conditions(self) -> dict[str, Any]:
        return {"device": "cpu", "not_compiled": {}}

    def peak_device_memory(self) -> None:
        return None

    def state(self) -> dict[str, np.ndarray]:
        return {"weight": np.zeros(3, np.float32)}

    def synchronise(self) -> None:
        pass

    def reset(self) -> None:
        self.calls.append(("reset", None))

    def upload(self, window: Sequence[int], frames: Mapping[int, np.ndarray]) -> None:
        self.calls.append(("upload", list(window)))
        self._middle = to_float(np.stack([frames[index] for index in window])[WINDOW // 2 :: WINDOW])

    def run(self) -> np.ndarray:
        self.calls.append(("run", len(self._middle)))
        return self._middle.repeat(4, 2).repeat(4, 3)

    def kernel(self) -> np.ndarray:
        return np.broadcast_to(self._middle[:, :1, :1, :1], (len(self._middle), 1, 13, 13))

    def download(self, tensor: np.ndarray) -> np.ndarray:
        return tensor
