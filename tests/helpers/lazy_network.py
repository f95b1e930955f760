"""A network that works as a lazy framework does, for tests of what is timed."""

import time

import numpy as np


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
