"""The command `vsrlib train`."""

import argparse
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.names import BLURS, CORRELATIONS, DEVICES, FRAMEWORKS, OBJECTIVES, PRESETS
from vsrlib.training.flow.options import FlowSettings
from vsrlib.training.options import TEMPLATES, settings_of

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
    from vsrlib.study.settings import TrainSettings
    from vsrlib.training import train

    names = {entry.name for entry in fields(TrainSettings)} - set(_PATHS)
    given = {name: value for name, value in vars(options).items() if name in names and value is not None}
    values = {"device": "auto"} | settings_of(options.template, given)
    TrainSettings(**values)  # the notebooks' checks, so that a number that is refused there is refused here
    framework, blur = values.pop("framework", TrainSettings.framework), values.pop("blur", TrainSettings.blur)
    result = train.train(
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
        from vsrlib.report.charts.training import save_curves

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


# The commands `vsrlib train-flow` and `vsrlib flow-error`.


def flow_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib train-flow`."""
    parser.description = (
        "Train the flow network from scratch on pairs of frames with exact flow, made from photographs. Writes "
        "OUTPUT/flow.safetensors, which holds the flow network alone, log.jsonl and train_flow.json with its error."
    )
    parser.add_argument("output", type=Path, help="folder of the results")
    parser.add_argument(
        "--images",
        type=Path,
        help="folder of pictures or clips, or a video, to make the pairs of (photographs that ship with scikit-image)",
    )
    parser.add_argument(
        "--weights", type=Path, help="weights that the flow network starts from (values drawn from the seed)"
    )
    parser.add_argument("--resume", action="store_true", help="take over a first stage that was finished in OUTPUT")
    _flow_network(parser)
    add = _flow_adder(parser)
    add("match_steps", int, "steps in which the pyramid learns to match")
    add("flow_steps", int, "steps in which all learns to give flow")
    add("batch_size", int, "pairs in a step")
    add("patch_size", int, "side of a pair, LR pixels, a multiple of 64")
    add("max_shift", float, "largest shift, LR pixels")
    add("match_learning_rate", float, "of the first stage")
    add("learning_rate", float, "of the second stage")
    add("match_weight", float, "of the matching loss in the second stage")
    add("leaves", int, "drawn pictures (dead leaves) beside the photographs")
    add("seed", int, "")
    parser.add_argument(
        "--align-corners",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="how the warp reads its sampling grid; --no-align-corners is for the study's control",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="processes that draw pairs ahead, as many as there are cores beside a GPU (%(default)s)",
    )
    parser.set_defaults(run=run_flow, preset=FlowSettings.preset)


def run_flow(options: argparse.Namespace) -> None:
    """Carry out `vsrlib train-flow`."""
    settings = FlowSettings(**{entry.name: getattr(options, entry.name) for entry in fields(FlowSettings)})
    from vsrlib.training.flow.evaluation import table
    from vsrlib.training.flow.train import train_flow

    if options.workers < 0:
        raise UserError(f"workers is {options.workers}; give 0 or more.")
    result = train_flow(
        options.output,
        settings,
        options.images,
        options.resume,
        options.device,
        options.correlation,
        workers=options.workers,
        weights=options.weights,
    )
    print(f"{table(result['error'])}\nwritten to {options.output}.")


def error_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib flow-error`."""
    parser.description = (
        "Measure a flow network's end-point error beside zero flow's and that of OpenCV's DIS, on held-out synthetic "
        "pairs and clips, on a real stereo pair, and on Middlebury's pairs where you have them."
    )
    parser.add_argument(
        "weights",
        type=Path,
        nargs="?",
        help="weights of the flow network or of a whole one (none: zero flow and DIS alone)",
    )
    _flow_network(parser)
    parser.add_argument(
        "--middlebury", type=Path, help="folder with frame10.png, frame11.png and flow10.flo in a folder for each pair"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic pairs and clips (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the errors to this JSON file")
    parser.set_defaults(run=run_error)


def run_error(options: argparse.Namespace) -> None:
    """Carry out `vsrlib flow-error`."""
    from vsrlib.common import provenance
    from vsrlib.common.files import sha256_file, write_json
    from vsrlib.networks import load_network
    from vsrlib.networks.weights import weights_file
    from vsrlib.networks.weights.weights_file import locate
    from vsrlib.training.flow.evaluation import flow_error, table

    network = digest = None
    if options.weights is not None:
        path = locate(options.weights)
        notes = weights_file.metadata(path)
        network = load_network(
            options.framework,
            preset=options.preset or notes.get("preset", "study"),
            device=options.device,
            correlation=options.correlation,
            align_corners=notes.get("align_corners") != "false",
            flow_weights=path,
        )
        digest = sha256_file(path)
    errors = flow_error(network, options.middlebury, options.seed)
    print(table(errors))
    if options.output is not None:
        write_json(
            options.output,
            {
                "error": errors,
                "seed": options.seed,
                "weights_sha256": digest,
                "provenance": provenance.collect(seed=options.seed),
            },
        )


def _flow_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--framework", default="torch", choices=FRAMEWORKS, help="(%(default)s)")
    parser.add_argument("--preset", choices=PRESETS, help="size of the network (what the weights note, or study)")
    parser.add_argument("--device", default="auto", choices=DEVICES, help="(%(default)s)")
    parser.add_argument("--correlation", default="auto", choices=CORRELATIONS, help="kernel (%(default)s)")


def _flow_adder(parser: argparse.ArgumentParser) -> Callable[[str, type, str], None]:
    def add(name: str, kind: type, text: str) -> None:
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=getattr(FlowSettings, name),
            help=f"{text} (%(default)s)".strip(),
        )

    return add
