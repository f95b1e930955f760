"""What a run of `vsrlib bench` is asked for."""

import math
import re
from dataclasses import dataclass
from typing import Any

from vsrlib.bench.protocol import FEWEST, FEWEST_PROCESSES
from vsrlib.common.errors import UserError
from vsrlib.common.names import DEVICES, FRAMEWORKS, PRESETS
from vsrlib.common.options import JobOptions, changed, option, require_list, require_multiple

SUITES = ("engines", "memory", "correlation", "blur", "step", "degrade", "post")
ASKED_FOR = ("scaling", "peers")
"""Suites that are measured only where they are named."""
NUMPY = "numpy"
"""Where a framework's name would stand, for what is done without one."""
_SMALLEST = 16


@dataclass(frozen=True)
class Options(JobOptions):
    """`size` is (height, width) of an LR frame in pixels, `seconds` the budget of each comparison; `threads` None: not
    set here. `weights` None: initial values of seed 0. UserError for a value that makes no sense.
    """

    suites: tuple[str, ...] = option(SUITES)
    frameworks: tuple[str, ...] = option(FRAMEWORKS)
    preset: str = option("published", "size of the network", choices=PRESETS)
    size: tuple[int, int] = option((180, 320))
    repeats: int = option(
        30, f"rounds of a comparison, at least {FEWEST}", least=FEWEST, because="fewer tell nothing about their spread"
    )
    seconds: float = option(300, "after which no further round of a comparison begins")
    processes: int = option(
        1,
        f"processes that measure each comparison in turn; a ratio has an interval from {FEWEST_PROCESSES} on",
        least=1,
        metavar="N",
    )
    threads: int | None = option(None, "threads on the CPU (as many as there are cores)", least=1, metavar="N")
    device: str = option("cpu", choices=DEVICES)
    weights: str | None = option(None, "weights, .safetensors or .pt (initial values of seed 0)")
    synchronised: bool = option(True)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_list("SUITE", list(self.suites), (*SUITES, *ASKED_FOR))
        require_list("framework", list(self.frameworks), FRAMEWORKS)
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise UserError(f"seconds is {self.seconds}; give 0 or a positive number.")
        if min(self.size) < _SMALLEST:
            raise UserError(f"size is {self.size[0]}x{self.size[1]}; give at least {_SMALLEST} pixels a side.")

    @property
    def high(self) -> tuple[int, int]:
        """(height, width) of an HR frame."""
        return 4 * self.size[0], 4 * self.size[1]

    def budget(self) -> dict[str, Any]:
        """What `protocol.compare` is told."""
        return {"repeats": self.repeats, "seconds": self.seconds, "synchronised": self.synchronised}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Options":
        """What `to_json` gave."""
        lists: dict[str, Any] = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**values | lists)


@dataclass(frozen=True)
class CostsOptions(JobOptions):
    """What a run of `vsrlib costs` is asked for, on frames of `height` x `width` LR pixels."""

    frameworks: list[str] = option(list(FRAMEWORKS), choices=FRAMEWORKS)
    preset: str = changed(Options, "preset", "study")
    device: str = changed(Options, "device", "cpu")
    height: int = option(64, "of the frames, LR pixels")
    width: int = option(96, "of the frames, LR pixels")
    repeats: int = changed(Options, "repeats", 3)
    seconds: float = changed(Options, "seconds", 10.0)
    processes: int = changed(Options, "processes", FEWEST_PROCESSES)
    batch: int = option(2, "windows of the training step whose memory is measured", least=1, metavar="N")
    fresh: bool = option(False, "also time a first use with nothing compiled; in Jittor that takes minutes")

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.measured  # building it checks the rest
        for name in ("height", "width"):
            require_multiple(self, name, 4, "a training step rebuilds them from a quarter of their size")

    @property
    def measured(self) -> Options:
        """What the measurements are told."""
        return Options(
            frameworks=tuple(self.frameworks),
            preset=self.preset,
            size=(self.height, self.width),
            repeats=self.repeats,
            seconds=self.seconds,
            processes=self.processes,
            device=self.device,
        )


def parse_size(text: str) -> tuple[int, int]:
    """ "HxW" -> (H, W). UserError for anything else."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if found is None:
        raise UserError(f"size is {text!r}; give HEIGHTxWIDTH in LR pixels, e.g. 180x320.")
    return int(found[1]), int(found[2])
