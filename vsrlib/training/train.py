"""The training loop, the same for both frameworks, which differ in `Network.backend` only."""

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vsrlib.common import files, memory, provenance
from vsrlib.common.files import sha256_file, write_json
from vsrlib.networks import distributed, load_network
from vsrlib.networks.weights.weights_file import locate
from vsrlib.training.options import Schedule, in_epochs
from vsrlib.training.samples import TrainingWindows
from vsrlib.training.trainer import Trainer, Watch
from vsrlib.training.validation import ValidationSet


def train(
    framework: str,
    blur: str,
    hr_root: Path,
    validation_root: Path,
    output: Path,
    preset: str = "study",
    steps: int = 250,
    batch_size: int = 2,
    patch_size: int = 64,
    learning_rate: float = 1e-4,
    flow_learning_rate: float = 1e-4,
    halve_every: int = 0,
    validate_every: int = 50,
    seed: int = 1,
    weights: Path | None = None,
    device: str = "auto",
    correlation: str = "auto",
    objective: str = "self-supervised",
    epochs: int = 0,
    test_every: int = 1000,
    lr_decay: int = 100,
    n_frames_per_video: int = 50,
    clip_value: float = 0.0,
    clip_norm: float = 0.0,
    ema: float = 0.0,
    patience: int = 0,
    checkpoint_every: int = 50,
    resume: bool = False,
    progress: bool = True,
    align_corners: bool | None = None,
    flow_weights: Path | None = None,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Train the network (Bai and Pan, TPAMI 2024), and write what came of it to `output`.

    objective: "self-supervised", on its own input, or "supervised", on the HR frames; see `vsrlib.training.step`.
    Adam; every part of the network has `learning_rate` but the flow network, which has its own; both are halved every
    `halve_every` steps (0: never). The validation clips are restored before and after, and every `validate_every` steps
    (0: not in between). patch_size is in LR pixels; at most `n_frames_per_video` frames of a clip are used. Starts from
    `weights`, or from values drawn from `seed`; the flow network from `flow_weights`, if given. align_corners: how the
    warps read their sampling grids; None: as the `weights` note, or True.
    With `epochs`, the paper's epochs of about `test_every` steps count: `steps`, `halve_every` (`lr_decay` epochs) and
    `validate_every` (one epoch) follow from them, whatever was given; see `vsrlib.training.options`.
    clip_value, clip_norm: bounds of the gradients' entries and of their norm; 0: none. ema: decay of the average of the
    weights; with it, the average is what is validated and written. patience: so many validations in a row without a
    higher PSNR end the training. 0 is off for each.
    A checkpoint is written every `checkpoint_every` steps (0: not in between) and at the end; `resume` goes on from it
    as if nothing had happened, with the same options, training files and validation frames only; their digests cost one
    reading of the training frames, see `TrainingWindows.digest`. Without `resume`, what an earlier training left in
    `output` is replaced.
    `watch` is called after every validation with the log, the scores so far, and bicubic's PSNR.
    A step whose losses or gradients are not finite changes nothing and is counted. Under torchrun every process takes
    its share of each batch, and process 0 writes and returns the result, the others {}.
    Writes log.jsonl (a line per step), checkpoint.safetensors, weights_best_psnr.safetensors and
    weights_best_cycle.safetensors (the best by the two scores of `ValidationSet`), weights.safetensors and, last,
    train.json, which is returned.
    Raises UserError for unusable clips, for a checkpoint of another training, while another training runs in `output`,
    and when three steps in a row were not finite.
    """
    output = Path(output)
    with distributed.team(framework, device) as team:
        windows = TrainingWindows(Path(hr_root), patch_size, n_frames_per_video)
        schedule = (
            in_epochs(len(windows), batch_size, epochs, test_every, lr_decay)
            if epochs
            else Schedule(steps, halve_every, validate_every)
        )
        options = {
            "framework": framework,
            "blur": blur,
            "preset": preset,
            "objective": objective,
            "seed": seed,
            "batch_size": batch_size,
            "patch_size": patch_size,
            "learning_rate": learning_rate,
            "flow_learning_rate": flow_learning_rate,
            **asdict(schedule),
            "n_frames_per_video": n_frames_per_video,
            "clip_value": clip_value,
            "clip_norm": clip_norm,
            "ema": ema,
            "patience": patience,
            "processes": team.size,
            "initial_weights": f"seed {seed}" if weights is None else sha256_file(locate(weights)),
            "training_clips": windows.digest(),
        }
        network = load_network(framework, weights, preset, device, seed, correlation, align_corners, flow_weights)
        options |= {
            "align_corners": network.config.align_corners,
            "flow_weights": None if flow_weights is None else sha256_file(locate(flow_weights)),
        }
        loaded_memory = memory.resident_mib()
        validation = ValidationSet(Path(validation_root), blur, seed)
        options["validation_clips"] = validation.digest
        trainer = Trainer(network, options, schedule, windows, validation, output, team, watch)
        with nullcontext() if team.rank > 0 else files.lock(output, "training", "output folder"):
            if resume:
                trainer.resume()
            else:
                trainer.begin()
            trainer.run(checkpoint_every, progress and team.rank == 0)
            if team.rank > 0:
                return {}
            result = trainer.result() | {
                "peak_memory_mib": memory.peak_mib(),
                "import_memory_mib": loaded_memory,
                "provenance": provenance.collect(seed=seed),
            }
            write_json(output / "train.json", result)
            return result
