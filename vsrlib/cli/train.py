"""The commands that make weights or look at them: `vsrlib train`, `adapt`, `train-flow`, `flow-error`, `weights` ..."""

import argparse
import sys
from dataclasses import fields
from importlib import util
from pathlib import Path
from typing import Any

from vsrlib.cli.config import config_argument
from vsrlib.common import provenance
from vsrlib.common.errors import UserError, as_interrupt, install, interruption
from vsrlib.common.files import require_file, sha256_file, write_json
from vsrlib.common.names import PRESETS
from vsrlib.common.numbers import markdown
from vsrlib.common.options import require_at_least
from vsrlib.networks import architecture, load_network
from vsrlib.networks.network import NetworkOptions
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.formats import ENDINGS
from vsrlib.networks.weights.names import FLOW
from vsrlib.training.flow.options import HELDOUT_SEED, FlowOptions
from vsrlib.training.options import TEMPLATES, AdaptOptions, TrainOptions, begun_with


def train_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib train`."""
    parser.description = (
        "Train the network on low-resolution windows made on the fly from HR clips. A value that is given replaces the "
        "template's. Writes weights, a checkpoint, log.jsonl, train.json and, where matplotlib is installed, "
        "curves.svg; without --resume they replace those of an earlier training."
    )
    parser.add_argument("hr", type=Path, help="folder of HR clips to learn from")
    parser.add_argument(
        "validation", type=Path, help="folder of HR clips to validate on; 3/16 byte for each of their pixels is held"
    )
    parser.add_argument("output", type=Path, help="folder of weights.safetensors, log.jsonl and train.json")
    parser.add_argument(
        "--template",
        choices=TEMPLATES,
        metavar="NAME",
        help=f"values to begin with: {', '.join(TEMPLATES)}; the study weights were made by --template study",
    )
    TrainOptions.add_arguments(parser)
    config_argument(parser, TrainOptions)
    # What is not given is None, so that a template's value is told from one that is given.
    parser.set_defaults(run=run_train, **dict.fromkeys(_names()))


def run_train(options: argparse.Namespace) -> None:
    """Carry out `vsrlib train`."""
    from vsrlib.training import train

    given = {name: value for name, value in vars(options).items() if name in _names() and value is not None}
    result = train.train(options.hr, options.validation, options.output, begun_with(options.template, given))
    if result:
        print(_summary(result, options.output))
        print(_drawn(options.output), end="")


def _drawn(output: Path) -> str:
    """Draw the curves of the training; a line that says why not where their package is not installed, else nothing."""
    if util.find_spec("matplotlib") is None:  # it is no part of the base, and the training is whole without it
        return (
            "The curves were not drawn, because matplotlib is not installed; install it, "
            f"{install('notebooks', 'matplotlib')}, and repeat the command with --resume, which trains no further.\n"
        )
    from vsrlib.report.charts.training import save_curves

    save_curves(output)
    return ""


def _names() -> list[str]:
    return [entry.name for entry in fields(TrainOptions)]


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


def adapt_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib adapt`."""
    parser.description = (
        "Let trained weights learn some minutes more from the LR clips that are to be restored, without any truth: by "
        "the paper's self-supervised objective. Writes OUTPUT/weights.safetensors, to be given to infer, and "
        "OUTPUT/adapt.json. The weights with the smallest cycle loss are kept, which are those of the start where "
        "nothing was better."
    )
    parser.add_argument("clips", type=Path, help="folder of LR clips, folder of frames, or video file")
    parser.add_argument("output", type=Path, help="folder of weights.safetensors and adapt.json")
    AdaptOptions.add_arguments(parser)
    parser.set_defaults(run=run_adapt)


def run_adapt(options: argparse.Namespace) -> int:
    """Carry out `vsrlib adapt`. Interrupted, it has written what was the best until then."""
    wanted = AdaptOptions.of(vars(options))
    from vsrlib.training.adapt import Interrupted, adapt

    try:
        with as_interrupt():  # it cannot be resumed, so that a scheduler's time limit would cost all of it
            result = adapt(options.clips, options.output, wanted)
    except Interrupted as interrupted:
        print(f"interrupted after {_adapted(interrupted.result, options.output)}", file=sys.stderr)
        return interruption(interrupted.__cause__)
    print(_adapted(result, options.output))
    return 0


def _adapted(result: dict[str, Any], output: Path) -> str:
    """What came of `vsrlib adapt`, in a sentence."""
    took = f"{result['steps']} steps in {result['seconds'] / 60:.1f} minutes"
    if result["kept_step"]:
        told = (
            f"the cycle loss fell from {result['start']:.5f} to {result['end']:.5f}, after step {result['kept_step']}"
        )
    else:
        told = "no step made the cycle loss smaller, so that the weights written are those that it began with"
    return f"{took}: {told}; written to {output / 'weights.safetensors'}."


def flow_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib train-flow`."""
    parser.description = (
        "Train the flow network from scratch on pairs of frames with exact flow, made from photographs. Writes "
        "OUTPUT/flow.safetensors, which holds the flow network alone, log.jsonl and train_flow.json with its error."
    )
    parser.add_argument("output", type=Path, help="folder of the results")
    FlowOptions.add_arguments(parser)
    parser.set_defaults(run=run_flow)


