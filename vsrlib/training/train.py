"""The training loop, the same for both frameworks, which differ in `Network.backend` only."""

from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vsrlib.common import files, memory, provenance
from vsrlib.common.files import sha256_file, write_json
from vsrlib.data.sets.layouts import require_outside
from vsrlib.data.sets.manifest import credits_of
from vsrlib.networks import distributed, load_network
from vsrlib.networks.network import Network
from vsrlib.networks.weights.weights_file import credits_with, existing, require_kept
from vsrlib.training import checkpoint
from vsrlib.training.events import Events, require_tensorboard
from vsrlib.training.flow.batches import embedded_textures
from vsrlib.training.flow.evaluation import STEREO
from vsrlib.training.flow.supervision import FlowSupervision
from vsrlib.training.folder import RESULT, WEIGHTS
from vsrlib.training.learning import train_at
from vsrlib.training.made import MadeWindows
from vsrlib.training.options import Schedule, TrainOptions
from vsrlib.training.samples import SampleStream, TrainingWindows
from vsrlib.training.trainer import Trainer, Watch
from vsrlib.training.validation import CRITERIA, ValidationSet, best_file


def train(
    hr_root: Path,
    validation_root: Path,
    output: Path,
    options: TrainOptions,
    progress: bool = True,
    watch: Watch | None = None,
    altered: Callable[[Trainer], None] | None = None,
) -> dict[str, Any]:
    """Train the network (Bai and Pan, TPAMI 2024) on HR clips, and write what came of it to `output`.

    Both rates are halved every `halve_every` steps (0: never). The validation clips are restored before and after, and
    every `validate_every` steps (0: not in between). With `epochs`, the paper's epochs of about `test_every` steps
    count: `steps`, `halve_every` (`lr_decay` epochs) and `validate_every` (one epoch) follow from them.
    A checkpoint is written every `checkpoint_every` steps (0: not in between) and at the end. To go on from it costs
    one reading of the training frames for their digests, see `TrainingWindows.digest`. Without `resume`, what an
    earlier training left in `output` is replaced.
    `watch` is called after every validation with the log, the scores so far, and bicubic's PSNR.
    `altered` is called with the trainer before it begins: an experiment plants a fault in that copy of the network.
    A step whose losses or gradients are not finite changes nothing and is counted. Under torchrun every process takes
    its share of each batch, and process 0 writes and returns the result, the others {}.
    With `tensorboard` there is an event file of it, too, see `vsrlib.training.events`; UserError without the package.
    Writes log.jsonl (a line per step), checkpoint.safetensors, weights_best_psnr.safetensors and
    weights_best_cycle.safetensors (the best by the two scores of `ValidationSet`), weights.safetensors and, last,
    train.json, which is returned.
    Raises UserError for unusable clips, for a checkpoint of another training, while another training runs in `output`,
    and when three steps in a row were not finite.
    """
    if options.tensorboard:
        require_tensorboard()
    output = Path(output)
    files.require_folder(output)
    _require_kept(output, options)
    with distributed.team(options.framework, options.device) as team:
        first = team.rank == 0  # which alone validates and writes
        windows = _windows(Path(hr_root), options)
        require_outside(output, hr_root, windows.sources)
        schedule = options.schedule(len(windows))
        record = _record(Path(hr_root), windows, options, schedule, team.size)
        network = _network(options)
        record |= {
            "align_corners": network.config.align_corners,
            "flow_weights": None if options.flow_weights is None else _digest(options.flow_weights),
        }
        loaded_memory = memory.resident_mib()
        validation = _validation(validation_root, output, options) if first else None
        record["validation_clips"] = team.told(validation.digest if validation else None)
        stream = _stream(windows, options, schedule)
        supervision = _supervision(network, windows, options) if options.flow_supervision else None
        events = Events(output, options) if options.tensorboard and first else None
        trainer = Trainer(network, record, schedule, stream, validation, output, team, watch, supervision, events)
        if altered is not None:
            altered(trainer)
        with files.lock(output, "training", "output folder") if first else nullcontext(), closing(stream):
            if options.resume:
                trainer.resume()
            else:
                trainer.begin()
            with closing(events) if events else nullcontext():
                trainer.run(options.checkpoint_every, progress and first)
            return _written(output, trainer, options, loaded_memory) if first else {}


def _require_kept(output: Path, options: TrainOptions) -> None:
    """UserError for weights to start from that a training would replace or remove."""
    replaced = (WEIGHTS, *map(best_file, CRITERIA), checkpoint.FILE, checkpoint.PREVIOUS)
    former = (f"{checkpoint.FORMER}/{name}" for name in replaced)  # which a training that begins anew removes, too
    require_kept(output, (*replaced, *former), options.weights, options.flow_weights)


def _windows(root: Path, options: TrainOptions) -> TrainingWindows | MadeWindows:
    """What is learned from, of clips or made of pictures."""
    if options.pictures:
        return MadeWindows(root, options.patch_size, options.seed, options.soft)
    cache_mib = options.cache_mib // max(options.workers, 1)  # of each process that makes samples
    return TrainingWindows(root, options.patch_size, options.n_frames_per_video, cache_mib)


def _record(
    root: Path, windows: TrainingWindows | MadeWindows, options: TrainOptions, schedule: Schedule, processes: int
) -> dict[str, Any]:
    """What is known of a training before its network is loaded: options, digests, and whose pictures they are."""
    record = options.recorded() | {
        **asdict(schedule),
        "processes": processes,
        "initial_weights": f"seed {options.seed}" if options.weights is None else _digest(options.weights),
        "training_clips": windows.digest(),
    }
    own = credits_of(root) if options.pictures else ""
    credits = credits_with(own, options.weights, options.flow_weights)
    if options.pictures or credits:
        record["credits"] = credits
    return record


def _network(options: TrainOptions) -> Network:
    network = load_network(
        options.framework,
        options.weights,
        options.preset,
        options.device,
        options.seed,
        options.correlation,
        options.align_corners,
        options.flow_weights,
    )
    train_at(options.precision, network)
    return network


def _validation(root: Path, output: Path, options: TrainOptions) -> ValidationSet:
    validation = ValidationSet(Path(root), options.blur, options.seed)
    require_outside(output, root, validation.sources)
    return validation


def _stream(windows: TrainingWindows | MadeWindows, options: TrainOptions, schedule: Schedule) -> SampleStream:
    return SampleStream(
        windows,
        options.blur,
        options.batch_size,
        options.patch_size,
        options.seed,
        schedule.repeat,
        schedule.whole_epochs,
        high=options.objective == "supervised",
        workers=options.workers,
    )


def _supervision(network: Network, windows: TrainingWindows | MadeWindows, options: TrainOptions) -> FlowSupervision:
    """By the pictures that the windows are made of, or by photographs."""
    pictures = windows.pictures if isinstance(windows, MadeWindows) else embedded_textures("train", STEREO, 9)
    return FlowSupervision(network, pictures, options.flow_supervision, options.seed)


def _written(output: Path, trainer: Trainer, options: TrainOptions, loaded_memory: float) -> dict[str, Any]:
    """Write the result file, and remove what an earlier training left; returns the result."""
    result = trainer.result() | {
        "workers": options.workers,
        "peak_memory_mib": memory.peak_mib(),
        "import_memory_mib": loaded_memory,
        "provenance": provenance.collect(seed=options.seed),
    }
    write_json(output / RESULT, result)
    checkpoint.remove_former(output)
    return result


def _digest(weights: str) -> str:
    return sha256_file(existing(weights))
