"""Experiment E8 of the protocol: what do the training faults of the earlier sides cost?

A network is trained from the same start on the same batches once as it should be and once with each fault, for each
seed. The start is a trained network whose flow network was disturbed by the seed: what was disturbed is learned anew
within a few hundred steps, where a flow network that knows nothing needs thousands, and the reconstruction that the
flow learns through is one that uses its neighbours. Each fault is planted in the copy that is trained.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common import files
from vsrlib.common.numbers import holm, interval, intervals_of, markdown, mean_interval, number, sign_flip
from vsrlib.common.parts import Parts
from vsrlib.common.progress import bar as progress_bar
from vsrlib.data.sets.manifest import HR
from vsrlib.data.synthetic.sets import ClipsOptions, write_clips
from vsrlib.experiments.options import TrainingFaultsOptions
from vsrlib.networks import load_network
from vsrlib.networks.backend import Values
from vsrlib.networks.torch_net import Correlation, Decoder
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import FLOW
from vsrlib.training import checkpoint
from vsrlib.training.flow.evaluation import errors_of, heldout_pairs
from vsrlib.training.folder import WEIGHTS
from vsrlib.training.learning import NotFinite
from vsrlib.training.options import Schedule
from vsrlib.training.train import train
from vsrlib.training.trainer import Trainer
from vsrlib.training.validation import CRITERIA, best_file

RESULT, UNIT = "training.json", "trained network"
RIGHT = "right"
ARMS = {
    RIGHT: "as it should be",
    "zero": "the correlation hands no gradient to either map",
    "sign": "the gradient for the second map reads the displacement with the wrong sign",
    "once": "the learning rates are halved once only",
}
MEASURES = {"end_point_error": "end-point error", "psnr": "validation PSNR"}
NETWORKS = "networks"


@dataclass(frozen=True)
class HalvedOnce(Schedule):
    """A schedule whose rates are halved at the first occasion alone."""

    def factor(self, step: int) -> float:
        """What the learning rates are multiplied by at a step, the first being 1."""
        return super().factor(min(step, 2 * self.halve_every))


def without_gradient(own: Correlation) -> Correlation:
    """A correlation of the same values that no gradient passes."""
    return lambda first, second: own(first.detach(), second.detach())


def mirrored(own: Correlation) -> Correlation:
    """A correlation of the same values whose gradient for the second map reads each displacement turned round.

    The displacement of channel d turned round is that of channel 80 - d.
    """

    def correlation(first: Any, second: Any) -> Any:
        for_second = own(first.detach(), second)
        if for_second.requires_grad:
            for_second.register_hook(lambda gradient: gradient.flip(1))
        return own(first, second.detach()) + (for_second - for_second.detach())  # the bracket is zero

    return correlation


_GRADIENTS: Mapping[str, Callable[[Correlation], Correlation]] = {"zero": without_gradient, "sign": mirrored}


def planted(arm: str, trainer: Trainer) -> None:
    """Plant the fault of an arm of ARMS in a trainer, in PyTorch, before it begins; its record names the arm."""
    trainer.options["arm"] = arm  # so that a checkpoint is gone on with by the same arm alone
    if arm == "once":
        trainer.schedule = HalvedOnce(**vars(trainer.schedule))
    if arm in _GRADIENTS:
        for module in trainer.network.module.modules():
            if isinstance(module, Decoder):
                module.correlation = _GRADIENTS[arm](module.correlation)


def training(output: Path, options: TrainingFaultsOptions, progress: bool = True) -> dict[str, Any]:
    """Train every arm for every seed, and write OUTPUT/training.json, which is returned.

    A training that was interrupted goes on from its checkpoint in OUTPUT/networks. One whose losses are not finite is
    named in the result and left out of it. UserError for weights that cannot be used.
    """
    output = Path(output)
    network = load_network("torch", options.weights, options.trained.preset, options.device)  # before anything is made
    weights = weights_file.entry(options.weights, output)
    asked = {name: value for name, value in options.to_json().items() if name not in ("seeds", "device", "weights")}
    asked |= {"weights": weights["sha256"], "device": network.device}
    parts = Parts(output, {"experiment": "training", **asked})
    clips = made_clips(output, ClipsOptions(count=options.clips))
    networks: list[dict[str, Any]] = []
    with progress_bar(len(ARMS) * len(options.seeds), "training", "network", progress) as bar:
        for seed in options.seeds:
            for arm in ARMS:
                folder = output / NETWORKS / f"{arm}_{seed}"
                networks.append(parts.get(folder.name, partial(_trained, folder, arm, seed, clips, options, progress)))
                tidy(folder)
                bar.update()
    found = summary(networks, options.seeds)
    result = {
        "experiment": "training",
        "question": "What do the training faults of the earlier sides cost?",
        "unit": UNIT,
        "n": len(options.seeds),
        "options": options.to_json(),
        "weights": weights,
        "arms": ARMS,
        **found,
        "networks": networks,
    }
    return parts.finish(output / RESULT, result)


def made_clips(output: Path, wanted: ClipsOptions) -> tuple[Path, Path]:
    """HR clips to learn from and to validate on, made in OUTPUT/clips unless they are there; another process waits."""
    validation = ClipsOptions(split="validation", count=6, frames=wanted.frames, leaves=2, seed=1)
    folders = output / "clips" / "train", output / "clips" / "validation"
    with files.in_turn(output / "clips" / ".made"):
        for folder, options in zip(folders, (wanted, validation)):
            if not (folder / HR).exists():
                write_clips(folder, options)
    return folders[0] / HR, folders[1] / HR


def tidy(folder: Path) -> None:
    """Remove what a training that is evaluated needs no more, 80 MB of a study network."""
    for name in (checkpoint.FILE, checkpoint.PREVIOUS, *map(best_file, CRITERIA)):
        (folder / name).unlink(missing_ok=True)


def disturbed(values: Values, noise: float, seed: int) -> Values:
    """Weights whose flow network's every value is multiplied by 1 + `noise` times a normal number of the seed."""
    rng, changed = np.random.default_rng([seed, 8]), dict(values)
    for name in sorted(values):  # a safetensors file gives its names in another order each time
        if name.startswith(FLOW):
            changed[name] = (values[name] * (1 + noise * rng.standard_normal(values[name].shape))).astype(np.float32)
    return changed