def run_flow(options: argparse.Namespace) -> None:
    """Carry out `vsrlib train-flow`."""
    wanted = FlowOptions.of(vars(options))
    from vsrlib.training.flow.evaluation import table
    from vsrlib.training.flow.train import train_flow

    result = train_flow(options.output, wanted)
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
    parser.add_argument("--preset", choices=PRESETS, help="size of the network (what the weights note, or study)")
    FlowOptions.add_arguments(parser, "framework", "device", "correlation")
    parser.add_argument(
        "--middlebury", type=Path, help="folder with frame10.png, frame11.png and flow10.flo in a folder for each pair"
    )
    parser.add_argument("--seed", type=int, default=HELDOUT_SEED, help="of the synthetic pairs and clips (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the errors to this JSON file")
    parser.set_defaults(run=run_error)


def run_error(options: argparse.Namespace) -> None:
    """Carry out `vsrlib flow-error`."""
    from vsrlib.training.flow.evaluation import flow_error, table

    require_at_least(options, "seed", 0)
    if options.output is not None:
        require_file(options.output)
    network = digest = None
    if options.weights is not None:
        path = weights_file.locate(options.weights)
        notes = weights_file.metadata(path)
        network = load_network(
            options.framework,
            preset=options.preset or notes.get("preset", FlowOptions.preset),
            device=options.device,
            correlation=options.correlation,
            align_corners=notes.get("align_corners") != "false",
            flow_weights=path,
        )
        digest = sha256_file(path)
    errors = flow_error(network, options.middlebury, options.seed)
    if options.output is not None:
        result = {"error": errors, "seed": options.seed, "weights_sha256": digest}
        write_json(options.output, result | {"provenance": provenance.collect(seed=options.seed)})
    print(table(errors))


