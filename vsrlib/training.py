"""The training loop, the same for both frameworks, which differ in `Network.backend` only."""

import json
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from vsrlib import checkpoints, memory, provenance
from vsrlib.architecture import PARTS
from vsrlib.degrade import SCALE, blur_down
from vsrlib.errors import UserError
from vsrlib.files import sha256_array, sha256_file, write_json
from vsrlib.frames import list_clips, require_frames, to_float
from vsrlib.losses import losses as losses_of
from vsrlib.networks import load_network
from vsrlib.networks.interface import Network
from vsrlib.resample import bicubic_on_grid
from vsrlib.samples import TrainingWindows, batches, draw_kernel
from vsrlib.windows import WINDOW


def train(framework: str, blur: str, hr_root: Path, validation_root: Path, output: Path, preset: str = "study",
          steps: int = 250, batch_size: int = 2, patch_size: int = 64, learning_rate: float = 1e-4,
          flow_learning_rate: float = 1e-4, halve_every: int = 0, validate_every: int = 50, seed: int = 1,
          weights: Path | None = None, device: str = "auto", correlation: str = "auto", progress: bool = True) -> dict[str, Any]:
    """Train the network on its own input (Bai and Pan, TPAMI 2024), and write what came of it to `output`.

    Adam; every part of the network has `learning_rate` but the flow network, which has its own; both are halved every
    `halve_every` steps (0: never). The validation clips are restored before and after, and every `validate_every` steps
    (0: not in between). patch_size is in LR pixels. Starts from `weights`, or from values drawn from `seed`.
    Writes log.jsonl (a line per step), weights.safetensors and, last, train.json, which is returned.
    Raises UserError for unusable clips, and when a loss is no longer finite.
    """
    output = Path(output)
    windows = TrainingWindows(Path(hr_root), patch_size)
    network = load_network(framework, weights, preset, device, seed, correlation)
    loaded_memory = memory.resident_mib()
    validation = ValidationSet(Path(validation_root), blur, seed)
    output.mkdir(parents=True, exist_ok=True)
    for name in ("train.json", "weights.safetensors"):
        (output / name).unlink(missing_ok=True)  # so that a broken run does not look like the one before it
    rates = [flow_learning_rate if part == "flow_net" else learning_rate for part in PARTS]
    optimiser = network.backend.Optimiser(network.module, _groups(network, rates))
    draws = batches(windows, blur, batch_size, patch_size, np.random.default_rng(seed))
    scores = [{"step": 0, "psnr": validation.psnr(network)}]
    seconds, totals, digest = [], [], []
    with open(output / "log.jsonl", "w", encoding="utf-8", buffering=1) as log, \
            tqdm(total=steps, desc=f"train {framework} {blur}", unit="step", disable=not progress,
                 mininterval=2, ncols=90) as bar:
        for step in range(1, steps + 1):
            batch = next(draws)
            digest.append(sha256_array(batch))
            factor = 0.5 ** ((step - 1) // halve_every) if halve_every else 1.0
            optimiser.set_rates([rate * factor for rate in rates])
            start = time.perf_counter()
            values = _step(network, optimiser, batch, step)
            seconds.append(time.perf_counter() - start)
            totals.append(values["total"])
            record = {"step": step, **values, "learning_rate": learning_rate * factor, "seconds": seconds[-1]}
            log.write(json.dumps(record) + "\n")
            bar.set_postfix_str(f"loss {values['total']:.4f}", refresh=False)
            bar.update()
            if validate_every and step % validate_every == 0 and step < steps:
                scores.append({"step": step, "psnr": validation.psnr(network)})
        log.flush()
        os.fsync(log.fileno())
    scores.append({"step": steps, "psnr": validation.psnr(network)})
    checkpoints.write(output / "weights.safetensors", network.state())
    tenth = max(1, steps // 10)
    result = {
        "framework": framework, "blur": blur, "preset": preset, "objective": "self-supervised", "seed": seed,
        "steps": steps, "batch_size": batch_size, "patch_size": patch_size, "learning_rate": learning_rate,
        "flow_learning_rate": flow_learning_rate, "halve_every": halve_every, "log": "log.jsonl",
        "weights": checkpoints.entry(output / "weights.safetensors", output),
        "first_loss": float(np.mean(totals[:tenth])), "last_loss": float(np.mean(totals[-tenth:])),
        "validation": scores, "validation_bicubic": validation.bicubic,
        "seconds_per_step": float(np.median(seconds)), "seconds": float(np.sum(seconds)),
        "peak_memory_mib": memory.peak_mib(), "import_memory_mib": loaded_memory,
        "peak_device_memory_bytes": network.backend.peak_device_memory(network.device),
        "device": network.backend.device_name(network.device), "device_type": network.device,
        "threads": network.backend.threads(), "correlation": network.correlation, "batches": sha256_array(np.array(digest)),
        "initial_weights": f"seed {seed}" if weights is None else sha256_file(Path(weights)),
        "provenance": provenance.collect(seed=seed),
    }
    write_json(output / "train.json", result)
    return result


class ValidationSet:
    """Windows of HR clips, degraded once with one kernel per clip, for the PSNR of the trainer.

    PSNR of float images in [0, 1], neither clamped nor rounded, 4 pixels cropped.
    """

    def __init__(self, root: Path, blur: str, seed: int) -> None:
        rng = np.random.default_rng([seed, 1])
        self.windows: list[tuple[np.ndarray, np.ndarray]] = []
        bicubic = []
        for source in list_clips(root):
            require_frames(source, WINDOW)
            frames = source.load().frames
            height, width = (side - side % SCALE for side in frames.shape[1:3])
            frames, kernel = frames[:, :height, :width], draw_kernel(blur, rng)
            low = np.stack([blur_down(frame, kernel) for frame in frames])
            for start in range(len(frames) - WINDOW + 1):
                centre = start + WINDOW // 2
                self.windows.append((to_float(low[start:start + WINDOW]), to_float(frames[centre])))
                bicubic.append(_float_psnr(to_float(bicubic_on_grid(low[centre])), self.windows[-1][1]))
        self.bicubic = float(np.mean(bicubic))

    def psnr(self, network: Network) -> float:
        """Mean PSNR over all windows, dB."""
        return float(np.mean([_float_psnr(network.infer(low)["recons"], high) for low, high in self.windows]))


def _step(network: Network, optimiser: Any, batch: np.ndarray, step: int) -> dict[str, float]:
    backend = network.backend
    terms = losses_of(network.module.cycle(backend.tensor(batch, network.device)), backend.ops)
    # Before the losses are read: Jittor fuses forward and backward only if it meets them together, and otherwise
    # keeps every intermediate of a convolution, which fills the memory.
    optimiser.step(terms["total"])
    values = {name: backend.array(value).item() for name, value in terms.items()}
    backend.synchronise(network.device)  # the update too belongs to the step
    broken = [name for name, value in values.items() if not math.isfinite(value)]
    if broken:
        raise UserError(f"The loss {broken[0]} is no longer finite at step {step}; give a smaller learning_rate.")
    return values


def _groups(network: Network, rates: list[float]) -> list[tuple[list[str], float]]:
    names = list(network.state())
    return [([name for name in names if name.startswith(part + ".")], rate) for part, rate in zip(PARTS, rates)]


def _float_psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = float(np.mean((a[:, 4:-4, 4:-4].astype(np.float64) - b[:, 4:-4, 4:-4]) ** 2))
    return 100.0 if error == 0 else -10 * math.log10(error)