def summary(networks: list[dict[str, Any]], seeds: list[int]) -> dict[str, Any]:
    """What the trained networks say: means of each arm, each fault against the right training, paired by seed.

    Where no training has ended with finite losses there is no mean, and None in its place. ValueError where two arms of
    a seed have not had the same start and the same batches.
    """
    done: dict[tuple[str, int], dict[str, Any]]
    done = {(one["arm"], one["seed"]): one for one in networks if "failed" not in one}
    for seed in seeds:
        if len({(one["initial_weights"], one["batches"]) for (_, own), one in done.items() if own == seed}) > 1:
            raise ValueError(f"the trainings of seed {seed} are not paired")
    contrasts: list[dict[str, Any]] = []
    for arm in ARMS:
        both = [seed for seed in seeds if arm != RIGHT and (arm, seed) in done and (RIGHT, seed) in done]
        for measure in MEASURES if arm != RIGHT else ():
            faulty, right = (np.array([done[one, seed][measure] for seed in both]) for one in (arm, RIGHT))
            values = faulty / right - 1 if measure == "end_point_error" else faulty - right
            contrasts.append(
                {
                    "arm": arm,
                    "measure": measure,
                    "relative": measure == "end_point_error",
                    "effect": mean_interval(values, np.random.default_rng(0), UNIT),
                    "by_seed": dict(zip(map(str, both), values.tolist())),
                    "p": sign_flip(values, np.random.default_rng(1)),
                }
            )
    for one, corrected in zip(contrasts, holm([one["p"] for one in contrasts])):
        one["p_holm"] = corrected
    means = {
        arm: {
            measure: mean_interval(
                [done[arm, seed][measure] for seed in seeds if (arm, seed) in done], np.random.default_rng(0), UNIT
            )
            for measure in MEASURES
        }
        for arm in ARMS
    }
    return {
        "contrasts": contrasts,
        "means": means,
        "start": {
            measure: float(np.mean([one["start"][measure] for one in done.values()])) if done else None
            for measure in MEASURES
        },
        "failed": {f"{one['arm']}_{one['seed']}": one["failed"] for one in networks if "failed" in one},
    }