def weights_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib weights`."""
    parser.description = (
        "List the weights that come with the project: size, preset, digest of the values. With LR clips and their HR "
        "frames it restores them with each and says what it gains over bicubic upsampling."
    )
    parser.add_argument("low", type=Path, nargs="?", help="LR clips to measure on")
    parser.add_argument("high", type=Path, nargs="?", help="the same clips in high resolution")
    parser.add_argument("--weights", nargs="+", metavar="NAME", help="which, names or files (all that ship)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write what was measured to this JSON file")
    NetworkOptions.add_arguments(parser, "device")
    parser.set_defaults(run=run_weights)


def run_weights(options: argparse.Namespace) -> None:
    """Carry out `vsrlib weights`."""
    names = options.weights or list(weights_file.NAMES)
    if options.low is None:
        if options.output is not None:
            raise UserError(
                f"Nothing is measured without clips, so that {options.output} would stay unwritten; give LR clips and "
                "their HR frames."
            )
        print(markdown(["weights", "preset", "MB", "stored as", "values (sha256)"], [_row(name) for name in names]))
        return
    if options.high is None:
        raise UserError("Clips are given and their truth is not; give the HR frames of the same clips after them.")
    if options.output is not None:
        require_file(options.output)
    from vsrlib.restoration.worth import table, worth

    result = worth(options.low, options.high, names, options.device)
    if options.output is not None:
        write_json(options.output, result)
    print(table(result))


def _row(name: str) -> list[str]:
    path, values = weights_file.existing(name), weights_file.read(name)
    size, count = path.stat().st_size, sum(value.size for value in values.values())
    stored = "float16" if size < 3 * count else "float32"
    preset = weights_file.metadata(name).get("preset", "-")
    return [name, preset, f"{size / 1e6:.1f}", stored, weights_file.digest(values)]


def convert_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib convert`."""
    parser.description = (
        f"Convert weights; the format is the end of the file's name: {', '.join(ENDINGS)}. Prints both files' SHA-256, "
        "and one of the values, which is the same for the same weights in any format. Without a target it says what "
        "the source is."
    )
    parser.add_argument("source", help="weights file, or a name such as study-gaussian")
    parser.add_argument("target", type=Path, nargs="?", help="the file to write")
    parser.add_argument("--half", action="store_true", help="round to float16, in half the bytes")
    parser.set_defaults(run=run_convert)


def run_convert(options: argparse.Namespace) -> None:
    """Carry out `vsrlib convert`."""
    source, target = weights_file.locate(options.source), options.target
    if options.half and target is None:
        raise UserError(f"--half rounds what is written, and no file is named; give one to write {source} to.")
    if target is not None:
        require_file(target)
    values = weights_file.read(source) if target is None else weights_file.convert(source, target, options.half)
    for path in (source, target):
        if path is not None:
            print(f"{path} (sha256 {sha256_file(path)})")
    notes = weights_file.metadata(source)
    if notes:
        lost = target is not None and not weights_file.metadata(target)
        print(
            f"notes: {', '.join(f'{name} {value}' for name, value in sorted(notes.items()))}"
            f"{'; they are not in the target, because safetensors alone can hold them' if lost else ''}"
        )
    print(f"{len(values)} tensors, {sum(value.size for value in values.values()):,} values, {_fitting(values)}")
    print(f"values (sha256 {weights_file.digest(values)})")


def export_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib export`."""
    parser.description = (
        "Write a network as ONNX files that any program can run, at any height and width, without this one: MODEL.onnx "
        "restores the middle of five frames, MODEL.features.onnx and MODEL.restoration.onnx do the same for a clip and "
        "compute each frame's part once, MODEL.kernel.onnx estimates the blur kernel. docs/deploy.md has a program."
    )
    parser.add_argument("weights", help="weights file, or a name such as study-gaussian")
    parser.add_argument("model", type=Path, metavar="MODEL.onnx", help="the file to write; the others lie beside it")
    parser.add_argument("--preset", choices=PRESETS, help="size of the network (what the weights note, or published)")
    parser.set_defaults(run=run_export)


def run_export(options: argparse.Namespace) -> None:
    """Carry out `vsrlib export`."""
    from vsrlib.networks.onnx_model import export

    require_file(options.model)
    for path in export(options.weights, options.model, options.preset):
        print(f"{path} (sha256 {sha256_file(path)}, {path.stat().st_size / 2**20:.1f} MiB)")


def _fitting(values: weights_file.Values) -> str:
    """Which network the values are for."""
    shapes = {name: value.shape for name, value in values.items()}
    for preset, config in architecture.PRESETS.items():
        wanted = architecture.parameter_shapes(config)
        if shapes == wanted:
            return f"the network of preset {preset}"
        if shapes == {name: shape for name, shape in wanted.items() if name.startswith(FLOW)}:
            return f"the flow network of preset {preset}"
    return "of no network known here"
