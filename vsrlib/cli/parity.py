"""The commands `vsrlib parity` and `vsrlib parity-check`."""

import argparse
from pathlib import Path

from vsrlib.bench.options import parse_size
from vsrlib.parity.options import CheckOptions, ParityOptions


def parity_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib parity`."""
    parser.description = (
        "Compare the network in PyTorch and Jittor, step by step, against the reference network, PyTorch in float64: "
        "structure, operations, layers, gradients, training. Writes OUTPUT/parity.json and "
        "OUTPUT/parity.txt. Exit status 1 if something departs."
    )
    parser.add_argument("output", type=Path, help="folder of the results")
    ParityOptions.add_arguments(parser, "preset", "weights", "frames")
    size = f"{ParityOptions.height}x{ParityOptions.width}"
    parser.add_argument("--size", default=size, metavar="HxW", help="of the windows, LR pixels (%(default)s)")
    ParityOptions.add_arguments(parser, "steps", "starts", "seed")
    parser.set_defaults(run=run_parity)


def run_parity(options: argparse.Namespace) -> int:
    """Carry out `vsrlib parity`."""
    from vsrlib.parity import referee, report

    height, width = parse_size(options.size)
    wanted = ParityOptions.of({**vars(options), "height": height, "width": width})
    result = referee.compare(options.output, wanted)
    print(report.text(result), end="")
    return 0 if "skipped" in result or result["agree"] else 1


def check_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib parity-check`."""
    parser.description = (
        "Check the comparison of `vsrlib parity` itself, the referee: plant known porting faults one at a time, and "
        "compare clean networks. Writes OUTPUT/parity_check.json and OUTPUT/parity_check.txt. Exit status 1 if a "
        "fault is missed or a clean run raises an alarm."
    )
    parser.add_argument("output", type=Path, help="folder of the results")
    CheckOptions.add_arguments(parser)
    parser.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Carry out `vsrlib parity-check`."""
    from vsrlib.parity import check

    result = check.check(options.output, CheckOptions.of(vars(options)))
    print(check.text(result), end="")
    missed = "faults" in result and (result["found"] < len(result["faults"]) or result["false_alarms"])
    return 1 if missed else 0