def table(result: dict[str, Any]) -> str:
    """The experiment in words and as Markdown tables."""
    asked, start = result["options"], result["start"]
    began = (
        ""
        if start["psnr"] is None
        else f", on average with an end-point error of {start['end_point_error']:.3f} pixels and a validation PSNR of "
        f"{start['psnr']:.2f} dB"
    )
    lines = [
        "# What the training faults of the earlier sides cost",
        f"The study network, {asked['steps']} supervised steps of {asked['batch_size']} patches of "
        f"{asked['patch_size']} LR pixels a side, the rates halved every {asked['halve_every']} steps. Each of "
        f"{result['n']} seeds has batches and a start of its own, which its four trainings share: the flow network of "
        f"the weights disturbed by {asked['noise']:.0%}{began}. The error is measured on pairs of photographs that no "
        f"training has seen. {intervals_of(result['n'], UNIT)}",
        markdown(
            ["training", "end-point error (pixels)", "validation PSNR (dB)"],
            [
                [
                    words,
                    interval(result["means"][arm]["end_point_error"], 3),
                    interval(result["means"][arm]["psnr"], 3),
                ]
                for arm, words in result["arms"].items()
            ],
        ),
        markdown(
            ["fault, against the right training", "measure", "effect", "p", f"p, of {len(result['contrasts'])} (Holm)"],
            [
                [
                    result["arms"][one["arm"]],
                    MEASURES[one["measure"]] + (" (relative)" if one["relative"] else " (dB)"),
                    interval(one["effect"], 3, signed=True),
                    number(one["p"], 3),
                    number(one["p_holm"], 3),
                ]
                for one in result["contrasts"]
            ],
        ),
    ]
    if result["failed"]:
        lines.append(f"Without finite losses, and left out: {', '.join(result['failed'])}.")
    return "\n\n".join(lines) + "\n"


def _trained(
    folder: Path, arm: str, seed: int, clips: tuple[Path, Path], options: TrainingFaultsOptions, progress: bool
) -> dict[str, Any]:
    start, notes = folder.parent / f"start_{seed}.safetensors", weights_file.metadata(options.weights)
    if not start.exists():
        weights_file.write(start, disturbed(weights_file.read(options.weights), options.noise, seed), notes)
    resume = (folder / checkpoint.FILE).exists()
    wanted = replace(options.trained, weights=str(start), seed=seed, resume=resume)
    before = load_network("torch", start, device=options.device)
    pairs = heldout_pairs()
    try:
        result = train(*clips, folder, wanted, progress, altered=partial(planted, arm))
    except NotFinite as error:
        return {"arm": arm, "seed": seed, "failed": str(error)}
    if result["validation"][-1]["psnr"] is None:
        return {"arm": arm, "seed": seed, "failed": "The validation PSNR at the end is not finite."}
    network = load_network("torch", folder / WEIGHTS, device=options.device)
    errors = errors_of(network, pairs)["known"]
    return {
        "arm": arm,
        "seed": seed,
        "end_point_error": errors["network"],
        "psnr": result["validation"][-1]["psnr"],
        "start": {
            "end_point_error": errors_of(before, pairs)["known"]["network"],
            "psnr": result["validation"][0]["psnr"],
        },
        "zero_flow": errors["zero"],
        "pairs": len(pairs),
        "bicubic": result["validation_bicubic"],
        "initial_weights": result["initial_weights"],
        "batches": result["batches"],
        "clips": [result["training_clips"], result["validation_clips"]],
        "values_sha256": weights_file.digest(network.state()),
        "seconds": result["seconds"],
        **network.conditions(),
    }
