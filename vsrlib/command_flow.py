"""The commands `vsrlib train-flow` and `vsrlib flow-error`."""

import argparse
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from vsrlib.errors import UserError
from vsrlib.flow.settings import FlowSettings
from vsrlib.names import CORRELATIONS, DEVICES, FRAMEWORKS, PRESETS


def arguments(parser: argparse.ArgumentParser) -> None:
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
    _network(parser)
    add = _adder(parser)
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
    parser.set_defaults(run=run, preset=FlowSettings.preset)


def run(options: argparse.Namespace) -> None:
    """Carry out `vsrlib train-flow`."""
    settings = FlowSettings(**{entry.name: getattr(options, entry.name) for entry in fields(FlowSettings)})
    from vsrlib.flow.evaluation import table
    from vsrlib.flow.training import train_flow

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
    _network(parser)
    parser.add_argument(
        "--middlebury", type=Path, help="folder with frame10.png, frame11.png and flow10.flo in a folder for each pair"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic pairs and clips (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the errors to this JSON file")
    parser.set_defaults(run=run_error)


def run_error(options: argparse.Namespace) -> None:
    """Carry out `vsrlib flow-error`."""
    from vsrlib import checkpoints, provenance
    from vsrlib.files import sha256_file, write_json
    from vsrlib.flow.evaluation import flow_error, table
    from vsrlib.networks import load_network
    from vsrlib.shipped import locate

    network = digest = None
    if options.weights is not None:
        path = locate(options.weights)
        notes = checkpoints.metadata(path)
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


def _network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--framework", default="torch", choices=FRAMEWORKS, help="(%(default)s)")
    parser.add_argument("--preset", choices=PRESETS, help="size of the network (what the weights note, or study)")
    parser.add_argument("--device", default="auto", choices=DEVICES, help="(%(default)s)")
    parser.add_argument("--correlation", default="auto", choices=CORRELATIONS, help="kernel (%(default)s)")


def _adder(parser: argparse.ArgumentParser) -> Callable[[str, type, str], None]:
    def add(name: str, kind: type, text: str) -> None:
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=getattr(FlowSettings, name),
            help=f"{text} (%(default)s)".strip(),
        )

    return add
