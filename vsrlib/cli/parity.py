"""The commands `vsrlib parity` and `vsrlib parity-check`."""

import argparse
from pathlib import Path

from vsrlib.bench.options import parse_size
from vsrlib.common.names import FRAMEWORKS


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib parity`."""
    parser.description = (
        "Compare the network in PyTorch and Jittor, step by step, against PyTorch in float64: "
        "structure, operations, layers, gradients, training. Writes OUTPUT/parity.json and "
        "OUTPUT/parity.txt. Exit status 1 if something departs."
    )
    parser.add_argument("output", type=Path, help="folder of the results")
    parser.add_argument(
        "--preset",
        default="tiny",
        choices=("tiny", "study", "published"),
        help="size of the network; tiny has every layer and hardly any width (%(default)s)",
    )
    parser.add_argument("--weights", help="weights: a file, or a name such as study-gaussian (random)")
    parser.add_argument("--frames", help="folder of clips to cut the windows from (random noise)")
    parser.add_argument("--size", default="32x36", metavar="HxW", help="of the windows, LR pixels (%(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="training steps to compare, 0 for none (%(default)s)")
    parser.add_argument("--starts", type=int, default=3, help="starts of the control band (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Carry out `vsrlib parity`."""
    from vsrlib.parity import referee, report

    height, width = parse_size(options.size)
    wanted = referee.Options(
        options.preset, options.weights, options.frames, height, width, options.steps, options.starts, options.seed
    )
    result = referee.compare(options.output, wanted)
    print(report.text(result), end="")
    return 0 if "skipped" in result or result["agree"] else 1


def check_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib parity-check`."""
    parser.description = (
        "Check the referee itself: plant known porting faults one at a time, and compare clean "
        "networks. Writes OUTPUT/parity_check.json and OUTPUT/parity_check.txt. Exit status 1 if a "
        "fault is missed or a clean run raises an alarm."
    )
    parser.add_argument("output", type=Path, help="folder of the results")
    parser.add_argument("--runs", type=int, default=50, help="clean runs (%(default)s)")
    parser.add_argument(
        "--second",
        default="jittor",
        choices=FRAMEWORKS,
        help="what is compared with PyTorch and has the faults; torch needs no Jittor (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Carry out `vsrlib parity-check`."""
    from vsrlib.parity import check

    result = check.check(options.output, options.runs, None, ("torch", options.second), options.seed)
    print(check.text(result), end="")
    missed = "faults" in result and (result["found"] < len(result["faults"]) or result["false_alarms"])
    return 1 if missed else 0
