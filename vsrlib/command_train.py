"""The command `vsrlib train`."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from vsrlib.names import BLURS, CORRELATIONS, DEVICES, FRAMEWORKS, OBJECTIVES, PRESETS
from vsrlib.templates import TEMPLATES, settings_of

_PATHS = ("hr_root", "validation_root", "weights", "flow_weights", "output")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib train`."""
    parser.description = (
        "Train the network on low-resolution windows made on the fly from HR clips. A value that is given replaces the "
        "template's. Writes weights, a checkpoint, log.jsonl, curves.svg and train.json; without --resume they "
        "replace those of an earlier training."
    )
    parser.add_argument("hr", type=Path, help="folder of HR clips to learn from")
    parser.add_argument("validation", type=Path, help="folder of HR clips to validate on")
    parser.add_argument("output", type=Path, help="folder of weights.safetensors, log.jsonl and train.json")
    parser.add_argument(
        "--template", choices=TEMPLATES, metavar="NAME", help=f"values to begin with: {', '.join(TEMPLATES)}"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in the output folder")
    parser.add_argument("--weights", type=Path, help="weights to start from, .safetensors or .pt")
    parser.add_argument(
        "--flow-weights",
        type=Path,
        help="weights that the flow network starts from, e.g. flow.safetensors of train-flow",
    )
    parser.add_argument(
        "--align-corners",
        action=argparse.BooleanOptionalAction,
        help="how the warps read their sampling grids (as the weights note, or yes)",
    )
    add = _adder(parser)
    add("--framework", choices=FRAMEWORKS, default="torch")
    add(
        "--preset",
        choices=PRESETS,
        default="study",
        help="size of the network, and nothing else; the study weights are made by --template study",
    )
    add("--device", choices=DEVICES, default="auto")
    add(
        "--correlation",
        choices=CORRELATIONS,
        default="auto",
        help="kernel of the flow network; auto: the fastest that can be had here",
    )
    add("--seed", type=int, default=1)
    add("--blur", choices=BLURS, default="Realistic")
    add(
        "--objective",
        choices=OBJECTIVES,
        default="self-supervised",
        help="supervised: learn from the HR frames themselves",
    )
    add("--steps", type=int, default=250, help="optimiser steps")
    add(
        "--epochs",
        type=int,
        default=0,
        help="the paper's epochs, which replace --steps, --halve-every and --validate-every; 0: steps count",
    )
    add("--test-every", type=int, default=1000, metavar="STEPS", help="steps that an epoch of few windows has about")
    add("--lr-decay", type=int, default=100, metavar="EPOCHS", help="with --epochs: halve the rates")
    add("--batch-size", type=int, default=2, help="samples in a step")
    add("--patch-size", type=int, default=64, help="side of a sample, LR pixels")
    add("--n-frames-per-video", type=int, default=50, metavar="N", help="frames of a clip that are used, at most")
    add("--learning-rate", type=float, default=1e-4)
    add(
        "--flow-learning-rate",
        type=float,
        default=1e-4,
        help="of the flow network; the paper's is a hundredth of the others'",
    )
    add("--halve-every", type=int, default=0, metavar="STEPS", help="halve the rates; 0: never")
    add("--clip-value", type=float, default=0.0, help="bound of the entries of the gradients; 0: none")
    add("--clip-norm", type=float, default=0.0, help="bound of the norm of all gradients; 0: none")
    add("--ema", type=float, default=0.0, metavar="DECAY", help="average the weights, e.g. 0.999; 0: no average")
    add("--validate-every", type=int, default=50, metavar="STEPS", help="0: before and after")
    add("--patience", type=int, default=0, metavar="N", help="stop after N validations without a higher PSNR; 0: never")
    add("--checkpoint-every", type=int, default=50, metavar="STEPS", help="0: at the end")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Carry out `vsrlib train`."""
    from vsrlib import training
    from vsrlib.settings import TrainSettings

    names = {entry.name for entry in fields(TrainSettings)} - set(_PATHS)
    given = {name: value for name, value in vars(options).items() if name in names and value is not None}
    values = {"device": "auto"} | settings_of(options.template, given)
    TrainSettings(**values)  # the notebooks' checks, so that a number that is refused there is refused here
    framework, blur = values.pop("framework", TrainSettings.framework), values.pop("blur", TrainSettings.blur)
    result = training.train(
        framework,
        blur,
        options.hr,
        options.validation,
        options.output,
        weights=options.weights,
        flow_weights=options.flow_weights,
        **values,
    )
    if result:
        from vsrlib.curves import save_curves

        save_curves(options.output)
        print(_summary(result, options.output))


def _adder(parser: argparse.ArgumentParser) -> Any:
    # What is not given is None, so that a template's value is told from one that is given.
    def add(name: str, default: Any, help: str = "", **rest: Any) -> None:
        parser.add_argument(name, help=f"{help} ({default})".strip(), **rest)

    return add


def _summary(result: dict[str, Any], output: Path) -> str:
    scores = [entry["psnr"] for entry in result["validation"] if entry["psnr"] is not None]
    quality = "no finite validation"
    if scores:
        quality = f"validation {scores[0]:.2f} -> {scores[-1]:.2f} dB (bicubic {result['validation_bicubic']:.2f})"
    skipped = f", {len(result['skipped_steps'])} steps skipped" if result["skipped_steps"] else ""
    stopped = f", stopped early at step {result['steps_done']}" if result["stopped_early"] else ""
    return (
        f"loss {result['first_loss']:.4f} -> {result['last_loss']:.4f}, {quality}{skipped}{stopped}; "
        f"written to {output}."
    )
