"""From the start of a process to the first restored frame, and what of it was compiled on this machine."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.bench.costs import no_compiler
from vsrlib.bench.options import Options
from vsrlib.kernels import jittor_env, native
from vsrlib.networks import load_network

_SIZE = (32, 48)  # LR pixels


def measure(framework: str, options: Options) -> dict[str, Any]:
    """Restore a tiny frame with the smallest network.

    Returns {"done": the moment on the clock of `time.monotonic`, "correlation": kernel, "compiled": [[path, bytes]] of
    the libraries in this process that were compiled on this machine, "compilers": those on the PATH}.
    """
    network = load_network(framework, preset="study", device=options.device)
    network.infer(np.random.default_rng(0).random((5, 3, *_SIZE), dtype=np.float32))
    done = time.monotonic()
    homes = [home.resolve() for home in (jittor_env.HOME, native.HOME)]
    compiled = [path for path in map(Path, native.libraries()) if any(path.is_relative_to(home) for home in homes)]
    return {
        "done": done,
        "correlation": network.correlation,
        "compiled": [[str(path), path.stat().st_size] for path in compiled if path.exists()],
        "compilers": no_compiler.found(os.environ["PATH"]),
    }
